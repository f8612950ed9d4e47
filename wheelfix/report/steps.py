"""What somebody may want to do first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command that fits what is here.

    Attributes:
        command: words after ``wheelfix``; the first is the command's name.
        purpose: what it answers, in a few words.
    """

    command: tuple[str, ...]
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The first steps in one directory.

    Attributes:
        found: names of the files and directories that steps were found for, in the order of the steps.
        here: steps for what is in the directory.
        always: steps for what cannot be seen: an error message, a soname.
    """

    found: tuple[str, ...]
    here: tuple[Step, ...]
    always: tuple[Step, ...]
