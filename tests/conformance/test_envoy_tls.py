"""Stock Envoy under our control plane: what it takes of TLS, HTTP/2, redirects and upgrades, and what it is not given."""
import json
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from support.certificates import make_certificate
from support.envoy import Envoy
from support.gateway import get, request, wait_until

ROUTES = """
routes:
  - {path: /plain, service: plain}
  - {path: /trusted, service: trusted}
  - {path: /distrusted, service: distrusted}
  - {path: /http2, service: http2, timeout: 5}
  - {path: /socket, service: socket}
listeners:
  - {name: gateway, port: 0}
  - {name: redirect, port: 0, redirect_to_https: {listener: https, port: 8443}}
  - name: https
    port: 0
    tls:
      certificates: [{certificate: site.crt, key: site.key}]
      client_certificates: {ca: ca.pem, names: [client.example.com]}
      cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256]
"""


class SocketServer:
    """One answer to each connection; behind an upgrade everything comes back."""

    def __init__(self, context=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.context, self.name = self.listener.getsockname()[1], context, "socket server"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with (self.context.wrap_socket(connection, server_side=True) if self.context else connection) as stream:
                head = b""
                while b"\r\n\r\n" not in head and (data := stream.recv(65536)):
                    head += data
                if b"upgrade: websocket" in head.lower():
                    stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
                    while data := stream.recv(65536):
                        stream.sendall(data)
                else:
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecure")
        except OSError:
            pass

    def stop(self):
        self.listener.close()
        return 0


class Nghttpd:
    def __init__(self, folder):
        (folder / "http2").write_text("by HTTP/2")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", folder, str(self.port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from conftest import Stage
    root = tmp_path_factory.mktemp("envoy-tls")
    stage, folder = Stage(root), root / "control-1"
    folder.mkdir()
    make_certificate(folder, "site", "example.com")
    ca = make_certificate(root, "ca")
    shutil.copy(ca.certificate, folder / "ca.pem")
    backend = make_certificate(root, "backend", "127.0.0.1", issuer=ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(backend.certificate, backend.key)
    secure, sockets = SocketServer(context), SocketServer()
    make_certificate(folder, "stranger")
    http2 = Nghttpd(root)
    services = f"""
services:
  plain: {{instances: [{{url: "{stage.backend('plain').url}"}}]}}
  trusted: {{instances: [{{url: "https://127.0.0.1:{secure.port}"}}], tls: {{ca: ca.pem}}}}
  distrusted: {{instances: [{{url: "https://127.0.0.1:{secure.port}"}}], tls: {{ca: stranger.crt}}}}
  http2: {{protocol: h2, instances: [{{url: "http://127.0.0.1:{http2.port}"}}]}}
  socket: {{instances: [{{url: "http://127.0.0.1:{sockets.port}"}}]}}
"""
    control = stage.control_plane(ROUTES, services)
    envoy = Envoy(root / "envoy", control.xds())
    stage.started.append(envoy)
    yield control, envoy
    stage.end()
    for server in (secure, sockets, http2):
        server.stop()


def test_service_with_the_right_ca_is_reached_and_with_another_is_not(planes):
    """The CA came by SDS: validation contexts are public, and go over plaintext, too."""
    _, envoy = planes
    port = envoy.port()
    answer = wait_until(lambda: (a := get(port, "/trusted")).status == 200 and a, "the secured service")
    assert answer.text == "secure"
    refused = get(port, "/distrusted")
    assert refused.status == 503 and "secure" not in refused.text


def test_service_by_http2_is_reached(planes):
    _, envoy = planes
    assert get(envoy.port(), "/http2").text == "by HTTP/2"


def test_client_may_speak_http2_in_plaintext(planes):
    _, envoy = planes
    said = subprocess.run(["nghttp", "-v", f"http://127.0.0.1:{envoy.port()}/plain"], capture_output=True, text=True, timeout=30).stdout
    assert ":status: 200" in said
    assert "SETTINGS_MAX_CONCURRENT_STREAMS(0x03):128" in said
    assert "SETTINGS_ENABLE_CONNECT_PROTOCOL(0x08):1" in said


def test_websocket_passes_both_ways(planes):
    _, envoy = planes
    with socket.create_connection(("127.0.0.1", envoy.port())) as client:
        client.settimeout(30)
        client.sendall(b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        assert head.startswith(b"HTTP/1.1 101")
        client.sendall(b"hello")
        assert client.recv(65536) == b"hello"


def test_redirect_is_ours(planes):
    _, envoy = planes
    port = envoy.port("redirect")
    for method, status in (("GET", 301), ("POST", 308)):
        answer = request(port, "/x?y=1", method, headers={"Host": "example.com:8000"})
        assert (answer.status, answer.headers["location"]) == (status, "https://example.com:8443/x?y=1")


def test_everything_is_accepted_and_the_key_withheld(planes):
    control, envoy = planes
    envoy.port()
    def node():
        found = json.loads(control.ctl("status", "-o", "json").stdout)["nodes"][0]
        return "secrets withheld" in found["reason"] and found

    shown = wait_until(node, "status")
    assert shown["state"] == "STALE" and shown["reason"].startswith("1 secrets withheld: they go only over mutual TLS")
    assert [kind["refused_version"] for kind in shown["types"]] == [""] * len(shown["types"])
    assert "PRIVATE KEY" not in control.log() + envoy.log()
