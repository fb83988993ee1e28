"""The compose file by docker compose itself, which needs no engine to read it; it takes minutes to build: only in tests/run.sh full."""
import json
import os
import pathlib
import subprocess

import pytest

from support.gateway import ROOT

COMPOSE = pathlib.Path(os.environ.get("GW_PEERS", "")) / "compose"
FILE = ROOT / "deploy/compose/docker-compose.yaml"
PASSWORDS = {"REDIS_PASSWORD": "r", "MYSQL_PASSWORD": "m", "JWT_SECRET_KEY": "j" * 32}
pytestmark = pytest.mark.full


def config(passwords, tmp_path):
    return subprocess.run([COMPOSE, "--env-file", "/dev/null", "-f", FILE, "config", "--format", "json"], capture_output=True, text=True, timeout=60,
                          env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], **passwords})


def test_compose_reads_the_whole_as_it_is_meant(tmp_path):
    done = config(PASSWORDS, tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    services = json.loads(done.stdout)["services"]
    assert {"controlplane", "dataplane", "redis", "mysql", "consul", "nacos", "jaeger", "prometheus", "grafana", "backend-1", "backend-2"} <= set(services)
    assert services["dataplane"]["deploy"]["replicas"] == 2 and services["dataplane"]["stop_grace_period"] == "45s"
    for name in ("controlplane", "dataplane", "backend-1", "backend-2"):
        assert services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"], name
    assert services["controlplane"]["environment"]["MYSQL_PASSWORD"] == "m"
    for service in services.values():
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), "nothing is open to the network"


@pytest.mark.parametrize("name", PASSWORDS)
def test_compose_refuses_to_start_without_a_password(name, tmp_path):
    done = config({key: value for key, value in PASSWORDS.items() if key != name}, tmp_path)
    assert done.returncode != 0 and name in done.stderr
