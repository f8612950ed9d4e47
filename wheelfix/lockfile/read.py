"""Which format a lock has, by its name and content."""

from __future__ import annotations

import tomllib
from pathlib import Path

from wheelfix.errors import InputError, describe, suggest
from wheelfix.lockfile.getters import Table
from wheelfix.lockfile.markers import normalize_name
from wheelfix.lockfile.poetry import parse_poetry
from wheelfix.lockfile.pylock import parse_pylock
from wheelfix.lockfile.requirements import parse_requirements
from wheelfix.lockfile.uv import parse_uv
from wheelfix.model.lock import Kind, Lock, ProviderRule
from wheelfix.wheel.metadata import normalize_glob
from wheelfix.wheel.open import open_input

_MAX = 64 << 20
_HINT = "give uv.lock, pylock.toml, poetry.lock or a hashed requirements.txt"
_FORM = 'write "wheel", "sdist", "nixpkgs", several of them with commas, or "nixpkgs:ATTR"'


def read_lock(path: Path) -> Lock:
    """Read a lock file.

    Args:
        path: the file; what it is follows from its content.

    Raises:
        InputError: it is missing, none of the formats, or damaged; names the path of what is wrong.
    """
    text = read_text(path)
    if path.suffix in {".txt", ".in"}:
        return parse_requirements(path.name, text)
    table = parse_toml(path.name, text)
    project = read_project(path.parent)
    if "lock-version" in table.values:
        return parse_pylock(table)
    if "lock-version" in table.table("metadata").values:
        return parse_poetry(table, project)
    if "version" in table.values:
        return parse_uv(table, default_groups=_find_default_groups(project))
    raise InputError(path.name, "is no lock file that wheelfix knows", _HINT)


def _find_default_groups(project: Table | None) -> tuple[str, ...]:
    tool = project.table("tool").table("uv") if project else Table("", "", {})
    if tool.values.get("default-groups") == "all":
        return ("*",)
    named = tool.strings("default-groups")
    return tuple(map(normalize_name, named)) if "default-groups" in tool.values else ("dev",)


def read_project(directory: Path) -> Table | None:
    """The pyproject.toml of a directory; None if there is none.

    Raises:
        InputError: it is no TOML.
    """
    path = directory / "pyproject.toml"
    return parse_toml(path.name, read_text(path)) if path.is_file() else None


def read_rules(project: Table | None, flags: tuple[str, ...]) -> tuple[ProviderRule, ...]:
    """Which kinds of source packages may be taken from.

    Args:
        project: pyproject.toml, of which ``[tool.wheelfix.providers]`` counts.
        flags: ``NAME=KINDS``, stronger than the table.

    Returns:
        The strongest first: flags, then the table in its order; rules for ``default`` last.

    Raises:
        InputError: a rule is none.
    """
    found = []
    for flag in flags:
        pattern, sign, kinds = flag.partition("=")
        if not sign or not pattern:
            raise InputError(f"--provider {flag}", "is no rule", "write NAME=KIND, such as torch=nixpkgs")
        found.append(_make_rule(f"--provider {flag}", pattern, kinds, shared=False))
    if project:
        providers = project.table("tool").table("wheelfix").table("providers")
        for pattern in providers.values:
            value = providers.require(pattern, str)
            where = f"{project.lock}: {providers.path}.{pattern}"
            found.append(_make_rule(where, pattern, value, shared=True))
    return tuple(sorted(found, key=lambda rule: rule.pattern == "default"))


def _make_rule(where: str, pattern: str, text: str, *, shared: bool) -> ProviderRule:
    kinds, attr = [], ""
    for part in text.split(","):
        word, _, named = part.strip().partition(":")
        if word not in set(Kind) or (named and word != Kind.NIXPKGS):
            raise InputError(
                where, f"{part.strip()!r} is no kind of source", suggest(word, Kind, otherwise=_FORM)
            )
        kinds.append(Kind(word))
        attr = named or attr
    glob = normalize_glob(pattern)
    return ProviderRule(pattern=glob, kinds=tuple(kinds), attr=attr, where=where, shared=shared)


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        InputError: it is missing, too large, or no UTF-8.
    """
    try:
        with open_input(path, hint=_HINT) as file:
            data = file.read(_MAX + 1)
        if len(data) > _MAX:
            raise InputError(str(path), f"is larger than {_MAX >> 20} MB", _HINT)
        return data.decode("utf-8")
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({describe(error)})", _HINT) from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is no text in UTF-8", _HINT) from None


def parse_toml(name: str, text: str) -> Table:
    """Parse TOML.

    Args:
        name: of the file, for messages.
        text: its content.

    Raises:
        InputError: it is none.
    """
    try:
        return Table(name, "", tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(name, f"is no TOML ({str(error) or 'nested too deep'})", _HINT) from None
