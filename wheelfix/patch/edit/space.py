"""Finds room at the end of a file for new bytes that do not fit inside of it.

The first of these methods that works is taken:

``grow``
    the string table is last in the file, except for padding, and last in memory: it is extended.
``extend``
    the last LOAD segment ends the file, or nearly so: new bytes follow it. Not if the program headers are in
    that segment: ``strip`` would lose the strings.
``spare``
    the program header table has an unused entry, which is used for a new LOAD segment.
``displace``
    the blocks after that table move into the new segment, and the table is extended by one entry.
``steal``
    an unneeded program header is replaced: PT_PHDR of a library (gold and lld write one, and loaders find the
    table by the ELF header), or on x86 PT_GNU_PROPERTY if a PT_NOTE has the same contents.
``rehome``
    the last LOAD segment is copied to the end of the file, including its zeros, and is extended there.

A program header table is never moved, because ``strip`` does not support that and destroys the file.
"""

from __future__ import annotations

from wheelfix.errors import EditRefused
from wheelfix.model.base import Struct
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.displace import Lead, is_movable
from wheelfix.patch.edit.image import ElfImage
from wheelfix.patch.edit.records import Segment
from wheelfix.patch.edit.strings import list_addresses

_X86 = frozenset({3, 62})
_ALIGN = 64
"""Alignment in bytes; no table of an ELF file needs more."""
_LARGEST_HOME = 64 << 20
"""Largest segment in bytes that is copied."""
_GAP = 4096
"""Bytes after the last LOAD segment that it may also map: padding, or section headers by patchelf."""
_FIXED_TABLES = frozenset(
    {
        r.DT_PLTGOT,
        r.DT_RELA,
        r.DT_REL,
        r.DT_JMPREL,
        r.DT_RELR,
        r.DT_INIT,
        r.DT_FINI,
        r.DT_INIT_ARRAY,
        r.DT_FINI_ARRAY,
        r.DT_PREINIT_ARRAY,
    }
)


class Room(Struct):
    """A place at the end of the file.

    Attributes:
        method: as in the module's description.
        offset: file offset of the first new byte.
        vaddr: its address.
        load: index of the LOAD segment to extend; None for a new one.
        rehomed: whether that segment moves to ``offset`` in the file; ``vaddr`` is then its own address.
        page: alignment of a new LOAD segment in bytes.
        slot: index of the program header to replace; None to extend the table.
        lead: the bytes after the table that have to move here.
    """

    method: str
    offset: int
    vaddr: int
    load: int | None = None
    rehomed: bool = False
    page: int = 0
    slot: int | None = None
    lead: Lead | None = None


def find_tail(image: ElfImage) -> int | None:
    """Find the LOAD segment that is last in file and memory and can be extended: its index, or None."""
    loads = [(s.vaddr, i) for i, s in enumerate(image.segments) if s.type == r.PT_LOAD]
    if not loads:
        return None
    index = max(loads)[1]
    tail = image.segments[index]
    last = all(s.end <= tail.end for s in image.segments if s.type == r.PT_LOAD)
    fits = last and image.size - tail.end <= _GAP and tail.filesz == tail.memsz and not tail.flags & r.PF_X
    return index if fits and tail.filesz else None


def find_room(image: ElfImage, *, writable: bool) -> Room:
    """Find room for new bytes, including the string table.

    Args:
        image: the file.
        writable: whether the loader writes to them.

    Raises:
        EditRefused: there is no way to map them.
    """
    if image.trailer:
        raise EditRefused(
            image.subject,
            "carries an archive behind its end that would no longer be found",
            "use a run path that is no longer than the one there is, or wrap the program",
        )
    index = find_tail(image)
    if (
        index is not None
        and not _leads(image, index)
        and (not writable or image.segments[index].flags & r.PF_W)
    ):
        tail = image.segments[index]
        offset = -(-image.size // _ALIGN) * _ALIGN
        return Room(method="extend", offset=offset, vaddr=tail.vaddr + offset - tail.offset, load=index)
    page = r.find_page_size(image.header.machine)
    end = max(s.vaddr + s.memsz for s in image.segments if s.type == r.PT_LOAD)
    offset = -(-image.size // _ALIGN) * _ALIGN
    vaddr = -(-end // page) * page + offset % page
    spare = image.find_segment(r.PT_NULL)
    if spare is not None:
        return Room(method="spare", offset=offset, vaddr=vaddr, page=page, slot=spare)
    lead = image.lead
    if lead is not None and (not lead.moves or _may_displace(image, lead)):
        offset += _skew(image, lead) if lead.moves else 0
        vaddr = -(-end // page) * page + offset % page
        return Room(method="displace", offset=offset, vaddr=vaddr, page=page, lead=lead)
    slot = _find_spendable(image)
    if slot is not None:
        return Room(method="steal", offset=offset, vaddr=vaddr, page=page, slot=slot)
    room = _find_home(image)
    if room is not None:
        return room
    raise EditRefused(
        image.subject,
        "its program headers are where strip would lose what comes behind them"
        if index is not None and _leads(image, index)
        else "its program header table has no room for one more segment",
        "use a run path that is no longer than the one there is, or patchelf on a copy",
    )


def _leads(image: ElfImage, index: int) -> bool:
    """Whether a LOAD segment that is not the first begins with the program headers, as older tools write it.

    ``strip`` then closes every gap between the sections of that segment, regardless of their addresses: the
    bytes after an old string table move into its place, but their address stays the same.
    """
    tail = image.segments[index]
    return 0 < tail.offset <= image.header.phoff < tail.end


def _find_home(image: ElfImage) -> Room | None:
    """Find a new place in the file for the last LOAD segment, with room for its zeros and for new bytes."""
    address, index = max((s.vaddr, i) for i, s in enumerate(image.segments) if s.type == r.PT_LOAD)
    last = image.segments[index]
    table = image.header.phoff + image.header.phnum * image.header.phentsize
    holds_strings = last.offset <= image.strings_offset < last.end
    if last.flags & r.PF_X or not last.flags & r.PF_W or last.memsz > _LARGEST_HOME or not image.sections:
        return None
    if last.offset < table or holds_strings:
        return None
    page = min(max(last.align, 1), r.find_page_size(image.header.machine))
    offset = image.size + (address - image.size) % max(page, _ALIGN)
    return Room(method="rehome", offset=offset, vaddr=address, load=index, rehomed=True, page=page)


def _may_displace(image: ElfImage, lead: Lead) -> bool:
    addresses = [*list_addresses(image.layout, image.symbols), image.header.entry]
    addresses += [value for tag, value in image.tags if tag in _FIXED_TABLES]
    return is_movable(
        lead,
        order=image.layout.order,
        segments=image.segments,
        sections=image.sections,
        addresses=addresses,
    )


def _skew(image: ElfImage, lead: Lead) -> int:
    """Compute the bytes to skip so that moved bytes keep any alignment in memory."""
    load = next(s for s in image.segments if s.type == r.PT_LOAD and s.offset <= lead.start < s.end)
    return (load.vaddr + lead.start - load.offset) % _ALIGN


def _find_spendable(image: ElfImage) -> int | None:
    if image.find_segment(r.PT_INTERP) is None and (index := image.find_segment(r.PT_PHDR)) is not None:
        return index
    if image.header.machine not in _X86:
        return None
    index = image.find_segment(r.PT_GNU_PROPERTY)
    if index is None:
        return None
    given: Segment = image.segments[index]
    notes = [s for s in image.segments if s.type == r.PT_NOTE]
    return index if any(s.offset <= given.offset and given.end <= s.end for s in notes) else None
