"""API keys in the control plane: gatewayctl keys, the store in SQLite and MariaDB, databases that go away."""
import json
import os
import re
import stat
import time

import pytest
from support.gateway import PATIENCE_S, wait_until
from support.mariadb import PASSWORD, USER, MariaDb

ROUTES = "routes: [{path: /hello, service: backend}]"
SERVICES = "services: {backend: {instances: [{url: http://127.0.0.1:9}]}}"
PEPPER = "a pepper that is long enough for anybody"
KEY = re.compile(r"^gwk_[a-z2-7]{16}_[a-z2-7]{32}$")


@pytest.fixture
def mariadb(tmp_path):
    made = MariaDb(tmp_path / "mariadb")
    yield made
    made.stop()


@pytest.fixture
def control(stage):
    made = stage.control_plane(ROUTES, SERVICES)
    wait_for_store(made)
    return made


def status(control):
    return json.loads(control.ctl("status", "-o", "json", check=0).stdout)


def wait_for_store(control, state="READY"):
    return wait_until(lambda: (store := status(control)["store"])["state"] == state and store, f"a store that is {state}")


def listed(control, *args):
    return {key["id"]: key for key in json.loads(control.ctl("keys", "list", "-o", "json", *args, check=0).stdout)["keys"]}


def create(control, *args):
    """The key, and its id."""
    text = control.ctl("keys", "create", "--owner", "ann", *args, check=0).stdout.strip()
    assert KEY.match(text)
    return text, text.split("_")[1]


# --- gatewayctl keys ---

def test_life_of_a_key(control):
    text, key_id = create(control, "--name", "nightly", "--role", "admin", "--role", "viewer", "--permission", "projects:*", "--plan", "gold",
                          "--expires", "720h")
    key = listed(control)[key_id]
    assert (key["owner"], key["name"], key["roles"], key["permissions"], key["plan"], key["state"]) == (
        "ann", "nightly", ["admin", "viewer"], ["projects:*"], "gold", "ACTIVE")
    assert 719 * 3600 < key["expires_at_s"] - time.time() < 721 * 3600
    shown = control.ctl("keys", "show", key_id, check=0)
    assert "nightly" in shown.stdout and text not in shown.stdout + shown.stderr
    rotated = control.ctl("keys", "rotate", key_id, "--grace", "1h", check=0)
    fresh = rotated.stdout.strip()
    assert KEY.match(fresh) and fresh != text and f"{key_id}, goes on for 1h" in rotated.stderr
    keys = wait_until(lambda: len(all_of := listed(control)) == 2 and all_of, "both keys")
    assert keys[fresh.split("_")[1]]["roles"] == ["admin", "viewer"]
    assert keys[key_id]["expires_at_s"] <= time.time() + 3600
    control.ctl("keys", "expire", key_id, "--expires", "never", check=0)
    wait_until(lambda: listed(control)[key_id]["expires_at_s"] == 0, "no expiry")
    assert control.ctl("keys", "revoke", key_id, fresh.split("_")[1], check=0).stdout == "2 revoked\n"
    wait_until(lambda: listed(control) == {}, "no live keys")
    assert {key["state"] for key in listed(control, "--ended").values()} == {"REVOKED"}
    assert control.ctl("keys", "revoke", key_id, check=0).stdout == "0 revoked\n"
    assert "revoked" in control.ctl("keys", "rotate", key_id, check=70).stderr


def test_words_of_mistakes(control):
    assert "--owner" in control.ctl("keys", "create", check=64).stderr
    assert "there is no key nobody" in control.ctl("keys", "show", "nobody", check=66).stderr
    assert "there is no key nobody" in control.ctl("keys", "revoke", "nobody", check=66).stderr
    assert "720h" in control.ctl("keys", "create", "--owner", "ann", "--expires", "soon", check=64).stderr
    assert "passed" in control.ctl("keys", "create", "--owner", "ann", "--expires", "2020-01-01", check=70).stderr
    assert "does not take" in control.ctl("keys", "show", "x", "--owner", "ann", check=64).stderr
    assert "comma" in control.ctl("keys", "create", "--owner", "ann", "--role", "a,b", check=70).stderr


def test_import_of_keys_that_others_issued(control, tmp_path):
    file = tmp_path / "keys.txt"
    file.write_text("# from the origin\nold-key-of-ann ann roles=admin,viewer plan=gold\n"
                    f"hmac:{'ab' * 32} bob name=known-by-hash expires=2099-01-31\n\n")
    assert control.ctl("keys", "import", file, check=0).stdout == "2 imported\n"
    keys = wait_until(lambda: len(all_of := listed(control)) == 2 and all_of, "both keys")
    by_owner = {key["owner"]: key for key in keys.values()}
    assert by_owner["ann"]["roles"] == ["admin", "viewer"] and by_owner["ann"]["imported"]
    assert by_owner["bob"]["name"] == "known-by-hash" and by_owner["bob"]["expires_at_s"] > 4e9
    again = control.ctl("keys", "import", file, check=70)
    assert "is there already" in again.stderr and "old-key-of-ann" not in again.stderr
    file.write_text("only-a-key\nk ann what\nhmac:12 ann\n")
    bad = control.ctl("keys", "import", file, check=65).stderr
    assert "keys.txt:1: an owner" in bad and "keys.txt:2: NAME=VALUE" in bad and "keys.txt:3: hmac" in bad and "only-a-key" not in bad


def test_more_keys_than_one_page(control, tmp_path):
    file = tmp_path / "keys.txt"
    file.write_text("".join(f"key-{i} user-{i % 7}\n" for i in range(2300)))
    assert control.ctl("keys", "import", file, check=0).stdout == "2300 imported\n"
    wait_until(lambda: len(listed(control)) == 2300, "all keys")
    assert len(listed(control, "--owner", "user-3")) == len([i for i in range(2300) if i % 7 == 3])


# --- SQLite ---

def test_keys_outlive_the_control_plane_in_a_file_of_its_own(stage, control):
    _, key_id = create(control)
    folder = control.token_path.parent
    for name in ("gateway.db", "api_key.pepper"):
        assert stat.S_IMODE(os.stat(folder / name).st_mode) == 0o600
    assert control.stop() == 0
    again = stage.control_plane(ROUTES, SERVICES, args=["--store", f"sqlite://{folder}/gateway.db"])
    wait_for_store(again)
    assert key_id in listed(again)


def test_two_control_planes_on_one_file(stage, control):
    other = stage.control_plane(ROUTES, SERVICES, args=["--store", f"sqlite://{control.token_path.parent}/gateway.db"])
    wait_for_store(other)
    _, key_id = create(control)
    begun = time.monotonic()
    wait_until(lambda: key_id in listed(other), "the other one's key")
    assert time.monotonic() - begun < PATIENCE_S
    other.ctl("keys", "revoke", key_id, check=0)
    wait_until(lambda: key_id not in listed(control), "the other one's revocation")


def test_wrong_stores_and_peppers_are_mistakes_at_the_start(stage):
    for args, env, words in ((["--store", "postgres://x"], {}, "sqlite:///PATH"),
                             (["--store", "mysql://me:secret@db/x"], {}, "MYSQL_PASSWORD"),
                             ([], {"GATEWAY_API_KEY_PEPPER": "short"}, "at least 32"),
                             (["--set", "MYSQL_PASSWORD=x"], {}, "shown by ps"),
                             ([], {"GATEWAY_API_KEY_PEPPER_FILE": "/nowhere/pepper"}, "No such file")):
        made = stage.control_plane(ROUTES, SERVICES, args=args, env=env)
        made.expected_code = 65
        assert made.wait() == 65
        assert words in made.log()


def test_store_where_nothing_can_be_written_keeps_nobody_from_starting(stage, tmp_path):
    (tmp_path / "file").write_text("no folder")
    control = stage.control_plane(ROUTES, SERVICES, args=["--store", f"sqlite://{tmp_path}/file/gateway.db"])
    assert "Not a directory" in wait_for_store(control, "AWAY")["problem"]
    assert control.http("/ready").status == 200
    assert "the database is away" in control.ctl("keys", "revoke", "x", check=70).stderr


# --- MariaDB ---

def mysql_control(stage, mariadb, **kw):
    return stage.control_plane(ROUTES, SERVICES, env={**mariadb.settings(), "GATEWAY_API_KEY_PEPPER": PEPPER}, **kw)


def test_mysql_from_the_settings_of_the_origin(stage, mariadb):
    control = mysql_control(stage, mariadb)
    store = wait_for_store(control)
    assert store["url"] == f"mysql://{USER}@127.0.0.1:{mariadb.port}/gateway"
    text, key_id = create(control, "--role", "r" * 200)
    assert key_id in listed(control)
    assert mariadb.sql("SELECT COUNT(*) FROM gateway_records WHERE kind = 'api_key'").strip() == "1"
    assert control.stop() == 0
    again = mysql_control(stage, mariadb)  # its tables are there already
    wait_for_store(again)
    assert listed(again)[key_id]["roles"] == ["r" * 200]
    assert mariadb.sql("SELECT GROUP_CONCAT(step) FROM gateway_schema").strip() == "1,2"
    for program in (control, again):
        everything = program.log() + program.output()
        for secret in (text, text[-32:], PASSWORD, PEPPER):
            assert secret not in everything


def test_two_control_planes_on_one_mysql_begin_at_once_and_follow_each_other(stage, mariadb):
    both = [mysql_control(stage, mariadb) for _ in range(2)]
    for control in both:
        wait_for_store(control)
    for here, there in (both, both[::-1]):
        _, key_id = create(here)
        wait_until(lambda: key_id in listed(there), "the other one's key")
        there.ctl("keys", "revoke", key_id, check=0)
        wait_until(lambda: key_id not in listed(here), "the other one's revocation")


@pytest.mark.parametrize("way", ["killed", "paused"])
def test_database_that_goes_away_stalls_nobody_and_comes_back(stage, mariadb, way):
    control = mysql_control(stage, mariadb)
    wait_for_store(control)
    _, key_id = create(control)
    assert key_id in listed(control)
    mariadb.kill() if way == "killed" else mariadb.pause()
    store = wait_for_store(control, "AWAY")
    assert store["problem"]
    # What it has read it still has, and all else goes on.
    assert key_id in listed(control)
    control.write(routes="routes: [{path: /other, service: backend}]")
    wait_until(lambda: "/other" in control.ctl("get", "routes", check=0).stdout, "another configuration")
    begun = time.monotonic()
    refused = control.ctl("keys", "create", "--owner", "ann", check=70)
    assert "the database is away" in refused.stderr
    assert time.monotonic() - begun < PATIENCE_S / 2
    assert "gateway_controlplane_store_up 0" in control.http("/metrics").text
    assert "AWAY" in control.ctl("status", check=0).stdout
    mariadb.start() if way == "killed" else mariadb.go_on()
    wait_for_store(control)
    _, other_id = create(control)
    assert {key_id, other_id} <= set(listed(control))
    assert PASSWORD not in control.log()


def test_database_that_is_not_there_at_the_start(stage, mariadb):
    mariadb.kill()
    control = mysql_control(stage, mariadb)
    store = wait_for_store(control, "AWAY")
    assert "MySQL" in store["problem"]
    assert control.http("/ready").status == 200
    mariadb.start()
    wait_for_store(control)
    create(control)


def test_newer_tables_are_left_alone(stage, mariadb):
    control = mysql_control(stage, mariadb)
    wait_for_store(control)
    assert control.stop() == 0
    mariadb.sql("INSERT INTO gateway_schema VALUES (99, 1)")
    store = wait_for_store(mysql_control(stage, mariadb), "AWAY")
    assert "upgrade this one" in store["problem"]
