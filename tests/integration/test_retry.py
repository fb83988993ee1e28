"""The origin's retry handler: what failed is tried again, after times that grow, and not for ever. What else there is of retries: test_retries.py."""
import time

import pytest

from support.faulty import FaultyBackend
from support.gateway import get, request
from support.metrics import Scrape

ROUTES = 'routes: [{path: "/**", service: s, retries: {attempts: 3, on: [503, connect-failure], backoff: {base: 40ms, max: 1s}}}]'


@pytest.fixture
def failing(stage):
    """A service that answers 503, its data plane and the port before it."""
    backend = FaultyBackend("b")
    stage.started.append(backend)
    backend.fail(503)
    control = stage.control_plane(ROUTES, f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}')
    data = stage.data_plane(control.xds(), workers=1)
    return backend, data, data.wait_until_ready()


def retries(data):
    return Scrape(data.status("/metrics").text).sum("gateway_upstream_retries_total", service="s")


def test_execute_tries_again_until_the_attempts_are_used_up(failing):
    backend, data, port = failing
    assert get(port, "/").status == 503
    assert (backend.hits, retries(data)) == (4, 3)


def test_execute_ends_with_the_first_success(failing):
    backend, data, port = failing
    backend.fail(503, times=2)
    assert get(port, "/").status == 200
    assert (backend.hits, retries(data)) == (2, 2)


def test_what_succeeds_is_not_tried_again(failing):
    backend, data, port = failing
    backend.fail(None)
    assert get(port, "/").status == 200 and retries(data) == 0


def test_what_may_not_be_done_twice_is_not(failing):
    backend, data, port = failing
    assert request(port, "/", "POST", body=b"x").status == 503
    assert (backend.hits, retries(data)) == (1, 0)


def test_times_between_tries_have_a_bound(failing):
    """Each is by chance below 40, 80 and 160 ms; five times that on a busy machine."""
    _, _, port = failing
    begun = time.monotonic()
    assert get(port, "/").status == 503
    assert time.monotonic() - begun < 5 * 0.28
