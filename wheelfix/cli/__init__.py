"""The command line: thin commands over :mod:`wheelfix.flows`. The door to ``click``."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from wheelfix.cli.options import tell_error
from wheelfix.errors import WheelfixError

_EPILOG = """\b
Examples:
  wheelfix scan numba-0.68.1-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix scan --json torch.whl | jq .ignore_missing
  wheelfix locate libtbb.so.12
  wheelfix override --dialect uv2nix numba.whl
  wheelfix lock uv.lock -o overrides.nix
  wheelfix index info
  wheelfix patch .venv --nixpkgs '<nixpkgs>'
  wheelfix verify libfoo.so.orig libfoo.so

\b
Exit codes:
  0  every need has an answer
  1  some need has none, or a finding is an error
  2  wrong usage
  3  bad input
  4  no usable index
  5  the result, or a part of it, could not be written
"""


COMMANDS = (
    "scan",
    "locate",
    "explain",
    "patch",
    "override",
    "adapter",
    "lock",
    "env",
    "cargo",
    "flake",
    "verify",
    "index",
)
"""In the order of the help; each is imported when it is wanted, from the module of its name."""


class _Cli(click.Group):
    """A group whose errors become one line, a hint and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"wheelfix.cli.{cmd_name}"), cmd_name)
        return command

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


def main() -> None:
    """Run the command line."""
    cli(prog_name="wheelfix")
