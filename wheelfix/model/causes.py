"""Why a need is in its class, as data: sentences are made of it where people read them, and nowhere else.

Every structure has a ``kind``, which is what JSON tells it by.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Question(StrEnum):
    """What is asked about a need, in this order; the first one with an answer decides."""

    WHEEL = "wheel"
    PATH = "path"
    LIBC = "libc"
    PYTHON = "python"
    DRIVER = "driver"
    SIBLINGS = "siblings"
    INDEX = "index"


class How(StrEnum):
    """What says that another distribution brings a library, strongest first."""

    NAMED_PLACE = "named-place"
    """A run-path entry names the directory where the distribution has it."""
    NAMED_NAME = "named-name"
    """A run-path entry names a shared directory, and the metadata requires what the library is called."""
    FILLED_PLACE = "filled-place"
    """A run-path entry names a directory that a required distribution fills."""
    REQUIRED = "required"
    """The metadata requires a distribution that carries it."""
    TORCH_EXTENSION = "torch-extension"
    """A library of torch that works with the torch alone that loads it."""
    TORCH_REQUIRES = "torch-requires"
    """torch, which the wheel is linked against, requires the distribution and loads the library first."""
    UNREAD = "unread"
    """The metadata is not at hand; of wheels that are linked against CUDA's libraries, most require it."""
    ONLY_WHEELS = "only-wheels"
    """The metadata does not say so, and nobody else is known to have it."""
    ONLY_AT_HAND = "only-at-hand"
    """Nothing says so, and of all distributions at hand, this one alone has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A question is answered in the negative, and the next one is asked."""

    kind: ClassVar[str] = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A run path leads to a member.

    Attributes:
        path: the member.
        entry: of the run path, as it is written.
        inherited_from: the member whose DT_RPATH it is, if not the wanting object's own.
    """

    path: str
    entry: str
    inherited_from: str | None = None
    kind: ClassVar[str] = "reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """A member carries it where no run path leads: it has to be loaded first.

    Attributes:
        path: the member.
    """

    path: str
    kind: ClassVar[str] = "unreached"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPath:
    """It is no soname, but the path of one file, which the loader opens and no other."""

    kind: ClassVar[str] = "fixed-path"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfLibc:
    """The C library's own.

    Attributes:
        libc: ``glibc`` or ``musl``.
    """

    libc: str
    kind: ClassVar[str] = "libc"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfInterpreter:
    """The Python interpreter's own library."""

    kind: ClassVar[str] = "interpreter"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfDriver:
    """Part of a GPU driver.

    Attributes:
        part: one clause: of which, and where it is.
    """

    part: str
    kind: ClassVar[str] = "driver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """That a distribution at hand was read, and has the library.

    Attributes:
        version: of the distribution.
        path: of the library in it.
        by_soname: it has the name as DT_SONAME alone; the file is called otherwise.
    """

    version: str
    path: str
    by_soname: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """Another distribution brings it.

    Attributes:
        how: what says so.
        distribution: normalised name (PEP 503).
        directory: where it installs the library, relative to site-packages, if that is known.
        entry: the run-path entry that names ``place``.
        place: the directory that it names, relative to site-packages.
        required: the metadata of the wheel requires the distribution.
        check: the proof, where the distribution is at hand.
        absent: other distributions are at hand, and this one is not.
    """

    how: How
    distribution: str
    directory: str | None = None
    entry: str | None = None
    place: str | None = None
    required: bool = False
    check: Check | None = None
    absent: bool = False
    kind: ClassVar[str] = "brought"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnamed:
    """Distributions are known to carry it, and nothing in the wheel names one of them.

    Attributes:
        distributions: normalised names, best first.
    """

    distributions: tuple[str, ...]
    kind: ClassVar[str] = "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The distribution that should bring it is at hand, and does not carry it: another version is wanted.

    Attributes:
        distribution: normalised name.
        version: of the one at hand.
    """

    distribution: str
    version: str
    kind: ClassVar[str] = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """A nixpkgs attribute has it.

    Attributes:
        attr: the first provider.
        path: of the file below its store path.
        note: what else is to be known of this answer, or None.
    """

    attr: str
    path: str
    note: str | None = None
    kind: ClassVar[str] = "provided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """Attributes that differ in kind have it, and none is better.

    Attributes:
        attrs: best first.
    """

    attrs: tuple[str, ...]
    kind: ClassVar[str] = "rivals"


@dataclass(frozen=True, slots=True, kw_only=True)
class TornFamily:
    """nixpkgs has one, but the rest of its family does not come from there: two builds in one process break.

    Attributes:
        attr: that has it.
        bundled: the wheel bundles the rest; else other wheels bring it.
        versions: symbol versions, or a name, that tell the family.
    """

    attr: str
    bundled: bool
    versions: tuple[str, ...]
    kind: ClassVar[str] = "torn-family"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobody:
    """No attribute of this index has it.

    Attributes:
        nearest: other majors of the library that are there, nearest first.
    """

    nearest: tuple[str, ...] = ()
    kind: ClassVar[str] = "nobody"


Cause = (
    No
    | Reached
    | Unreached
    | FixedPath
    | OfLibc
    | OfInterpreter
    | OfDriver
    | Brought
    | Unnamed
    | Stale
    | Provided
    | Rivals
    | TornFamily
    | Nobody
)
"""The answer to one question."""
