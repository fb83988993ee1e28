"""Several control planes on one store: each knows the others' nodes, and data planes go from one to the other without being sent anything."""
import json

import pytest

from support.gateway import get, wait_until
from support.load import Load
from support.mariadb import MariaDb
from support.scale import scrape

ROUTES = "routes:\n  - {path: /a, service: s}\n"


@pytest.fixture(params=["sqlite", "mariadb"])
def store(request, tmp_path):
    """What each control plane is started with: (arguments, environment)"""
    if request.param == "sqlite":
        yield ["--store", f"sqlite:///{tmp_path}/shared.db"], {}
        return
    server = MariaDb(tmp_path / "mariadb")
    yield [], {**server.settings(), "GATEWAY_API_KEY_PEPPER": "a pepper of thirty-two bytes or so"}
    server.stop()


class Scene:
    def __init__(self, stage, store):
        self.stage, self.store, self.backend = stage, store, stage.backend()
        self.services = f'services:\n  s: {{instances: [{{url: "{self.backend.url}"}}]}}\n'

    def control(self, **kw):
        args, env = self.store
        return self.stage.control_plane(ROUTES, self.services, args=args, env=env, **kw)


def status(control):
    return json.loads(control.ctl("-o", "json", "status", check=0).stdout)


def nodes(control):
    """id → node, of all that it shows"""
    return {node["id"]: node for node in status(control).get("nodes", [])}


def wait_for_nodes(control, *ids):
    return wait_until(lambda: set(shown := nodes(control)) == set(ids) and shown, f"nodes {ids}")


def fleet_size(data):
    return scrape(data.wait_for_ports()["status_http"]).value("gateway_fleet_size")


def test_control_planes_of_one_store_show_the_whole_fleet(stage, store):
    scene = Scene(stage, store)
    one, two = scene.control(), scene.control()
    first = stage.data_plane(one.xds(), node_id="first")
    second = stage.data_plane(two.xds(), node_id="second")
    first.wait_until_ready(), second.wait_until_ready()
    for control in (one, two):
        shown = wait_for_nodes(control, "first", "second")
        wait_until(lambda: all(node["state"] == "SYNCED" for node in nodes(control).values()), "all synced")
        assert len(status(control)["control_planes"]) == 2
        assert [bool(node.get("control_plane")) for node in shown.values()].count(True) == 1
    wait_until(lambda: fleet_size(first) == 2 and fleet_size(second) == 2, "each is told of both")
    second.stop()
    wait_for_nodes(one, "first")
    wait_until(lambda: fleet_size(first) == 1, "it is alone")
    two.stop()
    wait_until(lambda: len(status(one).get("control_planes", [])) == 1, "the other has left")


def test_data_planes_fail_over_and_return_and_are_sent_nothing(stage, store):
    scene = Scene(stage, store)
    one, two = scene.control(), scene.control()
    both = f"{one.xds()},{two.xds()}"
    planes = [stage.data_plane(both, node_id=f"node-{n}") for n in range(2)]
    ports = [plane.wait_until_ready() for plane in planes]
    load = Load(ports[0], ["/a"])
    for gone, left in ((one, two), (two, None)):
        at = gone.ports()["xds"]
        gone.kill()
        if left is None:
            left = one = scene.control(name="again", xds_port=int(both.split(",")[0].rpartition(":")[2]))
        assert left.is_running() and at

        def all_here():
            told = [node for node in status(left).get("nodes", []) if not node.get("control_plane")]
            return len(told) == 2 and all(node["state"] == "SYNCED" for node in told) and told

        for node in wait_until(all_here, "both nodes at the one that is left", seconds=60):
            assert all(int(kind.get("resources_sent", 0)) == 0 for kind in node["types"]), node
    assert get(ports[1], "/a").status == 200
    load.stop()
    assert not load.failures, load.failures[:3]


def test_dead_control_planes_nodes_count_no_more(stage, store):
    scene = Scene(stage, store)
    one, two = scene.control(), scene.control()
    stage.data_plane(one.xds(), node_id="first").wait_until_ready()
    lost = stage.data_plane(two.xds(), node_id="lost")
    lost.wait_until_ready()
    wait_for_nodes(one, "first", "lost")
    two.kill()
    wait_until(lambda: set(nodes(one)) == {"first"}, "only the living are shown", seconds=60)


def test_two_nodes_with_one_id_are_told_apart(stage, store):
    scene = Scene(stage, store)
    one, two = scene.control(), scene.control()
    planes = [stage.data_plane(control.xds(), node_id="twin") for control in (one, one, two)]
    for plane in planes:
        plane.wait_until_ready()

    def told_apart():
        shown = status(one).get("nodes", [])
        return len(shown) == 3 and len({node["instance_id"] for node in shown}) == 3 and shown

    shown = wait_until(told_apart, "three nodes")
    wait_until(lambda: all(node["state"] == "SYNCED" for node in status(one)["nodes"]), "all synced")
    here = [node for node in status(one)["nodes"] if not node.get("control_plane")]
    assert len(here) == 2 and len(shown) == 3
    assert all(any("another node uses this id" in trouble for trouble in node["troubles"]) for node in here)
    assert "give each its own --node-id" in one.ctl("status", check=0).stdout
