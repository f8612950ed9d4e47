"""What the README and the pages of docs/ show is what happens.

Blocks after ``<!-- run -->`` are run: ``console`` blocks in a shell, one directory for all of a page, with
the pinned wheels that the page names; ``pycon`` blocks in Python. Their output is compared: ``…`` stands for
anything within a line, and alone on a line for any lines. Nix, YAML, TOML and JSON are parsed, marked or not.
"""

from __future__ import annotations

import contextlib
import doctest
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.nixeval import parse
from tests.support.real import fetch_wheel, read_pins

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(?P<mark><!-- run -->\n)?(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
PARSED = {"nix", "yaml", "toml", "json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: Path
    line: int
    language: str
    run: bool
    text: str


def read_blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in FENCE.finditer(text):
        indent = match["indent"]
        yield Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            language=match["language"],
            run=match["mark"] is not None,
            text="".join(line.removeprefix(indent) for line in match["text"].splitlines(keepends=True)),
        )


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


def prepare(directory: Path, text: str) -> dict[str, str]:
    """Link the wheels that are named, whole or as a pattern, and keep everything else out."""
    names = set(re.findall(r"[\w.+*-]+\.whl", text)) - {"*.whl"}
    for pin in read_pins():
        if any(
            re.fullmatch(name.replace(".", r"\.").replace("+", r"\+").replace("*", ".*"), pin)
            for name in names
        ):
            (directory / pin).symlink_to(fetch_wheel(pin))
    home = directory.parent / "home"
    home.mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "NIX_", "WHEELFIX_"))}
    return {**kept, "PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "100"}


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
@pytest.mark.parametrize("page", RUN, ids=name_page)
def test_console_blocks_show_what_happens(page: Path, tmp_path: Path) -> None:
    directory = tmp_path / "project"
    directory.mkdir()
    environment = prepare(directory, "".join(block.text for block in RUN[page]))
    for block in RUN[page]:
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


def test_every_way_to_use_it_is_run() -> None:
    """A tutorial and how-tos that nobody runs are worth nothing."""
    wanted = {"README.md", "docs/tutorial.md"} | {
        name_page(p) for p in (ROOT / "docs" / "how-to").glob("*.md")
    }
    assert wanted - {name_page(page) for page in RUN} == set()


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
