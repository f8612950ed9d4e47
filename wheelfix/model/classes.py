"""The classes of a need, what each means, and the causes: why a need is in its class, as data.

:mod:`wheelfix.scan.sentences` makes the sentences that people read of causes. Each cause has a tag, ``kind``,
by which JSON tells them apart.
"""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.base import Struct


class NeedClass(StrEnum):
    """The classes of a need, in the order in which they are decided."""

    BUNDLED = "bundled"
    LIBC = "libc"
    PYTHON = "python"
    DRIVER = "driver"
    SIBLING = "sibling"
    PROVIDED = "provided"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


class ClassTraits(Struct):
    """What a class means to people, and to the commands that act on it.

    Attributes:
        meaning: who provides the library, and what to do, in one line.
        style: of the class on a terminal, for rich.
        bringer: who has the library, where that is not a name of its own.
        unignored: why the library needs no entry in an ignore list; empty where one may be needed.
        unreached: why a run path need not lead to the library; empty where one has to.
        is_open: the user is left without an answer.
        is_folded: a terminal shows its needs in one line.
        demand: of two classes of one soname, the one with the higher number asks more of who packages it.
    """

    meaning: str
    style: str
    demand: int
    bringer: str = ""
    unignored: str = ""
    unreached: str = ""
    is_open: bool = False
    is_folded: bool = False


CLASS_TRAITS = {
    NeedClass.UNKNOWN: ClassTraits(
        demand=5,
        meaning="nobody in the index provides it: see what it is",
        style="bold red",
        bringer="nobody",
        is_open=True,
    ),
    NeedClass.AMBIGUOUS: ClassTraits(
        demand=6,
        meaning="attributes that differ in kind provide it: choose one with --prefer",
        style="yellow",
        is_open=True,
    ),
    NeedClass.PROVIDED: ClassTraits(
        demand=7, meaning="a nixpkgs attribute provides it: goes into buildInputs", style="green"
    ),
    NeedClass.DRIVER: ClassTraits(
        demand=4,
        meaning="comes with the GPU driver: ignore exactly this one, and add autoAddDriverRunpath",
        style="magenta",
        bringer="the GPU driver",
        unreached="comes with the GPU driver: --driver adds its directory",
    ),
    NeedClass.SIBLING: ClassTraits(
        demand=3, meaning="another distribution brings it: keep that in the environment", style="cyan"
    ),
    NeedClass.BUNDLED: ClassTraits(
        demand=0,
        meaning="the wheel brings it: nothing to do",
        style="dim",
        bringer="the wheel itself",
        unignored="the wheel brings it itself",
        is_folded=True,
    ),
    NeedClass.PYTHON: ClassTraits(
        demand=2,
        meaning="the interpreter of that version brings it",
        style="dim",
        bringer="the Python interpreter",
        unignored="the interpreter has it",
        unreached="the interpreter has it loaded",
    ),
    NeedClass.LIBC: ClassTraits(
        demand=1,
        meaning="glibc or musl brings it: nothing to do",
        style="dim",
        bringer="the C library",
        unignored="the C library has it",
        unreached="comes with the loader",
        is_folded=True,
    ),
}
"""Every class, in the order in which a person has to look at its needs."""

OPEN_CLASSES = frozenset(kind for kind, traits in CLASS_TRAITS.items() if traits.is_open)
"""Classes that leave the user without an answer."""


class Question(StrEnum):
    """The questions asked about a need, in this order; the first one with an answer decides."""

    WHEEL = "wheel"
    PATH = "path"
    PREFIX = "prefix"
    LIBC = "libc"
    PYTHON = "python"
    DRIVER = "driver"
    SIBLINGS = "siblings"
    INDEX = "index"


class SiblingClue(StrEnum):
    """The evidence that another distribution brings a library, strongest first."""

    NAMED_PLACE = "named-place"
    """A run-path entry names the directory where the distribution has it."""
    NAMED_NAME = "named-name"
    """A run-path entry names a shared directory, and the metadata requires a namesake of the library."""
    FILLED_PLACE = "filled-place"
    """A run-path entry names a directory that a required distribution fills."""
    REQUIRED = "required"
    """The metadata requires a distribution that carries it."""
    TORCH_EXTENSION = "torch-extension"
    """A torch extension wants a library that works only with the torch that loads it."""
    TORCH_REQUIRES = "torch-requires"
    """torch, which the wheel is linked against, requires the distribution and loads the library first."""
    UNREAD = "unread"
    """The metadata was not read; most wheels linked against CUDA's libraries require the distribution."""
    ONLY_WHEELS = "only-wheels"
    """The metadata does not name the distribution, and nixpkgs is not known to have the library."""
    PREFIX = "prefix"
    """A run-path entry leads to a directory of the prefix, where a package of conda at hand has it."""
    INHERITED = "inherited"
    """The same, by the run path that conda's Python hands on to what it loads."""
    DEPENDS = "depends"
    """A package of conda depends on one that is known to have it, and that was not read."""
    ONLY_AT_HAND = "only-at-hand"
    """Nothing names the distribution, but it is the only one at hand that has the library."""


class _Cause(Struct, tag_field="kind"):
    """Base class: one answer to one question."""


class No(_Cause, tag="no"):
    """A question is answered in the negative, and the next one is asked."""


class Reached(_Cause, tag="reached"):
    """A run path leads to a member.

    Attributes:
        path: the member.
        entry: of the run path, as it is written.
        inherited_from: the member whose DT_RPATH it is, if not the wanting object's own.
    """

    path: str
    entry: str
    inherited_from: str | None = None


class Unreached(_Cause, tag="unreached"):
    """A member carries it where no run path leads: it has to be loaded first.

    Attributes:
        path: the member.
    """

    path: str


class FixedPath(_Cause, tag="fixed-path"):
    """It is no soname, but the path of one file, which the loader opens and no other."""


class OfLibc(_Cause, tag="libc"):
    """The C library's own.

    Attributes:
        libc: ``glibc`` or ``musl``.
    """

    libc: str


class OfInterpreter(_Cause, tag="interpreter"):
    """A Python interpreter's own library.

    Attributes:
        version: of that interpreter: ``3.12``, ``3.13t`` (free-threaded), ``3`` for any with the stable ABI.
        fits: whether it is the interpreter that the wheel is for, by its tags; None if these do not tell.
    """

    version: str = ""
    fits: bool | None = None


class OfDriver(_Cause, tag="driver"):
    """Part of a GPU driver.

    Attributes:
        part: one clause: of which, and where it is.
    """

    part: str


class CarriedProof(Struct):
    """That a distribution at hand was read, and has the library.

    Attributes:
        version: of the distribution.
        path: of the library in it.
        by_soname: it has the name as DT_SONAME alone; the file is called otherwise.
    """

    version: str
    path: str
    by_soname: bool = False


class Brought(_Cause, tag="brought"):
    """Another distribution brings it.

    Attributes:
        how: what says so.
        distribution: normalised name (PEP 503), or conda's own name of a package of conda.
        directory: where it installs the library, relative to site-packages, if that is known.
        entry: the run-path entry that names ``place``.
        place: the directory that it names, relative to site-packages; of a package of conda, to the prefix.
        required: the metadata of the wheel requires the distribution.
        check: the proof, where the distribution is at hand.
        absent: other distributions are at hand, and this one is not.
    """

    how: SiblingClue
    distribution: str
    directory: str | None = None
    entry: str | None = None
    place: str | None = None
    required: bool = False
    check: CarriedProof | None = None
    absent: bool = False


class Unnamed(_Cause, tag="unnamed"):
    """Distributions are known to carry it, and nothing in the wheel names one of them.

    Attributes:
        distributions: normalised names, best first.
    """

    distributions: tuple[str, ...]


class Stale(_Cause, tag="stale"):
    """The distribution that should bring it is at hand, and does not carry it: another version is wanted.

    Attributes:
        distribution: normalised name.
        version: of the one at hand.
    """

    distribution: str
    version: str


class Provided(_Cause, tag="provided"):
    """A nixpkgs attribute has it.

    Attributes:
        attr: the first provider.
        path: of the file below its store path.
        note: what else is to be known of this answer, or None.
    """

    attr: str
    path: str
    note: str | None = None


class Rivals(_Cause, tag="rivals"):
    """Attributes that differ in kind have it, and none is better.

    Attributes:
        attrs: best first.
    """

    attrs: tuple[str, ...]


class TornFamily(_Cause, tag="torn-family"):
    """nixpkgs has one, but the rest of its family does not come from there: two builds in one process break.

    Attributes:
        attr: that has it.
        bundled: the wheel bundles the rest; else other wheels bring it.
        versions: symbol versions, or a name, that tell the family.
    """

    attr: str
    bundled: bool
    versions: tuple[str, ...]


class Nobody(_Cause, tag="nobody"):
    """No attribute of this index has it.

    Attributes:
        nearest: other majors of the library that are there, nearest first.
    """

    nearest: tuple[str, ...] = ()


class Gone(_Cause, tag="gone"):
    """The attributes of the index that have it cannot be evaluated in nixpkgs.

    Attributes:
        attr: the first of them.
        removed: why nixpkgs removed it, in its words, or an empty string; None if it is marked as broken.
        absent_on: where it is not, though nixpkgs has it for other machines; else None.
        nearest: other majors of the library that are there, nearest first.
    """

    attr: str
    removed: str | None = None
    absent_on: str | None = None
    nearest: tuple[str, ...] = ()


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
    | Gone
)
"""The answer to one question."""


class Classed(Struct):
    """What is in a class of needs.

    Attributes:
        cause: why it is in its class.
    """

    need_class: NeedClass
    cause: Cause

    @property
    def distribution(self) -> str | None:
        """The distribution that supplies it, for class ``sibling``."""
        return self.cause.distribution if isinstance(self.cause, Brought) else None

    @property
    def directory(self) -> str | None:
        """The library's directory in that distribution, relative to site-packages, if known."""
        return self.cause.directory if isinstance(self.cause, Brought) else None
