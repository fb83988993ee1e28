"""Instances from SRV records: those of a real DNS server, which is Consul's."""
from support.consul import Consul
from support.gateway import get, wait_until
from support.ports import free_port

ROUTES = 'routes: [{path: "/orders", service: orders}, {path: "/static", service: fixed}]\n'
SERVICES = "services: {{orders: {{source: dns, dns: {{srv: {name}}}}}, fixed: {{instances: [{{url: {url}}}]}}}}\n"


def who(port, path="/orders"):
    answer = get(port, path)
    return answer.json()["backend"] if answer.status == 200 else answer.status


def counted(port, count=40):
    names = [who(port) for _ in range(count)]
    return {name: names.count(name) for name in sorted(set(names))}


def test_srv_records_are_followed_by_weight_and_held_while_the_server_is_away(stage, tmp_path):
    dns = free_port()
    consul = Consul(tmp_path / "consul", dns=dns)
    stage.started.append(consul)
    a, b, fixed = stage.backend("a"), stage.backend("b"), stage.backend("fixed")
    consul.register("orders", a.port, id="a", Weights={"Passing": 3, "Warning": 1})
    consul.register("orders", b.port, id="b", Weights={"Passing": 1, "Warning": 1})
    env = {"SERVICE_DISCOVERY_TYPE": "static,dns", "GATEWAY_DNS_SERVERS": f"127.0.0.1:{dns}"}
    control = stage.control_plane(ROUTES, SERVICES.format(name="_orders._tcp.service.consul", url=fixed.url), env=env)
    port = stage.data_plane(control.xds()).wait_until_ready()
    assert 27 <= counted(port)["a"] <= 33  # each worker counts for itself
    consul.deregister("a")
    wait_until(lambda: counted(port, 4) == {"b": 4}, "the record is gone when its time has come", seconds=3)
    consul.pause()
    wait_until(lambda: "dns can't be asked" in control.ctl("status", check=0).stdout, "the silence is told")
    assert counted(port, 4) == {"b": 4} and who(port, "/static") == "fixed"
    consul.go_on()
    consul.register("orders", a.port, id="a")
    wait_until(lambda: set(counted(port, 12)) == {"a", "b"}, "it is asked again", seconds=15)
    consul.deregister("a")
    consul.deregister("b")
    wait_until(lambda: "says 0 of 2 instances" in control.ctl("services", "list", check=0).stdout, "a name that is gone empties nobody")
    assert set(counted(port, 12)) == {"a", "b"}


def test_name_that_nobody_has_leaves_one_service_empty(stage, tmp_path):
    dns = free_port()
    stage.started.append(Consul(tmp_path / "consul", dns=dns))
    fixed = stage.backend("fixed")
    env = {"SERVICE_DISCOVERY_TYPE": "dns", "GATEWAY_DNS_SERVERS": f"127.0.0.1:{dns}"}
    control = stage.control_plane(ROUTES, SERVICES.format(name="nobody.service.consul", url=fixed.url), env=env)
    port = stage.data_plane(control.xds()).wait_until_ready()
    assert who(port) == 503 and who(port, "/static") == "fixed"
