"""Stock Envoy under our control plane answers what our data plane answers: the same status, and the backend saw the same request."""
import pytest

from support.envoy import Envoy
from support.gateway import wait_until
from support.raw import exchange

ROUTES = """
routes:
  - {path: /, service: plain}
  - {path: /projects, service: plain, methods: [GET, POST], timeout: 30}
  - {path: "/projects/{id}", service: plain}
  - {path: "/projects/{id}/members/{member}", service: plain, methods: [GET, DELETE]}
  - {path: /projects/special, service: other}
  - {path: "/files/**", service: plain}
  - {path: "/files/private/{name=**}", service: other}
  - {path: "/wild/*/end", service: plain}
  - {path: /secure, service: plain, auth_required: true}
  - {path: "/secure/{id}", service: plain, auth_required: true, methods: [GET]}
  - {path: "/secure/{id}", service: plain, methods: [POST]}
  - {path: "/many/{a}/{b}/{c}/{d}/{e}/{f}", service: plain}
  - {path: "/long/{a_name_of_more_than_sixteen}", service: plain}
  - {path: /status/404, service: plain}
  - {path: /status/204, service: plain}
  - {path: /bytes/70000, service: plain}
  - {path: /chunked/70000, service: plain}
  - {path: /based, service: based}
  - {path: "/based/{id}", service: based}
  - {path: /trailing/, service: plain}
  - {path: /nobody, service: empty}
  - {path: /quick/delay/2000, service: plain, timeout: 200ms}
  - {path: /put, service: plain, methods: [PUT, PATCH]}
  - {path: /dotted/a.b-c_d~e, service: plain}
"""


def request(method, target, *headers, body=b"", version="1.1", host="gateway.test"):
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return method, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


CHUNKED = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"

CORPUS = {
    "root": request("GET", "/"),
    "root with query": request("GET", "/?a=1&b=%20"),
    "literal": request("GET", "/projects"),
    "literal with query": request("GET", "/projects?page=2"),
    "literal post": request("POST", "/projects", body=b"hello"),
    "literal wrong method": request("DELETE", "/projects"),
    "head for get": request("HEAD", "/projects"),
    "trailing slash differs": request("GET", "/projects/"),
    "case differs": request("GET", "/Projects"),
    "template": request("GET", "/projects/42"),
    "template with literal beside it": request("GET", "/projects/special"),
    "template with dots": request("GET", "/projects/v1.2"),
    "template with encoded space": request("GET", "/projects/a%20b"),
    "template with encoded bytes": request("GET", "/projects/%C3%A9"),
    "template with sub-delimiters": request("GET", "/projects/a;b=c,d!$&'()*+"),
    "template with at and colon": request("GET", "/projects/user@host:1"),
    "template with tilde": request("GET", "/projects/~me"),
    "template put": request("PUT", "/projects/42", body=b"x" * 5000),
    "two variables": request("GET", "/projects/42/members/7"),
    "two variables wrong method": request("POST", "/projects/42/members/7", body=b"x"),
    "two variables too deep": request("GET", "/projects/42/members/7/x"),
    "empty segment": request("GET", "/projects//members/7"),
    "rest empty": request("GET", "/files/"),
    "rest": request("GET", "/files/a/b/c.txt"),
    "rest without slash": request("GET", "/files"),
    "longer rest wins": request("GET", "/files/private/x/y"),
    "longer rest, empty": request("GET", "/files/private/"),
    "wildcard": request("GET", "/wild/x/end"),
    "wildcard empty": request("GET", "/wild//end"),
    "authentication is required": request("GET", "/secure"),
    "authentication is required here": request("GET", "/secure/1"),
    "but not there": request("POST", "/secure/1", body=b"x"),
    "six variables": request("GET", "/many/1/2/3/4/5/6"),
    "five of six": request("GET", "/many/1/2/3/4/5"),
    "long variable name": request("GET", "/long/x"),
    "backend says 404": request("GET", "/status/404"),
    "backend says 204": request("GET", "/status/204"),
    "big answer": request("GET", "/bytes/70000"),
    "big chunked answer": request("GET", "/chunked/70000"),
    "base path": request("GET", "/based?x=1"),
    "base path with template": request("GET", "/based/7"),
    "route with slash": request("GET", "/trailing/"),
    "route with slash, without": request("GET", "/trailing"),
    "service without instances": request("GET", "/nobody"),
    "route timeout": request("GET", "/quick/delay/2000"),
    "patch": request("PATCH", "/put", body=b"{}"),
    "get where only put": request("GET", "/put"),
    "dots and dashes": request("GET", "/dotted/a.b-c_d~e"),
    "unknown": request("GET", "/nowhere"),
    "unknown below": request("GET", "/nowhere/x"),
    "dot segment": request("GET", "/projects/./42"),
    "dot-dot segment": request("GET", "/nowhere/../projects/42"),
    "encoded dot-dot": request("GET", "/nowhere/%2e%2e/projects/42"),
    "merged slashes": request("GET", "//projects///42"),
    "encoded slash": request("GET", "/projects/a%2Fb"),
    "encoded backslash": request("GET", "/projects/a%5Cb"),
    "encoded NUL": request("GET", "/projects/a%00b"),
    "encoded unreserved": request("GET", "/projects/%41bc"),
    "chunked request": ("POST", b"POST /projects HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED),
    "hop-by-hop fields": request("GET", "/projects", "Connection: close, X-Mine", "X-Mine: 1", "Keep-Alive: timeout=5", "TE: gzip",
                                 "Proxy-Connection: keep-alive"),
    "underscore is dropped": request("GET", "/projects", "X_Odd: 1", "X-Even: 2"),
    "forwarded for": request("GET", "/projects", "X-Forwarded-For: 10.1.2.3"),
    "repeated fields": request("GET", "/projects", "X-A: 1", "X-A: 2", "Cookie: a=b"),
    "empty field": request("GET", "/projects", "X-Empty:"),
    "absolute form": request("GET", "http://gateway.test/projects?x=1"),
    "HTTP/1.1 without host": ("GET", b"GET /projects HTTP/1.1\r\n\r\n"),
    "space before colon": request("GET", "/projects", "X-A : 1"),
    "length and chunked": ("POST", b"POST /projects HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "bad length": ("POST", b"POST /projects HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\nabc"),
    "unknown method": request("BREW", "/projects/42"),
}

# Fields that differ by design: Envoy's own, ours in the origin's manner, and those that carry a random value.
OWN_FIELDS = ("x-envoy-", "x-request-id", "x-trace-id", "x-forwarded-host")
# Cases where a difference is intended: the two statuses, ours first.
EXPLAINED = {
    # Envoy's parser knows a list of methods; RFC 9110 section 9.1 leaves methods open, and the route allows all.
    "unknown method": (200, 400),
}


def normal(seen):
    """What the backend saw, in a form in which two correct proxies agree."""
    fields = sorted((key.lower(), value) for key, value in seen.headers if not key.lower().startswith(OWN_FIELDS))
    # For a client on loopback Envoy writes its machine's own address, ours writes the client's: either is the last entry.
    fields = [(key, [*map(str.strip, value.split(",")[:-1]), "PEER"] if key == "x-forwarded-for" else value) for key, value in fields]
    fields = [(key, value) for key, value in fields if key not in ("transfer-encoding", "content-length") or seen.body]
    return seen.method, seen.target, fields, seen.body


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("envoy"))
    plain, other, based = stage.backend("plain"), stage.backend("other"), stage.backend("based")
    services = f"""
services:
  plain: {{instances: [{{url: "{plain.url}"}}]}}
  other: {{instances: [{{url: "{other.url}"}}]}}
  based: {{instances: [{{url: "{based.url}/base/v1"}}]}}
  empty: {{instances: [{{url: "http://127.0.0.1:1", healthy: false}}]}}
"""
    control = stage.control_plane(ROUTES, services)
    data = stage.data_plane(control.xds())
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    yield control, data.wait_until_ready(), envoy.port(), (plain, other, based)
    stage.end()


def observe(port, method, data, backends):
    for backend in backends:
        backend.requests.clear()
    answer = exchange(port, data, method=method)
    seen = [(backend.name, normal(request)) for backend in backends for request in backend.requests]
    return (answer.status if answer else None), seen


@pytest.mark.parametrize("name", CORPUS)
def test_envoy_and_data_plane_agree(planes, name):
    _, ours, envoys, backends = planes
    method, data = CORPUS[name]
    expected, got = observe(envoys, method, data, backends), observe(ours, method, data, backends)
    if name in EXPLAINED:
        assert (got[0], expected[0]) == EXPLAINED[name]
    else:
        assert got == expected


def test_corpus_is_large_enough():
    assert len(CORPUS) >= 50


def test_status_shows_envoy_synced(planes):
    control = planes[0]
    wait_until(lambda: [node for node in control.ctl("status", "-o", "json", check=0).stdout.splitlines() if "envoy-1" in node],
               "Envoy in the status")
    assert "REFUSED" not in control.ctl("status", check=0).stdout
