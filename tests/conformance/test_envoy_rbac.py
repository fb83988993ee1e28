"""The same RBAC resources in stock Envoy and in our data plane: the same status, the same detail, and the same policy that decided."""
import itertools

import pytest
import yaml
from envoy.config.listener.v3 import listener_pb2
from envoy.config.rbac.v3 import rbac_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.access_loggers.stream.v3 import stream_pb2  # noqa: F401 (packed by name)
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as filter_pb2  # noqa: F401
from envoy.extensions.filters.http.router.v3 import router_pb2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2  # noqa: F401
from google.protobuf import json_format

from support.ads import Server
from support.envoy import Envoy
from support.gateway import wait_until
from support.raw import exchange

PREFIX = "type.googleapis.com/envoy.extensions."
LOG = ("%REQ(X-CASE)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)% "
       "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_engine_result)% %DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_effective_policy_id)% "
       "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_engine_result)%\n")

# Of each route: what its RBAC filters have. A policy alone is allowed what it says; P stands for permissions, I for principals.
RULES = yaml.safe_load(r"""
any: {allow: {all: {}}}
none: {allow: {}}
none-denied: {deny: {}}
all-denied: {deny: {everybody: {}}}
method: {allow: {reads: {P: [{header: {name: ":method", string_match: {exact: GET}}}, {header: {name: ":method", string_match: {exact: HEAD}}}]}}}
method-regex: {allow: {reads: {P: [{header: {name: ":method", string_match: {safe_regex: {regex: "GET|PUT"}}}}]}}}
not-method: {allow: {writes: {P: [{not_rule: {header: {name: ":method", string_match: {exact: GET}}}}]}}}
header: {allow: {h: {I: [{header: {name: X-Role, string_match: {exact: admin}}}]}}}
header-nocase: {allow: {h: {I: [{header: {name: x-role, string_match: {exact: ADMIN, ignore_case: true}}}]}}}
header-prefix: {allow: {h: {I: [{header: {name: x-role, string_match: {prefix: ad}}}]}}}
header-suffix: {allow: {h: {I: [{header: {name: x-role, string_match: {suffix: or}}}]}}}
header-contains: {allow: {h: {I: [{header: {name: x-role, string_match: {contains: di}}}]}}}
header-present: {allow: {h: {I: [{header: {name: x-role, present_match: true}}]}}}
header-absent: {allow: {h: {I: [{header: {name: x-role, present_match: false}}]}}}
header-inverted: {allow: {h: {I: [{header: {name: x-role, string_match: {exact: admin}, invert_match: true}}]}}}
header-missing-as-empty: {allow: {h: {I: [{header: {name: x-role, string_match: {exact: admin}, invert_match: true, treat_missing_header_as_empty: true}}]}}}
deny-header: {deny: {h: {I: [{header: {name: x-role, string_match: {exact: guest}}}]}}}
path: {allow: {p: {P: [{url_path: {path: {exact: /path/x}}}]}}}
path-suffix: {allow: {p: {P: [{url_path: {path: {suffix: /x}}}]}}}
path-regex: {allow: {p: {P: [{url_path: {path: {safe_regex: {regex: "/path-regex/[a-w]"}}}}]}}}
path-principal: {deny: {p: {I: [{url_path: {path: {prefix: /path-principal/y}}}]}}}
path-header: {allow: {p: {P: [{header: {name: ":path", string_match: {suffix: "?q=1"}}}]}}}
authority: {allow: {a: {P: [{header: {name: ":authority", string_match: {exact: gateway.test}}}]}}}
remote: {allow: {r: {I: [{remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}]}}}
remote-v6: {allow: {r: {I: [{remote_ip: {address_prefix: "2001:db8::", prefix_len: 32}}, {remote_ip: {address_prefix: 10.1.0.0, prefix_len: 16}}]}}}
remote-all-v4: {allow: {r: {I: [{remote_ip: {address_prefix: 0.0.0.0, prefix_len: 0}}]}}}
remote-all-v6: {allow: {r: {I: [{remote_ip: {address_prefix: "::", prefix_len: 0}}]}}}
direct: {allow: {d: {I: [{direct_remote_ip: {address_prefix: 127.0.0.0, prefix_len: 8}}]}}}
direct-not: {allow: {d: {I: [{not_id: {direct_remote_ip: {address_prefix: 127.0.0.0, prefix_len: 8}}}]}}}
tls: {allow: {t: {I: [{authenticated: {}}]}}}
no-tls: {allow: {t: {I: [{not_id: {authenticated: {principal_name: {exact: "spiffe://x"}}}}]}}}
claims: {allow: {c: {I: [{metadata: {filter: envoy.filters.http.jwt_authn, path: [{key: jwt}, {key: roles}], value: {list_match: {one_of: {string_match: {exact: admin}}}}}}]}}}
no-claims: {allow: {c: {I: [{metadata: {filter: envoy.filters.http.jwt_authn, path: [{key: jwt}, {key: roles}], value: {present_match: true}, invert: true}}]}}}
sourced: {deny: {c: {P: [{sourced_metadata: {metadata_matcher: {filter: envoy.filters.http.jwt_authn, path: [{key: jwt}], value: {null_match: {}}, invert: true}}}]}}}
and: {allow: {a: {I: [{and_ids: {ids: [{header: {name: x-role, string_match: {exact: admin}}}, {remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}]}}]}}}
or: {allow: {a: {I: [{or_ids: {ids: [{header: {name: x-role, string_match: {exact: editor}}}, {remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}]}}]}}}
nested: {allow: {a: {P: [{and_rules: {rules: [{or_rules: {rules: [{header: {name: ":method", string_match: {exact: GET}}}, {url_path: {path: {suffix: /y}}}]}}, {not_rule: {header: {name: x-role, string_match: {exact: guest}}}}]}}]}}}
names: {allow: {b: {I: [{header: {name: x-role, string_match: {exact: admin}}}]}, a: {I: [{header: {name: x-role, present_match: true}}]}, B: {I: [{header: {name: x-role, string_match: {exact: editor}}}]}}}
spaces: {deny: {"no guests please": {I: [{header: {name: x-role, string_match: {exact: guest}}}]}}}
shadow: {shadow: {s: {I: [{header: {name: x-role, string_match: {exact: admin}}}]}}}
shadow-too: {allow: {r: {I: [{header: {name: x-role, present_match: true}}]}}, shadow: {s: {I: [{header: {name: x-role, string_match: {exact: admin}}}]}}}
both: {deny: {guests: {I: [{header: {name: x-role, string_match: {exact: guest}}}]}}, allow: {known: {I: [{header: {name: x-role, present_match: true}}]}}}
disabled: {}
""")

REQUESTS = [
    ("GET", "/x", []),
    ("HEAD", "/x?q=1", ["X-Role: admin"]),
    ("POST", "/y", ["X-Role: editor", "X-Forwarded-For: 10.1.2.3"]),
    ("GET", "/y?q=1", ["X-Role: guest", "X-Forwarded-For: 8.8.8.8, 10.9.9.9"]),
    ("PUT", "/x", ["x-role: Admin", "X-Forwarded-For: 2001:db8::7"]),
    ("DELETE", "/y", ["X-Role: admin", "X-Role: guest", "X-Forwarded-For: 10.1.2.3"]),
    ("GET", "/./x", ["X-Role: guest", "X-Role: admin"]),
    ("GET", "/z/../x", ["X-Role:", "X-Forwarded-For: 192.0.2.1"]),
]


def policy(spec):
    return {"permissions": spec.get("P", [{"any": True}]), "principals": spec.get("I", [{"any": True}])}


def rules(action, spec):
    return {"action": action, "policies": {name: policy(one) for name, one in spec.items()}}


def per_route(spec):
    deny = {"@type": PREFIX + "filters.http.rbac.v3.RBACPerRoute"}
    allow = dict(deny)
    if "deny" in spec:
        deny["rbac"] = {"rules": rules("DENY", spec["deny"])}
    own = {key: rules("ALLOW", spec[name]) for key, name in (("rules", "allow"), ("shadow_rules", "shadow")) if name in spec}
    if own:
        allow["rbac"] = own
    return {"envoy.filters.http.rbac_deny": deny, "envoy.filters.http.rbac": allow}


def route(name, spec):
    made = {"name": name, "match": {"path_separated_prefix": "/" + name}, "direct_response": {"status": 200}}
    if spec is not None:
        made["typed_per_filter_config"] = per_route(spec)
    return made


def listener(*more_filters):
    unsure = {"@type": PREFIX + "filters.http.rbac.v3.RBAC"}
    # What routes without rules of their own have.
    default = {**unsure, "rules": rules("ALLOW", {"listener": {"I": [{"header": {"name": "x-role", "string_match": {"exact": "admin"}}}]}})}
    router = {"@type": PREFIX + "filters.http.router.v3.Router"}
    manager = {
        "@type": PREFIX + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x", "normalize_path": True, "use_remote_address": True, "xff_num_trusted_hops": 1,
        "rds": {"route_config_name": "routes", "config_source": {"ads": {}, "resource_api_version": "V3"}},
        "access_log": [{"name": "stdout", "typed_config": {"@type": PREFIX + "access_loggers.stream.v3.StdoutAccessLog",
                                                           "log_format": {"text_format_source": {"inline_string": LOG}}}}],
        "http_filters": [{"name": "envoy.filters.http.rbac_deny", "typed_config": unsure}, {"name": "envoy.filters.http.rbac", "typed_config": default}, *more_filters,
                         {"name": "envoy.filters.http.router", "typed_config": router}],
    }
    return {"name": "gateway", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}


def resources():
    routes = [route(name, spec) for name, spec in RULES.items()] + [route("unsaid", None)]
    config = {"name": "routes", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}
    return [json_format.ParseDict(listener(), listener_pb2.Listener()), json_format.ParseDict(config, route_pb2.RouteConfiguration())]


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("rbac"))
    server = Server(resources())
    data = stage.data_plane(server.address, workers=1)
    envoy = Envoy(stage.folder / "envoy", server.address)
    stage.started.append(envoy)
    yield data, data.wait_until_ready(), envoy, envoy.port()
    assert not server.errors
    stage.end()
    server.stop()


def logged(program, count):
    """Case to the rest of its line."""
    def lines():
        found = dict(line.split(" ", 1) for line in program.output().splitlines() if line.startswith("case-"))
        return found if len(found) == count else None

    return wait_until(lines, f"{count} lines in the access log of {program.name}")


def test_the_same_requests_get_the_same_answers_for_the_same_reasons(planes):
    data, our_port, envoy, envoys_port = planes
    cases = {f"case-{n}": (name, *request) for n, (name, request) in enumerate(itertools.product([*RULES, "unsaid"], REQUESTS))}
    assert len(cases) >= 200
    for case, (name, method, target, fields) in cases.items():
        head = "\r\n".join([f"{method} /{name}{target} HTTP/1.1", "Host: gateway.test", f"X-Case: {case}", *fields, "Connection: close", "", ""]).encode()
        ours, envoys = (exchange(port, head, method=method) for port in (our_port, envoys_port))
        assert ours.status == envoys.status, (case, name, method, target, fields, ours.status, envoys.status)
        assert ours.status in (200, 403)
    ours, envoys = logged(data, len(cases)), logged(envoy, len(cases))
    differences = {(str(cases[case]), ours[case], envoys[case]) for case in cases if ours[case] != envoys[case]} if ours != envoys else set()
    assert not differences
    answered = {line.split()[0] for line in ours.values()}
    assert answered == {"200", "403"}


def test_policies_are_of_upstreams_type():
    """A misspelt key of RULES would make a policy of nothing."""
    for spec in RULES.values():
        for action in spec.values():
            json_format.ParseDict(rules("ALLOW", action), rbac_pb2.RBAC())


def test_two_filters_of_a_kind_are_refused_with_the_reason(stage):
    """Envoy tells them apart by name; to us one would have the other's settings, which might let in more."""
    second = {"name": "second", "typed_config": {"@type": PREFIX + "filters.http.rbac.v3.RBAC"}}
    server = Server([json_format.ParseDict(listener(second), listener_pb2.Listener()), *resources()[1:]])
    data = stage.data_plane(server.address, workers=1)
    wanted = 'filter "second" is of the same kind as http_filters[1]: routes have settings for one of a kind'
    told = wait_until(lambda: [error for error in server.errors if "gateway" in error], "the refusal")
    assert wanted in told[0] and wanted in data.log()
    assert data.ports().get("listeners", {}) == {}
    server.stop()
