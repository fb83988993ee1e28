"""What docs/reference says, and what the code says: tables of Markdown, keys and types of the schemas, texts of the sources."""
import json
import os
import re
import subprocess

from support.gateway import ROOT

REFERENCE = ROOT / "docs/reference"
NAMED = {"text": "text", "bool": "true or false", "true": "`true`", "false": "`false`", "duration": "time", "day": "time up to 24h",
         "bytes": "bytes", "leeway": "whole seconds up to 1h", "per": "time from 1s on", "token": "name of a field", "role": "name",
         "held": "name or `*`", "method": "method", "field": "name of a field", "group": "name", "claim": "claim", "word": "text",
         "condition_text": "text"}


def tables(path):
    """Every table of a document: (the heading above it, the paragraph above it, [{column: cell}])."""
    heading, paragraph, found = "", [], []
    lines = path.read_text().splitlines() + [""]
    for number, line in enumerate(lines):
        if line.startswith("#"):
            heading, paragraph = line.lstrip("# "), []
        elif re.fullmatch(r"[-|: ]+", line) and "|" in line:
            columns = cells(lines[number - 1])
            rows = []
            for row in lines[number + 1:]:
                if not row.startswith("|"):
                    break
                assert len(cells(row)) == len(columns), f"{path.name}: {row}"
                rows.append(dict(zip(columns, cells(row))))
            found.append((heading, "\n".join(paragraph), rows))
            paragraph = []
        elif not line.startswith("|"):
            paragraph.append(line)
    return found


def cells(row):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def words(cell):
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


# --- keys of the files ---

class Schema:
    """The keys of a file's schema: keys["routes.retries"]["attempts"] is a list of the nodes that say what its value may be."""

    def __init__(self, name):
        self.whole = json.loads((ROOT / f"config/schema/{name}.schema.json").read_text())
        self.keys = {}
        self._walk(self.whole, "")

    def _target(self, node):
        return self.whole["$defs"][node["$ref"].rsplit("/", 1)[1]]

    def _walk(self, node, path):
        if "$ref" in node:
            self._walk(self._target(node), path)
        for several in ("anyOf", "allOf", "oneOf"):
            for each in node.get(several, []):
                self._walk(each, path)
        for inner in (node.get("items"), node.get("additionalProperties")):  # a list, or a mapping whose names are free
            if isinstance(inner, dict):
                self._walk(inner, path)
        for key, value in node.get("properties", {}).items():
            nodes = self.keys.setdefault(path, {}).setdefault(key, [])
            if value not in nodes:
                nodes.append(value)
                self._walk(value, f"{path}.{key}".lstrip("."))

    def types(self, node):
        """What a value may be, each way in words. Nodes that only narrow another one (required, not) say nothing of their own."""
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            return [NAMED[name]] if name in NAMED else self.types(self._target(node))
        if "KiB" in node.get("description", ""):
            return ["bytes " + node["description"].partition(":")[0]]
        if "enum" in node or "const" in node:
            values = [value for value in node.get("enum", [node.get("const")]) if not isinstance(value, float)]
            return [" · ".join(f"`{json.dumps(value) if isinstance(value, bool) else value}`" for value in values)]
        if "type" in node:
            return self._plain(node)
        return [words for several in ("anyOf", "allOf", "oneOf") for each in node.get(several, []) for words in self.types(each)]

    def _plain(self, node):
        kind = node["type"]
        if kind == "null" or node.get("pattern", "").startswith("^0*"):  # a number in quotes
            return []
        if kind == "integer":
            return [f"number {node.get('minimum', 0)} to {node['maximum']}"]
        if kind == "array":
            return [f"list of {' or '.join(self.types(node['items']))}"]
        if kind == "object":
            return ["keys" if "properties" in node else "names with values"]
        return ["number" if kind == "number" else "true or false" if kind == "boolean" else "text"]


def type_words(schema, nodes):
    found = [words for node in nodes for words in schema.types(node)]
    plain = [word for i, word in enumerate(found) if word not in found[:i]]
    if "text" in plain:
        plain = [word for word in plain if word not in ("number", "true or false")]
    lists = [word for word in plain if word.startswith("list of ")]
    others = [word for word in plain if word not in lists]
    if lists and set(lists[0].removeprefix("list of ").split(" or ")) <= {part for word in others for part in word.split(" or ")}:
        lists = ["or a list"]
    return ", ".join(others + lists).replace(", or a list", " or a list")


# --- settings ---

def settings_of(program):
    """{name: (default, what is allowed)}, as the program tells: it is given a value that nothing can be, and complains."""
    bare = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    shown = subprocess.run([program, "--print-settings"], capture_output=True, text=True, check=True, env=bare, cwd="/").stdout
    found = dict(re.findall(r"^(\w+)=(.*)  \(default\)$", shown, re.M))
    bad = {name: "no such\x01" for name in found}
    bad |= {"ENVIRONMENT": "none such"}
    complaints = subprocess.run([program, "--print-settings"], capture_output=True, text=True, env=bare | bad, cwd="/").stderr
    allowed = {name: words.removeprefix("no such\x01 is no source; ")
               for name, words in re.findall(r"^environment \w+: (\w+): (.*?),? (?:is|are) allowed", complaints, re.M)}
    flags = [f"--set={name}=x" for name in found if name not in allowed]
    refused = subprocess.run([program, "--print-settings", *flags], capture_output=True, text=True, env=bare, cwd="/").stderr
    secret = set(re.findall(r"^flag \w+: (\w+) is a secret", refused, re.M))
    return {name: (default, "a secret" if name in secret else allowed.get(name, "any text")) for name, default in found.items()}


# --- programs ---

def flags_of(help_text):
    """{flag: (what stands for its value, what is said of it)}"""
    found, last = {}, None
    for line in help_text.splitlines():
        entry = re.fullmatch(r"  (?:-\w, )?--([\w-]+)(?: ([A-Z][^ ]*))?  +(.*)", line) or re.fullmatch(r"  (?:-\w, )?--([\w-]+)(?: ([A-Z][^ ]*))? (.*)", line)
        if entry and not line.startswith("  --version"):
            last = entry[1]
            found[last] = (entry[2] or "", entry[3].strip())
    return found


# --- answers ---

WHY = ROOT / "controlplane/ctl/why_words.c"


def words_of_why(table):
    """The rows of a table of what gatewayctl why says: {word: (meaning, limit or "")}"""
    text = WHY.read_text()
    limits = {name: value for name, value in re.findall(r'#define (LIMIT_\w+) "(.*)"', text)} | {"NULL": ""}
    body = re.search(rf"{table}\[\] = \{{(.*?)\n\}};", text, re.S)[1]
    rows = re.findall(r'\{"([^"]+)",\s*"((?:[^"\\]|\\.)+)"(?:,\s*(?:"([^"]*)"|(\w+)))?\}', body)
    assert len(rows) == body.count('{"')
    return {word: (meaning.replace('\\"', '"'), limit or limits[name or "NULL"]) for word, meaning, limit, name in rows}


def statuses_in_the_source():
    """{detail: {(status, flag)}} of the failures that stand in the data plane's source with both; flag "" where it has none."""
    text = "\n".join(path.read_text() for folder in ("dataplane", "common/routing") for path in sorted((ROOT / folder).rglob("*.c")))
    names = dict(re.findall(r"GW_FLAG_(\w+) = 1u << \d+, +/\* (\w+)", (ROOT / "common/message/failure.h").read_text()))
    found = {}

    def note(status, flag, detail):
        found.setdefault(detail, set()).add((status, names[flag] if flag else ""))

    for body in re.findall(r"struct gw_failure(?:\)| failure = )\{((?:[^{}]|\{[^{}]*\})*)\}", text):
        status, flag = re.search(r"\.status = ([^,]*),", body), re.search(r"\.flag = GW_FLAG_(\w+)", body)
        for detail in re.findall(r'GW_STR\("([^"]+)"\)', " ".join(re.findall(r"\.detail = [^,]*", body))):
            for number in re.findall(r"\d+", status[1]) if status else []:
                note(number, flag[1] if flag else "", detail)
    for status, flag, detail in re.findall(r'fail\(stream, (\d+), GW_FLAG_(\w+), "(\w+)"', text):
        note(status, flag, detail)
    for status, detail in re.findall(r'answer\(ret_answer, (\d+), "(\w+)"', text):
        note(status, "", detail)
    return found
