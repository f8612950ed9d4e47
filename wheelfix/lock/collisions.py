"""Finds distributions of an environment that install the same paths, and the remedy.

pyproject.nix's ``mkVirtualEnv`` refuses files of one path with different contents, except bytecode
(``build/hooks/make-venv/make_venv.py``); ``venvSkip`` leaves a path out, ``venvIgnoreCollisions`` takes the
first one. Both are patterns of :func:`fnmatch.fnmatch` for paths relative to the environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from wheelfix.lock.model import Clash, Collision
from wheelfix.model.python import parse_python
from wheelfix.model.reading import Reading, WheelFile
from wheelfix.model.scan import Finding, Level
from wheelfix.nix.parts import add_to_old, escape_glob
from wheelfix.nix.printer import print_flat
from wheelfix.nix.tree import List, text
from wheelfix.scan.layout import SITE, find_collision_pattern, find_install_path, relative_to_site
from wheelfix.scan.sentences import name_some

_LEFTOVERS = frozenset(
    {
        "benchmark",
        "benchmarks",
        "doc",
        "docs",
        "example",
        "examples",
        "scripts",
        "test",
        "testing",
        "tests",
        "tools",
    }
)
_PAPER = re.compile(
    r"(?:licen[cs]e|copying|notice|readme|changelog|changes|authors|contributing|news)[^/]*", re.IGNORECASE
)
_NAMED = 3


def find_collisions(wheels: Iterable[Reading]) -> tuple[Collision, ...]:
    """Compare the contents of wheels.

    Args:
        wheels: all wheels of the environment, with their contents.

    Returns:
        One per kind, set of distributions and place; the worst kind first.
    """
    owners: dict[str, list[tuple[str, WheelFile]]] = {}
    for wheel in wheels:
        for file in wheel.contents or ():
            if not file.path.endswith(".pyc"):
                owners.setdefault(find_install_path(file.path), []).append((wheel.distribution.name, file))
    groups: dict[tuple[Clash, tuple[str, ...], str], set[str]] = {}
    for path, several in owners.items():
        names = tuple(sorted({name for name, _ in several}))
        if len(names) > 1:
            clash, fix = _judge(path, [file for _, file in several])
            groups.setdefault((clash, names, fix), set()).add(path)
    order = list(Clash)
    return tuple(
        Collision(clash=clash, distributions=names, paths=tuple(sorted(paths)), fix=fix)
        for (clash, names, fix), paths in sorted(
            groups.items(), key=lambda item: (-order.index(item[0][0]), item[0][1:], sorted(item[1]))
        )
    )


def find_removed(collisions: Iterable[Collision], name: str) -> tuple[str, ...]:
    """List the directories below site-packages that are to be removed from a distribution, sorted."""
    found = {
        relative_to_site(c.fix) or ""
        for c in collisions
        if c.clash is Clash.LEFTOVER and name in c.distributions
    }
    return tuple(sorted(found - {""}))


def tell_collisions(collisions: Iterable[Collision], python: str) -> tuple[Finding, ...]:
    """Report the collisions that the user should know.

    Args:
        collisions: of an environment.
        python: version of its interpreter.
    """
    return tuple(finding for c in collisions if (finding := _tell(c, python)))


def spell_pattern(collision: Collision, python: str) -> str:
    """Return the pattern of a collision's fix, as it matches in an environment.

    Args:
        collision: the collision.
        python: the interpreter, ``3.12``, ``3.14t`` or ``pypy3.11``.

    Example:
        >>> from wheelfix.lock.model import Clash
        >>> fix = "lib/python3/site-packages/cv2/*"
        >>> spell_pattern(Collision(clash=Clash.REAL, distributions=(), paths=(), fix=fix), "3.13")
        'lib/python3.13/site-packages/cv2/*'
    """
    inside = relative_to_site(collision.fix)
    known = parse_python(python)
    if inside is None or known is None:
        return collision.fix
    return f"lib/{known.library_directory}/site-packages/{inside}"


def _judge(path: str, files: Sequence[WheelFile]) -> tuple[Clash, str]:
    """Return the kind of a collision, and the pattern for its fix."""
    if len({file.digest for file in files}) == 1:
        return Clash.IDENTICAL, ""
    pattern = escape_glob(path)
    if all(file.namespace for file in files):
        return Clash.NAMESPACE, pattern
    inside = relative_to_site(path)
    if inside is None:
        return (Clash.PROGRAM, pattern) if path.startswith("bin/") else (Clash.PAPER, pattern)
    top, _, rest = inside.partition("/")
    if not rest:
        return (Clash.PAPER, pattern) if _PAPER.fullmatch(top) else (Clash.REAL, pattern)
    if top in _LEFTOVERS:
        return Clash.LEFTOVER, f"{SITE}/{top}"
    return Clash.REAL, find_collision_pattern(path)


def _tell(collision: Collision, python: str) -> Finding | None:
    paths = name_some([p.removeprefix(f"{SITE}/") for p in collision.paths], _NAMED)
    subject = " and ".join(collision.distributions)
    match collision.clash:
        case Clash.IDENTICAL | Clash.NAMESPACE:
            return None
        case Clash.LEFTOVER:
            return Finding(level=Level.NOTE, subject=subject, message=f"both install {paths}: removed")
        case Clash.PAPER:
            return Finding(level=Level.NOTE, subject=subject, message=f"both install {paths}: left out")
        case Clash.PROGRAM:
            message = f"both install {paths}: the first one wins"
            return Finding(level=Level.WARNING, subject=subject, message=message)
        case _:
            patterns = List((text(spell_pattern(collision, python)),))
            message = (
                f"install different files to {paths}: keep one of them, or let mkVirtualEnv take the first, "
                f"with {print_flat(add_to_old('venvIgnoreCollisions', patterns))}"
            )
            return Finding(level=Level.ERROR, subject=subject, message=message)
