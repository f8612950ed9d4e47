"""Providers of sonames: the table's answers, corrected by the facts beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from wheelfix.errors import InputError, suggest
from wheelfix.index.cuda import find_cuda, list_cuda_attrs
from wheelfix.index.knowledge import ANSWERS, ELSEWHERE, RENAMED
from wheelfix.index.libc import find_libc
from wheelfix.index.releases import NEWEST, spell_both, translate
from wheelfix.index.table import SonameTable
from wheelfix.model.index import Lookup, Provider

_OUTPUT = re.compile(r"\.(out|lib|dev|bin|libgcc)$")
_NOT_IN_LIB = "in a subdirectory: addAutoPatchelfSearchPath has to name it"


def find_providers(
    table: SonameTable,
    sonames: Iterable[str],
    *,
    system: str | None = None,
    release: tuple[int, int] = NEWEST,
) -> tuple[Lookup, ...]:
    """Look up sonames in a table and in the facts that no database has.

    Args:
        table: the soname table.
        sonames: as in DT_NEEDED.
        system: Nix system; None asks for the table's main one.
        release: of the user's nixpkgs; attributes come under the names they have there.

    Returns:
        One answer per soname, in the order asked.

    Raises:
        IndexProblem: the table is damaged.
    """
    found = (_find(table, soname, system) for soname in sonames)
    return tuple(found) if release == NEWEST else tuple(_translate(lookup, release) for lookup in found)


def check_attrs(table: SonameTable, attrs: Iterable[str]) -> None:
    """Refuse attributes that no answer can have.

    Args:
        table: the soname table.
        attrs: as a user writes them: with or without an output, under newer or older names.

    Raises:
        InputError: one is neither in the table nor in the facts that no database has.
    """
    for attr in attrs:
        spelled = spell_both((attr,))
        names = {*spelled, *(name.rpartition(".")[0] for name in spelled if _OUTPUT.search(name))}
        if any(map(table.has_attr, names)):
            continue
        beside = {*ANSWERS.values(), *(name for name, _ in ELSEWHERE.values()), *list_cuda_attrs(), "glibc"}
        if beside.isdisjoint(names):
            hint = suggest(attr, {*table.list_attrs(), *beside}, otherwise="ask `wheelfix locate SONAME`")
            raise InputError(f"--prefer {attr}", "is no attribute that the index knows", hint)


def _translate(lookup: Lookup, release: tuple[int, int]) -> Lookup:
    return replace(
        lookup,
        providers=tuple(replace(p, attr=translate(p.attr, release)) for p in lookup.providers),
        rivals=tuple(translate(attr, release) for attr in lookup.rivals),
    )


def _find(table: SonameTable, soname: str, system: str | None) -> Lookup:
    if cuda := find_cuda(soname):
        return Lookup(soname=soname, providers=cuda)
    (found,) = table.lookup([soname], system=system)
    machine = (system or table.info.system).partition("-")[0]
    if soname in ANSWERS or find_libc(soname, machine) == "glibc":
        return _put_first(found, ANSWERS.get(soname, "glibc"))
    if soname in ELSEWHERE:
        attr, path = ELSEWHERE[soname]
        first = Provider(attr=attr, output="out", path=path, store_path=None, score=100, why=(_NOT_IN_LIB,))
        return replace(found, providers=(first, *found.providers), rivals=(), note=_NOT_IN_LIB)
    if not found.providers and soname in RENAMED:
        name, note = RENAMED[soname]
        (other,) = table.lookup([name], system=system)
        return replace(other, soname=soname, note=note)
    return found


def _put_first(found: Lookup, attr: str) -> Lookup:
    """Make ``attr`` the first provider, with what the table knows of it, if anything."""
    output = "lib" if attr.endswith(".lib") else "out"
    known = next((p for p in found.providers if p.attr == attr), None)
    first = known or Provider(
        attr=attr,
        output=output,
        path=f"/lib/{found.soname}",
        store_path=None,
        score=100,
        why=("part of every nixpkgs",),
    )
    rest = tuple(p for p in found.providers if p is not known)
    return replace(found, providers=(first, *rest), rivals=())
