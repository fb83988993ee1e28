"""What others put into a real Nacos with the clients of PyPI and npm is what the gateway finds; what it puts there is what they find."""
import json
import os
import pathlib
import subprocess

import nacos as nacos_sdk
import pytest

from support.gateway import wait_until
from support.nacos import PASSWORD, USER, Nacos

NODE = os.environ.get("GW_NODE", "node")
STRANGERS = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "gateway-tests/strangers"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Nacos(tmp_path_factory.mktemp("nacos"), has_users=True)
    yield made
    made.stop()


@pytest.fixture
def python_client(server, tmp_path):
    return nacos_sdk.NacosClient(f"127.0.0.1:{server.port}", username=USER, password=PASSWORD, logDir=str(tmp_path))


def control_plane(stage, server, service, **nacos):
    text = f"services: {{orders: {{source: nacos, nacos: {json.dumps({'service': service, **nacos})}}}}}\n"
    return stage.control_plane('routes: [{path: "/**", service: orders}]\n', text, env=server.env)


def endpoints(control):
    found = json.loads(control.ctl("get", "endpoints", "-o", "json", check=0).stdout)
    return {f"{one['address']}:{one['port']}": one["weight"] for one in found.get("endpoints", [])}


def test_what_the_python_sdk_registers_is_found(stage, server, python_client):
    control = control_plane(stage, server, "from-python", group="shop")
    place = {"group_name": "shop", "cluster_name": "DEFAULT"}  # without, it registers in a cluster None, and changes nobody's weight
    assert python_client.add_naming_instance("from-python", "10.1.0.1", 8001, weight=1.0, heartbeat_interval=5, **place)
    assert python_client.add_naming_instance("from-python", "10.1.0.2", 8002, weight=3.0, metadata={"by": "pypi"}, **place)
    wait_until(lambda: endpoints(control) == {"10.1.0.1:8001": 1, "10.1.0.2:8002": 3}, "both instances", 5)
    assert python_client.modify_naming_instance("from-python", "10.1.0.2", 8002, weight=2.0, **place)
    wait_until(lambda: endpoints(control) == {"10.1.0.1:8001": 1, "10.1.0.2:8002": 2}, "the other weight", 5)
    assert python_client.remove_naming_instance("from-python", "10.1.0.2", 8002, **place)
    wait_until(lambda: endpoints(control) == {"10.1.0.1:8001": 1}, "one less", 5)
    assert python_client.remove_naming_instance("from-python", "10.1.0.1", 8001, **place)
    wait_until(lambda: "services release orders" in control.log(), "its last instance went: that is held", 20)


def test_what_npm_registers_is_found(stage, tmp_path):
    server = Nacos(tmp_path)  # that client logs in over other paths
    stage.started.append(server)
    client = subprocess.Popen([NODE, STRANGERS / "nacos_register.mjs", f"127.0.0.1:{server.port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, cwd=STRANGERS)
    try:
        def tell(verb, port):
            client.stdin.write(json.dumps({"verb": verb, "service": "from-npm", "group": "shop", "ip": "10.2.0.1", "port": port, "weight": 2}) + "\n")
            client.stdin.flush()
            assert client.stdout.readline() == "done\n"

        for port in (8001, 8002, 8003):
            tell("register", port)
        control = control_plane(stage, server, "from-npm", group="shop")
        wait_until(lambda: endpoints(control) == {f"10.2.0.1:{port}": 2 for port in (8001, 8002, 8003)}, "all instances", 10)
        tell("deregister", 8002)
        wait_until(lambda: endpoints(control) == {"10.2.0.1:8001": 2, "10.2.0.1:8003": 2}, "one less", 10)
    finally:
        client.stdin.close()
        client.wait(30)


def test_what_the_gateway_registers_the_python_sdk_finds(stage, server, python_client):
    control = control_plane(stage, server, "by-us", group="shop")
    control.ctl("services", "register", "by-us", "10.3.0.1:8001", "--group", "shop", "--weight", "0.5", "--cluster", "c1", "--meta", "zone=a b", check=0)

    def listed():
        return python_client.list_naming_instance("by-us", group_name="shop")["hosts"]

    found = wait_until(listed, "the instance")
    assert [(one["ip"], one["port"], one["weight"], one["clusterName"], one["metadata"], one["healthy"]) for one in found] == [
        ("10.3.0.1", 8001, 0.5, "c1", {"zone": "a b"}, True)]
    wait_until(lambda: endpoints(control) == {"10.3.0.1:8001": 50}, "we find it, too")
    control.ctl("services", "deregister", "by-us", "10.3.0.1:8001", "--group", "shop", "--cluster", "c1", check=0)
    wait_until(lambda: not listed(), "it is out")
