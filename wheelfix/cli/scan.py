"""``wheelfix scan``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wheelfix.cli.options import common_options, tell_error
from wheelfix.errors import WheelfixError
from wheelfix.model.scan import WheelScan

_EPILOG = """\b
Examples:
  wheelfix scan pyodbc-5.5.0-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix scan --json *.whl > needs.json
  wheelfix scan .venv
  wheelfix scan torch==2.9.1 --python 3.12 --platform x86_64-linux
  wheelfix scan --prefer mesa PySide6_Essentials-6.12.0-cp310-abi3-manylinux_2_34_x86_64.whl
"""


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--python", default="3.12", show_default=True, help="Python version a requirement is fetched for."
)
@click.option(
    "--platform", default="x86_64-linux", show_default=True, help="Nix system a requirement is fetched for."
)
@common_options
def scan(
    targets: tuple[str, ...],
    *,
    python: str,
    platform: str,
    as_json: bool,
    index: Path | None,
    prefer: tuple[str, ...],
    quiet: bool,
) -> None:
    """Tell which shared libraries wheels need, and who provides each.

    TARGET is a wheel, a directory of wheels, a virtual environment (or any directory of ELF files), or a
    requirement such as torch==2.9.1, fetched through the package index that pip is configured for.

    First the answer (what to put into buildInputs, what to ignore, what other wheels bring), then every need
    with its class, the reason for it, and who wants it. Wheels are read as streams, never extracted.
    """
    from wheelfix import flows
    from wheelfix.cli.progress import index_progress, show_progress
    from wheelfix.report.json import render_scans
    from wheelfix.report.terminal import print_scans

    with index_progress(index, enabled=not quiet) as on_index:
        table = flows.open_index(index, progress=on_index)
    scans: list[WheelScan] = []
    code = 0
    for target in targets:
        try:
            with show_progress(target, enabled=not quiet) as progress:
                scans += flows.scan_target(
                    target,
                    index=table,
                    prefer=prefer,
                    python=python,
                    system=platform,
                    quiet=quiet,
                    progress=progress,
                )
        except WheelfixError as error:
            code = max(code, tell_error(error))
    if not all(result.answered for result in scans):
        code = max(code, 1)
    if scans and as_json:
        click.echo(render_scans(scans), nl=False)
    elif scans:
        print_scans(scans, file=sys.stdout, details=not quiet)
    sys.exit(code)
