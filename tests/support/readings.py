"""Readings of wheels that are kept as fixtures, as documents with names for all fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import convert

from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.reading import About, Reading, WheelFile
from wheelfix.model.scan import Finding
from wheelfix.model.wheel import Distribution, Requirement


def make_kept(document: Mapping[str, Any]) -> Reading:
    """What reading the wheel gave, with its contents, for its own tags."""
    files = convert(document["files"], tuple[WheelFile, ...])
    return Reading(
        distribution=Distribution(
            target=document["target"],
            name=document["name"],
            version=document["version"],
            tags=tuple(document["tags"]),
            requires=convert(document["requires"], tuple[Requirement, ...]),
            files=frozenset(file.path for file in files),
        ),
        objects=convert(document["objects"], tuple[ElfObject, ...]),
        hints=convert(document["hints"], tuple[ElfHints, ...]),
        uses=convert(document["uses"], tuple[SourceUse, ...]),
        findings=convert(document.get("findings", []), tuple[Finding, ...]),
        about=convert(document, About),
        contents=files,
    )
