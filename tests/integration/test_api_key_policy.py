"""What API keys bring with them: plans, the bucket of failed credentials, and the pepper that they are hashed under."""
import collections
import os
import signal
import time

import jwt
from support.gateway import request, wait_until
from test_api_keys import Room, ask

SECRET = "0123456789abcdef0123456789abcdef"
ROUTES = """\
auth: {api_keys: true}
rate_limits: {plans: {gold: {requests: 5, per: 1h}, bronze: {requests: 2, per: 1h}}}
routes:
  - {path: /keys, service: backend, auth_required: true}
  - {path: /dear, service: backend, auth_required: true, rate_limit: {requests: 3, per: 1h, plans: {silver: 4}}}
  - {path: /open, service: backend}
"""
WRONG = "gwk_aaaaaaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def start(stage, folder, **env):
    made = Room(stage, folder, routes=ROUTES, env={"JWT_SECRET_KEY": SECRET, "GATEWAY_TRUSTED_PROXIES": "127.0.0.0/8", **env})
    wait_until(lambda: "gateway_controlplane_store_up 1" in made.control.http("/metrics").text, "the store")
    return made


def token(user):
    return jwt.encode({"sub": user, "exp": int(time.time()) + 600}, SECRET, "HS256")


def statuses(port, count, key=None, path="/keys", user=None):
    fields = {"Authorization": f"Bearer {token(user)}"} if user else {}
    return collections.Counter(ask(port, key, path, **fields).status for _ in range(count))


# --- plans ---

def test_each_plan_has_its_own_limit_for_each_user(stage, tmp_path):
    room = start(stage, tmp_path)
    keys = {name: room.create(*args)[0] for name, args in (("gold", ["--plan", "gold"]), ("bronze", ["--plan", "bronze"]), ("other", ["--plan", "gold"]), ("none", []), ("unknown", ["--plan", "tin"]))}
    _, port = room.data_plane()
    bob = room.control.ctl("keys", "create", "--owner", "bob", "--plan", "gold", check=0).stdout.strip()
    assert statuses(port, 4, keys["gold"]) == {200: 4}
    assert statuses(port, 4, keys["other"]) == {200: 1, 429: 3}, "both keys are ann's"
    wait_until(lambda: ask(port, bob).status == 200, "bob's key")
    assert statuses(port, 6, bob) == {200: 4, 429: 2}
    assert statuses(port, 3, keys["bronze"]) == {200: 2, 429: 1}, "another plan is another limit"
    refused = ask(port, keys["gold"])
    assert (refused.status, refused.headers["RateLimit-Limit"]) == (429, "5") and int(refused.headers["Retry-After"]) > 0
    assert statuses(port, 10, keys["none"]) == {200: 10} and statuses(port, 10, keys["unknown"]) == {200: 10}


def test_a_route_s_limit_is_another_for_a_plan(stage, tmp_path):
    room = start(stage, tmp_path)
    silver, plain = room.create("--plan", "silver")[0], room.control.ctl("keys", "create", "--owner", "bob", check=0).stdout.strip()
    _, port = room.data_plane()
    assert statuses(port, 6, silver, "/dear") == {200: 4, 429: 2}
    assert statuses(port, 6, plain, "/dear") == {200: 3, 429: 3}
    assert statuses(port, 6, user="eve", path="/dear") == {200: 3, 429: 3}


def test_with_token_and_key_the_user_is_the_token_s_and_the_plan_the_key_s(stage, tmp_path):
    room = start(stage, tmp_path)
    gold = room.create("--plan", "gold", "--name", "Ann's")[0]
    _, port = room.data_plane()
    assert statuses(port, 8, user="tom") == {200: 8}, "a token has no plan"
    answer = ask(port, gold, Authorization=f"Bearer {token('tom')}")
    fields = {name.lower(): value for name, value in answer.json()["headers"]}
    assert (fields["x-user-id"], fields["x-auth-method"]) == ("tom", "jwt") and "x-user-name" not in fields
    assert "x-api-key" not in fields and "authorization" not in fields
    assert statuses(port, 6, gold, user="tom") == {200: 4, 429: 2}, "five in all, as the key's plan says"
    assert statuses(port, 6, gold) == {200: 5, 429: 1}, "ann has hers still: the limit was counted for tom"
    assert statuses(port, 3, user="tom") == {200: 3}, "without the key there is no plan"
    # One bad credential is enough to be refused, whatever the other one is.
    assert ask(port, gold[:-1] + ("a" if gold[-1] != "a" else "b"), Authorization=f"Bearer {token('tom')}").status == 401
    assert ask(port, gold, Authorization=f"Bearer {token('tom')}x").status == 401


# --- the bucket of failed credentials ---

def test_who_guesses_keys_is_not_listened_to_for_a_while(stage, tmp_path):
    room = start(stage, tmp_path, GATEWAY_MAX_FAILED_CREDENTIALS="5")
    text, revoked_id = room.create()
    gone, gone_id = room.create("--expires", "720h")
    data, port = room.data_plane()
    room.control.ctl("keys", "expire", gone_id, "--expires", "1s", check=0)
    guesser, other = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
    wait_until(lambda: ask(port, gone, **{"X-Forwarded-For": "192.0.2.9"}).status in (401, 429), "the expiry")
    # Each way of being wrong counts: unknown, of a wrong secret, too long, several, expired, in the other field.
    for fields in ({"X-Api-Key": WRONG}, {"X-Api-Key": text[:-1] + ("a" if text[-1] != "a" else "b")}, {"X-Api-Key": "x" * 2000},
                   {"X-Api-Key": text, "Authorization": f"ApiKey {text}"}, {"Authorization": f"ApiKey {gone}"}):
        assert request(port, "/keys", headers={**guesser, **fields}).status == 401
    for fields in ({"X-Api-Key": text}, {}):
        answer = request(port, "/keys", headers={**guesser, **fields, "User-Agent": "guess"})
        assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 60
    line = wait_until(lambda: next((x for x in data.access_log() if x["user_agent"] == "guess"), None), "the access log's line")
    assert (line["response_code_details"], line["response_flags"]) == ("too_many_failed_credentials", "RL")
    assert request(port, "/open", headers=guesser).status == 200, "what asks for no credentials is open"
    assert request(port, "/keys", headers={**other, "X-Api-Key": text}).status == 200, "others are not held for it"
    for _ in range(20):
        assert request(port, "/keys", headers={"X-Forwarded-For": "192.0.2.3"}).status == 401, "no credentials are no guess"
    assert "gateway_failed_credentials_refused_total 2\n" in data.status("/metrics").text


def test_keys_that_can_not_be_checked_are_no_guesses(stage, tmp_path):
    """On a plaintext control channel there is no pepper: that is nobody's fault."""
    backend = stage.backend()
    control = stage.control_plane(ROUTES, f'services: {{backend: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  env={"JWT_SECRET_KEY": SECRET, "GATEWAY_MAX_FAILED_CREDENTIALS": "3"})
    data = stage.data_plane(control.xds())
    data.wait_for_ports()
    port = data.port()
    wait_until(lambda: request(port, "/open").status == 200, "the data plane")
    assert [request(port, "/keys", headers={"X-Api-Key": WRONG}).status for _ in range(8)] == [503] * 8


# --- the pepper ---

def test_pepper_is_read_again_on_sighup(stage, tmp_path):
    file = tmp_path / "pepper"

    def write(text):
        fresh = tmp_path / "pepper.new"
        fresh.write_text(text + "\n")
        fresh.chmod(0o600)
        fresh.rename(file)

    first, second = "first-pepper-0123456789-0123456789", "second-pepper-0123456789-0123456789"
    write(first)
    room = start(stage, tmp_path, GATEWAY_API_KEY_PEPPER_FILE=str(file))
    data, port = room.data_plane()
    old = room.create()[0]
    wait_until(lambda: ask(port, old).status == 200, "the key")
    write(second)
    assert ask(port, old).status == 200, "nobody has said that it should be read"
    os.kill(room.control.pid, signal.SIGHUP)
    wait_until(lambda: ask(port, old).status == 401, "the other pepper")
    new = room.create()[0]
    wait_until(lambda: ask(port, new).status == 200, "a key under the other pepper")
    # One that is too short, or a file that is not there, changes nothing and is told without its content.
    for text, words in (("too-short", "at least 32"), (None, "No such file")):
        write(text) if text else file.unlink()
        os.kill(room.control.pid, signal.SIGHUP)
        wait_until(lambda: words in room.control.log(), "the complaint")
        assert ask(port, new).status == 200 and ask(port, old).status == 401
    log = room.control.log()
    assert "the pepper of API keys stays as it was" in log and "too-short" not in log and first not in log and second not in log
    write(first)
    os.kill(room.control.pid, signal.SIGHUP)
    wait_until(lambda: ask(port, old).status == 200, "the first pepper, and its keys")
    assert ask(port, new).status == 401
    # A data plane that comes later is told the same.
    assert ask(room.data_plane(node_id="node-2")[1], old).status == 200
