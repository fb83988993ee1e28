"""100,000 API keys: how long one change takes, how much it sends, what memory the planes hold, with 10,000 routes beside them, too, and what
1,000 revocations a second do to everybody's requests. With `pytest -s` the figures are printed.

Release builds are measured (GW_RELEASE). Sizes are held to their bounds as they are; times, which a busy machine stretches, to five times theirs.
"""
import json
import statistics
import threading
import time

import pytest
from support.abuse import Measure, QuickService
from support.agent import revocations
from support.gateway import request, wait_until
from support.pki import Pki
from support.scale import routes_yaml

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600), pytest.mark.usefixtures("release_build")]

KEYS, EACH = 100_000, 20_000
LIVE_MS, SLACK = 100, 5
BYTES_A_CHANGE = 600
BYTES_A_KEY = 2048  # of the data plane's memory
ROUNDS = 10
STORM_A_S, STORM_S, STORM_STEPS_A_S = 1000, 5, 20
STORM_P99_MS = 1
MANY_ROUTES = 10_000
ROUTES = "auth: {api_keys: true}\nroutes: [{path: /keys, service: backend, auth_required: true}]"


def keys_sent(control):
    node = json.loads(control.ctl("status", "-o", "json", check=0).stdout)["nodes"][0]
    return next(t for t in node["types"] if t["type"] == "keys")


def import_keys(control, folder):
    """key-number-0 to key-number-99999."""
    for first in range(0, KEYS, EACH):
        file = folder / "keys.txt"
        file.write_text("".join(f"key-number-{n} user-{n} roles=viewer,editor plan=gold\n" for n in range(first, first + EACH)))
        control.ctl("keys", "import", file, check=0)


def test_one_of_100000_keys_changes(stage, tmp_path):
    backend = stage.backend()
    pki = Pki(tmp_path / "pki").control_plane()
    pki.issue("node", "--node", "default/*")
    control = stage.control_plane(ROUTES, f'services: {{backend: {{instances: [{{url: "http://127.0.0.1:{backend.port}"}}]}}}}',
                                  args=pki.flags("xds-tls", "control-plane"))
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "node"))
    port = data.wait_until_ready()

    def ask(key):
        return request(port, "/keys", headers={"X-API-Key": key}).status

    before_kib = data.resident_kib(), control.resident_kib()
    begun = time.monotonic()
    import_keys(control, tmp_path)
    wait_until(lambda: ask(f"key-number-{KEYS - 1}") == 200, "the last key", 120)
    print(f"\n{KEYS} keys imported and live in {time.monotonic() - begun:.1f} s")
    data_kib, control_kib = data.resident_kib() - before_kib[0], control.resident_kib() - before_kib[1]
    print(f"memory for them: data plane {data_kib / 1024:.1f} MiB ({data_kib * 1024 / KEYS:.0f} bytes a key), control plane {control_kib / 1024:.1f} MiB")
    live, gone = [], []
    for _ in range(ROUNDS):
        text = control.ctl("keys", "create", "--owner", "ann", check=0).stdout.strip()
        begun = time.monotonic()
        wait_until(lambda: ask(text) == 200, "the new key", interval=0.0005)
        live.append((time.monotonic() - begun) * 1000)
        sent = keys_sent(control)
        control.ctl("keys", "revoke", text.split("_")[1], check=0)
        begun = time.monotonic()
        wait_until(lambda: ask(text) == 401, "the revocation", interval=0.0005)
        gone.append((time.monotonic() - begun) * 1000)
        after = keys_sent(control)
        assert after["resources_sent"] == sent["resources_sent"]  # a name that is gone is no resource
        assert after["bytes_sent"] - sent["bytes_sent"] <= BYTES_A_CHANGE
    for what, times in (("live", live), ("revoked", gone)):
        print(f"{what:<8} after gatewayctl's answer: median {statistics.median(times):.1f}  max {max(times):.1f} ms (bound {LIVE_MS} ms)")
        assert statistics.median(times) <= LIVE_MS * SLACK
    assert data_kib * 1024 / KEYS <= BYTES_A_KEY


class Storm:
    """So many keys are revoked a second, in steps, each of which waits for none before it."""

    def __init__(self, control, ids):
        self.control, self.ids, self.answers = control, ids, []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        step, tick = STORM_A_S // STORM_STEPS_A_S, threading.Event()
        with revocations(self.control) as revoke:
            begin = time.monotonic()
            for number in range(STORM_S * STORM_STEPS_A_S):
                tick.wait(max(0, begin + number / STORM_STEPS_A_S - time.monotonic()))
                self.answers.append(revoke(self.ids[number * step:(number + 1) * step]))
            self.revoked = sum(len(answer.result().keys) for answer in self.answers)
            self.seconds = time.monotonic() - begin

    def end(self):
        self.thread.join()
        return self.revoked, self.seconds


@pytest.mark.full
def test_revocation_storm_is_not_felt_with_100000_keys_and_10000_routes(stage, tmp_path):
    service = QuickService()
    stage.started.append(service)
    pki = Pki(tmp_path / "pki").control_plane()
    pki.issue("node", "--node", "default/*")
    few = ROUTES.replace("path: /keys", "path: /b/1")[:-1] + ", {path: /b/2, service: backend}]"
    services = f'services: {{backend: {{instances: [{{url: "{service.url}"}}]}}, service-0: {{instances: [{{url: "{service.url}"}}]}}}}'
    control = stage.control_plane(few, services, args=pki.flags("xds-tls", "control-plane"), env={"GATEWAY_ACCESS_LOG": "off"})
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "node"), workers=1)
    port = data.wait_until_ready()
    sizes = [("a few routes, no keys", data.resident_kib())]
    many = "auth: {api_keys: true}\n" + routes_yaml(MANY_ROUTES) + "  - {path: /b/1, service: backend, auth_required: true}\n  - {path: /b/2, service: backend}\n"
    control.write(routes=many)
    wait_until(lambda: f"/marker-{MANY_ROUTES}" in control.ctl("get", "routes", check=0).stdout, "10,000 routes")
    wait_until(lambda: json.loads(control.ctl("status", "-o", "json", check=0).stdout)["nodes"][0]["state"] == "SYNCED", "10,000 routes at the node")
    sizes.append((f"{MANY_ROUTES} routes", data.resident_kib()))
    import_keys(control, tmp_path)

    def ask(key):
        return request(port, "/b/1", headers={"X-API-Key": key}).status

    wait_until(lambda: ask(f"key-number-{KEYS - 1}") == 200, "the last key", 120)
    sizes.append((f"and {KEYS} keys", data.resident_kib()))
    print()
    for what, kib in sizes:
        print(f"data plane with {what}: {kib / 1024:.1f} MiB")
    ids = [key["id"] for key in json.loads(control.ctl("keys", "list", "-o", "json", check=0).stdout)["keys"] if key["owner"] != f"user-{KEYS - 1}"]
    clients = {"with a key": Measure("h1", port, connections=2, pause_us=3000, path="/b/1", key=f"key-number-{KEYS - 1}"),
               "without": Measure("h1", port, connections=2, pause_us=3000, path="/b/2")}
    rounds, gone = [], []

    def phase(during):
        for client in clients.values():
            client.phase()
        during()
        return {name: client.phase() for name, client in clients.items()}

    def quiet():
        end = time.monotonic() + STORM_S
        wait_until(lambda: time.monotonic() > end, "a quiet time", 30)

    def storm():
        begun = Storm(control, [ids.pop() for _ in range(STORM_A_S * STORM_S)])
        text = control.ctl("keys", "create", "--owner", "ann", check=0).stdout.strip()
        wait_until(lambda: ask(text) == 200, "the new key", interval=0.0005)
        control.ctl("keys", "revoke", text.split("_")[1], check=0)
        at = time.monotonic()
        wait_until(lambda: ask(text) == 401, "the revocation", interval=0.0005)
        gone.append((time.monotonic() - at) * 1000)
        revoked, seconds = begun.end()
        assert revoked == STORM_A_S * STORM_S
        print(f"{revoked} revoked in {seconds:.1f} s, one amid them gone {gone[-1]:.1f} ms after gatewayctl's answer")

    for _ in range(5):
        rounds.append((phase(quiet), phase(storm)))
    for client in clients.values():
        client.end()
    wait_until(lambda: f"gateway_controlplane_api_keys {KEYS + 5}" in control.http("/metrics").text, "all keys accounted for")
    added = {}
    for name in clients:
        calm, stormy = (statistics.median(r[i][name]["p99"] for r in rounds) / 1000 for i in (0, 1))
        added[name] = stormy - calm
        print(f"{name:<10} p99 {calm:.3f} ms in quiet, {stormy:.3f} ms in the storm: {added[name]:+.3f} ms (bound +{STORM_P99_MS} ms)")
    assert all(r[i][name]["errors"] == 0 for r in rounds for i in (0, 1) for name in clients)
    assert max(added.values()) <= STORM_P99_MS * SLACK
    assert statistics.median(gone) <= LIVE_MS * SLACK
