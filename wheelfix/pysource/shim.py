"""The loader shim: a module that finds libraries for one distribution by the names that it opens.

Two files start it with the interpreter: a ``.pth`` file, and for Python 3.15 and later, where code in those
is on its way out, a ``.start`` file (PEP 829). All are named by the distribution, so that those of several
distributions in one environment do not collide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files


def name_shim(distribution: str) -> str:
    """Return the name of a distribution's shim: of the module, and of the files that start it.

    Example:
        >>> name_shim("python-magic")
        '_wheelfix_python_magic'
    """
    return "_wheelfix_" + re.sub(r"[^0-9a-z]", "_", distribution.lower())


@cache
def read_shim() -> str:
    """Read the code of the shim, for which a line from :func:`render_table` comes last."""
    return (files("wheelfix.pysource") / "data" / "shim.py").read_text(encoding="utf-8")


def render_starters(name: str) -> dict[str, str]:
    """Write the files that start a shim.

    Args:
        name: from :func:`name_shim`.

    Returns:
        Contents by file name.
    """
    return {f"{name}.pth": f"import {name}; {name}.install()\n", f"{name}.start": f"{name}:install\n"}


def render_shim(modules: Sequence[str], libraries: Mapping[str, str], preload: Sequence[str]) -> str:
    """Write a shim.

    Args:
        modules: dotted names whose import makes it answer, and whose code it answers.
        libraries: absolute paths by the names that are opened.
        preload: absolute paths of libraries that compiled code opens by soname.
    """
    table = {"modules": list(modules), "libraries": dict(libraries), "preload": list(preload)}
    return f"{read_shim()}\nTABLE.update({table!a})\n"
