"""``wheelfix patch`` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.support.elf import build_elf
from tests.support.patch import read
from tests.support.patched import (
    build_libs,
    build_members,
    build_wheel,
    find_installed_lies,
    find_lies,
    install,
    snapshot,
)
from wheelfix.report.json import load_schema

LOADER = "ld-linux-x86-64.so.2"


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wheelfix", "patch", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
    )


@pytest.fixture
def libs(tmp_path: Path) -> Path:
    return build_libs(tmp_path / "outer")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(tmp_path, files=build_members(tmp_path / "work"))


@pytest.fixture
def environment(tmp_path: Path, wheel: Path) -> Path:
    install(wheel, tmp_path / "env")
    return tmp_path / "env"


def load_x0(site: Path) -> subprocess.CompletedProcess[str]:
    code = f"import ctypes; print(ctypes.CDLL({str(site / 'demo/x0.so')!r}).answer())"
    env = {**os.environ, "LD_DEBUG": "libs"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


def test_a_wheel_is_patched_installed_and_loaded(wheel: Path, libs: Path, tmp_path: Path) -> None:
    before = install(wheel, tmp_path / "before")
    assert "libouter.so.1: cannot open shared object file" in load_x0(before).stderr
    result = run(wheel, "--libs", libs, "-o", tmp_path / "out")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"    + {libs}/lib  libouter.so.1" in result.stdout
    assert result.stdout.endswith(f"3 of 4 ELF files changed: {tmp_path}/out/{wheel.name}\n")
    patched = tmp_path / "out" / wheel.name
    assert find_lies(patched) == []
    loaded = load_x0(install(patched, tmp_path / "after"))
    assert loaded.stdout == "42\n"
    assert f"calling init: {libs}/lib/libouter.so.1" in loaded.stderr


def test_an_environment_is_patched_and_restored(environment: Path, libs: Path) -> None:
    site = environment / "lib/python3.12/site-packages"
    before = snapshot(environment)
    assert run(environment, "--libs", libs).returncode == 0
    assert load_x0(site).stdout == "42\n"
    assert find_installed_lies(site) == []
    again = run(environment, "--libs", libs, "--quiet")
    assert (again.returncode, again.stdout) == (0, f"0 of 4 ELF files changed: {environment}\n")
    without = run(environment, "--quiet", env={"NIX_STORE_DIR": str(libs.parent)})
    assert (without.returncode, without.stdout) == (0, f"0 of 4 ELF files changed: {environment}\n")
    assert run(environment, "--quiet", env={"NIX_STORE_DIR": str(libs.parent)}).stdout == "", (
        "nothing changed"
    )
    told = json.loads(run(environment, "--undo", "--dry-run", "--json").stdout)
    jsonschema.validate(told, load_schema("wheelfix.patch/1"), cls=jsonschema.Draft202012Validator)
    assert [f["message"] for f in told["findings"]] == ["4 files would be restored"]
    undone = run(environment, "--undo")
    assert (undone.returncode, undone.stdout) == (0, f"note: {environment}: 4 files restored\n")
    assert snapshot(environment) == before


def test_dry_runs_write_nothing(environment: Path, wheel: Path, libs: Path, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    for target in (environment, wheel):
        result = run(target, "--libs", libs, "--dry-run")
        assert result.returncode == 0
        assert "\n3 of 4 ELF files would change: nothing was written\n" in result.stdout
        assert result.stdout.endswith(f"to do it: wheelfix patch {target} --libs {libs}\n")
    assert snapshot(tmp_path) == before
    assert not (environment / ".wheelfix").exists()


def test_json_follows_its_schema(environment: Path, libs: Path) -> None:
    result = run(environment, "--libs", libs, "--json", "--only", "demo/*", "--exclude", "*/x1.so")
    document = json.loads(result.stdout)
    jsonschema.validate(document, load_schema("wheelfix.patch/1"), cls=jsonschema.Draft202012Validator)
    files = {f["path"]: f for f in document["files"]}
    assert sorted(files) == ["demo/x0.so", "demo/x2.so"]
    assert files["demo/x0.so"]["run_path"] == ["$ORIGIN/../demo.libs", f"{libs}/lib"]
    assert files["demo/x0.so"]["method"]
    assert document["applied"] is True


def test_what_is_open_is_said_and_ends_with_1(environment: Path) -> None:
    result = run(environment)
    assert result.returncode == 1
    assert "open: libouter.so.1 for demo/x0.so and 2 more: " in result.stdout


def test_a_refused_file_ends_with_5_and_the_others_are_changed(tmp_path: Path, libs: Path) -> None:
    # Its interpreter can be replaced, but a file cut short behind its headers cannot be edited.
    files = build_members(tmp_path / "work")
    files["demo/x1.so"] = damage(files["demo/x1.so"])
    wheel = build_wheel(tmp_path, files=files)
    result = run(wheel, "--libs", libs, "-o", tmp_path / "out")
    assert result.returncode == 5
    assert "demo/x1.so: left as it is: " in result.stdout
    assert "2 of 4 ELF files changed" in result.stdout
    assert find_lies(tmp_path / "out" / wheel.name) == []


def test_a_dry_run_of_an_environment_tells_what_would_be_refused(tmp_path: Path, libs: Path) -> None:
    files = build_members(tmp_path / "work")
    files["demo/x1.so"] = damage(files["demo/x1.so"])
    install(build_wheel(tmp_path, files=files), tmp_path / "env")
    planned = run(tmp_path / "env", "--libs", libs, "--dry-run")
    assert planned.returncode == 5
    assert "demo/x1.so: left as it is: " in planned.stdout
    assert "2 of 4 ELF files would change" in planned.stdout
    assert run(tmp_path / "env", "--libs", libs).returncode == 5


def damage(data: bytes) -> bytes:
    """A library whose section table is said to lie behind its end: loaded all the same, but not edited."""
    return data[:0x28] + (len(data) + 64).to_bytes(8, "little") + data[0x30:]


def test_a_program_gets_its_loader_and_runs(tmp_path: Path, libs: Path) -> None:
    tool = build_elf(tmp_path / "work", "tool", executable=True, needed=["libouter.so.1"])
    wheel = build_wheel(tmp_path, files={"demo-1.0.data/scripts/tool": tool})
    (libs / "lib" / LOADER).symlink_to(f"/lib64/{LOADER}")
    assert run(wheel, "--libs", libs, "-o", tmp_path / "out").returncode == 0
    site = install(tmp_path / "out" / wheel.name, tmp_path / "env")
    program = site / "demo-1.0.data/scripts/tool"
    assert read(program).interpreter == f"{libs}/lib/{LOADER}"
    program.chmod(0o755)
    subprocess.run([program], check=True)


def test_the_driver_is_added_where_it_is_needed(tmp_path: Path) -> None:
    files = {"demo/x.so": build_elf(tmp_path / "work", "x.so", needed=["libcuda.so.1"])}
    wheel = build_wheel(tmp_path, files=files)
    left = run(wheel, "--dry-run", "--no-driver")
    assert (left.returncode, left.stdout) == (0, "0 of 1 ELF files would change: nothing was written\n")
    assert "    + /run/opengl-driver/lib  libcuda.so.1" in run(wheel, "--dry-run").stdout
    assert "would change" in run(wheel, "--dry-run", "--libs", tmp_path, "--driver").stdout


def test_usage(wheel: Path, environment: Path, tmp_path: Path) -> None:
    assert "say where the patched wheel goes: --output DIR" in run(wheel).stderr
    assert "--undo is for environments" in run(wheel, "--undo").stderr
    assert "--output and --tag are for wheels" in run(environment, "-o", tmp_path).stderr
    assert run(environment, "--libs", tmp_path / "nowhere").returncode == 3
    assert run(tmp_path / "nowhere.whl", "-o", tmp_path / "out").returncode == 3
    assert run(wheel, "-o", wheel.parent).returncode == 5
    assert "is a directory of wheels" in run(wheel.parent).stderr


def test_what_cannot_be_written_ends_with_5(wheel: Path, libs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(wheel, "--libs", libs, "-o", tmp_path / "file" / "out")
    assert result.returncode == 5
    assert result.stderr.splitlines()[1].startswith("hint: ")


def test_names_longer_than_any_file_have_are_open(environment: Path, libs: Path) -> None:
    site = environment / "lib" / "python3.12" / "site-packages"
    long = f"lib{'x' * 300}.so"
    for option in (
        ["--replace-needed", "libouter.so.1", long],
        ["--set-rpath", f"/nix/store/{'b' * 400}/lib:/{'d/' * 3000}"],
    ):
        subprocess.run(["patchelf", *option, site / "demo" / "x0.so"], check=True)
    result = run(environment, "--libs", libs)
    assert result.returncode == 1, result.stderr
    assert f"open: {long} for demo/x0.so" in result.stdout
    scan = [sys.executable, "-m", "wheelfix", "scan", str(environment), "--against", str(libs)]
    scanned = subprocess.run(scan, capture_output=True, text=True, check=False)
    assert (scanned.returncode, scanned.stderr) == (1, "")


@pytest.mark.parametrize("option", ["--libs", None])
def test_paths_longer_than_any_are_an_error_of_one_line(
    libs: Path, tmp_path: Path, option: str | None
) -> None:
    long = "q" * 300
    arguments = (
        [str(tmp_path), "--libs", long] if option else [long, "--libs", str(libs), "-o", str(tmp_path)]
    )
    result = run(*arguments)
    assert result.returncode == 3
    assert result.stderr.startswith(f"wheelfix: {long}: ")
    assert "Traceback" not in result.stderr
