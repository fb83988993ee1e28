"""Who may ask what, from routes.yaml to the answer: access rules, address ranges, guessing, other origins, and what browsers are told."""
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.gateway import get, request, wait_until

ROUTES = """
access:
  roles: {{admin: {{includes: editor}}, editor: {{}}}}
{shadow}
auth: {{jwt: {{providers: [{{name: main, issuer: "https://main", keys: {{jwks_file: "{jwks}"}}}}]}}}}
security_headers: strict
cors: {{origins: [https://shop.example.com], headers: [Authorization, X-A], expose: X-B, max_age: 1h, credentials: true}}
routes:
  - {{path: /editors, service: s, roles: [editor]}}
  - {{path: "/projects/{{id}}", service: s, rules: [{{name: own, allow: {{parameters: {{id: project}}}}}}, {{name: frozen, deny: {{claims: {{state: frozen}}}}}}]}}
  - {{path: /office, service: s, allow_from: 10.0.0.0/8, deny_from: [10.6.6.0/24]}}
  - {{path: /open, service: s, cors: {{origins: "*"}}, security_headers: {{preset: strict, hsts: false, frame_options: SAMEORIGIN}}, response_headers: {{set: {{Referrer-Policy: origin}}}}}}
  - {{path: /plain, service: s, methods: [GET], cors: false, security_headers: false}}
  - {{path: /any-sub, service: s, methods: [POST], cors: {{origins: ["https://*.example.com"], methods: [POST]}}}}
"""
SERVICES = 'services: {{s: {{instances: [{{url: "{}"}}]}}}}'
KEY = rsa.generate_private_key(65537, 2048)


def token(**claims):
    return jwt.encode({"iss": "https://main", "sub": "u", "exp": int(time.time()) + 600, **claims}, KEY, "RS256", headers={"kid": "k"})


def start(stage, tmp_path, shadow="", **env):
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "k", "alg": "RS256", "use": "sig"}
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [public]}))
    backend = stage.backend("s")
    routes = ROUTES.format(jwks=jwks, shadow=shadow)
    control = stage.control_plane(routes, SERVICES.format(backend.url), env={"GATEWAY_TRUSTED_PROXIES": "127.0.0.0/8", **env})
    data = stage.data_plane(control.xds())
    return data, data.wait_until_ready()


@pytest.fixture
def site(stage, tmp_path):
    return start(stage, tmp_path)


def ask(port, path, claims=None, method="GET", **fields):
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    if claims is not None:
        headers["Authorization"] = "Bearer " + token(**claims)
    return request(port, path, method, headers)


def line_of(data, case):
    return wait_until(lambda: next((x for x in data.access_log() if x["user_agent"] == case), None), f"the access log's line of {case}")


def test_roles_parameters_and_denials_decide_and_the_log_names_the_rule(site):
    data, port = site
    cases = [("/editors", {"roles": ["admin"]}, 200, "requirement"), ("/editors", {"roles": ["viewer"]}, 403, None), ("/editors", None, 401, None),
             ("/projects/7", {"project": "7"}, 200, "own"), ("/projects/8", {"project": "7"}, 403, None),
             ("/projects/7", {"project": "7", "state": "frozen"}, 403, "frozen"), ("/projects/%37", {"project": 7}, 200, "own")]
    for number, (path, claims, status, rule) in enumerate(cases):
        answer = ask(port, path, claims, User_Agent=f"case-{number}")
        assert answer.status == status, (path, claims)
        line = line_of(data, f"case-{number}")
        assert line["rbac_policy"] == rule, (path, claims)
        if status == 403:
            assert answer.json()["error"] == 403 and answer.json()["message"] == "access denied" and answer.json()["request_id"]
            assert (line["response_flags"], line["response_code_details"]) == ("UAEX", f"rbac_access_denied_matched_policy[{rule or 'none'}]")
    text = data.status("/metrics").text
    assert 'gateway_rbac_decisions_total{mode="enforced",result="allowed"} ' in text


def test_shadow_lets_through_and_tells_what_it_would_have_done(stage, tmp_path):
    data, port = start(stage, tmp_path, shadow="  shadow: true")
    assert ask(port, "/editors", {"roles": ["viewer"]}, User_Agent="one").status == 200
    assert ask(port, "/editors", {"roles": ["editor"]}, User_Agent="two").status == 200
    assert ask(port, "/editors").status == 401, "who it is is asked all the same"
    one, two = line_of(data, "one"), line_of(data, "two")
    assert (one["rbac_policy"], one["rbac_shadow_policy"], one["rbac_shadow_result"]) == (None, None, "denied")
    assert (two["rbac_policy"], two["rbac_shadow_policy"], two["rbac_shadow_result"]) == (None, "requirement", "allowed")
    assert wait_until(lambda: 'gateway_rbac_decisions_total{mode="shadow",result="denied"} 1\n' in data.status("/metrics").text, "the counter")


def test_address_ranges_are_looked_at_before_all_else(site):
    data, port = site
    for client, status in (("10.1.2.3", 200), ("10.6.6.6", 403), ("192.0.2.1", 403), ("2001:db8::1", 403)):
        answer = ask(port, "/office", X_Forwarded_For=client, User_Agent=client)
        assert answer.status == status, client
        if status == 403:
            assert line_of(data, client)["response_code_details"] == "address_not_allowed"


def test_who_guesses_is_not_listened_to_for_a_while(stage, tmp_path):
    data, port = start(stage, tmp_path, GATEWAY_MAX_FAILED_CREDENTIALS="5")
    good = {"roles": ["editor"]}
    for _ in range(5):
        assert ask(port, "/editors", X_Forwarded_For="192.0.2.1", Authorization="Bearer bad").status == 401
    for claims in (good, None):
        answer = ask(port, "/editors", claims, X_Forwarded_For="192.0.2.1", User_Agent="guess")
        assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 60
    assert line_of(data, "guess")["response_code_details"] == "too_many_failed_credentials"
    assert ask(port, "/open", X_Forwarded_For="192.0.2.1").status == 200, "what asks for no credentials is open"
    assert ask(port, "/editors", good, X_Forwarded_For="192.0.2.2").status == 200, "others are not held for it"
    for number in range(5):
        ask(port, "/editors", X_Forwarded_For=f"2001:db8::{number}", Authorization="Bearer bad")
    assert ask(port, "/editors", good, X_Forwarded_For="2001:db8::ffff").status == 429, "a /64 is one client"
    assert ask(port, "/editors", good, X_Forwarded_For="2001:db8:0:1::1").status == 200
    for _ in range(20):
        assert ask(port, "/editors", X_Forwarded_For="192.0.2.3").status == 401, "no credentials are no guess"


def test_preflights_are_answered_without_credentials_and_other_origins_learn_nothing(site):
    data, port = site
    fields = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "x-a"}
    answer = ask(port, "/editors", method="OPTIONS", Origin="https://shop.example.com", User_Agent="preflight", **fields)
    assert answer.status == 200 and answer.body == b""
    assert {name: answer.headers[name] for name in answer.headers if name.lower().startswith("access-control")} == {
        "access-control-allow-origin": "https://shop.example.com", "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE", "access-control-allow-headers": "Authorization, X-A",
        "access-control-max-age": "3600"}
    assert answer.headers["Vary"] == "Origin"
    assert line_of(data, "preflight")["response_code_details"] == "cors_response"
    for origin in ("https://evil.example", "https://shop.example.com.evil.example", "null", "http://shop.example.com"):
        answer = ask(port, "/editors", method="OPTIONS", Origin=origin, **fields)
        assert answer.status == 200 and "Access-Control-Allow-Origin" not in answer.headers, origin
    # A path that does not have OPTIONS; and one that tells nobody anything.
    answer = ask(port, "/any-sub", method="OPTIONS", Origin="https://a.b.example.com", **fields)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://a.b.example.com")
    assert "Access-Control-Allow-Origin" not in ask(port, "/any-sub", method="OPTIONS", Origin="https://example.com", **fields).headers
    assert ask(port, "/any-sub", method="OPTIONS", Origin="https://a.example.com").status == 405
    assert ask(port, "/plain", method="OPTIONS", Origin="https://shop.example.com", **fields).status == 405


def test_answers_say_who_may_read_them(site):
    _, port = site
    answer = ask(port, "/editors", {"roles": ["editor"]}, Origin="https://shop.example.com")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"], answer.headers["Access-Control-Expose-Headers"]) == (200, "https://shop.example.com", "X-B")
    refused = ask(port, "/editors", Origin="https://shop.example.com")
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, "https://shop.example.com"), "so that its script sees the 401"
    assert "Access-Control-Allow-Origin" not in ask(port, "/editors", {"roles": ["editor"]}, Origin="https://evil.example").headers
    anyone = ask(port, "/open", Origin="https://evil.example")
    assert anyone.headers["Access-Control-Allow-Origin"] == "https://evil.example" and "Access-Control-Allow-Credentials" not in anyone.headers
    assert "Access-Control-Allow-Origin" not in get(port, "/open").headers and get(port, "/open").headers["Vary"] == "Origin"


def test_security_headers_stand_in_every_answer_of_a_route(site):
    _, port = site
    for answer in (ask(port, "/editors", {"roles": ["editor"]}), ask(port, "/editors"), ask(port, "/editors", {"roles": []})):
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer" and "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    own = get(port, "/open").headers
    assert "Strict-Transport-Security" not in own and own["X-Frame-Options"] == "SAMEORIGIN" and own.get_all("Referrer-Policy") == ["origin"]
    assert "X-Frame-Options" not in get(port, "/plain").headers
