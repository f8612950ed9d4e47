"""The types of documents, their schemas, and what the encoder makes of them."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import jsonschema
import pytest

from tests.support.documents import check_document
from wheelfix.elf import dlopen
from wheelfix.explain.model import Kind
from wheelfix.explain.plan import LIBRARIES
from wheelfix.index.sources import find_sources
from wheelfix.model import causes
from wheelfix.model.base import Struct, encode_indented, fields
from wheelfix.report import documents
from wheelfix.report.documents import DOCUMENTS
from wheelfix.report.json import load_schema

SCHEMAS = Path(documents.__file__).parent / "schema"


def name_schema(kind: type[Struct]) -> str:
    tag = kind.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def list_values(kind: Any) -> Iterator[Any]:
    """Values of a type that differ in shape: each member of a union, each value of an enumeration."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        texts = (arguments[1].extra_json_schema or {}).get("enum")
        yield from list_values(arguments[0]) if texts is None else texts
    elif origin in {types.UnionType, Union}:
        for one in arguments:
            yield from list_values(one)
    elif origin is tuple:
        yield tuple(list_values(arguments[0]))
    elif origin is Mapping:
        yield {"key": next(list_values(arguments[1]))}
    elif kind is type(None):
        yield None
    elif issubclass(kind, Enum):
        yield from kind
    elif issubclass(kind, Struct):
        yield from list_objects(kind)
    else:
        yield {str: "text", int: 1, bool: True}[kind]


def list_objects(kind: type[Struct]) -> Iterator[Struct]:
    hints = get_type_hints(kind, include_extras=True)
    values = {name: list(list_values(hints[name])) for name in fields(kind)}
    for at in range(max(map(len, values.values()), default=1)):
        yield kind(**{name: several[at % len(several)] for name, several in values.items()})


def find_objects(node: Any) -> Iterator[dict[str, Any]]:
    """All descriptions of objects in a schema that say which keys they have."""
    if isinstance(node, dict):
        if "properties" in node:
            yield node
        for below in node.values():
            yield from find_objects(below)
    elif isinstance(node, list):
        for below in node:
            yield from find_objects(below)


@pytest.mark.parametrize("kind", DOCUMENTS, ids=name_schema)
def test_all_that_a_type_can_hold_is_as_its_schema_says(kind: type[Struct]) -> None:
    made = list(list_objects(kind))
    told = check_document(encode_indented(made))
    assert len(told) == len(made)
    assert {document["schema"] for document in told} == {name_schema(kind)}
    kinds = {cause.__struct_config__.tag for cause in get_args(causes.Cause)}
    if "Nobody" in load_schema(name_schema(kind)).get("$defs", ()):
        assert all(f'"kind": "{one}"' in encode_indented(made) for one in kinds)


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_schemas_are_strict_and_say_what_each_field_is(path: Path) -> None:
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    name, _, version = schema["$id"].removeprefix("wheelfix.").partition("/")
    assert path.name == f"{name}-{version}.json"
    assert schema["properties"]["schema"] == {"const": schema["$id"]}
    assert schema["title"]
    objects = list(find_objects(schema))
    assert objects[0] is schema
    for node in objects:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
        for field, below in node["properties"].items():
            assert "const" in below or below.get("description"), field
    assert ":class:" not in path.read_text()
    assert "None" not in path.read_text()


def test_every_document_has_a_schema() -> None:
    assert {load_schema(name_schema(kind))["$id"] for kind in DOCUMENTS} == {
        json.loads(path.read_text())["$id"] for path in SCHEMAS.glob("*.json")
    }


def test_version_2_of_a_scan_promises_what_it_did() -> None:
    schema = load_schema("wheelfix.scan/2")
    assert schema["title"] == "Result of `wheelfix scan` for one target"
    assert (
        "Fields may be added within version 2; none is removed or changes its meaning."
        in schema["description"]
    )


def get_enum(schema: str, part: str, field: str) -> set[str]:
    return set(load_schema(schema)["$defs"][part]["properties"][field]["enum"])


def test_lists_of_texts_are_those_that_the_program_has() -> None:
    assert get_enum("wheelfix.explain/1", "Trouble", "kind") == set(Kind) - LIBRARIES
    assert get_enum("wheelfix.scan/2", "Note", "priority") == set(dlopen._PRIORITIES)
    places = load_schema("wheelfix.index/1")["properties"]["name"]["enum"]
    assert places == [source.name for source in find_sources()]
    assert get_enum("wheelfix.scan/2", "AskedIndex", "source") == {*places, "file"}
    assert get_enum("wheelfix.locate/1", "Located", "class") == get_enum(
        "wheelfix.scan/2", "Need", "class"
    ) - {
        "bundled",  # there is no wheel
        "sibling",  # and no other one beside it
    }


@pytest.mark.parametrize(
    "text",
    ["", "a/b", '"\\', "\x00\x1f\x7f\x80", "\b\f\n\r\t", "é\u2028", "\U0001f40d", "lib\udcff.so", "\ud83d"],
)
def test_texts_are_spelt_in_ascii_whatever_is_in_them(text: str) -> None:
    made = documents.ProblemDocument(check=text, message="")
    written = encode_indented(made)
    assert written.isascii()
    assert written == json.dumps({"check": text, "message": ""}, indent=2, ensure_ascii=True) + "\n"
    assert json.loads(written)["check"] == text
