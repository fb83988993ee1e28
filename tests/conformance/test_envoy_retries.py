"""The same routes.yaml in stock Envoy and in our data plane: the same tries, the same end, the same flags and details."""
import json
import socket

import pytest

from support.envoy import Envoy
from support.faulty import FaultyBackend
from support.gateway import request, wait_until

ROUTES = {
    "safe": "",
    "5xx": "retries: {on: [5xx]}",
    "gateway": "retries: {on: [gateway-error], attempts: 1}",
    "codes": "retries: {on: [429, 418], attempts: 1}",
    "conflict": "retries: {on: [retriable-4xx], attempts: 1}",
    "reset": "retries: {on: [reset]}",
    "off": "retries: off",
    "all": "retries: {on: [5xx], methods: all, buffer: 1KiB, attempts: 1}",
    "try": "retries: {on: [reset], attempts: 1}, timeouts: {per_try: 250ms}",
    "idle": "retries: {on: [reset], attempts: 1}, timeouts: {per_try_idle: 250ms}",
    "timeout": "retries: {on: [reset]}, timeout: 300ms",
    "overall": "retries: {on: [reset], attempts: 9}, timeouts: {per_try: 200ms, request: 500ms}",
    "duration": "timeouts: {max_duration: 300ms}",
}

# Route, method, bytes of body, the fault and how often it happens. What comes of it is Envoy's to say.
CASES = [
    ("safe", "GET", 0, None, 0),
    ("safe", "GET", 0, 503, 1),
    ("safe", "GET", 0, "reset", 1),
    ("safe", "POST", 9, "close", 1),
    ("5xx", "GET", 0, 500, 1),
    ("5xx", "GET", 0, 503, 2),
    ("5xx", "GET", 0, 503, 9),
    ("5xx", "GET", 0, 404, 1),
    ("5xx", "GET", 0, "reset", 1),
    ("5xx", "GET", 0, "close", 9),
    ("5xx", "PUT", 100, 500, 1),
    ("5xx", "POST", 100, 500, 1),
    ("5xx", "POST", 100, "close", 1),
    ("gateway", "GET", 0, 502, 1),
    ("gateway", "GET", 0, 504, 9),
    ("gateway", "GET", 0, 500, 1),
    ("gateway", "GET", 0, "close", 1),
    ("codes", "GET", 0, 429, 1),
    ("codes", "GET", 0, 418, 9),
    ("codes", "GET", 0, 503, 1),
    ("conflict", "GET", 0, 409, 1),
    ("conflict", "GET", 0, 408, 1),
    ("reset", "GET", 0, "reset", 2),
    ("reset", "GET", 0, "close", 9),
    ("reset", "GET", 0, 503, 1),
    ("off", "GET", 0, 503, 1),
    ("off", "GET", 0, "close", 1),
    ("all", "POST", 1000, 500, 1),
    ("all", "POST", 1000, "close", 9),
    ("all", "POST", 5000, 500, 1),
    ("try", "GET", 0, "silent", 1),
    ("try", "GET", 0, "silent", 9),
    ("idle", "GET", 0, "silent", 1),
    ("idle", "GET", 0, "silent", 9),
    ("timeout", "GET", 0, "silent", 9),
    ("overall", "GET", 0, "silent", 99),
    ("duration", "GET", 0, "silent", 9),
]


class Plane:
    def __init__(self, program, port, read):
        self.program, self.port, self.read = program, port, read

    def line(self, path):
        def find():
            for text in self.read().rpartition("\n")[0].splitlines():  # the last one may be half there
                if text.startswith("{") and f'"{path}"' in text:
                    return json.loads(text)
            return None

        return wait_until(find, f"{self.program.name}'s access-log line of {path}", seconds=20)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("retries"))
    # A connection that was kept and is dead is replaced by us whatever the policy; Envoy does not.
    backend = FaultyBackend(keeps=False)
    stage.started.append(backend)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    routes = "routes:\n" + "".join(f'  - {{path: "/{name}/**", service: s{", " + extra if extra else ""}}}\n' for name, extra in ROUTES.items())
    routes += '  - {path: "/refused/**", service: refused}\n'
    services = f"""
services:
  s: {{instances: [{{url: "{backend.url}"}}]}}
  refused: {{instances: [{{url: "http://127.0.0.1:{closed}"}}]}}
"""
    control = stage.control_plane(routes, services)
    data = stage.data_plane(control.xds(), workers=1)
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    planes = [Plane(data, data.wait_until_ready(), data.output), Plane(envoy, envoy.port(), envoy.output)]
    # Of all that Envoy is told, nothing is refused.
    wait_until(lambda: control.ctl("status", check=0).stdout.count("SYNCED") >= 2, "both nodes in sync")
    yield backend, planes
    stage.end()


def outcome(plane, backend, path, method, size, fault, times):
    backend.fail(fault, times)
    before = len(backend.requests)
    answer = request(plane.port, path, method, body=b"x" * size if size else None, headers={"Connection": "close"})
    line = plane.line(path)
    detail = line["response_code_details"].partition("{")[0]
    # Our status for a connection that breaks is 502, Envoy's 503.
    status = "broken" if detail.startswith("upstream_reset") else answer.status
    return {"status": status, "tries": len(backend.requests) - before, "count": line["upstream_request_attempt_count"],
            "flags": set(line["response_flags"].split(",")), "detail": detail}


@pytest.mark.parametrize("route,method,size,fault,times", CASES)
def test_tries_and_their_end_are_envoys(world, route, method, size, fault, times):
    backend, planes = world
    path = f"/{route}/{method}-{size}-{fault}-{times}"
    ours, envoys = (outcome(plane, backend, path, method, size, fault, times) for plane in planes)
    if route == "duration":  # Envoy's flag for it is for connections only
        assert ours.pop("flags") == {"DT"} and envoys.pop("flags") == {"-"}
    assert ours == envoys


def test_connections_that_are_refused_end_alike(world):
    backend, planes = world
    ours, envoys = (outcome(plane, backend, "/refused/x", "GET", 0, None, 0) for plane in planes)
    assert ours == envoys and ours["count"] == 3


def test_attempt_count_goes_upstream_alike(world):
    backend, planes = world
    for plane in planes:
        backend.fail(503, times=1)
        before = len(backend.requests)
        assert request(plane.port, "/5xx/count", headers={"X-Envoy-Attempt-Count": "7"}).status == 200
        assert [seen.header("x-envoy-attempt-count") for seen in backend.requests[before:]] == [["1"], ["2"]]
