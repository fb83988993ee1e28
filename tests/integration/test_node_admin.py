"""A data plane's own admin API: on its port with the token, and by way of the control plane over the agent session."""
import json
from contextlib import closing

import grpc
import pytest

from support.agent import Agent, load_messages
from support.gateway import PATIENCE_S, get, wait_until

message = load_messages("gateway/dataplane/v1/dataplane.proto")
SERVICE = "/gateway.dataplane.v1.DataPlane/"
TOKEN = "a-token-of-this-node-alone"
ROUTES = "routes:\n  - path: /a\n    service: s\n  - path: /down\n    service: broken\n"


def services(port):
    return (f"services:\n  s:\n    instances:\n      - url: http://127.0.0.1:{port}\n"
            "  broken:\n    circuit_breaker: {failures: 2}\n    retries: off\n    health_check: {type: tcp, interval: 1s, unhealthy_threshold: 1}\n"
            "    load_balancing: {panic_threshold: 0}\n    instances:\n      - url: http://127.0.0.1:1\n")


class Site:
    def __init__(self, stage, tmp_path):
        self.backend = stage.backend()
        self.control = stage.control_plane(ROUTES, services(self.backend.port))
        token_file = tmp_path / "node.token"
        token_file.write_text(TOKEN + "\n")
        token_file.chmod(0o600)
        self.data = stage.data_plane(self.control.xds(), args=["--admin-token-file", token_file])
        self.port = self.data.wait_until_ready()
        wait_until(lambda: "node-1" in self.control.ctl("status", check=0).stdout, "the node in status", interval=0.05)
        self.ways = [(f"127.0.0.1:{self.data.ports()['admin_grpc']}", [("authorization", f"Bearer {TOKEN}")]),
                     (f"127.0.0.1:{self.control.ports()['admin']}",
                      [("authorization", f"Bearer {self.control.token_path.read_text().strip()}"), ("gateway-node", "node-1")])]

    def call(self, way, rpc, metadata=None, **fields):
        target, own = self.ways[way]
        with grpc.insecure_channel(target) as channel:
            stub = channel.unary_unary(SERVICE + rpc, message(f"gateway.dataplane.v1.{rpc}Request").SerializeToString,
                                       message(f"gateway.dataplane.v1.{rpc}Response").FromString)
            return stub(message(f"gateway.dataplane.v1.{rpc}Request")(**fields), timeout=PATIENCE_S, metadata=own if metadata is None else metadata)

    def refusal(self, way, rpc, metadata=None, **fields):
        with pytest.raises(grpc.RpcError) as caught:
            self.call(way, rpc, metadata, **fields)
        return caught.value.code(), caught.value.details()

    def ctl(self, *words):
        return self.control.ctl(*words, check=0).stdout


@pytest.fixture
def site(stage, tmp_path):
    return Site(stage, tmp_path)


def test_both_ways_give_the_configuration_that_serves(site):
    for way in (0, 1):
        config = site.call(way, "GetConfig")
        assert config.source == "xds" and config.ready and len(config.snapshot_version) == 16
        names = {(one.type_url.rpartition(".")[2], one.name) for one in config.resources}
        assert {("Listener", "gateway"), ("Cluster", "s"), ("Cluster", "broken"), ("ClusterLoadAssignment", "s")} <= names
        assert not any(one.HasField("content") or one.json for one in config.resources)
        listener, = site.call(way, "GetConfig", type="listener", content=True, json=True).resources
        assert listener.content.type_url == listener.type_url and len(listener.content.value) > 100
        assert json.loads(listener.json)["websocket"] is True
        assert site.refusal(way, "GetConfig", type="nonsense")[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert "RouteConfiguration" in site.ctl("node", "config", "node-1")


def test_clusters_tell_instances_circuits_and_what_is_open(site):
    assert get(site.port, "/a").status == 200
    for way in (0, 1):
        wait_until(lambda way=way: [h.check for h in site.call(way, "ListClusters", name="broken").clusters[0].endpoints[0].health] == ["failing"],
                   "the check to fail", interval=0.05)
        clusters = {one.name: one for one in site.call(way, "ListClusters").clusters}
        assert set(clusters) == {"s", "broken"} and clusters["s"].known and clusters["s"].discovery == "EDS"
        assert not clusters["s"].HasField("circuit_breaker") and clusters["broken"].circuit_breaker.state == "closed"
        assert clusters["s"].endpoints[0].address == f"127.0.0.1:{site.backend.port}" and clusters["s"].requests.max == 1024
        broken = clusters["broken"].endpoints[0].health[0]
        assert not broken.usable and broken.last_failure and broken.success_percent == -1
    assert "failing" in site.ctl("node", "clusters", "node-1", "broken")


def test_counters_and_limits(site):
    for _ in range(5):
        assert get(site.port, "/a").status == 200
    assert get(site.port, "/nowhere").status == 404
    for way in (0, 1):
        counters = site.call(way, "GetCounters")
        routes = {(one.route, one.service): one for one in counters.routes}
        assert routes["/a", "s"].requests == 5 and routes["/a", "s"].answers_2xx == 5 and routes["/a", "s"].duration_us > 0
        assert routes["", ""].answers_4xx == 1
        busiest = site.call(way, "GetCounters", routes_max=1)
        assert [one.route for one in busiest.routes] == ["/a"] and busiest.others.requests == counters.requests_total - 5
        assert site.refusal(way, "GetCounters", routes_max=10001)[0] == grpc.StatusCode.INVALID_ARGUMENT
        limits = site.call(way, "GetLimits")
        assert limits.memory_bytes > 0 and limits.descriptors > 5 and limits.descriptors_max >= limits.descriptors and limits.overload == "none"
        assert limits.fleet_size == 1
    assert get(site.data.ports()["status_http"], "/metrics").status == 200  # the text still comes
    assert "/a" in site.ctl("node", "counters", "node-1") and "overload: none" in site.ctl("node", "limits", "node-1")


def test_the_log_level_changes_at_once(site):
    assert site.call(0, "SetLogLevel", level="debug").previous_level == "info"
    assert site.call(1, "SetLogLevel", level="error").previous_level == "debug"
    assert site.ctl("node", "log-level", "node-1", "info") == "it was error\n"
    assert site.refusal(0, "SetLogLevel", level="loud")[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_drain_by_the_control_plane_ends_the_node(site):
    assert site.ctl("node", "drain", "node-1") == "draining\n"
    assert site.data.wait() == 0
    assert site.refusal(1, "GetLimits") == (grpc.StatusCode.NOT_FOUND, "no data plane node-1 of ours is connected to this control plane")
    done = site.control.ctl("node", "limits", "node-1")
    assert done.returncode == 66 and "no data plane node-1" in done.stderr


def test_who_has_no_token_is_refused(site, stage):
    for way in (0, 1):
        for metadata in ([], [("authorization", "Bearer wrong"), ("gateway-node", "node-1")]):
            assert site.refusal(way, "GetLimits", metadata)[0] == grpc.StatusCode.UNAUTHENTICATED
    nobody = [site.ways[1][1][0]]
    assert site.refusal(1, "GetLimits", nobody) == (grpc.StatusCode.INVALID_ARGUMENT, "which data plane? metadata gateway-node: ID is wanted")
    without = stage.data_plane(site.control.xds(), node_id="node-2")
    without.wait_until_ready()
    site.ways[0] = (f"127.0.0.1:{without.ports()['admin_grpc']}", site.ways[0][1])
    assert site.refusal(0, "GetLimits")[0] == grpc.StatusCode.UNAUTHENTICATED


def test_explain_of_a_node_is_by_what_it_runs(site):
    for way in (0, 1):
        answer = site.call(way, "Explain", method="GET", scheme="http", authority="x", path="/a")
        assert (answer.status, answer.route, answer.services[0].name) == (0, "/a", "s")
        assert answer.snapshot_version == site.call(way, "GetConfig").snapshot_version
    shown = site.ctl("explain", "GET", "/down", "--node", "node-1")
    assert "goes to broken" in shown and "path is /a" in shown
    of_node = json.loads(site.ctl("explain", "GET", "/down", "--node", "node-1", "-o", "json"))["services"][0]
    assert of_node["circuit"] == "closed" and of_node["instances"][0]["state"]
    assert json.loads(site.ctl("explain", "GET", "/down", "-o", "json"))["services"][0]["circuit"] == ""
    assert site.control.ctl("explain", "GET", "/a", "--node", "nobody").returncode == 66
    assert json.loads(site.ctl("explain", "GET", "/a", "-o", "json"))["detail"] == "via_upstream"


def test_yaml_is_what_json_is(site):
    import yaml
    for words in (["status"], ["get", "routes"], ["node", "config", "node-1"], ["explain", "GET", "/a"], ["version"], ["validate", "--routes", site.control.routes_path, "--services", site.control.services_path]):
        told = yaml.safe_load(site.ctl(*words, "-o", "yaml"))
        same = json.loads(site.ctl(*words, "-o", "json"))
        for moving in ("snapshot_age_ms", "uptime_ms", "age_ms", "nodes"):
            told.pop(moving, None), same.pop(moving, None)
        assert told == same, words


@pytest.mark.parametrize("way", [0, 1])
def test_reflection_tells_the_service(site, way):
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
    with grpc.insecure_channel(site.ways[way][0]) as channel:
        assert "gateway.dataplane.v1.DataPlane" in ProtoReflectionDescriptorDatabase(channel).get_services()


def test_top_tells_rates_by_route(site):
    import threading
    stop = threading.Event()

    def load():
        while not stop.is_set():
            get(site.port, "/a")

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for where in ([], ["--node", "node-1"]):
            told = json.loads(site.ctl("top", "--count", "1", "--interval", "500ms", "-o", "json", *where))
            assert told["routes"][0]["route"] == "/a" and told["routes"][0]["service"] == "s" and told["silent_nodes"] == []
            assert told["routes"][0]["requests_per_s"] > 1 and told["requests_per_s"] >= told["routes"][0]["requests_per_s"] * 0.5
            assert told["routes"][0]["mean_ms"] > 0 and told["routes"][0]["answers_5xx_per_s"] == 0
        assert "REQUESTS/S" in site.ctl("top", "--count", "1", "--interval", "200ms")
    finally:
        stop.set()
        thread.join()


def test_top_names_who_does_not_answer(site):
    with closing(Agent(site.control.xds(), "mute")):
        told = json.loads(site.ctl("top", "--count", "1", "--interval", "100ms", "-o", "json"))
        assert told["silent_nodes"] == ["mute"]
