"""gatewayctl explain: what it says becomes of a request is what a data plane then does, and what it says of it is told as it is."""
import json
import os
import random
import socket
import time

import grpc
import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from support.access_routes import ACCESS
from support.agent import load_messages
from support.gateway import PATIENCE_S, ctl, wait_until
from support.random_routes import claims, request, table
from support.raw import read_answer

ISSUER = "https://main"
BATCH = 50

message = load_messages("gateway/admin/v1/admin.proto", "gateway/dataplane/v1/dataplane.proto")
ExplainRequest, ExplainResponse = message("gateway.dataplane.v1.ExplainRequest"), message("gateway.dataplane.v1.ExplainResponse")
LIVE, OF_NODE = "/gateway.admin.v1.Admin/Explain", "/gateway.dataplane.v1.DataPlane/Explain"


class Explainer:
    """Explain by the admin API: of what is served, or, with a node's id, of what that node runs."""

    def __init__(self, target, token, path=LIVE, node=None):
        self.channel = grpc.insecure_channel(target)
        self.method = self.channel.unary_unary(path, ExplainRequest.SerializeToString, ExplainResponse.FromString)
        self.metadata = [("authorization", f"Bearer {token}")] + ([("gateway-node", node)] if node else [])

    def ask(self, question):
        return self.method.future(question, timeout=PATIENCE_S, metadata=self.metadata)

    def all(self, questions):
        answers = []
        for begin in range(0, len(questions), BATCH):
            answers += [future.result() for future in [self.ask(question) for question in questions[begin:begin + BATCH]]]
        return answers


def question_of(case):
    asked = ExplainRequest(method=case["method"], scheme="http", authority=case["host"], path=case["target"], client=case["client"],
                           headers=[{"name": name, "value": value} for name, value in case["headers"].items()])
    if case["identity"] is not None:
        asked.identity.claims = json.dumps(case["identity"])
    return asked


def head_of(case, number, tokens):
    lines = [f"{case['method']} {case['target']} HTTP/1.1", f"Host: {case['host']}", f"User-Agent: {number}", f"X-Forwarded-For: {case['client']}",
             *(f"{name}: {value}" for name, value in case["headers"].items())]
    if case["identity"] is not None:
        lines.append("Authorization: Bearer " + tokens[json.dumps(case["identity"])])
    return "\r\n".join([*lines, "", ""]).encode()


def access_rule_of(answer):
    """The access rule that decided last, as the access log has it."""
    rules = [step.rule for step in answer.steps
             if step.filter.startswith("envoy.filters.http.rbac") and not step.shadow and step.verdict in (step.PASSES, step.ANSWERS)]
    return (rules or [""])[-1] or None


def exchange_all(port, heads, methods):
    statuses = []
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        answers = connection.makefile("rb")
        for begin in range(0, len(heads), BATCH):
            connection.sendall(b"".join(heads[begin:begin + BATCH]))
            for method in methods[begin:begin + BATCH]:
                answer = read_answer(answers, method)
                assert answer is not None, "the connection was closed"
                statuses.append(answer.status)
    return statuses


class Plain(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def text_of(routes, keys):
    auth = {"jwt": {"providers": [{"name": "main", "issuer": ISSUER, "audiences": ["shop"], "keys": {"jwks_file": str(keys.path)}}]}}
    return yaml.dump({"routes": routes, "access": ACCESS, "auth": auth}, Dumper=Plain, sort_keys=False)


class Keys:
    """An issuer's key pair, and tokens of it."""

    def __init__(self, folder):
        self.private, self.path = rsa.generate_private_key(65537, 2048), folder / "jwks.json"
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key())) | {"kid": "k", "alg": "RS256", "use": "sig"}
        self.path.write_text(json.dumps({"keys": [public]}))

    def token(self, claims_of):
        common = {"iss": ISSUER, "aud": "shop", "exp": int(time.time()) + 3600}
        return jwt.encode(common | claims_of, self.private, "RS256", headers={"kid": "k"})


def running_version(control, node):
    nodes = json.loads(control.ctl("status", "-o", "json", check=0).stdout)["nodes"]
    return next((one["snapshot_version"] for one in nodes if one["id"] == node), None)


def served_version(control):
    return json.loads(control.ctl("status", "-o", "json", check=0).stdout)["snapshot_version"]


def change_routes(control, text):
    """Until the data plane runs it."""
    before = served_version(control)
    control.write(routes=text)
    wait_until(lambda: served_version(control) != before, "the change to be taken", interval=0.05)
    wait_until(lambda: running_version(control, "node-1") == served_version(control), "the data plane to run it", interval=0.05)


def compare(data, port, keys, explainers, routes, chance, first, count):
    identities = [claims(chance) | {"sub": f"user-{number}"} for number in range(8)] + [{"iss": "https://else"}, {"iss": ISSUER, "aud": "else"}]
    tokens = {json.dumps(one): keys.token(one) for one in identities}
    cases = [request(chance, routes, identities) for _ in range(count)]
    said = [explainer.all([question_of(case) for case in cases]) for explainer in explainers]
    statuses = exchange_all(port, [head_of(case, first + number, tokens) for number, case in enumerate(cases)], [case["method"] for case in cases])

    def logged():
        lines = {int(line["user_agent"]): line for line in data.access_log()[first:]}
        return lines if len(lines) >= len(cases) else None

    lines = wait_until(logged, "the access log", 60, 0.2)
    wrong, seen = [], {}
    for number, case in enumerate(cases):
        line = lines[first + number]
        for answers in said:
            answer = answers[number]
            wanted = (answer.status or 200, answer.detail, answer.route if answer.has_route else None, access_rule_of(answer))
            done = (statuses[number], line["response_code_details"], line["route_name"] or None, line["rbac_policy"] or None)
            if wanted != done:
                wrong.append({"case": case, "explained": wanted, "done": done, "steps": [str(step) for step in answer.steps]})
        seen[line["response_code_details"].split("[")[0].split("{")[0]] = seen.get(line["response_code_details"], 0) + 1
    assert not wrong, f"{len(wrong)} of {len(cases)}, such as {json.dumps(wrong[0], indent=1)}"
    return seen


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("tables, count", [(4, 400), pytest.param(100, 1000, marks=pytest.mark.full)])
def test_explain_says_what_the_data_plane_then_does(stage, tmp_path, tables, count):
    chance = random.Random(int(os.environ.get("GW_SEED", "7")))
    backend, keys = stage.backend(), Keys(tmp_path)
    services = f"services:\n  s:\n    instances:\n      - url: http://127.0.0.1:{backend.port}\n"
    control = stage.control_plane(text_of(table(chance), keys), services,
                                  env={"GATEWAY_TRUSTED_PROXIES": "127.0.0.0/8", "GATEWAY_MAX_FAILED_CREDENTIALS": "0"})
    data = stage.data_plane(control.xds(), workers=1)
    port = data.wait_until_ready()
    wait_until(lambda: running_version(control, "node-1") == served_version(control), "the data plane's report", interval=0.05)
    admin, token = f"127.0.0.1:{control.ports()['admin']}", control.token_path.read_text().strip()
    explainers = [Explainer(admin, token), Explainer(admin, token, OF_NODE, "node-1")]
    seen, first = {}, 0
    for _ in range(tables):
        routes = table(chance)
        change_routes(control, text_of(routes, keys))
        for detail, times in compare(data, port, keys, explainers, routes, chance, first, count).items():
            seen[detail] = seen.get(detail, 0) + times
        first += count
    wanted = {"via_upstream", "direct_response", "redirect", "route_not_found", "path_normalization_failed", "address_not_allowed",
              "jwt_authn_access_denied", "rbac_access_denied_matched_policy", "cors_response", "node_health", "node_ready"}
    assert wanted <= set(seen), seen


def test_a_revision_is_asked_by_its_number(stage):
    services = "services:\n  s:\n    instances:\n      - url: http://127.0.0.1:9001\n"
    control = stage.control_plane("routes:\n  - path: /a\n    service: s\n", services)

    def revisions():
        done = control.ctl("history", "-o", "json")
        return len(json.loads(done.stdout)["revisions"]) if done.returncode == 0 else 0

    def detail(*words):
        return json.loads(control.ctl("explain", "GET", "/a", "-o", "json", *words, check=0).stdout)["detail"]

    wait_until(lambda: revisions() == 1, "the first revision", interval=0.05)
    control.write(routes="routes:\n  - path: /b\n    service: s\n")
    wait_until(lambda: revisions() == 2, "the second revision", interval=0.05)
    assert detail("--revision", "1") == "via_upstream" and detail("--revision", "2") == "route_not_found"
    wait_until(lambda: detail() == "route_not_found", "the second revision to be served", interval=0.05)
    assert control.ctl("explain", "GET", "/a", "--revision", "99").returncode == 66
    assert control.ctl("explain", "GET", "/a", "--revision", "1", "--node", "x").returncode == 64
    files = ["-f", control.routes_path, "-f", control.services_path]
    assert detail(*files) == "route_not_found"
    assert control.ctl("explain", "GET", "/a", "--revision", "1", *files).returncode == 64
