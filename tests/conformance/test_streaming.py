"""What streams stays a stream, whatever the protocols: pieces pass at once, and who is slow holds up nobody's memory."""
import time

import pytest
from support.duplex import open_duplex
from support.everyone import BOTH, CLIENTS, Everyone
from support.gateway import wait_until
from support.h2_client import H2Client


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("streaming"))
    yield Everyone(stage)
    stage.end()


# --- pieces pass at once ---

@pytest.mark.parametrize("client,service", BOTH)
def test_server_sent_events_arrive_piece_by_piece(world, client, service):
    """The next event is made only when the one before has arrived: anything that waits for more waits for ever."""
    with world.httpx(client) as http, http.stream("GET", f"/{service}/events/5") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
        pieces = answer.iter_raw()
        for i in range(5):
            world.apps[service].next_event()
            assert next(pieces) == f"data: {i}\n\n".encode()
        assert next(pieces, None) is None


@pytest.mark.parametrize("client,service", BOTH)
def test_body_streams_before_it_is_complete_and_so_does_its_answer(world, client, service):
    with open_duplex(world.place(client), client, f"/{service}/echo") as duplex:
        assert duplex.wait_for_head() == 200  # nothing of the body was sent yet
        for i in range(10):
            piece = b"piece %d" % i * (1 + 100 * i)
            duplex.send(piece)
            assert duplex.receive(len(piece)) == piece
        duplex.end()
        rest, trailers = duplex.rest()
    assert rest == b"" and trailers["x-bytes"] == str(sum(len(b"piece %d" % i) * (1 + 100 * i) for i in range(10)))
    assert int(trailers["x-piece-count"]) >= 10


@pytest.mark.parametrize("client,service", BOTH)
def test_big_bodies_both_ways_at_once(world, client, service):
    """More than all windows and buffers together: what is sent is read only as its echo is."""
    piece = b"0123456789abcdef" * 4096
    with open_duplex(world.place(client), client, f"/{service}/echo") as duplex:
        duplex.wait_for_head()
        for _ in range(64):
            duplex.send(piece)
            assert duplex.receive(len(piece)) == piece
        duplex.end()
        assert duplex.rest()[1]["x-bytes"] == str(64 * len(piece))


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("service", ["h1", "h2"])
def test_client_that_leaves_is_felt_by_the_service(world, client, service):
    app = world.apps[service]
    wait_until(lambda: app.open_streams == 0, "quiet")
    with open_duplex(world.place(client), client, f"/{service}/echo") as duplex:
        duplex.wait_for_head()
        duplex.send(b"hello")
        duplex.receive(5)
        assert app.open_streams == 1
    wait_until(lambda: app.open_streams == 0, "the service to feel it")


# --- slow readers and writers ---

SIZE_MIB = 64
GROWTH_MAX_KIB = 8 * 1024  # of eight of them


@pytest.fixture
def shipped(stage, release_build):
    """Of the build that is shipped, with one worker."""
    return Everyone(stage, workers=1, env={"GATEWAY_MAX_REQUEST_BODY": "1GiB"})


def settle(program):
    """Its memory once it no longer grows."""
    seen = []

    def is_level():
        seen.append(program.resident_kib())
        return len(seen) > 20 and max(seen[-20:]) - min(seen[-20:]) <= 64

    wait_until(is_level, "memory to be level", interval=0.02)
    return seen[-1]


@pytest.mark.parametrize("client,service", [("h1", "h1"), ("h2c", "h1"), ("h1", "h2"), ("h2c", "h2"), ("https h2", "tls-h2")])
def test_slow_readers_hold_constant_memory(shipped, client, service):
    """Eight clients ask for 64 MiB each and read nothing at first."""
    with open_duplex(shipped.place(client), client, f"/{service}/bytes/1000", "GET") as warm:
        warm.wait_for_head()
    before = settle(shipped.data)
    path, slow = f"/{service}/bytes/{SIZE_MIB << 20}", []
    for _ in range(8):
        if "h2" in client:
            http = H2Client(*shipped.place(client), takes_data=False)
            stream = http.request(path)
            http.wait(lambda s=stream: s.data, "the first bytes")
            slow.append(http)
        else:
            slow.append(open_duplex(shipped.place(client), client, path, "GET"))
    wait_until(lambda: shipped.apps[service].open_streams >= 8, "the service to send")
    assert settle(shipped.data) - before < GROWTH_MAX_KIB
    for one in slow:
        one.__exit__()


@pytest.mark.parametrize("client", ["h1", "https h1"])
def test_clients_that_read_late_get_every_byte(world, client):
    """Of answers of all sizes some end where the socket is just full: the rest waits in the gateway, which has nothing more to do."""
    sizes = range(20_000, 2_000_000, 40_000)
    opened = [open_duplex(world.place(client), client, f"/h1/bytes/{size}", "GET") for size in sizes]
    settle(world.data)
    for duplex, size in zip(opened, sizes, strict=True):
        with duplex:
            assert duplex.wait_for_head() == 200 and len(duplex.stream.read(size)) == size


@pytest.mark.parametrize("client,service", [("h1", "h1"), ("h2c", "h1"), ("h1", "h2"), ("h2c", "h2"), ("https h2", "tls-h2")])
def test_slow_service_holds_constant_memory(shipped, client, service):
    """The service reads nothing of eight uploads: their clients are stopped, not the gateway filled."""
    before = settle(shipped.data)
    opened = [open_duplex(shipped.place(client), client, f"/{service}/deaf") for _ in range(8)]
    sent = 0
    for duplex in opened:
        sent += push(duplex, SIZE_MIB << 20)
    assert settle(shipped.data) - before < GROWTH_MAX_KIB
    assert sent < 8 * (SIZE_MIB << 20), "somebody has to be stopped"
    for duplex in opened:
        duplex.__exit__()
        shipped.apps[service].next_event()


def push(duplex, most):
    """Sends until nobody takes more for a moment; how much went."""
    piece, sent = b"z" * 65536, 0
    try:
        duplex_socket(duplex).settimeout(0.5)
        while sent < most:
            send_some(duplex, piece)
            sent += len(piece)
    except (TimeoutError, AssertionError):
        pass
    return sent


def duplex_socket(duplex):
    return duplex.client.socket if hasattr(duplex, "client") else duplex.socket


def send_some(duplex, piece):
    if not hasattr(duplex, "client"):
        duplex.send(piece)
        return
    http, stream = duplex.client, duplex.stream
    left = piece
    while left:
        http.wait(lambda: http.h2.local_flow_control_window(stream.id) > 0, "the window", 0.5)
        room = min(http.h2.local_flow_control_window(stream.id), http.h2.max_outbound_frame_size)
        http.h2.send_data(stream.id, left[:room])
        left = left[room:]
        http.flush()


@pytest.mark.parametrize("client", CLIENTS)
def test_time_to_the_first_byte_of_a_slow_answer(world, client):
    begin = time.monotonic()
    with open_duplex(world.place(client), client, "/h1/events/1", "GET") as duplex:
        assert duplex.wait_for_head() == 200
        assert time.monotonic() - begin < 5
        world.apps["h1"].next_event()
        assert duplex.receive(9) == b"data: 0\n\n"
