"""From traits of ELF files to findings about where they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wheelfix.model.elf import ElfTraits
from wheelfix.model.scan import Finding, Level

_NAMED = 3
_LARGE_PAGES = {"aarch64": 1 << 14}
"""Machines whose kernels are built with larger pages than 4 KiB, with the smallest of these, in bytes."""


def find_trait_findings(traits: Sequence[ElfTraits]) -> tuple[Finding, ...]:
    """Say what the traits of a wheel's files mean for running it.

    Returns:
        One finding per kind, and per instruction set level.
    """
    found = [
        *_find_one(
            Level.WARNING,
            [t for t in traits if t.executable_stack],
            "asks for an executable stack: glibc 2.41 and later refuse to load it into a running program; "
            "`patchelf --clear-execstack` in postFixup helps if none of its code runs on the stack",
        ),
        *_find_one(
            Level.WARNING,
            [t for t in traits if t.text_relocations],
            "has text relocations: the loader has to make code writable, which hardened kernels and SELinux "
            "refuse; only a build with -fPIC helps",
        ),
        *_find_isa(traits),
        *_find_pages(traits),
    ]
    return tuple(found)


def _find_one(level: Level, traits: Iterable[ElfTraits], message: str) -> Iterable[Finding]:
    paths = sorted({t.path for t in traits})
    if paths:
        rest = len(paths) - _NAMED
        subject = ", ".join(paths[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
        yield Finding(level=level, subject=subject, message=message)


def _find_isa(traits: Sequence[ElfTraits]) -> Iterable[Finding]:
    levels = sorted({t.isa for t in traits if t.isa and t.isa != "x86-64-baseline"})
    for level in levels:
        yield from _find_one(
            Level.WARNING,
            [t for t in traits if t.isa == level],
            f"needs a processor of level {level}: glibc refuses to load it on older ones, and so it fails on "
            "builders and hosts that nixpkgs' x86-64 baseline still allows",
        )


def _find_pages(traits: Sequence[ElfTraits]) -> Iterable[Finding]:
    for machine, wanted in _LARGE_PAGES.items():
        mine = [t for t in traits if t.machine == machine]
        yield from _find_one(
            Level.WARNING,
            [t for t in mine if t.page_size is not None and t.page_size < wanted],
            f"is aligned for pages of 4 KiB: it does not load under {machine} kernels with pages of 16 KiB "
            "(Asahi Linux) or 64 KiB; build it from source, or with -Wl,-z,max-page-size=65536",
        )
