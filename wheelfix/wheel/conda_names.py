"""Names of conda: of files and packages, and of the paths of a prefix as those of an environment are spelled.

Nothing here opens an archive, so that what only asks for a name imports little.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from wheelfix.errors import InputError, describe
from wheelfix.model.wheel import Requirement

SUFFIXES: Final = (".conda", ".tar.bz2")
"""How files of packages are named; the content decides which of both formats one is."""

MAX_STEPS: Final = 40
"""Links that are followed one after the other: as many as Linux follows."""

_SCRIPTS: Final = "python-scripts/"
_SPEC_NAME = re.compile(r"\s*(?:[^\s\[\]:]+::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_FILENAME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)-([A-Za-z0-9_.+!~]+)-([A-Za-z0-9_.+]+)")
_PYTHON_LIB = re.compile(r"lib/python\d\.\d+t?/(?=.)")


def make_requires(depends: Iterable[str]) -> tuple[Requirement, ...]:
    """Make requirements of match specifications; virtual packages, such as ``__glibc``, are left out.

    Example:
        >>> [r.name for r in make_requires(["libzlib >=1.3.1,<2.0a0", "__glibc >=2.17,<3.0.a0"])]
        ['libzlib']
    """
    named = ((spec, find_spec_name(spec)) for spec in depends)
    return tuple(
        Requirement(name=name, extras=(), active=True, text=spec)
        for spec, name in named
        if name and not name.startswith("__")
    )


def find_spec_name(spec: str) -> str:
    """Return the name in a match specification, or an empty string.

    Example:
        >>> find_spec_name("conda-forge::python >=3.11,<3.12.0a0"), find_spec_name("numpy[version='>=2']")
        ('python', 'numpy')
    """
    match = _SPEC_NAME.match(spec)
    return match[1].lower() if match else ""


def parse_conda_filename(filename: str) -> tuple[str, str, str] | None:
    """Split the name of a package's file into name, version and build; None for any other name.

    Example:
        >>> parse_conda_filename("libgcc-ng-14.2.0-h69a702a_2.conda")
        ('libgcc-ng', '14.2.0', 'h69a702a_2')
    """
    stem = next((filename[: -len(one)] for one in SUFFIXES if filename.lower().endswith(one)), "")
    match = _FILENAME.fullmatch(stem)
    return (match[1], match[2], match[3]) if match else None


def find_packages(directory: Path) -> tuple[Path, ...]:
    """List the packages directly in a directory, sorted by name, by what they are called.

    Raises:
        InputError: it cannot be read.
    """
    try:
        found = [p for p in directory.iterdir() if parse_conda_filename(p.name) and not p.is_dir()]
    except (OSError, ValueError) as error:
        raise InputError(str(directory), describe(error), "give a directory that can be read") from None
    return tuple(sorted(found))


def find_python_directory(paths: Iterable[str]) -> str:
    """Return the ``lib/python3.N/`` that most files of a package are in, or an empty string."""
    counts: dict[str, int] = {}
    for path in paths:
        if match := _PYTHON_LIB.match(path):
            counts[match[0]] = counts.get(match[0], 0) + 1
    return min(counts, key=lambda one: (-counts[one], one), default="")


def find_site_path(path: str, python: str, *, noarch: bool = False) -> str:
    """Spell a path in the prefix relative to site-packages, as paths of an environment are spelled.

    Args:
        path: relative to the prefix.
        python: from :func:`find_python_directory`.
        noarch: whether the package is ``noarch: python``, whose files an installer puts in place.

    Example:
        >>> find_site_path("lib/python3.11/site-packages/numpy/x.so", "lib/python3.11/")
        'numpy/x.so'
        >>> find_site_path("lib/libz.so.1", ""), find_site_path("site-packages/a.py", "", noarch=True)
        ('../../libz.so.1', 'a.py')
    """
    inside = f"{python}site-packages/"
    if noarch and path.startswith("site-packages/"):
        return path.removeprefix("site-packages/")
    if noarch and path.startswith(_SCRIPTS):
        return f"../../../bin/{path.removeprefix(_SCRIPTS)}"
    if python and path.startswith(inside):
        return path.removeprefix(inside)
    if python and path.startswith(python):
        return f"../{path.removeprefix(python)}"
    if path.startswith("lib/"):
        return f"../../{path.removeprefix('lib/')}"
    return f"../../../{path}"


def resolve_link(path: str, target: str) -> str | None:
    """Return the path that a link leads to, relative to the prefix; None if it leaves the prefix."""
    if target.startswith("/"):
        return None
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return None if found == ".." or found.startswith("../") else found


def leads_out(path: str, links: Mapping[str, str]) -> bool:
    """Whether a path leads out of the prefix, through links.

    Args:
        path: relative to the prefix.
        links: targets of symbolic links, by path relative to the prefix.

    Example:
        >>> leads_out("a/out", {"a/up": "..", "a/out": "up/../x"}), leads_out("a/up", {"a/up": ".."})
        (True, False)
    """
    place, left, steps = list[str](), path.split("/")[::-1], 0
    while left:
        part = left.pop()
        if part == "..":
            if not place:
                return True
            place.pop()
        elif part not in {"", "."}:
            target = links.get("/".join((*place, part)))
            if target is None:
                place.append(part)
                continue
            if target.startswith("/"):
                return True
            if (steps := steps + 1) > MAX_STEPS:
                return False  # in circles
            left += target.split("/")[::-1]
    return False


def find_prefix_path(path: str, *, noarch: bool) -> str:
    """Return where a member of a package is in a prefix; any Python stands for that of the prefix.

    Args:
        path: of the member.
        noarch: whether the package is ``noarch: python``, whose files an installer puts in place.

    Example:
        >>> find_prefix_path("site-packages/a.py", noarch=True)
        'lib/python3/site-packages/a.py'
    """
    if noarch and path.startswith("site-packages/"):
        return f"lib/python3/{path}"
    return f"bin/{path.removeprefix(_SCRIPTS)}" if noarch and path.startswith(_SCRIPTS) else path
