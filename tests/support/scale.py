"""Configurations of any size, load beside them, and what the planes' own metrics say about taking them up."""
import re
import socket
import threading

from support.gateway import request


def marker(count, variant=""):
    """A path that only this configuration has."""
    return f"/marker-{count}{variant}"


def routes_yaml(count, services=1, variant=""):
    """`count` routes as a platform has them: collections, items, sub-resources, subtrees; some with methods, some with a timeout.

    Another `variant` is other content of the same size. "/fixed" and the marker are always there.
    """
    lines = ["routes:", "  - path: /fixed", "    service: service-0", f"  - path: {marker(count, variant)}", "    service: service-0"]
    for n in range(count - 2):
        base = f"/api/v1/area-{n % 97}{variant}/resource-{n}"
        path, more = [(base, "    methods: [GET, POST]\n    rate_limit: 100\n"), (base + "/{id}", "    methods: [GET, PUT, DELETE]\n"),
                      (base, ""), (base + "/{id}/versions/{version}", "    timeout: 30\n"), (base + "/files/**", "")][n % 5]
        lines.append(f"  - path: {path}\n    service: service-{n % services}\n{more}".rstrip("\n"))
    return "\n".join(lines) + "\n"


def services_yaml(count, port):
    """`count` services, each one of which has the same backend; loopback has enough addresses to tell their instances apart."""
    lines = ["services:"]
    for n in range(count):
        lines.append(f"  service-{n}:\n    instances:\n      - url: http://127.0.0.1:{port}\n        weight: 1\n        healthy: true")
        lines.append(f"      - url: http://127.{1 + n // 250}.{n % 250}.1:{port}\n        healthy: false")
    return "\n".join(lines) + "\n"


class Metrics:
    """One scrape. histogram(name) sums over labels: (count, sum in ms, share of values above each bound)."""

    SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")

    def __init__(self, text):
        self.samples = [match.groups() for match in map(self.SAMPLE.match, text.splitlines()) if match]

    def value(self, name):
        return sum(float(value) for sample, _, value in self.samples if sample == name)

    def histogram(self, name):
        above = {}
        count = self.value(name + "_count")
        for sample, labels, value in self.samples:
            if sample == name + "_bucket":
                bound = re.search(r'le="([^"]*)"', labels).group(1)
                above[bound] = above.get(bound, 0) + float(value)
        return count, 1000 * self.value(name + "_sum"), {bound: count - at_most for bound, at_most in above.items()}


def scrape(port, path="/metrics"):
    return Metrics(request(port, path).text)


def mean_ms(before, after, name):
    """Mean of what was added to a histogram between two scrapes."""
    count = after.histogram(name)[0] - before.histogram(name)[0]
    assert count > 0, f"{name} has nothing new"
    return (after.histogram(name)[1] - before.histogram(name)[1]) / count


class Asking:
    """Keep-alive clients that ask for one path, one request at a time each, until stopped; `failures` is what was not 200."""

    def __init__(self, port, path, clients=4):
        self.done, self.failures, self._stop = 0, [], False
        self._threads = [threading.Thread(target=self._run, args=(port, path), daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, port, path):
        wanted = f"GET {path} HTTP/1.1\r\nHost: scale.test\r\n\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", port), 30) as connection:
                stream = connection.makefile("rb")
                while not self._stop:
                    connection.sendall(wanted)
                    status, length = int(stream.readline().split()[1]), 0
                    while (line := stream.readline()) not in (b"\r\n", b""):
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    stream.read(length)
                    self.done += 1
                    if status != 200:
                        self.failures.append(status)
        except (OSError, ValueError, IndexError) as problem:
            self.failures.append(repr(problem))

    def stop(self):
        self._stop = True
        for thread in self._threads:
            thread.join(30)
