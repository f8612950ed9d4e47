"""Finds where a package opens a missing library by name: in its scan, or else in the message itself."""

from __future__ import annotations

from collections.abc import Iterable

from wheelfix.explain.model import Symptom
from wheelfix.explain.paths import parse_path
from wheelfix.model.hints import CalledName, OpeningKind, SourceCall
from wheelfix.model.scan import Need, Opening
from wheelfix.scan.openings import answer_opening


def is_same(name: str, soname: str) -> bool:
    """Whether a name that code opens leads to a library; one without a version leads to any version.

    Example:
        >>> is_same("libmagic.so.1", "libmagic.so"), is_same("libmagic.so.1", "libmagic.so.2")
        (True, False)
    """
    (stem, _, version), (other, _, wanted) = name.rpartition("/")[2].partition(".so"), soname.partition(".so")
    return stem == other and (version == wanted or not version or not wanted)


def find_openings(openings: Iterable[Opening], soname: str) -> tuple[Opening, ...]:
    """Find the openings of a library: those with an answer first, of these those of that very name."""
    found = [
        one
        for one in openings
        if one.kind is not OpeningKind.PROGRAM and any(is_same(name, soname) for name in one.names)
    ]
    return tuple(sorted(found, key=lambda one: (one.answered is None, soname not in one.names)))


def make_opening(symptom: Symptom, need: Need) -> Opening | None:
    """Make the opening that a message shows by its traceback.

    Args:
        symptom: of a missing library.
        need: the library, classified.

    Returns:
        None if the message does not show that Python code opens the library, or in which file.
    """
    place = parse_path(symptom.frame) if symptom.frame else None
    if symptom.call is None or place is None or place.file is None or symptom.line is None:
        return None
    text = need.soname
    if symptom.call is OpeningKind.FIND_LIBRARY:
        text = text.removeprefix("lib").removesuffix(".so")
    called = CalledName(name=need.soname, text=text, line=symptom.line, inside=True)
    call = SourceCall(
        kind=symptom.call,
        line=symptom.line,
        function="dlopen",
        variable="",
        names=(called,),
        optional=False,
        at_import=True,
    )
    opening = Opening(file=place.file, kind=symptom.call, names=(need.soname,), line=symptom.line, call=call)
    return answer_opening(opening, {need.soname: need})[0]
