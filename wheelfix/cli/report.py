"""``wheelfix report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wheelfix.cli.open_index import open_table
from wheelfix.cli.options import (
    TARGET,
    basic_options,
    beside_option,
    check_groups,
    gpu_option,
    group_option,
    index_options,
    make_sources,
    nixpkgs_option,
    runtime_options,
    source_options,
)
from wheelfix.cli.output import output_option, write

if TYPE_CHECKING:
    from wheelfix.model.backends import Backend

_EPILOG = """\b
Examples:
  wheelfix report torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl -o torch.html
  wheelfix report .venv -o report.html
  wheelfix report uv.lock -o report.html
  wheelfix report pyodbc==5.3.0 --python 3.12 > pyodbc.html
"""


@click.command(epilog=_EPILOG)
@click.argument("target", type=TARGET)
@beside_option
@gpu_option
@group_option
@runtime_options
@index_options
@nixpkgs_option
@source_options
@output_option
@basic_options
def report(
    target: str,
    *,
    beside: tuple[str, ...],
    gpu: Backend | None,
    groups: tuple[str, ...],
    python: str | None,
    platform: str,
    index: Path | None,
    prefer: tuple[str, ...],
    nixpkgs: str | None,
    index_url: str | None,
    find_links: tuple[str, ...],
    output: Path | None,
    quiet: bool,
) -> None:
    """Write all there is to say about a target on one page of HTML.

    TARGET is all that `wheelfix scan` takes: a wheel, a directory of wheels, an environment, an ELF file, a
    lock, a requirements file, a requirement such as torch==2.9.1, or the address of a wheel. The page tells
    who needs which library and why, draws the graph from distributions over libraries to providers, and has
    the Nix code to copy. It is one file that loads nothing from elsewhere, to be read offline, or sent.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows.report import write_report
    from wheelfix.scan.scan import ScanOptions

    asked = check_groups(groups, [target])
    sources = make_sources(index_url, find_links)
    table = open_table(index, quiet=quiet, prefer=prefer, nixpkgs=nixpkgs, system=platform)
    with show_progress(target, enabled=not quiet) as progress:
        options = ScanOptions(
            index=table,
            prefer=prefer,
            beside=beside,
            gpu=gpu,
            python=python,
            system=platform,
            groups=asked,
            sources=sources,
            progress=progress,
        )
        written = write_report(target, options)
    write(written, output, quiet=quiet)
    sys.exit(0 if written.answered else 1)
