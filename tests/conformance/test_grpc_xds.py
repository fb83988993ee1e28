"""gRPC's own xDS client (grpc-python, xds:///NAME) resolves a service of ours through our control plane."""
import json
import os
import subprocess
import sys
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

CLIENT = """
import sys, grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
with grpc.insecure_channel("xds:///health-service") as channel:
    reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30, wait_for_ready=True)
    print(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))
"""


def test_grpc_python_resolves_a_service(stage, tmp_path):
    server = grpc.server(futures.ThreadPoolExecutor(4))
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        control = stage.control_plane("routes: [{path: /, service: health-service}]",
                                      f'services: {{health-service: {{instances: [{{url: "http://127.0.0.1:{port}"}}]}}}}')
        bootstrap = {"xds_servers": [{"server_uri": control.xds(), "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
                     "node": {"id": "grpc-client", "cluster": "default"}}
        (tmp_path / "bootstrap.json").write_text(json.dumps(bootstrap))
        done = subprocess.run([sys.executable, "-c", CLIENT], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "GRPC_XDS_BOOTSTRAP": str(tmp_path / "bootstrap.json")})
        assert done.stdout.strip() == "SERVING", done.stderr[-3000:]
    finally:
        server.stop(None)
