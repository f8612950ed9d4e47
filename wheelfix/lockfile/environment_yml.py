"""Reads ``environment.yml``: what an environment of conda is to have.

Its keys are conda's (the page "Managing environments" of conda's manual) and those that conda-lock adds:
``platforms``, ``category``, ``pip-repositories``, and selectors of platforms in comments (``# [linux]``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from wheelfix.errors import InputError, strip_login
from wheelfix.lockfile.yaml import parse_yaml
from wheelfix.model.base import Misfit, Struct, replace
from wheelfix.model.conda_project import CondaProject, PipSources
from wheelfix.model.scan import Finding, Level

CHANNELS_HINT = "name one with --channel, or in its channels"
_HINT = "correct it: conda's manual lists its keys"
_DEFAULTS = "defaults"
"""A channel that each conda's own configuration gives a meaning."""
_NOT_PACKAGES = frozenset({"nodefaults"})
_KEYS = frozenset(
    {
        *("name", "channels", "dependencies", "platforms", "variables", "prefix", "category"),
        *("pip-repositories", "allow-pypi-requests"),
    }
)
_PLATFORMS = {
    "linux-64": frozenset({"linux64", "unix", "linux"}),
    "linux-aarch64": frozenset({"aarch64", "unix", "linux"}),
    "linux-ppc64le": frozenset({"ppc64le", "unix", "linux"}),
}
"""Selectors that hold, by platform; others are other platforms'."""
_OTHERS = frozenset({"osx", "osx64", "arm64", "win", "win64", "win32", "linux32", "armv7l", "s390x"})
_SELECTOR = re.compile(r"(.+?)\s*(#.*)\[([^\[\]]+)\](?(2)[^\(\)]*)$")
"""A line with a selector, as conda-lock finds it (``conda_lock/src_parser/selectors.py``)."""
_OPTION = re.compile(r"(--?[a-z][a-z-]*)(?:[= ]\s*(.*))?$")
_CHANNEL = re.compile(r"""(?:\A|,)\s*channel\s*=\s*(?:"[^"]*"|'[^']*'|[^,]*)""")
_DIRECTORY = re.compile(r"\.{1,2}(?:/[^;@\[\]]*)?(?:\[[^\[\]]*\])?\Z")
_EDITABLE = frozenset({"-e", "--editable"})
_INDEXES = frozenset({"-i", "--index-url"})
_LINKS = frozenset({"-f", "--find-links"})
_HIDING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What is not seen where code is read, or changes the order in which it is seen."""
_SHOWN = 60


def parse_environment(file: str, text: str, subdir: str, channels: Sequence[str] = ()) -> CondaProject:
    """Read an environment.yml for one platform.

    Args:
        file: its name, for messages.
        text: its contents.
        subdir: the platform, as conda names it.
        channels: to take instead of its own.

    Raises:
        InputError: it is not YAML, a value has another form than conda takes, or it is for other platforms.
    """
    lines, findings = _apply_selectors(file, text, subdir)
    document = parse_yaml(file, lines, hint=_HINT)
    try:
        return _make(file, document, subdir, channels, findings)
    except Misfit as misfit:
        raise misfit.tell(file, _HINT) from None


def _make(
    file: str, document: Any, subdir: str, channels: Sequence[str], findings: list[Finding]
) -> CondaProject:
    if not isinstance(document, dict):
        raise Misfit("", "is no environment.yml: it has no keys")
    if "dependencies" not in document:
        raise Misfit("dependencies", "is missing: it is no environment.yml")
    unread = [key for key in document if key not in _KEYS]
    findings += [_tell(file, f"has the key {key[:_SHOWN]!r}, which is not read") for key in sorted(unread)]
    platforms = _read_list(document, "platforms")
    if platforms and subdir not in platforms:
        hint = "name one of these systems with --platform"
        raise InputError(file, f"is for {', '.join(platforms)}, not for {subdir}", hint)
    specs, lines = _split(document)
    pip = read_pip(file, lines)
    extra = (*pip.sources.extra, *_read_list(document, "pip-repositories"))
    if _read_text(document, "allow-pypi-requests").lower() == "false":
        message = "does not allow requests to PyPI (allow-pypi-requests), which has no effect"
        findings.append(_tell(file, message))
    return CondaProject(
        file=file,
        name=_read_text(document, "name"),
        channels=read_channels(file, channels or _read_list(document, "channels"), findings),
        specs=specs,
        requirements=pip.requirements,
        variables=_read_variables(document),
        pip=replace(pip.sources, extra=extra),
        category=_read_text(document, "category") or "main",
        findings=(*findings, *pip.findings),
    )


def read_channels(file: str, channels: Sequence[str], findings: list[Finding]) -> tuple[str, ...]:
    """Choose the channels that can be asked; what ``defaults`` means is not in the file.

    Args:
        file: that names them.
        channels: strongest first.
        findings: gets what is left out.

    Raises:
        InputError: there is none but ``defaults``.
    """
    named = [channel for channel in channels if channel not in _NOT_PACKAGES]
    kept = [channel for channel in named if channel != _DEFAULTS]
    problem = "names the channel 'defaults', which each conda's own configuration gives a meaning"
    if not kept and named:
        raise InputError(file, problem, CHANNELS_HINT)
    if len(kept) != len(named):
        findings.append(_tell(file, f"{problem}: it is left out, and the other channels are asked"))
    return tuple(dict.fromkeys(kept))


def drop_channel(spec: str) -> str:
    """Return a match specification without the channel that it names.

    Example:
        >>> drop_channel("conda-forge::zlib=1.3"), drop_channel('zlib[version=">=1,<2", channel="nvidia"]')
        ('zlib=1.3', 'zlib[version=">=1,<2"]')
    """
    bare = re.sub(r"\A\s*[^\s\[\]<>=]*::", "", spec)
    return re.sub(r"\[([^\[\]]*)\]", _drop_key, bare)


def _drop_key(brackets: re.Match[str]) -> str:
    kept = _CHANNEL.sub("", brackets[1]).lstrip(", ")
    return f"[{kept}]" if kept else ""


class Pip(Struct):
    """The PyPI part of an environment.

    Attributes:
        requirements: in the syntax of PEP 508.
        sources: where they are from.
        findings: what has no effect.
    """

    requirements: tuple[str, ...]
    sources: PipSources
    findings: tuple[Finding, ...]


def read_pip(file: str, lines: Sequence[str]) -> Pip:
    """Read the lines that conda hands to pip.

    Raises:
        InputError: one is neither a requirement nor an option that can be followed.
    """
    requirements, index, extra, links, findings = [], "", [], [], []
    for line in lines:
        subject, text = f"{file}: pip", re.sub(r"(?:^|\s)#.*$", "", line).strip()
        option = _OPTION.match(text)
        name, value = (option[1], (option[2] or "").strip()) if option else ("", "")
        if not text:
            continue
        if name in _EDITABLE or (_DIRECTORY.match(text) and not text.endswith(".whl")):
            message = f"has {text[:_SHOWN]!r}, a directory, which the environment leaves out"
            findings.append(_tell(file, message))
        elif name in _INDEXES and value:
            index = value
        elif name == "--extra-index-url" and value:
            extra.append(value)
        elif name in _LINKS and value:
            links.append(value)
        elif option:
            hint = "write the requirements themselves, one a line"
            raise InputError(
                subject, f"{strip_login(text)[:_SHOWN]!r} is an option that is not followed", hint
            )
        else:
            requirements.append(check_requirement(subject, re.sub(r"\s--hash[= ]\S+", "", text).strip()))
    return Pip(
        requirements=tuple(requirements),
        sources=PipSources(index=index, extra=tuple(extra), find_links=tuple(links)),
        findings=tuple(findings),
    )


def check_requirement(subject: str, text: str) -> str:
    """Return a requirement as PEP 508 writes it.

    Raises:
        InputError: it is none, or names a repository or a path, of which no lock of conda has a hash.
    """
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, ValueError, RecursionError):
        hint = "write NAME, NAME>=VERSION, or NAME @ https://… of a wheel"
        raise InputError(subject, f"{strip_login(text)[:_SHOWN]!r} is no requirement", hint) from None
    url = requirement.url or ""
    if url and not re.match(r"(?:https?|file)://", url):
        hint = "build a wheel of it, and name that, or leave it out"
        raise InputError(subject, f"{requirement.name} comes from a repository or a path, not a file", hint)
    return str(requirement)


def _apply_selectors(file: str, text: str, subdir: str) -> tuple[str, list[Finding]]:
    """Drop the lines that are for other platforms, and keep their numbers."""
    held, kept, findings = _PLATFORMS.get(subdir, frozenset({"unix", "linux"})), [], []
    for number, line in enumerate(text.splitlines(), 1):
        selector = _find_selector(line)
        if selector is None or selector in held:
            kept.append(line)
            continue
        kept.append("")
        known = _OTHERS.union(*_PLATFORMS.values())
        if selector not in known:
            message = (
                f"line {number} is left out: its selector [{selector[:_SHOWN]}] is no word for a platform"
            )
            findings.append(_tell(file, message))
    return "\n".join(kept) + "\n", findings


def _find_selector(line: str) -> str | None:
    if "[" not in line or "#" not in line or line.lstrip().startswith("#"):
        return None
    # A line of many brackets would be tried in too many ways.
    match = _SELECTOR.match(line) if len(line) < 2000 else None
    return match[3].strip() if match else None


def _split(document: dict[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    """Separate what conda installs from what pip does."""
    items = document["dependencies"]
    if items == "":
        return (), []
    if not isinstance(items, list):
        raise Misfit("dependencies", "is not a list")
    specs, lines = [], list[str]()
    for number, item in enumerate(items):
        place = f"dependencies[{number}]"
        if isinstance(item, str):
            if item.strip():
                specs.append(item.strip())
        elif not isinstance(item, dict):
            raise Misfit(place, "is neither text nor a table")
        elif unknown := next((key for key in item if key != "pip"), None):
            raise Misfit(place, f"has the key {unknown[:_SHOWN]!r}: only pip is known")
        else:
            lines += _read_list(item, "pip", place)
    return tuple(specs), lines


def _read_list(table: dict[str, Any], key: str, place: str = "") -> list[str]:
    value = table.get(key, "")
    if value == "":
        return []
    where = f"{place}.{key}" if place else key
    if not isinstance(value, list):
        raise Misfit(where, "is not a list")
    return list(_each_text(value, where))


def _each_text(values: list[Any], where: str) -> Iterator[str]:
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise Misfit(f"{where}[{number}]", "is not text")
        yield value.strip()


def _read_text(table: dict[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise Misfit(key, "is not text")
    return value


def _read_variables(document: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    table = document.get("variables", "")
    if table == "":
        return ()
    if not isinstance(table, dict):
        raise Misfit("variables", "is not a table")
    for key, value in table.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            raise Misfit("variables", f"{key[:_SHOWN]!r} is no name of an environment variable")
        if not isinstance(value, str):
            raise Misfit(f"variables.{key}", "is not text")
        if _HIDING.search(value):
            raise Misfit(f"variables.{key}", "has characters that hide what it is (control or direction)")
    return tuple(sorted(table.items()))


def _tell(file: str, message: str) -> Finding:
    return Finding(level=Level.WARNING, subject=file, message=message)
