"""Scenarios: what the proxy is asked to be (spec), what load is put on it (load),
and a functional check (verify) that runs before every measurement."""
import base64
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import statistics
import subprocess
import time

from contestants import base

HERE = os.path.dirname(os.path.abspath(__file__))
LUA = os.path.join(HERE, "lua")


class Failed(Exception):
    pass


AFTER = None                # called at the moment the load ends


# ---------------------------------------------------------------- helpers

class Ctx:
    """Per-invocation files: certificate, JWT material, scratch directory."""
    def __init__(self, tmp, quick):
        self.tmp, self.quick = tmp, quick
        self._tls = self._jwt = None

    def path(self, n):
        return os.path.join(self.tmp, n)

    def tls(self):
        if not self._tls:
            c, k, p = self.path("cert.pem"), self.path("key.pem"), self.path("both.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                            "-nodes", "-days", "30", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                            "-keyout", k, "-out", c], check=True, stderr=subprocess.DEVNULL)
            with open(p, "w") as f:
                f.write(open(c).read() + open(k).read())
            self._tls = dict(cert=c, key=k, pem=p)
        return self._tls

    def jwt(self):
        if not self._jwt:
            self._jwt = Jwt(self)
        return self._jwt


def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


class Jwt:
    """RS256 with a 2048-bit key; signing is done here with pow()."""
    iss, aud, kid = "https://issuer.bench", "bench", "k1"
    PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")

    def __init__(self, ctx):
        k, pub = ctx.path("rsa.pem"), ctx.path("rsa.pub.pem")
        subprocess.run(["openssl", "genrsa", "-out", k, "2048"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "rsa", "-in", k, "-pubout", "-out", pub], check=True, stderr=subprocess.DEVNULL)
        t = subprocess.run(["openssl", "rsa", "-in", k, "-noout", "-text"], check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()

        def num(name):
            m = re.search(name + r":\s*\n((?:\s+[0-9a-f:]+\n)+)", t)
            return int(re.sub(r"[\s:]", "", m.group(1)), 16)
        self.n, self.d = num("modulus"), num("privateExponent")
        self.pub = pub
        self.jwks = json.dumps({"keys": [{"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256",
                                          "n": b64(self.n.to_bytes(256, "big")), "e": "AQAB"}]})
        self.jwks_file = ctx.path("jwks.json")
        with open(self.jwks_file, "w") as f:
            f.write(self.jwks)

    def token(self, sub, role, ttl=86400):
        now = int(time.time())
        h = b64(json.dumps({"alg": "RS256", "typ": "JWT", "kid": self.kid}).encode())
        p = b64(json.dumps({"iss": self.iss, "aud": self.aud, "sub": sub, "role": role, "iat": now,
                            "exp": now + ttl, "scope": "read write"}).encode())
        m = (h + "." + p).encode()
        em = self.PREFIX + hashlib.sha256(m).digest()
        em = b"\0\1" + b"\xff" * (256 - 3 - len(em)) + b"\0" + em
        return h + "." + p + "." + b64(pow(int.from_bytes(em, "big"), self.d, self.n).to_bytes(256, "big"))


def run_load(argv, seconds, log):
    """Runs a load generator on the load CPU; returns (stdout+stderr, its CPU in us)."""
    open(log, "w").close()
    p = base.Proc(argv, base.LOAD_CPU, log)
    end = time.time() + seconds + 15
    try:
        while True:
            pid, st, ru = os.wait4(p.pid, os.WNOHANG)
            if pid:
                p.p.returncode = os.waitstatus_to_exitcode(st)
                if AFTER:
                    AFTER()
                break
            if time.time() > end:
                raise Failed("load generator did not end: " + " ".join(argv[:8]))
            time.sleep(0.01)
        out = p.tail(20000)
        if p.p.returncode:
            raise Failed("%s: exit %d: %s" % (argv[0], p.p.returncode, out[-400:]))
        return out, (ru.ru_utime + ru.ru_stime) * 1e6
    finally:
        p.stop(0.5)


def wrk(ctx, url, seconds, conns, script="common.lua", headers=(), args=()):
    argv = ["wrk", "-t1", "-c%d" % conns, "-d%ds" % seconds, "--timeout", "5s", "-s", os.path.join(LUA, script)]
    for h in headers:
        argv += ["-H", h]
    out, cpu = run_load(argv + [url] + (["--"] + list(args) if args else []), seconds, ctx.path("load.log"))
    m = re.search(r"@@(\{.*\})", out)
    if not m:
        raise Failed("wrk: " + out[-300:])
    r = json.loads(m.group(1))
    r["errors"] = sum(r.pop(k) for k in list(r) if k.startswith("e_"))
    r["load_cpu_us"] = cpu
    return r


def h2load(ctx, url, seconds, conns, streams, extra=()):
    lat = ctx.path("h2load.lat")
    if os.path.exists(lat):
        os.unlink(lat)
    argv = ["h2load", "-t1", "-c%d" % conns, "-m%d" % streams, "-D", str(seconds), "--log-file=" + lat]
    out, cpu = run_load(argv + list(extra) + [url], seconds, ctx.path("load.log"))
    m = re.search(r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, "
                  r"(\d+) timeout", out)
    if not m:
        raise Failed("h2load: " + out[-300:])
    ok, bad = int(m.group(4)), int(m.group(5)) + int(m.group(7))
    n2 = int(re.search(r"status codes: (\d+) 2xx", out).group(1))
    vals, mx = [], 0
    with open(lat, "rb") as f:
        data = f.read()
    os.unlink(lat)
    lines = data.split(b"\n")
    for ln in lines[::max(1, len(lines) // 200000)]:
        c = ln.split(b"\t")
        if len(c) >= 3:
            vals.append(int(c[2]))
    vals.sort()
    if not vals or not ok:
        raise Failed("h2load: no requests done: " + out[-300:])
    dur = re.search(r"finished in ([0-9.]+)(us|ms|s)", out)
    return {"requests": ok, "errors": bad + max(0, ok - n2), "load_cpu_us": cpu,
            "duration_us": float(dur.group(1)) * {"us": 1, "ms": 1e3, "s": 1e6}[dur.group(2)],
            "p50_us": vals[len(vals) // 2], "p99_us": vals[int(len(vals) * 0.99)],
            "mean_us": statistics.fmean(vals), "max_us": vals[-1]}


def get(port, path, headers=None, tls=False):
    if tls:
        cx = ssl._create_unverified_context()
        c = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=cx)
    else:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        c.request("GET", path, headers=headers or {})
        r = c.getresponse()
        return r.status, len(r.read())
    finally:
        c.close()


def expect(got, want, what):
    if got != want:
        raise Failed("%s: got %r, want %r" % (what, got, want))


def h2_check(url, extra=()):
    r = subprocess.run(["h2load", "-n40", "-c2", "-m10"] + list(extra) + [url], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=20).stdout.decode()
    if "40 2xx" not in r:
        raise Failed("h2 check: " + r[-500:])


def tls_info(port, alpn):
    cx = ssl._create_unverified_context()
    cx.set_alpn_protocols(alpn)
    with socket.create_connection(("127.0.0.1", port), 5) as s, cx.wrap_socket(s) as t:
        return "%s %s %s" % (t.version(), t.cipher()[0], t.selected_alpn_protocol())


# ---------------------------------------------------------------- scenarios

class Scenario:
    id = title = None
    unit_bytes = 0              # payload bytes per request, for MiB figures
    h2_body = 1024              # body of the backend's h2c answers

    def spec(self, ctx):
        return {}

    def direct_spec(self, ctx):
        """for direct and null: what the backend itself must speak"""
        return {}

    def verify(self, ctx, port, c):
        expect(get(port, "/b/1024"), (200, 1024), "GET /b/1024")

    def load(self, ctx, port, seconds, c):
        raise NotImplementedError


class S1(Scenario):
    id, title = "S1", "HTTP/1.1 keep-alive, 64 connections, 1 KiB responses"

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "http://127.0.0.1:%d/b/1024" % port, seconds, 64)


class S1L(Scenario):
    id, title = "S1L", "as S1 with one connection: unloaded latency"

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "http://127.0.0.1:%d/b/1024" % port, seconds, 1)


class S2(Scenario):
    id = "S2"
    title = "gateway work: 100 routes, RS256 JWT (200 tokens), role per route, rate limit; 64 connections"
    cache = False

    def material(self, ctx):
        j = ctx.jwt()
        if not hasattr(ctx, "s2"):
            paths = ["/api/v1/service-%02d/" % i for i in range(100)]
            role_of = {p: "role%d" % (i % 4) for i, p in enumerate(paths)}
            toks = [j.token("user-%d" % i, "role%d" % (i % 4)) for i in range(200)]
            f = ctx.path("s2.list")
            with open(f, "w") as o:
                for k in range(2000):
                    i = (k * 37) % 100                  # route
                    t = (k * 53) % 50 * 4 + i % 4       # a token with the role of that route
                    o.write("%sitems/%d\t%s\n" % (paths[i], k, toks[t]))
            ctx.s2 = (paths, role_of, toks, f)
        return ctx.s2

    def spec(self, ctx):
        j = ctx.jwt()
        paths, role_of, _, _ = self.material(ctx)
        return {"routes": [("prefix", p) for p in paths], "jwt_cache": self.cache,
                "auth": base.Auth(j.iss, j.aud, j.jwks, j.jwks_file, j.pub, role_of)}

    def verify(self, ctx, port, c):
        paths, _, toks, _ = self.material(ctx)
        a = lambda t: {"Authorization": "Bearer " + t}
        expect(get(port, paths[5] + "x", a(toks[1])), (200, 1024), "good token")
        expect(get(port, paths[5] + "x", a(toks[5]))[0], 200, "good token, again")
        expect(get(port, paths[5] + "x")[0], 401, "no token")
        bad = toks[1][:-12] + ("A" * 8 if toks[1][-12:-4] != "A" * 8 else "B" * 8) + toks[1][-4:]
        expect(get(port, paths[5] + "x", a(bad))[0], 401, "bad signature")
        expect(get(port, paths[5] + "x", a(ctx.jwt().token("u", "role1", -3600)))[0], 401, "expired token")
        expect(get(port, paths[5] + "x", a(toks[2]))[0], 403, "wrong role")
        expect(get(port, "/nowhere", a(toks[1]))[0] in (403, 404), True, "unknown route")

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "http://127.0.0.1:%d/" % port, seconds, 64, "list.lua", args=[self.material(ctx)[3]])


class S2c(S2):
    id, title, cache = "S2c", "as S2 with the proxy's cache of verified tokens switched on", True


class S2p(S2):
    id, title = "S2p", "the same requests, and none of that is asked of them"

    def spec(self, ctx):
        return {"routes": [("prefix", p) for p in self.material(ctx)[0]]}

    def verify(self, ctx, port, c):
        expect(get(port, self.material(ctx)[0][5] + "x"), (200, 1024), "no token")


class S3(Scenario):
    id, title = "S3", "HTTP/2 cleartext (8 connections x 32 streams), HTTP/1.1 upstream, 1 KiB"

    def spec(self, ctx):
        return {"down": "h2c"}

    def verify(self, ctx, port, c):
        h2_check("http://127.0.0.1:%d/b/1024" % port)

    def load(self, ctx, port, seconds, c):
        return h2load(ctx, "http://127.0.0.1:%d/b/1024" % port, seconds, 8, 32)


class S4h2(Scenario):
    id, title = "S4h2", "TLS 1.3 + HTTP/2 (8 x 32), HTTP/1.1 upstream, 1 KiB, ECDSA P-256"

    def spec(self, ctx):
        return dict(ctx.tls(), down="tls")

    def verify(self, ctx, port, c):
        expect(get(port, "/b/1024", tls=True), (200, 1024), "GET over TLS")
        h2_check("https://127.0.0.1:%d/b/1024" % port)
        self.note = tls_info(port, ["h2", "http/1.1"])
        expect(self.note.split()[0], "TLSv1.3", "TLS version")

    def load(self, ctx, port, seconds, c):
        return h2load(ctx, "https://127.0.0.1:%d/b/1024" % port, seconds, 8, 32)


class S4h1(S4h2):
    id, title = "S4h1", "TLS 1.3 + HTTP/1.1 keep-alive, 64 connections, 1 KiB, ECDSA P-256"

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "https://127.0.0.1:%d/b/1024" % port, seconds, 64)


class S5(Scenario):
    id, title = "S5", "10,000 routes (5,000 exact, 5,000 prefix), requests spread over all; 64 connections"
    n = 10000

    def spec(self, ctx):
        h = self.n // 2
        return {"routes": [("exact", "/api/v1/exact/%05d/resource" % i) for i in range(h)] +
                          [("prefix", "/api/v1/prefix/%05d/" % i) for i in range(h)]}

    def paths(self, ctx):
        f = ctx.path("s5.list")
        if not os.path.exists(f):
            h = self.n // 2
            with open(f, "w") as o:
                for k in range(self.n):
                    i = (k * 7919) % self.n         # 7919 is prime: a permutation
                    o.write("/api/v1/exact/%05d/resource\n" % i if i < h
                            else "/api/v1/prefix/%05d/item\n" % (i - h))
        return f

    def verify(self, ctx, port, c):
        for p in ("exact/00000/resource", "exact/04999/resource", "prefix/00000/x", "prefix/04999/x/y"):
            expect(get(port, "/api/v1/" + p), (200, 1024), p)
        if c.name not in ("direct", "null"):
            expect(get(port, "/api/v1/exact/00001/resource2")[0], 404, "not a route")

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "http://127.0.0.1:%d/" % port, seconds, 64, "list.lua", args=[self.paths(ctx)])


class S5one(S5):
    id, title = "S5one", "the requests of S5 through one prefix route"

    def spec(self, ctx):
        return {"routes": [("prefix", "/api/")]}

    def verify(self, ctx, port, c):
        expect(get(port, "/api/v1/exact/00000/resource"), (200, 1024), "one route")


class S6u(Scenario):
    id, title, unit_bytes = "S6u", "upload: POST 64 KiB, 32 connections", 65536

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "http://127.0.0.1:%d/b/16" % port, seconds, 32, "upload.lua")


class S6d(Scenario):
    id, title, unit_bytes = "S6d", "download: GET 1 MiB, 16 connections", 1 << 20

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "http://127.0.0.1:%d/b/1048576" % port, seconds, 16)


class S7(Scenario):
    id, title = "S7", "one connection per request (Connection: close), 64 at a time, 1 KiB"

    def load(self, ctx, port, seconds, c):
        return wrk(ctx, "http://127.0.0.1:%d/b/1024" % port, seconds, 64, headers=["Connection: close"])


class S8(Scenario):
    id, title, n, n_quick, tls = "S8", "memory: 5,000 idle keep-alive connections after one request each", 5000, 500, False

    def idle(self, ctx, port, measure):
        """opens the connections; calls measure() before and with all of them open"""
        n = self.n_quick if ctx.quick else self.n
        cx = None
        if self.tls:
            cx = ssl._create_unverified_context()
            cx.set_alpn_protocols(["http/1.1"])
        req = b"GET /b/1024 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        socks, lat = [], []

        def one():
            t = time.perf_counter()
            s = socket.create_connection(("127.0.0.1", port), 5)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if cx:
                s = cx.wrap_socket(s)
            s.sendall(req)
            got = b""
            while b"\r\n\r\n" not in got:
                d = s.recv(65536)
                if not d:
                    raise Failed("closed at connection %d" % len(socks))
                got += d
            head, body = got.split(b"\r\n\r\n", 1)
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise Failed("answer: " + head[:80].decode())
            want, chunked = 1024, b"chunked" in head.lower()
            while (b"0\r\n\r\n" not in body) if chunked else (len(body) < want):
                d = s.recv(65536)
                if not d:
                    raise Failed("closed in body")
                body += d
            lat.append((time.perf_counter() - t) * 1e6)
            return s
        try:
            warm = [one() for _ in range(16)]
            for s in warm:
                s.close()
            time.sleep(0.3)
            lat.clear()
            before = measure()
            t0, c0 = time.time(), time.process_time()
            for _ in range(n):
                socks.append(one())
            dur, own = (time.time() - t0) * 1e6, (time.process_time() - c0) * 1e6
            if AFTER:
                AFTER()
            time.sleep(1.0)
            after = measure()
            dead = 0
            for s in socks:                     # still open?
                s.setblocking(False)
                try:
                    if s.recv(1) == b"":
                        dead += 1
                except (BlockingIOError, ssl.SSLWantReadError):
                    pass
                except OSError:
                    dead += 1
            lat.sort()
            return before, after, {"requests": n, "errors": dead, "duration_us": dur, "load_cpu_us": own,
                                   "p50_us": lat[n // 2], "p99_us": lat[int(n * .99)],
                                   "mean_us": statistics.fmean(lat), "max_us": lat[-1]}
        finally:
            for s in socks:
                s.close()


class S8t(S8):
    id, title, n, n_quick, tls = ("S8t", "as S8 over TLS 1.3, 2,000 connections (CPU/req = one full handshake + one request)",
                                  2000, 200, True)

    def spec(self, ctx):
        return dict(ctx.tls(), down="tls")

    def verify(self, ctx, port, c):
        expect(get(port, "/b/1024", tls=True), (200, 1024), "GET over TLS")
        self.note = tls_info(port, ["http/1.1"])


class S9(Scenario):
    id, title = "S9", "gRPC-like: h2c on both sides, POST 100 bytes -> 128 bytes + trailers (8 x 32)"
    h2_body = 128
    hdr = ["-H", "content-type: application/grpc", "-H", "te: trailers"]

    def spec(self, ctx):
        return {"down": "h2c", "up_proto": "h2c", "grpc": True, "routes": [("prefix", "/pkg.Service/")]}

    def extra(self, ctx):
        f = ctx.path("s9.body")
        if not os.path.exists(f):
            with open(f, "wb") as o:
                o.write(b"\0\0\0\0\x5f" + b"g" * 95)
        return ["-d", f] + self.hdr

    def verify(self, ctx, port, c):
        h2_check("http://127.0.0.1:%d/pkg.Service/Method" % port, self.extra(ctx))

    def load(self, ctx, port, seconds, c):
        return h2load(ctx, "http://127.0.0.1:%d/pkg.Service/Method" % port, seconds, 8, 32, self.extra(ctx))


class S10(Scenario):
    """For the gateway's own policies of load balancing beside each other."""
    id, title, n = "S10", "the service has 2 instances, requests have 2,000 keys; 64 connections", 2

    def spec(self, ctx):
        return {"instances": self.n}

    def load(self, ctx, port, seconds, c):
        f = ctx.path("s10.list")
        if not os.path.exists(f):
            with open(f, "w") as o:
                o.writelines("/b/1024?key=%d\n" % (k * 7919) for k in range(2000))
        return wrk(ctx, "http://127.0.0.1:%d/" % port, seconds, 64, "list.lua", args=[f])


class S10k(S10):
    id, title, n = "S10k", "as S10 with 1,000 instances", 1000


ALL = {s.id: s for s in (S1, S1L, S2, S2c, S2p, S3, S4h2, S4h1, S5, S5one, S6u, S6d, S7, S8, S8t, S9, S10, S10k)}
GROUPS = {"S4": ["S4h2", "S4h1"], "S6": ["S6u", "S6d"]}
