"""The overload guard: out of descriptors or memory the gateway refuses, never dies, and comes back."""
import contextlib
import os
import pathlib
import resource
import socket

import pytest

from support.abuse import Abuse, QuickService, limits, metric
from support.gateway import PATIENCE_S, get, wait_until
from support.raw import read_answer

ROUTES = """
routes:
  - {path: "/**", service: backend}
"""


def start(stage, env, backend=None):
    backend = backend or stage.backend()
    unlimited = "limits: {max_connections: 0, max_pending_requests: 0, max_requests: 0}"  # what the guard is for would not come this far
    control = stage.control_plane(ROUTES, f'services: {{backend: {{instances: [{{url: "{backend.url}"}}], {unlimited}}}}}', env=env)
    data = stage.data_plane(control.xds(), workers=1)
    return data, data.wait_until_ready()


def level(data):
    return metric(data, "gateway_overload_level")


def descriptors(data):
    return len(os.listdir(f"/proc/{data.pid}/fd"))


class Client:
    """A kept connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.stream = self.socket.makefile("rb")

    def get(self, path="/"):
        """None: it was closed."""
        try:
            self.socket.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
            return read_answer(self.stream)
        except ConnectionError:
            return None


def test_descriptors_run_low(stage):
    data, port = start(stage, {"GATEWAY_OVERLOAD_DESCRIPTORS_PERCENT": "50"})
    client = Client(port)
    assert client.get().status == 200
    limit = 2 * descriptors(data) + 100
    resource.prlimit(data.pid, resource.RLIMIT_NOFILE, (limit, limit))
    with contextlib.ExitStack() as stack:
        def open_until(wanted):
            def there():
                stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
                return level(data) >= wanted

            wait_until(there, f"level {wanted}", interval=0.02)

        open_until(1)
        answer = client.get()
        assert answer.status == 503 and answer.header("retry-after") == ["1"]
        assert limits(data)["overload_streams"] == 1
        open_until(2)
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as refused:
            assert refused.recv(1) == b""
        assert limits(data)["overload_connections"] >= 1
        # Far more than there are descriptors.
        for _ in range(limit):
            with socket.create_connection(("127.0.0.1", port), PATIENCE_S):
                pass
        assert data.is_running() and data.status("/health").status == 200 and data.status("/ready").status == 200
        assert descriptors(data) < limit
    wait_until(lambda: level(data) == 0, "relief")
    assert client.get().status == 200
    assert get(port, "/").status == 200
    for words in ("new requests are answered 503", "no new connections are taken", "all requests are served again"):
        assert f"overload: {words}" in data.log()


def test_descriptors_run_out_without_a_watermark(stage):
    """The worst that can be: accepting fails, and goes on when there are some again."""
    data, port = start(stage, {"GATEWAY_OVERLOAD_DESCRIPTORS_PERCENT": "0"})
    limit = descriptors(data) + 20
    resource.prlimit(data.pid, resource.RLIMIT_NOFILE, (limit, limit))
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
        wait_until(lambda: "connections can't be accepted" in data.log(), "the log to say so")
        assert data.is_running()
    assert get(port, "/").status == 200


def test_memory_runs_low(stage, release_build):
    """Slow readers of big answers take a hundredth of the machine's memory, which is the watermark here."""
    service = QuickService()
    stage.started.insert(0, service)
    data, port = start(stage, {"GATEWAY_OVERLOAD_MEMORY_PERCENT": "1", "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": "0"}, service)
    machine_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    if data.resident_kib() > machine_kib / 130:
        pytest.skip("this machine has too little memory for a watermark of 1 %")
    client = Client(port)
    assert client.get().status == 200
    attack = Abuse("h2-deaf-readers", port, seconds=20, connections=200, path="/b/4000000")
    try:
        # It may be over again before the next request.
        answer = wait_until(lambda: level(data) == 1 and (got := client.get()).status == 503 and got, "a refusal at the watermark", seconds=60)
        assert answer.header("retry-after") == ["1"]
        assert data.status("/health").status == 200 and limits(data)["overload_streams"] >= 1
        # Who takes nothing of what waits for it goes first, long before its time, and all others are served again.
        wait_until(lambda: level(data) == 0, "relief while the attack goes on", seconds=60)
        assert attack.is_running() and client.get().status == 200
        assert limits(data)["stalled_client"] > 0
    finally:
        attack.end()
    assert "new requests are answered 503" in data.log() and "all requests are served again" in data.log()
