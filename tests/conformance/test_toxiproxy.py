"""Toxiproxy between the gateway and its services, of HTTP/1.1 and of HTTP/2: what the network does wrong."""
import http.client
import json
import re
import time

import pytest

from support.app import App
from support.gateway import PATIENCE_S, get, request, wait_until
from support.toxiproxy import Toxiproxy

PROTOCOLS = ["h1", "h2"]
HASTE_MS = 500
BROKEN = r"upstream_reset_before_response_started\{(connection_termination|remote_reset)\}"


class Ground:
    """`h1` and `h2` lie behind toxiproxy; of `…-pair` one of two instances does; `…-hasty` waits half a second. Only pairs are tried again."""

    def __init__(self, stage):
        self.toxiproxy = Toxiproxy()
        stage.started.append(self.toxiproxy)
        self.ways, services, routes = {}, [], []
        for name, protocol in ("h1", "http1"), ("h2", "h2"):
            far, near = App(f"far-{name}", name), App(f"near-{name}", name)
            stage.started += [far, near]
            self.ways[name] = self.toxiproxy.proxy(name, far.port)
            rest = f'protocol: {protocol}, instances: [{{url: "{self.ways[name].url}"}}'
            services += [f"{name}: {{{rest}]}}", f'{name}-pair: {{{rest}, {{url: "{near.url}"}}]}}']
            routes += [f'{{path: "/{name}/**", service: {name}, retries: off}}',
                       f'{{path: "/{name}-hasty/**", service: {name}, retries: off, timeouts: {{request: {HASTE_MS}ms}}}}',
                       f'{{path: "/{name}-pair/**", service: {name}-pair, retries: {{on: [5xx, reset]}}, timeouts: {{per_try: {HASTE_MS}ms}}}}']
        beside = stage.backend("beside")
        services.append(f'beside: {{instances: [{{url: "{beside.url}"}}]}}')
        routes.append('{path: "/beside/**", service: beside}')
        _, self.data, self.port = stage.both("routes:\n" + "".join(f"  - {route}\n" for route in routes),
                                             "services:\n" + "".join(f"  {service}\n" for service in services))

    def ask(self, path):
        """The status, whether the answer was whole, and the seconds that it took."""
        connection, begun = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S), time.monotonic()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            try:
                answer.read()
                return answer.status, True, time.monotonic() - begun
            except (http.client.IncompleteRead, ConnectionError):
                return answer.status, False, time.monotonic() - begun
        finally:
            connection.close()

    def line(self, path):
        def found():
            lines = self.data.output().rpartition("\n")[0].splitlines()
            return next((json.loads(line) for line in lines if f'"path":"{path}"' in line), None)

        return wait_until(found, f"the line about {path}")

    def told(self, path):
        line = self.line(path)
        return line["response_flags"], line["response_code_details"]

    def gauge(self, name, service):
        return int(re.search(rf'^{name}\{{service="{service}"\}} (\d+)', self.data.status("/metrics").text, re.M)[1])


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("toxiproxy"))
    yield Ground(stage)
    stage.end()


@pytest.fixture(params=PROTOCOLS)
def way(ground, request):
    """To the service, whole again after the test: then it serves, and nothing of before is left."""
    name = request.param
    made = ground.ways[name]
    made.name = name
    assert ground.ask(f"/{name}/bytes/10")[:2] == (200, True)
    yield made
    assert get(ground.port, "/beside/x").status == 200
    made.heal()
    assert ground.ask(f"/{name}/bytes/10")[:2] == (200, True)
    assert ground.gauge("gateway_upstream_requests", name) == 0
    made.heal()
    wait_until(lambda: ground.gauge("gateway_upstream_connections", name) == 0, "its connections to end")


def pair_answers(ground, way, seconds=PATIENCE_S):
    """The other instance answers for it, for which it must have been asked."""
    def meets_it(turn=iter(range(1000))):
        path = f"/{way.name}-pair/bytes/{next(turn) + 1}"
        status, is_whole, _ = ground.ask(path)
        assert (status, is_whole) == (200, True), ground.line(path)
        return ground.line(path)["upstream_request_attempt_count"] > 1

    wait_until(meets_it, "a request that is tried again", seconds)


def test_latency_is_waited_for_within_the_time_that_there_is(ground, way):
    way.add("latency", latency=200)
    status, is_whole, seconds = ground.ask(f"/{way.name}/bytes/1000")
    assert (status, is_whole) == (200, True) and seconds >= 0.2
    way.heal()
    way.add("latency", latency=3000)
    path = f"/{way.name}-hasty/bytes/1001"
    assert ground.ask(path)[:2] == (504, True)
    assert ground.told(path) == ("UT", "response_timeout")
    pair_answers(ground, way)


def test_reset_is_no_answer(ground, way):
    way.heal()
    way.add("reset_peer", timeout=0)
    path = f"/{way.name}/bytes/1002"
    status, is_whole, _ = ground.ask(path)
    flags, details = ground.told(path)
    assert (status, flags) in ((502, "UC"), (503, "UF")) and is_whole
    assert re.fullmatch(BROKEN, details) or "remote_connection_failure" in details
    pair_answers(ground, way)


def test_reset_of_a_kept_connection_costs_nothing(ground, way):
    way.add("reset_peer", timeout=0)
    way.heal()  # the kept connections were reset, new ones are well
    for i in range(8):
        assert ground.ask(f"/{way.name}/bytes/{2000 + i}")[:2] == (200, True)


def test_slow_close_is_no_matter(ground, way):
    way.add("slow_close", delay=1000)
    for i in range(4):
        status, is_whole, seconds = ground.ask(f"/{way.name}/bytes/{3000 + i}")
        assert (status, is_whole) == (200, True) and seconds < 1


@pytest.mark.parametrize("stream", ["downstream", "upstream"])
def test_narrow_way_is_slow_and_whole(ground, way, stream):
    way.add("bandwidth", stream, rate=200)  # KB/s
    begun = time.monotonic()
    if stream == "downstream":
        assert ground.ask(f"/{way.name}/bytes/150000")[:2] == (200, True)
    else:
        assert request(ground.port, f"/{way.name}/count", "POST", body=b"x" * 150000).json()["bytes"] == 150000
    assert time.monotonic() - begun >= 0.5
    assert get(ground.port, "/beside/y").status == 200


def test_silence_is_a_timeout_and_a_connection_that_ends_is_none(ground, way):
    way.add("timeout", timeout=0)
    path = f"/{way.name}-hasty/bytes/1003"
    assert ground.ask(path)[:2] == (504, True)
    assert ground.told(path) == ("UT", "response_timeout")
    pair_answers(ground, way)
    way.heal()
    way.add("timeout", timeout=100)
    path = f"/{way.name}/bytes/1004"
    assert ground.ask(path)[:2] == (502, True)
    flags, details = ground.told(path)
    assert flags == "UC" and re.fullmatch(BROKEN, details)


def test_end_within_the_head_is_502_and_within_the_body_breaks_the_answer_off(ground, way):
    way.heal()
    way.add("limit_data", bytes=15)
    path = f"/{way.name}/bytes/1005"
    assert ground.ask(path)[:2] == (502, True)
    assert re.fullmatch(BROKEN, ground.told(path)[1])
    pair_answers(ground, way)
    way.heal()
    way.add("limit_data", bytes=20000)
    path = f"/{way.name}/bytes/50000"
    assert ground.ask(path)[:2] == (200, False)
    flags, details = ground.told(path)
    assert flags == "UC" and details.startswith("upstream_reset_after_response_started{")


def test_nobody_there_is_503(ground, way):
    way.close()
    path = f"/{way.name}/bytes/1006"
    # A kept connection that has just been closed is replaced, by one that can't be made.
    assert ground.ask(path)[:2] == (503, True)
    assert ground.told(path) == ("UF", "upstream_reset_before_response_started{remote_connection_failure,Connection_refused}")
    pair_answers(ground, way)
