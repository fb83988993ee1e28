"""The first chapter of README.md, typed by somebody whose Debian 12 has nothing on it: from the clone to a changed route that is live, and to a trace in a
real Jaeger. Packages and a build from nothing take minutes: only in tests/run.sh full."""
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from integration.test_quickstart import PORTS
from support.documents import Reader, chapter_of, commands_of, reason_of
from support.gateway import ROOT
from support.jaeger import Jaeger
from support.ports import is_free

OTLP, PAGES = 4317, 16686  # Jaeger's own, which README.md names

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600),
              pytest.mark.skipif(os.geteuid() != 0 or shutil.which("debootstrap") is None, reason="needs root and debootstrap"),
              pytest.mark.skipif(not all(map(is_free, (*PORTS, OTLP, PAGES))), reason="fixed ports of the quickstart or of Jaeger are taken on this machine")]


class Machine:
    """A Debian 12 with a repository to clone at /srv/gateway.git, and the network of this machine, where Jaeger listens."""

    def __init__(self, root):
        self.root = root
        subprocess.run([ROOT / "tests/support/debian_root.sh", root], check=True, timeout=600)
        subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, root / "srv/gateway.git"], check=True)

    def command(self, *words):
        return [ROOT / "tests/support/in_root.sh", self.root, *words]


@pytest.fixture
def machine():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gateway-newcomer-"))
    try:
        made = Machine(folder / "root")
        yield made
        subprocess.run(made.command("/root/gateway/deploy/quickstart.sh", "--stop"), timeout=60)
    finally:
        shutil.rmtree(folder)


def test_from_a_clone_to_a_changed_route_and_its_trace_in_jaeger(machine, stage):
    jaeger = Jaeger(stage.folder / "jaeger", OTLP, PAGES)
    stage.started.append(jaeger)
    said = {}
    with contextlib.closing(Reader(machine.command("bash"))) as newcomer:
        newcomer.type("cd")
        for block in chapter_of(ROOT / "README.md", "Start"):
            for command in commands_of(block) if reason_of(block) != "docker" else []:
                typed = dataclasses.replace(command, text=command.text.replace(" URL ", " /srv/gateway.git "))
                said.setdefault(command.text, []).append(newcomer.follow(typed))
    assert ["404", "200"] in [[answer.strip() for answer in answers] for answers in said.values()], "a route is not there, and then it is"
    assert "/hello" in (machine.root / "root/gateway/config/routes.yaml").read_text()
    trace_id, = re.findall(rf"http://127\.0\.0\.1:{PAGES}/trace/([0-9a-f]{{32}})\n", "".join(sum(said.values(), [])))
    request, attempt = sorted(jaeger.trace(trace_id, spans=2), key=lambda span: span.parent is not None)
    assert (request.service, request.name, request.tags["http.response.status_code"]) == ("gateway", "GET /demo", 200)
    assert attempt.parent == request.id and attempt.tags["span.kind"] == "client"
