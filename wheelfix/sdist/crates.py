"""What crates and build systems need: the tables ``data/crates.toml`` and ``data/build-systems.toml``."""

from __future__ import annotations

from wheelfix.model.base import field
from wheelfix.model.tables import Attr, InOrder, Name, Row, Table


class NativeRule(Row):
    """What one crate needs from nixpkgs on Linux.

    Conditions are ``dep:NAME`` (the crate depends on that one), ``crate:NAME`` (that one is built too) and
    ``CRATE/FEATURE`` (a manifest of the source tree asks for it).

    Attributes:
        crate: its name.
        when: holds only if one of these conditions does.
        unless: does not hold if one of these conditions does.
        ignored_for: crates that depend on it and do not count.
        libraries: attributes for ``buildInputs``.
        tools: attributes for ``nativeBuildInputs``.
        settings: environment variables.
        why: one clause.
        problem: what no input mends, one clause.
    """

    crate: str
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    ignored_for: tuple[str, ...] = ()
    libraries: tuple[Attr, ...] = ()
    tools: tuple[Attr, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    why: str
    problem: str = ""


class Crates(Table):
    """What crates need from nixpkgs.

    Attributes:
        rules: by subject.
    """

    FILE = "crates.toml"

    rules: InOrder[NativeRule]


class BuildSystems(Table):
    """What build systems need in turn, by normalised name."""

    FILE = "build-systems.toml"

    requires: dict[Name, tuple[Name, ...]]
