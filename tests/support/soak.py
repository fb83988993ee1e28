"""What a soak is made of: clients, services, faults with what they explain, access logs that are rotated and read, and a watch on processes. Clients and
services are programs of their own (soak/), so that they do not wait for each other."""
import collections
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import random
import signal
import statistics
import sys
import threading
import time
import traceback

from .abuse import Measure
from .gateway import ROOT, Program, wait_until
from .ports import free_port

FOLDER = ROOT / "tests/support/soak"
PROBE = "probe"  # the user agent of requests that do not count


class Instance(Program):
    """Of a service; can be killed and started again on its port."""

    def __init__(self, folder, name, port=None):
        self.port = port or free_port()
        super().__init__(folder, name, [sys.executable, FOLDER / "service.py", name, self.port])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


class Clients(Program):
    """Of one data plane, until stop(). What they found is told then: `totals`, and `failures`, each a dictionary."""

    def __init__(self, folder, name, spec):
        (folder / f"{name}.json").write_text(json.dumps(spec))
        super().__init__(folder, name, [sys.executable, FOLDER / "clients.py", folder / f"{name}.json"])

    def stop(self, seconds=60):
        code = super().stop(seconds)
        if code == 0:
            *self.failures, self.totals = map(json.loads, self.output().splitlines())
        return code


class Volume:
    """Requests in number, of which only the status is looked at: HTTP/1.1 and HTTP/2 in plaintext, from one more client of each port."""

    CONNECTIONS = 4

    def __init__(self, ports, path):
        self.measures = [Measure(protocol, port, connections=self.CONNECTIONS, pause_us=8000, path=path) for port in ports for protocol in ("h1", "h2")]
        self.count = self.errors = self.slowest_us = 0
        self.on_the_way = self.CONNECTIONS * len(self.measures)  # at most, when it ends

    def note(self):
        for phase in [measure.phase() for measure in self.measures]:
            self.count, self.errors, self.slowest_us = self.count + phase["count"], self.errors + phase["errors"], max(self.slowest_us, phase["max"])

    def stop(self):
        if self.measures:
            self.note()
        while self.measures:
            self.measures.pop().end()


# ---- faults


@dataclasses.dataclass
class Excuse:
    """Answers that a fault explains: requests of `kinds` (None: all) with these flags in the access log, until `seconds` after it has happened."""
    flags: tuple
    details: str
    kinds: tuple = None
    seconds: float = 1.5

    def fits(self, line):
        is_kind = self.kinds is None or line["route_name"] in self.kinds
        return is_kind and line["response_flags"] in self.flags and line["response_code_details"].startswith(self.details)


class Faults:
    """`excuses`: name of a fault → what it explains."""

    def __init__(self, excuses):
        self.excuses, self.happened, self.explained, self._lock = excuses, [], collections.Counter(), threading.Lock()
        self.going_on = collections.Counter()

    @contextlib.contextmanager
    def happens(self, name):
        """While the block runs the fault is there."""
        with self._lock:
            self.going_on[name] += 1
        begin = time.time()
        try:
            yield
        finally:
            with self._lock:
                self.going_on[name] -= 1
                self.happened.append((name, begin, time.time()))

    def is_there(self, *names):
        return any(self.going_on[name] for name in names)

    def count(self, name):
        return sum(happened == name for happened, _, _ in self.happened)

    def seconds(self, name):
        return sum(end - begin for happened, begin, end in self.happened if happened == name)

    def explain(self, line):
        """The fault that explains this line of an access log, counted; None: none does."""
        begin = datetime.datetime.fromisoformat(line["start_time"].replace("Z", "+00:00")).timestamp()
        end = begin + (line["duration"] + 2) / 1000  # both are cut to whole milliseconds
        for name, struck, _ in self.happened:
            if any(excuse.fits(line) and begin <= struck + excuse.seconds and end >= struck for excuse in self.excuses.get(name, ())):
                self.explained[name] += 1
                return name
        return None


class Timeline(threading.Thread):
    """Does the same again and again, spread evenly but for chance, on a thread of its own; what it raises is `problem` then."""

    def __init__(self, action, seed, begin, seconds, count):
        super().__init__(daemon=True)
        self.action, self.rng, self.begin, self.seconds, self.count = action, random.Random(f"{seed} {action.__name__}"), begin, seconds, count
        self.problem, self._abandoned = None, threading.Event()
        self.start()

    def run(self):
        slot = self.seconds / self.count
        try:
            for number in range(self.count):
                at = self.begin + slot * (number + self.rng.uniform(0, 0.5))
                if self._abandoned.wait(max(0, at - time.monotonic())):
                    return
                self.action(self.rng)
        except Exception:
            self.problem = f"{self.action.__name__}: {traceback.format_exc()}"

    def abandon(self):
        self._abandoned.set()


# ---- access logs


class AccessLog:
    """Of one data plane. Rotated files are read and removed. `counts`: (route, status) → lines; `odd`: lines of what went wrong."""

    def __init__(self, data, path):
        self.data, self.path, self.rotated, self.rotations = data, path, None, 0
        self.counts, self.odd, self.retried = collections.Counter(), [], 0

    def rotate(self):
        """As logrotate does. What was rotated before is over by now, and read."""
        self._take(self.rotated)
        self.rotations += 1
        self.rotated = self.path.with_suffix(f".{self.rotations}")
        self.path.rename(self.rotated)
        self.data.process.send_signal(signal.SIGHUP)
        wait_until(self.path.exists, "a new access log")

    def finish(self):
        """Once the data plane has ended."""
        self._take(self.rotated)
        self._take(self.path)

    def _take(self, path):
        if path is None:
            return
        with open(path) as file:
            for line in map(json.loads, file):
                self._count(line)
        path.unlink()

    def _count(self, line):
        if line["user_agent"] == PROBE:
            return
        self.counts[line["route_name"], line["response_code"]] += 1
        self.retried += line["upstream_request_attempt_count"] > 1
        if line["response_code"] >= 500 or line["response_code"] == 0 or line["response_flags"] not in ("-", "RL", "UAEX"):
            self.odd.append(line)

    def of_route(self, route):
        return {status: count for (name, status), count in self.counts.items() if name == route}


# ---- what processes hold


@dataclasses.dataclass
class Sample:
    at: float
    rss_kib: int
    descriptors: int
    threads: int


def look_at(pid):
    process = pathlib.Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    return Sample(time.monotonic(), pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir(process / "fd")), len(os.listdir(process / "task")))


class Watch:
    """Looks at programs each second. `programs()`: name → Program, those that there are now."""

    def __init__(self, programs):
        self.programs, self.samples, self._end = programs, collections.defaultdict(list), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.wait(1):
            for name, program in self.programs().items():
                with contextlib.suppress(OSError):  # it may be gone, or go
                    self.samples[name].append(look_at(program.pid))

    def stop(self):
        self._end.set()
        self._thread.join(10)

    def quarters(self, name, what):
        """Medians of each quarter of the time."""
        samples = self.samples[name]
        begin, end = samples[0].at, samples[-1].at
        parts = [[], [], [], []]
        for sample in samples:
            parts[min(3, int(4 * (sample.at - begin) / (end - begin)))].append(getattr(sample, what))
        return [statistics.median(part) for part in parts]
