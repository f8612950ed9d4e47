"""The list of commands, and their error handling: errors become one line, a hint and an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from wheelfix.cli.options import tell_error
from wheelfix.errors import InputError, WheelfixError, describe, suggest

_EPILOG = """\b
Examples:
  wheelfix scan numba-0.68.1-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix scan --json torch.whl | jq .ignore_missing
  wheelfix locate libtbb.so.12
  wheelfix override --dialect uv2nix numba.whl
  wheelfix lock uv.lock -o overrides.nix
  wheelfix patch .venv
  wheelfix try .venv
  nix build 2>&1 | wheelfix explain

\b
Exit codes:
  0  every need has an answer
  1  some need has none, or a finding is an error
  2  wrong usage
  3  bad input
  4  no usable index
  5  the result, or a part of it, could not be written
  6  explain understood nothing of the text
  130  interrupted (Ctrl-C)
"""


COMMANDS = (
    "scan",
    "report",
    "locate",
    "explain",
    "patch",
    "try",
    "override",
    "adapter",
    "lock",
    "env",
    "sdist",
    "flake",
    "verify",
    "index",
    "completion",
)
"""In the order of the help; each is imported on demand from the module of its name."""

_MODULES = {"try": "trial"}
"""Modules of commands whose names no module can have."""
_FORMER = {"cargo": "sdist"}
"""Former names of commands, which still work and are not in the help."""


class _Cli(click.Group):
    """A group whose errors become one line, a hint and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = _FORMER.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = getattr(import_module(f"wheelfix.cli.{module}"), module)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what was meant by a word that is no command: a near one, or one for such a target."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            ctx.fail(f"there is no command {name!r}: {_find_meant(name)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WheelfixError as error:
            sys.exit(tell_error(error))
        except OSError as error:
            # About a file that the user named, or one below it; no flow has handled it.
            if error.filename is None:
                raise
            reason = describe(error)
            subject, hint = os.fsdecode(error.filename), "check the path and its permissions"
            if isinstance(error, FileNotFoundError):
                from wheelfix.wheel.input import suggest_path

                hint = suggest_path(subject, otherwise=hint)
            refused = InputError(subject, f"cannot be read ({reason})", hint)
            refused.__cause__ = error
            sys.exit(tell_error(refused))


def _find_meant(word: str) -> str:
    from wheelfix.model.names import NameKind, tell_kind
    from wheelfix.scan.target import quote_target

    if os.path.lexists(word):
        return f"run `wheelfix scan {quote_target(word)}`"
    if near := suggest(word, COMMANDS):
        return near
    if tell_kind(word) is NameKind.LIBRARY:
        return f"run `wheelfix locate {quote_target(word)}`"
    return "`wheelfix --help` lists them"


@click.group(
    cls=_Cli,
    epilog=_EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="wheelfix")
@click.pass_context
def cli(context: click.Context) -> None:
    """Make binary Python wheels work under Nix.

    wheelfix reads the wheels' own bytes and tells which shared libraries they need, and who provides each:
    the wheel itself, another wheel, the GPU driver, libc, the interpreter, or a nixpkgs attribute.

    Without a command it looks at the files in this directory, and says what to do next.
    """
    if context.invoked_subcommand is None:
        from wheelfix.cli.streams import find_width
        from wheelfix.flows.start import find_start
        from wheelfix.report.start import render_start

        click.echo(render_start(find_start(Path()), find_width()), nl=False)
