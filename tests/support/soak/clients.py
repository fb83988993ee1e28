"""The soak's clients of one data plane: each asks at a steady rate until SIGTERM comes, and judges every answer. Usage: clients.py SPEC.json

Standard output: a line of JSON for each answer that is not as it should be, and one of totals at the end.
"""
import asyncio
import json
import random
import signal
import ssl
import sys
import time

import websockets
from connections import H1, H2, PATIENCE_S, FreshH1
from kinds import KINDS, Asked, problem_of

# (connection, over TLS, connections, requests on each at the same time, requests a second of each of these)
CLIENTS = [(H1, False, 8, 1, 15), (H2, True, 2, 4, 10), (FreshH1, True, 1, 1, 2)]
LIMITED_PER_S = 20
WEBSOCKETS, MESSAGES_PER_S = 2, 1  # in plaintext, and as many over TLS


class Clients:
    def __init__(self, spec):
        self.spec, self.end = spec, asyncio.Event()
        self.tls = ssl.create_default_context(cafile=spec["ca"])
        self.tls.set_alpn_protocols(["h2"])
        self.tls_h1 = ssl.create_default_context(cafile=spec["ca"])
        self.counts, self.slowest_ms, self.messages, self.edits = {}, {}, 0, {}

    async def run(self):
        shares = [kind for kind in KINDS.values() for _ in range(kind.share)]
        jobs = [self.keep_asking(H1(self.spec["plain"]), [KINDS["limited"]], LIMITED_PER_S)]
        for make, is_tls, connections, at_once, rate in CLIENTS:
            context = (self.tls if make is H2 else self.tls_h1) if is_tls else None
            for _ in range(connections):
                connection = make(self.spec["tls" if is_tls else "plain"], context)
                jobs += [self.keep_asking(connection, shares, rate) for _ in range(at_once)]
        for _ in range(WEBSOCKETS):
            jobs += [self.talk(f"ws://127.0.0.1:{self.spec['plain']}/talk", None), self.talk(f"wss://127.0.0.1:{self.spec['tls']}/talk", self.tls_h1)]
        await asyncio.gather(*jobs)
        print(json.dumps({"counts": self.counts, "slowest_ms": self.slowest_ms, "messages": self.messages, "edits": self.edits}), flush=True)

    async def beats(self, rate):
        """So many a second, of which late ones follow at once, until the end."""
        at = time.monotonic() + random.random() / rate
        while not self.end.is_set():
            try:
                async with asyncio.timeout(max(0.0, at - time.monotonic())):
                    await self.end.wait()
            except TimeoutError:
                at += 1 / rate
                yield

    async def keep_asking(self, connection, kinds, rate):
        async for _ in self.beats(rate):
            await self.one(connection, random.choice(kinds))

    async def one(self, connection, kind):
        asked, begin = Asked(kind, self.spec["node"], self.spec["credentials"]), time.time()
        answer = await connection.ask(asked)
        end, problem = time.time(), problem_of(asked, answer)
        by_status = self.counts.setdefault(kind.name, {})
        by_status[answer.status] = by_status.get(answer.status, 0) + 1
        self.slowest_ms[kind.name] = max(self.slowest_ms.get(kind.name, 0), round(1000 * (end - begin)))
        if problem:
            self.tell(begin, kind.name, problem, path=asked.path, by=type(connection).__name__, status=answer.status, headers=answer.headers,
                      body=answer.body[:200].decode("latin-1"))
        elif "x-edit" in answer.headers:
            first, last = self.edits.get(answer.headers["x-edit"], (end, begin))
            self.edits[answer.headers["x-edit"]] = min(first, end), max(last, begin)

    async def talk(self, url, tls):
        begin = time.time()
        try:
            async with websockets.connect(url, ssl=tls, server_hostname="a.test" if tls else None, ping_interval=None, open_timeout=PATIENCE_S) as socket:
                async for _ in self.beats(MESSAGES_PER_S):
                    begin, text = time.time(), f"{random.random()}"
                    await socket.send(text)
                    assert await asyncio.wait_for(socket.recv(), PATIENCE_S) == text, "another echo"
                    self.messages += 1
        except (OSError, TimeoutError, AssertionError, websockets.WebSocketException) as trouble:
            self.tell(begin, "talk", f"{type(trouble).__name__}: {trouble}", path="/talk", by="WebSocket", status=0)

    def tell(self, begin, kind, problem, **more):
        print(json.dumps({"begin": begin, "end": time.time(), "node": self.spec["node"], "kind": kind, "problem": problem, **more}), flush=True)


async def main(spec):
    clients = Clients(spec)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, clients.end.set)
    await clients.run()


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        asyncio.run(main(json.load(file)))
