"""Metrics: the READMEs' tables and what is scraped are the same, Prometheus' own linter has nothing to say, and series have a bound."""
import gzip
import http.client
import re
import socket
import subprocess
import threading
import time

import pytest
from conftest import Stage

from support.gateway import ROOT, get, wait_until
from support.metrics import Scrape, documented
from support.observed import Observed

ROUTES_IN_USE = 5000


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("observed"))
    made = Observed(stage)
    made.traffic()
    made.wait_until_all_is_known()
    yield made
    stage.end()


@pytest.fixture(params=["dataplane", "controlplane"])
def scraped(request, observed):
    text = observed.data.status("/metrics").text if request.param == "dataplane" else observed.control.http("/metrics").text
    return request.param, Scrape(text)


# --- what there is ---

def test_readme_tells_every_metric_and_no_other(scraped):
    plane, scrape = scraped
    told = documented(ROOT / plane / "README.md")
    assert sorted(set(scrape.families) - set(told)) == [], f"{plane}/README.md lacks these"
    assert sorted(set(told) - set(scrape.families)) == [], f"{plane}/README.md tells of these, and they are not there"
    for name, (kind, help_text) in scrape.families.items():
        assert (kind, help_text) == (told[name][0], told[name][2]), name


def test_readme_tells_the_labels(scraped):
    plane, scrape = scraped
    told, labels = documented(ROOT / plane / "README.md"), scrape.labels()
    assert {name: labels[name] for name in labels} == {name: told[name][1] for name in labels}
    assert set(told) == set(labels), "these have no sample here, so nobody has looked at their labels"


def test_promtool_has_nothing_to_say(scraped):
    _, scrape = scraped
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape.text, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_names_say_what_they_measure(scraped):
    _, scrape = scraped
    for name, (kind, _) in scrape.families.items():
        assert name.endswith("_total") == (kind == "counter"), name
        assert kind != "histogram" or name.endswith("_seconds"), name


def test_counters_tell_what_happened(observed):
    scrape = Scrape(observed.data.status("/metrics").text)
    assert scrape.sum("gateway_requests_total", service="plain", code="500") >= 1
    assert scrape.sum("gateway_upstream_instance_answers_total", service="plain", code_class="5xx") >= 1
    assert scrape.sum("gateway_upstream_instance_answers_total", service="broken", address="127.0.0.1:1", code_class="none") >= 1
    assert scrape.sum("gateway_upstream_response_seconds_count", service="watched") >= 1
    for side in "client", "gateway", "upstream":
        assert scrape.sum("gateway_request_failures_total", side=side) >= 1, side
    for flag in "NR", "UF", "UAEX":
        assert scrape.sum("gateway_response_flags_total", flag=flag) >= 1, flag
    assert scrape.sum("gateway_worker_requests_total") == scrape.sum("gateway_downstream_requests_total")
    assert scrape.sum("gateway_dependency_up", dependency="redis") == 1
    assert scrape.sum("gateway_redis_seconds_count") >= 1


def test_instance_that_leaves_takes_no_count_with_it(stage):
    backends = [stage.backend("a"), stage.backend("b")]
    services = "services: {s: {instances: [%s]}}"
    url = [f'{{url: "{backend.url}"}}' for backend in backends]
    control, data, port = stage.both('routes: [{path: "/**", service: s}]', services % ", ".join(url))
    for _ in range(20):
        assert get(port, "/").status == 200

    def answers():
        return Scrape(data.status("/metrics").text).sum("gateway_upstream_instance_answers_total", service="s", code_class="2xx")

    assert answers() == 20
    control.write(services=services % url[0])
    gone = f'address="127.0.0.1:{backends[1].port}"'
    wait_until(lambda: gone not in data.status("/metrics").text, "the instance to leave")
    assert answers() == 20
    assert Scrape(data.status("/metrics").text).sum("gateway_upstream_instance_answers_total", address="other") > 0


# --- the bound ---

def test_series_stay_within_the_bound_and_requests_are_all_counted(stage):
    backend = stage.backend()
    names = [f"s{i}" for i in range(40)]
    routes = "routes:\n" + "".join(f'  - {{path: "/{name}/**", service: {name}, name: "route {name}"}}\n' for name in names)
    services = "services:\n" + "".join(f'  {name}: {{circuit_breaker: true, instances: [{{url: "{backend.url}"}}]}}\n' for name in names)
    control = stage.control_plane(routes, services, env={"GATEWAY_METRICS_MAX_SERIES": "1000"})
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    for name in names:
        assert get(port, f"/{name}/a").status == 200
    scrape = Scrape(data.status("/metrics").text)
    ours = [sample for sample in scrape.samples if {"route", "service"} & set(sample[1])]
    assert 200 < len(ours) <= 1000
    assert scrape.sum("gateway_requests_total", code="200") == len(names)
    assert scrape.sum("gateway_requests_total", route="other") > 0
    assert scrape.sum("gateway_upstream_connections_total") == scrape.sum("gateway_upstream_instance_answers_total") == len(names)
    assert scrape.find("gateway_metrics_series_max") == [1000]
    for kind in "route", "service":
        assert scrape.sum("gateway_metrics_overflowed", kind=kind) > 0, kind


# --- how it is had ---

def test_gzip_is_for_who_takes_it(observed):
    packed = get(observed.data.ports()["status_http"], "/metrics", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    text = gzip.decompress(packed.body).decode()
    assert "gateway_build_info" in text and len(packed.body) < len(text) / 4
    assert "Content-Encoding" not in observed.data.status("/metrics").headers


class Callers:
    """Keeps both workers busy: connections that ask one after the other, until they are told to end."""

    def __init__(self, port, paths, connections=4):
        self.port, self.paths, self.is_over, self.statuses = port, paths, False, []
        self.threads = [threading.Thread(target=self._run, args=(i * len(paths) // connections,)) for i in range(connections)]
        for thread in self.threads:
            thread.start()

    def _run(self, at):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.is_over:
            connection.request("GET", self.paths[at % len(self.paths)])
            response = connection.getresponse()
            response.read()
            self.statuses.append(response.status)
            at += 1

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        assert set(self.statuses) == {200}


def slow_reader(port, path):
    """Asks, and takes nothing of the answer yet."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return client


def read_all(client):
    with client:
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def slow_turns(scrape, bound):
    """How many turns of workers have taken longer than `bound` seconds (one of the histogram's)."""
    return scrape.sum("gateway_worker_loop_lag_seconds_count") - scrape.sum("gateway_worker_loop_lag_seconds_bucket", le=bound)


@pytest.mark.scale
def test_scrape_of_5000_routes_takes_less_than_50_ms_and_stalls_no_worker(stage, release_build):
    backend = stage.backend()
    paths = [f"/r{i}/a" for i in range(ROUTES_IN_USE)]
    routes = "routes:\n" + "".join(f'  - {{path: "/r{i}/{{name}}", service: s, name: "route number {i}"}}\n' for i in range(ROUTES_IN_USE))
    control, data, port = stage.both(routes, f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}')
    callers = Callers(port, paths)
    wait_until(lambda: len(callers.statuses) >= 4 * ROUTES_IN_USE, "all routes to be used", seconds=120, interval=0.1)
    callers.end()

    status = data.ports()["status_http"]
    before = Scrape(get(status, "/metrics").text)
    assert len(before.find("gateway_request_duration_seconds_count")) >= ROUTES_IN_USE
    times = {"identity": [], "gzip": []}
    for coding in ["identity", "gzip"] * 10:
        begun = time.monotonic()
        assert get(status, "/metrics", headers={"Accept-Encoding": coding}).status == 200
        times[coding].append(time.monotonic() - begun)
    best = {coding: min(taken) for coding, taken in times.items()}
    print(f"{len(before.text) / 1e6:.1f} MB, {best}")
    assert best["identity"] < 0.05, times

    # Beside traffic: for a scrape a worker does no more than copying its counters, and on its own port sending the text, both in steps.
    before = Scrape(get(status, "/metrics").text)
    callers = Callers(port, paths)
    slow = slow_reader(port, "/metrics")
    for _ in range(20):
        assert get(status, "/metrics").status == 200
        assert get(port, "/metrics").status == 200
    length = int(re.search(rb"(?i)content-length: (\d+)", slow.recv(4096))[1])
    assert len(read_all(slow)) > length - 4096
    callers.end()
    after = Scrape(get(status, "/metrics").text)
    turns = after.sum("gateway_worker_loop_lag_seconds_count") - before.sum("gateway_worker_loop_lag_seconds_count")
    slow_ones = slow_turns(after, "0.01") - slow_turns(before, "0.01")
    print(f"{turns:.0f} turns of workers, {slow_ones:.0f} of them took more than 10 ms")
    assert slow_ones <= max(3, turns / 500), "a machine that is busy otherwise holds up a few"
