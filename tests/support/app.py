"""Services for tests that stream: HTTP/1.1 or HTTP/2, plaintext or TLS, on loopback, in a thread. What they do is the same in each.
Whatever stands before one of these words in a path is skipped.

/echo            answers at once, then each piece of the request's body as it comes, at the end the trailers x-bytes and x-piece-count
/count           JSON about the whole request: protocol, bytes, sha256, headers, trailers
/events/N        N server-sent events, each when the test says next_event()
/bytes/N         N bytes
/deaf            reads nothing of the request until the test says next_event()
/trailers        a body and the trailers x-first and x-second
/status/N        that status
/websocket       RFC 8441: an echo (HTTP/2 only); /websocket/refused: 403
"""
import asyncio
import hashlib
import json
import threading

import h2.config
import h2.connection
import h2.events
import h2.settings
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

PIECE = b"x" * 16384


class App:
    def __init__(self, name="app", protocol="h1", tls=None):
        self.name, self.protocol, self.tls = name, protocol, tls
        self.requests, self.connections, self.open_streams = [], 0, 0
        self._loop = asyncio.new_event_loop()
        self._serve = serve_h2 if protocol == "h2" else serve_h1
        started = threading.Event()

        def run():
            asyncio.set_event_loop(self._loop)
            self._wanted_events = asyncio.Semaphore(0)
            self._server = self._loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024, ssl=tls))
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert started.wait(10), "the app did not start"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def next_event(self):
        self._loop.call_soon_threadsafe(self._wanted_events.release)

    def stop(self):
        async def close():
            self._server.close()
            tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._loop.call_soon(self._loop.stop)

        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(close(), self._loop)
            self._thread.join(10)
            self._loop.close()

    async def _connection(self, reader, writer):
        self.connections += 1
        try:
            await self._serve(self, reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def next_event_wanted(self):
        await self._wanted_events.acquire()

    async def answer(self, exchange):
        """What a request gets, whatever it came by."""
        self.requests.append(exchange)
        self.open_streams += 1
        try:
            words = exchange.target.partition("?")[0].strip("/").split("/")
            while words and words[0] not in PATHS:
                del words[0]
            await PATHS.get(words[0] if words else None, unknown)(self, exchange, *words[1:])
        finally:
            self.open_streams -= 1


async def unknown(_, exchange, *rest):
    await exchange.respond(404, [])
    await exchange.end()


async def echo(_, exchange):
    count = pieces = 0
    await exchange.respond(200, [("content-type", "application/octet-stream")])
    async for data in exchange.body():
        count, pieces = count + len(data), pieces + 1
        await exchange.send(data)
    await exchange.end([("x-bytes", str(count)), ("x-piece-count", str(pieces))])


async def count(app, exchange):
    size, digest = 0, hashlib.sha256()
    async for data in exchange.body():
        size += len(data)
        digest.update(data)
    told = {"app": app.name, "protocol": exchange.protocol, "bytes": size, "sha256": digest.hexdigest(), "headers": exchange.headers,
            "trailers": exchange.trailers}
    text = json.dumps(told).encode()
    await exchange.respond(200, [("content-type", "application/json"), ("content-length", str(len(text)))])
    await exchange.send(text)
    await exchange.end()


async def events(app, exchange, number):
    await exchange.respond(200, [("content-type", "text/event-stream")])
    for i in range(int(number)):
        await app.next_event_wanted()
        await exchange.send(f"data: {i}\n\n".encode())
    await exchange.end()


async def some_bytes(_, exchange, size):
    await exchange.respond(200, [("content-type", "application/octet-stream"), ("content-length", size)])
    left = int(size) if exchange.method != "HEAD" else 0
    while left > 0:
        await exchange.send(PIECE[:left])
        left -= len(PIECE[:left])
    await exchange.end()


async def deaf(app, exchange):
    await app.next_event_wanted()
    await count(app, exchange)


async def trailers(_, exchange):
    async for _data in exchange.body():
        pass
    await exchange.respond(200, [("trailer", "x-first, x-second")])
    await exchange.send(b"body\n")
    await exchange.end([("x-first", "1"), ("x-second", "two")])


async def status(_, exchange, code):
    await exchange.respond(int(code), [])
    await exchange.end()


async def websocket(_, exchange, *rest):
    if exchange.fields.get(":protocol") != "websocket" or rest:
        await exchange.respond(403, [])
        await exchange.end()
    else:
        await exchange.respond(200, [])
        await echo_websocket(exchange)


PATHS = {"echo": echo, "count": count, "deaf": deaf, "events": events, "bytes": some_bytes, "trailers": trailers, "status": status,
         "websocket": websocket, "secure-websocket": websocket}


async def echo_websocket(exchange):
    """The frames of RFC 6455 in the stream's data, by the websockets package."""
    protocol = Protocol(Side.SERVER, state=State.OPEN, max_size=64 << 20)

    async def flush():
        for data in protocol.data_to_send():
            if data:
                await exchange.send(data)

    async for data in exchange.body():
        protocol.receive_data(data)
        for frame in protocol.events_received():
            if frame.opcode == Opcode.TEXT:
                protocol.send_text(frame.data, fin=frame.fin)
            elif frame.opcode == Opcode.BINARY:
                protocol.send_binary(frame.data, fin=frame.fin)
            elif frame.opcode == Opcode.CONT:
                protocol.send_continuation(frame.data, fin=frame.fin)
        await flush()
        if protocol.close_expected():
            break
    await exchange.end()


class Exchange:
    """One request and its answer."""

    def __init__(self, method, target, headers, protocol):
        self.method, self.target, self.headers, self.protocol = method, target, headers, protocol
        self.fields, self.trailers = {key.lower(): value for key, value in headers}, []

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


# --- HTTP/1.1 ---

class H1Exchange(Exchange):
    def __init__(self, reader, writer, *head):
        super().__init__(*head, "HTTP/1.1")
        self.reader, self.writer, self.is_chunked, self.has_body_ended = reader, writer, False, False

    async def body(self):
        if self.fields.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.fields.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self.reader.readline()).split(b";")[0], 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            self.trailers = await read_fields(self.reader)
        else:
            left = int(self.fields.get("content-length", "0"))
            while left > 0:
                data = await self.reader.read(min(left, 65536))
                if not data:
                    raise ConnectionError
                left -= len(data)
                yield data
        self.has_body_ended = True

    async def respond(self, status, headers):
        self.is_chunked = status not in (204, 304) and "content-length" not in dict(headers)
        if self.is_chunked:
            headers = [*headers, ("transfer-encoding", "chunked")]
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{key}: {value}" for key, value in headers)]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self.writer.drain()

    async def send(self, data):
        self.writer.write(b"%x\r\n%s\r\n" % (len(data), data) if self.is_chunked else data)
        await self.writer.drain()

    async def end(self, trailers=()):
        if self.is_chunked:
            self.writer.write(b"0\r\n" + "".join(f"{key}: {value}\r\n" for key, value in trailers).encode() + b"\r\n")
        await self.writer.drain()


async def read_fields(reader):
    fields = []
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        key, _, value = line.decode("latin-1").partition(":")
        fields.append((key, value.strip()))
    return fields


async def serve_h1(app, reader, writer):
    while line := await reader.readline():
        method, target, _ = line.decode("latin-1").split()
        exchange = H1Exchange(reader, writer, method, target, await read_fields(reader))
        await app.answer(exchange)
        if not exchange.has_body_ended:
            async for _ in exchange.body():
                pass


# --- HTTP/2 ---

class H2Exchange(Exchange):
    def __init__(self, connection, stream_id, headers):
        fields = dict(headers)
        super().__init__(fields.get(":method"), fields.get(":path", ""), headers, "HTTP/2")
        self.connection, self.stream_id, self.pieces = connection, stream_id, asyncio.Queue()

    async def body(self):
        while (piece := await self.pieces.get()) is not None:
            data, length = piece
            self.connection.acknowledge(self.stream_id, length)
            if data:
                yield data

    async def respond(self, status, headers):
        self.connection.h2.send_headers(self.stream_id, [(":status", str(status)), *headers])
        await self.connection.flush()

    async def send(self, data):
        while data:
            room = await self.connection.wait_for_window(self.stream_id)
            self.connection.h2.send_data(self.stream_id, data[:room])
            data = data[room:]
            await self.connection.flush()

    async def end(self, trailers=()):
        if trailers:
            self.connection.h2.send_headers(self.stream_id, list(trailers), end_stream=True)
        else:
            self.connection.h2.end_stream(self.stream_id)
        await self.connection.flush()


class H2Connection:
    def __init__(self, app, reader, writer):
        self.app, self.reader, self.writer = app, reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.exchanges, self.tasks, self.window_opened = {}, {}, asyncio.Event()

    def acknowledge(self, stream_id, length):
        if length:
            self.h2.acknowledge_received_data(length, stream_id)
            self.writer.write(self.h2.data_to_send())

    async def wait_for_window(self, stream_id):
        while (room := min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)) == 0:
            self.window_opened.clear()
            await self.window_opened.wait()
        return room

    async def flush(self):
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def run(self):
        self.h2.initiate_connection()
        self.h2.update_settings({h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
        await self.flush()
        try:
            while data := await self.reader.read(65536):
                for event in self.h2.receive_data(data):
                    self.handle(event)
                await self.flush()
        finally:
            for task in self.tasks.values():
                task.cancel()

    def handle(self, event):
        exchange = self.exchanges.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            exchange = H2Exchange(self, event.stream_id, event.headers)
            self.exchanges[event.stream_id] = exchange
            self.tasks[event.stream_id] = asyncio.ensure_future(self.app.answer(exchange))
        elif isinstance(event, h2.events.DataReceived):
            exchange.pieces.put_nowait((event.data, event.flow_controlled_length))
        elif isinstance(event, h2.events.TrailersReceived):
            exchange.trailers = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            exchange.pieces.put_nowait(None)
        elif isinstance(event, h2.events.StreamReset):
            self.tasks[event.stream_id].cancel()
            # What nobody will read is given back all the same: the connection's window is everybody's.
            while not exchange.pieces.empty():
                piece = exchange.pieces.get_nowait()
                self.acknowledge(event.stream_id, piece[1] if piece else 0)
        elif isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            self.window_opened.set()


async def serve_h2(app, reader, writer):
    await H2Connection(app, reader, writer).run()
