"""config/schema: what editors are told of routes.yaml and services.yaml is what the parser does, over hundreds of mutated files.

What a schema can't say (whether a name exists, what an address or a regular expression is, what two places say together) is in BEYOND, by the
parser's words. Everything else is refused by both or by none; and what the parser takes, the schema takes.
"""
import copy
import json
import random
import re

import jsonschema
import pytest
import yaml

from support.gateway import ROOT, ctl

SCHEMA = {name: json.loads((ROOT / f"config/schema/{name}.schema.json").read_text()) for name in ("routes", "services")}
JUDGE = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMA.items()}
EXAMPLES = sorted(path.name for path in (ROOT / "config/examples").iterdir() if path.is_dir())

MUTATIONS = 24  # of each example: more than 400 in all

# Name → the parser's words.
BEYOND = {
    "a name must exist": r"is not in services\.yaml|there is no (service|provider|listener)|no variable of the path|which is no role of this list|"
                         r"names .* of which there is none",
    "two places disagree": r"matches (the same|some of the same) requests|stands here twice|is in line \d+ already|listened on by|"
                           r"there (is|are) (already|several)|two rules are called|includes itself|have (one|different)|differ|told by the same field|"
                           r"at most \d+ node groups|max is not less than base|one scheme|one base path|is set here twice",
    "what a text says inside": r"no path of a claim|is no claim|no range of addresses|address is numeric|regex |pattern |substitution |"
                               r"url is http|base path of a url|is no name of a (certificate|field)|stand for whole segments|a variable is|"
                               r"a path begins|no request can have this path|is not like example\.com|host is |no name of a certificate|prime number|"
                               r"can't be changed by a route|the value of |has a meaning of its own|needs another name|no query, no space|is no http|"
                               r"sni is a host name|is a path such as|the host is matched by hosts|the name of a parameter|"
                               r"can't stand in|not the name of a header|a variable may|whole seconds|service's name|no more than|last segment",
    "how large it is": r"at most a year|at most 24h|up to 16MiB|from 0 to 16MiB|takes more than a year|per is at least 1s|is a number of bytes",
    "what else is written": r"needs? https://|tls is for instances|needs tls with|with protocol: h2|auto is what TLS|needs a weight|allows anything|"
                            r"auth_required: false|providers are of jwt|HS256|a secret is for|secret_file|prefix is for path|alpn has h2|this listener has tls|"
                            r"route's (retries|timeouts)|invert is for headers|go by different hashes|cannot be read|cannot be used|no such file|"
                            r"makes 1 to|is for limits of a route|adds its base path|\(or it would lead back|no key|the path of a cookie",
}


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


def verdict(folder, routes, services):
    """The parser's mistakes of each file: {"routes": [...], "services": [...]}"""
    for name, text in (("routes", routes), ("services", services)):
        (folder / f"{name}.yaml").write_text(text)
    done = ctl("validate", "--routes", folder / "routes.yaml", "--services", folder / "services.yaml", "-o", "json")
    told = json.loads(done.stdout)
    found = {"routes": [], "services": []}
    for mistake in told.get("errors", told.get("mistakes", [])):
        text = mistake if isinstance(mistake, str) else f"{mistake['place']}: {mistake['message']}"
        found["services" if "services.yaml" in text.split(": ")[0] else "routes"].append(text)
    assert (done.returncode == 0) == (not found["routes"] and not found["services"]), done.stdout + done.stderr
    return found


def places(document, at=()):
    """The way to each value of a document."""
    yield at
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*at, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*at, index))


STRANGE = [None, True, False, 0, 1, -1, 7, 100, 500, 4294967296, 1.5, "", "x", "all", "off", "30s", "0s", "64KiB", "*", "/a", "strict", "GET", [], ["x"],
           [1, 2], [[]], {}, {"x": 1}, {"requests": 5}, {"header": "x-a"}]


def mutate(chance, document):
    """Another document, and what was done to it."""
    changed = copy.deepcopy(document)
    at = chance.choice([place for place in places(changed) if place])
    parent = changed
    for step in at[:-1]:
        parent = parent[step]
    how = chance.choice(["replace", "replace", "replace", "remove", "rename", "add"])
    if how == "remove":
        del parent[at[-1]]
    elif how == "rename" and isinstance(parent, dict):
        parent[str(at[-1]) + chance.choice("sx_")] = parent.pop(at[-1])
    elif how == "add" and isinstance(parent[at[-1]], dict):
        parent[at[-1]][chance.choice(["surplus", "name", "timeout", "hash", "key", "methods"])] = chance.choice(STRANGE)
    elif how == "add" and isinstance(parent[at[-1]], list):
        parent[at[-1]].append(chance.choice(STRANGE))
    else:
        how, parent[at[-1]] = "replace", copy.deepcopy(chance.choice(STRANGE))
    return changed, f"{how} at {'/'.join(map(str, at))}"


def texts_of(example):
    folder = ROOT / "config/examples" / example
    return {name: (folder / f"{name}.yaml").read_text() for name in SCHEMA}


def test_schemas_are_schemas():
    for schema in SCHEMA.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_accepted(example):
    for name, text in texts_of(example).items():
        assert complaints(name, load(text)) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_mutated_files_are_judged_alike(example, tmp_path):
    chance, texts, wrong, judged = random.Random(example), texts_of(example), [], 0
    for turn in range(MUTATIONS):
        name = "services" if turn % 3 == 0 else "routes"
        document, what = mutate(chance, load(texts[name]))
        written = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True)
        assert load(written) == document
        found = verdict(tmp_path, **{**texts, name: written})[name]
        refused = complaints(name, document)
        beyond = [mistake for mistake in found if any(re.search(words, mistake) for words in BEYOND.values())]
        judged += 1
        if not found and refused:
            wrong.append(f"{what}: only the schema refuses: {refused[:2]}")
        elif len(found) > len(beyond) and not refused:
            wrong.append(f"{what}: only the parser refuses: {[mistake for mistake in found if mistake not in beyond][:2]}")
    assert judged == MUTATIONS and not wrong, "\n".join(wrong)
