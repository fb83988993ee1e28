"""Traces that others read: a real Jaeger and a real OpenTelemetry Collector take what our planes send; stock Envoy as a node traces by our settings, and our
data plane by a foreign control plane's."""
import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.trace.v3 import opentelemetry_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2
from google.protobuf import json_format

from support.ads import Server
from support.envoy import Envoy
from support.faulty import FaultyBackend
from support.gateway import get, wait_until
from support.jaeger import Jaeger, OtelCollector
from support.otlp import Collector

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{SPAN}-01"
ROUTES = 'routes: [{path: "/orders/{id}", service: s, retries: {on: [503], attempts: 5}}]'


def start(stage, endpoint, protocol, backends, **settings):
    urls = ", ".join(f'{{url: "{backend.url}"}}' for backend in backends)
    control = stage.control_plane(ROUTES, f"services: {{s: {{instances: [{urls}]}}}}",
                                  env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_SERVICE_NAME": "shop", **settings})
    return control, stage.data_plane(control.xds()).wait_until_ready()


@pytest.mark.full
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_jaeger_shows_a_retried_request_as_a_tree(stage, protocol):
    jaeger = Jaeger(stage.folder / "jaeger")
    stage.started.append(jaeger)
    backends = [FaultyBackend("bad"), FaultyBackend("good")]
    stage.started.extend(backends)
    backends[0].fail(503)
    _, port = start(stage, f"http://127.0.0.1:{jaeger.port if protocol == 'grpc' else jaeger.http_port}", protocol, backends)
    traces = []
    for i in range(4):
        trace_id = f"{i + 1:032x}"
        assert get(port, f"/orders/{i}", {"traceparent": f"00-{trace_id}-{SPAN}-01"}).status == 200
        traces.append(jaeger.trace(trace_id, 2))
    wait_until(lambda: any(len(jaeger.trace(f"{i + 1:032x}", 2)) == 3 for i in range(4)), "a trace with two tries")
    spans = next(found for i in range(4) if len(found := jaeger.trace(f"{i + 1:032x}", 2)) == 3)
    server, = [span for span in spans if span.tags["span.kind"] == "server"]
    tries = sorted((span for span in spans if span.tags["span.kind"] == "client"), key=lambda span: span.start)
    assert server.service == "shop" and server.name == "GET /orders/{id}" and server.parent == SPAN
    assert [span.parent for span in tries] == [server.id, server.id]
    assert [span.tags["http.response.status_code"] for span in tries] == [503, 200]
    assert [span.tags["gateway.attempt"] for span in tries] == [1, 2] and tries[1].tags["http.request.resend_count"] == 1
    assert tries[0].tags["error"] is True and "error" not in tries[1].tags and "error" not in server.tags
    assert all(server.start <= span.start and span.start + span.duration <= server.start + server.duration + 1 for span in tries)


@pytest.mark.full
def test_jaeger_shows_a_change_up_to_its_node(stage):
    jaeger = Jaeger(stage.folder / "jaeger")
    stage.started.append(jaeger)
    control, port = start(stage, f"http://127.0.0.1:{jaeger.port}", "grpc", [stage.backend()])
    control.write(ROUTES.replace("/orders/", "/carts/"))
    wait_until(lambda: get(port, "/carts/1").status == 200, "the change")

    def with_node():
        traces = jaeger.find("shop-controlplane", "configuration change")
        return next((spans for spans in traces if "deliver" in [span.name for span in spans]), None)

    spans = {span.name: span for span in wait_until(with_node, "the change's trace", seconds=60)}
    root = spans["configuration change"]
    assert {spans[name].parent for name in ("read and check", "make snapshot", "deliver")} == {root.id}
    assert spans["deliver"].tags["gateway.node.id"] == "node-1" and spans["deliver"].tags["gateway.snapshot"] == root.tags["gateway.snapshot"]


@pytest.mark.full
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_collector_takes_every_span(stage, protocol):
    collector = OtelCollector(stage.folder / "otelcol")
    stage.started.append(collector)
    _, port = start(stage, f"http://127.0.0.1:{collector.port if protocol == 'grpc' else collector.http_port}", protocol, [stage.backend()])
    agent = "caf\xe9".encode("latin-1").decode("latin-1")  # no UTF-8 on the wire
    for i in range(50):
        assert get(port, f"/orders/{i}", {"User-Agent": agent}).status == 200
    spans = wait_until(lambda: len(found := [s for s in collector.spans() if s["Kind"] == "Server"]) == 50 and found, "50 server spans")
    assert {span["Name"] for span in spans} == {"GET /orders/{id}"} and {span["attributes"]["http.response.status_code"] for span in spans} == {"200"}
    assert {span["attributes"]["user_agent.original"] for span in spans} == {"caf?"}
    assert "gateway" in collector.log() and "service.name: Str(shop)" in collector.log()


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_stock_envoy_traces_by_our_settings(stage, protocol):
    collector = Collector()
    stage.started.append(collector)
    url = collector.url if protocol == "grpc" else collector.http_url
    control, ours = start(stage, url, protocol, [stage.backend()], OTEL_TRACES_SAMPLER="parentbased_always_off", OTEL_RESOURCE_ATTRIBUTES="zone=b")
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    port = envoy.port()
    assert get(port, "/orders/1").status == 200
    answer = get(port, "/orders/2", {"traceparent": SAMPLED})
    server, = collector.wait(kind="server", trace_id=TRACE)
    client, = collector.children(server, 1)
    assert server.parent_id == SPAN and client.kind == "client"
    assert server.resource["service.name"] == "shop" and server.resource["zone"] == "b"
    seen = {key.lower(): value for key, value in answer.json()["headers"]}
    assert seen["traceparent"] == f"00-{TRACE}-{client.span_id}-01"
    get(ours, "/orders/3", {"traceparent": SAMPLED.replace("0af7", "1af7")})
    collector.wait(kind="server", trace_id=TRACE.replace("0af7", "1af7"))
    assert len(collector.find(kind="server")) == 2


def foreign(provider, backend, collector, tracing=None):
    """Resources of a control plane that knows nothing of ours."""
    def endpoint(port):
        return {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}

    def cluster(name, port):
        return json_format.ParseDict({"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
            "cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint(port)]}]}}, cluster_pb2.Cluster())

    config = json_format.ParseDict({"service_name": "foreign", **provider}, opentelemetry_pb2.OpenTelemetryConfig())
    http = json_format.ParseDict({"stat_prefix": "in", "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "name": "everything", "route": {"cluster": "s"}}]}]}, "tracing": tracing or {}}, hcm_pb2.HttpConnectionManager())
    http.tracing.provider.name = "otel"
    http.tracing.provider.typed_config.Pack(config)
    http.http_filters.add(name="router").typed_config.Pack(router_pb2.Router())
    listener = listener_pb2.Listener(name="ingress")
    listener.address.socket_address.address = "127.0.0.1"
    listener.address.socket_address.port_value = 0
    listener.filter_chains.add().filters.add(name="hcm").typed_config.Pack(http)
    return [listener, cluster("s", backend.port), cluster("otel", collector.port), cluster("otel-http", collector.http_port)]


@pytest.mark.parametrize("provider", [
    {"grpc_service": {"envoy_grpc": {"cluster_name": "otel"}, "initial_metadata": [{"key": "x-tenant", "value": "edge"}]}},
    {"http_service": {"http_uri": {"uri": "http://collector.example/v1/traces", "cluster": "otel-http", "timeout": "5s"},
                      "request_headers_to_add": [{"header": {"key": "x-tenant", "value": "edge"}}]}},
])
def test_foreign_control_plane_s_tracing_is_obeyed(stage, provider):
    collector, backend = Collector(), stage.backend()
    stage.started.append(collector)
    control = Server(foreign(provider, backend, collector, {"custom_tags": [{"tag": "tenant", "request_header": {"name": "x-tenant"}}]}))
    stage.started.append(control)
    port = stage.data_plane(control.address).wait_until_ready("ingress")
    answer = get(port, "/a", {"traceparent": SAMPLED, "x-tenant": "blue"})
    server, = collector.wait(kind="server", trace_id=TRACE)
    assert server.name == "GET everything" and server.resource["service.name"] == "foreign" and server.attributes["tenant"] == "blue"
    assert collector.headers[0]["x-tenant"] == "edge" and control.errors == []
    # It asks for no spans of tries, and knows nothing of our fields.
    seen = {key.lower(): value for key, value in answer.json()["headers"]}
    assert seen["traceparent"] == f"00-{TRACE}-{server.span_id}-01" and "x-trace-id" not in answer.headers
    assert collector.find(kind="client") == []
