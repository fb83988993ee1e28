"""The origin's RBAC: roles and permissions of a user, asked for by a route. Rules, hierarchies and addresses: test_access.py."""
import jwt
import pytest
from conftest import Stage

from support.gateway import request
from support.site import Site

KEY = "s" * 40
ROUTES = """routes:
  - {path: /anybody, service: s}
  - {path: /user, service: s, auth_required: true}
  - {path: /role, service: s, roles: [admin, editor]}
  - {path: /permission, service: s, permissions: ["projects:write"]}
  - {path: /both, service: s, roles: [admin], permissions: ["projects:write"]}
  - {path: /each, service: s, roles: [admin, auditor], require: all}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("rbac"))
    site = Site(stage, ROUTES, f'services: {{s: {{instances: [{{url: "{stage.backend().url}"}}]}}}}', env={"JWT_SECRET_KEY": KEY})
    yield site.plain
    stage.end()


def ask(port, path, **claims):
    headers = {"Authorization": "Bearer " + jwt.encode({"sub": "ann", **claims}, KEY, "HS256")} if claims else {}
    return request(port, path, headers=headers).status


def test_check_role(port):
    assert ask(port, "/role", roles=["editor"]) == ask(port, "/role", roles=["x", "admin"]) == 200
    assert ask(port, "/role", roles=["viewer"]) == ask(port, "/role", roles=[]) == ask(port, "/role", name="admin") == 403


def test_check_permission(port):
    assert ask(port, "/permission", permissions=["projects:write"]) == 200
    assert ask(port, "/permission", permissions=["projects:read"]) == 403


def test_authorize_wants_role_and_permission(port):
    assert ask(port, "/both", roles=["admin"], permissions=["projects:write"]) == 200
    assert ask(port, "/both", roles=["admin"]) == ask(port, "/both", permissions=["projects:write"]) == 403


def test_authorize_wants_each_of_them_where_it_says_all(port):
    assert ask(port, "/each", roles=["admin", "auditor"]) == 200
    assert ask(port, "/each", roles=["admin"]) == 403


def test_nobody_is_401_where_somebody_is_wanted(port):
    assert ask(port, "/anybody") == 200
    assert [ask(port, path) for path in ("/user", "/role", "/permission", "/both", "/each")] == [401] * 5
    assert ask(port, "/user", roles=[]) == 200
