"""Stock Envoy under our control plane logs what our data plane logs: the same fields of the same requests, the same samples of the same ids, and no
more of what is hidden."""
import json

from support.envoy import Envoy
from support.gateway import get, request, wait_until

ROUTES = """
routes:
  - {name: one, path: "/one/**", service: s}
  - {name: other, path: /other, service: s, methods: [POST]}
  - {name: limited, path: /limited, service: s, rate_limit: {requests: 1, per: 1h}}
"""
SAME = ("method", "path", "protocol", "authority", "response_code", "response_flags", "bytes_received", "route_name", "upstream_cluster",
        "upstream_host", "user_agent", "upstream_request_attempt_count", "request_headers.x-plain", "access_log_type")


def services(backend):
    return f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}'


def start(stage, backend, **env):
    control = stage.control_plane(ROUTES, services(backend), env=env)
    data = stage.data_plane(control.xds(), workers=1)  # so that records have the order of the requests
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    return data, envoy


def records(program, count):
    def find():
        found = [json.loads(line) for line in program.output().splitlines() if line.startswith("{") and line.endswith("}")]
        return found if len(found) >= count else None

    found = wait_until(find, f"{count} records of {program.name}")
    assert len(found) == count
    return found


def test_the_same_requests_give_the_same_fields(stage):
    backend = stage.backend("s")
    data, envoy = start(stage, backend, GATEWAY_ACCESS_LOG_REQUESTS="true", GATEWAY_ACCESS_LOG_REQUEST_HEADERS="x-plain,x-pin,authorization",
                        GATEWAY_ACCESS_LOG_RESPONSE_HEADERS="content-type,set-cookie", GATEWAY_ACCESS_LOG_REDACT="x-pin")
    headers = {"X-Plain": 'a "b"', "X-Pin": "s3cret", "Authorization": "Bearer s3cret", "User-Agent": "same/1", "Host": "h.test"}
    for port in (data.wait_until_ready(), envoy.port()):
        get(port, "/one/bytes/700/status/404?secret=s3cret", headers)
        request(port, "/other", "POST", headers, b"12345")
        get(port, "/nowhere", headers)
        get(port, "/limited", headers)
        get(port, "/limited", headers)
    ours, theirs = records(data, 10), records(envoy, 10)
    for own, their in zip(ours, theirs):
        assert {name: own[name] for name in SAME} == {name: their[name] for name in SAME}
        assert set(own) == set(their)
        assert own["request_headers.x-pin"] == own["request_headers.authorization"] == "[redacted]"
        assert their["request_headers.x-pin"] is their["request_headers.authorization"] is None
    for name in ("bytes_sent", "response_headers.content-type"):  # of what the service said
        assert ours[1][name] == theirs[1][name] is not None
    assert ours[1]["bytes_sent"] == 700
    assert "s3cret" not in data.output() + envoy.output()


def test_the_same_ids_are_sampled_and_errors_are_always_there(stage):
    backend = stage.backend("s")
    data, envoy = start(stage, backend, GATEWAY_ACCESS_LOG_SAMPLE_PERCENT="20", GATEWAY_ACCESS_LOG_ALWAYS_STATUS="500")
    for program, port in ((data, data.wait_until_ready()), (envoy, envoy.port())):
        backend.requests.clear()
        for number in range(150):
            get(port, f"/one/{number}" if number % 50 else "/one/status/500")
        ids = [(seen.header("x-request-id")[0], "status/500" in seen.target) for seen in backend.requests]
        wanted = [name for name, is_error in ids if is_error or int(name[:8], 16) % 1000000 < 200000]
        assert 10 < len(wanted) < 70 and len(ids) == 150
        assert [record["request_id"] for record in records(program, len(wanted))] == wanted
