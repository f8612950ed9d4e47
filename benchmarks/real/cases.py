"""Makes cases: a wheel, the code that wheelfix writes for it, and a lock with everything that it requires."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from pip._internal.network.session import PipSession

from scripts.collect_siblings import list_members
from wheelfix.errors import WheelfixError
from wheelfix.flows.override import write_override
from wheelfix.index.table import SonameTable
from wheelfix.model.override import Dialect
from wheelfix.model.scan import WheelScan
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.packages import find_wheel, open_session
from wheelfix.outside.places import find_cache
from wheelfix.outside.requirements import find_interpreter
from wheelfix.override.dialects import TRAITS
from wheelfix.scan.requirement import fetch_closure
from wheelfix.scan.scan import ScanOptions
from wheelfix.wheel.metadata import DEFAULT_PYTHON, parse_filename, parse_wanted

DIALECTS = (Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.NIXPKGS)
_PACKAGE = re.compile(r"override(Python)?Attrs|^buildPython")
_LINUX = re.compile(r"(?:many|musl)?linux\w*?_(x86_64|aarch64|i686|armv7l|ppc64le|s390x|riscv64)$")
_SYSTEMS = {"ppc64le": "powerpc64le-linux", "armv7l": "armv7l-linux"}


@dataclass(kw_only=True)
class Case:
    """One wheel.

    Attributes:
        wheel: the file.
        python: version of CPython that it is for.
        system: Nix system that it is for.
        musl: whether no wheel of it is for glibc: a set of nixpkgs never takes it.
        codes: files of generated code, by dialect.
        refused: what wheelfix said instead of writing code, by dialect.
        scan: of the wheel.
        packages: the lock: version, url, hash and dependencies by name.
        note: what is not as it should be.
    """

    wheel: Path
    name: str
    version: str
    python: str
    system: str
    musl: bool
    codes: dict[str, Path] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    scan: WheelScan | None = None
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    directory: Path = Path()
    note: str = ""

    def ask(self, dialect: str) -> dict[str, Any]:
        """The case as Nix reads it."""
        return {
            "name": self.name,
            "dialect": dialect,
            "code": str(self.codes[dialect]),
            "workspace": str(self.directory),
            "python": f"python{self.python.replace('.', '')}",
            "packages": self.packages,
        }


def make_case(wheel: Path, table: SonameTable, work: Path, codes: dict[str, Path] | None = None) -> Case:
    """Make the case of a wheel.

    Args:
        wheel: the file.
        table: the index.
        work: directory for code and locks.
        codes: code that was written before, by dialect; None writes it now.
    """
    parsed = parse_filename(wheel.name)
    assert parsed, wheel
    name, version, tags = parsed
    python, system = find_target(tags)
    platforms = [tag.rpartition("-")[2] for tag in tags]
    musl = any("musllinux" in p for p in platforms) and not any("manylinux" in p for p in platforms)
    case = Case(wheel=wheel, name=name, version=version, python=python, system=system, musl=musl)
    case.directory = work / "cases" / wheel.name.removesuffix(".whl")
    case.directory.mkdir(parents=True, exist_ok=True)
    _link(wheel, case.directory / wheel.name)  # code may name the file beside it
    for dialect, code in (codes or {}).items():
        case.codes[dialect] = case.directory / code.name
        case.codes[dialect].write_bytes(code.read_bytes())
    for dialect in DIALECTS:
        options = ScanOptions(index=table, python=python, system=system)
        try:
            written = write_override([str(wheel)], dialect, TRAITS[dialect].cuda, options)
        except WheelfixError as error:
            if codes is None:
                case.refused[dialect] = f"{error}"
            continue
        case.scan = written.plan.scans[0]
        if codes is None:
            case.codes[dialect] = case.directory / f"{dialect.value}.nix"
            case.codes[dialect].write_text(written.text, encoding="utf-8")
    case.packages = find_packages(case)
    write_lock(case.directory, case.packages, [name])
    return case


def find_target(tags: Iterable[str]) -> tuple[str, str]:
    """The version of CPython, and the system, that a wheel is for; the default where it is for many."""
    versions, systems = [], []
    for tag in tags:
        interpreter, abi, platform = tag.split("-")
        if (found := re.fullmatch(r"cp3(\d+)", interpreter)) and abi != "abi3":
            versions.append(f"3.{found[1]}")
        elif found:
            default = int(DEFAULT_PYTHON.partition(".")[2])
            versions.append(f"3.{max(int(found[1]), default)}")
        if machine := _LINUX.search(platform):
            systems.append(_SYSTEMS.get(machine[1], f"{machine[1]}-linux"))
    python = DEFAULT_PYTHON if DEFAULT_PYTHON in versions or not versions else versions[-1]
    system = "x86_64-linux" if "x86_64-linux" in systems or not systems else systems[0]
    return python, system


def find_packages(case: Case) -> dict[str, dict[str, Any]]:
    """The lock of a wheel: what the package index says that it requires, or else its own metadata alone."""
    try:
        known = fetch_closure(
            f"{case.name}=={case.version}", find_cache().metadata, python=case.python, system=case.system
        )
        packages = {
            one.name: (one.version, one.target, sorted({r.name for r in one.requires if r.active}))
            for one in known
        }
    except WheelfixError as error:
        case.note = f"the lock has direct requirements alone: {error.problem}"[:200]
        packages = find_direct(case)
    packages[case.name] = (case.version, case.wheel.name, packages[case.name][2])
    return {
        name: {
            "version": version,
            "url": f"https://example.org/{(file or _name_pure(name, version)).replace('+', '%2B')}",
            "hash": f"sha256-{b64encode(bytes(32)).decode()}",
            "dependencies": [d for d in dependencies if d in packages and d != name],
        }
        for name, (version, file, dependencies) in sorted(packages.items())
    }


def find_direct(case: Case) -> dict[str, tuple[str, str, list[str]]]:
    """What the metadata of a wheel requires, in the newest versions that fit."""
    lines = case.scan.requires_dist if case.scan else ()
    interpreter = find_interpreter(case.name, case.python, case.system)
    found: dict[str, tuple[str, str, list[str]]] = {}
    with open_session(find_package_sources()) as session:
        for line in lines:
            wanted = None if "extra ==" in line else parse_wanted(line.partition(";")[0])
            if wanted is None or wanted.name == case.name:
                continue
            version, file = "1.0", ""
            for text in (wanted.text, wanted.name):  # the version that it asks for may be gone
                with suppress(WheelfixError):
                    file = find_wheel(session, parse_wanted(text) or wanted, interpreter).filename
                    parsed = parse_filename(file)
                    version = parsed[1] if parsed else version
                    break
            found[wanted.name] = (version, file, [])
    return {**found, case.name: (case.version, "", sorted(found))}


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.symlink_to(source.resolve())


def _name_pure(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def write_lock(directory: Path, packages: dict[str, dict[str, Any]], wanted: list[str]) -> None:
    """Write a workspace of uv: ``uv.lock`` with these packages, and ``pyproject.toml``."""
    python = 'requires-python = ">=3.8"'
    lines = [f"version = 1\nrevision = 3\n{python}\n"]
    for name, package in packages.items():
        listed = ", ".join(f'{{ name = "{d}" }}' for d in package["dependencies"])
        lines.append(
            f'[[package]]\nname = "{name}"\nversion = "{package["version"]}"\n'
            'source = { registry = "https://example.org/simple" }\n'
            f"dependencies = [{listed}]\n"
            f'wheels = [{{ url = "{package["url"]}", hash = "sha256:{"0" * 64}", size = 1 }}]\n'
        )
    listed = ", ".join(f'{{ name = "{name}" }}' for name in wanted)
    lines.append(
        f'[[package]]\nname = "app"\nversion = "0"\nsource = {{ virtual = "." }}\ndependencies = [{listed}]\n'
    )
    (directory / "uv.lock").write_text("\n".join(lines))
    (directory / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "0"\n{python}\ndependencies = {json.dumps(wanted)}\n'
    )


def read_head(code: Path) -> str:
    """The comments of a file above its first package."""
    lines = takewhile(lambda line: not _PACKAGE.search(line), code.read_text().splitlines())
    return " ".join(line.strip().lstrip("# ") for line in lines if line.strip().startswith("#"))


def list_files(name: str, version: str, python: str, system: str, kept: Path) -> list[str]:
    """Members of the wheel of a distribution, read from the end of the file in the package index."""
    place = kept / f"{name}-{version}.json"
    if place.exists():
        return list(json.loads(place.read_text()))
    wanted = parse_wanted(f"{name}=={version}")
    assert wanted
    with open_session(find_package_sources()) as session:
        offer = find_wheel(session, wanted, find_interpreter(wanted.text, python, system))
    members = list_members(offer.url, PipSession())
    kept.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(members))
    return members
