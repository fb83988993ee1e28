"""curl, nghttp, httpx and h2load at the front, nghttpd and services of ours at the back: every protocol towards clients meets every one towards
services."""
import asyncio
import hashlib
import json
import re
import socket
import subprocess

import httpx
import pytest
from support.app import App
from support.everyone import BOTH, CLIENTS, Everyone
from support.gateway import Program, wait_until
from support.h2_client import H2Client
from support.raw import exchange
from support.site import Site, make_pki

ROUTES = """
  - {path: "/nghttpd/**", service: nghttpd}
  - {path: "/missing/**", service: missing}
"""


class Nghttpd(Program):
    """nghttp2's server: the files of a folder, uploads back, trailer fields behind each answer."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "files/nghttpd").mkdir(parents=True)
        (folder / "files/nghttpd/hello.txt").write_text("hello from nghttpd\n")
        (folder / "files/nghttpd/big.bin").write_bytes(bytes(range(256)) * 8192)
        super().__init__(folder, "nghttpd", ["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", folder / "files", "--trailer", "x-checksum: 42", "--echo-upload",
                                             self.port])
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", self.port)) == 0, "nghttpd")

    def stop(self, seconds=30):
        """It knows no orderly end."""
        self.kill()
        return 0


class World(Everyone):
    def __init__(self, stage):
        pki = make_pki(stage.folder / "pki").leaf("client", "/CN=client", "URI:spiffe://a.test/client")
        nghttpd = Nghttpd(stage.folder / "nghttpd")
        stage.started.append(nghttpd)
        clients = f"tls: {{certificates: [{pki.pair('site')}], client_certificates: {{ca: {pki.ca}}}}}"
        super().__init__(stage, ROUTES, f"""
  nghttpd: {{protocol: h2, instances: [{{url: "http://127.0.0.1:{nghttpd.port}"}}]}}
  missing: {{instances: []}}
""", [f"- {{name: clients, address: 127.0.0.1, port: 0, {clients}}}"], pki=pki)

    def curl(self, client, *args, code=0):
        way = {"h1": ["--http1.1"], "h2c": ["--http2-prior-knowledge"], "https h1": ["--http1.1"], "https h2": ["--http2"]}[client]
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "60", "--cacert", self.pki.ca, *way, *map(str, args)],
                              capture_output=True, timeout=90)
        assert done.returncode == code, done.stderr.decode()
        return done

    def nghttp(self, client, path, *args):
        done = subprocess.run(["nghttp", *map(str, args), self.url(client, path)], capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("clients"))
    yield World(stage)
    stage.end()


def version_of(client):
    return "2" if "h2" in client else "1.1"


# --- curl ---

@pytest.mark.parametrize("client,service", BOTH)
def test_curl_in_each_combination(world, client, service):
    told = world.curl(client, "-o", "/dev/null", "-w", "%{http_code} %{http_version} %{size_download}", world.url(client, f"/{service}/bytes/300000"))
    assert told.stdout.decode().split() == ["200", version_of(client), "300000"]
    seen = json.loads(world.curl(client, "-d", "some=form", world.url(client, f"/{service}/count?q=1")).stdout)
    assert (seen["app"], seen["protocol"], seen["bytes"]) == (service, "HTTP/2" if "h2" in service else "HTTP/1.1", 9)
    fields = dict(seen["headers"])
    assert fields["x-forwarded-proto"] == ("https" if "https" in client else "http")
    assert re.fullmatch("[0-9a-f-]{36}", fields["x-request-id"])


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("service", ["h1", "h2"])
def test_curl_uploads_50_mib(world, tmp_path, client, service):
    data = hashlib.sha256(b"seed").digest() * (50 * 32768)
    (tmp_path / "upload").write_bytes(data)
    seen = json.loads(world.curl(client, "-T", tmp_path / "upload", world.url(client, f"/{service}/count")).stdout)
    assert (seen["bytes"], seen["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("client,service", BOTH)
def test_curl_upload_of_unknown_length(world, tmp_path, client, service):
    (tmp_path / "upload").write_bytes(b"piece" * 100_000)
    extra = ["-H", "Transfer-Encoding: chunked"] if "h2" not in client else ["-H", "Content-Length:"]
    seen = json.loads(world.curl(client, "-X", "POST", "-T", tmp_path / "upload", *extra, world.url(client, f"/{service}/count")).stdout)
    assert (seen["bytes"], seen["sha256"]) == (500_000, hashlib.sha256(b"piece" * 100_000).hexdigest())


def test_curl_upgrade_to_h2c_is_ignored(world):
    told = subprocess.run(["curl", "-sS", "--noproxy", "*", "--http2", "-v", "-o", "/dev/null", "-w", "%{http_code} %{http_version}",
                           world.url("h1", "/h1/bytes/10")], capture_output=True, text=True, timeout=60)
    assert "Upgrade: h2c" in told.stderr and told.stdout == "200 1.1"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("client", ["https h1", "https h2"])
def test_curl_versions_of_tls(world, version, client):
    told = world.curl(client, f"--tlsv{version}", "--tls-max", version, "-v", "-o", "/dev/null", "-w", "%{http_code}", world.url(client, "/h1/bytes/10"))
    assert told.stdout == b"200" and f"SSL connection using TLSv{version}" in told.stderr.decode()


@pytest.mark.parametrize("client", ["https h1", "https h2"])
def test_curl_client_certificate(world, client):
    url = f"https://127.0.0.1:{world.port('clients')}/h1/count"
    seen = json.loads(world.curl(client, "--cert", world.pki.cert("client"), "--key", world.pki.key("client"), url).stdout)
    assert "URI=spiffe://a.test/client" in dict(seen["headers"])["x-forwarded-client-cert"]
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--cacert", world.pki.ca, url], capture_output=True, timeout=60)
    assert done.returncode in (35, 55, 56), "without one there is no connection"


@pytest.mark.parametrize("client", CLIENTS)
def test_curl_waits_for_100_continue(world, client):
    told = world.curl(client, "-v", "-H", "Expect: 100-continue", "--expect100-timeout", "50", "-d", "x" * 5000, world.url(client, "/h1/count"))
    assert f"HTTP/{version_of(client)} 100" in told.stderr.decode()
    assert json.loads(told.stdout)["bytes"] == 5000


@pytest.mark.parametrize("client", CLIENTS)
def test_nothing_is_uploaded_to_a_service_that_is_not_there(world, client):
    if "h2" not in client:
        told = world.curl(client, "-H", "Expect: 100-continue", "--expect100-timeout", "50", "-d", "x" * 5000, "-o", "/dev/null",
                          "-w", "%{http_code} %{size_upload}", world.url(client, "/missing/count"))
        assert told.stdout == b"503 0"
        return
    # curl 7.88 takes RST_STREAM(NO_ERROR) behind a whole answer for an empty one, from Envoy as well (RFC 9113 section 8.1 has it sent).
    with H2Client(*world.place(client)) as http:
        stream = http.request("/missing/count", method="POST", headers=[("expect", "100-continue"), ("content-length", "5000")], ends=False)
        http.wait(lambda: stream.reset is not None, "the end")
        assert (stream.status, stream.has_ended, stream.reset) == (503, True, 0)
        assert json.loads(stream.data)["error"] == 503


@pytest.mark.parametrize("client,service", BOTH)
def test_curl_trailers_of_answers(world, client, service):
    fields = world.curl(client, "-D", "-", "-o", "/dev/null", "-H", "TE: trailers", world.url(client, f"/{service}/trailers")).stdout.decode().lower()
    assert "x-first: 1" in fields and "x-second: two" in fields


def test_curl_trailers_only_for_those_who_take_them(world):
    raw = world.curl("h1", "--raw", "-H", "TE: trailers", world.url("h1", "/h2/trailers")).stdout
    assert raw.replace(b"\r\n", b"|").lower().startswith(b"5|body\n|0|x-first: 1|x-second: two||")
    assert world.curl("h1", "--raw", world.url("h1", "/h2/trailers")).stdout == b"5\r\nbody\n\r\n0\r\n\r\n"


def test_body_that_comes_with_the_head_waits_until_the_service_s_protocol_is_known(stage):
    """The first request to a service with `protocol: auto`, whole in one segment."""
    pki = make_pki(stage.folder / "pki")
    for name, alpn in (("h2", "h2"), ("h1", "http/1.1")):
        app = App(name, name, pki.server_context("site", [alpn]))
        stage.started.append(app)
        services = f'services: {{s: {{protocol: auto, instances: [{{url: "{app.url}"}}], tls: {{ca: {pki.ca}}}}}}}'
        site = Site(stage, 'routes: [{path: "/**", service: s}]', services, pki=pki)
        answer = exchange(site.plain, b"POST /count HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello")
        assert (answer.status, json.loads(answer.body)["bytes"]) == (200, 5)
        assert json.loads(answer.body)["protocol"] == ("HTTP/2" if name == "h2" else "HTTP/1.1")


# --- nghttp and nghttpd ---

@pytest.mark.parametrize("client", ["h2c", "https h2"])
@pytest.mark.parametrize("service", ["h1", "h2"])
def test_nghttp_many_streams_with_priorities(world, client, service):
    """It opens a tree of priorities first, as browsers once did."""
    text = world.nghttp(client, f"/{service}/bytes/20000", "-nas", "-m", "120", "-p", "200")
    assert len(re.findall(r"\s200\s+19?", text)) >= 120, text[-2000:]


@pytest.mark.parametrize("client", ["h2c", "https h2"])
@pytest.mark.parametrize("service", ["h1", "h2", "tls-h1", "tls-h2"])
def test_nghttp_trailers_both_ways(world, tmp_path, client, service):
    (tmp_path / "data").write_bytes(b"x" * 100_000)
    # Behind a body of known length HTTP/1.1 has no place for trailers.
    extra = [] if "h2" in service else ["--no-content-length"]
    text = world.nghttp(client, f"/{service}/count", "-d", tmp_path / "data", "--trailer", "x-mine: of the request", *extra)
    seen = json.loads(text)
    assert seen["bytes"] == 100_000
    assert ["x-mine", "of the request"] in [[key.lower(), value] for key, value in seen["trailers"]]
    assert re.search(r"x-second: two", world.nghttp(client, f"/{service}/trailers", "-nv"))


@pytest.mark.parametrize("client", CLIENTS)
def test_nghttpd_as_a_service(world, client):
    if "h2" in client:
        assert "x-checksum: 42" in world.nghttp(client, "/nghttpd/hello.txt", "-nv")
    assert world.curl(client, world.url(client, "/nghttpd/hello.txt")).stdout == b"hello from nghttpd\n"
    assert world.curl(client, world.url(client, "/nghttpd/big.bin")).stdout == bytes(range(256)) * 8192
    echoed = world.curl(client, "-d", "y" * 100_000, world.url(client, "/nghttpd/echo")).stdout
    assert echoed == b"y" * 100_000
    told = world.curl(client, "-o", "/dev/null", "-w", "%{http_code}", world.url(client, "/nghttpd/nothing")).stdout
    assert told == b"404"


# --- httpx ---

@pytest.mark.parametrize("client,service", BOTH)
def test_httpx_in_each_combination(world, client, service):
    with world.httpx(client) as http:
        for _ in range(3):
            answer = http.post(f"/{service}/count", content=b"data", headers={"Cookie": "a=b; c=d", "X-Empty": ""})
            assert (answer.status_code, answer.http_version) == (200, "HTTP/2" if "h2" in client else "HTTP/1.1")
            fields = {key.lower(): value for key, value in answer.json()["headers"]}
            # h2 splits cookies (RFC 9113 section 8.2.3); HTTP/1.1 wants them whole again.
            cookies = [value for key, value in answer.json()["headers"] if key.lower() == "cookie"]
            assert "; ".join(cookies) == "a=b; c=d" and ("h2" in service or len(cookies) == 1)
            assert fields["x-empty"] == ""
        assert http.head(f"/{service}/bytes/1234").headers["content-length"] == "1234"
        assert http.get(f"/{service}/status/204").status_code == 204
        assert http.get(f"/{service}/status/304").status_code == 304
        assert http.get(f"/{service}/status/418").status_code == 418


@pytest.mark.parametrize("client", CLIENTS)
def test_httpx_many_at_once(world, client):
    async def all_of_them():
        async with httpx.AsyncClient(**world.httpx_options(client)) as http:
            answers = await asyncio.gather(*(http.get(f"/{service}/bytes/{1000 * i}") for i in range(30) for service in ("h1", "h2")))
            return [len(answer.content) for answer in answers]

    assert asyncio.run(all_of_them()) == [1000 * i for i in range(30) for _ in range(2)]


# --- h2load ---

@pytest.mark.parametrize("client,service", BOTH)
def test_h2load_1000_requests_none_fails(world, client, service):
    way = ["-m", "16"] if "h2" in client else ["--h1"]
    done = subprocess.run(["h2load", "-n", "1000", "-c", "4", *way, world.url(client, f"/{service}/bytes/100")], capture_output=True, text=True, timeout=90)
    assert "requests: 1000 total, 1000 started, 1000 done, 1000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout, done.stdout
    assert "status codes: 1000 2xx" in done.stdout
