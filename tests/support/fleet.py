"""A thousand light data planes (tests/support/peers/fleetload) on a control plane: ours, or one of about a hundred lines that is made
with go-control-plane (fleetd) and serves the same resources. What it costs: the control plane's time on the CPU, bytes, milliseconds."""
import json
import os
import pathlib
import subprocess
import threading
import time

from support.gateway import ControlPlane, wait_until

PEERS = pathlib.Path(os.environ.get("GW_PEERS", ""))
TYPES = ("CDS", "EDS", "LDS", "RDS")
ROUTES_NAME = "gateway"


PATIENCE_S = 240  # as long as a thousand nodes may take to get everything, beside other work


class Talking:
    """A process that is spoken to in lines."""

    def __init__(self, argv, log):
        self.process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, seconds):
        """The next line as JSON; who says nothing in time is ended."""
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        assert line, f"{self.process.args[0]} said nothing within {seconds} s"
        return json.loads(line)

    def ask(self, line, seconds=PATIENCE_S):
        self.say(line)
        return self.hear(seconds)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def cpu_ms(pid):
    """Time on the CPU of all threads since their start, also of those that are gone."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    live = sum(int((thread / "schedstat").read_text().split()[0]) for thread in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e6
    ticks = 1000 * (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return max(live, ticks)


def memory_mib(pid):
    """(now, at most so far)"""
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))


class Ours:
    name = "gateway"

    def __init__(self, folder, routes, services):
        self.control = ControlPlane(folder, routes, services)
        self.address, self.pid = self.control.xds(), self.control.pid

    def change(self, what):
        """`what`: (kind of change, routes.yaml or None, services.yaml or None)"""
        self.control.write(*what[1:])

    def stop(self):
        return self.control.stop()


class GoControlPlane:
    name = "go-control-plane"

    def __init__(self, folder, dumped):
        self.log = open(pathlib.Path(folder) / "fleetd.err", "ab")
        self.talk = Talking([PEERS / "fleetd", "-from", dumped], self.log)
        self.address, self.pid = self.talk.hear(60)["listening"], self.talk.process.pid

    def change(self, what):
        self.talk.say(what[0])

    def stop(self):
        self.talk.stop()
        self.log.close()


class Fleet:
    """`size` light data planes; `joined` is what it took until all had everything."""

    def __init__(self, folder, address, size, cluster=""):
        self.log, self.size = open(pathlib.Path(folder) / "fleetload.err", "ab"), size
        self.talk = Talking([PEERS / "fleetload", "-xds", address, "-nodes", size, "-routes", ROUTES_NAME, "-node-cluster", cluster], self.log)
        self.joined = self.talk.hear(PATIENCE_S)

    def ask(self, line):
        return self.talk.ask(line)

    def stop(self):
        self.talk.stop()
        self.log.close()


def quiet(pid):
    """Once nothing is done any more: time on the CPU so far."""
    before = [cpu_ms(pid)]
    last = [time.monotonic()]

    def is_quiet():
        now = cpu_ms(pid)
        if now - before[0] > 2:
            before[0], last[0] = now, time.monotonic()
        return time.monotonic() - last[0] > 0.5

    wait_until(is_quiet, "a quiet control plane", seconds=60, interval=0.05)
    return cpu_ms(pid)


def row(told, cpu, size, kind=None):
    """What a step took; of one type, if it is named."""
    made = {"ms": told["ms"], "cpu_ms": round(cpu, 1), "wire_bytes_each": round(told.get("wire", 0) / size),
            "wire_bytes_most": told.get("wire_most", 0), "messages": {name: told[name]["messages"] for name in TYPES if name in told}}
    if kind is not None:
        made["bytes_each"] = told[kind]["most"]
    return made


def measure_change(plane, fleet, kind, what):
    before = quiet(plane.pid)
    fleet.ask("mark")
    plane.change(what)
    fleet.ask(f"wait {kind}")
    after = quiet(plane.pid)
    return row(fleet.ask("count"), after - before, fleet.size, kind)


def measure(plane, folder, size, changes, dump=None):
    """`changes`: name → (type that is sent, what plane.change takes). A row of figures for each, for joining and for coming back."""
    before, started = quiet(plane.pid), memory_mib(plane.pid)[0]
    fleet = Fleet(folder, plane.address, size)
    try:
        rows = {"join": row(fleet.joined, quiet(plane.pid) - before, size)}
        if dump:
            fleet.ask(f"dump {dump}")
        for name, (kind, what) in changes.items():
            rows[name] = measure_change(plane, fleet, kind, what)
        before = quiet(plane.pid)
        back = fleet.ask("reconnect")
        rows["reconnect"] = row({**fleet.ask("count"), **back}, quiet(plane.pid) - before, size)
        rows["reconnect"].update(row({**fleet.ask("count"), **back}, rows["reconnect"]["cpu_ms"], size))
        now, most = memory_mib(plane.pid)
        return rows, {"started_mib": round(started), "mib": round(now), "most_mib": round(most)}
    finally:
        fleet.stop()


def changes_of(routes, services):
    """One endpoint, one route, one cluster: what is sent, and how each plane is told. Each change is another than the one before."""
    endpoint = services.replace("    instances:\n      - url: http://127.0.0.1:1\n", "    instances:\n      - url: http://127.0.0.1:2\n", 1)
    route = routes.replace("  - path: /fixed\n", "  - path: /fixed\n    timeout: 7\n", 1)
    cluster = endpoint.replace("  service-0:\n", "  service-0:\n    timeouts: {connect: 7s}\n", 1)
    return {"endpoint": ("EDS", ("endpoint", None, endpoint)), "route": ("RDS", ("route", route, None)),
            "cluster": ("CDS", ("cluster", None, cluster))}
