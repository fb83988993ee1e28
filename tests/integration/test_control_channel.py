"""The control channel under TLS: who gets in, who may be which node, and files that change while all of it runs."""
import json
import queue
import socket
import ssl
import subprocess
import threading

import grpc
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.gateway import BUILD, PATIENCE_S, ctl, get, wait_until
from support.pki import Mount, Pki

ROUTES = "routes: [{path: /hello, service: backend}]"
CDS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def services(backend):
    return f'services: {{backend: {{instances: [{{url: "http://127.0.0.1:{backend.port}"}}]}}}}'


@pytest.fixture
def pki(tmp_path):
    return Pki(tmp_path / "pki").control_plane()


@pytest.fixture
def backend(stage):
    return stage.backend()


@pytest.fixture
def control(stage, pki, backend):
    """Mutual TLS on the xDS port, plaintext on the admin port."""
    return stage.control_plane(ROUTES, services(backend), args=pki.flags("xds-tls", "control-plane"))


def status(control):
    return json.loads(control.ctl("status", "-o", "json", check=0).stdout)


def metrics(text):
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line and line[0] != "#"}


def control_metrics(control):
    return metrics(control.http("/metrics").text)


def peer_certificate(port, context):
    """The serial number of what a new connection is shown."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
        return tls.getpeercert()["serialNumber"]


# --- mutual TLS end to end ---

def test_mutual_tls_carries_configuration_reports_and_changes(stage, pki, control, backend):
    pki.issue("edge-1", "--node", "default/node-1")
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "edge-1"))
    port = data.wait_until_ready()
    assert get(port, "/hello").status == 200
    node = wait_until(lambda: [node for node in status(control)["nodes"] if node["state"] == "SYNCED" and node["ready"]], "the agent's report")[0]
    assert node["id"] == "node-1"
    control.write(routes="routes: [{path: /other, service: backend}]")
    wait_until(lambda: get(port, "/other").status == 200, "the change")
    text = control.ctl("status", check=0).stdout
    assert "TLS of the xds port: certificate of CN=control-plane, valid for 36" in text
    assert "TLS of the admin port" not in text and "DENIED" not in text
    assert metrics(data.status("/metrics").text)["gateway_xds_tls_degraded"] == 0


def test_flags_of_tls_also_come_from_the_environment(stage, pki, control):
    pki.issue("edge-1", "--node", "default/*")
    env = {"GATEWAY_XDS_TLS_CA": str(pki.ca), "GATEWAY_XDS_TLS_CERT": str(pki.cert("edge-1")), "GATEWAY_XDS_TLS_KEY": str(pki.key("edge-1"))}
    stage.data_plane(control.xds(), env=env).wait_until_ready()


def test_server_s_name_must_be_the_one_that_was_asked_for(stage, pki, backend):
    pki.control_plane("elsewhere", hosts=["control.example"]).issue("edge-1", "--node", "*/*")
    control = stage.control_plane(ROUTES, services(backend), args=pki.flags("xds-tls", "elsewhere"))
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "edge-1"))
    wait_until(lambda: "its certificate is not for 127.0.0.1" in data.log(), "the reason")
    assert data.is_running()


def test_plaintext_client_is_refused_and_both_logs_say_so(stage, control):
    data = stage.data_plane(control.xds())
    wait_until(lambda: "it may want TLS" in data.log(), "the data plane's log")
    wait_until(lambda: "the other side does not speak TLS" in control.log(), "the control plane's log")
    assert control_metrics(control)["gateway_controlplane_tls_handshake_failures_total"] > 0


def test_node_s_certificate_does_not_make_a_control_plane(stage, pki, backend):
    """Else whoever has one node could play the control plane for all."""
    pki.issue("edge-1", "--node", "default/node-1")
    control = stage.control_plane(ROUTES, services(backend), args=pki.flags("xds-tls", "edge-1"))
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "edge-1"))
    wait_until(lambda: "not meant for this use" in data.log(), "the reason")


# --- who may not, and how it is cured ---

def test_client_of_another_ca_is_refused_and_gets_in_with_new_files(stage, tmp_path, pki, control):
    stranger = Pki(tmp_path / "stranger").issue("edge", "--node", "default/node-1")
    mount = Mount(tmp_path / "mount", stranger, "edge")
    mount.swap(stranger, "edge", ca=pki.ca)
    data = stage.data_plane(control.xds(), args=mount.flags("xds-tls"))
    wait_until(lambda: "when it has refused our certificate, its log says why" in data.log(), "the data plane's log")
    wait_until(lambda: "not signed by a CA of ours" in control.log(), "the control plane's log")
    assert status(control)["nodes"] == []
    pki.issue("edge", "--node", "default/node-1")
    mount.swap(pki, "edge")
    data.wait_until_ready()


def test_client_without_certificate_is_refused(pki, control):
    with grpc.secure_channel(control.xds(), pki.grpc_credentials()) as channel, pytest.raises(grpc.RpcError) as error:
        list(ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).StreamAggregatedResources(iter([discovery_pb2.DiscoveryRequest()])))
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    wait_until(lambda: "the client has shown no certificate" in control.log(), "the log")


def test_node_that_its_certificate_does_not_permit_is_denied_with_the_reason_and_cured(stage, pki, control):
    pki.issue("edge-1", "--node", "default/somebody", "--node", "other/node-1")
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "edge-1"))
    wanted = "spiffe://DOMAIN/gateway/default/node-1 is wanted"
    wait_until(lambda: "PERMISSION_DENIED" in data.log() and wanted in data.log(), "the data plane's log")
    assert wanted in control.log() and "spiffe://gateway.internal/gateway/default/somebody" in control.log()
    told = status(control)
    assert told["nodes"] == []
    assert [(denial["node_id"], denial["node_cluster"]) for denial in told["denials"]] == [("node-1", "default")]
    assert wanted in told["denials"][0]["reason"]
    assert "DENIED" in control.ctl("status", check=0).stdout
    assert control_metrics(control)["gateway_controlplane_node_denials_total"] >= 1
    assert data.is_running() and data.status("/ready").status == 503
    pki.issue("edge-1", "--node", "default/*")
    data.wait_until_ready()


def test_certificate_without_a_node_s_name_is_denied(pki, control):
    pki.issue("somebody", "--admin-client")
    assert ads_ends_with(control.xds(), pki.grpc_credentials("somebody"), "node-1", "default")[0] == grpc.StatusCode.PERMISSION_DENIED


def test_data_plane_with_an_expired_certificate_starts_says_so_and_is_cured(stage, pki, control):
    pki.issue("edge", "--node", "default/node-1").expire("edge", "spiffe://gateway.internal/gateway/default/node-1")
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "edge"))
    wait_until(lambda: "the certificate of CN=edge expired at" in data.log(), "the reason")
    wait_until(lambda: "TLS handshake" in control.log(), "the control plane to refuse it")
    assert metrics(data.status("/metrics").text)["gateway_xds_tls_degraded"] == 1
    pki.issue("edge", "--node", "default/node-1")
    data.wait_until_ready()


# --- stock gRPC as a node ---

class Node:
    """A state-of-the-world ADS stream of grpc-python, over TLS."""

    def __init__(self, target, credentials, node_id, cluster):
        self.requests, self.responses = queue.Queue(), queue.Queue()
        self.channel = grpc.secure_channel(target, credentials, [("grpc.use_local_subchannel_pool", 1)])
        self.requests.put(discovery_pb2.DiscoveryRequest(node=base_pb2.Node(id=node_id, cluster=cluster), type_url=CDS))
        self.call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(self.channel).StreamAggregatedResources(iter(self.requests.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for response in self.call:
                self.requests.put(discovery_pb2.DiscoveryRequest(type_url=CDS, version_info=response.version_info, response_nonce=response.nonce))
                self.responses.put(response)
        except grpc.RpcError as error:
            self.responses.put(error)

    def next(self):
        return self.responses.get(timeout=PATIENCE_S)

    def close(self):
        self.requests.put(None)
        self.call.cancel()
        self.channel.close()


def ads_ends_with(target, credentials, node_id, cluster):
    node = Node(target, credentials, node_id, cluster)
    try:
        answer = node.next()
        assert isinstance(answer, grpc.RpcError), "it was let in"
        return answer.code(), answer.details()
    finally:
        node.close()


def test_stock_grpc_client_with_a_certificate_gets_configuration(pki, control):
    pki.issue("stock", "--node", "tests/*")
    node = Node(control.xds(), pki.grpc_credentials("stock"), "any-id", "tests")
    try:
        assert node.next().resources
    finally:
        node.close()
    code, details = ads_ends_with(control.xds(), pki.grpc_credentials("stock"), "any-id", "production")
    assert code == grpc.StatusCode.PERMISSION_DENIED
    assert "cluster production" in details


def test_agent_session_of_a_node_that_is_not_permitted_is_denied(pki, control):
    pki.issue("stock", "--node", "tests/a")
    hello = b"\x0a\x0a\x0a\x01b\x12\x05tests"  # NodeMessage{hello{node_id "b", node_cluster "tests"}}
    with grpc.secure_channel(control.xds(), pki.grpc_credentials("stock")) as channel:
        session = channel.stream_stream("/gateway.agent.v1.Agent/Session", request_serializer=bytes, response_deserializer=bytes)
        requests = queue.Queue()
        requests.put(hello)
        with pytest.raises(grpc.RpcError) as error:
            list(session(iter(requests.get, None), timeout=PATIENCE_S))
        requests.put(None)
        assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert "spiffe://DOMAIN/gateway/tests/b is wanted" in error.value.details()
    assert [denial["node_id"] for denial in status(control)["denials"]] == ["b"]


# --- rotation ---

def test_swapped_files_count_for_new_connections_and_open_streams_go_on(stage, tmp_path, pki, backend):
    """CA, certificate and key of both sides, to another CA altogether, by way of a bundle of both CAs."""
    pki.issue("edge", "--node", "default/*")
    server, client = Mount(tmp_path / "server", pki, "control-plane"), Mount(tmp_path / "client", pki, "edge")
    control = stage.control_plane(ROUTES, services(backend), args=server.flags("xds-tls"))
    data = stage.data_plane(control.xds(), args=client.flags("xds-tls"))
    port = data.wait_until_ready()
    xds_port = control.ports()["xds"]
    before = peer_certificate(xds_port, pki.ssl_context("edge"))

    other = Pki(tmp_path / "other").control_plane().issue("edge", "--node", "default/*")
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(pki.ca.read_text() + other.ca.read_text())
    server.swap(pki, "control-plane", ca=bundle)
    client.swap(other, "edge", ca=bundle)
    wait_until(lambda: "new files are in use" in control.log() and "new files are in use" in data.log(), "both to take the bundle")
    server.swap(other, "control-plane", ca=bundle)
    wait_until(lambda: peer_certificate(xds_port, other.ssl_context("edge", ca=bundle)) != before, "the new certificate")

    # The stream has stayed, and carries changes.
    control.write(routes="routes: [{path: /other, service: backend}]")
    wait_until(lambda: get(port, "/other").status == 200, "the change")
    assert metrics(data.status("/metrics").text)["gateway_xds_disconnects_total"] == 0

    # What trusts the old CA alone gets in no more.
    server.swap(other, "control-plane")
    wait_until(lambda: control_metrics(control)['gateway_controlplane_tls_reloads_total{port="xds"}'] == 3, "the old CA to be gone")
    with pytest.raises(ssl.SSLError):
        peer_certificate(xds_port, pki.ssl_context("edge"))
    assert ads_ends_with(control.xds(), other_with(other, pki), "x", "default")[0] == grpc.StatusCode.UNAVAILABLE
    # A new data plane, and the old one after its connection was lost, come in with the new one.
    control.stop()
    back = stage.control_plane(ROUTES, services(backend), args=server.flags("xds-tls"), xds_port=xds_port)
    back.wait_for_ports()
    wait_until(lambda: [node["state"] for node in status(back)["nodes"]] == ["SYNCED"], "the data plane to come back")


def other_with(trusted, owner):
    """Trusts one authority, and shows a certificate of the other."""
    return grpc.ssl_channel_credentials(trusted.ca.read_bytes(), owner.key("edge").read_bytes(), owner.cert("edge").read_bytes())


def test_bad_files_are_kept_out_and_told_of_until_they_are_good(stage, pki, backend):
    pki.issue("edge", "--node", "default/*")
    control = stage.control_plane(ROUTES, services(backend), args=[*pki.flags("xds-tls", "control-plane"), *pki.flags("admin-tls", "control-plane")])
    tls = ["--tls-ca", pki.ca]
    port = control.wait_for_ports()["xds"]
    before = peer_certificate(port, pki.ssl_context("edge"))
    good_key, good_cert = pki.key("control-plane").read_bytes(), pki.cert("control-plane").read_bytes()

    pki.key("control-plane").write_bytes(pki.key("edge").read_bytes())  # of another certificate
    degraded = 'gateway_controlplane_tls_degraded{port="xds"}'
    wait_until(lambda: control_metrics(control)[degraded] == 1, "the mismatch to be seen")
    assert "does not belong to the certificate" in control.log()
    text = control.ctl("status", *tls, check=0).stdout
    assert "TLS of the xds port" in text and "DEGRADED: the key in" in text
    assert peer_certificate(port, pki.ssl_context("edge")) == before
    stage.data_plane(control.xds(), args=pki.flags("xds-tls", "edge")).wait_until_ready()

    pki.key("control-plane").write_bytes(good_key[: len(good_key) // 2])
    wait_until(lambda: "or is not whole" in control.log(), "half a key to be seen")
    pki.key("control-plane").write_bytes(good_key)
    wait_until(lambda: control_metrics(control)[degraded] == 0, "the end of it")
    pki.cert("control-plane").write_bytes(good_cert[: len(good_cert) // 2])
    wait_until(lambda: control_metrics(control)[degraded] == 1, "half a certificate to be seen")
    assert peer_certificate(port, pki.ssl_context("edge")) == before
    pki.control_plane()
    wait_until(lambda: peer_certificate(port, pki.ssl_context("edge")) != before, "a new pair")
    assert "DEGRADED" not in control.ctl("status", *tls, check=0).stdout
    for secret in (good_key, pki.key("control-plane").read_bytes()):
        assert secret.splitlines()[1].decode() not in control.log()


def test_data_plane_keeps_its_files_too(stage, pki, control):
    pki.issue("edge", "--node", "default/*")
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "edge"))
    data.wait_until_ready()
    pki.key("edge").write_text("")
    wait_until(lambda: metrics(data.status("/metrics").text)["gateway_xds_tls_degraded"] == 1, "the empty key to be seen")
    assert "holds no private key" in data.log()
    assert metrics(data.status("/metrics").text)["gateway_xds_disconnects_total"] == 0


# --- the admin API ---

@pytest.fixture
def admin(stage, pki, backend):
    pki.issue("alice", "--admin-client").issue("edge", "--node", "*/*")
    return stage.control_plane(ROUTES, services(backend), args=pki.flags("admin-tls", "control-plane"))


def without_token(control, *args, tmp_path, **kw):
    """gatewayctl where no token lies at the usual place."""
    address = f"127.0.0.1:{control.wait_for_ports()['admin']}"
    return ctl("--admin", address, *args, "status", env={"XDG_STATE_HOME": str(tmp_path / "empty")}, **kw)


def test_admin_api_takes_a_token_or_an_administrator_s_certificate(admin, pki, tmp_path):
    admin.ctl("status", "--tls-ca", pki.ca, check=0)
    without_token(admin, *pki.flags("tls", "alice"), tmp_path=tmp_path, check=0)
    env = {"GATEWAYCTL_TLS_CA": str(pki.ca), "GATEWAYCTL_TLS_CERT": str(pki.cert("alice")), "GATEWAYCTL_TLS_KEY": str(pki.key("alice"))}
    address = f"127.0.0.1:{admin.ports()['admin']}"
    ctl("--admin", address, "status", env={**env, "XDG_STATE_HOME": str(tmp_path)}, check=0)


def test_admin_api_refuses_whoever_has_neither(admin, pki, tmp_path):
    wrong = tmp_path / "wrong.token"
    wrong.write_text("nonsense\n")
    wrong.chmod(0o600)
    done = without_token(admin, "--token-file", wrong, "--tls-ca", pki.ca, tmp_path=tmp_path, check=77)
    assert "spiffe://DOMAIN/gateway-admin/NAME" in done.stderr
    without_token(admin, "--tls-ca", pki.ca, tmp_path=tmp_path, check=77)
    # The same CA has signed the nodes' certificates: they are nobody here.
    without_token(admin, *pki.flags("tls", "edge"), tmp_path=tmp_path, check=77)


def test_admin_client_of_another_ca_and_one_without_tls_are_not_connected(admin, pki, tmp_path):
    stranger = Pki(tmp_path / "stranger").issue("alice", "--admin-client")
    done = without_token(admin, *stranger.flags("tls", "alice", ca=pki.ca), tmp_path=tmp_path, check=69)
    assert "its log says why" in done.stderr
    done = admin.ctl("status", check=69)
    assert "it may want TLS" in done.stderr
    done = admin.ctl("status", "--tls-ca", stranger.ca, check=69)
    assert "not signed by a CA of ours" in done.stderr


def test_administrator_with_an_expired_certificate_is_told_so(admin, pki, tmp_path):
    pki.expire("alice", "spiffe://gateway.internal/gateway-admin/alice")
    done = without_token(admin, *pki.flags("tls", "alice"), tmp_path=tmp_path, check=69)
    assert "(the certificate of CN=alice expired at" in done.stderr


def test_admin_health_needs_no_credentials_and_stock_grpc_agrees(admin, pki):
    for credentials in (pki.grpc_credentials(), pki.grpc_credentials("alice")):
        with grpc.secure_channel(f"127.0.0.1:{admin.wait_for_ports()['admin']}", credentials) as channel:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_certificate_on_a_plaintext_admin_port_is_no_answer(control, pki, tmp_path):
    pki.issue("alice", "--admin-client")
    done = without_token(control, *pki.flags("tls", "alice"), tmp_path=tmp_path, check=69)
    assert "does not speak TLS" in done.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_older_than_1_2_is_refused(control, pki):
    pki.issue("edge", "--node", "*/*")
    context = pki.ssl_context("edge")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        peer_certificate(control.wait_for_ports()["xds"], context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert peer_certificate(control.ports()["xds"], context)


# --- bad files at the start ---

def spoil(pki, how):
    key, cert = pki.key("edge"), pki.cert("edge")
    if how == "others":
        key.chmod(0o644)
        return key, "chmod 600"
    if how == "mismatch":
        key.write_bytes(pki.key("control-plane").read_bytes())
        return key, "does not belong to"
    if how == "absent":
        cert.unlink()
        return cert, "No such file"
    pki.ca.write_text("hello")
    return pki.ca, "no certificates"


@pytest.mark.parametrize("how", ["others", "mismatch", "absent", "garbage"])
def test_bad_files_at_the_start_end_each_program_with_65_and_are_named(tmp_path, pki, how):
    pki.issue("edge", "--node", "*/*")
    file, words = spoil(pki, how)
    (tmp_path / "routes.yaml").write_text("routes: []")
    (tmp_path / "services.yaml").write_text("services: {}")
    token = tmp_path / "token"
    token.write_text("x\n")
    token.chmod(0o600)
    for argv in (["gateway-controlplane", "--routes", "routes.yaml", "--services", "services.yaml", "--xds-listen", "127.0.0.1:0", "--admin-listen",
                  "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--admin-token-file", "token", *pki.flags("xds-tls", "edge")],
                 ["gateway-dataplane", "--status-http", "127.0.0.1:0", "--admin-http", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0",
                  *pki.flags("xds-tls", "edge")],
                 ["gatewayctl", "--token-file", token, *pki.flags("tls", "edge"), "status"]):
        done = subprocess.run([BUILD / "bin" / argv[0], *argv[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 65, (argv[0], done.stderr)
        assert str(file) in done.stderr and words in done.stderr, argv[0]
