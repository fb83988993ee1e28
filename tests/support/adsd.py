"""A go-control-plane server (tests/support/peers/adsd) as a process."""
import json
import os
import subprocess
import threading

ADSD = os.environ.get("GW_PEERS", "") + "/adsd"


class Server:
    """The peer: takes snapshots, tells the node's requests."""

    def __init__(self, node="node-1"):
        self.process = subprocess.Popen([ADSD, "-node", node], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["listening"]
        self.requests = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.requests.append(json.loads(line))

    def serve(self, version, clusters, routes, port=0, **kw):
        wanted = {"version": version, "port": port, "clusters": clusters, "routes": routes, **kw}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()

    def acknowledged(self, type_url, version):
        return any(r["type"] == type_url and r["version"] == version and r["nonce"] and not r["error"] for r in self.requests)

    def refusals(self, type_url):
        return [r["error"] for r in self.requests if r["type"] == type_url and r["error"]]

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(10)
