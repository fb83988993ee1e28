"""Our data plane driven by a go-control-plane server: serves, takes updates, refuses what it doesn't know."""
import pytest

from support.adsd import Server
from support.certificates import make_certificate
from support.gateway import get, wait_until

SDS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
LDS, RDS, CDS, EDS = ("type.googleapis.com/envoy.config." + name for name in
                      ("listener.v3.Listener", "route.v3.RouteConfiguration", "cluster.v3.Cluster", "endpoint.v3.ClusterLoadAssignment"))


@pytest.fixture(params=["delta", "sotw"])
def server(request):
    made = Server(delta=request.param == "delta")
    yield made
    assert {bool(r.get("delta")) for r in made.requests} == {made.is_delta}, "the protocol that the server has"
    made.stop()


def address(backend):
    return f"127.0.0.1:{backend.port}"


def test_serves_and_acknowledges(stage, server):
    one = stage.backend("one")
    server.serve("1", {"c": [address(one)]}, [{"prefix": "/", "cluster": "c"}])
    data = stage.data_plane(server.address)
    port = data.wait_until_ready("ingress")
    answer = get(port, "/anything")
    assert (answer.status, answer.json()["backend"]) == (200, "one")
    for type_url in (LDS, RDS, CDS, EDS):
        wait_until(lambda t=type_url: server.acknowledged(t, "1"), f"ACK of {type_url}")
    assert not [r for r in server.requests if r["type"] not in (LDS, RDS, CDS, EDS)], "a foreign server is asked only for what it knows"


def test_takes_an_update(stage, server):
    one, two = stage.backend("one"), stage.backend("two")
    server.serve("1", {"c": [address(one)]}, [{"prefix": "/", "cluster": "c"}])
    data = stage.data_plane(server.address)
    port = data.wait_until_ready("ingress")
    server.serve("2", {"c": [address(two)], "d": [address(one)]}, [{"prefix": "/d", "cluster": "d"}, {"prefix": "/", "cluster": "c"}])
    wait_until(lambda: get(port, "/x").json()["backend"] == "two", "the update")
    assert get(port, "/d").json()["backend"] == "one"


def test_refuses_an_unknown_field_and_keeps_serving(stage, server):
    one = stage.backend("one")
    server.serve("1", {"c": [address(one)]}, [{"prefix": "/", "cluster": "c"}])
    data = stage.data_plane(server.address)
    port = data.wait_until_ready("ingress")
    server.serve("2", {"c": [address(one)]}, [{"prefix": "/", "cluster": "c", "hedge": True}])
    reasons = wait_until(lambda: server.refusals(RDS), "NACK")
    assert "virtual_hosts[0].routes[0].route.hedge_policy: not supported" in reasons[0]
    assert get(port, "/x").status == 200
    server.serve("3", {"c": [address(one)]}, [{"prefix": "/healed", "cluster": "c"}, {"prefix": "/", "cluster": "c"}])
    wait_until(lambda: server.acknowledged(RDS, "3"), "ACK after the fix")


def test_takes_a_secret_by_name_and_its_rotation_without_ever_showing_the_key(stage, server, tmp_path):
    one = stage.backend("one")
    pairs = [make_certificate(tmp_path, name, "example.com") for name in ("first", "second")]

    def serve(version, pair):
        server.serve(version, {"c": [address(one)]}, [{"prefix": "/", "cluster": "c"}],
                     chain=pair.certificate.read_text(), key=pair.key.read_text())

    serve("1", pairs[0])
    data = stage.data_plane(server.address)
    wait_until(lambda: server.acknowledged(SDS, "1"), "ACK of the secret")
    assert [r["names"] for r in server.requests if r["type"] == SDS][0] == ["site"]

    def secret():
        secrets = data.admin("/config_dump").json()["secrets"]
        return secrets[0] if secrets else None

    before = wait_until(secret, "the secret in the dump")
    assert (before["name"], before["kind"]) == ("site", "certificate")
    serve("2", pairs[1])
    wait_until(lambda: secret()["version"] != before["version"], "the secret's new version")
    shown = data.admin("/config_dump").text + data.log() + data.output()
    assert "PRIVATE KEY" not in shown
    for pair in pairs:
        assert pair.key.read_text().splitlines()[1] not in shown


def test_an_update_brings_only_what_changed_and_a_return_brings_nothing(stage):
    one, two = stage.backend("one"), stage.backend("two")
    routes = [{"prefix": "/d", "cluster": "d"}, {"prefix": "/", "cluster": "c"}]
    server = Server()
    again = None
    try:
        server.serve("1", {"c": [address(one)], "d": [address(one)]}, routes)
        data = stage.data_plane(server.address)
        port = data.wait_until_ready("ingress")
        before = len(server.sent)
        server.serve("2", {"c": [address(two)], "d": [address(one)]}, routes)
        wait_until(lambda: get(port, "/x").json()["backend"] == "two", "the update")
        assert [(s["sent"], s["names"]) for s in server.sent[before:]] == [(EDS, ["c"])]
        # Versions are told as this server made them, so the same server in a new process sends nothing.
        server.stop()
        again = Server(listen=server.address)
        again.serve("2", {"c": [address(two)], "d": [address(one)]}, routes)
        held = wait_until(lambda: {r["type"]: r["held"] for r in again.requests} if len(again.requests) >= 4 else None, "the return")
        assert set(held[EDS]) == {"c", "d"} and all(held[EDS].values())
        again.serve("3", {"c": [address(two)], "d": [address(two)]}, routes)
        wait_until(lambda: get(port, "/d").json()["backend"] == "two", "the next update")
        assert [(s["sent"], s["names"]) for s in again.sent if s["names"]] == [(EDS, ["d"])]
    finally:
        for peer in (server, again):
            if peer and peer.process.poll() is None:
                peer.stop()


def test_a_removed_cluster_is_gone(stage, server):
    one = stage.backend("one")
    server.serve("1", {"c": [address(one)], "d": [address(one)]}, [{"prefix": "/", "cluster": "c"}])
    data = stage.data_plane(server.address)
    port = data.wait_until_ready("ingress")
    assert "d" in [c["name"] for c in data.admin("/config_dump").json()["clusters"]]
    server.serve("2", {"c": [address(one)]}, [{"prefix": "/", "cluster": "c"}])
    wait_until(lambda: [c["name"] for c in data.admin("/config_dump").json()["clusters"]] == ["c"], "the removal")
    assert get(port, "/x").status == 200
