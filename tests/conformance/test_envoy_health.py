"""The same services.yaml in stock Envoy and in our data plane: who is unhealthy, who is ejected after how many failures, and when they are back."""
import collections
import concurrent.futures

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from support.backend import Backend
from support.envoy import Envoy
from support.gateway import get, wait_until

ROUTES = 'routes: [{path: "/**", service: s}]'


class Moody(Backend):
    moods = {}

    async def _answer(self, writer, method, target, headers, body, words, ask):
        status = next((status for beginning, status in self.moods.items() if target.startswith(beginning)), None)
        return await super()._answer(writer, method, target, headers, body, words, {**ask, "status": status} if status else ask)


@pytest.fixture
def both(stage):
    """Starts our data plane and Envoy under one control plane; returns it and their ports."""

    def start(services):
        control = stage.control_plane(ROUTES, services)
        data = stage.data_plane(control.xds(), workers=1)
        envoy = Envoy(stage.folder / "envoy", control.xds())
        stage.started.append(envoy)
        return control, {"ours": data.wait_until_ready(), "envoy": envoy.port()}

    return start


def start_backends(stage, *names):
    made = [Moody(name) for name in names]
    for backend in made:
        backend.moods = {}
    stage.started.extend(made)
    return made


def services(backends, extra):
    instances = ", ".join(f'{{url: "{backend.url}"}}' for backend in backends)
    return f"services:\n  s: {{instances: [{instances}], {extra}}}\n"


def picks(port, count=20):
    return collections.Counter(get(port, "/x").headers.get("x-backend") for _ in range(count))


def for_both(ports, condition, what):
    for port in ports.values():
        wait_until(lambda port=port: condition(port), what)


def test_checks_find_the_same(stage, both):
    a, b, c = start_backends(stage, "a", "b", "c")
    check = "health_check: {path: /ok, expect: [200, 204-205], interval: 100ms, unhealthy_threshold: 2}"
    control, ports = both(services([a, b], check))
    for_both(ports, lambda port: set(picks(port)) == {"a", "b"}, "both instances")
    seen = {request.header("user-agent")[0]: request for request in a.requests if request.target == "/ok"}
    ours, envoys = seen["gateway-health-check"], seen["Envoy/HC"]
    assert (ours.method, ours.version, ours.header("host")) == (envoys.method, envoys.version, envoys.header("host"))
    a.moods["/ok"] = 500
    for_both(ports, lambda port: picks(port) == {"b": 20}, "b alone")
    a.moods["/ok"] = 205
    for_both(ports, lambda port: set(picks(port)) == {"a", "b"}, "both again")
    # One that is added waits for its first check, and stands for no panic.
    c.moods["/ok"] = 500
    control.write(services=services([a, b, c], check))
    wait_until(lambda: {r.header("user-agent")[0] for r in c.requests} == {"gateway-health-check", "Envoy/HC"}, "checks of both")
    for port in ports.values():
        assert set(picks(port)) == {"a", "b"}
    c.moods.clear()
    for_both(ports, lambda port: set(picks(port)) == {"a", "b", "c"}, "all three")
    # One that is taken away gets nothing more, however well it is.
    control.write(services=services([a, c], check))
    for_both(ports, lambda port: set(picks(port)) == {"a", "c"}, "it to be gone")


def test_nobody_left_is_the_same_answer(stage, both):
    a, b = start_backends(stage, "a", "b")
    a.moods["/ok"] = b.moods["/ok"] = 500
    check = "health_check: {path: /ok, interval: 100ms, unhealthy_threshold: 1}"
    control, ports = both(services([a, b], f"load_balancing: {{panic_threshold: 0}}, {check}"))
    for_both(ports, lambda port: get(port, "/x").status == 503, "503")
    control.write(services=services([a, b], check))
    for_both(ports, lambda port: set(picks(port)) == {"a", "b"}, "all in a panic")


@pytest.mark.parametrize("extra,failures", [("consecutive_5xx: 4, success_rate: false", 4),
                                            ("consecutive_5xx: 0, consecutive_gateway_failures: 3, success_rate: false", 3)])
def test_outliers_are_ejected_after_as_many_failures(stage, both, extra, failures):
    a, b = start_backends(stage, "a", "b")
    settings = f"outlier_detection: {{{extra}, interval: 200ms, base_ejection_time: 3s, max_ejection_percent: 50}}"
    _, ports = both(services([a, b], settings))
    for_both(ports, lambda port: set(picks(port, 4)) == {"a", "b"}, "both instances")
    for port in ports.values():
        a.moods["/"] = 503
        before = len(a.requests)
        wait_until(lambda port=port: picks(port, 2) == {"b": 2}, "the ejection")
        assert picks(port) == {"b": 20}
        assert len(a.requests) - before == failures
        a.moods.clear()
        wait_until(lambda port=port: set(picks(port, 4)) == {"a", "b"}, "its end")


def test_maximum_of_ejections_is_the_same(stage, both):
    backends = start_backends(stage, "a", "b", "c", "d")
    for backend in backends:
        backend.moods["/x"] = 500
    settings = "outlier_detection: {consecutive_5xx: 2, base_ejection_time: 60s, max_ejection_percent: 50}, load_balancing: {panic_threshold: 0}"
    _, ports = both(services(backends, settings))
    for_both(ports, lambda port: len(picks(port, 12)) == 2, "two of four to be left")
    for port in ports.values():
        assert len(picks(port, 40)) == 2


def test_grpc_health_is_the_same(stage, both):
    servers = []
    for _ in range(2):
        server, servicer = grpc.server(concurrent.futures.ThreadPoolExecutor(4)), health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        servers.append((server, servicer, server.add_insecure_port("127.0.0.1:0")))
        servicer.set("shop.Orders", health_pb2.HealthCheckResponse.SERVING)
        server.start()
    instances = ", ".join(f'{{url: "http://127.0.0.1:{port}"}}' for _, _, port in servers)
    check = "health_check: {type: grpc, service: shop.Orders, interval: 100ms}"
    _, ports = both(f"services: {{s: {{protocol: h2, {check}, load_balancing: {{panic_threshold: 0}}, instances: [{instances}]}}}}")

    def call(port):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="shop.Orders"), timeout=10)
                return grpc.StatusCode.OK
            except grpc.RpcError as error:
                return error.code()

    try:
        for_both(ports, lambda port: call(port) == grpc.StatusCode.OK, "a call")
        for _, servicer, _ in servers:
            servicer.set("shop.Orders", health_pb2.HealthCheckResponse.NOT_SERVING)
        for_both(ports, lambda port: call(port) == grpc.StatusCode.UNAVAILABLE, "nobody to be left")
        servers[1][1].set("shop.Orders", health_pb2.HealthCheckResponse.SERVING)
        for_both(ports, lambda port: call(port) == grpc.StatusCode.OK, "the one that serves again")
    finally:
        for server, _, _ in servers:
            server.stop(None).wait()
