"""Clients that misbehave as fast as they can (support/abuse): others are served meanwhile, it is counted, and memory comes back.

The quick runs are under sanitizers, a second each, and look at what is refused and how. The full ones take the release build and ten
seconds each, and measure a client that behaves: 4 kept connections of HTTP/1.1 and of HTTP/2, a request every 4 ms on each.

How the CPU is shared there: the gateway (one worker) has CPU 0, everything else CPU 1. Who misbehaves must not slow down the measuring
client and its service by taking their CPU, so these come first on it (real time, where that may be asked for). The gateway comes before others on
the machine, but not in real time, of which a process that uses up its CPU is deprived for 50 ms a second. What is left is what the gateway itself
does to the client: the time that it gives to the flood before it looks again.
"""
import os
import subprocess
import time

import pytest

from support.abuse import Abuse, Measure, QuickService, limits, metric, program
from support.gateway import wait_until
from support.site import Site
from support.websocket import WebSocketServer

ROUTES = """
routes:
  - {path: "/b/**", service: quick}
  - {path: "/v/**", service: victim}
  - {path: "/silent", service: websockets}
"""
PATHS = {"slow-readers": "/v/b/16000000", "h2-zero-window": "/v/b/1000000", "h2-deaf-readers": "/v/b/1000000", "unwanted-bodies": "/none",
         "websocket-idle": "/silent"}
# (PINGs that are answered as fast as they come hurt nobody: whether they pile up is a matter of who is faster; test_limits.py has it.)
# mode: the limits of which it hits one, the status or (HTTP/2) the GOAWAY that it gets; None: nothing is wrong but that there is so much of it.
MODES = {
    "open-close": (None, None), "open-hold": ("client_connections", None), "slow-heads": ("headers_timeout", 408),
    "slow-bodies": (None, None), "stopped-bodies": ("body_timeout", 408), "slow-readers": ("stalled_client", None),
    "header-size": ("head_size", 431), "header-count": ("head_size", 431), "uri": ("uri_size", 414), "chunk-extensions": (None, 400),
    "chunk-crumbs": (None, 400), "small-chunks": (None, None), "pipelining": (None, 200), "deaf-pipelining": ("stalled_client", None),
    "unwanted-bodies": (None, 404), "websocket-idle": (None, 101), "garbage": (None, 400),
    "h2-rapid-reset": ("http2_resets", 11), "h2-window-overflow": ("http2_forced_resets", 11), "h2-zero-increment": (None, 1),
    "h2-data-after-end": (None, 5), "h2-wrong-length": ("http2_forced_resets", 11), "h2-bad-fields": ("http2_forced_resets", 11),
    "h2-continuation": ("http2_continuations", 11), "h2-continuation-empty": ("http2_continuations", 11),
    "h2-continuation-crumbs": ("http2_continuations", 11), "h2-settings": ("http2_control_frames", None),
    "h2-settings-read": ("http2_control_frames", 11), "h2-ping": ("http2_control_frames stalled_client", None), "h2-ping-read": (None, None),
    "h2-priority": ("http2_priority_frames", 11), "h2-empty-data": ("http2_empty_frames", 11), "h2-padding": ("http2_empty_frames", 11),
    "h2-empty-headers": (None, 11), "h2-window-update": ("http2_window_updates", 11), "h2-unknown-frames": (None, None),
    "h2-hpack-bomb": ("http2_header_block", 11), "h2-table-updates": (None, None), "h2-many-fields": ("http2_header_block", 11),
    "h2-requests": ("http2_streams", 11), "h2-deaf-requests": ("http2_streams", None), "h2-held-streams": ("http2_streams", None),
    "h2-unfinished-uploads": ("body_timeout", None), "h2-zero-window": ("stalled_client", None), "h2-deaf-readers": ("stalled_client", None),
    "tls-silent": ("handshake_timeout", None), "tls-half-hello": ("handshake_timeout", None), "tls-handshakes": (None, None),
    "tls-renegotiation": (None, None), "tls-key-updates": (None, None),
}
# Requests that the gateway serves, so many at once: each of them is due as much as one of the client that is measured.
LOAD = ("pipelining", "deaf-pipelining", "h2-requests", "h2-deaf-requests", "h2-table-updates")
ROUNDS_MAX = 5  # on a machine so busy that a flood is a trickle, it goes on, each time twice as long


def test_table_has_every_mode():
    known = subprocess.run([str(program("abuse")), "list"], capture_output=True, text=True, check=True).stdout.split()
    assert set(known) == set(MODES)


class Ground:
    """A site with two services: that of the client that behaves, and that of those who don't."""

    def __init__(self, stage, env, front=(), rear=()):
        services = {"quick": QuickService(front), "victim": QuickService(rear), "websockets": WebSocketServer()}
        stage.started += services.values()
        services = "services:\n" + "".join(f'  {name}: {{instances: [{{url: "{service.url}"}}]}}\n' for name, service in services.items())
        self.site = Site(stage, ROUTES, services, env={"GATEWAY_ACCESS_LOG": "off", **env}, workers=1)
        self.data = self.site.data

    def attack(self, mode, wrap=(), **options):
        port = self.site.tls if mode.startswith("tls-") else self.site.plain
        return Abuse(mode, port, wrap=wrap, path=PATHS.get(mode, "/v/b/100"), **options)

    def clients(self, wrap=(), **options):
        return [Measure(protocol, self.site.plain, wrap=wrap, path="/b/1000", **options) for protocol in ("h1", "h2")]


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("abuse"))
    yield Ground(stage, {"GATEWAY_REQUEST_HEADERS_TIMEOUT": "500ms", "GATEWAY_REQUEST_BODY_TIMEOUT": "500ms", "GATEWAY_SEND_TIMEOUT": "500ms",
                         "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": "150", "GATEWAY_MAX_REQUEST_BODY": "0",
                         "GATEWAY_HTTP2_MAX_STREAMS": "16"})  # a flood that the sanitizers slow down is answered as it comes, else
    stage.end()


def meets(mode, report, hits):
    """What is wrong with how the abuse was met; None: nothing."""
    limit, told = MODES[mode]
    codes = report["goaways" if mode.startswith("h2-") else "statuses"]
    if limit is not None and not any(hits[name] for name in limit.split()):
        return f"{limit} was not counted: {hits}"
    if told is not None and codes.get(str(told), 0) == 0:
        return f"nobody was told {told}: {report}"
    return None


@pytest.mark.parametrize("mode", MODES)
def test_abuse_is_met_and_others_are_served(ground, mode):
    data = ground.data
    wait_until(lambda: metric(data, "gateway_downstream_connections") == 0, "connections to end")
    clients = ground.clients(connections=2)
    before = limits(data)
    for i in range(ROUNDS_MAX):
        report = ground.attack(mode, seconds=2 << i, connections=200 if mode == "open-hold" else 16).result()
        after = limits(data)
        problem = meets(mode, report, {name: after[name] - before[name] for name in after})
        if problem is None:
            break
    phases = [client.phase() for client in clients]
    for client in clients:
        client.end()
    assert problem is None, problem
    assert data.is_running() and data.status("/health").status == 200
    for phase in phases:
        assert phase["errors"] == 0 and phase["count"] > 0, (phase, report)  # how fast is for the full run to say
    assert data.resident_kib() < 1 << 20


# ---- with the release build ----

FLOOR_US = 5000  # what a shared machine of two CPUs does to a p99 by itself
LOAD_FLOOR_US = 10000
BEFORE_S, ABUSE_S, AFTER_S = 3, 10, 3
TRIALS = 3  # what the machine's other users take comes and goes; what the gateway does to its clients stays
PATIENCE_MEMORY_S = 20


def may_have(*command):
    return subprocess.run([*command, "true"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    from conftest import Stage
    from support import gateway
    sanitized = gateway.BUILD
    gateway.BUILD = gateway.pathlib.Path(os.environ.get("GW_RELEASE", sanitized))
    front = (["taskset", "-c", "1"] if os.cpu_count() > 1 else []) + (["chrt", "-r", "1"] if may_have("chrt", "-r", "1") else [])
    rear = ["taskset", "-c", "1"] if os.cpu_count() > 1 else []
    stage = Stage(tmp_path_factory.mktemp("arena"))
    # What services keep open for the next burst goes soon, so that memory can be compared.
    made = Ground(stage, {"GATEWAY_UPSTREAM_IDLE_TIMEOUT": "2s"}, front, rear)
    made.front, made.rear = front, rear
    if os.cpu_count() > 1:
        subprocess.run(["taskset", "-a", "-p", "-c", "0", str(made.data.pid)], check=True, capture_output=True)
    if "chrt" in front:
        threads = os.listdir(f"/proc/{made.data.pid}/task")
        subprocess.run(["renice", "-n", "-20", "-p", *threads], check=True, capture_output=True)
    # What is made once, on first use, is no growth.
    for mode in ("h2-requests", "tls-handshakes", "header-count"):
        made.attack(mode, rear, seconds=1).result()
    made.table = []
    yield made
    stage.end()
    gateway.BUILD = sanitized
    print("\n".join(["", f"{'abuse':24}{'p50/p99 µs before':>20}{'during':>16}{'after':>16}{'MiB before':>12}{'peak':>7}{'after':>7}", *made.table]))


class Trial:
    """One abuse beside two clients that behave: how they were served before, during and after, and the memory (KiB) then."""

    def __init__(self, arena, mode, clients):
        data, self.mode = arena.data, mode
        self.before = arena_phase(clients, BEFORE_S)
        self.resident = self.peak = data.resident_kib()
        attack = arena.attack(mode, arena.rear, seconds=ABUSE_S, cpu_nice=5)
        end = time.monotonic() + ABUSE_S - 0.5

        def is_over():
            self.peak = max(self.peak, data.resident_kib())
            return time.monotonic() > end

        [client.phase() for client in clients]
        wait_until(is_over, "the time to pass", seconds=ABUSE_S + 10, interval=0.1)
        self.during = [client.phase() for client in clients]
        attack.result()
        self.after = arena_phase(clients, AFTER_S)
        end = time.monotonic() + PATIENCE_MEMORY_S
        wait_until(lambda: data.resident_kib() <= self.resident * 1.1 or time.monotonic() > end, "memory", PATIENCE_MEMORY_S + 10, interval=0.2)
        self.left = data.resident_kib()

    def rows(self):
        for n, protocol in enumerate(("h1", "h2")):
            shown = [f"{phase[n]['p50']}/{phase[n]['p99']}" for phase in (self.before, self.during, self.after)]
            memory = f"{self.resident / 1024:>12.1f}{self.peak / 1024:>7.1f}{self.left / 1024:>7.1f}" if n == 0 else ""
            yield f"{self.mode if n == 0 else '':20} {protocol:3}{shown[0]:>20}{shown[1]:>16}{shown[2]:>16}{memory}"

    def is_good(self):
        floor = LOAD_FLOOR_US if self.mode in LOAD else FLOOR_US
        is_served = all(during["p99"] <= max(2 * before["p99"], floor) for before, during in zip(self.before, self.during))
        return is_served and self.left <= self.resident * 1.1


@pytest.mark.full
@pytest.mark.scale
@pytest.mark.parametrize("mode", MODES)
def test_abuse_at_full_speed_leaves_others_their_share(arena, mode):
    clients = arena.clients(arena.front)
    wait_until(lambda: all(client.phase()["count"] > 0 for client in clients), "clients", interval=0.2)
    for _ in range(TRIALS):
        trial = Trial(arena, mode, clients)
        arena.table += trial.rows()
        assert arena.data.is_running() and all(client["errors"] == 0 for client in trial.during), [*trial.rows()]
        if trial.is_good():
            break
    for client in clients:
        client.end()
    assert trial.is_good(), [*trial.rows()]


def arena_phase(clients, seconds):
    end = time.monotonic() + seconds
    for client in clients:
        client.phase()
    wait_until(lambda: time.monotonic() > end, "the time to pass", seconds=seconds + 10, interval=0.1)
    return [client.phase() for client in clients]
