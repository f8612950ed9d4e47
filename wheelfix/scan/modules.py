"""Finds which modules a distribution installs, from the paths of its files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wheelfix.model.python import parse_python
from wheelfix.wheel.metadata import normalize_name

_MODULE = re.compile(
    r"(?!lib\w*\.so\Z)([A-Za-z_]\w*)"
    r"(?:/__init__\.py|\.py|(?:\.(?:cpython-|pypy3)[\w-]+|\.abi3)?\.so)",
    re.ASCII,
)
_COMPILED = re.compile(
    r"([A-Za-z_]\w*)\.(?:(?P<python>cpython-3\d+t?|pypy3\d+-pp\d+)[\w-]*|abi3t?)\.so", re.ASCII
)
_SCHEME = re.compile(r"\A[^/]+\.data/(?:purelib|platlib)/")
"""Where a wheel keeps files for site-packages besides its root."""
_INIT = "__init__.py"
_DEPTH = 4
"""Levels down to which modules are looked for, where those above are namespaces."""
_NO_MODULES = frozenset({"benchmark", "benchmarks", "conftest", "docs", "examples", "setup", "test", "tests"})
"""Names that projects have by mistake at the top of site-packages, or that are run and not imported."""


def find_public(files: Iterable[str], name: str) -> list[str]:
    """Find the module with a distribution's own name (``google.cloud.storage``), or else all public top ones.

    Where there are none at the top, those of the namespaces in it are taken.

    Args:
        files: paths of a wheel's members, or relative to site-packages.
        name: normalised name of the distribution.

    Returns:
        Sorted.
    """
    found = list(_iter_modules(files))
    if own := [module for _, module in found if normalize_name(module) == name]:
        return own[:1]
    top = min((level for level, _ in found), default=0)
    return sorted(module for level, module in found if level == top)


def find_outermost(files: Iterable[str], name: str) -> list[str]:
    """Find the modules that are to be imported to see whether a distribution works.

    These are its public top modules, and the outermost packages of its namespaces. The module with the
    distribution's own name counts even below another one, as ``google`` may be nothing but a namespace. A
    distribution that has no public module is known by its private ones.

    Args:
        files: paths relative to site-packages.
        name: normalised name of the distribution.

    Returns:
        Sorted.
    """
    paths = list(files)
    found = list(_iter_modules(paths)) or list(_iter_modules(paths, private=True))
    names = {module for _, module in found}
    return sorted(
        {
            module
            for module in names
            if normalize_name(module) == name
            or not any(module.startswith(f"{other}.") for other in names - {module})
        }
    )


def find_compiled(files: Iterable[str], python: str) -> list[str]:
    """Find the compiled modules of a distribution that an interpreter takes.

    Only files that are marked as modules count, by the interpreter or by its stable ABI: any library may be
    called ``name.so``.

    Args:
        files: paths relative to site-packages.
        python: the interpreter (``3.12``, ``3.13t``, ``pypy3.11``).

    Returns:
        Their dotted names, sorted.
    """
    known = parse_python(python)
    tag = known.file_tag if known else ""
    found = set()
    for file in files:
        *packages, last = _SCHEME.sub("", file).split("/")
        match = _COMPILED.fullmatch(last)
        if match and match["python"] in {None, tag} and _is_importable(packages):
            found.add(".".join((*packages, match[1])))
    return sorted(found)


def _iter_modules(files: Iterable[str], *, private: bool = False) -> Iterator[tuple[int, str]]:
    """Yield modules that may be imported, and the number of packages or namespaces above; sorted."""
    split = [_SCHEME.sub("", file).split("/") for file in files]
    # A .pth file makes modules of what lies below: which, nobody can say without running it.
    depth = 1 if any(len(parts) == 1 and parts[0].endswith(".pth") for parts in split) else _DEPTH
    found = set()
    for level in range(depth):
        for parts in split:
            match = _MODULE.fullmatch("/".join(parts[level:]))
            names = (*parts[:level], match[1]) if match and (not level or parts[-1] == _INIT) else ()
            hidden = any(one.startswith("_") for one in names) and not private
            if names and not hidden and _is_importable(names):
                found.add((level, ".".join(names)))
    yield from sorted(found)


def _is_importable(names: Iterable[str]) -> bool:
    parts = tuple(names)
    return all(map(str.isidentifier, parts)) and _NO_MODULES.isdisjoint(parts)
