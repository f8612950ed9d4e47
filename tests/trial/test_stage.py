"""What is shown of this system: what starts the interpreter, and not one directory of libraries."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.pythons import Environment
from tests.support.trial import add_distribution, make_environment
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.outside.places import list_library_directories
from wheelfix.trial.model import Stage
from wheelfix.trial.read import find_base
from wheelfix.trial.stage import open_stage
from wheelfix.wheel.environment import read_environment


@contextmanager
def prepare(environment: Environment) -> Iterator[Stage]:
    read = read_environment(environment.python.parents[1], ELF_MAGIC)
    with open_stage(read, find_base(read), os.environ, ()) as (stage, findings):
        assert findings == ()
        yield stage


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    made = make_environment(tmp_path / "env", "/usr/bin/python3")
    add_distribution(made, tmp_path / "work", "demo", {"demo.py": ""})
    return made


def test_libraries_are_shown_one_by_one_wherever_a_loader_may_look(environment: Environment) -> None:
    with prepare(environment) as stage:
        assert stage.namespace
        shown, links = stage.namespace.shown, stage.namespace.links
    places = {*shown, *links}
    assert stage.borrowed
    for name in ("libc.so.6", "libm.so.6", *stage.borrowed):
        here = {path for d in list_library_directories() if Path(path := f"{d}/{name}").is_file()}
        assert here <= places, name
    directories = {place for place in shown if Path(place).is_dir()}
    assert not directories & {"/", "/usr", "/lib", "/lib64", *list_library_directories()}
    assert all(os.path.realpath(source) == source for source in shown.values())
    assert links.items() == {(place, target) for place, target in links.items() if target in shown}


@pytest.mark.parametrize("python", sorted({sys.executable, "/usr/bin/python3"}))
def test_an_interpreter_that_links_lead_to_starts(tmp_path: Path, python: str) -> None:
    """As uv has it: the name of a minor version is a link to that of a patch release."""
    program = Path(os.path.realpath(python))
    alias = tmp_path / "alias"
    alias.symlink_to(program.parents[1])
    environment = make_environment(tmp_path / "env", python)
    add_distribution(environment, tmp_path / "work", "demo", {"demo.py": ""})
    config = environment.python.parents[1] / "pyvenv.cfg"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("home")]
    config.write_text("\n".join([f"home = {alias}/bin", *lines, ""]))
    environment.python.unlink()
    environment.python.symlink_to(tmp_path / "second")
    (tmp_path / "second").symlink_to(alias / "bin" / program.name)
    with prepare(environment) as stage:
        assert stage.namespace
        assert stage.namespace.shown[str(tmp_path / "second")] == str(program)
        assert "/usr" not in stage.namespace.shown.values()
