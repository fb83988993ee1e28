"""Who may what by the client's certificate: real clients over mutual TLS, by URI, DNS name and subject, alone and beside tokens and roles."""
import http.client
import json
import time

import jwt
import pytest
from support.gateway import get, wait_until
from support.pki import Pki

SECRET = "0123456789abcdef0123456789abcdef"
ROUTES = """
listeners:
  - {{name: gateway, port: 0}}
  - name: https
    port: 0
    tls: {{certificates: [{site}], client_certificates: {{ca: {ca}, require: false}}}}
routes:
  - {{path: /job, service: s, rules: [{{name: job, allow: {{certificates: "spiffe://example.com/jobs/*"}}}}]}}
  - {{path: /nightly, service: s, rules: [{{name: nightly, allow: {{certificates: "spiffe://example.com/jobs/nightly"}}}}]}}
  - {{path: /dns, service: s, rules: [{{name: dns, allow: {{certificates: [a.clients.test, b.clients.test]}}}}]}}
  - {{path: /subject, service: s, rules: [{{name: subject, allow: {{certificates: "CN=ann,O=Example"}}}}]}}
  - {{path: /any, service: s, rules: [{{name: any, allow: {{certificates: "*"}}}}, {{name: not-b, deny: {{certificates: b.clients.test}}}}]}}
  - {{path: /read, service: s, rules: [{{name: read, allow: {{certificates: "*", methods: [GET]}}}}]}}
  - {{path: /both, service: s, roles: [admin], rules: [{{name: both, allow: {{certificates: "spiffe://example.com/jobs/nightly"}}}}]}}
  - {{path: /open, service: s}}
"""
CLIENTS = {  # name: (subject, names)
    "nightly": ("/O=Example/CN=nightly", ["URI:spiffe://example.com/jobs/nightly"]),
    "hourly": ("/O=Example/CN=hourly", ["URI:spiffe://example.com/jobs/hourly", "DNS:a.clients.test"]),
    "near": ("/O=Example/CN=near", ["URI:spiffe://example.com/job", "DNS:a.clients.test.evil"]),
    "b": ("/O=Example/CN=b", ["DNS:b.clients.test"]),
    "ann": ("/O=Example/CN=ann", []),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from conftest import Stage
    root = tmp_path_factory.mktemp("certificates")
    stage, pki = Stage(root), Pki(root / "pki").leaf("site", "/CN=site", "DNS:site.test")
    for name, (subject, names) in CLIENTS.items():
        pki.leaf(name, subject, *names, usage="clientAuth")
    stranger = Pki(root / "other").leaf("nightly", *CLIENTS["nightly"][:1], *CLIENTS["nightly"][1], usage="clientAuth")
    backend = stage.backend("s")
    control = stage.control_plane(ROUTES.format(site=pki.pair("site"), ca=pki.ca), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  env={"JWT_SECRET_KEY": SECRET}, args=pki.control_plane().flags("xds-tls", "control-plane"))
    pki.issue("node", "--node", "default/*")
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "node"))
    data.wait_until_ready()
    yield data, pki, stranger
    stage.end()


def ask(site, path, client=None, method="GET", pki=None, **fields):
    data, its_own, _ = site
    context = its_own.ssl_context(alpn=("http/1.1",))
    context.check_hostname = False
    if client:
        context.load_cert_chain((pki or its_own).cert(client), (pki or its_own).key(client))
    connection = http.client.HTTPSConnection("127.0.0.1", data.port("https"), context=context, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in fields.items()})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.parametrize("path, allowed", [
    ("/job", ["nightly", "hourly"]), ("/nightly", ["nightly"]), ("/dns", ["hourly", "b"]), ("/subject", ["ann"]),
    ("/any", ["nightly", "hourly", "near", "ann"]), ("/read", ["nightly", "hourly", "near", "b", "ann"]),
    ("/open", ["nightly", "hourly", "near", "b", "ann", None]),
])
def test_the_certificate_s_names_decide(site, path, allowed):
    got = {client: ask(site, path, client) for client in [*CLIENTS, None]}
    assert got == {client: 200 if client in allowed else 403 for client in got}


def test_conditions_of_a_rule_hold_together(site):
    assert ask(site, "/read", "ann") == 200 and ask(site, "/read", "ann", "POST") == 403


def test_certificate_and_role_are_both_asked_for(site):
    def token(*roles):
        return "Bearer " + jwt.encode({"sub": "u", "roles": roles, "exp": int(time.time()) + 600}, SECRET, "HS256")

    assert ask(site, "/both", "nightly", Authorization=token("admin")) == 200
    assert ask(site, "/both", "nightly", Authorization=token("viewer")) == 403
    assert ask(site, "/both", "hourly", Authorization=token("admin")) == 403
    assert ask(site, "/both", Authorization=token("admin")) == 403
    assert ask(site, "/both", "nightly") == 401


def test_a_certificate_of_another_authority_gets_no_connection(site):
    with pytest.raises(OSError):
        ask(site, "/open", "nightly", pki=site[2])


def test_what_a_client_says_of_its_certificate_counts_nothing(site):
    """Neither beside another certificate nor on a plaintext port."""
    said = "By=spiffe://x;Hash=00;URI=spiffe://example.com/jobs/nightly;Subject=\"CN=ann,O=Example\";DNS=b.clients.test"
    for path in ("/nightly", "/dns", "/subject"):
        assert ask(site, path, "near", X_Forwarded_Client_Cert=said) == 403
        assert get(site[0].port("gateway"), path, {"X-Forwarded-Client-Cert": said}).status == 403
    assert get(site[0].port("gateway"), "/any", {"X-Forwarded-Client-Cert": said}).status == 403


def test_log_names_the_rule_that_the_certificate_met(site):
    ask(site, "/nightly", "nightly", User_Agent="let-in")
    ask(site, "/any", "b", User_Agent="denied")
    for case, rule, details in (("let-in", "nightly", "via_upstream"), ("denied", "not-b", "rbac_access_denied_matched_policy[not-b]")):
        line = wait_until(lambda: next((x for x in site[0].access_log() if x["user_agent"] == case), None), "the access log's line")
        assert (line["rbac_policy"], line["response_code_details"]) == (rule, details), json.dumps(line)
