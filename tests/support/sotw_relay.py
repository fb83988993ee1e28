"""Stands between nodes and a control plane and knows no incremental xDS, as an older control plane would."""
from concurrent import futures

import grpc

METHODS = ("/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
           "/gateway.agent.v1.Agent/Session")


class SotwRelay(grpc.GenericRpcHandler):
    """Messages go through as bytes; any other method is UNIMPLEMENTED."""

    def __init__(self, target):
        self._channel = grpc.insecure_channel(target)
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
        self._server.add_generic_rpc_handlers((self,))
        self.address = f'127.0.0.1:{self._server.add_insecure_port("127.0.0.1:0")}'
        self._server.start()

    def service(self, handler_call_details):
        if handler_call_details.method not in METHODS:
            return None
        call = self._channel.stream_stream(handler_call_details.method)

        def relay(requests, context):
            try:
                yield from call(requests)
            except grpc.RpcError as problem:
                context.abort(problem.code(), problem.details())

        return grpc.stream_stream_rpc_method_handler(relay)

    def stop(self):
        self._server.stop(None).wait()
        self._channel.close()
