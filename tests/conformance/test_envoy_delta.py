"""Stock Envoy by incremental xDS and by the state of the world, in one fleet under our control plane: changes, withdrawals, a restart."""
import json
import socket
import time

import pytest

from support.envoy import Envoy
from support.gateway import get, wait_until
from support.load import Load

WARM_UP_S = 15  # for so long Envoy waits for what a warming resource lacks


def services(**urls):
    text = "services:\n"
    for name, url in urls.items():
        text += f'  {name}: {{instances: [{{url: "{url}"}}]}}\n'
    return text


ROUTES = "routes: [{path: /fixed, service: fixed}, {path: /moving, service: moving}]"


class Fleet:
    """An Envoy of each protocol, and a data plane of ours."""

    def __init__(self, stage, routes, services_text):
        self.stage, self.env_file = stage, stage.folder / "fleet.env"
        self.set_connect_timeout(5)
        self.control = stage.control_plane(routes, services_text, args=["--env-file", self.env_file])
        self.xds_port = self.control.wait_for_ports()["xds"]
        self.envoys = [Envoy(stage.folder / "envoy", self.control.xds(), node_id=name, name=name, delta=name == "delta")
                       for name in ("delta", "sotw")]
        stage.started += self.envoys
        self.data = stage.data_plane(self.control.xds())
        self.ports = [envoy.port() for envoy in self.envoys] + [self.data.wait_until_ready()]

    def set_connect_timeout(self, seconds):
        """Of all clusters: another one makes new clusters of them in Envoy, which warm until their endpoints come."""
        fresh = self.env_file.with_suffix(".new")
        fresh.write_text(f"GATEWAY_CONNECT_TIMEOUT={seconds}s\n")
        fresh.rename(self.env_file)

    def wait_until_warm(self, connect_timeout):
        """In both Envoys; returns how long it took."""
        start = time.monotonic()
        for envoy in self.envoys:
            def is_warm(envoy=envoy):
                dump = json.loads(envoy.admin("/config_dump?resource=dynamic_active_clusters").body)
                timeouts = {entry["cluster"]["name"]: entry["cluster"].get("connect_timeout") for entry in dump.get("configs", [])}
                return timeouts.get("moving") == timeouts.get("fixed") == f"{connect_timeout}s"

            wait_until(is_warm, f"warm clusters in {envoy.name}")
        return time.monotonic() - start

    def wait_for(self, path, want, what):
        """Until all three answer so; returns how long the slowest took."""
        start = time.monotonic()
        for port in self.ports:
            wait_until(lambda port=port: want(get(port, path)), f"{what} at port {port}")
        return time.monotonic() - start

    def synced(self):
        def look():
            nodes = json.loads(self.control.ctl("status", "-o", "json", check=0).stdout)["nodes"]
            return len(nodes) == 3 and {n["state"] for n in nodes} == {"SYNCED"} and {n["id"]: n["xds_protocol"] for n in nodes}

        try:
            return wait_until(look, "the fleet to be SYNCED")
        except AssertionError as problem:
            raise AssertionError(f'{problem}\n{self.control.ctl("status", check=0).stdout}') from None

    def restart(self, routes, services_text):
        self.control.stop()
        self.control = self.stage.control_plane(routes, services_text, xds_port=self.xds_port, args=["--env-file", self.env_file])


def sent(control, protocol, type_name):
    text = control.http("/metrics").text
    return int(text.split(f'gateway_controlplane_xds_resources_sent_total{{protocol="{protocol}",type="{type_name}"}} ')[1].split()[0])


@pytest.fixture
def fleet(stage):
    backends = {name: stage.backend(name) for name in ("fixed", "old", "new")}
    made = Fleet(stage, ROUTES, services(fixed=backends["fixed"].url, moving=backends["old"].url))
    made.backends = backends
    return made


def is_from(name):
    return lambda answer: answer.status == 200 and answer.json()["backend"] == name


def test_both_protocols_serve_and_are_told_apart(fleet):
    fleet.wait_for("/moving", is_from("old"), "the start")
    assert fleet.synced() == {"delta": "delta", "sotw": "sotw", "node-1": "delta"}


def test_moved_endpoints_are_one_resource(fleet):
    url = {name: backend.url for name, backend in fleet.backends.items()}
    fleet.synced()
    before = sent(fleet.control, "delta", "EDS")
    fleet.control.write(services=services(fixed=url["fixed"], moving=url["new"]))
    assert fleet.wait_for("/moving", is_from("new"), "the moved endpoints") < WARM_UP_S / 3
    fleet.synced()
    assert sent(fleet.control, "delta", "EDS") == before + 2  # one each for Envoy and for the data plane


def test_changed_clusters_are_warm_at_once_though_their_endpoints_did_not_change(fleet):
    fleet.synced()
    load = Load(fleet.ports[0], ["/fixed", "/moving"], clients=2)
    wait_until(lambda: load.done > 50, "load")
    for timeout in (6, 7):
        fleet.set_connect_timeout(timeout)
        assert fleet.wait_until_warm(timeout) < WARM_UP_S / 3
        fleet.synced()
    load.stop()
    assert not load.failures


def test_withdrawn_endpoints_empty_the_cluster(fleet):
    url = {name: backend.url for name, backend in fleet.backends.items()}
    text = services(fixed=url["fixed"], moving=url["old"]).replace(f'{{url: "{url["old"]}"}}', f'{{url: "{url["old"]}", healthy: false}}')
    fleet.control.write(services=text)
    fleet.wait_for("/moving", lambda answer: answer.status == 503, "the empty service")
    fleet.synced()


def test_restart_of_the_control_plane_loses_no_request_and_warms_nothing(fleet):
    url = {name: backend.url for name, backend in fleet.backends.items()}
    fleet.synced()
    loads = [Load(port, ["/fixed"], clients=2) for port in fleet.ports]
    wait_until(lambda: all(load.done > 50 for load in loads), "load")
    # The same content: our own node is sent nothing, Envoy only endpoints, for which a cluster may wait.
    fleet.restart(ROUTES, services(fixed=url["fixed"], moving=url["old"]))
    fleet.synced()
    assert {name: sent(fleet.control, "delta", name) for name in ("CDS", "EDS", "LDS", "RDS")} == {"CDS": 0, "EDS": 2, "LDS": 0, "RDS": 0}
    # Changed while it was away: all clusters, endpoints, a new service and its route.
    fleet.control.stop()
    fleet.set_connect_timeout(6)
    fleet.restart(ROUTES.replace("]", ", {path: /more, service: more}]"), services(fixed=url["fixed"], moving=url["new"], more=url["new"]))
    assert fleet.wait_until_warm(6) < WARM_UP_S
    fleet.wait_for("/more", is_from("new"), "the new service")
    fleet.wait_for("/moving", is_from("new"), "the moved endpoints")
    fleet.synced()
    for load in loads:
        load.stop()
    assert not [failure for load in loads for failure in load.failures]


@pytest.mark.parametrize("protocol", ["delta", "sotw"])
def test_refused_listener_is_told_keeps_nothing_else_back_and_heals(stage, protocol):
    """Envoy refuses a listener whose port is taken. What is refused is not sent again until it differs, or the stream is another."""
    one, two = stage.backend("one"), stage.backend("two")
    routes = "listeners:\n  - {name: gateway, port: 0}\n%sroutes: [{path: /a, service: a}]"
    control = stage.control_plane(routes % "", services(a=one.url))
    envoy = Envoy(stage.folder / "envoy", control.xds(), delta=protocol == "delta")
    stage.started.append(envoy)
    port = envoy.port()

    def node():
        nodes = json.loads(control.ctl("status", "-o", "json", check=0).stdout)["nodes"]
        return nodes[0] if nodes else None

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        control.write(routes=routes % f"  - {{name: other, port: {taken.getsockname()[1]}}}\n")
        refused = wait_until(lambda: node()["state"] == "REFUSED" and node(), "the refusal")
        assert "other" in refused["reason"] and "in use" in refused["reason"], refused
        sent_before = sent(control, protocol, "LDS")
        # Everything else still comes.
        control.write(services=services(a=two.url))
        wait_until(lambda: get(port, "/a").json()["backend"] == "two", "the moved service")
        assert node()["state"] == "REFUSED" and sent(control, protocol, "LDS") == sent_before
    # Another port is other content.
    control.write(routes=routes % "  - {name: other, port: 0}\n")
    assert get(envoy.port("other"), "/a").json()["backend"] == "two"
    wait_until(lambda: node()["state"] == "SYNCED", "the node to be well")
