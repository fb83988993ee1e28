"""Stock Envoy as a node over mutual TLS, under certificates that gatewayctl pki made."""
from support.envoy import Envoy
from support.gateway import get, wait_until
from support.pki import Pki


def start(stage, pki, certificate, node_id):
    backend = stage.backend()
    control = stage.control_plane("routes: [{path: /hello, service: backend}]",
                                  f'services: {{backend: {{instances: [{{url: "http://127.0.0.1:{backend.port}"}}]}}}}',
                                  args=pki.flags("xds-tls", "control-plane"))
    envoy = Envoy(stage.folder / "envoy", control.xds(), node_id=node_id, cluster="edge", pki=pki, certificate=certificate)
    stage.started.append(envoy)
    return control, envoy


def test_envoy_with_a_certificate_for_its_node_is_configured(stage, tmp_path):
    pki = Pki(tmp_path / "pki").control_plane().issue("envoy", "--node", "edge/envoy-1")
    control, envoy = start(stage, pki, "envoy", "envoy-1")
    assert get(envoy.port(), "/hello").status == 200
    wait_until(lambda: "SYNCED" in control.ctl("status", check=0).stdout, "Envoy's ACKs")


def test_envoy_with_another_node_s_certificate_is_denied(stage, tmp_path):
    pki = Pki(tmp_path / "pki").control_plane().issue("envoy", "--node", "edge/envoy-2")
    control, envoy = start(stage, pki, "envoy", "envoy-1")
    wait_until(lambda: "spiffe://DOMAIN/gateway/edge/envoy-1 is wanted" in control.ctl("status", check=0).stdout, "the denial")
    assert "its certificate does not permit node envoy-1" in envoy.log()
