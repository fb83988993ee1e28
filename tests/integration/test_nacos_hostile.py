"""What a Nacos that has gone mad, or somebody who pretends to be one, can do to the control plane: nothing but be told of. A fake, since no real
server misbehaves like this."""
import gzip
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse

import pytest

from support.gateway import wait_until

GOOD = json.dumps({"name": "DEFAULT_GROUP@@orders", "cacheMillis": 1000, "hosts": [{"ip": "10.0.0.1", "port": port, "weight": 1.0} for port in (1, 2, 3)]})
ROUTES = 'routes: [{path: "/**", service: orders}]\n'
SERVICES = "services: {orders: {source: nacos}}\n"


class FakeNacos:
    """Answers list calls with what answer(handler) writes; remembers their queries with their times."""

    def __init__(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                fake.calls.append((time.monotonic(), dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))))
                try:
                    fake.answer(self)
                except OSError:
                    pass  # it was too much for the other side

            def do_POST(self):
                self.do_GET()

            def log_message(self, *_):
                pass

        self.calls, self.answer = [], self.say(GOOD)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def say(body, status=200, **fields):
        def answer(handler):
            data = body.encode() if isinstance(body, str) else body
            handler.send_response(status)
            for name, value in fields.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        return answer

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def flood(handler):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" " * (1 << 20))


def stall(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"hosts":')
    handler.wfile.flush()
    time.sleep(10)


MADNESS = {
    "no JSON": (FakeNacos.say("<html>502 Bad Gateway</html>"), "no list of instances"),
    "another JSON": (FakeNacos.say('{"hosts": {"ip": "10.0.0.9"}}'), "no list of instances"),
    "an error": (FakeNacos.say("broken", 500), "answers 500"),
    "deep": (FakeNacos.say("[" * 100000), "more than can be taken"),
    "without an end": (flood, "too large"),
    "half of it": (stall, "timed out|Timeout|Operation"),
    "somewhere else": (FakeNacos.say("", 302, Location="http://127.0.0.2:1/"), "answers 302"),
    "who are you": (FakeNacos.say("forbidden", 403), "wants a user"),
    "many hosts": (FakeNacos.say('{"hosts":[' + ",".join(["0"] * 100001) + "]}"), "more than can be taken"),
}


@pytest.fixture
def fake(stage):
    made = FakeNacos()
    stage.started.append(made)
    return made


def control_plane(stage, fake, **env):
    control = stage.control_plane(ROUTES, SERVICES, env={"SERVICE_DISCOVERY_TYPE": "nacos", "NACOS_SERVER_ADDRESSES": f"127.0.0.1:{fake.port}", **env})
    wait_until(lambda: ports(control) == {1, 2, 3}, "the instances")
    return control


def ports(control):
    found = json.loads(control.ctl("get", "endpoints", "-o", "json", check=0).stdout)
    return {one["port"] for one in found.get("endpoints", [])}


@pytest.mark.parametrize("kind", MADNESS)
def test_nonsense_is_told_and_changes_nothing(stage, fake, kind):
    control = control_plane(stage, fake)
    before = control.resident_kib()
    fake.answer, words = MADNESS[kind]
    wait_until(lambda: re.search(words, control.ctl("status", check=0).stdout), f"status says {words}")
    assert ports(control) == {1, 2, 3}
    assert control.resident_kib() < before + 200 * 1024  # the sanitizer keeps what was freed
    fake.answer = FakeNacos.say(GOOD.replace('"port": 3', '"port": 4'))
    wait_until(lambda: ports(control) == {1, 2, 4}, "it follows again", 20)


def test_forged_pushes_move_no_traffic_and_cost_little(stage, fake):
    control = control_plane(stage, fake)
    udp_port = wait_until(lambda: next((int(call["udpPort"]) for _, call in fake.calls if "udpPort" in call), None), "its port for pushes")
    forged = {"type": "dom", "lastRefTime": 1, "data": GOOD.replace("10.0.0.1", "6.6.6.6")}
    texts = [json.dumps(forged).encode(), gzip.compress(json.dumps(forged).encode()), b"\x1f\x8b" + b"x" * 1000, gzip.compress(b" " * (50 << 20)), b"{}", b""]
    before, calls = time.monotonic(), len(fake.calls)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while time.monotonic() < before + 3:
            for text in texts:
                sender.sendto(text, ("127.0.0.1", udp_port))
    took = time.monotonic() - before
    assert 2 < len(fake.calls) - calls < 15 * took, "asked for about ten times a second at most"
    assert ports(control) == {1, 2, 3}
    assert "6.6.6.6" not in control.ctl("get", "endpoints", check=0).stdout
    assert control.is_running()


def test_token_that_would_be_two_fields_is_not_used(stage, fake):
    control = control_plane(stage, fake)

    def answer(handler):
        body = json.dumps({"accessToken": "a\r\nX-Evil: 1", "tokenTtl": 10}) if "login" in handler.path else GOOD
        FakeNacos.say(body)(handler)

    fake.answer = answer
    other = stage.control_plane(ROUTES, SERVICES, env={"SERVICE_DISCOVERY_TYPE": "nacos", "NACOS_SERVER_ADDRESSES": f"127.0.0.1:{fake.port}",
                                                       "NACOS_USERNAME": "u", "NACOS_PASSWORD": "p-nobody-may-see"})
    wait_until(lambda: "a login without a token" in other.log(), "it is told")
    assert ports(other) == set() and ports(control) == {1, 2, 3}
    assert "p-nobody-may-see" not in other.log()
