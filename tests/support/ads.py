"""An ADS server that serves what it is given to whoever asks, by the state of the world: for resources that no YAML of ours makes."""
from concurrent import futures
import threading

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import any_pb2

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"


class AdsServer(grpc.GenericRpcHandler):
    """`resources`: messages of any of the types. `refusals` collects what nodes said of them."""

    def __init__(self, resources):
        self._resources, self.refusals, self._lock = {}, [], threading.Lock()
        for message in resources:
            packed = any_pb2.Any()
            packed.Pack(message)
            name = getattr(message, "cluster_name", None) or message.name
            self._resources.setdefault(packed.type_url, {})[name] = packed
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        self._server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def service(self, handler_call_details):
        if handler_call_details.method != METHOD:
            return None
        return grpc.stream_stream_rpc_method_handler(
            self._stream, discovery_pb2.DiscoveryRequest.FromString, discovery_pb2.DiscoveryResponse.SerializeToString)

    def _stream(self, requests, context):
        asked = {}
        for request in requests:
            if request.HasField("error_detail"):
                with self._lock:
                    self.refusals.append(request.error_detail.message)
                continue
            names = frozenset(request.resource_names)
            if request.response_nonce and asked.get(request.type_url) == names:
                continue
            asked[request.type_url] = names
            known = self._resources.get(request.type_url, {})
            chosen = [known[name] for name in sorted(known) if not names or name in names or "*" in names]
            yield discovery_pb2.DiscoveryResponse(version_info="1", nonce=f"{request.type_url} {len(names)}", type_url=request.type_url, resources=chosen)

    def stop(self):
        self._server.stop(None).wait()
