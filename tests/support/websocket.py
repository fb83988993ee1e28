"""WebSockets for tests: a server by the websockets package, and a client that speaks RFC 8441 (the package's frames in an HTTP/2 stream)."""
import asyncio
import http
import threading

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from .h2_client import H2Client

MAX_SIZE = 64 << 20


class WebSocketServer:
    """Echoes, fragmented as it came. /close/CODE: closes at once · /refused/STATUS: no handshake · /silent: says nothing, takes everything."""

    def __init__(self, name="websockets", tls=None):
        self.name, self.tls, self.closed = name, tls, []
        self._loop, started = asyncio.new_event_loop(), threading.Event()

        async def run():
            async with serve(self._talk, "127.0.0.1", 0, max_size=MAX_SIZE, ssl=tls, process_request=self._admit, ping_interval=None,
                             subprotocols=["superchat", "chat"], select_subprotocol=self._choose) as server:
                self.port = server.sockets[0].getsockname()[1]
                self._end = asyncio.Event()
                started.set()
                await self._end.wait()

        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[run()], daemon=True)
        self._thread.start()
        assert started.wait(10), "the WebSocket server did not start"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(20)

    @staticmethod
    def _choose(_, offered):
        return next((name for name in ("superchat", "chat") if name in offered), None)

    @staticmethod
    def _admit(connection, request):
        words = request.path.strip("/").split("/")
        return connection.respond(http.HTTPStatus(int(words[-1])), "not you\n") if "refused" in words else None

    async def _talk(self, connection):
        words = connection.request.path.strip("/").split("/")
        try:
            if "close" in words:
                await connection.close(int(words[-1]), "as you wish")
                return
            while True:
                if "silent" in words:
                    await connection.recv()
                else:
                    await connection.send(connection.recv_streaming())
        except ConnectionClosed as closed:
            self.closed.append((closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None)


class H2WebSocket:
    """The part of websockets.sync.client's connection that the tests use."""

    def __init__(self, port, path, tls=None, headers=()):
        self.client = H2Client(port, tls)
        self.stream = self.client.request(path, method="CONNECT", protocol="websocket", ends=False,
                                          headers=[("sec-websocket-version", "13"), ("origin", "http://a.test"), *headers])
        self.client.wait(lambda: self.stream.headers or self.stream.reset is not None, "the answer to the handshake")
        self.protocol, self.taken = Protocol(Side.CLIENT, state=State.OPEN, max_size=MAX_SIZE), 0
        self.subprotocol = self.stream.field("sec-websocket-protocol")
        self.messages, self.fragments, self.pongs = [], [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        is_open = self.stream.status == 200 and not self.stream.has_ended and self.stream.reset is None and not self.client.goaway
        if is_open and self.protocol.state is State.OPEN:
            self.close()
        self.client.socket.close()

    def _flush(self):
        for data in self.protocol.data_to_send():
            if data:
                self.client.send(self.stream, data)

    def _take(self):
        data, self.taken = self.stream.data[self.taken:], len(self.stream.data)
        if data:
            self.protocol.receive_data(data)
        for frame in self.protocol.events_received():
            if frame.opcode == Opcode.PONG:
                self.pongs.append(bytes(frame.data))
            elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                if frame.opcode != Opcode.CONT:
                    self.fragments, self.opcode = [], frame.opcode
                self.fragments.append(bytes(frame.data))
                if frame.fin:
                    whole = b"".join(self.fragments)
                    self.messages.append(whole.decode() if self.opcode == Opcode.TEXT else whole)
        self._flush()

    def _wait(self, condition, what):
        def is_there():
            self._take()
            return condition()

        self.client.wait(is_there, what)

    def send(self, message):
        if isinstance(message, (str, bytes)):
            send = self.protocol.send_text if isinstance(message, str) else self.protocol.send_binary
            send(message.encode() if isinstance(message, str) else message)
        else:
            pieces = [piece.encode() if isinstance(piece, str) else piece for piece in message]
            (self.protocol.send_text if isinstance(message[0], str) else self.protocol.send_binary)(pieces[0], fin=False)
            for i, piece in enumerate(pieces[1:], 2):
                self.protocol.send_continuation(piece, fin=i == len(pieces))
        self._flush()

    def recv(self):
        self._wait(lambda: self.messages, "a message")
        return self.messages.pop(0)

    def is_answered_ping(self, data):
        self.protocol.send_ping(data)
        self._flush()
        self._wait(lambda: data in self.pongs, "the pong")
        return True

    def close(self, code=1000, reason=""):
        self.protocol.send_close(code, reason)
        self._flush()
        self.wait_closed()
        if self.stream.reset is None:
            self.client.end(self.stream)

    def wait_closed(self):
        self._wait(lambda: self.protocol.close_rcvd or self.stream.has_ended or self.stream.reset is not None,
                   "the end")

    @property
    def close_code(self):
        return self.protocol.close_rcvd and self.protocol.close_rcvd.code

    @property
    def close_reason(self):
        return self.protocol.close_rcvd and self.protocol.close_rcvd.reason
