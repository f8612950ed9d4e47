"""All that is read of a distribution."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.scan import Finding
from wheelfix.model.symbols import Symbols
from wheelfix.model.wheel import Distribution, Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFile:
    """One file that a wheel installs.

    Attributes:
        path: of the member, or ``bin/NAME`` in the prefix's scheme ``NAME.data/scripts`` for an entry point.
        digest: tells contents apart: RECORD's hash, or size and checksum where RECORD has none.
        namespace: an ``__init__.py`` without code, or with nothing but the declaration of a namespace.
    """

    path: str
    digest: str
    namespace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that was read of one distribution.

    Attributes:
        read_symbols: reads the dynamic symbols of some of its ELF files, given by path.
        hints: by-catch of the ELF files; those on disk are not read whole, and give no strings.
        uses: what Python sources open and run by name.
        findings: what was left out, and why.
    """

    distribution: Distribution
    objects: tuple[ElfObject, ...]
    read_symbols: Callable[[Collection[str]], tuple[Symbols, ...]]
    hints: tuple[ElfHints, ...] = ()
    uses: tuple[SourceUse, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelMembers:
    """What was read of all members of a wheel: nothing in it depends on the wheel's file name.

    Attributes:
        objects, hints, uses, findings: as in :class:`Reading`.
    """

    objects: tuple[ElfObject, ...]
    hints: tuple[ElfHints, ...]
    uses: tuple[SourceUse, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFacts:
    """A wheel as far as a lock wants to know it.

    Attributes:
        target: file name.
        sha256: of the file, 64 hexadecimal digits.
        summary, homepage, spdx, license: as in :class:`wheelfix.model.override.Source`.
        name, version, tags, requires: as in :class:`wheelfix.model.wheel.Distribution`.
        files: sorted by path.
        objects, hints, uses, findings: as in :class:`Reading`, sorted by path.
    """

    target: str
    sha256: str
    name: str
    version: str
    tags: tuple[str, ...]
    requires: tuple[Requirement, ...]
    summary: str
    homepage: str
    spdx: str
    license: str
    files: tuple[WheelFile, ...]
    objects: tuple[ElfObject, ...]
    hints: tuple[ElfHints, ...]
    uses: tuple[SourceUse, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def distribution(self) -> Distribution:
        """The same as a distribution."""
        return Distribution(
            target=self.target,
            name=self.name,
            version=self.version,
            tags=self.tags,
            requires=self.requires,
            files=frozenset(file.path for file in self.files),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """What a source distribution wants to be built with.

    Attributes:
        requires: normalised names, sorted.
        backend: module of the backend, or empty.
        cargo: it holds a Cargo.toml, so Rust is compiled.
    """

    requires: tuple[str, ...]
    backend: str = ""
    cargo: bool = False
