"""What RFC 9110 and 9112 allow of an HTTP/1 message, as regular expressions, read as strictly as the gateway promises: the reason for each
disagreement with another parser must be a fault that this finds. Written from the RFCs, not from the codec."""
import dataclasses
import ipaddress
import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
FIRST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21\x22\x24-\x7e]+) (HTTP/\d\.\d)")
STATUS_LINE = re.compile(rb"(HTTP/1\.\d) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?")
HOST = re.compile(rb"(?:(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")
ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.I | re.S)
QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;" + TOKEN + rb"(?:=(?:" + TOKEN + rb"|" + QUOTED + rb"))?)*\Z")
LENGTH_MAX = 2**63 - 1


@dataclasses.dataclass
class Reading:
    """Of one message from the beginning of some bytes. With faults, or not whole, the rest says nothing."""
    faults: set
    is_whole: bool = True
    body: bytes = b""
    end: int = 0
    is_until_close: bool = False


def _split_head(data, start):
    found = re.search(rb"\n\r?\n", data[start:])
    return (None, 0) if found is None else (data[start:start + found.end()], start + found.end())


def _read_lines(head):
    """The lines without their ends, and what is wrong with these."""
    faults = set()
    if re.search(rb"(?<!\r)\n", head):
        faults.add("bare LF")
    if re.search(rb"\r(?!\n)", head):
        faults.add("bare CR")
    return re.split(rb"\r?\n", head)[:-2], faults


def _read_fields(lines):
    pairs, faults = [], set()
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            faults.add("fold")
        elif not colon or not re.fullmatch(TOKEN, name):
            faults.add("field name")
        else:
            pairs.append((name.lower(), value.strip(b" \t")))
            if name.lower() in (b"content-length", b"transfer-encoding") and re.search(rb"[^ \t][ \t]*\t[ \t]*\Z", value):
                faults.add("tab")
            if CONTROL.search(value):
                faults.add("field value")
    return pairs, faults


def _values(pairs, name):
    return [value for found, value in pairs if found == name]


def _is_host(text):
    match = HOST.fullmatch(text)
    if match is None or int(match[1] or 0) > 65535:
        return False
    if not text.startswith(b"["):
        return True
    try:
        ipaddress.IPv6Address(text[1:text.index(b"]")].decode())
        return True
    except ValueError:
        return False


def _framing(pairs, is_1_0, may_repeat_length):
    """(length or None, is chunked, faults)"""
    lengths, codings = _values(pairs, b"content-length"), _values(pairs, b"transfer-encoding")
    faults = set()
    if any(not re.fullmatch(rb"\d+", length) or int(length) > LENGTH_MAX for length in lengths):
        faults.add("content-length")
    if len(lengths) > 1 and (faults or not may_repeat_length or len({int(length) for length in lengths}) > 1):
        faults.add("several content-lengths")
    if codings and lengths:
        faults.add("length and coding")
    elif codings and (is_1_0 or len(codings) > 1 or codings[0].lower() != b"chunked"):
        faults.add("transfer-encoding")
    return (int(lengths[0]) if lengths and not faults else None), bool(codings), faults


def _target_faults(method, target, hosts):
    absolute = ABSOLUTE.fullmatch(target)
    if method == b"CONNECT":
        authority = target
    elif target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return set()
    elif absolute:
        authority = absolute[1]
    else:
        return {"target"}
    if not _is_host(authority):
        return {"target"}
    return {"host differs"} if hosts and hosts[0].lower() != authority.lower() else set()


def _request_head_faults(match, pairs):
    method, target, version = match.groups()
    hosts = _values(pairs, b"host")
    faults = set()
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return {"version"}
    if len(hosts) > 1 or (not hosts and version == b"HTTP/1.1"):
        faults.add("host count")
    elif hosts and not _is_host(hosts[0]):
        faults.add("host")
    return faults | _target_faults(method, target, hosts)


def _read_chunked(data, at):
    body = b""
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return Reading(set(), False)
        match = CHUNK_LINE.match(data[at:end - 1]) if end > at and data[end - 1:end] == b"\r" else None
        if match is None or int(match[1], 16) > LENGTH_MAX:
            return Reading({"chunk"})
        size, at = int(match[1], 16), end + 1
        if size == 0:
            return _read_trailers(data, at, body)
        behind = data[at + size:at + size + 2]
        if not b"\r\n".startswith(behind):
            return Reading({"chunk"})
        if len(behind) < 2:
            return Reading(set(), False)
        body, at = body + data[at:at + size], at + size + 2


def _read_trailers(data, at, body):
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return Reading(set(), False)
        line, at = data[at:end + 1], end + 1
        if line == b"\r\n":
            return Reading(set(), True, body, at)
        if not line.endswith(b"\r\n") or CONTROL.search(line[:-2]):
            return Reading({"trailer"})
        pairs, faults = _read_fields([line[:-2]])
        if faults:
            return Reading({"trailer"})
        if pairs[0][0] in (b"content-length", b"transfer-encoding"):
            return Reading({"framing trailer"})


def _read_body(data, at, length, is_chunked):
    if is_chunked:
        return _read_chunked(data, at)
    body = data[at:at + (length or 0)]
    return Reading(set(), len(body) == (length or 0), body, at + len(body))


def read_request(data):
    start = 2 if data.startswith(b"\r\n") else 0
    head, end = _split_head(data, start)
    if head is None:
        return Reading(set(), False)
    lines, faults = _read_lines(head)
    match = FIRST_LINE.fullmatch(lines[0] if lines else b"")
    if match is None:
        return Reading(faults | {"request line"})
    pairs, field_faults = _read_fields(lines[1:])
    length, is_chunked, framing_faults = _framing(pairs, match[3] == b"HTTP/1.0", False)
    faults |= field_faults | framing_faults | _request_head_faults(match, pairs)
    return Reading(faults) if faults else _read_body(data, end, length, is_chunked)


def read_response(data, method):
    """The first head of an answer, interim or not, and its body; behind the bytes the connection ends."""
    head, end = _split_head(data, 0)
    if head is None:
        return Reading(set(), False)
    lines, faults = _read_lines(head)
    match = STATUS_LINE.fullmatch(lines[0] if lines else b"")
    if match is None:
        return Reading(faults | {"status line"})
    pairs, field_faults = _read_fields(lines[1:])
    length, is_chunked, framing_faults = _framing(pairs, match[1] == b"HTTP/1.0", True)
    faults |= field_faults | framing_faults
    if match[2] < b"200" and not faults and (is_chunked or length):
        faults.add("interim with body")
    if faults:
        return Reading(faults)
    if match[2] < b"200" or match[2] in (b"204", b"304") or method == b"HEAD":
        return Reading(set(), True, b"", end)
    if length is None and not is_chunked:
        return Reading(set(), True, data[end:], len(data), True)
    return _read_body(data, end, length, is_chunked)
