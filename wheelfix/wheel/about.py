"""What a complete package says about a wheel beside its libraries, and where its code imports others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.model.reading import About, Reading
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.archive import iter_chunks, open_archive
from wheelfix.wheel.metadata import normalize_name, parse_about

if TYPE_CHECKING:
    from wheelfix.model.override import Source

_MAX_SOURCE = 4 << 20
_MODULE = re.compile(r"(?!_)([A-Za-z]\w*)(?:/__init__\.py|\.py|(?:\.cpython-[\w-]+|\.abi3)?\.so)")
_NO_MODULES = frozenset({"benchmark", "benchmarks", "docs", "examples", "setup", "test", "tests"})


def read_about(text: bytes) -> About:
    """What a METADATA file says for people.

    Raises:
        WheelError: it cannot be parsed.
    """
    summary, homepage, spdx, license_ = parse_about(text)
    return About(summary=summary, homepage=homepage, spdx=spdx, license=license_)


def make_source(reading: Reading) -> Source:
    """What a complete package of nixpkgs says of a wheel.

    Args:
        reading: of the wheel, with its digest.
    """
    from wheelfix.model.override import Source  # only code for nixpkgs says all this

    wheel, about = reading.distribution, reading.about
    return Source(
        filename=wheel.target,
        sha256=bytes.fromhex(about.sha256 or ""),
        summary=about.summary,
        homepage=about.homepage,
        spdx=about.spdx,
        license=about.license,
        requires=tuple(sorted({r.name for r in wheel.requires if r.active})),
        imports=tuple(find_modules(wheel)),
    )


def find_modules(wheel: Distribution) -> list[str]:
    """Top modules of a wheel: the one with its own name, or else all public ones, sorted."""
    found = {match[1] for file in wheel.files if (match := _MODULE.fullmatch(file))} - _NO_MODULES
    own = [module for module in found if normalize_name(module) == wheel.name]
    return own or sorted(found)


def find_imports(path: Path, names: Iterable[str]) -> Mapping[str, str]:
    """Find where a wheel's Python code imports other distributions.

    Modules are taken to be named like their distributions, with underscores. An import inside a string
    counts, too: it is better to keep a dependency that is not wanted than to lose one that is.

    Args:
        path: a wheel.
        names: normalised names of distributions.

    Returns:
        Member path and line (``torch/_inductor/scheduler.py:31``) of the first import, by name.
    """
    wanted = {name.replace("-", "_"): name for name in names}
    found: dict[str, str] = {}
    if not wanted:
        return found
    words = "|".join(map(re.escape, wanted)).encode()
    pattern = re.compile(rb"^[ \t]*(?:import|from)[ \t]+(" + words + rb")\b", re.MULTILINE)
    for member, text in _iter_sources(path):
        for match in pattern.finditer(text):
            line = text.count(b"\n", 0, match.start()) + 1
            found.setdefault(wanted[match[1].decode()], f"{member}:{line}")
        if len(found) == len(wanted):
            break
    return found


def _iter_sources(path: Path) -> Iterator[tuple[str, bytes]]:
    with open_archive(path) as archive:
        for member in sorted(archive.members, key=lambda m: m.path):
            if member.path.endswith(".py") and member.size <= _MAX_SOURCE:
                yield member.path, b"".join(iter_chunks(archive, member))
