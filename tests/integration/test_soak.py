"""Both planes under a steady mixed load for GW_SOAK_MINUTES (20), while all that can change changes and all that can end ends: no request fails that
the faults don't explain, and nothing grows. `pytest -s` prints the figures.

Two data planes (release build), two control planes on one store; node-1 knows both, node-2 the second alone. Each fault has a timeline of its own,
drawn from GW_SOAK_SEED, so they meet in every way. What a fault explains stands in EXCUSES; what is not there explains nothing, such as a Redis,
a Consul or a control plane that is killed, an edit, a rotation.
"""
import contextlib
import json
import os
import random
import ssl
import threading
import time

import jwt
import pytest

from support.abuse import QuickService
from support.consul import Consul
from support.gateway import ControlPlane, get, wait_until
from support.metrics import Scrape
from support.otlp import Collector
from support.redis import Redis
from support.site import Site
from support.soak import PROBE, AccessLog, Clients, Excuse, Faults, Instance, Timeline, Volume, Watch
from support.soak_verdict import Verdict
from support.websocket import WebSocketServer

MINUTES = float(os.environ.get("GW_SOAK_MINUTES", "20"))
SEED = os.environ.get("GW_SOAK_SEED", str(random.randrange(1 << 32)))
pytestmark = [pytest.mark.full, pytest.mark.scale, pytest.mark.timeout(60 * MINUTES + 600), pytest.mark.usefixtures("release_build")]

SECRET = "soak-secret-of-32-bytes-or-more!"
LIMIT_PER_S = 20
# An instance that ends takes requests with it that may not be sent again: those that are not idempotent, and answers that have begun.
EXCUSES = {"instance killed": [Excuse(("UC",), "upstream_reset_before_response_started{", kinds=("once",)),
                               Excuse(("UC",), "upstream_reset_after_response_started{")],
           "clients end": [Excuse(("DC",), "downstream_remote_disconnect", kinds=("volume",))]}
PATIENCE_S = 20
HEALTH = "health_check: {path: /health, interval: 500ms, timeout: 1s, unhealthy_threshold: 1, healthy_threshold: 1}"
SETTINGS = {"JWT_SECRET_KEY": SECRET, "GATEWAY_TRACE_ERRORS": "true", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}


def routes(number, rng):
    """The same routes each time, other ones beside them, and `number` in answers."""
    again = "retries: {on: [gateway-error, reset]}"
    others = "".join(f'  - {{path: "/other/{rng.randrange(1000)}-{n}/{{id}}", service: files, timeout: {rng.randrange(1, 60)}}}\n' for n in range(rng.randrange(60)))
    return f"""auth: {{api_keys: true}}
routes:
  - {{name: plain, path: "/plain/**", service: files, {again}, response_headers: {{set: {{X-Edit: "{number}"}}}}}}
  - {{name: slow, path: "/slow/**", service: files, {again}, timeout: {rng.randrange(20, 40)}}}
  - {{name: once, path: "/once/**", service: files}}
  - {{name: large, path: "/large/**", service: files, {again}}}
  - {{name: token, path: "/token/**", service: files, {again}, auth: [jwt], roles: [reader]}}
  - {{name: nobody, path: "/nobody/**", service: files, auth: [jwt]}}
  - {{name: key, path: "/key/**", service: files, {again}, auth: [api_key]}}
  - {{name: counted, path: "/counted/**", service: files, {again}, auth: [jwt], rate_limit: {{requests: 1000000, per: 1h}}}}
  - {{name: limited, path: "/limited/**", service: files, {again}, rate_limit: {{requests: {LIMIT_PER_S}, per: 1s, burst: {LIMIT_PER_S}, key: all}}}}
  - {{name: found, path: "/found/**", service: found, {again}}}
  - {{name: shaky, path: "/shaky/**", service: files, retries: {{on: [503, reset, gateway-error]}}}}
  - {{name: volume, path: "/b/**", service: volume}}
  - {{name: talk, path: /talk, service: talk}}
  - {{name: probe, path: /probe, service: files, auth: [api_key]}}
  - {{name: edit, path: "/edit/{number}", service: files, {again}}}
{others}"""


class Ground(Site):
    """All that takes part."""

    def __init__(self, stage):
        self.faults, self.rng, self.edit, self.edits = Faults(EXCUSES), random.Random(SEED), 0, {}
        folder = stage.folder
        self.redis, self.consul, self.collector = Redis(folder / "redis"), Consul(folder / "consul"), Collector()
        self.volume, self.talk = QuickService(), WebSocketServer()
        self.instances = {name: Instance(folder, name) for name in ("steady", "spare", "shaky")}
        stage.started += [self.redis, self.consul, self.collector, self.volume, self.talk, *self.instances.values()]
        self.register_all()
        self.env = {**SETTINGS, **self.consul.env, "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis.port),
                    "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        self.second, self.consul_lock = None, threading.Lock()
        super().__init__(stage, routes(0, self.rng), self.services(), env=self.env)
        self.nodes = [self.data, self.data_plane()]
        self.logs = [AccessLog(data, self.log_path(n)) for n, data in enumerate(self.nodes, 1)]

    def services(self):
        instances = ", ".join(f'{{url: "{made.url}", weight: {self.rng.randrange(1, 4)}}}' for made in self.instances.values())
        return f"""services:
  files: {{instances: [{instances}], {HEALTH}}}
  found: {{source: consul, {HEALTH}}}
  volume: {{instances: [{{url: "{self.volume.url}"}}]}}
  talk: {{instances: [{{url: "{self.talk.url}"}}]}}
"""

    def log_path(self, number):
        return self.stage.folder / f"access-{number}.log"

    def data_plane(self):
        if self.second is None:
            self.second = self.start_control("second")
            xds = f"{self.control.xds()},{self.second.xds()}"
        else:
            xds = self.second.xds()
        number = self.count + 1
        return super().data_plane(xds=xds, args=["--access-log-file", self.log_path(number), "--cache-dir", self.stage.folder / f"cache-{number}"])

    def start_control(self, name, port=0):
        made = ControlPlane(self.control.folder, None, None, env=self.env, args=self.pki.flags("xds-tls", "control-plane"), name=name, xds_port=port)
        self.stage.started.append(made)
        made.wait_for_ports()
        return made

    def programs(self):
        return {"control plane 1": self.control, "control plane 2": self.second, "data plane 1": self.nodes[0], "data plane 2": self.nodes[1]}

    def register_all(self):
        for name in self.instances:
            self.register(name)

    def register(self, name):
        self.consul.register("found", self.instances[name].port, id=name)

    def credentials(self):
        """Of each kind: (user, what the user shows)"""
        until = int(time.time() + 60 * MINUTES + 3600)
        wait_until(lambda: "gateway_controlplane_store_up 1" in self.control.http("/metrics").text, "the store")
        return {"token": [(f"user-{n}", jwt.encode({"sub": f"user-{n}", "roles": ["reader"], "exp": until}, SECRET, "HS256")) for n in range(200)],
                "key": [(f"owner-{n}", self.control.ctl("keys", "create", "--owner", f"owner-{n}", check=0).stdout.strip()) for n in range(10)]}

    def wait_unless_away(self, node, condition, what):
        """Of a node that may have no control plane at the moment: whether it came."""
        names = ("second control plane killed",) if node is self.nodes[1] else ("first control plane killed", "second control plane killed")
        began = time.time()

        def is_excused():
            return self.faults.is_there(*names) or any(name in names and end > began for name, _, end in list(self.faults.happened))

        wait_until(lambda: condition(node) or is_excused(), what, PATIENCE_S, 0.05)
        return condition(node)

    # ---- what happens

    def save_an_edit(self, rng):
        self.edit += 1
        number, written = self.edit, time.time()
        if number % 10 == 9:
            self.control.write(routes="routes: [{path: /broken")
            self.wait_unless_away(self.nodes[0], lambda _: "degraded" in self.readiness(), "the mistake to be told")
        self.control.write(routes=self.with_listeners(routes(number, rng)), services=self.services() if rng.random() < 0.3 else None)
        self.edits[number] = written, [time.time() if self.is_live(node, number) else None for node in self.nodes]

    def readiness(self):
        with contextlib.suppress(OSError, AssertionError):  # while it is killed
            return self.control.http("/ready").text
        return ""

    def is_live(self, node, number):
        return self.wait_unless_away(node, lambda one: probe(one, f"/edit/{number}") == 200, f"edit {number} on {node.name}")

    def rotate_the_certificate(self, rng):
        self.pki.leaf("site", "/CN=site", "DNS:a.test", "DNS:b.test", "DNS:localhost", "IP:127.0.0.1")
        text = self.pki.cert("site").read_text()
        wanted = text[text.index("-----BEGIN"):].strip()
        for node in self.nodes:
            self.wait_unless_away(node, lambda one: ssl.get_server_certificate(("127.0.0.1", one.port("tls"))).strip() == wanted, "the new certificate")

    def rotate_the_logs(self, rng):
        for log in self.logs:
            log.rotate()

    def kill_redis(self, rng):
        with self.faults.happens("Redis killed"):
            self.redis.kill()
            self.wait(rng.uniform(1, 6))
            self.redis = Redis(self.redis.folder, port=self.redis.port)
            self.stage.started.append(self.redis)

    def kill_consul(self, rng):
        with self.consul_lock, self.faults.happens("Consul killed"):
            self.consul.kill()
            self.wait(rng.uniform(1, 6))
            self.consul = Consul(self.consul.folder, port=self.consul.port)
            self.stage.started.append(self.consul)
            self.register_all()

    def move_an_instance(self, rng):
        """Out of Consul, and in again."""
        with self.consul_lock:
            name = rng.choice([*self.instances])
            self.consul.deregister(name)
            self.wait(1)
            self.register(name)

    def kill_the_first_control_plane(self, rng):
        with self.faults.happens("first control plane killed"):
            self.control = self.replace_control(self.control, "controlplane", rng)

    def kill_the_second_control_plane(self, rng):
        with self.faults.happens("second control plane killed"):
            self.second = self.replace_control(self.second, "second", rng)

    def replace_control(self, control, name, rng):
        port = control.ports()["xds"]
        control.kill()
        self.wait(rng.uniform(0.5, 5))
        return self.start_control(name, port)

    def kill_an_instance(self, rng):
        name = rng.choice([*self.instances])
        with self.faults.happens("instance killed"):
            self.instances[name].kill()
            self.wait(rng.uniform(1, 4))
            self.instances[name] = Instance(self.stage.folder, name, self.instances[name].port)
            self.stage.started.append(self.instances[name])

    def settle(self):
        """Nothing is wrong any more: everybody is where the last edit is."""
        self.save_an_edit(self.rng)
        assert all(self.edits[self.edit][1]), "the last edit is not live everywhere"
        for control in (self.control, self.second):
            wait_until(lambda: [node["state"] for node in ask(control, "status")["nodes"]] == ["SYNCED"] * 2, "both nodes to be in step", interval=0.2)
            wait_until(lambda: state_of(ask(control, "services", "list"), "found") == "LIVE", "the service to be known", interval=0.2)
        assert all(node.status("/ready").status == 200 for node in self.nodes)

    @staticmethod
    def wait(seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, "the time to pass", seconds + 30, 0.05)


def probe(node, path, headers=None):
    """The status of a request that does not count."""
    return get(node.port("plain"), path, {"User-Agent": PROBE, **(headers or {})}).status


def ask(control, *words):
    return json.loads(control.ctl(*words, "-o", "json", check=0).stdout)


def state_of(told, name):
    return next(service["state"] for service in told["services"] if service["name"] == name)


# ---- the run, and what it is judged by


def timelines(ground, seconds):
    """(what happens, one every so many seconds, in which share of the time)"""
    every = [(ground.save_an_edit, 3, 1), (ground.rotate_the_logs, 20, 1), (ground.move_an_instance, 25, 1), (ground.rotate_the_certificate, 30, 1),
             (ground.kill_an_instance, 25, 1), (ground.kill_redis, 60, 1), (ground.kill_consul, 90, 1), (ground.kill_the_second_control_plane, 60, 1),
             (ground.kill_the_first_control_plane, 60, 0.25)]  # then it goes on, so that its memory can be looked at
    begin = time.monotonic()
    return [Timeline(action, SEED, begin, share * seconds, max(1, round(share * seconds / period))) for action, period, share in every]


def run(ground, seconds):
    """The whole of it, until all is well again. Returns (clients, volume, watch, seconds of load)."""
    stage, spec = ground.stage, {"ca": str(ground.pki.ca), "credentials": ground.credentials()}
    _, last_key = spec["credentials"]["key"][-1]
    for node in ground.nodes:
        wait_until(lambda: probe(node, "/probe", {"X-API-Key": last_key}) == 200, "the keys")
    began = time.monotonic()
    clients = [Clients(stage.folder, f"clients-{n}", {**spec, "node": n, "plain": node.port("plain"), "tls": node.port("tls")})
               for n, node in enumerate(ground.nodes, 1)]
    volume, watch = Volume([node.port("plain") for node in ground.nodes], "/b/2000"), Watch(ground.programs)
    stage.started += [*clients, volume, watch]
    lines = timelines(ground, seconds)
    try:
        while any(line.is_alive() for line in lines) or time.monotonic() < began + seconds:
            ground.wait(1)
            volume.note()
            problems = [f"{program.name} has ended" for program in (*ground.nodes, *clients) if not program.is_running()]
            problems += [line.problem for line in lines if line.problem]
            assert not problems, "\n".join(problems)
    finally:
        for line in lines:
            line.abandon()
            line.join(60)
    ground.settle()
    watch.stop()
    with ground.faults.happens("clients end"):
        volume.stop()
    for made in clients:
        made.stop()
    return clients, volume, watch, time.monotonic() - began


def test_nothing_fails_that_the_faults_do_not_explain_and_nothing_grows(stage):
    ground = Ground(stage)
    clients, volume, watch, seconds = run(ground, 60 * MINUTES)
    verdict = Verdict(ground, seconds)
    for number, (node, log, made) in enumerate(zip(ground.nodes, ground.logs, clients), 1):
        scrape = Scrape(node.status("/metrics").text)
        assert node.stop() == 0
        log.finish()
        verdict.failures(number, log, made.failures)
        verdict.requests(number, log, made.totals, scrape)
        verdict.edits(number, made.totals)
        verdict.node_metrics(number, scrape)
    verdict.volume(volume)
    verdict.limit(clients, LIMIT_PER_S)
    verdict.traces(ground.collector, ground.logs)
    verdict.control_plane(Scrape(ground.control.http("/metrics").text))
    verdict.flatness(watch)
    verdict.end(SEED)
