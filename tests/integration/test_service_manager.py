"""What systemd is told (Type=notify), and the order of a reload by the shipped unit: check first, then SIGHUP."""
import os
import re
import shlex
import signal
import socket
import subprocess
import time

import pytest

from support import gateway
from support.gateway import ROOT, wait_until

ROUTES = "routes: [{path: /x, service: s}]"
SERVICES = "services: {s: {instances: [{url: 'http://127.0.0.1:9'}]}}"


class Manager:
    """Listens as systemd does at NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.env, self.heard = {"NOTIFY_SOCKET": str(path)}, []

    def states(self):
        """RELOADING comes with the time, which must be now."""
        try:
            while True:
                text = self.socket.recv(4096).decode()
                if text.startswith("RELOADING=1\n"):
                    told_us = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", text)[1])
                    assert 0 <= time.monotonic_ns() // 1000 - told_us < gateway.PATIENCE_S * 1e6
                    text = "RELOADING=1"
                self.heard.append(text)
        except BlockingIOError:
            return self.heard

    def wait_for(self, *states):
        wait_until(lambda: len(self.states()) >= len(states), f"{states}, not only {self.heard}")
        assert self.heard == list(states)


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path / "notify")
    yield made
    made.socket.close()


def test_control_plane_says_ready_reloading_and_stopping(stage, manager):
    control = stage.control_plane(ROUTES, SERVICES, env=manager.env)
    manager.wait_for("READY=1")
    assert control.http("/ready").status == 200
    control.process.send_signal(signal.SIGHUP)
    manager.wait_for("READY=1", "RELOADING=1", "READY=1")
    control.stop()
    manager.wait_for("READY=1", "RELOADING=1", "READY=1", "STOPPING=1")


def test_control_plane_that_refuses_its_files_never_says_ready(stage, manager):
    control = stage.control_plane("routes: [{path: /x}]", SERVICES, env=manager.env)
    control.expected_code = 65
    assert control.wait() == 65 and manager.states() == []


def test_data_plane_says_ready_with_its_first_snapshot_and_not_before(stage, manager):
    data = stage.data_plane(f"127.0.0.1:{free_port()}", env=manager.env)
    assert data.status("/ready").status == 503
    data.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "SIGHUP" in data.log(), "the reload that is no start")
    assert manager.states() == []
    assert data.stop() == 0
    manager.wait_for("STOPPING=1")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_data_plane_says_ready_reloading_and_stopping(stage, manager):
    control = stage.control_plane(ROUTES, SERVICES)
    data = stage.data_plane(control.xds(), env=manager.env)
    data.wait_until_ready()
    manager.wait_for("READY=1")
    data.process.send_signal(signal.SIGHUP)
    manager.wait_for("READY=1", "RELOADING=1", "READY=1")
    data.stop()
    manager.wait_for("READY=1", "RELOADING=1", "READY=1", "STOPPING=1")


def reload_as_unit_says(control):
    """The commands of ExecReload in their order, until one fails, as systemd does; its paths are the test's. Returns whether all went well."""
    unit = (ROOT / "deploy/systemd/gateway-controlplane.service.in").read_text()
    commands = re.findall(r"(?m)^ExecReload=(.+)$", unit)
    assert len(commands) == 2
    for command in commands:
        command = command.replace("@BINDIR@", str(gateway.BUILD / "bin")).replace("/etc/gateway", str(control.folder))
        command = command.replace("$MAINPID", str(control.pid))
        if subprocess.run(shlex.split(command), capture_output=True, timeout=60, cwd=control.folder, env=os.environ).returncode != 0:
            return False
    return True


def test_reload_of_the_unit_checks_before_the_program_is_asked(stage, manager):
    control = stage.control_plane(ROUTES, SERVICES, env=manager.env)
    manager.wait_for("READY=1")
    assert reload_as_unit_says(control)
    manager.wait_for("READY=1", "RELOADING=1", "READY=1")
    control.write(routes="routes: [{path: /x, srvice: s}]")
    assert not reload_as_unit_says(control)
    assert manager.states() == ["READY=1", "RELOADING=1", "READY=1"]
