"""The control plane as a process: files in, xDS, status and metrics out."""
import contextlib
import json
import os
import pathlib
import queue
import re
import signal
import socket
import stat
import subprocess
import threading
import time

import grpc
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.route.v3 import route_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool
from support.gateway import BUILD, PATIENCE_S, Program, get, request, wait_until

ROUTES = """\
routes:
  - path: /projects
    service: project-service
"""
SERVICES = """\
services:
  project-service:
    instances:
      - url: http://127.0.0.1:9001
"""
RDS = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
CDS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
EDS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def routes_with(*paths):
    return "routes:\n" + "".join(f"  - path: {path}\n    service: project-service\n" for path in paths)


def metric(control, name):
    """The one sample of that name, with its labels or without."""
    for line in control.http("/metrics").text.splitlines():
        if line.startswith((name + " ", name + "{")):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no metric {name}")


def version(control):
    return control.http("/health").json()["version"]


def change(control, edit):
    """Makes an edit and waits for the snapshot that comes of it; returns how long that took."""
    before, start = version(control), time.monotonic()
    edit()
    wait_until(lambda: version(control) != before, "a new snapshot", interval=0.001)
    return time.monotonic() - start


def run_to_end(folder, *args, env=None, routes=ROUTES, services=SERVICES):
    """Runs the control plane where it is expected to end by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "routes.yaml").write_text(routes)
    (folder / "services.yaml").write_text(services)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    return subprocess.run([BUILD / "bin/gateway-controlplane", "--routes", "routes.yaml", "--services", "services.yaml",
                           "--xds-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
                           "--admin-token-file", "admin.token", *args],
                          cwd=folder, capture_output=True, text=True, timeout=60, env={**clean, **(env or {})})


class Subscriber:
    """A small state-of-the-world ADS client that accepts everything and keeps what it gets."""

    def __init__(self, target, *subscriptions, node="python"):
        self.responses, self._requests = queue.Queue(), queue.Queue()
        self.channel = grpc.insecure_channel(target)
        node = base_pb2.Node(id=node, cluster="tests", user_agent_name="python")
        for type_url, names in subscriptions:
            self._requests.put(discovery_pb2.DiscoveryRequest(node=node, type_url=type_url, resource_names=names))
        self.names = dict(subscriptions)
        self.call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(self.channel).StreamAggregatedResources(iter(self._requests.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(grpc.RpcError):
            for response in self.call:
                self._requests.put(discovery_pb2.DiscoveryRequest(type_url=response.type_url, version_info=response.version_info,
                                                                  response_nonce=response.nonce, resource_names=self.names[response.type_url]))
                self.responses.put(response)

    def next(self, type_url):
        while True:
            response = self.responses.get(timeout=PATIENCE_S)
            if response.type_url == type_url:
                return response

    def close(self):
        self._requests.put(None)
        self.call.cancel()
        self.channel.close()


@pytest.fixture
def control(stage):
    made = stage.control_plane(ROUTES, SERVICES)
    made.wait_for_ports()
    return made


# --- start ---

def test_start_serves_health_ready_and_metrics(control):
    assert control.http("/health").json()["status"] == "ok"
    ready = control.http("/ready")
    assert (ready.status, ready.json()["status"]) == (200, "ready")
    metrics = control.http("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert f'gateway_controlplane_snapshot_info{{version="{version(control)}"}} 1' in metrics.text
    assert metric(control, "gateway_controlplane_snapshots_total") == 1
    assert metric(control, "gateway_controlplane_config_degraded") == 0
    assert "gateway_build_info" in metrics.text and "process_resident_memory_bytes" in metrics.text


def test_status_port_is_read_only(control):
    port = control.ports()["http"]
    assert request(port, "/metrics", "POST").status == 405
    assert request(port, "/no-such-page").status == 404


def test_bad_files_at_start_show_every_mistake_and_end_with_65(tmp_path):
    done = run_to_end(tmp_path, routes="routes:\n  - path: projects\n    service: nobody\n    colour: red\n", services="services: 7\n")
    assert done.returncode == 65, done.stderr
    assert "routes.yaml:2:" in done.stderr and "routes.yaml:4:" in done.stderr and "services.yaml:1:" in done.stderr


def test_missing_file_at_start_ends_with_65(tmp_path):
    done = run_to_end(tmp_path, "--routes", "elsewhere.yaml")
    assert done.returncode == 65
    assert "elsewhere.yaml" in done.stderr


@pytest.mark.parametrize("args, word", [
    (["--xds-tls-cert", "x"], "--xds-tls-cert given without --xds-tls-ca and --xds-tls-key"),
    (["--admin-tls-ca", "x"], "--admin-tls-ca given without --admin-tls-cert and --admin-tls-key"),
    (["--no-such-flag"], "no-such-flag"),
    (["--xds-listen", "0.0.0.0:0"], "--insecure"),
    (["--admin-listen", "[::]:0"], "--insecure"),
])
def test_usage_mistake_ends_with_64(tmp_path, args, word):
    done = run_to_end(tmp_path, *args)
    assert done.returncode == 64
    assert word in done.stderr


@pytest.mark.parametrize("flag", ["--xds-listen", "--admin-listen", "--http-listen"])
def test_port_in_use_ends_with_71_and_names_it(tmp_path, flag):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        done = run_to_end(tmp_path, flag, f"127.0.0.1:{held.getsockname()[1]}")
    assert done.returncode == 71
    assert flag in done.stderr


def test_print_settings_tells_value_and_origin_by_precedence(tmp_path):
    (tmp_path / "my.env").write_text("PORT=8111\nHOST=127.0.0.3\nGATEWAY_ACCESS_LOG=text\n")
    done = run_to_end(tmp_path, "--env-file", "my.env", "--set", "HOST=127.0.0.4", "--print-settings", env={"PORT": "8222"})
    assert done.returncode == 0, done.stderr
    lines = {line.partition("=")[0]: line for line in done.stdout.splitlines()}
    assert lines["HOST"].startswith("HOST=127.0.0.4 ")
    assert lines["PORT"].startswith("PORT=8222 ")
    assert lines["GATEWAY_ACCESS_LOG"].startswith("GATEWAY_ACCESS_LOG=text ")
    assert "my.env" in lines["GATEWAY_ACCESS_LOG"]


def test_bad_setting_ends_with_65(tmp_path):
    done = run_to_end(tmp_path, env={"GATEWAY_ACCESS_LOG": "loud"})
    assert done.returncode == 65
    assert "GATEWAY_ACCESS_LOG" in done.stderr


# --- the token ---

def test_token_is_made_once_private_and_kept(stage):
    first = stage.control_plane(ROUTES, SERVICES)
    first.wait_for_ports()
    token = first.token_path.read_text()
    assert stat.S_IMODE(first.token_path.stat().st_mode) == 0o600
    assert len(token.strip()) == 43
    second = stage.control_plane(ROUTES, SERVICES, args=["--admin-token-file", first.token_path])
    second.wait_for_ports()
    assert first.token_path.read_text() == token


def test_token_file_that_others_can_read_is_refused(tmp_path):
    (tmp_path / "admin.token").write_text("secret\n")
    (tmp_path / "admin.token").chmod(0o644)
    done = run_to_end(tmp_path)
    assert done.returncode == 71
    assert "chmod 600" in done.stderr and "secret\n" not in done.stderr


def test_default_token_lies_in_the_folder_for_state(stage, tmp_path):
    state, ports = tmp_path / "state", tmp_path / "ports.json"
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / "services.yaml").write_text(SERVICES)
    stage.started.append(Program(tmp_path, "controlplane", [
        BUILD / "bin/gateway-controlplane", "--routes", "routes.yaml", "--services", "services.yaml", "--xds-listen", "127.0.0.1:0",
        "--admin-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ports-file", ports], {"XDG_STATE_HOME": str(state)}))
    wait_until(ports.exists, "the ports file")
    token = state / "gateway/admin.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700


# --- changes ---

def test_edit_in_place_makes_a_snapshot(control):
    took = change(control, lambda: control.routes_path.write_text(routes_with("/projects", "/more")))
    assert took < PATIENCE_S
    assert metric(control, "gateway_controlplane_snapshots_total") == 2


def test_edit_by_rename_makes_a_snapshot_each_time(control):
    for i in range(3):
        change(control, lambda: control.write(routes=routes_with("/projects", f"/more-{i}")))
    assert metric(control, "gateway_controlplane_snapshots_total") == 4


def test_config_map_swap_makes_a_snapshot(stage, tmp_path):
    """As Kubernetes does it: the files are links to ..data/FILE, ..data is a link to a dated folder, and is replaced by rename."""
    mount = tmp_path / "mount"

    def put(name, routes):
        (mount / name).mkdir(parents=True)
        (mount / name / "routes.yaml").write_text(routes)
        (mount / name / "services.yaml").write_text(SERVICES)
        (mount / "..data_tmp").symlink_to(name)
        (mount / "..data_tmp").rename(mount / "..data")

    put("..2026_1", ROUTES)
    for name in ("routes.yaml", "services.yaml"):
        (mount / name).symlink_to(f"..data/{name}")
    control = stage.control_plane(ROUTES, SERVICES, args=["--routes", mount / "routes.yaml", "--services", mount / "services.yaml"])
    control.wait_for_ports()
    change(control, lambda: put("..2026_2", routes_with("/projects", "/swapped")))
    change(control, lambda: put("..2026_3", routes_with("/projects", "/swapped-again")))


def test_both_files_changed_together_make_one_snapshot(control):
    def both():
        control.write(routes="routes:\n  - path: /users\n    service: user-service\n",
                      services="services:\n  user-service:\n    instances:\n      - url: http://127.0.0.1:9002\n")

    change(control, both)
    assert metric(control, "gateway_controlplane_snapshots_total") == 2
    assert metric(control, "gateway_controlplane_reload_errors_total") == 0


def test_burst_of_writes_makes_few_snapshots_and_ends_with_the_last(control):
    for i in range(50):
        control.routes_path.write_text(routes_with("/projects", f"/burst-{i}"))
    wait_until(lambda: "/burst-49" in control.ctl("get", "routes", check=0).stdout, "the last write")
    assert metric(control, "gateway_controlplane_snapshots_total") <= 4


def test_same_content_makes_no_snapshot(control):
    loads = metric(control, "gateway_controlplane_reloads_total")
    control.write(routes=ROUTES)
    os.utime(control.services_path)
    change(control, lambda: control.write(routes=routes_with("/projects", "/real")))
    assert metric(control, "gateway_controlplane_reloads_total") == loads + 1


def test_bad_change_keeps_what_is_served_and_shows_every_mistake(control):
    before = version(control)
    control.write(routes="routes:\n  - path: projects\n    service: project-service\n  - path: /x\n    service: nobody\n")
    wait_until(lambda: metric(control, "gateway_controlplane_config_degraded") == 1, "degraded")
    assert version(control) == before
    ready = control.http("/ready")
    assert (ready.status, ready.json()["status"], ready.json()["errors"]) == (200, "degraded", 2)
    for place in ("routes.yaml:2:", "routes.yaml:5:"):
        assert place in control.log()
        assert place in control.ctl("status", check=0).stdout
    assert "DEGRADED" in control.ctl("status").stdout
    control.write(routes=ROUTES)
    wait_until(lambda: control.http("/ready").json()["status"] == "ready", "ready again")
    assert version(control) == before
    assert "DEGRADED" not in control.ctl("status", check=0).stdout


def test_removed_file_keeps_what_is_served(control):
    before = version(control)
    control.services_path.rename(control.services_path.with_suffix(".away"))
    wait_until(lambda: metric(control, "gateway_controlplane_config_degraded") == 1, "degraded")
    assert version(control) == before
    control.services_path.with_suffix(".away").rename(control.services_path)
    wait_until(lambda: metric(control, "gateway_controlplane_config_degraded") == 0, "healed")


def test_env_file_change_reaches_the_listener(stage, tmp_path):
    env_file = tmp_path / "my.env"
    env_file.write_text("GATEWAY_IDLE_TIMEOUT=60s\n")
    control = stage.control_plane(ROUTES, SERVICES, args=["--env-file", env_file])
    control.wait_for_ports()
    change(control, lambda: env_file.write_text("GATEWAY_IDLE_TIMEOUT=61s\n"))


# --- signals ---

def test_sighup_reads_again_and_opens_the_log_anew(stage, tmp_path):
    log = tmp_path / "cp.log"
    control = stage.control_plane(ROUTES, SERVICES, args=["--log-file", log])
    control.wait_for_ports()
    log.rename(tmp_path / "cp.log.1")
    loads = metric(control, "gateway_controlplane_reloads_total")
    control.process.send_signal(signal.SIGHUP)
    wait_until(lambda: metric(control, "gateway_controlplane_reloads_total") == loads + 1, "a load")
    wait_until(lambda: log.exists() and "SIGHUP" in log.read_text(), "the new log")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_with_0_also_with_open_streams(stage, number):
    control = stage.control_plane(ROUTES, SERVICES)
    client = Subscriber(control.xds(), (CDS, []))
    client.next(CDS)
    control.process.send_signal(number)
    assert control.wait() == 0
    client.close()


# --- what is served ---

def test_change_is_pushed_to_a_subscriber(control):
    client = Subscriber(control.xds(), (CDS, []), (EDS, ["project-service"]))
    assert len(client.next(CDS).resources) == 1
    first = endpoint_pb2.ClusterLoadAssignment()
    client.next(EDS).resources[0].Unpack(first)
    assert first.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value == 9001
    control.write(services=SERVICES.replace("9001", "9009"))
    second = endpoint_pb2.ClusterLoadAssignment()
    client.next(EDS).resources[0].Unpack(second)
    assert second.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value == 9009
    client.close()


def test_two_control_planes_with_the_same_files_say_the_same_versions(stage):
    planes = [stage.control_plane(ROUTES, SERVICES), stage.control_plane(ROUTES, SERVICES)]
    for plane in planes:
        plane.wait_for_ports()
    assert version(planes[0]) == version(planes[1])


def test_ten_thousand_routes_are_a_snapshot_soon(control):
    paths = [f"/area-{i % 100}/thing-{i}/{{id}}" for i in range(10000)]
    change(control, lambda: control.write(routes=routes_with(*paths)))
    client = Subscriber(control.xds(), (RDS, ["gateway"]))
    config = route_pb2.RouteConfiguration()
    response = client.next(RDS)
    assert len(response.resources) >= 1
    response.resources[0].Unpack(config)
    assert sum(len(host.routes) for host in config.virtual_hosts) >= 10000
    client.close()


# --- the admin port for strangers ---

@pytest.fixture
def admin(control):
    with grpc.insecure_channel(f"127.0.0.1:{control.ports()['admin']}") as channel:
        yield channel


def test_health_needs_no_token(admin):
    stub = health_pb2_grpc.HealthStub(admin)
    for service in ("", "gateway.admin.v1.Admin"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE_S).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=PATIENCE_S)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_watch_tells_of_the_end(control, admin):
    answers = health_pb2_grpc.HealthStub(admin).Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    assert next(answers).status == health_pb2.HealthCheckResponse.SERVING
    control.process.send_signal(signal.SIGTERM)
    assert next(answers).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert control.wait() == 0


def test_a_call_can_be_made_by_reflection_alone(control, admin):
    """As grpcurl does: no .proto files, only what the server tells."""
    database = ProtoReflectionDescriptorDatabase(admin)
    assert {"gateway.admin.v1.Admin", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"} <= set(database.get_services())
    pool = DescriptorPool(database)
    method = pool.FindServiceByName("gateway.admin.v1.Admin").FindMethodByName("GetStatus")
    from google.protobuf.message_factory import GetMessageClass

    ask, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = admin.unary_unary("/gateway.admin.v1.Admin/GetStatus", ask.SerializeToString, answer.FromString)
    token = control.token_path.read_text().strip()
    status = call(ask(), metadata=[("authorization", f"Bearer {token}")], timeout=PATIENCE_S)
    assert status.snapshot_version == version(control)


@pytest.mark.parametrize("metadata", [[], [("authorization", "Bearer wrong")], [("authorization", "Basic x")]])
def test_admin_call_without_the_token_is_unauthenticated(control, admin, metadata):
    call = admin.unary_unary("/gateway.admin.v1.Admin/GetStatus", lambda message: message, lambda data: data)
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", metadata=metadata, timeout=PATIENCE_S)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert control.token_path.read_text().strip() not in control.log()


def test_unknown_method_is_unimplemented(admin):
    call = admin.unary_unary("/gateway.admin.v1.Admin/NoSuchMethod", lambda message: message, lambda data: data)
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", timeout=PATIENCE_S)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_xds_port_does_not_serve_the_admin_api(control):
    with grpc.insecure_channel(control.xds()) as channel:
        call = channel.unary_unary("/gateway.admin.v1.Admin/GetStatus", lambda message: message, lambda data: data)
        token = control.token_path.read_text().strip()
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", metadata=[("authorization", f"Bearer {token}")], timeout=PATIENCE_S)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_ports_file_names_every_port(control):
    assert set(json.loads(pathlib.Path(control.ports_path).read_text())) == {"xds", "admin", "http"}
    assert get(control.ports()["http"], "/health").status == 200
    assert re.search(r"serving xDS on port \d+", control.log())
