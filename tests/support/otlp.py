"""A collector for tests: takes spans by OTLP over gRPC and HTTP/protobuf, keeps them, and can be told to fail. The messages are those that
xds-protos brings along, made from OpenTelemetry's own files."""
import http.server
import ssl
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from support.gateway import wait_until

METHOD = ("opentelemetry.proto.collector.trace.v1.TraceService", "Export")
KINDS = {1: "internal", 2: "server", 3: "client"}


def _value(value):
    return getattr(value, value.WhichOneof("value")) if value.WhichOneof("value") else None


class Span:
    def __init__(self, resource, span):
        self.resource = {a.key: _value(a.value) for a in resource.attributes}
        self.trace_id, self.span_id, self.parent_id = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.name, self.kind = span.name, KINDS[span.kind]
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = {a.key: _value(a.value) for a in span.attributes}
        self.is_error, self.message = span.status.code == 2, span.status.message
        self.links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]

    def __repr__(self):
        return f"<{self.kind} {self.name!r} {self.attributes}{' ERROR ' + self.message if self.is_error else ''}>"


class Collector:
    """`port` for gRPC, `http_port` for HTTP; `faults`: statuses to answer with before spans of requests
    are taken ("UNAVAILABLE" or 503). `tls`: the files of a key
    and its certificate, for both ports."""

    def __init__(self, tls=None):
        self.spans, self.faults, self.headers, self.paths, self._lock = [], [], [], [], threading.Lock()
        self._start_grpc(tls)
        self._start_http(tls)

    def _take(self, body, headers):
        """None, or the fault to answer with."""
        with self._lock:
            self.headers.append({key.lower(): value for key, value in headers})
            request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
            spans = [Span(resource.resource, span) for resource in request.resource_spans
                     for scope in resource.instrumentation_library_spans for span in scope.spans]  # ScopeSpans under its earlier name
            if self.faults and any(span.kind == "server" for span in spans):
                return self.faults.pop(0)
            self.spans.extend(spans)
        return None

    def _start_grpc(self, tls):
        def export(body, context):
            fault = self._take(body, context.invocation_metadata())
            if fault is not None:
                context.abort(getattr(grpc.StatusCode, str(fault)), "as the test says")
            return b""

        handler = grpc.method_handlers_generic_handler(METHOD[0], {METHOD[1]: grpc.unary_unary_rpc_method_handler(export)})
        self._grpc = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self._grpc.add_generic_rpc_handlers((handler,))
        if tls is None:
            self.port = self._grpc.add_insecure_port("127.0.0.1:0")
        else:
            self.port = self._grpc.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([tuple(path.read_bytes() for path in tls)]))
        self._grpc.start()

    def _start_http(self, tls):
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])) if "content-length" in self.headers else self.chunks()
                collector.paths.append(self.path)
                fault = collector._take(body, self.headers.items())
                self.send_response(fault or 200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def chunks(self):
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http_port = self._http.server_address[1]
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls[1], tls[0])
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def http_url(self):
        return f"http://127.0.0.1:{self.http_port}"

    def stop(self):
        self._grpc.stop(None)
        self._http.shutdown()
        self._http.server_close()

    def find(self, **wanted):
        """Spans whose fields, or attributes, are as wanted."""
        with self._lock:
            spans = list(self.spans)
        return [s for s in spans if all(getattr(s, key, s.attributes.get(key.replace("__", "."))) == value for key, value in wanted.items())]

    def wait(self, count=1, **wanted):
        """At least so many of them, oldest first."""
        spans = wait_until(lambda: len(self.find(**wanted)) >= count and self.find(**wanted), f"{count} spans {wanted} of {self.spans}")
        return sorted(spans, key=lambda span: span.start)

    def children(self, span, count):
        return self.wait(count, parent_id=span.span_id)
