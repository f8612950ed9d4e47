"""Tells what crates and build systems need; from ``data/crates.toml`` and ``data/build-systems.toml``."""

from __future__ import annotations

from wheelfix.model.base import field
from wheelfix.model.tables import Attr, InOrder, Name, Row, Table


class NativeRule(Row):
    """The needs of one crate from nixpkgs on Linux.

    Conditions are ``dep:NAME`` (the crate depends on that one), ``crate:NAME`` (that crate is built too) and
    ``CRATE/FEATURE`` (a manifest of the source tree asks for it).

    Attributes:
        crate: its name.
        when: applies only if one of these conditions holds.
        unless: does not apply if one of these conditions holds.
        ignored_for: dependent crates that are ignored.
        libraries: attributes for ``buildInputs``.
        tools: attributes for ``nativeBuildInputs``.
        settings: environment variables.
        why: reason, in one clause.
        problem: a problem that no input solves, in one clause.
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
    """The requirements of build systems, by normalised name."""

    FILE = "build-systems.toml"

    requires: dict[Name, tuple[Name, ...]]
