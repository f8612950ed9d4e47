"""Plans the writes of an edit from a parsed ELF file, without side effects; decides the run path's tag."""

from __future__ import annotations

import os
import struct
from collections import defaultdict

from wheelfix.errors import EditRefused
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.draft import Change, render_change
from wheelfix.patch.edit.image import ElfImage
from wheelfix.patch.edit.strings import StringTable
from wheelfix.patch.model import EditPlan, ElfEdit

_PATHS = (r.DT_RPATH, r.DT_RUNPATH)
_LONGEST = 1 << 16
"""Longest run path in bytes; readers of ELF files refuse longer strings."""
_LONGEST_INTERPRETER = 4096
"""PATH_MAX of Linux, including the NUL at the end."""


def plan_edit(image: ElfImage, edit: ElfEdit) -> EditPlan:
    """Compute the writes of an edit.

    Args:
        image: the file.
        edit: what is to change.

    Returns:
        The plan; without writes if the file is already as wanted.

    Raises:
        EditRefused: the edit is not possible for this file, or cannot be done exactly.
    """
    draft = _Draft(image)
    draft.set_run_path(edit)
    for old, new in edit.replace_needed:
        draft.replace_needed(_encode(image, old), _encode(image, new))
    for soname in edit.remove_needed:
        draft.remove_needed(_encode(image, soname))
    for soname in edit.add_needed:
        draft.add_needed(_encode(image, soname))
    interpreter = image.interpreter
    if edit.interpreter is not None:
        interpreter = _fit_interpreter(image, _encode(image, edit.interpreter))
    change = Change(
        tags=tuple(draft.tags),
        strings=bytes(draft.strings.data),
        wiped=tuple(draft.strings.wiped),
        version_files=dict(draft.version_files),
        interpreter=interpreter,
    )
    try:
        return render_change(image, change)
    except struct.error:
        raise EditRefused(
            image.subject, "an address or offset leaves its field", "leave it as it is"
        ) from None


class _Draft:
    """The dynamic section and its strings while they change."""

    def __init__(self, image: ElfImage) -> None:
        self.image = image
        self.tags = list(image.tags)
        self.version_files: dict[int, int] = {}  # new values of vn_file, by file offset
        self._files = [(f.place, f.name) for f in image.version_files]
        named = [value for tag, value in image.tags if tag in r.STRING_TAGS]
        named += [f.name for f in image.version_files]
        self.strings = StringTable(image.strings, image.name_refs, named, shared=image.shared_strings)
        self.text = self.strings.text

    def set_run_path(self, edit: ElfEdit) -> None:
        if edit.run_path is None and not edit.drop_run_path and not edit.add_run_path:
            return
        places: dict[int, list[int]] = defaultdict(list)
        for index, (tag, value) in enumerate(self.tags):
            if tag in _PATHS:
                places[value].append(index)
        # The loader uses DT_RUNPATH if both are present.
        old = next((v for t, v in self.tags if t == r.DT_RUNPATH), None)
        old = next((v for t, v in self.tags if t == r.DT_RPATH), None) if old is None else old
        present = self.text(old) if old is not None else b""
        entries = _edit_entries(self.image, present.split(b":") if present else [], edit)
        path = b":".join(entries)
        if len(path) >= _LONGEST:
            raise EditRefused(self.image.subject, "the run path is longer than 64 KiB", "use fewer entries")
        if not path:
            for value, indexes in places.items():
                self.strings.drop(value, uses=len(indexes))
            self.tags = [entry for entry in self.tags if entry[0] not in _PATHS]
        elif not places:
            self.tags.append((r.DT_RPATH, self.strings.add(path)))
        for value, indexes in places.items() if path else ():
            if self.text(value) != path:
                self._redirect(indexes, [], value, path)

    def replace_needed(self, old: bytes, new: bytes) -> None:
        indexes = [
            i for i, (tag, value) in enumerate(self.tags) if tag == r.DT_NEEDED and self.text(value) == old
        ]
        if not indexes:
            raise EditRefused(self.image.subject, f"does not need {old.decode(errors='replace')}", _NEEDED)
        if old == new:
            return
        if any(tag == r.DT_NEEDED and self.text(value) == new for tag, value in self.tags):
            raise EditRefused(
                self.image.subject,
                f"needs {new.decode(errors='replace')} already",
                "remove the other one instead",
            )
        by_value: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for index in indexes:
            by_value[self.tags[index][1]][0].append(index)
        for number, (_, name) in enumerate(self._files):
            if self.text(name) == old:
                by_value[name][1].append(number)
        for value, (entries, files) in by_value.items():
            self._redirect(entries, files, value, new)

    def _redirect(self, indexes: list[int], files: list[int], old: int, text: bytes) -> None:
        """Replace a string that dynamic entries and version needs share."""
        uses = len(indexes) + len(files)
        at = self.strings.replace(old, text, uses=uses)
        for index in indexes:
            self.tags[index] = (self.tags[index][0], at)
        for number in files:
            place, name = self._files[number]
            if name != at:
                self.version_files[place] = at
            self._files[number] = (place, at)

    def remove_needed(self, soname: bytes) -> None:
        found = [value for tag, value in self.tags if tag == r.DT_NEEDED and self.text(value) == soname]
        if not found:
            raise EditRefused(self.image.subject, f"does not need {soname.decode(errors='replace')}", _NEEDED)
        if any(self.text(name) == soname for _, name in self._files):
            raise EditRefused(
                self.image.subject,
                f"asks for symbol versions of {soname.decode(errors='replace')}",
                "keep the entry, or replace it by a library that has those versions",
            )
        self.tags = [(t, v) for t, v in self.tags if t != r.DT_NEEDED or self.text(v) != soname]
        for value in set(found):
            self.strings.drop(value, uses=found.count(value))

    def add_needed(self, soname: bytes) -> None:
        if not any(tag == r.DT_NEEDED and self.text(value) == soname for tag, value in self.tags):
            self.tags.append((r.DT_NEEDED, self.strings.add(soname)))


_NEEDED = "name an entry of its DT_NEEDED"


def _edit_entries(image: ElfImage, entries: list[bytes], edit: ElfEdit) -> list[bytes]:
    if edit.run_path is not None:
        entries = [_encode(image, entry) for entry in edit.run_path]
    dropped = {os.fsencode(entry) for entry in edit.drop_run_path}
    entries = [entry for entry in entries if entry not in dropped]
    entries += [e for e in dict.fromkeys(_encode(image, a) for a in edit.add_run_path) if e not in entries]
    given = {*(edit.run_path or ()), *edit.add_run_path}
    if any(not entry or ":" in entry for entry in given):
        raise EditRefused(
            image.subject, "an entry of the run path is empty or holds a colon", "give directories"
        )
    return entries


def _encode(image: ElfImage, text: str) -> bytes:
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:
        raw = b""
    if not raw or b"\0" in raw:
        raise EditRefused(
            image.subject, f"{text!r} cannot be written into an ELF file", "give a name without NUL"
        )
    return raw


def _fit_interpreter(image: ElfImage, path: bytes) -> bytes:
    """Compute the new bytes of PT_INTERP, of the old length if possible: the next edit may need the room."""
    if image.interpreter is None:
        raise EditRefused(image.subject, "asks for no interpreter", "set one in programs alone")
    if image.interpreter.partition(b"\0")[0] == path:
        return image.interpreter
    if len(path) >= _LONGEST_INTERPRETER:
        raise EditRefused(
            image.subject,
            f"the path of the interpreter has {len(path)} bytes",
            f"give one of less than {_LONGEST_INTERPRETER}: Linux runs no program with a longer one",
        )
    return (path + b"\0").ljust(len(image.interpreter), b"\0")
