"""Stock Envoy tells its whole configuration, though our control plane knows messages that it does not: nothing of them is left in what it gets."""
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.envoy import Envoy
from support.gateway import get, wait_until
from support.ports import free_port

ROUTES = """
auth:
  api_keys: true
  jwt: {providers: [
    {name: rsa, issuer: "https://rsa", keys: {jwks_file: jwks.json}, claims: {roles: realm_access.roles}},
    {name: main, issuer: "https://main", keys: {secret_file: secret}},
    {name: picky, issuer: "https://picky", keys: {secret_file: secret}, required_claims: [org]}]}
access: {roles: {admin: {}}}
cors: {origins: ["https://shop.example.com"]}
security_headers: strict
routes:
  - {path: /open, service: s, max_request_body: 1MiB}
  - {path: /local, service: s, rate_limit: 1000}
  - {path: /shared, service: s, rate_limit: {requests: 1000, scope: global}}
  - {path: /keys, service: s, auth_required: true, roles: [admin]}
  - {path: /rsa, service: s, auth: {providers: [rsa]}}
  - {path: /office, service: s, allow_from: 10.0.0.0/8}
  - {path: "/projects/{id}", service: s, auth_required: true, rules: [{allow: {parameters: {id: project}}}]}
"""
SERVICES = """
services:
  s:
    circuit_breaker: {failures: 5}
    health_check: {path: /health}
    load_balancing: {policy: ring_hash, hash: client_address}
    retry_budget: {percent: 30}
    instances: [{url: "%s"}]
"""


@pytest.mark.parametrize("delta", [False, True], ids=["sotw", "delta"])
def test_envoy_s_config_dump_is_whole_and_readable(stage, tmp_path, delta):
    (tmp_path / "control-1").mkdir()
    (tmp_path / "control-1" / "secret").write_text("0123456789abcdef0123456789abcdef")
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key()))
    (tmp_path / "control-1" / "jwks.json").write_text(json.dumps({"keys": [{**public, "kid": "one"}]}))
    backend = stage.backend()
    control = stage.control_plane(ROUTES, SERVICES % backend.url,
                                  env={"GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())})
    envoy = Envoy(stage.folder / "envoy", control.xds(), delta=delta)
    stage.started.append(envoy)
    port = envoy.port()
    wait_until(lambda: get(port, "/local").status != 503, "the cluster")

    def dump():
        answer = envoy.admin("/config_dump?include_eds")
        assert answer.status == 200, answer.text[:500]
        return answer

    parts = {part["@type"].rpartition(".")[2]: part for part in json.loads(dump().body)["configs"]}
    listener, = parts["ListenersConfigDump"]["dynamic_listeners"]
    assert listener["active_state"]["listener"]["name"] == "gateway" and "error_state" not in listener
    routes, = parts["RoutesConfigDump"]["dynamic_route_configs"]
    assert "/projects" in json.dumps(routes)
    assert '"rsa": {"issuer": "https://rsa"' in json.dumps(listener), "the tokens that Envoy can check it does"
    assert get(port, "/rsa").status == 401
    assert [c["cluster"]["name"] for c in parts["ClustersConfigDump"]["dynamic_active_clusters"]] == ["s"]
    # Names of ours may stand in what it ignores; a message of ours would not be readable to it.
    assert "type.googleapis.com/gateway." not in dump().text
    assert control.ctl("status").stdout.count("501") > 0
    wait_until(lambda: "SYNCED" in control.ctl("status").stdout, "SYNCED")
