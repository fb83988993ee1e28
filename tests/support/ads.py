"""An ADS server (state of the world) that says the same to every node: for resources that no control plane of ours would make."""
import queue
import threading
from concurrent import futures

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.protobuf import any_pb2


class Server(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):
    """`resources`: messages of any xDS type. A node's refusals are in `errors`."""

    def __init__(self, resources):
        self.errors, self.by_type = [], {}
        for message in resources:
            packed = any_pb2.Any()
            packed.Pack(message)
            self.by_type.setdefault(packed.type_url, []).append(packed)
        self.grpc = grpc.server(futures.ThreadPoolExecutor(16))
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(self, self.grpc)
        self.address = f"127.0.0.1:{self.grpc.add_insecure_port('127.0.0.1:0')}"
        self.grpc.start()

    def StreamAggregatedResources(self, requests, context):
        asked, answered = queue.Queue(), set()

        def read():
            try:
                for request in requests:
                    asked.put(request)
            except grpc.RpcError:
                pass  # the node has left
            asked.put(None)

        threading.Thread(target=read, daemon=True).start()
        while (request := asked.get()) is not None:
            if request.HasField("error_detail"):
                self.errors.append(request.error_detail.message)
            if request.type_url in answered and request.response_nonce:
                continue
            answered.add(request.type_url)
            yield discovery_pb2.DiscoveryResponse(version_info="1", nonce="1", type_url=request.type_url,
                                                  resources=self.by_type.get(request.type_url, []))

    def stop(self):
        self.grpc.stop(0).wait(10)
