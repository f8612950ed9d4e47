"""All that is read of a distribution."""

from __future__ import annotations

from enum import Enum

from wheelfix.model.base import Struct
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.scan import Finding
from wheelfix.model.wheel import Distribution


class WheelFile(Struct):
    """One file that a wheel installs.

    Attributes:
        path: of the member, or ``bin/NAME`` in the prefix's scheme ``NAME.data/scripts`` for an entry point.
        digest: tells contents apart: RECORD's hash, or size and checksum where RECORD has none.
        namespace: an ``__init__.py`` without code, or with nothing but the declaration of a namespace.
    """

    path: str
    digest: str
    namespace: bool = False


class About(Struct):
    """What a wheel says of itself for people, and which wheel it is.

    Attributes:
        sha256: of the wheel's bytes, 64 hexadecimal digits; None where nobody asked, or there is no wheel.
        summary, homepage: as METADATA has them, or empty.
        spdx: license as an SPDX expression, or empty.
        license: the same in words, or empty.
    """

    sha256: str | None = None
    summary: str = ""
    homepage: str = ""
    spdx: str = ""
    license: str = ""


class OriginKind(Enum):
    """What the bytes of a distribution lie in."""

    WHEEL = "wheel"
    UNPACKED = "unpacked"
    INSTALLED = "installed"
    FILE = "file"


Stamp = tuple[int, int, int, int]
"""Device, inode, size and time of modification in nanoseconds: they stay while nobody writes to a file."""


class Origin(Struct):
    """Where the bytes of a distribution can be got again.

    Attributes:
        path: of the wheel, the directory or the ELF file.
        stamp: of the wheel when it was read; None for what is no single file.
        places: where its ELF files are on disk, by path of the object, sorted; empty for a wheel.
    """

    kind: OriginKind
    path: str
    stamp: Stamp | None = None
    places: tuple[tuple[str, str], ...] = ()


class Reading(Struct):
    """All that was read of one distribution: data, and nothing but data.

    Attributes:
        objects: sorted by path.
        hints: by-catch of the ELF files, sorted by path; those of environments are not read whole, and
            give no strings.
        uses: what Python sources open and run by name, sorted by path.
        findings: what was left out, and why.
        foreign: formats of libraries for other systems among its files (``Mach-O``, ``PE``), sorted.
        contents: what it installs, sorted by path; None where nobody asked for it.
        origin: None for what is known without its bytes.
    """

    distribution: Distribution
    objects: tuple[ElfObject, ...]
    hints: tuple[ElfHints, ...] = ()
    uses: tuple[SourceUse, ...] = ()
    findings: tuple[Finding, ...] = ()
    foreign: tuple[str, ...] = ()
    about: About = About()
    contents: tuple[WheelFile, ...] | None = None
    origin: Origin | None = None


class BuildSystem(Struct):
    """What a source distribution wants to be built with.

    Attributes:
        requires: normalised names, sorted.
        backend: module of the backend, or empty.
        cargo: it holds a Cargo.toml, so Rust is compiled.
    """

    requires: tuple[str, ...]
    backend: str = ""
    cargo: bool = False
