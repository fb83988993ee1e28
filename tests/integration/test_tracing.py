"""What a request leaves as a trace: spans at a collector, fields at its service and its client, by OTLP over gRPC and HTTP."""
import re
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.faulty import FaultyBackend
from support.gateway import get, request, wait_until
from support.otlp import Collector
from support.pki import Pki

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
ROUTES = 'routes: [{{path: "/orders/{{id}}", service: s{extra}}}, {{path: "/**", service: s}}]'


@pytest.fixture
def collector(stage):
    made = Collector()
    stage.started.append(made)
    return made


def start(stage, collector, extra="", backends=None, env=None, by_http=False, **kw):
    backends = backends or [stage.backend("b")]
    urls = ", ".join(f'{{url: "{backend.url}"}}' for backend in backends)
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http_url if by_http else collector.url,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf" if by_http else "grpc", **(env or {})}
    control = stage.control_plane(ROUTES.format(extra=extra), f"services: {{s: {{instances: [{urls}]}}}}", env=settings)
    data = stage.data_plane(control.xds(), **kw)
    return control, data, data.wait_until_ready()


def told(answer):
    """Fields that the service saw, by lower-case name."""
    return {key.lower(): value for key, value in answer.json()["headers"]}


@pytest.mark.parametrize("by_http", [False, True])
def test_request_is_a_server_span_with_a_client_span_for_its_try(stage, collector, by_http):
    control, data, port = start(stage, collector, by_http=by_http, env={"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "zone=b%2C1"})
    answer = get(port, "/orders/7?secret=1", {"User-Agent": "probe/1", "traceparent": SAMPLED, "tracestate": "vendor=x"})
    server, = collector.wait(kind="server", trace_id=TRACE)
    client, = collector.children(server, 1)
    assert server.parent_id == SPAN and server.name == "GET /orders/{id}" and not server.is_error
    attributes = server.attributes
    assert attributes["http.request.method"] == "GET" and attributes["url.path"] == "/orders/7" and attributes["url.scheme"] == "http"
    assert attributes["http.route"] == "/orders/{id}" and attributes["http.response.status_code"] == 200
    assert attributes["server.address"] == "127.0.0.1" and attributes["server.port"] == port
    assert attributes["client.address"] == "127.0.0.1" and attributes["network.protocol.version"] == "1.1"
    assert attributes["user_agent.original"] == "probe/1" and attributes["gateway.cluster"] == "s"
    assert not any("secret" in str(value) for span in (server, client) for value in span.attributes.values())
    assert client.kind == "client" and client.name == "GET" and client.attributes["gateway.attempt"] == 1
    assert client.attributes["url.full"].endswith("/orders/7") and client.attributes["http.response.status_code"] == 200
    assert server.start <= client.start <= client.end <= server.end
    assert server.resource["service.name"] == "shop" and server.resource["service.instance.id"] == "node-1"
    assert server.resource["zone"] == "b,1"
    fields = told(answer)
    assert fields["traceparent"] == f"00-{TRACE}-{client.span_id}-01" and fields["tracestate"] == "vendor=x"
    assert fields["x-trace-id"] == TRACE and fields["x-span-id"] == server.span_id
    assert answer.headers["x-trace-id"] == TRACE and answer.headers["x-span-id"] == server.span_id
    assert wait_until(data.access_log, "a line")[0]["trace_id"] == TRACE
    wait_until(lambda: re.search(r'^gateway_trace_spans_total\{result="sent"\} [1-9]', data.status("/metrics").text, re.M), "counted spans")
    if by_http:
        assert set(collector.paths) == {"/v1/traces"}


def test_each_try_is_a_span_and_the_service_is_told_its_own(stage, collector):
    backends = [FaultyBackend("bad"), FaultyBackend("worse"), FaultyBackend("good")]
    stage.started.extend(backends)
    backends[0].fail(503)
    backends[1].fail("reset")
    _, _, port = start(stage, collector, ", retries: {on: [503, reset], attempts: 5}", backends)
    for i in range(6):
        answer = get(port, f"/orders/{i}", {"traceparent": SAMPLED})
        assert answer.status == 200
    servers = collector.wait(6, kind="server", trace_id=TRACE)
    tries = {server.span_id: collector.children(server, 1) for server in servers}
    retried = [spans for spans in tries.values() if len(spans) > 1]
    assert retried, tries
    for spans in tries.values():
        assert [span.attributes["gateway.attempt"] for span in spans] == list(range(1, len(spans) + 1))
        assert [span.attributes.get("http.request.resend_count") for span in spans] == [None, *range(1, len(spans))]
        assert all(span.is_error for span in spans[:-1]) and not spans[-1].is_error
        assert spans[-1].attributes["http.response.status_code"] == 200
    failed = [span for spans in retried for span in spans[:-1]]
    assert {span.attributes.get("http.response.status_code") for span in failed} <= {503, None}
    assert all(span.attributes["error.type"] for span in failed)
    assert not any(server.is_error for server in servers)


def test_authentication_and_limits_are_spans_where_they_have_something_to_do(stage, collector, tmp_path):
    key, backend = ec.generate_private_key(ec.SECP256R1()), stage.backend()
    (tmp_path / "ec.pem").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    control = stage.control_plane(f"""
routes: [{{path: /me, service: s, auth_required: true}}, {{path: /few, service: s, rate_limit: 1}}, {{path: "/**", service: s}}]
auth: {{jwt: {{providers: [{{name: p, issuer: "https://p", keys: {{pem_file: {tmp_path}/ec.pem}}}}]}}}}""",
                                  f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    port = stage.data_plane(control.xds()).wait_until_ready()
    token = jwt.encode({"iss": "https://p", "sub": "ann", "exp": int(time.time()) + 600}, key, "ES256")
    assert get(port, "/free").status == 200
    assert [get(port, "/me", {"Authorization": "Bearer " + it}).status for it in (token, "nonsense")] == [200, 401]
    assert [get(port, "/few").status for _ in range(2)] == [200, 429]
    free, = collector.wait(name="GET /**")
    me, few = collector.wait(2, name="GET /me"), collector.wait(2, name="GET /few")
    assert [span.name for span in collector.children(free, 1)] == ["GET"]
    for first, second, name in ((*me, "authentication"), (*few, "rate limit")):
        work, attempt = collector.children(first, 2)
        assert (work.name, attempt.name, work.kind) == (name, "GET", "internal") and not work.is_error
        work, = collector.children(second, 1)
        assert work.name == name and work.is_error and not second.is_error
    assert not any(token in str(span) for span in collector.spans)


def test_sampler_decides_for_traces_that_begin_here_and_the_caller_for_its_own(stage, collector):
    _, _, port = start(stage, collector, env={"OTEL_TRACES_SAMPLER": "parentbased_always_off"})
    unsampled = get(port, "/orders/1")
    refused = get(port, "/orders/2", {"traceparent": NOT_SAMPLED})
    get(port, "/orders/3", {"traceparent": SAMPLED})
    server, = collector.wait(kind="server")
    assert server.attributes["url.path"] == "/orders/3" and len(collector.find(kind="server")) == 1
    assert told(unsampled)["traceparent"].endswith("-00")
    assert told(refused)["traceparent"].startswith(f"00-{TRACE}-") and told(refused)["traceparent"].endswith("-00")


def test_failures_are_traced_whatever_the_sampler_says(stage, collector):
    _, _, port = start(stage, collector, env={"OTEL_TRACES_SAMPLER": "always_off"})
    assert get(port, "/status/500", {"traceparent": SAMPLED}).status == 500
    assert get(port, "/status/404").status == 404
    server, = collector.wait(kind="server")
    assert server.is_error and server.attributes["error.type"] == "500" and server.parent_id == SPAN
    client, = collector.children(server, 1)
    assert client.is_error
    assert len(collector.find(kind="server")) == 1


def test_errors_are_left_to_the_sampler_where_that_is_switched_off(stage, collector):
    _, _, port = start(stage, collector, env={"OTEL_TRACES_SAMPLER": "always_off", "GATEWAY_TRACE_ERRORS": "false"})
    assert get(port, "/status/500").status == 500
    assert get(port, "/orders/1", {"traceparent": SAMPLED}).status == 200
    _, _, other = start(stage, collector)
    get(other, "/orders/9")
    server, = collector.wait(kind="server")
    assert server.attributes["url.path"] == "/orders/9"


def test_rate_is_kept_over_all_workers(stage, collector):
    _, _, port = start(stage, collector, env={"OTEL_TRACES_SAMPLER": "ratelimited", "OTEL_TRACES_SAMPLER_ARG": "3"}, workers=4)
    flags = [told(get(port, f"/orders/{i}"))["traceparent"][-2:] for i in range(40)]
    assert 3 <= flags.count("01") <= 12, flags  # three at once, and three for each second that this took


def test_b3_is_understood_and_answered_in_kind(stage, collector):
    _, _, port = start(stage, collector)
    single = told(get(port, "/orders/1", {"b3": f"{TRACE}-{SPAN}-1"}))
    many = told(get(port, "/orders/2", {"X-B3-TraceId": TRACE[16:], "X-B3-SpanId": SPAN, "X-B3-Sampled": "1", "X-B3-ParentSpanId": SPAN}))
    plain = told(get(port, "/orders/3"))
    first, = collector.wait(kind="server", trace_id=TRACE)
    second, = collector.wait(kind="server", trace_id=16 * "0" + TRACE[16:])
    assert first.parent_id == second.parent_id == SPAN
    attempt, = collector.children(first, 1)
    assert single["b3"] == f"{TRACE}-{attempt.span_id}-1" and single["traceparent"] == f"00-{TRACE}-{attempt.span_id}-01"
    attempt, = collector.children(second, 1)
    assert many["x-b3-traceid"] == second.trace_id and many["x-b3-spanid"] == attempt.span_id and many["x-b3-sampled"] == "1"
    assert "x-b3-parentspanid" not in many and "b3" not in many
    assert "b3" not in plain and "x-b3-traceid" not in plain and "traceparent" in plain


def test_propagators_add_their_fields(stage, collector):
    _, _, port = start(stage, collector, env={"OTEL_PROPAGATORS": "b3,b3multi"})
    fields = told(get(port, "/orders/1"))
    assert fields["b3"].startswith(fields["x-b3-traceid"]) and "traceparent" not in fields


@pytest.mark.parametrize("bad", [{"traceparent": "00-xyz"}, {"traceparent": SAMPLED.upper()}, {"b3": "nothing"}])
def test_context_that_is_none_begins_a_trace_and_its_state_goes(stage, collector, bad):
    _, _, port = start(stage, collector)
    fields = told(get(port, "/orders/1", {"tracestate": "vendor=x", **bad}))
    server, = collector.wait(kind="server")
    assert server.parent_id == "" and server.trace_id != TRACE and "tracestate" not in fields
    assert fields["traceparent"].split("-")[1] == server.trace_id


def test_probes_are_no_traces(stage, collector):
    _, _, port = start(stage, collector)
    for path in ("/health", "/ready", "/metrics"):
        assert "x-trace-id" not in get(port, path).headers
    get(port, "/orders/1")
    server, = collector.wait(kind="server")
    assert server.attributes["url.path"] == "/orders/1"


@pytest.mark.parametrize("by_http,fault", [(False, "UNAVAILABLE"), (True, 503)])
def test_collector_that_is_busy_is_asked_again(stage, collector, by_http, fault):
    _, data, port = start(stage, collector, by_http=by_http)
    collector.faults.extend([fault, fault])
    get(port, "/orders/1")
    server, = collector.wait(kind="server")
    assert collector.faults == [] and "traces don't reach" in data.log()
    wait_until(lambda: "reach 127.0.0.1" in data.log().rpartition("don't reach")[2], "that they do again")


def test_collector_that_refuses_is_not_asked_again_and_the_loss_is_counted(stage, collector):
    _, data, port = start(stage, collector, by_http=True)
    collector.faults.append(400)
    get(port, "/orders/1")
    wait_until(lambda: 'gateway_trace_spans_total{result="failed"} 2' in data.status("/metrics").text, "the loss")
    get(port, "/orders/2")
    server, = collector.wait(kind="server", url__path="/orders/2")
    assert collector.find(url__path="/orders/1") == []


def test_collector_that_is_away_costs_requests_nothing_and_memory_little(stage, collector):
    _, data, port = start(stage, collector, env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    for i in range(20):
        assert get(port, f"/orders/{i}").status == 200
    wait_until(lambda: "don't reach 127.0.0.1:1" in data.log(), "a word about it")


def test_what_is_left_is_sent_at_the_end(stage, collector):
    _, data, port = start(stage, collector)
    get(port, "/orders/1")
    assert data.stop() == 0
    server, = collector.wait(kind="server")


def test_another_collector_takes_over_without_a_restart(stage, collector):
    other = Collector()
    stage.started.append(other)
    backend = stage.backend("b")
    env_file = stage.folder / "settings.env"
    text = "OTEL_EXPORTER_OTLP_PROTOCOL=grpc\nOTEL_EXPORTER_OTLP_ENDPOINT={}\n"
    env_file.write_text(text.format(collector.url))
    control = stage.control_plane(ROUTES.format(extra=""), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  args=["--env-file", env_file])
    port = stage.data_plane(control.xds()).wait_until_ready()
    get(port, "/orders/1")
    collector.wait(kind="server")
    fresh = env_file.with_suffix(".new")
    fresh.write_text(text.format(other.url))
    fresh.rename(env_file)
    wait_until(lambda: get(port, "/orders/2").status == 200 and other.find(kind="server"), "spans at the other collector")


def test_without_an_endpoint_nothing_is_added(stage):
    backend = stage.backend("b")
    control, data, port = stage.both(ROUTES.format(extra=""), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}')
    answer = get(port, "/orders/1", {"traceparent": SAMPLED, "b3": "0"})
    fields = told(answer)
    assert fields["traceparent"] == SAMPLED and fields["b3"] == "0" and "x-span-id" not in fields
    assert "x-trace-id" not in answer.headers


def test_method_that_nobody_knows_is_other(stage, collector):
    _, _, port = start(stage, collector)
    assert request(port, "/orders/1", "BREW").status == 200
    server, = collector.wait(kind="server")
    assert server.name == "HTTP /orders/{id}"
    assert server.attributes["http.request.method"] == "_OTHER" and server.attributes["http.request.method_original"] == "BREW"


# ---- a collector over TLS that wants to know who comes ----

@pytest.mark.parametrize("by_http", [False, True])
def test_collector_over_tls_gets_headers_that_are_shown_nowhere(stage, by_http):
    pki = Pki(stage.folder / "pki").control_plane().issue("node-1", "--node", "default/node-1").leaf("collector", "/CN=collector", "IP:127.0.0.1")
    collector = Collector(tls=(pki.key("collector"), pki.cert("collector")))
    stage.started.append(collector)
    backend = stage.backend()
    url = f"https://127.0.0.1:{collector.http_port if by_http else collector.port}"
    control = stage.control_plane(ROUTES.format(extra=""), f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}',
                                  args=pki.flags("xds-tls", "control-plane"),
                                  env={"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf" if by_http else "grpc",
                                       "OTEL_EXPORTER_OTLP_CERTIFICATE": str(pki.ca), "OTEL_EXPORTER_OTLP_HEADERS": "Api-Key=open%20sesame"})
    data = stage.data_plane(control.xds(), args=pki.flags("xds-tls", "node-1"))
    port = data.wait_until_ready()
    get(port, "/orders/1")
    collector.wait(kind="server", url__path="/orders/1")
    collector.wait(name="configuration change")
    assert {headers["api-key"] for headers in collector.headers} == {"open sesame"}
    for text in (data.admin("/config_dump").text, data.log(), control.log(), control.ctl("get", "listeners", "-o", "json").stdout, data.status("/metrics").text):
        assert "sesame" not in text


def test_collector_with_another_s_certificate_gets_nothing(stage):
    pki = Pki(stage.folder / "pki").leaf("collector", "/CN=collector", "DNS:collector.example")
    collector = Collector(tls=(pki.key("collector"), pki.cert("collector")))
    stage.started.append(collector)
    _, data, port = start(stage, collector, env={"OTEL_EXPORTER_OTLP_ENDPOINT": f"https://127.0.0.1:{collector.port}",
                                                 "OTEL_EXPORTER_OTLP_CERTIFICATE": str(pki.ca)})
    assert get(port, "/orders/1").status == 200
    wait_until(lambda: "traces don't reach" in data.log(), "a word about it")
    assert collector.headers == []


# ---- changes of the configuration ----

def test_change_is_a_trace_from_the_file_to_each_node(stage, collector):
    control, _, port = start(stage, collector)
    other = stage.data_plane(control.xds(), node_id="node-2", name="dataplane2")
    other.wait_until_ready()
    control.write(ROUTES.format(extra=", timeout: 7"))

    def complete():
        return [root for root in collector.find(name="configuration change") if root.attributes.get("gateway.nodes") == 2]

    root = wait_until(complete, f"a change that went to two nodes: {collector.spans}")[-1]
    steps = collector.children(root, 4)
    assert [span.name for span in steps] == ["read and check", "make snapshot", "deliver", "deliver"]
    deliveries = steps[2:]
    assert {span.attributes["gateway.node.id"] for span in deliveries} == {"node-1", "node-2"}
    assert {span.attributes["gateway.snapshot"] for span in deliveries} == {root.attributes["gateway.snapshot"]}
    assert root.resource["service.name"] == "gateway-controlplane" and not any(span.is_error for span in [root, *steps])
    assert root.start <= steps[0].start and max(span.end for span in steps) <= root.end + 1000


def test_change_with_a_mistake_says_which(stage, collector):
    control, _, _ = start(stage, collector)
    control.write("routes: [{path: /a, service: nobody}]")
    root, = collector.wait(name="configuration change", is_error=True)
    assert "nobody" in root.message and re.match(r".*routes.yaml:1:\d+: ", root.message)
    step, = collector.children(root, 1)
    assert step.name == "read and check" and step.is_error
