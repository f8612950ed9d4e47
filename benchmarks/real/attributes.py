"""nixpkgs' attributes: which of them evaluate, and which libraries the index has in their outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.real.evaluate import Parts, ask
from wheelfix.index import lookup
from wheelfix.index.lookup import find_providers, list_attrs_beside
from wheelfix.index.table import SonameTable
from wheelfix.model.index import Provider
from wheelfix.model.tables import read_data

_HASH = re.compile(r"/nix/store/[0-9a-z]{32}-")
_ANNOUNCED = ("unfree", "insecure", "broken")
_BESIDE = ("cuda.toml", "answers.toml")
"""Tables with sonames that no database has."""
_SONAME = re.compile(r'"(lib[^"/ ]+\.so[^"/ ]*)"')
SYSTEM = "x86_64-linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What a nixpkgs has, as far as the index names it.

    Attributes:
        found: outputs and their store paths by attribute, everything allowed.
        errors: what Nix says against an attribute where nothing is allowed.
    """

    found: dict[str, dict[str, str]]
    errors: dict[str, str]


def evaluate_attributes(parts: Parts, table: SonameTable, attrs: Iterable[str], kept: Path) -> Attributes:
    """Evaluate every attribute of the index that no earlier run with the same nixpkgs and index kept."""
    key = f"{parts.nixpkgs} {table.info.digest}"
    known: dict[str, Any] = {"key": key, "found": {}, "errors": {}}
    if kept.exists() and (before := json.loads(kept.read_text()))["key"] == key:
        known = before
    found, errors = known["found"], known["errors"]
    wanted = sorted({*attrs, *table.list_attrs(), *list_attrs_beside()} - set(found) - set(errors))
    paths = [attr.split(".") for attr in wanted]
    answers = ask(parts, "Attributes", paths, system=SYSTEM, allow="everything", chunk=500)
    left = {attr: answer.value for attr, answer in zip(wanted, answers, strict=True) if answer.value}
    errors |= {
        attr: answer.error or "no such attribute"
        for attr, answer in zip(wanted, answers, strict=True)
        if not answer.value
    }
    paths = [attr.split(".") for attr in left]
    answers = ask(parts, "Attributes", paths, system=SYSTEM, allow="nothing", chunk=500, explain=False)
    for (attr, value), answer in zip(left.items(), answers, strict=True):
        found[attr] = value["outputs"]
        if not answer.value:
            errors[attr] = f"refused: {', '.join(value['refused']) or 'needs something that is refused'}"
    kept.write_text(json.dumps(known))
    return Attributes(found=found, errors=errors)


def find_best(table: SonameTable) -> dict[str, list[str]]:
    """Sonames by the attribute that is the first answer for them, as one writes it in Nix."""
    beside = "".join(read_data(lookup.__name__, file).decode() for file in _BESIDE)
    names = sorted({*table.find_names("*"), *_SONAME.findall(beside)})
    best: dict[str, list[str]] = {}
    for soname, found in zip(names, find_providers(table, names), strict=True):
        if found.providers:
            best.setdefault(found.providers[0].attr, []).append(soname)
    return best


def find_false(
    table: SonameTable, best: dict[str, list[str]], known: Attributes
) -> dict[str, dict[str, Any]]:
    """First answers that do not evaluate, and that the index' own data do not announce."""
    told = table.attributes
    false = {}
    for attr in sorted(set(best) & set(known.errors)):
        about = told.find(attr)
        if not any(getattr(about, word, None) for word in _ANNOUNCED):
            false[attr] = {"sonames": best[attr], "error": known.errors[attr]}
    return false


class Libraries:
    """Files of store paths, by what the index has in the same output of the same attribute.

    Args:
        table: the index.
        known: the attributes of nixpkgs.
    """

    def __init__(self, table: SonameTable, known: Attributes) -> None:
        self._known = known
        self._by_name: dict[str, set[str]] = {}
        self._attrs: dict[str, str] = {}
        for soname in table.find_names("*"):
            self.add(table.find_all(soname, system=SYSTEM))
        for attr, outputs in sorted(known.found.items(), key=lambda item: (-len(item[0]), item[0])):
            for output, path in outputs.items():
                self._attrs[_HASH.sub("", path)] = attr if output == "out" else f"{attr} ({output})"

    def add(self, providers: Iterable[Provider]) -> None:
        """Add files of providers, such as those that no database has."""
        for provider in providers:
            base = provider.attr.removesuffix(f".{provider.output}")
            outputs = self._known.found.get(base) or self._known.found.get(provider.attr) or {}
            # An output that is not there any more: the libraries are where nixpkgs puts them without one.
            if path := outputs.get(provider.output) or outputs.get("lib") or outputs.get("out"):
                # The same package for another system has the same name, and another hash.
                self._by_name.setdefault(_HASH.sub("", path), set()).add(provider.path.strip("/"))

    def find_files(self, path: str) -> set[str]:
        """Files of a store path, relative to it."""
        return self._by_name.get(_HASH.sub("", path), set())

    def name(self, path: str) -> str:
        """The attribute of a store path, or its name."""
        return self._attrs.get(name := _HASH.sub("", path), name)
