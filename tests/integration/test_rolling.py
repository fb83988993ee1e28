"""Data planes behind a Service come, go and are replaced under load, in network namespaces of one machine: no request fails."""
import signal
import sys

import pytest

from support import gateway, namespaces
from support.gateway import ROOT, Program, wait_until
from support.pki import Pki
from support.service import Clients, Service

pytestmark = pytest.mark.skipif(not namespaces.are_there(), reason="needs root and network namespaces with address translation")

ROUTES = "routes: [{path: /demo, service: demo}]"
TRAFFIC, STATUS, XDS, BACKEND = 8000, 9903, 18000, 9101
LAG_S = 0.5  # how far the endpoints are behind what the kubelet knows
NODE_CLUSTER = "edge"


class Pod:
    """A data plane with an address and a node id of its own, with the ports of the image."""

    def __init__(self, site, number, drain_delay):
        self.space, self.address = site.net.add(f"pod{number}")
        self.program = Program(site.folder, f"pod-{number}", [
            *self.space.prefix(), gateway.BUILD / "bin/gateway-dataplane", "--xds", f"{site.control_address}:{XDS}", "--node-id", f"pod-{number}",
            "--node-cluster", NODE_CLUSTER, "--workers", "1", "--status-http", f"0.0.0.0:{STATUS}", "--drain-delay", drain_delay,
            "--drain-time", "20s", *site.pki.flags("xds-tls", "node")])

    def stop(self):
        assert self.program.wait() == 0


class Site:
    """A control plane, two services, and a Service of Kubernetes with the data planes behind it."""

    def __init__(self, folder, drain_delay="5s"):
        self.folder, self.drain_delay, self.pods, self.count = folder, drain_delay, [], 0
        self.net = namespaces.Net()
        self.started = [self.net]
        urls = "".join(f"{{url: 'http://{self.add_backend(n)}:{BACKEND}'}}, " for n in (1, 2))
        (folder / "routes.yaml").write_text(ROUTES)
        (folder / "services.yaml").write_text(f"services: {{demo: {{instances: [{urls}]}}}}")
        space, self.control_address = self.net.add("control")
        self.pki = Pki(folder / "pki").control_plane(hosts=[self.control_address]).issue("node", "--node", f"{NODE_CLUSTER}/*")
        self.control = Program(folder, "control", [
            *space.prefix(), gateway.BUILD / "bin/gateway-controlplane", "--routes", folder / "routes.yaml", "--services", folder / "services.yaml",
            "--admin-token-file", folder / "admin.token", "--xds-listen", f"0.0.0.0:{XDS}", *self.pki.flags("xds-tls", "control-plane")])
        self.started.append(self.control)
        self.client_space, _ = self.net.add("client")
        self.service = Service(self.net, TRAFFIC, STATUS, LAG_S)
        self.started.append(self.service)

    def add_backend(self, number):
        space, address = self.net.add(f"backend{number}")
        self.started.append(Program(self.folder, f"backend-{number}", [
            *space.prefix(), sys.executable, ROOT / "deploy/demo/backend.py", f"backend-{number}", BACKEND, "0.0.0.0"]))
        return address

    def scale_to(self, count):
        """Returns the pods that are new, once they get traffic."""
        made = []
        while len(self.pods) < count:
            self.count += 1
            made.append(Pod(self, self.count, self.drain_delay))
            self.pods.append(made[-1])
            self.started.append(made[-1])
            self.service.add(made[-1].address)
        wait_until(lambda: all(self.service.is_live(pod.address) for pod in made), "the new pods behind the Service", seconds=60, interval=0.05)
        return made

    def delete(self, pods):
        """As Kubernetes does: SIGTERM, and at the same time the way out of the endpoints begins."""
        for pod in pods:
            self.pods.remove(pod)
            pod.program.process.send_signal(signal.SIGTERM)
            self.service.remove(pod.address)

    def clients(self):
        made = Clients(self.client_space)
        self.started.append(made)
        return made

    def served_by(self, pod):
        return pod.space.call(lambda: gateway.get(STATUS, "/metrics")).text

    def stop(self):
        for pod in self.pods:
            pod.program.process.send_signal(signal.SIGTERM)  # they drain at the same time
        for made in reversed(self.started):
            made.stop()


@pytest.fixture
def site(tmp_path, release_build):
    made = []

    def make(**kw):
        made.append(Site(tmp_path, **kw))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def requests_of(site, pod):
    text = site.served_by(pod)
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("gateway_downstream_requests_total"))


def test_from_one_to_eight_data_planes_and_all_of_them_replaced_without_a_failed_request(site):
    site = site()
    site.scale_to(1)
    clients = site.clients()
    clients.run_on(500)
    site.scale_to(8)
    clients.run_on(2000)
    assert all(requests_of(site, pod) > 20 for pod in site.pods), "each has its part of the load"

    old = list(site.pods)
    for turn in range(0, len(old), 2):  # maxSurge 25 %, maxUnavailable 0
        site.scale_to(10)
        site.delete(old[turn:turn + 2])
        clients.run_on(200)
    for pod in old:
        assert pod.program.wait() == 0
        assert "drained" in pod.program.log() and "the drain time is over" not in pod.program.log()
    clients.run_on(1000)
    clients.stop()
    assert clients.failures == []
    print(f"{clients.done} requests")


def test_from_eight_to_one_without_a_failed_request(site):
    site = site()
    site.scale_to(8)
    clients = site.clients()
    clients.run_on(1000)
    gone = site.pods[1:]
    site.delete(gone)
    assert [pod.program.wait() for pod in gone] == [0] * 7
    clients.run_on(500)
    clients.stop()
    assert clients.failures == []


def test_without_a_drain_delay_connections_are_lost_while_endpoints_lag(site):
    """What the delay is for, and that these tests would see it missing."""
    site = site(drain_delay="0s")
    site.scale_to(2)
    clients = site.clients()
    clients.run_on(300)
    site.delete(site.pods[:1])
    wait_until(lambda: clients.failures, "a lost connection")
    clients.stop()
    assert any("ConnectionRefusedError" in failure for failure in clients.failures)
