"""The screen of ``wheelfix`` alone: which commands fit what is in a directory."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wheelfix.model.lock_formats import LOCK_FORMATS
from wheelfix.report.escape import printable

_WIDEST = 52


class Step(NamedTuple):
    """A command that fits what is here.

    Attributes:
        command: words after ``wheelfix``; the first is the command's name.
        purpose: what it answers, in a few words.
    """

    command: tuple[str, ...]
    purpose: str


class Start(NamedTuple):
    """The first steps in one directory.

    Attributes:
        found: names of the files and directories that steps were found for, in the order of the steps.
        here: steps for what is in the directory.
        always: steps for what cannot be seen: an error message, a soname.
    """

    found: tuple[str, ...]
    here: tuple[Step, ...]
    always: tuple[Step, ...]


_ALWAYS = (
    Step(command=("explain",), purpose="paste an ImportError, or a failed build's log"),
    Step(
        command=("explain", "--", "python", "-c", "import numba"), purpose="run it, and explain why it fails"
    ),
    Step(command=("locate", "libtbb.so.12"), purpose="which nixpkgs attribute has this library"),
)
_EXAMPLE = Step(command=("scan", "numba==0.68.1"), purpose="which libraries a wheel needs, and who has them")


def plan_start(names: Sequence[str], environments: Sequence[str]) -> Start:
    """Choose the first steps.

    Args:
        names: of the entries of the directory, sorted.
        environments: those of them that are virtual environments.
    """
    pairs = list(_find_steps(names, environments))
    here = tuple(dict.fromkeys(step for _, step in pairs))
    return Start(
        found=tuple(dict.fromkeys(name for name, _ in pairs)),
        here=here,
        always=_ALWAYS if here else (_EXAMPLE, *_ALWAYS),
    )


def _find_steps(names: Sequence[str], environments: Sequence[str]) -> Iterator[tuple[str, Step]]:
    wheels = [name for name in names if name.endswith(".whl")]
    if wheels:
        # A name that starts with a dash would be an option.
        target = f"{'./' * wheels[0].startswith('-')}{wheels[0]}" if len(wheels) == 1 else "."
        found = wheels[0] if len(wheels) == 1 else f"{len(wheels)} wheels"
        yield found, Step(command=("scan", target), purpose="which libraries are needed, and who has them")
        yield found, Step(command=("override", target), purpose="the Nix code that provides them")
    for name in environments:
        if not name.startswith("-"):
            yield name, Step(command=("scan", name), purpose="what all that is installed needs of nixpkgs")
            yield name, Step(command=("patch", name), purpose="make it find that, in place; can be undone")
    for name in (one.kind.value for one in LOCK_FORMATS):
        if name in names:
            yield name, Step(command=("lock", name), purpose="one overlay for all that is locked")


def render_start(start: Start) -> str:
    """Render the first steps, each as a line to copy."""
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
        # A long name has its purpose below, so that the others stay in columns.
        gap = f"\n    {'':{width}}" if len(command) > width else ""
        lines.append(f"  {command:{width}}{gap}  {step.purpose}")
    return lines
