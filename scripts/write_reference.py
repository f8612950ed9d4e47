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
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
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
    pages[PAGES / "json.md"] = ("JSON", render_schemas())
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


def render_schemas() -> str:
    """A section for each document, one for each part that stands in several places, and the causes."""
    schemas = {path.name: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))}
    parts = {name: part for schema in schemas.values() for name, part in schema.get("$defs", {}).items()}
    nodes = [*({schema["$id"]: schema for schema in schemas.values()} | parts).values()]
    below = [one for node in nodes for one in node["properties"].values()]
    causes = {kind for one in below for kind in find_kinds(one)}
    counts = Counter(part for one in below for part in {p for p, _ in find_parts(one)})
    shared = {part for part, count in counts.items() if part and count > 1}
    texts = [render_schema(file, schema, shared) for file, schema in schemas.items()]
    texts.append("## Parts\n\nWhat stands in several places.\n\n")
    for name in sorted(shared):
        rows = render_fields(parts[name], parts, shared)
        texts.append(f"### {name}\n\n{parts[name]['description']}\n\n{rows}\n")
    return "".join(texts) + render_causes({name: parts[name] for name in parts if name in causes}, parts)


def render_schema(file: str, schema: Any, shared: Collection[str]) -> str:
    intro = f"{schema['title']}. {schema.get('description', '')}".strip()
    rows = render_fields(schema, schema.get("$defs", {}), shared)
    return (
        f"## {schema['$id']}\n\n{intro}\n\nThe file: `wheelfix/report/schema/{file}` in the package, "
        f"JSON Schema 2020-12.\n\n{rows}\n"
    )


def render_fields(node: Any, parts: Mapping[str, Any], shared: Collection[str]) -> str:
    rows = "".join(
        f"| `{field}` | {kind} | {escape_cell(text)} |\n"
        for field, kind, text in walk_fields(node, parts, shared, "")
    )
    return f"| field | type | meaning |\n|---|---|---|\n{rows}"


def render_causes(causes: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    """All causes in one table: each has few fields."""
    rows = ""
    for cause in causes.values():
        kind = cause["properties"]["kind"]["const"]
        rows += f"| `{kind}` | | | {escape_cell(cause['description'])} |\n"
        for field, said, text in walk_fields(cause, parts, (), ""):
            if field != "kind":
                rows += f"| | `{field}` | {said} | {escape_cell(text)} |\n"
    return (
        "### Cause\n\nWhy a need is in its class, or how a question was answered, as data. `kind` tells "
        f"which fields there are beside it.\n\n| kind | field | type | meaning |\n|---|---|---|---|\n{rows}\n"
    )


def walk_fields(
    node: Any, parts: Mapping[str, Any], shared: Collection[str], path: str
) -> Iterator[tuple[str, str, str]]:
    """Yield (field, type, meaning) for all below a node, in order; of shared parts only the name."""
    for name, below in node["properties"].items():
        field = f"{path}{name}"
        yield field, describe_type(below, shared), describe_values(below)
        for part, dots in find_parts(below):
            if part and part not in shared:
                yield from walk_fields(parts[part], parts, shared, f"{field}{dots}")


def find_parts(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parts that stand there, in an array there, or as values there, with how one writes that."""
    values = node.get("additionalProperties")
    yield find_part(node), "."
    yield find_part(node.get("items", {})), "[]."
    yield find_part(values if isinstance(values, dict) else {}), ".*."


def name_ref(node: Mapping[str, str]) -> str:
    return node.get("$ref", "").rpartition("/")[2]


def find_kinds(node: Mapping[str, Any]) -> list[str]:
    """The parts of which one may stand there, told apart by their kind; empty without such a choice."""
    names = [name for one in node.get("anyOf", ()) if (name := name_ref(one))]
    return names if len(names) > 1 else []


def find_part(node: Mapping[str, Any]) -> str:
    """The part that stands there, or empty."""
    names = [name_ref(node), *map(name_ref, node.get("anyOf", ()))]
    return "" if find_kinds(node) else next(filter(None, names), "")


def describe_type(node: Mapping[str, Any], shared: Collection[str]) -> str:
    if find_kinds(node):
        return "[Cause](#cause)"
    if part := find_part(node):
        said = f"[{part}](#{part.lower()})" if part in shared else "object"
        return f"{said} or null" if "anyOf" in node else said
    values = node.get("additionalProperties")
    if isinstance(values, dict) and (part := find_part(values)):
        return f"object of [{part}](#{part.lower()})" if part in shared else "object of objects"
    if "const" in node or "enum" in node:
        return "string or null" if None in node.get("enum", ()) else "string"
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return " or ".join(describe_array(node, shared) if kind == "array" else kind for kind in kinds)


def describe_array(node: Mapping[str, Any], shared: Collection[str]) -> str:
    items = describe_type(node["items"], shared)
    return f"array of {items}" if items.startswith("[") else f"array of {items}s"


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
