"""The table of log fields in dataplane/README.md is the code's: field by field, format by format, operator by operator."""
import re

from support.gateway import ROOT

README = (ROOT / "dataplane/README.md").read_text().split("## The access log", 1)[1].split("\n## ", 1)[0]
TRANSLATION = (ROOT / "controlplane/policy/translate_access_log.c").read_text()
OPERATORS = (ROOT / "dataplane/pipeline/access_log_plan.c").read_text()


def test_the_table_lists_the_fields_in_their_order():
    fields = re.findall(r'FIELD\("(\w+)", "([^"]+)"\)', TRANSLATION)
    assert len(fields) > 20
    type_field = re.search(r'type_field = \{\{"(\w+)", \d+\}, \{"([^"]+)"', TRANSLATION).groups()
    rows = re.findall(r"^\| `([\w.]+)` \| `([^`]+)` \| [^|]*\|$", README, re.M)
    assert rows[:-2] == [*fields, type_field]
    assert rows[-2:] == [("request_headers.NAME", "%REQ(NAME)%"), ("response_headers.NAME", "%RESP(NAME)%")]


def test_every_operator_is_named():
    words = re.findall(r'^    \{"([^"]+)", GW_ACCESS_LOG_\w+\},$', OPERATORS, re.M)
    assert len(words) > 30
    paths = {word for word in words if word[:2] in ("WQ", "NQ")}
    for word in set(words) - paths:
        forms = (f"%{word}%", f"%DYNAMIC_METADATA({word})%", f"`{word.upper()}`", f"%REQ({word.upper()})%")
        assert any(form in README for form in forms), word
    assert paths == {f"{word}{rest}" for word in ("WQ", "NQ") for rest in ("", ":PATH", ":ORIG", ":ORIG_OR_PATH")}


def test_what_is_always_hidden_is_named():
    names = re.search(r"bool gw_header_is_credential.*?\n}", (ROOT / "common/message/headers.c").read_text(), re.S)[0]
    found = {name.replace("_", "-").lower() for name in re.findall(r"id == GW_HEADER_(\w+)", names)} | set(re.findall(r'GW_STR\("([^"]+)"\)', names))
    assert len(found) > 5 and all(f"`{name.title()}`" in README for name in found), found
