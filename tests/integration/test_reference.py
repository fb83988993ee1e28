"""docs/reference says what the code says, all of it and nothing else: settings, flags, keys, answers, flags of responses, exit codes."""
import json
import re
import subprocess

import jsonschema
import pytest

from integration.test_schemas import load
from integration.test_why import details_in_the_source
from support import gateway
from support.gateway import ROOT, wait_until
from support.reference import (REFERENCE, Schema, cells, flags_of, settings_of, statuses_in_the_source, tables, type_words, words, words_of_why)

ANSWERS, COMMANDS, CONFIGURATION, SETTINGS = (REFERENCE / f"{name}.md" for name in ("answers", "commands", "configuration", "settings"))
SCHEMAS = {name: Schema(name) for name in ("routes", "services")}


def rows_of(path, first_column):
    return [row for _, _, rows in tables(path) for row in rows if first_column in row]


def program(name):
    return gateway.BUILD / "bin" / name


def help_of(name, *words):
    return subprocess.run([program(name), *words, "--help"], capture_output=True, text=True, check=True).stdout


# --- settings ---

def test_every_setting_is_told_with_its_default_and_what_is_allowed():
    told = {}
    for row in rows_of(SETTINGS, "setting"):
        (name,), default = words(row["setting"]), words(row["default"])
        assert name not in told, f"{name} is told twice"
        assert row["meaning"] not in ("", "–"), name
        told[name] = (default[0] if default else "", row["what is allowed"])
    assert told == settings_of(program("gateway-controlplane"))


# --- flags ---

def section(title):
    return [row for heading, _, rows in tables(COMMANDS) if heading == title for row in rows]


@pytest.mark.parametrize("name", ["gateway-controlplane", "gateway-dataplane"])
def test_every_flag_is_told_as_the_program_tells_it(name):
    told = {words(row["flag"])[0].removeprefix("--"): ("".join(words(row["value"])), row["meaning"]) for row in section(name)}
    assert told == {flag: (value, meaning.rstrip(",")) for flag, (value, meaning) in flags_of(help_of(name)).items()}


def test_every_flag_of_the_data_plane_comes_from_the_environment_variable_that_is_told():
    judged = 0
    for row in section("gateway-dataplane"):
        (flag,), (variable,), value = words(row["flag"]), words(row["environment"]), "".join(words(row["value"]))
        assert variable == "GATEWAY_" + flag.removeprefix("--").replace("-", "_").upper()
        if value.startswith("HOST:PORT") or value in ("N", "DURATION", "LEVEL", "FORMAT"):  # others take any text
            done = subprocess.run([program("gateway-dataplane")], env={variable: "no such"}, capture_output=True, text=True)
            assert done.returncode == 64 and flag in done.stderr, done.stderr
            judged += 1
    assert judged > 8


@pytest.mark.parametrize("name", ["gateway-controlplane", "gateway-dataplane"])
def test_every_flag_of_healthcheck_is_told(name):
    rows = [row for row in section("healthcheck") if row["program"] in ("both", f"`{name}`")]
    told = {words(row["flag"])[0].removeprefix("--"): ("".join(words(row["value"])), row["meaning"]) for row in rows}
    assert told == flags_of(help_of(name, "healthcheck"))


def test_every_verb_of_gatewayctl_is_told_with_its_options():
    everywhere, whole = set(flags_of(help_of("gatewayctl"))), {}
    verbs = re.findall(r"^  (\w[\w-]*) +(.*)$", help_of("gatewayctl"), re.M)
    verb_rows = [row for row in section("gatewayctl") if "verb" in row]
    assert [words(row["verb"])[0] for row in verb_rows] == [verb for verb, _ in verbs]
    for row, (verb, summary) in zip(verb_rows, verbs):
        text = help_of("gatewayctl", verb)
        own = {flag: said for flag, said in flags_of(text).items() if flag not in everywhere}
        whole |= own
        assert words(row["options"]) == [f"--{flag}" for flag in own], verb
        assert row["what it does"] == summary
        assert "".join(words(row["arguments"])) == re.match(r"Usage: gatewayctl [\w-]+ ?(.*?) ?\[OPTION\]", text)[1]
    told = {words(row["option"])[0]: ("".join(words(row["value"])), row["meaning"]) for row in section("gatewayctl") if "option" in row}
    assert told == {f"--{flag}": said for flag, said in whole.items()}
    shared = {words(row["flag"])[0]: ("".join(words(row["value"])), row["meaning"]) for row in section("gatewayctl") if "flag" in row}
    assert shared == {f"--{flag}": said for flag, said in flags_of(help_of("gatewayctl")).items() if flag != "help"}


# --- exit codes ---

def test_every_exit_code_is_told_for_the_programs_that_have_it():
    have = {"gateway-controlplane": "controlplane/server/options.h", "gateway-dataplane": "dataplane/server/options.h",
            "gatewayctl": "controlplane/ctl/ctl.h"}
    have = {name: set(re.findall(r"^#define GW_(?:CTL|EXIT)_[A-Z_]+ (\d+)\b(?!u)", (ROOT / path).read_text(), re.M)) - {"1001"} for name, path in have.items()}
    told = {name: set() for name in have}
    for row in rows_of(COMMANDS, "code"):
        for name in have if row["program"] == "all" else words(row["program"]):
            told[name].add(words(row["code"])[0])
    assert told == have


# --- keys ---

def key_tables():
    """(schema, path, {key: row}) of each place that a table of keys is for."""
    for heading, paragraph, rows in tables(CONFIGURATION):
        table = {words(row["key"])[0]: row for row in rows}
        assert len(table) == len(rows), heading
        places = re.findall(r"`([\w.]+)`(?: \(not ([^)]*)\))?", paragraph.partition("Of ")[2].split(". ")[0]) if paragraph.strip().startswith("Of `") else [("", "")]
        for path, left_out in places:
            schema = SCHEMAS["services" if path.startswith("services") or (path == "" and "services" in table) else "routes"]
            yield schema, path, {key: row for key, row in table.items() if key not in words(left_out)}


def test_every_key_is_told_where_it_may_stand_with_what_is_allowed():
    told = {}
    for schema, path, rows in key_tables():
        assert (schema, path) not in told, f"{path} is told twice"
        told[schema, path] = set(rows)
        for key, row in rows.items():
            assert row["what is allowed"] == type_words(schema, schema.keys[path].get(key, [])), f"{path}: {key}"
    assert told == {(schema, path): set(keys) for schema in SCHEMAS.values() for path, keys in schema.keys.items()}


def test_every_example_of_a_key_is_right():
    for schema, path, rows in key_tables():
        for key, row in rows.items():
            (example,) = words(row["example"])
            document = load(example)
            assert list(document) == [key]
            judges = [jsonschema.Draft202012Validator({**node, "$defs": schema.whole["$defs"]}) for node in schema.keys[path][key]]
            assert any(judge.is_valid(document[key]) for judge in judges), f"{path}: {example}"


SERVICE = {"instances": [{"url": "http://127.0.0.1:9"}]}
HTTPS = {"instances": [{"url": "https://127.0.0.1:9"}]}
# What a mapping needs beside the key whose default is written out.
BESIDE = {
    "routes": {"path": "/a", "service": "s"}, "routes.cors": {"origins": "https://a.example"}, "cors": {"origins": "https://a.example"},
    "routes.rules.allow": {"roles": "a"}, "routes.rules.deny": {"roles": "a"}, "routes.rate_limit": {"requests": 5}, "routes.rate_limits": {"requests": 5},
    "rate_limits.global": {"requests": 5}, "rate_limits.services": {"requests": 5}, "routes.redirect": {"host": "a.example"},
    "routes.match.headers": {"exact": "1"}, "routes.match.query": {"exact": "1"}, "routes.match.cookies": {"exact": "1"}, "routes.sticky": {"header": "a"}, "services": SERVICE, "services.instances": {"url": "http://127.0.0.1:9"},
    "services.load_balancing.hash": {"header": "a"}, "services.load_balancing.slow_start": {"window": "30s"}, "listeners": {"name": "gateway"},
    "services.outlier_detection.success_rate": {},
}
KEY_BESIDE = {
    ("services.load_balancing", "choices"): {"policy": "least_connections"}, ("services.load_balancing", "active_request_bias"): {"policy": "least_connections"},
    ("services.load_balancing", "ring_size"): {"policy": "ring_hash", "hash": "client_address"},
    ("services.load_balancing", "table_size"): {"policy": "maglev", "hash": "client_address"},
    ("routes", "require"): {"roles": "a"},
}
# Defaults that are words, depend on what stands beside the key, or need certificates, issuers or registries there: their own tests have them.
NOT_ALONE = {"listeners.tls", "listeners.tls.client_certificates", "auth.jwt.providers", "auth.jwt.providers.claims", "auth.api_keys", "auth.identity", "services.tls",
             "services.consul", "services.nacos", "services.huawei", "services.retries.backoff", "routes.retries.backoff"}
NOT_BY_VALUE = {
    ("routes", "timeout"), ("routes.timeouts", "request"), ("services.timeouts", "request"),  # one that is written bounds gRPC calls, too
    ("routes.timeouts", "stream_idle"), ("services.timeouts", "stream_idle"), ("routes", "max_request_body"),  # the listener's, written once
    ("listeners.http2", "stream_window"), ("listeners.http2", "connection_window"),  # settings in units, keys in bytes
    ("services", "source"), ("listeners", "forward_client_cert"),
}


def documents_with(path, own):
    """routes.yaml or services.yaml, whichever it is about, in which the mapping at `path` has `own` beside what it needs."""
    value = {**BESIDE.get("routes.rate_limit" if path.endswith(".plans") else path, {}), **own}
    parts = path.split(".")
    for depth in range(len(parts), 0, -1):
        here, key = ".".join(parts[:depth]), parts[depth - 1]
        above = ".".join(parts[:depth - 1])
        if here == "services":
            value = {"s": value}
        elif here in ("routes", "listeners", "routes.rate_limits", "services.instances"):
            value = [value]
        elif here.endswith(".plans") or here in ("rate_limits.services", "routes.match.headers", "routes.match.cookies", "routes.match.query"):
            value = {"s": value}
        elif here == "services.load_balancing.hash":
            value = {"policy": "ring_hash", "hash": value}
            parts[depth - 1] = "load_balancing"
            continue
        value = {**BESIDE.get(above, {}), key: value} if above else {key: value}
        if key in ("allow", "deny"):
            value = [{"allow": {"methods": "GET"}}, value]
        if key == "sticky":
            value = {"path": "/a", "split": {"s": 1, "t": 1}, "sticky": value["sticky"]}
        if key == "redirect":
            value = {"path": "/a", "redirect": value["redirect"]}
    if "services" in value:
        return {"services": {"services": {"s": SERVICE, "t": SERVICE} | value["services"]}}
    return {"routes": {"routes": [BESIDE["routes"]]} | value}


def written_defaults():
    """(path, key, default) of what is a value: written in backquotes, or the setting that is."""
    settings = settings_of(program("gateway-controlplane"))
    for _, path, rows in key_tables():
        for key, row in rows.items():
            if path in NOT_ALONE or (path, key) in NOT_BY_VALUE or not re.fullmatch(r"`[^`]+`", row["default"]):
                continue
            (default,) = words(row["default"])
            default = settings[default][0] if default in settings else default
            yield path, key, "5" if default == "requests" else rows[default]["default"].strip("`") if default in rows else default


def test_a_default_that_is_written_out_changes_nothing(stage):
    plain = documents_with("services", {})["services"] | documents_with("routes", {})["routes"]
    control = stage.control_plane(json.dumps({"routes": plain["routes"]}), json.dumps({"services": plain["services"]}),
                                  env={"HOST": "0.0.0.0", "PORT": "8000", "JWT_SECRET_KEY": 8 * "key "})

    def reads():
        return int(re.search(r"^gateway_controlplane_reloads_total (\d+)$", control.http("/metrics").text, re.M)[1])

    def version_of(document):
        before = reads()
        control.write(**{name: f"# {before}\n{json.dumps(content)}" for name, content in document.items()})
        wait_until(lambda: reads() > before, f"{document} to be read")
        state = control.http("/ready").json()
        return state["version"] if state["errors"] == 0 else control.log()[-300:]

    cases = list(written_defaults())
    assert len(cases) > 60
    wrong = []
    for path, key, default in sorted(cases, key=lambda case: case[0].startswith("services")):  # one file after the other
        beside = KEY_BESIDE.get((path, key), {})
        bare, written = (version_of(documents_with(path, beside | own)) for own in ({}, {key: load(default)}))
        if bare != written:
            wrong.append(f"{path}: {key} is not {default}: {written}")
    assert not wrong, "\n".join(wrong)


# --- answers ---

def test_every_response_flag_is_told_in_the_words_of_why():
    flags = re.findall(r"GW_FLAG_\w+ = 1u << \d+, +/\* (\w+)", (ROOT / "common/message/failure.h").read_text())
    (told,) = [{words(row["flag"])[0]: row["means"] for row in rows} for heading, _, rows in tables(ANSWERS) if heading == "Response flags"]
    assert list(told) and set(told) == set(flags)
    assert told == {flag: meaning for flag, (meaning, _) in words_of_why("flags_table").items()}


def test_every_detail_is_told_with_its_status_and_flag():
    told = {words(row["detail"])[0]: row for row in rows_of(ANSWERS, "detail")}
    assert {detail: (row["means"], row["moved by"].replace("–", "")) for detail, row in told.items()} == words_of_why("details_table")
    bad_http = {words(row["word"])[0]: (row["means"], row["moved by"].replace("–", "")) for row in rows_of(ANSWERS, "word")}
    assert bad_http == words_of_why("protocol_table")
    statuses = statuses_in_the_source()
    assert len(statuses) > 25
    for detail, pairs in statuses.items():
        if detail in bad_http:
            assert pairs == {("400", "DPE")}
            continue
        row = told[detail]
        assert {(status, "".join(words(row["flag"]))) for status in re.findall(r"\d+", row["status"])} == pairs, detail


def test_every_detail_of_the_source_is_told():
    told = {words(row["detail"])[0] for row in rows_of(ANSWERS, "detail")} | {words(row["word"])[0] for row in rows_of(ANSWERS, "word")}
    reasons = {words(row["reason"])[0] for row in rows_of(ANSWERS, "reason")}
    assert reasons == {word for word in re.findall(r'^    \{"(\w+)", append_\w+\},$', (ROOT / "controlplane/ctl/why_words.c").read_text(), re.M)}
    for detail in details_in_the_source():
        inner = re.fullmatch(r"upstream_reset_before_response_started\{(.*)\}", detail)
        if inner:
            reason, _, more = inner[1].partition(",")
            assert reason in reasons and (reason != "protocol_error" or more in told), detail
        else:
            assert detail in told, detail
    with_braces = re.findall(r'GW_STR\("(\w+\{\w+\})"\)', "".join(path.read_text() for path in (ROOT / "dataplane/filters").glob("*.c")))
    assert with_braces and set(with_braces) <= told


def test_every_status_that_our_code_answers_is_told():
    told = {status for row in rows_of(ANSWERS, "status") if "when" in row for status in re.findall(r"\d{3}", row["status"])}
    assert {status for pairs in statuses_in_the_source().values() for status, _ in pairs} <= told
    mapping = re.search(r"gw_status_to_grpc\(uint32_t status\) \{(.*?)\n\}", (ROOT / "common/message/status.c").read_text(), re.S)[1]
    names, waiting = {}, []
    for status, name in re.findall(r"case (\d+):(?:\s+return \d+; +/\* (\w+) \*/)?", mapping):
        waiting.append(status)
        if name:
            names |= dict.fromkeys(waiting, name)
            waiting = []
    assert names["429"] == "UNAVAILABLE" and names["401"] == "UNAUTHENTICATED"
    for row in rows_of(ANSWERS, "gRPC"):
        for status in re.findall(r"\d{3}", row["status"]):
            assert row["gRPC"].split(",")[0] == names.get(status, "UNKNOWN"), status


def test_tables_hold_what_they_are_read_for():
    assert cells("| `a\\|b` | c |") == ["`a|b`", "c"]
    assert {path.name for path in REFERENCE.glob("*.md")} == {"answers.md", "commands.md", "configuration.md", "settings.md"}
