"""gRPC through the proxy: grpc-go's interoperability client and server at its ends, and gRPC's C core (Python) as a second client."""
import json
import os
import queue
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from support.adsd import Server
from support.app import App
from support.envoy import Envoy
from support.gateway import Program, wait_until
from support.h2_client import H2Client
from support.site import Site, make_pki

PEERS = os.environ.get("GW_PEERS", "")
CASES = ["empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream", "timeout_on_sleeping_server",
         "cancel_after_begin", "cancel_after_first_response", "status_code_and_message", "special_status_message", "custom_metadata",
         "unimplemented_method", "unimplemented_service"]
SERVICE = "/grpc.testing.TestService/"
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


class Interop(Program):
    """grpc-go's test service."""

    def __init__(self, folder, name, *args):
        super().__init__(folder, name, [PEERS + "/interopd", *args])
        self.port = int(json.loads(wait_until(lambda: self.output(), "the test service"))["listening"].rpartition(":")[2])


class World:
    """One site a protocol of the service, since gRPC's paths are fixed."""

    def __init__(self, stage):
        self.stage, pki = stage, make_pki(stage.folder / "pki")
        self.plain_server = Interop(stage.folder, "interopd-plain")
        self.tls_server = Interop(stage.folder, "interopd-tls", "-cert", pki.cert("site"), "-key", pki.key("site"))
        stage.started += [self.plain_server, self.tls_server]
        self.pki = pki
        self.to_plain = Site(stage, 'routes: [{path: "/**", service: s}]', f"""
services: {{s: {{protocol: h2, instances: [{{url: "http://127.0.0.1:{self.plain_server.port}"}}]}}}}""", pki=pki)
        self.to_tls = Site(stage, 'routes: [{path: "/**", service: s}]', f"""
services:
  s: {{protocol: h2, instances: [{{url: "https://127.0.0.1:{self.tls_server.port}"}}], tls: {{ca: {pki.ca}, sni: a.test}}}}""", pki=pki)

    def client(self, way, case):
        site, port = {"h2c to h2c": (self.to_plain, self.to_plain.plain), "TLS to h2c": (self.to_plain, self.to_plain.tls),
                      "TLS to TLS": (self.to_tls, self.to_tls.tls)}[way]
        secure = [] if port == site.plain else ["-use_tls", "-use_test_ca", "-ca_file", self.pki.ca, "-server_host_override", "a.test"]
        return subprocess.run([PEERS + "/interop_client", "-server_host", "127.0.0.1", "-server_port", str(port), "-test_case", case, *secure],
                              capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("grpc"))
    yield World(stage)
    stage.end()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["h2c to h2c", "TLS to h2c", "TLS to TLS"])
def test_interop(world, way, case):
    done = world.client(way, case)
    assert done.returncode == 0, done.stderr


def test_interop_client_can_fail(world):
    """It is silent when all is well: its exit code has to mean something."""
    done = subprocess.run([PEERS + "/interop_client", "-server_host", "127.0.0.1", "-server_port", "1", "-test_case", "empty_unary"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0


# --- gRPC's C core as a client ---

class Stub:
    """The test service's methods; their messages are described by the server, through the proxy."""

    def __init__(self, channel):
        self.channel = channel
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service = pool.FindServiceByName("grpc.testing.TestService")
        self.calls = {}
        for method in service.methods:
            kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
            answer = message_factory.GetMessageClass(method.output_type)
            self.calls[method.name] = getattr(channel, kind)(SERVICE + method.name, lambda message: message.SerializeToString(), answer.FromString)
            setattr(self, method.input_type.name, message_factory.GetMessageClass(method.input_type))

    def __getattr__(self, name):
        return self.calls[name]


def open_channel(world, site, secure):
    port = site.tls if secure else site.plain
    if not secure:
        return grpc.insecure_channel(f"127.0.0.1:{port}")
    return grpc.secure_channel(f"127.0.0.1:{port}", world.pki.grpc_credentials(), [("grpc.ssl_target_name_override", "b.test")])


@pytest.fixture(params=["h2c to h2c", "TLS to h2c", "TLS to TLS"])
def stub(world, request):
    site = world.to_tls if request.param == "TLS to TLS" else world.to_plain
    with open_channel(world, site, request.param != "h2c to h2c") as channel:
        yield Stub(channel)


def sizes(*wanted):
    return [{"size": size} for size in wanted]


def test_c_core_calls_of_all_kinds(stub):
    assert len(stub.UnaryCall(stub.SimpleRequest(response_size=300_000, payload={"body": b"x" * 200_000}), timeout=30).payload.body) == 300_000
    pieces = [stub.StreamingInputCallRequest(payload={"body": b"x" * size}) for size in (27182, 8, 1828, 45904)]
    assert stub.StreamingInputCall(iter(pieces), timeout=30).aggregated_payload_size == 74922
    wanted = stub.StreamingOutputCallRequest(response_parameters=sizes(31415, 9, 2653, 58979))
    assert [len(answer.payload.body) for answer in stub.StreamingOutputCall(wanted, timeout=30)] == [31415, 9, 2653, 58979]
    both = [stub.StreamingOutputCallRequest(response_parameters=sizes(size), payload={"body": b"y" * size}) for size in (31415, 9, 2653)]
    assert [len(answer.payload.body) for answer in stub.FullDuplexCall(iter(both), timeout=30)] == [31415, 9, 2653]


def test_c_core_status_metadata_and_health(stub):
    call = stub.UnaryCall.with_call
    _, done = call(stub.SimpleRequest(), timeout=30, metadata=[("x-grpc-test-echo-initial", "here"), ("x-grpc-test-echo-trailing-bin", b"\x00\xff\x0a")])
    assert ("x-grpc-test-echo-initial", "here") in done.initial_metadata()
    assert ("x-grpc-test-echo-trailing-bin", b"\x00\xff\x0a") in done.trailing_metadata()
    with pytest.raises(grpc.RpcError) as error:
        stub.UnaryCall(stub.SimpleRequest(response_status={"code": 9, "message": "a\tb\nc ünïcode %"}), timeout=30)
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "a\tb\nc ünïcode %")
    health = health_pb2_grpc.HealthStub(stub.channel)
    assert health.Check(health_pb2.HealthCheckRequest(service="grpc.testing.TestService"), timeout=30).status == 1
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(watch).status == 1
    watch.cancel()


def test_many_calls_share_connections(world):
    stub = Stub(grpc.insecure_channel(f"127.0.0.1:{world.to_plain.plain}"))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: len(stub.UnaryCall(stub.SimpleRequest(response_size=i), timeout=30).payload.body), range(400)))
    assert answers == list(range(400))
    stub.channel.close()


# --- what the gateway itself says ---

ROUTES = """
routes:
  - {path: "/empty.Service/**", service: empty}
  - {path: "/gone.Service/**", service: gone}
  - {path: "/secret.Service/**", service: s, auth_required: true}
  - {path: "/get.Service/**", service: s, methods: [GET]}
  - {path: "/grpc.testing.TestService/StreamingOutputCall", service: s, timeout: 1s}
  - {path: "/grpc.testing.TestService/FullDuplexCall", service: s}
  - {path: "/grpc.testing.TestService/UnaryCall", service: s}
  - {path: /count, service: waits}
  - {path: "/grpc.reflection.v1alpha.ServerReflection/**", service: s}
"""


@pytest.fixture(scope="module")
def replies(world):
    """The same routes on our data plane and on stock Envoy."""
    waits = App(protocol="h2")
    world.stage.started.append(waits)
    services = f"""
services:
  waits: {{protocol: h2, instances: [{{url: "{waits.url}"}}]}}
  s: {{protocol: h2, instances: [{{url: "http://127.0.0.1:{world.plain_server.port}"}}]}}
  empty: {{protocol: h2, instances: []}}
  gone: {{protocol: h2, instances: [{{url: "http://127.0.0.1:1"}}]}}
"""
    control = world.stage.control_plane(ROUTES, services)
    data = world.stage.data_plane(control.xds())
    envoy = Envoy(world.stage.folder / "envoy", control.xds())
    world.stage.started.append(envoy)
    return {"gateway": data.wait_until_ready(), "envoy": envoy.port()}


# Path: the status of gRPC's mapping from HTTP, which is also Envoy's.
LOCAL = {"/empty.Service/Call": 14, "/gone.Service/Call": 14, "/nobody.Service/Call": 12, "/secret.Service/Call": 2, "/get.Service/Call": 2}


@pytest.mark.parametrize("path", LOCAL)
def test_local_reply_is_trailers_only_with_the_grpc_status(replies, path):
    for name in ("gateway", "envoy"):
        with H2Client(replies[name]) as client:
            stream = client.fetch(path, method="POST", headers=GRPC, body=b"\0\0\0\0\0")
            assert (stream.status, stream.field("content-type")) == (200, "application/grpc"), name
            assert (stream.field("grpc-status"), stream.data, stream.trailers) == (str(LOCAL[path]), b"", []), name
            assert name == "envoy" or stream.field("grpc-message")


def test_local_reply_is_understood_by_a_client(replies):
    with grpc.insecure_channel(f"127.0.0.1:{replies['gateway']}") as channel, pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/empty.Service/Call")(b"", timeout=30)
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, "the service has no usable instance")


def slow_answer(stub, seconds):
    """A request whose second answer comes that much later."""
    message = stub.StreamingOutputCallRequest(response_parameters=[{"size": 1}, {"size": 1, "interval_us": int(seconds * 1e6)}]).SerializeToString()
    return b"\0" + len(message).to_bytes(4, "big") + message


@pytest.fixture(scope="module")
def replies_stub(replies):
    with grpc.insecure_channel(f"127.0.0.1:{replies['gateway']}") as channel:
        yield Stub(channel)


# What grpc-timeout says (None: nothing), and the seconds after which the stream is cut. StreamingOutputCall's route says 1 s.
@pytest.mark.parametrize("told,cut_after_s", [("300m", 0.3), ("200000u", 0.2), ("60S", 1), ("2H", 1), (None, 1)])
def test_deadline_is_the_caller_s_within_the_route_s(replies, replies_stub, told, cut_after_s):
    """The client here doesn't enforce the deadline itself. An answer has begun, so its end is a reset; Envoy does the same."""
    headers = [*GRPC, *([("grpc-timeout", told)] if told else [])]
    for name in ("envoy", "gateway"):
        with H2Client(replies[name]) as client:
            begin = time.monotonic()
            stream = client.fetch(SERVICE + "StreamingOutputCall", method="POST", headers=headers, body=slow_answer(replies_stub, 8))
            took_s = time.monotonic() - begin
        assert stream.status == 200, name
        assert cut_after_s <= took_s + 0.01 and took_s < 7, name
        assert stream.reset is not None or stream.trailer("grpc-status") == "4", name


def test_deadline_before_an_answer_is_status_4(replies):
    """The deadline counts from the request's beginning: this one never ends. (Envoy says 14 here, as for every 504.)"""
    with H2Client(replies["gateway"]) as client:
        stream = client.request("/count", method="POST", headers=[*GRPC, ("grpc-timeout", "200m")], ends=False)
        client.finish(stream, 15)
        assert (stream.status, stream.field("grpc-status"), stream.field("grpc-message")) == (200, "4", "the service did not answer in time")


def test_stream_outlives_the_route_s_timeout_unless_that_is_told_to_count(stage, world):
    """A default timeout is no reason to cut a stream: max_grpc_timeout 0 says so, as our control plane does."""
    server = Server()
    stage.started.append(server)
    route = {"prefix": "/", "cluster": "c", "timeout_ms": 300, "max_grpc_timeout_ms": 0}
    server.serve("1", {"c": [f"127.0.0.1:{world.plain_server.port}"]}, [route], http2=True)
    port = stage.data_plane(server.address).wait_until_ready("ingress")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = Stub(channel)
        wanted = stub.StreamingOutputCallRequest(response_parameters=[{"size": 1}, {"size": 2, "interval_us": 1_200_000}])
        assert [len(answer.payload.body) for answer in stub.StreamingOutputCall(wanted)] == [1, 2]
    with H2Client(port) as client:  # not gRPC: the route's timeout counts
        body = slow_answer(stub, 2)
        stream = client.fetch(SERVICE + "StreamingOutputCall", method="POST", headers=[("content-type", "application/grpc-web")], body=body)
        assert stream.status in (415, 504)


# --- GOAWAY and drain ---

def test_service_that_sends_goaway_all_the_time_loses_no_call(stage):
    server = Interop(stage.folder, "interopd", "-max-age", "20ms")
    stage.started.append(server)
    services = f'services: {{s: {{protocol: h2, instances: [{{url: "http://127.0.0.1:{server.port}"}}]}}}}'
    _, _, port = stage.both('routes: [{path: "/**", service: s}]', services)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, ThreadPoolExecutor(8) as pool:
        stub, end = Stub(channel), time.monotonic() + 2

        def call(_):
            count = 0
            while time.monotonic() < end:
                assert len(stub.UnaryCall(stub.SimpleRequest(response_size=1000), timeout=30).payload.body) == 1000
                count += 1
            return count

        assert sum(pool.map(call, range(8))) > 50


class Conversation:
    """An open FullDuplexCall."""

    def __init__(self, stub):
        self.stub, self.questions = stub, queue.Queue()
        self.call = stub.FullDuplexCall(iter(self.questions.get, None))

    def says(self, size):
        self.questions.put(self.stub.StreamingOutputCallRequest(response_parameters=sizes(size)))
        return len(next(self.call).payload.body)

    def ends(self):
        self.questions.put(None)
        return list(self.call) == [] and self.call.code() == grpc.StatusCode.OK


def test_service_s_goaway_lets_open_streams_finish(stage):
    server = Interop(stage.folder, "interopd")
    stage.started.append(server)
    services = f'services: {{s: {{protocol: h2, instances: [{{url: "http://127.0.0.1:{server.port}"}}]}}}}'
    _, _, port = stage.both('routes: [{path: "/**", service: s}]', services)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        talk = Conversation(Stub(channel))
        assert talk.says(10) == 10
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server.port), "the service to close its port")
        assert talk.says(200_000) == 200_000
        assert talk.ends()
        assert server.wait() == 0


def test_drain_of_the_data_plane_lets_open_streams_finish(stage):
    server = Interop(stage.folder, "interopd")
    stage.started.append(server)
    services = f'services: {{s: {{protocol: h2, instances: [{{url: "http://127.0.0.1:{server.port}"}}]}}}}'
    _, data, port = stage.both('routes: [{path: "/**", service: s}]', services)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        talk = Conversation(Stub(channel))
        assert talk.says(10) == 10
        with H2Client(port) as other:
            other.request(SERVICE + "FullDuplexCall", method="POST", headers=GRPC, ends=False)
            data.process.send_signal(signal.SIGTERM)
            other.wait(lambda: other.goaway is not None, "GOAWAY")
            assert other.goaway.error_code == 0
        assert talk.says(200_000) == 200_000
        assert talk.ends()
        assert data.wait() == 0


def refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
