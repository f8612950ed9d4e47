"""uv2nix, asked what it makes of a lock and an overlay.

What is asked stands in for uv2nix, pyproject.nix and nixpkgs' lib (``nix/standin``). WHEELFIX_TEST_SOURCES
names a directory with checkouts of the three, to be asked in its place (scripts/check_nix_contract.py).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from tests.support.nixeval import evaluate
from wheelfix.nix.printer import render
from wheelfix.nix.tree import List, strings

NIX = Path(__file__).parent / "nix"
SCOPE = NIX / "uv2nix.nix"
SOURCES = Path(os.environ.get("WHEELFIX_TEST_SOURCES") or NIX / "standin").resolve()


def list_attrs(code: str) -> list[str]:
    """Attributes of nixpkgs that code names."""
    plain = "\n".join(line for line in code.splitlines() if not line.strip().startswith("#"))
    found = set(re.findall(r"\bpkgs\.([\w'-]+(?:\.[\w'-]+)*)", plain))
    return sorted(found - {"buildEnv", "callPackage", "fetchurl", "mkShell", "uv", "lib", "writeText"})


def ask_uv2nix(question: str, *, code: str = "", python: str = "3.12", sources: Path = SOURCES) -> Any:
    """Evaluate an expression in the scope of ``tests/support/nix/uv2nix.nix``.

    Args:
        question: Nix code; ``real`` is in scope.
        code: generated code; nixpkgs has the attributes that it names.
        python: version of the interpreter.
        sources: directory with what is asked.
    """
    attrs = [a for a in list_attrs(code) if not a.startswith(("autoP", "autoA", "dockerT", "python3"))]
    attrs += [a for a in list_attrs(code) if re.match(r"python3\d*Packages\.", a)]
    attrs = [a for a in attrs if a not in {"bashInteractive", "coreutils", "stdenv.cc.cc.lib"}]
    paths = render(List(tuple(strings(attr.split(".")) for attr in attrs)))
    arguments = f'{{ sources = {sources}; attrs = {paths}; python = "{python}"; }}'
    return evaluate(f"let real = import {SCOPE} {arguments}; in {question}")
