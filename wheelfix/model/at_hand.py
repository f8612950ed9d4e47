"""Models of the libraries that the distributions at hand carry."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.model.base import Struct, field


class LibraryAtHand(Struct):
    """A library that a distribution at hand carries.

    Attributes:
        distribution: normalised name (PEP 503), or conda's own name of a package of conda.
        version: as its metadata writes it.
        path: member path, or path relative to site-packages.
        directory: where it is installed, relative to site-packages; ``../..`` is ``lib`` of the prefix.
        machine: as in :class:`wheelfix.model.elf.ElfObject`.
        named: its file name is the wanted name, so that a run path to ``directory`` finds it.
        soname: its DT_SONAME is the wanted name, so that it answers once it is loaded.
    """

    distribution: str
    version: str
    path: str
    directory: str
    machine: str
    named: bool
    soname: bool


class AtHand(Struct):
    """Distributions that were read, so that their contents are known and not assumed.

    Attributes:
        versions: version by normalised distribution name.
        libraries: by the names a library answers to; best first.
        conda: names of the packages of conda among them.
        inherited: directories of the prefix that the run path of conda's Python leads to, which what it loads
            inherits, each with the entry.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, tuple[LibraryAtHand, ...]] = field(default_factory=dict)
    conda: frozenset[str] = frozenset()
    inherited: Mapping[str, str] = field(default_factory=dict)
