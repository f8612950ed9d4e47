"""Names, versions, tags, requirements: the door to ``packaging``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import prod

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.tags import Tag, parse_tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from wheelfix.errors import WheelError
from wheelfix.model.wheel import Requirement

DEFAULT_PYTHON = "3.12"
"""Python version markers are evaluated for when the tags name none (``py3``)."""

_MAX_TAGS = 4096
_EXTRA = re.compile(r'\bextra == "([^"]+)"')


def normalize_name(name: str) -> str:
    """Normalise a distribution name (PEP 503)."""
    return canonicalize_name(name)


def parse_filename(filename: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Split a wheel file name into normalised name, version and expanded tags.

    Returns:
        None if the name does not follow the binary distribution format (a renamed wheel).
    """
    try:
        name, version, _, tags = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion):
        return None
    return name, str(version), _sort_tags(tags)


def choose_sdist(requirement: str, filenames: Iterable[str]) -> str | None:
    """Choose the newest source distribution that fits a requirement.

    Args:
        requirement: name and version specifiers (``cryptography>=43``).
        filenames: of any files; what is no sdist of that name is passed over.

    Returns:
        None if none fits. A pre-release is chosen only where nothing else fits.
    """
    wanted = ParsedRequirement(requirement)
    found: dict[Version, str] = {}
    for filename in filenames:
        try:
            name, version = parse_sdist_filename(filename)
        except (InvalidSdistFilename, InvalidVersion):
            continue
        if name == canonicalize_name(wanted.name):
            found[version] = min(filename, found.get(version, filename))  # .tar.gz before .zip
    fitting = list(wanted.specifier.filter(found))
    return found[max(fitting)] if fitting else None


def parse_wheel_tags(text: str) -> tuple[str, ...]:
    """Expand the ``Tag:`` lines of a WHEEL file; a line that stands for thousands of tags is left out."""
    tags: set[Tag] = set()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        count = prod(part.count(".") + 1 for part in value.split("-"))
        if key.strip().lower() == "tag" and value.count("-") == 2 and count <= _MAX_TAGS:
            tags |= parse_tag(value.strip())
    return _sort_tags(tags)


def parse_metadata(path: str, text: bytes, tags: Sequence[str]) -> tuple[str, str, tuple[Requirement, ...]]:
    """Read name, version and requirements out of a METADATA file.

    Args:
        path: member path, for messages.
        text: the file.
        tags: compatibility tags of the wheel; requirement markers are evaluated for them.

    Raises:
        WheelError: the file names no distribution or no version.
    """
    raw, _ = parse_email(text)
    name, version = raw.get("name"), raw.get("version")
    if not name or not version:
        raise WheelError(path, "METADATA has no Name or no Version", "the wheel is damaged: fetch it again")
    environment = find_environment(tags)
    requires = [
        requirement
        for line in raw.get("requires_dist", [])
        if (requirement := parse_requirement(line, environment))
    ]
    return canonicalize_name(name), version, tuple(requires)


def parse_requirement(line: str, environment: dict[str, str]) -> Requirement | None:
    """Parse one requirement and evaluate its marker with no extra chosen.

    Returns:
        None for a line that is no requirement: old wheels have them, and installers skip them.
    """
    try:
        parsed = ParsedRequirement(line)
    except InvalidRequirement:
        return None
    marker = parsed.marker
    named = sorted(set(_EXTRA.findall(str(marker)))) if marker else []
    return Requirement(
        name=canonicalize_name(parsed.name),
        extras=tuple(sorted(map(normalize_name, parsed.extras))),
        active=marker is None or marker.evaluate({**environment, "extra": ""}),
        text=line,
        under=tuple(
            normalize_name(extra)
            for extra in named
            if marker is not None and marker.evaluate({**environment, "extra": extra})
        ),
    )


def parse_pin(text: str) -> tuple[str, str, str | None] | None:
    """Split a requirement that names a version.

    Returns:
        Normalised name, the same with its version specifiers and nothing else, and the normalised version if
        only one fits (``==``); None for what is no requirement, or has no specifier, or names a URL.

    Example:
        >>> parse_pin("Torch[opt-einsum]==2.9.1")
        ('torch', 'torch==2.9.1', '2.9.1')
    """
    try:
        parsed = ParsedRequirement(text)
    except InvalidRequirement:
        return None
    specifiers = list(parsed.specifier)
    if parsed.url or not specifiers:
        return None
    name, only = canonicalize_name(parsed.name), specifiers[0]
    exact = len(specifiers) == 1 and only.operator == "==" and not only.version.endswith(".*")
    return name, f"{name}{parsed.specifier}", str(Version(only.version)) if exact else None


def find_environment(tags: Iterable[str]) -> dict[str, str]:
    """Marker environment (PEP 508) of the Linux interpreter that a wheel with these tags is for."""
    version, machine = DEFAULT_PYTHON, "x86_64"
    for tag in sorted(tags):
        interpreter, _, platform = tag.split("-", 2)
        if match := re.fullmatch(r"cp(\d)(\d+)", interpreter):
            version = f"{match[1]}.{match[2]}"
        if match := re.fullmatch(r"(?:many|musl)?linux(?:_\d+_\d+|\d+)?_(\w+)", platform):
            machine = match[1]
    if "-abi3-" in next(iter(sorted(tags)), ""):
        version = max(version, DEFAULT_PYTHON, key=lambda v: [int(part) for part in v.split(".")])
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{version}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{version}.0",
        "python_version": version,
        "sys_platform": "linux",
    }


def _sort_tags(tags: Iterable[Tag]) -> tuple[str, ...]:
    return tuple(sorted(str(tag) for tag in tags))


def parse_about(text: bytes) -> tuple[str, str, str, str]:
    """Read what a METADATA file says for people.

    Returns:
        Summary, home page, license as SPDX expression, and in words; empty where there is none.
    """
    raw, _ = parse_email(text)
    urls = {re.sub(r"[^a-z]", "", label.lower()): url for label, url in raw.get("project_urls", {}).items()}
    named = (urls[label] for label in ("homepage", "source", "sourcecode", "repository") if label in urls)
    homepage = raw.get("home_page") or next(named, "")
    words = (raw.get("license") or "").partition("\n")[0]
    return raw.get("summary") or "", homepage, raw.get("license_expression") or "", words
