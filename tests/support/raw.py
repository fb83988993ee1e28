"""Requests as bytes: for what an HTTP library would not send."""
import socket


class RawAnswer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


def exchange(port, data, seconds=30, method="GET"):
    """Sends the bytes on a fresh connection and reads one answer; None when the connection closed without one."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(data)
        return read_answer(connection.makefile("rb"), method)


def read_answer(stream, method="GET"):
    while True:
        line = stream.readline()
        if not line:
            return None
        status = int(line.split()[1])
        headers = []
        while (field := stream.readline()) not in (b"\r\n", b""):
            key, _, value = field.decode("latin-1").partition(":")
            headers.append((key, value.strip()))
        if status >= 200 or status == 101:
            break
    fields = {key.lower(): value for key, value in headers}
    body = b""
    if method != "HEAD" and status not in (101, 204, 304):
        if fields.get("transfer-encoding", "").lower() == "chunked":
            while (size := int(stream.readline().split(b";")[0], 16)) > 0:
                body += stream.read(size)
                stream.readline()
            stream.readline()
        elif "content-length" in fields:
            body = stream.read(int(fields["content-length"]))
        else:
            body = stream.read()
    return RawAnswer(status, headers, body)
