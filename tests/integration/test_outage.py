"""Services that fail under load, counted on both sides: at the clients (h2load) and at the services."""
import concurrent.futures
import datetime
import re
import subprocess
import time

import pytest

from support.abuse import QuickService
from support.gateway import wait_until
from support.misbehaving_h1 import MisbehavingH1

ROUTES = 'routes: [{{path: "/**", service: s, {extra}}}]'


def h2load(port, count, clients=64):
    """Counts of answers by class: {"2xx": 10000, "5xx": 0, …, "lost": 0}."""
    done = subprocess.run(["h2load", "--h1", "-n", str(count), "-c", str(clients), f"http://127.0.0.1:{port}/b/10"], capture_output=True, text=True,
                          timeout=240)
    counts = {name: int(number) for number, name in re.findall(r"(\d+) ([2345]xx)", done.stdout)}
    assert sum(counts.values()) > 0, done.stdout + done.stderr
    return counts | {"lost": count - sum(counts.values())}


def start(stage, made, extra, service, workers=2):
    stage.started += made
    instances = ", ".join(f'{{url: "{one.url}"}}' for one in made)
    control = stage.control_plane(ROUTES.format(extra=extra), f"services: {{s: {{instances: [{instances}], {service}}}}}",
                                  env={"GATEWAY_ACCESS_LOG": "off"})
    data = stage.data_plane(control.xds(), workers=workers)
    return data, data.wait_until_ready()


def metric(data, name, **labels):
    wanted = "{" + ",".join(f'{key}="{value}"' for key, value in {"service": "s", **labels}.items()) + "}"
    found = re.search(rf"^{name}{re.escape(wanted)} (\d+)$", data.admin("/metrics").text, re.M)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("fault", ["500", "reset_on_request", *(pytest.param(fault, marks=pytest.mark.full) for fault in ("garbage", "half_head"))])
def test_a_tenth_of_the_instances_that_begins_to_fail_hard_costs_less_than_one_in_ten_thousand(stage, fault):
    count = 32000
    bad, quick = MisbehavingH1(), [QuickService() for _ in range(19)]
    data, port = start(stage, [bad, *quick], "retries: {on: [5xx, reset]}",
                       "health_check: {path: /b/1, interval: 200ms, timeout: 1s, unhealthy_threshold: 2}")
    wait_until(lambda: metric(data, "gateway_upstream_endpoints", state="healthy") == 20, "all to be well")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        loaded = pool.submit(h2load, port, count)
        wait_until(lambda: len(bad.targets) > 100, "load")
        bad.fail(fault)
        quick[7].stop()
        counts = loaded.result()
    assert counts["2xx"] + counts["5xx"] + counts["lost"] == count
    assert (count - counts["2xx"]) * 10000 < count, counts
    assert bad.hits > 0 and metric(data, "gateway_upstream_retries_total") > 0
    wait_until(lambda: metric(data, "gateway_upstream_endpoints", state="unhealthy") == 2, "both to be out")


@pytest.mark.parametrize("fault", ["503", "close_on_request", "refused"])
def test_total_outage_brings_services_no_more_than_a_fifth_beyond_what_was_asked(stage, fault):
    services = [MisbehavingH1() for _ in range(4)]
    data, port = start(stage, services, "retries: {attempts: 3, on: [5xx]}", "load_balancing: round_robin")

    def asked():
        # Of whom nobody listens only the gateway can count the tries.
        if fault == "refused":
            return metric(data, "gateway_upstream_connections_total")
        return sum(len(service.targets) for service in services)

    for service in services:
        service.fail(fault)
    first = 2000
    assert h2load(port, first)["5xx"] == first
    # What had been saved for the moment at which one of many fails is used up.
    before = asked()
    assert before <= 1.2 * first + 50
    count = 10000
    assert h2load(port, count) == {"2xx": 0, "3xx": 0, "4xx": 0, "5xx": count, "lost": 0}
    assert count < asked() - before <= 1.2 * count
    assert metric(data, "gateway_upstream_retries_refused_total") > count


class Load:
    """h2load again and again, until the block ends; what it was answered."""

    def __init__(self, port):
        self.port, self.goes_on, self.counts = port, True, {"2xx": 0, "5xx": 0}

    def _run(self):
        while self.goes_on:
            counts = h2load(self.port, 2000, 32)
            assert counts["3xx"] + counts["4xx"] + counts["lost"] == 0, counts
            for name in self.counts:
                self.counts[name] += counts[name]

    def __enter__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.job = self.pool.submit(self._run)
        return self

    def __exit__(self, *_):
        self.goes_on = False
        self.job.result(240)
        self.pool.shutdown()


def moment(data, text):
    """When the log first said so, in seconds."""
    line = next(line for line in data.log().splitlines() if text in line)
    return datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp()


def test_breaker_under_load_opens_within_its_window_and_lets_nothing_through_but_probes(stage):
    window_s, probes, successes = 2, 2, 4
    bad = MisbehavingH1()
    data, port = start(stage, [bad], "retries: off", f"circuit_breaker: {{window: {window_s}s, min_requests: 20, failure_percent: 50, "
                       f"open_for: 300ms, probes: {probes}, successes: {successes}}}", workers=3)

    def rounds():
        return metric(data, "gateway_circuit_breaker_changes_total", state="half_open")

    with Load(port) as load:
        wait_until(lambda: len(bad.targets) > 500, "load")
        began = time.time()
        bad.fail("500")
        wait_until(lambda: rounds() > 0, "the breaker to open, and to try")
        assert 0 <= moment(data, "circuit breaker of s opens for 300 ms") - began <= window_s
        # What was on its way as it opened is over: all that arrives now is counted.
        rounds_before, refused_before = rounds(), metric(data, "gateway_circuit_breaker_refusals_total")
        came_before = len(bad.targets)
        wait_until(lambda: rounds() >= rounds_before + 5, "more rounds of probes")
        came = len(bad.targets) - came_before
        made = rounds() - rounds_before
        assert made - 1 <= came <= probes * (made + 1), "other than probes"
        assert metric(data, "gateway_circuit_breaker_refusals_total") - refused_before > 100 * came
        recovered = time.time()
        bad.fail(None)
        wait_until(lambda: f"circuit breaker of s closes: {successes} probes succeeded" in data.log(), "it to close")
        closed, good = moment(data, "circuit breaker of s closes"), len(bad.targets)
        assert successes - probes <= sum(recovered <= at < closed for at in bad.times) <= successes + probes
        wait_until(lambda: len(bad.targets) > good + 500, "load again")
    assert metric(data, "gateway_circuit_breaker_changes_total", state="closed") == 1
    assert load.counts["2xx"] + load.counts["5xx"] == len(bad.targets) + metric(data, "gateway_circuit_breaker_refusals_total")
