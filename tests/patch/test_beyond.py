"""What an environment uses that is not in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from wheelfix.model.scan import Level
from wheelfix.patch.beyond import find_absent_loader, tell_beyond


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    (tmp_path / "env/bin").mkdir(parents=True)
    return tmp_path / "env"


def test_an_interpreter_without_its_loader_cannot_start(environment: Path, tmp_path: Path) -> None:
    python = build_elf(
        tmp_path / "work", "python", executable=True, flags=["-Wl,-I/lib64/no-such-loader.so.2"]
    )
    (tmp_path / "python3.12").write_bytes(python)
    (environment / "bin/python3").symlink_to(tmp_path / "python3.12")

    (finding,) = tell_beyond(environment, ())

    assert (finding.level, finding.subject) == (Level.WARNING, str(environment / "bin/python3"))
    assert "there is no loader /lib64/no-such-loader.so.2" in finding.message
    assert "programs.nix-ld.enable = true;" in finding.message


def test_what_nixos_puts_in_the_place_of_a_loader_is_none(tmp_path: Path) -> None:
    (tmp_path / "abc-stub-ld-x86_64").mkdir()
    stub = tmp_path / "abc-stub-ld-x86_64/ld.so"
    stub.write_bytes(b"")
    (tmp_path / "ld.so").symlink_to(stub)
    data = build_elf(tmp_path / "work", "python", executable=True, flags=[f"-Wl,-I{tmp_path}/ld.so"])
    (tmp_path / "python3").write_bytes(data)
    assert find_absent_loader(tmp_path / "python3") == f"{tmp_path}/ld.so"
    (tmp_path / "ld.so").unlink()
    (tmp_path / "ld.so").write_bytes(b"")
    assert find_absent_loader(tmp_path / "python3") is None


def test_this_interpreter_can_start(environment: Path) -> None:
    (environment / "bin/python3").symlink_to(sys.executable)
    assert list(tell_beyond(environment, ())) == []


def test_an_environment_without_an_interpreter(environment: Path) -> None:
    assert list(tell_beyond(environment, ["playwright"])) == []


def test_the_browsers_of_playwright_are_named(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsers = tmp_path / "a cache"
    browsers.mkdir()
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(browsers))
    (finding,) = tell_beyond(environment, ["playwright"])
    assert finding.message == f"has Playwright's browsers: `wheelfix patch '{browsers}'` patches them"
    assert list(tell_beyond(environment, ["numpy"])) == []
