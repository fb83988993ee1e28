"""Clients that misbehave (`abuse`), one that behaves and measures how it is served meanwhile (`measure`), and a service that costs little.

They are C programs beside ours in the build folder: Python would be slower than what it is to overwhelm."""
import json
import os
import re
import socket
import subprocess

from . import gateway
from .gateway import get, wait_until

FAMILY = "gateway_downstream_limits_total"


def program(name):
    """The release build's where there is one: how fast they are matters, not whether they are sound."""
    return gateway.pathlib.Path(os.environ.get("GW_RELEASE", gateway.BUILD)) / "bin" / name


class Abuse:
    """Runs until `seconds` have passed; result() waits for its report."""

    def __init__(self, mode, port, wrap=(), **options):
        argv = [*wrap, program("abuse"), mode, "127.0.0.1", port, *(f"{name}={value}" for name, value in options.items())]
        self.process = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.patience = int(options.get("seconds", 10)) + 60

    def is_running(self):
        return self.process.poll() is None

    def result(self):
        out, _ = self.process.communicate(timeout=self.patience)
        assert self.process.returncode == 0, self.process.returncode
        return json.loads(out)

    def end(self):
        if self.is_running():
            self.process.kill()
        self.process.communicate()


def abuse(mode, port, **options):
    """Misbehaves and says what came of it."""
    return Abuse(mode, port, **options).result()


class Measure:
    """A well-behaved client on connections of its own; phase() says how it was served since the one before."""

    def __init__(self, protocol, port, wrap=(), **options):
        argv = [*wrap, program("measure"), protocol, port, *(f"{name}={value}" for name, value in options.items())]
        self.process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def phase(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


class QuickService:
    """Answers /b/N with N bytes."""

    def __init__(self, wrap=()):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([str(word) for word in (*wrap, program("quick_service"), self.port)])

        def answers():
            try:
                return get(self.port, "/b/1").status == 200
            except OSError:
                return False

        wait_until(answers, "the service")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.kill()
        self.process.wait()


def limits(data):
    """How often each limit has been hit."""
    text = data.status("/metrics").text
    return {name: int(value) for name, value in re.findall(FAMILY + r'\{limit="([a-z0-9_]+)"\} (\d+)', text)}


def metric(data, name):
    return float(re.search(rf"^{name} ([0-9.e+]+)$", data.status("/metrics").text, re.M).group(1))
