"""A reading: everything that was read of one distribution."""

from __future__ import annotations

from enum import Enum

from wheelfix.model.base import Struct
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.scan import Finding
from wheelfix.model.sdist import PythonProject
from wheelfix.model.wheel import Distribution


class WheelFile(Struct):
    """One file that a wheel installs.

    Attributes:
        path: of the member, or ``bin/NAME`` in the prefix's scheme ``NAME.data/scripts`` for an entry point.
        digest: identifies the contents: RECORD's hash, or size and checksum where RECORD has none.
        namespace: whether it is an ``__init__.py`` without code, or with only a namespace declaration.
    """

    path: str
    digest: str
    namespace: bool = False


class About(Struct):
    """The descriptive metadata of a wheel, and its digest.

    Attributes:
        sha256: of the wheel's bytes, 64 hexadecimal digits; None if not computed, or if there is no wheel.
        summary, homepage, changelog: as in METADATA, or empty.
        spdx: license as a canonical SPDX expression, or empty if it cannot be told.
        license: the same in the metadata's own words, or empty.
        requires_python: versions of Python that it accepts, as in METADATA, or empty.
    """

    sha256: str | None = None
    summary: str = ""
    homepage: str = ""
    changelog: str = ""
    spdx: str = ""
    license: str = ""
    requires_python: str = ""


class OriginKind(Enum):
    """Kind of place where the files of a distribution are."""

    WHEEL = "wheel"
    UNPACKED = "unpacked"
    INSTALLED = "installed"
    FILE = "file"
    CONDA = "conda"


Stamp = tuple[int, int, int, int]
"""Device, inode, size and modification time in nanoseconds; they stay the same until a file is written to."""


class Origin(Struct):
    """Where the bytes of a distribution can be read again.

    Attributes:
        path: of the wheel, the package, the directory or the ELF file.
        stamp: of the archive when it was read; None if the origin is not a single file.
        places: where its ELF files are on disk, by path of the object, sorted; empty for an archive.
    """

    kind: OriginKind
    path: str
    stamp: Stamp | None = None
    places: tuple[tuple[str, str], ...] = ()


class Reading(Struct):
    """Everything that was read of one distribution, as data without conclusions.

    Attributes:
        objects: sorted by path.
        hints: hints of the ELF files, sorted by path.
        uses: what Python sources open and run by name, sorted by path.
        findings: what was left out, and why.
        foreign: formats of libraries for other systems among its files (``Mach-O``, ``PE``), sorted.
        contents: what it installs, sorted by path; None if not requested.
        origin: None for a distribution that is known without its bytes.
        links: of a package of conda, symbolic links named like shared libraries that lead to files of other
            packages, each with the path of the file, sorted.
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
    links: tuple[tuple[str, str], ...] = ()


class BuildSystem(Struct):
    """What a source distribution requires for its build.

    Attributes:
        requires: normalised names, sorted.
        backend: module of the backend, or empty.
        cargo: whether it holds a Cargo.toml, so that Rust is compiled.
        filename: of the source distribution, or empty.
        sha256: of that file, 32 bytes; None if it is a directory.
        project: what else it says of itself, or None.
    """

    requires: tuple[str, ...]
    backend: str = ""
    cargo: bool = False
    filename: str = ""
    sha256: bytes | None = None
    project: PythonProject | None = None
