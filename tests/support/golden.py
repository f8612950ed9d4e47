"""Golden files: generated code, reviewed as code, and evaluated against a stub of what it will meet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from tests.support.nixeval import evaluate
from wheelfix.model.wheel import Distribution
from wheelfix.nix.printer import render
from wheelfix.nix.tree import Attrs, Expr, List, bind, strings, text

GOLDEN = Path(__file__).parents[1] / "golden"
STUB = Path(__file__).parent / "nix" / "stub.nix"


def check_golden(name: str, code: str) -> Path:
    """Compare code with its golden file; WHEELFIX_WRITE_GOLDEN=1 writes it, to be reviewed."""
    path = GOLDEN / name
    if os.environ.get("WHEELFIX_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    assert code == path.read_text(), f"{path} is another: see it with WHEELFIX_WRITE_GOLDEN=1 and git diff"
    return path


def _attrs(values: Mapping[str, Expr]) -> Attrs:
    return Attrs(tuple(bind(name, value) for name, value in values.items()))


def _package(version: str, dependencies: list[str]) -> Attrs:
    extras = _attrs({name: List() for name in dependencies})
    return _attrs({"version": text(version), "dependencies": extras})


def ask_stub(
    question: str, *, attrs: list[str], packages: Mapping[str, list[str]], version: str = "1.0", **more: str
) -> Any:
    """Evaluate an expression in the scope of the stub.

    Args:
        question: Nix code; ``stub`` is in scope.
        attrs: attribute paths that nixpkgs has.
        packages: Python packages of the set, with their dependencies.
        version: of these packages.
        more: further arguments of the stub, as Nix strings.
    """
    paths = List(tuple(strings(attr.split(".")) for attr in attrs))
    world = _attrs({name: _package(version, deps) for name, deps in packages.items()})
    arguments = _attrs({"attrs": paths, "packages": world, **{key: text(v) for key, v in more.items()}})
    return evaluate(f"let stub = import {STUB} {render(arguments)}; in {question}")


def ask_package(path: Path, name: str, *, attrs: list[str], packages: Mapping[str, list[str]]) -> Any:
    """What an overlay makes of one package."""
    overlay = f"import {path} {{ inherit (stub) pkgs lib hacks; }}"
    return ask_stub(f'stub.show (stub.apply ({overlay}))."{name}"', attrs=attrs, packages=packages)


def find_dependencies(known: Mapping[str, Distribution]) -> dict[str, list[str]]:
    """Dependencies as a lock has them: with the extras that are asked for in it."""
    asked: dict[str, set[str]] = {name: set() for name in known}
    found: dict[str, list[str]] = {}
    for _ in known:
        for wheel in known.values():
            for r in wheel.requires:
                if r.active or asked[wheel.name] & set(r.under):
                    asked.setdefault(r.name, set()).update(r.extras)
    for wheel in known.values():
        wanted = {r.name for r in wheel.requires if r.active or asked[wheel.name] & set(r.under)}
        found[wheel.name] = sorted(wanted)
    # pip leaves out what the markers of its own interpreter leave out
    return {name: found.get(name, []) for name in sorted({*found, *chain(*found.values())})}
