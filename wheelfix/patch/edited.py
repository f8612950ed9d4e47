"""What is to change in one ELF file, and what a change wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfEdit:
    """Changes to one ELF file; what is left at its default stays as it is.

    A run path keeps its tag: DT_RPATH stays DT_RPATH, DT_RUNPATH stays DT_RUNPATH, and a file with neither
    gets DT_RPATH, because a DT_RUNPATH would switch off the DT_RPATH that it inherits from whoever loads it.

    Attributes:
        run_path: the entries of the run path from now on; empty removes it, None leaves it.
        drop_run_path: entries to take out of it, after ``run_path`` is applied.
        add_run_path: entries to put at its end unless it has them, after ``drop_run_path``.
        replace_needed: pairs of a soname in DT_NEEDED and the one to ask for instead, versions included.
        remove_needed: sonames to take out of DT_NEEDED.
        add_needed: sonames to put at the end of DT_NEEDED unless it has them.
        interpreter: path for PT_INTERP.
    """

    run_path: tuple[str, ...] | None = None
    drop_run_path: tuple[str, ...] = ()
    add_run_path: tuple[str, ...] = ()
    replace_needed: tuple[tuple[str, str], ...] = ()
    remove_needed: tuple[str, ...] = ()
    add_needed: tuple[str, ...] = ()
    interpreter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Bytes for one place of a file.

    Attributes:
        offset: in bytes from the start of the file.
        data: what belongs there.
    """

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPlan:
    """All that has to be written for an edit.

    Attributes:
        method: ``none`` (nothing to do), ``overwrite``, ``grow``, ``extend``, ``spare``, ``displace``,
            ``steal`` or ``rehome``; see :mod:`wheelfix.patch`.
        writes: in the order to write them: new data first, headers next, what is wiped last. No two overlap.
        old_size: length in bytes of the file that the plan was made for.
        new_size: length in bytes afterwards.
    """

    method: str
    writes: tuple[Write, ...]
    old_size: int
    new_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedEdit:
    """What an edit changed, and what was there before.

    Attributes:
        method: as in :class:`EditPlan`.
        originals: the bytes that each changed range held; nothing of what lay behind the old end.
        changed: the same ranges, and those behind the old end, with the bytes they hold now.
        old_size: length in bytes before.
        new_size: length in bytes now.
    """

    method: str
    originals: tuple[Write, ...]
    changed: tuple[Write, ...]
    old_size: int
    new_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that an edit broke.

    Attributes:
        check: which comparison found it, one word (``load``, ``segment``, ``dynamic``, ``tag``, ``symbols``,
            ``strings``, ``content``, ``section``, ``header``, ``run-path``, ``opinion``).
        message: what differs, in one clause.
    """

    check: str
    message: str
