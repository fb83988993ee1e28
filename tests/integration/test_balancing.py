"""Which instance gets a request, seen from outside: busy ones are spared, spares stand by, and what is switched off stays so."""
import collections
import threading

from support.gateway import get, wait_until

ROUTES = 'routes: [{path: "/**", service: s}]'


def picks(port, count, path="/"):
    seen = collections.Counter()
    for _ in range(count):
        answer = get(port, path)
        assert answer.status == 200
        seen[answer.json()["backend"]] += 1
    return seen


def test_least_connections_spares_who_is_busy(stage):
    busy, idle = stage.backend("busy"), stage.backend("idle")
    services = f"""
services:
  s: {{load_balancing: least_connections, instances: [{{url: "{busy.url}"}}, {{url: "{idle.url}"}}]}}
"""
    control = stage.control_plane(ROUTES, services)
    port = stage.data_plane(control.xds(), workers=1).wait_until_ready()
    # Two at once go to both; what then hangs at one of them keeps it busy.
    threads = [threading.Thread(target=get, args=(port, f"/delay/{ms}")) for ms in (4000, 4000)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(busy.requests) == 1 and len(idle.requests) == 1, "one request at each")
    for thread in threads:
        thread.join()
    hanging = threading.Thread(target=get, args=(port, "/delay/4000"))
    hanging.start()
    wait_until(lambda: len(busy.requests) + len(idle.requests) == 3, "the third request")
    taken, free = ("busy", "idle") if len(busy.requests) == 2 else ("idle", "busy")
    assert picks(port, 50) == {free: 50}
    hanging.join()
    assert min(picks(port, 100)[name] for name in (taken, free)) > 20


def test_spares_take_over_and_give_back(stage):
    first, second, spare = (stage.backend(name) for name in ("first", "second", "spare"))

    def services(first_extra="", second_extra=""):
        return f"""
services:
  s:
    instances:
      - {{url: "{first.url}"{first_extra}}}
      - {{url: "{second.url}"{second_extra}}}
      - {{url: "{spare.url}", priority: 1}}
"""

    control = stage.control_plane(ROUTES, services())
    port = stage.data_plane(control.xds(), workers=1).wait_until_ready()
    assert picks(port, 20) == {"first": 10, "second": 10}
    # An operator who takes one away wants the rest of that priority to have it all.
    control.write(services=services(", healthy: false"))
    wait_until(lambda: picks(port, 10) == {"second": 10}, "the second alone")
    control.write(services=services(", healthy: false", ", weight: 0"))
    wait_until(lambda: picks(port, 10) == {"spare": 10}, "the spare alone")
    control.write(services=services())
    wait_until(lambda: picks(port, 10) == {"first": 5, "second": 5}, "both again")


def test_policy_is_shown_and_changes_without_a_lost_request(stage):
    backends = [stage.backend(name) for name in ("a", "b", "c")]
    urls = ", ".join(f'{{url: "{backend.url}"}}' for backend in backends)

    def services(balancing):
        return f"services: {{s: {{load_balancing: {balancing}, instances: [{urls}]}}}}"

    control = stage.control_plane(ROUTES, services("round_robin"))
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    for balancing, name in (("{policy: ring_hash, hash: {query: k}}", "RING_HASH"), ("{policy: maglev, hash: {query: k}}", "MAGLEV"),
                            ("least_connections", "LEAST_REQUEST"), ("random", "RANDOM")):
        control.write(services=services(balancing))

        def is_there():
            picks(port, 5, "/x?k=1")
            return f'"lb_policy": "{name}"' in data.admin("/config_dump").text.replace('":"', '": "')

        wait_until(is_there, f"policy {name}")
        if "hash" in balancing:
            wait_until(lambda: len(picks(port, 20, "/x?k=1")) == 1, "a key to stay")
        assert f"{name}" in control.ctl("get", "services", check=0).stdout
