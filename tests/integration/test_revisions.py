"""Configurations as revisions: apply, history, diff, rollback; files as revisions; what a start finds in the store."""
import json
import re

import pytest
from support.gateway import ctl, get, wait_until
from support.revisions import API, Author, routes, services


@pytest.fixture
def backend(stage):
    return stage.backend()


def control_plane(stage, backend, tmp_path, env=API, **kw):
    made = stage.control_plane(routes("/a"), services(backend), env=env, **kw)
    made.wait_for_ports()
    return made, Author(made, tmp_path / "author")


def test_empty_store_begins_with_the_files(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    history = author.history()
    assert (history["current"], history["config_source"]) == (1, "api")
    assert [(r["number"], r["author"]) for r in history["revisions"]] == [(1, "files")]


def test_applied_routes_are_live_and_in_the_history(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    done = author.apply(routes("/a", "/b"), None, "--message", "the shop needs b", check=0)
    assert "revision 2 is in force" in done.stdout and "every node runs it: 1" in done.stdout
    assert get(port, "/b").status == 200  # the verdict was about this
    newest = author.history()["revisions"][0]
    assert (newest["number"], newest["message"], len(newest["hash"])) == (2, "the shop needs b", 64)
    assert "(by token)" in newest["author"]
    status = author.status()
    assert (status["revision"], status["config_source"], status["errors"]) == (2, "api", [])


def test_files_beside_it_change_nothing(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    control.write(routes=routes("/other"))
    author.apply(routes("/a", "/b"), None, check=0)
    assert author.numbers() == [2, 1]
    assert "/other" not in control.ctl("get", "routes", check=0).stdout


def test_mistakes_are_all_told_with_their_places_and_change_nothing(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    done = author.apply("routes:\n  - {path: a, service: backend}\n  - {path: /b, service: nobody}\n", None, check=65)
    assert re.search(r"routes-1\.yaml:2:\d+: ", done.stdout) and re.search(r"routes-1\.yaml:3:\d+: ", done.stdout)
    assert author.numbers() == [1]


def test_same_again_is_no_new_revision(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    author.apply(routes("/a", "/b"), None, check=0)
    assert "nothing has changed since revision 2" in author.apply(routes("/a", "/b"), None, check=0).stdout
    assert author.numbers() == [2, 1]


def test_dry_run_says_what_would_come_of_it(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    assert "valid" in author.apply(routes("/x"), None, "--dry-run", check=0).stdout
    author.apply("routes: 7\n", None, "--dry-run", check=65)
    assert author.numbers() == [1]


def test_if_revision_keeps_two_from_overwriting_each_other(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    author.apply(routes("/b"), None, "--if-revision", "1", check=0)
    late = author.apply(routes("/c"), None, "--if-revision", "1", check=70)
    assert "the newest revision is 2, not 1" in late.stderr
    assert author.numbers() == [2, 1]


def test_only_services_are_given_and_routes_stay(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    other = stage.backend("other")
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    author.apply(None, services(other), check=0)
    wait_until(lambda: b"other" in get(port, "/a").body, "the other instance")


def test_with_files_as_the_source_apply_and_rollback_are_refused(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path, env={})
    wait_until(lambda: author.numbers() == [1], "the files as revision 1")
    for done in (author.apply(routes("/b"), None, check=64), control.ctl("rollback", "1", check=64)):
        assert "GATEWAY_CONFIG_SOURCE is files" in done.stderr
    author.apply(routes("/b"), None, "--dry-run", check=0)


def test_accepted_changes_of_files_are_revisions(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path, env={})
    control.write(routes=routes("/a", "/b"))
    wait_until(lambda: author.numbers()[:1] == [2], "revision 2")
    control.write(routes="routes: 7\n")
    wait_until(lambda: author.status()["errors"], "the mistake")
    control.write(routes=routes("/a", "/b", "/c"))
    wait_until(lambda: author.numbers()[:1] == [3], "revision 3")
    assert author.history()["current"] == 3
    assert [r["author"] for r in author.history()["revisions"]] == ["files"] * 3


def test_rollback_is_a_new_revision_with_the_old_texts(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    data = stage.data_plane(control.xds())
    port = data.wait_until_ready()
    author.apply(routes("/b"), None, check=0)
    assert get(port, "/a").status == 404
    control.ctl("rollback", "1", "--message", "b was no good", check=0)
    assert get(port, "/a").status == 200 and get(port, "/b").status == 404
    newest, _, first = author.history()["revisions"]
    assert (newest["number"], newest["rollback_to"], newest["hash"]) == (3, 1, first["hash"])
    assert "rollback to 1: b was no good" in control.ctl("history", check=0).stdout
    assert "there is no such revision" in control.ctl("rollback", "9", check=66).stderr
    control.ctl("rollback", "none", check=64)


def test_diff_is_unified(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    author.apply(routes("/a", "/b"), None, check=0)
    out = control.ctl("diff", "1", "2", check=0).stdout
    assert "+  - {path: /b, service: backend}" in out and "\n@@ -1,2 +1,3 @@\n" in out and "no protection is loosened" in out
    assert json.loads(control.ctl("diff", "1", "-o", "json", check=0).stdout)["to"]["number"] == 2
    assert "are the same" in control.ctl("diff", "1", "1", check=0).stdout


def test_loosening_is_named_and_refused_unless_allowed(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path, env={**API, "JWT_SECRET_KEY": "0123456789abcdef0123456789abcdef"})
    author.apply(routes("/a", extra=", auth_required: true"), None, check=0)
    done = author.apply(routes("/a"), None, check=79)
    assert "authentication" in done.stdout and "routes-2.yaml:2:" in done.stdout and "--allow-loosening" in done.stdout
    assert author.numbers() == [2, 1]
    author.apply(routes("/a"), None, "--allow-loosening", check=0)
    assert "authentication" in control.ctl("diff", "2", "3", check=0).stdout
    assert "no protection is loosened" in control.ctl("diff", "1", "2", check=0).stdout


def restart(stage, control, backend, env):
    """The same store and files, once more."""
    control.stop()
    again = type(control)(control.folder, control.routes_path.read_text(), control.services_path.read_text(), env=env, name="again")
    stage.started.append(again)
    return again


def test_start_serves_the_newest_revision(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    author.apply(routes("/a", "/b"), None, check=0)
    again = restart(stage, control, backend, API)
    author = Author(again, tmp_path / "again")
    assert author.history()["current"] == 2 and author.status()["errors"] == []
    assert "/b" in again.ctl("get", "routes", check=0).stdout


def test_start_with_bad_files_serves_the_last_good_revision_and_says_so(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path, env={})
    wait_until(lambda: author.numbers() == [1], "revision 1")
    control.routes_path.write_text("routes: 7\n")
    again = restart(stage, control, backend, {})
    author = Author(again, tmp_path / "again")
    status = author.status()
    assert status["revision"] == 1
    assert any("routes.yaml" in error for error in status["errors"]) and any("revision 1" in error for error in status["errors"])
    assert again.http("/ready").json()["status"] == "degraded"
    again.write(routes=routes("/fixed"))
    wait_until(lambda: author.status()["errors"] == [] and author.history()["current"] == 2, "the repaired files")


def test_start_with_bad_files_and_an_empty_store_is_65(stage, backend, tmp_path):
    control = stage.control_plane("routes: 7\n", services(backend))
    control.expected_code = 65
    assert control.wait() == 65
    assert "routes.yaml:1:" in control.log()


def test_start_without_files_waits_for_the_first_revision(stage, backend, tmp_path):
    control = stage.control_plane("routes: 7\n", services(backend), env=API)
    author = Author(control, tmp_path / "author")
    assert any("gatewayctl apply" in error for error in author.status()["errors"])
    data = stage.data_plane(control.xds())
    author.apply(routes("/a"), services(backend), check=0)
    assert get(data.wait_until_ready(), "/a").status == 200
    assert author.status()["errors"] == []


def test_ten_thousand_routes_are_a_revision(stage, backend, tmp_path):
    control, author = control_plane(stage, backend, tmp_path)
    text = routes(*(f"/tenants/{i:05}/projects/*/environments/*/resources/of/this/tenant" for i in range(10000)))
    assert len(text) > 1048576 - 200000
    author.apply(text, None, "--no-wait", check=0)
    assert len(json.loads(control.ctl("get", "routes", "-o", "json", check=0).stdout)["routes"]) == 10000
    author.apply(routes("/a"), None, "--no-wait", check=0)
    control.ctl("rollback", "2", "--no-wait", check=0)
    assert author.history()["revisions"][0]["routes_bytes"] == len(text)


def test_control_plane_that_is_not_there_is_69(tmp_path):
    (tmp_path / "routes.yaml").write_text(routes("/a"))
    ctl("--admin", "127.0.0.1:1", "--token-file", "/dev/null", "apply", "-f", tmp_path / "nothing.yaml", check=65)
    (tmp_path / "token").write_text("x" * 64)
    (tmp_path / "token").chmod(0o600)
    ctl("--admin", "127.0.0.1:1", "--token-file", tmp_path / "token", "apply", "-f", tmp_path / "routes.yaml", check=69)
