"""``wheelfix override``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from wheelfix.cli.options import (
    FILE,
    TARGET,
    basic_options,
    code_json_option,
    gpu_option,
    print_json,
    tell_findings,
)
from wheelfix.cli.output import code_options, dialect_option, make_options, write
from wheelfix.model.override import Cuda, Dialect

_EPILOG = """\b
Examples:
  wheelfix override numba-0.68.1-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix override torch==2.9.1 --cuda nixpkgs --dialect poetry2nix
  wheelfix override bitsandbytes --gpu cuda13
  wheelfix override wheels/ --dialect nixpkgs -o packages.nix
  wheelfix override pyodbc==5.3.0 --dialect shell > shell.nix
  wheelfix override .venv --dialect nixos -o nix-ld.nix
  wheelfix override --check overrides.nix wheels/
"""


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...", type=TARGET)
@dialect_option
@click.option(
    "--cuda",
    type=click.Choice([c.value for c in Cuda]),
    help="Where CUDA libraries come from. [default: wheels; for the dialect nixpkgs: nixpkgs]",
)
@gpu_option
@click.option(
    "--check",
    "checked",
    type=FILE,
    metavar="FILE",
    help="Write nothing: tell what is wrong with the overrides in FILE.",
)
@code_options
@code_json_option
@basic_options
def override(
    targets: tuple[str, ...],
    *,
    dialect: str,
    cuda: str | None,
    checked: Path | None,
    as_json: bool,
    keep: tuple[str, ...],
    strip: tuple[str, ...],
    output: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Write Nix code that gives wheels the libraries they need.

    TARGET is a wheel, a directory of wheels, an environment, a requirements file, a requirement such as
    torch==2.9.1, or the address of a wheel; what is not here is fetched. For the dialects nixos, devenv and
    shell, which list libraries for what pip or uv installed, it may be an ELF file, too. What TARGETs hold is
    at hand of all of them, and so are wheels beside a wheel that it pins.

    Inputs, ignored libraries and search paths each have their reason in a comment. CUDA libraries come from
    the other wheels, from nixpkgs' cudaPackages, or with nixpkgs' build of the whole package (prebuilt).
    """
    from wheelfix.flows.override import write_override
    from wheelfix.override.dialects import TRAITS
    from wheelfix.override.strip import make_wishes

    if checked:
        sys.exit(_check(checked, targets, as_json=as_json, quiet=quiet, **options))
    tool = Dialect(dialect)
    chosen = Cuda(cuda) if cuda else TRAITS[tool].cuda
    wishes = make_wishes(keep, strip)
    written = write_override(targets, tool, chosen, make_options(quiet=quiet, **options), wishes=wishes)
    document = None
    if as_json:
        from wheelfix.report.json import document_override

        document = document_override(written)
    write(written, output, quiet=quiet, document=document)
    sys.exit(0 if written.answered else 1)


def _check(file: Path, targets: tuple[str, ...], *, as_json: bool, quiet: bool, **options: Any) -> int:
    from wheelfix.flows.lint import lint_overrides

    linted = lint_overrides(file, targets, make_options(quiet=quiet, **options))
    tell_findings(linted.warnings)
    if as_json:
        from wheelfix.report.json import document_check

        print_json(document_check(linted.findings, path=str(file)))
    else:
        from wheelfix.report.lint import render_lint

        click.echo(render_lint(linted.findings, details=not quiet), nl=False)
    return 0 if linted.passed else 1
