"""A real Jaeger (all-in-one, memory) and a real OpenTelemetry Collector, built by setup_collectors of setup.sh."""
import os
import pathlib
import re

from support.gateway import Program, get, wait_until
from support.redis import free_port

PEERS = pathlib.Path(os.environ.get("GW_PEERS", pathlib.Path.home() / ".cache/gateway-tests/peers"))


class Jaeger(Program):
    """OTLP/gRPC on `port`, OTLP/HTTP on `http_port`; traces are read back over the API of its user interface."""

    def __init__(self, folder, port=None, query_port=None):
        ports = [port or free_port(), free_port(), query_port or free_port(), *(free_port() for _ in range(5))]
        self.port, self.http_port, self.query_port = ports[:3]
        flags = ["collector.otlp.grpc.host-port", "collector.otlp.http.host-port", "query.http-server.host-port", "query.grpc-server.host-port",
                 "collector.grpc-server.host-port", "collector.http-server.host-port", "admin.http.host-port", "http-server.host-port"]
        super().__init__(folder, "jaeger", [PEERS / "jaeger", *(f"--{flag}=127.0.0.1:{port}" for flag, port in zip(flags, ports)),
                                            "--processor.jaeger-compact.server-host-port=127.0.0.1:0", "--processor.jaeger-binary.server-host-port=127.0.0.1:0",
                                            "--processor.zipkin-compact.server-host-port=127.0.0.1:0"])
        wait_until(self._answers, "Jaeger", seconds=60)

    def _answers(self):
        assert self.is_running(), self.log()[-4000:]
        try:
            return get(self.query_port, "/api/services").status == 200
        except OSError:
            return False

    def trace(self, trace_id, spans):
        """Its spans, once there are so many: {name, kind, tags, parent, start, service}."""
        def there():
            answer = get(self.query_port, f"/api/traces/{trace_id}")
            found = answer.json().get("data") if answer.status == 200 else None
            return found and len(found[0]["spans"]) >= spans and found[0]

        data = wait_until(there, f"trace {trace_id} in Jaeger", seconds=60)
        return [JaegerSpan(span, data["processes"]) for span in data["spans"]]

    def find(self, service, operation):
        """Traces of that service and operation: lists of spans."""
        answer = get(self.query_port, f"/api/traces?service={service}&operation={operation.replace(' ', '%20')}&limit=20").json()
        return [[JaegerSpan(span, trace["processes"]) for span in trace["spans"]] for trace in answer.get("data") or []]


class JaegerSpan:
    def __init__(self, span, processes):
        self.id, self.name, self.start, self.duration = span["spanID"], span["operationName"], span["startTime"], span["duration"]
        self.tags = {tag["key"]: tag["value"] for tag in span["tags"]}
        self.parent = next((ref["spanID"] for ref in span["references"] if ref["refType"] == "CHILD_OF"), None)
        process = processes[span["processID"]]
        self.service, self.resource = process["serviceName"], {tag["key"]: tag["value"] for tag in process["tags"]}


CONFIG = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: 127.0.0.1:{grpc}}}, http: {{endpoint: 127.0.0.1:{http}}}}}}}}}
exporters: {{debug: {{verbosity: detailed}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"""


class OtelCollector(Program):
    """Tells every span in words (`spans`)."""

    def __init__(self, folder):
        self.port, self.http_port = free_port(), free_port()
        config = pathlib.Path(folder) / "otelcol.yaml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(CONFIG.format(grpc=self.port, http=self.http_port))
        super().__init__(folder, "otelcol", [PEERS / "otelcol", "--config", config])
        wait_until(lambda: "Everything is ready" in self.log() or not self.is_running(), "the collector", seconds=60)
        assert self.is_running(), self.log()[-4000:]

    def spans(self):
        """{trace_id, id, parent, name, kind, attributes} of each."""
        found = []
        for text in self.log().split("\nSpan #")[1:]:
            field = dict(re.findall(r"^ +(Trace ID|Parent ID|ID|Name|Kind|Status code) +: ?(.*)$", text, re.M))
            field["attributes"] = dict(re.findall(r"^ +-> ([\w.]+): \w+\((.*)\)$", text, re.M))
            found.append(field)
        return found
