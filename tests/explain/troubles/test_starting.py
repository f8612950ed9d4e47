"""Programs that do not start: which messages are about them, and what is seen on this machine."""

from __future__ import annotations

import pytest

from wheelfix.explain.model import ProgramState, Seen, Situation, Symptom, SymptomKind
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.starting import EXPLAIN

RUFF = "/home/bea/w/.venv/bin/ruff"
SAID = Symptom(kind=SymptomKind.NO_LOADER, wanted_by=RUFF, unsure=True)


@pytest.mark.parametrize(
    "text",
    [
        "FileNotFoundError: [Errno 2] No such file or directory: '/home/bea/data/input.csv'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'settings.toml'",
        "FileNotFoundError: [Errno 2] No such file or directory: '/srv/lib/python3.12/site-packages/a.json'",
        "FileNotFoundError: [Errno 2] No such file or directory: '/home/bea/data/bin/values.npy'",
        "bash: cd: /home/bea/w/.venv/bin: No such file or directory",
        "bash: /home/bea/w/.venv/bin/activate: No such file or directory",
        "cat: /home/bea/w/.venv/bin/ruff: No such file or directory",
        "ls: cannot access '/home/bea/w/.venv/bin/ruff': No such file or directory",
        "make: Makefile: No such file or directory",
        "bash: ./configure: No such file or directory",
        "error: Failed to spawn: `ruff`\n  Caused by: Permission denied (os error 13)",
        "Error: ENOENT: no such file or directory, open '/home/bea/web/package.json'",
        "couldn't read /home/bea/x.rs: No such file or directory (os error 2)",
    ],
)
def test_other_files(text: str) -> None:
    assert not [s for s in read_messages([text.encode()]).symptoms if s.kind is SymptomKind.NO_LOADER]


def explain(symptom: Symptom, **seen: object) -> tuple[str, str, bool, bool]:
    situation = Situation(seen=Seen(**seen))  # type: ignore[arg-type]
    trouble = EXPLAIN[symptom.kind](symptom, situation)
    assert trouble is not None
    return trouble.what, "\n".join(trouble.now), trouble.nix_ld, trouble.answered


def test_nothing_is_seen() -> None:
    what, now, nix_ld, answered = explain(SAID)
    assert what.startswith(f"If {RUFF} is there")
    assert "wheelfix patch /home/bea/w/.venv" in now
    assert nix_ld
    assert answered


def test_it_is_there_without_its_loader() -> None:
    what, now, _, _ = explain(SAID, programs={RUFF: ProgramState.NO_LOADER})
    assert what.startswith(f"{RUFF} is there")
    assert now.startswith("wheelfix patch")


def test_it_can_be_started() -> None:
    what, now, nix_ld, answered = explain(SAID, programs={RUFF: ProgramState.RUNS})
    assert "is there now" in what
    assert "wheelfix patch" not in now
    assert not nix_ld
    assert not answered


def test_the_stub_loader_is_one() -> None:
    """NixOS' stub is the loader that a program asks for, and does not start it."""
    sure = Symptom(kind=SymptomKind.NO_LOADER, wanted_by=RUFF)
    what, _, nix_ld, answered = explain(sure, programs={RUFF: ProgramState.RUNS})
    assert "was not built by Nix" in what
    assert nix_ld
    assert answered


@pytest.mark.parametrize(
    ("state", "said", "done"),
    [
        (ProgramState.NO_INTERPRETER, "is a script", "rm -r /home/bea/w/.venv"),
        (ProgramState.DANGLING, "is a link", "rm -r /home/bea/w/.venv"),
        (ProgramState.ABSENT, "There is no", "uv sync"),
    ],
)
def test_no_loader_is_missing(state: ProgramState, said: str, done: str) -> None:
    what, now, nix_ld, _ = explain(SAID, ran=True, programs={RUFF: state})
    assert said in what
    assert done in now
    assert not nix_ld
    assert "nix-ld" not in now


def test_nix_ld_is_for_nixos() -> None:
    assert explain(SAID, ran=True, nixos=True)[2]
    assert not explain(SAID, ran=True)[2]


NIX_LD = "--dialect nixos -o nix-ld.nix  # nix-ld, with all that is wanted from outside"


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        (
            "w/.pixi/envs/default/bin/python",
            (
                f"wheelfix lock w/pixi.lock {NIX_LD}",
                "wheelfix lock w/pixi.lock -o environment.nix  # or the environment, made by Nix",
            ),
        ),
        (
            "/home/bea/miniconda3/envs/lab/bin/python",
            (
                "Lock the environment: conda-lock -f environment.yml",
                f"wheelfix lock conda-lock.yml {NIX_LD}",
                "wheelfix lock conda-lock.yml -o environment.nix  # or the environment, made by Nix",
            ),
        ),
    ],
)
def test_programs_of_conda_are_not_patched(program: str, lines: tuple[str, ...]) -> None:
    trouble = EXPLAIN[SymptomKind.NO_LOADER](
        Symptom(kind=SymptomKind.NO_LOADER, wanted_by=program), Situation()
    )
    assert trouble is not None
    assert trouble.now == lines
    assert trouble.nix_ld
