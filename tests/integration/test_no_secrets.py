"""No secret stands in anything that the programs print, serve or write: all kinds of secrets at once, all places where one could show up."""
import base64
import json
import os
import pathlib
import threading
import time

import grpc
import jwt
import pytest
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from support.gateway import BUILD, Program, ctl, request, wait_until
from support.leaks import Secrets
from support.mariadb import PASSWORD as MYSQL_PASSWORD
from support.mariadb import MariaDb
from support.pki import Pki
from support.redis import Redis

JWT_SECRET, PEPPER, REDIS_PASSWORD = "hmac-secret-of-the-issuer-0123456789", "pepper-of-the-api-keys-0123456789+/=", "password-of-redis/0123456789"
CACHE_KEY, OTHER_KEY = "key-of-the-sealed-cache-0123456789abcdef", "a-key-that-others-have-issued-0123456789"
ROUTES = """
auth: {{api_keys: true}}
listeners:
  - {{name: gateway, port: 0}}
  - {{name: https, port: 0, tls: {{certificates: [{{certificate: {cert}, key: {key}}}]}}}}
routes:
  - {{path: /both, service: s, auth_required: true, roles: [admin], rate_limit: 1000}}
  - {{path: /open, service: s}}
"""
DEBUG = ["--log-level", "debug"]


class House:
    """Control plane and two data planes under mutual TLS at debug level, with MariaDB and Redis behind passwords; then traffic."""

    def __init__(self, stage, folder):
        self.folder, self.stage, self.secrets = folder, stage, Secrets()
        self.mariadb = MariaDb(folder / "mariadb")
        self.redis = Redis(folder / "redis", "--requirepass", REDIS_PASSWORD)
        stage.started.append(self.redis)
        self.pki = Pki(folder / "pki").control_plane().issue("node", "--node", "default/*").leaf("site", "/CN=site", "DNS:site.test")
        self.backend = stage.backend("s")
        self.routes = ROUTES.format(cert=self.pki.cert("site"), key=self.pki.key("site"))
        self.services = f'services: {{s: {{instances: [{{url: "{self.backend.url}"}}]}}}}'
        self.env = {**self.mariadb.settings(), "JWT_SECRET_KEY": JWT_SECRET, "GATEWAY_API_KEY_PEPPER": PEPPER, "REDIS_HOST": "127.0.0.1",
                    "REDIS_PORT": str(self.redis.port), "REDIS_PASSWORD": REDIS_PASSWORD}
        self.control = stage.control_plane(self.routes, self.services, env=self.env, args=[*self.pki.flags("xds-tls", "control-plane"), *DEBUG])
        self.ctl("status", check=0)
        (folder / "cache.key").write_text(CACHE_KEY)
        (folder / "node.token").write_text("token-of-the-data-plane-0123456789abcdef\n")
        (folder / "node.token").chmod(0o600)
        flags = [*self.pki.flags("xds-tls", "node"), *DEBUG, "--admin-token-file", folder / "node.token"]
        self.data = stage.data_plane(self.control.xds(), args=[*flags, "--cache-dir", folder / "sealed", "--cache-key-file", folder / "cache.key"])
        self.bare = stage.data_plane(self.control.xds(), node_id="node-2", args=[*flags, "--cache-dir", folder / "bare"])
        self.port = self.data.wait_until_ready()
        self.bare.wait_until_ready()
        self.know_secrets()
        self.make_traffic()

    def know_secrets(self):
        s = self.secrets
        s.add("JWT_SECRET_KEY", JWT_SECRET)
        s.add("pepper", PEPPER)
        s.add("REDIS_PASSWORD", REDIS_PASSWORD)
        s.add("MYSQL_PASSWORD", MYSQL_PASSWORD)
        s.add("cache key", CACHE_KEY)
        s.add("imported API key", OTHER_KEY)
        s.add("admin token", self.control.token_path.read_text().strip())
        s.add("data plane's token", (self.folder / "node.token").read_text().strip())
        for name in ("ca", "control-plane", "node", "site"):
            s.add_private_key(f"private key of {name}", self.pki.key(name))
        wait_until(lambda: "gateway_controlplane_store_up 1" in self.control.http("/metrics").text, "the store")
        made = self.ctl("keys", "create", "--owner", "ann", "--name", "hers", "--role", "admin", check=0)
        self.key, self.made_words = made.stdout.strip(), made.stderr
        s.add("API key", self.key, self.key.rpartition("_")[2])
        (self.folder / "imports").write_text(f"{OTHER_KEY} bob roles=admin\n")
        self.ctl("keys", "import", self.folder / "imports", check=0)
        self.token = jwt.encode({"sub": "ann", "roles": ["admin"], "exp": int(time.time()) + 3600}, JWT_SECRET, "HS256")
        s.add("token", self.token, self.token.rpartition(".")[2])

    def make_traffic(self):
        """Good credentials and slightly wrong ones, where they belong and where they don't."""
        def ask(path="/both", method="GET", **headers):
            answer = request(self.port, path, method, {name.replace("_", "-"): value for name, value in headers.items()})
            self.answers.append(str(answer.headers) + answer.text)
            return answer.status

        self.answers = []
        wait_until(lambda: ask(X_API_Key=self.key) == 200, "the key")
        wait_until(lambda: ask(X_API_Key=OTHER_KEY) == 200, "the imported key")
        # The service echoes what it gets; what it is told of callers is no secret, but their credentials are.
        assert ask(Authorization=f"Bearer {self.token}") == 200 and ask(Authorization=f"ApiKey {self.key}") == 200
        assert ask(Authorization=f"Bearer {self.token}", X_API_Key=self.key) == 200
        self.wrong = [ask(X_API_Key=self.key + "x"), ask(Authorization=f"Bearer {self.token}x"), ask(Authorization=f"ApiKey x{self.key}"),
                      ask(X_API_Key=self.token), ask(Authorization=f"Basic {self.key}")]
        assert self.wrong == [401] * 5
        ask(f"/nowhere?key={self.key}&token={self.token}", Cookie=f"session={self.token}", X_API_Key=self.key)
        ask("/both", "POST", X_API_Key=f"{self.key}, {OTHER_KEY}")
        self.request_id = json.loads(self.answers[-1][self.answers[-1].index('{"error"'):])["request_id"]

    def ctl(self, *args, check=None, env=None):
        return self.control.ctl(*args, check=check, env=env)

    def stop(self):
        self.stage.end()
        self.mariadb.stop()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    from conftest import Stage
    root = tmp_path_factory.mktemp("secrets")
    made = House(Stage(root), root)
    yield made
    made.stop()


def said(done):
    return done.stdout + done.stderr


def test_the_search_finds_each_secret_in_each_form(house):
    """Else the tests below would prove nothing."""
    for secret in (JWT_SECRET, PEPPER, REDIS_PASSWORD, MYSQL_PASSWORD, house.key, house.token, house.control.token_path.read_text().strip()):
        for text in (f'{{"k": "{secret}"}}', f"x={secret.encode().hex()}", f"x={secret.encode().hex().upper()}"):
            assert house.secrets.found_in(text), text
        for before in ("", "a", "ab", "abc"):
            for after in ("", "z", "zy", "zyx"):
                hidden = (before + secret + after).encode()
                assert house.secrets.found_in(base64.b64encode(hidden)) and house.secrets.found_in(base64.urlsafe_b64encode(hidden)), hidden
    assert "private key of site" in house.secrets.found_in(house.pki.key("site").read_bytes())


def test_logs_at_debug_level(house):
    for program in (house.control, house.data, house.bare):
        assert "INFO" in program.log()
        house.secrets.check(log=program.log())
    lines = wait_until(lambda: [x for x in house.data.access_log() if x["path"] == "/nowhere"], "the access log's line")
    house.secrets.check(access_log=house.data.output(), line=json.dumps(lines))


def test_what_data_planes_serve(house):
    for data in (house.data, house.bare):
        pieces = {path: data.admin(path).text for path in ("/config_dump", "/clusters", "/listeners", "/stats", "/metrics", "/health", "/ready")}
        pieces |= {f"status {path}": data.status(path).text for path in ("/metrics", "/health", "/ready")}
        assert "api_key/pepper" in pieces["/config_dump"] and "jwt/settings" in pieces["/config_dump"], "they are there, without their content"
        house.secrets.check(**pieces, ports=json.dumps(data.ports()))
        house.secrets.check(refusal=data.admin("/drain", "POST", {"Authorization": "Bearer wrong"}).text)


def test_what_the_control_plane_serves(house):
    house.secrets.check(**{path: house.control.http(path).text for path in ("/health", "/ready", "/metrics")}, ports=json.dumps(house.control.ports()))


def test_what_gatewayctl_says(house):
    wait_until(lambda: json.loads(house.ctl("status", "-o", "json", check=0).stdout)["store"]["state"] == "READY", "the store")
    key_id = house.key.split("_")[1]
    verbs = [["status"], ["version"], *(["get", kind] for kind in ("routes", "services", "endpoints", "nodes")), ["keys", "list", "--ended"], ["keys", "show", key_id],
             ["why", house.request_id]]
    pieces = {" ".join([*verb, *form]): said(house.ctl(*verb, *form)) for verb in verbs for form in ([], ["-o", "json"])}
    assert key_id in pieces["keys list --ended"] and house.request_id in pieces[f"why {house.request_id} -o json"]
    files = ["--routes", house.control.routes_path, "--services", house.control.services_path]
    house.secrets.check(**pieces, create=house.made_words, validate=said(ctl("validate", *files, env=house.env)))


def test_answers_to_clients(house):
    for number, answer in enumerate(house.answers):
        house.secrets.check(**{f"answer {number}": answer})


def test_printed_settings_are_masked(house):
    argv = [BUILD / "bin/gateway-controlplane", "--print-settings"]
    for place, env in (("environment", house.env), ("file", {})):
        file = house.folder / "settings.env"
        file.write_text("".join(f"{name}={value}\n" for name, value in house.env.items()) if not env else "")
        program = Program(house.folder / "settings", place, [*argv, "--env-file", file], env)
        assert program.wait() == 0
        for name in ("JWT_SECRET_KEY", "REDIS_PASSWORD", "MYSQL_PASSWORD", "GATEWAY_API_KEY_PEPPER"):
            assert f"{name}=********  (" in program.output()
        house.secrets.check(printed=program.output())


def test_command_lines_and_state_that_others_may_read(house):
    for program in (house.control, house.data, house.bare):
        for name in ("cmdline", "comm", "status"):
            house.secrets.check(**{name: pathlib.Path(f"/proc/{program.pid}/{name}").read_bytes()})
        # The environment can be read by the same user only.
        assert os.stat(f"/proc/{program.pid}/environ").st_mode & 0o077 == 0


def test_files_that_data_planes_keep(house):
    def files():
        found = [path for folder in ("sealed", "bare") for path in (house.folder / folder).iterdir()]
        return {str(path): path.read_bytes() for path in found} if len(found) >= 2 else None

    pieces = wait_until(files, "both caches")
    assert any(b"/both" in piece for piece in pieces.values()), "one is not sealed"
    house.secrets.check(**pieces)


def test_database_keeps_hashes_alone(house):
    rows = house.mariadb.sql("SELECT id, HEX(body) FROM gateway_records; SELECT * FROM gateway_uses; SELECT * FROM gateway_schema")
    assert house.key.split("_")[1] in rows
    house.secrets.check(rows=rows)


TYPES = ["envoy.config.listener.v3.Listener", "envoy.config.route.v3.RouteConfiguration", "envoy.config.cluster.v3.Cluster",
         "envoy.config.endpoint.v3.ClusterLoadAssignment", "envoy.extensions.transport_sockets.tls.v3.Secret", "gateway.auth.v1.ApiKey"]
SECRET_NAMES = ["api_key/pepper", "jwt/settings", "redis/password", "listener/https/certificate/0"]


def ask_for_all(stub, names):
    """What a node is sent that asks for everything by these names: bytes by type, once each type has had its answer."""
    found = {}
    for kind in TYPES:
        ask = discovery_pb2.DiscoveryRequest(type_url=f"type.googleapis.com/{kind}", resource_names=names.get(kind, []))
        ask.node.id, ask.node.cluster = "stranger", "default"
        call = stub.StreamAggregatedResources(iter_then_wait(ask), timeout=3)
        try:
            for answer in call:
                found[kind] = found.get(kind, b"") + answer.SerializeToString()
                break
        except grpc.RpcError as end:
            found[kind] = found.get(kind, b"") + end.details().encode()
        call.cancel()
    return found


def iter_then_wait(first):
    yield first
    threading.Event().wait(5)


def test_xds_in_plaintext(house, tmp_path):
    """The same configuration from a control plane without TLS, to a stranger who asks for all of it by name."""
    control = house.stage.control_plane(house.routes, house.services, env=house.env)
    wait_until(lambda: "gateway_controlplane_store_up 1" in control.http("/metrics").text, "the store")
    with grpc.insecure_channel(control.xds()) as channel:
        found = ask_for_all(ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel),
                            {TYPES[4]: SECRET_NAMES, TYPES[1]: ["gateway", "https"], TYPES[3]: ["s"]})
    assert b"/both" in b"".join(found.values()), "routes are no secret"
    house.secrets.check(xds=b"".join(found.values()), log=control.log())


@pytest.mark.parametrize("args, env, words", [
    (["--set", f"JWT_SECRET_KEY={JWT_SECRET}"], {}, "shown by ps"),
    (["--set", f"REDIS_PASSWORD={REDIS_PASSWORD}"], {}, "shown by ps"),
    (["--set", f"MYSQL_PASSWORD={MYSQL_PASSWORD}"], {}, "shown by ps"),
    (["--set", f"GATEWAY_API_KEY_PEPPER={PEPPER}"], {}, "shown by ps"),
    (["--store", f"mysql://me:{MYSQL_PASSWORD}@db/x"], {}, "MYSQL_PASSWORD"),
    ([], {"JWT_SECRET_KEY": JWT_SECRET[:20]}, "at least 32"),
    ([], {"JWT_SECRET_KEY": JWT_SECRET, "JWT_ALGORITHM": "RS256"}, "JWT_SECRET_KEY"),
    ([], {"GATEWAY_API_KEY_PEPPER": PEPPER[:20]}, "at least 32"),
    ([], {"JWT_ALGORITHM": JWT_SECRET}, "JWT_ALGORITHM"),
])
def test_mistakes_are_told_without_the_value(house, tmp_path, args, env, words):
    from conftest import Stage
    stage = Stage(tmp_path)
    control = stage.control_plane(house.routes, house.services, args=args, env=env)
    control.expected_code = 65
    assert control.wait() == 65
    told = control.log() + control.output()
    assert words in told
    house.secrets.check(told=told)
    assert JWT_SECRET[:20] not in told and PEPPER[:20] not in told
    stage.end()


def test_bad_lines_of_the_env_file_are_told_without_what_stands_there(house, tmp_path):
    from conftest import Stage
    for number, text in enumerate((f"JWT_SECRET_KEY {JWT_SECRET}\n", f'REDIS_PASSWORD="{REDIS_PASSWORD}\n', f"GATEWAY_API_KEY_PEPER={PEPPER}\n",
                                   f"MYSQL_PASSWORD='{MYSQL_PASSWORD}\n")):
        stage = Stage(tmp_path / str(number))
        file = tmp_path / f"{number}.env"
        file.write_text(text)
        control = stage.control_plane(house.routes, house.services, args=["--env-file", file])
        control.expected_code = 65
        assert control.wait() == 65
        assert f"{file}:1:" in control.log()
        house.secrets.check(told=control.log() + control.output())
        stage.end()


def test_wrong_passwords_and_tokens_are_told_without_them(house, tmp_path):
    from conftest import Stage
    secrets, wrong = house.secrets, "not-the-password-0123456789"
    control = (stage := Stage(tmp_path)).control_plane(house.routes, house.services, env={**house.env, "MYSQL_PASSWORD": wrong}, args=DEBUG)
    status = wait_until(lambda: (s := json.loads(control.ctl("status", "-o", "json", check=0).stdout)["store"])["state"] == "AWAY" and s, "a refusal")
    assert "denied" in status["problem"].lower()
    (tmp_path / "wrong.token").write_text(wrong + "\n")
    (tmp_path / "wrong.token").chmod(0o600)
    refused = ctl("--admin", f"127.0.0.1:{control.ports()['admin']}", "--token-file", tmp_path / "wrong.token", "status", check=77)
    mint = ctl("token", "mint", "--sub", "ann", check=65, env={"JWT_SECRET_KEY": JWT_SECRET[:20]})
    secrets.check(log=control.log(), status=json.dumps(status), refused=said(refused), mint=said(mint))
    for text in (control.log(), json.dumps(status), said(refused), said(mint)):
        assert wrong not in text and JWT_SECRET[:20] not in text
    stage.end()
