"""Generated cargo code, evaluated by the real Nix against a stub of what it meets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wheelfix.model.tables import load_table
from wheelfix.sdist.crates import Crates

STUB = Path(__file__).parent / "cargo.nix"
_NAMED = {attr for rule in load_table(Crates).rules for attr in (*rule.libraries, *rule.tools)}
ATTRS = sorted({a for a in _NAMED if not a.startswith("rustPlatform.")} | {"cargo", "rustc", "pkg-config"})
SYSTEMS = {
    "cffi": ["pycparser"],
    "maturin": [],
    "pycparser": [],
    "semantic-version": [],
    "setuptools": [],
    "setuptools-rust": ["semantic-version", "setuptools"],
    "wheel": [],
}


def evaluate_cargo(
    code: str,
    directory: Path,
    *,
    name: str = "demo",
    kind: str = "overlay",
    systems: Mapping[str, Sequence[str]] = SYSTEMS,
) -> Any:
    """What an overlay makes of a package, or what a package function is.

    Args:
        code: generated.
        directory: where it is written, a Cargo.lock beside it; also holds Nix's store.
        kind: ``overlay``, ``untouched`` (an overlay over a set without the package) or ``package``.
    """
    file = directory / "generated.nix"
    file.write_text(code)
    (directory / "Cargo.lock").touch()
    arguments = {"name": name, "systems": systems, "attrs": [attr.split(".") for attr in ATTRS]}
    world = f"builtins.fromJSON {json.dumps(json.dumps(arguments))}"
    question = f"(import {STUB} ({world})).{kind} {file}"
    command = [
        "nix-instantiate",
        "--eval",
        "--strict",
        "--json",
        "--store",
        str(directory / "store"),
        "-E",
        question,
    ]
    result = subprocess.run(command, capture_output=True, check=False, text=True)
    if result.returncode:
        raise AssertionError(f"{result.stderr}\n{code}")
    return json.loads(result.stdout)
