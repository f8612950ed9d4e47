"""What an ELF file exports, what it wants from others, and whether the two fit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolWants:
    """What one object wants from one soname; weak wants are left out, as the loader forgives them.

    Attributes:
        versions: symbol versions the loader checks when the object is loaded, sorted.
        symbols: (name, version), sorted.
    """

    soname: str
    versions: tuple[str, ...]
    symbols: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a library has all that an object wants from a soname.

    Attributes:
        soname: the soname wanted.
        provider: path of the library that was looked at.
        wrong_machine: its machine, if that is not the object's; nothing else is then compared.
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
        """The object loads and binds against this library, as far as versioned symbols go."""
        return not (self.wrong_machine or self.missing_versions or self.missing_symbols)
