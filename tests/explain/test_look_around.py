"""What is seen on this machine of the programs that a text names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.elf import build_elf
from wheelfix.explain.command import look_around
from wheelfix.explain.model import Account, ProgramState, Symptom, SymptomKind


def name(*paths: str) -> Account:
    return Account(
        symptoms=tuple(Symptom(kind=SymptomKind.NO_LOADER, wanted_by=path, unsure=True) for path in paths)
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "script").write_text("#!/nowhere/python\n")
    (programs / "good").write_text("#!/bin/sh\n")
    (programs / "link").symlink_to(tmp_path / "gone")
    (programs / "text").write_text("nothing\n")
    site = tmp_path / ".venv" / "lib" / "python3.12" / "site-packages"
    info = site / "Some_Tool-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-tool\nVersion: 1.0\n")
    (info / "RECORD").write_text("../../../bin/script,,\nSome_Tool-1.0.dist-info/RECORD,,\n")
    return tmp_path


def test_states_and_owners(project: Path) -> None:
    states = {
        ".venv/bin/script": ProgramState.NO_INTERPRETER,
        ".venv/bin/good": ProgramState.RUNS,
        "good": ProgramState.RUNS,
        f"{project}/.venv/bin/link": ProgramState.DANGLING,
    }
    seen = look_around(name(*states, ".venv/bin/text", ".venv/bin/none"), project, ran=False)
    assert seen.programs == states
    assert seen.owners == {".venv/bin/script": "some-tool"}
    assert not seen.variables


def test_a_loader_that_does_not_exist(project: Path, tmp_path: Path) -> None:
    program = build_elf(
        tmp_path, "p", flags=["-no-pie", "-Wl,--dynamic-linker=/nowhere/ld.so"], executable=True
    )
    (project / ".venv" / "bin" / "tool").write_bytes(program)
    seen = look_around(name(".venv/bin/tool"), project, ran=False)
    assert seen.programs == {".venv/bin/tool": ProgramState.NO_LOADER}


def test_a_command_ran_here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/x/lib")
    monkeypatch.delenv("DISPLAY", raising=False)
    seen = look_around(name(".venv/bin/none"), project, ran=True)
    assert seen.ran
    assert seen.programs == {".venv/bin/none": ProgramState.ABSENT}
    assert seen.variables["LD_LIBRARY_PATH"] == "/x/lib"
    assert "DISPLAY" not in seen.variables


def test_hostile_names(project: Path) -> None:
    (project / ".venv" / "bin" / "pipe").symlink_to("/dev/zero")
    seen = look_around(
        name(".venv/bin/a\0b", ".venv/bin/pipe", "/dev/zero", "~nobody/bin/x"), project, ran=False
    )
    assert seen.programs == {}
