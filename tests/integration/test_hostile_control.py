"""Hostile clients of the control plane's ports: deep nesting, giant messages, thousands of streams, slow readers, garbage. It neither ends nor
starves who behaves."""
import os
import resource
import socket
import threading
import time

import grpc
import pytest
from envoy.service.discovery.v3 import discovery_pb2

from support.gateway import get, wait_until
from support.scale import scrape

ROUTES = "routes:\n" + "".join(f"  - {{path: /r{n}, service: s}}\n" for n in range(500))
ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
ADMIN = "/gateway.admin.v1.Admin/"
METHODS = [("xds", ADS + "StreamAggregatedResources"), ("xds", ADS + "DeltaAggregatedResources"), ("xds", "/gateway.agent.v1.Agent/Session"),
           ("admin", ADMIN + "GetStatus"), ("admin", ADMIN + "ImportApiKeys"), ("admin", ADMIN + "FindFailures"), ("admin", ADMIN + "ListAudit"),
           ("admin", "/grpc.health.v1.Health/Check"), ("admin", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")]


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def nested(levels, numbers, inner=b""):
    """Messages in messages: `numbers` are taken in turn, from the inside."""
    for level in range(levels):
        inner = field(numbers[level % len(numbers)], inner)
    return inner


def struct_bomb(levels):
    """DiscoveryRequest.node.metadata of Structs in Structs."""
    return field(2, field(3, nested(levels * 3, [2, 1, 5][::-1])))


BAD_MESSAGES = {
    "empty": b"", "garbage": bytes(range(256)) * 40, "cut short": field(2, b"x" * 100)[:-10], "deep structs": struct_bomb(20_000),
    "deep in any field": nested(50_000, [1]), "deep groups": b"\x0b" * 100_000, "many fields": field(3, b"") * 300_000,
    "length beyond the end": b"\x0a\xff\xff\xff\xff\x0f", "no UTF-8": field(1, b"\xff\xfe"), "NUL in a string": field(1, b"a\0b"),
    "varint without end": b"\xff" * 1000,
}


class Scene:
    def __init__(self, stage):
        self.backend = stage.backend()
        self.control = stage.control_plane(ROUTES, f'services: {{s: {{instances: [{{url: "{self.backend.url}"}}]}}}}')
        self.data = stage.data_plane(self.control.xds())
        self.port = self.data.wait_until_ready()
        self.edits = 0

    def target(self, port):
        return f"127.0.0.1:{self.control.wait_for_ports()[port]}"

    def metadata(self, port):
        return [("authorization", "Bearer " + self.control.token_path.read_text().strip())] if port == "admin" else []

    def assert_serves(self, within=15):
        """A change reaches the data plane in time, and gatewayctl is answered."""
        self.edits += 1
        self.control.write(ROUTES + f"  - {{path: /edit{self.edits}, service: s}}\n")
        wait_until(lambda: get(self.port, f"/edit{self.edits}").status == 200, "a change", seconds=within)
        wait_until(lambda: self.control.ctl("status").returncode == 0, "an answer to gatewayctl", seconds=within)
        assert self.control.is_running()


@pytest.fixture
def scene(stage):
    return Scene(stage)


def channel(target, **options):
    return grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1), *options.items()])


def say(scene, port, method, message, timeout=10):
    """The status code that one message ends the call with; None: the stream goes on."""
    with channel(scene.target(port)) as opened:
        call = opened.stream_stream(method)(iter([message]), metadata=scene.metadata(port), timeout=timeout)
        try:
            for _ in call:
                pass
        except grpc.RpcError as problem:
            return problem.code()
        return None


@pytest.mark.parametrize("port, method", METHODS, ids=[method.rpartition("/")[2] for _, method in METHODS])
def test_bad_messages_end_their_call_alone(scene, port, method):
    for name, message in BAD_MESSAGES.items():
        code = say(scene, port, method, message)
        assert code is not grpc.StatusCode.INTERNAL and code is not grpc.StatusCode.UNAVAILABLE, f"{name}: {code}"
        assert scene.control.is_running(), name
    scene.assert_serves()


def test_giant_messages_are_refused(scene):
    for port, method in METHODS:
        code = say(scene, port, method, field(1, b"x" * (40 << 20)), timeout=30)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED, f"{method}: {code}"
    scene.assert_serves()
    assert scene.control.resident_kib() < 800 * 1024


def first_request(node, type_url="type.googleapis.com/envoy.config.route.v3.RouteConfiguration", names=("gateway",)):
    request = discovery_pb2.DiscoveryRequest(type_url=type_url, resource_names=names)
    request.node.id, request.node.user_agent_name = node, "gateway-dataplane"
    return request.SerializeToString()


def test_thousands_of_streams_leave_room_for_others(scene):
    opened, end = [], threading.Event()

    def forever(first):
        yield first
        end.wait(120)

    channels = [channel(scene.target("xds"), **{"grpc.channel_id": number}) for number in range(25)]
    try:
        for number in range(2000):
            method = channels[number % len(channels)].stream_stream(ADS + "StreamAggregatedResources")
            opened.append(method(forever(first_request(f"hostile-{number}")), timeout=120))
        scene.assert_serves(within=60)
    finally:
        for call in opened:
            call.cancel()
        end.set()
        for each in channels:
            each.close()
    wait_until(lambda: '"hostile-' not in scene.control.ctl("-o", "json", "status").stdout, "they are gone", seconds=60)
    scene.assert_serves()


def test_streams_that_never_say_who_they_are_are_ended(scene):
    end = threading.Event()

    def never():
        end.wait(120)
        return
        yield

    for method in ("/gateway.agent.v1.Agent/Session", ADS + "StreamAggregatedResources", ADS + "DeltaAggregatedResources"):
        with channel(scene.target("xds")) as opened:
            with pytest.raises(grpc.RpcError) as ended:
                next(opened.stream_stream(method)(never(), timeout=40))
            assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED and "within 10 s" in ended.value.details()
    end.set()
    scene.assert_serves()


class SlowReader:
    """An HTTP/2 connection that opens a stream with a tiny window, asks, and never reads on."""

    def __init__(self, target, node):
        import h2.config
        import h2.connection
        host, port = target.split(":")
        self.socket = socket.create_connection((host, int(port)), 10)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.h2.initiate_connection()
        self.h2.update_settings({4: 1})
        self.h2.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":path", ADS + "StreamAggregatedResources"), (":authority", target),
                                 ("content-type", "application/grpc"), ("te", "trailers")])
        message = first_request(node)
        self.h2.send_data(1, b"\0" + len(message).to_bytes(4, "big") + message)
        self.socket.sendall(self.h2.data_to_send())


def test_slow_readers_hold_little_and_starve_nobody(scene):
    readers = [SlowReader(scene.target("xds"), f"slow-{number}") for number in range(200)]
    wait_until(lambda: scene.control.ctl("-o", "json", "status").stdout.count('"slow-') >= 200, "all of them", seconds=60)
    before = scene.control.resident_kib()
    for _ in range(10):
        scene.assert_serves()
    assert scene.control.resident_kib() - before < 100 * 1024, "each snapshot is kept for those that don't read"
    for reader in readers:
        reader.socket.close()
    scene.assert_serves()


def test_garbage_on_the_sockets_ends_them_alone(scene):
    pieces = [b"\0" * 1000, b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 9000,
              b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" * 2000, b"\x16\x03\x01\x02\0" + b"\1" * 512]
    for port in ("xds", "admin", "http"):
        for piece in pieces * 20:
            with socket.create_connection(("127.0.0.1", scene.control.wait_for_ports()[port]), 10) as connection:
                try:
                    connection.sendall(piece)
                except ConnectionError:
                    pass
    scene.assert_serves()


def test_flood_of_unauthenticated_calls_starves_nobody(scene):
    end = time.monotonic() + 5

    def flood():
        with channel(scene.target("admin")) as opened:
            method = opened.unary_unary(ADMIN + "GetStatus")
            while time.monotonic() < end:
                try:
                    method(b"", metadata=[("authorization", "Bearer wrong")], timeout=10)
                except grpc.RpcError as problem:
                    assert problem.code() is grpc.StatusCode.UNAUTHENTICATED, problem

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        scene.assert_serves()
    for thread in threads:
        thread.join()


HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # and empty settings


class Idlers:
    """Connections that begin HTTP/2, answer what has to be answered, and want nothing."""

    def __init__(self, scene, count):
        ports = [scene.control.wait_for_ports()[name] for name in ("xds", "admin")]
        self.sockets = []
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", ports[number % 2]), 10)
            self.sockets.append(connection)
            try:
                connection.sendall(HTTP2_HELLO)
            except ConnectionError:
                pass
            connection.setblocking(False)

    def open_count(self):
        return sum(self.is_open(connection) for connection in self.sockets)

    @staticmethod
    def is_open(connection):
        try:
            while data := connection.recv(65536):
                if data.startswith(b"\0\0\x08\6\0"):  # a ping
                    connection.sendall(data[:4] + b"\1" + data[5:17])
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self):
        for connection in self.sockets:
            connection.close()


def refused_connections(scene):
    return scrape(scene.control.wait_for_ports()["http"]).value("gateway_controlplane_connections_refused_total")


def test_more_connections_than_descriptors_are_refused_and_nobody_else_is(scene):
    """gRPC gives up a port when there is no descriptor for who comes; a control plane has to listen on, and to read its files meanwhile."""
    resource.prlimit(scene.control.pid, resource.RLIMIT_NOFILE, (600, 600))
    idlers = Idlers(scene, 1000)
    try:
        wait_until(lambda: refused_connections(scene) >= 300, "refusals", seconds=60)
        assert len(os.listdir(f"/proc/{scene.control.pid}/fd")) < 600 - 50  # there is room for others than connections
        scene.control.write(ROUTES + "  - {path: /meanwhile, service: s}\n")
        wait_until(lambda: get(scene.port, "/meanwhile").status == 200, "a change", seconds=60)
    finally:
        idlers.close()
    wait_until(lambda: scene.control.ctl("status").returncode == 0, "the port is there again", seconds=60)
    scene.assert_serves()


@pytest.mark.full
@pytest.mark.timeout(300)
def test_five_thousand_idle_connections_starve_nobody_and_are_ended(scene):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    idlers = Idlers(scene, 5000)
    try:
        assert idlers.open_count() == 5000
        for _ in range(5):
            scene.assert_serves()
        wait_until(lambda: idlers.open_count() == 0, "the end of all of them", seconds=120)
    finally:
        idlers.close()
    scene.assert_serves()
