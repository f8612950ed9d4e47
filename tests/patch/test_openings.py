"""What distributions open by name: found in a real environment after a patch, and gone after its undo."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.elf import build_elf
from tests.support.patched import find_installed_lies, find_lies, snapshot
from tests.support.wheel import build_wheel
from wheelfix.pysource.shim import ShimTable, is_shim_file, name_shim, read_table, render_files

UV = Path(sys.executable).with_name("uv")
SOURCES = {
    "demo/__init__.py": b"""
import ctypes, ctypes.util
def open_exactly():
    return ctypes.CDLL("libvips.so.42").answer()
def open_found():
    return ctypes.CDLL(ctypes.util.find_library("uhd")).answer()
""",
}
SHIM = ("_wheelfix_demo.pth", "_wheelfix_demo.py", "_wheelfix_demo.start")


@pytest.fixture(scope="module")
def libs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of libraries that no loader searches."""
    top = tmp_path_factory.mktemp("libs")
    source = "int answer(void) { return %d; }"
    for name, number in {"libvips.so.42": 1, "libuhd.so.4": 2}.items():
        (top / name).write_bytes(build_elf(top / "work", name, code=source % number))
    return top


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    wheel = build_wheel(tmp_path, files=SOURCES, tag="py3-none-any")
    return install(tmp_path / "env", wheel)


def install(directory: Path, wheel: Path) -> Path:
    venv.create(directory)
    call_uv("install", "--no-index", "--python", directory, wheel)
    return directory


def call_uv(command: str, *arguments: str | Path) -> None:
    subprocess.run([UV, "pip", command, "--quiet", "--offline", *arguments], check=True)


def run(*arguments: str | Path, code: int = 0) -> str:
    command = [sys.executable, "-m", "wheelfix", "patch", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


def read_json(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json", code=code))
    return document


def ask(environment: Path, code: str, *flags: str) -> str:
    """What code prints in the environment's interpreter, or the last line of its error."""
    command = [str(environment / "bin/python"), *flags, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


def find_site(environment: Path) -> Path:
    (site,) = environment.glob("lib/python3*/site-packages")
    return site


def list_shim(environment: Path) -> Iterator[str]:
    return (path.name for path in sorted(find_site(environment).glob("_wheelfix_*")))


TAG = "py3-none-linux_x86_64"
EXACTLY = "import demo; print(demo.open_exactly())"
FOUND = "import demo; print(demo.open_found())"


def test_sources_find_what_they_open_after_a_patch_and_no_longer_after_its_undo(
    environment: Path, libs: Path
) -> None:
    assert "libvips.so.42" in ask(environment, EXACTLY)
    remove_bytecode(environment)
    before = snapshot(environment)
    told = run(environment, "--libs", libs)
    assert "and 1 package finds what it opens by name" in told
    assert f"libuhd.so  {libs}/libuhd.so.4" in told
    assert (ask(environment, EXACTLY), ask(environment, FOUND, "-I")) == ("1", "2")
    assert tuple(list_shim(environment)) == SHIM
    assert find_installed_lies(find_site(environment)) == []
    rows = (find_site(environment) / "demo-1.0.dist-info/RECORD").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows[-3:]] == ["_wheelfix_demo.py", SHIM[0], SHIM[2]]
    told = run(environment, "--undo")
    assert "4 files restored" in told
    remove_bytecode(environment)
    assert snapshot(environment) == before
    assert "libvips.so.42" in ask(environment, EXACTLY)


def remove_bytecode(environment: Path) -> None:
    """Remove what the interpreter wrote."""
    for directory in list(find_site(environment).glob("**/__pycache__")):
        shutil.rmtree(directory)


def test_a_second_run_changes_nothing_and_needs_no_directory(environment: Path, libs: Path) -> None:
    run(environment, "--libs", libs)
    before = snapshot(environment)
    (shim,) = read_json(environment)["shims"]
    assert {file["method"] for file in shim["files"]} == {"none"}
    assert {answer["answer"] for answer in shim["answers"]} == {"kept"}
    assert snapshot(environment) == before


def test_a_library_that_is_gone_is_looked_for_again(environment: Path, libs: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "libvips.so.42").write_bytes((libs / "libvips.so.42").read_bytes())
    run(environment, "--libs", old)
    (old / "libvips.so.42").unlink()
    (shim,) = read_json(environment, "--libs", old)["shims"]
    assert {a["soname"]: a["answer"] for a in shim["answers"]} == {
        "libvips.so.42": "left",
        "libuhd.so": "left",
    }
    run(environment, "--libs", libs)
    assert ask(environment, EXACTLY) == "1"
    assert "restored" in run(environment, "--undo")
    assert list(list_shim(environment)) == []


def test_a_plan_writes_nothing(environment: Path, libs: Path) -> None:
    before = snapshot(environment)
    (shim,) = read_json(environment, "--libs", libs, "--dry-run")["shims"]
    assert [(f["path"], f["method"]) for f in shim["files"]] == [
        (name, "write") for name in ("_wheelfix_demo.py", SHIM[0], SHIM[2])
    ]
    assert snapshot(environment) == before


def test_uninstalling_takes_the_shim_along(environment: Path, libs: Path) -> None:
    run(environment, "--libs", libs)
    ask(environment, EXACTLY)
    call_uv("uninstall", "--python", environment, "demo")
    assert list(list_shim(environment)) == []
    assert "_wheelfix" not in run(environment, "--undo")


def test_only_sources_that_are_chosen_count(environment: Path, libs: Path) -> None:
    assert read_json(environment, "--libs", libs, "--exclude", "demo/*")["shims"] == []
    assert list(list_shim(environment)) == []


def test_a_file_of_somebody_else_stays(environment: Path, libs: Path) -> None:
    other = find_site(environment) / "_wheelfix_demo.pth"
    other.write_text("import sys\n")
    planned = run(environment, "--libs", libs, "--dry-run", code=5)
    told = run(environment, "--libs", libs, code=5)
    why = "_wheelfix_demo.pth is there already, and was not written by wheelfix"
    assert f"_wheelfix_demo.py: not written: {why}" in told
    assert f"_wheelfix_demo.py: not written: {why}" in planned
    assert other.read_text() == "import sys\n"
    assert list(list_shim(environment)) == [other.name], "all files of a shim, or none"


def test_no_link_is_followed(environment: Path, libs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("x = 1\n")
    (find_site(environment) / "_wheelfix_demo.py").symlink_to(outside)
    assert "_wheelfix_demo.py: not written" in run(environment, "--libs", libs, code=5)
    assert outside.read_text() == "x = 1\n"


def test_undo_removes_no_file_that_is_not_a_shim(environment: Path, libs: Path) -> None:
    run(environment, "--libs", libs)
    changes = environment / ".wheelfix/changes.jsonl"
    module = find_site(environment) / "demo/__init__.py"
    lines = [json.loads(line) for line in changes.read_text().splitlines()]
    (made,) = (line for line in lines if line["path"].endswith("_wheelfix_demo.py"))
    lie = made | {
        "path": str(module.relative_to(environment)),
        "new": hashlib.sha256(module.read_bytes()).hexdigest(),
    }
    with changes.open("a") as file:
        file.write(json.dumps(lie, separators=(",", ":")) + "\n")
    assert "cannot be removed: it is not what the manifest says" in run(environment, "--undo")
    assert module.exists()


def test_an_installed_wheel_that_was_patched_finds_what_it_opens(tmp_path: Path, libs: Path) -> None:
    wheel = build_wheel(tmp_path, files=SOURCES, tag="py3-none-any")
    run(wheel, "--libs", libs, "-o", tmp_path / "out")
    patched = tmp_path / "out" / wheel.name
    assert find_lies(patched) == []
    environment = install(tmp_path / "env", patched)
    assert (ask(environment, EXACTLY), ask(environment, FOUND)) == ("1", "2")
    run(patched, "--libs", libs, "-o", tmp_path / "again")
    assert find_lies(tmp_path / "again" / wheel.name) == []


def test_what_an_elf_file_opens_is_reached_by_its_run_path(tmp_path: Path, libs: Path) -> None:
    source = (
        '#define _GNU_SOURCE\n#include <dlfcn.h>\nint probe(void) { return dlopen("libvips.so.42", 1) != 0; }'
    )
    work = tmp_path / "work"
    member = build_elf(work, "native.so", code=source)
    wheel = build_wheel(
        tmp_path, files={"demo/__init__.py": b"", "demo/native.so": member}, tag="py3-none-linux_x86_64"
    )
    environment = install(tmp_path / "env", wheel)
    probe = "import ctypes, demo; print(ctypes.CDLL(demo.__path__[0] + '/native.so').probe())"
    assert ask(environment, probe) == "0"
    (file,) = read_json(environment, "--libs", libs)["files"]
    (opened,) = (need for need in file["needs"] if need["opened"])
    assert (opened["soname"], opened["answer"], opened["directory"]) == ("libvips.so.42", "added", str(libs))
    assert ask(environment, probe) == "1"


def test_a_directory_without_a_site_is_told_that_nothing_starts_the_shim(tmp_path: Path, libs: Path) -> None:
    wheel = build_wheel(tmp_path, files=SOURCES, tag="py3-none-any")
    target = tmp_path / "target"
    call_uv("install", "--no-index", "--target", target, wheel)
    assert "is found only where .pth files run" in run(target, "--libs", libs)


def test_the_table_of_a_shim_is_read_and_never_run(tmp_path: Path) -> None:
    table = ShimTable(modules=("demo",), libraries={"libx.so": "/a\\\"b'\n\udcff/libx.so"})
    files = render_files("demo", table)
    assert all(is_shim_file(name, data) for name, data in files.items())
    assert read_table(files["_wheelfix_demo.py"]) == table
    evil = files["_wheelfix_demo.py"].rpartition(b"TABLE.update(")[0]
    for last in (
        b"__import__('os').system('true'))\n",
        b"[" * 100_000 + b")\n",
        b"{})\nimport os\n",
        b"\xff)\n",
    ):
        assert read_table(evil + b"TABLE.update(" + last) is None
    assert read_table(b"") is None
    assert not is_shim_file("_wheelfix_demo.pth", b"import os; os.system('true')\n")
    assert not is_shim_file("other.pth", files["_wheelfix_demo.pth"])
    assert name_shim("Zope.Interface") == "_wheelfix_zope_interface"


def test_of_several_versions_the_newest_is_opened(environment: Path, libs: Path, tmp_path: Path) -> None:
    several = tmp_path / "several"
    several.mkdir()
    for version in ("0", "0.3.0", "10", "9"):
        os.link(libs / "libuhd.so.4", several / f"libuhd.so.{version}")
    (shim,) = read_json(environment, "--libs", several)["shims"]
    assert f"{several}/libuhd.so.10" in {answer["reason"] for answer in shim["answers"]}
