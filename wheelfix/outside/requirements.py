"""Parses what a user asks for: requirements, addresses, and the interpreter and platform of a file."""

from __future__ import annotations

import re

from wheelfix.errors import InputError, suggest
from wheelfix.model.base import Struct
from wheelfix.model.python import Python, parse_python
from wheelfix.model.system import (
    list_linux_systems,
    name_machine,
)
from wheelfix.wheel.metadata import parse_wanted

NEWEST_GLIBC = 42
"""Minor version of the glibc 2 in nixpkgs; wheels that require a newer one are ranked last."""
_LIMIT_GLIBC = 60
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_HASH = re.compile(r"\s--hash[= ]sha256:([0-9a-f]{64})(?=\s|$)")
_MACHINES = {
    "amd64": "x86_64-linux",
    "arm64": "aarch64-linux",
    "armhf": "armv7l-linux",
    "armv7": "armv7l-linux",
    "i386": "i686-linux",
    "loong64": "loongarch64-linux",
    "ppc64el": "powerpc64le-linux",
    "x64": "x86_64-linux",
    "x86": "i686-linux",
}
"""Other names of machines: Debian's, Docker's, and those of triples."""
_NOT_LINUX = ("darwin", "macos", "win", "freebsd", "netbsd", "openbsd", "cygwin", "android", "ios")
_FILES = (
    ".whl",
    ".lock",
    ".txt",
    ".toml",
    ".gz",
    ".bz2",
    ".xz",
    ".zip",
    ".tar",
    ".tgz",
    ".so",
    ".nix",
    ".json",
    ".md",
    ".rst",
    ".cfg",
    ".ini",
    ".yaml",
    ".yml",
    ".exe",
    ".dll",
    ".dylib",
    ".conda",
    ".egg",
    ".deb",
    ".rpm",
)


class Interpreter(Struct):
    """The interpreter and platform that wheels are chosen for.

    Attributes:
        python: the interpreter.
        platforms: platform tags that run there, best first.
    """

    python: Python
    platforms: tuple[str, ...]


def looks_like_requirement(text: str) -> bool:
    """Whether an argument that is no file is a requirement to fetch, and not a missing file's name.

    Example:
        >>> looks_like_requirement("numpy"), looks_like_requirement("torch.whl")
        (True, False)
    """
    bare, _ = split_hashes(text)
    wanted = parse_wanted(bare)
    if wanted is None:
        return False
    named = wanted.url or wanted.specifier or wanted.extras
    return bool(named) or not bare.strip().lower().endswith(_FILES)


def is_url(text: str) -> bool:
    """Whether an argument is the address of a file on the web, or of a repository."""
    return re.match(r"(?:git|hg|svn|bzr)\+|https?://", text, re.IGNORECASE) is not None


def split_hashes(requirement: str) -> tuple[str, frozenset[str]]:
    """Split off the ``--hash=sha256:...`` of a requirement."""
    return _HASH.sub("", requirement), frozenset(_HASH.findall(requirement))


def check_system(text: str, option: str = "--platform") -> None:
    """Refuse text that is not a Nix system with Linux.

    Args:
        text: what the user wrote.
        option: where, for the message.

    Raises:
        InputError: it is not one.
    """
    if text in list_linux_systems():
        return
    subject, spelled = f"{option} {text}", text.lower()
    if found := _find_meant(spelled):
        what = ", and give the musllinux wheel's file" if "musl" in spelled else ""
        raise InputError(subject, "is no Linux system of Nix", f"write {found}{what}")
    if any(one in spelled for one in _NOT_LINUX):
        raise InputError(subject, "is no Linux system of Nix", "wheelfix is for wheels of Linux: name one")
    machine, known = spelled.partition("-")[0], _list_machines()
    hint = suggest(machine, known, otherwise="name a system such as x86_64-linux")
    raise InputError(subject, "is no Linux system of Nix", hint)


def _find_meant(text: str) -> str | None:
    """Find the Nix system that a platform tag, a triple, or a container's platform is meant for."""
    if any(one in text for one in _NOT_LINUX):
        return None
    machines = _list_machines() | _MACHINES
    bare = text.replace("x86-64", "x86_64")
    words = re.split(r"[-/.]", re.sub(r"^(?:many|musl)?linux(?:_\d+_\d+|\d+)?_", "", bare))
    found = {machines[word] for word in words if word in machines}
    if len(words) > 1 and "arm" in words and "v7" in words:
        found.add("armv7l-linux")
    return found.pop() if len(found) == 1 else None


def _list_machines() -> dict[str, str]:
    """Return the Nix systems by the names of their machines, as Nix and as platform tags have them."""
    systems = sorted(list_linux_systems())
    return {name.partition("-")[0]: name for name in systems} | {name_machine(name): name for name in systems}


def find_platforms(system: str, *, musl: bool = False) -> tuple[str, ...]:
    """List platform tags that run on a Nix system, best first; empty for a system without Linux.

    Tags for a newer glibc than nixpkgs' come last: nixpkgs may have been updated, and no other wheel may fit.

    Example:
        >>> find_platforms("aarch64-linux")[:2]
        ('manylinux_2_42_aarch64', 'manylinux_2_41_aarch64')
    """
    if not re.fullmatch(r"\w+-linux", system):
        return ()
    machine = name_machine(system)
    if musl:
        return tuple(f"{tag}_{machine}" for tag in ("musllinux_1_2", "musllinux_1_1", "linux"))
    oldest = 5 if machine in {"x86_64", "i686"} else 17
    tags = []
    for minor in range(NEWEST_GLIBC, oldest - 1, -1):
        tags += [f"manylinux_2_{minor}"] + ([_LEGACY[minor]] if minor in _LEGACY else [])
    newer = [f"manylinux_2_{minor}" for minor in range(NEWEST_GLIBC + 1, _LIMIT_GLIBC + 1)]
    return tuple(f"{tag}_{machine}" for tag in [*tags, "linux", *newer])


def find_interpreter(subject: str, python: str, system: str, *, musl: bool = False) -> Interpreter:
    """Make the interpreter and platform that wheels are chosen for.

    Raises:
        InputError: the version or the system is unknown.
    """
    known = parse_python(python)
    if known is None:
        raise InputError(
            subject, f"cannot be downloaded for Python {python!r}", "name a version such as 3.12 or 3.14t"
        )
    platforms = find_platforms(system, musl=musl)
    if not platforms:
        raise InputError(
            subject, f"cannot be downloaded for {system!r}", "name a system such as x86_64-linux"
        )
    return Interpreter(python=known, platforms=platforms)
