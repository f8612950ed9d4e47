"""``wheelfix verify``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wheelfix.cli.options import FILE, basic_options, json_option, print_json

_EPILOG = """\b
Examples:
  wheelfix verify libfoo.so.orig libfoo.so
  cp libfoo.so old.so && patchelf --set-rpath '$ORIGIN' libfoo.so && wheelfix verify old.so libfoo.so
"""


@click.command(epilog=_EPILOG)
@click.argument("old", type=FILE, metavar="OLD")
@click.argument("new", type=FILE, metavar="NEW")
@json_option
@basic_options
def verify(*, old: Path, new: Path, as_json: bool, quiet: bool) -> None:
    """Tell what a patching tool broke in an ELF file.

    OLD is the file before, NEW the file after. The run path and the interpreter may differ. Everything else
    that a process, strip or a debugger sees must be what it was: memory, rights, symbols, versions, sections.
    Ends with 0 if it is, and with 1 if not. Where pyelftools is installed (the extra `verify`), it reads both
    files as well.
    """
    from wheelfix.patch.verify import verify as find_problems
    from wheelfix.patch.verify.opinions import find_opinions, has_second_reader
    from wheelfix.report.escape import printable

    if not has_second_reader() and not quiet:
        click.echo("wheelfix: note: no second reader: `pip install 'wheelfix[verify]'` brings one", err=True)
    had = find_opinions(old)
    problems = (*find_problems(old, new), *(p for p in find_opinions(new) if p not in had))
    if as_json:
        from wheelfix.report.json import document_verify

        print_json(document_verify(problems, old=str(old), new=str(new)))
        sys.exit(1 if problems else 0)
    for problem in problems:
        click.echo(printable(f"{problem.check}: {problem.message}"))
    if not problems and not quiet:
        click.echo(printable(f"{new}: nothing but the run path and the interpreter changed"))
    sys.exit(1 if problems else 0)
