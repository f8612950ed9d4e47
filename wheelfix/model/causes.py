"""Why a need is in its class, as data: sentences are made of it where people read them, and nowhere else.

Every structure has a ``kind``, which is what JSON tells it by, and what makes two of different kinds differ.
They are named tuples, as every command makes their classes, and those of dataclasses take eight times as long
to make.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple


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


class No(NamedTuple):
    """A question is answered in the negative, and the next one is asked."""

    kind: Literal["no"] = "no"


class Reached(NamedTuple):
    """A run path leads to a member.

    Attributes:
        path: the member.
        entry: of the run path, as it is written.
        inherited_from: the member whose DT_RPATH it is, if not the wanting object's own.
    """

    path: str
    entry: str
    inherited_from: str | None = None
    kind: Literal["reached"] = "reached"


class Unreached(NamedTuple):
    """A member carries it where no run path leads: it has to be loaded first.

    Attributes:
        path: the member.
    """

    path: str
    kind: Literal["unreached"] = "unreached"


class FixedPath(NamedTuple):
    """It is no soname, but the path of one file, which the loader opens and no other."""

    kind: Literal["fixed-path"] = "fixed-path"


class OfLibc(NamedTuple):
    """The C library's own.

    Attributes:
        libc: ``glibc`` or ``musl``.
    """

    libc: str
    kind: Literal["libc"] = "libc"


class OfInterpreter(NamedTuple):
    """The Python interpreter's own library."""

    kind: Literal["interpreter"] = "interpreter"


class OfDriver(NamedTuple):
    """Part of a GPU driver.

    Attributes:
        part: one clause: of which, and where it is.
    """

    part: str
    kind: Literal["driver"] = "driver"


class Check(NamedTuple):
    """That a distribution at hand was read, and has the library.

    Attributes:
        version: of the distribution.
        path: of the library in it.
        by_soname: it has the name as DT_SONAME alone; the file is called otherwise.
    """

    version: str
    path: str
    by_soname: bool = False


class Brought(NamedTuple):
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
    kind: Literal["brought"] = "brought"


class Unnamed(NamedTuple):
    """Distributions are known to carry it, and nothing in the wheel names one of them.

    Attributes:
        distributions: normalised names, best first.
    """

    distributions: tuple[str, ...]
    kind: Literal["unnamed"] = "unnamed"


class Stale(NamedTuple):
    """The distribution that should bring it is at hand, and does not carry it: another version is wanted.

    Attributes:
        distribution: normalised name.
        version: of the one at hand.
    """

    distribution: str
    version: str
    kind: Literal["stale"] = "stale"


class Provided(NamedTuple):
    """A nixpkgs attribute has it.

    Attributes:
        attr: the first provider.
        path: of the file below its store path.
        note: what else is to be known of this answer, or None.
    """

    attr: str
    path: str
    note: str | None = None
    kind: Literal["provided"] = "provided"


class Rivals(NamedTuple):
    """Attributes that differ in kind have it, and none is better.

    Attributes:
        attrs: best first.
    """

    attrs: tuple[str, ...]
    kind: Literal["rivals"] = "rivals"


class TornFamily(NamedTuple):
    """nixpkgs has one, but the rest of its family does not come from there: two builds in one process break.

    Attributes:
        attr: that has it.
        bundled: the wheel bundles the rest; else other wheels bring it.
        versions: symbol versions, or a name, that tell the family.
    """

    attr: str
    bundled: bool
    versions: tuple[str, ...]
    kind: Literal["torn-family"] = "torn-family"


class Nobody(NamedTuple):
    """No attribute of this index has it.

    Attributes:
        nearest: other majors of the library that are there, nearest first.
    """

    nearest: tuple[str, ...] = ()
    kind: Literal["nobody"] = "nobody"


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
