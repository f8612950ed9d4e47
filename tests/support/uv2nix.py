"""The real uv2nix, asked what it makes of a lock and an overlay."""

from __future__ import annotations

import re
import tarfile
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.support.nixeval import evaluate
from wheelfix.nix.build import strings
from wheelfix.nix.printer import render
from wheelfix.nix.tree import List

SCOPE = Path(__file__).parent / "nix" / "uv2nix.nix"
ARCHIVE = Path(__file__).parents[2] / "fixtures" / "nix" / "uv2nix.tar.xz"


@cache
def unpack_sources() -> Path:
    """Directory with the sources, made once for each run."""
    directory = Path(mkdtemp(prefix="wheelfix-uv2nix-"))
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(directory, filter="data")
    return directory


def list_attrs(code: str) -> list[str]:
    """Attributes of nixpkgs that code names."""
    plain = "\n".join(line for line in code.splitlines() if not line.strip().startswith("#"))
    found = set(re.findall(r"\bpkgs\.([\w'-]+(?:\.[\w'-]+)*)", plain))
    return sorted(found - {"callPackage", "mkShell", "uv", "lib"})


def ask_uv2nix(question: str, *, code: str = "", python: str = "3.12") -> Any:
    """Evaluate an expression in the scope of ``tests/support/nix/uv2nix.nix``.

    Args:
        question: Nix code; ``real`` is in scope.
        code: generated code; nixpkgs has the attributes that it names.
        python: version of the interpreter.
    """
    attrs = [a for a in list_attrs(code) if not a.startswith(("autoP", "autoA", "dockerT", "python3"))]
    attrs += [a for a in list_attrs(code) if re.match(r"python3\d*Packages\.", a)]
    attrs = [a for a in attrs if a not in {"bashInteractive", "coreutils", "stdenv.cc.cc.lib"}]
    paths = render(List(tuple(strings(attr.split(".")) for attr in attrs)))
    arguments = f'{{ sources = {unpack_sources()}; attrs = {paths}; python = "{python}"; }}'
    return evaluate(f"let real = import {SCOPE} {arguments}; in {question}")
