"""Write deploy/schemas: what the engines' own definitions say of the fields that our objects use.

    python tools/engine_schemas.py KEDA-2.20.1 keda.sh_scaledobjects.yaml CloudNativePG-1.30.0 postgresql.cnpg.io_*.yaml

The files are the CustomResourceDefinitions that each engine publishes in its repository under config/crd/bases, at the
tag of that version; both projects are under the Apache License 2.0. Types, bounds, patterns, required and permitted
values are kept as they are, words left out, and fields that no object of ours has: using a new one means running this
again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "deploy" / "schemas"
SAID = ("type", "enum", "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")

Json = dict[str, Any]


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    SCHEMAS.mkdir(exist_ok=True)
    version = ""
    for argument in arguments:
        if not argument.endswith(".yaml"):
            version = argument
            continue
        [definition] = [it for it in yaml.safe_load_all(Path(argument).read_text()) if it]
        write(definition["spec"], version)
    return 0


def write(definition: Json, engine: str) -> None:
    kind = definition["names"]["kind"]
    for version in definition["versions"]:
        api = f"{definition['group']}/{version['name']}"
        used = [it for it in objects() if (it["apiVersion"], it["kind"]) == (api, kind)]
        if not used:
            continue
        schema = narrowed(version["schema"]["openAPIV3Schema"], used)
        schema["properties"]["metadata"] = {"type": "object"}
        told = {"title": f"{api} {kind}", "description": f"of {engine}, written by tools/engine_schemas.py"}
        path = SCHEMAS / f"{kind.lower()}.json"
        path.write_text(json.dumps(told | schema, indent=1, sort_keys=False) + "\n")
        print(f"{path.relative_to(ROOT)}: {api} of {engine}")


def objects() -> Iterator[Json]:
    """Everything that we have applied, and what the example's patches add."""
    for path in sorted((ROOT / "deploy" / "k8s").glob("**/*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] != "Kustomization":
                yield document
                continue
            for patch in document.get("patches", ()):
                if patch["target"]["kind"] == "Cluster":
                    yield added(yaml.safe_load(patch["patch"]))


def added(changes: list[Json]) -> Json:
    """As much of a database cluster as a patch adds to it."""
    spec = {change["path"].removeprefix("/spec/"): change["value"] for change in changes if change["op"] == "add"}
    return {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "spec": spec}


def narrowed(schema: Json, values: list[Any]) -> Json:
    """What a definition says of these values, as JSON Schema has it; fields that are not named are wrong."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    said: Json = {name: schema[name] for name in SAID if name in schema}
    if schema.get("nullable"):
        said["type"] = [schema["type"], "null"]
    if "items" in schema:
        said["items"] = narrowed(schema["items"], [each for it in values if isinstance(it, list) for each in it])
    if schema.get("type") != "object" or schema.get("x-kubernetes-preserve-unknown-fields"):
        return said
    found = [it for it in values if isinstance(it, dict)]
    if isinstance(any_name := schema.get("additionalProperties"), dict):
        said["additionalProperties"] = narrowed(any_name, [each for it in found for each in it.values()])
        return said
    properties = schema.get("properties", {})
    wanted = {name for it in found for name in it} | set(schema.get("required", ()))
    said["properties"] = {
        name: narrowed(properties[name], [it[name] for it in found if name in it])
        for name in sorted(wanted & properties.keys())
    }
    if "required" in schema:
        said["required"] = schema["required"]
    said["additionalProperties"] = False
    return said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
