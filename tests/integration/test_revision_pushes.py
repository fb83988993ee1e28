"""Revisions under traffic: a rollback loses no request and is everywhere within a second; pushes drop no WebSocket and grow nothing."""
import asyncio
import time

import pytest
from support.gateway import get, wait_until
from support.load import Load
from support.revisions import API, Author, routes, services
from support.websocket import WebSocketServer
from websockets.asyncio.client import connect

pytestmark = [pytest.mark.scale, pytest.mark.timeout(900), pytest.mark.usefixtures("release_build")]


def test_rollback_is_live_everywhere_within_a_second_and_loses_no_request(stage, tmp_path):
    backend = stage.backend()
    control = stage.control_plane(routes("/a", "/b"), services(backend), env=API)
    author = Author(control, tmp_path / "author")
    data = [stage.data_plane(control.xds(), node_id=f"node-{i}") for i in range(3)]
    ports = [each.wait_until_ready() for each in data]
    author.apply(routes("/a", "/c"), None, check=0)
    loads = [Load(port, ["/a"], clients=4) for port in ports]
    took = []
    for turn in range(5):
        path = "/b" if turn % 2 == 0 else "/c"
        begun = time.monotonic()
        control.ctl("rollback", "1" if turn % 2 == 0 else "2", check=0)  # its verdict is that all of them run it
        took.append(time.monotonic() - begun)
        assert [get(port, path).status for port in ports] == [200, 200, 200]
    for load in loads:
        load.stop()
    assert [load.failures for load in loads] == [[], [], []]
    assert min(load.done for load in loads) > 100
    print("rollbacks took", ", ".join(f"{each * 1000:.0f} ms" for each in took), "and", sum(load.done for load in loads), "requests were answered")
    assert sorted(took)[2] < 1


class Sockets:
    """Open WebSockets that are asked from time to time whether they still are."""

    def __init__(self, port, count):
        self.port, self.count, self.loop = port, count, asyncio.new_event_loop()
        self.open = self.loop.run_until_complete(self.connect())

    async def connect(self):
        opened = []
        for begin in range(0, self.count, 50):
            batch = (connect(f"ws://127.0.0.1:{self.port}/ws", ping_interval=None, open_timeout=60) for _ in range(min(50, self.count - begin)))
            opened += await asyncio.gather(*batch)
        return opened

    def check(self, word):
        async def ask(socket):
            await socket.send(word)
            return await asyncio.wait_for(socket.recv(), 60)

        async def all_of_them():
            return await asyncio.gather(*(ask(socket) for socket in self.open), return_exceptions=True)

        answers = self.loop.run_until_complete(all_of_them())
        assert [answer for answer in answers if answer != word] == []

    def close(self):
        async def end():
            await asyncio.gather(*(socket.close() for socket in self.open), return_exceptions=True)

        self.loop.run_until_complete(end())
        self.loop.close()


@pytest.mark.parametrize(("pushes", "sockets"), [(40, 40), pytest.param(1000, 1000, marks=pytest.mark.full)])
def test_pushes_drop_no_websocket_and_memory_stays_flat(stage, tmp_path, pushes, sockets):
    backend, server = stage.backend(), WebSocketServer()
    stage.started.append(server)
    texts = [routes("/a", f"/of-{i}") + "  - {path: /ws, service: websockets}\n" for i in range(2)]
    both = services(backend).replace("}}\n", f'}}, websockets: {{instances: [{{url: "{server.url}"}}]}}}}\n'.replace("}}, ", "}, ", 1))
    control = stage.control_plane(texts[0], both, env=API)
    author = Author(control, tmp_path / "author")
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    clients = Sockets(port, sockets)
    early = None
    try:
        for turn in range(1, pushes + 1):
            author.apply(texts[turn % 2], None, check=0)
            if turn % max(1, pushes // 10) == 0:
                clients.check(f"after {turn}")
                early = early or (turn, control.resident_kib(), data.resident_kib())
        assert get(port, f"/of-{pushes % 2}").status == 200
        late = control.resident_kib(), data.resident_kib()
        print(f"{pushes} pushes over {sockets} WebSockets: control plane {early[1]} → {late[0]} KiB, data plane {early[2]} → {late[1]} KiB")
        for before, after in zip(early[1:], late):
            assert after < before * 1.1 + 4096, (early, late)
    finally:
        clients.close()
    wait_until(lambda: author.history()["current"] == pushes + 1, "the newest revision")
