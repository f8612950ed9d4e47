"""Reads what one attribute set says about its package, or about a shell."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from wheelfix.index.driver import RUN_PATH
from wheelfix.lint.model import (
    AttributeName,
    Ignored,
    Input,
    Instead,
    PackageOverride,
    Place,
    Search,
    Unclear,
)
from wheelfix.lint.nixfile.evaluate import HACKS
from wheelfix.lint.nixfile.searches import (
    ROOTS,
    find_in_code,
    find_in_hook,
    find_in_path,
)
from wheelfix.lint.nixfile.syntax import Apply, Select
from wheelfix.lint.nixfile.values import (
    Attrs,
    Choice,
    Constant,
    Element,
    Entry,
    Force,
    Joined,
    Opaque,
    Piece,
    Ref,
    Root,
    Seq,
    Thunk,
    find_unclear,
    guard_attrs,
    guard_joined,
    join_conditions,
    to_attrs,
    to_joined,
    to_seq,
)

INPUT_LISTS = ("buildInputs", "nativeBuildInputs", "propagatedBuildInputs")
"""The lists whose elements are read."""

_IGNORE = "autoPatchelfIgnoreMissingDeps"
_RUN_PATHS = "appendRunpaths"
_PACKAGES = (*INPUT_LISTS, "runtimeDependencies")
_CODE = frozenset({"preFixup", "postFixup", "fixupPhase", "preBuild", "postInstall"})
"""Attributes with shell code that may add directories to the search of auto-patchelf."""
LIBRARY_PATHS = ("NIX_LD_LIBRARY_PATH", "LD_LIBRARY_PATH")
"""Variables in which a loader searches for libraries."""
_SHELL_HOOK = "shellHook"
_LISTED = frozenset({("programs", "nix-ld", "libraries"), ("languages", "python", "libraries")})
"""Options of NixOS and devenv that list libraries."""
MODULES = {"programs": "nix-ld", "languages": "devenv"}
"""The tools whose options they are, by their first parts."""
_HOLDING = frozenset({("env",), *(path[:end] for path in _LISTED for end in (1, 2))})
_DEEPEST = 8
_INHERITING = {"overrideAttrs", "overridePythonAttrs", "overrideDerivation"}
BUILDERS = frozenset({"buildPythonPackage", "buildPythonApplication", "buildPythonModule"})
"""Functions of nixpkgs that build a Python package."""
_CHOICES: dict[tuple[bool, str], Callable[[str | bool | None], bool]] = {
    # (whether in an argument of `override`, attribute): whether a value means a source distribution
    (True, "sourcePreference"): lambda value: value == "sdist",
    (True, "preferWheel"): lambda value: value is False,
    (False, "pyproject"): lambda value: value is True,
    (False, "format"): lambda value: value not in {"wheel", "other", None},
}


def describe(content: Attrs, package: str | None, how: str, place: Place, force: Force) -> PackageOverride:
    """Read what an attribute set means for a package.

    Args:
        content: the set.
        package: its name, None if the file names none.
        how: the function or option that the set is an argument of.
        place: its position.
        force: evaluates thunks.
    """
    found = _Found(unclear=list(content.unclear))
    for entry in content.entries if how not in HACKS else ():
        name = entry.path[0]
        if len(entry.path) > 1:
            continue
        if name in _PACKAGES:
            _read_packages(entry, how, force, found)
        elif name == _IGNORE:
            _read_ignored(entry, force, found)
        elif name == _RUN_PATHS:
            _read_run_paths(entry, force, found)
        elif name in _CODE:
            code = to_joined(force(entry.thunk), entry.thunk.syntax, force)
            for one in find_in_code(guard_joined(code, entry.condition), entry.place):
                found.add(one, name)
    names = dict.fromkeys(AttributeName(name=e.path[0], place=e.place) for e in content.entries)
    return PackageOverride(
        package=package,
        how=how,
        place=place,
        attributes=() if how in HACKS else tuple(names),
        inputs=tuple(found.inputs),
        ignored=tuple(found.ignored),
        searches=tuple(found.searches),
        ignores_all=found.ignores_all,
        replaces=frozenset(found.replaces),
        unread=frozenset(found.unread),
        instead=_find_instead(content, how, force),
        unclear=tuple(dict.fromkeys(found.unclear)),
    )


def describe_shell(content: Attrs, how: str, place: Place, force: Force) -> PackageOverride | None:
    """Read which libraries a shell, or the settings of nix-ld or devenv, add for a loader; None without any.

    Args:
        content: the set: the argument of ``mkShell``, or a part of a NixOS module.
        how: the function or option that the set is an argument of.
        place: its position.
        force: evaluates thunks.
    """
    found = _Found()
    named = False
    for entry in _flatten(content, force):
        name = entry.path[-1]
        if entry.path in _LISTED:
            named = True
            _read_listed(entry, force, found)
        elif name in LIBRARY_PATHS and entry.path[:-1] in {(), ("env",)}:
            named = True
            path = to_joined(force(entry.thunk), entry.thunk.syntax, force)
            for one in find_in_path(guard_joined(path, entry.condition), name, entry.place):
                found.add(one, name)
        elif entry.path == (_SHELL_HOOK,):
            code = to_joined(force(entry.thunk), entry.thunk.syntax, force)
            for variable, one in find_in_hook(
                guard_joined(code, entry.condition), LIBRARY_PATHS, entry.place
            ):
                named = True
                found.add(one, variable)
    if not named:
        return None
    return PackageOverride(
        package=None,
        how=how,
        place=place,
        inputs=tuple(found.inputs),
        searches=tuple(found.searches),
        driver=found.driver,
        unclear=tuple(dict.fromkeys(found.unclear)),
    )


@dataclass
class _Found:
    """What has been read of a set so far."""

    inputs: list[Input] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    searches: list[Search] = field(default_factory=list)
    unclear: list[Unclear] = field(default_factory=list)
    ignores_all: Place | None = None
    replaces: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    driver: bool = False

    def add(self, one: Input | Search | Unclear | str | None, name: str) -> None:
        """Add an item that an attribute has; None marks the attribute as not read."""
        match one:
            case Input():
                self.inputs.append(one)
            case Search():
                self.searches.append(one)
            case Unclear():
                self.unclear.append(one)
            case None:
                self.unread.add(name)
            case str():
                self.driver |= one.rstrip("/") == RUN_PATH


def _flatten(content: Attrs, force: Force, above: tuple[str, ...] = ()) -> Iterator[Entry]:
    """List the entries of a set, and of the sets in it that may hold settings of a loader."""
    for entry in content.entries:
        path = (*above, *entry.path)
        if path in _HOLDING and isinstance(value := force(entry.thunk), Attrs):
            yield from _flatten(guard_attrs(value, entry.condition), force, path)
        else:
            yield Entry(path, entry.thunk, entry.place, entry.condition)


def _find_instead(content: Attrs, how: str, force: Force) -> Instead | None:
    """Find which other kind of build replaces the wheel, if any."""
    if how in HACKS:
        return Instead.PREBUILT if how == "nixpkgsPrebuilt" else Instead.SOURCE
    if how != "override" and how not in BUILDERS:
        return None
    for entry in content.entries:
        means_source = _CHOICES.get((how == "override", entry.path[0])) if len(entry.path) == 1 else None
        if means_source and isinstance(value := force(entry.thunk), Constant) and means_source(value.value):
            return Instead.SOURCE
    return None


def _read_packages(entry: Entry, how: str, force: Force, found: _Found) -> None:
    name = entry.path[-1]
    value = to_seq(force(entry.thunk), entry.thunk.syntax, force)
    found.unclear += value.unclear
    for one in _find_inputs(value, name, entry.condition, force):
        found.add(one, name)
    if (
        name in INPUT_LISTS
        and how in _INHERITING
        and not (value.inherits or value.unclear or entry.condition)
    ):
        found.replaces.add(name)


def _read_listed(entry: Entry, force: Force, found: _Found) -> None:
    """Read packages, strings, which stand for their ``lib``, and packages of links."""
    name = entry.path[-1]
    seq = to_seq(force(entry.thunk), entry.thunk.syntax, force)
    found.unclear += seq.unclear
    packages = []
    for element in seq.elements:
        if links := _find_links(element.thunk):
            _read_links(links, name, force, found)
        elif isinstance(value := force(element.thunk), Joined) or (
            isinstance(value, Constant) and isinstance(value.value, str)
        ):
            path = to_joined(value, element.thunk.syntax, force)
            for one in find_in_path(Joined((*path.pieces, Piece("/lib"))), name, element.thunk.syntax.place):
                found.add(one, name)
        else:
            packages.append(element)
    for one in _find_inputs(Seq(tuple(packages)), name, entry.condition, force):
        found.add(one, name)


def _find_links(thunk: Thunk) -> Thunk | None:
    """Return the list of ``pkgs.linkFarm NAME LIST``, if that is what an expression is."""
    match thunk.syntax:
        case Apply(function=Apply(function=Select(path=(*_, "linkFarm"))), argument=argument):
            return Thunk(argument, thunk.scope)
        case _:
            return None


def _read_links(links: Thunk, name: str, force: Force, found: _Found) -> None:
    """Read where links lead: ``lib`` to a directory, or a file in it to one in another directory."""
    for element in to_seq(force(links), links.syntax, force).elements:
        parts = {
            e.path: to_joined(force(e.thunk), e.thunk.syntax, force)
            for e in to_attrs(force(element.thunk), element.thunk.syntax, force).entries
        }
        is_file = parts.get(("name",)) != Joined((Piece("lib"),))
        for one in find_in_path(parts.get(("path",), Joined()), name, element.thunk.syntax.place):
            found.add(posixpath.dirname(one) if is_file and isinstance(one, str) else one, name)


def _read_ignored(entry: Entry, force: Force, found: _Found) -> None:
    for one in _find_ignored(entry, force):
        match one:
            case Ignored():
                found.ignored.append(one)
            case Unclear():
                found.unclear.append(one)
            case Place():
                found.ignores_all = one


def _read_run_paths(entry: Entry, force: Force, found: _Found) -> None:
    """Read directories as strings; a ``lib`` directory of a package counts as an input."""
    seq = to_seq(force(entry.thunk), entry.thunk.syntax, force)
    found.unclear += seq.unclear
    for element in seq.elements:
        syntax = element.thunk.syntax
        joined = to_joined(force(element.thunk), syntax, force)
        condition = join_conditions(entry.condition, element.condition)
        for one in find_in_path(guard_joined(joined, condition), _RUN_PATHS, syntax.place):
            found.add(one, _RUN_PATHS)


def _find_inputs(seq: Seq, list_name: str, condition: str | None, force: Force) -> Iterator[Input | Unclear]:
    for element in seq.elements:
        both = join_conditions(condition, element.condition)
        yield from _find_input(element.thunk, list_name, both, force, _DEEPEST)


def _find_input(
    thunk: Thunk, list_name: str, condition: str | None, force: Force, depth: int
) -> Iterator[Input | Unclear]:
    value = force(thunk)
    match value:
        case _ if depth == 0:
            yield find_unclear(thunk.syntax, "nested too deeply")
        case Ref(root=root, path=path, others=others) if root in ROOTS and path:
            yield Input(
                attr=".".join(path),
                root=ROOTS[root],
                list_name=list_name,
                place=thunk.syntax.place,
                condition=condition,
                alternatives=tuple(".".join(other.path) for other in others if other.root is Root.PKGS),
            )
        case Ref(root=Root.OLD) | Constant(value=None | False):
            return
        case Choice(condition=which, consequence=yes, alternative=no):
            for branch, text in ((yes, which), (no, f"!({which})")):
                yield from _find_input(branch, list_name, join_conditions(condition, text), force, depth - 1)
        case Seq(elements=elements, unclear=unclear):
            yield from unclear
            for element in elements:
                both = join_conditions(condition, element.condition)
                yield from _find_input(element.thunk, list_name, both, force, depth - 1)
        case Opaque(unclear=unclear_one):
            yield unclear_one
        case _:
            yield find_unclear(thunk.syntax, "no package that can be told from this file")


def _find_ignored(entry: Entry, force: Force) -> Iterator[Ignored | Unclear | Place]:
    """Read entries, parts that are not understood, and the position of an entry that ignores everything."""
    value = force(entry.thunk)
    if isinstance(value, Constant):
        if value.value is True:
            yield entry.place
            return
        if not isinstance(value.value, str):
            return
        value = Seq((Element(entry.thunk),))
    seq = to_seq(value, entry.thunk.syntax, force)
    yield from seq.unclear
    for element in seq.elements:
        item, syntax = force(element.thunk), element.thunk.syntax
        if isinstance(item, Constant) and isinstance(item.value, str):
            yield syntax.place if item.value == "*" else Ignored(soname=item.value, place=syntax.place)
        else:
            yield find_unclear(syntax, "no string that is written in this file")
