"""``wheelfix adapter``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wheelfix.cli.complete import complete_builds
from wheelfix.cli.options import TARGET, basic_options, code_json_option
from wheelfix.cli.output import code_options, make_options, write

_EPILOG = """\b
Examples:
  wheelfix adapter 'jax[cuda12]'
  wheelfix adapter torch==2.9.1 --from python312Packages.torchWithoutCuda
  wheelfix adapter torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl --from python312Packages.torch
  wheelfix adapter torch==2.9.1 --from python3Packages.torch --keep triton --standalone
"""


@click.command(epilog=_EPILOG)
@click.argument("target", type=TARGET)
@click.option(
    "--from",
    "attr",
    metavar="ATTR",
    shell_complete=complete_builds,
    help="nixpkgs' build (python3Packages.torchWithoutCuda); default: its own.",
)
@click.option("--standalone", is_flag=True, help="A complete file, with package set and environment.")
@code_options
@code_json_option
@basic_options
def adapter(
    target: str,
    *,
    attr: str | None,
    standalone: bool,
    keep: tuple[str, ...],
    strip: tuple[str, ...],
    as_json: bool,
    output: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Write Nix code that puts nixpkgs' build of a package in place of its wheel.

    TARGET is a wheel, the address of one, or a requirement such as torch==2.9.1, of which only metadata is
    fetched. The code is an overlay for uv2nix and pyproject.nix: hacks.nixpkgsPrebuilt, without the
    dependencies that the build makes redundant, those of extras too. Each is named, with the reason. Packages
    that fit only a build of the same nixpkgs, such as jaxlib for jax, are replaced with it.
    """
    from wheelfix.flows.adapter import write_adapter
    from wheelfix.override.strip import make_wishes

    chosen = make_options(quiet=quiet, **options)
    written = write_adapter(target, attr, chosen, wishes=make_wishes(keep, strip), standalone=standalone)
    document = None
    if as_json:
        from wheelfix.report.json import document_adapter

        document = document_adapter(written)
    write(written, output, quiet=quiet, document=document)
