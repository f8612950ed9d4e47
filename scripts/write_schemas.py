"""Write the JSON Schemas of what ``--json`` prints, from the types that it is made of.

    python scripts/write_schemas.py [--check]

With ``--check`` nothing is written: files that are out of date are named, and the exit code is 1.

A schema says more than the types alone: all keys are there (the encoder leaves none out), there are no
others, and each has the words that its class's docstring has for it.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wheelfix.model import classes
from wheelfix.model.base import Struct, make_schema
from wheelfix.report import documents

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "wheelfix" / "report" / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
WIDTH = 110
PREFIX = "#/$defs/"
CLASSES = {**vars(classes), **vars(documents)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = {SCHEMAS / name: text for name, text in render_schemas().items()}
    stale = {path for path, text in wanted.items() if not path.exists() or path.read_text() != text}
    stale |= set(SCHEMAS.glob("*.json")) - wanted.keys()
    for path in sorted(stale):
        done = "out of date" if check else "written" if path in wanted else "removed"
        print(f"{path.relative_to(ROOT)}: {done}")
        if not check and path in wanted:
            path.write_text(wanted[path])
        elif not check:
            path.unlink()
    sys.exit(1 if check and stale else 0)


def render_schemas() -> Mapping[str, str]:
    """The text of every schema, by file name."""
    found = {}
    for kind in documents.DOCUMENTS:
        schema = describe_document(kind)
        name, _, version = schema["$id"].removeprefix("wheelfix.").partition("/")
        found[f"{name}-{version}.json"] = write(schema, "") + "\n"
    return found


def write(value: Any, indent: str) -> str:
    """JSON of which each part stands on one line if there is room for it."""
    flat = json.dumps(value)
    if not isinstance(value, (dict, list)) or len(indent) + len(flat) <= WIDTH:
        return flat
    below = indent + "  "
    if isinstance(value, list):
        lines = [f"{below}{write(one, below)}" for one in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [f"{below}{json.dumps(key)}: {write(one, below)}" for key, one in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def describe_document(kind: type[Struct]) -> dict[str, Any]:
    """The schema of one whole document; its parts are in ``$defs``, in the order in which they are met."""
    found = make_schema(kind)["$defs"]
    enums = {name: node["enum"] for name, node in found.items() if "enum" in node}
    parts = {
        name.removesuffix("Document"): describe_class(name, node, enums)
        for name, node in found.items()
        if name not in enums
    }
    root = parts.pop(kind.__name__.removesuffix("Document"))
    title, _, rest = root.pop("description").partition(".\n")
    intro = {"description": rest} if rest else {}
    head = {"$schema": DIALECT, "$id": root["properties"]["schema"]["const"], "title": title.rstrip(".")}
    return {**head, **intro, **root, **({"$defs": parts} if parts else {})}


def describe_class(name: str, node: Mapping[str, Any], enums: Mapping[str, list[str]]) -> dict[str, Any]:
    """The schema of one class: its own words, and those for each of its fields."""
    kind = CLASSES[name]
    words, fields = read_docstring(kind)
    names = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    properties = {}
    for key, value in node["properties"].items():
        described = {"description": fields[names[key]]} if names.get(key) in fields else {}
        properties[key] = simplify(value, enums) | described
    return {
        "description": words,
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def simplify(node: Mapping[str, Any], enums: Mapping[str, list[str]]) -> dict[str, Any]:
    """Say the same in fewer words: what msgspec says of a type, as a person would write it."""
    said = {key: value for key, value in node.items() if key not in {"title", "default", "discriminator"}}
    name = said.get("$ref", "").removeprefix(PREFIX)
    if name in enums:
        return {"enum": enums[name]} | {key: value for key, value in said.items() if key != "$ref"}
    if name:
        return said | {"$ref": PREFIX + name.removesuffix("Document")}
    for key in ("items", "additionalProperties"):
        if isinstance(said.get(key), Mapping):
            said[key] = simplify(said[key], enums)
    if said.keys() == {"enum"} and len(said["enum"]) == 1:  # a tag
        return {"const": said["enum"][0]}
    if "anyOf" in said:
        return simplify_choice([simplify(one, enums) for one in said["anyOf"]])
    return said


def simplify_choice(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """A choice between a plain type, or an enumeration, and null needs no ``anyOf``."""
    null = {"type": "null"}
    choices = sorted(choices, key=null.__eq__)  # releases of msgspec differ in where they put it
    first, rest = choices[0], choices[1:]
    if rest == [null] and "type" in first:
        texts = {"enum": [*first["enum"], None]} if "enum" in first else {}
        return first | {"type": [first["type"], "null"]} | texts
    return {"anyOf": choices}


def read_docstring(kind: type) -> tuple[str, dict[str, str]]:
    """What a docstring in Google's style says of a class, and of each of its attributes."""
    text = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
    text = re.sub(r"\bNone\b", "null", text)  # models speak Python
    words, _, attributes = text.partition("\n\nAttributes:\n")
    fields = {}
    for entry in re.split(r"\n(?=    \S)", attributes):
        name, _, said = entry.strip().partition(": ")
        fields[name] = " ".join(said.split())
    return "\n".join(" ".join(paragraph.split()) for paragraph in words.split("\n\n")), fields


if __name__ == "__main__":
    main()
