"""A real Nacos server of a test's own, on loopback, which can be stopped, paused and started again on the same port with what it knew."""
import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from .gateway import ROOT, Program, wait_until
from .ports import free_port, is_free

HERE = pathlib.Path(__file__).resolve().parent
USER, PASSWORD = "nacos", "nacos"


def work_folder():
    """Where it was built; built now if it was not."""
    done = subprocess.run(["bash", "-c", 'ROOT="$0"; source tests/support/setup.sh; setup_nacos >&2; echo "$GW_NACOS"', str(ROOT)], cwd=ROOT,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def free_ports():
    """One that is free with those that it takes beside: gRPC and JRaft."""
    while True:
        port = free_port()
        if all(is_free(port + more) for more in (1000, 1001, -1000)):
            return port


class Nacos(Program):
    """`settings`: more of it, as --NAME=VALUE. `has_users`: nobody gets in without user and password (nacos, nacos)."""

    def __init__(self, folder, *settings, has_users=False, port=None):
        self.port = port or free_ports()
        self.has_users, self.settings = has_users, settings
        self.home, self.token = pathlib.Path(folder) / f"nacos-{self.port}", None
        if has_users:
            self.settings = (*settings, "--nacos.core.auth.enabled=true", "--nacos.core.auth.server.identity.key=test",
                             "--nacos.core.auth.server.identity.value=test")
        self.start()

    def start(self):
        super().__init__(self.home, "nacos", [HERE / "nacos/start.sh", work_folder(), self.home, self.port, *self.settings])
        self.expected_code = 143
        wait_until(self.answers, "Nacos", 120, 0.1)
        if self.has_users:
            self.log_in()

    def answers(self):
        assert self.is_running(), self.output()[-4000:]
        try:
            self.call("GET", "/v1/ns/instance/list", serviceName="none")
        except urllib.error.HTTPError as error:
            return error.code == 403  # 503: it is starting
        except OSError:
            return False
        return True

    def log_in(self):
        self.token = None  # one that has run out is refused, here too
        self.token = json.loads(self.call("POST", "/v1/auth/login", username=USER, password=PASSWORD))["accessToken"]

    def url(self):
        return f"http://127.0.0.1:{self.port}/nacos"

    @property
    def env(self):
        """What a control plane needs to find it."""
        user = {"NACOS_USERNAME": USER, "NACOS_PASSWORD": PASSWORD} if self.has_users else {}
        return {"SERVICE_DISCOVERY_TYPE": "static,nacos", "NACOS_SERVER_ADDRESSES": f"127.0.0.1:{self.port}", **user}

    def call(self, method, path, **params):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        asked = urllib.request.Request(f"{self.url()}{path}?{urllib.parse.urlencode(params)}", method=method, headers=headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.read().decode()

    def register(self, service, port, ip="127.0.0.1", **more):
        assert self.call("POST", "/v1/ns/instance", serviceName=service, ip=ip, port=port, **more) == "ok"

    def change(self, service, port, ip="127.0.0.1", **more):
        assert self.call("PUT", "/v1/ns/instance", serviceName=service, ip=ip, port=port, **more) == "ok"

    def beat(self, service, port, ip="127.0.0.1", **more):
        return json.loads(self.call("PUT", "/v1/ns/instance/beat", serviceName=service, ip=ip, port=port, **more))

    def deregister(self, service, port, ip="127.0.0.1", **more):
        assert self.call("DELETE", "/v1/ns/instance", serviceName=service, ip=ip, port=port, **more) == "ok"

    def hosts(self, service, **more):
        """As Nacos lists them."""
        return json.loads(self.call("GET", "/v1/ns/instance/list", serviceName=service, **more))["hosts"]

    def publish(self, data_id, text, group="DEFAULT_GROUP", **more):
        assert self.call("POST", "/v1/cs/configs", dataId=data_id, group=group, content=text, **more) == "true"

    def withdraw(self, data_id, group="DEFAULT_GROUP", **more):
        assert self.call("DELETE", "/v1/cs/configs", dataId=data_id, group=group, **more) == "true"

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, seconds=60):
        if self.is_running():
            self.go_on()
        return super().stop(seconds)
