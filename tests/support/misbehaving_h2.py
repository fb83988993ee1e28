"""What can go wrong with a service that speaks HTTP/2 (prior knowledge). A good answer is the request's path."""
import hpack

from .h2_raw import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, PING, PREFACE, PUSH_PROMISE, RST_STREAM, SETTINGS,
                     WINDOW_UPDATE, literal)
from .misbehaving import Misbehaving

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 7, 8, 11
pack = H2.pack


def fields(*items):
    return b"".join(literal(name, value) for name, value in items)


def head(length=None, status=b"200", *more):
    return fields((b":status", status), *([] if length is None else [(b"content-length", b"%d" % length)]), *more)


def send_head(peer, length=None, status=b"200", flags=END_HEADERS):
    peer.send(pack(HEADERS, flags, peer.stream, head(length, status)))


def send_data(peer, data, flags=0):
    peer.send(pack(DATA, flags, peer.stream, data))


def answer(peer):
    send_head(peer, len(peer.target))
    send_data(peer, peer.target, END_STREAM)


def on_frame(peer, kind, flags, stream, payload):
    if kind == SETTINGS and not flags & ACK:
        peer.send(pack(SETTINGS, ACK))
    elif kind == PING and not flags & ACK:
        peer.send(pack(PING, ACK, 0, payload))
    elif kind == HEADERS:
        block = payload[5:] if flags & 0x20 else payload
        peer.targets[stream] = dict(peer.decoder.decode(block))[":path"].encode()
    elif kind == RST_STREAM:
        peer.targets.pop(stream, None)
    if kind in (HEADERS, DATA) and flags & END_STREAM and stream in peer.targets:
        peer.stream, peer.target = stream, peer.targets.pop(stream)
        peer.service.note(peer.target)
        if not peer.service.strike("reuse", peer) and not peer.service.strike("request", peer):
            answer(peer)
        peer.served += 1


def speak(peer):
    peer.decoder, peer.targets = hpack.Decoder(), {}
    peer.send(pack(SETTINGS))
    peer.take(len(PREFACE))
    while True:
        prefix = peer.take(9)
        on_frame(peer, prefix[3], prefix[4], int.from_bytes(prefix[5:9], "big"), peer.take(int.from_bytes(prefix[:3], "big")))


def close(peer):
    peer.close()


def reset(peer):
    peer.reset()


def silent(_):
    """The connection and its other streams go on."""


def sends(data):
    def fault(peer):
        peer.send(data)
        peer.wait_for_end()
    return fault


def stream_frames(*frames, then=silent):
    """Frames (kind, flags, payload) on the request's stream."""
    def fault(peer):
        peer.send(b"".join(pack(kind, flags, peer.stream, payload) for kind, flags, payload in frames))
        if then is reset:
            peer.wait_for_client()
        then(peer)
    return fault


def resets(error, *frames):
    return stream_frames(*frames, (RST_STREAM, 0, error.to_bytes(4, "big")))


def head_then_stream_reset(peer):
    send_head(peer, 100)
    peer.wait_for_client()
    peer.send(pack(RST_STREAM, 0, peer.stream, INTERNAL_ERROR.to_bytes(4, "big")))


def goaway(peer, last, error):
    peer.send(pack(GOAWAY, 0, 0, last.to_bytes(4, "big") + error.to_bytes(4, "big")))


def goaway_refusing(error):
    """This request was not looked at, it says; and goes."""
    def fault(peer):
        goaway(peer, max(peer.stream - 2, 0), error)
        peer.close()
    return fault


def goaway_then_answer(peer):
    goaway(peer, peer.stream, NO_ERROR)
    send_head(peer, len(peer.target))
    peer.wait_for_client()
    send_data(peer, peer.target, END_STREAM)
    peer.wait_for_end()


def goaway_then_silent(peer):
    goaway(peer, peer.stream, NO_ERROR)


def goaway_then_close(error):
    def fault(peer):
        goaway(peer, peer.stream, error)
        peer.close()
    return fault


def goaway_in_the_middle(peer):
    send_head(peer, 100)
    send_data(peer, b"x" * 50)
    goaway(peer, peer.stream, INTERNAL_ERROR)
    peer.close()


def status(code):
    def fault(peer):
        send_head(peer, 4, b"%d" % code)
        send_data(peer, b"oops", END_STREAM)
    return fault


def interim_without_end(peer):
    while True:
        send_head(peer, None, b"103")


def pings_without_end(peer):
    while True:
        peer.send(pack(PING, 0, 0, b"12345678"))


def window_overflow(peer):
    send_head(peer)
    while True:
        send_data(peer, b"x" * 16384)


def trickling_head(peer):
    peer.trickle(pack(HEADERS, END_HEADERS, peer.stream, head(5, b"200", (b"x-long", b"x" * 200))))


def trickling_body(peer):
    send_head(peer, 100)
    peer.trickle(b"".join(pack(DATA, END_STREAM if i == 9 else 0, peer.stream, b"x" * 10) for i in range(10)))


def slow_but_in_time(peer):
    peer.trickle(pack(HEADERS, END_HEADERS, peer.stream, head(5)) + pack(DATA, END_STREAM, peer.stream, b"right"), 0.001)


PUSHED = (2).to_bytes(4, "big") + fields((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"a"))
FAULTS = {
    "close_on_accept": ("accept", close), "reset_on_accept": ("accept", reset), "silent": ("request", silent),
    "silent_on_accept": ("accept", lambda peer: peer.wait_for_end()),
    "close_on_request": ("request", close), "reset_on_request": ("request", reset),
    "half_head": ("request", stream_frames((HEADERS, 0, head(5)), then=close)), "half_head_silent": ("request", stream_frames((HEADERS, 0, head(5)))),
    "head_then_reset": ("request", stream_frames((HEADERS, END_HEADERS, head(100)), then=reset)),
    "half_body": ("request", stream_frames((HEADERS, END_HEADERS, head(100)), (DATA, 0, b"x" * 50), then=close)),
    "half_body_without_length": ("request", stream_frames((HEADERS, END_HEADERS, head()), (DATA, 0, b"x" * 50), then=close)),
    "length_too_long": ("request", stream_frames((HEADERS, END_HEADERS, head(100)), (DATA, END_STREAM, b"x" * 50))),
    "length_too_short": ("request", stream_frames((HEADERS, END_HEADERS, head(5)), (DATA, END_STREAM, b"x" * 50))),
    "garbage": ("request", sends(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    "garbage_on_accept": ("accept", sends(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    "bad_status": ("request", stream_frames((HEADERS, END_HEADERS | END_STREAM, fields((b":status", b"2000"))))),
    "bad_field": ("request", stream_frames((HEADERS, END_HEADERS | END_STREAM, head(0, b"200", (b"Upper", b"case"))))),
    "bad_compression": ("request", stream_frames((HEADERS, END_HEADERS | END_STREAM, b"\xff\xff\xff\xff\xff\xff"))),
    "data_before_head": ("request", stream_frames((DATA, END_STREAM, b"right"))),
    "head_too_large": ("request", stream_frames((HEADERS, 0, head(0, b"200", (b"x-big", b"x" * 16000))),
                                                *[(CONTINUATION, END_HEADERS if i == 4 else 0, fields((b"x-big", b"x" * 16000))) for i in range(5)])),
    "unasked_upgrade": ("request", stream_frames((HEADERS, END_HEADERS, head(None, b"101")))),
    "push": ("request", stream_frames((PUSH_PROMISE, END_HEADERS, PUSHED))),
    "window_overflow": ("request", window_overflow), "zero_increment": ("request", stream_frames((WINDOW_UPDATE, 0, b"\0\0\0\0"))),
    "refused_stream": ("request", resets(REFUSED_STREAM)), "internal_error": ("request", resets(INTERNAL_ERROR)),
    "enhance_your_calm": ("request", resets(ENHANCE_YOUR_CALM)), "head_then_stream_reset": ("request", head_then_stream_reset),
    "goaway_refusing": ("request", goaway_refusing(NO_ERROR)), "goaway_refusing_error": ("request", goaway_refusing(INTERNAL_ERROR)),
    "goaway_then_answer": ("request", goaway_then_answer), "goaway_then_silent": ("request", goaway_then_silent),
    "goaway_then_close": ("request", goaway_then_close(NO_ERROR)),
    "goaway_in_the_middle": ("request", goaway_in_the_middle),
    "interim_without_end": ("request", interim_without_end), "pings_without_end": ("request", pings_without_end),
    "trickling_head": ("request", trickling_head), "trickling_body": ("request", trickling_body), "slow_but_in_time": ("request", slow_but_in_time),
    "500": ("request", status(500)), "503": ("request", status(503)),
    "close_on_reuse": ("reuse", close), "reset_on_reuse": ("reuse", reset), "goaway_on_reuse": ("reuse", goaway_refusing(NO_ERROR)),
}


class MisbehavingH2(Misbehaving):
    def __init__(self, name="h2"):
        super().__init__(name, speak, FAULTS)
