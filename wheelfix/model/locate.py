"""What ``locate`` answers."""

from __future__ import annotations

from dataclasses import dataclass

from wheelfix.model.causes import Cause
from wheelfix.model.index import Provider
from wheelfix.model.scan import NeedClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """One soname and who provides it.

    Attributes:
        soname: as it was asked for, or as a pattern found it.
        need_class: ``provided``, ``driver``, ``libc``, ``python``, ``ambiguous`` or ``unknown``.
        cause: why.
        providers: best first.
        nearest: other majors of the library that the index has, nearest first.
        note: a remark of the index on its first provider, or None.
    """

    soname: str
    need_class: NeedClass
    cause: Cause
    providers: tuple[Provider, ...]
    nearest: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHit:
    """One file of one package, straight from a database.

    Attributes:
        attr: as the database records it.
        kind: ``r`` regular, ``x`` executable, ``s`` symbolic link, ``d`` directory.
        path: from the root of the store path.
        size: bytes of a file.
    """

    attr: str
    output: str
    store_path: str
    kind: str
    path: str
    size: int
    toplevel: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSource:
    """One place where an index may be.

    Attributes:
        name: ``nix-index``, ``fetched`` or ``bundled``.
        path: of the database or table.
        state: one clause: what is there.
        used: whether a command without --index asks this one.
    """

    name: str
    path: str
    state: str
    used: bool
