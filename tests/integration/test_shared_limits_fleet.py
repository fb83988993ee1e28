"""Four data planes and one Redis at twice the limit: what is let through with it and without it, and what that costs. `pytest -s` prints it.

Release builds are measured (GW_RELEASE). Counts are held to their bounds as they are: they go by the time that has passed, on a busy machine
as on a quiet one. The added latency is taken from a pair of clients at the same time, and held to five times its bound.
"""
import statistics
import time

import pytest

from support.abuse import Measure, QuickService
from support.gateway import wait_until
from support.pace import Pace
from support.ports import free_port
from support.redis import Redis
from test_shared_rate_limits import metric

pytestmark = [pytest.mark.full, pytest.mark.scale, pytest.mark.timeout(300), pytest.mark.usefixtures("release_build")]

PLANES, LIMIT, BURST, SECONDS = 4, 400, 80, 15
WITH_REDIS, WITHOUT = 0.01, 0.15
ADDED_P99_MS, SLACK = 0.2, 5


class Fleet:
    def __init__(self, stage, redis_port, planes, limit):
        service = QuickService()
        stage.started.append(service)
        routes = f'routes: [{{path: /b/1, service: s, rate_limit: {{{limit}, key: all}}}}, {{path: /b/2, service: s}}]'
        self.control = stage.control_plane(routes, f'services: {{s: {{instances: [{{url: "{service.url}"}}]}}}}',
                                           env={"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_port), "GATEWAY_ACCESS_LOG": "off"})
        self.planes = [stage.data_plane(self.control.xds(), node_id=f"node-{n}", workers=1) for n in range(planes)]
        self.ports = [data.wait_until_ready() for data in self.planes]
        for data in self.planes:
            wait_until(lambda: metric(data, "gateway_fleet_size") == planes, "the fleet's size")

    def judged(self, by):
        return sum(metric(data, "gateway_rate_limit_shared_requests_total", by=by) for data in self.planes)


def test_four_data_planes_at_twice_the_limit(stage, tmp_path):
    redis = Redis(tmp_path / "redis")
    stage.started.append(redis)
    fleet = Fleet(stage, redis.port, PLANES, f"requests: {LIMIT}, per: 1s, burst: {BURST}")
    known_at = time.monotonic() + 12  # the size goes to the limits every ten seconds

    def run(what, share):
        made = Pace(fleet.ports, 2 * LIMIT / PLANES, SECONDS, "/b/1")
        wanted, got = BURST + LIMIT * made.elapsed, made.count(200)
        print(f"{what:<16} {got} of {2 * LIMIT * SECONDS} let through in {made.elapsed:.2f} s, {wanted:.0f} wanted: {100 * (got / wanted - 1):+.2f} % (bound {100 * share:.0f} %)")
        assert got + made.count(429) == 2 * LIMIT * SECONDS
        return got, wanted

    print()
    before = fleet.judged("redis")
    got, wanted = run("with Redis", WITH_REDIS)
    asked = fleet.judged("redis") - before
    print(f"{'':<16} Redis decided {asked} of {2 * LIMIT * SECONDS}")
    assert abs(got - wanted) <= WITH_REDIS * wanted + 2 * PLANES
    wait_until(lambda: time.monotonic() > known_at, "the size to be known to the limits", 30)
    redis.kill()
    got, wanted = run("Redis killed", WITHOUT)
    assert abs(got - wanted) <= WITHOUT * wanted
    assert fleet.judged("local") >= 2 * LIMIT * SECONDS * 0.99
    # Back, and empty: no second burst beyond what anybody would have.
    again = Redis(tmp_path / "again", port=redis.port)
    stage.started.append(again)
    got, wanted = run("Redis is back", WITHOUT)
    assert got <= wanted * (1 + WITHOUT)


@pytest.mark.parametrize("way", ["killed", "paused", "never-there"])
def test_what_a_request_waits_for_a_redis_that_is_away(stage, tmp_path, way):
    """A client of the limited route beside one of another route, on the same worker at the same time."""
    redis = Redis(tmp_path / "redis") if way != "never-there" else None
    stage.started += [redis] if redis else []
    fleet = Fleet(stage, redis.port if redis else free_port(), 1, "requests: 1000000, per: 1s")
    clients = {name: Measure("h1", fleet.ports[0], connections=2, pause_us=3000, path=path) for name, path in (("limited", "/b/1"), ("plain", "/b/2"))}
    wait_until(lambda: fleet.judged("redis" if redis else "local") > 100, "traffic")
    if way == "killed":
        redis.kill()
    elif way == "paused":
        redis.pause()
    try:
        before = fleet.judged("local")
        wait_until(lambda: fleet.judged("local") > before + 100, "local decisions")
        rounds = []
        for _ in range(7):
            for client in clients.values():
                client.phase()
            end = time.monotonic() + 4
            wait_until(lambda: time.monotonic() > end, "the phase's end", 30)
            rounds.append({name: client.phase() for name, client in clients.items()})
    finally:
        if way == "paused":
            redis.go_on()
    for client in clients.values():
        client.end()
    added = {share: statistics.median(r["limited"][share] - r["plain"][share] for r in rounds) / 1000 for share in ("p50", "p99")}
    plain = {share: statistics.median(r["plain"][share] for r in rounds) / 1000 for share in ("p50", "p99")}
    print(f"\nRedis {way}: p50 {plain['p50']:.3f} {added['p50']:+.3f} ms, p99 {plain['p99']:.3f} {added['p99']:+.3f} ms (bound +{ADDED_P99_MS} ms); "
          f"{sum(r['limited']['count'] for r in rounds)} requests, slowest {max(r['limited']['max'] for r in rounds) / 1000:.1f} ms, "
          f"beside it {max(r['plain']['max'] for r in rounds) / 1000:.1f} ms")
    assert sum(r["limited"]["errors"] + r["plain"]["errors"] for r in rounds) == 0
    assert added["p99"] <= ADDED_P99_MS * SLACK
