"""Models of lock files: one shape for all formats."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.base import Struct
from wheelfix.model.conda import CondaPackage, CondaPlatform
from wheelfix.model.lock_formats import LockKind
from wheelfix.model.python import PYPY


class SourceKind(StrEnum):
    """Kind of place that a package comes from.

    ``INDEX`` is a package index, ``ARCHIVE`` one file by its URL, ``LOCAL`` the project itself or a directory
    beside the lock, ``VCS`` a revision of a repository.
    """

    INDEX = "index"
    ARCHIVE = "archive"
    LOCAL = "local"
    VCS = "vcs"


class ChoiceKind(StrEnum):
    """Kind of source that a package is taken from."""

    WHEEL = "wheel"
    SDIST = "sdist"
    NIXPKGS = "nixpkgs"
    CONDA = "conda"


class LockedFile(Struct):
    """A file that a lock names.

    Attributes:
        filename: last part of its URL or path, unquoted.
        sha256: 64 hexadecimal digits, or None if the lock states no such hash.
        url: where it is, or None if the lock leaves that to an index.
        path: relative to the lock's directory, for files beside it.
        size: bytes, if stated.
    """

    filename: str
    sha256: str | None
    url: str | None = None
    path: str | None = None
    size: int | None = None


class LockedDependency(Struct):
    """An edge between packages.

    Attributes:
        name: normalised (PEP 503).
        version: set where the lock has several versions of that name.
        origin: set where the lock has one version of that name from several places.
        marker: PEP 508 marker, or empty.
        extras: extras asked of it, normalised, sorted.
    """

    name: str
    version: str | None = None
    origin: str | None = None
    marker: str = ""
    extras: tuple[str, ...] = ()


class DependencySet(Struct):
    """Dependencies that belong to one extra or one dependency group."""

    name: str
    dependencies: tuple[LockedDependency, ...]


class LockedPackage(Struct):
    """One version of a package in a lock.

    Attributes:
        name: normalised (PEP 503).
        version: as the lock writes it; None if it states none.
        wheels: in the lock's order, which decides among equals.
        hashes: of files whose names the lock does not give (requirements.txt, Pipfile.lock), sorted.
        marker: PEP 508 marker (or PEP 751) of the package itself, or empty.
        extras, groups: what its extras and dependency groups add.
        in_groups: dependency groups it belongs to (poetry, pdm, pipenv); empty for all.
        origin: distinguishes it from the same version from another place; empty if the lock states none.
        optional: whether only an extra brings it (poetry).
        platforms: of conda that it is locked for, sorted; empty for all.
    """

    name: str
    version: str | None
    source: SourceKind = SourceKind.INDEX
    wheels: tuple[LockedFile, ...] = ()
    sdist: LockedFile | None = None
    hashes: tuple[str, ...] = ()
    dependencies: tuple[LockedDependency, ...] = ()
    extras: tuple[DependencySet, ...] = ()
    groups: tuple[DependencySet, ...] = ()
    marker: str = ""
    in_groups: tuple[str, ...] = ()
    origin: str = ""
    optional: bool = False
    platforms: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and version, for messages."""
        return f"{self.name} {self.version}" if self.version else self.name


class Lock(Struct):
    """A whole lock.

    Attributes:
        name: of the file, for messages.
        requires_python: version specifiers, or empty.
        environments: markers, one of which has to hold; empty for any environment.
        packages: in the lock's order.
        roots: where the environment starts; None takes every package whose marker holds.
        extras: of the project, for formats that keep them apart from packages, and what they add (poetry).
        groups: names of the dependency groups, for formats that list them apart from what they hold.
        default_groups: dependency groups taken unless others are named.
        conda: packages of conda, for all platforms of the lock, in its order.
        channels: of conda, as the lock names them, strongest first.
        platforms: of conda that the lock is for, sorted by name.
    """

    name: str
    kind: LockKind
    requires_python: str = ""
    environments: tuple[str, ...] = ()
    packages: tuple[LockedPackage, ...]
    roots: tuple[str, ...] | None = None
    extras: tuple[DependencySet, ...] = ()
    groups: tuple[str, ...] = ()
    default_groups: tuple[str, ...] = ()
    conda: tuple[CondaPackage, ...] = ()
    channels: tuple[str, ...] = ()
    platforms: tuple[CondaPlatform, ...] = ()


class Runtime(Struct):
    """The interpreter and platform for which files are chosen.

    Attributes:
        python: ``3.12``, ``3.14t``, or ``pypy3.11``.
        system: Nix system.
        environment: PEP 508 environment, sorted by key.
        tags: compatible wheel tags as pip ranks them, best first.
    """

    python: str
    system: str
    environment: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]


class Choice(Struct):
    """The source chosen for one package.

    Attributes:
        file: the wheel or source distribution; None for nixpkgs, for the project itself, for a revision of a
            repository, and where only hashes are known.
        attr: path of nixpkgs' build below ``pkgs``.
        conda: name of conda's package.
        rival: the wheel that pip would take, where the package set of the dialect takes another one.
        passed_over: the wheel that the package set takes by itself, in whose place ``file`` has to be put.
    """

    package: LockedPackage
    kind: ChoiceKind
    file: LockedFile | None = None
    attr: tuple[str, ...] = ()
    conda: str = ""
    rival: str | None = None
    passed_over: str | None = None


class Sourceless(Struct):
    """A package that has no source of a wanted kind.

    Attributes:
        wanted: the wanted kinds, strongest first.
    """

    package: LockedPackage
    wanted: tuple[ChoiceKind, ...]


class ProviderRule(Struct, eq=False):
    """The kinds of source that a package may be taken from.

    Attributes:
        pattern: glob of normalised names; ``default`` stands for all others.
        kinds: strongest first.
        attr: attribute for nixpkgs, or empty for the one named like the package.
        channel: of conda, or empty for those of the options.
        where: what the user wrote, for messages.
        shared: whether it comes from a file that may serve many locks.

    Rules that say the same are equal, whatever ``where`` is.
    """

    pattern: str
    kinds: tuple[ChoiceKind, ...]
    attr: str = ""
    channel: str = ""
    where: str = ""
    shared: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProviderRule) and self._says() == other._says()

    def __hash__(self) -> int:
        return hash(self._says())

    def _says(self) -> tuple[str, tuple[ChoiceKind, ...], str, str]:
        return self.pattern, self.kinds, self.attr, self.channel


def name_interpreter(python: str) -> str:
    """Return the attribute of an interpreter.

    Example:
        >>> name_interpreter("3.12"), name_interpreter("3.14t"), name_interpreter("pypy3.11")
        ('python312', 'python314FreeThreading', 'pypy311')
    """
    bare = python.removesuffix("t")
    name = bare if bare.startswith(PYPY) else f"python{bare}"
    return f"{name.replace('.', '')}{'FreeThreading' if bare != python else ''}"


def name_packages(python: str) -> tuple[str, ...]:
    """Return the attribute path of an interpreter's package set; a free-threaded one has no name of its own.

    Example:
        >>> name_packages("3.12"), name_packages("3.14t")
        (('python312Packages',), ('python314FreeThreading', 'pkgs'))
    """
    name = name_interpreter(python)
    return (f"{name}Packages",) if not python.endswith("t") else (name, "pkgs")
