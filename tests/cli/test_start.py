"""The screen of the command alone: what it suggests is what is there, and what there is a command for."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from wheelfix.cli import COMMANDS, cli
from wheelfix.errors import InputError
from wheelfix.flows.start import find_start
from wheelfix.report.start import render_start


def start(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelfix", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)


def suggest(directory: Path) -> list[tuple[str, ...]]:
    return [step.command for step in find_start(directory).here]


def test_an_empty_directory_gets_an_example(tmp_path: Path) -> None:
    result = start(tmp_path)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "What to do next:" in result.stdout
    assert "wheelfix scan numba==0.68.1" in result.stdout
    assert "wheelfix --help" in result.stdout
    assert len(result.stdout.splitlines()) < 12


def test_one_wheel_is_named_and_several_are_the_directory(tmp_path: Path) -> None:
    (tmp_path / "a-1-py3-none-any.whl").touch()
    assert suggest(tmp_path) == [("scan", "a-1-py3-none-any.whl"), ("override", "a-1-py3-none-any.whl")]
    (tmp_path / "b-1-py3-none-any.whl").touch()
    assert suggest(tmp_path) == [("scan", "."), ("override", ".")]
    assert "Here: 2 wheels." in start(tmp_path).stdout


def test_an_environment_is_told_by_its_pyvenv_cfg(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    assert suggest(tmp_path) == []
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    assert ("scan", ".venv") in suggest(tmp_path)
    assert ("patch", ".venv") in suggest(tmp_path)


@pytest.mark.parametrize("lock", ["uv.lock", "pylock.toml", "poetry.lock"])
def test_a_lock_gets_its_command(tmp_path: Path, lock: str) -> None:
    (tmp_path / lock).touch()
    assert suggest(tmp_path) == [("lock", lock)]


def test_only_commands_that_exist_are_suggested_and_each_can_be_parsed(tmp_path: Path) -> None:
    for name in ("x-1-py3-none-any.whl", "uv.lock", "poetry.lock", "pylock.toml"):
        (tmp_path / name).touch()
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    found = find_start(tmp_path)
    assert {step.command[0] for step in found.here} >= {"scan", "override"}
    for step in (*found.here, *found.always):
        name, *arguments = step.command
        assert name in COMMANDS
        command = cli.get_command(click.Context(cli), name)
        assert command, step
        assert command.make_context(name, list(arguments)), step


def test_names_reach_neither_the_shell_nor_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "-x $(touch pwned)\x1b[31m-1-py3-none-any.whl").touch()
    text = start(tmp_path).stdout
    assert "\x1b" not in text
    line = next(line for line in text.splitlines() if line.startswith("  wheelfix scan"))
    (argument,) = shlex.split(line.partition("scan ")[2].partition("  which")[0])
    assert argument.startswith("./-x $(touch pwned)")


def test_a_directory_that_is_gone_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        find_start(tmp_path / "gone")


def test_columns_hold_for_the_longest_command(tmp_path: Path) -> None:
    (tmp_path / f"{'long' * 30}-1-py3-none-any.whl").touch()
    (tmp_path / "uv.lock").touch()
    lines = render_start(find_start(tmp_path)).splitlines()
    starts = {
        line.index(word) for line in lines for word in ("which libraries", "the Nix code") if word in line
    }
    assert len(starts) == 1


def test_an_unknown_option_is_wrong_usage(tmp_path: Path) -> None:
    result = start(tmp_path, "--nonsense")
    assert result.returncode == 2
    assert "wheelfix --help" in result.stderr


def test_the_directory_may_vanish(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {shlex.quote(str(gone))} && rmdir {shlex.quote(str(gone))} && {sys.executable} -m wheelfix"
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env={**os.environ, "PWD": ""}
    )
    assert "Traceback" not in result.stderr
    assert result.returncode == 0
    assert "What to do next:" in result.stdout
