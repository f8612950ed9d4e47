"""Measures the tables that dynamic entries refer to, and compares those of two files."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from sys import byteorder

from wheelfix.errors import ElfError
from wheelfix.patch.model import Problem
from wheelfix.patch.verify.view import View

Names = tuple[int, ...]

MOVABLE = {
    4: "hash table",
    6: "symbol table",
    7: "relocations",
    17: "relocations",
    23: "PLT relocations",
    36: "relative relocations",
    0x6FFFFEF5: "GNU hash table",
    0x6FFFFFF0: "symbol versions",
    0x6FFFFFFC: "version definitions",
    0x6FFFFFFE: "version needs",
}
"""Dynamic tags of tables that are found only by these tags, and so can move."""
_SECTION_TYPES = {4: 5, 6: 11, 0x6FFFFEF5: 0x6FFFFFF6, 0x6FFFFFF0: 0x6FFFFFFF, 0x6FFFFFFC: 0x6FFFFFFD}
_SECTION_TYPES[0x6FFFFFFE] = 0x6FFFFFFE
_SIZE_TAGS = {7: 8, 17: 18, 23: 2, 36: 35}
_RESERVED = 0xFF00
_MOST, _MOST_BELOW = 1 << 10, 1 << 8
"""Largest number of records in a version table, and in each of its entries; libc has fewer."""
_VERSION_TABLES = frozenset({0x6FFFFFFC, 0x6FFFFFFE})
SEMANTIC = _VERSION_TABLES | {6}
"""Tags of tables that are compared by their meaning, because they hold offsets of names, which may change."""


def count_symbols(view: View) -> int | None:
    """Count dynamic symbols, by the sections or else DT_HASH; None if both are missing."""
    width = 24 if view.bits == 64 else 16
    for section in view.sections:
        if section.type == 11 and section.addr == view.first(6):
            return section.size // width
    address = view.first(4)
    if address is None:
        return None
    wide = view.bits == 64 and view.machine in {22, 0x9026}
    raw = view.memory(address, 16 if wide else 8)
    return None if raw is None else int(struct.unpack(view.order + ("QQ" if wide else "II"), raw)[1])


def measure(view: View, tag: int) -> int | None:
    """Find the size in bytes of the table of a dynamic tag; None if it is unknown."""
    if tag in _SIZE_TAGS:
        return view.first(_SIZE_TAGS[tag])
    if tag == 6 and (count := count_symbols(view)) is not None:
        return count * (24 if view.bits == 64 else 16)
    if tag == 0x6FFFFFF0 and (count := count_symbols(view)) is not None:
        return count * 2
    wanted = _SECTION_TYPES[tag]
    return next((p.size for p in view.sections if p.type == wanted and p.addr == view.first(tag)), None)


def compare_tables(old: View, new: View, *, renamed: bool) -> Iterator[Problem]:
    """Find tables whose contents changed.

    Args:
        old: the file before.
        new: the file after.
        renamed: whether the edit changes a soname in the version needs.
    """
    for tag, name in MOVABLE.items():
        before, after = old.first(tag), new.first(tag)
        if before is None or after is None:
            continue
        size, now = measure(old, tag), measure(new, tag)
        if size != now and old.sections and new.sections:
            yield Problem(check="symbols", message=f"{name}: {now} bytes instead of {size}")
        elif size and tag not in _VERSION_TABLES and not _same_table(old, new, tag, before, after, size):
            yield Problem(check="symbols", message=f"{name}: contents differ")
    yield from _compare_names(old, new)
    for read, name in ((read_needs, "version needs"), (read_definitions, "version definitions")):
        if not (renamed and read is read_needs) and read(old) != read(new):
            yield Problem(check="symbols", message=f"{name}: differ")
    if renamed:
        bare = [[[rest for _, *rest in v] for _, v in read_needs(view)] for view in (old, new)]
        if bare[0] != bare[1]:
            yield Problem(check="symbols", message="version needs: differ in more than a soname")


def _same_table(old: View, new: View, tag: int, before: int, after: int, size: int) -> bool:
    first, second = old.memory(before, size), new.memory(after, size)
    if first is None or second is None:
        return False
    if tag != 6 or first == second:
        return first == second
    return compare_symbols(old, new, first, second, sections=False)


def compare_symbols(old: View, new: View, first: bytes, second: bytes, *, sections: bool) -> bool:
    """Whether symbols have the same meaning, even if sections were renumbered and names moved.

    Args:
        old: the file before.
        new: the file after.
        first: symbol table of the old file.
        second: symbol table of the new file.
        sections: whether to compare the section of a symbol; the loader only checks that it has one.
    """
    layout = struct.Struct(old.order + ("IBBHQQ" if old.bits == 64 else "IIIBBH"))
    names = [[p.name for p in view.sections] for view in (old, new)]
    for a, b in zip(layout.iter_unpack(first), layout.iter_unpack(second), strict=True):
        if old.bits == 64:
            (_, info, other, index, value, size), (_, info2, other2, index2, value2, size2) = a, b
        else:
            (_, value, size, info, other, index), (_, value2, size2, info2, other2, index2) = a, b
        if (info, other, size) != (info2, other2, size2) or (value != value2 and info & 15 != 3):
            return False
        if 0 < index < _RESERVED and 0 < index2 < _RESERVED and not sections:
            continue
        if index != index2 and (
            not 0 < index < len(names[0])
            or not 0 < index2 < len(names[1])
            or names[0][index] != names[1][index2]
        ):
            return False
    return True


def _compare_names(old: View, new: View) -> Iterator[Problem]:
    count, now = count_symbols(old), count_symbols(new)
    if count is None or now != count:
        return
    refs = [_read_names(view, count) for view in (old, new)]
    before, after = old.strings(), new.strings()
    if len(refs[0]) != len(refs[1]):
        yield Problem(check="symbols", message="the symbol table of one of the files is not mapped")
        return
    if refs[0] == refs[1]:
        spans = find_differences(before, after[: len(before)])
        starts = [(before.rfind(b"\0", 0, start) + 1, end) for start, end in spans]
        suspects = {at for at in refs[0] if any(start <= at < end for start, end in starts)}
        pairs: Iterator[tuple[int, int]] = ((at, at) for at in sorted(suspects))
    else:
        pairs = zip(refs[0], refs[1], strict=True)
    wrong = [text(before, a) for a, b in pairs if text(before, a) != text(after, b)]
    if wrong:
        yield Problem(check="symbols", message=f"{len(wrong)} names differ, such as {wrong[0]!r}")


def _read_names(view: View, count: int) -> Sequence[int]:
    width = 24 if view.bits == 64 else 16
    raw = view.memory(view.first(6) or 0, count * width) or b""
    words = array("I", raw)
    if (view.order == "<") != (byteorder == "little"):
        words.byteswap()
    return words[:: width // 4]


def list_uses(view: View) -> Iterator[int]:
    """List the offsets into the string table that symbols and dynamic entries use."""
    yield from _read_names(view, count_symbols(view) or 0)
    yield from (value for tag, value in view.tags if tag in {1, 14, 15, 29, 0x7FFFFFFD, 0x7FFFFFFF})


def text(strings: bytes, at: int) -> str:
    """Return the string at an offset, escaped; for an offset outside of the table, a description."""
    if at >= len(strings):
        return f"<{at:#x} outside the table>"
    return strings[at : strings.find(b"\0", at)].decode("utf-8", "backslashreplace")


def find_differences(first: bytes, second: bytes) -> list[tuple[int, int]]:
    """Find the ranges of the first byte string in which the second one differs, or is too short."""
    spans: list[tuple[int, int]] = []
    for chunk in range(0, len(first), 1 << 12):
        if first[chunk : chunk + (1 << 12)] == second[chunk : chunk + (1 << 12)]:
            continue
        for at in range(chunk, min(chunk + (1 << 12), len(first))):
            if first[at : at + 1] != second[at : at + 1]:
                if spans and at <= spans[-1][1]:
                    spans[-1] = (spans[-1][0], at + 1)
                else:
                    spans.append((at, at + 1))
    return spans


def read_needs(view: View) -> list[tuple[str, list[tuple[str, int, int, int]]]]:
    """Read version needs: soname, and name, hash, flags and index of each version."""
    result = []
    for at, (_, count, name, aux, _) in _walk(view, 0x6FFFFFFE, 0x6FFFFFFF, "HHIII", last=4):
        versions = []
        place = at + aux
        for _ in range(min(count, _MOST_BELOW)):
            hashed, flags, index, version, step = _unpack(view, place, "IHHII")
            versions.append((text(view.strings(), version), hashed, flags, index))
            place += step
            if not step:
                break
        result.append((text(view.strings(), name), versions))
    return result


def read_definitions(view: View) -> list[tuple[int, int, int, list[str]]]:
    """Read version definitions: flags, index, hash and names of each."""
    result = []
    for at, (_, flags, index, count, hashed, aux, _) in _walk(
        view, 0x6FFFFFFC, 0x6FFFFFFD, "HHHHIII", last=6
    ):
        names = []
        place = at + aux
        for _ in range(min(count, _MOST_BELOW)):
            name, step = _unpack(view, place, "II")
            names.append(text(view.strings(), name))
            place += step
            if not step:
                break
        result.append((flags, index, hashed, names))
    return result


def _walk(
    view: View, tag: int, number: int, layout: str, *, last: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    at = view.first(tag)
    for _ in range(min(view.first(number) or 0, _MOST) if at is not None else 0):
        assert at is not None
        fields = _unpack(view, at, layout)
        yield at, fields
        at += fields[last]
        if not fields[last]:
            break


def _unpack(view: View, address: int, layout: str) -> tuple[int, ...]:
    entry = struct.Struct(view.order + layout)
    raw = view.memory(address, entry.size)
    if raw is None:
        raise ElfError(
            view.path, f"a version table leads to address {address:#x}, which is not mapped", "fetch it again"
        )
    return entry.unpack(raw)
