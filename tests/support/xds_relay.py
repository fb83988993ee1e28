"""Stands between nodes and a control plane and writes down what goes over the wire; with delta=False it knows no incremental xDS, as an
older control plane would."""
from concurrent import futures

import grpc
from envoy.service.discovery.v3 import discovery_pb2

STATE = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
AGENT = "/gateway.agent.v1.Agent/Session"


class XdsRelay(grpc.GenericRpcHandler):
    """Messages go through as bytes; any other method is UNIMPLEMENTED."""

    def __init__(self, target, delta=True, listen="127.0.0.1:0"):
        self._methods = (STATE, AGENT, DELTA) if delta else (STATE, AGENT)
        self._channel = grpc.insecure_channel(target)
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
        self._server.add_generic_rpc_handlers((self,))
        host = listen.rpartition(":")[0]
        self.address = f"{host}:{self._server.add_insecure_port(listen)}"
        self.delta_requests, self.delta_responses = [], []  # in order, parsed
        self._server.start()

    def service(self, handler_call_details):
        method = handler_call_details.method
        if method not in self._methods:
            return None
        call = self._channel.stream_stream(method)

        def relay(requests, context):
            answers = call(self._noted(method, requests, self.delta_requests, discovery_pb2.DeltaDiscoveryRequest))
            context.add_callback(answers.cancel)
            try:
                yield from self._noted(method, answers, self.delta_responses, discovery_pb2.DeltaDiscoveryResponse)
            except grpc.RpcError as problem:
                context.abort(problem.code(), problem.details())

        return grpc.stream_stream_rpc_method_handler(relay)

    @staticmethod
    def _noted(method, messages, notes, kind):
        for message in messages:
            if method == DELTA:
                notes.append(kind.FromString(message))
            yield message

    def stop(self):
        self._server.stop(None).wait()
        self._channel.close()
