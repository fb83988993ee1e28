"""Concurrency limits and circuit breakers beside stock Envoy: the same services.yaml, the same refusals, and nothing that Envoy minds."""
import concurrent.futures
import json

import pytest

from support.envoy import Envoy
from support.gateway import ctl, get, wait_until

SERVICES = """
services:
  limited: {limits: {max_connections: 1, max_pending_requests: 1}, instances: [{url: "%s"}]}
  guarded: {circuit_breaker: {failures: 3, open_for: 60s}, instances: [{url: "%s"}]}
"""
ROUTES = 'routes: [{path: "/limited/**", service: limited}, {path: "/guarded/**", service: guarded}]'


@pytest.fixture
def planes(stage):
    backend = stage.backend()
    control = stage.control_plane(ROUTES, SERVICES % (backend.url, backend.url))
    data = stage.data_plane(control.xds(), workers=1)
    envoy = Envoy(stage.folder / "envoy", control.xds())
    stage.started.append(envoy)
    return control, data, data.wait_until_ready(), envoy, backend


def test_one_connection_one_waiting_and_the_third_is_refused_as_in_envoy(planes):
    _, _, port, envoy, backend = planes
    for target in (port, envoy.port()):
        before = len(backend.requests)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            first = pool.submit(get, target, "/limited/delay/1500/a")
            wait_until(lambda: len(backend.requests) > before, "the first at the service")
            others = [pool.submit(get, target, "/limited/b") for _ in range(2)]
            assert first.result(30).status == 200
            assert sorted(other.result(30).status for other in others) == [200, 503]


def test_envoy_shows_the_breaker_and_has_its_stand_in(planes):
    _, data, port, envoy, _ = planes
    assert get(envoy.port(), "/guarded/a").status == 200
    dump = json.loads(envoy.admin("/config_dump?resource=dynamic_active_clusters").text)
    clusters = {one["cluster"]["name"]: one["cluster"] for one in dump["configs"]}
    shown = clusters["guarded"]["metadata"]["filter_metadata"]["gateway.cluster.v1.CircuitBreaker"]
    assert (shown["failures"], shown["window"], shown["open"], shown["has_stand_in"]) == (3, "10s", "60s", True)
    assert clusters["guarded"]["outlier_detection"]["consecutive_5xx"] == 3
    assert clusters["limited"]["circuit_breakers"]["thresholds"][0]["max_connections"] == 1
    assert [get(port, "/guarded/status/500").status for _ in range(3)] == [500] * 3
    assert get(port, "/guarded/status/200").status == 503
    # Ours does not eject the instance as well.
    assert not any(one.get("ejected") for one in data.admin("/clusters").json()["clusters"][0]["endpoints"][0].get("health", []))


def test_validate_notes_what_envoy_has_instead(planes):
    control = planes[0]
    told = ctl("validate", "--routes", control.routes_path, "--services", control.services_path, "--strict", check=0).stdout
    assert "note: circuit_breaker of guarded: Envoy has none" in told
    shown = json.loads(ctl("validate", "--routes", control.routes_path, "--services", control.services_path, "-o", "json", check=0).stdout)
    assert len(shown["notes"]) == 1 and shown["warnings"] == []
