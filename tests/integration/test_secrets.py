"""Secrets from files: at the nodes without a restart, and never where they must not be. Over plaintext only public ones travel."""
import os
import socket
import ssl

import pytest

from support.certificates import make_certificate
from support.gateway import get, request, wait_until

ROUTES = """
routes:
  - {path: /a, service: plain}
  - {path: /b, service: secured}
listeners:
  - {name: gateway, port: 0}
  - name: https
    port: 0
    tls: {certificates: [{certificate: site.crt, key: site.key}], client_certificates: {ca: ca.pem}}
  - {name: redirect, port: 0, redirect_to_https: {port: 8443}}
"""


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    """Shared: a node waits 15 s for what is withheld before it goes on without."""
    from conftest import Stage
    root = tmp_path_factory.mktemp("secrets")
    stage, folder = Stage(root), root / "control-1"
    folder.mkdir()
    site = make_certificate(folder, "site", "example.com")
    (folder / "ca.pem").write_bytes(make_certificate(root, "ca").certificate.read_bytes())
    services = f"""
services:
  plain: {{instances: [{{url: "{stage.backend("plain").url}"}}]}}
  secured: {{instances: [{{url: "https://127.0.0.1:1"}}], tls: {{ca: ca.pem}}}}
"""
    control = stage.control_plane(ROUTES, services)
    data = stage.data_plane(control.xds())
    wait_until(lambda: secrets(data).get("service/secured/ca"), "the CA at the node", seconds=60)
    yield folder, site, control, data
    stage.end()


def secrets(data):
    return {s["name"]: s for s in data.admin("/config_dump").json()["secrets"]}


def replace(path, content):
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.rename(path)


def test_rotated_ca_reaches_the_node_and_nothing_restarts(planes, tmp_path):
    folder, _, control, data = planes
    before = secrets(data)["service/secured/ca"]
    listeners = {x["name"]: x["version"] for x in data.admin("/config_dump").json()["listeners"]}
    pid = data.pid
    replace(folder / "ca.pem", make_certificate(tmp_path, "next").certificate.read_bytes())
    wait_until(lambda: secrets(data)["service/secured/ca"]["version"] != before["version"], "the new CA at the node")
    wait_until(lambda: secrets(data)["listener/https/clients"]["version"] != before["version"], "the same CA under its other name")
    assert {x["name"]: x["version"] for x in data.admin("/config_dump").json()["listeners"]} == listeners
    assert data.pid == pid and data.is_running()
    assert "secret service/secured/ca has new content" in control.log()


def test_key_is_withheld_from_plaintext_and_status_says_so(planes):
    _, site, control, data = planes
    assert "listener/https/clients" in secrets(data)
    assert "listener/https/certificate/0" not in secrets(data)
    status = wait_until(lambda: (s := control.ctl("status").stdout) and "secrets withheld" in s and s, "status")
    assert "1 secrets withheld: they go only over mutual TLS" in status
    assert control.log().count("1 secrets are withheld from node node-1") == 1
    assert "listener/https/certificate/0" in data.status("/ready").json()["missing"]
    # What needs it stays closed, everything else serves.
    assert get(data.port("gateway"), "/a").status == 200
    assert get(data.port("gateway"), "/b").status == 503
    with socket.create_connection(("127.0.0.1", data.port("https")), 30) as connection:
        with pytest.raises(OSError):
            ssl._create_unverified_context().wrap_socket(connection)
    material = site.key.read_text().splitlines()[1]
    for text in (control.log(), control.output(), data.log(), data.output(), data.admin("/config_dump").text, status):
        assert material not in text and "PRIVATE KEY" not in text


def test_redirect_sends_clients_to_https_and_probes_are_answered(planes):
    _, _, _, data = planes
    port = data.port("redirect")
    for method, status in (("GET", 301), ("HEAD", 301), ("POST", 308), ("DELETE", 308)):
        answer = request(port, "/x?y=1", method, headers={"Host": "example.com:8000"})
        assert (answer.status, answer.headers["location"]) == (status, "https://example.com:8443/x?y=1"), method
    assert get(port, "/health").status == 200


def test_missing_and_mismatching_files_are_told_and_hurt_nobody_else(planes, tmp_path):
    folder, _, control, data = planes
    other = make_certificate(tmp_path, "other", "example.com")
    replace(folder / "site.key", other.key.read_bytes())
    wait_until(lambda: "site.key is not the key of" in control.ctl("status").stdout, "the mismatch in status")
    (folder / "ca.pem").unlink()
    wait_until(lambda: "ca.pem cannot be read: No such file or directory" in control.ctl("status").stdout, "the missing file in status")
    assert secrets(data)["service/secured/ca"], "the last good one stays"
    assert get(data.port("gateway"), "/a").status == 200
    replace(folder / "site.key", (folder / "site.key").read_bytes())
    replace(folder / "site.crt", other.certificate.read_bytes())
    (folder / "ca.pem").write_bytes(other.certificate.read_bytes())
    wait_until(lambda: "is not the key" not in (s := control.ctl("status").stdout) and "cannot be read" not in s, "all is well again")


def test_validate_tells_of_files_that_are_not_there(stage, tmp_path):
    from support.gateway import ctl
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / "services.yaml").write_text('services: {plain: {instances: []}, secured: {instances: []}}')
    done = ctl("validate", "--routes", tmp_path / "routes.yaml", "--services", tmp_path / "services.yaml", check=0)
    assert "routes.yaml:9:26: warning: " in done.stdout and "site.crt cannot be read: No such file or directory" in done.stdout
    ctl("validate", "--strict", "--routes", tmp_path / "routes.yaml", "--services", tmp_path / "services.yaml", check=79)
    assert not os.path.exists(tmp_path / "site.crt")
