"""Constant load, to see whether something that happens meanwhile is felt."""
import asyncio
import threading


class Load:
    """Keep-alive clients that never stop asking; every answer that is not 200, and every reset, is a failure."""

    def __init__(self, port, paths, clients=8):
        self.port, self.paths, self.done, self.failures, self._stop = port, paths, 0, [], False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(clients)), daemon=True)
        self._thread.start()

    async def _run(self, clients):
        await asyncio.gather(*(self._client(n) for n in range(clients)))

    async def _client(self, number):
        while not self._stop:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                for turn in range(200):
                    if self._stop:
                        break
                    path = self.paths[(number + turn) % len(self.paths)]
                    await self._one(reader, writer, path)
            except (ConnectionError, asyncio.IncompleteReadError, ValueError, IndexError) as problem:
                self.failures.append(repr(problem))
            finally:
                writer.close()

    async def _one(self, reader, writer, path):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: load.test\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status = int(head.split()[1])
        length = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length"))
        body = await reader.readexactly(length)
        self.done += 1
        if status != 200:
            self.failures.append(f"{path}: {status} {body[:200]}")

    def stop(self):
        self._stop = True
        self._thread.join(30)
