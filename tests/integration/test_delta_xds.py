"""Incremental xDS between our two planes: what changed is sent, and nothing else."""
import json

from support.gateway import get, wait_until
from support.xds_relay import XdsRelay

TYPES = ("SDS", "CDS", "EDS", "LDS", "RDS")


def sent(control, protocol="delta", what="resources"):
    """Of each type, since the control plane's start."""
    text = control.http("/metrics").text
    name = f"gateway_controlplane_xds_{what}_sent_total"
    return {t: int(text.split(f'{name}{{protocol="{protocol}",type="{t}"}} ')[1].split()[0]) for t in TYPES}


def growth(before, after):
    return {t: after[t] - before[t] for t in TYPES if after[t] != before[t]}


def services(backend, count=50, weights=None):
    text = "services:\n"
    for n in range(count):
        text += f'  s{n}: {{instances: [{{url: "{backend.url}", weight: {(weights or {}).get(n, 1)}}}]}}\n'
    return text


def synced(control):
    """The nodes' status, once all of them run what is served."""
    def look():
        status = json.loads(control.ctl("status", "-o", "json", check=0).stdout)
        nodes = status["nodes"]
        good = nodes and all(n["state"] == "SYNCED" and n["snapshot_version"] == status["snapshot_version"] for n in nodes)
        return good and nodes

    return wait_until(look, "all nodes to be SYNCED")


ROUTES = "routes: [{path: /a, service: s0}]"


def test_one_changed_endpoint_is_one_resource(stage):
    backend = stage.backend()
    control, data, _ = stage.both(ROUTES, services(backend))
    synced(control)
    before, bytes_before = sent(control), sent(control, what="bytes")
    assert before["CDS"] == before["EDS"] == 50 and before["LDS"] == before["RDS"] == 1
    assert set(sent(control, "sotw").values()) == {0}
    version = data.admin("/config_dump").json()["version"]
    control.write(services=services(backend, weights={7: 5}))
    wait_until(lambda: data.admin("/config_dump").json()["version"] != version, "the edit")
    node = synced(control)[0]
    assert growth(before, sent(control)) == {"EDS": 1}
    assert growth(bytes_before, sent(control, what="bytes"))["EDS"] < 400
    assert node["xds_protocol"] == "delta"
    assert {t["type"]: int(t["resources_sent"]) for t in node["types"]}["EDS"] == 51
    assert "gateway_xds_incremental 1" in data.status("/metrics").text


EDS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def from_backend(port, name):
    wait_until(lambda: get(port, "/a").json()["backend"] == name, f"an answer of {name}")


def test_moved_endpoint_of_a_thousand_services_is_one_resource_on_the_wire(stage):
    """Counted by who stands between the planes, also after a reconnect."""
    one, two = stage.backend("one"), stage.backend("two")
    here, moved = services(one, count=1000), services(one, count=1000).replace(one.url, two.url, 1)
    control = stage.control_plane(ROUTES, here)
    relay = XdsRelay(control.xds())
    try:
        data = stage.data_plane(relay.address)
        port = data.wait_until_ready()
        from_backend(port, "one")
        synced(control)
        assert sum(len(r.resources) for r in relay.delta_responses if r.type_url == EDS) == 1000
        requests, responses = len(relay.delta_requests), len(relay.delta_responses)
        control.write(services=moved)
        from_backend(port, "two")
        synced(control)
        (response,) = relay.delta_responses[responses:]
        assert response.type_url == EDS and [r.name for r in response.resources] == ["s0"] and not response.removed_resources
        assert response.ByteSize() < 500
        (ack,) = relay.delta_requests[requests:]
        assert ack.response_nonce == response.nonce and not ack.HasField("error_detail") and ack.ByteSize() < 150

        relay.stop()
        relay = XdsRelay(control.xds(), listen=relay.address)
        synced(control)
        held = wait_until(lambda: {r.type_url: r.initial_resource_versions for r in relay.delta_requests} if len(relay.delta_requests) >= 4 else None,
                          "the return")
        assert len(held[EDS]) == 1000
        control.write(services=here)
        from_backend(port, "one")
        synced(control)
        assert [[r.name for r in response.resources] for response in relay.delta_responses] == [["s0"]]
        data.stop()
    finally:
        relay.stop()


def test_new_service_and_gone_service_are_sent_alone(stage):
    backend = stage.backend()
    control, data, _ = stage.both(ROUTES, services(backend))
    synced(control)
    before, removed = sent(control), sent(control, what="removals")
    control.write(services=services(backend, count=51))
    wait_until(lambda: "s50" in data.admin("/clusters").text, "the new service")
    synced(control)
    assert growth(before, sent(control)) == {"CDS": 1, "EDS": 1}
    before = sent(control)
    control.write(services=services(backend, count=50))
    wait_until(lambda: "s50" not in data.admin("/clusters").text, "the service to leave")
    synced(control)
    assert growth(before, sent(control)) == {}
    assert growth(removed, sent(control, what="removals")).get("CDS") == 1


def test_restart_of_the_control_plane_resends_nothing(stage):
    backend = stage.backend()
    control, data, port = stage.both(ROUTES, services(backend))
    synced(control)
    responses = data.status("/metrics").text.split("gateway_xds_responses_total ")[1].split()[0]
    xds_port = control.ports()["xds"]
    control.stop()
    again = stage.control_plane(ROUTES, services(backend), xds_port=xds_port)
    assert synced(again)[0]["xds_protocol"] == "delta"
    assert set(sent(again).values()) == {0}
    assert data.status("/metrics").text.split("gateway_xds_responses_total ")[1].split()[0] == responses
    assert get(port, "/a").status == 200
    # What changed while it was away comes alone.
    again.stop()
    third = stage.control_plane(ROUTES, services(backend, weights={3: 2}), xds_port=xds_port)
    synced(third)
    assert growth(dict.fromkeys(TYPES, 0), sent(third)) == {"EDS": 1}


def test_node_falls_back_to_the_state_of_the_world(stage):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, services(backend))
    relay = XdsRelay(control.xds(), delta=False)
    try:
        data = stage.data_plane(relay.address)
        port = data.wait_until_ready()
        assert get(port, "/a").status == 200
        assert synced(control)[0]["xds_protocol"] == "sotw"
        assert sent(control, "sotw")["EDS"] == 50 and set(sent(control).values()) == {0}
        assert "has no incremental xDS" in data.log()
        version = data.admin("/config_dump").json()["version"]
        control.write(services=services(backend, weights={7: 5}))
        wait_until(lambda: data.admin("/config_dump").json()["version"] != version, "the edit")
        data.stop()
    finally:
        relay.stop()
