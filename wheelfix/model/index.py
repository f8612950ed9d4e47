"""What an index answers when asked for a soname."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One nixpkgs attribute that has a file of the wanted name.

    Attributes:
        attr: attribute path as one writes it in Nix below ``pkgs``, without the output
            (``onetbb``, ``cudaPackages.libcublas``), or with it where experts write it so
            (``stdenv.cc.cc.lib``).
        output: name of the output that holds the file (``out``, ``lib`` ...).
        path: the file below the store path, from its root (``/lib/libtbb.so.12``).
        store_path: ``/nix/store/<hash>-<name>`` as the index recorded it, or None.
        version: version taken from the store path's name, or None.
        score: rank; comparable only among the providers of one soname.
        why: one short sentence per rule that moved the score.
    """

    attr: str
    output: str
    path: str
    store_path: str | None
    version: str | None = None
    score: int = 0
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The answer of an index for one soname.

    Attributes:
        soname: the soname that was asked for.
        providers: best first; empty if the index has none.
        rivals: attrs of first-rank providers that differ in kind (empty: no doubt).
        nearest: other majors of the same library that the index has, nearest first.
        note: a remark on the first provider worth showing, such as another ABI.
    """

    soname: str
    providers: tuple[Provider, ...] = ()
    rivals: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """Which index answered.

    Attributes:
        source: ``bundled``, ``fetched``, ``nix-index`` (the user's own) or ``file``.
        system: Nix system of the entries (``x86_64-linux``).
        date: day of the database, ISO 8601, or None if it does not say.
        digest: sha256 of the nix-index database the table was built from.
        sonames: number of distinct file names in the table.
        entries: number of rows.
    """

    source: str
    system: str
    date: str | None
    digest: str
    sonames: int
    entries: int
