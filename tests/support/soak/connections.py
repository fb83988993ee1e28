"""Connections of the soak's clients: HTTP/1.1 and HTTP/2, plaintext or TLS, kept open. ask() never raises: what went wrong stands in the answer."""
import asyncio

import h2.config
import h2.connection
import h2.events

from kinds import Answer

PATIENCE_S = 20


class Connection:
    """`tls`: a context, None: plaintext. What is broken is opened anew by the next request."""

    host = "a.test"

    def __init__(self, port, tls=None):
        self.port, self.tls, self.opening = port, tls, asyncio.Lock()

    def where(self):
        return {"host": "127.0.0.1", "port": self.port, "ssl": self.tls, "server_hostname": self.host if self.tls else None}

    async def ask(self, asked):
        answer = Answer()
        try:
            async with asyncio.timeout(PATIENCE_S):
                async with self.opening:
                    if not self.is_open():
                        await self.open()
                await self.exchange(asked, answer)
        except (OSError, EOFError, ValueError, h2.exceptions.ProtocolError) as trouble:
            answer.trouble = f"{type(trouble).__name__}: {trouble}"
            self.close()
        return answer


class H1(Connection):
    writer = None

    def is_open(self):
        return self.writer is not None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(**self.where())

    def close(self):
        if self.writer:
            self.writer.close()
        self.writer = None

    async def exchange(self, asked, answer):
        fields = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
        self.writer.write(f"{asked.kind.method} {asked.path} HTTP/1.1\r\nhost: {self.host}\r\n{fields}\r\n".encode() + asked.kind.body)
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        answer.status = int(first.split()[1])
        answer.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        answer.body = await self.reader.readexactly(int(answer.headers["content-length"]))
        if "close" in answer.headers.get("connection", ""):
            self.close()
            answer.trouble = None if asked.headers.get("connection") else "the connection ends behind this answer"


class FreshH1(H1):
    """A connection for each request."""

    async def ask(self, asked):
        asked.headers["connection"] = "close"
        return await super().ask(asked)


class H2(Connection, asyncio.Protocol):
    transport, was_lost = None, False

    def is_open(self):
        return self.transport is not None

    async def open(self):
        if self.was_lost:
            self.was_lost = False
            raise ConnectionError("the connection had ended while nothing was on its way")
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="latin-1"))
        self.streams, self.is_greeted = {}, asyncio.get_running_loop().create_future()
        self.transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, **self.where())
        self.h2.initiate_connection()
        self.flush()
        await self.is_greeted

    def close(self):
        if self.transport:
            self.transport.close()
        self.transport = None

    def flush(self):
        if self.transport:
            self.transport.write(self.h2.data_to_send())

    async def exchange(self, asked, answer):
        """Bodies are smaller than the smallest window."""
        stream_id, is_over = self.h2.get_next_available_stream_id(), asyncio.get_running_loop().create_future()
        self.streams[stream_id] = answer, is_over
        self.h2.send_headers(stream_id, [(":method", asked.kind.method), (":scheme", "https" if self.tls else "http"), (":authority", self.host),
                                         (":path", asked.path), *asked.headers.items()], end_stream=not asked.kind.body)
        if asked.kind.body:
            self.h2.send_data(stream_id, asked.kind.body, end_stream=True)
        self.flush()
        try:
            await is_over
        finally:
            self.streams.pop(stream_id, None)

    def data_received(self, data):
        for event in self.h2.receive_data(data):
            self.take(event)
        self.flush()

    def take(self, event):
        if isinstance(event, h2.events.RemoteSettingsChanged) and not self.is_greeted.done():
            self.is_greeted.set_result(None)
        if isinstance(event, h2.events.ConnectionTerminated):
            self.break_off(f"GOAWAY {event.error_code}")
            self.close()
        if isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        answer, is_over = self.streams.get(getattr(event, "stream_id", None), (None, None))
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = dict(event.headers)
            answer.status = int(answer.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
        elif isinstance(event, h2.events.StreamReset):
            answer.trouble = f"RST_STREAM {event.error_code}"
        if isinstance(event, (h2.events.StreamReset, h2.events.StreamEnded)) and not is_over.done():
            is_over.set_result(None)

    def connection_lost(self, _):
        self.was_lost = self.is_open() and not self.streams
        self.transport = None
        self.break_off("the connection ended")

    def break_off(self, why):
        if not self.is_greeted.done():
            self.is_greeted.set_exception(ConnectionError(why))
        for answer, is_over in self.streams.values():
            answer.trouble = why
            if not is_over.done():
                is_over.set_result(None)
