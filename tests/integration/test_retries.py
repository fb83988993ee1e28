"""Requests that are sent again, seen from outside: instances that fail hard cost clients nothing, an outage is not made worse, and what was not
asked for is not done twice."""
import re
import subprocess

import pytest

from support.faulty import FaultyBackend
from support.gateway import get, request, wait_until

ROUTES = 'routes: [{{path: "/**", service: s, {extra}}}]'


def instances(backends):
    return ", ".join(f'{{url: "{backend.url}"}}' for backend in backends)


def start(stage, extra="", count=10, service="", workers=2):
    """`count` instances that can be told to fail, and the port of a gateway before them."""
    backends = [FaultyBackend(f"b{i}") for i in range(count)]
    stage.started.extend(backends)
    services = f"services: {{s: {{instances: [{instances(backends)}]{', ' + service if service else ''}}}}}"
    control = stage.control_plane(ROUTES.format(extra=extra or "methods: [GET, POST]"), services)
    data = stage.data_plane(control.xds(), workers=workers)
    return backends, data, data.wait_until_ready()


def load(port, count, clients=32):
    """Counts of answers by class: {"2xx": 10000, "5xx": 0, …, "lost": 0}."""
    done = subprocess.run(["h2load", "--h1", "-n", str(count), "-c", str(clients), f"http://127.0.0.1:{port}/"], capture_output=True, text=True,
                          timeout=240)
    counts = {name: int(number) for number, name in re.findall(r"(\d+) ([2345]xx)", done.stdout)}
    assert sum(counts.values()) > 0, done.stdout + done.stderr
    return counts | {"lost": count - sum(counts.values())}


def metric(data, name):
    found = re.findall(rf'^{name}\{{service="s"\}} (\d+)', data.admin("/metrics").text, re.M)
    return sum(map(int, found))


def failures(data):
    return [(line["response_flags"], line["upstream_attempts"]) for line in data.access_log() if line["response_code"] != 200][:3]


@pytest.mark.parametrize("fault,extra,count", [
    ("refused", "", 10000),
    ("reset", "retries: {on: reset}", 4000),
    (503, "retries: {on: [503]}", 4000),
])
def test_a_tenth_of_the_instances_that_fails_hard_costs_clients_nothing(stage, fault, extra, count):
    backends, data, port = start(stage, extra)
    if fault == "refused":
        backends[3].stop()
    else:
        backends[3].fail(fault)
    counts = load(port, count)
    assert counts == {"2xx": count, "3xx": 0, "4xx": 0, "5xx": 0, "lost": 0}, failures(data)
    assert metric(data, "gateway_upstream_retries_total") >= count / 12
    if fault != "refused":
        assert backends[3].hits >= count / 12


@pytest.mark.parametrize("fault", ["refused", 503, "reset"])
def test_total_outage_is_not_made_worse(stage, fault):
    backends, data, port = start(stage, "retries: {attempts: 3, on: [5xx]}", count=4)
    for backend in backends:
        backend.stop() if fault == "refused" else backend.fail(fault)
    counts = load(port, 4000)
    assert counts == {"2xx": 0, "3xx": 0, "4xx": 0, "5xx": 4000, "lost": 0}
    retries = metric(data, "gateway_upstream_retries_total")
    assert 100 <= retries <= 0.2 * 4000 + 30  # what was there at first
    if fault != "refused":
        assert sum(backend.hits for backend in backends) == 4000 + retries
    assert metric(data, "gateway_upstream_retries_refused_total") > 1000
    flags = {line["response_flags"] for line in data.access_log()}
    assert any("UO" in flag for flag in flags), flags


def test_methods_that_are_not_idempotent_go_again_only_where_that_is_safe(stage):
    backends, data, port = start(stage, "retries: {on: [5xx]}", count=2, workers=1)
    backends[0].fail(500)
    for _ in range(10):
        assert get(port, "/").status == 200
    statuses = sorted(request(port, "/", "POST", body="once").status for _ in range(10))
    assert statuses == [200] * 5 + [500] * 5
    backends[0].stop()
    assert all(request(port, "/", "POST", body="more than once").status == 200 for _ in range(10))
    assert all(seen.body == b"more than once" for seen in backends[1].requests[-10:])


def test_whoever_says_so_has_all_methods_sent_again_with_their_body(stage):
    backends, _, port = start(stage, "retries: {on: [5xx], methods: all, buffer: 1KiB}", count=2, workers=1)
    backends[0].fail(500)
    for _ in range(6):
        assert request(port, "/", "POST", body="x" * 1024).status == 200
    assert {len(seen.body) for seen in backends[1].requests} == {1024}
    statuses = {request(port, "/", "POST", body="x" * 1025).status for _ in range(6)}
    assert statuses == {200, 500}


def test_count_goes_upstream_and_each_try_into_the_log(stage):
    backends, data, port = start(stage, "retries: {on: [503, reset]}", count=2, workers=1)
    for fault in (503, "reset", "close"):
        backends[0].fail(fault, times=1)
        while backends[0].left:
            assert get(port, "/here").status == 200
    seen = [request.header("x-envoy-attempt-count") for request in backends[1].requests if request.header("x-envoy-attempt-count") != ["1"]]
    assert seen == [["2"]] * 3
    lines = wait_until(lambda: len([line for line in data.access_log() if line["upstream_request_attempt_count"] == 2]) == 3 and data.access_log(),
                       "three retried requests in the log")
    attempts = [line["upstream_attempts"] for line in lines if line["upstream_attempts"] is not None]
    bad, good = (f"127.0.0.1:{backend.port}" for backend in backends)
    assert len(attempts) == 3
    assert re.fullmatch(rf"{bad} response (reused,idle_ms=\d+ )?503 via_upstream; {good} response (reused,idle_ms=\d+ )?200 via_upstream", attempts[0])
    for text in attempts[1:]:
        assert re.match(rf"{bad} response (reused,idle_ms=\d+ )?UC upstream_reset_before_response_started{{", text), text
    assert all(line["upstream_attempts"] is None for line in lines if line["upstream_request_attempt_count"] == 1)


def test_try_that_hangs_is_given_up_for_another_instance(stage):
    backends, data, port = start(stage, "retries: {on: reset}, timeouts: {per_try: 300ms, request: 5s}", count=2, workers=1)
    backends[0].fail("silent")
    assert all(get(port, "/").status == 200 for _ in range(4))
    assert 2 <= metric(data, "gateway_upstream_try_timeouts_total") <= 4
    backends[1].fail("silent")
    assert get(port, "/").status == 504
    line = wait_until(lambda: next((line for line in data.access_log() if line["response_code"] == 504), None), "its line in the log")
    assert (line["response_flags"], line["response_code_details"]) == ("UT,URX", "upstream_per_try_timeout")


def test_half_an_answer_is_neither_hidden_nor_repeated(stage):
    backends, data, port = start(stage, "retries: {on: [5xx, reset]}", count=1)
    backends[0].fail("half", times=1)
    with pytest.raises(Exception):
        get(port, "/")
    assert backends[0].hits == 1 and len(backends[0].requests) == 1
    wait_until(lambda: any(line["response_flags"] == "UC" for line in data.access_log()), "the line about it")


def test_off_is_off(stage):
    backends, data, port = start(stage, "retries: off", count=2, workers=1)
    backends[0].stop()
    assert sorted(get(port, "/").status for _ in range(10)) == [200] * 5 + [503] * 5
    assert metric(data, "gateway_upstream_retries_total") == 0


def test_split_is_drawn_once_and_each_try_is_what_the_rules_make_of_the_request(stage):
    backends = {name: FaultyBackend(name) for name in ("a0", "a1", "b0", "b1")}
    stage.started.extend(backends.values())
    for name in ("a0", "b0"):
        backends[name].fail(503)
    services = "\n".join(f"  {s}: {{instances: [{instances([backends[s + '0'], backends[s + '1']])}]}}" for s in "ab")
    routes = """
routes:
  - {path: "/v1/**", split: {a: 1, b: 1}, retries: {on: [503]}, timeouts: {request: 5s}, rewrite: {prefix: /v2, host: inner},
     request_headers: {set: {X-Set: "by %ROUTE_NAME%"}, remove: [X-Old]}, name: both}
"""
    data = stage.data_plane(stage.control_plane(routes, f"services:\n{services}").xds(), workers=1)
    port = data.wait_until_ready()
    for i in range(60):
        assert get(port, f"/v1/x?i={i}", {"X-Old": "1"}).status == 200
    tries = {name: {seen.target: seen for seen in backend.requests} for name, backend in backends.items()}
    of_a, of_b = ({*tries[s + "0"], *tries[s + "1"]} for s in "ab")
    assert of_a | of_b == {f"/v2/x?i={i}" for i in range(60)} and not of_a & of_b
    for s, of_service in ("a", of_a), ("b", of_b):
        assert set(tries[s + "1"]) == of_service and tries[s + "0"]
        for name, number in ((s + "0", ["1"]), (s + "1", None)):
            for target, seen in tries[name].items():
                assert seen.header("host") == ["inner"] and seen.header("x-set") == ["by both"] and not seen.header("x-old")
                assert seen.header("x-envoy-attempt-count") == (number or (["2"] if target in tries[s + "0"] else ["1"]))
