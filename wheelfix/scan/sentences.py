"""Writes the sentences about causes and openings for people; no other code interprets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wheelfix.index.driver import RUN_PATH
from wheelfix.model.backends import WishClue
from wheelfix.model.classes import (
    Brought,
    Cause,
    FixedPath,
    Gone,
    NeedClass,
    No,
    Nobody,
    OfDriver,
    OfInterpreter,
    OfLibc,
    Provided,
    Question,
    Reached,
    Rivals,
    SiblingClue,
    Stale,
    TornFamily,
    Unnamed,
    Unreached,
)
from wheelfix.model.hook import Missed, MissReason
from wheelfix.model.index import Refused

if TYPE_CHECKING:  # most commands write nothing about openings
    from wheelfix.model.backends import Backend, Unused, Wish
    from wheelfix.model.hints import DlopenNote, SourceCall
    from wheelfix.model.scan import Located, Need, Opening, Step
    from wheelfix.model.variables import Variable

_SHOWN = 3
_INDEXED = frozenset({"ctypes.cdll", "ctypes.pydll"})

_NO = {
    Question.WHEEL: "no member carries it",
    Question.PATH: "yes, it has no slash",
    Question.PREFIX: "no run path leads to a package of conda at hand that has it",
    Question.LIBC: "neither glibc nor musl has it",
    Question.PYTHON: "no libpython",
    Question.DRIVER: "not among the drivers' libraries",
    Question.SIBLINGS: "no distribution is known to carry it",
    Question.INDEX: "nobody in this index has it",
}


def say_question(question: Question, machine: str) -> str:
    """Write a question of the ladder.

    Args:
        question: the question.
        machine: machine of the need.
    """
    return {
        Question.WHEEL: "Does the loader find it inside the wheel?",
        Question.PATH: "Is it a soname at all?",
        Question.PREFIX: "Does the loader find it in the prefix of conda?",
        Question.LIBC: f"Is it the C library's own, on {machine}?",
        Question.PYTHON: "Is it the Python interpreter's?",
        Question.DRIVER: "Does it come with the GPU driver?",
        Question.SIBLINGS: "Does another distribution bring it?",
        Question.INDEX: "Does nixpkgs provide it?",
    }[question]


def say_step(step: Step) -> str:
    """Write the answer of a step, as one clause."""
    return _NO[step.question] if isinstance(step.cause, No) else say_cause(step.cause)


def say_cause(cause: Cause) -> str:  # noqa: C901 - one line for each kind there is
    """Write a cause as one clause, without a capital and a full stop."""
    match cause:
        case No():
            return "no"
        case Reached():
            inherited = f", inherited from {cause.inherited_from}" if cause.inherited_from else ""
            return f"rpath {cause.entry}{inherited} leads to {cause.path}"
        case Unreached():
            return f"{cause.path} carries it, but no rpath leads there: it has to be loaded first"
        case FixedPath():
            return "a path, not a soname: the loader opens exactly this file"
        case OfLibc():
            return f"part of {cause.libc}"
        case OfInterpreter():
            return _say_interpreter(cause)
        case OfDriver():
            return cause.part
        case Brought():
            return _say_brought(cause)
        case Unnamed():
            names = ", ".join(cause.distributions[:_SHOWN])
            return f"{names} would, but neither the metadata nor a run path names it"
        case Stale():
            return f"{cause.distribution} {cause.version} is at hand and does not carry it"
        case Provided():
            return f"{cause.attr} has {cause.path}{f'; {cause.note}' if cause.note else ''}"
        case Rivals():
            return f"{' and '.join(cause.attrs)} both have it: choose with --prefer"
        case TornFamily():
            who = "the wheel bundles" if cause.bundled else "other wheels bring"
            return (
                f"{cause.attr} has one, but {who} the rest of that family "
                f"({', '.join(cause.versions)}): two builds of it in one process break"
            )
        case Nobody():
            return f"nobody in this index has it{_say_nearest(cause)}"
        case Gone():
            return f"{say_gone(cause)}{_say_nearest(cause)}"


def say_unused(unused: Unused) -> str:
    """Write in one clause why a need is not used."""
    return f"only for {', '.join(unused.backends)}: {say_choice(unused.chosen, unused.wish)}"


def say_refused(refused: Refused) -> str:
    """Write in one clause why a need is left out whose provider nixpkgs refuses."""
    settings = " and ".join(refused.permissions)
    return f"only plugins want it: {refused.attr} has it, which nixpkgs refuses without {settings}"


def say_need(need: Need) -> str:
    """Write in one clause why a need is answered as it is: its class, or why nothing is brought for it."""
    if need.unused:
        return say_unused(need.unused)
    return say_refused(need.refused) if need.refused else say_cause(need.cause)


def say_choice(chosen: Backend | None, wish: Wish) -> str:
    """Write in one clause which backend is used, and why.

    Args:
        chosen: the backend; None if none is.
        wish: what decided.
    """
    why = {
        WishClue.ASKED: "asked for",
        WishClue.VARIANT: f"{wish.evidence} is for it",
        WishClue.OWN: f"{wish.evidence} is for it",
        WishClue.AT_HAND: f"{wish.evidence} is at hand",
        WishClue.NIXPKGS: "the CUDA of nixpkgs' cudaPackages",
        WishClue.PROVIDED: "what is there",
    }[wish.clue]
    if chosen is None:
        return f"none is used ({why})" if wish.backend.name == "cpu" else "none is used"
    if chosen.fits(wish.backend):
        return f"{chosen.label} is used ({why})"
    return f"{chosen.label} is used, as nothing here is for {wish.backend.label} ({why})"


def _say_interpreter(cause: OfInterpreter) -> str:
    if not cause.version:
        return "the Python interpreter's own library"
    whose = f"the own library of Python {cause.version}'s interpreter"
    return f"{whose}, for which the wheel is not" if cause.fits is False else whose


def say_missed(missed: Missed) -> str:
    """Write in one clause why auto-patchelf has to ignore a soname."""
    if isinstance(missed.why, Refused):
        return say_refused(missed.why)
    if missed.why:
        return say_unused(missed.why)
    match missed.reason:
        case MissReason.DRIVER:
            return f"comes with the GPU driver, in {RUN_PATH}"
        case MissReason.FILE_NAME:
            return (
                f"in {missed.distribution or 'the wheel'}, as the file {missed.file}, which has to be loaded "
                "first: auto-patchelf looks at names of files alone"
            )
        case MissReason.OTHER_PYTHON:
            return f"of Python {missed.python}: no other interpreter loads what wants it"
        case _:
            return f"there if this is Python {missed.python}: no other interpreter loads what wants it"


def say_located(located: Located) -> str | None:
    """Write the explanation of an answer of ``locate``, as one clause; None if the class is enough."""
    match located.cause:
        case Provided():
            return located.note
        case Rivals():
            return "choose with --prefer ATTR"
        case Gone():
            return say_gone(located.cause)
        case Nobody():
            if located.cause.nearest:
                return "another ABI of it is there"
            said = (
                "no file has this name; these are near" if located.nearest else "nobody in this index has it"
            )
            return f"{said}{f' ({located.note})' if located.note else ''}"
        case OfLibc():
            return located.note or say_cause(located.cause)
        case _:
            return say_cause(located.cause)


def say_gone(cause: Gone) -> str:
    """Write why an attribute is not the answer, as one clause."""
    if cause.absent_on:
        return f"only {cause.attr} has it, and not on {cause.absent_on}"
    if cause.removed is None:
        return f"only {cause.attr} has it, which is broken in nixpkgs"
    reason = " ".join(cause.removed.split()).rstrip(".")
    if not reason:
        return f"only {cause.attr} has it, which is not in this nixpkgs"
    return f"only {cause.attr} had it, which nixpkgs has removed: {reason}"


def _say_nearest(cause: Nobody | Gone) -> str:
    near = ", ".join(cause.nearest[:_SHOWN])
    return f"; another ABI of it is there: {near}" if near else ""


def _say_brought(cause: Brought) -> str:
    said = _say_how(cause)
    if cause.check:
        said += f"; checked: {cause.distribution} {cause.check.version} has {cause.check.path}"
        if cause.check.by_soname:
            said += ", under this DT_SONAME"
    elif cause.absent and cause.how is not SiblingClue.DEPENDS:
        said += f"; {cause.distribution} is not among the distributions at hand"
    return said


def _say_how(cause: Brought) -> str:
    name, names = cause.distribution, f"rpath {cause.entry} names {cause.place}"
    return {
        SiblingClue.NAMED_PLACE: f"{names}{', which the metadata requires' if cause.required else ''}",
        SiblingClue.NAMED_NAME: f"{names}, and the metadata requires {name}",
        SiblingClue.FILLED_PLACE: f"{names}, which {name} fills",
        SiblingClue.REQUIRED: f"the metadata requires {name}, which carries it",
        SiblingClue.TORCH_EXTENSION: "an extension of torch: only the torch that loads it fits",
        SiblingClue.TORCH_REQUIRES: f"torch requires {name} and loads it first",
        SiblingClue.UNREAD: f"{name} carries it, which the metadata, which is not at hand, may well require",
        SiblingClue.ONLY_WHEELS: f"only wheels carry it, such as {name}, which the metadata does not name",
        SiblingClue.PREFIX: f"rpath {cause.entry} leads to {cause.place} of the prefix",
        SiblingClue.INHERITED: f"rpath {cause.entry} of conda's Python leads to {cause.place} of the prefix",
        SiblingClue.DEPENDS: f"it depends on {name}, which was not read",
        SiblingClue.ONLY_AT_HAND: f"only {name} has it: it has to be loaded first",
    }[cause.how]


def say_opening(opening: Opening, name: str) -> str:
    """Write in one clause how a file opens a library or runs a program; the file is not named.

    Args:
        opening: the opening.
        name: one of its names.
    """
    from wheelfix.model.hints import OpeningKind

    if opening.note:
        return _say_note(opening.note, name)
    if opening.call:
        return say_call(opening.call, name)
    if opening.kind is OpeningKind.STRING:
        return f'string "{name}" in a file that uses dlopen'
    where = f", line {opening.line}" if opening.line else ""
    return f'{opening.kind.value}, "{name}"{where}'


def say_openings(openings: Sequence[Opening], name: str, answer: Opening | None) -> str:
    """Write how the first of some openings uses a name, how many more files do, and what code does about it.

    Args:
        openings: at least one; all have the name.
        name: the name.
        answer: the one of them whose answer is about the name, if there is one.
    """
    more = len({opening.file for opening in openings}) - 1
    said = [
        say_opening(openings[0], name),
        f"{more} more {'file' if more == 1 else 'files'} name it" if more else "",
        say_form(answer) if answer else "",
    ]
    return "; ".join(filter(None, said))


def say_form(opening: Opening) -> str:
    """Write in one clause what code does about an opening; empty if there is none, and nothing to explain."""
    from wheelfix.model.scan import Held, OpeningForm

    if opening.held:
        permissions = " and ".join(opening.permissions)
        return {
            Held.CARRIED: "nothing is written, as the wheel has that library",
            Held.NEWER: "nothing is written, as the same file opens a newer one",
            Held.OTHER_GPU: "nothing is written, as it is for another GPU",
            Held.REFUSED: f"nothing is written, as nixpkgs refuses it without {permissions}",
        }[opening.held]
    return {
        OpeningForm.SUBSTITUTE: "its path is written into the source",
        OpeningForm.RUN_PATH: "a run path leads to it",
        OpeningForm.SHIM: "a shim finds it by this name",
        OpeningForm.NONE: "",
    }[opening.form]


def say_bringer(opening: Opening) -> str:
    """Write who brings what is opened: an attribute, a distribution or a directory; empty if unknown."""
    match opening.need_class:
        case NeedClass.PROVIDED:
            return opening.providers[0].attr
        case NeedClass.SIBLING:
            return opening.distribution or ""
        case NeedClass.DRIVER:
            return RUN_PATH
        case _:
            return ""


def say_call(call: SourceCall, name: str) -> str:
    """Write in one clause how a Python source opens a library or runs a program.

    Args:
        call: the call.
        name: one of its names.
    """
    from wheelfix.model.hints import OpeningKind

    called = next((c for c in call.names if c.name == name), call.names[0])
    if call.kind is OpeningKind.PROGRAM:
        return f'{call.function}("{called.name}"), line {call.line}'
    shown = f'"{called.text}"' if called.inside else call.variable or "…"
    shown = f"[{shown}]" if call.function in _INDEXED else f"({shown})"
    where = f", line {call.line}"
    if not called.inside:
        where += f', with "{called.text}" of line {called.line}'
        where += f" of {called.file}" if called.file else ""
    return f"{call.function}{shown}{where}"


def _say_note(note: DlopenNote, name: str) -> str:
    words = f".note.dlopen, {note.priority}"
    if purpose := note.description or note.feature:
        words += f": {purpose}"
    rest = [other for other in note.sonames if other != name]
    return f"{words} (or {', '.join(rest)})" if rest else words


def say_variable(variable: Variable) -> str:
    """Write in one clause what to set a variable to, and why."""
    if variable.attr:
        value = f'"${{pkgs.{variable.attr}}}{variable.path}"'
    else:
        value = f'"{variable.value}"' if variable.value else ""
    return f"{f'{variable.name} = {value}' if value else f'unset {variable.name}'} ({variable.reason})"


def name_some(names: Sequence[str], most: int) -> str:
    """Name the first of some things, and say how many more there are.

    Example:
        >>> name_some(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
