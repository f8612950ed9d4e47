"""Environments of conda, built by Nix from the code that is written, and run where nothing else is."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.support.conda import PLACEHOLDER, Member, build_conda
from tests.support.conda_scans import make_need, make_scan
from tests.support.elf import build_elf
from tests.support.linking import read_index
from tests.support.proof.conda import build_python, realise_prefix
from tests.support.proof.proving import make_nix_environment, read_python, run_probe
from tests.support.wheel import build_wheel
from wheelfix.lock.model import LockPlan
from wheelfix.lock.prefix import render_prefix
from wheelfix.model.classes import NeedClass
from wheelfix.model.conda import CondaPackage
from wheelfix.model.lock import Choice, ChoiceKind, LockedFile, LockedPackage
from wheelfix.model.override import Cuda, Dialect, Ignored, Override
from wheelfix.model.scan import WheelScan

EXTENSION = """
void *PyModule_Create2(void *, int);
int PyModule_AddIntConstant(void *, const char *, long);
int answer(void);
/* PyModuleDef: an object's head, m_init, m_index, m_copy, m_name, m_doc, m_size, and what may be empty. */
static struct {
  long count; void *type, *init; long index; void *copy; const char *name, *doc; long size; void *rest[5];
} definition = {1, 0, 0, 0, 0, "ext", 0, -1};
void *PyInit_ext(void) {
  void *module = PyModule_Create2(&definition, 1013);
  PyModule_AddIntConstant(module, "answer", answer());
  return module;
}
"""
PROGRAM = f"""
#include <stdio.h>
#include <string.h>
int answer(void);
const char prefix[] = "{PLACEHOLDER}";
int main(void) {{
  char share[1024];
  snprintf(share, sizeof share, "%s/share", prefix);
  printf("%d %s\\n", answer(), share);
  return 0;
}}
"""


def query_store(question: str, path: Path) -> str:
    """What the store says of a path."""
    return subprocess.run(
        ["nix-store", "--query", question, path],
        capture_output=True,
        text=True,
        env=make_nix_environment(),
        check=True,
    ).stdout


def hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock_conda(archive: Path) -> CondaPackage:
    index = read_index(archive)
    return CondaPackage(
        name=index["name"],
        version=index["version"],
        build=index["build"],
        subdir=index["subdir"],
        platform="linux-64",
        filename=archive.name,
        url=f"https://conda.example.org/channel/{index['subdir']}/{archive.name.replace('!', '%21')}",
        sha256=hash_file(archive),
        depends=tuple(index["depends"]),
    )


def choose_wheel(wheel: Path) -> Choice:
    name, version, *_ = wheel.name.split("-")
    url = f"https://files.example.org/{wheel.name}"
    file = LockedFile(filename=wheel.name, sha256=hash_file(wheel), url=url)
    return Choice(package=LockedPackage(name=name, version=version), kind=ChoiceKind.WHEEL, file=file)


def write_code(
    archives: Iterable[Path],
    wheels: Iterable[Path] = (),
    overrides: Sequence[Override] = (),
    scans: Sequence[WheelScan] = (),
) -> str:
    plan = LockPlan(
        lock="pixi.lock",
        python=read_python(),
        system="x86_64-linux",
        dialect=Dialect.CONDA,
        conda=tuple(sorted(map(lock_conda, archives), key=lambda one: one.name)),
        conda_scans=tuple(scans),
        choices=tuple(map(choose_wheel, wheels)),
        overrides=tuple(overrides),
    )
    return render_prefix(plan, [])


def scan_magic() -> WheelScan:
    """A package whose library needs what a package of nixpkgs has."""
    need = make_need("libmagic.so.1", NeedClass.PROVIDED, "../../libguess.so.1", attr="file")
    return make_scan(need, name="guess", version="1.0")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Packages of every kind: libraries, a program, an extension module, noarch, one with an epoch."""
    top = tmp_path_factory.mktemp("channel")
    work = top / "work"
    site = f"lib/python{read_python()}/site-packages"
    answer = build_elf(work, "libanswer.so.1", soname="libanswer.so.1")
    library = work / "libanswer.so.1.build" / "libanswer.so.1"
    flags = [str(library), "-Wl,--allow-shlib-undefined"]
    ext = build_elf(work, "ext.so", code=EXTENSION, flags=[*flags, "-Wl,-rpath,$ORIGIN/../.."])
    program = build_elf(
        work, "tool", executable=True, code=PROGRAM, flags=[*flags, "-Wl,-rpath,$ORIGIN/../lib"]
    )
    guess = build_elf(work, "libguess.so.1", soname="libguess.so.1", needed=["libmagic.so.1"])
    old = PLACEHOLDER.encode()
    settings = f"prefix={PLACEHOLDER}\nlibdir={PLACEHOLDER}/lib\n".encode()
    answers: dict[str, Member | bytes] = {
        "lib/libanswer.so.1": Member(answer, 0o755),
        "lib/libanswer.so": Member(b"libanswer.so.1", link=True),
        "lib/pkgconfig/answer.pc": Member(settings, placeholder="text"),
        "bin/tool": Member(program, 0o755, placeholder="binary"),
        "bin/script": Member(b"#!/bin/bash\necho " + old + b"\n", 0o755, placeholder="text"),
        "etc/conda/activate.d/answer.sh": b"export ANSWER=42\n",
    }
    pure: dict[str, Member | bytes] = {
        "site-packages/pure/__init__.py": b"def main():\n    import ext\n    print('pure', ext.answer)\n",
        "site-packages/pure/broken.py": b"def (:\n",
    }
    return [
        build_python(top),
        build_conda(top, "libanswer", answers, version="1!2.0"),
        build_conda(top, "ext", {f"{site}/ext.so": Member(ext, 0o755)}, depends=["python", "libanswer"]),
        build_conda(top, "guess", {"lib/libguess.so.1": Member(guess, 0o755)}, suffix=".tar.bz2"),
        build_conda(top, "pure", pure, noarch="python", entry_points=["pure = pure:main"], depends=["ext"]),
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel whose extension module needs the library of a package of conda."""
    top = tmp_path_factory.mktemp("wheels")
    work = top / "work"
    build_elf(work, "libanswer.so.1", soname="libanswer.so.1")
    library = work / "libanswer.so.1.build" / "libanswer.so.1"
    code = EXTENSION.replace('"ext"', '"native"').replace("PyInit_ext", "PyInit_native")
    flags = [str(library), "-Wl,--allow-shlib-undefined", "-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN"]
    native = build_elf(work, "native.so", code=code, flags=flags)
    return build_wheel(
        top,
        name="wheeled",
        files={
            "wheeled/__init__.py": b"from .native import answer\ndef main(): print('wheeled', answer)\n",
            "wheeled/native.so": native,
            "wheeled-1.0.data/scripts/plain": b"#!python\nimport wheeled\nwheeled.main()\n",
            "wheeled-1.0.data/data/share/wheeled.txt": b"data\n",
            "wheeled-1.0.dist-info/entry_points.txt": b"[console_scripts]\nwheeled = wheeled:main\n",
        },
        tag="py3-none-manylinux_2_17_x86_64",
    )


@pytest.fixture(scope="module")
def prefix(shelf: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of these packages."""
    code = write_code(shelf, scans=[scan_magic()])
    built, said = realise_prefix(tmp_path_factory.mktemp("workspace") / "one", code, shelf)
    assert built, said
    return built


@pytest.fixture(scope="module")
def mixed(shelf: list[Path], wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of these packages, and a wheel."""
    reason = "libanswer brings it, found where both are in one environment"
    override = Override(
        name="wheeled",
        version="1.0",
        target=wheel.name,
        tags=("py3-none-manylinux_2_17_x86_64",),
        cuda=Cuda.WHEELS,
        ignored=(Ignored(soname="libanswer.so.1", reason=reason),),
    )
    code = write_code(shelf, [wheel], [override], [scan_magic()])
    built, said = realise_prefix(tmp_path_factory.mktemp("workspace") / "two", code, [*shelf, wheel])
    assert built, said
    return built


def run(prefix: Path, program: str) -> str:
    """What a program of a prefix prints where the store and libc are, and nothing else."""
    code = (
        "import subprocess, sys\n"
        f"done = subprocess.run([{str(prefix / 'bin' / program)!r}], capture_output=True, text=True)\n"
        "sys.stderr.write(done.stdout)\n"
        "assert done.returncode == 0, done.stderr\n"
    )
    result = run_probe(prefix / "bin" / "python", code)
    assert result.worked, result.said
    return result.said


def test_an_extension_module_of_conda_is_imported(prefix: Path) -> None:
    result = run_probe(prefix / "bin" / "python", "import ext\nassert ext.answer == 42")
    assert result.worked, result.said
    assert prefix / "lib" / "libanswer.so.1" in result.mapped


def test_a_program_finds_loader_libraries_and_its_prefix(prefix: Path) -> None:
    assert run(prefix, "tool") == f"42 {prefix}/share\n"


def test_an_entry_point_runs(prefix: Path) -> None:
    assert run(prefix, "pure") == "pure 42\n"


def test_a_script_finds_the_shell_of_the_store(prefix: Path) -> None:
    assert run(prefix, "script") == f"{prefix}\n"


def test_a_library_finds_what_nixpkgs_brings(prefix: Path) -> None:
    probe = f"import ctypes\nassert ctypes.CDLL('{prefix}/lib/libguess.so.1').answer() == 42"
    result = run_probe(prefix / "bin" / "python", probe)
    assert result.worked, result.said
    assert result.list_files_of("file") == ["libmagic.so.1"]


def test_modules_are_compiled(prefix: Path) -> None:
    version = read_python()
    tag = f"cpython-{version.replace('.', '')}"
    site = prefix / "lib" / f"python{version}" / "site-packages"
    (compiled,) = (site / "pure" / "__pycache__").iterdir()
    assert compiled.name == f"__init__.{tag}.pyc"
    assert compiled.read_bytes()[4:8] == b"\1\0\0\0"  # PEP 552: by hash, unchecked
    probe = (
        f"import json, sys\nassert json.__cached__.startswith('{prefix}')\nassert json.__spec__.has_location"
    )
    assert run_probe(prefix / "bin" / "python", probe).worked


def test_the_prefix_refers_to_itself_and_to_what_it_needs(prefix: Path) -> None:
    said = query_store("--references", prefix)
    names = [Path(line).name.partition("-")[2] for line in said.splitlines()]
    assert any(name.startswith("nixpkgs.file") for name in names)
    assert not [name for name in names if name.endswith((".conda", ".bz2", "link.py"))]


def test_two_builds_have_the_same_bytes(shelf: list[Path], prefix: Path, tmp_path: Path) -> None:
    derivation = query_store("--deriver", prefix).strip()
    again = subprocess.run(
        ["nix-store", "--realise", "--check", derivation],
        capture_output=True,
        text=True,
        env=make_nix_environment(),
        check=False,
    )
    assert again.returncode == 0, again.stderr


def test_a_wheel_beside_packages_of_conda_is_imported(mixed: Path) -> None:
    result = run_probe(mixed / "bin" / "python", "import wheeled\nassert wheeled.answer == 42")
    assert result.worked, result.said
    assert mixed / "lib" / "libanswer.so.1" in result.mapped
    assert {path.parts[:4] for path in result.mapped if "conda-environment" in str(path)} == {mixed.parts[:4]}


@pytest.mark.parametrize("program", ["wheeled", "plain"])
def test_programs_of_a_wheel_run(mixed: Path, program: str) -> None:
    assert run(mixed, program) == "wheeled 42\n"


def test_a_wheel_is_installed_in_the_prefix(mixed: Path) -> None:
    probe = (
        "import importlib.metadata as m\n"
        "assert m.version('wheeled') == '1.0'\n"
        "assert all(file.locate().exists() for file in m.files('wheeled')), m.files('wheeled')\n"
    )
    result = run_probe(mixed / "bin" / "python", probe)
    assert result.worked, result.said
    assert (mixed / "share" / "wheeled.txt").read_text() == "data\n"
    assert json.loads((mixed / "conda-meta" / "ext-1.0-0.json").read_text())["name"] == "ext"


def test_nothing_refers_to_the_prefix_without_wheels(mixed: Path) -> None:
    said = query_store("--requisites", mixed).split()
    assert [path for path in said if path.endswith("-conda-environment")] == [str(mixed)]
    assert not [path for path in said if "wheeled" in path]


def test_a_hostile_package_stops_the_build_in_one_line(tmp_path: Path) -> None:
    evil = build_conda(tmp_path, "evil", {"../outside": b"x"})
    built, said = realise_prefix(tmp_path / "workspace", write_code([evil]), [evil])
    assert built is None
    assert 'link.py: evil-1.0-0.conda: has the path "../outside", which leads out of the prefix' in said
