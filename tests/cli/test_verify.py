"""``wheelfix verify`` ends with 0 for a clean edit, 1 for problems, 3 for bad input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.elf import build_elf


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelfix", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def build(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.so", tmp_path / "new.so"
    data = build_elf(tmp_path, "libx.so", runpath=["/some/where"])
    old.write_bytes(data)
    new.write_bytes(data)
    return old, new


def test_clean(tmp_path: Path) -> None:
    old, new = build(tmp_path)
    subprocess.run(["patchelf", "--set-rpath", "$ORIGIN", new], check=True)
    result = run(old, new)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{new}: nothing but the run path and the interpreter changed\n"
    assert run(old, new, "--quiet").stdout == ""


def test_a_second_reader_that_is_not_there_is_told(tmp_path: Path) -> None:
    old, new = build(tmp_path)
    code = "import sys; sys.modules['elftools'] = None; from wheelfix.cli import main; main()"
    for quiet, told in (
        ([], "wheelfix: note: no second reader: `pip install 'wheelfix[verify]'` brings one\n"),
        (["--quiet"], ""),
    ):
        command = [sys.executable, "-c", code, "verify", str(old), str(new), *quiet]
        result = subprocess.run(command, capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, told)


def test_problems(tmp_path: Path) -> None:
    old, new = build(tmp_path)
    subprocess.run(
        ["patchelf", "--force-rpath", "--set-rpath", "/a", "--add-needed", "l\x1b.so", new], check=True
    )
    result = run(old, new)
    assert (result.returncode, result.stderr) == (1, "")
    assert "tag: DT_RUNPATH became DT_RPATH\n" in result.stdout
    assert "dynamic: needs l\\x1b.so:libc.so.6 instead of libc.so.6\n" in result.stdout


def test_bad_input(tmp_path: Path) -> None:
    old, new = build(tmp_path)
    new.write_text("text")
    result = run(old, new)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith(f"wheelfix: {new}: ")
    assert "\nhint: " in result.stderr
    assert run(old, tmp_path / "none").returncode == 3
