"""The real Nix, asked what a text means."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from wheelfix.nix.printer import render
from wheelfix.nix.tree import Expr

_COMMAND = ["nix-instantiate", "--eval", "--strict", "--json", "--store", "dummy://", "-"]


class NixError(Exception):
    """What Nix said on stderr."""


def evaluate(code: str | Expr) -> Any:
    """The value of an expression, as JSON has it."""
    text = render(code) if isinstance(code, Expr) else code
    result = subprocess.run(_COMMAND, input=text.encode(), capture_output=True, check=False)
    if result.returncode:
        raise NixError(f"{result.stderr.decode(errors='replace')}\n{text}")
    return json.loads(result.stdout)


def parse(code: str) -> None:
    """Parse an expression without evaluating it; raises NixError."""
    command = ["nix-instantiate", "--parse", "--store", "dummy://", "-"]
    result = subprocess.run(command, input=code.encode(), capture_output=True, check=False)
    if result.returncode:
        raise NixError(f"{result.stderr.decode(errors='replace')}\n{code}")
