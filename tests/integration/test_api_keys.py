"""API keys end to end: made by gatewayctl, served by xDS, asked for by data planes."""
import json
import re
import time

import pytest
from support.gateway import get, request, wait_until
from support.pki import Pki

ROUTES = """\
auth: {api_keys: {header: X-Api-Key}}
routes:
  - {path: /keys, service: backend, auth_required: true}
  - {path: /open, service: backend}
"""


def services(backend):
    return f'services: {{backend: {{instances: [{{url: "http://127.0.0.1:{backend.port}"}}]}}}}'


class Room:
    """A control plane with keys, and data planes over mutual TLS."""

    def __init__(self, stage, folder, args=(), env=None, routes=ROUTES):
        self.stage, self.backend = stage, stage.backend()
        self.pki = Pki(folder / "pki").control_plane()
        self.pki.issue("node", "--node", "default/*")
        self.control = stage.control_plane(routes, services(self.backend), args=[*self.pki.flags("xds-tls", "control-plane"), *args], env=env)

    def data_plane(self, **kw):
        made = self.stage.data_plane(self.control.xds(), args=self.pki.flags("xds-tls", "node"), **kw)
        return made, made.wait_until_ready()

    def create(self, *args):
        text = self.control.ctl("keys", "create", "--owner", "ann", *args, check=0).stdout.strip()
        return text, text.split("_")[1]

    def listed(self, *args):
        return {key["id"]: key for key in json.loads(self.control.ctl("keys", "list", "-o", "json", *args, check=0).stdout)["keys"]}


@pytest.fixture
def room(stage, tmp_path):
    made = Room(stage, tmp_path)
    wait_until(lambda: "gateway_controlplane_store_up 1" in made.control.http("/metrics").text, "the store")
    return made


def ask(port, key=None, path="/keys", **headers):
    return request(port, path, headers={**({"X-Api-Key": key} if key else {}), **headers})


def metric(data, name):
    for line in data.status("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no {name}")


def test_key_is_live_at_once_and_revoked_at_once(room):
    data, port = room.data_plane()
    assert ask(port, "gwk_aaaaaaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").status == 401
    text, key_id = room.create()
    begun = time.monotonic()
    wait_until(lambda: ask(port, text).status == 200, "the new key", interval=0.001)
    live_s = time.monotonic() - begun
    room.control.ctl("keys", "revoke", key_id, check=0)
    begun = time.monotonic()
    wait_until(lambda: ask(port, text).status == 401, "the revocation", interval=0.001)
    print(f"live {live_s * 1000:.0f} ms after the answer, revoked after {(time.monotonic() - begun) * 1000:.0f} ms")


def test_what_is_not_one_good_key_is_401(room):
    data, port = room.data_plane()
    text, _ = room.create()
    wait_until(lambda: ask(port, text).status == 200, "the new key")
    for answer, words in ((ask(port), "needed"), (ask(port, text[:-1]), "not valid"), (ask(port, text + "a"), "not valid"),
                          (ask(port, text[:-1] + ("a" if text[-1] != "a" else "b")), "not valid"), (ask(port, "x" * 2000), "not valid"),
                          (ask(port, text, Authorization=f"ApiKey {text}"), "more than one")):
        assert answer.status == 401 and words in answer.text
        assert answer.headers.get_all("WWW-Authenticate") == ['ApiKey realm="gateway"']
    assert ask(port, Authorization=f"ApiKey {text}").status == 200
    assert ask(port, Authorization=f"apikey {text}").status == 200
    assert ask(port, path="/open").status == 200 and ask(port, "nonsense", path="/open").status == 200
    assert ask(port, path="/nowhere").status == 404
    assert metric(data, 'gateway_api_key_requests_total{result="allowed"}') >= 3
    assert metric(data, 'gateway_api_key_requests_total{result="missing"}') == 1
    assert metric(data, 'gateway_api_key_requests_total{result="several"}') == 1


def test_service_gets_the_owner_and_not_the_key(room):
    _, port = room.data_plane()
    text, _ = room.create("--role", "admin", "--role", "viewer", "--permission", "projects:*", "--name", "Ann")
    wait_until(lambda: ask(port, text).status == 200, "the new key")
    for answer in (ask(port, text), ask(port, Authorization=f"ApiKey {text}"), ask(port, text, **{"X-User-Id": "root"})):
        fields = {name.lower(): value for name, value in answer.json()["headers"]}
        assert (fields["x-user-id"], fields["x-user-name"], fields["x-user-roles"], fields["x-user-permissions"], fields["x-auth-method"]) == (
            "ann", "Ann", "admin,viewer", "projects:*", "api_key")
        assert "x-api-key" not in fields and "authorization" not in fields and text not in answer.text
    # Where nobody asks for a key, it is the service's own business.
    assert {name.lower(): value for name, value in ask(port, "its own", path="/open").json()["headers"]}["x-api-key"] == "its own"


def test_imported_key_and_expiry(room, tmp_path):
    _, port = room.data_plane()
    file = tmp_path / "keys.txt"
    file.write_text("an-old-key bob roles=viewer\n")
    room.control.ctl("keys", "import", file, check=0)
    wait_until(lambda: ask(port, "an-old-key").status == 200, "the imported key")
    assert ask(port, "an-old-kex").status == 401
    text, key_id = room.create("--expires", "720h")
    wait_until(lambda: ask(port, text).status == 200, "the new key")
    room.control.ctl("keys", "expire", key_id, "--expires", "1s", check=0)
    wait_until(lambda: ask(port, text).status == 401, "the expiry")


def test_rotated_keys_work_side_by_side(room):
    _, port = room.data_plane()
    text, key_id = room.create()
    fresh = room.control.ctl("keys", "rotate", key_id, check=0).stdout.strip()
    wait_until(lambda: ask(port, fresh).status == 200, "the new key")
    assert ask(port, text).status == 200


def test_keys_work_while_the_control_plane_is_away_and_after_it_came_back(room, stage):
    data, port = room.data_plane()
    text, key_id = room.create()
    wait_until(lambda: ask(port, text).status == 200, "the new key")
    xds_port = room.control.ports()["xds"]
    assert room.control.stop() == 0
    assert ask(port, text).status == 200
    folder = room.control.token_path.parent
    again = stage.control_plane(ROUTES, services(room.backend), xds_port=xds_port,
                                args=[*room.pki.flags("xds-tls", "control-plane"), "--store", f"sqlite://{folder}/gateway.db"])
    wait_until(lambda: [n for n in json.loads(again.ctl("status", "-o", "json", check=0).stdout)["nodes"] if n["state"] == "SYNCED"], "the node")
    assert ask(port, text).status == 200
    types = {t["type"]: t for t in json.loads(again.ctl("status", "-o", "json", check=0).stdout)["nodes"][0]["types"]}
    assert types["keys"]["resources_sent"] == 0
    again.ctl("keys", "revoke", key_id, check=0)
    wait_until(lambda: ask(port, text).status == 401, "the revocation")


def test_store_that_is_away_at_the_start_takes_no_keys_from_data_planes(room, stage):
    """A control plane that does not know the keys must not say that there are none."""
    data, port = room.data_plane()
    text, _ = room.create()
    wait_until(lambda: ask(port, text).status == 200, "the new key")
    xds_port = room.control.ports()["xds"]
    assert room.control.stop() == 0
    folder = room.control.token_path.parent
    (folder / "gateway.db").chmod(0o644)  # which it will not have
    again = stage.control_plane(ROUTES, services(room.backend), xds_port=xds_port,
                                args=[*room.pki.flags("xds-tls", "control-plane"), "--store", f"sqlite://{folder}/gateway.db"])
    wait_until(lambda: [n for n in json.loads(again.ctl("status", "-o", "json", check=0).stdout)["nodes"] if n["state"] == "SYNCED"], "the node")
    assert json.loads(again.ctl("status", "-o", "json", check=0).stdout)["store"]["state"] == "AWAY"
    assert ask(port, text).status == 200
    (folder / "gateway.db").chmod(0o600)
    fresh = wait_until(lambda: (done := again.ctl("keys", "create", "--owner", "bob")).returncode == 0 and done.stdout.strip(), "the store")
    wait_until(lambda: ask(port, fresh).status == 200, "the new key")
    assert ask(port, text).status == 200


def test_without_mutual_tls_keys_are_withheld_and_answer_503(stage):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    text = wait_until(lambda: control.ctl("keys", "create", "--owner", "ann").stdout.strip(), "a key")
    data = stage.data_plane(control.xds())
    port = wait_until(lambda: data.ports().get("listeners", {}).get("gateway"), "the listener")
    wait_until(lambda: get(port, "/open").status == 200, "the data plane")
    assert ask(port, text).status == 503
    assert ask(port).status == 401


def test_keys_are_kept_with_the_last_known_good_configuration_where_that_is_sealed(room, tmp_path):
    (tmp_path / "cache.key").write_text("k" * 40)
    kept = ["--cache-dir", tmp_path / "cache", "--cache-key-file", tmp_path / "cache.key"]
    text, _ = room.create()
    data = room.stage.data_plane(room.control.xds(), args=[*room.pki.flags("xds-tls", "node"), *kept])
    port = data.wait_until_ready()
    assert ask(port, text).status == 200
    file = tmp_path / "cache" / "last-known-good"
    first = wait_until(lambda: file.exists() and file.stat().st_size, "the cache")
    fresh, _ = room.create()
    wait_until(lambda: ask(port, fresh).status == 200, "the new key")
    wait_until(lambda: file.stat().st_size > first, "the new key in the cache")
    assert data.stop() == 0
    assert room.control.stop() == 0
    again = room.stage.data_plane(f"127.0.0.1:{room.control.ports()['xds']}",
                                  args=[*room.pki.flags("xds-tls", "node"), *kept], name="again")
    port = again.wait_until_ready()
    assert ask(port, text).status == 200 and ask(port, fresh).status == 200
    assert ask(port, fresh[:-1] + ("a" if fresh[-1] != "a" else "b")).status == 401


def test_last_use_is_told(room):
    _, port = room.data_plane()
    text, key_id = room.create()
    wait_until(lambda: ask(port, text).status == 200, "the new key")
    assert ask(port, "gwk_aaaaaaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").status == 401
    used = wait_until(lambda: room.listed()[key_id]["last_used_at_s"], "the last use")
    assert abs(used - time.time()) < 60
    wait_until(lambda: json.loads(room.control.ctl("status", "-o", "json", check=0).stdout)["store"]["unknown_keys"] >= 1, "unknown keys")


def test_no_secret_in_anything_that_is_printed_or_served(room):
    data, port = room.data_plane()
    text, key_id = room.create("--role", "admin")
    wait_until(lambda: ask(port, text).status == 200, "the new key")
    pepper = (room.control.token_path.parent / "api_key.pepper").read_text().strip()
    room.control.ctl("keys", "revoke", key_id, check=0)
    wait_until(lambda: ask(port, text).status == 401, "the revocation")
    everything = [room.control.log(), room.control.output(), data.log(), data.output()]
    everything += [data.admin(path).text for path in ("/config_dump", "/clusters", "/listeners", "/stats")]
    everything += [data.status("/metrics").text, room.control.http("/metrics").text]
    everything += [room.control.ctl(*args).stdout for args in (["status", "-o", "json"], ["keys", "list", "--ended", "-o", "json"])]
    for piece in everything:
        assert text[-32:] not in piece and pepper not in piece
