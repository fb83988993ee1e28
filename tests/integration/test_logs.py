"""The access log and the programs' own logs: every field says what happened, nobody forges a line, secrets stay out, and no disk or reader that
is slow, full or gone holds a request."""
import json
import os
import re
import signal
import socket
import subprocess
import time

import http.client
import jwt
import pytest

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.core.v3 import base_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.access_loggers.file.v3 import file_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2
from support import ads
from support.faulty import FaultyBackend
from support.gateway import DataPlane, get, wait_until
from support.raw import exchange
from support.site import Site

SECRET = "logs-secret-of-32-bytes-or-more!"
MILLION = 1000000
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def metric(data, name):
    return int(re.search(rf"^{name} (\d+)$", data.status("/metrics").text, re.M)[1])


def lines(data, count, **wanted):
    """So many records, once they are there, that say `wanted`."""
    def find():
        found = [line for line in data.access_log() if all(line.get(key) == value for key, value in wanted.items())]
        return found if len(found) >= count else None

    found = wait_until(find, f"{count} records of {wanted}")
    assert len(found) == count
    return found


def services(*backends):
    return "services:\n" + "".join(f'  {b.name}: {{instances: [{{url: "{b.url}"}}]}}\n' for b in backends)


def both(stage, routes, services_yaml, env=None, args=(), workers=1):
    """One worker, so that records have the order of the requests."""
    control = stage.control_plane(routes, services_yaml, env=env)
    data = stage.data_plane(control.xds(), args=args, workers=workers)
    return control, data, data.wait_until_ready()


# ---- what each field says


def test_every_field_says_what_happened(stage):
    backend = stage.backend("s")
    routes = """
routes:
  - {name: orders, path: "/orders/**", service: s, auth_required: true, roles: [clerk], rate_limit: {requests: 100, key: [user, {header: X-Shop}, client]}}
"""
    site = Site(stage, routes, services(backend), env={"JWT_SECRET_KEY": SECRET})
    token = jwt.encode({"sub": "alice", "roles": ["clerk"], "exp": int(time.time()) + 600}, SECRET, "HS256")
    connection = http.client.HTTPConnection("127.0.0.1", site.plain, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "tester/1", "X-Shop": "blue", "Host": "shop.test"}
    before = time.time()
    for body in (b"12345", b"1234567"):
        connection.request("POST", "/orders/7/delay/150?card=4711", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200
    first, second = lines(site.data, 2)
    local_port = connection.sock.getsockname()[1]
    connection.close()
    version = site.data.admin("/config_dump").json()["version"]
    assert first["request_id"] != second["request_id"] and all(UUID.fullmatch(line["request_id"]) for line in (first, second))
    assert [seen.header("x-request-id") for seen in backend.requests] == [[first["request_id"]], [second["request_id"]]]
    assert second["bytes_sent"] == len(text)
    for line, received, is_reused in ((first, 5, False), (second, 7, True)):
        started = time.mktime(time.strptime(line["start_time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        assert abs(started - before) < 30 and re.fullmatch(r"[-0-9]{10}T[:0-9]{8}\.\d{3}Z", line["start_time"])
        assert 140 <= line["response_duration"] <= line["duration"] < 20000
        for varying in ("start_time", "request_id", "duration", "response_duration", "bytes_sent"):
            line.pop(varying)
        assert line == {
            "method": "POST", "path": "/orders/7/delay/150", "protocol": "HTTP/1.1", "authority": "shop.test", "trace_id": None, "response_code": 200,
            "response_code_details": "via_upstream", "response_flags": "-", "bytes_received": received, "route_name": "orders",
            "upstream_cluster": "s", "upstream_host": f"127.0.0.1:{backend.port}", "upstream_request_attempt_count": 1,
            "upstream_attempts": None, "upstream_connection_reused": is_reused, "downstream_connection_reused": is_reused,
            "snapshot": version, "consumer": "alice", "api_key": None, "rate_limit": "route/orders/0",
            "rate_limit_key": "user=alice,header x-shop=blue,client=127.0.0.1", "rbac_policy": "requirement", "rbac_shadow_policy": None,
            "rbac_shadow_result": None, "downstream_remote_address": f"127.0.0.1:{local_port}", "user_agent": "tester/1",
        }


def test_a_retry_is_told_with_each_try(stage):
    bad, good = FaultyBackend("bad"), stage.backend("good")
    stage.started.append(bad)
    bad.fail(503)
    both_instances = f'services: {{s: {{instances: [{{url: "{bad.url}"}}, {{url: "{good.url}"}}]}}}}'
    control, data, port = both(stage, 'routes: [{path: "/**", service: s, retries: {on: [503]}}]', both_instances)
    assert all(get(port, "/x").status == 200 for _ in range(4))
    retried = [line for line in lines(data, 4) if line["upstream_request_attempt_count"] == 2]
    assert len(retried) >= 1
    for line in retried:
        assert line["upstream_host"] == f"127.0.0.1:{good.port}"
        assert re.fullmatch(rf"127\.0\.0\.1:{bad.port} response (reused,idle_ms=\d+ )?503 via_upstream; "
                            rf"127\.0\.0\.1:{good.port} response (reused,idle_ms=\d+ )?200 via_upstream", line["upstream_attempts"])


def test_what_fails_has_flag_and_details_and_what_did_not_happen_is_null(stage):
    gone = stage.backend("gone")
    gone.stop()
    control, data, port = both(stage, "routes: [{path: /gone, service: gone, rate_limit: {requests: 2, per: 1h}}]", services(gone))
    assert [get(port, path).status for path in ("/nowhere", "/gone", "/gone", "/gone")] == [404, 503, 503, 429]
    nowhere, first, _, limited = lines(data, 4)
    assert (nowhere["response_flags"], nowhere["response_code_details"], nowhere["route_name"]) == ("NR", "route_not_found", None)
    assert (nowhere["upstream_connection_reused"], nowhere["response_duration"], nowhere["rate_limit"]) == (None, None, None)
    assert first["response_flags"].startswith("UF") and first["upstream_connection_reused"] is False and first["response_duration"] is None
    assert (limited["response_flags"], limited["rate_limit"], limited["upstream_host"]) == ("RL", "rate_limit", None)
    assert limited["rate_limit_key"] == "limit=0,masked_remote_address=127.0.0.1/32"


# ---- nobody forges a line, and secrets stay out


EVIL = b'a" 200 "{\\"response_code\\":200}\\ \xff\xfe\xc2\x9b\xc3\xa9 %00%0a\tend'


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_strangers_send_forges_no_line_and_no_field(stage, form):
    backend = stage.backend("s")
    control, data, port = both(stage, 'routes: [{path: "/**", service: s}]', services(backend),
                               env={"GATEWAY_ACCESS_LOG": form, "GATEWAY_ACCESS_LOG_REQUEST_HEADERS": "x-evil"})
    good = b"GET /%22%0a%0d%ff/x?q=%0a HTTP/1.1\r\nHost: h\r\nX-Evil: " + EVIL + b"\r\nUser-Agent: " + EVIL + b"\r\n\r\n"
    assert exchange(port, good).status == 200
    bad = [b"GET /\r\x0b\x1b[2J HTTP/1.1\r\nHost: h\r\n\r\n", b"G\x00T / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n"]
    for data_sent in bad:
        assert exchange(port, data_sent).status == 400
    whole = wait_until(lambda: (data.out_path.read_bytes().count(b"\n") == 4 and data.out_path.read_bytes()), "four lines")
    for line in whole.decode("utf-8").splitlines():  # strictly
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
        if form == "json":
            json.loads(line)
    first = next(line for line in whole.decode("utf-8").split("\n") if "/x" in line)
    if form == "json":
        fields = json.loads(first)
        assert fields["path"] == "/%22%0A%0D%FF/x"  # in normal form
        assert fields["user_agent"] == fields["request_headers.x-evil"] == 'a" 200 "{\\"response_code\\":200}\\ \ufffd\ufffd\x9b\xe9 %00%0a\tend'
    else:
        written = r'a\" 200 \"{\\\"response_code\\\":200}\\ \xff\xfe\xc2\x9b' + "\u00e9" + r' %00%0a\x09end'
        assert first.endswith(f'request_headers.x-evil="{written}"') and f' "{written}" ' in first
        # A reader that knows quotation marks finds as many fields as in any other line.
        field = r'(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^" \[]+(?:="(?:[^"\\]|\\.)*")?)'
        counts = {len(re.findall(field, line)) for line in whole.decode("utf-8").splitlines()}
        assert all(re.fullmatch(rf"{field}(?: {field})*", line) for line in whole.decode("utf-8").splitlines()) and len(counts) == 1


def test_credentials_and_queries_and_what_is_hidden_stay_out(stage):
    backend = stage.backend("s")
    env = {"GATEWAY_ACCESS_LOG_REQUEST_HEADERS": "Authorization,cookie,x-api-key,x-pin,x-plain",
           "GATEWAY_ACCESS_LOG_RESPONSE_HEADERS": "set-cookie,content-type", "GATEWAY_ACCESS_LOG_REDACT": "X-Pin"}
    routes = 'routes: [{path: "/**", service: s, rate_limit: {requests: 9, key: [{header: X-Pin}, {header: Authorization}, client]}, ' \
             'response_headers: {add: {Set-Cookie: "sid=s3cret"}}}]'
    control, data, port = both(stage, routes, services(backend), env=env)
    headers = {"Authorization": "Bearer s3cret", "Cookie": "sid=s3cret", "X-Api-Key": "s3cret", "X-Pin": "s3cret", "X-Plain": "seen"}
    assert get(port, "/x?token=s3cret", headers).status == 200
    assert get(port, "/y").status == 200
    line, bare = lines(data, 2)
    assert {key: value for key, value in line.items() if "_headers." in key} == {
        "request_headers.authorization": "[redacted]", "request_headers.cookie": "[redacted]", "request_headers.x-api-key": "[redacted]",
        "request_headers.x-pin": "[redacted]", "request_headers.x-plain": "seen", "response_headers.set-cookie": "[redacted]",
        "response_headers.content-type": "application/json"}
    assert line["rate_limit_key"] == "header x-pin=[redacted],header authorization=[redacted],client=127.0.0.1"
    assert bare["request_headers.authorization"] is None and bare["rate_limit_key"] == "header x-pin=,header authorization=,client=127.0.0.1"
    assert "s3cret" not in data.output() + data.log() + control.log()


# ---- which requests


def sampled(request_id, share):
    return int(request_id[:8], 16) % MILLION < share * MILLION


def test_samples_go_by_the_requests_id_and_what_fails_or_is_slow_is_always_there(stage):
    backend = stage.backend("s")
    routes = """
routes:
  - {path: "/**", service: s}
  - {path: "/none/**", service: s, access_log: false}
  - {path: "/all/**", service: s, access_log: true}
  - {path: "/own/**", service: s, access_log: {sample_percent: 0, always_status: 404}}
"""
    control, data, port = both(stage, routes, services(backend), env={
        "GATEWAY_ACCESS_LOG_SAMPLE_PERCENT": "25", "GATEWAY_ACCESS_LOG_ALWAYS_STATUS": "500", "GATEWAY_ACCESS_LOG_ALWAYS_DURATION": "300ms"})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    paths = ["/x"] * 200 + ["/none/status/500"] * 3 + ["/all/x"] * 20 + ["/own/x"] * 20 + ["/own/status/404"] * 2 + \
            ["/status/500"] * 4 + ["/status/404"] * 4 + ["/delay/400"] * 2
    for path in paths:
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()
    wanted = []
    for seen in backend.requests:
        chance = sampled(seen.header("x-request-id")[0], 0.25)
        always = {"/all/x": True, "/own/x": False, "/own/status/404": True, "/none/status/500": False, "/status/500": True, "/delay/400": True}
        if always.get(seen.target, chance):
            wanted.append((seen.header("x-request-id")[0], seen.target))
    assert 20 < sum(path == "/x" for _, path in wanted) < 90
    assert [(line["request_id"], line["path"]) for line in lines(data, len(wanted))] == wanted


def test_a_request_has_a_record_when_it_comes_and_one_when_it_is_over(stage):
    backend = stage.backend("s")
    control, data, port = both(stage, "routes: [{name: r, path: /delay/800, service: s}]", services(backend),
                               env={"GATEWAY_ACCESS_LOG_REQUESTS": "true"})
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(b"GET /delay/800 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        came = lines(data, 1)[0]  # while it waits for the answer
        assert (came["access_log_type"], came["response_code"], came["route_name"], came["path"]) == ("DownstreamStart", 0, "r", "/delay/800")
        assert came["upstream_host"] is None and came["duration"] == 0
        client.makefile("rb").read()
    over = lines(data, 2)[1]
    assert (over["access_log_type"], over["response_code"], over["request_id"]) == ("DownstreamEnd", 200, came["request_id"])
    assert over["duration"] >= 790


def test_a_change_of_the_route_counts_from_the_next_request_on(stage):
    backend = stage.backend("s")
    control, data, port = both(stage, "routes: [{path: /x, service: s}]", services(backend))
    assert get(port, "/x").status == 200
    lines(data, 1)
    version = data.admin("/config_dump").json()["version"]
    control.write(routes="routes: [{path: /x, service: s, access_log: false}]")
    wait_until(lambda: data.admin("/config_dump").json()["version"] != version, "the change")
    assert get(port, "/x").status == 200
    assert get(port, "/other").status == 404
    assert lines(data, 2)[1]["path"] == "/other"


# ---- by a control plane that is none of ours


def listener(access_log):
    """One that answers everything with 200, but for /missing."""
    def direct(prefix, status):
        return route_components_pb2.Route(match=route_components_pb2.RouteMatch(prefix=prefix),
                                          direct_response=route_components_pb2.DirectResponseAction(status=status))

    host = route_components_pb2.VirtualHost(name="all", domains=["*"], routes=[direct("/missing", 404), direct("/", 200)])
    http_manager = hcm_pb2.HttpConnectionManager(stat_prefix="x", route_config=route_pb2.RouteConfiguration(name="r", virtual_hosts=[host]),
                                                 access_log=[access_log])
    router = http_manager.http_filters.add(name="envoy.filters.http.router")
    router.typed_config.Pack(router_pb2.Router())
    made = listener_pb2.Listener(name="strange", address={"socket_address": {"address": "127.0.0.1", "port_value": 0}})
    made.filter_chains.add().filters.add(name="hcm").typed_config.Pack(http_manager)
    return made


def file_log(path, text=None, at_least=None):
    log = accesslog_pb2.AccessLog(name="file")
    form = file_pb2.FileAccessLog(path=path)
    if text is not None:
        form.log_format.text_format_source.CopyFrom(base_pb2.DataSource(inline_string=text))
    log.typed_config.Pack(form)
    if at_least is not None:
        comparison = log.filter.status_code_filter.comparison
        comparison.op, comparison.value.default_value, comparison.value.runtime_key = accesslog_pb2.ComparisonFilter.GE, at_least, "x"
    return log


def strange_data_plane(stage, access_log):
    server = ads.Server([listener(access_log)])
    stage.started.append(server)
    return server, stage.data_plane(server.address)


def test_a_foreign_access_log_is_obeyed(stage):
    _, data = strange_data_plane(stage, file_log("/dev/stdout", "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %REQ(AUTHORIZATION)%\n", 400))
    port = data.wait_until_ready("strange")
    for path in ("/a", "/missing?x=1", "/b"):
        get(port, path, {"Authorization": "Basic s3cret"})
    wait_until(lambda: data.output() == "GET /missing?x=1 404 [redacted]\n", "the line")


def test_a_foreign_log_without_a_format_says_no_query(stage):
    _, data = strange_data_plane(stage, file_log("/dev/stdout"))
    port = data.wait_until_ready("strange")
    get(port, "/a?secret=1")
    line = wait_until(data.output, "the line")
    assert '"GET /a HTTP/1.1" 200 - 0 0' in line and "secret" not in line


@pytest.mark.parametrize("access_log,place", [
    (file_log("/var/log/requests"), 'access_log[0].typed_config.path: "/var/log/requests" is not supported; /dev/stdout is'),
    (file_log("/dev/stdout", "%NO_SUCH%\n"), 'access_log[0]: "%NO_SUCH%" is not a supported operator'),
    (accesslog_pb2.AccessLog(name="x", filter={"not_health_check_filter": {}}), "access_log[0].filter.not_health_check_filter: not supported"),
])
def test_what_can_not_be_obeyed_is_refused_with_its_place(stage, access_log, place):
    server, data = strange_data_plane(stage, access_log)
    wait_until(lambda: any(place in error for error in server.errors), f"a refusal with {place}: {server.errors}")
    data.stop()


# ---- disks and readers


class Unread:
    """A pipe that nobody reads, in the place of a program's output. `is_full`: from the start."""

    def __init__(self, path, is_full):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
        self.path = path
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if is_full:
            writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            with pytest.raises(BlockingIOError):
                while True:
                    os.write(writer, b"." * 4096)
            os.close(writer)

    def leave(self):
        """The program has it: what reads logs finds a file."""
        self.path.unlink()
        self.path.write_text("")

    def read_all(self):
        found = b""
        while True:
            try:
                piece = os.read(self.reader, 1 << 20)
            except BlockingIOError:
                return found
            if not piece:
                return found
            found += piece

    def stop(self):
        os.close(self.reader)


def load(port, count):
    done = subprocess.run(["h2load", "--h1", "-n", str(count), "-c", "16", f"http://127.0.0.1:{port}/x"], capture_output=True, text=True, timeout=240)
    assert f"{count} 2xx" in done.stdout, done.stdout + done.stderr


def test_outputs_that_nobody_reads_hold_no_request_and_losses_are_counted(stage):
    backend = stage.backend("s")
    control = stage.control_plane('routes: [{path: "/**", service: s}]', services(backend))
    xds, folder = control.xds(), stage.folder / "stuck"
    out, err = Unread(folder / "stuck.out", False), Unread(folder / "stuck.err", True)
    stage.started += [out, err]
    data = DataPlane(folder, xds, name="stuck", node_id="stuck", args=["--log-level", "debug"])
    stage.started.append(data)
    port = data.wait_until_ready()
    out.leave()
    err.leave()
    load(port, 12000)
    lost = wait_until(lambda: metric(data, "gateway_access_log_lost_total"), "losses")
    # What is read now are whole lines; nothing of those that were lost.
    text = wait_until(lambda: (piece := out.read_all()) and piece, "bytes")
    end = time.monotonic() + 20
    while text.count(b"\n") + lost < 12000 and time.monotonic() < end:
        text += out.read_all()
        lost = metric(data, "gateway_access_log_lost_total")
    assert text.count(b"\n") + lost == 12000
    assert all(json.loads(line)["response_code"] == 200 for line in text.splitlines())
    # The process's own log says so, now that somebody reads it, once.
    said = b""

    def told():
        nonlocal said
        said += err.read_all()
        return b"the access log loses lines" in said

    wait_until(told, "word of it in the log")
    assert said.count(b"loses lines") == 1
    assert data.stop() == 0


def test_a_full_disk_holds_no_request_and_is_told_once(stage):
    backend = stage.backend("s")
    control, data, port = both(stage, 'routes: [{path: "/**", service: s}]', services(backend), args=["--access-log-file", "/dev/full"])
    load(port, 300)
    wait_until(lambda: metric(data, "gateway_access_log_lost_total") == 300, "all lines lost")
    word = re.compile(r"the access log loses lines \(\d+ so far\): its disk is full or slow, or nobody reads")
    wait_until(lambda: word.search(data.log()), "word of it")
    load(port, 100)
    wait_until(lambda: metric(data, "gateway_access_log_lost_total") == 400, "all lines lost")
    assert data.log().count("loses lines") == 1


def test_the_control_plane_serves_while_nobody_reads_its_log(stage):
    folder = stage.folder / "control-1"
    err = Unread(folder / "controlplane.err", True)
    stage.started.append(err)
    control = stage.control_plane("routes: []", "services: {}", args=["--log-level", "debug"])
    control.wait_for_ports()
    err.leave()
    for number in range(20):
        control.write(routes=f'routes: [{{path: "/{number}", respond: {{status: 200}}}}]')
        wait_until(lambda: f'"/{number}"' in control.ctl("-o", "json", "get", "routes", check=0).stdout, f"change {number}")
    data = stage.data_plane(control.xds())
    assert get(data.wait_until_ready(), "/19").status == 200


# ---- files, forms and levels


def test_files_are_opened_anew_on_sighup(stage):
    backend = stage.backend("s")
    access, log = stage.folder / "access.log", stage.folder / "node.log"
    control, data, port = both(stage, 'routes: [{path: "/**", service: s}]', services(backend),
                               args=["--access-log-file", access, "--log-file", log, "--log-format", "json"])
    get(port, "/before")
    wait_until(lambda: "/before" in access.read_text(), "the first line")
    access.rename(access.with_suffix(".1"))
    log.rename(log.with_suffix(".1"))
    data.process.send_signal(signal.SIGHUP)
    wait_until(lambda: access.exists() and log.exists() and "logs were opened anew" in log.read_text(), "new files")
    get(port, "/after")
    wait_until(lambda: "/after" in access.read_text(), "the second line")
    assert "/before" not in access.read_text() and "/after" not in access.with_suffix(".1").read_text()
    assert data.output() == "" and data.log() == ""
    for line in log.with_suffix(".1").read_text().splitlines():
        assert set(json.loads(line)) == {"time", "level", "program", "message"}
    assert data.stop() == 0
    assert json.loads(log.read_text().splitlines()[-1])["message"] == "drained"


def test_the_control_planes_log_is_text_or_json_in_a_file_that_is_opened_anew(stage):
    log = stage.folder / "control.log"
    control = stage.control_plane("routes: []", "services: {}", args=["--log-file", log], env={"GATEWAY_LOG_FORMAT": "json"})
    control.wait_for_ports()
    records = [json.loads(line) for line in wait_until(log.read_text, "lines").splitlines()]
    assert {record["program"] for record in records} == {"gateway-controlplane"}
    log.rename(log.with_suffix(".1"))
    control.process.send_signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and "SIGHUP" in log.read_text(), "the new file")


def test_levels_change_while_the_programs_run(stage):
    backend = stage.backend("s")
    control, data, port = both(stage, 'routes: [{path: "/**", service: s}]', services(backend), env={"GATEWAY_LOG_LEVEL": "error"})
    assert " INFO " not in control.log()
    assert control.ctl("log-level", "debug", check=0).stdout == "it was error\n"
    assert "INFO gateway-controlplane: the log's level is debug now; it was error" in wait_until(control.log, "the line")
    assert control.ctl("log-level", "warning", check=0).stdout == "it was debug\n"
    refused = control.ctl("log-level", "loud")
    assert refused.returncode != 0 and "none of debug, info, warning and error" in refused.stderr
    assert control.ctl("node", "log-level", "node-1", "error", check=0).stdout == "it was info\n"
    lines_before = len(data.log().splitlines())
    assert control.ctl("node", "log-level", "node-1", "debug", check=0).stdout == "it was error\n"
    wait_until(lambda: "the log's level is debug now; it was error" in data.log(), "the line")
    assert len(data.log().splitlines()) == lines_before + 1
    audited = control.ctl("-o", "json", "audit").stdout
    assert "SetLogLevel" in audited and "loud" in audited
