"""Generates byte streams of HTTP/1 messages: from the grammar, with what clients and attackers vary, then mutated. Seeded: the same every time."""
import random

METHODS = [b"GET"] * 6 + [b"POST"] * 4 + [b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"M-SEARCH"]
ODD_METHODS = [b"get", b"FOO", b"X!#$%&'*+-.^_`|~9", b"CONNECT", b"TRACE", b"PRI", b"G(T", b""]
TARGETS = [b"/", b"/a/b?c=d", b"/%41%2f..", b"/a;b=c,d", b"//x", b"http://a/x?y", b"/~u/(1)!*'"]
ODD_TARGETS = [
    b"*", b"http://a", b"http://b/", b"https://a:1/", b"a", b"/a#b", b"/\xc3\xa4", b"/a b", b"", b"/\x01", b"a:80", b"?x", b"/\"<>\\^`{|}",
    b"http://u@a/",
]
VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0"]
ODD_VERSIONS = [
    b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"HTTP/1.10", b"HTTP/11", b"HTTP/1", b"", b"HTTP/ 1.1", b"ICE/1.0", b"HTTP/1.1 ",
    b"HTTP/3.7",
]
HOSTS = [b"a"] * 6 + [b"a.example:8080", b"[::1]:80", b"127.0.0.1"]
ODD_HOSTS = [b"", b"b", b"a b", b"u@a", b"a,b", b"a/", b"a:", b"a:99999", b"\xc3\xa4", b"[::1", b"a\x00b"]
FIELDS = [
    b"Accept: */*", b"User-Agent:  x y ", b"X-Empty:", b"x_under:\ta\t", b"X-Obs: \xe4\xff", b"Cookie: a=b; c=\"d\"", b"TE: trailers",
    b"Expect: 100-continue", b"Connection: keep-alive", b"Connection: X-A, x-b", b"X-A: 1", b"!#$%&'*+-.^_`|~: tokens", b"Via: 1.1 p",
    b"Trailer: X-Sum", b"X-Colon: a:b: c",
]
RARE_FIELDS = [
    b"Connection: close", b"Connection: upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"Proxy-Connection: close",
    b"Keep-Alive: timeout=5",
]
ODD_FIELDS = [
    b"Host: b", b"Host : a", b"Content-Length : 5", b"Content-Length: 5", b"Content-Length: +5", b"Content-Length: 5, 5",
    b"Content-Length: 0x5", b"Content-Length:", b"Content-Length: 1_0", b"Content-Length: 5 5", b"Content-Length: 99999999999999999999",
    b"Content-Length: 00000000000000000000005", b"Content-Length: -1", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: ,chunked", b"Transfer-Encoding:",
    b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: identity", b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked",
    b" folded: x", b"\tfolded", b": empty", b"no colon", b"X\x00: a", b"X: a\x00b", b"X: a\x01", b"X: a\x7f", b"X: a\rb", b"X: a\nY: b",
    b"X\xe4: a", b"X Y: a", b"X(: a", b"\"q\": a", b"X: a\r", b"", b"X: \x85a\xa0", b"Expect: 200-ok", b"X: a\x0b", b"X: a\x0cb",
]
LENGTHS = [b"Content-Length: %d", b"content-length:%d", b"CONTENT-LENGTH: \t%d ", b"Content-Length: 0%d"]
ODD_LENGTHS = [
    b"Content-Length: %d\t", b"Content-Length: %d \t ", b"Content-Length:\t%d", b"Content-Length: %d,", b"Content-Length: %d;",
    b"Content-Length: %d\x00",
]
CODINGS = [b"Transfer-Encoding: chunked", b"transfer-encoding:Chunked ", b"Transfer-Encoding: CHUNKED"]
ODD_CODINGS = [
    b"Transfer-Encoding: chunked\t", b"Transfer-Encoding: chunked \t ", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked\x00",
]
SIZES = [1, 2, 3, 7, 16, 17, 255]
ODD_SIZES = [
    b"0x3", b"+3", b"-3", b" 3", b"3 ", b"3\t", b"", b"g", b"0_3", b"3h", b"00000000000000003", b"0000000000000000000000000003",
    b"ffffffffffffffff", b"8000000000000000", b"10000000000000003", b"3.0", b"3\x00", b"3\r", b"3\n",
]
EXTENSIONS = [b"", b"", b"", b";a", b";a=b", b";a=\"b c\"", b";a;b=c;d=\"\\\"\""]
ODD_EXTENSIONS = [
    b";", b" ;a", b"; a", b";a =b", b";a=\"b", b";a=\"\r\n\"", b";a\nb", b";a\rb", b";a\x01", b";\xe4", b";a=(", b" a", b";a=b c",
    b";a=\"b\"c",
]
TRAILERS = [b"X-Sum: 1", b"Grpc-Status: 0", b"X-Empty:"]
ODD_TRAILERS = [
    b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: b", b"X : a", b" fold", b"no colon", b"X: a\nY: b", b"X: a\rb",
    b"X: \x00", b": a", b"Content-Length: x",
]
STATUSES = [b"200 OK"] * 8 + [
    b"404 Not Found", b"204 No Content", b"304 Not Modified", b"500 ", b"299 \xe4", b"205 Reset Content",
    b"101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket",
]
ODD_STATUSES = [
    b"200", b"99 X", b"1000 X", b"2x0 X", b" 200 OK", b"200  OK", b"200\tOK", b"200 O\x01K", b"200 O\rK", b"600 X", b"000 X", b"-200 OK",
    b"",
]
INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
]
ODD_INTERIM = [
    b"HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n", b"HTTP/1.1 102 P\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 100 Continue\n\n", b"\r\n",
]
BYTES = [
    b"\r", b"\n", b"\r\n", b"\x00", b" ", b"\t", b":", b",", b";", b"\"", b"\x0b", b"\x7f", b"\x80", b"\xff", b"0", b"5", b"a", b"-", b"_",
    b"#", b"/", b"\r\n\r\n",
]


class Generator:
    """One in `oddity` choices is an odd one; of the streams, one in three is mutated besides."""

    def __init__(self, seed, oddity=40):
        self.random, self.oddity = random.Random(seed), oddity

    def pick(self, usual, odd):
        return self.random.choice(odd if self.random.randrange(self.oddity) == 0 else usual)

    def line_end(self):
        return self.pick([b"\r\n"], [b"\n", b"\r", b"\r\r\n", b" \r\n", b"\n\r"])

    def fields(self):
        chosen = [self.random.choice(FIELDS) for _ in range(self.random.randrange(4))]
        if self.random.randrange(8) == 0:
            chosen += self.random.sample(RARE_FIELDS, self.random.choice([1, 1, 2]))
        if self.random.randrange(self.oddity // 4) == 0:
            chosen.append(self.random.choice(ODD_FIELDS))
        self.random.shuffle(chosen)
        return chosen

    def chunked(self):
        out = b""
        for _ in range(self.random.randrange(3)):
            data = bytes(self.random.choice(b"abc0\r\n") for _ in range(self.random.choice(SIZES)))
            size = self.random.choice([b"%x", b"%X", b"0%x", b"000%x"]) % len(data)
            out += self.pick([size], ODD_SIZES) + self.pick(EXTENSIONS, ODD_EXTENSIONS) + self.line_end() + data + self.line_end()
        out += self.pick([b"0", b"0", b"00"], ODD_SIZES) + self.pick(EXTENSIONS, ODD_EXTENSIONS) + self.line_end()
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            out += self.pick(TRAILERS, ODD_TRAILERS) + self.line_end()
        return out + self.line_end()

    def framing(self):
        """Field lines and the body that they announce, as a rule."""
        kind = self.random.randrange(6)
        if kind < 2:
            return [], b""
        if kind < 4:
            body = bytes(self.random.choice(b"xyz\r\n") for _ in range(self.random.choice([0, 1, 5, 30])))
            said = self.pick([len(body)], [len(body) + 1, max(len(body) - 1, 0)])
            return [self.pick(LENGTHS, ODD_LENGTHS) % said], body
        return [self.pick(CODINGS, ODD_CODINGS)], self.chunked()

    def message(self, first_line, fields):
        framing, body = self.framing()
        lines = fields + self.fields()
        for line in framing:
            lines.insert(self.random.randrange(len(lines) + 1), line)
        return first_line + self.line_end() + b"".join(line + self.line_end() for line in lines) + self.line_end() + body

    def request(self):
        method, target, version = self.pick(METHODS, ODD_METHODS), self.pick(TARGETS, ODD_TARGETS), self.pick(VERSIONS, ODD_VERSIONS)
        space = self.pick([b" "], [b"  ", b"\t", b"", b"\x0b"])
        host = [b"Host: " + self.pick(HOSTS, ODD_HOSTS)]
        if self.random.randrange(self.oddity) == 0:
            host = self.random.choice([[], host * 2])
        if target.startswith(b"http"):
            host = [b"Host: a"]
        before = self.pick([b""], [b"\r\n", b"\n", b"\r\n\r\n", b" "])
        return before + self.message(method + space + target + b" " + version, host)

    def requests(self):
        return self.mutated(b"".join(self.request() for _ in range(self.random.choice([1, 1, 2, 3]))))

    def response(self):
        interim = b""
        while self.random.randrange(6) == 0:
            interim += self.pick(INTERIM, ODD_INTERIM)
        return self.mutated(interim + self.message(self.pick(VERSIONS, ODD_VERSIONS) + b" " + self.pick(STATUSES, ODD_STATUSES), []))

    def mutated(self, data):
        for _ in range(self.random.choice([0, 0, 0, 0, 1, 2])):
            data = self.mutate(data)
        return data

    def mutate(self, data):
        at = self.random.randrange(len(data) + 1)
        kind = self.random.randrange(5)
        if kind == 0:
            return data[:at] + self.random.choice(BYTES) + data[at:]
        if kind == 1:
            return data[:at] + data[at + self.random.choice([1, 1, 2]):]
        if kind == 2:
            return data[:at] + self.random.choice(BYTES) + data[at + 1:]
        if kind == 3:
            return data[:at]
        lines = data.split(b"\r\n")  # one is doubled, moved or lost
        line = lines.pop(self.random.randrange(len(lines)))
        for _ in range(self.random.randrange(3)):
            lines.insert(self.random.randrange(len(lines) + 1), line)
        return b"\r\n".join(lines)
