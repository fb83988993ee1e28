"""Instances from a real Consul: live at once, held when it is stopped, paused, or forgets; and routes.yaml from its KV store."""
import json
import pathlib
import re
import time

import pytest

from support.consul import Consul
from support.gateway import get, wait_until
from support.pki import Pki

ROUTES = 'routes:\n  - {path: "/orders", service: orders}\n  - {path: "/fixed", service: fixed}\n'
TOKEN = "5f9c8d1e-7a52-4f0a-9a53-0d6a3f2b7c41"
TTL = {"Check": {"TTL": "600s", "Status": "passing"}}


@pytest.fixture
def consul(stage, tmp_path):
    made = Consul(tmp_path / "consul")
    stage.started.append(made)
    return made


def services(fixed, orders="source: consul"):
    return f"services:\n  orders: {{{orders}}}\n  fixed: {{instances: [{{url: {fixed.url}}}]}}\n"


def both(stage, consul, text, routes=ROUTES, **env):
    control = stage.control_plane(routes, text, env={**consul.env, **env})
    data = stage.data_plane(control.xds())
    return control, data.wait_until_ready()


def who(port, path="/orders"):
    """The name of the backend that answers, else the status."""
    answer = get(port, path)
    return answer.json()["backend"] if answer.status == 200 else answer.status


def everyone(port, count=12):
    return {who(port) for _ in range(count)}


def known(control, service="orders"):
    listed = json.loads(control.ctl("services", "list", "-o", "json", check=0).stdout)["services"]
    return next(s for s in listed if s["name"] == service)


def is_in_state(control, state, service="orders"):
    return known(control, service)["state"] == state


def test_registered_instance_is_live_within_a_second(stage, consul):
    a, b, fixed = stage.backend("a"), stage.backend("b"), stage.backend("fixed")
    control, port = both(stage, consul, services(fixed))
    assert who(port) == 503
    assert who(port, "/fixed") == "fixed"
    for backend, others in ((a, set()), (b, {"a"})):
        consul.register("orders", backend.port, id=backend.name, **TTL)
        began = time.monotonic()
        wait_until(lambda: everyone(port, 8) == others | {backend.name}, "the instance is live", seconds=1)
        print(f"live after {(time.monotonic() - began) * 1000:.0f} ms")
    consul.set_check("a", "critical")
    wait_until(lambda: everyone(port) == {"b"}, "the sick instance gets nothing", seconds=1)
    consul.set_check("a", "warning")
    consul.set_check("a", "passing")
    wait_until(lambda: everyone(port) == {"a", "b"}, "it is back", seconds=1)
    consul.deregister("a")
    wait_until(lambda: everyone(port) == {"b"}, "the instance is gone", seconds=1)
    service = known(control)
    assert (service["source"], service["state"], service["endpoint_count"]) == ("consul", "LIVE", 1)


def test_tags_name_and_weights_are_asked_for(stage, consul):
    a, b, c, fixed = (stage.backend(name) for name in ("a", "b", "c", "fixed"))
    consul.register("shop-orders", a.port, Tags=["v2", "eu"], Weights={"Passing": 9, "Warning": 1})
    consul.register("shop-orders", b.port, Tags=["v2", "eu", "spare"])
    consul.register("shop-orders", c.port, Tags=["v1", "eu"])
    control, port = both(stage, consul, services(fixed, 'source: consul, consul: {service: shop-orders, tags: [v2, eu], datacenter: dc1}'))
    names = [who(port) for _ in range(40)]
    assert set(names) == {"a", "b"} and 33 <= names.count("a") <= 39  # each worker counts for itself
    control.write(services=services(fixed, 'source: consul, consul: {service: shop-orders, tags: [v1]}'))
    wait_until(lambda: everyone(port, 4) == {"c"}, "other tags")
    control.write(services=services(fixed, 'source: consul, consul: {service: shop-orders, datacenter: elsewhere}'))
    wait_until(lambda: is_in_state(control, "AWAY"), "no such datacenter")
    assert everyone(port, 4) == {"c"}


def test_warnings_are_taken_where_it_is_said(stage, consul):
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port, Check={"TTL": "600s", "Status": "warning"})
    control, port = both(stage, consul, services(fixed))
    assert who(port) == 503
    control.write(services=services(fixed, "source: consul, consul: {include_warning: true}"))
    wait_until(lambda: who(port) == "a", "warnings are fine")


def test_service_without_a_word_is_looked_up_under_its_own_name(stage, consul):
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port)
    control, port = both(stage, consul, services(fixed, ""))
    assert who(port) == "a"


def test_consul_that_stops_and_forgets_empties_nobody(stage, consul, tmp_path):
    a, b, fixed = stage.backend("a"), stage.backend("b"), stage.backend("fixed")
    for backend in (a, b):
        consul.register("orders", backend.port, id=backend.name)
    for n in range(50):  # an index that a new one doesn't have
        consul.put("counter", str(n))
    control, port = both(stage, consul, services(fixed))
    assert everyone(port) == {"a", "b"}
    consul.stop()
    wait_until(lambda: is_in_state(control, "AWAY"), "it is seen to be away")
    assert everyone(port) == {"a", "b"}
    status = control.ctl("status", check=0).stdout
    assert "consul can't be asked" in status and "the last good instances are held" in status
    again = Consul(tmp_path / "again", port=consul.port)
    stage.started.append(again)
    wait_until(lambda: is_in_state(control, "HELD"), "it says that there are none")
    assert everyone(port) == {"a", "b"}
    service = known(control)
    assert service["problem"] == "consul says 0 of 2 instances" and int(service["state_age_ms"]) > 0
    assert "gatewayctl services release orders" in control.ctl("status", check=0).stdout
    # Its index began anew; a change is seen all the same.
    again.register("orders", a.port, id="a")
    wait_until(lambda: is_in_state(control, "LIVE"), "half of them are enough", seconds=1)
    wait_until(lambda: everyone(port) == {"a"}, "what it says is served")


def test_release_lets_go_of_what_is_held(stage, consul):
    a, b, fixed = stage.backend("a"), stage.backend("b"), stage.backend("fixed")
    ports = [a.port, b.port]
    for n, backend_port in enumerate(ports):
        consul.register("orders", backend_port, id=f"i{n}")
    control, port = both(stage, consul, services(fixed), GATEWAY_REGISTRY_MAX_DROP_PERCENT="0")
    assert control.ctl("services", "release", "orders").returncode == 70
    assert "there is no such service" in control.ctl("services", "release", "nobody").stderr
    consul.deregister("i1")
    wait_until(lambda: is_in_state(control, "HELD"), "one of two is held")
    assert everyone(port) == {"a", "b"}
    table = control.ctl("services", "list", check=0).stdout
    assert "HELD" in table and "consul says 1 of 2 instances" in table
    control.ctl("services", "release", "orders", check=0)
    wait_until(lambda: everyone(port) == {"a"}, "the other one is let go")
    assert known(control)["state"] == "LIVE"


def test_pause_is_survived_and_what_came_meanwhile_is_live_at_once(stage, consul):
    a, b, fixed = stage.backend("a"), stage.backend("b"), stage.backend("fixed")
    consul.register("orders", a.port, id="a")
    control, port = both(stage, consul, services(fixed))
    consul.pause()
    assert everyone(port) == {"a"}
    control.write(services=services(fixed).replace("fixed: {", "other: {source: consul}\n  fixed: {"))
    wait_until(lambda: '"other"' in control.ctl("services", "list", "-o", "json").stdout, "other changes go live meanwhile")
    consul.go_on()
    consul.register("orders", b.port, id="b")
    wait_until(lambda: everyone(port, 8) == {"a", "b"}, "the new instance is live", seconds=1)


def test_bad_instances_harm_only_themselves(stage, consul):
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port, id="good")
    consul.register("orders", 80, id="name", address="orders.internal")
    consul.register("orders", 0, id="no-port")
    consul.register("orders", 81, id="v6", address="::1")
    consul.register("empty", 0, address="nowhere.internal")
    control, port = both(stage, consul, services(fixed).replace("fixed: {", "empty: {source: consul}\n  fixed: {"),
                         routes=ROUTES + '  - {path: "/empty", service: empty}\n')
    assert "a" in everyone(port)
    assert who(port, "/fixed") == "fixed" and who(port, "/empty") == 503
    listed = control.ctl("get", "endpoints", "orders", check=0).stdout
    assert f"127.0.0.1:{a.port}" in listed and "[::1]:81" in listed and "internal" not in listed
    assert "2 of 4 instances were left out" in known(control)["problem"]
    assert "its port is none" in known(control, "empty")["problem"]
    assert "2 of 4 instances were left out" in control.ctl("status", check=0).stdout


def test_control_plane_that_starts_without_consul_knows_what_it_knew(stage, consul):
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port, id="a")
    control, port = both(stage, consul, services(fixed))
    assert who(port) == "a"
    wait_until(lambda: 'gateway_controlplane_store_writes_total 1' in control.http("/metrics").text, "it is written down")
    control.stop()
    consul.stop()
    token_path = control.token_path  # the store lies beside it
    control = stage.control_plane(ROUTES, services(fixed), env=consul.env, args=["--admin-token-file", token_path], name="second")
    control.token_path = token_path
    port = stage.data_plane(control.xds(), node_id="second", name="second").wait_until_ready()
    assert who(port) == "a"
    service = known(control)
    assert service["state"] == "AWAY" and int(service["known_age_ms"]) > 0


def test_control_plane_that_starts_anew_empties_nobody_for_a_moment(stage, consul):
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port, id="a")
    control, port = both(stage, consul, services(fixed))
    assert who(port) == "a"
    xds, answers = control.wait_for_ports()["xds"], []
    control.stop()
    control = stage.control_plane(ROUTES, services(fixed), env=consul.env, xds_port=xds, name="second")

    def is_synced():
        answers.append(who(port))
        return "SYNCED" in control.ctl("status").stdout

    wait_until(is_synced, "the data plane has come back")
    answers += [who(port) for _ in range(50)]
    assert set(answers) == {"a"}


def test_nonsense_is_no_answer_and_settings_are_followed(stage, consul, tmp_path):
    a, fixed, liar = stage.backend("a"), stage.backend("fixed"), stage.backend("liar")
    consul.register("orders", a.port, id="a")
    env_file = tmp_path / "settings.env"
    env_file.write_text(f"SERVICE_DISCOVERY_TYPE=consul\nCONSUL_PORT={consul.port}\n")
    control = stage.control_plane(ROUTES, services(fixed), args=["--env-file", env_file])
    port = stage.data_plane(control.xds()).wait_until_ready()
    assert who(port) == "a"
    env_file.write_text(f"SERVICE_DISCOVERY_TYPE=consul\nCONSUL_PORT={liar.port}\n")
    wait_until(lambda: known(control)["problem"] == "what it says is no list of instances", "it is seen to talk nonsense")
    assert is_in_state(control, "AWAY") and who(port) == "a"
    env_file.write_text(f"SERVICE_DISCOVERY_TYPE=consul\nCONSUL_PORT={consul.port}\n")
    wait_until(lambda: is_in_state(control, "LIVE"), "the right one is asked again")


def test_token_is_shown_to_consul_and_to_nobody_else(stage, tmp_path):
    consul = Consul(tmp_path / "consul", token=TOKEN)
    stage.started.append(consul)
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port)
    token_file = tmp_path / "token"
    token_file.write_text("0" * 8 + TOKEN[8:] + "\n")
    token_file.chmod(0o600)
    control, port = both(stage, consul, services(fixed), CONSUL_TOKEN_FILE=str(token_file))
    assert "the token may not read this" in known(control)["problem"]
    token_file.write_text(TOKEN + "\n")
    wait_until(lambda: who(port) == "a", "the file is read again")
    other, port = both(stage, consul, services(fixed), CONSUL_TOKEN=TOKEN)
    assert who(port) == "a"
    for plane in (control, other):
        assert TOKEN not in plane.log() and TOKEN not in pathlib.Path(f"/proc/{plane.pid}/cmdline").read_text()
        assert TOKEN not in plane.ctl("status").stdout + plane.ctl("services", "list", "-o", "json").stdout


def test_https_is_checked_both_ways(stage, tmp_path):
    pki = Pki(tmp_path / "pki")
    pki.leaf("consul", "/CN=consul", "IP:127.0.0.1")
    pki.leaf("client", "/CN=client")
    consul = Consul(tmp_path / "consul", pki=pki)
    stage.started.append(consul)
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port)
    tls = {"CONSUL_SCHEME": "https", "CONSUL_CA_FILE": str(pki.ca), "CONSUL_CERT_FILE": str(pki.cert("client")), "CONSUL_KEY_FILE": str(pki.key("client"))}
    control, port = both(stage, consul, services(fixed), **tls)
    assert who(port) == "a"
    for missing in ("CONSUL_CA_FILE", "CONSUL_CERT_FILE"):
        control, port = both(stage, consul, services(fixed), **{k: v for k, v in tls.items() if k != missing and (missing, k) != ("CONSUL_CERT_FILE", "CONSUL_KEY_FILE")})
        assert known(control)["state"] == "AWAY" and who(port) == 503


def test_more_services_than_queries_take_turns(stage, consul):
    a, fixed = stage.backend("a"), stage.backend("fixed")
    names = [f"s{n}" for n in range(30)]
    text = "services:\n" + "".join(f"  {name}: {{source: consul}}\n" for name in names) + f"  fixed: {{instances: [{{url: {fixed.url}}}]}}\n"
    routes = "routes:\n" + "".join(f'  - {{path: "/{name}", service: {name}}}\n' for name in names)
    control, port = both(stage, consul, text, routes=routes, CONSUL_MAX_QUERIES="10")
    for name in names:
        consul.register(name, a.port)
    wait_until(lambda: all(who(port, f"/{name}") == "a" for name in names), "all are live", seconds=10)


def test_routes_come_from_the_kv_store(stage, consul, tmp_path):
    a, fixed = stage.backend("a"), stage.backend("fixed")
    consul.register("orders", a.port)
    consul.put("gateway/routes.yaml", ROUTES)
    control = stage.control_plane("", services(fixed), env=consul.env, args=["--routes", "consul:gateway/routes.yaml"])
    port = stage.data_plane(control.xds()).wait_until_ready()
    assert (who(port), who(port, "/fixed"), who(port, "/more")) == ("a", "fixed", 404)
    more = ROUTES + '  - {path: "/more", service: fixed}\n'
    consul.put("gateway/routes.yaml", more)
    began = time.monotonic()
    wait_until(lambda: who(port, "/more") == "fixed", "the new route is live", seconds=1)
    print(f"live after {(time.monotonic() - began) * 1000:.0f} ms")
    consul.put("gateway/routes.yaml", more + "  - {path: /bad, service: nobody}\n")
    wait_until(lambda: "DEGRADED" in control.ctl("status").stdout, "the mistake is told")
    assert re.search(r"consul:gateway/routes\.yaml:5:\d+: .*nobody", control.ctl("status").stdout)
    assert who(port, "/more") == "fixed"
    consul.call("DELETE", "/v1/kv/gateway/routes.yaml")
    wait_until(lambda: "there is no such key" in control.ctl("status").stdout, "the key is missed")
    assert who(port, "/more") == "fixed"
    consul.put("gateway/routes.yaml", ROUTES)
    wait_until(lambda: who(port, "/more") == 404, "it is there again")
    consul.stop()
    wait_until(lambda: "can't be had now" in control.ctl("status").stdout, "Consul is missed")
    assert who(port) == "a" and "DEGRADED" not in control.ctl("status").stdout


def test_control_plane_whose_routes_are_nowhere_ends_with_65(stage, consul):
    a = stage.backend("a")
    control = stage.control_plane("", services(a), env=consul.env, args=["--routes", "consul:nowhere"])
    control.expected_code = 65
    assert control.wait() == 65
    assert "consul:nowhere: can't be had: it answers 404: there is no such key" in control.log()
