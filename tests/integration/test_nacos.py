"""Nacos as a source of instances and of routes.yaml, with a real server that is also stopped, restarted and paused."""
import json
import re
import time

import pytest

from support.gateway import get, wait_until
from support.nacos import Nacos

ROUTES = 'routes: [{path: "/**", service: orders}]\n'
QUICK_S = 1.5  # "live in less than a second", and this machine may be slow


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """For tests that leave it running; each has services of its own."""
    made = Nacos(tmp_path_factory.mktemp("nacos"))
    yield made
    made.stop()


class Plane:
    """A control plane that asks Nacos, and what it serves."""

    def __init__(self, stage, nacos, services, routes=ROUTES, **kw):
        env = {**nacos.env, **kw.pop("env", {})}
        self.control = stage.control_plane(routes, services, env=env, **kw)

    def endpoints(self, service="orders"):
        """{port: weight}"""
        found = json.loads(self.control.ctl("get", "endpoints", "-o", "json", check=0).stdout)
        return {one["port"]: one["weight"] for one in found.get("endpoints", []) if one["service"] == service}

    def wait_for(self, wanted, service="orders", seconds=30):
        begin = time.monotonic()
        wait_until(lambda: self.endpoints(service) == wanted, f"{service} is {wanted}, not {self.endpoints(service)}", seconds)
        return time.monotonic() - begin


def service(name, **more):
    """`orders` of services.yaml, which is `name` in Nacos."""
    return f"services: {{orders: {{source: nacos, nacos: {json.dumps({'service': name, **more})}}}}}\n"


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_change_is_live_in_less_than_a_second(stage, shared, api):
    name = f"quick-{api}"
    shared.register(name, 7001)
    plane = Plane(stage, shared, service(name), env={"NACOS_API": api})
    plane.wait_for({7001: 1})
    for number in range(2, 6):
        shared.register(name, 7000 + number)
        assert plane.wait_for({7000 + n: 1 for n in range(1, number + 1)}) < QUICK_S
    shared.deregister(name, 7005)
    assert plane.wait_for({7000 + n: 1 for n in range(1, 5)}) < QUICK_S


def test_traffic_follows_what_is_registered(stage, shared):
    first, second = stage.backend("first"), stage.backend("second")
    shared.register("traffic", first.port)
    plane = Plane(stage, shared, service("traffic"))
    data = stage.data_plane(plane.control.xds())
    port = data.wait_until_ready()
    assert get(port, "/x").json()["backend"] == "first"
    shared.register("traffic", second.port)
    shared.deregister("traffic", first.port)
    wait_until(lambda: get(port, "/x").json()["backend"] == "second", "the other instance", 5)


def test_without_pushes_lists_are_asked_for_within_cache_millis(stage, shared):
    shared.register("slow", 7001)
    plane = Plane(stage, shared, service("slow"), env={"NACOS_PUSH": "false"})
    plane.wait_for({7001: 1})
    shared.register("slow", 7002)
    assert plane.wait_for({7001: 1, 7002: 1}, seconds=15) < 12


def test_groups_namespaces_and_clusters_are_kept_apart(stage, shared):
    shared.register("apart", 7001)
    shared.register("apart", 7002, groupName="other")
    shared.register("apart", 7003, namespaceId="space")
    shared.register("apart", 7004, clusterName="c1")
    shared.register("apart", 7005, clusterName="c2")
    text = """services:
  orders: {source: nacos, nacos: {service: apart}}
  grouped: {source: nacos, nacos: {service: apart, group: other}}
  spaced: {source: nacos, nacos: {service: apart, namespace: space}}
  clustered: {source: nacos, nacos: {service: apart, clusters: [c1, c2]}}
  apart: {}
"""
    plane = Plane(stage, shared, text)
    for name, ports in (("orders", {7001, 7004, 7005}), ("grouped", {7002}), ("spaced", {7003}), ("clustered", {7004, 7005}), ("apart", {7001, 7004, 7005})):
        plane.wait_for({port: 1 for port in ports}, name)


def test_settings_name_the_group_and_the_namespace(stage, shared):
    shared.register("named", 7006, groupName="g", namespaceId="space")
    plane = Plane(stage, shared, service("named"), env={"NACOS_GROUP": "g", "NACOS_NAMESPACE": "space"})
    plane.wait_for({7006: 1})


def test_other_servers_in_the_settings_are_asked_without_a_restart(stage, shared, tmp_path):
    shared.register("moved", 7001)
    env_file = tmp_path / "settings.env"

    def write(port):
        env_file.write_text(f"SERVICE_DISCOVERY_TYPE=nacos\nNACOS_SERVER_ADDRESSES=127.0.0.1:{port}\n")

    write(1)
    control = stage.control_plane(ROUTES, service("moved"), args=["--env-file", env_file])
    wait_until(lambda: "can't be asked" in control.log(), "nobody answers there")
    write(shared.port)
    wait_until(lambda: "7001" in control.ctl("get", "endpoints", check=0).stdout, "the instance")
    control.ctl("services", "register", "moved", "10.0.0.1:7002", check=0)
    wait_until(lambda: "7002" in control.ctl("get", "endpoints", check=0).stdout, "one that is put there")


def test_weights_and_switched_off_instances(stage, shared):
    shared.register("weighed", 7001, weight=0.5)
    shared.register("weighed", 7002, weight=2)
    shared.register("weighed", 7003, weight=0)
    shared.register("weighed", 7004, enabled="false")
    plane = Plane(stage, shared, service("weighed"))
    plane.wait_for({7001: 50, 7002: 200})
    shared.change("weighed", 7004, enabled="true", weight=1)
    plane.wait_for({7001: 50, 7002: 200, 7004: 100})


def test_what_is_no_address_is_left_out_and_told(stage, shared):
    shared.register("mixed", 7001)
    shared.register("mixed", 7002, ip="orders.example")
    plane = Plane(stage, shared, service("mixed"))
    plane.wait_for({7001: 1})
    assert "orders.example" in plane.control.ctl("status", check=0).stdout


@pytest.mark.full
def test_instance_without_beats_is_taken_out(stage, shared):
    shared.register("silent", 7001)
    shared.register("silent", 7002)
    plane = Plane(stage, shared, service("silent"))
    plane.wait_for({7001: 1, 7002: 1})

    def only_the_first():
        shared.beat("silent", 7001)
        return plane.endpoints() == {7001: 1}

    wait_until(only_the_first, "the one without beats is out", 60, 0.5)


def test_user_and_password_give_a_token_that_is_renewed(stage, tmp_path):
    nacos = Nacos(tmp_path, "--nacos.core.auth.plugin.nacos.token.expire.seconds=5", has_users=True)
    stage.started.append(nacos)
    nacos.register("guarded", 7001)
    plane = Plane(stage, nacos, service("guarded"))
    plane.wait_for({7001: 1})
    end = time.monotonic() + 12  # more than two tokens' life
    while time.monotonic() < end:
        assert "can't be asked" not in plane.control.log()
        wait_until(lambda: plane.endpoints() == {7001: 1}, "it stays")
    nacos.log_in()
    nacos.register("guarded", 7002)
    plane.wait_for({7001: 1, 7002: 1}, seconds=15)

    for env, words in (({"NACOS_USERNAME": ""}, "wants a user and a password"), ({"NACOS_PASSWORD": "wrong-by-far"}, "refuses the user or the password")):
        other = Plane(stage, nacos, service("guarded"), env=env)
        wait_until(lambda: words in other.control.log(), words)
        assert "wrong-by-far" not in other.control.log() + other.control.ctl("status").stdout
        assert other.endpoints() == {}
    shown = plane.control.ctl("status", "-o", "json", check=0).stdout
    assert not re.search(rf"accessToken|{nacos.token}", plane.control.log() + shown)


def test_server_that_stops_and_comes_back_empties_nothing(stage, tmp_path):
    nacos = Nacos(tmp_path)
    stage.started.append(nacos)
    nacos.register("held", 7001, ephemeral="true")
    nacos.register("held", 7002, ephemeral="true")
    plane = Plane(stage, nacos, service("held"))
    plane.wait_for({7001: 1, 7002: 1})
    nacos.stop()
    wait_until(lambda: "can't be asked" in plane.control.log(), "the failure is told", 30)
    assert plane.endpoints() == {7001: 1, 7002: 1}
    nacos.start()  # ephemeral instances are gone with it: the guard holds them
    wait_until(lambda: "answers again" in plane.control.log(), "it is asked again", 60)
    assert plane.endpoints() == {7001: 1, 7002: 1}
    nacos.register("held", 7001)
    nacos.register("held", 7002)
    nacos.register("held", 7003)
    plane.wait_for({7001: 1, 7002: 1, 7003: 1}, seconds=20)


def test_server_that_is_paused_holds_and_goes_on(stage, tmp_path):
    nacos = Nacos(tmp_path)
    stage.started.append(nacos)
    nacos.register("paused", 7001)
    plane = Plane(stage, nacos, service("paused"))
    plane.wait_for({7001: 1})
    nacos.pause()
    wait_until(lambda: "can't be asked" in plane.control.log(), "the failure is told", 30)
    assert plane.endpoints() == {7001: 1}
    nacos.go_on()
    wait_until(lambda: "answers again" in plane.control.log(), "it is asked again", 30)
    nacos.register("paused", 7001)
    nacos.register("paused", 7002)
    plane.wait_for({7001: 1, 7002: 1}, seconds=20)


def test_next_server_is_asked_when_one_does_not_answer(stage, shared):
    shared.register("several", 7001)
    plane = Plane(stage, shared, service("several"), env={"NACOS_SERVER_ADDRESSES": f"127.0.0.1:1,http://127.0.0.1:{shared.port}/nacos"})
    plane.wait_for({7001: 1})
    shared.register("several", 7002)
    assert plane.wait_for({7001: 1, 7002: 1}) < QUICK_S


def route_text(status):
    return f'routes: [{{path: "/x", respond: {{status: {status}, body: "{status}"}}}}]\n'


def routes_of(control):
    return control.ctl("get", "routes", check=0).stdout


def test_routes_come_from_a_configuration_and_follow_it(stage, shared):
    shared.publish("gateway-routes.yaml", route_text(201), group="shop")
    control = stage.control_plane(ROUTES, "services: {}\n", env={**shared.env, "NACOS_GROUP": "shop"}, args=["--routes", "nacos:gateway-routes.yaml"])
    wait_until(lambda: "201" in routes_of(control), "the routes of Nacos")
    begin = time.monotonic()
    shared.publish("gateway-routes.yaml", route_text(202), group="shop")
    wait_until(lambda: "202" in routes_of(control), "the changed routes")
    assert time.monotonic() - begin < QUICK_S
    shared.publish("gateway-routes.yaml", "routes: [{path: nonsense}]\n", group="shop")
    wait_until(lambda: "nacos:gateway-routes.yaml:1:" in control.ctl("status", check=0).stdout, "the mistake, with its place")
    assert "202" in routes_of(control)
    shared.withdraw("gateway-routes.yaml", group="shop")
    wait_until(lambda: "there is no gateway-routes.yaml in group shop" in control.ctl("status", check=0).stdout, "that it is gone is told")
    assert "202" in routes_of(control)
    shared.publish("gateway-routes.yaml", route_text(203), group="shop")
    wait_until(lambda: "203" in routes_of(control), "the routes that came back")
