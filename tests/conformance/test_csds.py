"""Client status discovery on the control plane's admin port, asked with the stubs that upstream's protos make."""
import queue

import grpc
import pytest
from envoy.admin.v3 import config_dump_shared_pb2 as dump
from envoy.config.listener.v3 import listener_pb2
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from envoy.service.status.v3 import csds_pb2, csds_pb2_grpc

from support.gateway import PATIENCE_S, wait_until

ROUTES = "routes:\n  - path: /a\n    service: s\n"
SERVICES = "services:\n  s:\n    instances:\n      - url: http://127.0.0.1:9001\n"


@pytest.fixture
def control(stage):
    made = stage.control_plane(ROUTES, SERVICES)
    made.wait_for_ports()
    return made


@pytest.fixture
def stub(control):
    with grpc.insecure_channel(f"127.0.0.1:{control.ports()['admin']}") as channel:
        yield csds_pb2_grpc.ClientStatusDiscoveryServiceStub(channel)


def metadata(control):
    return [("authorization", f"Bearer {control.token_path.read_text().strip()}")]


def fetch(control, stub, **fields):
    return stub.FetchClientStatus(csds_pb2.ClientStatusRequest(**fields), metadata=metadata(control), timeout=PATIENCE_S)


def synced(control, stub, node):
    """Its resources by (short type, name), once it has acknowledged all of them."""
    def there():
        clients = [one for one in fetch(control, stub).config if one.node.id == node]
        configs = clients[0].generic_xds_configs if clients else []
        done = configs and all(one.config_status == csds_pb2.SYNCED for one in configs)
        return {(one.type_url.rpartition(".")[2], one.name): one for one in configs} if done else None

    return wait_until(there, f"{node} to be in sync", interval=0.05)


def test_a_node_of_a_group_is_measured_by_what_its_group_gets(stage, control, stub):
    control.write(routes=ROUTES + "  - path: /b\n    service: s\n    node_groups: edge\n")
    wait_until(lambda: "/b" in control.ctl("get", "routes", check=0).stdout, "the group's route")
    stage.data_plane(control.xds(), args=["--node-cluster", "edge"]).wait_until_ready()
    resources = synced(control, stub, "node-1")
    assert resources["RouteConfiguration", "gateway"].client_status == dump.ACKED


def test_what_a_data_plane_has_acknowledged_is_told(stage, control, stub):
    stage.data_plane(control.xds()).wait_until_ready()
    resources = synced(control, stub, "node-1")
    assert {("Listener", "gateway"), ("Cluster", "s"), ("ClusterLoadAssignment", "s")} <= set(resources)
    listener = resources["Listener", "gateway"]
    assert listener.client_status == dump.ACKED and len(listener.version_info) == 16
    unpacked = listener_pb2.Listener()
    assert listener.xds_config.Unpack(unpacked) and unpacked.name == "gateway"
    bare = fetch(control, stub, exclude_resource_contents=True).config[0]
    assert bare.node.user_agent_name == "gateway-dataplane" and not any(one.HasField("xds_config") for one in bare.generic_xds_configs)


def test_nodes_are_chosen_by_their_id(stage, control, stub):
    for node in ("node-1", "edge-1"):
        stage.data_plane(control.xds(), node_id=node).wait_until_ready()
    wait_until(lambda: len(fetch(control, stub).config) == 2, "both nodes", interval=0.05)
    for matcher, expected in (({"exact": "node-1"}, ["node-1"]), ({"prefix": "edge"}, ["edge-1"]), ({"suffix": "-1"}, ["edge-1", "node-1"]),
                              ({"contains": "DE", "ignore_case": True}, ["node-1"]), ({"safe_regex": {"regex": "e.*1"}}, ["edge-1"]), ({"exact": "x"}, [])):
        assert sorted(one.node.id for one in fetch(control, stub, node_matchers=[{"node_id": matcher}]).config) == expected, matcher
    for matcher in ({"node_id": {"safe_regex": {"regex": "("}}}, {"node_metadatas": [{"path": [{"key": "a"}]}]}):
        with pytest.raises(grpc.RpcError) as refused:
            fetch(control, stub, node_matchers=[matcher])
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_answers_each_question(stage, control, stub):
    stage.data_plane(control.xds()).wait_until_ready()
    synced(control, stub, "node-1")
    asked = iter([csds_pb2.ClientStatusRequest(node_matchers=[{"node_id": {"exact": name}}]) for name in ("node-1",)])
    answers = list(stub.StreamClientStatus(asked, metadata=metadata(control), timeout=PATIENCE_S))
    assert [[one.node.id for one in answer.config] for answer in answers] == [["node-1"]]


def test_a_refusal_is_an_error_with_its_reason(control, stub):
    asked, type_url = queue.Queue(), "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    asked.put(discovery_pb2.DiscoveryRequest(node=base_pb2.Node(id="picky", cluster="tests"), type_url=type_url))
    with grpc.insecure_channel(control.xds()) as channel:
        call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).StreamAggregatedResources(iter(asked.get, None))
        response = next(call)
        refusal = discovery_pb2.DiscoveryRequest(type_url=type_url, response_nonce=response.nonce)
        refusal.error_detail.message = "cluster s: not to my taste"
        asked.put(refusal)

        def refused():
            configs = [c for one in fetch(control, stub).config for c in one.generic_xds_configs]
            return [c for c in configs if c.config_status == csds_pb2.ERROR]

        told, = wait_until(refused, "the refusal to be told", interval=0.05)
        assert told.name == "s" and told.client_status == dump.NACKED and told.error_state.details == "cluster s: not to my taste"
        asked.put(None)
        call.cancel()


def test_who_has_no_token_is_refused(control, stub):
    with pytest.raises(grpc.RpcError) as refused:
        stub.FetchClientStatus(csds_pb2.ClientStatusRequest(), timeout=PATIENCE_S)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
