"""``wheelfix try``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wheelfix.cli.open_index import open_table
from wheelfix.cli.options import TARGET, answer_options, print_json, tell_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.trial.model import Attempt, Stage

_EPILOG = """\b
Examples:
  wheelfix try .venv
  wheelfix try .venv --only 'pyside6*'
  wheelfix try .venv --exclude pyautogui
  wheelfix try .venv --json | jq '.tried[] | select(.counts)'
"""


@click.command("try", epilog=_EPILOG)
@click.argument("environment", type=TARGET, metavar="ENV")
@click.option(
    "--only", multiple=True, metavar="GLOB", help="Try distributions whose name matches alone; repeatable."
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave distributions whose name matches; repeatable."
)
@answer_options
def trial(
    environment: str,
    *,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    as_json: bool,
    index: Path | None,
    prefer: tuple[str, ...],
    quiet: bool,
) -> None:
    """Import all modules of a virtual environment as NixOS would, and explain what fails.

    This runs the code of the installed packages. They run in a namespace (bubblewrap's bwrap) that has the
    environment, its Python, the Nix store and the C library: nothing else of /lib and /usr/lib, no network,
    and an empty home. Where no namespace can be made, they run on this system as it is, and a warning says
    so. Each module has a process of its own, and two minutes.

    Tried are the modules at the top of every distribution, and the compiled ones below, which packages often
    import only when they are used.

    Ends with 0 if all import, 1 if some do not, 3 if there is no such environment, 5 if its Python does not
    start. An optional dependency that is not installed, and a GPU driver that this machine has not, are told
    and do not count.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows.trial import try_environment

    table = open_table(index, quiet=quiet, prefer=prefer, required=False)

    def announce(attempts: Sequence[Attempt], stage: Stage) -> None:
        from wheelfix.report.escape import printable
        from wheelfix.report.trial import say_start

        if not quiet:
            click.echo(printable(f"wheelfix: {say_start(environment, attempts, stage)}"), err=True)

    with show_progress(environment, enabled=not quiet, in_bytes=False) as progress:
        found = try_environment(
            environment,
            index=table,
            only=only,
            exclude=exclude,
            prefer=prefer,
            announce=announce,
            progress=progress,
        )
    tell_findings(found.findings, quiet=quiet)
    if as_json:
        from wheelfix.report.json import document_trial

        print_json(document_trial(found))
    else:
        from wheelfix.cli.streams import find_width
        from wheelfix.report.trial import render_trial

        click.echo(render_trial(found, details=not quiet, width=find_width()), nl=False)
    sys.exit(0 if found.whole else 1)
