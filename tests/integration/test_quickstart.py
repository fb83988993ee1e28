"""The command that a newcomer runs first."""
import shutil
import socket
import subprocess
import time

import pytest

from support.gateway import ROOT, get, wait_until


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


@pytest.mark.skipif(not all(map(is_free, (8000, 9101, 9102, 18000, 18001, 18002))), reason="the quickstart's fixed ports are taken on this machine")
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
