"""Our data plane, one worker; its control plane runs beside the load generator, so it is not measured but does compete with it."""
import json
import os
import time

from . import base
from .base import Contestant, Unsupported, run_version, write

BUILD = os.environ.get("GW_RELEASE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../build")


class Gateway(Contestant):
    name = "gateway"
    binary = os.path.join(BUILD, "bin/gateway-dataplane")
    control_binary = os.path.join(BUILD, "bin/gateway-controlplane")
    access_log = "off"

    def available(self):
        return os.path.exists(self.binary) and os.path.exists(self.control_binary)

    def version(self):
        return run_version([self.binary, "--version"])

    def check(self, spec):
        if spec.auth:
            raise Unsupported("no authentication")

    def argv(self, spec):
        routes = "routes:\n" + "".join('  - {path: "%s", service: be, timeout: 60}\n' % (p if k == "exact" else p + "**")
                                       for k, p in spec.routes)
        services = "services:\n  be:\n    instances:\n      - url: http://127.0.0.1:%d\n" % spec.up_port
        ports = os.path.join(spec.dir, "control-ports.json")
        self.control = base.Proc(
            [self.control_binary, "--xds-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
             "--admin-token-file", os.path.join(spec.dir, "admin.token"), "--ports-file", ports,
             "--routes", write(spec, "routes.yaml", routes), "--services", write(spec, "services.yaml", services)],
            base.LOAD_CPU, os.path.join(spec.dir, "control.log"), cwd=spec.dir,
            env={"HOST": "127.0.0.1", "PORT": str(spec.port), "GATEWAY_ACCESS_LOG": self.access_log, "GATEWAY_IDLE_TIMEOUT": "600s"})
        end = time.time() + 10
        while not os.path.exists(ports):
            if time.time() > end or not self.control.alive():
                raise RuntimeError("control plane: " + self.control.tail())
            time.sleep(0.02)
        with open(ports) as f:
            xds = json.load(f)["xds"]
        return [self.binary, "--xds", "127.0.0.1:%d" % xds, "--workers", "1", "--node-id", "bench", "--status-http", "127.0.0.1:0",
                "--admin-http", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0"]

    def stop(self):
        super().stop()
        if getattr(self, "control", None):
            self.control.stop()
            self.control = None


class GatewayLogged(Gateway):
    """With its JSON access log on, which goes to the harness's log file."""
    name = "gateway-logged"
    access_log = "json"
    default = False
