"""Renders text in columns without rich, for commands that should answer before rich could be imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from wheelfix.model.classes import NeedClass
from wheelfix.model.index import NixpkgsInfo
from wheelfix.model.names import KIND_WORDS, NameKind
from wheelfix.model.scan import FileHit, IndexSource, Located, NeedTrace
from wheelfix.report.escape import printable
from wheelfix.scan.sentences import say_located, say_question, say_step

_LEAST = 20
"""Columns that are used even on a narrower terminal."""


def render_located(
    results: Sequence[Located], *, every: bool = False, why: bool = False, width: int | None = None
) -> str:
    """Render the answers of ``locate``.

    Args:
        results: in the order asked.
        every: print all providers, not only the first three.
        why: also print the rules behind each score.
        width: available columns, or None.
    """
    return "\n".join(_render_one(result, width, every=every, why=why) for result in results) + "\n"


def render_hits(hits: Iterable[FileHit]) -> Iterable[str]:
    """Render files of a database, one line each; packages that are not toplevel are in parentheses."""
    for hit in hits:
        name = hit.attr if hit.output == "out" else f"{hit.attr}.{hit.output}"
        name = name if hit.toplevel else f"({name})"
        yield printable(f"{name:<40} {hit.size:>14,} {hit.kind} {hit.store_path}{hit.path}")


def render_sources(sources: Sequence[IndexSource], *, width: int | None = None) -> str:
    """Render the places where an index may be; the one that is used is marked.

    Args:
        sources: in the order of use.
        width: available columns, or None.
    """
    rows = [("*" if s.used else " ", s.name, s.state, s.path) for s in sources]
    return "".join(f"{line}\n" for lines in _fit(rows, 2, width) for line in lines)


def say_attributes(info: NixpkgsInfo, attrs: int, python: int, *, width: int | None = None) -> str:
    """Tell which nixpkgs answers are held against.

    Args:
        info: the nixpkgs.
        attrs: number of its attributes that are known.
        python: the same for Python packages.
        width: available columns, or None.
    """
    who = "yours" if info.source == "own" else info.source
    revision = f", {info.revision[:12]}" if info.revision else ""
    text = (
        f"held against nixpkgs {info.release} of {info.date or 'unknown date'}{revision} ({who}): "
        f"{attrs} attributes, {python} packages of Python {info.python}"
    )
    return "\n".join(wrap_words(text, width))


def render_traces(traces: Sequence[NeedTrace]) -> str:
    """Render the explanations of needs' classes, as text for a bug report."""
    return "\n".join(_render_trace(e) for e in traces)


def _render_trace(trace: NeedTrace) -> str:
    need = trace.need
    who = f" ({need.distribution})" if need.distribution else ""
    rest = f" and {len(need.wanted_by) - 1} more" if len(need.wanted_by) > 1 else ""
    lines = [
        f"{need.soname} for {need.machine} in {trace.target}: {need.need_class.value}{who}",
        f"{'opened by name in' if trace.openings else 'wanted by'} {need.wanted_by[0]}{rest}",
    ]
    lines += _list_openings(trace)
    if need.versions:
        lines.append(f"symbol versions asked of it: {', '.join(need.versions)}")
    for number, step in enumerate(trace.steps, 1):
        lines += ["", f"{number}. {say_question(step.question, need.machine)}", f"   {say_step(step)}"]
        lines += [f"     - {line}" for line in step.evidence]
        if step.need_class:
            lines += ["", f"This decides: {step.need_class.value}."]
    return "".join(f"{printable(line)}\n" for line in lines)


def _list_openings(trace: NeedTrace) -> Iterable[str]:
    """List the calls, and what code does about each."""
    from wheelfix.scan.sentences import say_form, say_opening

    for opening in trace.openings:
        form = say_form(opening)
        yield f"  - {opening.file}: {say_opening(opening, trace.need.soname)}{f': {form}' if form else ''}"
        if opening.answered and opening.answered != trace.need.soname:
            yield f"    answered for {opening.answered}, which is tried too"


def _render_one(result: Located, width: int | None, *, every: bool, why: bool) -> str:
    note = say_located(result)
    kind = "" if result.kind is NameKind.LIBRARY else f" ({KIND_WORDS[result.kind]})"
    head = f"{result.name}  {result.need_class.value}{kind}{f': {note}' if note else ''}"
    shown = result.providers if every else result.providers[:3]
    rows = [
        ("", p.attr, p.output, p.version or "", p.path, p.store_path or "", f"{p.score:+d}") for p in shown
    ]
    lines = []
    for provider, fitting in zip(shown, _fit(rows, 4, width), strict=True):
        lines += fitting
        said = result.attributes.get(provider.attr)
        if said and said.permissions:
            lines.append(f"      refused by nixpkgs without {' and '.join(said.permissions)}")
        lines += [f"      {reason}" for reason in provider.why] if why else []
    rest = len(result.providers) - len(shown)
    if rest:
        lines.append(f"  … and {rest} more: --all")
    lines += _list_near(result, width)
    return "\n".join([*wrap_words(head, width), *map(printable, lines)])


def _list_near(result: Located, width: int | None) -> Iterable[str]:
    """List other names: one a line, with who has it, where the name itself has no answer."""
    if not result.nearest or result.need_class not in {NeedClass.UNKNOWN, NeedClass.PROVIDED}:
        return
    if result.need_class is NeedClass.PROVIDED:
        what = "other majors" if result.kind is NameKind.LIBRARY else "libraries of this name"
        yield f"  {what}: {', '.join(result.nearest)}"
        return
    rows = [("", name, result.holders.get(name, "")) for name in result.nearest]
    yield from (line for lines in _fit(rows, 2, width) for line in lines)


def _fit(rows: Sequence[Sequence[str]], first: int, width: int | None) -> list[list[str]]:
    """Lay out each row as one line in columns, or as several lines if one is too long.

    Args:
        rows: cells.
        first: number of cells in the first line if there are several; each other cell has its own line.
        width: available columns, or None.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    lines = _align(rows)
    if width is None or max(map(len, lines), default=0) <= width:
        return [[line] for line in lines]
    heads = _align([row[:first] for row in rows])
    rests = [
        [line for cell in row[first:] if cell for line in wrap_words(cell, width, "      ")] for row in rows
    ]
    return [[head, *rest] for head, rest in zip(heads, rests, strict=True)]


def wrap_words(text: str, width: int | None, indent: str = "") -> list[str]:
    """Wrap text between words; a longer word stays whole.

    Args:
        text: control characters in it are shown as escapes.
        width: available columns, or None.
        indent: put before every line.
    """
    shown = printable(text)
    if width is None:
        return [f"{indent}{shown}"]
    room = max(width - len(indent), _LEAST)
    return [f"{indent}{line}" for line in wrap(shown, room, break_long_words=False, break_on_hyphens=False)]


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(rows[0]) if rows else 0)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
