"""HTTP/1 parsers under one interface: ours (the h1_parse program), h11, and httptools (llhttp)."""
import dataclasses
import json
import struct
import subprocess

import h11
import httptools

METHOD_NUMBERS = {b"GET": 1, b"HEAD": 2, b"POST": 3}


@dataclasses.dataclass
class Message:
    name: bytes = b""  # the method, or the status
    target: bytes = b""
    fields: list = dataclasses.field(default_factory=list)  # (lower-case name, value), without Host and framing
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    is_whole: bool = False
    end: int = 0  # ours: where it ends in the stream
    forwarded: bytes = b""  # ours: what is sent on


@dataclasses.dataclass
class Parse:
    """`end` says why there are no more messages: "more" bytes are wanted, "error", "closed" (the message says so), "upgrade"."""
    messages: list
    end: str
    why: str = ""
    at: int = 0  # ours: how much was understood


FRAMING = (b"host", b"content-length", b"transfer-encoding")


def comparable(fields):
    return [(name.lower(), value) for name, value in fields if name.lower() not in FRAMING]


def ours(program, streams):
    """`streams`: (kind, request's method, bytes); one Parse for each."""
    records = b"".join(struct.pack("<cBI", kind, METHOD_NUMBERS[method], len(data)) + data for kind, method, data in streams)
    out = subprocess.run([program], input=records, stdout=subprocess.PIPE, check=True, timeout=300).stdout
    unhex = bytes.fromhex
    for line in out.splitlines():
        said = json.loads(line)
        messages = []
        for m in said["messages"]:
            pairs = {key: [(unhex(name), unhex(value)) for name, value in m[key]] for key in ("fields", "trailers")}
            name = unhex(m["method"]) if "method" in m else b"%d" % m["status"]
            messages.append(Message(name, unhex(m.get("path", "")), comparable(pairs["fields"]), unhex(m["body"]),
                                    [(name.lower(), value) for name, value in pairs["trailers"]], m["is_whole"], m["end"], unhex(m.get("forwarded", ""))))
        yield Parse(messages, said["end"], said["detail"], said["at"])


def _h11_next(connection, parse):
    """Takes one event; False: no more messages."""
    event = connection.next_event()
    if event in (h11.NEED_DATA, h11.PAUSED):
        parse.end = "more"
        return False
    if isinstance(event, h11.ConnectionClosed):
        return False
    if isinstance(event, h11.Request):
        parse.messages.append(Message(event.method, event.target, comparable(event.headers)))
    elif isinstance(event, (h11.Response, h11.InformationalResponse)):
        parse.messages.append(Message(b"%d" % event.status_code, b"", comparable(event.headers), is_whole=isinstance(event, h11.InformationalResponse)))
    elif isinstance(event, h11.Data):
        parse.messages[-1].body += bytes(event.data)
    elif isinstance(event, h11.EndOfMessage):
        parse.messages[-1].is_whole = True
        parse.messages[-1].trailers = list(event.headers)
        return None
    return True


def h11_requests(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    parse = Parse([], "closed")
    try:
        connection.receive_data(data)
        while True:
            more = _h11_next(connection, parse)
            if more is False:
                break
            if more is None:  # answered, so that the next one may come
                connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break
                connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        parse.end, parse.why = "error", str(error)
    return parse


def h11_response(data, method):
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a"), ("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    parse = Parse([], "closed")
    try:
        connection.receive_data(data)
        while True:
            more = _h11_next(connection, parse)
            if more is None:
                break
            if more is False:
                if parse.end != "more" or connection.their_state is not h11.SEND_BODY or "Http10Reader" not in repr(connection._reader):
                    break
                connection.receive_data(b"")  # until the connection closes: it does
                parse.end = "closed"
    except h11.RemoteProtocolError as error:
        parse.end, parse.why = "error", str(error)
    return parse


class _Callbacks:
    def __init__(self):
        self.messages, self.in_trailers = [], False

    def on_message_begin(self):
        self.messages.append(Message())
        self.in_trailers = False

    def on_url(self, url):
        self.messages[-1].target += url

    def on_header(self, name, value):
        (self.messages[-1].trailers if self.in_trailers else self.messages[-1].fields).append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self):
        self.messages[-1].name = self.name()
        self.in_trailers = True

    def on_body(self, body):
        self.messages[-1].body += body

    def on_message_complete(self):
        self.messages[-1].is_whole = True


def _llhttp(parser_class, get_name, data):
    callbacks = _Callbacks()
    parser = parser_class(callbacks)
    callbacks.name = lambda: get_name(parser)
    parse = Parse(callbacks.messages, "more")
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        parse.end = "upgrade"
    except httptools.HttpParserError as error:
        parse.end, parse.why = "error", f"{type(error).__name__} {error}"
    for message in parse.messages:
        message.fields = comparable(message.fields)
    return parse


def llhttp_requests(data):
    return _llhttp(httptools.HttpRequestParser, lambda parser: parser.get_method(), data)


def llhttp_response(data):
    return _llhttp(httptools.HttpResponseParser, lambda parser: b"%d" % parser.get_status_code(), data)
