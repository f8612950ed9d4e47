"""``wheelfix scan``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wheelfix.cli.options import FILE, common_options, tell_error
from wheelfix.errors import WheelfixError

_EPILOG = """\b
Examples:
  wheelfix scan pyodbc-5.5.0-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix scan --json *.whl > needs.json
  wheelfix scan --prefer mesa PySide6_Essentials-6.12.0-cp310-abi3-manylinux_2_34_x86_64.whl
"""


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="WHEEL...", type=FILE)
@common_options
def scan(
    targets: tuple[Path, ...],
    *,
    as_json: bool,
    index: Path | None,
    prefer: tuple[str, ...],
    quiet: bool,
) -> None:
    """Tell which shared libraries wheels need, and who provides each.

    First the answer (what to put into buildInputs, what to ignore, what other wheels bring), then every need
    with its class, the reason for it, and who wants it. Wheels are read as streams, never extracted.
    """
    from wheelfix import flows
    from wheelfix.cli.progress import index_progress, show_progress
    from wheelfix.report.json import render_scans
    from wheelfix.report.terminal import print_scans

    with index_progress(index, enabled=not quiet) as on_index:
        table = flows.open_index(index, progress=on_index)
    scans, code = [], 0
    for target in targets:
        try:
            with show_progress(target.name, enabled=not quiet) as progress:
                result = flows.scan_wheel(target, index=table, prefer=prefer, progress=progress)
        except WheelfixError as error:
            code = max(code, tell_error(error))
            continue
        scans.append(result)
        code = max(code, 0 if result.answered else 1)
    if scans and as_json:
        click.echo(render_scans(scans), nl=False)
    elif scans:
        print_scans(scans, file=sys.stdout, details=not quiet)
    sys.exit(code)
