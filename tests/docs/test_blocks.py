"""What the README and the pages of docs/ show is what happens.

Blocks after ``<!-- run -->`` are run: ``console`` blocks in a shell, one directory for all of a page, with
the pinned wheels that the page names; ``pycon`` blocks in Python. Their output is compared: ``…`` stands for
anything within a line, and alone on a line for any lines. A comment ``<!-- setup: … -->`` before the mark
makes what the text says is there. Nix, YAML, TOML and JSON are parsed, marked or not. A block for a shell
that is not run says why (``<!-- not run: … -->``), or is run by .ci/run (``<!-- command: … -->``).
"""

from __future__ import annotations

import contextlib
import doctest
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import click
import pytest
import yaml
from _pytest.mark import ParameterSet

from tests.support.channel import prepare_channel
from tests.support.nixeval import parse
from tests.support.proof.nixpkgs import write_nixpkgs
from tests.support.proof.proving import make_nix_environment
from tests.support.real import fetch_wheel, is_large, read_pins
from tests.support.surroundings import make_environment
from tests.support.tools import PINS, install_tool
from wheelfix.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(?:<!-- setup:\n(?P<setup>(?:(?!-->).)*)-->\n)?"
    r"(?:<!-- (?P<word>run|not run|command)[^\n]* -->\n)?"
    r"(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
GENERATED = "<!-- From here on written by scripts/write_reference.py -->"
PARSED = {"nix", "yaml", "toml", "json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: Path
    line: int
    language: str
    setup: str
    word: str
    text: str

    @property
    def run(self) -> bool:
        return self.word == "run"


def read_blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in FENCE.finditer(text):
        indent = match["indent"]
        yield Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            language=match["language"],
            setup=match["setup"] or "",
            word=match["word"] or "",
            text="".join(line.removeprefix(indent) for line in match["text"].splitlines(keepends=True)),
        )


def find_generated(page: Path) -> float:
    """The line from which on a page is written from the program: examples of its help have their own test."""
    before, mark, _ = page.read_text().partition(GENERATED)
    return before.count("\n") + 1 if mark else math.inf


BLOCKS = [block for page in PAGES for block in read_blocks(page)]
RUN = {
    page: run
    for page in PAGES
    if (run := [b for b in BLOCKS if b.page == page and b.run and b.language == "console"])
}


def name_page(page: Path) -> str:
    return str(page.relative_to(ROOT))


def name_block(block: Block) -> str:
    return f"{name_page(block.page)}:{block.line}"


def matches(shown: str, output: str) -> bool:
    """Whether an output is what is shown.

    Example:
        >>> matches("a … c\n…\nz", "a b c\n1\n2\nz")
        True
    """
    pattern = ""
    for line in shown.strip("\n").splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.rstrip().split("…")) + r"[ ]*\n"
    return re.fullmatch(pattern, output.strip("\n") + "\n" if output.strip() else "") is not None


def split_commands(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of a command and the output shown; ``> `` continues a command."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        count = 1
        while count < len(lines) and lines[count].startswith("> "):
            count += 1
        command = "\n".join([lines[0], *(line[2:] for line in lines[1:count])])
        yield command, "\n".join(lines[count:])


def find_wheels(text: str) -> list[str]:
    """File names of the pinned wheels that a text names, whole or as a pattern."""
    names = set(re.findall(r"[\w.+*-]+\.whl", text)) - {"*.whl"}
    return [pin for pin in read_pins() if any(fnmatchcase(pin, name) for name in names)]


def mark_page(page: Path) -> ParameterSet:
    large = any(is_large(pin) for pin in find_wheels("".join(block.text for block in RUN[page])))
    return pytest.param(page, id=name_page(page), marks=pytest.mark.large if large else ())


def prepare(directory: Path, text: str) -> dict[str, str]:
    """Link the wheels that are named, whole or as a pattern, and keep everything else out.

    Where an environment is patched without options, Nix has a nixpkgs. A page that names ``./channel`` has
    the tests' channel of conda.
    """
    for pin in find_wheels(text):
        (directory / pin).symlink_to(fetch_wheel(pin))
    home = directory.parent / "home"
    home.mkdir()
    (home / "wheelfix").symlink_to(ROOT)
    path = f"{home}/.local/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {**make_environment(os.environ, home), "PATH": path, "COLUMNS": "100"}
    if re.search(r"wheelfix patch( --quiet)? \.venv$", text, re.MULTILINE):
        nix = {k: v for k, v in make_nix_environment().items() if k.startswith("NIX_")}
        nixpkgs = write_nixpkgs(directory.parent / "nixpkgs")
        variables |= {**nix, "NIX_PATH": f"nixpkgs={nixpkgs}"}
    if "./channel" in text:
        shutil.copytree(prepare_channel(), directory / "channel")
    tools = [name for name in PINS if re.search(rf"\b{name} (lock|install)\b", text)]
    return variables | {"PATH": ":".join([*map(str, map(install_tool, tools)), variables["PATH"]])}


def run_setup(setup: str, directory: Path, environment: dict[str, str]) -> None:
    subprocess.run(["bash", "-euc", setup], cwd=directory, env=environment, check=True)


def run_command(command: str, directory: Path, environment: dict[str, str]) -> str:
    """What a shell prints on both streams."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


@pytest.mark.network
@pytest.mark.parametrize("page", [mark_page(page) for page in RUN])
def test_console_blocks_show_what_happens(page: Path, tmp_path: Path) -> None:
    directory = tmp_path / "project"
    directory.mkdir()
    environment = prepare(directory, "".join(block.text for block in RUN[page]))
    for block in RUN[page]:
        run_setup(block.setup, directory, environment)
        pairs = list(split_commands(block.text))
        assert pairs, f"{name_block(block)}: no command"
        for command, shown in pairs:
            output = run_command(command, directory, environment)
            where = f"{name_block(block)}: $ {command}\n"
            assert matches(shown, output), f"{where}{output}"


@pytest.mark.network
@pytest.mark.parametrize("block", [b for b in BLOCKS if b.run and b.language == "pycon"], ids=name_block)
def test_python_blocks_show_what_happens(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "project"
    directory.mkdir()
    prepare(directory, block.text)
    with contextlib.chdir(directory):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        test = doctest.DocTestParser().get_doctest(block.text, {}, name_block(block), None, block.line)
        assert test.examples
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        assert runner.run(test).failed == 0


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in PARSED], ids=name_block)
def test_code_parses(block: Block) -> None:
    match block.language:
        case "nix":
            parse(block.text)
        case "yaml":
            assert yaml.safe_load(block.text)
        case "toml":
            assert tomllib.loads(block.text)
        case _:
            json.loads(block.text)


def test_marks_stand_before_blocks_that_can_be_run() -> None:
    for page in PAGES:
        marks = page.read_text().count("<!-- run -->\n")
        found = [b for b in BLOCKS if b.page == page and b.run]
        assert len(found) == marks, page
        assert {b.language for b in found} <= {"console", "pycon"}, page
        assert page.read_text().count("<!-- setup:") == sum(bool(b.setup) for b in found), page


def test_sessions_are_run_and_other_commands_say_why_not() -> None:
    for block in BLOCKS:
        generated = block.line > find_generated(block.page)
        if block.language in {"console", "pycon"}:
            assert block.run, name_block(block)
        elif block.language in {"sh", "bash", "shell"} and not generated:
            assert block.word in {"not run", "command"}, f"{name_block(block)}: run it, or say why it is not"


def test_every_way_to_use_it_is_run() -> None:
    """A tutorial and how-tos that nobody runs are worth nothing."""
    wanted = {"README.md", "docs/tutorial.md"} | {
        name_page(p) for p in (ROOT / "docs" / "how-to").glob("*.md")
    }
    assert wanted - {name_page(page) for page in RUN} == set()


@pytest.mark.parametrize(
    "block",
    [b for b in BLOCKS if b.language == "sh" and b.line > find_generated(b.page)],
    ids=name_block,
)
def test_examples_of_the_help_can_be_parsed(block: Block) -> None:
    """Options that are there, with values that they take; the files need not be."""
    calls = re.findall(r"\bwheelfix ((?:\$\([^)]*\)|'[^']*'|[^|>#\n])*)", block.text)
    assert calls
    for call in calls:
        command: click.Command = cli
        arguments = shlex.split(re.sub(r"\$\([^)]*\)", "/nix/store/x", call))
        context = click.Context(command)
        while isinstance(command, click.Group):
            found = command.get_command(context, arguments[0])
            assert found, call
            command, arguments = found, arguments[1:]
        command.make_context("wheelfix", arguments, parent=context)


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\nc\n", False),
        ("a … c", "a b c\n", True),
        ("a\n…\nz", "a\n1\n2\nz\n", True),
        ("a\n…\nz", "a\n1\n2\ny\n", False),
        ("a\n…", "a\n", True),
        ("", "", True),
        ("", "unexpected\n", False),
        ("a", "a\nmore\n", False),
        ("[x] (y)", "[x] (y)\n", True),
    ],
)
def test_wildcards_hide_no_difference(shown: str, output: str, same: bool) -> None:
    assert matches(shown, output) is same
