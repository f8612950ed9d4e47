"""Renders the screen of ``wheelfix`` without a command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from wheelfix.model.base import Struct
from wheelfix.report.escape import printable

_WIDEST = 52


def render_start(start: Start) -> str:
    """Render the first steps, each as a command line to copy."""
    lines = ["wheelfix makes binary Python wheels work under Nix.", ""]
    if start.here:
        lines += [printable(f"Here: {', '.join(start.found)}. What fits:"), *_render_steps(start.here), ""]
    lines += ["At any time:" if start.here else "What to do next:", *_render_steps(start.always), ""]
    lines += ["All commands: wheelfix --help. One of them, with examples: wheelfix scan --help."]
    return "\n".join(lines) + "\n"


def _render_steps(steps: Sequence[Step]) -> list[str]:
    commands = [printable(f"wheelfix {shlex.join(step.command)}") for step in steps]
    width = min(_WIDEST, max(map(len, commands), default=0))
    lines = []
    for command, step in zip(commands, steps, strict=True):
        # A long command has its purpose on the next line, so that the others stay in columns.
        gap = f"\n    {'':{width}}" if len(command) > width else ""
        lines.append(f"  {command:{width}}{gap}  {step.purpose}")
    return lines


class Step(Struct):
    """A command that suits what is in the directory.

    Attributes:
        command: words after ``wheelfix``; the first is the command's name.
        purpose: what it answers, in a few words.
    """

    command: tuple[str, ...]
    purpose: str


class Start(Struct):
    """The first steps in a directory.

    Attributes:
        found: names of the files and directories that steps were found for, in the order of the steps.
        here: steps for what is in the directory.
        always: steps that do not depend on files: for an error message, for a soname.
    """

    found: tuple[str, ...]
    here: tuple[Step, ...]
    always: tuple[Step, ...]
