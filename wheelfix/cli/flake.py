"""``wheelfix flake``."""

from __future__ import annotations

from pathlib import Path

import click

from wheelfix.cli.options import basic_options, code_json_option
from wheelfix.cli.output import output_option, write

_EPILOG = """\b
Examples:
  wheelfix flake --cuda --unfree -o flake.nix
  wheelfix flake --cuda --cuda-capability 8.9 --unfree --nixpkgs github:NixOS/nixpkgs/nixos-26.05
  wheelfix flake --unfree --systems x86_64-linux,aarch64-linux
"""


@click.command(epilog=_EPILOG)
@click.option("--cuda", is_flag=True, help="Build packages with CUDA.")
@click.option(
    "--cuda-capability",
    "capabilities",
    multiple=True,
    metavar="CAPABILITY",
    help="Compute capability to build for (8.9); repeatable.",
)
@click.option("--unfree", is_flag=True, help="Allow unfree packages; CUDA needs it.")
@click.option(
    "--nixpkgs",
    default="github:NixOS/nixpkgs/nixos-unstable",
    show_default=True,
    metavar="URL",
    help="Flake to re-export.",
)
@click.option(
    "--systems", default="x86_64-linux", show_default=True, metavar="LIST", help="Nix systems, with commas."
)
@output_option
@code_json_option
@basic_options
def flake(
    *,
    cuda: bool,
    capabilities: tuple[str, ...],
    unfree: bool,
    nixpkgs: str,
    systems: str,
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a flake that re-exports nixpkgs with a configuration.

    Other flakes follow it, and so get packages that were built with CUDA, or may be unfree.
    """
    from wheelfix.flows.flake import write_flake
    from wheelfix.model.flake import FlakeConfig

    config = FlakeConfig(
        nixpkgs=nixpkgs,
        systems=tuple(dict.fromkeys(part.strip() for part in systems.split(","))),
        cuda=cuda,
        capabilities=tuple(dict.fromkeys(capabilities)),
        unfree=unfree,
    )
    written = write_flake(config)
    document = None
    if as_json:
        from wheelfix.report.json import document_flake

        document = document_flake(written)
    write(written, output, quiet=quiet, document=document)
