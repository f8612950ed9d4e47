"""From the wanted contents of the dynamic section and its strings to ranges of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wheelfix.errors import EditRefused
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.draft import Change, Draft
from wheelfix.patch.edit.image import ElfImage
from wheelfix.patch.edit.ranges import diff
from wheelfix.patch.edit.space import find_room, find_tail
from wheelfix.patch.edited import EditPlan, Write

_PADDING = 64
"""Bytes, more than what tools fill up behind the last thing they write."""


def render_change(image: ElfImage, change: Change) -> EditPlan:
    """Compute the bytes that bring a file to a wanted state.

    Raises:
        EditRefused: something new does not fit, and there is no room for it.
    """
    draft = Draft(image, change)
    grown = len(change.strings) > len(image.strings)
    crowded = len(change.tags) >= image.capacity and len(change.tags) > len(image.tags)
    longer = change.interpreter is not None and len(change.interpreter) > len(image.interpreter or b"")
    method = "overwrite"
    if grown or crowded or longer:
        _refuse_held(image)
    if grown and not crowded and not longer and _ends_file(image):
        method = "grow"
        draft.grow()
    elif grown or crowded or longer:
        room = find_room(image, writable=crowded)
        method = room.method
        draft.append(room, strings=grown or room.load is None, dynamic=crowded, interpreter=longer)
    writes = _render(draft)
    return EditPlan(
        method=method if writes else "none",
        writes=writes,
        old_size=image.size,
        new_size=max([image.size, *(w.offset + len(w.data) for w in writes)]),
    )


def _refuse_held(image: ElfImage) -> None:
    """Refuse to change program headers that some section has as its contents: ``strip`` would put them back.

    Raises:
        EditRefused: a section lies over the program header table.
    """
    start = image.header.phoff
    end = start + len(image.segments) * image.header.phentsize
    if any(s.offset < end and start < s.end for s in image.sections):
        raise EditRefused(
            image.subject,
            "its program header table lies inside a section",
            "use a run path that is no longer than the one there is, or patchelf on a copy",
        )


def _ends_file(image: ElfImage) -> bool:
    """Whether the string table is the last thing in the file, but for the padding of an earlier tool."""
    tail = find_tail(image)
    if tail is None or image.trailer:
        return False
    end = image.strings_offset + len(image.strings)
    inside = image.strings_offset >= image.segments[tail].offset and end <= image.segments[tail].end
    if not inside or end == image.size:
        return inside
    # Without section headers nobody knows what those bytes are.
    if not image.sections or image.size - end >= _PADDING or image.fetch(end, image.size - end).strip(b"\0"):
        return False
    return not any(end < b and a < image.size for a, b in _list_described(image, tail))


def _list_described(image: ElfImage, tail: int) -> Iterator[tuple[int, int]]:
    """Start and end of everything that somebody may look at, the last LOAD segment and its like left out."""
    header = image.header
    yield header.phoff, header.phoff + len(image.segments) * header.phentsize
    yield header.shoff, header.shoff + len(image.sections) * header.shentsize
    yield from ((s.offset, s.end) for s in image.sections if s.end > s.offset)
    yield from ((s.offset, s.end) for i, s in enumerate(image.segments) if i != tail and s.filesz)
    yield from ((f.place, f.place + 4) for f in image.version_files)


def _render(draft: Draft) -> tuple[Write, ...]:
    """All ranges that change: new data first, headers next, the ELF header last but for what is wiped."""
    image, change = draft.image, draft.change
    first = [Write(offset=image.size, data=bytes(_fill_new(draft)))] if draft.new else []
    first += _render_files(draft)
    first += _render_strings(draft, wiping=False)
    if change.interpreter and draft.interpreter_offset < image.size:
        first += diff(draft.interpreter_offset, image.interpreter or b"", change.interpreter)
    layout, header = image.layout, image.header
    if draft.dynamic.offset < image.size:
        first += diff(draft.dynamic.offset, image.dynamic, _pack_tags(draft, image.dynamic))
    old = b"".join(map(layout.pack_section, image.sections))
    first += diff(header.shoff, old, b"".join(map(layout.pack_section, draft.sections)))
    old = b"".join(map(layout.pack_segment, image.segments))
    new = b"".join(map(layout.pack_segment, draft.segments))
    first += diff(header.phoff, old + (image.lead.data if image.lead else b""), new)
    changed = replace(header, phnum=len(draft.segments))
    first += diff(16, layout.pack_header(header), layout.pack_header(changed))
    return (*first, *_render_strings(draft, wiping=True), *_wipe_interpreter(draft))


def _wipe_interpreter(draft: Draft) -> list[Write]:
    """What nobody reads any more names no path, or something that looks for store paths would find it."""
    image = draft.image
    old = next((s.offset for s in image.segments if s.type == r.PT_INTERP), 0)
    if not image.interpreter or draft.interpreter_offset == draft.follow(old):
        return []
    return diff(old, image.interpreter, bytes(len(image.interpreter))) if draft.follow(old) == old else []


def _render_files(draft: Draft) -> Iterator[Write]:
    for place, value in draft.change.version_files.items():
        if draft.follow(place) == place:
            yield Write(offset=place, data=value.to_bytes(4, draft.image.layout.byteorder))


def _render_strings(draft: Draft, *, wiping: bool) -> list[Write]:
    old = draft.image.strings
    moved = draft.strings_offset >= draft.image.size
    if not moved:
        old += draft.padding
        return [] if wiping else diff(draft.image.strings_offset, old, draft.change.strings[: len(old)])
    if not wiping:
        return []
    wiped = bytearray(old)
    for start, end in draft.change.wiped:
        if end <= len(old):
            wiped[start:end] = bytes(end - start)
    # The program header table may have grown into the old string table.
    header, width = draft.image.header, draft.image.layout.segment.size
    kept = max(0, header.phoff + len(draft.segments) * width - draft.image.strings_offset)
    if header.phoff < draft.image.strings_offset:
        wiped[:kept] = old[:kept]
    return diff(draft.image.strings_offset, old, bytes(wiped))


def _fill_new(draft: Draft) -> bytearray:
    """The new bytes, now that all addresses in them are known."""
    new, end = draft.new, draft.image.size
    for place, value in draft.change.version_files.items():
        if (at := draft.follow(place) - end) >= 0:
            new[at : at + 4] = value.to_bytes(4, draft.image.layout.byteorder)
    if draft.dynamic.offset >= end:
        fresh = draft.dynamic.vaddr != draft.find_old_dynamic().vaddr
        old = bytes(draft.capacity * draft.image.layout.tag.size) if fresh else draft.image.dynamic
        tags = _pack_tags(draft, old)
        at = draft.dynamic.offset - end
        new[at : at + len(tags)] = tags
    interpreter = draft.change.interpreter
    if interpreter and draft.interpreter_offset >= end:
        at = draft.interpreter_offset - end
        new[at : at + len(interpreter)] = interpreter
    return new


def _pack_tags(draft: Draft, old: bytes) -> bytes:
    """The dynamic section from now on; what stands behind the old and the new end stays."""
    layout, image = draft.image.layout, draft.image
    before = draft.find_old_dynamic().vaddr
    places = {tag: i for i, (tag, _) in enumerate(image.tags)}
    raw = bytearray()
    for i, (tag, value) in enumerate(draft.tags):
        if tag == r.DT_MIPS_RLD_MAP_REL and image.header.machine == r.EM_MIPS:
            # Relative to the address of the entry itdraft.
            gone = draft.dynamic.vaddr + i * layout.tag.size - before - places[tag] * layout.tag.size
            value = (value - gone) % (1 << layout.bits)
        raw += layout.tag.pack(tag, value)
    used = max(len(draft.tags), len(image.tags) if draft.dynamic.vaddr == before else 0) + 1
    raw += bytes(min(used, draft.capacity) * layout.tag.size - len(raw))
    return bytes(raw) + old[len(raw) :]
