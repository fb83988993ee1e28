"""1,000 routes, 20 identities: what the gateway says of each pair, and by which rule, is what an independent oracle says."""
import json
import random
import socket
import time

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from support.access_oracle import Oracle, normalize, variables
from support.access_routes import ACCESS, ADDRESSES, claims, route
from support.gateway import get, wait_until
from support.raw import read_answer

# A path in other forms, some of which mean another path, or none. Each route is asked for in every one of them, by another identity each.
SPELLINGS = [
    lambda path: path,
    lambda path: path + "?project=p1",
    # dot segments, plain and encoded
    lambda path: "/." + path,
    lambda path: "/zz/.." + path,
    lambda path: path.replace("/x-y/", "/q/../x-y/./"),
    lambda path: "/%2e" + path,
    lambda path: "/zz/%2E%2e" + path,
    lambda path: path + "/.",
    lambda path: path + "/zz/..",
    lambda path: "/.." + path,
    # slashes
    lambda path: path.replace("/", "//", 2),
    lambda path: path.replace("/x-y/", "///x-y//"),
    lambda path: path + "/",
    # encodings
    lambda path: path.replace("x-y", "%78%2Dy"),
    lambda path: path.replace("x-y", "x%2dy"),
    lambda path: path.replace("%20", "%2520").replace("/p", "/%70"),
    lambda path: path.replace("/x-y", "%2fx-y"),
    lambda path: path.replace("/x-y", "%5Cx-y"),
    # case
    lambda path: path.replace("x-y", "X-y"),
    lambda path: path.replace("/r", "/R", 1),
]


def expect(oracle, routes, case, identity):
    path = normalize(case["target"])
    if path is None:
        return 400, None
    number = case["route"]
    found = variables(routes[number]["path"], path)
    if found is None:
        return 404, None
    chosen = routes[number]
    if oracle.needs_identity(chosen) and identity is None:
        return 401, None
    allowed, name = oracle.decide(chosen, identity or {}, {"method": case["method"], "client": case["client"], "variables": found})
    return (200 if allowed else 403), name


def exchange_all(port, heads, methods):
    """In batches on one connection: the status of each."""
    statuses = []
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        answers = connection.makefile("rb")
        for begin in range(0, len(heads), 50):
            connection.sendall(b"".join(heads[begin:begin + 50]))
            for method in methods[begin:begin + 50]:
                answer = read_answer(answers, method)
                assert answer is not None, "the connection was closed"
                statuses.append(answer.status)
    return statuses


def test_every_decision_is_the_oracles(stage, tmp_path):
    chance = random.Random(20261125)
    key = rsa.generate_private_key(65537, 2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "k", "alg": "RS256", "use": "sig"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
    routes = [route(chance, number) for number in range(1000)]
    auth = {"jwt": {"providers": [{"name": "main", "issuer": "https://main", "keys": {"jwks_file": str(tmp_path / "jwks.json")}}]}}
    text = yaml.safe_dump({"routes": routes, "access": ACCESS, "auth": auth}, sort_keys=False)
    control = stage.control_plane(text, "services: {}\n", env={"GATEWAY_TRUSTED_PROXIES": "127.0.0.0/8", "GATEWAY_MAX_FAILED_CREDENTIALS": "0"})
    data = stage.data_plane(control.xds(), workers=1)
    port = data.wait_until_ready()

    identities = [claims(chance) for _ in range(18)] + [None, "forged"]
    common = {"iss": "https://main", "sub": "u", "exp": int(time.time()) + 3600}
    stranger = rsa.generate_private_key(65537, 2048)
    tokens = [None if one is None else jwt.encode(common | (one if one != "forged" else {"roles": ["root"]}), stranger if one == "forged" else key, "RS256", headers={"kid": "k"})
              for one in identities]
    oracle, cases, heads = Oracle(ACCESS), [], []
    for number in range(len(routes)):
        for who in range(len(identities)):
            path = f"/r{number}/{chance.choice(['p1', 'p2', '42', 'a%20b'])}/x-y/{chance.choice(['p1', 'p2', 'a%20b'])}"
            case = {"route": number, "who": who, "target": SPELLINGS[(number + who) % len(SPELLINGS)](path), "client": chance.choice(ADDRESSES),
                    "method": chance.choice(["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE"])}
            lines = [f"{case['method']} {case['target']} HTTP/1.1", "Host: gateway.test", f"User-Agent: case-{len(cases)}", f"X-Forwarded-For: {case['client']}"]
            if tokens[who] is not None:
                lines.append("Authorization: Bearer " + tokens[who])
            heads.append(("\r\n".join([*lines, "", ""])).encode())
            cases.append(case)
    assert len(cases) == 20000 and len(SPELLINGS) == len(identities) == 20
    statuses = exchange_all(port, heads, [case["method"] for case in cases])

    def logged():
        lines = {line["user_agent"]: line for line in data.access_log()}
        return lines if len(lines) >= len(cases) else None

    lines = wait_until(logged, "the access log", 60, 0.5)
    wrong = []
    for number, case in enumerate(cases):
        identity = None if identities[case["who"]] == "forged" else identities[case["who"]]
        status, name = expect(oracle, routes, case, identity)
        line = lines[f"case-{number}"]
        if (statuses[number], line["rbac_policy"] or None) != (status, name):
            wrong.append((case, routes[case["route"]], identity, statuses[number], line["rbac_policy"], line["response_code_details"], "wanted", status, name))
    assert not wrong, f"{len(wrong)} of {len(cases)}, such as {wrong[:3]}"
    counts = {status: statuses.count(status) for status in set(statuses)}
    assert set(counts) == {200, 400, 401, 403, 404} and all(count > 500 for count in counts.values()), counts
    assert 'gateway_rbac_decisions_total{mode="enforced",result="denied"}' in get(data.wait_for_ports()["status_http"], "/metrics").text
