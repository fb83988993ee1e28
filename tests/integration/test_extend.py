"""docs/extend.md: its steps fit the tree, and what they make builds and does what the page says."""
import os
import re
import shutil
import subprocess

import pytest

from support import gateway
from support.documents import blocks_of, copy_tree
from support.gateway import ROOT, get

STEPS = [block for block in blocks_of((ROOT / "docs/extend.md").read_text()) if " " in block.info]


def apply(block, root):
    """A new file, or lines that are added and taken out beside those that are there."""
    kind, name = block.info.split()
    path = root / name
    if kind != "diff":
        assert not path.exists(), f"{name} is there already"
        path.write_text("\n".join(block.lines) + "\n")
        return
    before = "".join(line[1:] + "\n" for line in block.lines if line[0] in " -")
    after = "".join(line[1:] + "\n" for line in block.lines if line[0] in " +")
    text = path.read_text()
    assert text.count(before) == 1, f"docs/extend.md:{block.line}: these lines are {text.count(before)} times in {name}:\n{before}"
    path.write_text(text.replace(before, after))


def test_steps_fit_the_tree(tmp_path):
    assert len(STEPS) > 15
    for name in {block.info.split()[1] for block in STEPS}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path / name)
    for block in STEPS:
        apply(block, tmp_path)
    kinds = re.search(r"enum gw_filter_kind \{(.*?)\};", (tmp_path / "common/model/filter.h").read_text(), re.S)[1]
    assert re.search(rf"#define GW_FILTER_KIND_COUNT {len(re.findall(r'^  GW_FILTER_', kinds, re.M))}$", (tmp_path / "common/model/filter.h").read_text(), re.M)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_what_the_steps_make_builds_and_works(stage, tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    tree.mkdir()
    copy_tree(tree)
    for block in STEPS:
        apply(block, tree)
    for command in (["cmake", "--preset", "debug", "-DGW_TESTS=OFF"],
                    ["cmake", "--build", "build-debug", "--parallel", os.environ.get("GW_BUILD_JOBS", "2"), "--target", "gateway-controlplane", "gateway-dataplane", "gatewayctl"]):
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    monkeypatch.setattr(gateway, "BUILD", tree / "build-debug")
    backends = [stage.backend(name) for name in ("first", "second")]
    addresses = sorted((f"127.0.0.1:{backend.port}" for backend in backends))
    control = stage.control_plane("routes:\n  - {path: /a, service: s}\n",
                                  f"services:\n  s:\n    source: list\n    list: {{addresses: {addresses}}}\n    load_balancing: random\n",
                                  env={"SERVICE_DISCOVERY_TYPE": "static,list", "GATEWAY_SERVED_BY": "edge"})
    port = stage.data_plane(control.xds()).wait_until_ready()
    answers = [get(port, "/a") for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["x-served-by"] for answer in answers} == {"edge"}
    assert len({answer.json()["backend"] for answer in answers}) == 1, "one instance gets all of it"
    assert "list" in control.ctl("services", "list", check=0).stdout
