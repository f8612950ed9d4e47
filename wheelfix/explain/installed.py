"""What this machine tells about a message: is the package installed here, and what would its loader find?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.explain.model import Account, Kind, Package
from wheelfix.explain.paths import find_distribution, find_named, parse_path
from wheelfix.index.siblings import find_distributions
from wheelfix.model.at_hand import AtHand
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Need, WheelScan
from wheelfix.scan.read import read_package

_LIB_DIRECTORIES = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_NIX_LD = "/run/current-system/sw/share/nix-ld/lib"


def find_package(account: Account) -> Package | None:
    """The distribution that the first symptom with any trace of one is about."""
    for symptom in account.symptoms:
        if symptom.module and (name := find_distribution(symptom.module)):
            frame = parse_path(symptom.frame) if symptom.frame else None
            site = frame.site if frame else None
            return Package(name=name, site=site, environment=frame.environment if frame else None)
        for path in (symptom.wanted_by, symptom.soname, symptom.frame):
            if path and (package := parse_path(path)):
                return package
    if account.packages:
        return account.packages[0]
    name = find_named(account.words)
    return Package(name=name) if name else None


def look_into(
    package: Package | None, directory: Path
) -> tuple[Package | None, Reading | None, AtHand | None]:
    """Read the installed package: where the text says it is, else in the project's own environment.

    Args:
        package: what the text is about.
        directory: of the project; relative paths of the text start here.

    Returns:
        The package as it is installed, what was read of it, and what is installed beside it; the package as
        it was, and twice None, if it is not here.
    """
    if package is None:
        return None, None, None
    sites = [package.site] if package.site else []
    if not (package.site or "").startswith("/nix/store/"):
        sites += [str(p) for p in sorted((directory / ".venv" / "lib").glob("python3*/site-packages"))]
    for site in dict.fromkeys(sites):
        path = directory / site
        if not path.is_dir():
            continue
        try:
            reading, at_hand = read_package(path, package.name)
        except InputError:
            continue
        if reading:
            environment = package.environment or (str(directory / ".venv") if site != package.site else None)
            found = Package(
                name=reading.distribution.name,
                version=reading.distribution.version,
                site=site,
                environment=environment,
            )
            return found, reading, at_hand
    return package, None, None


def find_present(reading: Reading, scan: WheelScan, package: Package | None, *, host: bool) -> dict[str, str]:
    """Sonames that a loader finds already, with the files: by absolute run paths, and in other wheels.

    Args:
        reading: the installed package.
        scan: what it needs.
        package: where it is installed.
        host: the package goes on running here; for an interpreter that Nix did not build, the directories of
            the system and of nix-ld count, too. What Nix builds sees none of them.
    """
    directories = dict.fromkeys(
        entry for obj in reading.objects for entry in (*obj.rpath, *obj.runpath) if entry.startswith("/")
    )
    environment = package.environment if package else None
    if host and environment and not _runs_on_nixpkgs(Path(environment)):
        multiarch = [str(p) for top in ("/lib", "/usr/lib") for p in Path(top).glob("*-linux-gnu*")]
        directories |= dict.fromkeys((_NIX_LD, *_LIB_DIRECTORIES, *multiarch))
    found = {}
    for need in scan.needs:
        own = _find_sibling_directories(need, package)
        for directory in (*own, *directories):
            if "/" not in need.soname and Path(directory, need.soname).is_file():
                found[need.soname] = f"{directory}/{need.soname}"
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


def list_paths(account: Account, package: Package | None, directory: Path) -> Iterable[str]:
    """Paths that may say whose Python ran; on this machine, an environment says itself."""
    yield from (s.wanted_by for s in account.symptoms if s.kind is Kind.NO_LOADER and s.wanted_by)
    if package and package.environment:
        config = directory / package.environment / "pyvenv.cfg"
        try:
            lines = config.read_text("utf-8", "replace").splitlines() if config.is_file() else []
        except OSError:
            lines = []
        for line in lines:
            key, _, value = line.partition("=")
            if key.strip() == "home":
                # home is the bin of the interpreter; system ones are told by the name below it.
                yield f"{os.path.realpath(value.strip())}/python3"
    yield from account.paths
    yield from (path for s in account.symptoms for path in (s.frame, s.wanted_by, s.soname) if path)
