"""``wheelfix sdist``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wheelfix.cli.options import (
    FILE,
    TARGET,
    basic_options,
    code_json_option,
    make_sources,
    python_option,
    source_options,
)
from wheelfix.cli.output import output_option, write
from wheelfix.model.override import Dialect
from wheelfix.outside.files import write_output

_EPILOG = """\b
Examples:
  wheelfix sdist cryptography==43.0.0
  wheelfix sdist orjson-3.13.0.tar.gz -o orjson.nix
  wheelfix sdist tiktoken==0.14.0 --lock Cargo.lock -o tiktoken.nix
  wheelfix sdist safetensors-0.8.0.tar.gz --dialect nixpkgs
"""
_DIALECTS = (Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.NIXPKGS)


@click.command(epilog=_EPILOG)
@click.argument("target", metavar="SDIST", type=TARGET)
@click.option(
    "--dialect",
    type=click.Choice([d.value for d in _DIALECTS]),
    default=Dialect.UV2NIX.value,
    show_default=True,
    help="The tool to write for.",
)
@click.option(
    "--lock",
    "lock_file",
    type=FILE,
    metavar="FILE",
    help="Cargo.lock for an sdist without one; cargo makes it if there is no such file.",
)
@python_option("Python to build for.")
@source_options
@output_option
@code_json_option
@basic_options
def sdist(
    target: str,
    *,
    dialect: str,
    lock_file: Path | None,
    python: str | None,
    index_url: str | None,
    find_links: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write Nix code that builds a Rust-backed source distribution.

    SDIST is a .tar.gz, a directory with its contents, or a requirement such as cryptography==43.0.0, which is
    fetched. Nothing of it is executed. The code is an overlay for uv2nix and pyproject.nix
    (hacks.importCargoLock) or a package for nixpkgs, with the directory of Cargo.lock, build systems, native
    libraries and hashes of git crates; each has its reason in a comment.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows.sdist import write_sdist

    tool = Dialect(dialect)
    with show_progress(target, enabled=not quiet) as progress:
        written, lock = write_sdist(
            target,
            tool,
            python=python,
            lock_file=lock_file,
            sources=make_sources(index_url, find_links),
            on_bytes=progress,
        )
    if lock is not None and lock_file is not None:
        write_output(lock_file, lock, hint="name another file with --lock")
    document = None
    if as_json:
        from wheelfix.report.json import document_sdist

        document = document_sdist(written, dialect=tool)
    write(written, output, quiet=quiet, document=document)
    sys.exit(0 if written.answered else 1)
