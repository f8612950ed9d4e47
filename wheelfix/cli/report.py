"""``wheelfix report``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wheelfix.cli.options import (
    FILE,
    basic_options,
    check_platform,
    check_python,
    complete_files,
    make_sources,
    source_options,
)
from wheelfix.cli.output import output_option, write
from wheelfix.cli.table import open_table

_EPILOG = """\b
Examples:
  wheelfix report torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl -o torch.html
  wheelfix report .venv -o report.html
  wheelfix report uv.lock -o report.html
  wheelfix report pyodbc==5.3.0 --python 3.12 > pyodbc.html
"""


@click.command(epilog=_EPILOG)
@click.argument("target", shell_complete=complete_files)
@click.option(
    "--with",
    "beside",
    type=FILE,
    metavar="DIR",
    help="Directory of wheels, or environment, that is at hand: what it carries is checked, not believed.",
)
@click.option(
    "--python",
    callback=check_python,
    default="3.12",
    show_default=True,
    help="Python version a requirement is fetched for.",
)
@click.option(
    "--platform",
    callback=check_platform,
    default="x86_64-linux",
    show_default=True,
    help="Nix system a requirement is fetched for.",
)
@click.option("--index", type=FILE, metavar="FILE", help="nix-index database or soname table to ask.")
@click.option("--prefer", multiple=True, metavar="ATTR", help="Attribute that wins among several.")
@source_options
@output_option
@basic_options
def report(
    target: str,
    *,
    beside: Path | None,
    python: str,
    platform: str,
    index: Path | None,
    prefer: tuple[str, ...],
    index_url: str | None,
    find_links: tuple[str, ...],
    output: Path | None,
    quiet: bool,
) -> None:
    """Write all there is to say about a target on one page of HTML.

    TARGET is a wheel, a directory of wheels, an environment, a lock (uv.lock, pylock.toml, poetry.lock,
    requirements.txt with hashes), or a requirement such as torch==2.9.1. The page tells who needs which
    library and why, draws the graph from distributions over libraries to providers, and has the Nix code to
    copy. It is one file that loads nothing from elsewhere, to be read offline, or sent.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows.report import write_report
    from wheelfix.flows.scan import ScanOptions

    sources = make_sources(index_url, find_links)
    table = open_table(index, quiet=quiet, prefer=prefer)
    with show_progress(target, enabled=not quiet) as progress:
        options = ScanOptions(
            prefer=prefer, beside=beside, python=python, system=platform, sources=sources, progress=progress
        )
        written = write_report(target, index=table, options=options)
    write(written, output, quiet=quiet)
    sys.exit(0 if written.answered else 1)
