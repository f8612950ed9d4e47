"""Checks an edited ELF file against its old version, for any editor.

No code is shared with wheelfix's editor, so that the verifier finds mistakes of the editor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from wheelfix.errors import ElfError
from wheelfix.patch.model import ElfEdit, Problem
from wheelfix.patch.verify.dynamic import compare_entries, compare_meaning, compare_strings
from wheelfix.patch.verify.memory import compare_contents, compare_loads, compare_segments
from wheelfix.patch.verify.sections import compare_sections
from wheelfix.patch.verify.sound import find_contradictions
from wheelfix.patch.verify.tables import compare_tables
from wheelfix.patch.verify.view import View, open_view

__all__ = ["verify"]


def verify(old_path: Path, new_path: Path, expected_edit: ElfEdit | None = None) -> tuple[Problem, ...]:
    """Find what an edit broke.

    Args:
        old_path: the file before.
        new_path: the file after.
        expected_edit: the only changes that are accepted. None for the edit of an unknown tool: run path and
            interpreter may change, DT_NEEDED may not.

    Returns:
        All problems, first those because of which the loader cannot map the file; empty for a correct edit.

    Raises:
        InputError: a file cannot be read.
        ElfError: a file is not an ELF file, or cannot be parsed.
    """
    with open_view(old_path) as old, open_view(new_path) as new:
        problems = tuple(dict.fromkeys(_find_problems(old, new, expected_edit)))
        if problems:  # problems of the old file are not caused by the edit
            had = frozenset(_find_problems(old, old, None))
            problems = tuple(problem for problem in problems if problem not in had)
        return problems


def _find_problems(old: View, new: View, edit: ElfEdit | None) -> Iterator[Problem]:
    if old.identity != new.identity:
        yield Problem(check="header", message="the ELF header says something else")
        return
    for compare in _list_comparisons(edit):
        try:
            yield from compare(old, new)
        except ElfError as error:
            if old is new:
                raise
            list(compare(old, old))  # raises if the old file is the one that cannot be read
            yield Problem(check="dynamic", message=f"cannot be read: {error.problem}")


def _list_comparisons(edit: ElfEdit | None) -> Iterator[Callable[[View, View], Iterator[Problem]]]:
    yield find_contradictions
    yield compare_loads
    yield compare_segments
    yield compare_entries
    yield lambda old, new: compare_meaning(old, new, edit)
    yield lambda old, new: compare_tables(old, new, renamed=bool(edit and edit.replace_needed))
    if edit is not None:
        yield lambda old, new: compare_strings(old, new, edit)
    yield compare_contents
    yield compare_sections
