"""Our HTTP/1 codec beside strangers: h11 and llhttp read what we read, and an oracle written from the RFCs says who is right.

Never may we take a message that another parser frames differently; what we send on, all read as one message. Where one refuses what another takes,
the tables below say why; a disagreement that they don't explain fails.
"""
import collections
import os
import re

import pytest

from support import h1_messages, h1_oracle, h1_peers
from support.gateway import BUILD, ROOT

PROGRAM = BUILD / "bin/h1_parse"
SCALE = 10 if os.environ.get("GW_FULL") else 1
REQUEST_STREAMS, RESPONSES = 40_000 * SCALE, 24_000 * SCALE
BATCH = 4_000

ANYWHERE = "bad_line_end bad_request_line bad_status_line bad_method bad_target bad_header_name bad_header_value"
# What the oracle finds wrong: how we say it, and why it is refused. The fault that is seen first names the refusal, so each may also go by
# another's word.
FAULTS = {
    "request line": ("bad_method bad_target bad_request_line",
                     "RFC 9112 section 3: token, one space, visible ASCII without '#', one space, HTTP/d.d"),
    "status line": ("bad_status_line", "RFC 9112 section 4: HTTP/1.d, one space, three digits from 100 on"),
    "version": ("unsupported_version", "RFC 9110 section 15.6.6: 505 for another version than 1.0 and 1.1"),
    "bare LF": (ANYWHERE, "RFC 9112 section 2.2: may be taken for a line end, so it is by some"),
    "bare CR": (ANYWHERE, "RFC 9112 section 2.2: MUST be invalid, or replaced"),
    "fold": ("bad_header_name", "RFC 9112 section 5.2: 400, or replaced"),
    "field name": ("bad_header_name bad_line_end", "RFC 9112 section 5.1: a token, and ':' at once; whitespace between is 400"),
    "field value": ("bad_header_value bad_line_end", "RFC 9110 section 5.5: no control but HTAB"),
    "host count": ("no_host several_hosts", "RFC 9112 section 3.2: exactly one in HTTP/1.1, never two"),
    "host": ("bad_host", "RFC 9112 section 3.2: uri-host [\":\" port]; no user info, no comma, not empty"),
    "target": ("bad_target", "RFC 9112 section 3.2: none of the four forms"),
    "host differs": ("host_differs", "RFC 9112 section 3.2.2: a proxy would ignore Host, an origin may not"),
    "content-length": ("bad_content_length", "RFC 9110 section 8.6: digits; a list is allowed to be refused; int64"),
    "tab": ("bad_content_length bad_transfer_encoding", "RFC 9112 section 5.1 allows one behind the value, but llhttp then sees another coding"),
    "several content-lengths": ("several_content_lengths", "RFC 9112 section 6.3: fatal when they differ, and no request needs two"),
    "length and coding": ("content_length_and_transfer_encoding", "RFC 9112 section 6.1: smuggling; may be refused, and is"),
    "transfer-encoding": ("bad_transfer_encoding unsupported_transfer_encoding",
                          "RFC 9112 sections 6.1 and 6.3: chunked last or 400; unknown ones 501; none in 1.0"),
    "interim with body": ("interim_with_body", "RFC 9110 section 15.2: a 1xx has no content"),
    "chunk": ("bad_chunk", "RFC 9112 section 7.1: 1 to 16 hex digits, extensions by the grammar without bad whitespace, CRLF"),
    "trailer": ("bad_chunk", "RFC 9112 section 7.1.2: as field lines"),
    "framing trailer": ("bad_chunk", "RFC 9110 section 6.5.1: never Content-Length or Transfer-Encoding"),
}

# Faults that a peer forgives.
FORGIVES = {
    "h11": {"bare LF", "fold", "field value", "version", "target", "host", "host differs", "content-length", "tab",
            "several content-lengths", "length and coding", "transfer-encoding", "interim with body", "chunk", "trailer", "framing trailer",
            "request line", "status line"},
    "llhttp": {"bare LF", "bare CR", "request line", "status line", "version", "host count", "host", "target", "host differs",
               "content-length", "transfer-encoding", "tab", "interim with body", "chunk", "framing trailer"},
}

LLHTTP_METHODS = rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|M-SEARCH|CONNECT|TRACE)"

# What a peer refuses and we take: its words, what must stand in the refused message or in the one before, and why we are right.
BEFORE, THERE = "before", "there"
REFUSES = [
    ("h11", r"no re\w+ line received", THERE, rb"\A\r\n",
     "RFC 9112 section 2.2: an empty line before a request SHOULD be ignored; h11 wants none"),
    ("h11", r"bad Content-Length", THERE, rb"(?i)content-length:[ \t]*0\d{20}",
     "RFC 9110 section 8.6: leading zeros are digits; h11 takes 20 at most. We send the number without them"),
    ("h11", r"conflicting Content-Length", THERE, rb"(?i)\ncontent-length:[ \t]*0",
     "RFC 9110 section 8.6: 5 and 05 are one number; h11 compares the digits"),
    ("h11", r"^$", BEFORE, rb"HTTP/1\.0\r\n",
     "RFC 9112 section 9.3: Connection: keep-alive holds for HTTP/1.0 too; h11 closes"),
    ("h11", r"Received server _SWITCH_UPGRADE event", THERE, rb"\AHTTP/1\.\d 101[ \r]",
     "RFC 9110 section 15.2.2: h11 knows that nobody asked; our codec only reads the head, the attempt refuses it"),
    ("llhttp", r"Invalid method encountered|Expected space after method", THERE, rb"\A(?:\r\n)?(?!" + LLHTTP_METHODS + rb" )",
     "RFC 9110 section 9.1: any token is a method; llhttp has a list"),
    ("llhttp", r"Expected HTTP/2 Connection Preface", THERE, rb"\A(?:\r\n)?PRI ",
     "RFC 9113 section 3.4: only PRI * HTTP/2.0 is the preface; with HTTP/1.1 it is an unknown method"),
    ("llhttp", r"Data after `Connection: close`", BEFORE, rb"(?i)\nproxy-connection:[^\n]*close",
     "RFC 9112 appendix C.2.2: Proxy-Connection is of no meaning"),
    ("llhttp", r"Data after `Connection: close`", BEFORE, rb"(?is)\n0[^\n]*\r\n(?:.*\n)?connection:[^\n]*close",
     "RFC 9110 section 6.5.1: Connection as a trailer is ignored; llhttp closes"),
    ("llhttp", r"Data after `Connection: close`", BEFORE, rb"(?is)\AHTTP/1\.(?:0 1|\d 1.*\n(?:proxy-)?connection:[^\n]*close)",
     "RFC 9110 section 15.2: behind an interim answer the final one comes, whatever its version and Connection say"),
    ("llhttp", r"Duplicate Content-Length", THERE, rb"(?is)\AHTTP/.*\ncontent-length:.*\ncontent-length:",
     "RFC 9112 section 6.3: repeated with one value it is valid in an answer, and we send one; llhttp refuses any second"),
    ("llhttp", r"Invalid HTTP version", THERE, rb"\AHTTP/1\.[2-9]",
     "RFC 9110 section 2.5: an answer of a higher minor version is read as 1.1; llhttp knows 0.9, 1.0, 1.1 and 2.0"),
]


def first_word(message):
    return message.removeprefix(b"\r\n").split(b" ")[0]


def has_upgrade(message):
    """llhttp ends a message that offers or takes an upgrade at its head, or after its body, and gives up the rest as another protocol's. For us
    an offer alone changes nothing (RFC 9110 section 7.8), and 101 ends HTTP."""
    fields = re.split(rb"\r?\n\r?\n", message.removeprefix(b"\r\n"))[0].lower()
    return first_word(message) == b"CONNECT" or (b"\nupgrade:" in fields and re.search(rb"\nconnection:[^\n]*upgrade", fields))


def says_close_and_keep_alive(message):
    """In HTTP/1.0 llhttp lets keep-alive win, and reads on where we close (RFC 9112 section 9.3: close comes first)."""
    fields = message.lower()
    return re.search(rb"\nconnection:[^\n]*close", fields) and re.search(rb"\nconnection:[^\n]*keep-alive", fields) and b" http/1.0\r\n" in fields


def explain_refusal_of_peer(name, why, before, message):
    texts = {BEFORE: before, THERE: message}
    return any(peer == name and re.search(words, why) and re.search(pattern, texts[where]) for peer, words, where, pattern, _ in REFUSES)


def expected_target(method, target):
    """What our path says of a peer's target."""
    absolute = h1_oracle.ABSOLUTE.fullmatch(target)
    if method == b"CONNECT":
        return b""
    if absolute is None:
        return target
    if absolute[2].startswith(b"?"):
        return b"/" + absolute[2]
    return absolute[2] or (b"*" if method == b"OPTIONS" else b"/")


class Findings:
    def __init__(self):
        self.bad, self.counts = [], collections.Counter()

    def add(self, what, data, *more):
        self.bad.append(f"{what}: {data!r} {' '.join(map(repr, more))}")

    def check(self):
        assert not self.bad, f"{len(self.bad)} findings, such as\n" + "\n".join(self.bad[:5])


def is_whole(parse, index):
    return index < len(parse.messages) and parse.messages[index].is_whole


def compare_with_oracle(data, ours, read, findings):
    """Exactly: the same messages, and a refusal wherever the oracle finds a fault."""
    start = 0
    for index in range(len(ours.messages) + 1):
        if ours.end == "closed" and index == len(ours.messages):
            return
        reading = read(data[start:])
        if is_whole(ours, index):
            message = ours.messages[index]
            if reading.faults or not reading.is_whole or (reading.body, start + reading.end) != (message.body, message.end):
                findings.add("taken, but not by the oracle", data, index, reading)
                return
            findings.counts["taken"] += 1
            start = message.end
        elif ours.end == "error":
            words = " ".join(FAULTS[fault][0] for fault in reading.faults).split()
            if reading.is_whole and ours.why.removeprefix("http1.") not in words:
                findings.add("refused, but not by the oracle", data, index, ours.why, reading)
            findings.counts["refused"] += 1
            return
        else:
            if reading.faults - {"chunk", "trailer", "framing trailer"} or (reading.is_whole and not reading.faults):
                findings.add("awaits more, but not the oracle", data, index, reading)
            return


def compare_with_peer(name, data, ours, peer, read, findings):
    start, before = 0, b""
    for index in range(max(len(ours.messages), len(peer.messages)) + 1):
        message = data[start:]
        we_have, it_has = is_whole(ours, index), is_whole(peer, index)
        if we_have and it_has:
            mine, its = ours.messages[index], peer.messages[index]
            if mine.body != its.body:
                if name != "llhttp" or not has_upgrade(message):
                    findings.add(f"{name} frames it differently", data, index, mine.body, its.body)
            elif (mine.name, mine.fields) != (its.name, its.fields):
                findings.add(f"{name} reads another head", data, index, mine, its)
            elif its.target and mine.target != expected_target(its.name, its.target):
                findings.add(f"{name} reads another target", data, index, mine.target, its.target)
            findings.counts[f"{name} agrees"] += 1
            before, start = data[start:mine.end], mine.end
        elif we_have:
            reading = read(message)
            if reading.is_until_close and peer.end == "more":
                if peer.messages[index].body != reading.body:
                    findings.add(f"{name} reads another body", data, index)
            elif peer.end == "upgrade" or (peer.end == "more" and index > 0 and has_upgrade(before)):
                if not has_upgrade(before) and not has_upgrade(message):
                    findings.add(f"{name} upgrades", data, index)
            elif peer.end == "more" or not explain_refusal_of_peer(name, peer.why, before, message):
                findings.add(f"{name} does not take it ({peer.end} {peer.why})", data, index)
            return
        elif it_has:
            faults = read(message).faults
            if name == "llhttp" and (has_upgrade(message) or (ours.end == "closed" and says_close_and_keep_alive(before))):
                pass
            elif ours.end != "error" or not faults or not faults <= FORGIVES[name]:
                findings.add(f"only {name} takes it (we: {ours.end} {ours.why})", data, index, faults)
            findings.counts[f"{name} forgives"] += 1
            findings.counts.update((name, fault) for fault in faults)
            return
        else:
            return


def compare_forwarded(ours, read, peers, findings):
    """What we send on is one message for everybody, and the one that we read."""
    for message in ours.messages:
        if not message.forwarded:
            continue
        reading = read(message.forwarded)
        if reading.faults or not reading.is_whole or reading.end != len(message.forwarded) or reading.body != message.body:
            findings.add("sent on, but not by the oracle's rules", message.forwarded, reading)
        for name, parse in peers:
            peer = parse(message.forwarded)
            if name == "llhttp" and not re.fullmatch(LLHTTP_METHODS + rb"|HTTP/1\.1", first_word(message.forwarded)):
                continue
            if name == "h11" and message.name == b"101":
                continue
            whole = [m for m in peer.messages if m.is_whole]
            if peer.end == "error" or len(peer.messages) != 1 or len(whole) != 1 or (whole[0].body, whole[0].trailers) != (message.body, message.trailers):
                findings.add(f"sent on, but {name} reads it differently", message.forwarded, peer)
        findings.counts["sent on"] += 1


def batches(count, make):
    for at in range(0, count, BATCH):
        yield [make() for _ in range(min(BATCH, count - at))]


@pytest.mark.parametrize("seed", [1, 2])
def test_requests_are_read_as_strict_parsers_read_them(seed):
    generator, findings = h1_messages.Generator(seed), Findings()
    peers = [("h11", h1_peers.h11_requests), ("llhttp", h1_peers.llhttp_requests)]
    for streams in batches(REQUEST_STREAMS // 2, generator.requests):
        for data, ours in zip(streams, h1_peers.ours(PROGRAM, [(b"Q", b"GET", data) for data in streams]), strict=True):
            compare_with_oracle(data, ours, h1_oracle.read_request, findings)
            for name, parse in peers:
                compare_with_peer(name, data, ours, parse(data), h1_oracle.read_request, findings)
            compare_forwarded(ours, h1_oracle.read_request, peers, findings)
    findings.check()
    # Both kinds are there in numbers, or the generator has gone astray.
    for what in ("taken", "refused", "sent on", "h11 agrees", "llhttp agrees"):
        assert findings.counts[what] > REQUEST_STREAMS // 8, findings.counts


@pytest.mark.parametrize("seed", [3, 4])
def test_responses_are_read_as_strict_parsers_read_them(seed):
    generator, findings = h1_messages.Generator(seed), Findings()

    def make():
        return generator.random.choice([b"GET", b"GET", b"HEAD"]), generator.response()

    for answers in batches(RESPONSES // 2, make):
        for (method, data), ours in zip(answers, h1_peers.ours(PROGRAM, [(b"R", *answer) for answer in answers]), strict=True):
            def read(data, method=method):
                return h1_oracle.read_response(data, method)

            def h11(data, method=method):
                return h1_peers.h11_response(data, method)

            peers = [("h11", h11)]
            if method != b"HEAD":  # httptools cannot be told that the answer has no body
                peers.append(("llhttp", h1_peers.llhttp_response))
            compare_with_oracle(data, ours, read, findings)
            if ours.end == "closed":
                data = data[:ours.at]  # what follows the final answer is nobody's
            for name, parse in peers:
                compare_with_peer(name, data, ours, parse(data), read, findings)
            compare_forwarded(ours, read, peers, findings)
    findings.check()
    for what in ("taken", "refused", "sent on", "h11 agrees", "llhttp agrees"):
        assert findings.counts[what] > RESPONSES // 8, findings.counts


def test_every_word_of_a_refusal_is_documented():
    said = set()
    for folder in ("common/http", "dataplane/downstream", "dataplane/upstream"):
        for path in (ROOT / folder).glob("h1_*.c"):
            said |= set(re.findall(r'"(http1\.\w+)"', path.read_text()))
    assert said == set(re.findall(r"`(http1\.\w+)`", (ROOT / "common/README.md").read_text()))
    assert {word.removeprefix("http1.") for word in said} >= set(" ".join(words for words, _ in FAULTS.values()).split())
