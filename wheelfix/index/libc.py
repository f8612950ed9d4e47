"""Sonames of the C library, by machine; the table is ``data/libc.toml``."""

from __future__ import annotations

from typing import Final

from wheelfix.model.tables import Row, Soname, Table, load_table

_MUSL_PREFIXES: Final = ("ld-musl", "libc.musl")
"""Prefixes of the file names of musl's one library, libc and loader in one: upstream's and Alpine's."""


class Machine(Row):
    """Names of the C library that differ between machines.

    Attributes:
        glibc: the loader, and libraries that only some machines have.
        musl: the machine's names in musl's file names, and Alpine's where they differ.
    """

    glibc: frozenset[Soname] = frozenset()
    musl: frozenset[str] = frozenset()


class Libcs(Table):
    """Libraries of glibc and musl.

    Attributes:
        glibc: sonames on every machine.
        machines: by machine type, as in :class:`wheelfix.model.elf.ElfObject`.
    """

    FILE = "libc.toml"

    glibc: frozenset[Soname]
    machines: dict[str, Machine]


def find_libc(soname: str, machine: str) -> str | None:
    """Tell which C library a soname belongs to.

    Args:
        soname: as in DT_NEEDED.
        machine: as in :class:`wheelfix.model.elf.ElfObject` (``x86_64``, ``armv7l`` ...). A loader of
            another machine is not a match.

    Returns:
        ``glibc``, ``musl``, or None if it is not part of a C library on that machine.
    """
    table = load_table(Libcs)
    own = table.machines.get(machine, Machine())
    if soname in table.glibc or soname in own.glibc:
        return "glibc"
    names = {f"{prefix}-{arch}.so.1" for prefix in _MUSL_PREFIXES for arch in own.musl}
    return "musl" if soname == "libc.so" or soname in names else None


def list_libc(machine: str) -> tuple[str, ...]:
    """Return the sonames of glibc on a machine."""
    table = load_table(Libcs)
    return (*table.glibc, *table.machines.get(machine, Machine()).glibc)
