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
from wheelfix.explain.model import Interpreter, SymptomKind
from wheelfix.explain.plan import LIBRARIES
from wheelfix.index.choice import find_sources
from wheelfix.lint.model import Rule
from wheelfix.lock.model import Clash
from wheelfix.model import classes, lock
from wheelfix.model.base import Struct, encode_indented, fields
from wheelfix.model.classes import NeedClass
from wheelfix.model.hints import OpeningKind
from wheelfix.model.override import Cuda, Dialect
from wheelfix.model.policies import BreachKind, TagState
from wheelfix.model.scan import Held, Level, OpeningForm
from wheelfix.patch.model import AnswerKind
from wheelfix.report import documents
from wheelfix.report.documents import DOCUMENTS
from wheelfix.report.json import load_schema
from wheelfix.trial.model import Outcome

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
    kinds = {cause.__struct_config__.tag for cause in get_args(classes.Cause)}
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


def get_texts(schema: str, field: str) -> list[str]:
    """What may stand in a field of a document, or of a part of one: ``Need.class``."""
    found = load_schema(schema)
    part, _, name = field.rpartition(".")
    node = found["$defs"][part] if part else found
    texts: list[str] = node["properties"][name]["enum"]
    return texts


@pytest.mark.parametrize(
    ("schema", "field", "kind"),
    [
        ("wheelfix.scan/2", "Need.class", NeedClass),
        ("wheelfix.scan/2", "Finding.level", Level),
        ("wheelfix.scan/2", "Opening.kind", OpeningKind),
        ("wheelfix.scan/2", "Opening.form", OpeningForm),
        ("wheelfix.scan/2", "Tag.state", TagState),
        ("wheelfix.scan/2", "Breach.kind", BreachKind),
        ("wheelfix.explain/1", "dialect", Dialect),
        ("wheelfix.check/1", "CheckFinding.rule", Rule),
        ("wheelfix.lock/1", "ChosenPackage.provider", lock.ChoiceKind),
        ("wheelfix.lock/1", "Collision.kind", Clash),
        ("wheelfix.override/1", "cuda", Cuda),
        ("wheelfix.patch/1", "Answer.answer", AnswerKind),
        ("wheelfix.try/1", "Tried.outcome", Outcome),
    ],
)
def test_texts_of_the_contract_are_those_of_the_models(schema: str, field: str, kind: type[Enum]) -> None:
    assert get_texts(schema, field) == [one.value for one in kind]


def test_texts_that_no_model_has_as_they_are() -> None:
    assert get_texts("wheelfix.explain/1", "interpreter") == [*Interpreter, None]
    assert get_texts("wheelfix.explain/1", "Trouble.kind") == [k for k in SymptomKind if k not in LIBRARIES]
    assert get_texts("wheelfix.scan/2", "Note.priority") == list(dlopen._PRIORITIES)
    assert get_texts("wheelfix.scan/2", "Opening.held") == [*Held, None]
    places = get_texts("wheelfix.index/1", "name")
    assert places == [source.name for source in find_sources()]
    assert set(get_texts("wheelfix.scan/2", "AskedIndex.source")) == {*places, "file"}
    # locate knows of no wheel, and of no other one beside it
    assert set(get_texts("wheelfix.locate/1", "Located.class")) == set(NeedClass) - {"bundled", "sibling"}


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
