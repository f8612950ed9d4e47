"""``wheelfix override --check`` without the extra that reads Nix."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel

BLOCKED = "import sys; sys.modules[{name!r}] = None; from wheelfix.cli import main; main()"


def run(blocked: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKED.format(name=blocked), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    library = build_elf(tmp_path, "x.so", needed=["libodbc.so.2"])
    return build_wheel(tmp_path, files={"demo/x.so": library})


@pytest.mark.parametrize("blocked", ["tree_sitter", "tree_sitter_nix"])
def test_what_is_not_installed_is_named_with_the_extra_that_has_it(
    tmp_path: Path, wheel: Path, blocked: str
) -> None:
    file = tmp_path / "overrides.nix"
    file.write_text("final: prev: { }")
    done = run(blocked, "override", "--check", file, wheel)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "wheelfix: override --check: cannot read Nix: tree-sitter or tree-sitter-nix is not installed",
        "hint: run `pip install 'wheelfix[lint]'`",
    ]
    # Nothing is looked for, or fetched, that could not be checked.
    assert run(blocked, "override", "--check", file, "no-such-wheel.whl").stderr == done.stderr


@pytest.mark.parametrize("blocked", ["tree_sitter", "tree_sitter_nix"])
def test_nothing_else_wants_it(wheel: Path, blocked: str) -> None:
    done = run(blocked, "override", wheel)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pkgs.unixodbc" in done.stdout


def test_with_it_the_file_is_checked(tmp_path: Path, wheel: Path) -> None:
    file = tmp_path / "overrides.nix"
    file.write_text("final: prev: { }")
    done = run("no_such_module", "override", "--check", file, wheel)
    assert (done.returncode, done.stderr) == (1, "")
    assert "[missing-override]" in done.stdout
