"""The traffic rules of routes.yaml in stock Envoy and in our data plane: the same status, Location and fields; the same service saw the same
request."""
import collections
import http.client

import pytest

from support.envoy import Envoy
from support.raw import exchange

ROUTES = r"""
routes:
  - {path: /plain, service: plain}
  # hosts
  - {path: /host, hosts: api.example.com, service: other}
  - {path: /host, hosts: "*.example.com", service: third}
  - {path: /host, hosts: "example.*", service: canary}
  - {path: /host, service: plain}
  - {path: /only, hosts: [one.test, two.test], service: other}
  - {path: "/**", hosts: all.test, service: third}
  # conditions
  - {path: /exact, match: {headers: {X-V: v2}}, service: canary}
  - {path: /exact, service: plain}
  - {path: /prefix, match: {headers: {X-V: {prefix: v2}}}, service: canary}
  - {path: /prefix, service: plain}
  - {path: /suffix, match: {headers: {X-V: {suffix: beta, ignore_case: true}}}, service: canary}
  - {path: /suffix, service: plain}
  - {path: /contains, match: {headers: {X-V: {contains: "2."}}}, service: canary}
  - {path: /contains, service: plain}
  - {path: /regex, match: {headers: {X-V: {regex: "v[0-9]+"}}}, service: canary}
  - {path: /regex, service: plain}
  - {path: /present, match: {headers: {X-V: {present: true}}}, service: canary}
  - {path: /present, service: plain}
  - {path: /absent, match: {headers: {X-V: {present: false}}}, service: canary}
  - {path: /absent, service: plain}
  - {path: /not, match: {headers: {X-V: {exact: v2, invert: true}}}, service: canary}
  - {path: /not, service: plain}
  - {path: /query, match: {query: {page: "2"}}, service: canary}
  - {path: /query, service: plain}
  - {path: /query-regex, match: {query: {page: {regex: "[0-9]+"}}}, service: canary}
  - {path: /query-regex, service: plain}
  - {path: /query-present, match: {query: {debug: {present: true}}}, service: canary}
  - {path: /query-present, service: plain}
  - {path: /query-absent, match: {query: {debug: {present: false}}}, service: canary}
  - {path: /query-absent, service: plain}
  - {path: /cookie, match: {cookies: {canary: "always"}}, service: canary}
  - {path: /cookie, service: plain}
  - {path: /cookie-absent, match: {cookies: {canary: {present: false}}}, service: canary}
  - {path: /cookie-absent, service: plain}
  - {path: /two, match: {headers: {X-A: "1"}, query: {b: "2"}}, service: other}
  - {path: /two, match: {headers: {X-A: "1"}}, service: canary}
  - {path: /two, methods: [GET], service: third}
  - {path: /two, service: plain}
  - {path: /closed, match: {headers: {X-A: "1"}}, methods: [GET], service: plain}
  - {path: /closed, methods: [POST], service: other}
  - {path: "/**", hosts: closed.test, service: third}
  - {path: /closed/x, hosts: closed.test, match: {query: {a: "1"}}, service: plain}
  # regular expressions as paths
  - {path_regex: "/v[0-9]+/items", service: canary}
  - {path_regex: "/v[0-9]+/.*", service: other}
  - {path: "/v1/{rest=**}", service: plain}
  - {path: "/{a}/items", service: third}
  # rewriting
  - {path: "/api/{rest=**}", service: plain, rewrite: {prefix: /v2}}
  - {path: "/strip/{rest=**}", service: plain, rewrite: {prefix: /}}
  - {path: /literal, service: plain, rewrite: {prefix: /changed}}
  - {path: "/users/{id}/files/{rest=**}", service: plain, rewrite: {path: "/files/{rest}/of/{id}"}}
  - {path: "/fixed/{a}", service: plain, rewrite: {path: /always}}
  - {path: "/based/{a}/{b}", service: based, rewrite: {path: "/{b}/{a}"}}
  - {path: "/basedprefix/**", service: based, rewrite: {prefix: /p}}
  - {path_regex: "/old/([a-z]+)/(.*)", service: plain, rewrite: {regex: {pattern: "^/old/([a-z]+)/(.*)", substitution: '/new/\2/\1'}}}
  - {path: /hosted, service: plain, rewrite: {host: "inner.example:8080"}}
  # redirects and answers
  - {path: /r/host, redirect: {host: other.example}}
  - {path: /r/all, redirect: {scheme: https, host: other.example, port: 8443, path: "/x?y=1", status: 301}}
  - {path: "/r/prefix/{rest=**}", redirect: {prefix: /moved, status: 308}}
  - {path: "/r/var/{id}", redirect: {path: "/things/{id}", status: 307}}
  - {path: "/r/strip", redirect: {path: /y, strip_query: true, status: 303}}
  - {path_regex: "/r/re/(.*)", redirect: {regex: {pattern: "^/r/re/(.*)", substitution: '/re2/\1'}}}
  - {path: /d/ok, respond: {status: 200, body: "hello"}}
  - {path: /d/html, respond: {status: 200, body: "<p>hello", content_type: text/html}}
  - {path: /d/none, respond: {status: 204}}
  - {path: /d/gone, respond: {status: 410}, response_headers: {set: {X-Why: sold}}}
  # heads
  - path: /heads
    service: plain
    request_headers:
      set: {X-Client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", X-Proto: "%PROTOCOL%", X-Path: "%REQ(:path)%", X-Old: new}
      add: {X-More: "b", X-Mixed: "a-%REQ(X-None)%-%REQ(X-None?X-Old)%-100%%"}
      default: {X-Default: "d", X-Nothing: "%REQ(X-None)%"}
      remove: [X-Gone, X-Gone-Too]
    response_headers:
      set: {X-Backend: hidden, X-Code: "%RESPONSE_CODE%", X-Route: "%ROUTE_NAME%", X-From: "%REQ(X-Old)%", X-Cluster: "%UPSTREAM_CLUSTER%"}
      add: {X-Served: "%UPSTREAM_HOST%", X-Type: "%RESP(content-type)%"}
      default: {Content-Type: text/odd}
      remove: [X-Unknown]
  - path: /renamed
    service: plain
    request_headers: {set: {X-New: "%REQ(X-Old)%"}, remove: [X-Old]}
  - path: /cut
    service: plain
    request_headers: {set: {X-Short: "%REQ(X-Long):4%"}}
  - {path: /hidden, service: plain, response_headers: {remove: [X-Backend]}}
  # shares
  - {path: /split, split: {plain: 80, other: 0, canary: 20}}
  - {path: /sticky, split: {plain: 70, canary: 30}, sticky: {header: X-Key}}
  - {path: /sticky-cookie, split: {plain: 50, canary: 50}, sticky: {cookie: {name: Shop, ttl: 60s}}}
"""


def get(target, *headers, method="GET", host="gateway.test", body=b""):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return method, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


CORPUS = {
    "host, exact": get("/host", host="api.example.com"),
    "host in capitals": get("/host", host="API.Example.COM"),
    "host with a port": get("/host", host="api.example.com:8080"),
    "host, suffix": get("/host", host="x.example.com"),
    "host, suffix, deep": get("/host", host="x.y.example.com"),
    "host, prefix": get("/host", host="example.org"),
    "host, none of them": get("/host", host="example"),
    "host, first of two": get("/only", host="one.test"),
    "host, second of two": get("/only", host="two.test"),
    "host, neither": get("/only", host="three.test"),
    "host has the routes of all": get("/plain", host="api.example.com"),
    "host with a rest takes all": get("/plain", host="all.test"),
    "host with a rest takes nothing from others": get("/nowhere", host="all.test"),
    **{f"{path} {value}": get(f"/{path}", f"X-V: {value}") for path in ("exact", "prefix", "suffix", "contains", "regex", "present", "absent", "not")
       for value in ("v2", "v2.1", "V2", "1.beta", "1.BETA", "", "v2,v3")},
    **{f"{path} without": get(f"/{path}") for path in ("exact", "prefix", "suffix", "contains", "regex", "present", "absent", "not")},
    **{f"{path} twice": get(f"/{path}", "X-V: v2", "X-V: v3") for path in ("exact", "prefix", "suffix", "contains", "regex", "present", "absent", "not")},
    **{f"{path} twice, second": get(f"/{path}", "X-V: v1", "X-V: v2") for path in ("exact", "prefix", "suffix", "contains", "regex", "not")},
    **{f"{path}{query}": get(f"/{path}{query}") for path in ("query", "query-regex", "query-present", "query-absent")
       for query in ("", "?", "?page=2", "?page=1&page=2", "?page=2&page=1", "?a=b&page=2&c", "?page=%32", "?Page=2", "?page", "?page=",
                     "?debug", "?debug=0", "?page=2x", "?page=2;x=1", "?x=page=2")},
    **{f"{path} {cookie}": get(f"/{path}", f"Cookie: {cookie}") for path in ("cookie", "cookie-absent")
       for cookie in ("canary=always", "canary=never", 'canary="always"', "a=b; canary=always", "canary=always; a=b", "a=b; canary=always; c=d",
                      "xcanary=always", "canary=always1", "a=b;canary=always", "Canary=always", "canary")},
    "no cookie": get("/cookie"), "no cookie, absent": get("/cookie-absent"),
    "two crumbs": get("/cookie", "Cookie: a=b", "Cookie: canary=always"),
    "more conditions first": get("/two?b=2", "X-A: 1"),
    "one of two conditions": get("/two?b=3", "X-A: 1"),
    "methods behind conditions": get("/two?b=2"),
    "conditions before methods": get("/two", "X-A: 1", method="POST", body=b"x"),
    "neither conditions nor methods": get("/two", method="POST", body=b"x"),
    "condition met": get("/closed", "X-A: 1"),
    "condition not met": get("/closed"),
    "method without condition": get("/closed", method="POST", body=b"x"),
    "method of none": get("/closed", method="PUT", body=b"x"),
    "condition not met falls to no other path": get("/closed/x", host="closed.test"),
    "condition met there": get("/closed/x?a=1", host="closed.test"),
    "path of a host beside it": get("/closed/y", host="closed.test"),
    "regular expression": get("/v2/items"),
    "regular expression, the first in the file": get("/v12/items"),
    "regular expression, the second": get("/v2/items/3"),
    "regular expression before rest": get("/v1/anything"),
    "one segment before regular expression": get("/v/items"),
    "regular expression must match all": get("/v2/itemsx"),
    "regular expression, encoded": get("/v2/a%20b?x=1"),
    "prefix rewritten": get("/api/a/b?c=d"),
    "prefix rewritten, empty rest": get("/api/"),
    "prefix stripped": get("/strip/a/b"),
    "prefix stripped, nothing left": get("/strip/"),
    "literal rewritten": get("/literal?x=1"),
    "variables moved": get("/users/7/files/a/b.txt?x=1"),
    "variables moved, encoded": get("/users/a%20b/files/%C3%A9"),
    "rewritten as a whole": get("/fixed/x?y=1"),
    "rewritten below a base path": get("/based/a/b?x"),
    "prefix below a base path": get("/basedprefix/a"),
    "regular rewriting": get("/old/abc/d/e?f=g"),
    "host rewritten": get("/hosted"),
    "redirect to a host": get("/r/host?a=b"),
    "redirect of everything": get("/r/all?a=b"),
    "redirect of a prefix": get("/r/prefix/a/b?c=d"),
    "redirect with a variable": get("/r/var/42?c=d"),
    "redirect without query": get("/r/strip?a=b"),
    "redirect by a regular expression": get("/r/re/a/b?x=1"),
    "redirect keeps the port": get("/r/prefix/a", host="gateway.test:8080"),
    "answer": get("/d/ok"), "answer, html": get("/d/html"), "answer, empty": get("/d/none"), "answer, gone": get("/d/gone"),
    "heads": get("/heads?q=1", "X-Old: old", "X-More: a", "X-Gone: 1", "x-gone-too: 2"),
    "heads, repeated": get("/heads", "X-Old: 1", "X-Old: 2", "X-Default: mine", "X-Gone: 1", "X-Gone: 2"),
    "heads, none there": get("/heads"),
    "renamed": get("/renamed", "X-Old: 1"),
    "cut": get("/cut", "X-Long: abcdefgh"),
    "hidden": get("/hidden"),
}

OWN_FIELDS = ("x-envoy-", "x-request-id", "x-trace-id", "x-forwarded-host", "x-forwarded-for")
COMPARED = ("location", "allow", "content-type", "x-why", "x-backend", "x-code", "x-route", "x-from", "x-cluster", "x-served", "x-type")


def normal(seen):
    fields = sorted((key.lower(), value) for key, value in seen.headers if not key.lower().startswith(OWN_FIELDS))
    return seen.method, seen.target, [(key, value) for key, value in fields if key not in ("content-length", "transfer-encoding")], seen.body


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("rules"))
    backends = {name: stage.backend(name) for name in ("plain", "other", "third", "canary", "based")}
    services = "services:\n" + "".join(f'  {name}: {{instances: [{{url: "{backend.url}{"/base" if name == "based" else ""}"}}]}}\n'
                                       for name, backend in backends.items())
    control = stage.control_plane(ROUTES, services)
    data = stage.data_plane(control.xds())
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    yield data.wait_until_ready(), envoy.port(), backends.values()
    stage.end()


def observe(port, method, data, backends):
    for backend in backends:
        backend.requests.clear()
    answer = exchange(port, data, method=method)
    seen = [(backend.name, normal(request)) for backend in backends for request in backend.requests]
    fields = [(key.lower(), value.replace(str(port), "PORT")) for key, value in answer.headers if key.lower() in COMPARED]
    # An error of ours says what it is in JSON; Envoy calls the same body text.
    fields = [(key, value) for key, value in fields if key != "content-type" or value not in ("application/json", "text/plain")]
    return answer.status, sorted(fields), seen


@pytest.mark.parametrize("name", CORPUS)
def test_envoy_and_data_plane_agree_about_rules(planes, name):
    ours, envoys, backends = planes
    method, data = CORPUS[name]
    expected, got = observe(envoys, method, data, backends), observe(ours, method, data, backends)
    assert got == expected


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path, headers=None):
        self.connection.request("GET", path, headers=headers or {})
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 200
        return answer

    def pick(self, path, headers=None):
        return self.get(path, headers).getheader("X-Backend")


def test_shares_are_the_weights(planes):
    """4,000 draws: 3.5 standard deviations of a share of 80 % are 2.2 %."""
    for port in planes[:2]:
        client = Client(port)
        seen = collections.Counter(client.pick("/split") for _ in range(4000))
        assert set(seen) == {"plain", "canary"}
        assert abs(seen["canary"] / 4000 - 0.2) < 0.022, seen


def test_keys_stay_with_the_service_that_envoy_sends_them_to(planes):
    ours, envoys = (Client(port) for port in planes[:2])
    seen = collections.Counter()
    for key in range(400):
        headers = {"X-Key": f"user-{key}"}
        first = ours.pick("/sticky", headers)
        assert first == envoys.pick("/sticky", headers) == ours.pick("/sticky", headers), key
        seen[first] += 1
    assert abs(seen["canary"] / 400 - 0.3) < 0.08, seen


def test_without_a_key_chance_decides(planes):
    for port in planes[:2]:
        client = Client(port)
        assert {client.pick("/sticky") for _ in range(100)} == {"plain", "canary"}


def test_a_cookie_is_made_up_once_and_keeps_the_service(planes):
    client = Client(planes[0])
    for _ in range(20):
        answer = client.get("/sticky-cookie")
        cookie = answer.getheader("Set-Cookie")
        assert cookie.startswith("Shop=") and "Max-Age=60" in cookie
        headers = {"Cookie": cookie.partition(";")[0]}
        again = client.get("/sticky-cookie", headers)
        assert again.getheader("X-Backend") == answer.getheader("X-Backend")
        assert again.getheader("Set-Cookie") is None
        # What one has made up is the other's key, too.
        assert Client(planes[1]).pick("/sticky-cookie", headers) == answer.getheader("X-Backend")
