"""Reads hashed ``requirements.txt`` files: pinned lines with ``--hash`` (pip's hash-checking mode).

The file names are missing in it: a hash may belong to any file of the version, and an installer looks it up
in the index. Lines that name other files (``-r``, ``-c``) or editable projects are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.requirements import Requirement

from wheelfix.errors import InputError
from wheelfix.lockfile.checks import HINT, find_filename
from wheelfix.model.base import Misfit
from wheelfix.model.lock import Lock, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name

_HASH = re.compile(r"--hash[= ](\w+):([0-9a-f]+)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_FOREIGN = frozenset({"--requirement", "--constraint", "--editable"})


def parse_requirements(name: str, text: str) -> Lock:
    """Read a hashed requirements.txt.

    Args:
        name: of the file, for messages.
        text: its contents.

    Raises:
        InputError: a line is not a pinned requirement with a sha256; the message names the line.
    """
    packages = [_parse_line(f"{name}: line {number}", line) for number, line in _join(text)]
    return Lock(
        name=name,
        kind=LockKind.REQUIREMENTS,
        packages=tuple(package for package in packages if package),
    )


def _join(text: str) -> Iterator[tuple[int, str]]:
    """Yield logical lines without comments, with the number of their first line."""
    start, joined = 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw)
        start = start or number
        joined += line.rstrip("\\") + " " if line.endswith("\\") else line
        if line.endswith("\\"):
            continue
        if joined.strip():
            yield start, joined.strip()
        start, joined = 0, ""
    if joined.strip():
        yield start, joined.strip()


def _parse_line(where: str, line: str) -> LockedPackage | None:
    if line.startswith("-"):
        option = re.split(r"[\s=]", line)[0]
        short = option[:2] in {"-r", "-c", "-e"}
        if option in _FOREIGN or short:
            raise InputError(where, f"{option} names another file", "write all requirements into one file")
        return None
    hashes = _HASH.findall(line)
    try:
        requirement = Requirement(_HASH.sub("", line).strip())
    except ValueError:  # InvalidRequirement, or a number of more digits than Python converts
        raise InputError(where, f"{line[:60]!r} is no requirement", "write NAME==VERSION --hash=…") from None
    digests = tuple(sorted(digest for kind, digest in hashes if kind == "sha256" and len(digest) == 64))
    if not digests:
        raise InputError(
            where,
            f"{requirement.name} has no sha256",
            "write hashes: `uv export`, or `pip-compile --generate-hashes`",
        )
    name, marker = normalize_name(requirement.name), str(requirement.marker or "")
    if requirement.url:
        try:
            filename = find_filename(requirement.url, "url")
        except Misfit as misfit:
            raise misfit.tell(where, HINT) from None
        file = LockedFile(filename=filename, sha256=digests[0], url=requirement.url)
        is_wheel = file.filename.endswith(".whl")
        return LockedPackage(
            name=name,
            version=None,
            source=SourceKind.ARCHIVE,
            wheels=(file,) if is_wheel else (),
            sdist=None if is_wheel else file,
            marker=marker,
        )
    pins = [s.version for s in requirement.specifier if s.operator in {"==", "==="}]
    if len(pins) != 1 or pins[0].endswith("*"):
        raise InputError(where, f"{requirement.name} is not pinned", "write NAME==VERSION --hash=…")
    return LockedPackage(name=name, version=pins[0], hashes=digests, marker=marker)
