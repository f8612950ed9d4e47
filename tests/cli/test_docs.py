"""What the program can do is documented, and what is documented the program can do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import wheelfix
from wheelfix.cli import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
REFERENCE = ROOT / "docs" / "reference"
MARK = "<!-- From here on"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def list_commands() -> dict[str, click.Command]:
    """All commands by their full names, those of groups included."""
    found: dict[str, click.Command] = {}
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            found |= {f"{name} {below}": sub for below, sub in command.commands.items()}
        else:
            found[name] = command
    return found


def list_sections(name: str) -> str:
    """The part of the reference that is about one command."""
    top, _, below = name.partition(" ")
    text = (REFERENCE / "commands" / f"wheelfix-{top}.md").read_text()
    return text.partition(f"\n## wheelfix {name}\n")[2].partition("\n## wheelfix ")[0] if below else text


@pytest.mark.parametrize("script", ["write_schemas.py", "write_reference.py"])
def test_what_is_written_by_a_script_is_up_to_date(script: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout}{result.stderr}: run python scripts/{script}"


@pytest.mark.parametrize("name", sorted(list_commands()))
def test_every_command_and_option_is_documented(name: str) -> None:
    command = list_commands()[name]
    assert f"`wheelfix {name}" in README
    section = list_sections(name).rpartition(MARK)[2]
    for option in command.params:
        if isinstance(option, click.Option):
            (row,) = (
                line
                for line in section.splitlines()
                if re.match(rf"\| `[^`]*{option.opts[-1]}(?![\w-])", line)
            )
            assert all(flag in row for flag in option.opts)
            assert option.help
            assert option.help.split()[0] in row


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in list_commands()}))
def test_every_command_page_has_words_of_its_own(name: str) -> None:
    prose = list_sections(name).partition(MARK)[0]
    assert len(prose.split()) > 10, (
        f"docs/reference/commands/wheelfix-{name}.md: write what help has no room for"
    )


def test_every_command_has_examples() -> None:
    for name, command in list_commands().items():
        assert command.epilog is not None
        assert f"wheelfix {name}" in command.epilog


def test_readme_names_the_commands_there_are() -> None:
    assert set(re.findall(r"`wheelfix ((?:index )?[a-z]+)", README)) == set(list_commands())


def test_every_public_name_is_in_the_reference() -> None:
    text = (REFERENCE / "python.md").read_text()
    assert set(re.findall(r"^::: .*\.(\w+)$", text, re.MULTILINE)) == set(wheelfix.__all__)


def list_fields(text: str, title: str) -> set[str]:
    """The last names of all fields in the section of a title; empty without one."""
    section = re.split(r"\n##", text.partition(f"\n{title}\n")[2])[0]
    return set(re.findall(r"^\| (?:\| )?`(?:[^`]*[.\]])?(\w+)` \|", section, re.MULTILINE))


def test_every_schema_and_each_of_its_fields_is_in_the_reference() -> None:
    text = (REFERENCE / "json.md").read_text()
    schemas = sorted((ROOT / "wheelfix" / "report" / "schema").glob("*.json"))
    assert schemas
    for path in schemas:
        schema = json.loads(path.read_text())
        assert path.name in text
        told = list_fields(text, f"## {schema['$id']}")
        assert told >= set(schema["properties"])
        parts = schema.get("$defs", {})
        below = told.union(*(list_fields(text, f"### {name}") for name in ("Cause", *parts)))
        for name, part in parts.items():
            own = list_fields(text, f"### {name}") or below
            wanted = {field for field, below in part["properties"].items() if "const" not in below}
            assert own >= wanted, (schema["$id"], name)


def test_the_reference_tells_which_command_prints_which_document() -> None:
    text = (REFERENCE / "json.md").read_text().partition(MARK)[0]
    rows = dict(re.findall(r"^\| `wheelfix ([a-z ]+)` \| (.*) \|$", text, re.MULTILINE))
    printing = {n for n, c in list_commands().items() if any(p.name == "as_json" for p in c.params)}
    assert set(rows) == printing
    told = set(re.findall(r"\[`(wheelfix\.\w+/\d+)`\]\(#\w+\)", " ".join(rows.values())))
    assert told == {name_schema(path) for path in (ROOT / "wheelfix" / "report" / "schema").glob("*.json")}


def name_schema(path: Path) -> str:
    name: str = json.loads(path.read_text())["$id"]
    return name


def test_every_page_is_reached_from_the_start() -> None:
    """By links alone, as on a code host that shows the files as they are."""
    seen, queue = set(), [ROOT / "README.md", ROOT / "docs" / "index.md"]
    while queue:
        page = queue.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in re.findall(r"\]\(([^):#]+\.md)", page.read_text()):
            target = (page.parent / link).resolve()
            assert target.is_file(), f"{page.relative_to(ROOT)} links to {link}"
            queue.append(target)
    lost = {p for p in PAGES if p not in seen and p.parent.name != "decisions"}
    assert lost == set()


def test_commands_for_the_gate_are_marked() -> None:
    assert re.findall(r"<!-- command: (\w+) -->\n```sh\n[^\n]+\n```", README) == ["scan", "test"]
