"""What a platform tag promises of a wheel's files, by auditwheel's policies, and whether it holds.

A policy lists what a wheel may ask of the system that it is installed on: libraries, and versions of their
symbols. The table is ``data/policies.json``.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

from wheelfix.model.base import Struct
from wheelfix.model.tables import Row, Soname, Table, load_table


class Policy(Row):
    """What one policy allows, and its predecessor does not.

    Attributes:
        aliases: other names of it, without the machine (``manylinux2014``).
        libraries: sonames that every system has.
        symbols: private symbols that are refused of a library no longer, by soname.
        versions: symbol versions, by machine; the machines are those that it is for.
    """

    aliases: frozenset[str]
    libraries: frozenset[Soname]
    symbols: dict[Soname, frozenset[str]]
    versions: dict[str, frozenset[str]]


class Series(Row):
    """The policies for one C library.

    Attributes:
        families: first parts of the symbol versions that are judged: ``GLIBC``, ``CXXABI``.
        policies: by name, without the machine (``manylinux_2_17``).
        refused: private symbols of libraries, by soname; not every system's library has them.
    """

    families: frozenset[str]
    policies: dict[str, Policy]
    refused: dict[Soname, frozenset[str]]


class Policies(Table):
    """The policies of manylinux and musllinux tags.

    Attributes:
        release: of auditwheel.
    """

    FILE: ClassVar[str] = "policies.json"

    release: str
    manylinux: Series
    musllinux: Series


class BreachKind(StrEnum):
    """What a file asks for that a policy does not allow."""

    VERSION = "version"
    LIBRARY = "library"
    SYMBOL = "symbol"
    PROCESSOR = "processor"


class Breach(Struct):
    """One thing that a policy does not allow, and the files that ask for it.

    Attributes:
        kind: what it is.
        name: symbol version, soname, symbol, or level of the processor (``x86-64-v3``).
        soname: library that it is asked of; empty for kinds ``library`` and ``processor``.
        files: member paths, sorted.
    """

    kind: BreachKind
    name: str
    soname: str
    files: tuple[str, ...]


class TagState(StrEnum):
    """What is known of a platform tag.

    ``HOLDS``: its policy allows all that the files ask for. ``BROKEN``: it does not. ``BETWEEN``: no policy
    is for it; the one before does not allow all, and the one after does. ``NO_POLICY``: none is for its C
    library and machine, or all are for newer systems. ``NO_FILES``: no file is for its machine.
    ``NO_PROMISE``: ``linux_*`` and ``any`` promise nothing. ``OTHER_SYSTEM``: it is not for Linux.
    """

    HOLDS = "holds"
    BROKEN = "broken"
    BETWEEN = "between"
    NO_POLICY = "no-policy"
    UNREAD = "unread"
    NO_FILES = "no-files"
    NO_PROMISE = "no-promise"
    OTHER_SYSTEM = "other-system"


class TagCheck(Struct):
    """Whether a wheel's files do what one of its platform tags promises.

    Attributes:
        tag: platform tag (``manylinux_2_17_x86_64``).
        state: the verdict.
        policy: that was asked, without the machine (``manylinux_2_17``); empty without one.
        breaches: what that policy does not allow, sorted.
        fitting: platform tags, for the same machine and C library, of the policy for the oldest systems that
            allows all that the files ask for; empty without one.
    """

    tag: str
    state: TagState
    policy: str = ""
    breaches: tuple[Breach, ...] = ()
    fitting: tuple[str, ...] = ()


def list_private(sonames: Iterable[str]) -> frozenset[str]:
    """List the private symbols of some libraries that a policy refuses."""
    table = load_table(Policies)
    refused = [series.refused for series in (table.manylinux, table.musllinux)]
    return frozenset(name for soname in sonames for one in refused for name in one.get(soname, ()))
