"""The same JwtAuthentication in stock Envoy and in our data plane: the same answers, and the service sees the same."""
import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from google.protobuf import json_format

from support.ads import Server
from support.envoy import Envoy
from support.gateway import get

RSA, OTHER, EC = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
NOW = int(time.time())


def jwks(kind, key, **more):
    return json.dumps({"keys": [{**json.loads(getattr(jwt.algorithms, kind).to_jwk(key.public_key())), **more}]})


PROVIDERS = {
    "rsa": {"issuer": "https://rsa", "audiences": ["a", "b"], "local_jwks": {"inline_string": jwks("RSAAlgorithm", RSA, kid="one", alg="RS256")},
            "clock_skew_seconds": 5, "payload_in_metadata": "rsa", "forward_payload_header": "x-payload",
            "claim_to_headers": [{"header_name": "x-sub", "claim_name": "sub"}, {"header_name": "x-nested", "claim_name": "a.b"}],
            "jwt_cache_config": {"jwt_cache_size": 100}},
    "ec": {"issuer": "https://ec", "local_jwks": {"inline_string": jwks("ECAlgorithm", EC)}, "forward": True, "require_expiration": True,
           "from_headers": [{"name": "x-ec"}, {"name": "authorization", "value_prefix": "Bearer "}], "from_params": ["ec"], "from_cookies": ["ec"]},
    "any": {"local_jwks": {"inline_string": jwks("RSAAlgorithm", OTHER)}, "subjects": {"prefix": "u-"}, "max_lifetime": "3600s",
            "from_headers": [{"name": "x-any", "value_prefix": "Token "}]},
    "padded": {"issuer": "https://padded", "local_jwks": {"inline_string": jwks("RSAAlgorithm", RSA)}, "forward_payload_header": "x-padded",
               "pad_forward_payload_header": True, "from_headers": [{"name": "x-padded-token"}]},
}
REQUIREMENTS = {
    "rsa": {"provider_name": "rsa"},
    "ec": {"provider_name": "ec"},
    "other": {"provider_name": "any"},
    "padded": {"provider_name": "padded"},
    "audience": {"provider_and_audiences": {"provider_name": "rsa", "audiences": ["c"]}},
    "either": {"requires_any": {"requirements": [{"provider_name": "rsa"}, {"provider_name": "ec"}]}},
    "both": {"requires_all": {"requirements": [{"provider_name": "rsa"}, {"provider_name": "any"}]}},
    "missing": {"requires_any": {"requirements": [{"provider_name": "rsa"}, {"allow_missing": {}}]}},
    "failed": {"requires_any": {"requirements": [{"provider_name": "rsa"}, {"allow_missing_or_failed": {}}]}},
    "lenient": {"allow_missing_or_failed": {}},
    "nested": {"requires_any": {"requirements": [{"requires_all": {"requirements": [{"provider_name": "rsa"}, {"provider_name": "ec"}]}},
                                                 {"provider_name": "any"}]}},
}
PATHS = [f"/{name}" for name in REQUIREMENTS] + ["/rule", "/named", "/free", "/off", "/unknown", "/route"]


def claims(issuer="https://rsa", **more):
    whole = {"iss": issuer, "aud": "a", "sub": "u-1", "exp": NOW + 600, "a": {"b": 7}, **more}
    return {key: value for key, value in whole.items() if value is not None}


def signed(key=RSA, alg="RS256", kid="one", **more):
    return jwt.encode(claims(**more), key, alg, headers={"kid": kid} if kid else None)


def ec_signed(**more):
    return signed(EC, "ES256", None, **{"issuer": "https://ec", **more})


def tokens():
    good, ec_good = signed(), ec_signed()
    head, body, signature = good.split(".")
    yield "nothing", {}, ""
    yield "good", bearer(good), ""
    yield "good again", bearer(good), ""
    yield "good in query", {}, f"?x=1&access_token={good}&y=2"
    yield "bad in query", {}, "?access_token=x.y.z"
    yield "good and bad", {**bearer(good)}, "?access_token=x.y.z"
    yield "expired", bearer(signed(exp=NOW - 60)), ""
    yield "just expired", bearer(signed(exp=NOW - 1)), ""
    yield "not yet", bearer(signed(nbf=NOW + 600)), ""
    yield "without exp", bearer(signed(exp=None)), ""
    yield "wrong audience", bearer(signed(aud="x")), ""
    yield "third audience", bearer(signed(aud=["x", "c"])), ""
    yield "second audience", bearer(signed(aud=["x", "b"])), ""
    yield "no audience", bearer(signed(aud=None)), ""
    yield "wrong issuer", bearer(signed(issuer="https://x")), ""
    yield "no issuer", bearer(signed(issuer=None)), ""
    yield "wrong key", bearer(signed(OTHER)), ""
    yield "wrong kid", bearer(signed(kid="two")), ""
    yield "no kid", bearer(signed(kid=None)), ""
    yield "other algorithm", bearer(signed(alg="RS512")), ""
    yield "none", bearer(jwt.encode(claims(), None, "none")), ""
    yield "no signature", bearer(f"{head}.{body}."), ""
    yield "changed", bearer(f"{head}.{base64.urlsafe_b64encode(json.dumps(claims(sub='root')).encode()).rstrip(b'=').decode()}.{signature}"), ""
    yield "nonsense", bearer("nonsense"), ""
    yield "basic", {"Authorization": "Basic YTpi"}, ""
    yield "ec", bearer(ec_good), ""
    yield "ec in its header", {"x-ec": ec_good}, ""
    yield "ec in its cookie", {"Cookie": f"a=1; ec={ec_good}"}, ""
    yield "ec in its parameter", {}, f"?ec={ec_good}"
    yield "ec without exp", bearer(ec_signed(exp=None)), ""
    yield "ec and rsa", {**bearer(good), "x-ec": ec_good}, ""
    yield "any", {"x-any": f"Token {signed(OTHER, kid=None)}"}, ""
    yield "any, other subject", {"x-any": f"Token {signed(OTHER, kid=None, sub='v-1')}"}, ""
    yield "any, long-lived", {"x-any": f"Token {signed(OTHER, kid=None, exp=NOW + 7200)}"}, ""
    yield "any without prefix", {"x-any": signed(OTHER, kid=None)}, ""
    yield "any and rsa", {**bearer(good), "x-any": f"Token {signed(OTHER, kid=None)}"}, ""
    yield "padded", {"x-padded-token": signed(kid=None, issuer="https://padded")}, ""


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def listener(port):
    routes = [{"match": {"path": "/off"}, "route": {"cluster": "s"},
               "typed_per_filter_config": {"envoy.filters.http.jwt_authn": per_route(disabled=True)}},
              {"match": {"path": "/unknown"}, "route": {"cluster": "s"},
               "typed_per_filter_config": {"envoy.filters.http.jwt_authn": per_route(requirement_name="nobody")}},
              {"match": {"path": "/route"}, "route": {"cluster": "s"},
               "typed_per_filter_config": {"envoy.filters.http.jwt_authn": per_route(requirement_name="missing")}}]
    routes += [{"match": {"path": f"/{name}"}, "route": {"cluster": "s"},
                "typed_per_filter_config": {"envoy.filters.http.jwt_authn": per_route(requirement_name=name)}} for name in REQUIREMENTS]
    routes.append({"match": {"prefix": "/"}, "route": {"cluster": "s"}})
    rules = [{"match": {"path": "/rule"}, "requires": REQUIREMENTS["either"]}, {"match": {"prefix": "/named"}, "requirement_name": "rsa"},
             {"match": {"prefix": "/free"}}, {"match": {"prefix": "/"}, "requires": {"provider_name": "ec"}}]
    authn = {"@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", "providers": PROVIDERS,
             "rules": rules, "requirement_map": REQUIREMENTS}
    manager = {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
               "stat_prefix": "s", "use_remote_address": True,
               "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
               "http_filters": [{"name": "envoy.filters.http.jwt_authn", "typed_config": authn},
                                {"name": "envoy.filters.http.router",
                                 "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}
    return {"name": "gateway", "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}


def per_route(**more):
    return {"@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", **more}


def cluster(port):
    return {"name": "s", "type": "STATIC", "connect_timeout": "1s", "load_assignment": {
        "cluster_name": "s",
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]}}


# What json_format must know to read the Any above.
KNOWN = (config_pb2, router_pb2, http_connection_manager_pb2)

# Where we differ on purpose: our status and Envoy's.
EXPLAINED = {
    # Envoy looks at `aud` before the signature, and tells 403 whoever made the token up.
    **{(name, "/audience"): (401, 403) for name in ("wrong key", "wrong kid", "other algorithm", "changed")},
    # Without a provider's name Envoy finds one by `iss`, of what may be nobody's; we try each provider at its places.
    ("any", "/lenient"): (200, 200), ("any and rsa", "/lenient"): (200, 200),
    # Of two tokens one is bad: none counts here, since the service might look at the other.
    ("good and bad", "/lenient"): (200, 200),
}


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("jwt"))
    backends = stage.backend("ours"), stage.backend("envoy's")
    ports = []
    for backend, start in zip(backends, (lambda xds: stage.data_plane(xds), lambda xds: Envoy(stage.folder / "envoy", xds))):
        server = Server([json_format.ParseDict(listener(0), listener_pb2.Listener()), json_format.ParseDict(cluster(backend.port), cluster_pb2.Cluster())])
        stage.started.append(server)
        node = start(server.address)
        if isinstance(node, Envoy):
            stage.started.append(node)
        ports.append(node.port() if isinstance(node, Envoy) else node.wait_until_ready())
        assert not server.errors
    yield ports, backends
    stage.end()


def told(backend, before):
    """What of the request the service saw that is the filter's doing."""
    if len(backend.requests) == before:
        return None
    seen = backend.requests[-1]
    names = ("authorization", "x-ec", "x-any", "x-sub", "x-nested", "x-payload", "x-padded", "x-padded-token")
    return {name: value for name in names if (value := seen.header(name))}, seen.target


def test_answers_are_the_same(planes):
    ports, backends = planes
    differences, count = [], 0
    for name, headers, query in tokens():
        for path in PATHS:
            answers = []
            for port, backend in zip(ports, backends):
                before = len(backend.requests)
                answer = get(port, path + query, headers)
                challenge = (answer.headers.get("WWW-Authenticate") or "").partition('realm="')[2]
                answers.append((answer.status, told(backend, before), "invalid_token" in challenge))
            count += 1
            if answers[0] != answers[1]:
                differences.append((name, path, answers))
    assert count >= 200
    unexplained = [d for d in differences if EXPLAINED.get(d[:2]) != tuple(answer[0] for answer in d[2])]
    assert not unexplained, "\n".join(f"{name} {path}: ours {ours}, Envoy's {theirs}" for name, path, (ours, theirs) in unexplained)
    assert {d[:2] for d in differences} == set(EXPLAINED)
