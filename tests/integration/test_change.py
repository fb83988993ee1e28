"""A change is harmless: constant load through edits of routes and services, and through the control plane's death."""
import os
import random
import resource
import signal

import pytest

from support.gateway import get, wait_until
from support.load import Load
from support.xds_relay import XdsRelay

FIXED_PATHS = ["/fixed", "/fixed/{id}", "/deep/{a}/{b}", "/rest/**"]
REQUESTS = ["/fixed", "/fixed/7", "/deep/1/2", "/rest/x/y/z"]
# What a service may have besides, and a route; of each at most one.
SERVICE_PARTS = [
    ["load_balancing: least_connections", "load_balancing: random", "load_balancing: {policy: maglev, hash: {query: key}}",
     "load_balancing: {policy: ring_hash, hash: client_address}"],
    ["health_check: {path: /ok, interval: 200ms}", "health_check: {type: tcp, interval: 200ms}"],
    ["circuit_breaker: true", "circuit_breaker: {failures: 5, open_for: 1s}"],
    ["outlier_detection: {consecutive_5xx: 5}"],
    ["limits: {max_connections: 500, max_pending_requests: 500, max_requests: 500}"],
    ["retries: {on: [5xx]}", "retries: off"],
    ["timeouts: {connect: 5s, request: 20s}"],
]
# Of those that a split is between: they must not differ in their hashes, retries and timeouts.
SHARED_PARTS = [SERVICE_PARTS[0][:2], *SERVICE_PARTS[1:-2]]
ROUTE_PARTS = [
    ["retries: {on: [5xx, reset], other_instance: true}", "retries: 1"],
    ["timeouts: {request: 20s, per_try: 10s}"],
    ["request_headers: {set: {X-A: b}}", "response_headers: {add: {X-B: c}}"],
    ["match: {headers: {X-Never: {present: false}}}"],
    ["max_request_body: 1MiB"],
]


class Edits:
    """Random valid configurations that all keep FIXED_PATHS served by services with at least one live instance."""

    def __init__(self, backends, seed, has_policies=False):
        self.random, self.backends, self.has_policies = random.Random(seed), backends, has_policies

    def parts(self, choices):
        return [self.random.choice(choice) for choice in choices if self.has_policies and self.random.random() < 0.3]

    def target(self):
        if self.has_policies and self.random.random() < 0.3:
            return f"split: {{s0: {self.random.randrange(1, 9)}, s1: 1}}"
        return f"service: s{self.random.randrange(3)}"

    def routes(self):
        lines = ["  - {" + ", ".join([f'path: "{path}"', self.target(), *self.parts(ROUTE_PARTS)]) + "}" for path in FIXED_PATHS]
        for n in self.random.sample(range(40), self.random.randrange(30)):
            path = self.random.choice([f"/extra/{n}", f"/extra/{n}/{{id}}", f"/extra/{n}/x/**"])
            methods = self.random.choice(["", ", methods: [GET]", ", methods: [GET, POST]", ", timeout: 5"])
            lines.append(f'  - {{path: "{path}", service: s{self.random.randrange(5)}{methods}}}')
        self.random.shuffle(lines)
        return "routes:\n" + "\n".join(lines) + "\n"

    def services(self):
        text = "services:\n"
        for n in range(5):
            chosen = self.random.sample(self.backends, self.random.randrange(1, len(self.backends) + 1))
            text += f"  s{n}:\n" + "".join(f"    {part}\n" for part in self.parts(SERVICE_PARTS if n > 1 else SHARED_PARTS)) + "    instances:\n"
            text += "".join(f'      - {{url: "{backend.url}", weight: {self.random.randrange(1, 5)}}}\n' for backend in chosen)
        return text


def active_version(data):
    return data.admin("/config_dump").json()["version"]


@pytest.mark.parametrize("protocol,has_policies", [("delta", False), ("sotw", False), ("delta", True)])
def test_200_edits_under_load_fail_no_request(stage, protocol, has_policies):
    backends = [stage.backend(f"b{n}") for n in range(4)]
    edits = Edits(backends, seed=1, has_policies=has_policies)
    control = stage.control_plane(edits.routes(), edits.services())
    relay = XdsRelay(control.xds(), delta=False) if protocol == "sotw" else None
    data = stage.data_plane(relay.address if relay else control.xds())
    try:
        edit_under_load(control, data, data.wait_until_ready(), edits)
        assert f'gateway_controlplane_xds_streams{{protocol="{protocol}"}} 1' in control.http("/metrics").text
        data.stop()
    finally:
        if relay:
            relay.stop()


def edit_under_load(control, data, port, edits):
    load = Load(port, REQUESTS)
    wait_until(lambda: load.done > 100, "load")
    version = active_version(data)
    changed = 0
    for _ in range(200):
        control.write(routes=edits.routes() if edits.random.random() < 0.7 else None, services=edits.services())
        before = version
        version = wait_until(lambda: (now := active_version(data)) != before and now, "the edit to be live")
        changed += 1
    load.stop()
    assert changed == 200 and load.done > 1000
    assert not load.failures, f"{len(load.failures)} of {load.done}: {load.failures[:5]}"


def test_control_plane_stop_start_and_kill_fail_no_request(stage):
    backends = [stage.backend(f"b{n}") for n in range(2)]
    edits = Edits(backends, seed=2)
    control, data, port = stage.both(edits.routes(), edits.services())
    xds_port = control.ports()["xds"]
    load = Load(port, REQUESTS)
    wait_until(lambda: load.done > 100, "load")
    for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        control.process.send_signal(end)
        control.process.wait(30)
        done = load.done
        wait_until(lambda: load.done > done + 100, "load while the control plane is away")
        assert get(port, "/ready").status == 200
        version = active_version(data)
        control = stage.control_plane(edits.routes(), edits.services(), xds_port=xds_port)
        wait_until(lambda: active_version(data) != version, "configuration of the new control plane")
    load.stop()
    assert not load.failures, f"{len(load.failures)} of {load.done}: {load.failures[:5]}"


def test_an_edit_is_live_within_100_ms(stage):
    """The bound holds on an idle machine and a release build; here the median of ten is held to ten times that."""
    import time
    backend = stage.backend()
    control, _, port = stage.both('routes: [{path: /a, service: s}]', f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}')
    times = []
    for n in range(10):
        control.write(routes=f'routes: [{{path: /a, service: s}}, {{path: /new{n}, service: s}}]')
        start = time.monotonic()
        wait_until(lambda: get(port, f"/new{n}").status == 200, "the edit")
        times.append(time.monotonic() - start)
    assert sorted(times)[5] < 1.0, times


def test_an_edit_while_descriptors_are_out_is_not_lost(stage):
    backend = stage.backend()
    services = f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}'
    control, _, port = stage.both("routes: [{path: /a, service: s}]", services)
    limit = resource.prlimit(control.pid, resource.RLIMIT_NOFILE)
    lowest_free = next(n for n in range(1000) if not os.path.exists(f"/proc/{control.pid}/fd/{n}"))
    resource.prlimit(control.pid, resource.RLIMIT_NOFILE, (lowest_free, limit[1]))
    control.write(routes="routes: [{path: /a, service: s}, {path: /b, service: s}]")
    wait_until(lambda: "Too many open files" in control.log(), "the file not to be readable")
    assert get(port, "/b").status == 404
    resource.prlimit(control.pid, resource.RLIMIT_NOFILE, limit)
    wait_until(lambda: get(port, "/b").status == 200, "the edit")
