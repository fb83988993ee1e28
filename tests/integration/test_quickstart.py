"""The command that a newcomer runs first."""
import os
import shutil
import subprocess
import time

import pytest

from support.documents import Network, copy_tree
from support.gateway import ROOT, get, wait_until
from support.ports import is_free

PORTS = (8000, 9101, 9102, 9901, 9902, 9903, 18000, 18001, 18002)


@pytest.mark.skipif(not all(map(is_free, PORTS)), reason="the quickstart's fixed ports are taken on this machine")
def test_quickstart_twice_and_an_edit(tmp_path):
    """From a copy of the tree, so that config/routes.yaml can be edited; its build folder is the release build's."""
    copy = tmp_path / "gateway"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", "build-*", ".git"))
    (copy / "build").mkdir()
    script = [str(copy / "deploy/quickstart.sh")]
    try:
        for _ in range(2):
            done = subprocess.run([*script, "--detach"], capture_output=True, text=True, timeout=280)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "http://127.0.0.1:8000/" in done.stdout
            assert get(8000, "/demo").status == 200
            told = subprocess.run([copy / "build/bin/gatewayctl", "--token-file", copy / "build/quickstart/admin.token", "status"],
                                  capture_output=True, text=True, timeout=60)
            assert "TLS of the xds port: certificate of CN=control-plane" in told.stdout, told.stdout + told.stderr
        routes = copy / "config/routes.yaml"
        routes.write_text(routes.read_text() + "\n  - path: /brand-new\n    service: demo-service\n")
        start = time.monotonic()
        wait_until(lambda: get(8000, "/brand-new").status == 200, "the edited route")
        print(f"live after {1000 * (time.monotonic() - start):.0f} ms")
    finally:
        ended = subprocess.run([*script, "--stop"], capture_output=True, text=True, timeout=60)
    assert "Stopped 4 processes" in ended.stdout
    wait_until(lambda: is_free(8000), "the traffic port to be free again")


@pytest.fixture
def alone(tmp_path, release_build):
    """Runs commands in a copy of the tree, where no other program has a port."""
    network = Network()
    if not network.is_own:
        network.close()
        pytest.skip("needs a network namespace")
    copy_tree(tmp_path)
    yield lambda *words: subprocess.Popen(network.command(*words), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                          env={**os.environ, "QUICKSTART_BUILD": "no"})
    network.close()


def test_a_port_that_another_program_has_is_named_before_anything_starts(alone, tmp_path):
    stranger = alone("python3", "deploy/demo/backend.py", "stranger", "8000")
    try:
        wait_until(lambda: alone("curl", "-sf", "http://127.0.0.1:8000/").wait(30) == 0, "the stranger", interval=0.05)
        said, complained = (done := alone("deploy/quickstart.sh", "--detach")).communicate(timeout=60)
        assert done.returncode == 1 and "port 8000 is taken" in complained and "The gateway runs" not in said, said + complained
        assert not (tmp_path / "build/quickstart/pids").exists()
    finally:
        stranger.terminate()
        stranger.communicate(timeout=30)


def test_a_mistake_in_the_files_is_told_at_once_and_nothing_is_left_running(alone, tmp_path):
    routes = tmp_path / "config/routes.yaml"
    routes.write_text(routes.read_text().replace("service: demo-service", "srvice: demo-service", 1))
    start = time.monotonic()
    said, complained = (done := alone("deploy/quickstart.sh", "--detach")).communicate(timeout=60)
    assert done.returncode == 1 and "config/routes.yaml:6:5: a route has no key srvice" in complained and "since controlplane has ended" in complained, complained
    assert "Stopped 3 processes" in said and time.monotonic() - start < 25, "not after the 30 seconds that it would wait for an answer"
