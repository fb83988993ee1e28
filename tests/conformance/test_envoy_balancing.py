"""The same services.yaml in stock Envoy and in our data plane: the same share for each instance, the same instance for each key."""
import collections
import http.client
import re

import pytest

from support.envoy import Envoy

WEIGHTS = {"one": 1, "two": 2, "five": 5}
REQUESTS = 1600
KEYS = 400

POLICIES = {
    "round-robin": "round_robin",
    "weighted": "weighted",
    "least-connections": "least_connections",
    "random": "random",
    "weighted-random": "weighted_random",
    "ring": "{policy: ring_hash, hash: {header: X-Key}}",
    "maglev": "{policy: maglev, hash: {header: X-Key}}",
    "query": "{policy: maglev, hash: {query: key}}",
    "cookie": "{policy: ring_hash, hash: {cookie: {name: Key, ttl: 90s, path: /cookie}}}",
    "client": "{policy: maglev, hash: client_address}",
    "both": "{policy: maglev, hash: [{header: X-Key, terminal: true}, {query: key}, {header: X-Other}]}",
}


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("balancing"))
    backends = {name: stage.backend(name) for name in (*WEIGHTS, "spare", "off")}
    instances = [f'{{url: "{backends[name].url}", weight: {weight}}}' for name, weight in WEIGHTS.items()]
    instances.append(f'{{url: "{backends["spare"].url}", priority: 1}}')
    instances.append(f'{{url: "{backends["off"].url}", healthy: false}}')
    services = "services:\n" + "".join(
        f"  {name}: {{load_balancing: {policy}, instances: [{', '.join(instances)}]}}\n" for name, policy in POLICIES.items())
    routes = "routes:\n" + "".join(f'  - {{path: "/{name}", service: {name}}}\n' for name in POLICIES)
    control = stage.control_plane(routes, services)
    data = stage.data_plane(control.xds(), workers=1)
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    yield data.wait_until_ready(), envoy.port()
    stage.end()


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def get(self, path, headers=None):
        self.connection.request("GET", path, headers=headers or {})
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 200
        return answer

    def pick(self, path, headers=None):
        return self.get(path, headers).getheader("X-Backend")


def shares(port, path, count):
    client = Client(port)
    seen = collections.Counter(client.pick(path) for _ in range(count))
    return {name: seen[name] / count for name in (*WEIGHTS, "spare", "off")}


def by_weight():
    return {name: weight / sum(WEIGHTS.values()) for name, weight in WEIGHTS.items()} | {"spare": 0, "off": 0}


# What is by chance needs more requests for the same certainty: 3.5 standard deviations of a share of a half are 2 %.
@pytest.mark.parametrize("policy,count,is_weighted", [
    ("round-robin", REQUESTS, True), ("weighted", REQUESTS, True), ("least-connections", REQUESTS, True),
    ("random", 8000, False), ("weighted-random", 8000, True)])
def test_shares_are_envoys(planes, policy, count, is_weighted):
    wanted = by_weight() if is_weighted else {name: 1 / 3 for name in WEIGHTS} | {"spare": 0, "off": 0}
    for port in planes:
        got = shares(port, f"/{policy}", count)
        assert all(abs(got[name] - wanted[name]) <= 0.02 for name in wanted), (got, wanted)


def key_request(policy, key):
    if policy == "query":
        return f"/{policy}?a=1&key={key}&b=2", {}
    if policy == "cookie":
        return f"/{policy}", {"Cookie": f'a=b; Key="{key}"'}
    return f"/{policy}", {"X-Key": f"user-{key}"}


@pytest.mark.parametrize("policy", ["ring", "maglev", "query", "cookie", "both"])
def test_keys_go_where_envoy_sends_them(planes, policy):
    ours, envoys = (Client(port) for port in planes)
    seen = collections.Counter()
    for key in range(KEYS):
        path, headers = key_request(policy, key)
        first = ours.pick(path, headers)
        assert first == envoys.pick(path, headers), key
        if key % 20 == 0:
            assert first == ours.pick(path, headers)
        seen[first] += 1
    for name, share in by_weight().items():
        assert abs(seen[name] / KEYS - share) <= 0.08, seen


def test_several_keys_count_together_as_in_envoy(planes):
    ours, envoys = (Client(port) for port in planes)
    for key in range(40):
        path, headers = f"/both?key={key}", {"X-Other": f"other-{key % 7}"}
        assert ours.pick(path, headers) == envoys.pick(path, headers), key


def test_client_address_goes_to_one_instance(planes):
    picks = {Client(planes[0]).pick("/client") for _ in range(20)}
    assert len(picks) == 1


def test_cookie_is_made_up_once(planes):
    for port in planes:
        client = Client(port)
        answer = client.get("/cookie")
        cookie = answer.getheader("Set-Cookie")
        assert re.fullmatch(r'Key="?[0-9a-f]{8,16}"?; Max-Age=90; Path=/cookie; HttpOnly', cookie), cookie
        value = cookie.partition(";")[0]
        again = client.get("/cookie", {"Cookie": value})
        assert again.getheader("Set-Cookie") is None
        assert again.getheader("X-Backend") == answer.getheader("X-Backend")
    # What one has made up is the other's key, too.
    assert Client(planes[0]).pick("/cookie", {"Cookie": value}) == answer.getheader("X-Backend")
