"""What one override sets, from its attribute set."""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.lint.model import AttributeName, Ignored, Input, InputRoot, PackageOverride, Place, Unclear
from wheelfix.lint.nixfile.values import (
    Attrs,
    Choice,
    Constant,
    Element,
    Entry,
    Force,
    Opaque,
    Ref,
    Root,
    Seq,
    Thunk,
    find_unclear,
    join_conditions,
    to_seq,
)

INPUT_LISTS = ("buildInputs", "nativeBuildInputs", "propagatedBuildInputs")
"""The lists whose elements are looked at."""

_IGNORE = "autoPatchelfIgnoreMissingDeps"
_ROOTS = {Root.PKGS: InputRoot.PKGS, Root.ARGUMENT: InputRoot.ARGUMENT, Root.PYTHON: InputRoot.PYTHON}
_DEEPEST = 8
_INHERITING = {"overrideAttrs", "overridePythonAttrs", "overrideDerivation"}


def describe(content: Attrs, package: str | None, how: str, place: Place, force: Force) -> PackageOverride:
    """Say what an attribute set means for a package.

    Args:
        content: the set.
        package: its name, None if the file names none.
        how: what the set is an argument of.
        place: where that is.
        force: works out thunks.
    """
    inputs: list[Input] = []
    ignored: list[Ignored] = []
    unclear = list(content.unclear)
    everything: Place | None = None
    replaces: set[str] = set()
    for entry in content.entries:
        name = entry.path[0]
        if len(entry.path) > 1 or name not in {*INPUT_LISTS, _IGNORE}:
            continue
        if name in INPUT_LISTS:
            value = to_seq(force(entry.thunk), entry.thunk.syntax, force)
            unclear += value.unclear
            for found in _find_inputs(value, name, entry.condition, force):
                (inputs if isinstance(found, Input) else unclear).append(found)  # type: ignore[arg-type]
            if how in _INHERITING and not value.inherits and not value.unclear and not entry.condition:
                replaces.add(name)
        else:
            for one in _find_ignored(entry, force):
                if isinstance(one, Unclear):
                    unclear.append(one)
                elif isinstance(one, Ignored):
                    ignored.append(one)
                else:
                    everything = one
    return PackageOverride(
        package=package,
        how=how,
        place=place,
        attributes=tuple(
            dict.fromkeys(AttributeName(name=e.path[0], place=e.place) for e in content.entries)
        ),
        inputs=tuple(inputs),
        ignored=tuple(ignored),
        ignores_all=everything,
        replaces=frozenset(replaces),
        unclear=tuple(dict.fromkeys(unclear)),
    )


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
        case Ref(root=root, path=path, others=others) if root in _ROOTS and path:
            yield Input(
                attr=".".join(path),
                root=_ROOTS[root],
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
    """Entries, what is not understood, and the place of what ignores everything."""
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
