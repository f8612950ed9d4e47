"""Reads lock files: recognises the format by name and content, and parses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wheelfix.errors import InputError, describe, suggest
from wheelfix.lockfile.checks import HINT
from wheelfix.lockfile.conda_lock import parse_conda_lock
from wheelfix.lockfile.pdm import parse_pdm
from wheelfix.lockfile.pipenv import parse_pipenv
from wheelfix.lockfile.pixi import read_pixi
from wheelfix.lockfile.poetry import parse_poetry
from wheelfix.lockfile.project import SETTINGS, Project, parse_project
from wheelfix.lockfile.pylock import parse_pylock
from wheelfix.lockfile.requirements import parse_requirements
from wheelfix.lockfile.uv import parse_uv
from wheelfix.lockfile.yaml import parse_yaml
from wheelfix.model.base import Misfit, decode_json, decode_toml
from wheelfix.model.lock import ChoiceKind, Lock, ProviderRule
from wheelfix.model.lock_formats import LOCK_FORMATS, LockKind
from wheelfix.wheel.input import open_input
from wheelfix.wheel.metadata import normalize_glob

_MAX = 64 << 20
_PARSERS = {
    LockKind.UV: parse_uv,
    LockKind.PYLOCK: parse_pylock,
    LockKind.POETRY: parse_poetry,
    LockKind.PDM: parse_pdm,
    LockKind.PIPENV: parse_pipenv,
}
_HINT = (
    "give uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, pixi.lock, conda-lock.yml or a hashed "
    "requirements.txt"
)
_YAML = re.compile(r"^([a-z_]+)[ \t]*:(?=\s)", re.MULTILINE)
"""A key at the top of a YAML document, as tools write it."""
_HEAD = re.compile(r"""^version[ \t]*:[ \t]*["']?1["']?[ \t]*(?:\#.*)?$""", re.MULTILINE)
_FORM = (
    'write "wheel", "sdist", "nixpkgs", "conda", several of them with commas, "nixpkgs:ATTR" or '
    '"conda:CHANNEL"'
)
_NAMING = frozenset({ChoiceKind.NIXPKGS, ChoiceKind.CONDA})
"""Kinds of source that a rule may name a part of."""


def read_lock(path: Path) -> Lock:
    """Read a lock file.

    Args:
        path: the file; its format is recognised by its content.

    Raises:
        InputError: it is missing, in no known format, or damaged; the message names the invalid key.
    """
    text = read_text(path)
    if path.suffix in {".txt", ".in"}:
        return parse_requirements(path.name, text)
    kind = find_yaml_kind(path.name, text)
    if kind is LockKind.PIXI:
        return read_pixi(path, text)
    if kind is LockKind.CONDA_LOCK:
        try:
            return parse_conda_lock(path.name, parse_yaml(path.name, text))
        except Misfit as misfit:
            raise misfit.tell(path.name, HINT) from None
    return make_lock(path.name, parse_document(path.name, text), read_project(path.parent))


def make_lock(name: str, document: Mapping[str, Any], project: Project | None = None) -> Lock:
    """Convert the TOML, or JSON, of a lock.

    Args:
        name: of the file, for messages.
        document: the whole file.
        project: the pyproject.toml beside it.

    Raises:
        InputError: it is in no known format, or damaged; the message names the invalid key.
    """
    kind = find_lock_kind(document)
    if kind is None:
        raise InputError(name, "is no lock file that wheelfix knows", _HINT)
    try:
        return _PARSERS[kind](name, document, project)
    except Misfit as misfit:
        raise misfit.tell(name, HINT) from None


def find_lock_kind(document: Mapping[str, Any]) -> LockKind | None:
    """Which format a document has, by the key that its version stands under; None for none of them."""
    found = [one.kind for one in LOCK_FORMATS if not one.yaml and _has_keys(document, one.version)]
    return found[-1] if found else None


def find_yaml_kind(name: str, text: str) -> LockKind | None:
    """Which format a YAML document has, by the keys at its top, else by its name; None for none of them.

    It is not parsed: a lock of pixi may have 50 000 lines, and is parsed elsewhere.

    Args:
        name: of the file.
        text: its contents.
    """
    keys = set(_YAML.findall(text))
    found = [one.kind for one in LOCK_FORMATS if one.yaml and {*one.version, *one.keys} <= keys]
    named = [one.kind for one in LOCK_FORMATS if one.yaml and re.fullmatch(one.names, name)]
    if found == [LockKind.CONDA_LOCK]:  # pixi has written the same until version 3
        is_pixi = not _HEAD.search(text) or named == [LockKind.PIXI]
        return LockKind.PIXI if is_pixi else LockKind.CONDA_LOCK
    return next(iter([*found, *named]), None)


def _has_keys(document: object, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def read_project(directory: Path) -> Project | None:
    """Read the pyproject.toml of a directory; None if there is none.

    Raises:
        InputError: it is not TOML, or a value has another type than the tools accept.
    """
    path = directory / "pyproject.toml"
    return parse_project(path.name, read_text(path)) if path.is_file() else None


def read_rules(project: Project | None, flags: tuple[str, ...]) -> tuple[ProviderRule, ...]:
    """Read the rules for the kinds of source that packages may be taken from.

    Args:
        project: pyproject.toml, of which ``[tool.wheelfix.providers]`` is used.
        flags: ``NAME=KINDS``, which take precedence over the table.

    Returns:
        The strongest first: flags, then the table in its order; rules for ``default`` last.

    Raises:
        InputError: a rule is invalid.
    """
    found = []
    for flag in flags:
        pattern, sign, kinds = flag.partition("=")
        if not sign or not pattern:
            raise InputError(f"--provider {flag}", "is no rule", "write NAME=KIND, such as torch=nixpkgs")
        found.append(_make_rule(f"--provider {flag}", pattern, kinds, shared=False))
    if project:
        for key in project.document.get("tool", {}).get("wheelfix", {}):
            if key not in SETTINGS:
                hint = suggest(key, SETTINGS, otherwise=f"it has: {', '.join(SETTINGS)}")
                raise InputError(f"{project.file}: tool.wheelfix.{key}", "is no setting of wheelfix", hint)
        for pattern, kinds in project.providers.items():
            where = f"{project.file}: tool.wheelfix.providers.{pattern}"
            found.append(_make_rule(where, pattern, kinds, shared=True))
    return tuple(sorted(found, key=lambda rule: rule.pattern == "default"))


def _make_rule(where: str, pattern: str, text: str, *, shared: bool) -> ProviderRule:
    kinds, named = [], dict[str, str]()
    for part in text.split(","):
        # mach-nix wrote conda/CHANNEL.
        word, _, name = re.sub(r"^conda/", "conda:", part.strip()).partition(":")
        if word not in set(ChoiceKind) or (name and word not in _NAMING):
            raise InputError(
                where, f"{part.strip()!r} is no kind of source", suggest(word, ChoiceKind, otherwise=_FORM)
            )
        kinds.append(ChoiceKind(word))
        named[word] = name or named.get(word, "")
    return ProviderRule(
        pattern=normalize_glob(pattern),
        kinds=tuple(kinds),
        attr=named.get(ChoiceKind.NIXPKGS, ""),
        channel=named.get(ChoiceKind.CONDA, ""),
        where=where,
        shared=shared,
    )


def read_text(path: Path, *, hint: str = _HINT) -> str:
    """Read a text file.

    Args:
        path: named by the user, or beside what the user names.
        hint: what to do if it cannot be read.

    Raises:
        InputError: it is missing, too large, or not UTF-8.
    """
    try:
        with open_input(path, hint=hint) as file:
            data = file.read(_MAX + 1)
        if len(data) > _MAX:
            raise InputError(str(path), f"is larger than {_MAX >> 20} MB", hint)
        return data.decode("utf-8")
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({describe(error)})", hint) from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is no text in UTF-8", hint) from None


def parse_document(name: str, text: str) -> dict[str, Any]:
    """Parse the file of a lock: JSON, which is an object and starts with its brace, or TOML.

    Args:
        name: of the file, for messages.
        text: its contents.

    Raises:
        InputError: it is neither.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return parse_toml(name, text)
    try:
        document: dict[str, Any] = decode_json(text.removeprefix("\ufeff"), dict[str, Any])
    except ValueError as error:
        raise InputError(name, f"is no JSON ({error})", _HINT) from None
    return document


def parse_toml(name: str, text: str) -> dict[str, Any]:
    """Parse TOML.

    Args:
        name: of the file, for messages.
        text: its contents.

    Raises:
        InputError: it is not TOML.
    """
    try:
        return decode_toml(text)
    except Misfit as misfit:
        raise misfit.tell(name, _HINT) from None
