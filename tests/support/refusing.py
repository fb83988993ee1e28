"""A node that takes clusters, endpoints and listeners, and refuses route configurations with a certain path (state of the world)."""
import queue
import threading

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.rpc import status_pb2

TYPES = {name: f"type.googleapis.com/envoy.config.{name}" for name in
         ("cluster.v3.Cluster", "endpoint.v3.ClusterLoadAssignment", "listener.v3.Listener", "route.v3.RouteConfiguration")}


class RefusingNode:
    def __init__(self, xds, path, words, node_id="picky"):
        self.name, self.path, self.words = node_id, path, words
        self.node = base_pb2.Node(id=node_id, cluster="default", user_agent_name="picky")
        self.versions, self.requests = {}, queue.Queue()
        self.channel = grpc.insecure_channel(xds)
        self.call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(self.channel).StreamAggregatedResources(iter(self.requests.get, None))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        for kind in ("cluster.v3.Cluster", "listener.v3.Listener"):
            self.ask(TYPES[kind])

    def ask(self, type_url, names=(), nonce="", error=None):
        self.requests.put(discovery_pb2.DiscoveryRequest(node=self.node, type_url=type_url, resource_names=names, response_nonce=nonce,
                                                         version_info=self.versions.get(type_url, ""), error_detail=error))

    def find(self, resources):
        """The place of the first route with the path."""
        for packed in resources:
            config = route_pb2.RouteConfiguration()
            packed.Unpack(config)
            for i, route in enumerate(config.virtual_hosts[0].routes):
                if route.match.path == self.path:
                    return self.words.format(route=i)
        return None

    def run(self):
        names = {TYPES["route.v3.RouteConfiguration"]: ["gateway"], TYPES["endpoint.v3.ClusterLoadAssignment"]: ["backend"]}
        try:
            for response in self.call:
                kind = response.type_url
                problem = self.find(response.resources) if kind == TYPES["route.v3.RouteConfiguration"] else None
                if problem is None:
                    self.versions[kind] = response.version_info
                self.ask(kind, names.get(kind, ()), response.nonce, status_pb2.Status(code=3, message=problem) if problem else None)
                if kind == TYPES["cluster.v3.Cluster"]:
                    self.ask(TYPES["endpoint.v3.ClusterLoadAssignment"], ["backend"])
                elif kind == TYPES["listener.v3.Listener"]:
                    self.ask(TYPES["route.v3.RouteConfiguration"], ["gateway"])
        except grpc.RpcError:
            pass  # it was stopped

    def stop(self):
        self.requests.put(None)
        self.call.cancel()
        self.channel.close()
