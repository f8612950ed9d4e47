"""Finds who has what a build asks for: headers, modules of pkg-config, programs, libraries by any name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wheelfix.explain.model import SymptomKind
from wheelfix.explain.paths import normalize
from wheelfix.index.lookup import find_providers
from wheelfix.index.named import find_named
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct, field
from wheelfix.model.index import find_permissions
from wheelfix.model.names import Name, NameKind
from wheelfix.model.override import Input
from wheelfix.model.tables import Attr, Row, Table, load_table
from wheelfix.model.tables import Name as Distribution

_PYTHON = "python3Packages."
_CONFIG = re.compile(r".[-_]config\Z")
_PKG_CONFIG = "pkg-config"


class Recipe(Row):
    """What packages of nixpkgs take for something that a build asks for.

    Attributes:
        native: attributes for ``nativeBuildInputs``.
        inputs: attributes for ``buildInputs``.
    """

    native: tuple[Attr, ...] = ()
    inputs: tuple[Attr, ...] = ()


class BuildNames(Table):
    """Names that builds ask for.

    Attributes:
        systems: distributions that build others, by the module that is imported.
        plugins: distributions of plugins of hatchling, by the plugin's name.
        headers: by path.
        modules: of pkg-config.
        libraries: by names of linkers, CMake and people, in small letters.
        programs: by name.
        wheels: distributions that have the same modules as a wheel.
    """

    FILE = "building.toml"

    systems: dict[str, Distribution]
    plugins: dict[str, Distribution]
    headers: dict[str, Recipe] = field(default_factory=dict)
    modules: dict[str, Recipe] = field(default_factory=dict)
    libraries: dict[str, Recipe] = field(default_factory=dict)
    programs: dict[str, Recipe] = field(default_factory=dict)
    wheels: dict[Distribution, Distribution]


class Asked(NamedTuple):
    """Something that a build asks for."""

    kind: SymptomKind
    name: str


class Answer(Struct):
    """Who has it; nobody if all are empty.

    Attributes:
        systems: distributions that build, if a Python package has it.
        native: for ``nativeBuildInputs``.
        inputs: for ``buildInputs``.
    """

    systems: tuple[str, ...] = ()
    native: tuple[Input, ...] = ()
    inputs: tuple[Input, ...] = ()

    @property
    def attrs(self) -> tuple[str, ...]:
        """The attributes or distributions, without the tools that only find them."""
        named = (*self.inputs, *self.native) if not self.inputs else self.inputs
        return tuple(dict.fromkeys((*self.systems, *(one.attr for one in named))))


def load_names() -> BuildNames:
    """Load the table of names."""
    return load_table(BuildNames)


def find_system(module: str) -> str | None:
    """Find the distribution of a module that build scripts import, such as ``setuptools.build_meta``."""
    known = load_names().systems
    return known.get(module) or known.get(module.partition(".")[0])


def find_bare(requirement: str) -> str:
    """Find the name in a requirement, ``setuptools<82``."""
    return re.split(r"[<>=!~]", requirement, maxsplit=1)[0]


def find_asked(
    asked: Iterable[Asked], index: SonameTable | None, names_of: NamedIndex | None
) -> dict[Asked, Answer]:
    """Find who has what a build asks for.

    Args:
        asked: what it asks for.
        index: the index for attributes; without one, the table alone answers.
        names_of: its tables of names.

    Raises:
        IndexProblem: the index is damaged.
    """
    return {one: _find(one, index, names_of) for one in asked}


def _find(asked: Asked, index: SonameTable | None, names_of: NamedIndex | None) -> Answer:
    kind, name = asked
    known, kinds = _list_places(kind, name)
    if known:
        native = tuple(_make(attr, name, index) for attr in known.native)
        inputs = tuple(_make(attr, name, index) for attr in known.inputs)
        return Answer(native=_add_tool(kind, name, native), inputs=inputs)
    if index is None or names_of is None:
        return Answer()
    for name_kind, texts in kinds:
        for attr in _look_up(index, names_of, name_kind, texts):
            return _sort(kind, name_kind, name, attr, index)
    return Answer()


def _list_places(kind: SymptomKind, name: str) -> tuple[Recipe | None, list[tuple[NameKind, list[str]]]]:
    """List what the table says of a name, and where else it is looked for, in order."""
    table = load_names()
    low = name.lower()
    # meson and CMake have names of their own for what pkg-config has in other letters.
    spellings = list(dict.fromkeys((name, low, low.removeprefix("lib"), f"lib{low}")))
    libraries = (NameKind.LIBRARY, [name])
    match kind:
        case SymptomKind.HEADER | SymptomKind.HEADER_PATH:
            return table.headers.get(name), [(NameKind.HEADER, [name])]
        case SymptomKind.PROGRAM:
            return table.programs.get(name), [(NameKind.PROGRAM, [name])]
        case SymptomKind.PKG_CONFIG:
            others = [(NameKind.CMAKE, [name]), (NameKind.PROGRAM, [f"{low}-config"]), libraries]
            known = table.modules.get(low) or table.libraries.get(low)
            return known, [(NameKind.PKG_CONFIG, [name, low]), *others]
        case SymptomKind.CMAKE_PACKAGE:
            others = [(NameKind.PKG_CONFIG, spellings), libraries, (NameKind.PROGRAM, [low])]
            return table.libraries.get(low), [(NameKind.CMAKE, [name]), *others]
        case SymptomKind.LINKED:
            known = table.libraries.get(low) or table.libraries.get(low.partition("_")[0])
            return known, [libraries, (NameKind.PKG_CONFIG, spellings)]
        case _:
            known = table.libraries.get(low) or table.programs.get(low)
            programs = (NameKind.PROGRAM, [name, low])
            return known, [(NameKind.PKG_CONFIG, spellings), libraries, programs]


def _look_up(index: SonameTable, names_of: NamedIndex, kind: NameKind, texts: Iterable[str]) -> Iterator[str]:
    if kind is NameKind.LIBRARY:
        for text in texts:
            yield from _look_up_library(index, text)
        return
    for located in find_named(index, names_of, [Name(kind=kind, text=text) for text in dict.fromkeys(texts)]):
        if located.providers:
            yield located.providers[0].attr


def _look_up_library(index: SonameTable, name: str) -> Iterator[str]:
    stem = name.removeprefix("lib")
    sonames = [f"lib{one}.so" for one in dict.fromkeys((stem, stem.lower()))]
    for lookup in find_providers(index, sonames):
        if lookup.providers:
            yield lookup.providers[0].attr


def _sort(kind: SymptomKind, found: NameKind, name: str, attr: str, index: SonameTable) -> Answer:
    """Put an attribute where packages of nixpkgs have it."""
    if attr.startswith(_PYTHON):
        return Answer(systems=(normalize(attr.removeprefix(_PYTHON)),))
    one = _make(attr, name, index)
    if found is NameKind.PROGRAM:
        # a program that tells where its library is comes with that
        inputs = (one,) if _CONFIG.search(name) or kind is SymptomKind.PKG_CONFIG else ()
        return Answer(native=(one,), inputs=inputs)
    return Answer(native=_add_tool(kind, name, ()), inputs=(one,))


def _add_tool(kind: SymptomKind, name: str, native: tuple[Input, ...]) -> tuple[Input, ...]:
    if kind is not SymptomKind.PKG_CONFIG or any(one.attr == _PKG_CONFIG for one in native):
        return native
    return (*native, Input(attr=_PKG_CONFIG, reason=f"finds {name}"))


def _make(attr: str, name: str, index: SonameTable | None) -> Input:
    said = index.attributes.find(attr) if index else None
    permissions = find_permissions(attr, {attr: said}) if said else ()
    return Input(attr=attr, reason=name, permissions=permissions)
