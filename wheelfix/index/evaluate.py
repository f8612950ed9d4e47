"""Asks a nixpkgs about attributes, by evaluating ``data/attributes.nix`` with the user's Nix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from wheelfix.errors import InputError
from wheelfix.model.base import Struct, decode_json, encode_json, replace
from wheelfix.model.index import Attribute, Evaluated, NixpkgsInfo, PythonPackage, Wanted
from wheelfix.model.tables import read_data
from wheelfix.nix.quote import quote
from wheelfix.outside.files import open_workplace
from wheelfix.outside.processes import quote_output, run
from wheelfix.wheel.metadata import normalize_name

QUERY: Final = "attributes.nix"
_FEATURES: Final = ("--extra-experimental-features", "nix-command flakes")
# The nixpkgs of a project is a stranger's code.
_CONFINED: Final = ("--option", "allow-import-from-derivation", "false")
_CHUNK: Final = 300
"""Names that one process evaluates: it frees nothing, and takes gigabytes for more."""
_FAR: Final = 1 << 33
"""Seconds since 1970 that no commit has."""
_SIGNALS: Final = 128
_HINT: Final = "give --nixpkgs the path of a nixpkgs, <nixpkgs>, or a flake reference"
# Permissions that the environment gives would hide what is missing by default.
_NOTHING_ALLOWED: Final = {
    "NIXPKGS_ALLOW_BROKEN": "",
    "NIXPKGS_ALLOW_INSECURE": "",
    "NIXPKGS_ALLOW_UNFREE": "",
    "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM": "",
}


class _Judged(Struct):
    """What the query says of any package."""

    attr: str
    found: bool
    version: str | None
    unfree: bool
    insecure: bool
    broken: bool
    reason: str | None
    target: str | None

    @property
    def removed(self) -> str | None:
        return None if self.found else self.reason or ""


class _Attribute(_Judged):
    outputs: tuple[str | None, ...]
    reached: tuple[str | None, ...]


class _Python(_Judged):
    name: str | None
    dependencies: tuple[str, ...]


class _Nixpkgs(Struct):
    version: str
    revision: str | None
    modified: int | None
    python_version: str


_N = TypeVar("_N", bound=_Nixpkgs)


class _Answer(_Nixpkgs):
    attributes: tuple[_Attribute, ...]
    python: tuple[_Python, ...]


class _Names(_Nixpkgs):
    python: tuple[str, ...]


def evaluate(
    nixpkgs: str,
    wanted: Sequence[Wanted],
    *,
    system: str,
    seconds: float | None = None,
    confined: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Ask a nixpkgs about names, as it is for users who have set nothing.

    Args:
        nixpkgs: a path, a path of NIX_PATH (``<nixpkgs>``), or else a flake reference.
        wanted: names to ask about; without any, the answer tells which nixpkgs it is.
        system: Nix system.
        seconds: time limit of one evaluation, in which a flake may have to be fetched.
        confined: whether its code may read no other files, fetch nothing and build nothing.
        progress: called with the number of names done and in all.

    Raises:
        InputError: Nix is not installed, or the nixpkgs cannot be evaluated.
    """
    asked = _Asked(nixpkgs=nixpkgs, system=system, seconds=seconds, confined=confined)
    parts: list[Evaluated] = []
    for start in range(0, max(len(wanted), 1), _CHUNK):
        parts += _ask(asked, wanted[start : start + _CHUNK])
        if progress:
            progress(min(start + _CHUNK, len(wanted)), len(wanted))
    return Evaluated(
        info=parts[0].info,
        attributes=tuple(one for part in parts for one in part.attributes),
        python=tuple(one for part in parts for one in part.python),
    )


def evaluate_all(
    nixpkgs: str, attrs: Sequence[str], *, system: str, progress: Callable[[int, int], None] | None = None
) -> Evaluated:
    """Ask a nixpkgs about attributes, and about every Python package that it has or once had.

    Args:
        nixpkgs: as for :func:`evaluate`.
        attrs: paths below ``pkgs``, with dots.
        system: as for :func:`evaluate`.
        progress: as for :func:`evaluate`.

    Raises:
        InputError: as for :func:`evaluate`.
    """
    names = list_python(nixpkgs, system=system)
    wanted = [*map(Wanted, attrs), *(Wanted(name, is_python=True) for name in names)]
    said = evaluate(nixpkgs, wanted, system=system, progress=progress)
    # The set holds functions and other sets, too, which are no packages and were none.
    return replace(said, python=tuple(one for one in said.python if one.removed != ""))


def list_python(nixpkgs: str, *, system: str) -> tuple[str, ...]:
    """List the names in ``python3Packages``, sorted; with those that were removed.

    Raises:
        InputError: as for :func:`evaluate`.
    """
    try:
        asked = _Asked(nixpkgs=nixpkgs, system=system)
        return tuple(sorted(_run(asked, {"system": system, "python": None}, _Names).python))
    except _EvaluationError as error:
        raise _refuse(nixpkgs, error) from None


class _EvaluationError(Exception):
    """Nix ended with an error, which an expression cannot catch."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self.said = said


class _Asked(Struct):
    """A nixpkgs, and how it is asked; attributes as the arguments of :func:`evaluate`."""

    nixpkgs: str
    system: str
    seconds: float | None = None
    confined: bool = False


def _refuse(nixpkgs: str, error: _EvaluationError) -> InputError:
    return InputError(nixpkgs, f"cannot be evaluated: {quote_output(error.said)}", _HINT)


def _ask(asked: _Asked, wanted: Sequence[Wanted]) -> Iterator[Evaluated]:
    """Evaluate; what stops the evaluation as a whole is found by halves, and is broken."""
    question = {
        "system": asked.system,
        "attrs": [one.name.split(".") for one in wanted if not one.is_python],
        "python": [one.name for one in wanted if one.is_python],
    }
    try:
        answer = _run(asked, question, _Answer)
    except _EvaluationError as error:
        if not wanted:
            raise _refuse(asked.nixpkgs, error) from None
        if len(wanted) > 1:
            half = len(wanted) // 2
            yield from _ask(asked, wanted[:half])
            yield from _ask(asked, wanted[half:])
            return
        (none,) = _ask(asked, ())
        name = wanted[0].name
        if wanted[0].is_python:
            python = PythonPackage(attr=name, name=normalize_name(name), broken=True)
            yield Evaluated(info=none.info, python=(python,))
        else:
            yield Evaluated(info=none.info, attributes=(Attribute(attr=name, broken=True),))
        return
    yield Evaluated(
        info=_make_info(asked.nixpkgs, asked.system, answer),
        attributes=tuple(map(_make_attribute, answer.attributes)),
        python=tuple(map(_make_python, answer.python)),
    )


def _run(asked: _Asked, question: object, kind: type[_N]) -> _N:
    """Evaluate the query.

    Raises:
        InputError: Nix is not installed, was ended, or prints something else.
        _EvaluationError: Nix ended with an error.
    """
    with open_workplace() as place:
        command = _write_command(asked, encode_json(question).decode(), place)
        missing = InputError(command[0], "is not on PATH", "install Nix, or leave --nixpkgs out")
        variables = {**os.environ, **_NOTHING_ALLOWED}
        ran = run(command, environment=variables, seconds=asked.seconds, missing=missing)
    if ran.code < 0 or ran.code > _SIGNALS:
        # Killed, for want of memory perhaps: that says nothing about the names.
        problem = f"could not be evaluated to its end: Nix ended with {ran.code}"
        raise InputError(asked.nixpkgs, problem, "free some memory and try again")
    if ran.code:
        raise _EvaluationError(ran.messages)
    try:
        return decode_json(ran.output, kind)
    except ValueError as error:
        problem = f"gives another answer than asked for ({error})"
        raise InputError(asked.nixpkgs, problem, _HINT) from None


def _write_command(asked: _Asked, question: str, place: Path) -> tuple[str, ...]:
    """Write the command that answers a question, with the query in a directory of its own."""
    query = read_data(__name__, QUERY).decode()
    source, is_flake = _find_source(asked.nixpkgs)
    arguments = f"({{ source = {source}; }} // builtins.fromJSON {quote(question)})"
    if is_flake:
        # Without --impure, a flake has to be locked, and reads nothing of this machine.
        purity = _CONFINED if asked.confined else ("--impure",)
        return ("nix", *_FEATURES, "eval", *purity, "--json", "--expr", f"({query}) {arguments}")
    file = place / QUERY
    file.write_text(query)
    options = _restrict(asked.nixpkgs, place) if asked.confined else ()
    expression = f"import {quote(str(file))} {arguments}"
    return (
        *("nix-instantiate", "--readonly-mode", *options),
        *("--eval", "--strict", "--json", "--expr", expression),
    )


def _restrict(nixpkgs: str, place: Path) -> tuple[str, ...]:
    """Return the options with which an evaluation reads the query and a nixpkgs, and nothing else."""
    paths = ("-I", f"wheelfix-query={place}", "-I", f"wheelfix-nixpkgs={Path(nixpkgs).resolve()}")
    return (*_CONFINED, "--option", "restrict-eval", "true", *paths)


def _find_source(nixpkgs: str) -> tuple[str, bool]:
    """Return a nixpkgs as an expression, and whether it is a flake."""
    if nixpkgs.startswith("<") and nixpkgs.endswith(">"):
        return f"builtins.findFile builtins.nixPath {quote(nixpkgs[1:-1])}", False
    if nixpkgs.startswith(("/", "./", "../")) and not Path(nixpkgs).is_dir():
        raise InputError(nixpkgs, "is no directory", _HINT)
    if Path(nixpkgs).is_dir():
        return f"/. + {quote(str(Path(nixpkgs).resolve()))}", False
    return f"builtins.getFlake {quote(nixpkgs)}", True


def _make_info(nixpkgs: str, system: str, answer: _Nixpkgs) -> NixpkgsInfo:
    day = None
    if answer.modified and 0 < answer.modified < _FAR:
        day = datetime.fromtimestamp(answer.modified, UTC).date().isoformat()
    return NixpkgsInfo(
        source=nixpkgs,
        release=answer.version,
        system=system,
        python=answer.python_version,
        revision=answer.revision,
        date=day,
    )


def _make_attribute(found: _Attribute) -> Attribute:
    rest = found.attr.split(".")[1:]
    return Attribute(
        attr=found.attr,
        version=found.version,
        outputs=tuple(filter(None, found.outputs)),
        reached=tuple(filter(None, found.reached)),
        unfree=found.unfree,
        insecure=found.insecure,
        broken=found.broken,
        removed=found.removed,
        renamed=".".join((found.target, *rest)) if found.target else None,
    )


def _make_python(found: _Python) -> PythonPackage:
    return PythonPackage(
        attr=found.attr,
        name=normalize_name(found.name or found.attr),
        version=found.version,
        dependencies=tuple(sorted(set(map(normalize_name, found.dependencies)))),
        unfree=found.unfree,
        insecure=found.insecure,
        broken=found.broken,
        removed=found.removed,
        renamed=found.target,
    )
