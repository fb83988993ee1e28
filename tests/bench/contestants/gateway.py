"""Our data plane, one worker; its control plane runs beside the load generator, so it is not measured but does compete with it."""
import json
import os
import subprocess
import time

from . import base
from .base import Contestant, Unsupported, run_version, write

BUILD = os.environ.get("GW_RELEASE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../build")


class Gateway(Contestant):
    name = "gateway"
    binary = os.path.join(BUILD, "bin/gateway-dataplane")
    control_binary = os.path.join(BUILD, "bin/gateway-controlplane")
    access_log = "off"
    balances = True
    balancing = ""  # lines of the service
    weights = 1     # different weights of its instances
    settings = {}   # more of the control plane's

    def available(self):
        return os.path.exists(self.binary) and os.path.exists(self.control_binary)

    def version(self):
        return run_version([self.binary, "--version"])

    def check(self, spec):
        if spec.auth and not spec.jwt_cache:
            raise Unsupported("verified tokens are always cached: see S2c")

    def pki(self, spec):
        """Certificates for the control channel: keys go over no other. Returns the flags of each plane."""
        folder = os.path.join(spec.dir, "pki")
        ctl = [os.path.join(BUILD, "bin/gatewayctl"), "pki"]
        for args in (["init"], ["issue", "control", "--control-plane", "--host", "127.0.0.1"], ["issue", "node", "--node", "*/bench"]):
            subprocess.run(ctl + args + ["--dir", folder], check=True, stdout=subprocess.DEVNULL)
        return [["--xds-tls-ca", folder + "/ca.crt", "--xds-tls-cert", "%s/%s.crt" % (folder, name), "--xds-tls-key", "%s/%s.key" % (folder, name)]
                for name in ("control", "node")]

    def policy(self, spec, path):
        """What a route asks: one bucket for all callers of the route, as Envoy's."""
        if not spec.auth:
            return ""
        return ", auth: [jwt], roles: [%s], rate_limit: {requests: %d, per: 1s, burst: %d, key: all}" % (
            spec.auth.role_of[path], spec.auth.rate, spec.auth.rate)

    def argv(self, spec):
        routes = "routes:\n" + "".join('  - {path: "%s", service: be, timeout: 60%s}\n' % (p if k == "exact" else p + "**", self.policy(spec, p))
                                       for k, p in spec.routes)
        if spec.auth:
            routes += ("auth: {jwt: {providers: [{name: p, issuer: \"%s\", audiences: [%s], keys: {jwks_file: %s}, forward: true}]}}\n"
                       "access: {claims: {roles: role}}\n" % (spec.auth.issuer, spec.auth.audience, spec.auth.jwks_file))
        control_tls, node_tls = [], []
        if spec.down == "tls":
            routes += ("listeners:\n  - {name: bench, address: 127.0.0.1, port: %d, tls: {min_version: \"1.3\", certificates: "
                       "[{certificate: %s, key: %s}]}}\n" % (spec.port, spec.cert, spec.key))
            control_tls, node_tls = self.pki(spec)
        services = "services:\n  be:\n    protocol: %s\n%s    instances:\n" % (
            "h2" if spec.up_proto == "h2c" else "http1", self.balancing)
        services += "".join("      - {url: http://127.0.%d.%d:%d, weight: %d}\n" % (i >> 8, i & 255, spec.up_port, i % self.weights + 1) for i in range(1, spec.instances + 1))
        ports = os.path.join(spec.dir, "control-ports.json")
        self.control = base.Proc(
            [self.control_binary, "--xds-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
             "--admin-token-file", os.path.join(spec.dir, "admin.token"), "--ports-file", ports, *control_tls,
             "--routes", write(spec, "routes.yaml", routes), "--services", write(spec, "services.yaml", services)],
            base.LOAD_CPU, os.path.join(spec.dir, "control.log"), cwd=spec.dir,
            env={"HOST": "127.0.0.1", "PORT": str(spec.port), "GATEWAY_ACCESS_LOG": self.access_log, "GATEWAY_IDLE_TIMEOUT": "600s",
                 "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": "0", **self.settings})
        end = time.time() + 10
        while not os.path.exists(ports):
            if time.time() > end or not self.control.alive():
                raise RuntimeError("control plane: " + self.control.tail())
            time.sleep(0.02)
        with open(ports) as f:
            xds = json.load(f)["xds"]
        return [self.binary, "--xds", "127.0.0.1:%d" % xds, "--workers", "1", "--node-id", "bench", "--status-http", "127.0.0.1:0",
                "--admin-http", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0", *node_tls]

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


class GatewayTraced(GatewayLogged):
    """With access log, metrics and every request traced; the backend takes the spans, by OTLP/HTTP."""
    name, share = "gateway-traced", "1"

    def argv(self, spec):
        self.settings = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:%d/b/0" % spec.up_port,
                         "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": self.share}
        return super().argv(spec)


class GatewayTracedSome(GatewayTraced):
    """One request in a hundred."""
    name, share = "gateway-traced-1", "0.01"


# One policy of load balancing each, for S10 and S10k.
class LeastConnections(Gateway):
    name, default, balancing = "gateway-least", False, "    load_balancing: least_connections\n"


class Weighted(Gateway):
    name, default, weights = "gateway-weighted", False, 7


class Random(Gateway):
    name, default, balancing = "gateway-random", False, "    load_balancing: random\n"


class RingHash(Gateway):
    name, default, balancing = "gateway-ring", False, "    load_balancing: {policy: ring_hash, hash: {query: key}}\n"


class Maglev(Gateway):
    name, default, balancing = "gateway-maglev", False, "    load_balancing: {policy: maglev, hash: {query: key}}\n"


class SharedLimits(Gateway):
    """Limits are counted by a Redis beside the load generator."""
    name, default = "gateway-redis", False

    def argv(self, spec):
        port = base.free_port()
        self.redis = base.Proc(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", spec.dir],
                               base.LOAD_CPU, os.path.join(spec.dir, "redis.log"), cwd=spec.dir)
        self.settings = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port)}
        return super().argv(spec)

    def stop(self):
        super().stop()
        if getattr(self, "redis", None):
            self.redis.stop()
            self.redis = None
