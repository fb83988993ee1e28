"""The origin's models: what its routes.yaml and services.yaml say, with their defaults, and what services are told of who asks."""
import jwt
import pytest
from conftest import Stage

from support.gateway import ctl, request
from support.site import Site

KEY = "m" * 40
ORIGIN_ROUTES = """routes:
  - path: /projects
    service: project-service
    methods: [GET, POST]
    auth_required: true
    rate_limit: 100
    timeout: 30
"""
ORIGIN_SERVICES = """services:
  project-service:
    instances:
      - url: http://project-service-1:8000
        weight: 1
        healthy: true
"""


def validate(tmp_path, routes, services=ORIGIN_SERVICES):
    (tmp_path / "routes.yaml").write_text(routes)
    (tmp_path / "services.yaml").write_text(services)
    return ctl("validate", "--routes", tmp_path / "routes.yaml", "--services", tmp_path / "services.yaml", env={"JWT_SECRET_KEY": KEY})


def test_the_origins_files_load_unchanged(tmp_path):
    done = validate(tmp_path, ORIGIN_ROUTES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_route_needs_a_path_and_a_service_only(tmp_path):
    assert validate(tmp_path, "routes: [{path: /a, service: project-service}]").returncode == 0
    for short in ("{path: /a}", "{service: project-service}", "{path: /a, service: project-service, colour: red}"):
        assert validate(tmp_path, f"routes: [{short}]").returncode == 65, short


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("models"))
    backend = stage.backend()
    routes = """routes:
  - {path: "/projects/{id}/members/{member}", service: s, rewrite: {path: "/of/{member}/in/{id}"}}
  - {path: /me, service: s, auth_required: true, rate_limit: 100, timeout: 30}
"""
    site = Site(stage, routes, f'services: {{s: {{instances: [{{url: "{backend.url}", weight: 1, healthy: true}}]}}}}', env={"JWT_SECRET_KEY": KEY})
    yield backend, site.plain
    stage.end()


def test_matches_takes_one_segment_for_a_variable(served):
    _, port = served
    assert request(port, "/projects/7/members/ann").status == 200
    assert [request(port, path).status for path in ("/projects//members/ann", "/projects/7/8/members/ann", "/projects/7/members/")] == [404] * 3


def test_path_parameters_are_extracted(served):
    backend, port = served
    request(port, "/projects/p-7/members/ann%20b?q=1")
    assert backend.requests[-1].target == "/of/ann%20b/in/p-7?q=1"


def test_user_context_is_told_in_forward_headers(served):
    backend, port = served
    token = jwt.encode({"sub": "u-1", "name": "Ann", "roles": ["admin", "ops"], "permissions": ["a:b"]}, KEY, "HS256")
    answer = request(port, "/me", headers={"Authorization": f"Bearer {token}", "X-User-Id": "somebody else"})
    seen = backend.requests[-1]
    assert answer.status == 200
    assert [seen.header(name) for name in ("x-user-id", "x-user-name", "x-user-roles", "x-user-permissions", "x-auth-method")] == \
        [["u-1"], ["Ann"], ["admin,ops"], ["a:b"], ["jwt"]]
    assert len(seen.header("x-request-id")) == 1
