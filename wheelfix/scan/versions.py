"""The symbol versions a wheel asks of the C and C++ libraries: they say how old a system may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from wheelfix.model.scan import Finding, Level, Need, NeedClass

_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_(\d+(?:\.\d+)*)")
_TAG = re.compile(r"manylinux_(\d+)_(\d+)_\w+")
# Perennial manylinux tags before PEP 600, with the glibc they stand for.
_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


def find_highest(needs: Iterable[Need], machine: str | None) -> Mapping[str, str]:
    """Find the highest version asked of each family.

    Args:
        needs: of a wheel; what it bundles itself counts too, as long as a libc or libstdc++ outside answers.
        machine: needs of others are left out.

    Returns:
        ``{"GLIBC": "2.28", "GLIBCXX": "3.4.25", "CXXABI": "1.3.11"}``, sorted; only what is asked for.
    """
    found: dict[str, str] = {}
    for need in needs:
        if need.machine != machine or need.need_class is NeedClass.BUNDLED:
            continue
        for match in filter(None, map(_VERSION.fullmatch, need.versions)):
            family, version = match[1], match[2]
            if _order(version) > _order(found.get(family, "")):
                found[family] = version
    return dict(sorted(found.items()))


def find_version_findings(
    needs: Sequence[Need], tags: Iterable[str], machine: str | None
) -> Iterable[Finding]:
    """Tell the highest versions, and a tag that promises to ask for less of glibc.

    Args:
        needs: of the wheel.
        tags: its compatibility tags; the highest glibc among them is what it promises.
        machine: the machine conclusions are for.
    """
    highest = find_highest(needs, machine)
    if not highest:
        return
    asked = ", ".join(f"{family}_{version}" for family, version in highest.items())
    yield Finding(level=Level.NOTE, subject="symbol versions", message=f"the highest asked for are {asked}")
    promised = max(filter(None, map(_find_promise, tags)), default=None)
    if promised and "GLIBC" in highest and _order(highest["GLIBC"])[:2] > promised:
        yield Finding(
            level=Level.NOTE,
            subject="symbol versions",
            message=f"asks for GLIBC_{highest['GLIBC']}, and its tag promises to do with "
            f"{promised[0]}.{promised[1]}: go by the former",
        )


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)


def _find_promise(tag: str) -> tuple[int, int] | None:
    platform = tag.rpartition("-")[2]
    if match := _TAG.fullmatch(platform):
        return int(match[1]), int(match[2])
    return _LEGACY.get(platform.partition("_")[0])
