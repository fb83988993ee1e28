"""Instances that fail and recover: health checks take them out and bring them back, outlier detection ejects who fails requests."""
import collections
import concurrent.futures
import re
import ssl

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from support.app import App
from support.backend import Backend
from support.certificates import make_certificate
from support.gateway import get, wait_until

ROUTES = 'routes: [{path: "/**", service: s}]'
QUICK = "interval: 50ms, timeout: 2s, healthy_threshold: 2, unhealthy_threshold: 2"


class Moody(Backend):
    """A backend whose answers to targets with a beginning have the status that the test says."""

    def __init__(self, name, port=0):
        super().__init__(name, port)
        self.moods = {}

    async def _answer(self, writer, method, target, headers, body, words, ask):
        for beginning, status in self.moods.items():
            if target.startswith(beginning):
                ask = {**ask, "status": status() if callable(status) else status}
        return await super()._answer(writer, method, target, headers, body, words, ask)

    def count(self, beginning):
        return sum(seen.target.startswith(beginning) for seen in self.requests)


def start(stage, *names, port=0):
    made = [Moody(name, port) for name in names]
    stage.started.extend(made)
    return made


def services(backends, extra):
    instances = ", ".join(f'{{url: "{backend.url}"}}' for backend in backends)
    return f"services:\n  s: {{instances: [{instances}], {extra}}}\n"


def picks(port, count=20, path="/x"):
    return collections.Counter(get(port, path).json().get("backend") for _ in range(count))


def health_of(data):
    """What the data plane says of each instance's health, by port."""
    endpoints = data.admin("/clusters").json()["clusters"][0]["endpoints"]
    return {endpoint["port"]: endpoint["health"][0] for endpoint in endpoints}


def metric(data, name, **labels):
    wanted = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    found = re.search(rf"^{name}{re.escape(wanted)} (\d+)$", data.status("/metrics").text, re.M)
    return int(found[1]) if found else None


def test_check_takes_an_instance_out_and_brings_it_back(stage):
    a, b = backends = start(stage, "a", "b")
    control, data, port = stage.both(ROUTES, services(backends, f"health_check: {{path: /ok, expect: [204, 200-201], {QUICK}}}"))
    assert set(picks(port)) == {"a", "b"}
    wait_until(lambda: a.count("/ok") > 3, "checks")
    request = next(seen for seen in a.requests if seen.target == "/ok")
    assert (request.method, request.header("host"), request.header("user-agent")) == ("GET", ["s"], ["gateway-health-check"])
    a.moods["/ok"] = 503
    wait_until(lambda: picks(port) == {"b": 20}, "b alone")
    assert health_of(data)[a.port] == {"address": f"127.0.0.1:{a.port}", "usable": False, "check": "failing",
                                       "last_failure": "answered 503", "ejected": False}
    assert health_of(data)[b.port]["check"] == "passing"
    assert f"cluster s: 127.0.0.1:{a.port} is unhealthy: 2 checks in a row have failed, the last: answered 503" in data.log()
    trouble = f"service s: 1 of 2 instances out of use: 127.0.0.1:{a.port} (health check: answered 503)"
    wait_until(lambda: trouble in control.ctl("status", check=0).stdout, "the control plane to hear of it")
    assert metric(data, "gateway_upstream_endpoints", service="s", state="unhealthy") == 1
    assert metric(data, "gateway_upstream_endpoints", service="s", state="healthy") == 1
    assert metric(data, "gateway_upstream_health_transitions_total", service="s", to="unhealthy") == 1
    assert metric(data, "gateway_upstream_health_checks_total", service="s", result="failed") >= 2
    a.moods["/ok"] = 201
    wait_until(lambda: set(picks(port)) == {"a", "b"}, "both again")
    assert f"127.0.0.1:{a.port} is healthy again: 2 checks in a row have passed" in data.log()
    assert a.connections <= 10, "checks do not keep their connection"
    wait_until(lambda: "out of use" not in control.ctl("status", check=0).stdout, "the control plane to hear of that, too")


def test_check_finds_a_dead_instance_and_its_successor(stage):
    a, b = backends = start(stage, "a", "b")
    _, data, port = stage.both(ROUTES, services(backends, "health_check: {type: tcp, interval: 50ms, unhealthy_threshold: 1}"))
    assert set(picks(port)) == {"a", "b"}
    a.stop()
    wait_until(lambda: health_of(data)[a.port]["check"] == "failing", "a's death to be known")
    wait_until(lambda: all(get(port, "/x").status == 200 for _ in range(20)), "b alone")
    assert health_of(data)[a.port]["last_failure"] == "connecting: Connection refused"
    start(stage, "c", port=a.port)
    wait_until(lambda: set(picks(port)) == {"b", "c"}, "the successor")


def test_state_survives_changes_that_do_not_touch_the_instance(stage):
    a, b = backends = start(stage, "a", "b")
    extra = f"health_check: {{path: /ok, {QUICK}}}"
    control, data, port = stage.both(ROUTES, services(backends, extra))
    a.moods["/ok"] = 500
    wait_until(lambda: picks(port) == {"b": 20}, "b alone")
    (c,) = start(stage, "c")
    before = a.count("/x")
    control.write(services=services([a, b, c], extra))
    wait_until(lambda: set(picks(port)) == {"b", "c"}, "the new one")
    control.write(routes='routes: [{path: "/**", service: s, timeout: 7}]')
    version = data.admin("/config_dump").json()["version"]
    wait_until(lambda: data.admin("/config_dump").json()["version"] != version, "the change")
    assert set(picks(port)) == {"b", "c"}
    # Settings of the checks change, and what is known of who is well stays.
    a.moods["/fine"] = 500
    control.write(services=services([a, b, c], extra.replace("/ok", "/fine")))
    wait_until(lambda: a.count("/fine") > 0, "checks by the new settings")
    assert set(picks(port)) == {"b", "c"}
    assert a.count("/x") == before


def test_new_instance_gets_nothing_before_its_first_check_has_passed(stage):
    a, b, c = start(stage, "a", "b", "c")
    extra = "health_check: {path: /ok, interval: 50ms}"
    control, data, port = stage.both(ROUTES, services([a], extra))
    wait_until(lambda: health_of(data)[a.port]["check"] == "passing", "the first check")
    # They hang: nobody knows of them yet, and two of three that are not well would be a panic if they counted.
    control.write(services=services([a, b, c], extra.replace("/ok", "/delay/300")))
    wait_until(lambda: b.port in health_of(data), "b to be known")
    assert health_of(data)[b.port] == {"address": f"127.0.0.1:{b.port}", "usable": False, "check": "pending", "last_failure": "",
                                       "ejected": False}
    assert picks(port) == {"a": 20}
    wait_until(lambda: set(picks(port)) == {"a", "b", "c"}, "all")


def test_nobody_left_is_503_without_panic_and_all_with_it(stage):
    backends = start(stage, "a", "b")
    extra = f"health_check: {{path: /ok, {QUICK}}}"
    for backend in backends:
        backend.moods["/ok"] = 500
    control, data, port = stage.both(ROUTES, services(backends, f"load_balancing: {{panic_threshold: 0}}, {extra}"))
    answer = wait_until(lambda: (found := get(port, "/x")).status == 503 and found, "nobody to be left")
    assert answer.json()["message"] == "the service has no usable instance"
    assert "cluster s: no healthy endpoint is left, requests are answered 503" in data.log()
    wait_until(lambda: '"UH"' in data.output(), "the flag in the access log")
    assert '"no_healthy_upstream"' in data.output()
    control.write(services=services(backends, extra))
    wait_until(lambda: get(port, "/x").status == 200, "all to be used")
    assert set(picks(port)) == {"a", "b"}


def test_switched_off_instance_is_neither_used_nor_checked(stage):
    a, b = start(stage, "a", "b")
    text = f'services: {{s: {{health_check: /ok, instances: [{{url: "{a.url}"}}, {{url: "{b.url}", healthy: false}}]}}}}'
    _, _, port = stage.both(ROUTES, text)
    wait_until(lambda: a.count("/ok") > 0, "a check")
    assert picks(port) == {"a": 20}
    assert not b.requests


@pytest.fixture
def grpc_server():
    servers = []

    def start_server():
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        servicer = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        servicer.set("shop.Orders", health_pb2.HealthCheckResponse.SERVING)
        return servicer, port

    yield start_server
    for server in servers:
        server.stop(None).wait()


def test_grpc_health_service_is_believed(stage, grpc_server):
    (first, first_port), (_, second_port) = grpc_server(), grpc_server()
    text = f"""
services:
  s:
    protocol: h2
    health_check: {{type: grpc, service: shop.Orders, interval: 50ms}}
    instances: [{{url: "http://127.0.0.1:{first_port}"}}, {{url: "http://127.0.0.1:{second_port}"}}]
"""
    _, data, port = stage.both(ROUTES, text)
    wait_until(lambda: all(one["check"] == "passing" for one in health_of(data).values()), "both to serve")
    first.set("shop.Orders", health_pb2.HealthCheckResponse.NOT_SERVING)
    wait_until(lambda: not health_of(data)[first_port]["usable"], "the first to be out")
    assert health_of(data)[first_port]["last_failure"] == "is NOT_SERVING"
    assert health_of(data)[second_port]["usable"]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for _ in range(10):
            reply = stub.Check(health_pb2.HealthCheckRequest(service="shop.Orders"), timeout=10)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
    first.set("shop.Orders", health_pb2.HealthCheckResponse.SERVING)
    wait_until(lambda: health_of(data)[first_port]["usable"], "the first to be back")


@pytest.mark.parametrize("protocol", ["h1", "h2", "auto"])
def test_checks_go_over_the_services_tls(stage, protocol):
    make_certificate(stage.folder, "stranger", "localhost")
    authority = make_certificate(stage.folder, "authority")
    pair = make_certificate(stage.folder, "service", "127.0.0.1", issuer=authority)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    speaks = "h2" if protocol == "auto" else protocol
    tls.set_alpn_protocols(["h2" if speaks == "h2" else "http/1.1"])
    app = App("app", protocol=speaks, tls=tls)
    stage.started.append(app)
    name = {"h1": "http1"}.get(protocol, protocol)

    def text(check, ca):
        return f"""
services:
  s: {{protocol: {name}, tls: {{ca: "{stage.folder}/{ca}.crt"}}, health_check: {{{check}, interval: 50ms}}, instances: [{{url: "{app.url}"}}]}}
"""

    def shows(check, beginning=""):
        found = health_of(data).get(app.port, {})
        return found.get("check") == check and found["last_failure"].startswith(beginning)

    control = stage.control_plane(ROUTES, text("path: /status/200", "authority"))
    data = stage.data_plane(control.xds())
    data.wait_until_ready()
    wait_until(lambda: shows("passing"), "the check over TLS")
    wait_until(lambda: len(app.requests) > 2, "more of them")
    assert app.connections == 1
    assert {seen.protocol for seen in app.requests} == {app.requests[0].protocol}
    control.write(services=text("type: tcp", "stranger"))
    wait_until(lambda: shows("failing", "TLS: "), "a handshake that fails")


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_answer_that_is_long_is_judged_by_its_status(stage, protocol):
    app = App("app", protocol=protocol)
    stage.started.append(app)
    name = {"h1": "http1"}.get(protocol, protocol)

    def text(path):
        return f'services: {{s: {{protocol: {name}, health_check: {{path: {path}, interval: 50ms}}, instances: [{{url: "{app.url}"}}]}}}}'

    control, data, _ = stage.both(ROUTES, text("/bytes/3000000"))
    wait_until(lambda: metric(data, "gateway_upstream_health_checks_total", service="s", result="passed") > 3, "checks")
    assert health_of(data)[app.port]["check"] == "passing"
    control.write(services=text("/status/404"))
    wait_until(lambda: health_of(data)[app.port]["check"] == "failing", "the other status")
    assert health_of(data)[app.port]["last_failure"] == "answered 404"


def test_grpc_service_that_is_not_known_is_unhealthy(stage, grpc_server):
    _, server_port = grpc_server()
    text = f"""
services:
  s:
    protocol: h2
    health_check: {{type: grpc, service: shop.Other, interval: 50ms}}
    instances: [{{url: "http://127.0.0.1:{server_port}"}}]
"""
    _, data, _ = stage.both(ROUTES, text)
    wait_until(lambda: health_of(data)[server_port]["check"] == "failing", "the check to fail")
    assert health_of(data)[server_port]["last_failure"] == "answered grpc-status 5"


EJECT = "interval: 100ms, base_ejection_time: 1s, max_ejection_percent: 50"


def test_outlier_is_ejected_and_comes_back(stage):
    a, b, c = backends = start(stage, "a", "b", "c")
    _, data, port = stage.both(ROUTES, services(backends, f"outlier_detection: {{consecutive_5xx: 3, {EJECT}}}"))
    a.moods["/"] = 500
    wait_until(lambda: "a" not in picks(port, 12), "the others alone")
    assert re.search(rf"cluster s: 127.0.0.1:{a.port} is ejected for 1000 ms: 3 requests in a row ended with 5xx", data.log())
    shown = health_of(data)[a.port]
    assert shown["ejected"] and not shown["usable"] and shown["last_ejection"] == "consecutive_5xx" and shown["ejected_for_ms"] <= 1000
    wait_until(lambda: picks(port, 3) and "ejected for 2000 ms" in data.log(), "a longer ejection")
    a.moods.clear()
    wait_until(lambda: set(picks(port, 12)) == {"a", "b", "c"}, "a again")
    assert "is used again: its ejection is over" in data.log()
    assert a.count("/x") >= 6


def test_no_more_than_the_maximum_are_ejected(stage):
    backends = start(stage, "a", "b")
    _, data, port = stage.both(ROUTES, services(backends, f"outlier_detection: {{consecutive_5xx: 2, {EJECT.replace('1s', '60s')}}}"))
    for backend in backends:
        backend.moods["/"] = 502
    def kept():
        picks(port, 4)
        return metric(data, "gateway_upstream_ejections_forgone_total", service="s", why="maximum")

    wait_until(kept, "an ejection that was forgone")
    assert metric(data, "gateway_upstream_endpoints", service="s", state="ejected") == 1
    assert "stands out (consecutive_5xx), but stays: no more than 50 % of the endpoints are ejected" in data.log()


def test_dead_instance_is_ejected_by_its_connections(stage):
    a, b = backends = start(stage, "a", "b")
    _, data, port = stage.both(ROUTES, services(backends, "outlier_detection: {consecutive_gateway_failures: 3, consecutive_5xx: 0}"))
    a.stop()
    wait_until(lambda: [get(port, "/x").status for _ in range(10)] == [200] * 10, "b alone")
    assert metric(data, "gateway_upstream_ejections_total", service="s", cause="consecutive_gateway_failure") == 1


def test_timeouts_count_as_gateway_failures(stage):
    a, b = backends = start(stage, "a", "b")
    extra = "outlier_detection: {consecutive_gateway_failures: 2, consecutive_5xx: 0}"
    _, data, port = stage.both('routes: [{path: "/**", service: s, timeout: 200ms}]', services(backends, extra))
    wait_until(lambda: get(port, "/delay/2000").status == 504 and
               metric(data, "gateway_upstream_ejections_total", service="s", cause="consecutive_gateway_failure"), "the ejection")


def test_worst_success_rate_is_ejected(stage):
    backends = start(stage, "a", "b", "c", "d", "e", "f")
    flip = iter(range(1 << 30))
    backends[0].moods["/"] = lambda: 500 if next(flip) % 2 else 200
    extra = "outlier_detection: {interval: 500ms, success_rate: {minimum_hosts: 5, request_volume: 10}}"
    _, data, port = stage.both(ROUTES, services(backends, extra))
    wait_until(lambda: picks(port, 30) and metric(data, "gateway_upstream_ejections_total", service="s", cause="success_rate"), "the ejection")
    wait_until(lambda: "a" not in picks(port, 20), "the others")
    assert re.search(rf"127.0.0.1:{backends[0].port} is ejected for 30000 ms: of its requests only [3-7]\d\.\d\d % were successful", data.log())
