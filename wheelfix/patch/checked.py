"""Edits a copy of a file, and verifies it against the original."""

from __future__ import annotations

from pathlib import Path

from wheelfix.errors import ApplyError, EditRefused, InputError
from wheelfix.patch.edit.apply import apply_edit, plan_file
from wheelfix.patch.model import AppliedEdit, EditPlan, ElfEdit
from wheelfix.patch.verify import verify


def plan_open(subject: str, fd: int, edit: ElfEdit) -> EditPlan:
    """Compute what an edit of an open file would write; nothing is written.

    Raises:
        EditRefused: it cannot be done exactly.
        ApplyError: the file cannot be read.
    """
    try:
        return plan_file(_name_descriptor(fd), edit)
    except ApplyError as error:
        raise type(error)(subject, error.problem, error.hint) from None


def edit_copy(subject: str, old: int, new: int, edit: ElfEdit) -> AppliedEdit:
    """Edit a copy of an ELF file.

    Args:
        subject: how the file is called in messages.
        old: descriptor of the original.
        new: descriptor of the copy, open for writing.
        edit: what is to change.

    Raises:
        EditRefused: it cannot be done exactly, or the copy fails verification and must not be used.
        ApplyError: it cannot be written.
    """
    try:
        applied = apply_edit(_name_descriptor(new), edit)
    except ApplyError as error:
        raise type(error)(subject, error.problem, error.hint) from None
    if applied.method != "none":
        check_copy(subject, old, new, edit)
    return applied


def check_copy(subject: str, old: int, new: int, edit: ElfEdit | None) -> None:
    """Verify an edited file; see :func:`wheelfix.patch.verify.verify`.

    Raises:
        EditRefused: it differs from the result that the edit asks for.
    """
    try:
        problems = [p.message for p in verify(_name_descriptor(old), _name_descriptor(new), edit)]
    except InputError as error:
        problems = [error.problem]
    if problems:
        raise EditRefused(
            subject, f"the edited file fails verification ({problems[0]})", "report it with the file"
        )


def _name_descriptor(fd: int) -> Path:
    """Return a path by which this process can open the file of a descriptor again."""
    return Path(f"/proc/self/fd/{fd}")
