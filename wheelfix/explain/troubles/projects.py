"""Messages about projects that Nix does not take as they are, and about tools that are used the wrong way."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Around, Wording, word
from wheelfix.nix.parts import comment_all
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
    Formal,
    Formals,
    Lambda,
    List,
    SearchPath,
    bind,
    call,
    select,
)

_Read = Callable[[re.Match[str], Around], Iterable[Symptom]]


def _tell(subject: str) -> _Read:
    def read(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
        names = match.groupdict().values()
        yield Symptom(kind=SymptomKind.PROJECT, names=(subject, *(name for name in names if name)))

    return read


_OF_STORE = re.compile(r"/nix/store|nixos\.org|with Nix\b")


def _read_managed(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Read pip's refusal, if the Python is of nixpkgs: other systems have the same words."""
    if any(_OF_STORE.search(line) for line in (*around.above()[-6:], *around.after()[:12])):
        yield Symptom(kind=SymptomKind.PROJECT, names=("managed",))


WORDINGS: tuple[Wording, ...] = (
    # Nix: src/libfetchers/git-utils.cc.
    word(
        SymptomKind.PROJECT,
        "is not tracked by Git",
        r"Path '(?P<file>[^'\n]{1,300})' in the repository \"[^\"\n]{1,400}\" is not tracked by Git",
        _tell("untracked"),
    ),
    word(
        SymptomKind.PROJECT,
        "called with unexpected argument",
        r"function 'outputs' called with unexpected argument ['‘](?P<name>[\w'-]{1,80})['’]",
        _tell("argument"),
    ),
    # Nix: src/libexpr/parser.y.
    word(
        SymptomKind.PROJECT,
        "was not found in the Nix search path",
        r"file ['‘](?P<name>[\w.+-]{1,80})[^'’\n]{0,200}['’] was not found in the Nix search path",
        _tell("search-path"),
    ),
    # nixpkgs: pkgs/development/interpreters/python/mk-python-derivation.nix.
    word(
        SymptomKind.PROJECT,
        "does not configure a `format`",
        r"(?:error: |warning: |\s)(?P<name>[\w.+-]{1,120}) does not configure a `format`",
        _tell("format"),
    ),
    # nixpkgs: pkgs/top-level/aliases.nix, qt5-packages.nix.
    word(
        SymptomKind.PROJECT,
        "in favor of top-level",
        r"error: '(?P<old>[\w.]{1,60})\.\*' attributes were removed in favor of top-level "
        r"'(?P<new>[\w.]{1,60})\.\*'",
        _tell("moved"),
    ),
    word(
        SymptomKind.PROJECT,
        "has been removed from Nixpkgs",
        r"error: CUDA (?P<number>\d{1,2}\.\d{1,2}) has been removed from Nixpkgs",
        _tell("cuda"),
    ),
    # poetry: console/commands/install.py.
    word(
        SymptomKind.PROJECT,
        "changed significantly since poetry.lock",
        r"pyproject\.toml changed significantly since poetry\.lock was last generated",
        _tell("poetry-lock"),
    ),
    # devenv: src/modules/languages/python.nix.
    word(
        SymptomKind.PROJECT,
        "devenv inputs add ",
        r"^\s*\$ devenv inputs add (?P<name>[\w-]{1,40}) (?P<url>github:[\w./-]{1,120})",
        _tell("devenv-input"),
    ),
    # pip: exceptions.py, with the words that nixpkgs gives it.
    word(
        SymptomKind.PROJECT,
        "externally-managed-environment",
        r"error: externally-managed-environment",
        _read_managed,
    ),
)


def _explain_project(symptom: Symptom, situation: Situation) -> Trouble:
    subject, *names = symptom.names
    return _ANSWERS[subject](names, situation)


def _add_file(names: list[str], _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.PROJECT,
        what=f"Nix copies of a flake only what git tracks, and {names[0]} is not among it.",
        now=(f"git add {shlex.quote(names[0])}  # --intent-to-add is enough",),
    )


def _add_argument(names: list[str], _situation: Situation) -> Trouble:
    name = names[0]
    return Trouble(
        kind=SymptomKind.PROJECT,
        what=f"The flake has the input {name}, and the function `outputs` has no argument of that name.",
        now=(
            f"In flake.nix, write {name} into the head of `outputs`: {{ self, nixpkgs, {name}, ... }}:",
            "With `...` at its end, it takes inputs that it does not name.",
        ),
    )


def _find_nixpkgs(names: list[str], situation: Situation) -> Trouble:
    name = names[0]
    now = ["Once: nix-shell -I nixpkgs=channel:nixos-unstable"] if name == "nixpkgs" else []
    if name == "nixpkgs":
        now.append(
            "For good: nix-channel --add https://nixos.org/channels/nixos-unstable nixpkgs, and "
            "nix-channel --update"
        )
    if "flake.nix" in situation.files:
        now.append("A flake names nixpkgs as an input: enter it with nix develop, not with nix-shell.")
    return Trouble(
        kind=SymptomKind.PROJECT,
        what=f"The code has <{name}>, which Nix looks for in $NIX_PATH, and nothing there has that name.",
        now=tuple(now) or (f"Name it: nix-shell -I {name}=PATH",),
        answered=name == "nixpkgs",
    )


def _set_format(names: list[str], _situation: Situation) -> Trouble:
    systems = List((select("python3Packages", "setuptools"),))
    arguments = Attrs((bind("pyproject", TRUE), bind("build-system", systems)))
    head = "Its pyproject.toml names another build-backend? Then that one. Written by wheelfix."
    return Trouble(
        kind=SymptomKind.PROJECT,
        what=f"The recipe of {names[0]} does not say how it is built, which nixpkgs wants to be told now.",
        paste=(("in the argument of buildPythonPackage", render(comment_all([head], arguments))),),
    )


def _move(names: list[str], _situation: Situation) -> Trouble:
    old, new = names
    return Trouble(
        kind=SymptomKind.PROJECT,
        what=f"nixpkgs has {new} in place of {old}, with the same attributes.",
        paste=((f"where the code has {old}", render(select("pkgs", *new.split(".")))),),
    )


def _take_cuda(names: list[str], _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.PROJECT,
        what=f"nixpkgs has removed CUDA {names[0]}: cudaPackages is a newer one.",
        paste=(("where the code has the older cudaPackages", render(select("pkgs", "cudaPackages"))),),
        now=(
            "Wheels of torch and its like bring their CUDA as nvidia-* wheels, and need none of nixpkgs.",
            f"Whoever has to build for CUDA {names[0]}: take it from an older nixpkgs, as a second input.",
        ),
    )


def _lock_anew(_names: list[str], _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.PROJECT,
        what="poetry.lock is older than the dependencies in pyproject.toml.",
        now=("poetry lock && git add poetry.lock",),
    )


def _add_input(names: list[str], _situation: Situation) -> Trouble:
    name, url = names
    return Trouble(
        kind=SymptomKind.PROJECT,
        what=f"devenv.nix sets a version of a language, which devenv has from the input {name}.",
        now=(f"devenv inputs add {name} {url} --follows nixpkgs",),
    )


def _make_environment(_names: list[str], _situation: Situation) -> Trouble:
    nixpkgs = call("import", SearchPath("nixpkgs"), Attrs())
    packages = List((select("pkgs", "python3"), select("pkgs", "uv")))
    body = call("pkgs.mkShell", Attrs((bind("packages", packages),)))
    function = Lambda(Formals((Formal("pkgs", nixpkgs),)), body)
    return Trouble(
        kind=SymptomKind.PROJECT,
        what="pip cannot install into the Python of nixpkgs, which is in the Nix store: it needs a virtual "
        "environment beside the project.",
        paste=(("shell.nix", render(comment_all(["Python and uv. Written by wheelfix."], function))),),
        now=(
            "python -m venv .venv && .venv/bin/pip install PACKAGE, or uv venv && uv pip install PACKAGE",
            "Or take it from nixpkgs: nix-shell -p 'python3.withPackages (ps: [ ps.PACKAGE ])'",
        ),
    )


_ANSWERS: Mapping[str, Callable[[list[str], Situation], Trouble]] = {
    "untracked": _add_file,
    "argument": _add_argument,
    "search-path": _find_nixpkgs,
    "format": _set_format,
    "moved": _move,
    "cuda": _take_cuda,
    "poetry-lock": _lock_anew,
    "devenv-input": _add_input,
    "managed": _make_environment,
}

EXPLAIN: Mapping[SymptomKind, Explain] = {SymptomKind.PROJECT: _explain_project}
