"""What files say about libraries they open by name, before anybody judges it."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.base import Struct
from wheelfix.model.elf import ElfTraits


class OpeningKind(StrEnum):
    """How a file opens something by name.

    ``note``: an entry of ``.note.dlopen``. ``string``: a string of an ELF file that uses dlopen. ``ctypes``,
    ``find_library`` and ``cffi``: a call in a Python source; ``find_library`` is any that takes a library's
    name without its file. ``program``: a Python source runs a program.
    """

    NOTE = "note"
    STRING = "string"
    CTYPES = "ctypes"
    FIND_LIBRARY = "find_library"
    CFFI = "cffi"
    PROGRAM = "program"


class DlopenNote(Struct):
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


class ElfHints(Struct):
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


class CalledName(Struct):
    """One name that a call in a Python source tries.

    Attributes:
        name: a file name as the loader gets it (``libcuda.so.1``), an absolute path, or, where the source
            names a library without its file (``find_library("magic")``), the unversioned ``libmagic.so``: any
            version of it would do. Of a program, as the source names it (``/sbin/ldconfig``).
        text: what the source spells (``magic``).
        line: where its first constant part stands, from 1.
        inside: the call itself spells it, not a variable.
    """

    name: str
    text: str
    line: int
    inside: bool


class SourceCall(Struct):
    """A call in a Python source that opens one library, or runs a program, by name.

    A call that opens what its function's callers pass stands here once for each text that they pass.

    Attributes:
        kind: what is called.
        line: of the call, from 1.
        function: dotted name of what is called (``ctypes.CDLL``); ``ctypes.cdll`` is indexed, not called.
        variable: the variable or parameter that it gets, or empty.
        names: in the order in which they are tried, as far as the source tells it; never empty.
        optional: failing is survived. That is told by three things together: the call, or the one that passes
            the name to it, stands in a ``try`` or ``suppress`` for OSError or what is above it; its function
            does not raise, assert or exit behind it; and nothing else is opened in its place, be it in a
            handler of that ``try``, or the same by a call of the file that is not optional. False where this
            cannot be told.
    """

    kind: OpeningKind
    line: int
    function: str
    variable: str
    names: tuple[CalledName, ...]
    optional: bool


class SourceUse(Struct):
    """What one Python source opens and runs by name.

    Attributes:
        path: member path.
        calls: in source order; of programs those of ldconfig alone, which NixOS has no cache for.
    """

    path: str
    calls: tuple[SourceCall, ...] = ()
