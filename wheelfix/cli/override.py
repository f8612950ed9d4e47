"""``wheelfix override``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from wheelfix.cli.options import FILE, TARGET, basic_options, tell_findings
from wheelfix.cli.output import code_options, dialect_option, make_options, write
from wheelfix.model.override import Cuda, Dialect

_EPILOG = """\b
Examples:
  wheelfix override numba-0.68.1-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix override torch==2.9.1 --cuda nixpkgs --dialect poetry2nix
  wheelfix override wheels/ --dialect nixpkgs -o packages.nix
  wheelfix override pyodbc==5.3.0 --dialect shell > shell.nix
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
@click.option(
    "--check",
    "checked",
    type=FILE,
    metavar="FILE",
    help="Write nothing: tell what is wrong with the overrides in FILE.",
)
@click.option("--json", "as_json", is_flag=True, help="With --check: print JSON with a versioned schema.")
@code_options
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
    torch==2.9.1, or the address of a wheel; what is not here is fetched. For the dialect shell it may be an
    ELF file, too. What TARGETs hold is at hand of all of them, and so are wheels beside a wheel that it pins.

    Inputs, ignored libraries and search paths each have their reason in a comment. CUDA libraries come from
    the other wheels, from nixpkgs' cudaPackages, or with nixpkgs' build of the whole package (prebuilt).
    """
    from wheelfix.flows.override import write_override
    from wheelfix.override.dialects import find_default_cuda
    from wheelfix.override.strip import make_wishes

    if checked:
        sys.exit(_check(checked, targets, as_json=as_json, quiet=quiet, **options))
    if as_json:
        raise click.UsageError("--json belongs to --check: Nix code has no JSON")
    tool = Dialect(dialect)
    chosen = Cuda(cuda) if cuda else find_default_cuda(tool)
    wishes = make_wishes(keep, strip)
    written = write_override(targets, tool, chosen, make_options(quiet=quiet, **options), wishes=wishes)
    write(written, output, quiet=quiet)
    sys.exit(0 if written.answered else 1)


def _check(file: Path, targets: tuple[str, ...], *, as_json: bool, quiet: bool, **options: Any) -> int:
    from wheelfix.flows.check import check_overrides, find_exit_code
    from wheelfix.report.lint import render_lint, render_lint_json

    checked = check_overrides(file, targets, make_options(quiet=quiet, **options))
    tell_findings(checked.warnings)
    if as_json:
        click.echo(render_lint_json(checked.findings, path=str(file)), nl=False)
    else:
        click.echo(render_lint(checked.findings, details=not quiet), nl=False)
    return find_exit_code(checked.findings)
