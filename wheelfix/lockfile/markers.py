"""Evaluates markers, versions and tags of locks for one runtime, with :mod:`packaging`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from wheelfix.errors import InputError
from wheelfix.lockfile.checks import HINT
from wheelfix.model.lock import LockedFile, Runtime
from wheelfix.model.system import name_machine
from wheelfix.wheel.metadata import (
    is_sound_filename,
    list_minors,
    make_environment,
    split_label,
)

_EXTRA = re.compile(r"""\bextra (==|!=) ('[^']*'|"[^"]*")""")
_PYTHON = re.compile(r"3\.\d{1,3}(?:\.\d{1,3})?t?")
_SHOWN = 500
"""Characters of an invalid value that a message shows."""


def make_runtime(python: str, system: str, platforms: Sequence[str]) -> Runtime:
    """Make the runtime for an interpreter and platform.

    Args:
        python: version of CPython, ``3.12`` or ``3.12.8``; ``3.14t`` for the free-threaded one.
        system: Nix system.
        platforms: platform tags that run on it, best first.

    Raises:
        InputError: the version is invalid, or no interpreter runs on the system.
    """
    if not _PYTHON.fullmatch(python):
        raise InputError(f"--python {python}", "is no version of Python 3", "name a version such as 3.12")
    if not platforms:
        raise InputError(f"--platform {system}", "is no Linux system", "name a system such as x86_64-linux")
    full = python.removesuffix("t")
    major, minor, *_ = full.split(".")
    version, threads = (int(major), int(minor)), "t" if python.endswith("t") else ""
    tags = [
        *cpython_tags(version, abis=[f"cp{major}{minor}{threads}"], platforms=platforms),
        *compatible_tags(version, interpreter=f"cp{major}{minor}", platforms=platforms),
    ]
    full = full if full.count(".") > 1 else f"{full}.0"
    environment = make_environment(full, name_machine(system))
    return Runtime(
        python=f"{major}.{minor}{threads}",
        system=system,
        environment=tuple(sorted(environment.items())),
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
    abi = runtime.python.replace(".", "")
    digits = abi.removesuffix("t")
    abis = {"none", "any", f"cp{abi}"} | ({"abi3"} if abi == digits else set())
    platforms = {tag.split("-", 2)[2] for tag in runtime.tags}
    ranked = []
    for position, wheel in enumerate(wheels):
        parsed = _parse(wheel.filename)
        if not parsed:
            continue
        parts = [tag.split("-", 2) for tag in parsed[1]]
        versions = [int(v) for python, _, _ in parts if (v := _version(python)) and _reaches(digits, v)]
        if versions and any(p[1] in abis for p in parts) and any(p[2] in platforms for p in parts):
            ranked.append((_is_variant(wheel), _invert(parsed[0]), -max(versions), position, wheel))
    return [wheel for *_, wheel in sorted(ranked, key=lambda r: r[:4])]


def _is_variant(wheel: LockedFile) -> bool:
    """Whether a wheel is a variant (PEP 825): no released pip and no pyproject.nix takes one by itself."""
    return bool(split_label(wheel.filename)[1])


def _version(python: str) -> str | None:
    match = re.fullmatch(r"(?:py|cp)(\d+)", python)
    return match[1] if match else None


def _reaches(digits: str, version: str) -> bool:
    return version == digits[0] or (version.startswith(digits[0]) and int(digits) >= int(version))


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
