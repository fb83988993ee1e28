"""A go-control-plane server (tests/support/peers/adsd) as a process."""
import json
import os
import subprocess
import threading

ADSD = os.environ.get("GW_PEERS", "") + "/adsd"


class Server:
    """The peer: takes snapshots, tells the node's requests, and its own incremental responses."""

    def __init__(self, node="node-1", delta=True, listen="127.0.0.1:0"):
        self.process = subprocess.Popen([ADSD, "-node", node, f"-delta={str(delta).lower()}", "-listen", listen],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["listening"]
        self.is_delta, self.requests, self.sent = delta, [], []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            told = json.loads(line)
            (self.sent if "sent" in told else self.requests).append(told)

    def serve(self, version, clusters, routes, port=0, **kw):
        wanted = {"version": version, "port": port, "clusters": clusters, "routes": routes, **kw}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()

    def acknowledged(self, type_url, version):
        if self.is_delta:
            nonces = {s["nonce"] for s in self.sent if s["sent"] == type_url and s["version"] == version}
            return any(r["type"] == type_url and r["nonce"] in nonces and not r["error"] for r in self.requests)
        return any(r["type"] == type_url and r["version"] == version and r["nonce"] and not r["error"] for r in self.requests)

    def refusals(self, type_url):
        return [r["error"] for r in self.requests if r["type"] == type_url and r["error"]]

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(10)
