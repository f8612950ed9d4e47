"""Reads which packages of conda are installed in a prefix: ``conda-meta/*.json``, and the ELF files of each.

Format: conda's PrefixRecord. A record is written by whoever installed the package, and is not trusted: what
leaves the prefix is left out, and what is read is bounded.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Sequence

from wheelfix.model.base import Struct, decode_json
from wheelfix.model.conda import CondaBuild
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.conda_names import find_spec_name, make_requires
from wheelfix.wheel.foreign import find_format, is_launcher
from wheelfix.wheel.tree import SKIPPED, ElfFile, escape_path, look_at_file, read_regular

META = "conda-meta"
"""Directory of a prefix with a record for each package of conda."""
MAX_RECORD = 64 << 20
"""Longest record read, in bytes; that of a package with 100 000 files has 40 MB."""
MAX_PACKAGES = 20_000
MAX_FILES = 2_000_000
"""Limit of the files of all packages together."""


class _Record(Struct):
    """The part of a PrefixRecord that is read."""

    name: str
    version: str
    build: str = ""
    subdir: str | None = None
    depends: tuple[str, ...] | None = ()
    noarch: str | bool | None = None
    files: tuple[str, ...] | None = ()


class CondaInstalled(Struct):
    """A package of conda in a prefix.

    Attributes:
        distribution: paths are relative to site-packages.
        paths: of its files, relative to site-packages, in the system's spelling, sorted.
        elf_files: sorted by path.
        foreign: formats of libraries for other systems among its files, sorted.
        findings: about its record.
    """

    distribution: Distribution
    paths: tuple[str, ...]
    elf_files: tuple[ElfFile, ...]
    foreign: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def is_prefix(root: str) -> bool:
    """Whether a directory is a prefix of conda."""
    return os.path.isdir(f"{root}/{META}")  # noqa: PTH112


def read_installed_packages(
    root: str, site: str, magic: bytes
) -> tuple[tuple[CondaInstalled, ...], tuple[Finding, ...]]:
    """Read the packages of conda that are installed in a prefix.

    Args:
        root: the prefix, all symbolic links resolved.
        site: its site-packages, or ``root`` in a prefix without Python.
        magic: the first bytes of an ELF file.

    Returns:
        The packages, sorted by name, and findings about records that cannot be read.
    """
    found, findings, left = list[CondaInstalled](), list[Finding](), MAX_FILES
    looker = _Looker(root, site, magic)
    for name in _list_records(root, findings):
        data = read_regular(f"{root}/{META}/{name}", root=root, limit=MAX_RECORD)
        subject = f"{META}/{escape_path(name)}"
        try:
            if data is None:
                raise ValueError("it is no regular file in the prefix, or too long")
            record = decode_json(data, _Record)
        except ValueError as error:
            message = f"cannot be read ({str(error)[:200]}): its package is left out"
            findings.append(Finding(level=Level.WARNING, subject=subject, message=message))
            continue
        left -= len(record.files or ())
        if left < 0:
            message = f"more than {MAX_FILES} files are installed: the rest of the packages was not looked at"
            findings.append(Finding(level=Level.WARNING, subject=META, message=message))
            break
        found.append(_read_package(record, subject, looker))
    found.sort(key=lambda one: (one.distribution.name, one.distribution.version))
    return tuple(found), tuple(findings)


def _list_records(root: str, findings: list[Finding]) -> Sequence[str]:
    try:
        names = sorted(n for n in os.listdir(f"{root}/{META}") if n.endswith(".json"))  # noqa: PTH208
    except OSError:
        findings.append(Finding(level=Level.WARNING, subject=META, message="cannot be listed: left out"))
        return ()
    if len(names) > MAX_PACKAGES:
        message = f"has more than {MAX_PACKAGES} records: the rest was not looked at"
        findings.append(Finding(level=Level.WARNING, subject=META, message=message))
    return names[:MAX_PACKAGES]


def _read_package(record: _Record, subject: str, looker: _Looker) -> CondaInstalled:
    name, findings = escape_path(record.name), list[Finding]()
    listed = dict.fromkeys(record.files or ())
    inside = [path for path in listed if _is_inside(path)]
    if len(inside) < len(listed):
        message = "lists files outside of the prefix: left out"
        findings.append(Finding(level=Level.WARNING, subject=subject, message=message))
    paths = sorted({looker.spell(path) for path in inside})
    elf_files, foreign, unreadable = looker.find(inside)
    if unreadable:
        message = f"{unreadable} of its files cannot be opened: left out"
        findings.append(Finding(level=Level.WARNING, subject=subject, message=message))
    specs = tuple(spec for spec in record.depends or () if spec.isprintable() and find_spec_name(spec))
    build = CondaBuild(
        build=escape_path(record.build),
        subdir=escape_path(record.subdir or ("noarch" if record.noarch else "linux-64")),
        depends=specs,
        noarch="generic" if record.noarch is True else escape_path(record.noarch or ""),
        links_scripts=any(f"bin/.{record.name}-{when}-link.sh" in inside for when in ("pre", "post")),
    )
    distribution = Distribution(
        target="-".join(filter(None, (name, escape_path(record.version), build.build))),
        name=name,
        version=escape_path(record.version),
        tags=(),
        requires=make_requires(specs),
        files=frozenset(map(escape_path, paths)),
        conda=build,
    )
    return CondaInstalled(
        distribution=distribution,
        paths=tuple(paths),
        elf_files=tuple(sorted(elf_files, key=lambda file: file.path)),
        foreign=tuple(sorted(foreign)),
        findings=tuple(findings),
    )


def _is_inside(path: str) -> bool:
    return bool(path) and not path.startswith("/") and "\0" not in path and ".." not in path.split("/")


class _Looker:
    """Looks at the files that packages list."""

    def __init__(self, root: str, site: str, magic: bytes) -> None:
        self._root, self._magic = root, magic
        self._site = posixpath.relpath(site, root)

    def spell(self, path: str) -> str:
        """Spell a path in the prefix relative to site-packages."""
        return posixpath.relpath(path, self._site)

    def find(self, paths: Sequence[str]) -> tuple[list[ElfFile], set[str], int]:
        """Return ELF files, formats of other systems, and how many files cannot be opened."""
        elf_files, foreign, unreadable = list[ElfFile](), set[str](), 0
        for path in self._list_inside(paths):
            try:
                file, head = look_at_file(self.spell(path), f"{self._root}/{path}", self._root, self._magic)
            except FileNotFoundError:
                continue  # recorded, but deleted
            except OSError:
                unreadable += 1
                continue
            if file:
                elf_files.append(file)
            elif not is_launcher(path) and (name := find_format(head)):
                foreign.add(name)
        return elf_files, foreign, unreadable

    def _list_inside(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield what may be an ELF file, and is a file or link in a directory of the prefix."""
        for path in paths:
            if path.endswith(SKIPPED):
                continue
            try:
                mode = os.lstat(f"{self._root}/{path}").st_mode
            except (OSError, ValueError):
                continue  # recorded, but deleted
            if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                yield path
