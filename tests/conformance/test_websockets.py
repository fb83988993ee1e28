"""WebSockets through the proxy, by the websockets package: over HTTP/1.1 and HTTP/2 (RFC 8441) on either side, plaintext and TLS."""
import asyncio
import json
import os
import signal

import pytest
from support.app import App
from support.gateway import get, wait_until
from support.raw import exchange
from support.site import Site, make_pki
from support.websocket import MAX_SIZE, H2WebSocket, WebSocketServer
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

ROUTES = """
routes:
  - {path: "/echo/**", service: echo}
  - {path: "/safe/**", service: safe}
  - {path: "/websocket/**", service: app}
  - {path: "/secure-websocket/**", service: safe_app}
  - {path: "/websocket", service: app}
  - {path: "/empty", service: empty}
  - {path: "/post", service: echo, methods: [POST]}
"""


class H1WebSocket:
    """websockets.sync.client's connection, with what H2WebSocket has beside it."""

    def __init__(self, port, path, tls=None, **kw):
        self.opened = connect(f"{'wss' if tls else 'ws'}://127.0.0.1:{port}{path}", ssl=tls, max_size=MAX_SIZE, proxy=None, open_timeout=30, close_timeout=30,
                              ping_interval=None, **({"server_hostname": "a.test"} if tls else {}), **kw)
        self.inner = self.opened.__enter__()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.opened.__exit__(None, None, None)

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def recv(self):
        return self.inner.recv(timeout=30)

    def is_answered_ping(self, data):
        return self.inner.ping(data).wait(30)

    def wait_closed(self):
        with pytest.raises(ConnectionClosed):
            self.inner.recv(timeout=30)


class World(Site):
    def __init__(self, stage, env=None):
        pki = make_pki(stage.folder / "pki")
        self.echo, self.safe = WebSocketServer("echo"), WebSocketServer("safe", pki.server_context("site", ["http/1.1"]))
        self.app, self.safe_app = App("app", "h2"), App("safe_app", "h2", pki.server_context("site", ["h2"]))
        stage.started += [self.echo, self.safe, self.app, self.safe_app]
        services = f"""
services:
  echo: {{instances: [{{url: "{self.echo.url}"}}]}}
  safe: {{instances: [{{url: "{self.safe.url}"}}], tls: {{ca: {pki.ca}}}}}
  app: {{protocol: h2, instances: [{{url: "{self.app.url}"}}]}}
  safe_app: {{protocol: h2, instances: [{{url: "{self.safe_app.url}"}}], tls: {{ca: {pki.ca}}}}}
  empty: {{instances: []}}
"""
        super().__init__(stage, ROUTES, services, ["- {name: none, address: 127.0.0.1, port: 0, websocket: false}"], pki=pki, env=env)

    def connect(self, version, listener, path, **kw):
        tls = self.pki.ssl_context(alpn=["h2" if version == "h2" else "http/1.1"]) if listener == "tls" else None
        return (H2WebSocket if version == "h2" else H1WebSocket)(self.port(listener), path, tls, **kw)

    def log_lines(self, path):
        return [line for line in map(json.loads, self.data.output().splitlines()) if line["path"] == path]

    def metric(self, name):
        return sum(float(line.rpartition(" ")[2]) for line in self.data.status("/metrics").text.splitlines() if line.startswith(name))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("websockets"))
    yield World(stage)
    stage.end()


WAYS = [(version, listener, path) for version in ("h1", "h2") for listener in ("plain", "tls")
        for path in ("/echo/", "/safe/", "/websocket", "/secure-websocket/")]


@pytest.fixture(params=WAYS, ids=" ".join)
def socket(world, request):
    """Each way through: the client's version, its listener, the service's version and TLS (by path)."""
    with world.connect(*request.param) as made:
        yield made


def test_text_binary_fragments_and_pings(socket):
    for message in ("hello", "", "grüße ✓", b"\x00\xff\x80", b"", "x" * 126, b"y" * 70_000):
        socket.send(message)
        assert socket.recv() == message
    socket.send(["frag", "men", "", "ted"])
    assert socket.recv() == "fragmented"
    socket.send([b"a" * 5000, b"b" * 5000])
    assert socket.recv() == b"a" * 5000 + b"b" * 5000
    assert socket.is_answered_ping(b"are you there?")
    socket.send("still")
    assert socket.recv() == "still"


def test_frame_of_8_mib(socket):
    data = os.urandom(1 << 16) * 128
    socket.send(data)
    assert socket.recv() == data


def test_client_closes_with_code_and_reason(socket):
    socket.send("last")
    assert socket.recv() == "last"
    socket.close(4321, "enough")
    assert (socket.close_code, socket.close_reason) == (4321, "enough")


@pytest.mark.parametrize("version", ["h1", "h2"])
@pytest.mark.parametrize("listener", ["plain", "tls"])
def test_close_codes_pass_both_ways(world, version, listener):
    with world.connect(version, listener, "/echo/close/4000") as socket:
        socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4000, "as you wish")
    world.echo.closed.clear()
    with world.connect(version, listener, "/echo/") as socket:
        socket.close(3001, "bye")
    wait_until(lambda: (3001, "bye") in world.echo.closed, "the service to see the code")


def test_client_that_goes_away_is_felt_by_the_service(world):
    world.echo.closed.clear()
    with world.connect("h2", "plain", "/echo/silent") as socket:
        socket.client.reset(socket.stream)
        wait_until(lambda: None in world.echo.closed, "the service's connection to end")
    world.echo.closed.clear()
    with world.connect("h1", "plain", "/echo/silent") as socket:
        socket.inner.socket.shutdown(2)
        wait_until(lambda: None in world.echo.closed, "the service's connection to end")


def test_subprotocol_is_negotiated_between_the_ends(world):
    with world.connect("h1", "tls", "/echo/", subprotocols=["chat", "other"]) as socket:
        assert socket.subprotocol == "chat"
    with world.connect("h2", "tls", "/echo/", headers=[("sec-websocket-protocol", "other, superchat")]) as socket:
        assert socket.subprotocol == "superchat"


def test_compression_is_negotiated_between_the_ends(world):
    with world.connect("h1", "plain", "/echo/") as socket:
        assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
        socket.send("compressible " * 1000)
        assert socket.recv() == "compressible " * 1000


@pytest.mark.parametrize("path", ["/echo/", "/websocket"])
def test_many_at_once(world, path):
    async def one(number):
        async with connect_async(f"ws://127.0.0.1:{world.plain}{path}", proxy=None, open_timeout=60, close_timeout=60, ping_interval=None) as socket:
            for i in range(10):
                await socket.send(f"{number} {i}")
                assert await socket.recv() == f"{number} {i}"
            return number

    async def all_of_them():
        return await asyncio.gather(*map(one, range(150)))

    assert asyncio.run(asyncio.wait_for(all_of_them(), 60)) == list(range(150))


# --- handshakes that come to nothing ---

@pytest.mark.parametrize("path,status", [("/echo/refused/403", 403), ("/echo/refused/401", 401), ("/empty", 503), ("/nowhere", 404), ("/post", 405),
                                         ("/websocket/refused", 403)])
def test_refusal_passes_through(world, path, status):
    with pytest.raises(InvalidStatus) as error:
        world.connect("h1", "plain", path)
    assert error.value.response.status_code == status
    assert path.startswith("/echo") is (error.value.response.body == b"not you\n")
    with world.connect("h2", "plain", path) as socket:
        # RFC 8441 section 4: to routes it is the GET that it stands for.
        assert socket.stream.status == status


def handshake(*changes, method="GET", path="/echo/"):
    fields = {"Host": "a.test", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    for change in changes:
        fields.update(change)
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return ("\r\n".join([f"{method} {path} HTTP/1.1", *lines]) + "\r\n\r\n").encode()


def test_service_s_word_on_other_versions_passes_through(world):
    data = handshake({"Sec-WebSocket-Version": "8"})
    direct, answer = exchange(world.echo.port, data), exchange(world.plain, data)
    assert (answer.status, answer.body, answer.header("sec-websocket-version")) == (direct.status, direct.body, direct.header("sec-websocket-version"))


def test_handshake_as_such_is_good(world):
    answer = exchange(world.plain, handshake())
    assert (answer.status, answer.header("sec-websocket-accept")) == (101, ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])


@pytest.mark.parametrize("data", [handshake({"Sec-WebSocket-Key": None}), handshake({"Sec-WebSocket-Key": "short"}), handshake({"Sec-WebSocket-Version": None}),
                                  handshake({"Content-Length": "3"}) + b"abc", handshake(method="PUT")],
                         ids=["no key", "bad key", "no version", "with a body", "method"])
def test_bad_handshake_is_answered_400(world, data):
    before = world.metric("gateway_downstream_tunnels_total")
    assert exchange(world.plain, data).status == 400
    assert world.metric("gateway_downstream_tunnels_total") == before


def test_listener_without_websockets_answers_403(world):
    with pytest.raises(InvalidStatus) as error:
        world.connect("h1", "none", "/echo/")
    assert error.value.response.status_code == 403
    assert get(world.port("none"), "/echo/").status == 426  # the service's word about requests that are no handshake


# --- how they end, and what is told of them ---

@pytest.mark.parametrize("version,path", [("h1", "/echo/counted/1"), ("h2", "/echo/counted/2")])
def test_counted_once_and_logged_at_the_end_with_bytes_both_ways(world, version, path):
    before = world.metric("gateway_downstream_tunnels_total")
    extra = {"compression": None} if version == "h1" else {}
    with world.connect(version, "plain", path, **extra) as socket:
        socket.send(b"x" * 1000)
        assert socket.recv() == b"x" * 1000
        assert world.metric("gateway_downstream_tunnels_total") == before + 1
        assert not world.log_lines(path)
    line = wait_until(lambda: world.log_lines(path), "the log line")[0]
    # A frame has a head of four bytes here, a client's a mask of four more; a close frame has four, or eight. The echo ends in an empty frame.
    assert (line["response_code"], line["bytes_received"], line["bytes_sent"]) == (101, 1016, 1010)
    assert (line["response_flags"], line["response_code_details"], line["upstream_cluster"]) == ("-", "via_upstream", "echo")
    assert world.metric("gateway_downstream_tunnels_total") == before + 1


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_silence_ends_them_and_talk_does_not(stage, version):
    world = World(stage, env={"GATEWAY_STREAM_IDLE_TIMEOUT": "1s"})
    with world.connect(version, "plain", "/echo/idle") as socket:
        for _ in range(4):
            with pytest.raises(TimeoutError):
                quiet(world.log_lines, "/echo/idle", 0.5)
            socket.send("I am here")
            assert socket.recv() == "I am here"
        socket.wait_closed()
    line = wait_until(lambda: world.log_lines("/echo/idle"), "the log line")[0]
    assert (line["response_flags"], line["response_code_details"]) == ("SI", "stream_idle_timeout")
    assert line["duration"] >= 2900


def quiet(lines, path, seconds):
    """TimeoutError: nothing was logged meanwhile."""
    try:
        wait_until(lambda: lines(path), "a line", seconds)
    except AssertionError:
        raise TimeoutError from None


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_drain_ends_them(stage, version):
    world = World(stage)
    with world.connect(version, "tls", "/echo/drained") as socket, world.connect("h1", "plain", "/websocket") as other:
        for each in (socket, other):
            each.send("hello")
            assert each.recv() == "hello"
        world.data.process.send_signal(signal.SIGTERM)
        socket.wait_closed()
        other.wait_closed()
    assert world.data.wait() == 0
    assert world.log_lines("/echo/drained")[0]["response_code_details"] == "tunnel_drained"
