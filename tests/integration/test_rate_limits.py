"""Rate limits of routes.yaml, counted in one data plane: what is refused, what the client is told, and that all workers count as one."""
import collections
import concurrent.futures
import http.client
import re

import pytest

from support.gateway import get, wait_until

HOUR = "requests: 5, per: 1h"


def services(*backends):
    return "services:\n" + "".join(f'  {b.name}: {{instances: [{{url: "{b.url}"}}]}}\n' for b in backends)


def ask(port, path, count, **headers):
    """Statuses of requests one behind the other on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    try:
        for _ in range(count):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
    finally:
        connection.close()
    return found


def metric(data, name, **labels):
    wanted = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else ""
    found = re.search(rf"^{name}{re.escape(wanted)} (\d+)$", data.status("/metrics").text, re.M)
    return int(found[1]) if found else None


def test_the_short_form_allows_its_number_and_then_says_how_long_to_wait(stage):
    backend = stage.backend("s")
    control, data, port = stage.both('routes: [{path: "/**", service: s, rate_limit: 10}]', services(backend))
    assert ask(port, "/x", 10) == [200] * 10
    refused = get(port, "/x")
    assert refused.status == 429
    assert refused.json()["error"] == 429 and refused.json()["request_id"]
    assert 1 <= int(refused.headers["retry-after"]) <= 6
    assert refused.headers["ratelimit-limit"] == "10"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert 50 <= int(refused.headers["ratelimit-reset"]) <= 60
    log = wait_until(lambda: [line for line in data.access_log() if line["response_code"] == 429], "the line")[0]
    assert log["response_flags"] == "RL" and log["response_code_details"] == "local_rate_limited"
    assert metric(data, "gateway_rate_limit_decisions_total", scope="local", decision="allowed") == 10
    assert metric(data, "gateway_rate_limit_decisions_total", scope="local", decision="refused") == 1
    assert metric(data, "gateway_rate_limit_buckets") == 1


def test_answers_tell_what_is_left_when_the_setting_says_always(stage):
    backend = stage.backend("s")
    routes = f'routes: [{{path: /own, service: s, rate_limit: {{{HOUR}, key: all, plans: {{gold: 9}}}}}}, {{path: /stock, service: s, rate_limit: {{{HOUR}}}}}]'
    control = stage.control_plane(routes, services(backend), env={"GATEWAY_RATE_LIMIT_HEADERS": "always"})
    port = stage.data_plane(control.xds()).wait_until_ready()
    for path, has_x in (("/own", False), ("/stock", True)):
        left = [get(port, path).headers for _ in range(3)]
        assert [h["ratelimit-remaining"] for h in left] == ["4", "3", "2"]
        assert left[0]["ratelimit-limit"] == "5" and int(left[2]["ratelimit-reset"]) in (2159, 2160)
        assert ("x-ratelimit-remaining" in left[0]) == has_x


def test_by_default_only_refusals_tell(stage):
    backend = stage.backend("s")
    control, data, port = stage.both('routes: [{path: "/**", service: s, rate_limit: 10}]', services(backend))
    assert not [name for name in get(port, "/x").headers if "ratelimit" in name.lower()]


@pytest.mark.parametrize("workers", [4])
def test_all_workers_count_as_one(stage, workers):
    backend = stage.backend("s")
    control, data, port = stage.both('routes: [{path: "/**", service: s, rate_limit: {requests: 300, per: 1h}}]', services(backend), workers=workers)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = collections.Counter(sum(pool.map(lambda _: ask(port, "/x", 40), range(16)), []))
    assert found == {200: 300, 429: 340}


def test_each_header_value_and_each_route_has_a_bucket_of_its_own(stage):
    backend = stage.backend("s")
    by_header = f"rate_limit: {{{HOUR}, key: {{header: X-Tenant}}}}"
    control, data, port = stage.both(f'routes: [{{path: /a, service: s, {by_header}}}, {{path: /b, service: s, {by_header}}}]', services(backend))
    for path in ("/a", "/b"):
        for tenant in ("one", "two", "Two"):
            assert ask(port, path, 7, **{"X-Tenant": tenant}) == [200] * 5 + [429] * 2
        assert ask(port, path, 7) == [200] * 5 + [429] * 2  # those without share one
        assert ask(port, path, 1, **{"x-tenant": "one"}) == [429]


def test_a_list_of_keys_counts_each_combination(stage):
    backend = stage.backend("s")
    limit = f"rate_limit: {{{HOUR}, key: [client, {{header: X-A}}, {{header: X-B}}]}}"
    control, data, port = stage.both(f'routes: [{{path: "/**", service: s, {limit}}}]', services(backend))
    assert ask(port, "/x", 6, **{"X-A": "1", "X-B": "2"}) == [200] * 5 + [429]
    assert ask(port, "/x", 6, **{"X-A": "12", "X-B": ""}) == [200] * 5 + [429]
    assert ask(port, "/x", 6, **{"X-A": "1", "X-B": "3"}) == [200] * 5 + [429]
    assert ask(port, "/x", 6, **{"X-B": "2"}) == [200] * 5 + [429]


def test_of_several_limits_the_refused_one_takes_nothing_from_the_others(stage):
    backend = stage.backend("s")
    limits = "rate_limits: [{requests: 3, per: 1h, key: {header: X-User}}, {requests: 8, per: 1h, key: all}]"
    control, data, port = stage.both(f'routes: [{{path: "/**", service: s, {limits}}}]', services(backend))
    assert ask(port, "/x", 20, **{"X-User": "a"}) == [200] * 3 + [429] * 17
    assert ask(port, "/x", 4, **{"X-User": "b"}) == [200] * 3 + [429]
    assert ask(port, "/x", 4, **{"X-User": "c"}) == [200] * 2 + [429] * 2  # all together have had 8


def test_scopes_reach_over_routes(stage):
    one, two = stage.backend("one"), stage.backend("two")
    routes = f"""
rate_limits:
  global: {{requests: 20, per: 1h, key: all}}
  services:
    two: {{requests: 6, per: 1h}}
routes:
  - {{path: /a, service: one, rate_limit: {{{HOUR}, scope: service, key: all}}}}
  - {{path: /b, service: one, rate_limit: {{{HOUR}, scope: service, key: all}}}}
  - {{path: /c, service: two}}
  - {{path: /d, service: two}}
  - {{path: /e, service: one}}
"""
    control, data, port = stage.both(routes, services(one, two))
    assert ask(port, "/a", 3) + ask(port, "/b", 3) == [200] * 5 + [429]
    assert ask(port, "/c", 4) + ask(port, "/d", 4) == [200] * 6 + [429] * 2
    assert ask(port, "/e", 12) == [200] * 9 + [429] * 3  # 5 + 6 went before
    assert get(port, "/nowhere").status == 429  # nothing to learn without a token, either
    assert metric(data, "gateway_rate_limit_decisions_total", scope="service", decision="refused") == 3
    assert metric(data, "gateway_rate_limit_decisions_total", scope="global", decision="refused") == 4
    log = wait_until(lambda: [line for line in data.access_log() if line["response_code"] == 429], "the line")[0]
    assert log["response_flags"] == "RL" and log["response_code_details"] == "request_rate_limited"


def test_buckets_stay_when_the_rest_of_the_file_changes(stage):
    backend = stage.backend("s")
    limited = f'{{path: /a, service: s, rate_limit: {{{HOUR}}}}}, {{path: /g, service: s, rate_limit: {{{HOUR}, key: {{header: X}}, plans: {{gold: 9}}}}}}'
    control, data, port = stage.both(f"routes: [{limited}]", services(backend))
    for path in ("/a", "/g"):
        assert ask(port, path, 5) == [200] * 5
    control.write(routes=f"routes: [{{path: /0, service: s}}, {limited}, {{path: /z, service: s, rate_limit: 3}}]")
    wait_until(lambda: get(port, "/0").status == 200, "the other routes")
    for path in ("/a", "/g"):
        assert ask(port, path, 1) == [429]
    control.write(routes=f"routes: [{limited.replace('requests: 5', 'requests: 50')}]")
    wait_until(lambda: get(port, "/0").status == 404, "other numbers")
    assert ask(port, "/a", 60).count(200) == 50  # who raises a limit wants it to hold now


def test_switched_off_by_a_setting_and_validate_says_so(stage):
    backend = stage.backend("s")
    routes = 'routes: [{path: "/**", service: s, rate_limit: 2}]'
    control = stage.control_plane(routes, services(backend), env={"RATE_LIMIT_ENABLED": "false"})
    port = stage.data_plane(control.xds()).wait_until_ready()
    assert ask(port, "/x", 5) == [200] * 5
    told = control.ctl("validate", "--routes", control.routes_path, "--services", control.services_path, env={"RATE_LIMIT_ENABLED": "false"})
    assert told.returncode == 0 and "RATE_LIMIT_ENABLED is false" in told.stdout + told.stderr


def test_grpc_callers_get_resource_exhausted(stage):
    backend = stage.backend("s")
    control, data, port = stage.both('routes: [{path: "/**", service: s, rate_limit: {requests: 1, per: 1h}}]', services(backend))
    get(port, "/x")
    refused = get(port, "/x", {"content-type": "application/grpc", "te": "trailers"})
    assert (refused.status, refused.headers["grpc-status"]) == (200, "8")


@pytest.mark.scale
def test_a_million_addresses_cost_no_more_memory_than_the_setting_allows(stage, release_build):
    """Their addresses are believed by X-Forwarded-For; each has one request, which is more than a table of 65,536 holds."""
    backend = stage.backend("s")
    env = {"GATEWAY_RATE_LIMIT_MAX_KEYS": "65536", "GATEWAY_TRUSTED_PROXIES": "127.0.0.1/32"}
    routes = 'routes: [{path: /x, respond: {status: 200, body: "y"}, rate_limit: {requests: 100, per: 1m}}]'
    control = stage.control_plane(routes, services(backend), env=env)
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    import socket

    def flood(first, count):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            for begin in range(first, first + count, 500):
                addresses = [f"{11 + (n >> 24)}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(begin, begin + 500)]
                peer.sendall(b"".join(b"GET /x HTTP/1.1\r\nhost: a\r\nx-forwarded-for: " + a.encode() + b"\r\n\r\n" for a in addresses))
                got = 0
                tail = b""
                while got < 500:
                    piece = peer.recv(1 << 20)
                    assert piece, "closed"
                    text = tail + piece
                    got += text.count(b"\r\n\r\n")
                    tail = text[-3:]

    flood(0, 20000)
    before = data.resident_kib()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: flood(part * 250000, 250000), range(4)))
    assert data.resident_kib() < before + 8192  # 65,536 × 16 bytes are 1 MiB; a million would be 16
    assert metric(data, "gateway_rate_limit_buckets") == 65536
    assert metric(data, "gateway_rate_limit_buckets_max") == 65536
    assert metric(data, "gateway_rate_limit_evictions_total", bucket="full") > 0


def test_users_and_their_claims_have_buckets_of_their_own(stage, tmp_path):
    import time

    import jwt
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = tmp_path / "ec.pem"
    pem.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    backend = stage.backend("s")
    limits = {"/me": "requests: 5, per: 1h", "/both": "requests: 5, per: 1h, key: [user, {claim: org.id}]", "/org": "requests: 5, per: 1h, key: {claim: org.id}",
              "/any": "requests: 5, per: 1h, plans: {gold: 9}"}
    routes = "".join(f'  - {{path: {path}, service: s, auth: {{providers: [ec]}}, rate_limit: {{{limit}}}}}\n' for path, limit in limits.items())
    control, data, port = stage.both(f'routes:\n{routes}auth: {{jwt: {{providers: [{{name: ec, issuer: "https://ec", keys: {{pem_file: {pem}}}}}]}}}}\n', services(backend))

    def ask_as(path, count, sub, org):
        claims = {"iss": "https://ec", "sub": sub, "org": {"id": org}, "exp": int(time.time()) + 600}
        return ask(port, path, count, Authorization="Bearer " + jwt.encode(claims, key, "ES256"))

    assert ask(port, "/me", 3) == [401] * 3  # costs nobody anything
    for path in ("/me", "/any"):
        for sub in ("alice", "bob"):
            assert ask_as(path, 6, sub, "a") == [200] * 5 + [429]
        assert ask_as(path, 1, "alice", "other") == [429]
    for who in (("alice", "a"), ("alice", "b"), ("bob", "a")):
        assert ask_as("/both", 6, *who) == [200] * 5 + [429]
    assert ask_as("/org", 3, "alice", "a") + ask_as("/org", 3, "bob", "a") == [200] * 5 + [429]
    assert ask_as("/org", 1, "bob", "b") == [200]
