"""gatewayctl as operators use it: its words, tables, JSON and exit codes."""
import json
import os
import re
import socket
import subprocess
import threading

import pytest
from support.gateway import BUILD, PATIENCE_S, ctl, wait_until

ROUTES = """\
routes:
  - path: /projects
    service: project-service
    methods: [GET, POST]
    timeout: 30
  - path: /secret
    service: named-service
    auth_required: true
"""
SERVICES = """\
services:
  project-service:
    instances:
      - url: http://127.0.0.1:9001
        weight: 3
      - url: http://127.0.0.1:9002
        healthy: false
  named-service:
    instances:
      - url: http://localhost:9003
"""


@pytest.fixture
def control(stage):
    made = stage.control_plane(ROUTES, SERVICES)
    made.wait_for_ports()
    return made


@pytest.fixture
def files(tmp_path):
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / "services.yaml").write_text(SERVICES)
    return tmp_path


def validate(folder, *args, check=None, env=None):
    return ctl("validate", "--routes", folder / "routes.yaml", "--services", folder / "services.yaml", *args, check=check, env=env)


def rows(text):
    """A table as a list of {head: cell}: columns begin where their heads do."""
    lines = text.splitlines()
    starts = [i for i, c in enumerate(lines[0]) if c != " " and (i == 0 or lines[0][i - 2 : i] == "  ")]
    cut = [[line[a:b].strip() for a, b in zip(starts, starts[1:] + [None])] for line in lines]
    return [dict(zip(cut[0], row)) for row in cut[1:]]


# --- validate ---

def test_validate_good_files_is_0(files):
    assert "2 routes" in validate(files, check=0).stdout


def test_validate_shows_every_mistake_with_its_place_and_is_65(files):
    (files / "routes.yaml").write_text("routes:\n  - path: projects\n    service: nobody\n    colour: red\n")
    (files / "services.yaml").write_text("services:\n  a:\n    instances:\n      - url: ftp://x\n")
    out = validate(files, check=65).stdout
    for place in ("routes.yaml:2:", "routes.yaml:4:", "services.yaml:4:"):
        assert place in out


def test_validate_missing_file_is_65(files):
    (files / "routes.yaml").unlink()
    assert "routes.yaml" in validate(files, check=65).stdout


def test_validate_warning_is_0_and_79_when_strict(files):
    (files / "routes.yaml").write_text("routes:\n  - path: /a\n    service: project-service\n    rate_limit: {requests: 100, key: user}\n")
    assert "warning" in validate(files, check=0).stdout
    validate(files, "--strict", check=79)


def test_validate_json_tells_places(files):
    (files / "routes.yaml").write_text("routes:\n  - path: projects\n    service: project-service\n")
    told = json.loads(validate(files, "-o", "json", check=65).stdout)
    assert told["valid"] is False and len(told["errors"]) == 1
    assert told["errors"][0]["place"].endswith("routes.yaml:2:11")


def test_validate_reads_settings_from_the_env_file(files):
    (files / "bad.env").write_text("GATEWAY_ACCESS_LOG=loud\n")
    assert "bad.env:1:" in validate(files, "--env-file", files / "bad.env", check=65).stdout


# --- status and get ---

def test_status_without_nodes_says_so(control):
    out = control.ctl("status", check=0).stdout
    assert "Control plane" in out and "No data plane is connected" in out


def test_status_json_has_every_field(control):
    status = json.loads(control.ctl("status", "-o", "json", check=0).stdout)
    assert len(status["snapshot_version"]) == 16
    assert status["errors"] == [] and status["nodes"] == []
    assert status["uptime_ms"] >= status["snapshot_age_ms"] >= 0


def test_status_shows_a_node_that_runs_what_is_served(stage, control):
    data = stage.data_plane(control.xds(), node_id="edge-1")
    data.wait_until_ready()
    wait_until(lambda: "SYNCED" in control.ctl("status", check=0).stdout, "SYNCED")
    row = next(row for row in rows(control.ctl("status", check=0).stdout.split("\n\n")[1]) if row["NODE"] == "edge-1")
    served = json.loads(control.ctl("status", "-o", "json").stdout)["snapshot_version"]
    assert (row["STATE"], row["KIND"], row["RUNS"]) == ("SYNCED", "gateway-dataplane", served)
    nodes = rows(control.ctl("get", "nodes", check=0).stdout)
    assert (nodes[0]["NODE"], nodes[0]["STATE"], nodes[0]["READY"]) == ("edge-1", "SYNCED", "yes")
    assert data.stop() == 0
    wait_until(lambda: "No data plane is connected" in control.ctl("status", check=0).stdout, "the node to leave")


def test_get_routes_shows_them_as_written(control):
    routes = {row["PATH"]: row for row in rows(control.ctl("get", "routes", check=0).stdout)}
    assert routes["/projects"]["METHODS"] == "GET,HEAD,POST"  # GET implies HEAD
    assert routes["/projects"]["TIMEOUT"] == "30s"
    assert routes["/projects"]["SERVICE"] == "project-service"
    assert routes["/secret"]["METHODS"] == "*"
    assert routes["/secret"]["ANSWERS"] == "501"


def test_get_services_counts_endpoints(control):
    services = {row["SERVICE"]: row for row in rows(control.ctl("get", "services", check=0).stdout)}
    assert services["project-service"]["DISCOVERY"] == "EDS"
    assert services["named-service"]["DISCOVERY"] == "STRICT_DNS"
    assert services["named-service"]["ENDPOINTS"] == "1"


def test_get_endpoints_of_one_service(control):
    listed = rows(control.ctl("get", "endpoints", "project-service", check=0).stdout)
    assert {"SERVICE": "project-service", "ADDRESS": "127.0.0.1:9001", "WEIGHT": "3", "HEALTHY": "yes"} in listed
    assert all(row["SERVICE"] == "project-service" for row in listed)
    assert {row["SERVICE"] for row in rows(control.ctl("get", "endpoints", check=0).stdout)} == {"project-service", "named-service"}


@pytest.mark.parametrize("kind, key", [("routes", "routes"), ("services", "services"), ("endpoints", "endpoints"), ("nodes", "nodes")])
def test_get_json_is_an_object_with_a_list(control, kind, key):
    told = json.loads(control.ctl("get", kind, "-o", "json", check=0).stdout)
    assert list(told) == [key] and isinstance(told[key], list)


# --- the way there ---

def test_environment_names_the_control_plane_and_the_token(control):
    env = {"GATEWAYCTL_ADMIN": f"127.0.0.1:{control.ports()['admin']}", "GATEWAYCTL_TOKEN_FILE": str(control.token_path)}
    assert "Control plane" in ctl("status", check=0, env=env).stdout
    ctl("status", "--admin", "127.0.0.1:1", check=69, env=env)


def test_no_control_plane_is_69_and_says_why(tmp_path):
    token = tmp_path / "token"
    token.write_text("x\n")
    token.chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = ctl("--admin", f"127.0.0.1:{port}", "--token-file", token, "status", check=69)
    assert f"control plane not reached at 127.0.0.1:{port}: connection refused" in done.stderr
    assert done.stdout == ""


def test_silent_control_plane_is_75_or_69_in_bounded_time(tmp_path):
    """Something that accepts and never speaks."""
    token = tmp_path / "token"
    token.write_text("x\n")
    token.chmod(0o600)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        accepted = []
        threading.Thread(target=lambda: accepted.append(silent.accept()), daemon=True).start()
        done = ctl("--admin", f"127.0.0.1:{silent.getsockname()[1]}", "--token-file", token, "status")
        assert done.returncode in (69, 75), done.stderr


def test_wrong_token_is_77(control, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    wrong.chmod(0o600)
    done = ctl("--admin", f"127.0.0.1:{control.ports()['admin']}", "--token-file", wrong, "status", check=77)
    assert "token" in done.stderr


def test_missing_and_open_token_files_are_77(control, tmp_path):
    admin = f"127.0.0.1:{control.ports()['admin']}"
    assert "No such file" in ctl("--admin", admin, "--token-file", tmp_path / "absent", "status", check=77).stderr
    shared = tmp_path / "shared"
    shared.write_text("x\n")
    shared.chmod(0o644)
    assert "chmod 600" in ctl("--admin", admin, "--token-file", shared, "status", check=77).stderr


@pytest.mark.parametrize("args", [
    [], ["no-such-verb"], ["get"], ["get", "cars"], ["get", "routes", "extra"], ["status", "extra"], ["status", "--strict"],
    ["status", "-o", "xml"], ["status", "--no-such-flag"], ["completion", "fish"], ["status", "--tls-cert", "x"], ["status", "--admin", "nowhere"],
])
def test_usage_mistakes_are_64(args):
    assert ctl(*args, check=64).stderr.startswith(("gatewayctl: ", str(BUILD)))


@pytest.mark.parametrize("admin", ["192.0.2.1:18001", "[2001:db8::1]:18001", "gateway.invalid:18001", "localhost.invalid:18001"])
def test_token_goes_beyond_loopback_only_with_tls_or_insecure(admin, tmp_path):
    """Refused before the token is read: the file is not there."""
    absent = tmp_path / "absent"
    refused = ctl("--admin", admin, "--token-file", absent, "status", check=64)
    assert "in plaintext" in refused.stderr and "--tls-ca" in refused.stderr and "--insecure" in refused.stderr
    assert "in plaintext" in ctl("--token-file", absent, "status", check=64, env={"GATEWAYCTL_ADMIN": admin}).stderr
    for args, env in ((["--insecure"], {}), ([], {"GATEWAYCTL_INSECURE": "true"}), (["--tls-ca", absent], {})):
        assert "No such file" in ctl("--admin", admin, "--token-file", absent, *args, "status", check=77, env=env).stderr


def test_version_works_without_a_control_plane(control, tmp_path):
    alone = ctl("version", "--token-file", tmp_path / "absent", check=0).stdout
    assert alone.startswith("gatewayctl ") and "unknown" in alone
    both = json.loads(control.ctl("version", "-o", "json", check=0).stdout)
    assert both["gatewayctl"] == both["control_plane"]


def test_help_tells_of_every_verb():
    out = ctl("--help", check=0).stdout
    for verb in ("validate", "status", "get", "why", "version", "completion"):
        assert f"  {verb} " in out
        assert ctl(verb, "--help", check=0).stdout.startswith(f"Usage: gatewayctl {verb}")


def test_help_of_a_verb_has_its_own_options_and_no_others():
    for verb, its_own, others in (("keys", ["--owner", "--ended", "--grace"], ["--replace", "--kid", "--strict"]), ("token", ["--kid", "--ttl"], ["--owner", "--replace"]),
                                  ("pki", ["--replace", "--node"], ["--owner", "--ttl"]), ("validate", ["--strict"], ["--ended"])):
        out = ctl(verb, "--help", check=0).stdout
        assert all(f"  {option} " in out for option in its_own), out
        assert not any(f"  {option} " in out for option in others), out
    assert "validate takes no --ended" in ctl("validate", "--ended", check=64).stderr
    assert "status takes no --owner" in ctl("status", "--owner", "ann", check=64).stderr


def complete(*words):
    """What bash offers after those words, the last one being typed."""
    script = f"""source <({BUILD}/bin/gatewayctl completion bash)
COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; _gatewayctl; echo "${{COMPREPLY[@]}}" """
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE_S, check=True,
                          env={**os.environ}).stdout.split()


def verbs():
    lines = ctl("--help", check=0).stdout.split("\n\n")[1].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  -")]


def test_bash_completion_offers_every_option_of_every_verb():
    for verb in verbs():
        told = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", ctl(verb, "--help", check=0).stdout, re.M))
        assert {"--admin", "--help"} <= told
        assert set(complete("gatewayctl", verb, "--")) == told, verb


def test_bash_completion_offers_verbs_kinds_and_flags():
    assert set(complete("gatewayctl", "")) == set(verbs())
    assert complete("gatewayctl", "sta") == ["status"]
    assert complete("gatewayctl", "why", "") == []
    assert complete("gatewayctl", "why", "id", "--ou") == ["--output"]
    assert set(complete("gatewayctl", "get", "")) == {"routes", "services", "endpoints", "nodes"}
    assert set(complete("gatewayctl", "pki", "")) == {"init", "issue"}
    assert complete("gatewayctl", "pki", "issue", "--no") == ["--node"]
    assert complete("gatewayctl", "status", "-o", "j") == ["json"]
    assert complete("gatewayctl", "get", "routes", "-o", "y") == ["yaml"]
    assert set(complete("gatewayctl", "node", "")) == {"config", "clusters", "limits", "counters", "drain", "log-level"}
    assert complete("gatewayctl", "explain", "--cl") == ["--client"] and complete("gatewayctl", "status", "--cl") == []
    assert "--strict" in complete("gatewayctl", "validate", "--s")
    assert complete("gatewayctl", "status", "") == []
