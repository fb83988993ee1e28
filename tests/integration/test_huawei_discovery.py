"""Huawei Cloud's servers as instances of services, of a fake cloud (support/huawei.py), since no real one can be had."""
import json
import os

import pytest

from support.gateway import get, wait_until
from support.huawei import PROJECT, SKEW_S, Huawei

ROUTES = """
routes:
  - {path: /web/**, service: web}
"""
SERVICES = """
services:
  web: {source: huawei, huawei: {tag: role=web, port: 8080}}
"""
KEY = {"GATEWAY_HUAWEI_ACCESS_KEY": "AKTEST", "GATEWAY_HUAWEI_SECRET_KEY": "SK-hush-hush"}


@pytest.fixture
def fake(stage):
    made = Huawei(keys={"AKTEST": "SK-hush-hush"}, temporary={"AKTEMP": ("SKTEMP-hush", "TOKEN-hush-hush")}, users={("account", "robot"): "pass-hush"})
    stage.started.append(made)
    return made


def start(stage, fake, env=KEY, services=SERVICES, routes=ROUTES, refresh="1s"):
    return stage.control_plane(routes, services, env=fake.settings(SERVICE_DISCOVERY_TYPE="static,huawei", GATEWAY_HUAWEI_REFRESH=refresh, **env))


def endpoints(control, service="web"):
    listed = json.loads(control.ctl("get", "endpoints", service, "-o", "json", check=0).stdout)["endpoints"]
    return sorted(f"{e['address']}:{e['port']}" for e in listed)


def wait_for(control, wanted, service="web"):
    wait_until(lambda: endpoints(control, service) == sorted(wanted), f"{service} is {wanted}")


def warnings(control):
    return "\n".join(json.loads(control.ctl("status", "-o", "json", check=0).stdout)["warnings"])


def assert_silent(control, *secrets):
    """Neither logs nor answers hold a secret."""
    said = control.log() + control.output() + control.ctl("status", "-o", "json").stdout + str(control.http("/metrics").body)
    for secret in secrets:
        assert secret not in said


def test_servers_with_the_tag_are_instances_and_follow_the_cloud(stage, fake):
    first = fake.add_server("web-1", "10.0.0.1", tags=["role=web", "team=a"])
    fake.add_server("web-2", "10.0.0.2", tags=["role=web"])
    fake.add_server("db-1", "10.0.0.3", tags=["role=db"])
    control = start(stage, fake)
    wait_for(control, ["10.0.0.1:8080", "10.0.0.2:8080"])
    assert fake.count("GET /v3/projects") == 1
    first["status"] = "SHUTOFF"
    wait_for(control, ["10.0.0.2:8080"])
    fake.add_server("web-3", "10.0.0.4", tags=["role=web"])
    wait_for(control, ["10.0.0.2:8080", "10.0.0.4:8080"])
    assert fake.count("GET /v3/projects") == 1, "the project is looked up once"
    assert_silent(control, "hush")


def test_requests_reach_a_server_by_its_address(stage, fake):
    backend = stage.backend()
    fake.add_server("web-1", "127.0.0.1", tags=["role=web"])
    control = start(stage, fake, services=SERVICES.replace("8080", str(backend.port)))
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    wait_until(lambda: get(port, "/web/x").status == 200, "an answer of the server")


def test_name_floating_address_and_pages(stage, fake):
    fake.page_max = 1000
    for i in range(450):
        fake.add_server(f"web-{i}", f"10.0.{i // 250}.{i % 250 + 1}", floating=f"192.0.2.{i + 1}" if i < 3 else None)
    fake.add_server("other-web-1", "10.9.0.1", floating="192.0.2.200")
    fake.add_server("web", "10.9.0.2")
    services = """
services:
  web: {source: huawei, huawei: {name: web-*, port: 80}}
  public: {source: huawei, huawei: {name: web-*, port: 443, address: floating}}
  exact: {source: huawei, huawei: {name: web, port: 80}}
"""
    routes = ROUTES + "  - {path: /public/**, service: public}\n  - {path: /exact/**, service: exact}\n"
    control = start(stage, fake, services=services, routes=routes)
    wait_until(lambda: len(endpoints(control)) == 450, "450 instances of three pages")
    wait_for(control, ["192.0.2.1:443", "192.0.2.2:443", "192.0.2.3:443"], "public")
    wait_for(control, ["10.9.0.2:80"], "exact")


def test_a_list_that_changes_between_pages_is_read_anew(stage, fake):
    for i in range(300):
        fake.add_server(f"web-{i}", f"10.0.{i // 250}.{i % 250 + 1}", tags=["role=web"])
    listed, whole = fake.list_servers, {"done": False}

    def shifting(asked):
        # The first server goes just before the second page is asked for the first time: another one would be on no page.
        if asked["offset"] == "2" and not whole["done"]:
            whole["done"] = True
            fake.servers.pop(0)
        return listed(asked)

    fake.list_servers = shifting
    control = start(stage, fake, refresh="1h")
    wait_until(lambda: len(endpoints(control)) == 299, "299 instances")
    assert fake.count("GET .*/cloudservers/detail") == 4


def test_throttling_is_respected_and_nothing_is_lost(stage, fake):
    fake.add_server("web-1", "10.0.0.1", tags=["role=web"])
    control = start(stage, fake)
    wait_for(control, ["10.0.0.1:8080"])
    throttled = {"error_code": "APIGW.0308", "error_msg": "The throttling threshold has been reached: policy user over ratelimit"}
    fake.faulty("cloudservers/detail", 429, throttled, {"Retry-After": "2"})
    wait_until(lambda: fake.faults[-1]["times"] == 0, "a throttled request")
    before = fake.count("cloudservers/detail")
    fake.add_server("web-2", "10.0.0.2", tags=["role=web"])
    wait_for(control, ["10.0.0.1:8080", "10.0.0.2:8080"])
    assert fake.count("cloudservers/detail") - before <= 2
    assert "throttles" not in warnings(control)


@pytest.mark.parametrize("fault, words", [
    ({"status": 403, "body": {"error": {"code": "Ecs.0013", "message": "No permission for ecs:cloudServers:list."}}},
     "the cloud says that these credentials may not do that: No permission for ecs:cloudServers:list (403 Ecs.0013"),
    ({"status": 500, "body": {"code": "Common.0001", "message": "internal"}}, "the cloud has a fault: internal (500 Common.0001"),
    ({"status": 503, "body": b"<html>"}, "the cloud has a fault (503"),
    ({"truncate": 10}, "no JSON, or not all of it"),
    ({"truncate": 10, "cut": True}, "the cloud does not answer at http://127.0.0.1"),
    ({"status": 200, "body": {"servers": "none"}}, "is no list of servers"),
])
def test_what_the_cloud_can_not_say_holds_the_last_good_set(stage, fake, fault, words):
    server = fake.add_server("web-1", "10.0.0.1", tags=["role=web"])
    control = start(stage, fake)
    wait_for(control, ["10.0.0.1:8080"])
    fake.faulty("cloudservers/detail", **fault, times=10 ** 9)
    server["status"] = "SHUTOFF"
    wait_until(lambda: words in control.log(), f"log says: {words}")
    assert endpoints(control) == ["10.0.0.1:8080"]
    fake.add_server("web-2", "10.0.0.2", tags=["role=web"])
    fake.faults.clear()
    wait_for(control, ["10.0.0.2:8080"])
    assert_silent(control, "hush")


def test_a_slow_cloud_is_waited_for_only_so_long(stage, fake):
    fake.add_server("web-1", "10.0.0.1", tags=["role=web"])
    control = start(stage, fake, env={**KEY, "GATEWAY_HUAWEI_TIMEOUT": "300ms"})
    wait_for(control, ["10.0.0.1:8080"])
    fake.faulty("cloudservers/detail", delay_s=1, times=3)
    wait_until(lambda: "the cloud does not answer at" in control.log(), "the log tells")
    fake.add_server("web-2", "10.0.0.2", tags=["role=web"])
    wait_for(control, ["10.0.0.1:8080", "10.0.0.2:8080"])


def test_a_wrong_clock_is_told(stage, fake):
    fake.clock_offset_s = SKEW_S + 300
    control = start(stage, fake)
    wait_until(lambda: "this machine's clock is 20 minutes behind the cloud's" in control.log() or
               "this machine's clock is 19 minutes behind the cloud's" in control.log(), "the clock is told")
    assert "the cloud does not accept the credentials" in control.log()


def test_temporary_keys_of_a_file_that_changes(stage, fake, tmp_path):
    path = tmp_path / "credentials.json"

    def write(access, secret, token):
        fresh = tmp_path / "new.json"
        fresh.write_text(json.dumps({"credential": {"access": access, "secret": secret, "securitytoken": token, "expires_at": "2026-11-27T00:00:00Z"}}))
        os.chmod(fresh, 0o600)
        fresh.rename(path)

    write("AKTEMP", "SKTEMP-hush", "TOKEN-hush-hush")
    fake.add_server("web-1", "10.0.0.1", tags=["role=web"])
    control = start(stage, fake, env={"GATEWAY_HUAWEI_CREDENTIALS_FILE": str(path)})
    wait_for(control, ["10.0.0.1:8080"])
    # The cloud lets the old ones go, and repeats what it was sent.
    fake.temporary = {"AKTEMP": ("other-secret-hush", "TOKEN-hush-hush"), "AKNEXT": ("SKNEXT-hush", "TOKEN-next-hush")}
    wait_until(lambda: "verify aksk signature fail" in control.log(), "the refusal is told")
    write("AKNEXT", "SKNEXT-hush", "TOKEN-next-hush")
    fake.add_server("web-2", "10.0.0.2", tags=["role=web"])
    wait_for(control, ["10.0.0.1:8080", "10.0.0.2:8080"])
    os.chmod(path, 0o644)
    path.write_text(path.read_text() + " ")
    wait_until(lambda: "can be read by everybody" in control.log(), "an open file is refused")
    assert_silent(control, "hush")


def test_a_users_token_is_renewed_before_it_ends_and_after_it_was_withdrawn(stage, fake):
    fake.token_life_s = 3
    fake.add_server("web-1", "10.0.0.1", tags=["role=web"])
    control = start(stage, fake, env={"GATEWAY_HUAWEI_USER": "robot", "GATEWAY_HUAWEI_PASSWORD": "pass-hush", "GATEWAY_HUAWEI_DOMAIN": "account"})
    wait_for(control, ["10.0.0.1:8080"])
    wait_until(lambda: fake.logins >= 3, "renewed twice")
    fake.token_life_s = 3600
    # A login that was on its way may have had the short life still.
    wait_until(lambda: any(end > fake.now_s() + 60 for end in list(fake.tokens.values())), "renewed for long")
    logins = fake.logins
    fake.tokens.clear()
    fake.add_server("web-2", "10.0.0.2", tags=["role=web"])
    wait_for(control, ["10.0.0.1:8080", "10.0.0.2:8080"])
    assert fake.logins == logins + 1
    assert "can't be asked" not in control.log()
    assert_silent(control, "hush", *fake.tokens)


def test_a_wrong_password_and_an_unknown_region_are_told(stage, fake):
    control = start(stage, fake, env={"GATEWAY_HUAWEI_USER": "robot", "GATEWAY_HUAWEI_PASSWORD": "wrong-hush", "GATEWAY_HUAWEI_DOMAIN": "account"})
    wait_until(lambda: "the cloud does not accept the credentials: The username or password is wrong (401" in control.log(), "the refusal is told")
    assert_silent(control, "hush")
    fake.projects = []
    control = start(stage, fake)
    wait_until(lambda: "the cloud has 0 projects for the region cn-north-4" in control.log(), "the missing project is told")


def test_a_project_that_is_given_is_not_looked_up(stage, fake):
    fake.add_server("web-1", "10.0.0.1", tags=["role=web"])
    control = start(stage, fake, env={**KEY, "GATEWAY_HUAWEI_PROJECT_ID": PROJECT})
    wait_for(control, ["10.0.0.1:8080"])
    assert fake.count("GET /v3/projects") == 0
