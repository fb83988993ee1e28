"""kill -9 at random moments of apply: what gatewayctl was told is what the store holds, and data planes end up with it."""
import os
import random
import subprocess

from support.gateway import BUILD, ControlPlane, get, wait_until
from support.revisions import API, Author, routes, services

TIMES = 100 if os.environ.get("GW_FULL") else 10
SEED = 7


class Restarted:
    """One control plane after the other on the same ports, files and store."""

    def __init__(self, stage, folder, backend):
        self.stage, self.folder, self.backend, self.count, self.control = stage, folder, backend, 0, None
        self.start(0, 0)
        self.ports = self.control.wait_for_ports()

    def start(self, xds, admin):
        self.count += 1
        self.control = ControlPlane(self.folder, routes("/of-0"), services(self.backend), env=API, name=f"life-{self.count}", xds_port=xds,
                                    args=["--admin-listen", f"127.0.0.1:{admin}"])

    def kill_and_start(self):
        self.control.kill()
        self.start(self.ports["xds"], self.ports["admin"])

    def stop(self):
        return self.control.stop()


def test_store_holds_exactly_what_was_acknowledged(stage, tmp_path):
    backend, chance = stage.backend(), random.Random(SEED)
    lives = Restarted(stage, tmp_path / "control", backend)
    stage.started.append(lives)
    author = Author(lives.control, tmp_path / "author")
    data = [stage.data_plane(lives.control.xds(), node_id=f"node-{i}") for i in range(2)]
    ports = [each.wait_until_ready() for each in data]
    acknowledged, lost = [1], 0
    for i in range(1, TIMES + 1):
        argv = [BUILD / "bin/gatewayctl", "--admin", f"127.0.0.1:{lives.ports['admin']}", "--token-file", lives.control.token_path, "apply",
                *author.files(routes(f"/of-{i}")), "--message", f"change {i}", "--no-wait", "--timeout", "60s"]
        with subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as applying:
            try:
                applying.wait(chance.random() * 0.25)
            except subprocess.TimeoutExpired:
                pass
            lives.kill_and_start()
            out, err = applying.communicate(timeout=120)
        lives.control.wait_for_ports()
        if applying.returncode == 0:
            acknowledged.append(int(out.split("revision ")[1].split()[0]))
        else:
            assert applying.returncode == 69, (applying.returncode, err)  # it was not there when nothing was asked for yet
            lost += 1
    author = Author(lives.control, tmp_path / "author-2")
    history = author.history()
    numbers = [revision["number"] for revision in history["revisions"]]
    assert numbers == acknowledged[::-1] and history["current"] == acknowledged[-1]
    assert numbers == list(range(len(numbers), 0, -1)) and len(acknowledged) + lost == TIMES + 1
    newest = history["revisions"][0]["message"].split()[-1] if len(numbers) > 1 else "0"
    for port in ports:
        wait_until(lambda port=port: get(port, f"/of-{newest}").status == 200, "the newest revision")
    print(f"{len(acknowledged) - 1} of {TIMES} acknowledged, {lost} never asked for")
