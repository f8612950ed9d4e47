"""Checks for what ``nixpkgsPrebuilt`` and nixpkgs would throw on, before an evaluation or build."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from wheelfix.errors import InputError, suggest
from wheelfix.index.lookup import find_default_python
from wheelfix.index.table import SonameTable
from wheelfix.model.index import PythonPackage
from wheelfix.model.lock import name_interpreter, name_packages
from wheelfix.model.scan import Finding, Level

_PART = re.compile(r'"([^"\\$\0\n]+)"|([^."\s]+)')
_SET = re.compile(r"((?:python|pypy)3\d*)Packages|(python3\d*(?:FreeThreading)?|pypy3\d*)")
_INTERPRETER = re.compile(r"(?:python|(pypy))3(\d+)(FreeThreading)?")
_TOO_SHORT = 2
"""Parts of a name with so few letters are not compared: ``py``, ``3d``."""
_SLIP = 0.8
"""Ratio of :mod:`difflib` above which a name counts as a misspelling of another."""
_PARTS = 2
"""Parts of the path of a package in a set."""
_HINT = "write an attribute path below pkgs, such as python3Packages.torchWithoutCuda"


def parse_attr(text: str) -> tuple[str, ...]:
    """Split an attribute path at its dots; parts may be in quotes, and ``pkgs.`` may stand in front.

    Raises:
        InputError: it is not one.

    Example:
        >>> parse_attr('pkgs.python3Packages."3to2"')
        ('python3Packages', '3to2')
    """
    parts, rest = [], text.strip()
    while match := _PART.match(rest):
        parts.append(match[1] or match[2])
        rest = rest[match.end() :]
        if not rest:
            break
        if not rest.startswith(".") or rest == ".":
            raise InputError(text, "is no attribute path", _HINT)
        rest = rest[1:]
    if parts[:1] == ["pkgs"]:
        parts = parts[1:]
    if rest or not parts:
        raise InputError(text, "is no attribute path", _HINT)
    return tuple(parts)


def find_python(attr: tuple[str, ...]) -> str:
    """Return the attribute of the interpreter that a package belongs to; ``python3`` if the path names none.

    Example:
        >>> find_python(("python312Packages", "torch")), find_python(("python313", "pkgs", "torch"))
        ('python312', 'python313')
    """
    match = _SET.fullmatch(attr[0])
    return (match[1] or match[2]) if match else "python3"


def check_build(
    attr: tuple[str, ...], name: str, tags: Iterable[str], *, asked: str | None, index: SonameTable
) -> tuple[Finding, ...]:
    """Compare a build with the distribution that it is to replace.

    Args:
        attr: of the build.
        name: of the distribution, normalised.
        tags: of its wheel, if known.
        asked: version of Python that the user named, or None.
        index: used to look up attributes of nixpkgs.

    Returns:
        Warnings.

    Raises:
        InputError: it is for another version of Python, a misspelling of the distribution's own name, or gone
            from nixpkgs.
    """
    _check_set(attr, name)
    package = find_package(attr, index)
    known = package is not None or index.has_attr(".".join(attr))
    return (
        *check_existence(attr, package),
        *check_prebuilt(attr, tags, asked=asked, default=find_default_python(index)),
        *check_name(attr, name, known=known, others=index.attributes.list_python()),
    )


def _check_set(attr: tuple[str, ...], name: str) -> None:
    """Refuse a misspelling of a Python package set, and the name of a package without one."""
    shown, of_default = ".".join(attr), "python3Packages"
    if len(attr) == 1 and attr[0] == name:
        raise InputError(shown, "is in no Python package set", f"write {of_default}.{name}")
    if len(attr) > 1 and not _SET.fullmatch(attr[0]):
        digits = re.sub(r"\D", "", attr[0])
        fixed = suggest(
            attr[0], {one: ".".join((one, *attr[1:])) for one in (of_default, f"python{digits}Packages")}
        )
        if fixed:
            raise InputError(shown, "is in no Python package set", fixed)


def find_package(attr: tuple[str, ...], index: SonameTable) -> PythonPackage | None:
    """Find what is known of a build in a Python package set of nixpkgs; None if nothing is."""
    return index.attributes.find_python_attr(attr[-1]) if _SET.fullmatch(attr[0]) else None


def check_existence(attr: tuple[str, ...], package: PythonPackage | None) -> tuple[Finding, ...]:
    """Refuse a build that nixpkgs has removed, and tell of one that has another name now.

    Args:
        attr: of the build.
        package: what is known of it, or None.

    Raises:
        InputError: it is gone.
    """
    shown = ".".join(attr)
    if package is None or (package.removed is None and not package.renamed):
        return ()
    now = ".".join((*attr[:-1], package.renamed)) if package.renamed else ""
    if package.removed is not None:
        why = f": {package.removed}" if package.removed else ""
        hint = f"write {now}" if now else "name another build, or keep the wheel: see `wheelfix override`"
        raise InputError(shown, f"is gone from nixpkgs{why}", hint)
    return (Finding(level=Level.NOTE, subject=shown, message=f"is an alias of {now} in nixpkgs"),)


def check_prebuilt(
    attr: tuple[str, ...], tags: Iterable[str], *, asked: str | None, default: str | None
) -> tuple[Finding, ...]:
    """Compare the Python of a build with the one that a wheel is for.

    Args:
        attr: of the build.
        tags: of the wheel.
        asked: version that the user named, or None.
        default: version of ``python3`` in the index, if known.

    Returns:
        Warnings.

    Raises:
        InputError: the attribute names another version: ``nixpkgsPrebuilt`` throws on it.
    """
    shown = ".".join(attr)
    if not _SET.fullmatch(attr[0]):
        message = "is in no Python package set: nixpkgsPrebuilt needs a package with pythonModule"
        return (Finding(level=Level.WARNING, subject=shown, message=message),)
    wanted = asked or _find_version(tags)
    named = _INTERPRETER.fullmatch(find_python(attr))
    if wanted is None:
        return ()
    fit = ".".join(name_packages(wanted))
    if named and named[0] != name_interpreter(wanted):
        version = f"{named[1] or ''}3.{named[2]}{'t' if named[3] else ''}"
        raise InputError(
            shown,
            f"is for Python {version}, the package set for {wanted}",
            f"name it in {fit}, or a wheel for {version}",
        )
    if not named and default and default != wanted:
        message = (
            f"is for nixpkgs' default Python, {default} in the index asked, and the package set is for "
            f"{wanted}: nixpkgsPrebuilt throws if your nixpkgs has the same; name it in {fit}"
        )
        return (Finding(level=Level.WARNING, subject=shown, message=message),)
    return ()


def check_name(
    attr: tuple[str, ...], name: str, *, known: bool, others: Iterable[str] = ()
) -> tuple[Finding, ...]:
    """Compare the name of a build with that of the distribution that it is to replace.

    Args:
        attr: of the build.
        name: of the distribution, normalised.
        known: the index has the attribute.
        others: all names in ``python3Packages``, for a suggestion.

    A warning if the names have nothing in common; whether nixpkgs has the attribute is not checked.

    Raises:
        InputError: it is a misspelling of the distribution's own name.
    """
    shown, last = ".".join(attr), _squeeze(attr[-1])
    words = {_squeeze(name), *(_squeeze(word) for word in name.split("-") if len(word) > _TOO_SHORT)}
    if known or last in _squeeze(name) or any(word in last for word in words):
        return ()
    own = ".".join((*attr[:-1], name))
    if get_close_matches(last, [_squeeze(name)], cutoff=_SLIP):
        raise InputError(shown, f"is not known to wheelfix, and nearly {name}'s own name", f"write {own}")
    known_ones = {one: ".".join((*attr[:-1], one)) for one in others} if len(attr) == _PARTS else {}
    near = suggest(attr[-1], known_ones, otherwise="make sure that nixpkgs has it")
    message = f"is not known to wheelfix, and not named after {name}: {near}"
    return (Finding(level=Level.WARNING, subject=shown, message=message),)


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _find_version(tags: Iterable[str]) -> str | None:
    """Return ``3.12`` for ``cp312-cp312-…``; None for the stable ABI and any Python 3, which fit several."""
    versions = {m[1] + m[2] for tag in tags if (m := re.match(r"cp3(\d+)-cp3\1(t?)-", tag))}
    return f"3.{versions.pop()}" if len(versions) == 1 else None
