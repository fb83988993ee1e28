"""Toxiproxy between the gateway and its services: the network's faults, by its HTTP API."""
import json
import os
import socket
import subprocess
import urllib.request

from .gateway import wait_until

BINARY = os.environ.get("GW_PEERS", "") + "/toxiproxy"


class Toxiproxy:
    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.api = probe.getsockname()[1]
        self.process = subprocess.Popen([BINARY, "-host", "127.0.0.1", "-port", str(self.api)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, "toxiproxy")

    def _answers(self):
        assert self.process.poll() is None, "toxiproxy ended"
        try:
            return self.call("GET", "/version") is not None
        except OSError:
            return False

    def call(self, method, path, value=None):
        made = urllib.request.Request(f"http://127.0.0.1:{self.api}{path}", method=method, data=None if value is None else json.dumps(value).encode(),
                                      headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(made, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()

    def proxy(self, name, port):
        return Proxy(self, name, port)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Proxy:
    """One way to a service."""

    def __init__(self, toxiproxy, name, port):
        self.toxiproxy, self.name, self.port, self.listen = toxiproxy, name, port, "127.0.0.1:0"
        self._make()

    def _make(self):
        self.listen = self.toxiproxy.call("POST", "/proxies", {"name": self.name, "listen": self.listen, "upstream": f"127.0.0.1:{self.port}",
                                                               "enabled": True})["listen"]

    @property
    def url(self):
        return f"http://{self.listen}"

    def add(self, kind, stream="downstream", **attributes):
        self.toxiproxy.call("POST", f"/proxies/{self.name}/toxics", {"name": kind, "type": kind, "stream": stream, "attributes": attributes})

    def close(self):
        self.toxiproxy.call("POST", f"/proxies/{self.name}", {"enabled": False, "listen": self.listen})

    def heal(self):
        """Made anew, without toxics or connections: to take a toxic away means to wait for what it holds back, up to seconds."""
        self.toxiproxy.call("DELETE", f"/proxies/{self.name}")
        self._make()
