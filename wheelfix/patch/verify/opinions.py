"""Compares an edited file with what pyelftools reads, if it is installed. The door to ``elftools``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from wheelfix.elf.disk import read_elf_at
from wheelfix.model.elf import ElfObject
from wheelfix.patch.model import Problem


def has_second_reader() -> bool:
    """Whether pyelftools is installed: the extra ``verify``."""
    return find_spec("elftools") is not None


def find_opinions(path: Path) -> tuple[Problem, ...]:
    """Read a file with pyelftools, and find differences from wheelfix's reader.

    Args:
        path: an ELF file.

    Returns:
        The differences; also empty if pyelftools is not installed.

    Raises:
        InputError: the file cannot be read.
        ElfError: it contradicts itself.
    """
    if not has_second_reader():
        return ()
    seen, _ = read_elf_at(str(path), path)
    try:
        return tuple(_compare(path, seen))
    except Exception as error:  # noqa: BLE001, RUF100 - any error of pyelftools is a result
        return (
            Problem(check="opinion", message=f"pyelftools cannot read it: {error or type(error).__name__}"),
        )


def _compare(path: Path, seen: ElfObject) -> Iterator[Problem]:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        elf = ELFFile(file)
        tags = [t for s in elf.iter_segments() if isinstance(s, DynamicSegment) for t in s.iter_tags()]
        pairs = [
            ("DT_NEEDED", seen.needed, tuple(t.needed for t in tags if t.entry.d_tag == "DT_NEEDED")),
            ("DT_SONAME", seen.soname, next((t.soname for t in tags if t.entry.d_tag == "DT_SONAME"), None)),
            ("DT_RPATH", seen.rpath, _split([t.rpath for t in tags if t.entry.d_tag == "DT_RPATH"])),
            ("DT_RUNPATH", seen.runpath, _split([t.runpath for t in tags if t.entry.d_tag == "DT_RUNPATH"])),
        ]
        for name, ours, theirs in pairs:
            if ours != theirs:
                yield Problem(check="opinion", message=f"{name}: pyelftools reads {theirs}, not {ours}")


def _split(paths: list[str]) -> tuple[str, ...]:
    return tuple(entry for path in paths[:1] for entry in path.split(":") if entry)
