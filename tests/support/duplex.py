"""One request whose body and answer go at the same time, piece by piece, in HTTP/1.1 or HTTP/2: what client libraries wait with."""
import socket

from .h2_client import SECONDS, H2Client


def open_duplex(place, client, path, method="POST"):
    return (H2Duplex if "h2" in client else H1Duplex)(*place, path, method)


class H1Duplex:
    def __init__(self, port, tls, path, method):
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="a.test")
        head = f"{method} {path} HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: TE\r\n"
        self.socket.sendall((head + ("Transfer-Encoding: chunked\r\n\r\n" if method == "POST" else "\r\n")).encode())
        self.stream, self.data, self.status = self.socket.makefile("rb"), b"", None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def wait_for_head(self):
        self.status = int(self.stream.readline().split()[1])
        self.headers = self._fields()
        return self.status

    def _fields(self):
        fields = {}
        while (line := self.stream.readline().strip()):
            key, _, value = line.decode("latin-1").partition(":")
            fields[key.lower()] = value.strip()
        return fields

    def send(self, data):
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def receive(self, size):
        """That many bytes, and no byte more is waited for."""
        while len(self.data) < size:
            self._chunk()
        data, self.data = self.data[:size], self.data[size:]
        return data

    def _chunk(self):
        length = int(self.stream.readline().split(b";")[0], 16)
        if length == 0:
            return False
        self.data += self.stream.read(length)
        self.stream.readline()
        return True

    def end(self):
        self.socket.sendall(b"0\r\n\r\n")

    def rest(self):
        """What is left of the answer, and its trailers."""
        while self._chunk():
            pass
        return self.data, self._fields()


class H2Duplex:
    def __init__(self, port, tls, path, method):
        self.client, self.taken = H2Client(port, tls), 0
        self.stream = self.client.request(path, method=method, headers=[("te", "trailers")], ends=method != "POST")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.__exit__()

    def wait_for_head(self):
        self.client.wait(lambda: self.stream.headers, "the answer's head")
        self.headers = dict(self.stream.headers)
        return self.stream.status

    def send(self, data):
        self.client.send(self.stream, data)

    def receive(self, size):
        self.client.wait(lambda: len(self.stream.data) >= self.taken + size, "data")
        data = self.stream.data[self.taken:self.taken + size]
        self.taken += size
        return data

    def end(self):
        self.client.end(self.stream)

    def rest(self):
        self.client.finish(self.stream)
        assert self.stream.has_ended
        return self.stream.data[self.taken:], dict(self.stream.trailers)
