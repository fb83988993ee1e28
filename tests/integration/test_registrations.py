"""gatewayctl services register and deregister: instances in real registries, kept alive as long as the control plane lives."""
import json
import time

import pytest

from support.consul import Consul
from support.gateway import wait_until
from support.nacos import Nacos

ROUTES = 'routes: [{path: "/**", service: s}]\n'
SERVICES = 'services: {s: {instances: [{url: "http://127.0.0.1:1"}]}}\n'


class NacosSide:
    """What a test asks of a registry, whichever it is."""

    name = "nacos"

    def __init__(self, folder):
        self.server = Nacos(folder)

    def has(self, service):
        return {(one["ip"], one["port"]) for one in self.server.hosts(service) if one["healthy"]}

    def forget(self, service, port):
        self.server.deregister(service, port, ip="10.0.0.1")


class ConsulSide:
    name = "consul"

    def __init__(self, folder):
        self.server = Consul(folder)

    def has(self, service):
        found = self.server.get(f"/v1/health/service/{service}?passing=1")
        return {(one["Service"]["Address"], one["Service"]["Port"]) for one in found}

    def forget(self, service, port):
        self.server.deregister(f"{service}-10.0.0.1-{port}")


SIDES = {"params": [NacosSide, ConsulSide], "ids": ["nacos", "consul"]}


@pytest.fixture(scope="module", **SIDES)
def registry(request, tmp_path_factory):
    """For tests that leave it running; each has services of its own."""
    side = request.param(tmp_path_factory.mktemp("registry"))
    yield side
    side.server.stop()


@pytest.fixture(**SIDES)
def own_registry(request, stage, tmp_path):
    side = request.param(tmp_path / "registry")
    stage.started.append(side.server)
    return side


def control_plane(stage, registry):
    return stage.control_plane(ROUTES, SERVICES, env=registry.server.env)


def registrations(control):
    return json.loads(control.ctl("services", "registrations", "-o", "json", check=0).stdout)["registrations"]


def test_registered_instance_is_there_listed_and_goes_with_the_control_plane(stage, registry):
    control = control_plane(stage, registry)
    said = control.ctl("services", "register", "orders", "10.0.0.1:8001", "--weight", "3", "--meta", "zone=a", check=0).stdout
    assert "kept alive" in said
    control.ctl("services", "register", "orders", "10.0.0.1:8002", "--registry", registry.name, check=0)
    wait_until(lambda: registry.has("orders") == {("10.0.0.1", 8001), ("10.0.0.1", 8002)}, "both are there", 5)
    one, other = registrations(control)
    assert (one["instance"]["registry"], one["instance"]["weight"], one["state"], one["problem"]) == (registry.name, 3, "ALIVE", "")
    assert one["instance"]["metadata"] == [{"key": "zone", "value": "a"}] and other["instance"]["port"] == 8002
    table = control.ctl("services", "registrations", check=0).stdout
    assert "10.0.0.1:8001" in table and "alive" in table
    control.ctl("services", "deregister", "orders", "10.0.0.1:8001", check=0)
    wait_until(lambda: registry.has("orders") == {("10.0.0.1", 8002)}, "one is out", 5)
    assert len(registrations(control)) == 1
    assert control.stop() == 0
    wait_until(lambda: not registry.has("orders"), "the other one went with the control plane", 2)


@pytest.mark.full
def test_beats_keep_it_alive_beyond_its_time(stage, registry):
    control = control_plane(stage, registry)
    control.ctl("services", "register", "long", "10.0.0.1:8001", check=0)
    wait_until(lambda: registry.has("long"), "it is there", 5)
    end = time.monotonic() + 35  # both would have taken it for dead
    while time.monotonic() < end:
        wait_until(lambda: registry.has("long") == {("10.0.0.1", 8001)}, "it stays", 1)
    assert all(one["beat_age_ms"] < 10000 and one["age_ms"] > 30000 for one in registrations(control))


def test_what_the_registry_has_forgotten_is_put_there_again(stage, registry):
    control = control_plane(stage, registry)
    control.ctl("services", "register", "lost", "10.0.0.1:8001", check=0)
    wait_until(lambda: registry.has("lost"), "it is there", 5)
    registry.forget("lost", 8001)
    wait_until(lambda: registry.has("lost") == {("10.0.0.1", 8001)}, "it is there again", 15)


def test_registry_that_comes_back_empty_gets_it_again(stage, own_registry):
    control = control_plane(stage, own_registry)
    control.ctl("services", "register", "back", "10.0.0.1:8001", check=0)
    own_registry.server.stop()
    wait_until(lambda: registrations(control)[0]["state"] == "FAILING", "the failure is seen", 20)
    assert registrations(control)[0]["problem"] != ""
    assert f"{own_registry.name}: back at 10.0.0.1:8001 can't be kept there" in control.ctl("status", check=0).stdout
    failed = control.ctl("services", "deregister", "back", "10.0.0.1:8001")
    assert failed.returncode == 70 and "the registry does not answer" in failed.stderr, failed
    own_registry.server = type(own_registry.server)(own_registry.server.folder, port=own_registry.server.port)
    stage.started.append(own_registry.server)
    wait_until(lambda: own_registry.has("back") == {("10.0.0.1", 8001)}, "it is there again", 30)
    assert registrations(control)[0]["state"] == "ALIVE"


def test_one_that_others_have_put_there_can_be_taken_out(stage, registry):
    registry.server.register("others", 8001)
    wait_until(lambda: registry.has("others"), "it is there", 5)
    control = control_plane(stage, registry)
    more = ["--id", "others-8001"] if registry.name == "consul" else []
    control.ctl("services", "deregister", "others", "127.0.0.1:8001", *more, check=0)
    wait_until(lambda: not registry.has("others"), "it is out", 5)


@pytest.mark.full
def test_kill_leaves_it_to_run_out(stage, registry):
    control = control_plane(stage, registry)
    control.ctl("services", "register", "killed", "10.0.0.1:8001", check=0)
    wait_until(lambda: registry.has("killed"), "it is there", 5)
    control.kill()
    assert registry.has("killed")
    wait_until(lambda: not registry.has("killed"), "it has run out", 45, 0.5)


def test_mistakes_are_told_and_registry_away_is_an_error(stage, tmp_path):
    env = {"CONSUL_PORT": "1", "NACOS_SERVER_ADDRESSES": "127.0.0.1:1"}
    control = stage.control_plane(ROUTES, SERVICES, env=env)

    def fail(*words, code):
        done = control.ctl("services", *words)
        assert done.returncode == code, (words, done)
        return done.stderr

    assert "names neither consul nor nacos" in fail("register", "a", "10.0.0.1:80", code=70)
    assert "registries that instances can be put into" in fail("register", "a", "10.0.0.1:80", "--registry", "etcd", code=70)
    assert "numeric address" in fail("register", "a", "orders.example:80", "--registry", "nacos", code=64)
    assert "whole numbers" in fail("register", "a", "10.0.0.1:80", "--registry", "consul", "--weight", "0.5", code=70)
    assert "Nacos'" in fail("register", "a", "10.0.0.1:80", "--registry", "consul", "--group", "g", code=70)
    assert "Consul's" in fail("register", "a", "10.0.0.1:80", "--registry", "nacos", "--tag", "t", code=70)
    assert "--weight" in fail("register", "a", "10.0.0.1:80", "--weight", "-1", code=64)
    assert "NAME=VALUE" in fail("register", "a", "10.0.0.1:80", "--meta", "x", code=64)
    assert "does not take" in fail("deregister", "a", "10.0.0.1:80", "--meta", "x=y", code=64)
    assert "127.0.0.1:1" in fail("register", "a", "10.0.0.1:80", "--registry", "nacos", code=70)
    assert "127.0.0.1:1" in fail("register", "a", "10.0.0.1:80", "--registry", "consul", code=70)
    assert registrations(control) == []
