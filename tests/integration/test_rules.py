"""Traffic rules through both planes: canaries, shares that change under load, body limits, regular expressions under attack, what is shown."""
import collections
import threading
import time

from support.gateway import get, request, wait_until
from support.raw import exchange


def services(**backends):
    return "services:\n" + "".join(f'  {name}: {{instances: [{{url: "{backend.url}"}}]}}\n' for name, backend in backends.items())


def picks(port, count, path="/", headers=None):
    seen = collections.Counter()
    for _ in range(count):
        answer = get(port, path, headers)
        assert answer.status == 200
        seen[answer.json()["backend"]] += 1
    return seen


def test_canary_grows_by_header_cookie_and_weight(stage):
    stable, canary = stage.backend("stable"), stage.backend("canary")

    def routes(stable_weight, canary_weight):
        return f"""
routes:
  - {{path: "/**", match: {{headers: {{X-Canary: "always"}}}}, service: canary}}
  - {{path: "/**", match: {{cookies: {{canary: "never"}}}}, methods: [GET], service: stable}}
  - {{path: "/**", split: {{stable: {stable_weight}, canary: {canary_weight}}}}}
"""

    control = stage.control_plane(routes(100, 0), services(stable=stable, canary=canary))
    port = stage.data_plane(control.xds()).wait_until_ready()
    assert picks(port, 30) == {"stable": 30}
    assert picks(port, 10, headers={"X-Canary": "always"}) == {"canary": 10}
    control.write(routes=routes(50, 50))
    wait_until(lambda: set(picks(port, 20)) == {"stable", "canary"}, "both of them")
    share = picks(port, 400)["canary"] / 400
    assert 0.35 < share < 0.65, share
    assert picks(port, 20, headers={"Cookie": "a=b; canary=never"}) == {"stable": 20}
    # No request is lost while the weights move.
    failures, stop = [], threading.Event()

    def client():
        while not stop.is_set():
            answer = get(port, "/x")
            if answer.status != 200:
                failures.append(answer.status)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for weight in (60, 80, 100):
        control.write(routes=routes(100 - weight, weight))
        wait_until(lambda: f"canary {weight}" in control.ctl("get", "routes", check=0).stdout, f"weight {weight}")
    wait_until(lambda: picks(port, 20) == {"canary": 20}, "the canary alone")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_each_share_is_counted_and_logged_under_its_service(stage):
    a, b = stage.backend("a"), stage.backend("b")
    control = stage.control_plane('routes: [{name: shared, path: "/**", split: {a: 1, b: 1}}]', services(a=a, b=b))
    data = stage.data_plane(control.xds(), workers=1)
    port = data.wait_until_ready()
    seen = picks(port, 60)
    assert set(seen) == {"a", "b"}

    def count(service):
        for line in data.status("/metrics").text.splitlines():
            if line.startswith("gateway_requests_total{") and 'route="shared"' in line and f'service="{service}"' in line:
                return int(float(line.rpartition(" ")[2]))
        return 0

    wait_until(lambda: (count("a"), count("b")) == (seen["a"], seen["b"]), "the counters of both")
    log = wait_until(lambda: (text := data.output()).count("\n") >= 60 and text, "the access log")
    assert log.count('"upstream_cluster":"a"') == seen["a"]


def test_share_without_its_service_is_not_lost_on_others(stage):
    a = stage.backend("a")
    control = stage.control_plane('routes: [{path: "/**", split: {a: 1, empty: 1}}]',
                                  services(a=a) + '  empty: {instances: [{url: "http://127.0.0.1:1", healthy: false}]}\n')
    port = stage.data_plane(control.xds()).wait_until_ready()
    statuses = collections.Counter(get(port, "/").status for _ in range(60))
    assert set(statuses) == {200, 503}
    assert len(a.requests) == statuses[200]


def test_body_limit_of_a_route_is_smaller_or_larger_than_the_listeners(stage):
    backend = stage.backend("b")
    routes = """
routes:
  - {path: /small, service: b, max_request_body: 10}
  - {path: /large, service: b, max_request_body: 1MiB}
  - {path: /any, service: b, max_request_body: 0}
  - {path: /listeners, service: b}
"""
    control = stage.control_plane(routes, services(b=backend), env={"GATEWAY_MAX_REQUEST_BODY": "100"})
    port = stage.data_plane(control.xds()).wait_until_ready()

    def post(path, size, is_chunked=False):
        body = b"x" * size
        if not is_chunked:
            return request(port, path, "POST", body=body).status
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[: size // 2], body[size // 2:]) if piece)
        return exchange(port, head + pieces + b"0\r\n\r\n").status

    for is_chunked in (False, True):
        assert post("/small", 10, is_chunked) == 200
        assert post("/small", 11, is_chunked) == 413
        assert post("/listeners", 100, is_chunked) == 200
        assert post("/listeners", 101, is_chunked) == 413
        assert post("/large", 100_000, is_chunked) == 200
        assert post("/any", 2_000_000, is_chunked) == 200
    assert post("/large", (1 << 20) + 1) == 413
    assert post("/nowhere", 1000) == 404


def test_variables_carry_no_lines_and_no_operators(stage):
    backend = stage.backend("b")
    routes = """
routes:
  - path: /a
    service: b
    request_headers: {set: {X-Copy: "%REQ(X-In)%", X-Path: "%REQ(:path)%"}}
    response_headers: {set: {X-Back: "%REQ(X-In)%"}}
"""
    control = stage.control_plane(routes, services(b=backend))
    port = stage.data_plane(control.xds()).wait_until_ready()
    for value in ("%REQ(Cookie)%", "a%0d%0aX-Evil: 1", "100%", "a\tb", "é".encode().decode("latin-1")):
        answer = get(port, "/a?q=%0d%0aX-Evil:%201", {"X-In": value, "Cookie": "secret"})
        seen = backend.requests[-1]
        assert answer.headers["X-Back"] == value and seen.header("X-Copy") == [value]
        assert seen.header("X-Path") == ["/a?q=%0d%0aX-Evil:%201"]
        assert seen.header("X-Evil") == [] and answer.headers["X-Evil"] is None


def test_regular_expression_under_attack_is_bounded_and_leads_around_nothing(stage):
    backend = stage.backend("b")
    routes = """
routes:
  - {path_regex: "/x.*secret.*key.*", respond: {status: 403}}
  - {path_regex: "/(a*)*(a*)*(a*)*b", respond: {status: 403}}
  - {path: /h, match: {headers: {X-V: {regex: "(a*)*(a*)*(a*)*b"}}}, respond: {status: 403}}
  - {path: "/**", service: b}
"""
    control = stage.control_plane(routes, services(b=backend))
    port = stage.data_plane(control.xds(), workers=1).wait_until_ready()
    assert get(port, "/x/secret/key").status == 403
    assert get(port, "/x/secret").status == 200
    before = len(backend.requests)
    # What would match, made so costly that it can't be found out, does not get through.
    evil = [("/x/secret/key" + "secret" * 1200, None), ("/" + "a" * 60 + "!b", None), ("/h", {"X-V": "a" * 60 + "!b"})]
    started = time.monotonic()
    for target, headers in evil * 10:
        assert get(port, target, headers).status in (403, 500)
    spent = time.monotonic() - started
    assert spent < 10, spent
    assert len(backend.requests) == before
    assert get(port, "/" + "a" * 60).status in (200, 500)
    assert get(port, "/fine").status == 200


def test_rules_are_shown_and_mistakes_have_places(stage):
    backend = stage.backend("b")
    routes = """
routes:
  - path: "/api/{rest=**}"
    hosts: [api.example.com, "*.example.org"]
    match: {headers: {X-V: v2}, query: {debug: {present: true}}, cookies: {canary: "1"}}
    split: {b: 90, c: 10}
    sticky: {header: X-User}
    rewrite: {prefix: /v2, host: inner.example}
    request_headers: {set: {X-Token: hush-hush}}
    response_headers: {remove: [X-Powered-By]}
    max_request_body: 1MiB
  - {path: /old, redirect: {path: /new, status: 308}}
"""
    control = stage.control_plane(routes, services(b=backend, c=backend))
    data = stage.data_plane(control.xds())
    data.wait_until_ready()
    shown = control.ctl("get", "routes", check=0).stdout
    for word in ("api.example.com", "*.example.org", "header x-v, query debug, cookie canary", "b 90, c 10", "sticky", "rewrite",
                 "request_headers", "response_headers", "max_request_body", "308"):
        assert word in shown, shown
    dump = data.admin("/config_dump").text
    for word in ("split_by_hash", "host_rewrite", "max_request_body_bytes", "x-token"):
        assert word in dump
    # A value may be a secret between the operator and the service.
    assert "hush-hush" not in dump and "hush-hush" not in shown
    control.routes_path.write_text(routes.replace("prefix: /v2", "prefix: v2").replace("status: 308", "status: 304"))
    told = control.ctl("validate", "--routes", control.routes_path, "--services", control.services_path, check=65)
    assert "routes.yaml:8:23: prefix is a path such as /v2, without a query" in told.stdout + told.stderr
    assert "routes.yaml:12:49: status is 301, 302, 303, 307 or 308" in told.stdout + told.stderr


def test_ten_thousand_routes_with_conditions_are_served(stage):
    backend = stage.backend("b")

    def routes(count):
        return "routes:\n" + "".join(f'  - {{path: "/s{i}/{{id}}", match: {{headers: {{X-V: "{i}"}}}}, service: b}}\n'
                                     f'  - {{path: "/s{i}/{{id}}", service: b, methods: [GET]}}\n' for i in range(count // 2))

    control = stage.control_plane(routes(10_000), services(b=backend))
    port = stage.data_plane(control.xds(), workers=1).wait_until_ready()
    for i in (0, 2500, 4999):
        assert get(port, f"/s{i}/x", {"X-V": str(i)}).status == 200
        assert get(port, f"/s{i}/x").status == 200
        assert request(port, f"/s{i}/x", "POST", body=b"x").status == 404
    assert get(port, "/s5000/x").status == 404
