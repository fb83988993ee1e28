"""The data plane as a proxy: what reaches the backend, what reaches the client, with both planes as processes."""
import json
import re
import socket
import threading

import pytest

from support.gateway import get, request, wait_until
from support.raw import exchange, read_answer

ROUTES = """
routes:
  - {path: "/**", service: plain}
  - {path: /only-get, service: plain, methods: [GET]}
  - {path: /secret, service: plain, auth_required: true}
  - {path: "/limited/**", service: plain, timeout: 300ms}
  - {path: "/gone", service: gone}
  - {path: "/empty", service: empty}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("proxy"))
    plain = stage.backend("plain")
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    services = f"""
services:
  plain: {{instances: [{{url: "{plain.url}"}}]}}
  gone: {{instances: [{{url: "http://127.0.0.1:{closed.getsockname()[1]}"}}]}}
  empty: {{instances: [{{url: "http://127.0.0.1:1", weight: 0}}]}}
"""
    control, data, port = stage.both(ROUTES, services)
    yield port, plain, data, control
    stage.end()
    closed.close()


def last(backend):
    return backend.requests[-1]


def test_forwards_and_adds_forwarding_fields(proxy):
    port, backend, *_ = proxy
    answer = get(port, "/a/b?c=d", {"Host": "shop.test", "X-Own": "1"})
    assert answer.status == 200 and answer.headers["Server"] and answer.headers["Date"]
    seen = last(backend)
    assert (seen.method, seen.target, seen.version) == ("GET", "/a/b?c=d", "HTTP/1.1")
    assert seen.header("host") == ["shop.test"] and seen.header("x-own") == ["1"]
    assert seen.header("x-forwarded-for") == ["127.0.0.1"]
    assert seen.header("x-forwarded-proto") == ["http"]
    assert seen.header("x-forwarded-host") == ["shop.test"]
    assert re.fullmatch(r"[0-9a-f-]{36}", seen.header("x-request-id")[0])


def test_client_cannot_forge_forwarded_proto_or_host(proxy):
    port, backend, *_ = proxy
    get(port, "/", {"Host": "a.test", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test"})
    assert last(backend).header("x-forwarded-proto") == ["http"]
    assert last(backend).header("x-forwarded-host") == ["a.test"]


@pytest.mark.parametrize("path,status", [("/only-get", 405), ("/secret", 501), ("/gone", 503), ("/empty", 503)])
def test_local_replies_are_json_with_the_request_id(proxy, path, status):
    port, _, *_ = proxy
    answer = request(port, path, "POST" if status == 405 else "GET")
    told = answer.json()
    assert answer.status == status and told["error"] == status and told["message"] and told["request_id"]
    assert answer.headers["Content-Type"] == "application/json"
    if status == 405:
        assert answer.headers["Allow"] == "GET, HEAD"
    if status == 501:
        assert told["message"] == "no way to authenticate is configured"


def test_head_and_bodiless_answers(proxy):
    port, _, *_ = proxy
    head = request(port, "/bytes/1234", "HEAD")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "1234", b"")
    assert get(port, "/status/204").status == 204
    assert get(port, "/status/304").status == 304


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
@pytest.mark.parametrize("kind", ["bytes", "chunked"])
def test_answers_of_all_sizes(proxy, kind, size):
    port, _, *_ = proxy
    assert len(get(port, f"/{kind}/{size}").body) == size


def test_answer_until_close(proxy):
    port, _, *_ = proxy
    assert get(port, "/close").json()["target"] == "/close"


@pytest.mark.parametrize("size", [1, 70_000, 3_000_000])
def test_uploads_with_length_and_in_chunks(proxy, size):
    port, backend, *_ = proxy
    assert request(port, "/up", "POST", body=b"u" * size).status == 200
    assert last(backend).body == b"u" * size
    assert request(port, "/up", "POST", body=iter([b"c" * 1000] * (size // 1000 + 1))).status == 200
    assert last(backend).body == b"c" * (1000 * (size // 1000 + 1))


def test_expect_100_continue(proxy):
    port, backend, *_ = proxy
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        stream = connection.makefile("rb")
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert stream.readline() == b"\r\n"
        connection.sendall(b"hello")
        assert read_answer(stream).status == 200
    assert last(backend).body == b"hello"


def test_pipelined_requests_are_answered_in_order(proxy):
    port, _, *_ = proxy
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"".join(b"GET /n/%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(20)))
        stream = connection.makefile("rb")
        assert [json.loads(read_answer(stream).body)["target"] for _ in range(20)] == [f"/n/{n}" for n in range(20)]


def test_keep_alive_reuses_upstream_connections(proxy):
    port, backend, *_ = proxy
    get(port, "/warm")
    before = backend.connections
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        stream = connection.makefile("rb")
        for _ in range(50):
            connection.sendall(b"GET /k HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read_answer(stream).status == 200
    assert backend.connections - before <= 1


def test_http_1_0_client(proxy):
    port, _, *_ = proxy
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"GET /chunked/5000 HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = read_answer(connection.makefile("rb"))
    assert answer.status == 200 and len(answer.body) == 5000 and not answer.header("transfer-encoding")


def test_route_timeout_is_504(proxy):
    port, _, *_ = proxy
    assert get(port, "/limited/delay/3000").status == 504


def test_upstream_reset_is_502_or_503(proxy):
    port, _, *_ = proxy
    assert request(port, "/reset", "POST", body=b"x").status in (502, 503)


def test_upstream_that_stops_in_the_body_breaks_the_answer(proxy):
    port, _, *_ = proxy
    with pytest.raises(Exception):
        get(port, "/half/bytes/100000")
    assert get(port, "/after").status == 200


def test_client_that_leaves_does_no_harm(proxy):
    port, _, data, _ = proxy
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall(b"GET /delay/200 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert get(port, "/after").status == 200
    # Nothing is left behind, neither here nor for later tests at the backend.
    wait_until(lambda: "\ngateway_downstream_requests 0\n" in data.status("/metrics").text, "the requests of clients that left to end")


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"nonsense\r\n\r\n",
])
def test_bad_requests_are_400_and_never_forwarded(proxy, data):
    port, backend, *_ = proxy
    count = len(backend.requests)
    assert exchange(port, data).status == 400
    assert not backend.requests[count:]


def test_too_large_a_head_is_431(proxy):
    port, _, *_ = proxy
    assert exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + b"x" * 100_000 + b"\r\n\r\n").status == 431


def test_health_ready_and_metrics_on_the_traffic_port(proxy):
    port, _, data, _ = proxy
    assert get(port, "/health").status == 200
    assert get(port, "/ready").status == 200
    get(port, "/counted")
    text = get(port, "/metrics").text
    assert re.search(r'gateway_requests_total\{[^}]*service="plain"[^}]*\} [1-9]', text)
    assert "gateway_request_duration_seconds_bucket" in text
    assert data.status("/metrics").text.count("gateway_worker_loop_lag_seconds_count") >= 1


def test_access_log_is_json_without_the_query(proxy):
    port, _, data, _ = proxy
    answer = get(port, "/logged/x?token=hidden")
    wanted = last(proxy[1]).header("x-request-id")[0]

    def find():
        return next((line for line in data.output().splitlines() if wanted in line), None)

    line = wait_until(find, "the access-log line")
    entry = json.loads(line)
    assert answer.status == 200 and entry["response_code"] == 200 and entry["method"] == "GET"
    assert entry["upstream_cluster"] == "plain" and entry["request_id"] == wanted
    assert "hidden" not in line


@pytest.mark.usefixtures("release_build")
def test_a_large_body_passes_in_constant_memory(stage):
    """With a reader that is slower than the sender."""
    backend = stage.backend()
    _, data, port = stage.both('routes: [{path: "/**", service: s}]', f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}')
    size = 64 << 20
    get(port, "/bytes/1000000")
    before = data.resident_kib()
    peaks = []
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % size)
        got = 0
        while piece := connection.recv(1 << 18):
            got += len(piece)
            if got % (1 << 22) < len(piece):
                peaks.append(data.resident_kib())
    assert got >= size
    assert max(peaks) - before < 24 * 1024, f"grew from {before} to {max(peaks)} KiB"


def test_many_connections_at_once(proxy):
    port, _, *_ = proxy
    failures = []

    def client():
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            stream = connection.makefile("rb")
            for n in range(50):
                connection.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\n\r\n" % (n * 37))
                answer = read_answer(stream)
                if answer.status != 200 or len(answer.body) != n * 37:
                    failures.append((answer.status, len(answer.body)))

    threads = [threading.Thread(target=client) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
