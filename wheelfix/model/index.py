"""Models of an index's answers: providers of a soname, and which index answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

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


class Lookup(Struct):
    """The answer of an index for one soname.

    Attributes:
        soname: the soname that was asked for.
        providers: best first; empty if the index has none.
        rivals: attrs of first-rank providers that differ in kind; empty if the answer is not ambiguous.
        nearest: other majors of the same library that the index has, nearest first.
        note: a remark to show about the first provider, such as another ABI.
        gone: attributes that have it in the index, and that nixpkgs has no longer, only broken, or not there.
    """

    soname: str
    providers: tuple[Provider, ...] = ()
    rivals: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    note: str | None = None
    gone: tuple[Attribute, ...] = ()


class Permission(StrEnum):
    """A setting in the configuration of nixpkgs without which some packages are refused."""

    UNFREE = "allowUnfree"
    INSECURE = "permittedInsecurePackages"


def list_permissions(*, unfree: bool, insecure: bool) -> tuple[Permission, ...]:
    """List the settings that something has to be allowed by."""
    found = {Permission.UNFREE: unfree, Permission.INSECURE: insecure}
    return tuple(one for one, needed in found.items() if needed)


class Attribute(Struct):
    """What a nixpkgs says of one attribute.

    Attributes:
        attr: path below ``pkgs``.
        version: of the package, or None.
        outputs: all outputs, the default one first.
        reached: outputs whose files the hooks of a build see if the attribute stands in ``buildInputs``.
        unfree: it, or something that it is built with, evaluates with ``allowUnfree`` only.
        insecure: the same for ``permittedInsecurePackages``.
        broken: it is marked as broken, or does not evaluate on this platform whatever is allowed.
        absent_on: where it does not evaluate although it does on other machines: a Nix system, followed by
            ``-musl`` for ``pkgsMusl``; None if nothing is known.
        removed: nixpkgs does not have it: nixpkgs' own reason, or an empty string without one; else None.
        renamed: the attribute that it is an alias of, or None.
        size: bytes of the files in its outputs, except those for development and documentation; None if
            unknown.
    """

    attr: str
    version: str | None = None
    outputs: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    unfree: bool = False
    insecure: bool = False
    broken: bool = False
    absent_on: str | None = None
    removed: str | None = None
    renamed: str | None = None
    size: int | None = None

    @property
    def usable(self) -> bool:
        """Whether it can be written into code, with a permission of the user or without."""
        return self.removed is None and not self.broken and self.absent_on is None

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """Settings that it has to be allowed by."""
        return list_permissions(unfree=self.unfree, insecure=self.insecure)


def find_permissions(attr: str, attributes: Mapping[str, Attribute]) -> tuple[Permission, ...]:
    """Find the settings that an attribute has to be allowed by; none for one of which nothing is known.

    Args:
        attr: the attribute.
        attributes: what nixpkgs says, by attribute.
    """
    said = attributes.get(attr)
    return said.permissions if said else ()


class Refused(Struct):
    """A provider that nixpkgs does not evaluate without a permission of the user."""

    attr: str
    permissions: tuple[Permission, ...]


class PythonPackage(Struct):
    """What a nixpkgs says of one package of ``python3Packages``.

    Attributes:
        attr: name in the set.
        name: normalised name of the distribution (PEP 503).
        dependencies: normalised names of the Python packages that it propagates, sorted.
        version, unfree, insecure, broken, removed, renamed: as in :class:`Attribute`.
    """

    attr: str
    name: str
    version: str | None = None
    dependencies: tuple[str, ...] = ()
    unfree: bool = False
    insecure: bool = False
    broken: bool = False
    removed: str | None = None
    renamed: str | None = None


class NixpkgsInfo(Struct):
    """Which nixpkgs said something about attributes.

    Attributes:
        source: ``bundled``, ``own`` (evaluated by this user's Nix and kept), or the path or flake reference
            that was evaluated now.
        release: ``26.11``.
        revision: Git commit, or None if it is not known.
        date: day of the commit, ISO 8601, or None if it is not known.
        system: Nix system that was evaluated.
        python: version of ``python3``.
    """

    source: str
    release: str
    system: str
    python: str
    revision: str | None = None
    date: str | None = None


class Wanted(Struct, kw_only=False):
    """A name to ask about.

    Attributes:
        name: attribute path below ``pkgs`` with dots, or a name in ``python3Packages``.
        is_python: which of both.
    """

    name: str
    is_python: bool = False


class Followed(Struct):
    """A nixpkgs that the user named, and that decides about attributes.

    Attributes:
        nixpkgs: a path, a path of NIX_PATH (``<nixpkgs>``), or else a flake reference.
        origin: where it was named, for messages.
        required: whether it is an error if it cannot be evaluated.
        system: Nix system that it is asked for.
        confined: whether its code may read no other files, fetch nothing and build nothing.
        problem: why it could not be evaluated; None if it could, or was not asked yet.
    """

    nixpkgs: str
    origin: str
    required: bool
    system: str
    confined: bool = False
    problem: str | None = None


class Evaluated(Struct):
    """What a nixpkgs said.

    Attributes:
        info: which nixpkgs.
        attributes: in the order asked.
        python: in the order asked.
    """

    info: NixpkgsInfo
    attributes: tuple[Attribute, ...] = ()
    python: tuple[PythonPackage, ...] = ()


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


def find_age(day: str | None, today: date) -> int | None:
    """Return the age in days of what is of a day.

    Args:
        day: ISO 8601, or None.
        today: the current day.

    Returns:
        None if no day is known, or if it is in the future.
    """
    try:
        age = (today - date.fromisoformat(day or "")).days
    except ValueError:
        return None
    return age if age >= 0 else None


def say_age(info: IndexInfo, today: date) -> tuple[str, str] | None:
    """Write subject and predicate, with advice, about an index older than :data:`OLD` days; else None."""
    age = find_age(info.date or info.written, today)
    if age is None or age <= OLD:
        return None
    remedy = {
        "nix-index": "run `nix-index` again",
        "file": "name a newer one with --index",
    }.get(info.source, "fetch a newer one with `wheelfix index update`")
    return f"the {info.source} index {say_date(info)}", f"is {age} days old: {remedy}"


def say_attributes_age(info: NixpkgsInfo, today: date) -> tuple[str, str] | None:
    """Write subject and predicate about attributes held against a nixpkgs older than :data:`OLD` days."""
    age = find_age(info.date, today)
    if age is None or age <= OLD:
        return None
    remedy = "name yours with --nixpkgs, or keep what it says with `wheelfix index update --nixpkgs REF`"
    return "the nixpkgs that answers are held against", f"is of {info.date}, {age} days old: {remedy}"
