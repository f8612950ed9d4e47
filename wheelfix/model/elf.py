"""Models of an ELF file: loader's view, traits, symbols."""

from __future__ import annotations

from wheelfix.model.base import Struct


class VersionNeed(Struct):
    """The symbol versions that one object asks of one soname (SHT_GNU_verneed).

    Attributes:
        versions: sorted.
        weak: those of them without which it loads too, sorted: weak symbols alone have them.
    """

    soname: str
    versions: tuple[str, ...]
    weak: tuple[str, ...] = ()


class ElfObject(Struct):
    """One ELF file as the loader sees it.

    Attributes:
        path: POSIX path of the member, relative to the root of the wheel.
        machine: the name ``uname -m`` gives (``x86_64``, ``aarch64``, ``i686`` ...),
            or ``em-N`` for a machine number wheelfix has no name for.
        bits: 32 or 64.
        soname: DT_SONAME, or None.
        needed: DT_NEEDED in file order, as the loader walks it.
        rpath: entries of DT_RPATH, split at colons, unexpanded.
        runpath: entries of DT_RUNPATH, split at colons, unexpanded.
        interpreter: PT_INTERP, or None for a library or a static executable.
        executable: a program: ET_EXEC, PT_INTERP or DF_1_PIE.
        dynamic: has PT_DYNAMIC; False for static programs, relocatable and core files.
        nodeflib: DF_1_NODEFLIB, the loader's default directories are not searched.
        versions: symbol versions asked of each needed soname, sorted by soname.
        private: symbols that it requires and that :func:`wheelfix.model.policies.list_private` has for its
            needed sonames, sorted; None if its symbols could not be read.
    """

    path: str
    machine: str
    bits: int
    soname: str | None
    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]
    interpreter: str | None
    executable: bool
    dynamic: bool
    nodeflib: bool = False
    versions: tuple[VersionNeed, ...] = ()
    private: tuple[str, ...] | None = ()

    @property
    def name(self) -> str:
        """The file name, without directories."""
        return self.path.rpartition("/")[2]

    @property
    def is_library(self) -> bool:
        """Whether it can be linked against; a library that can be run (libQt6Core, libc) has a DT_SONAME."""
        return self.dynamic and (self.soname is not None or not self.executable)


class ElfTraits(Struct):
    """Properties of one ELF file that decide on which systems it runs, independent of its needs.

    Attributes:
        path: member path.
        machine: as in :class:`ElfObject`.
        isa: the x86-64 level the linker recorded as needed (``x86-64-v3``), or None.
        executable_stack: PT_GNU_STACK asks for an executable stack.
        text_relocations: the loader has to write into code (DT_TEXTREL or DF_TEXTREL).
        page_size: largest page in bytes the LOAD segments can be mapped with; None without LOAD segments.
    """

    path: str
    machine: str
    isa: str | None = None
    executable_stack: bool = False
    text_relocations: bool = False
    page_size: int | None = None


class Library(Struct):
    """A library outside the files that are patched.

    Attributes:
        name: file name, by which run paths find it.
        directory: absolute path of its directory.
        machine: as in :class:`ElfObject`.
        musl: whether it is linked with musl; None if it is linked with no C library.
        glibc: the newest version of glibc whose symbols it wants; empty if it wants none by version.
    """

    name: str
    directory: str
    machine: str
    musl: bool | None = None
    glibc: tuple[int, ...] = ()


class SymbolWants(Struct):
    """What one object wants from one soname; weak wants are left out, as the loader does not require them.

    Attributes:
        versions: symbol versions the loader checks when the object is loaded, sorted.
        symbols: (name, version), sorted.
    """

    soname: str
    versions: tuple[str, ...]
    symbols: tuple[tuple[str, str], ...]


class Symbols(Struct):
    """The dynamic symbols of one ELF file.

    Attributes:
        path: member path, or path on disk.
        machine: as in :class:`wheelfix.model.elf.ElfObject`.
        soname: DT_SONAME, or None.
        versions: versions it defines, the base version left out.
        exports: (name, version) of what it defines; version None for a symbol without one.
        wants: per soname, sorted; only what symbol versions tie to a soname.
    """

    path: str
    machine: str
    soname: str | None
    versions: frozenset[str]
    exports: frozenset[tuple[str, str | None]]
    wants: tuple[SymbolWants, ...]


class SymbolCheck(Struct):
    """Whether a library has all that an object wants from a soname.

    Attributes:
        soname: the soname wanted.
        provider: path of the library that was looked at.
        wrong_machine: its machine, if that differs from the object's; nothing else is compared then.
        missing_versions: the loader refuses the object for each of these (``version `X' not found``).
        missing_symbols: ``name@version``; the loader fails when it binds them.
    """

    soname: str
    provider: str
    wrong_machine: str | None = None
    missing_versions: tuple[str, ...] = ()
    missing_symbols: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the object loads and binds against this library, as far as versioned symbols tell."""
        return not (self.wrong_machine or self.missing_versions or self.missing_symbols)
