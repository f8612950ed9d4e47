"""First screens, read as a user reads them: commands are run, and code is put into the file that is named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.golden import STUB
from tests.support.nixeval import evaluate

MODULES = STUB.parent / "modules.nix"
_ATTR = re.compile(r"pkgs\.([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)")
_FUNCTIONS = ("lib.", "linkFarm", "mkShell", "writeText", "callPackage", "fetchurl", "stdenv.cc.bintools")


class Pasted(NamedTuple):
    """A command to run, or code to paste.

    Attributes:
        said: the line above it.
        text: what is copied, in lines.
    """

    said: str
    text: str

    @property
    def is_command(self) -> bool:
        """Whether it goes into a shell."""
        return self.text.startswith("wheelfix ")


def read_screen(text: str) -> tuple[list[str], list[Pasted]]:
    """Split the first paragraph of a scan: its lines, and what is to be copied, which is indented."""
    lines = text.split("\n")
    end = next(n for n, line in enumerate(lines) if not line and not lines[n + 1].startswith("    "))
    shown, found = lines[:end], list[Pasted]()
    said, copied = "", list[str]()
    for line in [*shown, "."]:
        if line.startswith("    ") or (copied and not line):
            copied.append(line[4:])
            continue
        if copied:
            found.append(Pasted(said, "\n".join(copied)))
        said, copied = line, []
    return shown, found


def check_screen(text: str, directory: Path, run: Callable[[Sequence[str]], object]) -> list[str]:
    """Do all that a first screen proposes, each in the file that it names.

    Args:
        text: what a scan printed.
        directory: where it ran; files are written there.
        run: runs ``wheelfix`` with arguments.

    Returns:
        The names of the files that something was pasted into, or that were written, in order.
    """
    _, found = read_screen(text)
    files = []
    for one in found:
        if one.is_command:
            words = shlex.split(one.text)
            if words[1] == "patch":
                assert (directory / words[2]).is_dir()
                continue
            run(words[1:])
            files.append(words[words.index("-o") + 1])
            ask(f"import {directory / files[-1]}", (directory / files[-1]).read_text(), files[-1])
        else:
            name = next(name for name in CONTEXTS if name in one.said)
            files.append(name)
            ask(CONTEXTS[name](one.text, directory), _gather(one.text, directory), name)
    return files


def _gather(code: str, directory: Path) -> str:
    """Code, with that of the files that it imports."""
    names = re.findall(r"\./([\w.-]+\.nix)", code)
    return code + "".join((directory / name).read_text() for name in names)


def _paste_overlay(code: str, _directory: Path) -> str:
    return f"({{ pkgs, lib, ... }}: final: prev: {{\n{code}\n}})"


def _paste_flake(code: str, directory: Path) -> str:
    return f"({{ pkgs, lib, ... }}: {_place(code, directory)})"


def _paste_module(code: str, directory: Path) -> str:
    code = _place(code, directory)
    inner = f"imports = [ {code} ];" if code.startswith("/") else code
    return f"({{ config, lib, pkgs, ... }}: {{\n{inner}\n}})"


def _place(code: str, directory: Path) -> str:
    """Code as in a file of a directory, to which its paths are relative."""
    return re.sub(r"(?<![\w.])\./(?=[\w.-]+\.nix)", f"{directory}/", code)


CONTEXTS: dict[str, Callable[[str, Path], str]] = {
    "configuration.nix": _paste_module,
    "devenv.nix": _paste_module,
    "overrides.nix": _paste_overlay,
    "flake.nix": _paste_flake,
}
"""The smallest true context of code in each file that a screen names."""


def ask(expression: str, code: str, name: str) -> Any:
    """Evaluate what is in a file, whole, as its tool would.

    Args:
        expression: the contents of the file.
        code: all code in it, for the attributes that it names.
        name: of the file.
    """
    opened = re.findall(r"with pkgs; \[ ([^\]]*) \]", code)
    attrs = [attr for words in opened for attr in re.sub(r'"[^"]*"', "", words).split()]
    attrs += [attr for attr in _ATTR.findall(code) if not attr.startswith(_FUNCTIONS)]
    # stdenv.cc.cc.lib is below stdenv.cc.cc: what is named longer is there.
    nested = " ".join(
        "[ " + " ".join(f'"{part}"' for part in attr.split(".")) + " ]"
        for attr in sorted({*attrs})
        if not any(other.startswith(f"{attr}.") for other in attrs)
    )
    names = set(re.findall(r"prev \? ([\w-]+)|prev\.([\w-]+)\.override", code))
    names |= set(re.findall(r'prev \? "([^"]+)"()|prev\."([^"]+)"\.override', code)) if '"' in code else set()
    packages = " ".join(
        f'"{n}" = {{ version = "1"; dependencies = {{ }}; }};' for n in {*sum(names, ())} - {""}
    )
    stub = f"import {STUB} {{ attrs = [ {nested} ]; packages = {{ {packages} }}; }}"
    match name:
        case "overrides.nix" | "flake.nix":
            shown = "builtins.mapAttrs (_: one: removeAttrs one.args [ ]) (overlay final base)"
            return evaluate(
                f"let stub = {stub}; pkgs = stub.pkgs // {_MORE}; "
                f"overlay = {expression} {{ inherit pkgs; inherit (stub) lib; }}; "
                f"base = stub.base; final = base // overlay final base; in {_DEEP} ({shown})"
            )
        case "shell.nix":
            return evaluate(
                f"let stub = {stub}; in {_DEEP} ({expression} {{ pkgs = stub.pkgs // {_MORE}; }})"
            )
        case _:
            return evaluate(f"import {MODULES} {{ stub = {stub}; module = {expression}; }}")


_MORE = '{ lib = stub.lib // { getBin = v: v; }; writeText = name: text: "/nix/store/${name}"; }'
_DEEP = """(let deep = v: if builtins.isFunction v then "function"
  else if builtins.isList v then map deep v
  else if builtins.isAttrs v then (if v ? outPath then "${v}" else builtins.mapAttrs (_: deep) v)
  else v; in deep)"""
