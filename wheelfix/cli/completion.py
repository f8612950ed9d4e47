"""``wheelfix completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_EPILOG = """\b
Examples:
  wheelfix completion bash > ~/.local/share/bash-completion/completions/wheelfix
  wheelfix completion zsh > ~/.zfunc/_wheelfix
  wheelfix completion fish > ~/.config/fish/completions/wheelfix.fish
"""
_PROGRAM = "wheelfix"
_VARIABLE = "_WHEELFIX_COMPLETE"


@click.command(epilog=_EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Write a shell's completion script: commands, options, files, and names of the index.

    bash (4.4 or newer) loads it from ~/.local/share/bash-completion/completions, zsh from any directory of
    fpath, fish from ~/.config/fish/completions.
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
