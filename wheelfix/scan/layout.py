"""The installed paths of a wheel's members, and the directories that run paths lead to from there.

Paths here are POSIX paths relative to the prefix (``lib/python3/site-packages/torch/lib``): run paths
such as ``$ORIGIN/../../../../lib`` climb out of site-packages into the prefix, where the ``data``
scheme puts files. Schemes: the binary distribution format specification, "The .data directory".
"""

from __future__ import annotations

import posixpath
import re

from wheelfix.nix.parts import escape_glob

SITE = "lib/python3/site-packages"
"""Stands for the real ``lib/python3.N/site-packages``; only its depth matters."""

_SCHEMES = {"purelib": SITE, "platlib": SITE, "data": ".", "scripts": "bin", "headers": "include/python3"}
_DATA = re.compile(r"[^/]+\.data/(purelib|platlib|data|scripts|headers)/(.+)", re.DOTALL)
_TOKEN = re.compile(r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM))")
_LIB_DIRECTORIES = ("lib", "lib64")


def find_install_path(member: str) -> str:
    """Map a member path to its installed path, relative to the prefix.

    Example:
        >>> find_install_path("gmsh-4.11.1.data/data/lib/libgmsh.so.4.11")
        'lib/libgmsh.so.4.11'
    """
    match = _DATA.fullmatch(member)
    base, rest = (_SCHEMES[match[1]], match[2]) if match else (SITE, member)
    return posixpath.normpath(f"{base}/{rest}")


def expand_entry(entry: str, *, origin: str, machine: str) -> tuple[str, ...]:
    """Expand one run-path entry to directories relative to the prefix.

    Args:
        entry: as the object has it, such as ``$ORIGIN/../numpy.libs``.
        origin: installed directory of the object, relative to the prefix.
        machine: value of ``$PLATFORM``.

    Returns:
        The directories in the order the loader tries them; several where ``$LIB`` is used. Empty for
        absolute entries and those relative to the working directory, which name no place in a prefix.
    """
    if not entry.startswith(("$ORIGIN", "${ORIGIN}")):
        return ()
    results = []
    for lib in _LIB_DIRECTORIES if "LIB" in {a or b for a, b in _TOKEN.findall(entry)} else ("",):
        values = {"ORIGIN": origin, "LIB": lib, "PLATFORM": machine}
        path = _TOKEN.sub(lambda m, values=values: values[m[1] or m[2]], entry)  # type: ignore[misc]
        results.append(posixpath.normpath(path))
    return tuple(results)


def relative_to_site(directory: str) -> str | None:
    """Path relative to site-packages, or None for a directory outside it.

    Example:
        >>> relative_to_site("lib/python3/site-packages/nvidia/cublas/lib")
        'nvidia/cublas/lib'
    """
    return directory.removeprefix(f"{SITE}/") if directory.startswith(f"{SITE}/") else None


def find_collision_pattern(path: str) -> str:
    """Write the pattern for files of several packages, as ``mkVirtualEnv`` of pyproject.nix matches them.

    Args:
        path: a file that several have, relative to the prefix.

    Returns:
        A pattern of :func:`fnmatch.fnmatch`, in which an asterisk stands for slashes too: of a module that
        both have, all files.

    Example:
        >>> find_collision_pattern("LICENSE"), find_collision_pattern("lib/python3/site-packages/cv2/data/x")
        ('LICENSE', 'lib/python3/site-packages/cv2/*')
    """
    top, _, rest = (relative_to_site(path) or "").partition("/")
    return f"{SITE}/{escape_glob(top)}/*" if rest else escape_glob(path)
