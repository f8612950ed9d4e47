"""Checks that dynamic entries changed only where the edit asked for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from wheelfix.elf.disk import read_elf_at
from wheelfix.model.elf import ElfObject
from wheelfix.patch.model import ElfEdit, Problem
from wheelfix.patch.verify.tables import MOVABLE, find_differences, list_uses, text
from wheelfix.patch.verify.view import DYNAMIC, View

_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 10, 14, 15, 29
_RLD_MAP_REL = 0x70000035
_NAMES = frozenset({_SONAME, 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC, 0x7FFFFFFD, 0x7FFFFFFF})
_TITLES = {_RPATH: "DT_RPATH", _RUNPATH: "DT_RUNPATH"}


def compare_entries(old: View, new: View) -> Iterator[Problem]:
    """Find dynamic entries that are missing, new, out of order or have another value."""
    kept = [[e for e in view.tags if e[0] not in {_NEEDED, _RPATH, _RUNPATH}] for view in (old, new)]
    kinds = [[tag for tag, _ in entries] for entries in kept]
    if sorted(kinds[0]) != sorted(kinds[1]):
        odd = sorted({*kinds[0]} ^ {*kinds[1]})
        yield Problem(check="dynamic", message=f"other entries than before: {[hex(tag) for tag in odd]}")
        return
    if kinds[0] != kinds[1]:
        kept = [sorted(entries, key=lambda entry: entry[0]) for entries in kept]
    for (tag, before), (_, after) in zip(*kept, strict=True):
        if tag in {_STRTAB, _STRSZ} or (tag in MOVABLE):
            continue
        if tag in _NAMES:
            before_name, after_name = text(old.strings(), before), text(new.strings(), after)
            if before_name != after_name:
                yield Problem(check="dynamic", message=f"{before_name} is called {after_name}")
        elif tag == _RLD_MAP_REL and old.machine == 8:
            if (before + _find_entry(old, tag) - after - _find_entry(new, tag)) % (1 << old.bits):
                yield Problem(check="dynamic", message="DT_MIPS_RLD_MAP_REL leads somewhere else")
        elif before != after:
            yield Problem(check="dynamic", message=f"entry {tag:#x} is {after:#x} instead of {before:#x}")


def _find_entry(view: View, tag: int) -> int:
    start = next(p.vaddr for p in view.programs if p.type == DYNAMIC)
    index = next(i for i, (found, _) in enumerate(view.tags) if found == tag)
    return start + index * (16 if view.bits == 64 else 8)


def compare_meaning(old: View, new: View, edit: ElfEdit | None) -> Iterator[Problem]:
    """Read both files with wheelfix's reader, and find differences that the edit does not ask for.

    Args:
        old: the file before.
        new: the file after.
        edit: the accepted changes; None for any run path and any interpreter.
    """
    before, after = (read_elf_at(view.path, Path(view.path))[0] for view in (old, new))
    wanted = edit or ElfEdit()
    needed = _expect_needed(before.needed, wanted)
    if after.needed != needed:
        yield Problem(check="dynamic", message=f"needs {_say(after.needed)} instead of {_say(needed)}")
    if after.soname != before.soname:
        yield Problem(check="dynamic", message=f"is called {after.soname} instead of {before.soname}")
    interpreter = wanted.interpreter or before.interpreter
    if after.interpreter != interpreter and (
        edit is not None or not (before.interpreter and after.interpreter)
    ):
        yield Problem(check="segment", message=f"asks for {after.interpreter} instead of {interpreter}")
    yield from _compare_kinds(old, new)
    if edit is not None:
        yield from _compare_paths(before, after, edit)


def _compare_kinds(old: View, new: View) -> Iterator[Problem]:
    had, has = ({tag for tag, _ in view.tags if tag in _TITLES} for view in (old, new))
    if not has or has == had or (not had and has == {_RPATH}):
        return
    if had and has - had == {_RUNPATH}:
        yield Problem(
            check="tag", message="DT_RPATH became DT_RUNPATH: what it loads is searched for elsewhere"
        )
    elif not had:
        yield Problem(check="tag", message="new DT_RUNPATH: the DT_RPATH of what loads it no longer counts")
    else:
        yield Problem(check="tag", message=f"{_TITLES[max(had)]} became {_TITLES[max(has)]}")


def _compare_paths(before: ElfObject, after: ElfObject, edit: ElfEdit) -> Iterator[Problem]:
    present = before.runpath or before.rpath
    wanted = present if edit.run_path is None else tuple(_spell(e) for e in edit.run_path)
    wanted = tuple(entry for entry in wanted if entry not in {_spell(e) for e in edit.drop_run_path})
    wanted += tuple(e for e in dict.fromkeys(map(_spell, edit.add_run_path)) if e not in wanted)
    for found, name in ((after.rpath, "DT_RPATH"), (after.runpath, "DT_RUNPATH")):
        if found and found != wanted:
            yield Problem(check="run-path", message=f"{name} is {_say(found)} instead of {_say(wanted)}")
    if wanted and not (after.rpath or after.runpath):
        yield Problem(check="run-path", message=f"there is none, instead of {_say(wanted)}")


def _spell(entry: str) -> str:
    """Write an entry as the reader does."""
    return os.fsencode(entry).decode("utf-8", "backslashreplace")


def _expect_needed(needed: tuple[str, ...], edit: ElfEdit) -> tuple[str, ...]:
    for old, new in edit.replace_needed:
        needed = tuple(new if soname == old else soname for soname in needed)
    needed = tuple(soname for soname in needed if soname not in edit.remove_needed)
    return needed + tuple(soname for soname in dict.fromkeys(edit.add_needed) if soname not in needed)


def _say(names: tuple[str, ...]) -> str:
    return ":".join(names) or "nothing"


def compare_strings(old: View, new: View, edit: ElfEdit) -> Iterator[Problem]:
    """Find bytes of the string table that changed outside of the strings that an edit replaces or removes."""
    before, after = old.strings(), new.strings()
    given = {value for tag, value in old.tags if tag in {_RPATH, _RUNPATH}}
    names = {*edit.remove_needed, *(name for name, _ in edit.replace_needed)}
    given |= {value for tag, value in old.tags if tag == _NEEDED and text(before, value) in names}
    spans = [(at, before.find(b"\0", at) + 1) for at in given]
    for start, end in find_differences(before, after[: len(before)]):
        if all(
            not before[at] or any(first <= at < last for first, last in spans) for at in range(start, end)
        ):
            continue
        used = range(before.rfind(b"\0", 0, start) + 1, end)  # else it is left over from an earlier edit
        if any(at in used for at in list_uses(old)):
            yield Problem(
                check="strings", message=f"bytes {start:#x} to {end:#x} of the string table changed"
            )
