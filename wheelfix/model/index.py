"""Models of an index's answers: providers of a soname, and which index answered."""

from __future__ import annotations

from datetime import date

from wheelfix.model.base import Struct

OLD = 90
"""Days after which messages call an index old: nixpkgs makes a release every half year."""


class Provider(Struct):
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


class Former(Struct):
    """The attribute that had a library until nixpkgs removed it.

    Attributes:
        attr: as it was written.
        release: the first release of nixpkgs without it.
    """

    attr: str
    release: str


class Lookup(Struct):
    """The answer of an index for one soname.

    Attributes:
        soname: the soname that was asked for.
        providers: best first; empty if the index has none.
        rivals: attrs of first-rank providers that differ in kind; empty if the answer is not ambiguous.
        nearest: other majors of the same library that the index has, nearest first.
        note: a remark to show about the first provider, such as another ABI.
        former: the attribute that had it, if nixpkgs has removed it and no other has it.
    """

    soname: str
    providers: tuple[Provider, ...] = ()
    rivals: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    note: str | None = None
    former: Former | None = None


class IndexInfo(Struct):
    """Which index answered.

    Attributes:
        source: ``bundled``, ``fetched``, ``nix-index`` (the user's own) or ``file``.
        system: Nix system of the entries (``x86_64-linux``).
        date: day of the nixpkgs that the database describes, ISO 8601, or None if it is not recorded.
        written: day when the database's file was written, if ``date`` is None: nothing in it is newer.
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
    written: str | None = None


def say_date(info: IndexInfo) -> str:
    """Write the date of an index, to follow the word "index" or "database"."""
    if info.date:
        return f"of {info.date}"
    return f"of unknown date, written {info.written}" if info.written else "of unknown date"


def find_age(info: IndexInfo, today: date) -> int | None:
    """Return the least possible age of an index in days.

    Args:
        info: the index.
        today: the current day.

    Returns:
        None if no date is known, or if the date is in the future.
    """
    try:
        age = (today - date.fromisoformat(info.date or info.written or "")).days
    except ValueError:
        return None
    return age if age >= 0 else None


def say_age(info: IndexInfo, today: date) -> tuple[str, str] | None:
    """Write subject and predicate, with advice, about an index older than :data:`OLD` days; else None."""
    age = find_age(info, today)
    if age is None or age <= OLD:
        return None
    remedy = {
        "nix-index": "run `nix-index` again",
        "file": "name a newer one with --index",
    }.get(info.source, "fetch a newer one with `wheelfix index update`")
    return f"the {info.source} index {say_date(info)}", f"is {age} days old: {remedy}"
