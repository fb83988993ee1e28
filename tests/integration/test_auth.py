"""Authentication with both planes as processes: tokens by PyJWT, keys out of files that change, attacks, and what services are told."""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from support.gateway import get, request, wait_until
from support.h2_client import H2Client
from support.pki import Pki

SECRET = "0123456789abcdef0123456789abcdef"

ROUTES = """
routes:
  - {{path: /open, service: s}}
  - {{path: /me, service: s, auth_required: true}}
  - {{path: "/users/{{id}}", service: s, auth: {{providers: [rsa]}}}}
  - {{path: /sym, service: s, auth: {{providers: [sym]}}}}
  - {{path: /picky, service: s, auth: {{providers: [picky]}}}}
auth:
  jwt:
    providers:
      - {{name: rsa, issuer: "https://rsa", audiences: [gateway], keys: {{jwks_file: jwks.json}}, claims_to_headers: {{X-Tenant: tenant.id}}}}
      - {{name: sym, issuer: "https://sym", keys: {{secret_file: secret}}}}
      - {{name: ec, issuer: "https://ec", keys: {{pem_file: ec.pem}}, token: {{headers: Authorization, cookies: session, query: token}}}}
      - {{name: picky, issuer: "https://picky", keys: {{pem_file: ed.pem}}, required_claims: [exp, "org.id"], max_lifetime: 1h, forward: true,
         claims: {{user_id: uid, roles: realm_access.roles, permissions: scope}}}}
  identity: {{route: X-Route, path_parameter_prefix: X-Path-, client_address: X-Client}}
"""


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def jwk(key, kid, alg="RS256"):
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": kid, "alg": alg, "use": "sig"}


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class Issuers:
    def __init__(self, folder):
        self.folder = folder
        self.rsa, self.other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self.ec, self.ed = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
        self.write("jwks.json", json.dumps({"keys": [jwk(self.rsa, "one")]}))
        self.write("secret", SECRET + "\n")
        self.write("ec.pem", public_pem(self.ec).decode())
        self.write("ed.pem", public_pem(self.ed).decode())

    def write(self, name, text):
        fresh = self.folder / f"{name}.new"
        fresh.write_text(text)
        fresh.rename(self.folder / name)

    def token(self, issuer="rsa", key=None, kid="one", **claims):
        key, alg = {"rsa": (self.rsa, "RS256"), "sym": (SECRET, "HS256"), "ec": (self.ec, "ES256"), "picky": (self.ed, "EdDSA")}[issuer] if key is None else key
        whole = {"iss": f"https://{issuer}", "aud": "gateway", "sub": "u-1", "exp": int(time.time()) + 600, **claims}
        return jwt.encode({k: v for k, v in whole.items() if v is not None}, key, alg, headers={"kid": kid} if issuer == "rsa" else None)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from conftest import Stage
    root = tmp_path_factory.mktemp("auth")
    stage, pki = Stage(root), Pki(root / "pki").control_plane().issue("node-1", "--node", "default/node-1")
    (root / "control-1").mkdir()
    issuers, backend = Issuers(root / "control-1"), stage.backend("s")
    control = stage.control_plane(ROUTES.format(), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  args=pki.flags("xds-tls", "control-plane"))
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "node-1"))
    yield issuers, backend, data.wait_until_ready(), control, data
    stage.end()


def ask(port, path, token=None, **headers):
    return get(port, path, {**({"Authorization": f"Bearer {token}"} if token else {}), **headers})


def metrics(data):
    lines = data.status("/metrics").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and line[0] != "#"}


def test_tokens_of_all_issuers_open_what_asks_for_any(world):
    issuers, backend, port, *_ = world
    for issuer in ("rsa", "sym", "ec"):
        assert ask(port, "/me", issuers.token(issuer)).status == 200, issuer
        assert backend.requests[-1].header("x-user-id") == ["u-1"]
        assert backend.requests[-1].header("authorization") == []
    assert ask(port, "/open").status == 200


def test_a_route_takes_only_its_own_issuer(world):
    issuers, _, port, *_ = world
    assert ask(port, "/sym", issuers.token("sym")).status == 200
    assert ask(port, "/sym", issuers.token("rsa")).status == 401
    assert ask(port, "/users/7", issuers.token("sym")).status == 401


def test_refusal_is_json_with_a_challenge(world):
    issuers, _, port, _, data = world
    answer = ask(port, "/me?token=x")
    assert answer.status == 401
    answer = ask(port, "/me")
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="http://127.0.0.1:{port}/me"'
    assert answer.json()["error"] == 401 and answer.json()["message"] == "Jwt is missing" and answer.json()["request_id"]
    answer = ask(port, "/me", issuers.token(exp=1))
    assert 'error="invalid_token", error_description="Jwt is expired"' in answer.headers["WWW-Authenticate"]
    assert ask(port, "/users/7", issuers.token(aud="other")).status == 403
    line = wait_until(lambda: next((x for x in data.access_log() if x["response_code"] == 403), None), "the access log's line")
    assert line["response_flags"] == "UAEX" and line["response_code_details"] == "jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}"


def test_paths_without_a_route_are_404_with_and_without_token(world):
    issuers, _, port, *_ = world
    assert ask(port, "/nowhere").status == ask(port, "/nowhere", issuers.token()).status == ask(port, "/nowhere", "x").status == 404


def test_routes_that_ask_for_nothing_ignore_tokens(world):
    _, backend, port, *_ = world
    assert ask(port, "/open", "nonsense").status == 200
    assert backend.requests[-1].header("x-user-id") == [] and backend.requests[-1].header("authorization") == ["Bearer nonsense"]


def test_service_is_told_who_and_where(world):
    issuers, backend, port, *_ = world
    token = issuers.token(name="Ann Ärm", roles=["admin", "editor"], permissions=["projects:*"], tenant={"id": 42})
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert ask(port, "/users/a%20b", token, traceparent=parent).status == 200
    seen = {key.lower(): value for key, value in backend.requests[-1].headers}
    assert seen["x-user-name"].encode("latin-1").decode() == "Ann Ärm"
    assert (seen["x-user-roles"], seen["x-user-permissions"], seen["x-auth-method"]) == ("admin,editor", "projects:*", "jwt")
    assert (seen["x-tenant"], seen["x-route"], seen["x-path-id"], seen["x-client"]) == ("42", "/users/{id}", "a%20b", "127.0.0.1")
    assert seen["x-trace-id"] == "0af7651916cd43dd8448eb211c80319c"
    ask(port, "/open")
    seen = {key.lower(): value for key, value in backend.requests[-1].headers}
    assert seen["x-trace-id"] == seen["x-request-id"].replace("-", "") and "x-user-id" not in seen


FORGED = {"X-User-Id": "root", "x-USER-ROLES": "admin", "X-User-Name": "root", "X-User-Permissions": "*", "X-Auth-Method": "jwt",
          "X-Tenant": "1", "X-Trace-Id": "1", "X-Route": "1", "X-Path-Id": "1", "X-Client": "1.2.3.4", "X_User_Id": "root", "X_Tenant": "1"}


@pytest.mark.parametrize("path", ["/open", "/me"])
def test_identity_from_outside_never_arrives(world, path):
    issuers, backend, port, *_ = world
    plain = issuers.token(sub="ann", name=None)
    for connection in ("close", "close, X-User-Id, X-Tenant"):
        assert ask(port, path, plain, **FORGED, Connection=connection).status == 200
        check_nothing_forged(backend.requests[-1])
    with H2Client(port) as client:
        stream = client.request(path, headers=[(key.lower(), value) for key, value in FORGED.items()] + [("authorization", f"Bearer {plain}")])
        client.wait(lambda: stream.has_ended, "the answer")
        assert stream.status == 200
        check_nothing_forged(backend.requests[-1])


def check_nothing_forged(seen):
    told = {key.lower().replace("_", "-"): value for key, value in seen.headers}
    assert "root" not in str(seen.headers) and told.get("x-user-id", "ann") == "ann"
    assert not {"x-user-roles", "x-user-permissions", "x-tenant", "x-path-id"} & set(told)
    assert told["x-client"] == "127.0.0.1" and told["x-route"] in ("/open", "/me") and len(told["x-trace-id"]) == 32


def test_claims_where_the_provider_says_and_what_it_asks_for(world):
    issuers, backend, port, *_ = world
    good = dict(uid="u-9", realm_access={"roles": ["ops"]}, scope="read write", org={"id": 1})
    token = issuers.token("picky", **good)
    assert ask(port, "/picky", token).status == 200
    seen = backend.requests[-1]
    assert (seen.header("x-user-id"), seen.header("x-user-roles"), seen.header("x-user-permissions")) == (["u-9"], ["ops"], ["read,write"])
    assert seen.header("authorization") == [f"Bearer {token}"]  # forward: true
    for change in (dict(org=None), dict(org={}), dict(exp=None), dict(exp=int(time.time()) + 7200)):
        assert ask(port, "/picky", issuers.token("picky", **{**good, **change})).status == 401, change


def test_token_in_cookie_and_query_is_taken_out(world):
    issuers, backend, port, *_ = world
    token = issuers.token("ec")
    assert get(port, "/me", {"Cookie": f"a=1; session={token}; b=2"}).status == 200
    assert backend.requests[-1].header("cookie") == ["a=1; b=2"]
    assert get(port, f"/me?x=1&token={token}").status == 200
    assert backend.requests[-1].target == "/me?x=1"


def attacks(issuers):
    head, body, signature = issuers.token().split(".")
    header = {"alg": "RS256", "kid": "one"}
    claims = {"iss": "https://rsa", "aud": "gateway", "sub": "u-1", "exp": int(time.time()) + 600}
    pem = public_pem(issuers.rsa)

    def signed(header, claims, alg="RS256"):
        data = f"{b64(header)}.{b64(claims)}".encode()
        return data.decode() + "." + b64(jwt.algorithms.get_default_algorithms()[alg].sign(data, issuers.rsa))

    def confused(key):
        data = f"{b64({**header, 'alg': 'HS256'})}.{b64(claims)}"
        return data + "." + b64(hmac.new(key, data.encode(), hashlib.sha256).digest())

    own = jwk(issuers.other, "own")
    yield "none", f"{b64({'alg': 'none'})}.{b64(claims)}."
    yield "None", f"{b64({'alg': 'None'})}.{b64(claims)}.{signature}"
    yield "no signature", f"{head}.{body}."
    yield "no third part", f"{head}.{body}"
    yield "public key as HMAC secret", confused(pem)
    yield "key set as HMAC secret", confused((issuers.folder / "jwks.json").read_bytes())
    yield "another algorithm of the same key", signed({**header, "alg": "RS512"}, claims, "RS512")
    yield "unknown crit", signed({**header, "crit": ["x"], "x": 1}, claims)
    yield "empty crit", signed({**header, "crit": []}, claims)
    yield "b64 false", signed({**header, "b64": False, "crit": ["b64"]}, claims)
    yield "embedded jwk", jwt.encode(claims, issuers.other, "RS256", headers={"jwk": own, "kid": "own"})
    yield "jku", jwt.encode(claims, issuers.other, "RS256", headers={"jku": "http://127.0.0.1:1/jwks", "kid": "own"})
    yield "x5u", jwt.encode(claims, issuers.other, "RS256", headers={"x5u": "http://127.0.0.1:1/x", "kid": "own"})
    yield "kid of a file", jwt.encode(claims, issuers.other, "RS256", headers={"kid": "../../../dev/null"})
    yield "kid as SQL", jwt.encode(claims, issuers.other, "RS256", headers={"kid": "one' OR '1'='1"})
    yield "kid a number", signed({"alg": "RS256", "kid": 1}, claims)
    yield "exp 0", signed(header, {**claims, "exp": 0})
    yield "exp text", signed(header, {**claims, "exp": "9999999999"})
    yield "exp negative", signed(header, {**claims, "exp": -1})
    yield "nbf ahead", signed(header, {**claims, "nbf": int(time.time()) + 3600})
    yield "iss a list", signed(header, {**claims, "iss": ["https://rsa"]})
    yield "sub a number", signed(header, {**claims, "sub": 7})
    yield "claims a list", signed(header, ["https://rsa"])
    yield "claims twice", duplicate(issuers, header)
    yield "deep claims", signed(header, {**claims, "x": json.loads("[" * 40 + "]" * 40)})
    yield "large", signed(header, {**claims, "x": "y" * 20000})
    yield "padding", f"{head}.{body}.{signature}=="
    yield "signature longer", f"{head}.{body}.{signature}AAAA"
    yield "signature shorter", f"{head}.{body}.{signature[:-4]}"
    yield "white space within", f"{head}.{body[:8]} {body[8:]}.{signature}"
    yield "four parts", f"{head}.{body}.{signature}.{signature}"
    yield "changed claims", f"{head}.{b64({**claims, 'sub': 'root'})}.{signature}"
    yield "other spelling of the last character", f"{head}.{body}.{respell(signature)}"
    yield "another issuer's key", issuers.token(key=(issuers.other, "RS256"))


def duplicate(issuers, header):
    body = b64(b'{"iss":"https://rsa","aud":"gateway","sub":"u-1","sub":"root","exp":%d}' % (time.time() + 600))
    data = f"{b64(header)}.{body}".encode()
    return data.decode() + "." + b64(jwt.algorithms.get_default_algorithms()["RS256"].sign(data, issuers.rsa))


def respell(signature):
    """The same bytes with bits set that decoders may throw away."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return signature[:-1] + letters[letters.index(signature[-1]) ^ 1]


def test_attacks_are_all_401(world):
    issuers, backend, port, *_ = world
    before = len(backend.requests)
    for name, token in attacks(issuers):
        answer = ask(port, "/users/7", token)
        assert answer.status == 401, name
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"], name
    assert len(backend.requests) == before
    assert ask(port, "/users/7", issuers.token()).status == 200


def test_verified_token_is_remembered(world):
    issuers, _, port, _, data = world
    token = issuers.token(jti="remembered")
    for _ in range(20):
        assert ask(port, "/users/7", token).status == 200
    count = metrics(data)
    assert count['gateway_jwt_accepted_total{cache="hit"}'] >= 18  # two workers
    assert count['gateway_jwt_requests_total{result="allowed"}'] >= 20


def live(port, path, token, status):
    """How long it took until the answer was that."""
    begin = time.monotonic()
    wait_until(lambda: ask(port, path, token).status == status, f"{status}")
    return time.monotonic() - begin


def test_rotated_keys_are_live_and_old_ones_revoked(world):
    issuers, _, port, control, _ = world
    old, new = issuers.token(), issuers.token(key=(issuers.other, "RS256"), kid="two")
    assert ask(port, "/users/7", old).status == 200 and ask(port, "/users/7", new).status == 401
    issuers.write("jwks.json", json.dumps({"keys": [jwk(issuers.rsa, "one"), jwk(issuers.other, "two")]}))
    live(port, "/users/7", new, 200)
    assert ask(port, "/users/7", old).status == 200
    issuers.write("jwks.json", json.dumps({"keys": [jwk(issuers.other, "two")]}))
    live(port, "/users/7", old, 401)
    assert ask(port, "/users/7", new).status == 200
    issuers.write("jwks.json", "not a key set")
    wait_until(lambda: "jwks.json" in control.ctl("status").stdout, "the mistake in status")
    assert ask(port, "/users/7", new).status == 200  # the last good one
    issuers.write("jwks.json", json.dumps({"keys": [jwk(issuers.rsa, "one")]}))
    live(port, "/users/7", old, 200)


def test_rotated_secret_is_live_and_never_shown(world):
    issuers, _, port, control, data = world
    old = issuers.token("sym")
    assert ask(port, "/sym", old).status == 200
    fresh = "fresh-secret-of-more-than-32-bytes-0123456789"
    issuers.write("secret", fresh)
    live(port, "/sym", old, 401)
    assert ask(port, "/sym", issuers.token("sym", key=(fresh, "HS256"))).status == 200
    issuers.write("secret", SECRET)
    live(port, "/sym", old, 200)
    shown = "".join([data.admin("/config_dump").text, control.log(), control.output(), data.log(), data.output(), control.ctl("status").stdout,
                     control.ctl("get", "routes", "-o", "json").stdout, data.status("/metrics").text])
    for secret in (SECRET, fresh, b64(SECRET.encode()), b64(fresh.encode()), old):
        assert secret not in shown


def test_weak_secret_is_not_taken(world):
    issuers, _, port, control, _ = world
    issuers.write("secret", "hunter2")
    wait_until(lambda: "at least 32" in control.ctl("status").stdout, "the mistake in status")
    assert "hunter2" not in control.ctl("status").stdout + control.log()
    assert ask(port, "/sym", issuers.token("sym")).status == 200
    issuers.write("secret", SECRET)
    wait_until(lambda: "at least 32" not in control.ctl("status").stdout, "no mistake in status")


def test_settings_alone_make_an_issuer(stage, tmp_path):
    pki = Pki(tmp_path / "pki").control_plane().issue("node-1", "--node", "default/node-1")
    backend = stage.backend()
    control = stage.control_plane("routes: [{path: /me, service: s, auth_required: true}]",
                                  f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  env={"JWT_SECRET_KEY": SECRET, "JWT_ALGORITHM": "HS256"}, args=pki.flags("xds-tls", "control-plane"))
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "node-1"))
    port = data.wait_until_ready()
    assert ask(port, "/me", jwt.encode({"sub": "a"}, SECRET, "HS256")).status == 200
    assert ask(port, "/me", jwt.encode({"sub": "a"}, SECRET + SECRET, "HS512")).status == 401
    assert ask(port, "/me").status == 401


def test_symmetric_keys_are_withheld_from_plaintext(stage):
    """The node waits for what is withheld, then serves the rest; the secret's routes are 503."""
    backend = stage.backend()
    control = stage.control_plane("routes: [{path: /me, service: s, auth_required: true}, {path: /open, service: s}]",
                                  f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}', env={"JWT_SECRET_KEY": SECRET})
    data = stage.data_plane(control.xds())
    port = wait_until(lambda: data.wait_for_ports() and data.port(), "the listener", seconds=60)
    wait_until(lambda: get(port, "/open").status == 200, "the open route", seconds=60)
    assert ask(port, "/me", jwt.encode({"sub": "a"}, SECRET, "HS256")).status == 503
    assert ask(port, "/me").status == 401


def test_weak_key_in_settings_is_a_mistake(stage):
    control = stage.control_plane("routes: []", "services: {}", env={"JWT_SECRET_KEY": "hunter2"})
    control.expected_code = 65
    assert control.wait() == 65
    assert "JWT_SECRET_KEY" in control.log() and "hunter2" not in control.log()


def test_post_body_reaches_the_service_only_with_a_token(world):
    issuers, backend, port, *_ = world
    before = len(backend.requests)
    assert request(port, "/me", "POST", body=b"x" * 100000).status == 401
    assert len(backend.requests) == before
    assert request(port, "/me", "POST", {"Authorization": f"Bearer {issuers.token()}"}, b"x" * 100000).status == 200
    assert len(backend.requests[-1].body) == 100000


# --- keys that issuers publish ---

class Publisher:
    """An issuer's web server: answers what `answers` says for a path, (status, headers, body); 404 else."""

    def __init__(self):
        self.answers, self.asked = {}, []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.asked.append(self.path)
                status, headers, body = owner.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for key, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, path, content, **headers):
        self.answers[path] = (200, headers, content if isinstance(content, bytes) else json.dumps(content).encode())

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def publisher(stage):
    made = Publisher()
    stage.started.append(made)
    return made


def start_remote(stage, keys):
    backend = stage.backend()
    control = stage.control_plane(f"""
routes: [{{path: /me, service: s, auth_required: true}}, {{path: /open, service: s}}]
auth: {{jwt: {{providers: [{{name: remote, issuer: "https://rsa", keys: {keys}}}]}}}}
""", f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  env={"GATEWAY_MAX_FAILED_CREDENTIALS": "0"})
    data = stage.data_plane(control.xds())
    return control, data.wait_until_ready()


def test_published_keys_are_found_and_kept_while_the_issuer_is_away(stage, publisher, tmp_path):
    issuers = Issuers(tmp_path)
    publisher.publish("/.well-known/openid-configuration", {"issuer": "https://rsa", "jwks_uri": publisher.url + "/moved"})
    publisher.answers["/moved"] = (302, {"Location": "/jwks"}, b"")
    publisher.publish("/jwks", {"keys": [jwk(issuers.rsa, "one"), {"kty": "oct", "k": "AAAA"}, {"kty": "new"}]}, **{"Cache-Control": "public, max-age=1"})
    control, port = start_remote(stage, f'{{discovery_url: "{publisher.url}/.well-known/openid-configuration"}}')
    live(port, "/me", issuers.token(), 200)
    assert "newer ones" not in control.ctl("status").stdout
    publisher.answers.clear()
    asked = len(publisher.asked)
    wait_until(lambda: len(publisher.asked) > asked, "the refresh", seconds=60)
    told = wait_until(lambda: (s := control.ctl("status").stdout) and "newer ones can't be had" in s and s, "status")
    assert "it answers 404" in told
    assert ask(port, "/me", issuers.token()).status == 200
    publisher.publish("/.well-known/openid-configuration", {"jwks_uri": publisher.url + "/jwks"})
    publisher.publish("/jwks", {"keys": [jwk(issuers.other, "two")]})
    live(port, "/me", issuers.token(key=(issuers.other, "RS256"), kid="two"), 200)
    assert ask(port, "/me", issuers.token()).status == 401
    assert "newer ones" not in control.ctl("status").stdout


def test_an_unknown_key_is_asked_for_long_before_the_refresh(stage, publisher, tmp_path):
    issuers = Issuers(tmp_path)
    publisher.publish("/jwks", {"keys": [jwk(issuers.rsa, "one")]}, **{"Cache-Control": "max-age=3600"})
    _, port = start_remote(stage, f'{{jwks_url: "{publisher.url}/jwks"}}')
    live(port, "/me", issuers.token(), 200)
    publisher.publish("/jwks", {"keys": [jwk(issuers.rsa, "one"), jwk(issuers.other, "two")]}, **{"Cache-Control": "max-age=3600"})
    asked = len(publisher.asked)
    live(port, "/me", issuers.token(key=(issuers.other, "RS256"), kid="two"), 200)
    assert ask(port, "/me", issuers.token()).status == 200
    # Key ids that nobody has are no way to have the issuer asked again and again.
    for i in range(50):
        assert ask(port, "/me", issuers.token(key=(issuers.other, "RS256"), kid=f"made-up-{i}")).status == 401
    assert len(publisher.asked) <= asked + 2


@pytest.mark.parametrize("answer,words", [
    ((302, {"Location": "http://localhost:1/jwks"}, b""), "redirects to another host"),
    ((302, {"Location": "/jwks"}, b""), "again and again"),
    ((200, {}, b"x" * 300_000), "too large"),
    ((200, {}, b"no key set"), "no key set that could be used"),
    ((500, {}, b""), "it answers 500"),
])
def test_what_is_no_key_set_closes_only_what_needs_it(stage, publisher, tmp_path, answer, words):
    publisher.answers["/jwks"] = answer
    control, port = start_remote(stage, f'{{jwks_url: "{publisher.url}/jwks"}}')
    wait_until(lambda: words in control.ctl("status").stdout, words)
    assert ask(port, "/me", Issuers(tmp_path).token()).status == 503
    assert ask(port, "/open").status == 200
