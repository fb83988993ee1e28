"""The fleet's verdict on a revision, which is gatewayctl's exit code."""
import json
import signal
import socket
import time
from concurrent import futures

import pytest
from support.consul import Consul
from support.envoy import Envoy
from support.gateway import get, wait_until
from support.mariadb import DATABASE, PASSWORD, USER, MariaDb
from support.refusing import RefusingNode
from support.revisions import API, Author, routes, services


@pytest.fixture
def room(stage, tmp_path):
    backend = stage.backend()
    control = stage.control_plane(routes("/a"), services(backend), env=API)
    control.wait_for_ports()
    author = Author(control, tmp_path / "author")
    author.backend = backend
    return control, author


def synced(author, count):
    def all_there():
        nodes = author.status()["nodes"]
        return len(nodes) == count and all(node["state"] == "SYNCED" for node in nodes)

    wait_until(all_there, f"{count} nodes")


def test_node_that_does_not_answer_in_time_is_81(stage, room):
    control, author = room
    data = [stage.data_plane(control.xds(), node_id=f"node-{i}") for i in (1, 2)]
    for each in data:
        each.wait_until_ready()
    synced(author, 2)
    data[1].process.send_signal(signal.SIGSTOP)
    try:
        done = author.apply(routes("/b"), None, "--timeout", "2s", check=81)
    finally:
        data[1].process.send_signal(signal.SIGCONT)
    assert "1 of 2 nodes" in done.stderr and "node-2" in done.stderr and "node-1 (" not in done.stderr
    assert " of 2, " in done.stderr  # progress
    synced(author, 2)  # it was only late
    assert get(data[1].port(), "/b").status == 200


def test_no_wait_does_not_wait(stage, room):
    control, author = room
    data = stage.data_plane(control.xds())
    data.wait_until_ready()
    data.process.send_signal(signal.SIGSTOP)
    try:
        assert "revision 2 is in force" in author.apply(routes("/b"), None, "--no-wait", check=0).stdout
    finally:
        data.process.send_signal(signal.SIGCONT)


def test_control_plane_that_goes_away_meanwhile_is_75(stage, room):
    control, author = room
    data = stage.data_plane(control.xds())
    data.wait_until_ready()
    synced(author, 1)
    data.process.send_signal(signal.SIGSTOP)
    with author.begin(routes("/b"), "--timeout", "4s") as waiting:
        wait_until(lambda: author.numbers() == [2, 1], "revision 2")
        control.kill()
        out, err = waiting.communicate(timeout=30)
    data.process.send_signal(signal.SIGCONT)
    assert waiting.returncode == 75, err
    assert "revision 2 was accepted; how the fleet does is not known" in err


def test_envoy_refuses_and_the_line_is_named(stage, tmp_path, room):
    """It refuses a listener whose port is taken."""
    control, author = room
    envoy = Envoy(tmp_path / "envoy", control.xds())
    stage.started.append(envoy)
    data = stage.data_plane(control.xds())
    data.wait_until_ready()
    synced(author, 2)
    author.apply("listeners:\n  - {name: gateway, port: 0}\n" + routes("/a", "/b"), None, check=0)  # its ACKs count
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        text = f"listeners:\n  - {{name: gateway, port: 0}}\n  - {{name: other, address: 127.0.0.1, port: {taken.getsockname()[1]}}}\n"
        done = author.apply(text + routes("/a", "/b"), None, check=80)
    assert "envoy-1 (envoy) refused LDS other: " in done.stderr and "in use" in done.stderr
    assert "routes-2.yaml:3:" in done.stderr
    told = json.loads(author.apply(text + routes("/a", "/b"), None, "-o", "json", check=80).stdout)
    assert told["change"]["outcome"] == "UNCHANGED" and told["rollout"]["nodes"][0]["id"] == "envoy-1"


def test_refusal_by_its_place_names_the_line_of_the_route(stage, room):
    """A node that refuses routes below /secret, in the words of our data planes."""
    control, author = room
    node = RefusingNode(control.xds(), "/secret", "virtual_hosts[0].routes[{route}].match: not here")
    stage.started.append(node)
    synced(author, 1)
    done = author.apply(routes("/a", "/b", "/secret"), None, check=80)
    assert "picky (picky) refused RDS gateway: " in done.stderr and "routes-1.yaml:4:" in done.stderr
    author.apply(routes("/a", "/b"), None, check=0)


def test_newer_revision_ends_the_wait(stage, room):
    control, author = room
    data = stage.data_plane(control.xds())
    data.wait_until_ready()
    synced(author, 1)
    data.process.send_signal(signal.SIGSTOP)
    with author.begin(routes("/b")) as waiting:
        wait_until(lambda: author.numbers() == [2, 1], "revision 2")
        author.apply(routes("/c"), None, "--no-wait", check=0)
        out, err = waiting.communicate(timeout=30)
    data.process.send_signal(signal.SIGCONT)
    assert waiting.returncode == 81 and "replaced by revision 3" in err


def test_verdict_is_that_of_the_other_control_planes_nodes_too(stage, tmp_path):
    backend, store = stage.backend(), ["--store", f"sqlite:///{tmp_path}/shared.db"]
    planes = [stage.control_plane(routes("/a"), services(backend), env=API, args=store) for _ in range(2)]
    authors = [Author(plane, tmp_path / f"author-{i}") for i, plane in enumerate(planes)]
    wait_until(lambda: [author.history()["current"] for author in authors] == [1, 1], "revision 1 on both")
    data = stage.data_plane(planes[1].xds())
    port = data.wait_until_ready()
    wait_until(lambda: [node["state"] for node in authors[0].status()["nodes"]] == ["SYNCED"], "the other one's node")
    for turn in range(3):
        done = authors[0].apply(routes("/a", f"/of-{turn}"), None, check=0)
        assert "every node runs it: 1" in done.stdout
        assert get(port, f"/of-{turn}").status == 200  # the verdict was about this
    data.process.send_signal(signal.SIGSTOP)
    late = authors[0].apply(routes("/late"), None, "--timeout", "4s", check=81)
    data.process.send_signal(signal.SIGCONT)
    assert "not run by 1 of 1 nodes in time" in late.stderr and "node-1" in late.stderr


def test_verdict_is_about_the_revision_where_control_planes_see_registries_otherwise(stage, tmp_path):
    """Each has a Consul of its own, which knows other instances: both serve the revision, and never the same snapshot."""
    backend, store = stage.backend(), ["--store", f"sqlite:///{tmp_path}/shared.db"]
    consuls = [Consul(tmp_path / f"consul-{i}") for i in range(2)]
    stage.started += consuls
    for count, consul in enumerate(consuls, 1):
        for i in range(count):
            consul.register("backend", backend.port, id=f"backend-{i}", address=f"127.0.0.{i + 1}")
    text = "services: {backend: {source: consul}}\n"
    planes = [stage.control_plane(routes("/a"), text, env={**API, **consul.env}, args=store) for consul in consuls]
    authors = [Author(plane, tmp_path / f"author-{i}") for i, plane in enumerate(planes)]
    wait_until(lambda: [author.history()["current"] for author in authors] == [1, 1], "revision 1 on both")
    data = [stage.data_plane(plane.xds(), node_id=f"node-{i}") for i, plane in enumerate(planes)]
    ports = [each.wait_until_ready() for each in data]
    wait_until(lambda: all([len(told) == 2 and all(node["state"] == "SYNCED" for node in told)
                            for told in (author.status()["nodes"] for author in authors)]), "both nodes on both")
    versions = {node["snapshot_version"] for node in authors[0].status()["nodes"]}
    assert len(versions) == 2  # they do differ
    for turn, author in enumerate(authors):
        done = author.apply(routes("/a", f"/of-{turn}"), None, check=0)
        assert "every node runs it: 2" in done.stdout
        assert [get(port, f"/of-{turn}").status for port in ports] == [200, 200]


def test_two_control_planes_on_one_mariadb(stage, tmp_path):
    """What one accepts the other serves; what both are asked for at once becomes two revisions; a database that is away says so."""
    database = MariaDb(tmp_path / "mariadb")
    stage.started.append(database)
    backend = stage.backend()
    env = {**API, "MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(database.port), "MYSQL_USER": USER, "MYSQL_PASSWORD": PASSWORD,
           "MYSQL_DATABASE": DATABASE, "GATEWAY_API_KEY_PEPPER": "0123456789abcdef0123456789abcdef"}
    planes = [stage.control_plane(routes("/a"), services(backend), env=env) for _ in range(2)]
    authors = [Author(plane, tmp_path / f"author-{i}") for i, plane in enumerate(planes)]
    data = stage.data_plane(planes[1].xds())
    port = data.wait_until_ready()
    wait_until(lambda: [author.history()["current"] for author in authors] == [1, 1], "revision 1 on both")
    begun = time.monotonic()
    authors[0].apply(routes("/a", "/b"), None, "--no-wait", check=0)
    wait_until(lambda: get(port, "/b").status == 200, "the route of the other control plane")
    print(f"live at the other control plane after {time.monotonic() - begun:.2f} s")
    with futures.ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda i: authors[i].apply(routes("/a", "/b", f"/of-{i}"), None, "--no-wait"), range(2)))
    assert [each.returncode for each in done] == [0, 0], done
    wait_until(lambda: [author.history()["current"] for author in authors] == [4, 4], "revision 4 on both")
    big = routes(*(f"/wide/{i}/{'x' * 60}" for i in range(12000)))
    authors[1].apply(big, None, "--no-wait", check=0)
    wait_until(lambda: authors[0].history()["current"] == 5, "a large revision")
    database.kill()
    wait_until(lambda: "AWAY" in planes[0].ctl("status", check=0).stdout, "that it is away")
    assert "the database is away" in authors[0].apply(routes("/c"), None, check=70).stderr
    assert get(port, "/b").status == 404  # the large one is served on
