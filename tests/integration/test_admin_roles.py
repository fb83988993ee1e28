"""Who may do what through the admin API, and that what was done is remembered: in the log, and in the store for all control planes of it."""
import json
import signal

import pytest

from support.gateway import ctl, wait_until

ROUTES = "routes: []\n"
SERVICES = "services: {}\n"
TOKENS = {"viewer": "v" * 40, "operator": "o" * 40, "admin": "a" * 40}


def write_tokens(path, tokens):
    path.write_text("# who may what\n" + "".join(f"{role}-of-test {role} {token}\n" for role, token in tokens.items()))
    path.chmod(0o600)


@pytest.fixture
def control(stage, tmp_path):
    write_tokens(tmp_path / "tokens", TOKENS)
    return stage.control_plane(ROUTES, SERVICES, args=["--admin-tokens", tmp_path / "tokens", "--store", f"sqlite:///{tmp_path}/s.db"])


def ask(control, folder, role, *words):
    token = folder / f"{role}.token"
    token.write_text(TOKENS.get(role, role * 40) + "\n")
    token.chmod(0o600)
    return ctl("--admin", f"127.0.0.1:{control.wait_for_ports()['admin']}", "--token-file", token, *words)


def audit(control):
    return json.loads(control.ctl("-o", "json", "audit", check=0).stdout).get("records", [])


def test_each_role_may_what_it_may(control, tmp_path):
    for role in TOKENS:
        assert ask(control, tmp_path, role, "status").returncode == 0
        assert ask(control, tmp_path, role, "keys", "list").returncode in (0, 75)
    denied = ask(control, tmp_path, "viewer", "keys", "create", "--owner", "alice")
    assert denied.returncode != 0 and "this is for the role admin, and viewer-of-test has the role viewer" in denied.stderr
    assert ask(control, tmp_path, "operator", "keys", "create", "--owner", "alice").returncode != 0
    assert ask(control, tmp_path, "viewer", "audit").returncode != 0
    assert ask(control, tmp_path, "operator", "audit").returncode == 0
    assert ask(control, tmp_path, "x", "status").returncode == 77
    made = wait_until(lambda: (done := ask(control, tmp_path, "admin", "keys", "create", "--owner", "alice")).returncode == 0 and done, "a key")

    records = wait_until(lambda: len(told := audit(control)) >= 4 and told, "the audit")
    assert [(record["who"], record["method"], record["code"]) for record in records[-3:]][::-1] == [
        ("viewer-of-test", "CreateApiKey", "PERMISSION_DENIED"), ("operator-of-test", "CreateApiKey", "PERMISSION_DENIED"),
        ("viewer-of-test", "ListAudit", "PERMISSION_DENIED")]
    newest = records[0]
    assert (newest["who"], newest["role"], newest["by"], newest["method"], newest["code"]) == \
        ("admin-of-test", "admin", "token", "CreateApiKey", "OK")
    assert 'owner="alice"' in newest["what"] and newest["peer"].startswith("ipv4:127.0.0.1:") and newest["control_plane"]
    secret = made.stdout.strip()
    everything = control.log() + json.dumps(records)
    assert secret not in everything and not any(token in everything for token in TOKENS.values())
    assert "audit: admin-of-test (admin, by token) from ipv4:127.0.0.1:" in control.log()


def test_revisions_and_what_nodes_are_told_to_do_are_changes(stage, tmp_path):
    write_tokens(tmp_path / "tokens", TOKENS)
    control = stage.control_plane(ROUTES, SERVICES, args=["--admin-tokens", tmp_path / "tokens"], env={"GATEWAY_CONFIG_SOURCE": "api"})
    stage.data_plane(control.xds()).wait_until_ready()
    wait_until(lambda: "node-1" in control.ctl("status", check=0).stdout, "the node", interval=0.05)
    for role, code in (("viewer", 77), ("operator", 0)):
        assert ask(control, tmp_path, role, "apply", "-f", control.routes_path, "--message", "again").returncode == code
        assert ask(control, tmp_path, role, "node", "limits", "node-1").returncode == 0
        assert ask(control, tmp_path, role, "node", "log-level", "node-1", "error").returncode == code
    records = wait_until(lambda: len(told := audit(control)) >= 4 and told, "the audit")
    assert [(record["who"], record["method"], record["code"]) for record in records[:4]][::-1] == [
        ("viewer-of-test", "Apply", "PERMISSION_DENIED"), ("viewer-of-test", "SetLogLevel", "PERMISSION_DENIED"),
        ("operator-of-test", "Apply", "OK"), ("operator-of-test", "SetLogLevel", "OK")]
    assert 'node_id="node-1"' in records[0]["what"] and 'level="error"' in records[0]["what"] and 'message="again"' in records[1]["what"]
    (tmp_path / "services.yaml").write_text("services: {s: {instances: []}}\n")
    assert ask(control, tmp_path, "operator", "apply", "-f", tmp_path / "services.yaml").returncode == 0
    assert json.loads(control.ctl("history", "-o", "json", check=0).stdout)["revisions"][0]["author"] == "operator-of-test"


def test_audit_is_that_of_all_control_planes_and_survives_them(stage, tmp_path):
    store = ["--store", f"sqlite:///{tmp_path}/s.db"]
    one, two = (stage.control_plane(ROUTES, SERVICES, args=store) for _ in range(2))
    for number, control in enumerate((one, two, one, two)):
        wait_until(lambda: control.ctl("keys", "create", "--owner", f"owner-{number}").returncode == 0, "a key")
    wanted = [f'owner="owner-{number}"' for number in (3, 2, 1, 0)]
    for control in (one, two):
        done = wait_until(lambda: len(told := [record for record in audit(control) if record["code"] == "OK"]) == 4 and told, "all four")
        assert [record["what"] for record in done] == wanted
        assert len({record["control_plane"] for record in done}) == 2
    one.stop(), two.stop()
    three = stage.control_plane(ROUTES, SERVICES, args=store)
    wait_until(lambda: len(audit(three)) >= 4, "what was before")


def test_tokens_are_read_again_on_sighup_and_bad_ones_change_nothing(control, tmp_path):
    tokens = tmp_path / "tokens"
    assert ask(control, tmp_path, "viewer", "status").returncode == 0
    write_tokens(tokens, {"operator": TOKENS["operator"]})
    control.process.send_signal(signal.SIGHUP)
    wait_until(lambda: ask(control, tmp_path, "viewer", "status").returncode == 77, "the viewer's token is gone")
    tokens.write_text("nonsense\n")
    control.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "tokens stay as they were" in control.log(), "the complaint")
    assert ask(control, tmp_path, "operator", "status").returncode == 0


def test_roles_of_certificates(stage, tmp_path):
    pki = tmp_path / "pki"
    ctl("pki", "init", "--dir", pki, check=0)
    ctl("pki", "issue", "cp", "--dir", pki, "--control-plane", "--host", "127.0.0.1", check=0)
    for role in TOKENS:
        ctl("pki", "issue", role, "--dir", pki, "--admin-client", "--role", role, check=0)
    ctl("pki", "issue", "x", "--dir", pki, "--admin-client", "--role", "king", check=64)
    control = stage.control_plane(ROUTES, SERVICES, args=["--admin-tls-ca", pki / "ca.crt", "--admin-tls-cert", pki / "cp.crt",
                                                          "--admin-tls-key", pki / "cp.key"])
    empty = tmp_path / "empty.token"
    empty.write_text("nobody-has-this-token-at-all-anywhere\n")
    empty.chmod(0o600)

    def by(role, *words):
        return ctl("--admin", f"127.0.0.1:{control.wait_for_ports()['admin']}", "--token-file", empty, "--tls-ca", pki / "ca.crt",
                   "--tls-cert", pki / f"{role}.crt", "--tls-key", pki / f"{role}.key", *words)

    assert all(by(role, "status").returncode == 0 for role in TOKENS)
    assert "viewer has the role viewer" in by("viewer", "keys", "create", "--owner", "a").stderr
    wait_until(lambda: by("admin", "keys", "create", "--owner", "a").returncode == 0, "a key")
    assert "audit: admin (admin, by certificate)" in control.log()
