"""Each limit on clients is hit over the wire: what the client is told, and that it is counted. The limits are set low."""
import contextlib
import socket
import struct
import time

import pytest

from support.abuse import limits, metric
from support.gateway import PATIENCE_S, get, request, wait_until
from support.h2_raw import (CONTINUATION, DATA, END_HEADERS, END_STREAM, H2, HEADERS, PADDED, PING, PRIORITY, RST_STREAM, SETTINGS,
                            WINDOW_UPDATE, literal, request as h2_request)
from support.raw import exchange, read_answer
from support.site import Site

ENHANCE_YOUR_CALM = 11
ROUTES = """
routes:
  - {path: "/**", service: backend}
"""
LOW = {
    "GATEWAY_REQUEST_HEADERS_TIMEOUT": "500ms", "GATEWAY_REQUEST_BODY_TIMEOUT": "500ms", "GATEWAY_SEND_TIMEOUT": "1s",
    "GATEWAY_IDLE_TIMEOUT": "1s", "GATEWAY_STREAM_IDLE_TIMEOUT": "3s", "GATEWAY_MAX_URI": "200", "GATEWAY_MAX_REQUEST_HEADERS_KB": "8",
    "GATEWAY_MAX_HEADERS_COUNT": "20", "GATEWAY_MAX_REQUEST_BODY": "10KiB", "GATEWAY_MAX_REQUESTS_PER_CONNECTION": "5",
    "GATEWAY_MAX_CONNECTIONS_PER_WORKER": "9", "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": "4", "GATEWAY_HTTP2_MAX_STREAMS": "4",
    "GATEWAY_HTTP2_MAX_RESETS_PER_MINUTE": "2", "GATEWAY_HTTP2_MAX_CONTROL_FRAMES": "10", "GATEWAY_HTTP2_MAX_EMPTY_FRAMES": "3",
    "GATEWAY_HTTP2_MAX_PRIORITY_FRAMES": "5", "GATEWAY_HTTP2_MAX_WINDOW_UPDATES": "2",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("limits"))
    backend = stage.backend()
    made = Site(stage, ROUTES, f'services: {{backend: {{instances: [{{url: "{backend.url}"}}]}}}}', env=LOW, workers=1)
    yield made
    stage.end()


@pytest.fixture(autouse=True)
def quiet(site):
    """Connections of the test before are gone, or they would count."""
    wait_until(lambda: metric(site.data, "gateway_downstream_connections") == 0, "connections to end")


@contextlib.contextmanager
def counted(site, name, times=1):
    """The limit is hit so often meanwhile (None: at least once), and no other."""
    before = limits(site.data)
    yield

    def hits():
        now = limits(site.data)
        return {key: now[key] - before[key] for key in now if now[key] != before[key]}

    got = wait_until(lambda: (found := hits()).get(name) and found, f"{name} to be counted; {hits()}")
    got.pop("connection_idle", None)  # what is left open falls idle
    if name == "connection_idle":
        return
    assert set(got) == {name} and (times is None or got[name] == times), got


def connect(port, source="127.0.0.1", receive_bytes=None):
    made = socket.socket()
    if receive_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(PATIENCE_S)
    made.bind((source, 0))
    made.connect(("127.0.0.1", port))
    return made


def is_closed(connection):
    try:
        return connection.recv(65536) == b""
    except ConnectionError:
        return True


# --- HTTP/1.1 ---

def test_head_beyond_its_size_is_431(site):
    with counted(site, "head_size"):
        assert exchange(site.plain, b"GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + b"x" * 20_000 + b"\r\n\r\n").status == 431


def test_head_with_too_many_fields_is_431(site):
    with counted(site, "header_count"):
        assert exchange(site.plain, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 30 + b"\r\n").status == 431


@pytest.mark.parametrize("size", [201, 50_000])
def test_uri_beyond_its_size_is_414(site, size):
    """Also when the head's limit is reached before the line's end."""
    with counted(site, "uri_size"):
        assert exchange(site.plain, b"GET /" + b"u" * (size - 1) + b" HTTP/1.1\r\nHost: a\r\n\r\n").status == 414


def test_uri_of_just_the_size_is_served(site):
    assert get(site.plain, "/" + "u" * 199).status == 200


def test_head_that_comes_byte_by_byte_is_408(site):
    with counted(site, "headers_timeout"), connect(site.plain) as connection:
        answer, stream = None, connection.makefile("rb")
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        connection.settimeout(0.05)
        end = time.monotonic() + PATIENCE_S
        while answer is None and time.monotonic() < end:
            connection.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 ") and b"connection: close" in answer.lower()
        stream.close()


def test_body_beyond_its_size_is_413_by_length_before_it_comes(site):
    with counted(site, "body_size"):
        assert exchange(site.plain, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10241\r\n\r\n").status == 413


def test_body_beyond_its_size_is_413_in_chunks(site):
    with counted(site, "body_size"):
        chunks = (b"400\r\n" + b"c" * 1024 + b"\r\n") * 11
        assert exchange(site.plain, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks).status == 413


def test_body_that_stops_is_408(site):
    with counted(site, "body_timeout"):
        assert exchange(site.plain, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").status == 408


def test_stream_in_which_nothing_moves_is_504(site):
    with counted(site, "stream_idle"):
        assert get(site.plain, "/delay/20000").status == 504


def test_client_that_takes_nothing_of_its_answer_is_cut_off(site):
    with counted(site, "stalled_client"), connect(site.plain, receive_bytes=4096) as connection:
        connection.sendall(b"GET /bytes/30000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: metric(site.data, "gateway_downstream_connections") == 0, "the connection to go")


def test_client_that_takes_its_answer_slowly_is_served(site):
    """Longer than the send timeout, with pauses shorter than it."""
    with connect(site.plain, receive_bytes=65536) as connection:
        connection.sendall(b"GET /bytes/4000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        got, begin = 0, time.monotonic()
        while piece := connection.recv(min(65536, 20_000)):
            got += len(piece)
            wait_until(lambda: time.monotonic() - begin >= got / 1_600_000, "time to pass")
        assert got > 4_000_000 and time.monotonic() - begin > 2


def test_idle_connection_is_closed(site):
    with counted(site, "connection_idle"), connect(site.plain) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_answer(connection.makefile("rb")).status == 200
        assert is_closed(connection)


def test_handshake_that_is_not_begun_or_not_finished_is_cut_off(site):
    with counted(site, "handshake_timeout", 2), connect(site.tls) as silent, connect(site.tls) as half:
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert is_closed(silent) and is_closed(half)


def test_last_request_of_a_connection_is_told_so(site):
    with counted(site, "requests_per_connection"), connect(site.plain) as connection:
        stream = connection.makefile("rb")
        for n in range(5):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = read_answer(stream)
            assert answer.status == 200 and answer.header("connection") == (["close"] if n == 4 else [])
        assert stream.read() == b""


def test_client_has_no_more_connections_than_it_may(site):
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connect(site.plain)) for _ in range(4)]
        wait_until(lambda: metric(site.data, "gateway_downstream_connections") == 4, "four connections")
        with counted(site, "client_connections"), connect(site.plain) as fifth:
            assert is_closed(fifth)
        with connect(site.plain, "127.0.0.3") as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read_answer(other.makefile("rb")).status == 200
        opened[0].close()

        def gets_in():
            with connect(site.plain) as again:
                again.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                return read_answer(again.makefile("rb"))

        assert wait_until(gets_in, "the place to be free").status == 200


def test_worker_has_no_more_connections_than_it_may(site):
    with contextlib.ExitStack() as stack:
        for n in range(9):
            stack.enter_context(connect(site.plain, f"127.0.0.{10 + n}"))
        wait_until(lambda: metric(site.data, "gateway_downstream_connections") == 9, "nine connections")
        with counted(site, "connections"), connect(site.plain, "127.0.0.30") as one_more:
            assert is_closed(one_more)


# --- HTTP/2 ---

def test_h2_head_beyond_its_size_is_431(site):
    with counted(site, "head_size"), H2(site.plain) as h2:
        assert h2.status(h2.open(h2_request(b"/", b"GET", (b"x-big", b"x" * 9000)))) == 431


def test_h2_head_with_too_many_fields_is_431(site):
    with counted(site, "header_count"), H2(site.plain) as h2:
        assert h2.status(h2.open(h2_request(b"/", b"GET", *[(b"x", b"y")] * 30))) == 431


def test_h2_uri_beyond_its_size_is_414(site):
    with counted(site, "uri_size"), H2(site.plain) as h2:
        assert h2.status(h2.open(h2_request(b"/" + b"u" * 200))) == 414


def test_h2_body_beyond_its_size_is_413(site):
    with counted(site, "body_size"), H2(site.plain) as h2:
        stream = h2.open(h2_request(b"/", b"POST"), END_HEADERS)
        h2.frame(DATA, 0, stream, b"x" * 10_241)
        assert h2.status(stream) == 413


def test_h2_body_that_stops_is_408(site):
    with counted(site, "body_timeout"), H2(site.plain) as h2:
        assert h2.status(h2.open(h2_request(b"/", b"POST"), END_HEADERS)) == 408


def test_h2_head_that_is_not_finished_ends_the_connection(site):
    with counted(site, "headers_timeout"), H2(site.plain) as h2:
        h2.open(flags=END_STREAM)
        assert h2.goaway() == ENHANCE_YOUR_CALM


def test_h2_connection_without_requests_is_closed(site):
    with counted(site, "connection_idle"), H2(site.plain) as h2:
        assert h2.goaway() == 0 and h2.read() is None


def test_h2_last_request_is_told_by_goaway(site):
    with counted(site, "requests_per_connection"), H2(site.plain) as h2:
        for _ in range(5):
            assert h2.status(h2.open()) == 200
        assert h2.goaway() == 0


def test_h2_window_that_stays_shut_resets_the_stream(site):
    with counted(site, "stalled_client"), H2(site.plain, struct.pack(">HI", 4, 0)) as h2:
        stream = h2.open(h2_request(b"/bytes/100000"))
        assert h2.status(stream) == 200
        assert h2.until(RST_STREAM, stream)[3] == struct.pack(">I", 8)
        h2.frame(SETTINGS, payload=struct.pack(">HI", 4, 65535))
        assert h2.status(h2.open()) == 200, "the connection goes on"


def test_h2_client_that_reads_nothing_is_cut_off(site):
    with counted(site, "stalled_client", None), H2(site.plain, struct.pack(">HI", 4, 0x7fffffff), receive_bytes=4096) as h2:
        h2.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fff0000))
        h2.open(h2_request(b"/bytes/30000000"))
        wait_until(lambda: metric(site.data, "gateway_downstream_connections") == 0, "the connection to go")


def test_h2_streams_beyond_the_limit_are_refused(site):
    with counted(site, "http2_streams"), H2(site.plain) as h2:
        held = [h2.open(h2_request(b"/", b"POST"), END_HEADERS) for _ in range(4)]
        stream = h2.open()
        assert h2.until(RST_STREAM, stream)[3] == struct.pack(">I", 7)
        for one in held:
            h2.frame(DATA, END_STREAM, one, b"x")
            assert h2.status(one) == 200


def test_h2_streams_beyond_an_acknowledged_limit_end_the_connection(site):
    with counted(site, "http2_streams"), H2(site.plain) as h2:
        h2.until(SETTINGS)
        h2.frame(SETTINGS, 1)
        for _ in range(4):
            h2.open(h2_request(b"/", b"POST"), END_HEADERS)
        h2.open()
        assert h2.goaway() == 1


def test_h2_rapid_reset(site):
    with counted(site, "http2_resets"), H2(site.plain) as h2:
        for _ in range(3):
            h2.frame(RST_STREAM, 0, h2.open(), struct.pack(">I", 8))
        assert h2.goaway() == ENHANCE_YOUR_CALM


def window_overflow(h2):
    stream = h2.open()
    return h2.pack(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff))


def wrong_length(h2):
    stream = h2.open(h2_request(b"/", b"POST", (b"content-length", b"5")), END_HEADERS)
    return h2.pack(DATA, END_STREAM, stream, b"x")


def bad_field(h2):
    h2.open(h2_request(b"/", b"GET", (b"Upper", b"case")))
    return b""


@pytest.mark.parametrize("provoke", [window_overflow, wrong_length, bad_field])
def test_h2_made_you_reset(site, provoke):
    with counted(site, "http2_forced_resets"), H2(site.plain) as h2:
        for _ in range(4):
            h2.send(provoke(h2))
        assert h2.goaway() == ENHANCE_YOUR_CALM


@pytest.mark.parametrize("frame", [(SETTINGS, b"\0\1\0\0\x10\0"), (PING, b"12345678")])
def test_h2_control_frames_that_want_an_answer(site, frame):
    with counted(site, "http2_control_frames"), H2(site.plain) as h2:
        h2.send(b"".join(h2.pack(frame[0], 0, 0, frame[1]) for _ in range(40)))
        assert h2.goaway() == ENHANCE_YOUR_CALM


@pytest.mark.parametrize("frame", [(0, b""), (PADDED, b"\0"), (PADDED, b"\3\0\0\0")])
def test_h2_data_without_data(site, frame):
    with counted(site, "http2_empty_frames"), H2(site.plain) as h2:
        stream = h2.open(h2_request(b"/", b"POST"), END_HEADERS)
        h2.send(b"".join(h2.pack(DATA, frame[0], stream, frame[1]) for _ in range(4)))
        assert h2.goaway() == ENHANCE_YOUR_CALM


def test_h2_padded_data_is_data(site):
    with H2(site.plain) as h2:
        stream = h2.open(h2_request(b"/", b"POST"), END_HEADERS)
        h2.send(b"".join(h2.pack(DATA, PADDED, stream, b"\2x\0\0") for _ in range(20)))
        h2.frame(DATA, END_STREAM, stream, b"")
        assert h2.status(stream) == 200


def test_h2_priority_frames(site):
    with counted(site, "http2_priority_frames"), H2(site.plain) as h2:
        h2.send(b"".join(h2.pack(PRIORITY, 0, 1, b"\0\0\0\0\1") for _ in range(6)))
        assert h2.goaway() == ENHANCE_YOUR_CALM


def test_h2_window_updates_of_nothing(site):
    with counted(site, "http2_window_updates"), H2(site.plain) as h2:
        h2.send(b"".join(h2.pack(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") for _ in range(10)))
        assert h2.goaway() == ENHANCE_YOUR_CALM


@pytest.mark.parametrize("payload", [b"", b"\0\1x\1y"])
def test_h2_continuation_without_end(site, payload):
    with counted(site, "http2_continuations"), H2(site.plain) as h2:
        stream = h2.open(flags=END_STREAM)
        h2.send(b"".join(h2.pack(CONTINUATION, 0, stream, payload) for _ in range(9)))
        assert h2.goaway() == ENHANCE_YOUR_CALM


def test_h2_head_in_a_few_continuations_is_a_head(site):
    with H2(site.plain) as h2:
        block = h2_request()
        stream = h2.open(block[:10], END_STREAM)
        for at in range(10, 50, 10):
            h2.frame(CONTINUATION, 0, stream, block[at:at + 10])
        h2.frame(CONTINUATION, END_HEADERS, stream, block[50:])
        assert h2.status(stream) == 200


def test_h2_hpack_bomb(site):
    """One field of 3,000 bytes into the table, then a reference of one byte each time: more than four times what a head may have."""
    with counted(site, "http2_header_block"), H2(site.plain) as h2:
        bomb = b"\x40" + literal(b"x-bomb", b"v" * 3000)[1:]
        h2.open(h2_request() + bomb + b"\xbe" * 100)
        assert h2.goaway() == ENHANCE_YOUR_CALM


def test_h2_forbidden_table_size_update_is_an_error(site):
    with H2(site.plain) as h2:
        h2.open(b"\x3f\xe1\xff\xff\x0f" + h2_request())
        assert h2.goaway() == 9


def test_settings_of_every_limit_are_shown(site):
    shown = site.control.log() + site.control.output()
    assert "is not a setting" not in shown
    names = limits(site.data)
    for name in ("request_timeout", "overload_streams", "overload_connections"):
        assert names[name] == 0


def test_others_are_served_after_all_of_it(site):
    assert request(site.plain, "/", "POST", body=b"x").status == 200
