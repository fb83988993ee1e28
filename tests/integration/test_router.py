"""The origin's router: a request finds the route of its path and method, all routes can be listed, and edits are taken up."""
import json

import pytest

from support.gateway import ctl, get, request, wait_until

ROUTES = """routes:
  - {path: /projects, service: lists, methods: [GET, POST]}
  - {path: "/projects/{id}", service: one, methods: [GET, PUT, DELETE]}
  - {path: /projects/mine, service: mine}
  - {path: "/files/{name=**}", service: files}
"""
NAMES = ("lists", "one", "mine", "files")


@pytest.fixture
def gateway(stage):
    services = "services:\n" + "".join(f'  {name}: {{instances: [{{url: "{stage.backend(name).url}"}}]}}\n' for name in NAMES)
    control, _, port = stage.both(ROUTES, services)
    return control, port


def test_find_route_by_path_and_method(gateway):
    _, port = gateway
    for method, path, service in [("GET", "/projects", "lists"), ("POST", "/projects", "lists"), ("PUT", "/projects/7", "one"), ("GET", "/projects/mine", "mine"),
                                  ("GET", "/files/a/b/c.txt", "files"), ("GET", "/files/", "files")]:
        answer = request(port, path, method)
        assert (answer.status, answer.json()["backend"]) == (200, service), f"{method} {path}"


def test_no_route_is_404_and_no_method_405_with_allow(gateway):
    _, port = gateway
    for path in ("/", "/project", "/projects/", "/projects/7/members", "/Projects"):
        assert get(port, path).status == 404, path
    answer = request(port, "/projects", "DELETE")
    assert answer.status == 405 and set(answer.headers["Allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "POST"}


def test_all_routes_are_listed(gateway):
    control, _ = gateway
    listed = control.ctl("get", "routes", check=0).stdout
    assert all(path in listed for path in ("/projects", "/projects/{id}", "/projects/mine", "/files/{name=**}"))


def test_reload_takes_up_new_routes_and_keeps_the_old_ones_when_they_are_wrong(gateway):
    control, port = gateway
    control.write(routes=ROUTES + "  - {path: /fresh, service: one}\n")
    wait_until(lambda: get(port, "/fresh").status == 200, "the new route")
    control.write(routes="routes: [{path: /fresh, service: nobody}]")
    wait_until(lambda: control.http("/ready").json()["status"] == "degraded", "the mistake to be seen")
    assert get(port, "/fresh").status == get(port, "/projects").status == 200


def test_explain_names_the_route_offline(tmp_path):
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / "services.yaml").write_text("services: {" + ", ".join(f"{name}: {{instances: []}}" for name in NAMES) + "}")
    done = ctl("explain", "--routes", tmp_path / "routes.yaml", "--services", tmp_path / "services.yaml", "GET", "/projects/7", "-o", "json")
    assert "/projects/{id}" in json.dumps(json.loads(done.stdout))
