"""Finds imports of other distributions in a wheel's code: an imported dependency is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from wheelfix.model.base import replace
from wheelfix.model.override import StripPlan
from wheelfix.override.plan import OverridePlan
from wheelfix.override.strip import add_imports
from wheelfix.scan.scan import TargetReading
from wheelfix.wheel.archive import iter_chunks, open_archive

_MAX_SOURCE = 4 << 20


def show_imports(plan: OverridePlan, parts: Iterable[TargetReading]) -> OverridePlan:
    """Search for imports of all dependencies that are kept only because nothing shows them to be redundant.

    Args:
        plan: the plan.
        parts: its distributions; only wheels are searched.

    Raises:
        InputError: a wheel cannot be read.
    """
    wheels = {part.reading.distribution.target: part.wheel for part in parts}
    return replace(
        plan,
        overrides=tuple(
            replace(one, strip=show_own_imports(one.strip, wheels.get(one.target))) if one.strip else one
            for one in plan.overrides
        ),
        adapters=tuple(
            replace(one, strip=show_own_imports(one.strip, wheels.get(one.target))) for one in plan.adapters
        ),
    )


def show_own_imports(plan: StripPlan, wheel: Path | None) -> StripPlan:
    """Search for imports in one package.

    Args:
        plan: the plan for its dependencies.
        wheel: its file, or None.

    Raises:
        InputError: the wheel cannot be read.
    """
    names = [one.name for one in plan.kept if one.unshown]
    return add_imports(plan, find_imports(wheel, names)) if wheel and names else plan


def find_imports(path: Path, names: Iterable[str]) -> Mapping[str, str]:
    """Find where a wheel's Python code imports other distributions.

    Modules are assumed to be named like their distributions, with underscores, or with dots for packages of a
    namespace (``cuda.pathfinder``). An import inside a string counts too, because an unneeded dependency does
    less harm than a missing one.

    Args:
        path: a wheel.
        names: normalised names of distributions.

    Returns:
        Member path and line (``torch/_inductor/scheduler.py:31``) of the first import, by name.
    """
    wanted = sorted(set(names))
    found: dict[str, str] = {}
    if not wanted:
        return found
    either = "|".join(f"(?P<n{number}>{_write_import(name)})" for number, name in enumerate(wanted))
    pattern = re.compile(rf"^[ \t]*(?:{either})\b".encode(), re.MULTILINE)
    for member, text in _iter_sources(path):
        for match in pattern.finditer(text):
            line = text.count(b"\n", 0, match.start()) + 1
            found.setdefault(wanted[int((match.lastgroup or "n0")[1:])], f"{member}:{line}")
        if len(found) == len(wanted):
            break
    return found


def _write_import(name: str) -> str:
    """Write the pattern of a line that imports a distribution's module, up to the module's name."""
    *spaces, last = map(re.escape, name.split("-"))
    forms = [rf"(?:import|from)[ \t]+{'[._]'.join((*spaces, last))}"]
    if spaces:
        forms.append(rf"from[ \t]+{'[._]'.join(spaces)}[ \t]+import[ \t]+{last}")
    return "|".join(forms)


def _iter_sources(path: Path) -> Iterator[tuple[str, bytes]]:
    with open_archive(path) as archive:
        for member in sorted(archive.members, key=lambda m: m.path):
            if member.path.endswith(".py") and member.size <= _MAX_SOURCE:
                yield member.path, b"".join(iter_chunks(archive, member))
