"""Backends for tests: real HTTP/1.1 servers on loopback, in a thread, that answer as the path asks and remember what they saw."""
import asyncio
import json
import threading


class Seen:
    """One request as it came over the wire."""

    def __init__(self, method, target, version, headers, body):
        self.method, self.target, self.version, self.headers, self.body = method, target, version, headers, body

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Backend:
    """Answers 200 with JSON {"backend", "method", "target", "headers", "body"}. Paths (anywhere in the target) that ask for more:

    /status/N: that status · /bytes/N: N bytes · /chunked/N: N bytes in chunks · /delay/MS: waits first · /close: no Content-Length, closes ·
    /reset: closes without an answer · /half: closes in the middle of the body
    """

    keeps = True  # its connections; else it says that it does not

    def __init__(self, name="backend", port=0):
        self.name, self.requests, self.connections = name, [], 0
        self._loop = asyncio.new_event_loop()
        started = threading.Event()

        def run():
            asyncio.set_event_loop(self._loop)
            self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", port, backlog=1024, limit=1 << 20))
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert started.wait(10), "backend did not start"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        async def close():
            self._server.close()
            tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._loop.call_soon(self._loop.stop)

        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(close(), self._loop)
            self._thread.join(10)
            self._loop.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _body(self, reader, writer, headers):
        fields = {key.lower(): value for key, value in headers}
        if fields.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in fields.get("transfer-encoding", "").lower():
            body = b""
            while True:
                size = int((await reader.readline()).split(b";")[0], 16)
                data = await reader.readexactly(size + 2)
                if size == 0:
                    return body
                body += data[:-2]
        return await reader.readexactly(int(fields.get("content-length", "0")))

    async def _one(self, reader, writer):
        line = await reader.readuntil(b"\r\n")
        method, target, version = line.decode("latin-1").split()
        headers = []
        while (field := await reader.readuntil(b"\r\n")) != b"\r\n":
            key, _, value = field.decode("latin-1").partition(":")
            headers.append((key, value.strip()))
        body = await self._body(reader, writer, headers)
        self.requests.append(Seen(method, target, version, headers, body))
        words = target.partition("?")[0].split("/")
        ask = {word: words[i + 1] for i, word in enumerate(words[:-1])}
        if "delay" in ask:
            await asyncio.sleep(int(ask["delay"]) / 1000)
        if "reset" in words:
            writer.transport.abort()
            return False
        return await self._answer(writer, method, target, headers, body, words, ask)

    async def _answer(self, writer, method, target, headers, body, words, ask):
        status = int(ask.get("status", 200))
        if "bytes" in ask or "chunked" in ask:
            data = b"x" * int(ask.get("bytes", ask.get("chunked")))
        else:
            data = json.dumps({"backend": self.name, "method": method, "target": target, "headers": headers,
                               "body": body.decode("latin-1")}).encode()
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nX-Backend: {self.name}\r\n"
        if not self.keeps:
            head += "Connection: close\r\n"
        if status in (204, 304):
            writer.write(head.encode() + b"\r\n")
        elif "chunked" in ask:
            writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(data), 1000):
                piece = data[at : at + 1000]
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            writer.write(b"0\r\n\r\n")
        elif "close" in words:
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + data)
        else:
            shown = b"" if method == "HEAD" else data[: len(data) // 2] if "half" in words else data
            writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(data) + shown)
        await writer.drain()
        return "close" not in words and "half" not in words
