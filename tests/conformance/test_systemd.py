"""The shipped units under a real systemd, with their users, their system call filters and everything that hardens them, from an installed tree in a
Debian 12 root. Making that root takes a minute: only in tests/run.sh full."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from support import gateway, namespaces
from support.gateway import ROOT, wait_until
from support.image import run_inside
from support.systemd import Systemd, cgroup2

pytestmark = [pytest.mark.full, pytest.mark.timeout(900),
              pytest.mark.skipif(not namespaces.are_there() or shutil.which("debootstrap") is None or cgroup2() is None,
                                 reason="needs root, namespaces, control groups of version 2 and debootstrap")]
CONTROL, DATA = "gateway-controlplane", "gateway-dataplane"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gateway-systemd-"))
    folder.chmod(0o755)
    root = folder / "root"
    subprocess.run([ROOT / "tests/support/debian_root.sh", root], check=True, timeout=600)
    libraries = re.search(r"--no-install-recommends (.*?)&&", (ROOT / "Dockerfile").read_text().replace("\\\n", " "), re.S)[1]
    run_inside(root, f"apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd curl {libraries}")
    build = os.environ.get("GW_RELEASE", gateway.BUILD)
    subprocess.run(["cmake", "--install", build, "--prefix", "/usr"], check=True, capture_output=True, env={**os.environ, "DESTDIR": str(root)})
    run_inside(root, "systemd-sysusers && mkdir /etc/gateway && cp /usr/share/gateway/routes.yaml /usr/share/gateway/services.yaml /etc/gateway/")
    made = Systemd(tmp_path_factory.mktemp("systemd"), root)
    yield made
    made.stop()
    shutil.rmtree(folder)


@pytest.fixture
def running(machine):
    """Both units are active."""
    done = machine.run("systemctl", "start", CONTROL, DATA)
    assert done.returncode == 0, done.stderr + machine.journal(CONTROL) + machine.journal(DATA)
    return machine


def asks(machine, port, path):
    return machine.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{port}{path}").stdout


def test_started_means_ready(running):
    assert asks(running, 8000, "/ready") == "200" and asks(running, 18002, "/ready") == "200"
    # Its own thread opens it; what is ready from files does not wait for that.
    wait_until(lambda: "the store sqlite:///var/lib/gateway-controlplane/gateway.db is there" in running.journal(CONTROL), "the store", interval=0.1)
    told = running.run("gatewayctl", "--token-file", "/var/lib/gateway-controlplane/admin.token", "status")
    assert "SYNCED" in told.stdout, told.stdout + told.stderr


@pytest.mark.parametrize("unit, capabilities", [(CONTROL, "0000000000000000"), (DATA, "0000000000000400")])
def test_what_hardens_the_unit_is_in_force(running, unit, capabilities):
    status = running.run("cat", f"/proc/{running.show(unit, 'MainPID')}/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["CapEff"] == fields["CapBnd"] == capabilities and fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
    assert "0" not in fields["Uid"].split()


def test_a_reload_is_done_when_it_is_valid_and_refused_with_its_place_when_it_is_not(running):
    pid, routes = running.show(CONTROL, "MainPID"), running.root / "etc/gateway/routes.yaml"
    good = routes.read_text()
    assert running.run("systemctl", "reload", CONTROL).returncode == 0
    assert "SIGHUP: reading everything again" in running.journal(CONTROL)
    try:
        routes.write_text(good + "  - {path: /x, srvice: y}\n")
        assert running.run("systemctl", "reload", CONTROL).returncode != 0
        assert "srvice (service?)" in running.journal(CONTROL)
    finally:
        routes.write_text(good)
    assert running.journal(CONTROL).count("SIGHUP") == 1, "the program was not asked"
    assert running.show(CONTROL, "ActiveState") == "active" and running.show(CONTROL, "MainPID") == pid
    assert running.run("systemctl", "reload", DATA).returncode == 0


def test_a_data_plane_that_dies_is_started_anew(running):
    pid = running.show(DATA, "MainPID")
    running.run("sh", "-c", f"kill -KILL {pid}")
    wait_until(lambda: running.show(DATA, "MainPID") not in ("0", pid) and running.show(DATA, "ActiveState") == "active", "the next one", interval=0.2)
    assert asks(running, 8000, "/ready") == "200"


def test_stopping_drains(running):
    assert running.run("systemctl", "stop", DATA).returncode == 0
    assert running.show(DATA, "Result") == "success" and running.show(DATA, "ExecMainStatus") == "0"
    assert "drained" in running.journal(DATA)


def test_a_data_plane_is_active_only_with_its_first_configuration(machine):
    machine.run("systemctl", "stop", CONTROL, DATA)
    shutil.rmtree(machine.root / "var/cache/gateway-dataplane", ignore_errors=True)
    machine.run("systemctl", "start", "--no-block", DATA)
    wait_until(lambda: asks(machine, 9903, "/health") == "200", "the data plane", interval=0.1)
    assert machine.show(DATA, "ActiveState") == "activating"
    machine.run("systemctl", "start", CONTROL)
    wait_until(lambda: machine.show(DATA, "ActiveState") == "active", "the data plane to be active", interval=0.1)


def test_settings_are_read_from_etc_and_a_privileged_port_is_opened(machine):
    settings = machine.root / "etc/gateway/.env"
    settings.write_text("PORT=80\n")
    try:
        machine.run("systemctl", "restart", CONTROL, DATA)
        wait_until(lambda: asks(machine, 80, "/ready") == "200", "port 80", interval=0.1)
    finally:
        settings.unlink()
