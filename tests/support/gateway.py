"""Starts the programs for tests: port 0 everywhere, bounded waits on conditions, logs kept for the report of a failure.

GW_BUILD names the build folder (default: build). Only processes that were started here are ended, by pid.
"""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GW_BUILD", ROOT / "build"))
# Sanitized builds on a busy machine are slow; a wait ends as soon as its condition holds.
PATIENCE_S = 30


def wait_until(condition, what, seconds=PATIENCE_S, interval=0.005):
    """Returns the first true value of condition(); AssertionError names `what` when none came in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(interval)


class Program:
    """One process of ours, its standard output and error in files under `folder`."""

    def __init__(self, folder, name, argv, env=None):
        self.name, self.folder = name, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.out_path, self.err_path = self.folder / f"{name}.out", self.folder / f"{name}.err"
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("GATEWAY_", "GATEWAYCTL_")) and k not in ("HOST", "PORT", "ENVIRONMENT")}
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            cwd=self.folder, env={**clean, **(env or {})})

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def log(self):
        return self.err_path.read_text(errors="replace")

    def output(self):
        return self.out_path.read_text(errors="replace")

    def wait(self, seconds=PATIENCE_S):
        return self.process.wait(seconds)

    def stop(self, seconds=PATIENCE_S):
        """SIGTERM and wait; the exit code, which sanitizers make non-zero when they found something."""
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM:\n{self.log()[-4000:]}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")


class _WithPorts(Program):
    def __init__(self, folder, name, argv, env=None):
        self.ports_path = pathlib.Path(folder) / f"{name}.ports.json"
        self.ports_path.unlink(missing_ok=True)
        super().__init__(folder, name, [*argv, "--ports-file", self.ports_path], env)

    def ports(self):
        """What --ports-file says now; {} before it is there."""
        try:
            return json.loads(self.ports_path.read_text())
        except FileNotFoundError:
            return {}

    def wait_for_ports(self):
        def there():
            assert self.is_running(), f"{self.name} ended with {self.process.returncode}:\n{self.log()[-4000:]}"
            return self.ports()

        return wait_until(there, f"{self.name}'s ports file")


class ControlPlane(_WithPorts):
    """routes.yaml and services.yaml lie in `folder`; change them with write(). None: they lie there already."""

    def __init__(self, folder, routes, services, env=None, args=(), name="controlplane", xds_port=0):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.routes_path, self.services_path = folder / "routes.yaml", folder / "services.yaml"
        self.token_path = folder / "admin.token"
        for path, text in ((self.routes_path, routes), (self.services_path, services)):
            if text is not None:
                path.write_text(text)
        super().__init__(folder, name,
                         [BUILD / "bin/gateway-controlplane", "--routes", self.routes_path, "--services", self.services_path,
                          "--xds-listen", f"127.0.0.1:{xds_port}", "--admin-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
                          "--admin-token-file", self.token_path, *args],
                         {"HOST": "127.0.0.1", "PORT": "0", **(env or {})})

    def write(self, routes=None, services=None):
        """Replaces the files by rename, as careful editors do; both within one settling time."""
        for path, text in ((self.services_path, services), (self.routes_path, routes)):
            if text is not None:
                fresh = path.with_suffix(".new")
                fresh.write_text(text)
                fresh.rename(path)

    def xds(self):
        return f"127.0.0.1:{self.wait_for_ports()['xds']}"

    def http(self, path):
        return get(self.wait_for_ports()["http"], path)

    def ctl(self, *args, check=None, env=None):
        """Runs gatewayctl against this control plane."""
        admin = f"127.0.0.1:{self.wait_for_ports()['admin']}"
        return ctl("--admin", admin, "--token-file", self.token_path, *args, check=check, env=env)


class DataPlane(_WithPorts):
    def __init__(self, folder, xds, env=None, args=(), name="dataplane", node_id="node-1", workers=2):
        super().__init__(folder, name,
                         [BUILD / "bin/gateway-dataplane", "--xds", xds, "--node-id", node_id, "--workers", workers,
                          "--status-http", "127.0.0.1:0", "--admin-http", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0", "--drain-delay", "0s", *args], env)

    def wait_until_ready(self, listener="gateway"):
        """The traffic port, once /ready says yes."""
        port = self.wait_for_ports()["status_http"]

        def ready():
            assert self.is_running(), f"{self.name} ended with {self.process.returncode}:\n{self.log()[-4000:]}"
            try:
                return get(port, "/ready").status == 200
            except OSError:
                return False

        wait_until(ready, f"{self.name} ready")
        return self.port(listener)

    def port(self, listener="gateway"):
        return wait_until(lambda: self.ports().get("listeners", {}).get(listener), f"{self.name}'s listener {listener}")

    def access_log(self):
        """Its lines so far (JSON); the last one may be half there yet."""
        whole = self.output().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith('{"start_time"')]

    def status(self, path):
        return get(self.wait_for_ports()["status_http"], path)

    def admin(self, path, method="GET", headers=None):
        return request(self.wait_for_ports()["admin_http"], path, method, headers)


def ctl(*args, check=None, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GATEWAY_", "GATEWAYCTL_"))}
    done = subprocess.run([str(BUILD / "bin/gatewayctl"), *map(str, args)], capture_output=True, text=True, timeout=60,
                          env={**clean, **(env or {})})
    if check is not None:
        assert done.returncode == check, f"gatewayctl {args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


def request(port, path, method="GET", headers=None, body=None, timeout=PATIENCE_S):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def get(port, path, headers=None, timeout=PATIENCE_S):
    return request(port, path, headers=headers, timeout=timeout)
