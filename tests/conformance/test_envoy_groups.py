"""Stock Envoy as a node of a group: it has its group's routes and services, by state of the world and by increments, and keeps them while
groups come and go."""
import json

import pytest

from support.envoy import Envoy
from support.gateway import get, wait_until

LISTENERS = "listeners:\n  - {name: gateway, port: 0}\n"
ROUTES = LISTENERS + """
routes:
  - {path: /common, service: common}
  - {path: /edge, service: edge, node_groups: edge}
  - {path: /inner, service: inner, node_groups: inner}
  - {path: /who, service: common}
  - {path: /who, service: edge, node_groups: edge}
  - {path: /locked, service: edge, rate_limit: {requests: 5, per: 1m, scope: service}, node_groups: edge}
"""
PLAIN = LISTENERS + "routes:\n  - {path: /common, service: common}\n  - {path: /who, service: common}\n"
EDGE = {"/common": "common", "/edge": "edge", "/inner": 404, "/who": "edge"}
INNER = {"/common": "common", "/edge": 404, "/inner": "inner", "/who": "common"}
NONE = {"/common": "common", "/edge": 404, "/inner": 404, "/who": "common"}


def answers(port):
    """path → who answers, or the status."""
    told = {}
    for path in EDGE:
        answer = get(port, path)
        told[path] = answer.json()["backend"] if answer.status == 200 else answer.status
    return told


def services_of(envoy):
    return {line.split("::")[0] for line in envoy.admin("/clusters").text.splitlines()} & {"common", "edge", "inner"}


def states(control):
    return {node["id"]: node["state"] for node in json.loads(control.ctl("status", "-o", "json", check=0).stdout)["nodes"]}


@pytest.mark.parametrize("delta", [False, True], ids=["sotw", "delta"])
def test_envoy_has_the_routes_of_its_group(stage, tmp_path, delta):
    backends = {name: stage.backend(name) for name in ("common", "edge", "inner")}
    services = "services:\n" + "".join(f"  {name}: {{instances: [{{url: '{each.url}'}}]}}\n" for name, each in backends.items())
    control = stage.control_plane(ROUTES, services)
    envoys = {group: Envoy(tmp_path / group, control.xds(), node_id=f"envoy-{group}", cluster=group, delta=delta)
              for group in ("edge", "inner", "elsewhere")}
    stage.started += envoys.values()
    ours = stage.data_plane(control.xds(), node_id="ours", args=["--node-cluster", "edge"])
    ports = {group: envoy.port() for group, envoy in envoys.items()}
    assert answers(ports["edge"]) == answers(ours.wait_until_ready()) == EDGE
    assert answers(ports["inner"]) == INNER and answers(ports["elsewhere"]) == NONE
    assert services_of(envoys["edge"]) == {"common", "edge"}
    assert services_of(envoys["inner"]) == {"common", "inner"}
    assert services_of(envoys["elsewhere"]) == {"common"}
    assert get(ports["edge"], "/locked").status == 501  # what Envoy can't enforce is closed, in groups, too
    wait_until(lambda: set(states(control).values()) == {"SYNCED"} and len(states(control)) == 4, "all synced")

    control.write(ROUTES.replace("/edge,", "/border,"))
    wait_until(lambda: get(ports["edge"], "/border").status == 200, "the group's new route")
    assert get(ports["inner"], "/border").status == get(ports["elsewhere"], "/border").status == 404
    control.write(PLAIN)
    for group, port in ports.items():
        wait_until(lambda: answers(port) == NONE, f"no group for {group}")
    control.write(ROUTES)
    wait_until(lambda: answers(ports["edge"]) == EDGE and answers(ports["inner"]) == INNER, "the groups are back")
    assert answers(ports["elsewhere"]) == NONE
    wait_until(lambda: set(states(control).values()) == {"SYNCED"}, "all synced again")
