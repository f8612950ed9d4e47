"""What one ELF file says about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionNeed:
    """The symbol versions one object asks of one soname (SHT_GNU_verneed)."""

    soname: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfObject:
    """The loader's view of one ELF file.

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

    @property
    def name(self) -> str:
        """The file name, without directories."""
        return self.path.rpartition("/")[2]

    @property
    def is_library(self) -> bool:
        """It can be linked against; libraries that can also be run (libQt6Core, libc) have a DT_SONAME."""
        return self.dynamic and (self.soname is not None or not self.executable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfTraits:
    """Facts about one ELF file that decide where it runs, whatever it is linked against.

    Attributes:
        path: member path.
        machine: as in :class:`ElfObject`.
        isa: the x86-64 level the linker recorded as needed (``x86-64-v3``), or None.
        executable_stack: PT_GNU_STACK asks for an executable stack.
        text_relocations: the loader has to write into code (DT_TEXTREL or DF_TEXTREL).
        page_size: largest page in bytes the LOAD segments can be mapped with; None without any.
    """

    path: str
    machine: str
    isa: str | None = None
    executable_stack: bool = False
    text_relocations: bool = False
    page_size: int | None = None
