"""A real Consul agent of a test's own, which can be stopped, paused and started again on the same port."""
import json
import os
import pathlib
import signal
import ssl
import urllib.error
import urllib.parse
import urllib.request

from .gateway import Program, wait_until
from .ports import free_port

CONSUL = pathlib.Path(os.environ.get("GW_PEERS", pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "gateway-tests/peers")) / "consul"


class Consul(Program):
    """In development mode: all is in memory, and gone after a restart. `token`: ACLs are on, and this one may do all. `pki`: HTTPS with its
    certificate "consul", for clients with a certificate of that CA. `dns`: a port for its DNS server."""

    def __init__(self, folder, port=None, name="consul", token=None, pki=None, dns=-1):
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.token, self.tls = port or free_port(), token, None
        ports = {"http": -1 if pki else self.port, "https": self.port if pki else -1, "grpc": -1, "dns": dns, **{n: free_port() for n in ("serf_lan", "serf_wan", "server")}}
        config = {"ports": ports, "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1", "disable_update_check": True, "limits": {"http_max_conns_per_client": 1000},
                  "dns_config": {"service_ttl": {"*": "1s"}, "node_ttl": "1s"}}
        if token:
            config["acl"] = {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": token, "agent": token}}
        if pki:
            config.update({"ca_file": str(pki.ca), "cert_file": str(pki.cert("consul")), "key_file": str(pki.key("consul")), "verify_incoming_https": True})
            self.tls = ssl.create_default_context(cafile=str(pki.ca))
            self.tls.load_cert_chain(pki.cert("client"), pki.key("client"))
        (folder / f"{name}.json").write_text(json.dumps(config))
        super().__init__(folder, name, [CONSUL, "agent", "-dev", "-config-file", folder / f"{name}.json"])
        self.expected_code = 1  # of an agent that does not leave its cluster on SIGTERM
        wait_until(self.has_leader, "a leader of Consul")

    @property
    def env(self):
        """What a control plane needs to find it."""
        return {"SERVICE_DISCOVERY_TYPE": "static,consul", "CONSUL_PORT": str(self.port)}

    def has_leader(self):
        assert self.is_running(), self.output()[-4000:]
        try:
            # The leader's address is there before its first transaction is.
            return self.get("/v1/status/leader") and self.get("/v1/catalog/nodes")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def call(self, method, path, body=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}{path}", data=data, method=method,
                                         headers={"X-Consul-Token": self.token} if self.token else {})
        with urllib.request.urlopen(request, timeout=10, context=self.tls) as answer:
            return answer.read()

    def get(self, path):
        return json.loads(self.call("GET", path) or b"null")

    def register(self, service, port, id=None, address="127.0.0.1", **more):
        """`more`: Tags, Weights, Check, as the API has them."""
        self.call("PUT", "/v1/agent/service/register", {"ID": id or f"{service}-{port}", "Name": service, "Address": address, "Port": port, **more})

    def deregister(self, id):
        self.call("PUT", f"/v1/agent/service/deregister/{id}")

    def set_check(self, id, status):
        """passing, warning or critical, of a check with a TTL."""
        self.call("PUT", f"/v1/agent/check/update/service:{id}", {"Status": status})

    def put(self, key, text):
        self.call("PUT", f"/v1/kv/{key}", text.encode())

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)
