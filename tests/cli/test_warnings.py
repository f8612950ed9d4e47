"""A warning about a wheel is told by every command that reads one, whatever else it does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel

TAG = "cp312-cp312-musllinux_1_2_x86_64"
WHEEL = f"demo-1.0-{TAG}.whl"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    module = build_elf(tmp_path, "x.so", needed=["libc.musl-x86_64.so.1"])
    build_wheel(tmp_path, files={"demo/x.so": module}, tag=TAG)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / WHEEL).symlink_to(tmp_path / WHEEL)
    (tmp_path / "old.nix").write_text("{ pkgs, lib }: final: prev: { }\n")
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    (site / "demo").mkdir(parents=True)
    (site / "demo" / "x.so").write_bytes(module)
    (site / "demo-1.0.dist-info").mkdir()
    (site / "demo-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
    (site / "demo-1.0.dist-info" / "RECORD").write_text("demo/x.so,,\ndemo-1.0.dist-info/METADATA,,\n")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("version = 3.12\n")
    path = site / "demo" / "__init__.py"
    (tmp_path / "message").write_text(
        f'Traceback (most recent call last):\n  File "{path}", line 1, in <module>\n    import demo.x\n'
        "ImportError: libz.so.1: cannot open shared object file: No such file or directory\n"
    )
    return tmp_path


def run(directory: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wheelfix", *command.split()],
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache"), **environment},
        check=False,
    )


@pytest.mark.parametrize("quiet", ["", " --quiet"])
@pytest.mark.parametrize(
    "command",
    [
        f"scan {WHEEL}",
        "scan wheels",
        "scan venv",
        f"scan --json {WHEEL}",
        f"override {WHEEL}",
        f"override --dialect nixpkgs {WHEEL} -o out.nix",
        f"override --check old.nix {WHEEL}",
        f"override --check old.nix --json {WHEEL}",
        f"adapter {WHEEL} --from python312Packages.demo",
        f"patch {WHEEL} -o patched --libs /usr/lib",
        f"patch {WHEEL} --dry-run --json",
        "patch venv --dry-run",
        f"report {WHEEL} -o out.html",
        "explain message",
    ],
)
def test_a_wheel_for_musl_is_warned_of(directory: Path, command: str, quiet: str) -> None:
    result = run(directory, f"{command}{quiet}")
    assert "pkgsMusl" in result.stdout + result.stderr, result.stderr
    if "--json" in command:
        json.loads(result.stdout)
    if command.startswith(("override", "adapter", "report")):
        assert "pkgsMusl" in result.stderr


@pytest.mark.parametrize("quiet", ["", " --quiet"])
def test_a_lock_tells_what_its_wheels_do(tmp_path: Path, quiet: str) -> None:
    source = b"import subprocess\nsubprocess.run(['ldconfig', '-p'])\n"
    (tmp_path / "wheels").mkdir()
    files = {"demo.py": source, "x.so": build_elf(tmp_path, "x.so"), "y.so": b"no library"}
    wheel = build_wheel(tmp_path / "wheels", files=files)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"demo==1.0 --hash=sha256:{digest}\n")
    warning = f"wheelfix: warning: {wheel.name}: demo.py runs ldconfig"
    written = run(tmp_path, f"lock requirements.txt --find-links wheels{quiet}")
    assert warning in written.stderr
    assert "y.so is named like a shared library and is no ELF file" in written.stderr
    told = json.loads(run(tmp_path, f"lock requirements.txt --find-links wheels --json{quiet}").stdout)
    assert [f["level"] for f in told["findings"] if "ldconfig" in f["message"]] == ["warning"]


def test_notes_are_not_warnings(directory: Path) -> None:
    plain = build_wheel(directory, files={"x.so": build_elf(directory, "y.so")}, name="plain")
    for command in ("override", "adapter --from python312Packages.plain"):
        result = run(directory, f"{command} {plain}")
        assert (result.returncode, result.stderr) == (0, "")


def test_an_old_index_is_mentioned_on_stderr_alone(directory: Path) -> None:
    for command in (f"scan {WHEEL}", f"override {WHEEL}", "locate libz.so.1", "explain message"):
        before = run(directory, command, WHEELFIX_TODAY="2026-08-01")
        after = run(directory, command, WHEELFIX_TODAY="2026-08-02")
        note = "wheelfix: note: the bundled index of 2026-05-03 is 91 days old"
        assert note not in before.stderr
        assert note in after.stderr
        assert before.stdout == after.stdout
        assert note not in run(directory, f"{command} --quiet", WHEELFIX_TODAY="2026-08-02").stderr
