"""Where new bytes go that fit nowhere inside the file.

In this order, the first that works:

``grow``
    the string table is the last thing in the file, but for padding, and in memory: it becomes longer.
``extend``
    the last LOAD segment ends the file, or nearly so: what is new goes behind it. Not where the program
    headers are in that segment: ``strip`` would lose the strings.
``spare``
    the program header table has an unused entry for a LOAD segment of our own.
``displace``
    the blocks behind that table move into the new segment, the table becomes longer by one entry.
``steal``
    a program header that nobody misses gives way: PT_PHDR of a library (gold and lld write one, and loaders
    find the table by the ELF header), or on x86 PT_GNU_PROPERTY where a PT_NOTE says the same.
``rehome``
    the last LOAD segment is copied to the end of the file, its zeros included, and becomes longer there.

Never is a program header table moved: ``strip`` does not understand it and destroys the file.
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
"""Nothing in an ELF file's own tables asks for more."""
_LARGEST_HOME = 64 << 20
"""Bytes of a segment that are copied at most."""
_GAP = 4096
"""Bytes behind the last LOAD segment that it may as well map: padding, or the section headers of patchelf."""
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
        load: index of the LOAD segment to make longer; None for a new one.
        rehomed: that segment moves to ``offset`` within the file; ``vaddr`` is its own.
        page: alignment of a new LOAD segment in bytes.
        slot: index of the program header to give up for it; None to make the table longer.
        lead: what has to move here from behind the table.
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
    """Index of the LOAD segment that is last in file and memory and can become longer; None without."""
    loads = [(s.vaddr, i) for i, s in enumerate(image.segments) if s.type == r.PT_LOAD]
    if not loads:
        return None
    index = max(loads)[1]
    tail = image.segments[index]
    last = all(s.end <= tail.end for s in image.segments if s.type == r.PT_LOAD)
    fits = last and image.size - tail.end <= _GAP and tail.filesz == tail.memsz and not tail.flags & r.PF_X
    return index if fits and tail.filesz else None


def find_room(image: ElfImage, *, writable: bool) -> Room:
    """Find where new bytes go, the string table among them.

    Args:
        image: the file.
        writable: the loader writes to them.

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
    """Whether a LOAD segment that is not the first begins with the program headers, as older tools left it.

    ``strip`` then closes every gap between the sections of that segment, whatever their addresses are: what
    comes behind an old string table moves into its place, and the loader looks for it where it was.
    """
    tail = image.segments[index]
    return 0 < tail.offset <= image.header.phoff < tail.end


def _find_home(image: ElfImage) -> Room | None:
    """A new place in the file for the last LOAD segment, with room for its zeros and for more behind them."""
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
    """Bytes to skip so that what moves keeps its alignment in memory, whatever that is."""
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
