"""``wheelfix explain``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wheelfix.cli.open_index import open_table
from wheelfix.cli.options import common_options, complete_files, print_json, tell_findings
from wheelfix.cli.streams import find_width
from wheelfix.model.override import PACKAGE_DIALECTS, Dialect

_NOTHING_UNDERSTOOD = 6
_COMMAND = "wheelfix.explain.command"
_EPILOG = """\b
Examples:
  wheelfix explain -- python -c 'import torch'
  nix build 2>&1 | wheelfix explain
  wheelfix explain --dialect poetry2nix build.log
  wheelfix explain --json error.txt

\b
Exit codes: 0 answered, 1 an answer is missing, 6 nothing is understood.

\b
After -- comes a command. It runs once, with its output passed through; its exit code is the one of
wheelfix explain, and the explanation goes to stderr. If it fails for a library and nothing tells who wants
that, it runs a second time, silently, with LD_DEBUG.
"""


class _Explain(click.Command):
    """Passes everything behind ``--`` on unchanged: a command with any options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_COMMAND] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command(cls=_Explain, epilog=_EPILOG)
@click.argument("file", required=False, metavar="[FILE|-] | -- COMMAND...", shell_complete=complete_files)
@click.option(
    "--dialect",
    type=click.Choice([d.value for d in PACKAGE_DIALECTS]),
    help="The tool to write for. [default: found out from the lock files in this directory]",
)
@common_options
@click.pass_context
def explain(
    context: click.Context,
    file: str | None,
    *,
    dialect: str | None,
    as_json: bool,
    index: Path | None,
    prefer: tuple[str, ...],
    nixpkgs: str | None,
    quiet: bool,
) -> None:
    """Explain why a shared library is not found, and what to paste.

    Reads anything: tracebacks, messages of the loader, logs of nix build and auto-patchelf, output of ldd; in
    a file, or from standard input. Answers what happened, what to paste into the Nix code, and what helps
    now, without a build. Where the package is installed here, all that it will miss next is named, too.
    """
    from wheelfix.flows import explain as flows
    from wheelfix.index.choice import open_names

    command: tuple[str, ...] | None = context.meta.get(_COMMAND)
    if command is not None and (file or not command):
        raise click.UsageError("Give a FILE, or -- and a COMMAND.")
    table = open_table(index, quiet=quiet, prefer=prefer, nixpkgs=nixpkgs)
    names_of = open_names(table, index)
    tool = Dialect(dialect) if dialect else None
    here = Path.cwd()
    if command:
        code, explained = flows.explain_command(
            command, index=table, directory=here, dialect=tool, prefer=prefer, names_of=names_of
        )
    else:
        path = None if file is None or file == "-" else Path(file)
        # A pipe or a terminal is read as text.
        if file and path and (path.is_file() or path.is_dir() or "://" in file):
            from wheelfix.scan.target import find_target

            find_target(file, "explain")
        if path is None and sys.stdin.isatty():
            click.echo("Paste the message, then press Ctrl-D.", err=True)
        explained = flows.explain_file(
            path, index=table, directory=here, dialect=tool, prefer=prefer, names_of=names_of
        )
        code = 0 if explained.explanation.answered else 1
        code = code if explained.explanation.concerned else _NOTHING_UNDERSTOOD
    if command and not explained.explanation.concerned and code == 0:
        context.exit(code)
    tell_findings(explained.warnings)
    if as_json:
        from wheelfix.report.json import document_explanation

        print_json(
            document_explanation(
                explained.explanation, explained.dialect, explained.paste, explained.now, explained.command
            ),
            err=bool(command),
        )
    else:
        from wheelfix.override.dialects import TRAITS
        from wheelfix.report.explain import render_explanation

        text = render_explanation(
            explained.explanation,
            explained.paste,
            explained.now,
            explained.command,
            details=not quiet,
            listed=TRAITS[explained.dialect].listed,
            width=None if command else find_width(),
        )
        click.echo(text, nl=False, err=bool(command))
    sys.exit(code)
