"""Virtual environments of this interpreter with small distributions, and compiled modules for them."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.elf import build_elf
from tests.support.proof.builder.install_wheel import install_wheel
from tests.support.pythons import Environment
from tests.support.wheel import build_wheel

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
# What Python.h says of PyModuleDef, on 64 bits: head, index and copy; name, words and size; no functions.
MODULE = """
extern void *PyModule_Create2(void *, int);
static struct { long head[5]; const char *name; const char *words; long size; void *rest[5]; } def =
  { { 1 }, "NAME", 0, -1 };
void *PyInit_NAME(void) { return PyModule_Create2(&def, 1013); }
"""


def make_environment(directory: Path, python: str = sys.executable) -> Environment:
    """An environment with nothing in it."""
    return Environment(python, directory)


def add_distribution(
    environment: Environment,
    work: Path,
    name: str,
    files: Mapping[str, bytes | str],
    *,
    requires: Sequence[str] = (),
) -> None:
    """Install a wheel of some files, with its RECORD."""
    work.mkdir(exist_ok=True)
    data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    wheel = build_wheel(work, name=name, files=data, tag="py3-none-any", requires=requires)
    root = environment.python.parents[1]
    install_wheel(wheel, root, str(environment.site.relative_to(root)))


def build_module(work: Path, name: str, needed: Sequence[str] = ()) -> bytes:
    """A compiled module that this interpreter can import."""
    return build_elf(work, f"{name}.so", code=MODULE.replace("NAME", name), needed=needed)
