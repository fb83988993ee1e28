"""A Kubernetes Service on one machine, as far as its traffic sees it: the address translation of kube-proxy (nftables, a random endpoint for each
new connection), readiness probes as the kubelet's, and endpoints that follow both with a delay, as they do in a cluster. What it is not: no API
server, no scheduler; the test itself says which pods are to be there."""
import asyncio
import http.client
import threading
import time

from .gateway import wait_until

ADDRESS, PORT = "10.96.0.1", 80


class Service:
    def __init__(self, net, target_port, status_port, lag_s, probe_every_s=0.2):
        self.node, self.target_port, self.status_port, self.lag_s, self.every_s = net.node, target_port, status_port, lag_s, probe_every_s
        self.pods, self.live, self._stop, self._lock = [], (), threading.Event(), threading.Lock()
        self._write(())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, address):
        with self._lock:
            self.pods.append(address)

    def remove(self, address):
        """As when a pod is deleted: it leaves the endpoints, after the same delay, whatever its probe says."""
        with self._lock:
            self.pods.remove(address)

    def is_live(self, address):
        return address in self.live

    def _run(self):
        """The kubelet and kube-proxy: probes, and rules that are `lag_s` behind them."""
        self.node.enter()
        wanted = []  # (when, endpoints)
        while not self._stop.wait(self.every_s):
            with self._lock:
                pods = list(self.pods)
            endpoints = tuple(address for address in pods if self._probe(address))
            if endpoints != (wanted[-1][1] if wanted else self.live):
                wanted.append((time.monotonic() + self.lag_s, endpoints))
            while wanted and wanted[0][0] <= time.monotonic():
                self._write(wanted.pop(0)[1])

    def _probe(self, address):
        connection = http.client.HTTPConnection(address, self.status_port, timeout=1)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _write(self, endpoints):
        """Connections that are there already keep their endpoint, as the kernel remembers each."""
        choice = ", ".join(f"{number} : {address} . {self.target_port}" for number, address in enumerate(endpoints))
        rule = f"dnat ip to numgen random mod {len(endpoints)} map {{ {choice} }}" if endpoints else "drop"
        self.node.run("nft", "-f", "-", text=f"""
            table ip service {{}}
            delete table ip service
            table ip service {{
              chain services {{
                type nat hook prerouting priority dstnat; policy accept;
                ip daddr {ADDRESS} tcp dport {PORT} {rule}
              }}
            }}""")
        self.live = endpoints

    def stop(self):
        self._stop.set()
        self._thread.join(10)


class Clients:
    """In a namespace of their own: half of them keep their connection for 100 requests, half make one for each. They do as HTTP/1.1 says, and no
    more: who was told `Connection: close` goes away, nobody asks again. Whatever is no 200 is a failure."""

    def __init__(self, space, count=16, path="/demo"):
        self.space, self.path, self.failures, self.done, self._stop = space, path, [], 0, False
        self._thread = threading.Thread(target=self._run, args=(count,), daemon=True)
        self._thread.start()

    def _run(self, count):
        self.space.enter()
        asyncio.run(self._all(count))

    async def _all(self, count):
        await asyncio.gather(*(self._client(100 if number % 2 else 1) for number in range(count)))

    async def _client(self, turns):
        while not self._stop:
            sent, writer = 0, None
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection(ADDRESS, PORT), 10)
                while sent < turns and not self._stop:
                    sent += 1
                    if await asyncio.wait_for(self._one(reader, writer, sent == turns), 10):
                        break
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as problem:
                self.failures.append(f"request {sent} of a connection: {problem!r}")
            finally:
                if writer:
                    writer.close()

    async def _one(self, reader, writer, is_last):
        """Whether the connection is over."""
        close = "Connection: close\r\n" if is_last else ""
        writer.write(f"GET {self.path} HTTP/1.1\r\nHost: load.test\r\n{close}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(head.split("content-length:")[1].split()[0]))
        self.done += 1
        if head.split()[1] != "200":
            self.failures.append(f"{head.splitlines()[0]}: {body[:200]}")
        return "connection: close" in head

    def run_on(self, count):
        """Until so many more requests were answered."""
        goal = self.done + count
        wait_until(lambda: self.done >= goal, f"{count} more requests", seconds=60, interval=0.02)

    def stop(self):
        self._stop = True
        self._thread.join(30)
