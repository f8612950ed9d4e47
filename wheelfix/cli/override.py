"""``wheelfix override``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from wheelfix.cli.options import basic_options
from wheelfix.cli.output import code_options, make_options, write
from wheelfix.model.override import Cuda, Dialect

_EPILOG = """\b
Examples:
  wheelfix override numba-0.68.1-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix override torch==2.9.1 --cuda nixpkgs --dialect poetry2nix
  wheelfix override wheels/ --dialect nixpkgs -o packages.nix
  wheelfix override pyodbc==5.3.0 --dialect shell > shell.nix
"""


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--dialect",
    type=click.Choice([d.value for d in Dialect]),
    default=Dialect.UV2NIX.value,
    show_default=True,
    help="The tool to write for.",
)
@click.option(
    "--cuda",
    type=click.Choice([c.value for c in Cuda]),
    help="Where CUDA libraries come from. [default: wheels; for the dialect nixpkgs: nixpkgs]",
)
@code_options
@basic_options
def override(
    targets: tuple[str, ...], *, dialect: str, cuda: str | None, output: Path | None, **options: Any
) -> None:
    """Write Nix code that gives wheels the libraries they need.

    TARGET is a wheel, a directory of wheels, or a requirement such as torch==2.9.1, which is fetched. Inputs,
    ignored libraries and search paths each have their reason in a comment. CUDA libraries come from the other
    wheels, from nixpkgs' cudaPackages, or with nixpkgs' build of the whole package (prebuilt).
    """
    from wheelfix import flows_nix

    tool = Dialect(dialect)
    chosen = Cuda(cuda) if cuda else flows_nix.find_default_cuda(tool)
    written = flows_nix.write_override(targets, tool, chosen, make_options(**options))
    write(written, output)
    sys.exit(0 if written.answered else 1)
