"""Raw hints that files give about libraries they open by name; they are not classified yet."""

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
    """What one pass over an ELF file found besides :class:`wheelfix.model.elf.ElfObject`.

    Attributes:
        path: member path.
        notes: entries of ``.note.dlopen``, in file order.
        strings: sonames and absolute library paths among its strings, sorted; empty unless it uses dlopen.
    """

    path: str
    traits: ElfTraits
    notes: tuple[DlopenNote, ...] = ()
    strings: tuple[str, ...] = ()


class SourceEdit(Struct):
    """A replacement in a Python source by which it opens a library by an absolute path.

    Attributes:
        old: text that is in the file once, in ASCII, on one line.
        before, after: what stands before and after the path in the text that replaces it.
    """

    old: str
    before: str
    after: str


class CalledName(Struct):
    """One name that a call in a Python source tries.

    Attributes:
        name: a file name as the loader gets it (``libcuda.so.1``), an absolute path, or, where the source
            names a library without its file (``find_library("magic")``), the unversioned ``libmagic.so``,
            which stands for any version. For a program, as the source names it (``/sbin/ldconfig``).
        text: the text in the source (``magic``).
        line: line of its first constant part, from 1.
        inside: whether the call itself contains the text, and not a variable.
        edit: how the source opens a library by its path in place of the name, proved by an analysis of the
            edited source; None if no edit is.
        file: path of the file with the text, if it is another one than the call's.
    """

    name: str
    text: str
    line: int
    inside: bool
    edit: SourceEdit | None = None
    file: str = ""


class SourceCall(Struct):
    """A call in a Python source that opens one library, or runs a program, by name.

    A call that opens a parameter of its function is listed once for each text that callers pass.

    Attributes:
        kind: kind of the call.
        line: of the call, from 1.
        function: dotted name of what is called (``ctypes.CDLL``); ``ctypes.cdll`` is indexed, not called.
        variable: the variable or parameter that is passed to it, or empty.
        names: in the order in which they are tried, as far as the source tells; never empty.
        optional: whether the program survives a failure. True if all of these hold: the call, or the one that
            passes the name to it, stands in a ``try`` or ``suppress`` for OSError or a base class of it; its
            function does not raise, assert or exit behind it; and nothing else is opened instead, neither in
            a handler of that ``try``, nor the same name by another call in the file that is not optional.
            False where this cannot be told.
        at_import: whether importing the source makes it.
        alternatives: whether its names are tried until one is found: it, or the call that passes them to it,
            stands in a loop that can end before its time. False where all of them may be opened.
    """

    kind: OpeningKind
    line: int
    function: str
    variable: str
    names: tuple[CalledName, ...]
    optional: bool
    at_import: bool = False
    alternatives: bool = False


class SourceUse(Struct):
    """What one Python source opens and runs by name.

    Attributes:
        path: member path.
        calls: in source order; calls of programs are kept for ldconfig only, as NixOS has no cache for it.
        anchor: an import at the top of the file, whose text is in it once, in ASCII: what has to be done
            before any call can be put before it on the same line; empty if there is none.
        unread: why it was not analysed, though it may open libraries, in one clause; empty if it was.
        computed: lines of calls that open a library whose name is put together when the program runs, sorted.
    """

    path: str
    anchor: str = ""
    unread: str = ""
    calls: tuple[SourceCall, ...] = ()
    computed: tuple[int, ...] = ()
