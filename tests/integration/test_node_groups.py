"""Groups of nodes: data planes of one --node-cluster have routes, listeners and services of their own."""
import json

from support.gateway import get, wait_until

SERVICES = """
services:
  common: {{instances: [{{url: "http://127.0.0.1:{common}"}}]}}
  edge: {{instances: [{{url: "http://127.0.0.1:{edge}"}}]}}
  inner: {{instances: [{{url: "http://127.0.0.1:{inner}"}}]}}
"""
ROUTES = """
routes:
  - {path: /common, service: common}
  - {path: /edge, service: edge, node_groups: edge}
  - {path: /inner, service: inner, node_groups: [inner]}
  - {path: /who, service: common}
  - {path: /who, service: edge, node_groups: edge}
"""


def running(plane):
    """What it runs, without what time changes."""
    dumped = plane.admin("/config_dump").json()
    dumped.pop("age_ms", None)
    return dumped


def start(stage, routes=ROUTES):
    backends = {name: stage.backend(name) for name in ("common", "edge", "inner")}
    control = stage.control_plane(routes, SERVICES.format(**{name: backend.port for name, backend in backends.items()}))
    planes = {group: stage.data_plane(control.xds(), node_id=f"node-{group or 'other'}",
                                      args=["--node-cluster", group] if group else []) for group in ("edge", "inner", "")}
    return control, planes, {group: plane.wait_until_ready() for group, plane in planes.items()}


def answers(port):
    """path → who answers, or the status."""
    told = {}
    for path in ("/common", "/edge", "/inner", "/who"):
        answer = get(port, path)
        told[path] = answer.json()["backend"] if answer.status == 200 else answer.status
    return told


def clusters(plane):
    return {name for name in ("common", "edge", "inner") if name in plane.admin("/clusters").text}


def test_each_group_has_its_own_routes_and_services(stage):
    control, planes, ports = start(stage)
    assert answers(ports["edge"]) == {"/common": "common", "/edge": "edge", "/inner": 404, "/who": "edge"}
    assert answers(ports["inner"]) == {"/common": "common", "/edge": 404, "/inner": "inner", "/who": "common"}
    assert answers(ports[""]) == {"/common": "common", "/edge": 404, "/inner": 404, "/who": "common"}
    assert clusters(planes["edge"]) == {"common", "edge"}
    assert clusters(planes["inner"]) == {"common", "inner"}
    assert clusters(planes[""]) == {"common"}
    status = wait_until(lambda: (told := json.loads(control.ctl("-o", "json", "status", check=0).stdout)) and
                        all(node["state"] == "SYNCED" for node in told["nodes"]) and told, "all synced")
    assert len({node["snapshotVersion"] if "snapshotVersion" in node else node["snapshot_version"] for node in status["nodes"]}) == 3
    listed = control.ctl("get", "routes", check=0).stdout
    assert "node group edge" in listed and "node group inner" in listed
    assert all(name in control.ctl("get", "services", check=0).stdout for name in ("common", "edge", "inner"))


def test_change_of_one_group_is_sent_to_that_group_alone(stage):
    control, planes, ports = start(stage)
    wait_until(lambda: control.ctl("status", check=0).stdout.count("SYNCED") == 3, "all synced")
    before = {group: running(plane) for group, plane in planes.items()}
    control.write(ROUTES.replace("/edge,", "/border,"))
    wait_until(lambda: get(ports["edge"], "/border").status == 200, "the new route of the group")
    wait_until(lambda: control.ctl("status", check=0).stdout.count("SYNCED") == 3, "all synced")
    assert get(ports["inner"], "/border").status == 404 and get(ports[""], "/border").status == 404
    for group in ("inner", ""):
        assert running(planes[group]) == before[group]


def test_group_comes_and_goes_while_its_nodes_are_connected(stage):
    plain = "routes:\n  - {path: /common, service: common}\n  - {path: /who, service: common}\n"
    control, planes, ports = start(stage, plain)
    assert all(answers(port)["/who"] == "common" for port in ports.values())
    control.write(ROUTES)
    wait_until(lambda: answers(ports["edge"])["/who"] == "edge", "the group's route")
    assert answers(ports["inner"])["/inner"] == "inner" or wait_until(lambda: get(ports["inner"], "/inner").status == 200, "inner")
    control.write(plain)
    wait_until(lambda: answers(ports["edge"]) == {"/common": "common", "/edge": 404, "/inner": 404, "/who": "common"}, "the group is gone")
    assert all(plane.is_running() for plane in planes.values())


def explained(control, path, *words):
    """What explain says of a path: the service (or the detail), and of which nodes it says so."""
    answer = json.loads(control.ctl("explain", "GET", path, "-o", "json", *words, check=0).stdout)
    services = [service["name"] for service in answer.get("services", [])]
    return (services or [answer["detail"]])[0], answer.get("node_cluster", "")


def test_explain_answers_for_a_group_by_files_by_what_is_served_and_by_its_node(stage):
    control, planes, ports = start(stage)
    files = ["-f", control.routes_path, "-f", control.services_path]
    for words in ([], files):
        assert explained(control, "/who", *words) == ("common", "")
        assert explained(control, "/who", *words, "--node-cluster", "edge") == ("edge", "edge")
        assert explained(control, "/edge", *words, "--node-cluster", "inner") == ("route_not_found", "inner")
        assert explained(control, "/who", *words, "--node-cluster", "elsewhere") == ("common", "")
        told = control.ctl("explain", "GET", "/who", *words, check=0).stdout
        assert "in no group; with routes of their own there are: edge, inner" in told
        told = control.ctl("explain", "GET", "/who", *words, "--node-cluster", "elsewhere", check=0).stdout
        assert "nothing is for nodes of cluster elsewhere alone" in told
    wait_until(lambda: control.ctl("explain", "GET", "/who", "--node", "node-edge").returncode == 0, "the node's session")
    assert explained(control, "/who", "--node", "node-edge") == ("edge", "edge")
    assert "of cluster edge" in control.ctl("explain", "GET", "/who", "--node", "node-edge", check=0).stdout
    assert control.ctl("explain", "GET", "/who", "--node", "node-edge", "--node-cluster", "edge").returncode == 64
