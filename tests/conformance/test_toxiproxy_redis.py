"""A Redis that is slow, cut off or silent behind toxiproxy: limits go on without it, nobody waits, and it is asked again when it is well."""
import collections
import http.client
import re
import time

import pytest

from support.gateway import wait_until
from support.redis import Redis
from support.toxiproxy import Toxiproxy

ROUTES = 'routes: [{path: "/**", service: s, rate_limit: {requests: 1000000, per: 1h}}]'


@pytest.fixture
def ground(stage, tmp_path):
    toxiproxy, redis, backend = Toxiproxy(), Redis(tmp_path / "redis"), stage.backend("s")
    stage.started += [toxiproxy, redis]
    way = toxiproxy.proxy("redis", redis.port)
    control = stage.control_plane(ROUTES, f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}\n',
                                  env={"REDIS_HOST": "127.0.0.1", "REDIS_PORT": way.listen.rpartition(":")[2], "GATEWAY_REDIS_TIMEOUT": "50ms"})
    data = stage.data_plane(control.xds(), workers=1)
    return way, data, data.wait_until_ready()


def ask(port, count):
    connection, found, waits = http.client.HTTPConnection("127.0.0.1", port, timeout=30), collections.Counter(), []
    for _ in range(count):
        begin = time.monotonic()
        connection.request("GET", "/x")
        answer = connection.getresponse()
        answer.read()
        found[answer.status] += 1
        waits.append(time.monotonic() - begin)
    connection.close()
    return found, sorted(waits)


def judged(data, by):
    return int(re.search(rf'^gateway_rate_limit_shared_requests_total{{by="{by}"}} (\d+)$', data.status("/metrics").text, re.M)[1])


def wait_for_redis(data, port):
    before = judged(data, "redis")
    wait_until(lambda: ask(port, 1) and judged(data, "redis") > before, "Redis to be asked")


@pytest.mark.parametrize("toxic, attributes, word", [
    ("latency", {"latency": 120}, "it did not answer in time"),
    ("timeout", {"timeout": 0}, "it did not answer in time"),
    ("reset_peer", {"timeout": 0}, "onnection"),
    ("slow_close", {"delay": 500}, None),
])
def test_what_the_way_to_redis_does_wrong_costs_nobody_a_request(ground, toxic, attributes, word):
    way, data, port = ground
    wait_for_redis(data, port)
    way.add(toxic, **attributes)
    found, waits = ask(port, 400)
    assert found == {200: 400}
    assert waits[-4] < 0.05 and waits[-1] < 0.5  # the first may wait for one timeout, and those that try again for none
    if word is not None:
        wait_until(lambda: word in data.log(), "the word")
        assert judged(data, "local") > 300
    way.heal()
    wait_for_redis(data, port)
