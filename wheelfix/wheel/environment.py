"""Reads installed environments: their distributions, and the ELF files of each.

A virtual environment, a conda prefix, a store path, ``site-packages`` itself, an unpacked wheel and any
directory of ELF files are read the same way. Distributions are found by ``*.dist-info`` (the specification
"Recording installed projects"); ``*.egg-info`` has no reliable list of files and is ignored, except for the
project that an ``*.egg-link`` of setuptools leads to.
"""

from __future__ import annotations

import csv
import io
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from wheelfix.errors import InputError, WheelError, describe
from wheelfix.model.base import Struct, decode_json, replace
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.conda_meta import CondaInstalled, is_prefix, read_installed_packages
from wheelfix.wheel.metadata import add_variant, normalize_name, parse_metadata, parse_wheel_tags
from wheelfix.wheel.tree import (
    MAX_PROJECT,
    SKIPPED,
    ElfFile,
    ProjectFiles,
    Tree,
    escape_path,
    find_elf_file,
    read_regular,
    walk_project,
    walk_tree,
)

MAX_RECORD = 64 << 20
"""Longest RECORD read, in bytes; torch's has 1.3 MB."""
MAX_METADATA = 16 << 20
_MAX_DIRECT_URL = 1 << 16
_EGG_LINK = ".egg-link"

_PYTHON = re.compile(r"(?:python|pypy)3(?:\.(\d+))?(t?)")
_SITES = ("site-packages", "dist-packages")


class _DirInfo(Struct):
    """The part of a ``direct_url.json`` about a directory."""

    editable: bool = False


class _DirectUrl(Struct):
    """A ``direct_url.json`` (the specification "Recording the Direct URL Origin")."""

    url: str
    dir_info: _DirInfo = _DirInfo()


class Installed(Struct):
    """One distribution and its ELF files.

    Attributes:
        distribution: None for files that no RECORD lists; ``target`` is the name of its ``*.dist-info``
            without the suffix, ``files`` are the paths of its RECORD, normalised.
        elf_files: sorted by path; those of a project are relative to its directory.
        foreign: formats of libraries for other systems among its files, sorted.
        project: directory of the project that an editable install leads to, with all symbolic links resolved.
        sources: Python sources of that project, relative to its directory.
        findings: about the project.
    """

    distribution: Distribution | None
    elf_files: tuple[ElfFile, ...]
    foreign: tuple[str, ...] = ()
    project: Path | None = None
    sources: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class Environment(Struct):
    """The contents of a directory.

    Attributes:
        root: the prefix, outside which nothing is read; all symbolic links resolved.
        site: its site-packages; ``root`` for an unpacked wheel or a directory of ELF files.
        distributions: sorted by name; files that belong to none come last.
        findings: what was left out, and why.
    """

    root: Path
    site: Path
    distributions: tuple[Installed, ...]
    findings: tuple[Finding, ...]


def find_wheels(directory: Path) -> tuple[Path, ...]:
    """List the wheels directly in a directory, sorted by name.

    Entries that only have a wheel's name (a pipe, a broken link) are listed too; their reader reports it.

    Raises:
        InputError: there is no such directory, or it cannot be read.
    """
    try:
        return tuple(sorted(p for p in directory.iterdir() if p.suffix == ".whl" and not p.is_dir()))
    except (OSError, ValueError) as error:
        raise InputError(str(directory), describe(error), "give a directory that can be read") from None


def read_environment(
    directory: Path, magic: bytes, *, follow_editable: bool = False, conda: bool = False
) -> Environment:
    """Read the distributions in a directory, and find its ELF files.

    Args:
        directory: a virtual environment or another prefix, a site-packages, or any directory.
        magic: the first bytes of an ELF file.
        follow_editable: also read the projects of editable installs, which lie outside the environment.
        conda: also read the packages of conda, to which the rest of a prefix belongs. A distribution that one
            of them installed is then part of it.

    Raises:
        InputError: it is not a directory, cannot be read, or has several site-packages.
    """
    root, site = find_site(directory)
    tree = walk_tree(site, root=root, magic=magic)
    owners: dict[str, int] = {}
    found: list[Installed] = []
    findings = list(_say_skipped(tree))
    packages, told = read_installed_packages(root, site, magic) if conda and is_prefix(root) else ((), ())
    findings += told
    of_packages = _add_packages(packages, tree, owners, found)
    for info in _list_dist_infos(site):
        if f"{info}/METADATA" in of_packages:
            continue
        try:
            distribution, files = _read_distribution(info, root, site)
        except WheelError as error:
            findings.append(Finding(level=Level.WARNING, subject=error.subject, message=error.problem))
            continue
        for path in _find_own(files, tree, root, site, magic):
            owners.setdefault(path, len(found))
        foreign = {tree.foreign[path] for path in files if path in tree.foreign}
        one = Installed(distribution=distribution, elf_files=(), foreign=tuple(sorted(foreign)))
        place = _find_project(info, root, site)
        found.append(_add_project(one, place, magic, follow=follow_editable) if place else one)
    for name in sorted(n for n in os.listdir(site) if n.endswith(_EGG_LINK)):  # noqa: PTH208
        if read := _read_egg_link(name, root, site):
            one = Installed(distribution=read[0], elf_files=())
            found.append(_add_project(one, read[1], magic, follow=follow_editable))
    grouped: dict[int | None, list[ElfFile]] = {}
    for path, file in sorted(tree.elf_files.items()):
        grouped.setdefault(owners.get(path), []).append(file)
    found = [replace(one, elf_files=(*grouped.get(i, ()), *one.elf_files)) for i, one in enumerate(found)]
    found.sort(key=lambda i: (i.distribution.name, i.distribution.version) if i.distribution else ("", ""))
    if None in grouped:
        found.append(Installed(distribution=None, elf_files=tuple(grouped[None])))
    return Environment(root=Path(root), site=Path(site), distributions=tuple(found), findings=tuple(findings))


def _add_packages(
    packages: Iterable[CondaInstalled], tree: Tree, owners: dict[str, int], found: list[Installed]
) -> frozenset[str]:
    """Add packages of conda to what was found; returns the paths of their files."""
    paths: set[str] = set()
    for package in packages:
        for file in package.elf_files:
            tree.elf_files.setdefault(file.path, file)
            owners.setdefault(file.path, len(found))
        paths.update(package.paths)
        found.append(
            Installed(
                distribution=package.distribution,
                elf_files=(),
                foreign=package.foreign,
                findings=package.findings,
            )
        )
    return frozenset(paths)


def _find_project(info: str, root: str, site: str) -> str | None:
    """Return the directory of an editable install."""
    data = read_regular(f"{site}/{info}/direct_url.json", root=root, limit=_MAX_DIRECT_URL)
    try:
        origin = decode_json(data or b"", _DirectUrl)
        url = urlsplit(origin.url)
    except ValueError:
        return None
    if not origin.dir_info.editable or url.scheme != "file" or url.netloc not in {"", "localhost"}:
        return None
    path = unquote(url.path, errors="surrogateescape")
    return path if path.startswith("/") and "\0" not in path else None


def _read_egg_link(name: str, root: str, site: str) -> tuple[Distribution, str] | None:
    """Read the file of ``setup.py develop`` (setuptools): it names the directory that has the metadata."""
    link = read_regular(f"{site}/{name}", root=root, limit=_MAX_DIRECT_URL) or b""
    place = os.fsdecode(link.partition(b"\n")[0].strip())
    if not place.startswith("/") or "\0" in place:
        return None
    stem = name.removesuffix(_EGG_LINK)
    distribution = Distribution(
        target=escape_path(stem),
        name=normalize_name(escape_path(stem)),
        version="",
        tags=(),
        requires=(),
        files=frozenset(),
    )
    info = f"{stem.replace('-', '_')}.egg-info"
    text = read_regular(f"{place}/{info}/PKG-INFO", root=os.path.realpath(place), limit=MAX_METADATA)
    if text:
        with suppress(WheelError):
            _, version, requires = parse_metadata(escape_path(name), text, _find_marker_tags(site, ()))
            distribution = replace(distribution, version=version, requires=requires)
    return distribution, place


def _add_project(one: Installed, place: str, magic: bytes, *, follow: bool) -> Installed:
    subject = one.distribution.target if one.distribution else ""
    said = f"is an editable install: its files are in {escape_path(place)}"
    try:
        real = os.path.realpath(place, strict=True)
        gone = not os.path.isdir(real)  # noqa: PTH112 - no Path could spell all names
    except (OSError, ValueError):
        gone = True
    if gone:
        said += ", which is no directory"
        return replace(one, findings=(Finding(level=Level.WARNING, subject=subject, message=said),))
    findings = [Finding(level=Level.NOTE, subject=subject, message=said)]
    if not follow or one.distribution is None:
        return replace(one, findings=tuple(findings))
    found: ProjectFiles = walk_project(real, magic=magic)
    if not found.complete:
        said = f"{escape_path(place)} has more than {MAX_PROJECT} files: the rest of them was not looked at"
        findings.append(Finding(level=Level.WARNING, subject=subject, message=said))
    files = one.distribution.files | {file.path for file in found.elf_files} | set(found.sources)
    return replace(
        one,
        distribution=replace(one.distribution, files=files),
        elf_files=found.elf_files,
        project=Path(real),
        sources=found.sources,
        findings=tuple(findings),
    )


def find_site(directory: Path) -> tuple[str, str]:
    """Find the prefix and the site-packages of a directory, with all symbolic links resolved.

    Raises:
        InputError: it is not a directory, cannot be read, or has several site-packages.
    """
    try:
        top = directory.resolve(strict=True)
        names = sorted(os.listdir(top))  # noqa: PTH208
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(str(directory), describe(error), "give a directory that can be read") from None
    if top.name in _SITES and _PYTHON.fullmatch(top.parent.name) and top.parents[1].name in {"lib", "lib64"}:
        return str(top.parents[2]), str(top)
    if any(name.endswith((".dist-info", ".egg-info")) for name in names):
        return str(top), str(top)  # an unpacked wheel, or `pip install --target`
    sites = _choose_sites(top)
    if len(sites) > 1:
        raise InputError(
            str(directory), f"has several site-packages: {', '.join(map(str, sites))}", "give one of them"
        )
    if not sites:
        return str(top), str(top)
    if not sites[0].is_relative_to(top):
        raise InputError(
            str(directory), "its site-packages is a symbolic link that leaves it", f"give {sites[0]}"
        )
    return str(top), str(sites[0])


def _choose_sites(top: Path) -> list[Path]:
    """Find the site-packages of a prefix: of the version in pyvenv.cfg, else those that are not empty."""
    found: dict[Path, str | None] = {}
    for lib in ("lib", "lib64"):
        for python in sorted((top / lib).glob("py*3*")):
            if match := _PYTHON.fullmatch(python.name):
                found |= {(python / name).resolve(): match[1] for name in _SITES if (python / name).is_dir()}
    sites = list(found)
    if len(sites) > 1 and (config := read_regular(f"{top}/pyvenv.cfg", root=str(top), limit=1 << 16)):
        version = re.search(rb"^version(?:_info)?\s*=\s*3\.(\d+)", config, re.MULTILINE)
        same = [s for s in sites if version and found[s] == version[1].decode()]
        sites = same or sites
    if len(sites) > 1:
        sites = [s for s in sites if any(s.glob("*.dist-info"))] or sites
    return sites


def _list_dist_infos(site: str) -> list[str]:
    try:
        names = os.listdir(site)  # noqa: PTH208
    except OSError as error:
        raise InputError(site, describe(error), "give a directory that can be read") from None
    # A leading tilde marks the remains of an interrupted pip; pip ignores these too.
    return sorted(n for n in names if n.endswith(".dist-info") and not n.startswith(("~", ".")))


def _read_distribution(info: str, root: str, site: str) -> tuple[Distribution, list[str]]:
    metadata = read_regular(f"{site}/{info}/METADATA", root=root, limit=MAX_METADATA)
    if metadata is None:
        raise WheelError(escape_path(info), "has no METADATA that can be read: left out")
    wheel = read_regular(f"{site}/{info}/WHEEL", root=root, limit=MAX_METADATA) or b""
    tags = parse_wheel_tags(wheel.decode("utf-8", "replace"))
    record = read_regular(f"{site}/{info}/RECORD", root=root, limit=MAX_RECORD)
    files = list(_parse_record(info, record, root, site)) if record else []
    name, version, requires = parse_metadata(escape_path(info), metadata, _find_marker_tags(site, tags))
    distribution = Distribution(
        target=escape_path(info.removesuffix(".dist-info")),
        name=name,
        version=version,
        tags=tags,
        requires=requires,
        files=frozenset(map(escape_path, files)),
    )
    variant = read_regular(f"{site}/{info}/variant.json", root=root, limit=MAX_METADATA)
    return add_variant(distribution, variant), files


def _find_marker_tags(site: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return tags of the environment's own Python, for markers; a wheel's tag only gives the machine."""
    match = _PYTHON.fullmatch(os.path.basename(os.path.dirname(site)))  # noqa: PTH119, PTH120
    if not match or not match[1]:
        return tags
    kind = "pp" if match[0].startswith("pypy") else "cp"
    version, platform = f"{kind}3{match[1]}", tags[0].split("-", 2)[2] if tags else "any"
    return (f"{version}-{version}{match[2]}-{platform}",)


def _parse_record(info: str, record: bytes, root: str, site: str) -> Iterator[str]:
    """Yield the paths of a RECORD, normalised, relative to site-packages, if they stay in the prefix."""
    text = record.decode("utf-8", "surrogateescape")
    up = "../" * (len(Path(site).parts) - len(Path(root).parts) + 1)
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            path = row[0] if row else ""
            if path.startswith("/") or "//" in path or "./" in path or path.endswith("/.."):
                path = posixpath.relpath(posixpath.normpath(posixpath.join(site, path)), site)
            if path and "\0" not in path and not f"{path}/".startswith(up):
                yield path
    except csv.Error as error:
        raise WheelError(escape_path(f"{info}/RECORD"), f"cannot be read ({error}): left out") from None


def _find_own(files: Iterable[str], tree: Tree, root: str, site: str, magic: bytes) -> Iterator[str]:
    """Find the ELF files among the paths of one RECORD, in the spelling of the tree.

    Programs and data files outside site-packages are examined one by one, and added to the tree.
    """
    for path in files:
        if path in tree.elf_files:
            yield path
        elif path.endswith(SKIPPED):
            continue
        elif path.startswith("../"):
            try:
                disk = posixpath.normpath(f"{site}/{path}")
                file = find_elf_file(path, disk, root=root, magic=magic)
            except OSError:
                continue  # recorded, but deleted
            if file:
                tree.elf_files[path] = file
                yield path
        elif tree.linked:
            real = posixpath.relpath(os.path.realpath(f"{site}/{path}"), site)
            if real in tree.elf_files:
                yield real


def _say_skipped(tree: Tree) -> Iterator[Finding]:
    for paths, what in (
        (tree.outside, "a symbolic link that leads out of the directory: not followed"),
        (tree.unreadable, "cannot be opened: left out"),
    ):
        if paths:
            more = f"; {len(paths) - 1} more like it" if len(paths) > 1 else ""
            # An empty result is not an answer if all files are links into a cache or store.
            level = Level.WARNING if tree.elf_files else Level.ERROR
            yield Finding(level=level, subject=escape_path(min(paths)), message=f"{what}{more}")
