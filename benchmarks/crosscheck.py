"""Hold wheelfix's external needs against the dependency trees of auditwheel, wheel by wheel.

    pip install auditwheel==6.8.2
    python benchmarks/crosscheck.py DIR...

Every wheel pinned in fixtures/crosscheck-wheels.toml and fixtures/real-wheels.toml is looked for in the
directories, and downloaded into the first of them where it is in none. auditwheel's reader
(``auditwheel.lddtree.ldd``) walks every ELF file of the extracted wheel. Two things are compared: for each
soname an ELF file wants, whether a run path leads to it inside the wheel; and for each wheel, which sonames
are external. Then each file's header and dynamic table are read by pyelftools alone, and compared with what
wheelfix read of it, on every machine. Differences have to be explained in
fixtures/crosscheck-differences.toml, by a kind whose evidence is looked up here, and no explanation may be
left over. docs/crosscheck.md has the results.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from auditwheel.elfutils import elf_file_filter
from auditwheel.lddtree import DynamicExecutable, ldd
from elftools.elf.elffile import ELFFile

import wheelfix
from wheelfix.model.classes import NeedClass
from wheelfix.model.scan import WheelScan
from wheelfix.scan.loader import Loader

FIXTURES = Path(__file__).parents[1] / "fixtures"
PINS = ("real-wheels.toml", "crosscheck-wheels.toml")
DIFFERENCES = "crosscheck-differences.toml"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A soname that one ELF file of a wheel wants."""

    path: str
    soname: str
    machine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A soname that one finds inside the wheel and the other does not.

    Attributes:
        path: the ELF file that wants it; empty where all that want it are meant.
        outside_for: who does not find it: ``auditwheel`` or ``wheelfix``.
        kind: what explains it, see :data:`EVIDENCE`; None if nothing does.
    """

    wheel: str
    soname: str
    machine: str
    path: str
    outside_for: str
    kind: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One wheel, read by both.

    Attributes:
        edges: how many wants of single ELF files were compared.
        external: how many external needs (soname and machine) wheelfix finds.
        misread: files of which pyelftools reads something else, with both readings.
    """

    wheel: str
    elf_files: int
    edges: int
    external: int
    differences: tuple[Difference, ...]
    misread: tuple[str, ...] = ()


def compare(path: Path) -> Comparison:
    """Read one wheel with both, and tell where they differ."""
    scan = wheelfix.scan_wheel(path)
    search = Loader(scan.objects)
    ours = {
        Edge(obj.path, soname, obj.machine): (found := search.find(obj, soname)) is not None
        and found.via is not None
        for obj in scan.objects
        for soname in obj.needed
    }
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        with zipfile.ZipFile(path) as archive:
            archive.extractall(root)
        count, theirs = read_trees(root)
        misread = tuple(compare_headers(root, scan))
    external = {(n.soname, n.machine) for n in scan.needs if n.need_class is not NeedClass.BUNDLED}
    audited = {(e.soname, e.machine) for e in theirs} - {(e.soname, e.machine) for e in theirs if theirs[e]}
    outside = {Edge("", *wanted): wanted in external for wanted in external ^ audited}
    outside |= {e: not ours.get(e) for e in ours.keys() | theirs.keys() if ours.get(e) is not theirs.get(e)}
    return Comparison(
        wheel=path.name,
        elf_files=count,
        edges=len(ours.keys() | theirs.keys()),
        external=len(external),
        differences=tuple(
            Difference(
                wheel=path.name,
                soname=edge.soname,
                machine=edge.machine,
                path=edge.path,
                outside_for="wheelfix" if outside[edge] else "auditwheel",
                kind=next((kind for kind, holds in EVIDENCE.items() if holds(scan, edge)), None),
            )
            for edge in sorted(outside)
        ),
        misread=misread,
    )


def compare_headers(root: Path, scan: WheelScan) -> Iterator[str]:
    """Compare what wheelfix and pyelftools read of every ELF file of an extracted wheel."""
    for obj in scan.objects:
        ours = Header(obj.machine, obj.needed, obj.soname, obj.rpath, obj.runpath)
        with (root / obj.path).open("rb") as file:
            theirs = read_header(ELFFile(file))
        if ours != theirs:
            yield f"{scan.target}: {obj.path}: {ours}, and by pyelftools {theirs}"


class Header(NamedTuple):
    """What a loader takes from a file: the machine, and entries of its dynamic table."""

    machine: str
    needed: tuple[str, ...]
    soname: str | None
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]


def read_header(elf: ELFFile) -> Header:
    """Read a file by its program headers alone."""
    tags = [t for segment in elf.iter_segments("PT_DYNAMIC") for t in segment.iter_tags()]
    key = elf["e_machine"], elf.elfclass, elf.little_endian

    def split(tag: str, name: str) -> tuple[str, ...]:
        return tuple(e for t in tags if t.entry.d_tag == tag for e in getattr(t, name).split(":") if e)

    return Header(
        MACHINES.get(key, str(key)),
        tuple(t.needed for t in tags if t.entry.d_tag == "DT_NEEDED"),
        next((t.soname for t in tags if t.entry.d_tag == "DT_SONAME"), None),
        split("DT_RPATH", "rpath"),
        split("DT_RUNPATH", "runpath"),
    )


MACHINES = {
    ("EM_386", 32, True): "i686",
    ("EM_AARCH64", 64, True): "aarch64",
    ("EM_ARM", 32, True): "armv7l",
    ("EM_LOONGARCH", 64, True): "loongarch64",
    ("EM_PPC64", 64, True): "ppc64le",
    ("EM_RISCV", 64, True): "riscv64",
    ("EM_S390", 64, False): "s390x",
    ("EM_X86_64", 64, True): "x86_64",
}
"""Machine types by e_machine, bits, and whether it is little-endian."""


def read_trees(root: Path) -> tuple[int, dict[Edge, bool]]:
    """Walk an extracted wheel with auditwheel, with none of this machine's libraries in its search path.

    Returns:
        How many ELF files there are, and for each want whether some tree finds it below ``root``: a library
        of the wheel stands in the trees of all that load it, with what it inherits there.
    """
    count, edges = 0, dict[Edge, bool]()
    for path, _ in elf_file_filter(sorted(p for p in root.rglob("*") if p.is_file())):
        count += 1
        tree = ldd(path, ldpaths={"conf": [], "env": [], "interp": []})
        machine = name_machine(tree)
        inside = {
            soname: library.realpath.resolve()
            for soname, library in tree.libraries.items()
            if library.realpath is not None and library.realpath.resolve().is_relative_to(root)
        }
        wants = [(path, tree.needed), *((inside[s], tree.libraries[s].needed) for s in inside)]
        for user, needed in wants:
            for soname in needed:
                edge = Edge(user.relative_to(root).as_posix(), soname, machine)
                edges[edge] = edges.get(edge, False) or soname in inside
    return count, edges


def name_machine(tree: DynamicExecutable) -> str:
    try:
        return str(tree.platform.baseline_architecture.value)
    except ValueError as error:
        return str(error)


def is_carried(scan: WheelScan, edge: Edge) -> bool:
    """A member of the wheel has this soname or file name, and no run path of any file leads to it."""
    search = Loader(scan.objects)
    users = [o for o in scan.objects if o.machine == edge.machine and edge.soname in o.needed]
    found = [search.find(user, edge.soname) for user in users]
    carriers = {o.path for o in scan.objects if edge.soname in (o.soname, o.name)}
    return not edge.path and all(f is not None and f.via is None and f.path in carriers for f in found)


def is_cut_off(scan: WheelScan, edge: Edge) -> bool:
    """The file has a DT_RUNPATH, which switches off the DT_RPATH of whoever loads it."""
    return any(o.path == edge.path and o.runpath and not o.rpath for o in scan.objects)


EVIDENCE: Mapping[str, Callable[[WheelScan, Edge], bool]] = {"carried": is_carried, "runpath": is_cut_off}
"""What may explain a difference, and how it is recognised."""


def judge(comparisons: Iterable[Comparison], explanations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Match differences with explanations.

    Returns:
        What is wrong: differences without an explanation or without its evidence, and explanations without
        a difference. Empty when all is well.
    """
    known = {(e["wheel"], soname): e["kind"] for e in explanations for soname in e["sonames"]}
    compared = tuple(comparisons)
    problems, differing = [f"misread: {one}" for c in compared for one in c.misread], set()
    for difference in (d for c in compared for d in c.differences):
        differing.add(key := (difference.wheel, difference.soname))
        if key not in known:
            problems.append(f"unexplained: {difference}")
        elif known[key] != difference.kind:
            problems.append(f"explained as {known[key]}, but that does not hold: {difference}")
    problems += [f"explained, but no difference: {' '.join(key)}" for key in known.keys() - differing]
    return sorted(problems)


def find_wheel(pin: Mapping[str, Any], directories: Sequence[Path]) -> Path:
    """Find a pinned wheel in the directories, or download it into the first."""
    places = [directory / pin["file"] for directory in directories]
    path: Path = next((p for p in places if p.exists()), places[0])
    if not path.exists():
        download(pin, path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert digest == pin["sha256"], f"{path} is not the pinned file"
    return path


def download(pin: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    interpreter, abi, platforms = path.stem.split("-")[-3:]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "--python-version", pin.get("python", "3.12"), "-d", str(path.parent)]
    for platform in platforms.split("."):
        command += ["--platform", platform]
    if not interpreter.startswith("py"):
        for name in sorted({abi, "abi3", "none"}):
            command += ["--abi", name]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(f"{pin['name']}=={pin['version']} --hash=sha256:{pin['sha256']}\n")
        file.flush()
        subprocess.run([*command, "-r", file.name], check=True)


def main() -> int:
    directories = [Path(argument) for argument in sys.argv[1:]]
    if not directories:
        print(__doc__, file=sys.stderr)
        return 2
    pins = [pin for name in PINS for pin in tomllib.loads((FIXTURES / name).read_text())["wheel"]]
    wheels = [find_wheel(pin, directories) for pin in pins]
    wheels.sort(key=lambda w: -w.stat().st_size)  # the longest first, so that no process waits at the end
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        compared = sorted(pool.map(compare, wheels), key=lambda c: c.wheel)
    comparisons = [c for c in compared if c.elf_files]
    for c in comparisons:
        figures = f"{c.elf_files} ELF files, {c.edges} wants, {c.external} external needs"
        print(f"{c.wheel}: {figures}, {len(c.differences)} differences")
        for d in c.differences:
            print(f"  {d.path} {d.soname} ({d.machine}): outside for {d.outside_for}; {d.kind}")
    explanations = tomllib.loads((FIXTURES / DIFFERENCES).read_text())["difference"]
    problems = judge(comparisons, explanations)
    kinds = Counter(d.kind or "unexplained" for c in comparisons for d in c.differences)
    print(
        f"\n{len(comparisons)} wheels, {sum(c.elf_files for c in comparisons)} ELF files, "
        f"{sum(c.edges for c in comparisons)} wants, {sum(c.external for c in comparisons)} external needs, "
        f"{kinds.total()} differences ({', '.join(f'{kinds[kind]} {kind}' for kind in sorted(kinds))}), "
        f"{len(problems)} problems"
    )
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
