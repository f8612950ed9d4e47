"""Options that every command understands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def common_options(command: F) -> F:
    """Add --json, --index, --prefer, --quiet and --debug, in this order in the help."""
    for option in reversed(
        [
            click.option("--json", "as_json", is_flag=True, help="Print JSON with a versioned schema."),
            click.option(
                "--index",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="nix-index database or soname table to ask. "
                "[default: yours, else a fetched one, else the one inside wheelfix]",
            ),
            click.option(
                "--prefer",
                multiple=True,
                metavar="ATTR",
                help="Attribute that wins among several; repeatable.",
            ),
            click.option("--quiet", is_flag=True, help="No progress, no details: the answer alone."),
            click.option("--debug", is_flag=True, help="Show the traceback of an error."),
        ]
    ):
        command = option(command)
    return command
