"""Debian's packages, fetched and unpacked without being installed, and what stands in for which attribute.

Nothing of this machine's own packages is used, so that answers are the same whatever is installed on it: apt
is told that nothing is, and fetches all that the packages of ``debian.toml`` depend on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.elf import build_elf
from tests.support.proof.builder.elffile import ElfFile, read_elf
from tests.support.real import CACHE, lock

HOME = CACHE / "proof"
TABLE = Path(__file__).with_name("debian.toml")
X86_64 = 62
LIBC = {
    "ld-linux-x86-64.so.2", "libBrokenLocale.so.1", "libanl.so.1", "libc.so.6", "libdl.so.2", "libm.so.6",
    "libmvec.so.1", "libnsl.so.1", "libnss_compat.so.2", "libnss_dns.so.2", "libnss_files.so.2",
    "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libthread_db.so.1", "libutil.so.1",
}  # fmt: skip


@cache
def read_table() -> dict[str, Any]:
    """``debian.toml``."""
    return tomllib.loads(TABLE.read_text())


def prepare_facts(*, large: bool = False) -> Path:
    """A JSON file with what stands in for nixpkgs, libc and Python; fetches it where that has not been done.

    Args:
        large: with the attributes that only benchmarks want.
    """
    table = read_table()
    wanted = {name: attr for name, attr in table["attributes"].items() if large or not attr.get("large")}
    code = Path(__file__).read_bytes() + Path(str(read_elf.__code__.co_filename)).read_bytes()
    key = hashlib.sha256(json.dumps([wanted, table], sort_keys=True).encode() + code).hexdigest()[:16]
    facts = HOME / f"debian-{key}" / "facts.json"
    with lock(HOME / "lock"):
        if not facts.exists():
            root = _fetch(_list_packages(wanted.values(), table), table["without"])
            text = json.dumps(_describe(root, wanted, table, facts.parent / "stubs"), indent=1)
            facts.parent.mkdir(parents=True, exist_ok=True)
            facts.with_suffix(".part").write_text(text)
            facts.with_suffix(".part").rename(facts)
    return facts


def prepare_driver() -> Path:
    """A directory with what stands in for a GPU driver's libraries."""
    directory = HOME / "driver"
    with lock(HOME / "lock"):
        if not directory.exists():
            with tempfile.TemporaryDirectory(dir=HOME) as work:
                library = _build_stub(Path(work), "libcuda.so.1", ["cuInit", "cuDeviceGetCount"])
                library.parent.rename(directory)
    return directory


def _list_packages(attrs: Iterable[Mapping[str, Any]], table: Mapping[str, Any]) -> list[str]:
    names = {name for attr in attrs for name in attr.get("packages", [])}
    names |= {program["package"] for program in table["programs"].values()}
    return ["python3", table["certificates"], *sorted(names)]


def _fetch(packages: list[str], without: list[str]) -> Path:
    """A directory with the files of packages and of all that they depend on."""
    key = hashlib.sha256(json.dumps([packages, without]).encode()).hexdigest()[:16]
    root = HOME / f"root-{key}"
    if root.exists():
        return root
    work = HOME / f"apt-{key}"
    shutil.rmtree(work, ignore_errors=True)
    (work / "archives" / "partial").mkdir(parents=True)
    (work / "lists" / "partial").mkdir(parents=True)
    (work / "status").write_text(
        "".join(
            f"Package: {name}\nStatus: install ok installed\nVersion: 999999\nArchitecture: amd64\n"
            "Multi-Arch: foreign\nMaintainer: none\nDescription: none\n\n"
            for name in without
        )
    )
    options = [
        f"Dir::State::status={work}/status",
        f"Dir::Cache::archives={work}/archives",
        "Debug::NoLocking=1",
    ]
    try:
        try:
            _download(packages, options)
        except subprocess.CalledProcessError:
            # No lists on this machine, or such as lead to what is no longer there.
            options += [f"Dir::State::lists={work}/lists", f"Dir::Cache::pkgcache={work}/pkgcache"]
            options += [f"Dir::Cache::srcpkgcache={work}/srcpkgcache"]
            _run_apt("apt-get", ["update", "-qq"], options)
            _download(packages, options)
        part = HOME / f"root-{key}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for archive in sorted((work / "archives").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", archive, part], check=True)
        part.rename(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return root


def _run_apt(program: str, arguments: list[str], options: list[str]) -> bool:
    command = [program, *(word for option in options for word in ("-o", option)), *arguments]
    result = subprocess.run(
        command, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False
    )
    if result.returncode and arguments[0] != "show":
        raise subprocess.CalledProcessError(result.returncode, command, result.stdout, result.stderr)
    return not result.returncode


def _download(packages: list[str], options: list[str]) -> None:
    chosen = {
        next((one for one in names.split("|") if _run_apt("apt-cache", ["show", one], options)), names)
        if "|" in names
        else names
        for names in packages
    }
    _run_apt(
        "apt-get",
        ["install", "--download-only", "--no-install-recommends", "-y", "-qq", *sorted(chosen)],
        options,
    )


class _Libraries:
    """Shared libraries of a directory tree, by the names they go by."""

    def __init__(self, root: Path) -> None:
        self.elves: dict[Path, ElfFile] = {}
        self.by_name: dict[str, Path] = {}
        directories = [root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu"]
        found = [path for top in directories if top.is_dir() for path in top.rglob("*.so*")]
        # What lies in a directory of its own is a plugin, or private: the loader's directories come first.
        for path in sorted(found, key=lambda path: (len(path.parts), str(path))):
            if path.is_symlink() or not path.is_file():
                continue
            elf = read_elf(path)
            if elf is not None and elf.machine == X86_64:
                self.add(path, elf)
        for path in found:
            if path.is_symlink() and path.resolve() in self.elves:
                self.by_name.setdefault(path.name, path.resolve())

    def add(self, path: Path, elf: ElfFile) -> None:
        self.elves[path] = elf
        for name in (elf.soname, path.name):
            if name:
                self.by_name.setdefault(name, path)

    def list_names(self, path: Path) -> set[str]:
        """All names that lead to a library, those of links too."""
        return {name for name, found in self.by_name.items() if found == path}

    def find_needs(self, path: Path) -> list[Path]:
        """Libraries that one needs itself, but for libc's."""
        return [self.by_name[name] for name in self.elves[path].needed if name not in LIBC]

    def find_closure(self, start: Iterable[Path]) -> set[Path]:
        reached: set[Path] = set()
        waiting = list(start)
        while waiting:
            for path in self.find_needs(waiting.pop()):
                if path not in reached:
                    reached.add(path)
                    waiting.append(path)
        return reached

    def find_stem(self, stem: str) -> list[Path]:
        names = {path for name, path in self.by_name.items() if name.partition(".so")[0] == stem}
        return sorted(names)


def _describe(root: Path, wanted: dict[str, Any], table: dict[str, Any], stubs: Path) -> dict[str, Any]:
    libraries = _Libraries(root)
    owned = {name: _find_owned(libraries, name, attr, stubs) for name, attr in wanted.items()}
    links: dict[Path, set[str]] = defaultdict(set)
    for attr in wanted.values():
        for further, stem in attr.get("names", {}).items():
            links[libraries.find_stem(stem)[0]].add(further)

    hidden = {name: _find_between(libraries, paths) for name, paths in owned.items()}
    group_of: dict[Path, str] = {}
    for name, paths in owned.items():
        for path in paths:
            assert path not in group_of, f"{path.name} is of {group_of[path]} and of nixpkgs.{name}"
            group_of[path] = f"nixpkgs.{name}"
    python = _describe_python(root, libraries)
    programs = {attr: _find_programs(root, libraries, one) for attr, one in table["programs"].items()}
    loose = [path for _, path in python["files"]] + [path for one in programs.values() for path in one]
    for path in sorted(libraries.find_closure([*group_of, *loose])):
        group_of.setdefault(path, f"debian.{_name(libraries, path)}")

    def list_needs(path: Path, own: set[Path]) -> list[str]:
        return sorted({group_of[need] for need in libraries.find_needs(path) if need not in own})

    groups: dict[str, Any] = {}
    for path, group in group_of.items():
        attr = wanted.get(group.removeprefix("nixpkgs."), {"outputs": ["out"]})
        made = {
            "output": attr.get("output", "out"),
            "outputs": attr.get("outputs", ["out", "dev"]),
            "files": [],
        }
        groups.setdefault(group, made)["files"].append({"path": path, "hidden": False})
    for name, between in hidden.items():
        groups[f"nixpkgs.{name}"]["files"] += [{"path": path, "hidden": True} for path in sorted(between)]
    for name_of_group, group in groups.items():
        own = {file["path"] for file in group["files"]}
        plainly = wanted.get(name_of_group.removeprefix("nixpkgs."), {}).get("plain", True)
        for file in group["files"]:
            path, name = file["path"], _name(libraries, file["path"])
            plain = {f"{name.partition('.so')[0]}.so"} if plainly else set()
            plain = set() if file["hidden"] else plain | links[path]
            links_of_it = sorted((libraries.list_names(path) | plain) - {name})
            file |= {"path": str(path), "name": name, "links": links_of_it, "needs": list_needs(path, own)}
    names = {name: name for name in table["attributes"]} | table["aliases"]
    return {
        "root": str(root),
        "groups": groups,
        "attrs": [
            {"path": name.split("."), "group": f"nixpkgs.{real}" if real in wanted else None}
            for name, real in names.items()
        ],
        "manylinux": [name.split(".") for name in table["manylinux"]],
        "libc": [str(libraries.by_name[name]) for name in sorted(LIBC) if name in libraries.by_name],
        "programs": {
            attr: {
                "files": [{"path": str(path), "needs": list_needs(path, set())} for path in paths],
                "links": table["programs"][attr].get("links", {}),
            }
            for attr, paths in programs.items()
        },
        "certificates": str(root / "usr/share/ca-certificates/mozilla"),
        "python": {
            **python,
            "files": [
                {"target": target, "needs": list_needs(path, set())} for target, path in python["files"]
            ],
        },
    }


def _find_owned(libraries: _Libraries, name: str, attr: Mapping[str, Any], stubs: Path) -> list[Path]:
    """Files that stand in for those of an attribute."""
    owned: list[Path] = []
    for soname, functions in attr.get("stubs", {}).items():
        path = _build_stub(stubs, soname, functions)
        elf = read_elf(path)
        assert elf is not None
        libraries.add(path, elf)
        owned.append(path)
    for stem in attr.get("libraries", []):
        found = libraries.find_stem(stem)
        assert found, f"no {stem}.so of Debian for {name}"
        owned += [path for path in found if path not in owned]
    return owned


def _name(libraries: _Libraries, path: Path) -> str:
    return libraries.elves[path].soname or path.name


def _find_between(libraries: _Libraries, paths: list[Path]) -> set[Path]:
    """What some of the paths need and what needs others of them, for a copy: store paths have no circles."""
    own = set(paths)
    return {one for one in libraries.find_closure(paths) - own if libraries.find_closure([one]) & own}


def _find_programs(root: Path, libraries: _Libraries, program: Mapping[str, Any]) -> list[Path]:
    """Files of a package's programs, in either of Debian's directories."""
    found = []
    for name in program["files"]:
        (path,) = (one for one in (root / "usr/bin" / name, root / "bin" / name) if one.is_file())
        elf = read_elf(path)
        assert elf is not None
        libraries.elves[path] = elf
        found.append(path)
    return found


def _describe_python(root: Path, libraries: _Libraries) -> dict[str, Any]:
    (binary,) = (
        path
        for path in (root / "usr/bin").glob("python3.*")
        if path.suffix[1:].isdigit() and not path.is_symlink()
    )
    version = binary.name.removeprefix("python")
    library = root / "usr/lib" / binary.name
    files = [(f"bin/{binary.name}", binary)]
    files += [
        (f"lib/{binary.name}/{path.relative_to(library)}", path)
        for path in sorted(library.rglob("lib-dynload/*.so"))
    ]
    for _, path in files:
        elf = read_elf(path)
        assert elf is not None
        libraries.elves[path] = elf
    files = [(target, path) for target, path in files if libraries.find_needs(path)]
    return {
        "version": version,
        "binary": str(binary),
        "library": str(library),
        "files": files,
    }


def _build_stub(work: Path, soname: str, functions: list[str]) -> Path:
    directory = work / soname
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / soname
    code = "".join(f"int {name}(void) {{ return 0; }}\n" for name in functions)
    source = directory / "functions.c"
    source.write_text(code)
    path.write_bytes(build_elf(directory / "work", soname, soname=soname, flags=[str(source)]))
    return path
