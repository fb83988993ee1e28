"""HTTP/2 frame by frame: for what a library would not send."""
import socket
import struct

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def number(prefix, value):
    """HPACK's integer with a prefix of 7 bits."""
    if value < 127:
        return bytes([prefix | value])
    out, value = [prefix | 127], value - 127
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes([*out, value])


def literal(name, value):
    """A field that goes into no table."""
    return b"\0" + number(0, len(name)) + name + number(0, len(value)) + value


def request(path=b"/", method=b"GET", *fields):
    return b"".join(literal(*field) for field in
                    [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"a.test"), *fields])


class H2:
    """A connection with prior knowledge; closes with the block. Frames are (type, flags, stream, payload)."""

    def __init__(self, port, settings=b"", source="127.0.0.1", seconds=30, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(seconds)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.pending, self.next_id, self.decoder, self.fields = b"", 1, hpack.Decoder(), {}
        self.send(PREFACE)
        self.frame(SETTINGS, payload=settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it has been closed: what it was told shows in read()

    @staticmethod
    def pack(kind, flags=0, stream=0, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def frame(self, kind, flags=0, stream=0, payload=b""):
        self.send(self.pack(kind, flags, stream, payload))

    def open(self, block=None, flags=END_HEADERS | END_STREAM):
        """A request; its stream."""
        stream, self.next_id = self.next_id, self.next_id + 2
        self.frame(HEADERS, flags, stream, request() if block is None else block)
        return stream

    def read(self):
        """The next frame; None at the end."""
        while True:
            if len(self.pending) >= 9:
                size = int.from_bytes(self.pending[:3], "big")
                if len(self.pending) >= 9 + size:
                    kind, flags, stream = self.pending[3], self.pending[4], int.from_bytes(self.pending[5:9], "big")
                    payload, self.pending = self.pending[9:9 + size], self.pending[9 + size:]
                    if kind == HEADERS:  # each one, or the table would be another
                        self.fields[stream] = dict(self.decoder.decode(payload))
                    return kind, flags, stream, payload
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not data:
                return None
            self.pending += data

    def until(self, kind, stream=None):
        """The first frame of that type (and stream); None: the connection ended without one."""
        while (frame := self.read()) is not None:
            if frame[0] == kind and (stream is None or frame[2] == stream):
                return frame
        return None

    def goaway(self):
        """The error that ends the connection; None: it ended without a word."""
        frame = self.until(GOAWAY)
        return None if frame is None else int.from_bytes(frame[3][4:8], "big")

    def status(self, stream):
        """Of the answer on the stream."""
        return None if self.until(HEADERS, stream) is None else int(self.fields[stream][":status"])
