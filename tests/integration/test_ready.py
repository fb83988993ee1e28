"""/ready of both planes, with what they depend on, and `healthcheck`, which asks it."""
import signal
import socket
import subprocess

import pytest

from support import gateway
from support.gateway import get, wait_until
from support.redis import Redis, free_port

ROUTES = "routes: [{path: /a, service: s, rate_limit: 100}]"


def services(backend):
    return f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}'


def healthcheck(program, *args, env=None):
    name = "gateway-dataplane" if isinstance(program, gateway.DataPlane) else "gateway-controlplane"
    flag = "--status-http" if isinstance(program, gateway.DataPlane) else "--http-listen"
    return subprocess.run([str(gateway.BUILD / "bin" / name), "healthcheck", flag, "127.0.0.1:0", "--ports-file", str(program.ports_path), *args],
                          capture_output=True, text=True, timeout=60, env=env)


def redis_of(data):
    return next((item for item in data.status("/ready").json()["dependencies"] if item["name"] == "redis"), None)


def planes(stage, port, on_failure):
    env = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port), "GATEWAY_REDIS_ON_FAILURE": on_failure}
    control = stage.control_plane(ROUTES, services(stage.backend()), env=env)
    return stage.data_plane(control.xds())


# --- data plane ---

def test_ready_tells_configuration_and_dependencies(stage):
    redis = Redis(stage.folder / "redis")
    stage.started.append(redis)
    data = planes(stage, redis.port, "local")
    data.wait_until_ready()
    wait_until(lambda: redis_of(data)["up"], "Redis")
    ready = data.status("/ready").json()
    assert (ready["ready"], ready["draining"], ready["complete"], ready["source"]) == (True, False, True, "xds")
    assert ready["version"] == data.admin("/config_dump").json()["version"] and ready["age_ms"] >= 0
    assert ready["dependencies"][0]["name"] == "control_plane" and ready["dependencies"][0]["up"]
    seen = redis_of(data)
    assert seen["address"] == f"127.0.0.1:{redis.port}" and not seen["needed"] and seen["latency_ms"] > 0


def test_fresh_node_waits_for_a_redis_without_which_it_would_refuse(stage):
    port = free_port()
    data = planes(stage, port, "closed")
    wait_until(lambda: data.status("/ready").json().get("complete"), "a full configuration")
    answer = data.status("/ready")
    assert (answer.status, answer.json()["message"]) == (503, "waits for what it depends on")
    assert redis_of(data)["needed"] and not redis_of(data)["up"]
    wait_until(lambda: "refused" in redis_of(data).get("trouble", "").lower(), "why")
    done = healthcheck(data)
    assert done.returncode == 1 and "waits for what it depends on" in done.stderr
    assert healthcheck(data, "--live").returncode == 0

    redis = Redis(stage.folder / "redis", port=port)
    stage.started.append(redis)
    data.wait_until_ready()
    redis.stop()
    wait_until(lambda: not redis_of(data)["up"], "Redis to be missed")
    assert data.status("/ready").status == 200, "a node that was ready does not leave for what others can't help either"


def test_node_that_counts_alone_meanwhile_is_ready_without_redis(stage):
    data = planes(stage, free_port(), "local")
    port = data.wait_until_ready()
    assert get(port, "/a").status == 200
    wait_until(lambda: redis_of(data).get("trouble"), "why Redis is away")
    assert not redis_of(data)["up"]


def test_redis_that_leaves_the_configuration_is_asked_no_more(stage):
    redis = Redis(stage.folder / "redis")
    stage.started.append(redis)
    control = stage.control_plane(ROUTES, services(stage.backend()), env={"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port)})
    data = stage.data_plane(control.xds())
    data.wait_until_ready()
    wait_until(lambda: redis_of(data)["up"], "Redis")
    control.write(routes="routes: [{path: /a, service: s}]")
    wait_until(lambda: redis_of(data) is None, "it to be forgotten")
    assert 'gateway_dependency_up{' not in data.status("/metrics").text


def test_healthcheck_follows_the_drain_and_the_end(stage):
    control = stage.control_plane("routes: [{path: /a, service: s}]", services(stage.backend()))
    data = stage.data_plane(control.xds(), args=["--drain-delay", "30s"])
    data.wait_until_ready()
    done = healthcheck(data)
    assert done.returncode == 0 and '"message":"ready"' in done.stdout and done.stderr == ""
    data.process.send_signal(signal.SIGTERM)
    wait_until(lambda: healthcheck(data).returncode == 1, "the drain to be seen")
    assert '"message":"draining"' in healthcheck(data).stderr
    data.process.send_signal(signal.SIGTERM)
    data.wait()
    done = healthcheck(data)
    assert done.returncode == 1 and "no answer" in done.stderr


@pytest.mark.parametrize("args", [["--nonsense"], ["now"], ["--timeout", "never"], ["--status-http", "somewhere"]], ids=" ".join)
def test_healthcheck_refuses_what_it_does_not_know(args):
    done = subprocess.run([str(gateway.BUILD / "bin/gateway-dataplane"), "healthcheck", *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and done.stderr


# --- control plane ---

def test_control_plane_tells_of_store_and_sources(stage):
    control = stage.control_plane("routes: [{path: /a, service: s}]", services(stage.backend()))
    wait_until(lambda: control.http("/ready").json()["store"]["state"] == "ready", "the store")
    ready = control.http("/ready").json()
    assert ready["status"] == "ready" and ready["store"]["url"].startswith("sqlite:///")
    assert ready["sources"] == [{"name": "static", "watches": 1, "failing": 0}]
    done = healthcheck(control)
    assert done.returncode == 0 and '"status":"ready"' in done.stdout


def test_control_plane_is_degraded_and_ready_while_a_source_is_away(stage):
    env = {"SERVICE_DISCOVERY_TYPE": "dns", "GATEWAY_DNS_SERVERS": "127.0.0.1:1"}
    control = stage.control_plane("routes: [{path: /a, service: s}]", "services: {s: {source: dns, dns: {srv: _s._tcp.example.com}}}", env=env)
    wait_until(lambda: control.http("/ready").json()["status"] == "degraded", "the source to fail")
    answer = control.http("/ready")
    assert answer.status == 200 and [(source["name"], source["failing"]) for source in answer.json()["sources"]] == [("dns", 1)]
    assert healthcheck(control).returncode == 0
    text = control.http("/metrics").text
    assert 'gateway_controlplane_source_failing{source="dns"} 1' in text and 'gateway_controlplane_source_watches{source="dns"} 1' in text
    assert 'gateway_controlplane_source_answers_total{source="dns",result="failed"}' in text


def test_control_plane_listens_where_the_environment_says(stage):
    port = free_port()
    env = {"GATEWAY_HTTP_LISTEN": f"127.0.0.1:{port}"}
    command = [str(gateway.BUILD / "bin/gateway-controlplane"), "healthcheck", "--live"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, env=env).returncode == 1
    folder = stage.folder / "plain"
    folder.mkdir()
    (folder / "routes.yaml").write_text("routes: [{path: /a, service: s}]")
    (folder / "services.yaml").write_text(services(stage.backend()))
    program = gateway.Program(folder, "controlplane", [gateway.BUILD / "bin/gateway-controlplane", "--routes", "routes.yaml", "--services", "services.yaml",
                                                       "--xds-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--admin-token-file", "token"], env)
    stage.started.append(program)
    wait_until(lambda: subprocess.run(command, capture_output=True, timeout=60, env=env).returncode == 0, "it to answer where it was told to")


@pytest.fixture
def silent_mysql():
    """A mock: a database that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"mysql://nobody@127.0.0.1:{server.getsockname()[1]}/none"


def test_control_plane_serves_beside_a_store_that_says_nothing(stage, silent_mysql):
    control = stage.control_plane(ROUTES, services(stage.backend()), args=["--store", silent_mysql])
    assert control.http("/ready").status == 200
    assert "the database is away" in control.ctl("keys", "list").stderr  # no keys known is not none


def test_control_plane_ends_while_it_waits_for_its_store(stage, silent_mysql):
    control = stage.control_plane(ROUTES, services(stage.backend()), args=["--store", silent_mysql])
    wait_until(lambda: "are in force" in control.log(), "the wait for the store")
    assert control.stop() == 0
    assert "serving xDS" not in control.log()
