"""The origin's load balancer: round robin, weighted, random and least connections, and instances that are not healthy."""
import collections

import pytest

from support.gateway import get

NAMES = ("a", "b", "c")


def picks(stage, policy, count, extras=("", "", "")):
    """How often each of three instances was chosen; one worker, so that turns are one sequence."""
    instances = ", ".join(f'{{url: "{stage.backend(name).url}"{extra}}}' for name, extra in zip(NAMES, extras))
    control = stage.control_plane('routes: [{path: "/**", service: s}]', f"services: {{s: {{load_balancing: {policy}, instances: [{instances}]}}}}")
    port = stage.data_plane(control.xds(), workers=1).wait_until_ready()
    return collections.Counter(get(port, "/").json()["backend"] for _ in range(count))


def test_round_robin_takes_turns(stage):
    assert picks(stage, "round_robin", 30) == {"a": 10, "b": 10, "c": 10}


def test_weighted_follows_the_weights(stage):
    assert picks(stage, "weighted", 60, (", weight: 1", ", weight: 2", ", weight: 3")) == {"a": 10, "b": 20, "c": 30}


def test_random_chooses_all(stage):
    seen = picks(stage, "random", 150)
    assert set(seen) == set(NAMES) and min(seen.values()) > 20


def test_least_connections_chooses_all_while_nobody_is_busy(stage):
    assert set(picks(stage, "least_connections", 60)) == set(NAMES)


@pytest.mark.parametrize("extra", [", healthy: false", ", weight: 0"])
def test_instance_that_is_off_gets_nothing(stage, extra):
    assert picks(stage, "round_robin", 20, ("", extra, "")) == {"a": 10, "c": 10}


def test_no_instance_is_503(stage):
    control = stage.control_plane('routes: [{path: "/**", service: s}]', "services: {s: {instances: []}}")
    port = stage.data_plane(control.xds()).wait_until_ready()
    assert get(port, "/").status == 503
