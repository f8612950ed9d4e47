"""The loader shim: a module that finds libraries for one distribution by the names that it opens.

Two files start it with the interpreter: a ``.pth`` file, and for Python 3.15 and later, where code in those
is on its way out, a ``.start`` file (PEP 829). All are named by the distribution, so that those of several
distributions in one environment do not collide.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache

from wheelfix.model.base import Struct, convert, field
from wheelfix.model.tables import read_data

MAX_SHIM = 4 << 20
"""Largest file of a shim in bytes; pyglet's has 8 KB."""
STARTERS = {".pth": "import {0}; {0}.install()", ".start": "{0}:install"}
"""What the files say that start a shim, by the ends of their names; ``{0}`` stands for its name."""
TABLE = ("TABLE.update(", ")\n")
"""What stands around the table in the last line of a shim."""


def name_shim(distribution: str) -> str:
    """Return the name of a distribution's shim: of the module, and of the files that start it.

    Example:
        >>> name_shim("python-magic")
        '_wheelfix_python_magic'
    """
    return "_wheelfix_" + re.sub(r"[^0-9a-z]", "_", distribution.lower())


_FIRST = '"""Lets one distribution open libraries'
_MAX_TABLE = 1 << 20
"""Longest table in characters; pyglet's has 4 000."""
_NAME = re.compile(r"_wheelfix_[0-9a-z_]+\.(?:py|pth|start)")


@cache
def read_shim() -> str:
    """Read the code of the shim, for which a line with its table comes last."""
    return read_data(__name__, "shim.py").decode()


def render_starters(name: str) -> dict[str, str]:
    """Write the files that start a shim.

    Args:
        name: from :func:`name_shim`.

    Returns:
        Contents by file name.
    """
    return {f"{name}{end}": f"{text.format(name)}\n" for end, text in STARTERS.items()}


class ShimTable(Struct):
    """What a shim answers.

    Attributes:
        modules: dotted names whose import makes it answer, and whose code it answers.
        libraries: absolute paths by the names that are opened.
        preload: absolute paths of libraries that compiled code opens by soname.
        variables: of the environment, by name, which are set when one of the modules is imported.
    """

    modules: tuple[str, ...]
    libraries: Mapping[str, str]
    preload: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def render_shim(table: ShimTable) -> str:
    """Write a shim; equal tables give the same text."""
    libraries = dict(sorted(table.libraries.items()))
    made = {"modules": list(table.modules), "libraries": libraries, "preload": list(table.preload)}
    if table.variables:
        made["variables"] = dict(sorted(table.variables.items()))
    before, after = TABLE
    return f"{read_shim()}\n{before}{made!a}{after}"


def render_files(distribution: str, table: ShimTable) -> dict[str, bytes]:
    """Write a shim and what starts it: contents by file name, the one that is started first."""
    name = name_shim(distribution)
    texts = {f"{name}.py": render_shim(table), **render_starters(name)}
    return {file: text.encode() for file, text in texts.items()}


def read_table(data: bytes) -> ShimTable | None:
    """Read the table of a shim of this or another version; None if it is none.

    The file is input, not an order: the table is a literal, of which nothing is executed.
    """
    start, end = TABLE
    before, mark, last = data.decode("utf-8", "replace").rpartition(f"\n{start}")
    if not mark or len(last) > _MAX_TABLE or not before.startswith(_FIRST) or not last.endswith(end):
        return None
    try:
        return convert(ast.literal_eval(last.removesuffix(end)), ShimTable)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def is_shim_file(name: str, data: bytes) -> bool:
    """Whether a file is a shim, or one that starts it, as this program writes them.

    Args:
        name: name of the file.
        data: its contents.
    """
    stem, _, end = name.rpartition(".")
    if not is_shim_name(name):
        return False
    return read_table(data) is not None if end == "py" else data == render_starters(stem)[name].encode()


def is_shim_name(name: str) -> bool:
    """Whether a file in site-packages has a name that this program gives to parts of a shim."""
    return _NAME.fullmatch(name) is not None
