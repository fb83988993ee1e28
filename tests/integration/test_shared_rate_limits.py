"""Rate limits that data planes share by a real Redis: exact while it answers, without waiting while it does not."""
import collections
import concurrent.futures
import http.client
import re
import time

import pytest

from support.gateway import get, wait_until
from support.pki import Pki
from support.ports import free_port
from support.redis import Redis

NUMBERS = "requests: 200, per: 1h"


def routes(numbers=NUMBERS, more=""):
    return f'routes: [{{path: "/**", service: s, rate_limit: {{{numbers}}}}}]\n{more}'


def ask(port, count, path="/x"):
    """(status, seconds) of requests one behind the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    try:
        for _ in range(count):
            begin = time.monotonic()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            found.append((answer.status, time.monotonic() - begin))
    finally:
        connection.close()
    return found


def statuses(*found):
    return collections.Counter(status for part in found for status, _ in part)


def metric(data, name, **labels):
    wanted = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else ""
    found = re.search(rf"^{name}{re.escape(wanted)} (\d+)$", data.status("/metrics").text, re.M)
    return int(found[1]) if found else None


def judged(data, by):
    return metric(data, "gateway_rate_limit_shared_requests_total", by=by)


class Fleet:
    def __init__(self, stage, text, redis_port, planes=2, workers=2, **env):
        backend = stage.backend("s")
        self.control = stage.control_plane(text, f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}\n',
                                           env={"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_port), **env})
        self.planes = [stage.data_plane(self.control.xds(), node_id=f"node-{n}", workers=workers) for n in range(planes)]
        self.ports = [data.wait_until_ready() for data in self.planes]

    def flood(self, clients, count):
        """From all clients at once, half of them to each data plane."""
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            return statuses(*pool.map(lambda n: ask(self.ports[n % len(self.ports)], count), range(clients)))


@pytest.fixture
def redis(stage, tmp_path):
    made = Redis(tmp_path / "redis")
    stage.started.append(made)
    return made


def test_two_data_planes_count_as_one(stage, redis):
    fleet = Fleet(stage, routes("requests: 1000, per: 1h"), redis.port, GATEWAY_REDIS_TIMEOUT="5s")  # this machine may be slow
    found = fleet.flood(16, 125)
    assert 990 <= found[200] <= 1010 and found[200] + found[429] == 2000, found
    assert sum(judged(data, "redis") for data in fleet.planes) == 2000
    refused = get(fleet.ports[0], "/x")
    assert refused.status == 429 and refused.headers["ratelimit-limit"] == "1000" and int(refused.headers["retry-after"]) in (3, 4)
    keys = redis.cli("keys", "*").split()
    assert len(keys) == 1 and re.fullmatch(r"gateway:route//\*\*/0:[0-9a-f]{32}", keys[0])
    assert 0 < int(redis.cli("pttl", keys[0])) <= 3601 * 1000


def test_all_limits_of_a_request_are_one_question_and_none_loses_a_token_for_another(stage, redis):
    more = "rate_limits: {global: {requests: 6, per: 1h, key: all}, services: {s: {requests: 100, per: 1h}}}"
    fleet = Fleet(stage, routes("requests: 4, per: 1h, key: {header: X-Key}", more), redis.port, planes=1, workers=1)
    assert statuses(ask(fleet.ports[0], 10)) == {200: 4, 429: 6}
    def with_key(count):
        return collections.Counter(get(fleet.ports[0], "/x", {"X-Key": "other"}).status for _ in range(count))
    assert with_key(5) == {200: 2, 429: 3}  # six of all together
    assert len(redis.cli("keys", "*").split()) == 4
    calls = re.findall(r"cmdstat_eval(?:sha)?:calls=(\d+)", redis.cli("info", "commandstats"))
    assert sum(map(int, calls)) == 15


def test_a_server_that_is_emptied_gets_the_script_again(stage, redis):
    fleet = Fleet(stage, routes("requests: 5, per: 1h"), redis.port, planes=1, workers=1)
    assert statuses(ask(fleet.ports[0], 7)) == {200: 5, 429: 2}
    redis.cli("flushall")
    redis.cli("script", "flush")
    found = ask(fleet.ports[0], 7)
    assert statuses(found) == {200: 5, 429: 2}
    assert judged(fleet.planes[0], "redis") == 14


def test_while_redis_is_killed_each_takes_its_share_and_nobody_waits(stage, redis, tmp_path):
    fleet = Fleet(stage, routes("requests: 400, per: 1h"), redis.port)
    for data in fleet.planes:
        wait_until(lambda: metric(data, "gateway_fleet_size") == 2, "the fleet's size")
    time_up = time.monotonic() + 12
    assert fleet.flood(2, 10) == {200: 20}
    redis.kill()
    redis.wait()
    wait_until(lambda: time.monotonic() > time_up, "the size to be known to the limits", 30)
    begin = [judged(data, "local") for data in fleet.planes]
    found = fleet.flood(8, 100)
    assert 0.85 * 380 <= found[200] <= 1.15 * 380, found  # what Redis had counted is taken into account
    assert sum(judged(data, "local") for data in fleet.planes) - sum(begin) == 800
    waits = sorted(seconds for _, seconds in ask(fleet.ports[0], 300))
    assert waits[296] < 0.02
    # Back, and empty: what was taken meanwhile is told, so there is no second burst.
    again = Redis(tmp_path / "again", port=redis.port)
    stage.started.append(again)
    for data, port in zip(fleet.planes, fleet.ports):
        wait_until(lambda: ask(port, 1) and data.log().count("answers again") == 2, "Redis to be asked again by both workers")
    found = fleet.flood(8, 100)
    assert found[200] <= 0.15 * 400, found


def test_a_paused_redis_costs_at_most_one_timeout_and_is_asked_again_when_it_goes_on(stage, redis):
    fleet = Fleet(stage, routes("requests: 1000000, per: 1h"), redis.port, planes=1, workers=1)
    assert statuses(ask(fleet.ports[0], 50)) == {200: 50}
    redis.pause()
    try:
        found = ask(fleet.ports[0], 500)
        assert statuses(found) == {200: 500}
        slow = [seconds for _, seconds in found if seconds > 0.015]
        assert len(slow) <= 3 and max(seconds for _, seconds in found) < 0.5, slow
        assert "it did not answer in time" in fleet.planes[0].log()
    finally:
        redis.go_on()
    before = judged(fleet.planes[0], "redis")
    wait_until(lambda: ask(fleet.ports[0], 1) and judged(fleet.planes[0], "redis") > before, "Redis to be asked again")


@pytest.mark.parametrize("policy, expected", [("open", {200: 20}), ("closed", {503: 20}), ("local", {200: 5, 429: 15})])
def test_the_policy_says_what_becomes_of_requests_without_redis(stage, tmp_path, policy, expected):
    port = free_port()
    # Which a fresh data plane waits for, if it would refuse requests without it.
    redis = Redis(tmp_path / "redis", port=port) if policy == "closed" else None
    fleet = Fleet(stage, routes("requests: 5, per: 1h"), port, planes=1, GATEWAY_REDIS_ON_FAILURE=policy)
    if redis is not None:
        redis.stop()
    assert statuses(ask(fleet.ports[0], 20)) == expected
    assert judged(fleet.planes[0], policy) == 20
    if policy == "closed":
        log = wait_until(lambda: [line for line in fleet.planes[0].access_log() if line["response_code"] == 503], "the line")[0]
        assert log["response_code_details"] == "rate_limit_unavailable"


def test_a_cluster_is_refused_in_a_clear_word(stage, tmp_path):
    server = Redis(tmp_path / "cluster", "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    stage.started.append(server)
    fleet = Fleet(stage, routes("requests: 5, per: 1h"), server.port, planes=1)
    assert statuses(ask(fleet.ports[0], 7)) == {200: 5, 429: 2}
    wait_until(lambda: "it is part of a cluster, which is not supported" in fleet.planes[0].log(), "the word")


@pytest.mark.parametrize("host, word", [("rediss://redis", "TLS"), ("a:1,b:2", "Cluster and Sentinel"), ("redis://redis/0", "a name or an address")])
def test_what_the_host_can_not_be_is_a_mistake(stage, host, word):
    backend = stage.backend("s")
    control = stage.control_plane(routes(), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}\n', env={"REDIS_HOST": host})
    control.expected_code = 65
    assert control.wait() == 65
    assert "REDIS_HOST" in control.log() + control.output() and word in control.log() + control.output()


def test_the_password_goes_by_mutual_tls_alone_and_nobody_tells_it(stage, tmp_path):
    """With user and database; wrong ones are told without being named."""
    redis = Redis(tmp_path / "redis", "--requirepass", "other")
    stage.started.append(redis)
    subprocess_words = ["-a", "other", "--no-auth-warning"]
    redis.cli(*subprocess_words, "acl", "setuser", "limits", "on", ">s3cret-of-redis", "~gw:*", "+@all", "-@dangerous", "+info")
    pki = Pki(tmp_path / "pki").control_plane().issue("node-1", "--node", "default/node-1").issue("node-2", "--node", "default/node-2")
    backend = stage.backend("s")
    control = stage.control_plane(routes("requests: 5, per: 1h"), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}\n',
                                  env={"REDIS_HOST": "localhost", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": "s3cret-of-redis",
                                       "GATEWAY_REDIS_USER": "limits", "GATEWAY_REDIS_DATABASE": "3", "GATEWAY_REDIS_PREFIX": "gw:"},
                                  args=pki.flags("xds-tls", "control-plane"))
    data = [stage.data_plane(control.xds(), node_id=f"node-{n}", args=pki.flags("xds-tls", f"node-{n}")) for n in (1, 2)]
    ports = [made.wait_until_ready() for made in data]
    for made, port in zip(data, ports):
        wait_until(lambda: ask(port, 1, "/x") and judged(made, "redis"), "Redis to be asked")
    assert sum(status == 200 for port in ports for status, _ in ask(port, 20)) <= 5
    assert redis.cli(*subprocess_words, "-n", "3", "keys", "*").startswith("gw:route")
    shown = "".join(made.log() + made.output() + made.admin("/config_dump").text + made.status("/metrics").text for made in data)
    shown += control.log() + control.output() + control.ctl("status").stdout
    assert "s3cret-of-redis" not in shown
    redis.cli(*subprocess_words, "acl", "setuser", "limits", "resetpass", ">changed")
    redis.cli(*subprocess_words, "client", "kill", "type", "normal", "skipme", "yes")
    wait_until(lambda: ask(ports[0], 1) and "it refuses user or password" in data[0].log(), "the refusal")


def test_without_the_password_redis_counts_as_away(stage, tmp_path):
    redis = Redis(tmp_path / "redis", "--requirepass", "s3cret-of-redis")
    stage.started.append(redis)
    backend = stage.backend("s")
    control = stage.control_plane(routes("requests: 5, per: 1h"), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}\n',
                                  env={"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": "s3cret-of-redis"})
    data = stage.data_plane(control.xds())
    data.wait_for_ports()
    port = data.port()  # it goes on without the secret after 15 s
    assert statuses(ask(port, 7)) == {200: 5, 429: 2}
    assert "the password of Redis is missing" in data.log()
    wait_until(lambda: ask(port, 1) and "it wants a password" in data.log(), "the word")
