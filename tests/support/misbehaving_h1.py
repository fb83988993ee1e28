"""What can go wrong with a service that speaks HTTP/1.1. A good answer is the request's target."""
from .misbehaving import Misbehaving


def head(length, extra=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + extra + b"Content-Length: %d\r\n\r\n" % length


def answer(peer):
    peer.send(head(len(peer.target)) + peer.target)


def read_body(peer, fields):
    if b"transfer-encoding: chunked" in fields:
        while size := int(peer.take_until(b"\r\n").split(b";")[0], 16):
            peer.take(size + 2)
        peer.take_until(b"\r\n")
    elif b"content-length:" in fields:
        peer.take(int(fields.split(b"content-length:")[1].split(b"\r\n")[0]))


def speak(peer):
    while True:
        fields = peer.take_until(b"\r\n\r\n")
        peer.target = fields.split(b" ")[1]
        if not peer.service.strike("reuse", peer):
            read_body(peer, fields.lower())
            peer.service.note(peer.target)
            if not peer.service.strike("request", peer):
                answer(peer)
        peer.served += 1


def close(peer):
    peer.close()


def reset(peer):
    peer.reset()


def silent(peer):
    peer.wait_for_end()


def sends(data, then=close):
    """These bytes instead of an answer, then close, reset or silent."""
    def fault(peer):
        peer.send(data)
        if then is reset:
            peer.wait_for_client()
        then(peer)
    return fault


def status(code):
    def fault(peer):
        peer.send(b"HTTP/1.1 %d Whatever\r\nContent-Length: 4\r\n\r\noops" % code)
    return fault


def interim_without_end(peer):
    while True:
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")


def more_than_it_says(peer):
    peer.send(head(5) + b"right" + b"wrong" * 20)


def two_answers(peer):
    """The second one is for the next request, whoever asks."""
    peer.send(head(5) + b"right" + head(6) + b"poison")


def unasked_answer(peer):
    """As above, and not in one piece with what was asked for."""
    peer.send(head(5) + b"right")
    peer.wait_for_client()
    peer.send(head(6) + b"poison")


def trickling_head(peer):
    peer.trickle(head(5, b"X-Long: %s\r\n" % (b"x" * 200)) + b"right")


def trickling_body(peer):
    peer.send(head(100))
    peer.trickle(b"x" * 100)


def slow_but_in_time(peer):
    peer.trickle(head(5) + b"right", 0.001)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FAULTS = {
    "close_on_accept": ("accept", close), "reset_on_accept": ("accept", reset), "silent": ("request", silent),
    "close_on_request": ("request", close), "reset_on_request": ("request", reset),
    "half_head": ("request", sends(b"HTTP/1.1 200 OK\r\nContent-Le")), "half_head_silent": ("request", sends(b"HTTP/1.1 200 OK\r\nContent-Le", silent)),
    "head_then_reset": ("request", sends(head(100), reset)), "half_body": ("request", sends(head(100) + b"x" * 50)),
    "half_chunked_body": ("request", sends(CHUNKED + b"32\r\n" + b"x" * 50 + b"\r\n")),
    "length_too_long": ("request", sends(head(100) + b"x" * 50, silent)), "length_too_short": ("request", more_than_it_says),
    "two_answers": ("request", two_answers), "unasked_answer": ("request", unasked_answer),
    "bad_chunk": ("request", sends(CHUNKED + b"5\r\nright\r\nnonsense\r\n", silent)),
    "chunk_without_end": ("request", sends(CHUNKED + b"5\r\nright wrong\r\n0\r\n\r\n", silent)),
    "garbage": ("request", sends(b"\x15\x03\x01\x00\x02\x02\x0a\r\n\r\n", silent)), "garbage_on_accept": ("accept", sends(b"220 mail.test ESMTP\r\n\r\n", silent)),
    "bad_status": ("request", sends(b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", silent)),
    "two_lengths": ("request", sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nright", silent)),
    "head_too_large": ("request", sends(head(0, b"X-Big: %s\r\n" % (b"x" * 70000)), silent)),
    "unasked_upgrade": ("request", sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", silent)),
    "interim_without_end": ("request", interim_without_end), "trickling_head": ("request", trickling_head),
    "trickling_body": ("request", trickling_body), "slow_but_in_time": ("request", slow_but_in_time),
    "500": ("request", status(500)), "503": ("request", status(503)),
    "close_on_reuse": ("reuse", close), "reset_on_reuse": ("reuse", reset),
}


class MisbehavingH1(Misbehaving):
    def __init__(self, name="h1"):
        super().__init__(name, speak, FAULTS)
