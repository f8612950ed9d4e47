"""Tells what an environment uses that is not in it, and so is not patched with it.

That are its interpreter, where that cannot start on this machine, and the browsers of Playwright, which are
programs in a cache of the user.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from wheelfix.elf.disk import read_elf_at
from wheelfix.errors import WheelfixError
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.places import find_playwright_browsers

_STUB: Final = "stub-ld"
"""In the path of the program that NixOS puts in the place of a loader, to say that there is none."""


def tell_beyond(root: Path, distributions: Collection[str]) -> Iterator[Finding]:
    """Tell what an environment uses that is not in it, and needs something done.

    Args:
        root: the environment.
        distributions: normalised names of what is installed.
    """
    python = root / "bin" / "python3"
    if loader := find_absent_loader(python):
        message = (
            f"cannot start here: it is not of nixpkgs, and there is no loader {loader}. Enable nix-ld "
            "(`programs.nix-ld.enable = true;` in configuration.nix), or make the environment with a Python "
            "of nixpkgs"
        )
        yield Finding(level=Level.WARNING, subject=str(python), message=message)
    browsers = find_playwright_browsers()
    if "playwright" in distributions and os.path.isdir(browsers):  # noqa: PTH112 - of any length
        message = f"has Playwright's browsers: `wheelfix patch {shlex.quote(str(browsers))}` patches them"
        yield Finding(level=Level.NOTE, subject=str(browsers), message=message)


def find_absent_loader(program: Path) -> str | None:
    """Find the loader that a program names and that is not there; None if it is, or if it cannot be told."""
    with suppress(WheelfixError, OSError, ValueError, RuntimeError):
        obj, _ = read_elf_at(str(program), program.resolve(strict=True))
        if obj.interpreter and obj.interpreter.startswith("/"):
            there = Path(obj.interpreter).resolve()
            return None if there.is_file() and _STUB not in str(there) else obj.interpreter
    return None
