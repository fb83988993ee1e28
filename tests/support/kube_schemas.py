"""The schemas of PyPI's kubernetes-validate, and of custom resources by their definitions, as kubeconform reads them without a network:
kube_schemas.py FOLDER [DEFINITION]..."""
import importlib.util
import json
import pathlib
import sys

import yaml

VERSION = "1.37"


def local(value):
    """References to the file beside it."""
    if isinstance(value, dict):
        return {key: inner.replace("/api/_definitions.json", "_definitions.json") if key == "$ref" and isinstance(inner, str) else local(inner)
                for key, inner in value.items()}
    return [local(inner) for inner in value] if isinstance(value, list) else value


def strict(value):
    """Unknown keys are mistakes, where the definition does not let them in."""
    if isinstance(value, dict):
        made = {key: strict(inner) for key, inner in value.items()}
        is_open = value.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in value
        return made if "properties" not in value or not isinstance(value["properties"], dict) or is_open else {**made, "additionalProperties": False}
    return [strict(inner) for inner in value] if isinstance(value, list) else value


def write_definition(file, target):
    definition = yaml.safe_load(file.read_text())["spec"]
    for version in definition["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        name = f"{definition['names']['kind'].lower()}-{definition['group'].split('.')[0]}-{version['name']}.json"
        (target / name).write_text(json.dumps(schema))


def main():
    package = pathlib.Path(importlib.util.find_spec("kubernetes_validate").origin).parent
    source, target = package / f"kubernetes-json-schema/v{VERSION}.0-local-strict", pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.json"):
        if file.name != "all.json":
            schema = json.loads(file.read_text())
            schema.pop("$id", None)
            (target / file.name).write_text(json.dumps(local(schema)))
    for name in sys.argv[2:]:
        write_definition(pathlib.Path(name), target)


if __name__ == "__main__":
    main()
