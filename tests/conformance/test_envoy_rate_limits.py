"""Local rate limits in stock Envoy and in our data plane: the same resource, the same answers to the same requests."""
import http.client

import pytest

from support.envoy import Envoy

ROUTES = """
routes:
  - {path: /plain, service: s, rate_limit: {requests: 7, per: 1h}}
  - {path: /burst, service: s, rate_limit: {requests: 10, per: 1h, burst: 3}}
  - {path: /header, service: s, rate_limit: {requests: 4, per: 1h, key: {header: X-Tenant}}}
  - {path: /all, service: s, rate_limit: {requests: 5, per: 1h, key: all}}
  - {path: "/several/{id}", service: s, rate_limits: [{requests: 9, per: 1h}, {requests: 4, per: 2h, key: all}, {requests: 100, per: 90s, burst: 6, key: client}]}
  - {path: /fast, service: s, rate_limit: {requests: 36000, per: 1h, burst: 5}}
  - {path: /free, service: s}
"""

TOLD = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "grpc-status")


@pytest.fixture
def pair(stage, tmp_path):
    """Ports of both."""
    backend = stage.backend("s")
    control = stage.control_plane(ROUTES, f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}\n', env={"GATEWAY_RATE_LIMIT_HEADERS": "always"})
    data = stage.data_plane(control.xds())
    envoy = Envoy(tmp_path / "envoy", control.xds())
    stage.started.append(envoy)
    return data.wait_until_ready(), envoy.port()


def answers(port, requests):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for path, headers in requests:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        found.append((path, answer.status, {name: answer.headers[name] for name in TOLD if name in answer.headers}))
    connection.close()
    return found


def test_the_same_requests_have_the_same_answers(pair):
    requests = [("/plain", {})] * 10 + [("/burst", {})] * 6 + [("/all", {"X-Tenant": "a"})] * 8
    for tenant in ("a", "b", "A", "a"):
        requests += [("/header", {"X-Tenant": tenant})] * 5
    requests += [("/header", {})] * 6 + [("/free", {})] * 3
    requests += [(f"/several/{n}", {}) for n in range(12)]
    requests += [("/plain", {"content-type": "application/grpc", "te": "trailers"})] * 2
    ours, theirs = (answers(port, requests) for port in pair)
    assert [(path, status) for path, status, _ in ours] == [(path, status) for path, status, _ in theirs]
    for mine, other in zip(ours, theirs):
        path, status, told = mine
        # Which of several buckets is told is each one's own choice, and seconds may have passed between the two.
        names = [name for name in TOLD if name != "x-ratelimit-reset" and (not path.startswith("/several") or name == "grpc-status")]
        assert {n: told.get(n) for n in names} == {n: other[2].get(n) for n in names}, (mine, other)
    assert sum(status == 429 for _, status, _ in ours) > 20
    assert {told["grpc-status"] for _, status, told in ours if "grpc-status" in told} == {"8"}


def test_both_refill_evenly(pair):
    """10 a second: after the burst of five both let about as much through in the same time."""
    import time

    admitted = []
    for port in pair:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        begin, count = time.monotonic(), 0
        while time.monotonic() < begin + 2:
            connection.request("GET", "/fast")
            answer = connection.getresponse()
            answer.read()
            count += answer.status == 200
        admitted.append(count)
        connection.close()
    assert all(24 <= count <= 26 for count in admitted), admitted
