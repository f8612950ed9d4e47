"""Write the reference pages from what they describe: the commands, the JSON schemas, the public names.

    python scripts/write_reference.py [--check]

Below the mark, a page is rewritten; above it stands what people wrote, and stays. A command without a page
gets one. With ``--check`` nothing is written: pages that are out of date are named, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

import wheelfix
from wheelfix.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
SCHEMAS = ROOT / "wheelfix" / "report" / "schema"
MARK = "<!-- From here on written by scripts/write_reference.py -->"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [
        path for path, text in sorted(render_pages().items()) if update_page(path, text, write=not check)
    ]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'out of date' if check else 'written'}")
    sys.exit(1 if check and stale else 0)


def render_pages() -> Mapping[Path, tuple[str, str]]:
    """Title and generated part of every page."""
    pages = {
        PAGES / "commands" / f"wheelfix-{n}.md": (f"wheelfix {n}", render_command(n)) for n in list_commands()
    }
    pages[PAGES / "commands" / "index.md"] = ("Commands", render_overview())
    pages[PAGES / "json.md"] = (
        "JSON",
        "".join(render_schema(path) for path in sorted(SCHEMAS.glob("*.json"))),
    )
    pages[PAGES / "python.md"] = ("Python API", render_names())
    return pages


def update_page(path: Path, page: tuple[str, str], *, write: bool) -> bool:
    """Whether a page has to change; it is changed, too, if it may be written."""
    title, generated = page
    before = path.read_text() if path.exists() else ""
    prose = before.partition(MARK)[0] if MARK in before else f"# {title}\n\n"
    after = f"{prose}{MARK}\n\n{generated.strip()}\n"
    if write and after != before:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after)
    return after != before


def list_commands() -> Mapping[str, click.Command]:
    context = click.Context(cli)
    found = ((name, cli.get_command(context, name)) for name in cli.list_commands(context))
    return {name: command for name, command in found if command}


def render_command(name: str) -> str:
    command = list_commands()[name]
    context = click.Context(command, info_name=f"wheelfix {name}")
    text = render_help(command, context, "##")
    if isinstance(command, click.Group):
        for below, sub in command.commands.items():
            text += f"\n## wheelfix {name} {below}\n\n"
            text += render_help(sub, click.Context(sub, info_name=f"wheelfix {name} {below}"), "###")
    return text


def render_help(command: click.Command, context: click.Context, level: str) -> str:
    """Usage, description, options and examples of one command."""
    usage = " ".join(command.collect_usage_pieces(context))
    text = f"```text\n{context.info_name} {usage}\n```\n\n{unwrap(command.help or '')}\n"
    if isinstance(command, click.Group):
        return text + render_epilog(command, level)
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    rows = "".join(render_option(option, context) for option in options)
    text += f"\n{level} Options\n\n| option | meaning |\n|---|---|\n{rows}"
    return text + render_epilog(command, level)


def render_option(option: click.Option, context: click.Context) -> str:
    """A row; choices are in the meaning, because code in a table cannot have a bar everywhere."""
    flags, meaning = option.get_help_record(context) or ("", "")
    if isinstance(option.type, click.Choice):
        flags = flags.replace(f"[{'|'.join(option.type.choices)}]", str(option.name).upper())
        choices = ", ".join(f"`{choice}`" for choice in option.type.choices)
        return f"| `{flags}` | {escape_cell(meaning)} One of {choices}. |\n"
    return f"| `{flags}` | {escape_cell(meaning)} |\n" if flags else ""


def render_epilog(command: click.Command, level: str) -> str:
    """Titled lists of lines as code, all else as text."""
    text = ""
    for block in (command.epilog or "").split("\b\n"):
        title, _, body = block.strip("\n").partition("\n")
        if title.endswith(":"):
            lines = "\n".join(line.strip() for line in body.splitlines())
            text += f"\n{level} {title[:-1]}\n\n```{'sh' if title == 'Examples:' else 'text'}\n{lines}\n```\n"
        elif title:
            text += f"\n{unwrap(block)}\n"
    return text


def render_overview() -> str:
    rows = [
        f"| [`wheelfix {n}`](wheelfix-{n}.md) | {c.get_short_help_str(200)} |\n"
        for n, c in list_commands().items()
    ]
    codes = (cli.epilog or "").partition("Exit codes:")[2].strip("\n").splitlines()
    pairs = [line.split(maxsplit=1) for line in codes]
    return (
        f"{unwrap(cli.help or '')}\n\n| command | what it does |\n|---|---|\n{''.join(rows)}\n"
        "## Exit codes\n\n| code | meaning |\n|---|---|\n"
        + "".join(f"| {code} | {meaning} |\n" for code, meaning in pairs)
    )


def render_schema(path: Path) -> str:
    schema = json.loads(path.read_text())
    name = schema["properties"]["schema"].get("const", path.stem)
    intro = " ".join(str(schema[key]) for key in ("title", "description") if schema.get(key, name) != name)
    rows = "".join(
        f"| `{field}` | {kind} | {escape_cell(text)} |\n"
        for field, kind, text in walk_schema(schema, schema, "")
    )
    return (
        f"## {name}\n\n{intro}\n\nThe file: `wheelfix/report/schema/{path.name}` in the package, "
        f"JSON Schema 2020-12.\n\n| field | type | meaning |\n|---|---|---|\n{rows}\n"
    )


def walk_schema(node: Any, root: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield (field, type, meaning) for a node and all below it, in the order of the schema."""
    node = resolve(node, root)
    if path:
        yield path, describe_type(node, root), describe_values(node)
    for name, below in node.get("properties", {}).items():
        yield from walk_schema(below, root, f"{path}.{name}" if path else name)
    items = resolve(node.get("items", {}), root)
    if "properties" in items:
        for name, below in items["properties"].items():
            yield from walk_schema(below, root, f"{path}[].{name}")
    for choice in (resolve(part, root) for part in node.get("oneOf", node.get("anyOf", ()))):
        for name, below in choice.get("properties", {}).items():
            yield from walk_schema(below, root, f"{path}.{name}")


def resolve(node: Any, root: Any) -> Any:
    if isinstance(node, dict) and "$ref" in node:
        target = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def describe_type(node: Mapping[str, Any], root: Any) -> str:
    if "const" in node or "enum" in node:
        return "string" if "const" in node or isinstance(node["enum"][0], str) else "value"
    if choices := node.get("oneOf", node.get("anyOf")):
        return " or ".join(dict.fromkeys(describe_type(resolve(choice, root), root) for choice in choices))
    kinds = node.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    items = resolve(node.get("items", {}), root)
    return " or ".join(
        f"array of {describe_type(items, root)}s"
        if k == "array" and items.get("type") in {"string", "object"}
        else k
        for k in kinds
    )


def describe_values(node: Mapping[str, Any]) -> str:
    values = [node["const"]] if "const" in node else node.get("enum", ())
    parts = [str(node.get("description", "")), ", ".join(f"`{json.dumps(value)}`" for value in values)]
    return " ".join(part for part in parts if part)


def render_names() -> str:
    homes = {name: getattr(wheelfix, name).__module__ for name in wheelfix.__all__}
    functions = [name for name in homes if not isinstance(getattr(wheelfix, name), type)]
    errors = [n for n in homes if n not in functions and issubclass(getattr(wheelfix, n), Exception)]
    models = [n for n in homes if n not in functions and n not in errors]
    text = ""
    for title, names in (("Functions", functions), ("Models", models), ("Errors", errors)):
        text += f"## {title}\n\n"
        for name in names:
            text += f"::: {homes[name]}.{name}\n    options:\n      heading_level: 3\n\n"
    return text


def unwrap(text: str) -> str:
    """Paragraphs of a help text, each on one line, as Markdown."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\b", "").strip())
    return "\n\n".join(escape_text(" ".join(p.split())) for p in paragraphs)


def escape_cell(text: str) -> str:
    return escape_text(" ".join(text.split())).replace("|", "\\|")


def escape_text(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[")


if __name__ == "__main__":
    main()
