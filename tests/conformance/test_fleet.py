"""Many light data planes on one control plane, over real gRPC: what each change costs, beside a go-control-plane server that serves the same.

Bytes and memory are held to their bounds as they are. Times, which a busy machine stretches, to five times theirs; CPU is compared with
go-control-plane's in the same minute. `tests/bench/fleet.py` prints the figures.
"""
import pytest

from support.fleet import GoControlPlane, Ours, changes_of, measure
from support.scale import routes_yaml, services_yaml

pytestmark = [pytest.mark.scale, pytest.mark.timeout(900), pytest.mark.usefixtures("release_build")]

SLACK = 5
SIZES = [(100, 1000, 100), pytest.param(1000, 10_000, 1000, marks=pytest.mark.full)]


@pytest.mark.parametrize("nodes, routes, services", SIZES)
def test_fleet_gets_what_changed_and_nothing_else(tmp_path, nodes, routes, services):
    texts = routes_yaml(routes, services), services_yaml(services, 1)
    plane = Ours(tmp_path / "ours", *texts)
    rows, memory = measure(plane, tmp_path, nodes, changes_of(*texts), tmp_path / "dump.json")
    assert plane.stop() == 0
    peer = GoControlPlane(tmp_path, tmp_path / "dump.json")
    peer_rows, _ = measure(peer, tmp_path, nodes, changes_of(*texts))
    peer.stop()
    print(f"\n{rows}\n{memory}\n{peer_rows}")
    nothing = {"CDS": 0, "EDS": 0, "LDS": 0, "RDS": 0}
    assert rows["join"]["messages"] == dict.fromkeys(nothing, nodes)
    assert rows["endpoint"]["messages"] == {**nothing, "EDS": nodes}
    assert rows["endpoint"]["wire_bytes_most"] <= 1024 and rows["endpoint"]["ms"] < SLACK * 1000
    assert rows["route"]["messages"] == {**nothing, "RDS": nodes}
    assert rows["cluster"]["messages"] == {**nothing, "CDS": nodes}
    assert rows["reconnect"]["messages"] == nothing
    assert memory["most_mib"] < 500
    if nodes >= 1000:
        for step, row in rows.items():
            assert row["cpu_ms"] < peer_rows[step]["cpu_ms"], f"{step}: {row['cpu_ms']} ms of CPU, go-control-plane {peer_rows[step]['cpu_ms']}"
