"""The store over TLS with a real MariaDB: who is spoken to, who is not, and that no password goes to the wrong one."""
import json
import socket
import threading

import pytest
from support.gateway import wait_until
from support.mariadb import PASSWORD, USER, MariaDb
from support.pki import Pki

ROUTES, SERVICES = "routes: [{path: /hello, service: backend}]", "services: {backend: {instances: [{url: http://127.0.0.1:9}]}}"
PEPPER = "a pepper that is long enough for anybody"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki") / "pki").leaf("db", "/CN=db", "IP:127.0.0.1", "DNS:localhost").leaf("other", "/CN=127.0.0.1", "DNS:other.test").leaf(
        "client", "/CN=gateway", "DNS:gateway.test")


class Database:
    """A server with that certificate, or without one."""

    def __init__(self, folder, pki, name=None):
        flags = [f"--ssl-ca={pki.ca}", f"--ssl-cert={pki.cert(name)}", f"--ssl-key={pki.key(name)}"] if name else []
        self.server = MariaDb(folder, *flags)

    def __enter__(self):
        return self.server

    def __exit__(self, *problem):
        self.server.stop()


def start(stage, database, **env):
    return stage.control_plane(ROUTES, SERVICES, env={**database.settings(), "GATEWAY_API_KEY_PEPPER": PEPPER, **{k: str(v) for k, v in env.items()}})


def store(control, state):
    return wait_until(lambda: (s := json.loads(control.ctl("status", "-o", "json", check=0).stdout)["store"])["state"] == state and s, f"a store that is {state}")


def require(database, what):
    database.sql(f"ALTER USER '{USER}'@'%' REQUIRE {what}", database="")


def test_with_a_ca_it_is_tls_and_keys_go_over_it(stage, tmp_path, pki):
    with Database(tmp_path / "db", pki, "db") as database:
        require(database, "SSL")
        control = start(stage, database, MYSQL_SSL_CA=pki.ca)
        store(control, "READY")
        text = control.ctl("keys", "create", "--owner", "ann", check=0).stdout.strip()
        assert text.split("_")[1] in database.sql("SELECT id FROM gateway_records")
        assert database.sql("SELECT COUNT(*) FROM information_schema.processlist p WHERE p.user = '%s'" % USER).strip() == "1"
        # And again when the server comes back.
        database.kill()
        store(control, "AWAY")
        database.start()
        store(control, "READY")


def test_both_sides_show_certificates_where_the_server_asks_for_one(stage, tmp_path, pki):
    with Database(tmp_path / "db", pki, "db") as database:
        require(database, "X509")
        assert "denied" in store(start(stage, database, MYSQL_SSL_CA=pki.ca), "AWAY")["problem"]
        store(start(stage, database, MYSQL_SSL_CA=pki.ca, MYSQL_SSL_CERT=pki.cert("client"), MYSQL_SSL_KEY=pki.key("client")), "READY")


@pytest.mark.parametrize("name, ca, words", [("other", "its own", "127.0.0.1"), ("db", "a stranger's", "certificate"), ("db", "the machine's", "certificate")])
def test_server_that_is_another_or_of_another_authority_is_not_spoken_to(stage, tmp_path, pki, name, ca, words):
    with Database(tmp_path / "db", pki, name) as database:
        env = {"its own": {"MYSQL_SSL_CA": pki.ca}, "the machine's": {"GATEWAY_MYSQL_TLS": "true"},
               "a stranger's": {"MYSQL_SSL_CA": ca == "a stranger's" and Pki(tmp_path / "stranger").ca}}[ca]
        control = start(stage, database, **env)
        problem = store(control, "AWAY")["problem"]
        assert "MySQL: " in problem and ("certificate" in problem.lower() or "ssl" in problem.lower() or words in problem), problem
        assert PASSWORD not in control.log() + problem


class Wire:
    """Stands before a server and keeps what clients say."""

    def __init__(self, port):
        self.target, self.said = port, b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            try:
                upstream = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # the server has gone
                client.close()
                continue
            threading.Thread(target=self.pump, args=(client, upstream, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(upstream, client, False), daemon=True).start()

    def pump(self, source, sink, is_client):
        try:
            while data := source.recv(65536):
                if is_client:
                    self.said += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.server.close()


@pytest.mark.parametrize("env", [{"GATEWAY_MYSQL_TLS": "true"}, {"MYSQL_HOST": "127.1"}], ids=["asked-for", "beyond-loopback"])
def test_server_without_tls_is_told_nothing(stage, tmp_path, pki, env):
    """127.1 is a name, and what a name leads to is not known beforehand: TLS is needed."""
    with Database(tmp_path / "db", pki) as database:
        wire = Wire(database.port)
        stage.started.append(wire)
        control = start(stage, database, MYSQL_PORT=wire.port, **env)
        assert "MySQL: " in store(control, "AWAY")["problem"]
        assert USER.encode() not in wire.said, "not even the name of the user"
        # The same way in plaintext, when one says so; then the name is there.
        told = start(stage, database, MYSQL_PORT=wire.port, **{**env, "GATEWAY_MYSQL_TLS": "false"})
        store(told, "READY")
        assert USER.encode() in wire.said


def test_under_tls_nothing_can_be_read_on_the_wire(stage, tmp_path, pki):
    with Database(tmp_path / "db", pki, "db") as database:
        wire = Wire(database.port)
        stage.started.append(wire)
        control = start(stage, database, MYSQL_PORT=wire.port, MYSQL_SSL_CA=pki.ca)
        store(control, "READY")
        control.ctl("keys", "create", "--owner", "ann-of-the-wire", check=0)
        assert wire.said and all(word not in wire.said for word in (USER.encode() + b"\0", b"gateway_records", b"ann-of-the-wire"))


@pytest.mark.parametrize("env, words", [({"MYSQL_SSL_CERT": "/x.crt"}, "MYSQL_SSL_CERT and MYSQL_SSL_KEY go together"),
                                        ({"MYSQL_SSL_CA": "/x.crt", "GATEWAY_MYSQL_TLS": "false"}, "MYSQL_SSL_CA is given"),
                                        ({"GATEWAY_MYSQL_TLS": "maybe"}, "true, false or auto is allowed")])
def test_settings_that_contradict_each_other_are_mistakes(stage, env, words):
    control = stage.control_plane(ROUTES, SERVICES, env={"MYSQL_HOST": "127.0.0.1", "MYSQL_USER": "u", "MYSQL_DATABASE": "d", "GATEWAY_API_KEY_PEPPER": PEPPER, **env})
    control.expected_code = 65
    assert control.wait() == 65 and words in control.log()
