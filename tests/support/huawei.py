"""A fake of Huawei Cloud's IAM and ECS, since no real one can be had for tests.

It checks signatures by rules of its own (written from the cloud's documentation, not from our C), clocks, tokens and rights, and speaks the
JSON of the real services. The cloud's official Python SDK is a client of it as well (tests/conformance/test_huawei_sdk.py): what the SDK
could not use would show there, which keeps the fake honest.
"""
import calendar
import contextlib
import email.utils
import hashlib
import hmac
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse
import uuid

REGION, PROJECT = "cn-north-4", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
SKEW_S = 15 * 60


class Refusal(Exception):
    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def gateway_error(status, code, message):
    """How the API gateway in front of all services refuses."""
    return Refusal(status, {"error_code": code, "error_msg": message, "request_id": "req-" + code})


def ecs_error(status, code, message):
    return Refusal(status, {"error": {"code": code, "message": message}})


def encode(text):
    return urllib.parse.quote(text, safe="~")


def expected_signature(secret, method, path, query, headers, names, body):
    """`path` and `query` as they came; `headers` by name in lower case."""
    segments = [encode(segment) for segment in urllib.parse.unquote(path).split("/")]
    uri = "/".join(segments)
    uri = uri if uri.endswith("/") else uri + "/"
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    canonical_query = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    digest = headers.get("x-sdk-content-sha256") if body else None
    digest = digest or hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, uri, canonical_query, lines, ";".join(names), digest])
    to_sign = "\n".join(["SDK-HMAC-SHA256", headers["x-sdk-date"], hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest(), canonical


class Huawei:
    """keys: access key → secret key; temporary: access key → (secret key, security token); users: (domain, user) → password."""

    def __init__(self, keys=None, temporary=None, users=None, projects=None):
        self.keys, self.temporary, self.users = dict(keys or {}), dict(temporary or {}), dict(users or {})
        self.projects = projects if projects is not None else [{"name": REGION, "id": PROJECT}]
        self.servers, self.jobs, self.tokens = [], {}, {}
        self.clock_offset_s = 0     # how far this cloud's clock is ahead of the machine's
        self.token_life_s = 24 * 3600
        self.job_polls = 2          # how often a job says RUNNING before it is done
        self.job_failure = None     # (code, reason): jobs fail with it
        self.page_max = 1000
        self.requests = []          # (method, path with query)
        self.bodies = []
        self.logins = 0
        self.faults = []            # what faulty() added, in order
        self.connections, self.is_stopped = set(), False
        self.lock = threading.RLock()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                fake.serve(self)

            do_POST = do_PUT = do_DELETE = do_GET

            def setup(self):
                super().setup()
                with fake.lock:
                    fake.connections.add(self.connection)

            def finish(self):
                super().finish()
                with fake.lock:
                    fake.connections.discard(self.connection)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):  # clients of ours are killed in the middle
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        """Away, with the connections that are open."""
        if not self.is_stopped:
            self.is_stopped = True
            self.server.shutdown()
            self.server.server_close()
            with self.lock:
                for connection in self.connections:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
        return 0

    def settings(self, **more):
        """For a control plane that is to use it."""
        return {"GATEWAY_HUAWEI_REGION": REGION, "GATEWAY_HUAWEI_ECS_ENDPOINT": self.url, "GATEWAY_HUAWEI_IAM_ENDPOINT": self.url, **more}

    # ---- the world ----

    def add_server(self, name, fixed="10.0.0.1", floating=None, status="ACTIVE", tags=(), **more):
        addresses = [{"version": "4", "addr": fixed, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01",
                      "OS-EXT-IPS:port_id": "port", "primary": True}]
        if floating:
            addresses.append({"version": "4", "addr": floating, "OS-EXT-IPS:type": "floating", "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01",
                              "OS-EXT-IPS:port_id": "port"})
        server = {"id": str(uuid.uuid4()), "name": name, "status": status, "tags": list(tags), "addresses": {"vpc-1": addresses},
                  "flavor": {"id": "s6.small.1", "name": "s6.small.1", "vcpus": "1", "ram": "1024", "disk": "0"},
                  "OS-EXT-AZ:availability_zone": "cn-north-4a", "created": "2026-11-26T02:00:00Z", "updated": "2026-11-26T02:00:00Z",
                  "metadata": {"vpc_id": "vpc-1"}, "security_groups": [{"name": "default", "id": "sg"}], "hostId": "h", "image": {"id": "img"},
                  **more}
        with self.lock:
            self.servers.append(server)
        return server

    def faulty(self, pattern, status=None, body=None, headers=None, delay_s=0, truncate=None, times=1, cut=False):
        """The next `times` requests whose "METHOD path" matches: answered so, or late, or only the first bytes; `cut`: the connection ends
        before all of the answer was sent."""
        with self.lock:
            self.faults.append({"pattern": re.compile(pattern), "status": status, "body": body, "headers": headers or {}, "delay_s": delay_s,
                                "truncate": truncate, "times": times, "cut": cut})

    def count(self, pattern):
        with self.lock:
            return sum(1 for method, path in self.requests if re.search(pattern, f"{method} {path}"))

    def now_s(self):
        return time.time() + self.clock_offset_s

    # ---- a request ----

    def take_fault(self, line):
        with self.lock:
            for fault in self.faults:
                if fault["times"] > 0 and fault["pattern"].search(line):
                    fault["times"] -= 1
                    return fault
        return None

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        line = f"{handler.command} {handler.path}"
        with self.lock:
            self.requests.append((handler.command, handler.path))
            self.bodies.append(body)
        fault = self.take_fault(line)
        if fault and fault["delay_s"]:
            time.sleep(fault["delay_s"])
        try:
            if fault and fault["status"]:
                raise Refusal(fault["status"], fault["body"], fault["headers"])
            path, _, query = handler.path.partition("?")
            headers = {name.lower(): value for name, value in handler.headers.items()}
            with self.lock:
                status, answer, more = self.route(handler.command, path, query, headers, body)
        except Refusal as refusal:
            status, answer, more = refusal.status, refusal.body, refusal.headers
        self.reply(handler, status, answer, more, fault)

    def reply(self, handler, status, answer, headers, fault):
        raw = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        whole = len(raw)
        if fault and fault["truncate"] is not None:
            raw = raw[:fault["truncate"]]
        handler.send_response_only(status)
        handler.send_header("Date", email.utils.formatdate(self.now_s(), usegmt=True))
        handler.send_header("Content-Type", "application/json")
        handler.send_header("X-Request-Id", "req-" + str(len(self.requests)))
        handler.send_header("Content-Length", str(whole if fault and fault["cut"] else len(raw)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(raw)
        if fault and fault["cut"]:
            handler.close_connection = True

    # ---- who asks ----

    def authenticate(self, method, path, query, headers, body):
        token = headers.get("x-auth-token")
        if token is not None:
            ends_s = self.tokens.get(token)
            if ends_s is None or ends_s < self.now_s():
                raise gateway_error(401, "APIGW.0301", "Incorrect IAM authentication information: x-auth-token is invalid or has expired")
            return
        match = re.fullmatch(r"SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", headers.get("authorization", ""))
        if not match:
            raise gateway_error(401, "APIGW.0301", "Incorrect IAM authentication information: Authorization is missing or malformed")
        access, names, signature = match.group(1), match.group(2).split(";"), match.group(3)
        secret = self.keys.get(access)
        if access in self.temporary:
            secret, wanted = self.temporary[access]
            if headers.get("x-security-token") != wanted or "x-security-token" not in names:
                raise gateway_error(401, "APIGW.0301", "Incorrect IAM authentication information: x-security-token is missing or wrong")
        if secret is None:
            raise gateway_error(401, "APIGW.0301", f"Incorrect IAM authentication information: AK access failed to reach the limit or {access} is unknown")
        if names != sorted(names) or "host" not in names or "x-sdk-date" not in names or any(name not in headers for name in names):
            raise gateway_error(401, "APIGW.0301", "Incorrect IAM authentication information: signed headers are not as they must be")
        if re.fullmatch(r"\d{8}T\d{6}Z", headers["x-sdk-date"]) is None:
            raise gateway_error(401, "APIGW.0301", "Incorrect IAM authentication information: x-sdk-date has a wrong form")
        signed_s = calendar.timegm(time.strptime(headers["x-sdk-date"], "%Y%m%dT%H%M%SZ"))
        if abs(signed_s - self.now_s()) > SKEW_S:
            raise gateway_error(401, "APIGW.0301", "Incorrect IAM authentication information: signature expired")
        wanted, canonical = expected_signature(secret, method, path, query, headers, names, body)
        if not hmac.compare_digest(wanted, signature):
            # The real one repeats what it was sent, security token and all.
            raise gateway_error(401, "APIGW.0301",
                                f"Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:{canonical}".replace("\n", "|"))

    # ---- the services ----

    def route(self, method, path, query, headers, body):
        if (method, path) == ("POST", "/v3/auth/tokens"):
            return self.log_in(json.loads(body))
        self.authenticate(method, path, query, headers, body)
        if (method, path) == ("GET", "/v3/projects"):
            name = dict(urllib.parse.parse_qsl(query)).get("name")
            return 200, {"projects": [{**project, "enabled": True} for project in self.projects if name in (None, project["name"])], "links": {}}, {}
        match = re.fullmatch(r"/(v1|v1\.1)/([^/]+)/(.*)", path)
        if not match:
            raise gateway_error(404, "APIGW.0101", "The API does not exist or has not been published in the environment")
        if match.group(2) not in [project["id"] for project in self.projects]:
            raise Refusal(403, {"forbidden": {"code": 403, "message": "Policy doesn't allow this project to be used."}})
        return self.ecs(method, match.group(1), match.group(3), query, body)

    def log_in(self, request):
        self.logins += 1
        auth = request["auth"]
        user = auth["identity"]["password"]["user"]
        assert auth["identity"]["methods"] == ["password"] and auth["scope"]["project"]
        if self.users.get((user["domain"]["name"], user["name"])) != user["password"]:
            raise Refusal(401, {"error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}})
        scope = auth["scope"]["project"]
        project = [p for p in self.projects if scope in ({"name": p["name"]}, {"id": p["id"]})]
        if not project:
            raise Refusal(401, {"error": {"code": 401, "message": "The project is not found.", "title": "Unauthorized"}})
        token = "MIIF" + uuid.uuid4().hex * 8
        self.tokens[token] = self.now_s() + self.token_life_s
        form = "%Y-%m-%dT%H:%M:%S.000000Z"
        return 201, {"token": {"methods": ["password"], "issued_at": time.strftime(form, time.gmtime(self.now_s())),
                               "expires_at": time.strftime(form, time.gmtime(self.now_s() + self.token_life_s)),
                               "project": project[0]}}, {"X-Subject-Token": token}

    def ecs(self, method, version, path, query, body):
        if (method, version, path) == ("GET", "v1", "cloudservers/detail"):
            return self.list_servers(dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))
        if (method, version, path) == ("POST", "v1.1", "cloudservers"):
            return self.create(json.loads(body))
        if (method, version, path) == ("POST", "v1", "cloudservers/delete"):
            return self.delete(json.loads(body))
        match = re.fullmatch(r"jobs/([^/]+)", path)
        if method == "GET" and version == "v1" and match:
            return self.show_job(match.group(1))
        raise gateway_error(404, "APIGW.0101", "The API does not exist or has not been published in the environment")

    def list_servers(self, asked):
        limit, page = int(asked.get("limit", 25)), int(asked.get("offset", 1)) or 1
        if not 1 <= limit <= self.page_max:
            raise ecs_error(400, "Ecs.0005", "Invalid limit.")
        found = [server for server in self.servers
                 if asked.get("name", "") in server["name"] and asked.get("status", server["status"]) == server["status"]
                 and ("tags" not in asked or asked["tags"] in server["tags"])]
        return 200, {"count": len(found), "servers": found[(page - 1) * limit:page * limit]}, {}

    def create(self, request):
        wanted = request.get("server") or {}
        for name in ("name", "imageRef", "flavorRef", "vpcid", "nics", "root_volume"):
            if not wanted.get(name):
                raise ecs_error(400, "Ecs.0005", f"Request body is invalid: {name} is missing.")
        if request.get("dry_run"):
            return 202, None, {}
        count = int(wanted.get("count") or 1)
        if len(self.servers) + count > 10000:
            raise Refusal(413, {"overLimit": {"code": 413, "message": "Quota exceeded for instances."}})
        tags = [f"{tag['key']}={tag['value']}" for tag in wanted.get("server_tags") or []]
        made = [self.add_server(wanted["name"] if count == 1 else f"{wanted['name']}-{i + 1:04}", f"10.1.0.{i + 1}", status="BUILD", tags=tags)
                for i in range(count)]
        return 200, {"job_id": self.add_job("createServer", made, "ACTIVE"), "serverIds": [server["id"] for server in made]}, {}

    def delete(self, request):
        ids = [server["id"] for server in request["servers"]]
        assert isinstance(request["delete_publicip"], bool) and isinstance(request["delete_volume"], bool)
        doomed = [server for server in self.servers if server["id"] in ids]
        if len(doomed) != len(ids):
            raise ecs_error(404, "Ecs.0114", "Instance could not be found.")
        return 200, {"job_id": self.add_job("deleteServer", doomed, None)}, {}

    def add_job(self, kind, servers, becomes):
        job = {"id": uuid.uuid4().hex, "kind": kind, "servers": servers, "becomes": becomes, "polls": 0}
        self.jobs[job["id"]] = job
        return job["id"]

    def show_job(self, job_id):
        job = self.jobs.get(job_id)
        if job is None:
            raise ecs_error(400, "Ecs.0013", "The job does not exist.")
        job["polls"] += 1
        is_over = job["polls"] > self.job_polls
        if is_over and self.job_failure is None:
            for server in job["servers"]:
                if job["becomes"] is None and server in self.servers:
                    self.servers.remove(server)
                elif job["becomes"] is not None:
                    server["status"] = job["becomes"]
        done = len(job["servers"]) if is_over else min(job["polls"] - 1, len(job["servers"]) - 1)
        status = "RUNNING" if not is_over else "FAIL" if self.job_failure else "SUCCESS"
        code, reason = self.job_failure or (None, None)
        parts = [{"job_id": uuid.uuid4().hex, "job_type": job["kind"].replace("Server", "SingleServer"), "begin_time": "2026-11-26T02:00:00.000Z",
                  "end_time": "2026-11-26T02:01:00.000Z", "status": ("SUCCESS" if status != "FAIL" else "FAIL") if i < done else "RUNNING",
                  "error_code": code if status == "FAIL" else None, "fail_reason": reason if status == "FAIL" else None,
                  "entities": {"server_id": server["id"]}} for i, server in enumerate(job["servers"])]
        return 200, {"status": status if job["polls"] > 1 or is_over else "INIT", "job_id": job_id, "job_type": job["kind"],
                     "begin_time": "2026-11-26T02:00:00.000Z", "end_time": "2026-11-26T02:01:00.000Z" if is_over else "",
                     "error_code": code if status == "FAIL" else None, "fail_reason": reason if status == "FAIL" else None,
                     "entities": {"sub_jobs_total": len(parts), "sub_jobs": parts}}, {}
