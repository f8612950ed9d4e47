"""Finds files of one wheel for different versions of one library, of which a process can use one.

The evidence: files whose names differ only by a number (``libx_core7.so``, ``libx_core8.so``), that nothing
else in the wheel is linked against, and that are linked against different majors of the same library. The one
whose libraries are there is used; of several, that of the attributes with the shortest names, which are
nixpkgs' default.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from wheelfix.model.backends import Alternative, Backend, Wish, WishClue
from wheelfix.scan.backends import Choice, find_carried_names, is_library, list_missing, spread

if TYPE_CHECKING:
    from wheelfix.model.at_hand import AtHand
    from wheelfix.model.elf import ElfObject
    from wheelfix.model.scan import Known
    from wheelfix.model.wheel import Distribution

_SEVERAL = 2
_NUMBER = re.compile(r"\d+")
_VERSIONED = re.compile(r"(lib[^/]+?)\.so\.(\d{1,9})(?:\.\d+)*")


def choose_generations(
    objects: Sequence[ElfObject],
    known: Mapping[tuple[str, str], Known],
    wheel: Distribution,
    at_hand: AtHand,
    *,
    passed: Collection[str] = (),
) -> tuple[Choice, ...]:
    """Find the files for different versions of a library, and choose one version of each library.

    Args:
        objects: ELF files of the wheel.
        known: what is known of every soname that they need, by soname and machine.
        wheel: its metadata.
        at_hand: distributions beside it.
        passed: paths of files that are alternatives of another kind.
    """
    families: dict[tuple[str, str], list[ElfObject]] = {}
    linked = {(obj.machine, soname) for obj in objects for soname in obj.needed}
    for obj in objects:
        free = {(obj.machine, obj.name), (obj.machine, obj.soname or obj.name)}.isdisjoint(linked)
        usable = is_library(obj) and obj.path not in passed
        if free and usable and (family := _find_family(obj)):
            families.setdefault((obj.machine, family), []).append(obj)
    groups: dict[str, dict[Backend, list[tuple[str, ElfObject]]]] = {}
    for (_, family), members in families.items():
        for obj, version in _tell_apart(members):
            groups.setdefault(version.name, {}).setdefault(version, []).append((family, obj))
    carried, there = find_carried_names(objects, wheel, at_hand)
    return tuple(_choose(groups[name], objects, known, carried, there) for name in sorted(groups))


def _find_family(obj: ElfObject) -> str | None:
    """Return the path with ``*`` in place of the last number in the name; None without a number."""
    directory, name = posixpath.split(obj.path)
    stem, mark, rest = name.partition(".")
    found = None
    for match in _NUMBER.finditer(stem):
        found = match
    if found is None:
        return None
    return f"{posixpath.join(directory, stem[: found.start()])}*{stem[found.end() :]}{mark}{rest}"


def _tell_apart(members: Sequence[ElfObject]) -> list[tuple[ElfObject, Backend]]:
    """Tell members of a family apart by the library of which each needs another major; empty if none is."""
    majors = [{m[1]: m[2] for s in obj.needed if (m := _VERSIONED.fullmatch(s))} for obj in members]
    shared = set.intersection(*(set(one) for one in majors))
    for stem in sorted(shared):
        if len({one[stem] for one in majors}) == len(members) >= _SEVERAL:
            return [
                (obj, Backend(name=stem, version=one[stem])) for obj, one in zip(members, majors, strict=True)
            ]
    return []


def _choose(
    groups: Mapping[Backend, Sequence[tuple[str, ElfObject]]],
    objects: Sequence[ElfObject],
    known: Mapping[tuple[str, str], Known],
    carried: Collection[str],
    there: Collection[str],
) -> Choice:
    missing = {
        key: tuple(sorted({s for _, obj in some for s in list_missing(obj, known, carried, there)}))
        for key, some in groups.items()
    }

    def rank(key: Backend) -> tuple[int, int, int]:
        attrs = {
            known[soname, obj.machine].lookup.providers[0].attr
            for _, obj in groups[key]
            for soname in obj.needed
            if known[soname, obj.machine].lookup.providers
        }
        return len(missing[key]), sum(map(len, attrs)), -int(key.version)

    order = sorted(groups, key=rank)
    chosen, *rest = order
    return Choice(
        wish=Wish(backend=chosen, clue=WishClue.PROVIDED),
        alternatives=tuple(
            Alternative(
                family=tuple(sorted({family for family, _ in groups[key]})),
                backend=key,
                files=tuple(sorted(obj.path for _, obj in groups[key])),
                chosen=key == chosen,
                missing=missing[key],
            )
            for key in order
        ),
        unused=spread(objects, (obj.path for key in rest for _, obj in groups[key])),
        chosen=chosen,
    )
