"""Readings of wheels that are kept as fixtures, as documents with names for all fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, get_args, get_type_hints

from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.reading import About, Reading, WheelFile
from wheelfix.model.scan import Finding
from wheelfix.model.wheel import Distribution, Requirement


def make_kept(document: Mapping[str, Any]) -> Reading:
    """What reading the wheel gave, with its contents, for its own tags."""
    files = revive(tuple[WheelFile, ...], document["files"])
    return Reading(
        distribution=Distribution(
            target=document["target"],
            name=document["name"],
            version=document["version"],
            tags=tuple(document["tags"]),
            requires=revive(tuple[Requirement, ...], document["requires"]),
            files=frozenset(file.path for file in files),
        ),
        objects=revive(tuple[ElfObject, ...], document["objects"]),
        hints=revive(tuple[ElfHints, ...], document["hints"]),
        uses=revive(tuple[SourceUse, ...], document["uses"]),
        findings=revive(tuple[Finding, ...], document.get("findings", [])),
        about=revive(About, document),
        contents=files,
    )


def revive(kind: Any, value: Any) -> Any:
    """Make a dataclass of a document, and all that is in it; fields that it lacks have their defaults."""
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        given = {f.name for f in fields(kind) if f.name in value or f.default is MISSING}
        return kind(**{name: revive(hints[name], value[name]) for name in given})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(value, list):
        item = next(a for a in get_args(kind) if a is not type(None))
        return tuple(revive(item, one) for one in value)
    inner = [a for a in get_args(kind) if is_dataclass(a)]
    return revive(inner[0], value) if inner and value is not None else value
