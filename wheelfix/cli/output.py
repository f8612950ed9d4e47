"""Prints generated code on stdout, or writes it to a file that is replaced only when complete."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wheelfix.cli.complete import complete_sources
from wheelfix.cli.open_index import open_table
from wheelfix.cli.options import (
    FILE,
    add_options,
    beside_option,
    check_platform,
    index_options,
    make_sources,
    nixpkgs_option,
    print_json,
    python_option,
    source_options,
    tell_findings,
    wish_options,
)
from wheelfix.model.override import Dialect
from wheelfix.outside.files import is_terminal, write_output

if TYPE_CHECKING:
    from wheelfix.model.backends import Backend
    from wheelfix.model.base import Struct
    from wheelfix.model.written import Written
    from wheelfix.scan.scan import ScanOptions

F = TypeVar("F", bound=Callable[..., Any])

output_option = click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="Write to this file, at once or not at all."
)
dialect_option = click.option(
    "--dialect",
    type=click.Choice([d.value for d in Dialect]),
    default=Dialect.UV2NIX.value,
    show_default=True,
    help="The tool to write for.",
)
_PROVIDER = click.option(
    "--provider",
    "providers",
    multiple=True,
    metavar="NAME=KINDS",
    shell_complete=complete_sources,
    help="Take packages (a glob, or default) from wheel, sdist, nixpkgs or conda; repeatable.",
)
_OPTIONS = [
    beside_option,
    wish_options,
    python_option("Python version of the package set.", first="the environment"),
    click.option(
        "--platform",
        callback=check_platform,
        default="x86_64-linux",
        show_default=True,
        help="Nix system a requirement is for.",
    ),
    index_options,
    nixpkgs_option,
    output_option,
]


def code_options(command: F) -> F:
    """Add the options that the commands share that read wheels and write Nix code."""
    return add_options(source_options(command), *_OPTIONS)


def supply_options(command: F) -> F:
    """Add the options for the sources of packages."""
    return add_options(source_options(command), _PROVIDER)


def make_options(
    *,
    beside: tuple[str, ...] = (),
    gpu: Backend | None = None,
    python: str | None,
    platform: str,
    index: Path | None,
    prefer: tuple[str, ...],
    nixpkgs: str | None = None,
    quiet: bool,
    index_url: str | None,
    find_links: tuple[str, ...],
    lock: Path | None = None,
) -> ScanOptions:
    """Open the index, and make the options of a scan; options as for :func:`.open_index.open_table`."""
    from wheelfix.scan.scan import ScanOptions

    sources = make_sources(index_url, find_links)
    return ScanOptions(
        index=open_table(index, quiet=quiet, prefer=prefer, nixpkgs=nixpkgs, lock=lock, system=platform),
        prefer=prefer,
        beside=beside,
        gpu=gpu,
        python=python,
        system=platform,
        sources=sources,
    )


def write(written: Written[Any], output: Path | None, *, quiet: bool, document: Struct | None = None) -> None:
    """Print code, or write it to a file; findings go to stderr, notes among them unless ``quiet``.

    Args:
        written: the code.
        output: the file; None prints.
        quiet: leave out notes.
        document: printed instead of the code, which is then only written to a file.

    Raises:
        ApplyError: the file cannot be written; an existing file is unchanged.
    """
    tell_findings(written.findings, quiet=quiet)
    if document is not None:
        print_json(document)
    if output or document is None:
        write_text(written.text, output)


def write_text(text: str, output: Path | None) -> None:
    """Print text, or write it to a file, as :func:`write` does.

    It is always UTF-8, because its readers expect that.
    """
    # A Nix string holds raw control characters: valid in a file, and dangerous on a terminal.
    if sys.stdout.isatty() if output is None else is_terminal(output):
        from wheelfix.report.escape import printable

        text = "".join(f"{printable(line)}\n" for line in text.removesuffix("\n").split("\n"))
    data = text.encode("utf-8", "backslashreplace")
    if output is None:
        click.echo(data, nl=False)
    else:
        write_output(output, data)
