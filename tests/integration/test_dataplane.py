"""The data plane as a process: start, ports, drain, last known good, several control planes, names, admin."""
import json
import os
import signal
import socket
import stat
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from support.gateway import BUILD, Program, get, request, wait_until
from support.ports import free_port
from support.raw import read_answer

ROUTES = 'routes: [{path: "/**", service: s}]'


def services(*backends):
    return "services: {s: {instances: [" + ", ".join(f'{{url: "{backend.url}"}}' for backend in backends) + "]}}"


def test_not_ready_before_configuration_and_waits_for_the_control_plane(stage):
    xds = free_port()
    data = stage.data_plane(f"127.0.0.1:{xds}")
    data.wait_for_ports()
    assert data.status("/health").status == 200
    assert data.status("/ready").status == 503
    backend = stage.backend()
    stage.control_plane(ROUTES, services(backend), xds_port=xds)
    assert get(data.wait_until_ready(), "/x").status == 200


def test_listen_replaces_the_traffic_address(stage):
    backend, port = stage.backend(), free_port()
    control = stage.control_plane(ROUTES, services(backend))
    data = stage.data_plane(control.xds(), args=["--listen", f"127.0.0.1:{port}"])
    assert data.wait_until_ready() == port
    assert get(port, "/x").status == 200


def test_port_held_by_another_process_is_an_error(stage):
    backend = stage.backend()
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        control = stage.control_plane(ROUTES, services(backend))
        data = stage.data_plane(control.xds(), args=["--listen", f"127.0.0.1:{holder.getsockname()[1]}"])
        wait_until(lambda: "in use" in data.log().lower() or not data.is_running(), "the error")
        data.expected_code = data.process.poll() or 0


def test_sigterm_drains_open_requests_and_ends_with_0(stage):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    data = stage.data_plane(control.xds(), args=["--drain-delay", "500ms", "--drain-time", "20s"])
    port = data.wait_until_ready()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(get(port, "/delay/1500")))
    slow.start()
    wait_until(lambda: backend.requests, "the request")
    data.process.send_signal(signal.SIGTERM)
    wait_until(lambda: data.status("/ready").status == 503, "/ready to fail")
    assert get(port, "/still").status == 200, "accepted during the drain delay"
    slow.join()
    assert answers[0].status == 200
    assert data.wait() == 0


def test_keep_alive_connections_are_told_to_close_while_draining(stage):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    data = stage.data_plane(control.xds(), args=["--drain-delay", "0s", "--drain-time", "20s"])
    port = data.wait_until_ready()
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        stream = connection.makefile("rb")
        connection.sendall(b"GET /delay/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: backend.requests, "the request")
        data.process.send_signal(signal.SIGTERM)
        answer = read_answer(stream)
        assert answer.status == 200 and answer.header("connection") == ["close"]
        assert stream.read() == b""
    assert data.wait() == 0


def test_second_sigterm_ends_at_once(stage):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    data = stage.data_plane(control.xds(), args=["--drain-delay", "600s"])
    data.wait_until_ready()
    data.process.send_signal(signal.SIGTERM)
    wait_until(lambda: data.status("/ready").status == 503, "the drain")
    data.process.send_signal(signal.SIGTERM)
    data.expected_code = data.wait(20)


@pytest.mark.parametrize("with_key", [False, True])
def test_starts_from_the_last_known_good(stage, tmp_path, with_key):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    cache = tmp_path / "cache"
    cache.mkdir()
    args = ["--cache-dir", cache]
    if with_key:
        key = tmp_path / "key"
        key.write_bytes(os.urandom(31) + b"\n")  # of bytes, not of letters: the last one counts
        key.chmod(0o600)
        args += ["--cache-key-file", key]
    xds = control.xds()
    data = stage.data_plane(xds, args=args)
    data.wait_until_ready()
    files = wait_until(lambda: [path for path in cache.iterdir() if path.suffix != ".new"], "the cache file")
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    if with_key:
        assert b"127.0.0.1" not in files[0].read_bytes()
    data.stop()
    control.kill()
    again = stage.data_plane(xds, args=args)
    assert get(again.wait_until_ready(), "/x").status == 200
    assert "cache" in again.admin("/config_dump").text


def test_a_tampered_cache_is_ignored(stage, tmp_path):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    cache = tmp_path / "cache"
    cache.mkdir()
    xds = control.xds()
    data = stage.data_plane(xds, args=["--cache-dir", cache])
    data.wait_until_ready()
    path = wait_until(lambda: [path for path in cache.iterdir() if path.suffix != ".new"], "the cache file")[0]
    data.stop()
    control.kill()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    again = stage.data_plane(xds, args=["--cache-dir", cache])
    wait_until(lambda: "cache" in again.log() and "WARNING" in again.log(), "a warning about the cache")
    assert again.status("/ready").status == 503


def test_another_control_plane_takes_over(stage):
    backend = stage.backend()
    one, two = stage.control_plane(ROUTES, services(backend)), stage.control_plane(ROUTES, services(backend))
    data = stage.data_plane(f"{one.xds()},{two.xds()}")
    port = data.wait_until_ready()
    version = data.admin("/config_dump").json()["version"]
    one.kill()
    two.write(routes='routes: [{path: "/**", service: s}, {path: /second, service: s}]')
    wait_until(lambda: data.admin("/config_dump").json()["version"] != version, "the second control plane's change")
    assert get(port, "/second").status == 200


def test_equal_control_planes_say_equal_versions(stage):
    backend = stage.backend()
    versions = set()
    for _ in range(2):
        control = stage.control_plane(ROUTES, services(backend))
        data = stage.data_plane(control.xds())
        data.wait_until_ready()
        versions.add(data.admin("/config_dump").json()["version"])
    assert len(versions) == 1


def test_host_names_are_resolved(stage):
    backend = stage.backend()
    by_name = f'services: {{s: {{instances: [{{url: "http://localhost:{backend.port}"}}]}}}}'
    _, _, port = stage.both(ROUTES, by_name)
    assert get(port, "/x").status == 200


def test_name_that_does_not_exist_answers_503_and_harms_nobody(stage):
    backend = stage.backend()
    routes = 'routes: [{path: /good, service: good}, {path: /bad, service: bad}]'
    text = f'services: {{good: {{instances: [{{url: "{backend.url}"}}]}}, bad: {{instances: [{{url: "http://no-such-host.invalid:1"}}]}}}}'
    _, _, port = stage.both(routes, text)
    assert get(port, "/good").status == 200
    assert get(port, "/bad").status == 503


def test_admin_grpc_health_and_reflection(stage):
    backend = stage.backend()
    _, data, _ = stage.both(ROUTES, services(backend))
    with grpc.insecure_channel(f"127.0.0.1:{data.ports()['admin_grpc']}") as channel:
        reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        answer = next(reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked, timeout=20))
        assert "grpc.health.v1.Health" in [service.name for service in answer.list_services_response.service]


def test_admin_http_shows_what_runs(stage):
    backend = stage.backend()
    _, data, port = stage.both(ROUTES, services(backend))
    get(port, "/x")
    dump = data.admin("/config_dump").json()
    assert dump["version"] and json.dumps(dump).count("gateway") >= 1
    assert str(backend.port) in data.admin("/clusters").text
    assert str(port) in data.admin("/listeners").text
    assert "gateway_requests_total" in data.admin("/stats").text
    assert data.admin("/drain", "POST").status in (401, 403)


def test_drain_by_admin_needs_the_token(stage, tmp_path):
    backend = stage.backend()
    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough-to-be-one")
    token.chmod(0o600)
    control = stage.control_plane(ROUTES, services(backend))
    data = stage.data_plane(control.xds(), args=["--admin-token-file", token])
    data.wait_until_ready()
    assert data.admin("/drain", "POST", {"Authorization": "Bearer wrong"}).status == 401
    assert data.admin("/drain", "POST", {"Authorization": f"Bearer {token.read_text()}"}).status in (200, 202)
    assert data.wait() == 0  # nothing is open, so the drain is short


@pytest.mark.parametrize("argv,words", [
    (["--nonsense"], "nonsense"),
    (["--workers", "0"], "workers"),
    (["--xds", "nowhere"], "xds"),
    (["--xds", "10.0.0.1:18000"], "insecure"),
    (["--xds-tls-ca", "x"], "--xds-tls-ca given without --xds-tls-cert and --xds-tls-key"),
    (["--drain-time", "soon"], "drain-time"),
])
def test_bad_flags_are_64_and_say_what_is_allowed(tmp_path, argv, words):
    program = Program(tmp_path, "dataplane", [BUILD / "bin/gateway-dataplane", *argv])
    assert program.wait() == 64
    assert words in program.log()


def test_flags_also_come_from_the_environment(stage):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    data = stage.data_plane(control.xds(), env={"GATEWAY_NODE_CLUSTER": "from-environment"})
    data.wait_until_ready()
    assert "from-environment" in control.ctl("status", check=0).stdout


def test_a_node_without_refusals_is_synced(stage):
    """What our own control plane writes is always accepted; refusals are conformance's subject (test_go_control_plane)."""
    backend = stage.backend()
    control, data, _ = stage.both(ROUTES, services(backend))
    wait_until(lambda: "SYNCED" in control.ctl("status", check=0).stdout, "SYNCED")
    assert "gateway_xds_nacks_total 0" in data.status("/metrics").text


@pytest.mark.full
@pytest.mark.usefixtures("release_build")
def test_one_gibibyte_each_way_in_constant_memory(stage):
    backend = stage.backend()
    control = stage.control_plane('routes: [{path: "/**", service: s, timeout: 600}]', services(backend), env={"GATEWAY_MAX_REQUEST_BODY": "2GiB"})
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    size = 1 << 30
    before = data.resident_kib()
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % size)
        got = peak = 0
        while piece := connection.recv(1 << 20):
            got += len(piece)
            peak = max(peak, data.resident_kib())
    assert got >= size and peak - before < 24 * 1024
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            connection.sendall(b"u" * (1 << 20))
            peak = max(peak, data.resident_kib())
        assert read_answer(connection.makefile("rb")).status == 200
    assert peak - before < 24 * 1024
    assert request(port, "/x").status == 200
