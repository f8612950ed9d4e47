"""``wheelfix locate``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wheelfix.cli.complete import complete_names
from wheelfix.cli.open_index import open_table
from wheelfix.cli.options import common_options, print_json
from wheelfix.cli.streams import find_width
from wheelfix.report.escape import printable

_EPILOG = """\b
Examples:
  wheelfix locate libtbb.so.12 libgssapi_krb5.so.2
  wheelfix locate 'libicuuc.so.*' --all
  wheelfix locate libz.so.1 --why --json
  wheelfix locate cairo.pc openssl/ssl.h fmt-config.cmake pg_config
  wheelfix locate --any-file '/bin/ldconfig'
"""


def _parse_release(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, int]:
    from wheelfix.index.releases import parse_release

    try:
        return parse_release(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no release: write 25.05 or newest") from None


@click.command(epilog=_EPILOG)
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_names)
@click.option("--all", "every", is_flag=True, help="Also packages that have the file and are no providers.")
@click.option(
    "--regex", is_flag=True, help="NAMEs are regular expressions, searched for in file names of libraries."
)
@click.option("--why", is_flag=True, help="Show the rules behind each score.")
@click.option(
    "--any-file",
    is_flag=True,
    help="Any file of any package, by path, name or glob, from a database.",
)
@click.option(
    "--nixpkgs-release",
    "release",
    default="newest",
    metavar="RELEASE",
    show_default=True,
    callback=_parse_release,
    help="Name attributes as this release of nixpkgs does (25.05).",
)
@common_options
def locate(
    names: tuple[str, ...],
    *,
    every: bool,
    regex: bool,
    why: bool,
    any_file: bool,
    release: tuple[int, int],
    as_json: bool,
    index: Path | None,
    prefer: tuple[str, ...],
    nixpkgs: str | None,
    quiet: bool,
) -> None:
    """Tell which nixpkgs attributes provide libraries and other files, best first.

    NAME is a file name, a path (of which the last part counts; of a header, what is below include) or a
    glob. What is looked for depends on how it ends: .so, or .so and a version: a library; .pc: a pkg-config
    module; Config.cmake, -config.cmake: a CMake package; .h, .hh, .hpp, .hxx, .h++: a header. Any other
    name is a program if there is one of that name, else a library. Each answer names attribute, output,
    version, path, store path and score.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows import locate as flows
    from wheelfix.index.choice import open_names
    from wheelfix.model.classes import OPEN_CLASSES

    if any_file:
        sys.exit(_locate_files(names, regex=regex, index=index, as_json=as_json, quiet=quiet))
    table = open_table(index, quiet=quiet, nixpkgs=nixpkgs)
    builds = table.info.source != "bundled"
    with show_progress("building the table of names", enabled=not quiet and builds) as progress:
        names_of = open_names(table, index, progress=progress)
        results = flows.locate(
            names, index=table, names_of=names_of, every=every, regex=regex, prefer=prefer, release=release
        )
    if as_json:
        from wheelfix.report.json import document_located

        print_json(document_located(results, table.info))
    else:
        from wheelfix.report.plain import render_located

        if not results:
            click.echo(f"no file name in this index matches {' '.join(map(printable, names))}")
        else:
            click.echo(render_located(results, every=every, why=why, width=find_width()), nl=False)
    sys.exit(0 if results and all(r.need_class not in OPEN_CLASSES for r in results) else 1)


def _locate_files(
    patterns: tuple[str, ...], *, regex: bool, index: Path | None, as_json: bool, quiet: bool
) -> int:
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows import locate as flows

    with show_progress("searching", enabled=not quiet) as progress:
        hits = flows.locate_files(patterns, index=index, regex=regex, progress=progress)
    if as_json:
        from wheelfix.report.json import document_hit

        print_json([document_hit(hit) for hit in hits])
    else:
        from wheelfix.report.plain import render_hits

        for line in render_hits(hits):
            click.echo(line)
    return 0 if hits else 1
