"""Evaluates markers, versions and tags of locks for one runtime, with :mod:`packaging`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import compatible_tags, cpython_tags, generic_tags
from packaging.utils import parse_wheel_filename

from wheelfix.errors import InputError
from wheelfix.lockfile.checks import HINT
from wheelfix.model.lock import LockedFile, Runtime
from wheelfix.model.python import CPYTHON, PYPY, Python, parse_python
from wheelfix.model.system import name_machine
from wheelfix.wheel.metadata import (
    is_sound_filename,
    list_minors,
    make_environment,
    split_label,
)

_EXTRA = re.compile(r"""\bextra (==|!=) ('[^']*'|"[^"]*")""")
_SHOWN = 500
"""Characters of an invalid value that a message shows."""


def make_runtime(python: str, system: str, platforms: Sequence[str]) -> Runtime:
    """Make the runtime for an interpreter and platform.

    Args:
        python: ``3.12`` or ``3.12.8``; ``3.14t`` for the free-threaded one; ``pypy3.11``.
        system: Nix system.
        platforms: platform tags that run on it, best first.

    Raises:
        InputError: the version is invalid, or no interpreter runs on the system.
    """
    known = parse_python(python)
    if known is None:
        raise InputError(f"--python {python}", "is no version of Python 3", "name a version such as 3.12")
    if not platforms:
        raise InputError(f"--platform {system}", "is no Linux system", "name a system such as x86_64-linux")
    version = (known.major, known.minor)
    own = (
        generic_tags(known.tag, abis=[known.abi], platforms=platforms)
        if known.implementation == PYPY
        else cpython_tags(version, abis=[known.abi], platforms=platforms)
    )
    tags = [*own, *compatible_tags(version, interpreter=known.tag, platforms=platforms)]
    return Runtime(
        python=known.text,
        system=system,
        environment=tuple(sorted(make_environment(known, name_machine(system)).items())),
        tags=tuple(dict.fromkeys(map(str, tags))),
    )


def holds(
    marker: str,
    runtime: Runtime,
    *,
    extras: Collection[str] = (),
    groups: Collection[str] = (),
    where: str = "",
) -> bool:
    """Whether a marker holds.

    Several extras may be chosen at once: ``extra == 'x'`` means ``'x' in extras``, as in PEP 751.

    Args:
        marker: PEP 508 or PEP 751; an empty one holds.
        runtime: the environment.
        extras: chosen extras.
        groups: chosen dependency groups.
        where: place of the marker, for the message.

    Raises:
        InputError: it is not a marker.
    """
    if not marker:
        return True
    text = _EXTRA.sub(lambda m: f"{m[2]} {'in' if m[1] == '==' else 'not in'} extras", marker)
    environment: dict[str, str | frozenset[str]] = dict(runtime.environment)
    environment |= {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}
    try:
        return Marker(text).evaluate(environment, context="lock_file")
    except ValueError as error:  # packaging's errors, and numbers of more digits than Python converts
        said = str(error).partition("\n")[0]
        problem = f"{marker[:_SHOWN]!r} is no marker ({said})"
        raise InputError(where or "the lock", problem, HINT) from None


def join_markers(markers: Iterable[str]) -> str:
    """Join the markers under which groups take one package with "or"; one without any always takes it."""
    known = list(dict.fromkeys(markers))
    if not all(known):
        return ""
    return " or ".join(f"({marker})" for marker in known) if len(known) > 1 else "".join(known)


def fits_python(specifiers: str, runtime: Runtime, where: str) -> bool:
    """Whether the target's Python meets version specifiers, in some patch release; empty ones are met.

    Raises:
        InputError: they are invalid.
    """
    if not specifiers:
        return True
    full = dict(runtime.environment)["python_full_version"]
    minors = list_minors(specifiers)
    if minors is None:
        raise InputError(where, f"{specifiers[:_SHOWN]!r} are no version specifiers", HINT)
    # Of a version without the last number, any release may be the package set's.
    return (
        int(full.split(".")[1]) in minors if full.endswith(".0") else SpecifierSet(specifiers).contains(full)
    )


def rank_as_pip(wheels: Iterable[LockedFile], runtime: Runtime) -> list[LockedFile]:
    """Rank the wheels that fit as pip and uv do: by the best of their tags, then by build tag."""
    order = {tag: number for number, tag in enumerate(runtime.tags)}
    ranked = []
    for position, wheel in enumerate(wheels):
        parsed = _parse(wheel.filename)
        best = min((order[t] for t in parsed[1] if t in order), default=None) if parsed else None
        if parsed and best is not None:
            ranked.append((_is_variant(wheel), best, _invert(parsed[0]), position, wheel))
    return [wheel for *_, wheel in sorted(ranked, key=lambda r: r[:4])]


def rank_as_nix(wheels: Iterable[LockedFile], runtime: Runtime) -> list[LockedFile]:
    """Rank the wheels that fit as pyproject.nix does, and so uv2nix and poetry2nix.

    Wheels are ranked by build tag, then by the newest Python version among the tags; the lock's order decides
    the rest, so that a wheel for any platform may come before one with libraries. Python, ABI and platform
    are compared separately (``pypa.selectWheels`` in ``lib/pypa.nix``).
    """
    python = parse_python(runtime.python)
    assert python
    stable = {"abi3"} if python.implementation == CPYTHON and not python.threads else set()
    abis = {"none", "any", python.abi} | stable
    platforms = {tag.split("-", 2)[2] for tag in runtime.tags}
    ranked = []
    for position, wheel in enumerate(wheels):
        parsed = _parse(wheel.filename)
        if not parsed:
            continue
        parts = [tag.split("-", 2) for tag in parsed[1]]
        versions = [int(v) for tag, _, _ in parts if (v := _find_version(tag, python)) is not None]
        if versions and any(p[1] in abis for p in parts) and any(p[2] in platforms for p in parts):
            ranked.append((_is_variant(wheel), _invert(parsed[0]), -max(versions), position, wheel))
    return [wheel for *_, wheel in sorted(ranked, key=lambda r: r[:4])]


def _is_variant(wheel: LockedFile) -> bool:
    """Whether a wheel is a variant (PEP 825): no released pip and no pyproject.nix takes one by itself."""
    return bool(split_label(wheel.filename)[1])


def _find_version(tag: str, python: Python) -> str | None:
    """Return the digits of a Python tag that an interpreter accepts; None for other tags."""
    match = re.fullmatch(rf"(?:py|{python.short})(\d+)", tag)
    major, own = str(python.major), f"{python.major}{python.minor}"
    if match and (match[1] == major or (match[1].startswith(major) and int(own) >= int(match[1]))):
        return match[1]
    return None


def _parse(filename: str) -> tuple[tuple[int, str], list[str]] | None:
    if not is_sound_filename(filename):
        return None
    try:
        _, _, build, tags = parse_wheel_filename(split_label(filename)[0])
    except ValueError:
        return None
    return build or (-1, ""), [str(tag) for tag in tags]


def _invert(build: tuple[int, str]) -> int:
    return -build[0]
