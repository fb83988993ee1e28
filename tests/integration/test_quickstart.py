"""The command that a newcomer runs first."""
import os
import shutil
import subprocess
import time

import pytest

from support.documents import Network, copy_tree
from support.gateway import ROOT, Program, get, wait_until
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


def test_a_port_that_another_program_has_is_named_before_anything_starts(tmp_path, release_build):
    copy_tree(tmp_path)
    network = Network()
    if not network.is_own:
        network.close()
        pytest.skip("needs a network namespace")
    stranger = Program(tmp_path / "stranger", "stranger", network.command("python3", ROOT / "deploy/demo/backend.py", "stranger", "8000"))

    def run(*words):
        return subprocess.run(network.command(*words), capture_output=True, text=True, timeout=60, env={**os.environ, "QUICKSTART_BUILD": "no"})

    try:
        wait_until(lambda: run("curl", "-sf", "http://127.0.0.1:8000/").returncode == 0, "the stranger", interval=0.05)
        done = run(tmp_path / "deploy/quickstart.sh", "--detach")
        assert done.returncode == 1 and "port 8000 is taken" in done.stderr and "The gateway runs" not in done.stdout, done.stdout + done.stderr
        assert not (tmp_path / "build/quickstart/pids").exists()
    finally:
        stranger.stop()
        network.close()
