"""What files say about libraries they open by name, before anybody judges it."""

from __future__ import annotations

from dataclasses import dataclass

from wheelfix.model.elf import ElfTraits
from wheelfix.model.scan import Dlopen


@dataclass(frozen=True, slots=True, kw_only=True)
class DlopenNote:
    """One entry of a ``.note.dlopen`` note.

    Attributes:
        sonames: alternatives, best first; never empty.
        feature: what the library is for, in one word.
        description: the same for people.
        priority: ``required``, ``recommended`` or ``suggested``.
    """

    sonames: tuple[str, ...]
    feature: str | None
    description: str | None
    priority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfHints:
    """What one pass over an ELF file gave beside :class:`wheelfix.model.elf.ElfObject`.

    Attributes:
        path: member path.
        notes: entries of ``.note.dlopen``, in file order.
        strings: sonames and absolute library paths among its strings, sorted; empty unless it uses dlopen.
    """

    path: str
    traits: ElfTraits
    notes: tuple[DlopenNote, ...] = ()
    strings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramUse:
    """A program that a source runs.

    Attributes:
        program: as the source names it (``/sbin/ldconfig``).
        found_in: member path.
        evidence: one clause with the call and its line.
    """

    program: str
    found_in: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUse:
    """What one Python source opens and runs by name.

    Attributes:
        opens: one per soname, sorted. ``soname`` is a file name as the loader gets it (``libcuda.so.1``), an
            absolute path, or, where the source names a library without its file (``find_library("magic")``),
            the unversioned ``libmagic.so``: any version of it would do.
        programs: calls of ldconfig, which NixOS has no cache for; one per program, sorted.
    """

    opens: tuple[Dlopen, ...] = ()
    programs: tuple[ProgramUse, ...] = ()
