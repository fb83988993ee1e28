"""Stock Envoy under our control plane where routes ask for tokens: what it can enforce it does, the rest is 501, and nothing is let through."""
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.envoy import Envoy
from support.gateway import get, wait_until

KEY = rsa.generate_private_key(65537, 2048)
ROUTES = """
routes:
  - {path: /open, service: s}
  - {path: /rsa, service: s, auth: {providers: [rsa]}}
  - {path: /sym, service: s, auth: {providers: [sym]}}
  - {path: /claims, service: s, auth: {providers: [claims]}}
  - {path: /any, service: s, auth_required: true}
auth:
  jwt:
    providers:
      - {name: rsa, issuer: "https://rsa", keys: {jwks_file: jwks.json}}
      - {name: sym, issuer: "https://sym", keys: {secret_file: secret}}
      - {name: claims, issuer: "https://claims", keys: {jwks_file: jwks.json}, required_claims: [org]}
"""


@pytest.fixture(scope="module", params=["sotw", "delta"])
def envoy(request, tmp_path_factory):
    from conftest import Stage
    root = tmp_path_factory.mktemp("auth")
    stage, folder = Stage(root), root / "control-1"
    folder.mkdir()
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    (folder / "jwks.json").write_text(json.dumps({"keys": [{**public, "kid": "one"}]}))
    (folder / "secret").write_text("0123456789abcdef0123456789abcdef")
    backend = stage.backend()
    control = stage.control_plane(ROUTES, f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}')
    node = Envoy(root / "envoy", control.xds(), delta=request.param == "delta")
    stage.started.append(node)
    yield node.port(), backend, control
    stage.end()


def token(issuer="https://rsa", **claims):
    return {"Authorization": "Bearer " + jwt.encode({"iss": issuer, "sub": "u", "exp": time.time() + 600, **claims}, KEY, "RS256", headers={"kid": "one"})}


def test_envoy_enforces_what_it_can(envoy):
    port, backend, _ = envoy
    assert get(port, "/open").status == 200
    assert get(port, "/rsa").status == 401
    assert get(port, "/rsa", token(exp=1)).status == 401
    assert get(port, "/rsa", token("https://other")).status == 401
    before = len(backend.requests)
    assert get(port, "/rsa", token()).status == 200
    assert len(backend.requests) == before + 1


def test_what_it_can_not_is_501_and_status_says_so(envoy):
    port, backend, control = envoy
    before = len(backend.requests)
    for path in ("/sym", "/claims", "/any"):
        for headers in ({}, token(), token("https://claims", org=1)):
            answer = get(port, path, headers)
            assert answer.status == 501 and answer.json()["error"] == 501, path
    assert len(backend.requests) == before
    told = wait_until(lambda: (s := control.ctl("status").stdout) and "501" in s and s, "status")
    assert "1 route answers 501 here: only our data planes enforce tokens with symmetric keys" in told
    assert "2 routes answer 501 here: only our data planes enforce required claims" in told  # /any, too
    wait_until(lambda: "SYNCED" in control.ctl("status").stdout, "SYNCED")


def test_identity_from_outside_does_not_pass_either(envoy):
    port, backend, _ = envoy
    assert get(port, "/open", {"X-User-Id": "root", "x-user-roles": "admin", "X_User_Id": "root", "X-Auth-Method": "jwt"}).status == 200
    assert "root" not in str(backend.requests[-1].headers) and "admin" not in str(backend.requests[-1].headers)
