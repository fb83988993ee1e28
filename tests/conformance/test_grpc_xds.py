"""gRPC's own xDS client (grpc-python, xds:///NAME) resolves a service of ours through our control plane."""
import json
import os
import subprocess
import sys
from concurrent import futures

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from support.pki import Pki

CLIENT = """
import sys, grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
with grpc.insecure_channel("xds:///health-service") as channel:
    reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30, wait_for_ready=True)
    print(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))
"""


@pytest.mark.parametrize("is_tls", [False, True], ids=["plaintext", "mutual TLS"])
def test_grpc_python_resolves_a_service(stage, tmp_path, is_tls):
    server = grpc.server(futures.ThreadPoolExecutor(4))
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    args, credentials = (), {"type": "insecure"}
    if is_tls:
        pki = Pki(tmp_path / "pki").control_plane().issue("client", "--node", "default/grpc-client")
        args = pki.flags("xds-tls", "control-plane")
        credentials = {"type": "tls", "config": {"ca_certificate_file": str(pki.ca), "certificate_file": str(pki.cert("client")),
                                                 "private_key_file": str(pki.key("client"))}}
    try:
        control = stage.control_plane("routes: [{path: /, service: health-service}]",
                                      f'services: {{health-service: {{instances: [{{url: "http://127.0.0.1:{port}"}}]}}}}', args=args)
        bootstrap = {"xds_servers": [{"server_uri": control.xds(), "channel_creds": [credentials], "server_features": ["xds_v3"]}],
                     "node": {"id": "grpc-client", "cluster": "default"}}
        (tmp_path / "bootstrap.json").write_text(json.dumps(bootstrap))
        done = subprocess.run([sys.executable, "-c", CLIENT], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "GRPC_XDS_BOOTSTRAP": str(tmp_path / "bootstrap.json")})
        assert done.stdout.strip() == "SERVING", done.stderr[-3000:]
    finally:
        server.stop(None)
