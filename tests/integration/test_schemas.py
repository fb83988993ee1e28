"""config/schema: what editors are told of routes.yaml and services.yaml is what the parser does: key by key, and over hundreds of mutated files.

What a schema can't say (whether a name exists, what an address or a regular expression is, what two places say together) is in BEYOND, by the
parser's own sentences. Everything else is refused by both or by none; and what the parser takes, the schema takes.
"""
import concurrent.futures
import copy
import json
import os
import random
import re

import jsonschema
import pytest
import yaml

from support.gateway import ROOT, ctl

SCHEMA = {name: json.loads((ROOT / f"config/schema/{name}.schema.json").read_text()) for name in ("routes", "services")}
JUDGE = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMA.items()}
EXAMPLES = sorted(path.name for path in (ROOT / "config/examples").iterdir() if path.is_dir())
PARSER = sorted((ROOT / "controlplane/policy").glob("*.c"))

MUTATIONS = int(os.environ.get("GW_SCHEMA_MUTATIONS", "20"))  # of each example: more than 400 in all
SEED = os.environ.get("GW_SCHEMA_SEED", "")
PROCESSES = 2  # of gatewayctl at once

# The parser's sentences, {} for what it puts in.
BEYOND = {
    "a name must exist": [
        "service {}{}{}{} is not in services.yaml",
        "there is no service {}",
        "there is no provider {} in auth: jwt: providers",
        "there is no listener {} with tls",
        "{} includes {}, which is no role of this list",
        "{} is no variable of the path (which needs at most {}, with names of at most {} characters)",
        "{}: {{}} is no variable of the route's path",
    ],
    "the settings say": [
        "SERVICE_DISCOVERY_TYPE ({}) leaves {} out",
        "service {} needs instances: a list, which may be empty; or a source: SERVICE_DISCOVERY_TYPE ({}) names no registry",
        "{} is for services of that source; service {} is of {}",
    ],
    "two places disagree": [
        "{} matches the same requests as the route in line {}; give them different methods",
        "{} matches the same requests as the route in line {}: both have {}",
        "{} matches some of the same requests as the route in line {}: give one of them another condition, or one exact condition different values",
        "this instance stands here twice; the first is in line {}",
        "listener {} is in line {} already",
        "{}:{} is listened on by the listener in line {} already",
        "provider {} is there already",
        "two rules are called {}",
        "{} includes itself, by way of what it includes",
        "{}; {listener: NAME, port: PORT} is allowed, too",
        "the instances of {} have different host names; tls: {sni: NAME} says which one to ask for",
        "the services of a split have one base path; {} and {} differ",
        "the services of a split go by different hashes; say which by sticky",
        "the services of a split have different retries; say which by the route's retries",
        "the services of a split have different timeouts; say which by the route's timeouts",
        "{} and {} of identity are told by the same field",
        "{} is set here twice; what is there already is one of set, add and default",
        "all instances of a service have one scheme; line {} has {}://",
        "all instances of a service have one base path; line {} has \"{}\"",
        "regex says the whole path, but {} adds its base path {}; use prefix or path",
        "tls is for instances with https:// urls",
        "auto is what TLS agrees on, and needs https:// instances; http1 and h2 are allowed",
        "max is not less than base",
    ],
    "what a text says inside": [
        "url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api",
        "the base path of a url is a plain path in normal form, such as /api/v1",
        "address is numeric, such as 0.0.0.0, 127.0.0.1 or \"::\"",
        "{}: no range of addresses, such as 10.0.0.0/8 or 2001:db8::/32, or it has bits set behind its prefix",
        "sni is a host name; for an address leave it out, and write it under names if it differs",
        "host is HOST[:PORT]",
        "host is a name, perhaps with a port: inner.example:8080",
        "host is a name or an address; its port is said by port",
        "{} is not like example.com, \"*.example.com\", \"example.*\" or \"*\"; ports are not looked at",
        "{} is no name of a certificate; example.com, *.example.com, 10.0.0.7, spiffe://example.com/orders and spiffe://example.com/* are",
        "{} is no regular expression: {} at byte {}",
        "pattern is no regular expression: {} at byte {}",
        "substitution names a group that the pattern lacks",
        "{}: *, ** and {name} stand for whole segments; nothing else may be in theirs",
        "{}: a variable is {name} or {name=**}, its name letters, digits and _, a letter or _ first",
        "{}: it matches no path, since they all begin with /",
        "{}: no request can have this path, since paths are normalised first (to {}); write it that way",
        "{} can't be changed by a route: it {}",
        "{} has a meaning of its own; what the gateway tells needs another name",
        "the value of {}: %{}% is not supported; allowed are {}",
    ],
    "what takes arithmetic": [
        "{} takes more than a year to allow its burst again",
        "table_size is a prime number, such as 65537",
        "expect is a status from 100 to 599, a range such as 200-299, or a list of them",
    ],
}


def sentences():
    """What the parser and what it asks may say: texts of the sources, with {} for what is put in."""
    literal, found = r'"((?:[^"\\\n]|\\.)*)"', set()
    for path in [*PARSER, *(ROOT / "common/routing").glob("*.c"), *(ROOT / "common/model").glob("*.c")]:
        for several in re.finditer(rf"{literal}(?:\s*{literal})*", path.read_text()):
            text = "".join(re.findall(literal, several[0])).replace('\\"', '"')
            found.add(re.sub(r"%(%|[-.*0-9]*(?:ll|z)?[a-z])", lambda it: "%" if it[1] == "%" else "{}", text))
    return found


def pattern_of(sentence):
    return re.compile(".*".join(map(re.escape, sentence.split("{}"))), re.DOTALL)


BEYOND_PATTERNS = [pattern_of(sentence) for group in BEYOND.values() for sentence in group]


def is_beyond(mistake):
    return any(pattern.fullmatch(mistake) for pattern in BEYOND_PATTERNS)


class Loader(yaml.SafeLoader):
    """YAML 1.2's words, as editors read them."""


Loader.yaml_implicit_resolvers = {}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+\.[0-9]+$"), list("-+0123456789"))


class Dumper(yaml.SafeDumper):
    """The same for what is written."""


Dumper.yaml_implicit_resolvers = Loader.yaml_implicit_resolvers


def load(text):
    return yaml.load(text, Loader)


def complaints(name, document):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in JUDGE[name].iter_errors(document)]


def settings_of(example):
    settings = ROOT / "config/examples" / example / "settings.env"
    return ["--env-file", settings] if settings.exists() else []


def verdict(folder, texts, settings=()):
    """The parser's mistakes of each file: {"routes": [...], "services": [...]}"""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    done = ctl("validate", "--routes", folder / "routes.yaml", "--services", folder / "services.yaml", *settings, "-o", "json")
    found = {"routes": [], "services": []}
    for mistake in json.loads(done.stdout)["errors"]:
        found["services" if "services.yaml" in mistake["place"] else "routes"].append(mistake["message"])
    assert (done.returncode == 0) == (not found["routes"] and not found["services"]), done.stdout + done.stderr
    return found


# ---- key by key ----

# Some sections are read only beside others.
SIBLINGS = {"consul": {"source": "consul"}, "nacos": {"source": "nacos"}, "dns": {"source": "dns"}, "huawei": {"source": "huawei"},
            "hash": {"policy": "maglev"}, "rewrite": {"service": "x"}, "sticky": {"split": {"x": 1}}}
ANY_NAME = {"split": "x", "claims_to_headers": "x-a", "parameters": "id"}


def sections(root, schema, at=()):
    """(way, keys) of each mapping whose keys are listed; a way is of keys, and of 0 for an item of a list."""
    if "$ref" in schema:
        schema = {**root["$defs"][schema["$ref"].rsplit("/")[-1]], **{key: value for key, value in schema.items() if key != "$ref"}}
    for each in ("anyOf", "allOf", "oneOf"):
        for part in schema.get(each, []):
            yield from sections(root, part, at)
    if schema.get("additionalProperties") is False:
        yield at, set(schema["properties"])
        for key, value in schema["properties"].items():
            yield from sections(root, value, (*at, key))
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from sections(root, schema["additionalProperties"], (*at, ANY_NAME.get(at[-1] if at else "", "x")))
    if isinstance(schema.get("items"), dict):
        yield from sections(root, schema["items"], (*at, 0))


def document_with(way, inner):
    for step in reversed(way):
        inner = [inner] if step == 0 else {step: inner, **SIBLINGS.get(step, {})}
    return inner


# Keys that the parser knows only to say better than "has no key" why they can't be here; editors don't offer them.
REFUSED = {"deny": {"permissions"}, "global": {"scope"}, "the limit of a service": {"scope"}, "a limit": {"scope"}}
EMPTY = {"routes": {"routes": []}, "services": {"services": {}}}


def keys_told(name, way, folder):
    """What the parser says of a surplus key there: {(what, keys), …}"""
    documents = {**EMPTY, name: document_with(way, {"surplus": 1})}
    if name == "routes":
        documents["routes"].setdefault("routes", [])
    mistakes = verdict(folder, {of: json.dumps(document) for of, document in documents.items()})[name]
    told = [re.fullmatch(r"(.*) has no key surplus; allowed: (.*)", mistake) for mistake in mistakes]
    return {(it[1], frozenset(it[2].split(", "))) for it in told if it}


@pytest.mark.parametrize("name", SCHEMA)
def test_keys_are_the_parsers(name, tmp_path):
    seen, wrong = set(), []
    ways = {}
    for way, keys in sections(SCHEMA[name], SCHEMA[name]):
        ways.setdefault(way, []).append(keys)
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        told = pool.map(lambda it: keys_told(name, it[1], tmp_path / str(it[0])), enumerate(ways))
        for (way, of_schema), of_parser in zip(ways.items(), told):
            seen |= {what for what, _ in of_parser}
            missing = set.union(set(), *(REFUSED.get(what, set()) - set.union(*of_schema) for what, _ in of_parser))
            if {frozenset(keys) for keys in of_schema} != {keys - missing for _, keys in of_parser}:
                wrong.append(f"{'/'.join(map(str, way))}: the schema has {of_schema}, the parser {of_parser}")
    assert not wrong, "\n".join(wrong)
    # And there is no section of the parser that the schema never leads to.
    calls = re.findall(r'gw_reader_is_mapping\([^;"]*"([^"]*)", [a-z_]+keys\)', "".join(path.read_text() for path in PARSER))
    SEEN[name] = seen
    if SEEN.keys() == SCHEMA.keys():
        assert len(calls) > 40 and set(calls) <= set.union(*SEEN.values()), set(calls) - set.union(*SEEN.values())


SEEN = {}


# ---- mutated files ----


def places(document, at=()):
    """The way to each value of a document."""
    yield at
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*at, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*at, index))


SECTIONS = {name: list(sections(schema, schema)) for name, schema in SCHEMA.items()}
KEYS = {name: sorted(set.union(*(keys for _, keys in found))) for name, found in SECTIONS.items()}


def keys_at(name, at):
    """What the schema has for the mapping there."""
    names = {"x", *ANY_NAME.values()}
    found = [keys for way, keys in SECTIONS[name] if len(way) == len(at) and
             all(step == place or step in names or (step == 0 and isinstance(place, int)) for step, place in zip(way, at))]
    return sorted(set.union(set(), *found))


STRANGE = [None, True, False, 0, 1, -1, 7, 100, 500, 4294967296, 1.5, "", "x", "all", "off", "yes", "no", "30s", "0s", "500ms", "25h", "1h", "9000h",
           "64KiB", "17MiB", "*", "/a", "strict", "GET", "session", "jwt", "consul", "nacos", "dns", "huawei", "static", "grpc", "h2", "h;k", [], ["x"],
           [1, 2], [[]], {}, {"x": 1}, {"x": 0}, {"requests": 5}, {"header": "x-a"}, {"srv": "_x._tcp"}, {"tag": "a=b", "port": 80}]


def mutate(chance, name, document):
    """Another document, and what was done to it."""
    changed = copy.deepcopy(document)
    at = chance.choice([place for place in places(changed) if place])
    parent = changed
    for step in at[:-1]:
        parent = parent[step]
    how = chance.choice(["replace", "replace", "remove", "rename", "add", "add"])
    if how == "remove":
        del parent[at[-1]]
    elif how == "rename" and isinstance(parent, dict):
        parent[str(at[-1]) + chance.choice("sx_")] = parent.pop(at[-1])
    elif how == "add" and isinstance(parent[at[-1]], dict):
        key = chance.choice(chance.choice([KEYS[name], keys_at(name, at) or KEYS[name], ["surplus"]]))
        parent[at[-1]][key] = copy.deepcopy(chance.choice(STRANGE))
        at = (*at, key)
    elif how == "add" and isinstance(parent[at[-1]], list):
        parent[at[-1]].append(copy.deepcopy(chance.choice(STRANGE)))
    else:
        how, parent[at[-1]] = "replace", copy.deepcopy(chance.choice(STRANGE))
    return changed, f"{how} at {'/'.join(map(str, at))}"


def texts_of(example):
    folder = ROOT / "config/examples" / example
    return {name: (folder / f"{name}.yaml").read_text() for name in SCHEMA}


def test_schemas_are_schemas():
    for schema in SCHEMA.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_exceptions_are_sentences_of_the_parser():
    known = sentences()

    def is_known(sentence):
        return sentence in known or sentence.removesuffix("{}") in known or any(
            start.endswith("{}") and sentence.startswith(start[:-2]) and is_known(sentence[len(start) - 2:]) for start in known - {"{}"})

    assert [sentence for group in BEYOND.values() for sentence in group if not is_known(sentence)] == []


def test_editors_are_led_to_the_schemas():
    files = [*(ROOT / "config").glob("*.yaml"), *(ROOT / "config/examples").glob("*/*.yaml")]
    assert len(files) == 2 * len(EXAMPLES) + 2
    for path in files:
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", path.read_text().splitlines()[0])
        assert named and (path.parent / named[1]).resolve() == ROOT / f"config/schema/{path.stem}.schema.json", path


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_accepted(example):
    for name, text in texts_of(example).items():
        assert complaints(name, load(text)) == []


def judge(example, texts, name, document, what, folder):
    """What the two say differently, or None."""
    written = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    assert load(written) == document
    found, refused = verdict(folder, {**texts, name: written}, settings_of(example))[name], complaints(name, document)
    if not found and refused:
        return f"{name}: {what}: only the schema refuses: {refused[:2]}"
    surplus = [mistake for mistake in found if not is_beyond(mistake)]
    return f"{name}: {what}: only the parser refuses: {surplus[:2]}" if surplus and not refused else None


@pytest.mark.parametrize("example", EXAMPLES)
def test_mutated_files_are_judged_alike(example, tmp_path):
    assert len(EXAMPLES) * MUTATIONS >= 300
    chance, texts = random.Random(example + SEED), texts_of(example)
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        pending = []
        for turn in range(MUTATIONS):
            name = "services" if turn % 3 == 0 else "routes"
            document, what = mutate(chance, name, load(texts[name]))
            pending.append(pool.submit(judge, example, texts, name, document, what, tmp_path / str(turn)))
        wrong = [words for words in (each.result() for each in pending) if words]
    assert not wrong, "\n".join(wrong)
