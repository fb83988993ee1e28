"""What services do wrong, and what comes of it: for the client, in the access log, in the metrics, and for everybody else.

A row a fault and protocol. `told` is what the access log's record of the try says, `why` what `gatewayctl why` says of it.
"""
import collections
import concurrent.futures
import http.client
import json
import re
import socket

import pytest

from support.backend import Backend
from support.gateway import PATIENCE_S, get, wait_until
from support.h2_raw import DATA, END_STREAM, H2, HEADERS, RST_STREAM, request as h2_request
from support.misbehaving_h1 import MisbehavingH1
from support.misbehaving_h2 import MisbehavingH2

Row = collections.namedtuple("Row", "statuses whole flags details tries told why hasty again", defaults=(1, "", "", False, True))


def before(reason):
    return rf"upstream_reset_before_response_started\{{{reason}\}}"


def after(reason):
    return rf"upstream_reset_after_response_started\{{{reason}\}}"


BROKEN = "(connection_termination|remote_reset)"
UNSEEN = r"the instance closed the connection to new requests \(GOAWAY\), this one among them"
UNCONNECTED_WHY = "no connection could be made"
BROKEN_WHY = "the instance (closed|reset) the connection"
LATE_WHY = "the service had not answered when the request's time was over"
BAD = {"http1.bad_status_line": "the answer does not begin with HTTP/1 and a status", "http1.several_content_lengths": "more than one Content-Length",
       "head_too_large": "its head is too large", "unrequested_upgrade": "it changed the protocol", "http2": "its frames or fields break the rules",
       "too_many_interim_answers": "too many interim answers", "bad_chunk": "a chunk or trailer that is not valid"}


def broken(reason=BROKEN, why=f"{BROKEN_WHY} before it had answered", **kw):
    """The connection breaks before the answer."""
    return Row({502}, True, "UC", before(reason), told="response UC", why=why, **kw)


def broken_early():
    """… so early that it may not have stood yet."""
    return Row({502, 503}, True, "U[CF]", before(f"({BROKEN}|remote_connection_failure,.*)"), told="(connect|response) U[CF]",
               why=f"({BROKEN_WHY} before it had answered|{UNCONNECTED_WHY})")


def bad(reason, **kw):
    """Something came that is no answer."""
    return Row({502}, True, "UPE", before(f"protocol_error,{reason}"), told=f"response UPE .*{reason}",
               why=f"what the instance answered was not valid HTTP: {BAD[reason]}", **kw)


def reset(reason, why, **kw):
    return Row({502}, True, "UR", before(reason), told=f"response UR .*{reason}", why=why, **kw)


def late():
    return Row({504}, True, "UT", "response_timeout", told="response UT response_timeout", why=LATE_WHY, hasty=True)


def cut(flags, details, why=f"{BROKEN_WHY} in the middle of its answer", **kw):
    """The answer had begun. Neither hidden nor asked for again: a client with retries gets no other."""
    return Row({200}, False, flags, details, told=f"response {flags} {details}", why=why, again=False, **kw)


def bad_after(reason):
    return cut("UPE", after(f"protocol_error,{reason}"), f"what the instance answered was not valid HTTP: {BAD[reason]}")


def passed(status=200, **kw):
    """An answer like any other, to us."""
    return Row({status}, True, "-", "via_upstream", why="the answer is the service's own" if status >= 500 else "", **kw)


def replaced(reason, why=f"{BROKEN_WHY} before it had answered"):
    """A kept connection that was dead: another one is made, whatever the policy."""
    return Row({200}, True, "-", "via_upstream", 2, rf"response reused,idle_ms=\d+ UC .*{reason}.*; .* response 200 via_upstream",
               rf"on a reused connection.*: {why}")


UNCONNECTED = {
    "refused": Row({503}, True, "UF", before("remote_connection_failure,Connection_refused"), told="connect UF .*Connection_refused",
                   why=f"{UNCONNECTED_WHY}: Connection refused"),
    "deaf": Row({503}, True, "UF", before("connection_timeout"), told="connect UF .*connection_timeout",
                why="no connection stood in time"),
    "close_on_accept": broken_early(), "reset_on_accept": broken_early(),
}
COMMON = {
    **UNCONNECTED, "silent": late(), "close_on_request": broken(), "reset_on_request": broken(), "half_head": broken(),
    "half_head_silent": late(), "head_then_reset": cut("UC", after(BROKEN)), "half_body": cut("UC", after(BROKEN)),
    "trickling_head": late(), "trickling_body": cut("UT", "response_timeout", LATE_WHY, hasty=True), "slow_but_in_time": passed(again=False),
    "500": passed(500), "503": passed(503), "close_on_reuse": replaced("connection_termination"), "reset_on_reuse": replaced(BROKEN),
}
H1 = {
    **COMMON, "half_chunked_body": cut("UC", after(BROKEN)), "length_too_long": cut("UT", "response_timeout", LATE_WHY, hasty=True),
    "length_too_short": passed(again=False), "two_answers": passed(again=False), "unasked_answer": passed(again=False),
    "bad_chunk": bad_after("bad_chunk"), "chunk_without_end": bad_after("bad_chunk"),
    "garbage": bad("http1.bad_status_line"), "garbage_on_accept": bad("http1.bad_status_line"), "bad_status": bad("http1.bad_status_line"),
    "two_lengths": bad("http1.several_content_lengths"), "head_too_large": bad("head_too_large"), "unasked_upgrade": bad("unrequested_upgrade"),
    "interim_without_end": bad("too_many_interim_answers"),
}
H2_ROWS = {
    **COMMON, "silent_on_accept": late(), "half_body_without_length": cut("UC", after(BROKEN)),
    "length_too_long": bad_after("http2"), "length_too_short": bad_after("http2"),
    "garbage": bad("http2"), "garbage_on_accept": bad("http2"), "bad_status": bad("http2"), "bad_field": bad("http2"), "bad_compression": bad("http2"),
    "data_before_head": bad("http2"), "head_too_large": bad("head_too_large"), "unasked_upgrade": bad("http2"), "push": bad("http2"),
    "window_overflow": bad_after("http2"), "zero_increment": bad("http2"),
    "refused_stream": reset("remote_refused_stream_reset", "the instance refused the request's stream without having looked at it"),
    "internal_error": reset("remote_reset,http2_error_2", "HTTP/2's error INTERNAL_ERROR, before it had answered"),
    "enhance_your_calm": reset("remote_reset,http2_error_11", "HTTP/2's error ENHANCE_YOUR_CALM, before it had answered"),
    "head_then_stream_reset": cut("UR", after("remote_reset,http2_error_2"), "HTTP/2's error INTERNAL_ERROR, in the middle of its answer"),
    "goaway_refusing": broken("remote_goaway", UNSEEN, tries=2), "goaway_refusing_error": broken("remote_goaway", UNSEEN, tries=2),
    "goaway_then_answer": passed(again=False), "goaway_then_silent": late(), "goaway_then_close": broken(),
    "goaway_in_the_middle": cut("UC", after(BROKEN)), "goaway_on_reuse": replaced("remote_goaway", UNSEEN),
    "interim_without_end": bad("too_many_interim_answers"), "pings_without_end": bad("http2"),
}
MATRIX = [("h1", fault) for fault in H1] + [("h2", fault) for fault in H2_ROWS]
ROWS = {"h1": H1, "h2": H2_ROWS}
HASTE_MS = 400


class Metrics:
    """A scrape."""

    def __init__(self, text):
        self.text = text

    def sum(self, name, **labels):
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\d+)$", self.text, re.M)
        return sum(int(value) for text, value in found if all(f'{key}="{wanted}"' in text for key, wanted in labels.items()))

    def counted(self, service, statuses):
        """Requests of the service so answered, and connections that failed."""
        answered = sum(self.sum("gateway_requests_total", service=service, code=status) for status in statuses)
        return answered, self.sum("gateway_upstream_connect_failures_total", service=service)


class Ground:
    """`h1` and `h2`: one instance, which misbehaves; `…-pair`: it and one that doesn't. Nothing is tried again but by the routes to pairs."""

    def __init__(self, stage):
        self.bad = {"h1": MisbehavingH1(), "h2": MisbehavingH2()}
        self.good = {"h1": MisbehavingH1("good"), "h2": MisbehavingH2("good")}
        beside = Backend("beside")
        stage.started += [*self.bad.values(), *self.good.values(), beside]
        services = [f'beside: {{instances: [{{url: "{beside.url}"}}]}}']
        routes = ['{path: "/beside/**", service: beside}']
        for name, protocol in ("h1", "http1"), ("h2", "h2"):
            bad_one, good_one = f'{{url: "{self.bad[name].url}"}}', f'{{url: "{self.good[name].url}"}}'
            rest = f"protocol: {protocol}, timeouts: {{connect: 1s}}"
            services += [f"{name}: {{{rest}, instances: [{bad_one}]}}", f"{name}-pair: {{{rest}, instances: [{bad_one}, {good_one}]}}"]
            routes += [f'{{path: "/{name}/**", service: {name}, retries: off}}',
                       f'{{path: "/{name}-hasty/**", service: {name}, retries: off, timeouts: {{request: {HASTE_MS}ms}}}}',
                       f'{{path: "/{name}-pair/**", service: {name}-pair, retries: {{on: [5xx, reset]}}}}',
                       f'{{path: "/{name}-pair-hasty/**", service: {name}-pair, retries: {{on: [5xx, reset]}}, timeouts: {{per_try: {HASTE_MS}ms}}}}']
        self.control = stage.control_plane("routes:\n" + "".join(f"  - {route}\n" for route in routes),
                                           "services:\n" + "".join(f"  {service}\n" for service in services))
        self.data = stage.data_plane(self.control.xds())
        self.port = self.data.wait_until_ready()

    def ask(self, path, service):
        """The status, whether the answer was whole, its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            service.client_has_head.set()
            try:
                return response.status, True, response.read().decode()
            except (http.client.IncompleteRead, ConnectionError):
                return response.status, False, ""
        finally:
            connection.close()

    def line(self, path):
        """The access log's about that path."""
        def found():
            return next((line for line in self.data.access_log() if line["path"] == path), None)

        return wait_until(found, f"the line about {path}")

    def why(self, request_id, is_remembered):
        """What is said of it, in words; 66: nobody remembers it."""
        return self.control.ctl("why", request_id, check=0 if is_remembered else 66).stdout

    def metrics(self):
        return Metrics(self.data.status("/metrics").text)

    def has_nothing_left(self, name):
        metrics = self.metrics()
        gauges = [metrics.sum(f"gateway_upstream_{what}", service=service) for what in ("connections", "requests") for service in (name, f"{name}-pair")]
        return [metrics.sum("gateway_downstream_requests"), metrics.sum("gateway_downstream_connections"), *gauges] == [0] * 6

    def end_connections(self, name):
        self.bad[name].drop()
        self.good[name].drop()
        wait_until(lambda: self.has_nothing_left(name), "all that was active to end")

    def fail(self, name, service, fault):
        """From here on; a fault that waits for a reused connection has one with each worker, as likely as not."""
        if self.bad[name].faults.get(fault, ("",))[0] == "reuse":
            for i in range(8):
                assert self.ask(f"/{service}/warm-{i}", self.bad[name])[0] == 200
        self.bad[name].fail(fault)


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("faults"))
    yield Ground(stage)
    stage.end()


@pytest.fixture
def bad_one(ground, request):
    """Has no connections when the test begins, and behaves again after it."""
    name = request.node.callspec.params["name"]
    made = ground.bad[name]
    ground.end_connections(name)
    yield made
    made.fail(None)


def test_matrix_has_every_fault():
    for service, rows in (MisbehavingH1, H1), (MisbehavingH2, H2_ROWS):
        made = service()
        made.stop()
        assert set(rows) == {*made.faults, "refused", "deaf"}
        assert len(rows) >= 15


@pytest.mark.parametrize("name,fault", MATRIX)
def test_fault_is_told_apart_and_hurts_nobody_else(ground, bad_one, name, fault):
    row, route = ROWS[name][fault], f"{name}-hasty" if ROWS[name][fault].hasty else name
    path = f"/{route}/{fault}"
    ground.fail(name, name, fault)
    answered, failures = ground.metrics().counted(name, row.statuses)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(ground.ask, path, bad_one)
        wait_until(lambda: bad_one.hits > 0 or asked.done() or fault == "deaf", "the fault")
        assert get(ground.port, f"/beside/{name}/{fault}").status == 200
        status, is_whole, body = asked.result(PATIENCE_S)
    line = ground.line(path)
    assert status in row.statuses and is_whole == row.whole, line
    assert (line["response_code"], line["upstream_request_attempt_count"]) == (status, row.tries), line
    assert re.fullmatch(row.flags, line["response_flags"]) and re.fullmatch(row.details, line["response_code_details"]), line
    assert re.search(row.told, line["upstream_attempts"] or ""), line
    assert not row.told or line["upstream_attempts"].startswith(f"127.0.0.1:{bad_one.port} "), line
    why = ground.why(line["request_id"], bool(row.why))
    assert re.search(row.why, why) and (not row.told or f"127.0.0.1:{bad_one.port}, " in why), why
    assert not row.why or (line["snapshot"] in why and str(status) in why), why
    if row.details != "via_upstream" and is_whole:
        assert json.loads(body)["error"] == status
    bad_one.fail(None)
    assert ground.ask(f"/{name}/after/{fault}", bad_one) == (200, True, f"/{name}/after/{fault}")
    is_unconnected = line["response_flags"] == "UF"
    assert ground.metrics().counted(name, row.statuses) == (answered + 1 + (200 in row.statuses), failures + is_unconnected)
    ground.end_connections(name)


@pytest.mark.parametrize("name,fault", [(name, fault) for name, fault in MATRIX if ROWS[name][fault].again])
def test_fault_costs_nothing_where_another_instance_may_be_asked(ground, bad_one, name, fault):
    row, service = ROWS[name][fault], f"{name}-pair-hasty" if ROWS[name][fault].hasty else f"{name}-pair"
    ground.fail(name, service, fault)

    def meets_it(turn=iter(range(1000))):
        path = f"/{service}/{fault}/{next(turn)}"
        assert ground.ask(path, bad_one) == (200, True, path)
        line = ground.line(path)
        return line if line["upstream_request_attempt_count"] > 1 else None

    line = wait_until(meets_it, "a request that meets the fault")
    assert (line["response_flags"], line["response_code_details"]) == ("-", "via_upstream")
    tries = line["upstream_attempts"].split("; ")
    assert tries[0].startswith(f"127.0.0.1:{bad_one.port} ") and tries[-1].endswith(" 200 via_upstream"), line
    assert re.search(row.told.partition(";")[0].replace("response_timeout", "upstream_per_try_timeout"), tries[0]), line


@pytest.mark.parametrize("name,fault", [(name, fault) for name, fault in MATRIX if not ROWS[name][fault].whole])
def test_answer_that_breaks_off_is_reset_for_a_client_of_http2(ground, bad_one, name, fault):
    ground.fail(name, name, fault)
    route = f"{name}-hasty" if ROWS[name][fault].hasty else name
    with H2(ground.port) as client:
        stream = client.open(h2_request(f"/{route}/h2/{fault}".encode()))
        ends = []
        while not ends:
            kind, flags, at, payload = client.read()
            if at == stream and kind == HEADERS:
                assert client.fields[stream][":status"] == "200"
                bad_one.client_has_head.set()
            if at == stream and (kind == RST_STREAM or flags & END_STREAM and kind in (HEADERS, DATA)):
                ends.append((kind, int.from_bytes(payload, "big") if kind == RST_STREAM else None))
            if kind == DATA and payload:
                client.frame(8, stream=0, payload=len(payload).to_bytes(4, "big"))
        assert ends == [(RST_STREAM, 2)]
        bad_one.fail(None)
        other = client.open(h2_request(f"/{name}/h2-after/{fault}".encode()))
        assert client.status(other) == 200


def test_connection_may_outlive_its_service(stage):
    """Its last request ends as its service is gone already, and something is to be sent yet."""
    bad_one, beside = MisbehavingH2(), Backend("beside")
    stage.started += [bad_one, beside]
    services = f'services:\n  b: {{instances: [{{url: "{beside.url}"}}]}}\n'
    routes = 'routes:\n  - {path: "/b/**", service: b}\n'
    control, data, port = stage.both(routes + '  - {path: "/s/**", service: s}\n',
                                     services + f'  s: {{protocol: h2, instances: [{{url: "{bad_one.url}"}}]}}\n', workers=1)
    bad_one.fail("goaway_then_silent")
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /s/x HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: bad_one.hits > 0, "the request")
        control.write(routes, services)
        wait_until(lambda: str(bad_one.port) not in data.admin("/clusters").text, "the service to be gone")
        bad_one.fail(None)
        wait_until(lambda: get(port, "/s/y").status == 404, "the worker to know")
    wait_until(lambda: not bad_one.connections, "its connection to end")
    assert data.is_running() and get(port, "/b/").status == 200
