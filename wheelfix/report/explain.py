"""Renders explanations for people, in three parts: what happened, what to paste, what to do now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wheelfix.explain.model import Explanation, Missing
from wheelfix.model.classes import OPEN_CLASSES, Gone, OfLibc, Provided, Reached, Unreached
from wheelfix.model.hints import OpeningKind
from wheelfix.report.escape import printable
from wheelfix.report.plain import wrap_words
from wheelfix.scan.sentences import say_cause, say_gone, say_openings

NOTHING = "nothing about shared libraries here"
_WIDTH = 100
_COMMAND = "This reads the package itself, and writes the code for all that it opens by name:"
_PATCH = "wheelfix patch "
_SEARCHED = (
    "ctypes.util.find_library finds it after `wheelfix patch`; by LD_LIBRARY_PATH only where ld and objdump "
    "are, as in nix-shell"
)
_WRONG_LIBC = "this was built for glibc, and what runs it uses musl, or has no loader there"


def render_explanation(
    explanation: Explanation,
    paste: Sequence[tuple[str, str]],
    now: Sequence[str],
    command: str | None = None,
    *,
    details: bool = True,
    listed: bool = False,
    width: int | None = None,
) -> str:
    """Render an explanation.

    Args:
        explanation: the explanation.
        paste: pieces of Nix code, each with its place.
        now: remedies that need no build.
        command: command that writes all code for what the package opens by name.
        details: also print which files want each library, and what will be missing next.
        listed: whether the code is a list of libraries for a loader, which finds all of them by name.
        width: available columns, or None. Code and commands are not wrapped, because they are copied.
    """
    if not explanation.concerned:
        return f"{NOTHING}\n"
    lines = ["What happened"]
    lines += _indent(_say_place(explanation))
    named = [m for m in explanation.missing if m.named]
    lines += _render_missing(named, width, details=details, listed=listed)
    for trouble in explanation.troubles:
        lines += wrap_words(trouble.what, min(width or _WIDTH, _WIDTH), "  ")
    further = [m for m in explanation.missing if not m.named]
    if further:
        lines += ["", f"Missing next ({printable(explanation.looked_into or 'the package')})"]
        lines += _render_missing(further, width, details=details, listed=listed)
    if explanation.left_out:
        lines += _indent(["… and more; the text was not read to its end."])
    runs = [line for line in now if line.startswith(_PATCH)]
    if runs:
        lines += ["", "What to run", *_indent(map(printable, runs))]
        now = [line for line in now if line not in runs]
    lines += ["", "What to paste" + (", instead" if runs and paste else "")]
    if command:
        lines += _indent([_COMMAND, f"  {printable(command)}"])
        lines += ["", *_indent(["Or, from the message alone:"])] if paste else []
    for number, (title, code) in enumerate(paste):
        lines += [""] if number else []
        lines += [f"  # {printable(title)}", *_indent(map(printable, code.rstrip("\n").split("\n")))]
    if not paste and not command:
        lines += _indent([_say_nothing_to_paste(explanation)])
    if now:
        lines += ["", "What to do now, without a build", *_indent(map(printable, now))]
    return "\n".join(lines) + "\n"


def say_missing(missing: Missing) -> str:
    """Write why a library is in its class, for a user who lacks it."""
    cause, said = missing.cause, say_cause(missing.cause)
    match cause:
        case OfLibc(libc="musl"):
            return "part of musl: this is a wheel for Alpine, and the interpreter runs on glibc"
        case OfLibc() if missing.soname.startswith("ld-linux"):
            return f"glibc's loader: {_WRONG_LIBC}"
        case OfLibc():
            return "part of glibc, which every interpreter brings: the program's own loader did not start it"
        case Reached() | Unreached():
            return f"the wheel has it: {said}"
        case Provided():
            if missing.carriers and cause.attr.startswith("cudaPackages"):
                said += f"; wheels bring it, too: {', '.join(missing.carriers)}"
            return f"{said}; the path is written into the program" if missing.fixed else said
        case _:
            return said


def _say_opened(missing: Missing, *, listed: bool) -> list[str]:
    """Say that, and where, code opens a library by its name, and what is done about it."""
    if missing.openings:
        first = missing.openings[0]
        how = say_openings(missing.openings, first.answered or first.names[0], None if listed else first)
        searched = listed and first.kind is OpeningKind.FIND_LIBRARY
        return [f"opened by name in {first.file}: {how}", *([_SEARCHED] if searched else [])]
    if listed:
        return [] if missing.linked else [f"if code searches for it, {_SEARCHED}"]
    if missing.linked and not missing.unsure:
        return []
    if missing.unsure:
        return ["if Python code opens it by this name, and no file is linked against it, inputs do nothing"]
    return ["opened by name, for which inputs do nothing"]


def _say_place(explanation: Explanation) -> list[str]:
    package, interpreter = explanation.package, explanation.interpreter
    words = []
    if package:
        words.append(f"package {package.name} {package.version or ''}".rstrip())
        if package.environment:
            words.append(f"in {package.environment}")
    if interpreter:
        words.append(f"Python: {interpreter}")
    return [printable(", ".join(words))] if words else []


def _render_missing(
    missing: Sequence[Missing], width: int | None, *, details: bool, listed: bool
) -> list[str]:
    longest = max((len(printable(m.soname)) for m in missing), default=0)
    rows = []
    for one in missing:
        head = f"  {printable(one.soname):<{longest}}  {one.need_class.value:<9}  "
        reason = say_missing(one)
        said = [reason, *_say_opened(one, listed=listed)]
        if details and one.wanted_by:
            said.append(f"wanted by {one.wanted_by}")
        rows.append((head, said))
    indent = " " * (longest + 15)
    words = [word for _, said in rows for text in said for word in printable(text).split()]
    if width is None or len(indent) + max(map(len, words), default=0) <= width:
        return [
            head + line if not number else line
            for head, said in rows
            for number, line in enumerate(_hang(said, indent, width))
        ]
    return [line for head, said in rows for line in (head.rstrip(), *_hang(["", *said], "      ", width)[1:])]


def _hang(texts: Sequence[str], indent: str, width: int | None) -> list[str]:
    """Wrap texts to indented lines; the first line has no indentation."""
    lines = [line for text in texts for line in wrap_words(text, width, indent) or [""]]
    return [lines[0].removeprefix(indent), *lines[1:]]


def _say_nothing_to_paste(explanation: Explanation) -> str:
    if any(m.openings and m.need_class not in OPEN_CLASSES for m in explanation.missing):
        return "no code: see above why, for each library that is opened by name"
    if any(m.need_class in OPEN_CLASSES for m in explanation.missing):
        return "nothing yet: see above which library has no answer"
    lacking = [m.cause for m in explanation.missing if isinstance(m.cause, Gone) and m.cause.absent_on]
    if lacking:
        return f"nothing: {', '.join(sorted({say_gone(cause) for cause in lacking}))}"
    if gone := sorted({attr for m in explanation.missing for attr in m.gone}):
        return f"nothing: nixpkgs has removed {', '.join(gone)}, which had it"
    if explanation.siblings:
        return "nothing: another distribution of PyPI has it"
    if explanation.troubles:
        return "nothing: no package of nixpkgs is missing"
    return "nothing: the package, the interpreter or the C library brings it"


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]
