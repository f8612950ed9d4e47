"""Completion scripts: run by the shell where there is one, and asked as the shells ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.support.nixindex import package, write_database
from wheelfix.cli import COMMANDS, cli

PROGRAM = Path(sys.executable).parent
SONAMES = {("locate", "names")}
"""Arguments that no file name fits."""


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["wheelfix", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{PROGRAM}:{os.environ['PATH']}", **env},
    )


def ask(shell: str, *words: str) -> list[str]:
    """What the program answers a shell that completes the last word."""
    number = str(len(words) - 1)
    typed = {"COMP_WORDS": "\n".join(words) if shell == "zsh" else " ".join(words)}
    typed["COMP_CWORD"] = words[-1] if shell == "fish" else number
    return run(_WHEELFIX_COMPLETE=f"{shell}_complete", **typed).stdout.split()


def test_bash_completes_commands_options_and_files(tmp_path: Path) -> None:
    (tmp_path / "x-1-py3-none-any.whl").touch()
    script = """
        set -euo pipefail
        compopt() { printf "%s " compopt "$@"; echo; }
        source <(wheelfix completion bash)
        complete -p wheelfix
        for line in "wheelfix loca" "wheelfix scan --pr" "wheelfix scan ./x" \\
            "wheelfix override --dialect po" "wheelfix locate libtbb.so.1" "wheelfix scan --prefer openbla" \
            "wheelfix adapter --from python3Packages.numpy-"; do
            read -r -a COMP_WORDS <<< "$line"
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
            _wheelfix_completion wheelfix
            echo "$line: ${COMPREPLY[*]-}"
        done
    """
    result = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{PROGRAM}:{os.environ['PATH']}"},
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "complete -o nosort -F _wheelfix_completion wheelfix" in lines
    found = dict(line.split(": ") for line in lines if line.startswith("wheelfix "))
    assert "locate" in found["wheelfix loca"].split()
    assert found["wheelfix scan --pr"] == "--prefer"
    assert found["wheelfix override --dialect po"] == "poetry2nix"
    assert "compopt -o default " in lines, "a wheel's name is completed by bash itself"
    assert found["wheelfix locate libtbb.so.1"] == "libtbb.so.12"
    assert "openblas" in found["wheelfix scan --prefer openbla"].split()
    assert "python3Packages.numpy-stl" in found["wheelfix adapter --from python3Packages.numpy-"].split()


def run_shell(shell: list[str], script: str, directory: Path) -> list[str]:
    """Lines that a shell prints, with a home of its own and the program on its path."""
    path = f"{PROGRAM}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(directory), "LANG": "C.UTF-8", "TERM": "dumb"}
    result = subprocess.run(
        [*shell, script], capture_output=True, text=True, check=False, cwd=directory, env=env
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_fish_completes_commands_values_and_files(tmp_path: Path) -> None:
    (tmp_path / "x-1-py3-none-any.whl").touch()
    asked = (
        "wheelfix loca",
        "wheelfix override --dialect po",
        "wheelfix scan x-",
        "wheelfix locate libtbb.so.1",
        "wheelfix patch .venv --prefer openblasC",
        "wheelfix lock uv.lock --provider torch=nix",
    )
    script = "wheelfix completion fish | source; " + "; ".join(f'complete -C "{line}"' for line in asked)
    lines = run_shell(["fish", "-c"], script, tmp_path)
    assert [line.split("\t")[0] for line in lines] == [
        "locate",
        "poetry2nix",
        "x-1-py3-none-any.whl",
        "libtbb.so.12",
        "openblasCompat",
        "torch=nixpkgs",
    ]


def test_zsh_registers_the_script_and_takes_its_answers(tmp_path: Path) -> None:
    script = """
        autoload -U compinit; compinit -u
        source <(wheelfix completion zsh)
        echo $_comps[wheelfix]
        _describe() { echo ${(P)3} }
        words=(wheelfix loca); CURRENT=2
        _wheelfix_completion
        compadd() { echo ${(P)${@[-1]}} }
        words=(wheelfix locate libtbb.so.1); CURRENT=3
        _wheelfix_completion
    """
    registered, answers, sonames = run_shell(["zsh", "-fc"], script, tmp_path)
    assert sonames == "libtbb.so.12"
    assert registered == "_wheelfix_completion"
    assert answers.startswith("locate:Tell which nixpkgs attributes")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_is_offered(shell: str) -> None:
    answer = " ".join(ask(shell, "wheelfix", ""))
    assert all(name in answer for name in COMMANDS)


def test_another_shell_is_wrong_usage() -> None:
    result = run("completion", "tcsh")
    assert result.returncode == 2
    assert "'bash', 'zsh', 'fish'" in result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_complete_files_or_their_choices(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command
    context = click.Context(command)
    for parameter in command.params:
        if isinstance(parameter, click.Argument) and (name, parameter.name) not in SONAMES:
            items = parameter.shell_complete(context, "")
            assert items, f"{name}: {parameter.name} completes nothing: give it complete_files"


def complete(*words: str, **env: str) -> list[str]:
    """Proposals for the last word; nothing may be said."""
    result = run(
        _WHEELFIX_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(("wheelfix", *words)),
        COMP_CWORD=str(len(words)),
        **env,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return [line.removeprefix("plain,") for line in result.stdout.splitlines() if line.startswith("plain,")]


def test_names_of_all_kinds_are_completed() -> None:
    assert complete("locate", "libtbb.so.1") == ["libtbb.so.12"], (
        "files more exact than a soname are left out"
    )
    assert "pg_config" in complete("locate", "pg_con")
    assert "cairo.pc" in complete("locate", "cairo.")
    assert complete("locate", "libno-such") == []
    assert complete("locate", "/usr/lib/libtbb") == []


def test_many_names_are_completed_to_what_they_have_in_common() -> None:
    found = complete("locate", "lib")
    assert all(len(name) == 4 for name in found), "or a shell would type what only some begin with"
    assert {"libG", "liba", "libz"} <= {*found}
    assert complete("adapter", "--from", "py")[0].startswith("python3Packages.")
    assert "python312Packages.torchvision" in complete("adapter", "--from", "python312Packages.torchv")
    assert complete("adapter", "--from", "zlib") == []


def test_attributes_beside_the_index_are_completed() -> None:
    assert "cudaPackages.libcublas" in complete("scan", "--prefer", "cudaPackages.libcub")
    assert "gfortran.cc.lib" in complete("lock", "--prefer", "gfortran.")


def test_a_broken_index_proposes_nothing(tmp_path: Path) -> None:
    own = tmp_path / ".cache" / "nix-index" / "files"
    own.parent.mkdir(parents=True)
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    for data in (b"", b"junk", b"NIXI\1\0\0\0\0\0\0\0", b"SQLite format 3\0junk"):
        own.write_bytes(data)
        assert complete("locate", "libtb", **home) == []
        assert complete("locate", "--index", str(own), "libtb", **home) == []
    assert complete("locate", "--index", str(tmp_path / "none"), "libtb", **home) == []


def test_an_index_of_ones_own_is_completed_once_it_is_built(tmp_path: Path) -> None:
    own = write_database(tmp_path / "files", {package("mine"): {"/lib/libmine.so.1": 3}})
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    asked = ("locate", "--index", str(own), "libmi")
    assert complete(*asked, **home) == [], "a whole database is not read while somebody types"
    assert run("index", "build", "--from", str(own), **home).returncode == 0
    assert complete(*asked, **home) == ["libmine.so.1"]


def test_kinds_of_source_are_completed_behind_the_sign() -> None:
    kinds = ["torch=wheel", "torch=sdist", "torch=nixpkgs", "torch=conda"]
    assert complete("lock", "--provider", "torch=") == kinds
    assert complete("lock", "--provider", "torch=wheel,s") == ["torch=wheel,sdist"]
    assert complete("lock", "--provider", "torch") == []
