"""What the program can do is in the README, and what is in the README the program can do."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from wheelfix.cli import cli

README = (Path(__file__).parents[2] / "README.md").read_text()


def list_commands() -> dict[str, click.Command]:
    """All commands by their full names, those of groups included."""
    found: dict[str, click.Command] = {}
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            found |= {f"{name} {below}": sub for below, sub in command.commands.items()}
        else:
            found[name] = command
    return found


@pytest.mark.parametrize("name", sorted(list_commands()))
def test_every_command_and_option_is_documented(name: str) -> None:
    command = list_commands()[name]
    assert f"wheelfix {name}" in README
    for option in command.params:
        if isinstance(option, click.Option):
            assert any(f"`{flag}" in README for flag in option.opts), (
                f"{name} {option.opts} is not in the README"
            )


def test_every_command_has_examples() -> None:
    for name, command in list_commands().items():
        assert command.epilog is not None
        assert f"wheelfix {name}" in command.epilog


def test_documented_commands_exist() -> None:
    documented = set(re.findall(r"`wheelfix ((?:index )?[a-z]+)", README))
    assert documented == set(list_commands())


def test_commands_for_the_gate_are_marked() -> None:
    assert re.findall(r"<!-- command: (\w+) -->\n```sh\n[^\n]+\n```", README) == ["scan", "test"]
