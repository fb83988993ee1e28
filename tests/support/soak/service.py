"""An instance of a service: tells who it is and what it was asked, as JSON. Usage: service.py NAME PORT

In a path: /bytes/N: N bytes that belong to this very path · /delay/MS: waits first. Of paths below /shaky an instance called "shaky" answers
every eighth 503."""
import asyncio
import hashlib
import json
import signal
import sys


def bytes_of(path, size):
    """What /bytes/N answers: no two paths have the same."""
    return (path.encode() * (size // len(path) + 1))[:size]


class Connection(asyncio.Protocol):
    shaky_count = 0

    def __init__(self, name):
        self.name, self.buffer = name, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) < int(fields.get("content-length", "0")):
            return
        self.buffer = b""  # one at a time: nobody sends ahead to a service
        method, path, _ = first.split()
        words = path.split("/")
        delay_ms = int(words[words.index("delay") + 1]) if "delay" in words else 0
        asyncio.get_running_loop().call_later(delay_ms / 1000, self.answer, method, path, words, fields, body)

    def answer(self, method, path, words, fields, body):
        status = 200
        if words[1] == "shaky" and self.name == "shaky":
            Connection.shaky_count += 1
            status = 503 if Connection.shaky_count % 8 == 0 else 200
        if "bytes" in words:
            data = bytes_of(path, int(words[words.index("bytes") + 1]))
        else:
            data = json.dumps({"instance": self.name, "method": method, "path": path, "user": fields.get("x-user-id"), "bytes": len(body),
                               "digest": hashlib.sha256(body).hexdigest()}).encode()
        self.transport.write(b"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data)


async def main(name, port):
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    await loop.create_server(lambda: Connection(name), "127.0.0.1", port, backlog=1024)
    await end.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
