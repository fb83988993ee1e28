"""Circuit breakers and concurrency limits: real services that fail, recover and are slow, two workers, one truth."""
import collections
import concurrent.futures
import json
import re
import time

from support.backend import Backend
from support.gateway import get, wait_until

ROUTES = 'routes: [{path: "/**", service: s, timeout: 5s}]'


class Moody(Backend):
    """Answers with the status that the test says."""

    status = 200

    async def _answer(self, writer, method, target, headers, body, words, ask):
        return await super()._answer(writer, method, target, headers, body, words, {**ask, "status": self.status})


def start(stage, name="a"):
    backend = Moody(name)
    stage.started.append(backend)
    return backend


def services(backend, extra):
    return f'services:\n  s: {{instances: [{{url: "{backend.url}"}}], {extra}}}\n'


def cluster(data):
    return data.admin("/clusters").json()["clusters"][0]


def state(data):
    return cluster(data)["circuit_breaker"]["state"]


def metric(data, name, **labels):
    wanted = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    found = re.search(rf"^{name}{re.escape(wanted)} (\d+)$", data.status("/metrics").text, re.M)
    return int(found[1]) if found else None


class Load:
    """Clients that ask as fast as they are answered, until the block ends."""

    def __init__(self, port, clients=8):
        self.port, self.answers, self.goes_on = port, [], True
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.clients = clients

    def _ask(self):
        while self.goes_on:
            answer = get(self.port, "/x")
            self.answers.append((time.monotonic(), answer.status, answer.headers.get("retry-after")))

    def __enter__(self):
        self.jobs = [self.pool.submit(self._ask) for _ in range(self.clients)]
        return self

    def __exit__(self, *_):
        self.goes_on = False
        for job in self.jobs:
            job.result(30)
        self.pool.shutdown()

    def since(self, moment):
        return [answer for answer in self.answers if answer[0] >= moment]


def test_under_load_it_opens_within_its_window_and_recovers_by_probes_only(stage):
    backend = start(stage)
    breaker = "circuit_breaker: {window: 2s, min_requests: 20, failure_percent: 50, open_for: 1s, probes: 2, successes: 4}"
    control, data, port = stage.both(ROUTES, services(backend, breaker), workers=2)
    with Load(port) as load:
        wait_until(lambda: len(load.answers) > 200, "good answers")
        assert {status for _, status, _ in load.answers} == {200}
        backend.status = 500
        failing = time.monotonic()
        wait_until(lambda: state(data) == "open", "it to open")
        assert time.monotonic() - failing < 2 * 2, "much later than its window"
        opened = time.monotonic()
        wait_until(lambda: any(status == 503 for _, status, _ in load.since(opened)), "answers of the breaker")
        # Open: nothing reaches the service but probes, of which the first that fails opens it again.
        reached = len(backend.requests)
        wait_until(lambda: metric(data, "gateway_circuit_breaker_changes_total", service="s", state="half_open") >= 2, "two rounds of probes")
        rounds = metric(data, "gateway_circuit_breaker_changes_total", service="s", state="half_open")
        # … and those that were on their way when it opened, one a client.
        assert len(backend.requests) - reached <= 2 * (rounds + 1) + load.clients, "more than the probes"
        refused = [retry for _, status, retry in load.since(opened) if status == 503]
        assert set(refused) == {"1"}
        backend.status = 200
        wait_until(lambda: state(data) == "closed", "probes to close it")
        closed = time.monotonic()
        wait_until(lambda: len([a for a in load.since(closed) if a[1] == 200]) > 100, "good answers again")
        assert {status for moment, status, _ in load.since(closed) if moment > closed + 0.5} <= {200}
    log = data.log()
    assert re.search(r"circuit breaker of s opens for 1000 ms: \d+ of \d+ requests failed within 2000 ms", log)
    assert "circuit breaker of s is half-open" in log and "circuit breaker of s opens again for 1000 ms: a probe failed" in log
    assert "circuit breaker of s closes: 4 probes succeeded" in log
    assert metric(data, "gateway_circuit_breaker_state", service="s") == 0
    assert metric(data, "gateway_circuit_breaker_changes_total", service="s", state="closed") == 1
    assert metric(data, "gateway_circuit_breaker_refusals_total", service="s") > 0
    del control


def test_open_survives_a_change_elsewhere_and_ends_with_one_of_its_settings(stage):
    backend = start(stage)
    breaker = "circuit_breaker: {failures: 3, open_for: 1h}"
    control, data, port = stage.both(ROUTES, services(backend, breaker), workers=2)
    backend.status = 503
    assert [get(port, "/x").status for _ in range(3)] == [503] * 3
    answer = get(port, "/x")
    assert (answer.status, answer.headers["retry-after"]) == (503, "3600")
    assert answer.json()["message"] == "the service fails too often and is given time to recover"
    backend.status = 200
    version = data.admin("/config_dump").json()["version"]
    control.write(routes=ROUTES.replace("5s", "6s"))
    wait_until(lambda: data.admin("/config_dump").json()["version"] != version, "the change")
    other = start(stage, "b")
    control.write(services=services(other, breaker))
    wait_until(lambda: cluster(data)["endpoints"][0]["port"] == other.port, "the other instance")
    assert state(data) == "open"
    assert get(port, "/x").status == 503
    wait_until(lambda: "service s: circuit breaker open, for 3" in control.ctl("status", check=0).stdout, "the control plane to hear of it")
    control.write(services=services(other, breaker.replace("3,", "4,")))
    wait_until(lambda: get(port, "/x").status == 200, "a new breaker")
    assert len(other.requests) > 0


def test_setting_switches_all_on_or_off(stage):
    backend = start(stage)
    backend.status = 500
    control = stage.control_plane(ROUTES, services(backend, "circuit_breaker: {failures: 2}"), env={"CIRCUIT_BREAKER_ENABLED": "false"})
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    assert {get(port, "/x").status for _ in range(10)} == {500}
    assert "circuit_breaker" not in cluster(data)
    assert "CIRCUIT_BREAKER_ENABLED is false: s has no circuit breaker" in control.log()


def test_connections_are_limited_and_others_wait(stage):
    backend = start(stage)
    control, data, port = stage.both(ROUTES, services(backend, "limits: {max_connections: 2, max_pending_requests: 100}"), workers=1)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: get(port, "/x").status, range(200)))
    assert collections.Counter(answers) == {200: 200}
    assert backend.connections <= 2
    assert cluster(data)["usage"] == {"connections": backend.connections, "pending_requests": 0, "requests": 0}
    assert json.dumps(data.admin("/config_dump").json()).count('"max_connections": 2,') == 1
    del control
