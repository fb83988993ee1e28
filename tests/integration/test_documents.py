"""What README.md and docs/ tell their readers to type does what they say; and nothing is told to be typed that is not run, but for a reason."""
import re

import pytest

from integration.test_quickstart import PORTS
from support.documents import DOCUMENTS, PROGRAMS, REASONS, Network, Reader, blocks_of, commands_of, copy_tree, reason_of
from support.gateway import ROOT
from support.ports import is_free
from support.reference import tables, words

NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


@pytest.fixture(scope="module")
def network():
    made = Network()
    if not made.is_own and not all(map(is_free, PORTS)):
        pytest.skip("the quickstart's fixed ports are taken on this machine")
    yield made
    made.close()


def console_blocks(name):
    return [block for block in blocks_of((ROOT / name).read_text()) if block.info.startswith("console")]


@pytest.mark.parametrize("name", [name for name in NAMES if any(reason_of(block) is None for block in console_blocks(name))])
def test_what_a_document_says_to_type_does_what_it_says(name, tmp_path, network, release_build):
    copy_tree(tmp_path)
    reader = Reader.in_copy(tmp_path, network)
    try:
        if name != "README.md":
            said, exit_code = reader.type("deploy/quickstart.sh --detach")
            assert exit_code == 0, said
        for block in console_blocks(name):
            for command in commands_of(block) if reason_of(block) is None else []:
                reader.follow(command)
    finally:
        reader.type("cd " + str(tmp_path))
        reader.type("deploy/quickstart.sh --stop")
        reader.close()


@pytest.mark.parametrize("name", NAMES)
def test_commands_stand_in_blocks_that_are_run_or_say_why_not(name):
    for block in blocks_of((ROOT / name).read_text()):
        if block.info.startswith("console"):
            assert block.info == "console" or reason_of(block) in REASONS, f"{name}:{block.line}: {block.info}"
            assert commands_of(block), f"{name}:{block.line}: no command"
        else:
            typed = [line for line in block.lines if PROGRAMS.match(line)]
            assert not typed, f"{name}:{block.line}: to be typed, and in no console block: {typed}"


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert there.exists(), f"{name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, f"{name}: {target}"


def test_paths_that_are_named_exist():
    """In backquotes, with a folder of ours in front."""
    for path in DOCUMENTS:
        for named in re.findall(r"`((?:common|controlplane|dataplane|config|deploy|docs|proto|tests)/[\w./-]+)`", path.read_text()):
            assert (ROOT / named).exists(), f"{path.name}: {named}"


def test_every_measure_of_the_threat_model_has_its_place_and_its_proof():
    rows = [row for _, _, rows in tables(ROOT / "docs/threat-model.md") for row in rows]
    assert len(rows) > 25
    for row in rows:
        (place,), (proof, *tests) = words(row["where"]), words(row["proved by"])
        assert (ROOT / place).is_file() and (ROOT / proof).is_file(), row
        assert tests or proof.endswith(".c"), row
        for test in tests:
            assert f"def {test}(" in (ROOT / proof).read_text(), f"{proof}: {test}"
