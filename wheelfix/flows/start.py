"""What to do next in a directory: the answer to ``wheelfix`` alone."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from wheelfix.errors import InputError, describe
from wheelfix.report.start import Start, Step

_LOCKS = {
    "uv.lock": "uv2nix",
    "pylock.toml": "pyproject-nix",
    "poetry.lock": "poetry2nix",
}
_ALWAYS = (
    Step(command=("explain",), purpose="paste an ImportError, or a failed build's log"),
    Step(
        command=("explain", "--", "python", "-c", "import numba"), purpose="run it, and explain why it fails"
    ),
    Step(command=("locate", "libtbb.so.12"), purpose="which nixpkgs attribute has this library"),
)
_EXAMPLE = Step(command=("scan", "numba==0.68.1"), purpose="which libraries a wheel needs, and who has them")


def find_start(directory: Path, *, commands: Collection[str]) -> Start:
    """Find the commands that fit what is in a directory.

    Only names are looked at, nothing is opened.

    Args:
        directory: where the user is.
        commands: names of the commands there are; no other is suggested.

    Raises:
        InputError: the directory cannot be listed.
    """
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        raise InputError(
            str(directory), f"cannot be listed ({describe(error)})", "go to a directory that you may read"
        ) from None
    pairs = [(name, s) for name, s in _find_steps(directory, names, commands) if s.command[0] in commands]
    steps = tuple(dict.fromkeys(step for _, step in pairs))
    return Start(
        found=tuple(dict.fromkeys(name for name, _ in pairs)),
        here=steps,
        always=tuple(s for s in (*(() if steps else (_EXAMPLE,)), *_ALWAYS) if s.command[0] in commands),
    )


def _find_steps(directory: Path, names: list[str], commands: Collection[str]) -> Iterator[tuple[str, Step]]:
    wheels = [name for name in names if name.endswith(".whl")]
    if wheels:
        # A name that starts with a dash would be an option.
        target = f"{'./' * wheels[0].startswith('-')}{wheels[0]}" if len(wheels) == 1 else "."
        found = wheels[0] if len(wheels) == 1 else f"{len(wheels)} wheels"
        yield found, Step(command=("scan", target), purpose="which libraries are needed, and who has them")
        yield found, Step(command=("override", target), purpose="the Nix code that provides them")
    for name in names:
        # Not is_file() of a Path: a directory that may not be looked into was an error for it up to 3.13.
        if not name.startswith("-") and os.path.isfile(directory / name / "pyvenv.cfg"):  # noqa: PTH113
            yield name, Step(command=("scan", name), purpose="what all that is installed needs of nixpkgs")
            yield name, Step(command=("patch", name), purpose="make it find that, in place; can be undone")
    for name in (name for name in _LOCKS if name in names):
        if "lock" in commands:
            yield name, Step(command=("lock", name), purpose="one overlay for all that is locked")
        else:
            dialect = ("--dialect", _LOCKS[name])
            yield (
                name,
                Step(command=("override", *dialect, "NAME==VERSION"), purpose="for one that is locked"),
            )
