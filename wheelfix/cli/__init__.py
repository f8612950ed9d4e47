"""The command line: thin commands over :mod:`wheelfix.flows`. The door to ``click``."""

from __future__ import annotations

import sys
from typing import Any

import click

from wheelfix.cli.adapter import adapter
from wheelfix.cli.env import env
from wheelfix.cli.flake import flake
from wheelfix.cli.index import index
from wheelfix.cli.locate import locate
from wheelfix.cli.lock import lock
from wheelfix.cli.options import tell_error
from wheelfix.cli.override import override
from wheelfix.cli.scan import scan
from wheelfix.errors import WheelfixError

_EPILOG = """\b
Examples:
  wheelfix scan numba-0.68.1-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix scan --json torch.whl | jq .ignore_missing
  wheelfix locate libtbb.so.12
  wheelfix override --dialect uv2nix numba.whl
  wheelfix lock uv.lock -o overrides.nix
  wheelfix index info

\b
Exit codes:
  0  every need has an answer
  1  some need has none, or a finding is an error
  2  wrong usage
  3  bad input
  4  no usable index
  5  the result could not be written
"""


class _Cli(click.Group):
    """A group whose errors become one line, a hint and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WheelfixError as error:
            sys.exit(tell_error(error))


@click.group(
    cls=_Cli, epilog=_EPILOG, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="wheelfix")
def cli() -> None:
    """Make binary Python wheels work under Nix.

    wheelfix reads the wheels' own bytes and tells which shared libraries they need, and who provides each:
    the wheel itself, another wheel, the GPU driver, libc, the interpreter, or a nixpkgs attribute.
    """


cli.add_command(scan)
cli.add_command(locate)
cli.add_command(adapter)
cli.add_command(override)
cli.add_command(lock)
cli.add_command(env)
cli.add_command(flake)
cli.add_command(index)


def main() -> None:
    """Run the command line."""
    cli(prog_name="wheelfix")
