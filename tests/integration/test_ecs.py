"""gatewayctl ecs: Huawei Cloud's servers through the control plane; the cloud is a fake (support/huawei.py), since no real one can be had."""
import json
import os
import pty
import subprocess

import pytest

from support import gateway
from support.gateway import wait_until
from support.huawei import Huawei

ROUTES = "routes: []\n"
SERVICES = "services: {}\n"
KEY = {"GATEWAY_HUAWEI_ACCESS_KEY": "AKTEST", "GATEWAY_HUAWEI_SECRET_KEY": "SK-hush-hush"}
SERVER = {"server": {"name": "app", "imageRef": "img", "flavorRef": "s6.small.1", "vpcid": "vpc-1", "nics": [{"subnet_id": "net"}],
                     "root_volume": {"volumetype": "SSD"}, "adminPass": "pass-hush-hush", "count": 1, "os:scheduler_hints": {"group": "g"},
                     "server_tags": [{"key": "team", "value": "a"}]}}


@pytest.fixture
def fake(stage):
    made = Huawei(keys={"AKTEST": "SK-hush-hush"})
    stage.started.append(made)
    return made


@pytest.fixture
def control(stage, fake):
    return stage.control_plane(ROUTES, SERVICES, env=fake.settings(**KEY))


@pytest.fixture
def server_file(tmp_path):
    path = tmp_path / "server.json"
    path.write_text(json.dumps(SERVER))
    return path


def assert_silent(control, *results):
    for text in (control.log(), control.output(), *(result.stdout + result.stderr for result in results)):
        assert "hush" not in text


def test_list_shows_servers_and_filters(control, fake):
    fake.add_server("web-1", "10.0.0.1", floating="192.0.2.1", tags=["role=web", "team=a"])
    fake.add_server("web-2", "10.0.0.2", status="SHUTOFF", tags=["role=web"])
    fake.add_server("db\x1b[31m", "10.0.0.3")
    shown = control.ctl("ecs", "list", check=0)
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "STATUS", "FLAVOR", "ZONE", "FIXED", "FLOATING", "TAGS"]
    assert lines[1].split()[1:] == ["web-1", "ACTIVE", "s6.small.1", "cn-north-4a", "10.0.0.1", "192.0.2.1", "role=web,team=a"]
    assert len(lines) == 4 and "\x1b" not in shown.stdout

    def names(*args):
        return [s["name"] for s in json.loads(control.ctl("ecs", "list", "-o", "json", *args, check=0).stdout)["servers"]]

    assert names("--name", "web-1") == ["web-1"]
    assert names("--name", "web-*") == ["web-1", "web-2"]
    assert names("--tag", "role=web", "--status", "ACTIVE") == ["web-1"]
    assert names("--tag", "team") == ["web-1"]
    assert names("--name", "web") == []
    assert fake.count("GET /v3/projects") == 1
    assert_silent(control, shown)


def test_create_waits_with_progress_and_delete_takes_it_away(control, fake, server_file):
    fake.job_polls = 3
    made = control.ctl("ecs", "create", server_file, "--name", "batch", "--count", "3", "--tag", "role=web", "--wait", "-o", "json", check=0)
    job = json.loads(made.stdout)
    assert (job["state"], job["cloud_status"], job["done"], job["total"]) == ("SUCCESS", "SUCCESS", 3, 3)
    assert sorted(job["server_ids"]) == sorted(server["id"] for server in fake.servers)
    assert "createServer RUNNING [######--------------] 1 of 3" in made.stderr
    assert "createServer SUCCESS [####################] 3 of 3" in made.stderr
    assert [server["status"] for server in fake.servers] == ["ACTIVE"] * 3
    assert fake.servers[0]["tags"] == ["team=a", "role=web"] and fake.servers[0]["name"] == "batch-0001"
    sent = json.loads([body for body in fake.bodies if b"imageRef" in body][0])
    wanted = {**SERVER["server"], "name": "batch", "count": 3, "server_tags": [{"key": "team", "value": "a"}, {"key": "role", "value": "web"}]}
    assert sent == {"server": wanted}
    gone = control.ctl("ecs", "delete", *job["server_ids"][:2], "--with-volumes", "--wait", check=0)
    assert "2 of 2" in gone.stdout and len(fake.servers) == 1
    assert json.loads([body for body in fake.bodies if b"delete_volume" in body][0])["delete_publicip"] is False
    assert_silent(control, made, gone)


def test_progress_on_a_terminal_is_one_line_that_is_drawn_anew(control, fake, server_file):
    leader, follower = pty.openpty()
    admin = f"127.0.0.1:{control.wait_for_ports()['admin']}"
    process = subprocess.Popen([gateway.BUILD / "bin/gatewayctl", "--admin", admin, "--token-file", control.token_path, "ecs", "create",
                                server_file, "--wait"], stdout=subprocess.PIPE, stderr=follower, stdin=subprocess.DEVNULL)
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    out = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0
    assert shown.count(b"\r\x1b[K") >= 3 and b"createServer SUCCESS" in shown and shown.endswith(b"\r\x1b[K")
    assert out.splitlines()[1].split()[1:3] == ["createServer", "SUCCESS"]


def test_without_wait_the_job_is_followed_later(control, fake, server_file):
    made = control.ctl("ecs", "create", server_file, "-o", "json", check=0)
    job = json.loads(made.stdout)
    assert job["state"] == "RUNNING" and job["server_ids"] == [fake.servers[0]["id"]]
    assert f"gatewayctl ecs job {job['id']} --wait" in made.stderr
    shown = control.ctl("ecs", "job", job["id"], check=0)
    assert "INIT" in shown.stdout
    assert "SUCCESS" in control.ctl("ecs", "job", job["id"], "--wait", check=0).stdout


def test_a_job_that_fails_is_70_and_says_why_and_one_that_takes_too_long_is_75(control, fake, server_file):
    fake.job_failure = ("Ecs.0219", "There are no more hosts of that flavor.")
    failed = control.ctl("ecs", "create", server_file, "--wait", check=70)
    assert "There are no more hosts of that flavor. (Ecs.0219)" in failed.stderr
    fake.job_failure, fake.job_polls = None, 10 ** 9
    late = control.ctl("ecs", "create", server_file, "--wait", "--timeout", "1s", check=75)
    assert "goes on; gatewayctl ecs job" in late.stderr


def test_the_shipped_example_is_what_the_cloud_takes(control, fake):
    control.ctl("ecs", "create", gateway.ROOT / "config/examples/huawei-cloud/server.json", "--wait", check=0)
    assert [(server["name"], server["tags"]) for server in fake.servers] == [("orders", ["role=orders"])]


def test_a_dry_run_makes_nothing(control, fake, server_file):
    assert control.ctl("ecs", "create", server_file, "--dry-run", check=0).stdout == "the cloud would do it\n"
    assert fake.servers == [] and json.loads(fake.bodies[-1])["dry_run"] is True


def test_mistakes_are_told_before_the_cloud_is_asked(control, fake, server_file, tmp_path):
    bad = tmp_path / "bad.json"
    for text, words in (('{"server": {"name": "x"}}', "the server needs imageRef, flavorRef, vpcid, nics, root_volume, too"),
                        ("[]", "a JSON object is wanted"), ("{", "a JSON object is wanted")):
        bad.write_text(text)
        assert words in control.ctl("ecs", "create", bad, check=70).stderr
    assert "KEY=VALUE is wanted" in control.ctl("ecs", "create", server_file, "--tag", "bare", check=70).stderr
    assert "is no id of a server" in control.ctl("ecs", "delete", "../x", check=70).stderr
    assert fake.requests == []
    assert "cannot be read" in control.ctl("ecs", "create", tmp_path / "none", check=65).stderr
    assert "does not take all of these" in control.ctl("ecs", "list", "--count", "2", check=64).stderr
    assert "list, create, delete and job are allowed" in control.ctl("ecs", "start", check=64).stderr


@pytest.mark.parametrize("status, body, words", [
    (400, {"error": {"code": "Ecs.0005", "message": "Invalid flavor."}}, "INVALID_ARGUMENT: the cloud refuses it: Invalid flavor (400 Ecs.0005"),
    (401, {"error_code": "APIGW.0301", "error_msg": "Incorrect IAM authentication information"},
     "FAILED_PRECONDITION: the cloud does not accept the credentials: Incorrect IAM authentication information (401 APIGW.0301"),
    (403, {"errorCode": "PAP5.0012", "errorMsg": "No permission."}, "these credentials may not do that: No permission (403 PAP5.0012"),
    (409, {"code": "Common.0409", "message": "Busy."}, "something else stands against it: Busy (409 Common.0409"),
    (413, {"overLimit": {"code": 413, "message": "Quota exceeded."}}, "the cloud refuses it: Quota exceeded (413"),
    (503, b"<html>down</html>", "can't do that now: the cloud has a fault (503"),
])
def test_refusals_of_every_form_are_sentences(control, fake, server_file, status, body, words):
    fake.faulty("POST .*/cloudservers", status, body)
    refused = control.ctl("ecs", "create", server_file, "--wait", check=70)
    assert words in refused.stderr
    if status >= 500:
        assert "whether it was done is not known" in refused.stderr
    assert fake.count("POST .*/cloudservers") == 1, "what changes something is not tried twice"
    assert_silent(control, refused)


def test_what_was_throttled_is_tried_again_after_the_time_that_the_cloud_names(control, fake, server_file):
    throttled = {"error_code": "APIGW.0308", "error_msg": "The throttling threshold has been reached"}
    fake.faulty("POST .*/cloudservers$", 429, throttled, {"Retry-After": "1"}, times=2)
    control.ctl("ecs", "create", server_file, "--wait", check=0)
    assert fake.count("POST .*/cloudservers$") == 3 and len(fake.servers) == 1
    fake.faulty("cloudservers/detail", 429, throttled, {"Retry-After": "3000"})
    first = control.ctl("ecs", "list", check=70)
    assert "RESOURCE_EXHAUSTED: the cloud throttles our requests: The throttling threshold has been reached (429 APIGW.0308" in first.stderr
    asked = fake.count("cloudservers/detail")
    second = control.ctl("ecs", "list", check=70)
    assert "the cloud throttles our requests, and wants none for another" in second.stderr
    assert fake.count("cloudservers/detail") == asked, "while it is to wait it does not ask"


def test_a_server_that_is_not_there_and_a_cloud_that_is_not_there(control, fake):
    missing = control.ctl("ecs", "delete", "11111111-2222-3333-4444-555555555555", check=66)
    assert "the cloud knows nothing of that name: Instance could not be found (404 Ecs.0114" in missing.stderr
    fake.stop()
    away = control.ctl("ecs", "list", check=70)
    assert "can't do that now: the cloud does not answer at http://127.0.0.1" in away.stderr


def test_without_credentials_it_says_which_settings_are_wanted_and_takes_them_without_a_restart(stage, fake, tmp_path):
    env_file = tmp_path / "gateway.env"
    env_file.write_text("")
    control = stage.control_plane(ROUTES, SERVICES, args=["--env-file", env_file])
    refused = control.ctl("ecs", "list", check=70)
    assert "no credentials for Huawei Cloud" in refused.stderr and "GATEWAY_HUAWEI_CREDENTIALS_FILE" in refused.stderr
    env_file.write_text("".join(f"{name}={value}\n" for name, value in fake.settings(**KEY).items()))
    control.ctl("ecs", "list", check=0)
    env_file.write_text(env_file.read_text().replace("AKTEST", "AKOTHER"))
    assert "does not accept the credentials" in control.ctl("ecs", "list", check=70).stderr


def test_a_refused_login_is_not_tried_again_and_again(stage, fake, tmp_path):
    fake.users = {("account", "robot"): "right-hush"}
    path = tmp_path / "user.json"
    path.write_text(json.dumps({"user": "robot", "password": "wrong-hush", "domain": "account"}))
    path.chmod(0o600)
    control = stage.control_plane(ROUTES, SERVICES, env=fake.settings(GATEWAY_HUAWEI_CREDENTIALS_FILE=str(path)))
    for _ in range(3):
        refused = control.ctl("ecs", "list", check=70)
        assert "the cloud does not accept the credentials: The username or password is wrong (401" in refused.stderr
    assert "it is tried again after 10 minutes" in refused.stderr and fake.logins == 1
    path.write_text(json.dumps({"user": "robot", "password": "right-hush", "domain": "account"}))
    control.ctl("ecs", "list", check=0)
    assert_silent(control, refused)


def test_secrets_on_the_command_line_are_refused(stage):
    for name in ("GATEWAY_HUAWEI_SECRET_KEY", "GATEWAY_HUAWEI_SECURITY_TOKEN", "GATEWAY_HUAWEI_PASSWORD"):
        control = stage.control_plane(ROUTES, SERVICES, args=["--set", f"{name}=hush-hush"])
        control.expected_code = 65
        assert control.wait() == 65
        assert f"{name} is a secret, and flags are shown by ps" in control.log() and "hush" not in control.log()


def test_settings_are_shown_without_secrets(fake):
    done = subprocess.run([gateway.BUILD / "bin/gateway-controlplane", "--print-settings"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **fake.settings(**KEY)})
    assert done.returncode == 0 and "GATEWAY_HUAWEI_SECRET_KEY=********  (environment)" in done.stdout and "hush" not in done.stdout


def test_a_client_that_leaves_is_given_up(control, fake, server_file):
    fake.faulty("POST .*/cloudservers$", 429, {"error_code": "x", "error_msg": "slow"}, {"Retry-After": "2"})
    admin = f"127.0.0.1:{control.wait_for_ports()['admin']}"
    process = subprocess.Popen([gateway.BUILD / "bin/gatewayctl", "--admin", admin, "--token-file", control.token_path, "ecs", "create",
                                server_file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: fake.count("POST .*/cloudservers$") == 1, "the first request")
    process.kill()
    process.wait()
    control.ctl("ecs", "job", "none", check=70)  # it waits for the same moment
    assert fake.count("POST .*/cloudservers$") == 1 and fake.servers == []
