#!/usr/bin/env python3
"""From an edit of routes.yaml to answers by it on three data planes, under traffic.

    python3 edit.py                        # 3,000 routes, 300 edits, 1,000 requests a second over the three
    python3 edit.py --routes 100 --edits 50

Needs the release build. Each edit replaces the file by rename; it is live on a data plane when a request for the new path is answered there
for the first time. The slowest of the three counts.
"""
import argparse
import pathlib
import socket
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import gateway  # noqa: E402
from support.backend import Backend  # noqa: E402
from support.gateway import ControlPlane, DataPlane  # noqa: E402
from support.scale import routes_yaml, services_yaml  # noqa: E402

PLANES = 3


class Client:
    """One keep-alive connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")

    def status(self, path):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: edit.test\r\n\r\n".encode())
        status, length = int(self.stream.readline().split()[1]), 0
        while (line := self.stream.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.stream.read(length)
        return status


class Traffic:
    """So many requests a second over all data planes; every answer that is not 200 is a failure."""

    def __init__(self, ports, per_s):
        self.done, self.failures, self.is_over, self.per_s = 0, [], False, per_s
        self.thread = threading.Thread(target=self.run, args=([Client(port) for port in ports],), daemon=True)
        self.thread.start()

    def run(self, clients):
        begin = time.monotonic()
        while not self.is_over:
            status = clients[self.done % len(clients)].status("/fixed")
            self.done += 1
            if status != 200:
                self.failures.append(status)
            ahead = begin + self.done / self.per_s - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)

    def stop(self):
        self.is_over = True
        self.thread.join(30)


def live_after_ms(clients, path, since):
    """Of the slowest."""
    waiting = list(clients)
    while waiting:
        waiting = [client for client in waiting if client.status(path) != 200]
        if time.monotonic() - since > 30:
            raise SystemExit(f"{path} is not live after 30 s")
        if waiting:
            time.sleep(0.0005)
    return 1000 * (time.monotonic() - since)


def measure(folder, args):
    backend, base = Backend("backend"), routes_yaml(args.routes, 10)
    control = ControlPlane(folder / "control", base, services_yaml(10, backend.port))
    planes = [DataPlane(folder / f"data-{n}", control.xds(), node_id=f"node-{n}", workers=1) for n in range(PLANES)]
    ports = [plane.wait_until_ready() for plane in planes]
    clients, traffic, took = [Client(port) for port in ports], Traffic(ports, args.requests), []
    fresh = control.routes_path.with_suffix(".new")
    for number in range(args.edits + 5):
        fresh.write_text(f"{base}  - path: /edit-{number}\n    service: service-0\n")
        since = time.monotonic()
        fresh.rename(control.routes_path)
        took.append(live_after_ms(clients, f"/edit-{number}", since))
        time.sleep(args.pause)
    traffic.stop()
    for program in (*planes, control):
        program.stop()
    backend.stop()
    return sorted(took[5:]), traffic


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("routes", 3000), ("edits", 300), ("requests", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between edits")
    args = parser.parse_args()
    gateway.BUILD = gateway.ROOT / "build"
    with tempfile.TemporaryDirectory() as folder:
        took, traffic = measure(pathlib.Path(folder), args)
    print(f"{args.routes} routes, {len(took)} edits, {traffic.done} requests meanwhile, {len(traffic.failures)} of them failed")
    print(f"live on {PLANES} data planes: median {statistics.median(took):.1f} ms, p99 {took[int(len(took) * 0.99) - 1]:.1f} ms, most {took[-1]:.1f} ms")


if __name__ == "__main__":
    main()
