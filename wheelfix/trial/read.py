"""Reads what an environment says of its Python, and where its editable installs have their modules."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from wheelfix.elf.disk import read_object_at
from wheelfix.errors import ApplyError, ElfError, InputError
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.places import find_store, list_library_directories
from wheelfix.patch.environment import read_shims
from wheelfix.trial.model import BasePython, Linked
from wheelfix.wheel.environment import Environment, Installed
from wheelfix.wheel.tree import OWN, escape_path, read_regular

_VERSION = re.compile(r"(?:python|pypy)(3\.\d+t?)")
_MAX_TEXT = 1 << 20
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")
_AGAIN = "make the environment again, with a Python that is there"
SYSTEM = frozenset({"/", "/usr", "/usr/local"})
"""Prefixes that have much more than a Python."""


def find_base(environment: Environment) -> BasePython:
    """Find the Python that an environment was made of; nothing is run.

    Raises:
        InputError: the environment has no interpreter, or is a whole system.
        ApplyError: its interpreter leads nowhere.
    """
    root = environment.root
    program = root / "bin" / "python"
    if str(root) in SYSTEM:
        raise InputError(str(root), "is no environment, but this whole system", "name a virtual environment")
    match = _VERSION.fullmatch(environment.site.parent.name)
    if match is None or not os.path.lexists(program):
        raise InputError(str(root), "has no bin/python to import with", "name a virtual environment")
    real = os.path.realpath(program)
    if not os.path.isfile(real):  # noqa: PTH113
        raise ApplyError(str(program), "leads nowhere: its Python is gone", _AGAIN)
    settings = _read_settings(root)
    home = settings.get("home", "")
    # A copy of the interpreter may be in the environment: its prefix is where it was copied from.
    prefixes = [os.path.dirname(home)] if home.startswith("/") else []  # noqa: PTH120
    prefixes += [os.path.realpath(prefix) for prefix in prefixes]
    prefixes.append(os.path.dirname(os.path.dirname(real)))  # noqa: PTH120
    version = match[1]
    # Anything may have written the settings: a prefix has the standard library.
    names = [f"{lib}/{environment.site.parent.name}" for lib in ("lib", "lib64")]
    places = [(one, f"{one.rstrip('/')}/{name}") for one in dict.fromkeys(prefixes) for name in names]
    found = [(one, place) for one, place in places if os.path.isfile(f"{place}/os.py")]  # noqa: PTH113
    shared = settings.get("include-system-site-packages", "").lower() == "true"
    return BasePython(
        program=real,
        version=version,
        prefixes=tuple(dict.fromkeys(one for one, _ in found)),
        library=found[0][1] if found else None,
        sites=tuple(_list_sites([one for one, _ in found], version)) if shared else (),
    )


def _read_settings(root: Path) -> Mapping[str, str]:
    """Read pyvenv.cfg, as the module ``site`` does; a conda environment has none."""
    data = read_regular(f"{root}/pyvenv.cfg", root=str(root), limit=_MAX_TEXT) or b""
    pairs = (line.partition("=") for line in os.fsdecode(data).splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _list_sites(prefixes: Iterable[str], version: str) -> list[str]:
    """List the directories of packages beside a Python, those of Debian too."""
    names = [f"python{version}/site-packages", f"python{version}/dist-packages", "python3/dist-packages"]
    found = [f"{prefix.rstrip('/')}/lib/{name}" for prefix in (*prefixes, "/usr/local") for name in names]
    return [place for place in dict.fromkeys(found) if os.path.isdir(place)]  # noqa: PTH112


def find_projects(environment: Environment) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Find the directories of the projects that are installed as editable.

    Any package may say that it is such an install, of any directory: a project has one of its usual files.

    Returns:
        The directories, sorted; and findings about those that are left out.
    """
    found, findings = set(), []
    for one in environment.distributions:
        if one.project and any((one.project / name).is_file() for name in _PROJECT):
            found.add(str(one.project))
        elif one.project and one.distribution:
            said = (
                f"is an editable install of {escape_path(str(one.project))}, which is no project: not shown"
            )
            findings.append(Finding(level=Level.WARNING, subject=one.distribution.target, message=said))
    return tuple(sorted(found)), tuple(findings)


def find_linked(environment: Environment) -> Mapping[str, Linked]:
    """Find where editable installs have their modules, by distribution."""
    return {
        one.distribution.name: _find_link(one, environment)
        for one in environment.distributions
        if one.distribution and one.project
    }


def _find_link(installed: Installed, environment: Environment) -> Linked:
    """Read the lines of its ``.pth`` files; where setuptools has code there, the names of the modules."""
    assert installed.distribution
    assert installed.project
    root, site = str(environment.root), environment.site
    roots: dict[str, None] = {}
    names: set[str] = set()
    for file in sorted(installed.distribution.files):
        if file.endswith(".pth") and "/" not in file:
            roots |= dict.fromkeys(_read_lines(f"{site}/{file}", root))
        elif re.fullmatch(r"[^/]+\.dist-info/top_level\.txt", file):
            names.update(_read_lines(f"{site}/{file}", root))
    project = str(installed.project)
    inside = [os.path.realpath(line) for line in roots if line.startswith("/") and "\0" not in line]
    inside = [place for place in inside if place == project or place.startswith(f"{project}/")]
    if not inside and names:
        inside = [f"{project}/src", project]
    return Linked(roots=tuple(inside), names=frozenset(names))


def _read_lines(path: str, root: str) -> list[str]:
    data = read_regular(path, root=root, limit=_MAX_TEXT) or b""
    return [line.strip() for line in os.fsdecode(data).splitlines() if line.strip()]


def find_libraries(environment: Environment) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find the directories of libraries, other than in the Nix store, that a patched environment leads to.

    Returns:
        The directories, sorted; and those of this system among them, which NixOS does not have.
    """
    if not (environment.root / OWN).is_dir():
        return (), ()
    found: set[str] = set()
    files = [file for one in environment.distributions for file in one.elf_files]
    for file in files:
        with suppress(ElfError, InputError):
            obj = read_object_at(file.path, file.disk)
            entries = {entry.rstrip("/") for entry in (*obj.rpath, *obj.runpath) if entry.startswith("/")}
            found |= {entry for entry in entries if _has_any(entry, obj.needed)}
    names = [one.distribution.name for one in environment.distributions if one.distribution]
    for table in read_shims(environment.root, names).values():
        found |= {os.path.dirname(path) for path in table.libraries.values() if _is_library(path)}  # noqa: PTH120
    found = {place for place in found if not f"{place}/".startswith((f"{find_store()}/", "/run/"))}
    strange = {place for place in found if os.path.realpath(place) in _list_real_directories()}
    return tuple(sorted(found - strange)), tuple(sorted(strange))


def _list_real_directories() -> frozenset[str]:
    return frozenset(map(os.path.realpath, list_library_directories()))


def _has_any(directory: str, names: Iterable[str]) -> bool:
    """Whether a directory has a library that is needed: a run path may lead anywhere."""
    return any("/" not in name and _is_library(f"{directory}/{name}") for name in names)


def _is_library(path: str) -> bool:
    try:
        return read_object_at(path, Path(path)).dynamic
    except (ElfError, InputError):
        return False


def tell_strange(directories: Iterable[str]) -> Iterator[Finding]:
    """Tell to which directories run paths lead that NixOS does not have."""
    for place in directories:
        said = "has libraries that files of the environment lead to; NixOS has no such directory: not shown"
        yield Finding(level=Level.WARNING, subject=place, message=said)
