"""Reads an installed package, and finds the libraries that its loader finds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.explain.model import Installed, Package
from wheelfix.explain.opened import is_same
from wheelfix.explain.paths import normalize
from wheelfix.index.siblings import find_distributions
from wheelfix.model.base import replace
from wheelfix.model.scan import Need, WheelScan
from wheelfix.model.words import OwnWords
from wheelfix.outside.places import list_library_directories
from wheelfix.pysource.opens import MAX_SOURCE
from wheelfix.pysource.words import find_own_words
from wheelfix.scan.conclude import find_opened
from wheelfix.scan.read import read_installed, read_package
from wheelfix.wheel.contents import parse_rows
from wheelfix.wheel.environment import MAX_RECORD
from wheelfix.wheel.tree import read_regular

_MAX_INFOS = 5000
_MAX_RECORDS = 512 << 20
"""Bytes of all RECORDs of an environment that are searched; large environments have some tens of MB."""
_NIX_LD = "/run/current-system/sw/share/nix-ld/lib"


def find_installed(package: Package | None, directory: Path, *, opened: Iterable[str] = ()) -> Installed:
    """Read the installed package, at the path in the text or else in the project's environment.

    A package that cannot be read counts as not installed, as the text may be from another machine.

    Args:
        package: the package that the text is about.
        directory: directory of the project, to which relative paths of the text refer.
        opened: libraries that Python code opens by name. If the text names no package, it is the one in the
            project's environment that opens one of them.
    """
    package = find_owner(package, directory) if package else _find_opener(frozenset(opened), directory)
    found = _read_installed(package, directory) if package else Installed()
    return replace(found, python=_find_python(found.package, directory), files=_list_files(directory))


def _read_installed(package: Package, directory: Path) -> Installed:
    sites = [package.site] if package.site else []
    if not (package.site or "").startswith("/nix/store/"):
        own = package.environment if package.site is None else None
        sites += map(str, _find_sites(directory / own if own else directory / ".venv"))
    for site in dict.fromkeys(sites):
        path = directory / site
        if not path.is_dir():
            continue
        try:
            reading, at_hand = read_package(path, package.name, package.file)
        except InputError:
            continue
        if reading:
            environment = package.environment or (str(directory / ".venv") if site != package.site else None)
            found = Package(
                name=reading.distribution.name,
                version=reading.distribution.version,
                site=site,
                environment=environment,
                file=package.file,
                prefixed=package.prefixed,
            )
            return Installed(package=found, reading=reading, at_hand=at_hand)
    return Installed(package=package)


def find_owner(package: Package, directory: Path) -> Package:
    """Find by the RECORDs of an environment which distribution installed a file.

    The name of a directory only tells a module, which several distributions may have; an environment that is
    on this machine tells which one it is: the one that lists the file, else the only one that lists files in
    the same package.

    Args:
        package: a package of which the file and the site-packages are known, as a traceback has them.
        directory: directory of the project, to which relative paths refer.

    Returns:
        The package with the name and the version that its RECORD is beside; the package itself if nothing
        is there, or no RECORD tells.
    """
    if package.site is None or package.file is None:
        return package
    site = directory / package.site
    try:
        infos = sorted(path.name for path in site.glob("*.dist-info"))
    except OSError:
        return package
    top = f"{package.file.partition('/')[0]}/"
    wanted, left = top.encode("utf-8", "surrogateescape"), _MAX_RECORDS
    beside: list[Package] = []
    for info in infos[:_MAX_INFOS]:
        record = read_regular(f"{site}/{info}/RECORD", root=str(site), limit=min(MAX_RECORD, left)) or b""
        left -= len(record)
        if wanted[:-1] not in record:  # a search for text dismisses nearly all of them
            continue
        name, _, version = info.removesuffix(".dist-info").rpartition("-")
        owner = replace(package, name=normalize(name), version=version or package.version)
        paths = [path for path, _ in parse_rows(record)]
        if package.file in paths:
            return owner
        if any(path.startswith(top) for path in paths):
            beside.append(owner)
    return beside[0] if len(beside) == 1 else package


def read_own_words(installed: Installed, directory: Path) -> OwnWords | None:
    """Read what an installed package says when it does not find a library or a program.

    It takes up to a second for a package of some thousand sources.

    Args:
        installed: from :func:`find_installed`.
        directory: directory of the project, to which relative paths refer.

    Returns:
        None if the package is not installed here.
    """
    package, reading = installed.package, installed.reading
    if package is None or package.site is None or reading is None:
        return None
    site = str(directory / package.site)

    def read(path: str) -> bytes | None:
        return read_regular(f"{site}/{path}", root=site, limit=MAX_SOURCE)

    paths = sorted(path for path in reading.distribution.files if path.endswith(".py"))
    return find_own_words(paths, read, reading.uses)


def _find_sites(environment: Path) -> list[Path]:
    """List the site-packages of an environment."""
    return sorted((environment / "lib").glob("python3*/site-packages"))


def _find_opener(sonames: frozenset[str], directory: Path) -> Package | None:
    """Find the only distribution in the project's environment that opens one of some libraries by name."""
    found = set()
    for site in _find_sites(directory / ".venv") if sonames else ():
        with suppress(InputError):
            found |= {
                reading.distribution.name
                for reading in read_installed(site)
                if any(is_same(name, soname) for name in find_opened(reading) for soname in sonames)
            }
    names = found - {""}
    return Package(name=names.pop()) if len(names) == 1 else None


def _find_python(package: Package | None, directory: Path) -> str | None:
    if package is None or package.environment is None:
        return None
    config = directory / package.environment / "pyvenv.cfg"
    try:
        lines = config.read_text("utf-8", "replace").splitlines() if config.is_file() else []
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "home":
            # home is the bin directory of the interpreter; a name below it identifies system ones.
            return f"{os.path.realpath(value.strip())}/python3"
    return None


def _list_files(directory: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))  # noqa: PTH208
    except OSError:
        return frozenset()


def find_present(installed: Installed, scan: WheelScan | None, *, host: bool) -> dict[str, str]:
    """Find sonames that a loader finds already, with their files: by absolute run paths, and in other wheels.

    Args:
        installed: the package.
        scan: scan of the package; None if it is not installed.
        host: whether the package is still run here. For an interpreter that Nix did not build, the
            directories of the system and of nix-ld then count too; builds of Nix use none of them.
    """
    if installed.reading is None or scan is None:
        return {}
    directories = dict.fromkeys(
        entry
        for obj in installed.reading.objects
        for entry in (*obj.rpath, *obj.runpath)
        if entry.startswith("/")
    )
    package = installed.package
    environment = package.environment if package else None
    if host and environment and not _runs_on_nixpkgs(Path(environment)):
        directories |= dict.fromkeys((_NIX_LD, *list_library_directories()))
    siblings = {need.soname: _find_sibling_directories(need, package) for need in scan.needs}
    found = {}
    for soname in sorted({*siblings, *(one.answered for one in scan.openings if one.answered)}):
        for directory in (*siblings.get(soname, ()), *directories):
            if "/" not in soname and Path(directory, soname).is_file():
                found[soname] = f"{directory}/{soname}"
                break
    return found


def _find_sibling_directories(need: Need, package: Package | None) -> tuple[str, ...]:
    if package is None or package.site is None or need.distribution is None:
        return ()
    known = [carrier.directory for carrier in find_distributions(need.soname)]
    return tuple(f"{package.site}/{place}" for place in dict.fromkeys([need.directory, *known]) if place)


def _runs_on_nixpkgs(environment: Path) -> bool:
    try:
        return str((environment / "bin" / "python").resolve()).startswith("/nix/store/")
    except (OSError, RuntimeError):
        return False
