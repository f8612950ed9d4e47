"""Evaluates many questions in few runs of Nix.

``tryEval`` catches what a package throws, so that one run answers many questions; what it does not catch (a
missing attribute, ``abort``) ends the run, which is then split. What was thrown is learnt by asking again,
for one question alone.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = Path(__file__).with_name("packages.nix")
ALLOWED = ("nothing", "unfree", "everything")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The real parts.

    Attributes:
        nix: the program ``nix-instantiate``.
        nixpkgs, pyproject_nix, uv2nix: checkouts.
        work: directory for files that Nix reads.
    """

    nix: str
    nixpkgs: Path
    pyproject_nix: Path
    uv2nix: Path
    work: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What Nix made of one question: a value, or what it said against it."""

    value: Any = None
    error: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.error)


def ask(
    parts: Parts,
    question: str,
    asked: Sequence[Any],
    *,
    system: str,
    allow: str,
    chunk: int = 40,
    explain: bool = True,
) -> list[Answer]:
    """Answer all questions of one kind.

    Args:
        parts: the real parts.
        question: ``Cases`` or ``Attributes``.
        asked: arguments of the question, as JSON has them.
        system: Nix system.
        allow: one of :data:`ALLOWED`.
        chunk: how many are asked in one run.
        explain: whether to learn what was thrown.
    """
    answers: list[Answer] = []
    for start in range(0, len(asked), chunk):
        answers += _ask_some(parts, question, asked[start : start + chunk], system, allow, explain)
    return answers


def _ask_some(
    parts: Parts, question: str, asked: Sequence[Any], system: str, allow: str, explain: bool
) -> list[Answer]:
    if len(asked) == 1:
        return [_ask_one(parts, question, asked[0], system, allow)]
    answer = _run(parts, f"try{question}", asked, system, allow)
    if answer.failed:
        middle = len(asked) // 2
        halves = asked[:middle], asked[middle:]
        return [one for half in halves for one in _ask_some(parts, question, half, system, allow, explain)]
    return [
        Answer(found["value"])
        if "value" in found
        else _ask_one(parts, question, one, system, allow)
        if explain
        else Answer(error="throws")
        for one, found in zip(asked, answer.value, strict=True)
    ]


def _ask_one(parts: Parts, question: str, one: Any, system: str, allow: str) -> Answer:
    answer = _run(parts, f"ask{question}", [one], system, allow)
    return answer if answer.failed else Answer(answer.value[0])


def _run(parts: Parts, function: str, asked: Sequence[Any], system: str, allow: str) -> Answer:
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=parts.work) as file:
        json.dump(list(asked), file)
        file.flush()
        code = (
            f"(import {PACKAGES} {{ nixpkgs = {parts.nixpkgs}; pyproject-nix = {parts.pyproject_nix}; "
            f'uv2nix = {parts.uv2nix}; system = "{system}"; allow = "{allow}"; }}).{function} '
            f"(builtins.fromJSON (builtins.readFile {file.name}))"
        )
        command = [parts.nix, "--store", "dummy://", "--readonly-mode", "--eval", "--strict", "--json", "-E"]
        done = subprocess.run([*command, code], capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        return Answer(error=_find_message(done.stderr))
    return Answer(json.loads(done.stdout))


def _find_message(said: str) -> str:
    """The last error of a trace: what Nix says at last is what went wrong."""
    lines = said.splitlines()
    starts = [number for number, line in enumerate(lines) if line.strip().startswith("error:")]
    if not starts:
        return said.strip()[-400:] or "nothing said"
    rest = [line.strip() for line in lines[starts[-1] :]]
    text = " ".join(line for line in rest if line).removeprefix("error:").strip()
    return text[:400]
