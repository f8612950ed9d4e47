"""Parses names, versions, tags and requirements; the module that imports ``packaging``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import prod
from typing import Any

from packaging.licenses import canonicalize_license_expression
from packaging.markers import Marker
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement as ParsedRequirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from wheelfix.errors import WheelError
from wheelfix.model.base import Struct, decode_json, replace
from wheelfix.model.python import CPYTHON, PYPY, Python
from wheelfix.model.wheel import Distribution, Requirement

DEFAULT_PYTHON = "3.12"
"""Python version for which markers are evaluated if the tags name none (``py3``)."""

_MAX_TAGS = 4096
_MAX_NAME = 250
"""Longest file name, in bytes; slightly below the limit of file systems."""
_MAX_REQUIREMENT = 4 << 10
"""Longest requirement parsed, in bytes: a marker takes quadratic time in the number of its extras."""
_MAX_REQUIREMENTS = 256 << 10
"""Bytes of all requirements of a METADATA; those of apache-airflow have 60 KB."""
_MAX_FIELDS, _MAX_FIELD_NAMES = 20_000, 256
"""The email parser of METADATA takes time by the product of the two; the specification has 30 names."""
_END_OF_FIELDS = re.compile(rb"\n\r?\n|\r\r")
_FIELD = re.compile(rb"^[!-9;-~]*:", re.MULTILINE)
_UNREADABLE = (ValueError, LookupError, TypeError, RecursionError)
"""Errors of ``packaging`` for invalid input: its own, which are ValueErrors or KeyErrors, and Python's for
thousands of digits or parentheses."""
_COMPARISON = re.compile(r'("[^"]*"|\w+) (?:[=!<>~]=?=?|not in|in) ("[^"]*"|\w+)')
_PLATFORM = frozenset(
    {"os_name", "platform_machine", "platform_release", "platform_system", "platform_version", "sys_platform"}
)
"""Variables of markers that depend on the platform, and not on the interpreter (PEP 508)."""
_BRACKETS = re.compile(r"(\[[^\]]*\])")
_PARTS = 5
"""Parts of a wheel's file name that are always there."""
_LABEL = re.compile(r"[0-9a-z_.]{1,16}")
_PROPERTY = re.compile(r"[0-9a-z_.]{1,128}")
_MAX_VARIANTS = 1 << 20
"""Largest variant.json that is read, in bytes."""
_MINORS = range(4, 40)
"""Minor versions of Python 3 that a range is tested for."""
_MAX_LICENSE = 1 << 10
"""Longest license expression parsed, in bytes; parentheses nest as deep as they are many."""
_PYTHON_TAG = re.compile(r"(cp|pp|py)(\d)(\d{0,3})")


def normalize_name(name: str) -> str:
    """Normalise a distribution name (PEP 503)."""
    return canonicalize_name(name)


def normalize_glob(glob: str) -> str:
    """Normalise a glob of distribution names, extras or groups: like a name, except inside brackets.

    Example:
        >>> normalize_glob("Foo_Bar*"), normalize_glob("ruamel.yaml"), normalize_glob("a[._-]b")
        ('foo-bar*', 'ruamel-yaml', 'a[._-]b')
    """
    parts = _BRACKETS.split(glob.lower())
    return "".join(p if p.startswith("[") else re.sub(r"[-_.]+", "-", p) for p in parts)


def rank_version(text: str) -> tuple[bool, Version, str]:
    """Return a sort key that puts the newest version last, and strings that are not versions first."""
    try:
        return (True, Version(text), text)
    except _UNREADABLE:
        return (False, Version("0"), text)


def parse_filename(filename: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Split a wheel file name into normalised name, version and expanded tags.

    Returns:
        None if the name does not follow the binary distribution format (a renamed wheel).
    """
    if not is_sound_filename(filename):
        return None
    try:
        name, version, _, tags = parse_wheel_filename(split_label(filename)[0])
    except _UNREADABLE:
        return None
    return name, str(version), _sort_tags(tags)


def split_label(filename: str) -> tuple[str, str]:
    """Split the label of a wheel variant off a file name (PEP 825).

    Returns:
        The name of the same wheel without a label, and the label; empty for a wheel that is no variant.

    Example:
        >>> split_label("torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64-cu129.whl")
        ('torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64.whl', 'cu129')
    """
    parts = filename.removesuffix(".whl").split("-")
    # A build tag starts with a digit, and a Python tag never does, so that the third part tells them apart.
    plain = _PARTS + (len(parts) > 2 and parts[2][:1].isdigit())
    if not filename.endswith(".whl") or len(parts) != plain + 1 or not _LABEL.fullmatch(parts[-1]):
        return filename, ""
    return f"{'-'.join(parts[:-1])}.whl", parts[-1]


def parse_variants(text: bytes) -> Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]:
    """Read the variants of a ``variant.json`` (PEP 825): properties by label, namespace and feature.

    Returns:
        Empty if it is no such file, or is larger than is plausible; properties that break the format are left
        out.
    """
    if len(text) > _MAX_VARIANTS:
        return {}
    try:
        variants = decode_json(text, dict[str, Any])["variants"]
        return {
            label: {
                namespace: {
                    feature: tuple(v for v in values if isinstance(v, str) and _PROPERTY.fullmatch(v))
                    for feature, values in features.items()
                    if _PROPERTY.fullmatch(feature) and isinstance(values, list)
                }
                for namespace, features in namespaces.items()
                if _PROPERTY.fullmatch(namespace)
            }
            for label, namespaces in variants.items()
            if _LABEL.fullmatch(label)
        }
    except (*_UNREADABLE, AttributeError):
        return {}


def add_variant(wheel: Distribution, text: bytes | None) -> Distribution:
    """Add to a wheel what its own ``variant.json`` says, if it is a variant.

    Args:
        wheel: under its file name.
        text: the file; None if it has none.
    """
    variants, label = parse_variants(text) if text else {}, split_label(wheel.target)[1]
    if not label and len(variants) == 1:  # a renamed wheel, or an installed one
        (label,) = variants
    return replace(wheel, variant=label, properties=variants.get(label, {}))


def is_sound_filename(filename: str) -> bool:
    """Whether a file name is possible, and its tags, if it is a wheel, are few.

    The tags of a wheel are a product: a name of 4 KB can stand for millions.
    """
    try:
        size = len(filename.encode())
    except UnicodeEncodeError:
        return False
    plain = split_label(filename)[0]
    parts = plain.removesuffix(".whl").split("-")[-3:] if plain.endswith(".whl") else []
    return (
        0 < size <= _MAX_NAME
        and filename.isprintable()
        and "/" not in filename
        and (prod(part.count(".") + 1 for part in parts) <= _MAX_TAGS)
    )


def parse_sdist_name(filename: str) -> tuple[str, str] | None:
    """Split the file name of a source distribution into normalised name and version; None for other names."""
    if not is_sound_filename(filename):
        return None
    try:
        name, version = parse_sdist_filename(filename)
    except _UNREADABLE:
        return None
    return name, str(version)


def parse_wheel_tags(text: str) -> tuple[str, ...]:
    """Expand the ``Tag:`` lines of a WHEEL file; invalid ones, and all beyond some thousands, are dropped."""
    tags: set[Tag] = set()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        count = prod(part.count(".") + 1 for part in value.split("-"))
        if key.strip().lower() == "tag" and value.count("-") == 2 and count + len(tags) <= _MAX_TAGS:
            with suppress(*_UNREADABLE):
                tags |= parse_tag(value.strip())
    return _sort_tags(tags)


def parse_metadata(path: str, text: bytes, tags: Sequence[str]) -> tuple[str, str, tuple[Requirement, ...]]:
    """Read name, version and requirements out of a METADATA file.

    Args:
        path: member path, for messages.
        text: the file.
        tags: compatibility tags of the wheel; requirement markers are evaluated for them.

    Raises:
        WheelError: the file names no distribution or no version, or has more requirements than is plausible.
    """
    raw = read_fields(path, text)
    name, version = raw.get("name"), raw.get("version")
    if not name or not version:
        raise WheelError(path, "METADATA has no Name or no Version", "the wheel is damaged: fetch it again")
    environment = find_environment(tags)
    lines = raw.get("requires_dist", [])
    if sum(map(len, lines)) > _MAX_REQUIREMENTS:
        raise WheelError(
            path,
            f"{len(lines)} requirements, {sum(map(len, lines))} characters of them",
            "this is no wheel made by a build tool: do not install it",
        )
    requires = [requirement for line in lines if (requirement := parse_requirement(line, environment))]
    return canonicalize_name(name), version, tuple(requires)


def parse_requirement(line: str, environment: dict[str, str]) -> Requirement | None:
    """Parse one requirement and evaluate its marker with no extra chosen.

    Returns:
        None for a line that is not a requirement (old wheels have such lines, and installers skip them), or
        if the marker cannot be evaluated.
    """
    if len(line) > _MAX_REQUIREMENT:
        return None
    try:
        parsed = ParsedRequirement(line)
        marker = parsed.marker
        variables, named = _split_marker(str(marker)) if marker else (frozenset(), [])
        active = marker is None or marker.evaluate({**environment, "extra": ""})
        under = [e for e in named if marker is not None and marker.evaluate({**environment, "extra": e})]
    except _UNREADABLE:
        return None
    return Requirement(
        name=canonicalize_name(parsed.name),
        extras=tuple(sorted(map(normalize_name, parsed.extras))),
        active=active,
        text=line,
        under=tuple(map(normalize_name, under)),
        platform=not _PLATFORM.isdisjoint(variables),
        conditional=marker is not None,
    )


def _split_marker(text: str) -> tuple[frozenset[str], list[str]]:
    """Return the variables of a marker, and the extras it names, sorted, in the spelling of ``packaging``."""
    pairs = [pair for left, right in _COMPARISON.findall(text) for pair in ((left, right), (right, left))]
    named = {other.strip('"') for one, other in pairs if one == "extra" and other.startswith('"')}
    return frozenset(one for one, _ in pairs), sorted(named - {""})


def tells_platforms(marker: str) -> bool:
    """Whether a marker depends on the platform, and not only on the interpreter or extras; False for none."""
    try:
        return not _PLATFORM.isdisjoint(_split_marker(str(Marker(marker)))[0])
    except _UNREADABLE:
        return False


def evaluate_requirements(wheel: Distribution, environment: Mapping[str, str]) -> Distribution:
    """Return the same distribution with its requirements evaluated for a target instead of its own tags.

    Args:
        wheel: the distribution.
        environment: of the target (PEP 508).
    """
    known = dict(environment)
    if find_environment(wheel.tags) == known:
        return wheel
    found = [(parse_requirement(r.text, known) or r) if r.conditional else r for r in wheel.requires]
    return replace(wheel, requires=tuple(found))


class Wanted(Struct):
    """A requirement that a user wrote.

    Attributes:
        text: the requirement, normalised, for messages.
        name: normalised distribution name.
        extras: normalised, sorted.
        specifier: version specifiers, or empty.
        version: the normalised version if only one fits (``==``).
        url: its address, for ``name @ URL``.
    """

    text: str
    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    version: str | None = None
    url: str | None = None


def parse_wanted(text: str) -> Wanted | None:
    """Parse a requirement; its marker is ignored, as the user asked for the distribution.

    Returns:
        None for text that is not a requirement.

    Example:
        >>> parse_wanted("Torch[opt-einsum] == 2.9.1").text
        'torch[opt-einsum]==2.9.1'
    """
    if len(text) > _MAX_REQUIREMENT or "\n" in text or "\r" in text:
        return None
    try:
        parsed = ParsedRequirement(text)
        specifiers = list(parsed.specifier)
        name, only = canonicalize_name(parsed.name), specifiers[0] if specifiers else None
        exact = len(specifiers) == 1 and only and only.operator == "==" and not only.version.endswith(".*")
        version = str(Version(only.version)) if exact and only else None
    except _UNREADABLE:
        return None
    extras = tuple(sorted(map(normalize_name, parsed.extras)))
    named = f"{name}[{','.join(extras)}]" if extras else name
    return Wanted(
        text=f"{named}{parsed.specifier}",
        name=name,
        extras=extras,
        specifier=str(parsed.specifier),
        version=version,
        url=parsed.url,
    )


def find_wanted_version(requirement: str) -> tuple[str, bool] | None:
    """Find the version that a requirement names: the exact one, else the lowest.

    Returns:
        The version, and whether it is exact; a prefix such as ``13`` for ``==13.*``. None if it names none.

    Example:
        >>> find_wanted_version("nvidia-cudnn-cu12==9.10.2.21"), find_wanted_version("nvidia-cufft~=12.0")
        (('9.10.2.21', True), ('12.0', False))
    """
    if len(requirement) > _MAX_REQUIREMENT:
        return None
    try:
        specifiers = list(ParsedRequirement(requirement).specifier)
        exact = [s.version.removesuffix(".*") for s in specifiers if s.operator in {"==", "==="}]
        lowest = [s.version for s in specifiers if s.operator in {">=", "~=", ">"}]
        newest = max(exact or lowest, key=Version, default=None)
    except _UNREADABLE:
        return None
    return (newest, bool(exact)) if newest else None


def is_exact(requirement: str) -> bool:
    """Whether a requirement pins one version, whatever else it says: ``==1.0``, ``==1.0,!=2``."""
    if len(requirement) > _MAX_REQUIREMENT:
        return False
    try:
        specifiers = list(ParsedRequirement(requirement).specifier)
    except _UNREADABLE:
        return False
    return any(s.operator in {"==", "==="} and not s.version.endswith(".*") for s in specifiers)


def admits(requirement: str, version: str) -> bool:
    """Whether a version meets a requirement; pre-releases count too."""
    wanted = parse_wanted(requirement)
    try:
        return wanted is not None and SpecifierSet(wanted.specifier).contains(version, prereleases=True)
    except _UNREADABLE:
        return False


def find_environment(tags: Iterable[str]) -> dict[str, str]:
    """Marker environment (PEP 508) of the Linux interpreter that a wheel with these tags is for.

    A wheel may fit several Pythons: :data:`DEFAULT_PYTHON` is used if it is one of them, else the newest one
    that the tags name. Callers that know the target's Python use :func:`evaluate_requirements`.

    Args:
        tags: expanded compatibility tags, in any order.
    """
    python, machine = _find_python(tags := sorted(tags)), "x86_64"
    for tag in tags:
        if match := re.fullmatch(r"(?:many|musl)?linux(?:_\d+_\d+|\d+)?_(\w+)", tag.split("-", 2)[2]):
            machine = match[1]
    return make_environment(python, machine)


def make_environment(python: Python, machine: str) -> dict[str, str]:
    """Make the marker environment (PEP 508) of an interpreter on Linux.

    Args:
        python: the interpreter.
        machine: as ``platform.machine()`` has it.
    """
    return {
        "implementation_name": python.implementation,
        "implementation_version": python.implementation_version,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": python.name,
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python.full_version,
        "python_version": python.version,
        "sys_platform": "linux",
    }


def _find_python(tags: Iterable[str]) -> Python:
    """Choose the Python for :func:`find_environment`; PyPy if all tags are of it."""
    default = _parse_python(DEFAULT_PYTHON)
    named, kinds = set(), set()
    for tag in tags:
        interpreter, abi, _ = tag.split("-", 2)
        if not (match := _PYTHON_TAG.fullmatch(interpreter)):
            continue
        version = (int(match[2]), int(match[3] or 0))
        # ``py3`` and ``cp39-abi3`` also stand for all later ones of the same major version.
        later = match[1] == "py" or abi == "abi3"
        if match[1] != "pp" and (
            version == default or (later and version[0] == default[0] and version <= default)
        ):
            return _make_python(default, CPYTHON)
        named.add(version if version > (2, 0) else (2, 7))
        kinds.add(match[1])
    return _make_python(max(named, default=default), PYPY if kinds == {"pp"} else CPYTHON)


def _make_python(version: tuple[int, int], implementation: str) -> Python:
    return Python(major=version[0], minor=version[1], implementation=implementation)


def _parse_python(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _sort_tags(tags: Iterable[Tag]) -> tuple[str, ...]:
    return tuple(sorted(str(tag) for tag in tags))


def read_fields(path: str, text: bytes) -> RawMetadata:
    """Read the fields of a METADATA file, as written.

    Args:
        path: member path, for messages.
        text: the file.

    Raises:
        WheelError: it cannot be parsed, or has more fields than is plausible.
    """
    fields = _FIELD.findall(_END_OF_FIELDS.split(text, maxsplit=1)[0].replace(b"\r", b"\n"))
    if len(fields) > _MAX_FIELDS or len(set(fields)) > _MAX_FIELD_NAMES:
        raise WheelError(
            path,
            f"METADATA has {len(fields)} fields of {len(set(fields))} names",
            "this is no wheel made by a build tool: do not install it",
        )
    try:
        raw, _ = parse_email(text)
    except _UNREADABLE as error:
        raise WheelError(
            path,
            f"METADATA cannot be parsed ({type(error).__name__})",
            "the wheel is damaged: fetch it again",
        ) from None
    return raw


def canonicalize_license(text: str) -> str:
    """Write an SPDX license expression in its canonical spelling; empty for other text.

    Example:
        >>> canonicalize_license("apache-2.0 or mit"), canonicalize_license("BSD")
        ('Apache-2.0 OR MIT', '')
    """
    if len(text) > _MAX_LICENSE:
        return ""
    try:
        return canonicalize_license_expression(text)
    except (*_UNREADABLE, SyntaxError, MemoryError):
        return ""


def list_minors(specifier: str) -> tuple[int, ...] | None:
    """List the minor versions of Python 3 that version specifiers accept in some patch release, ascending.

    Returns:
        None for text that is none.
    """
    try:
        known = SpecifierSet(specifier)
        named = re.findall(r"3\.\d+\.(\d{1,4})", specifier)
        patches = dict.fromkeys(["99", "0", *named])
        return tuple(m for m in _MINORS if any(known.contains(f"3.{m}.{patch}") for patch in patches))
    except _UNREADABLE:
        return None


def find_pythons(specifier: str) -> tuple[str, str]:
    """Find the range of Python versions that ``Requires-Python`` accepts.

    Args:
        specifier: ``>=3.12,<3.15``.

    Returns:
        The oldest minor version that it accepts in some patch release, and the oldest of those above it that
        it refuses; each empty if there is none.

    Example:
        >>> find_pythons(">=3.12,<3.15"), find_pythons(">=3.11"), find_pythons("*")
        (('3.12', '3.15'), ('3.11', ''), ('', ''))
    """
    accepted = list_minors(specifier)
    if not accepted:
        return "", ""
    newer = (m for m in _MINORS if m > accepted[-1])
    oldest = f"3.{accepted[0]}" if accepted[0] > _MINORS[0] else ""
    return oldest, next((f"3.{m}" for m in newer), "")
