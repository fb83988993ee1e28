"""What routes.yaml asks of callers, by token: stock Envoy as a node of our control plane gives the answers of our data plane, by the same rule."""
import json
import random
import time

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from support.access_routes import ACCESS, claims, route
from support.envoy import Envoy
from support.gateway import wait_until
from support.raw import exchange


def without_parameters(made):
    """Conditions on path parameters are our data planes' alone."""
    for rule in made.get("rules", []):
        for conditions in (rule.get("allow"), rule.get("deny")):
            if conditions:
                conditions.pop("parameters", None)
    made["rules"] = [rule for rule in made.get("rules", []) if rule.get("deny") != {}]
    if not any("allow" in rule for rule in made["rules"]) and "roles" not in made and "permissions" not in made and made["rules"]:
        made["rules"].append({"allow": {"methods": ["GET"]}})
    if not made["rules"]:
        del made["rules"]
    return made


def test_tokens_open_the_same_routes_by_the_same_rules(stage, tmp_path):
    chance = random.Random(42)
    key = rsa.generate_private_key(65537, 2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "k", "alg": "RS256", "use": "sig"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
    routes = [without_parameters(route(chance, number)) for number in range(40)]
    auth = {"jwt": {"providers": [{"name": "main", "issuer": "https://main", "keys": {"jwks_file": str(tmp_path / "jwks.json")}}]}}
    text = yaml.safe_dump({"routes": routes, "access": ACCESS, "auth": auth}, sort_keys=False)
    control = stage.control_plane(text, "services: {}\n", env={"GATEWAY_XFF_NUM_TRUSTED_HOPS": "1"})
    data = stage.data_plane(control.xds(), workers=1)
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    ports = data.wait_until_ready(), envoy.port()
    tokens = [jwt.encode({"iss": "https://main", "sub": "u", "exp": int(time.time()) + 3600} | claims(chance), key, "RS256", headers={"kid": "k"})
              for _ in range(9)] + [None]
    asked = [(number, who) for number in range(len(routes)) for who in range(len(tokens))]
    assert len(asked) >= 400
    wrong = []
    for case, (number, who) in enumerate(asked):
        method = chance.choice(["GET", "GET", "HEAD", "POST", "PUT"])
        lines = [f"{method} /r{number}/p1/x-y/p2 HTTP/1.1", "Host: gateway.test", f"User-Agent: case-{case}", "Connection: close",
                 "X-Forwarded-For: " + chance.choice(["10.1.2.3", "192.0.2.77", "2001:db8::5"])]
        if tokens[who]:
            lines.append("Authorization: Bearer " + tokens[who])
        head = "\r\n".join([*lines, "", ""]).encode()
        ours, envoys = (exchange(port, head, method=method).status for port in ports)
        if ours != envoys:
            wrong.append((routes[number], who, method, ours, envoys))
    assert not wrong, f"{len(wrong)}, such as {wrong[:3]}"

    def rules(program):
        lines = [json.loads(line) for line in program.output().splitlines() if line.startswith("{") and '"case-' in line]
        found = {line["user_agent"]: (line["response_code"], line["rbac_policy"] or None) for line in lines}
        return found if len(found) == len(asked) else None

    ours, envoys = (wait_until(lambda p=program: rules(p), f"the access log of {program.name}") for program in (data, envoy))
    # Envoy leaves a denying filter's name out once the allowing one has spoken, as we do; what differs would be another rule.
    assert {case: (ours[case], envoys[case]) for case in ours if ours[case] != envoys[case]} == {}
    assert {code for code, _ in ours.values()} == {200, 401, 403}
