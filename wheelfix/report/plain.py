"""Text in columns without rich: for answers that should be there before rich is imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wheelfix.model.locate import FileHit, IndexSource, Located
from wheelfix.model.scan import NeedClass, NeedTrace
from wheelfix.report.escape import printable


def render_located(results: Sequence[Located], *, every: bool = False, why: bool = False) -> str:
    """Render the answers of ``locate``.

    Args:
        results: in the order asked.
        every: all providers, not only the first three.
        why: also the rules behind each score.
    """
    return "\n".join(_render_one(result, every=every, why=why) for result in results) + "\n"


def render_hits(hits: Iterable[FileHit]) -> Iterable[str]:
    """Render files of a database, one line each; packages that only others pull in are in parentheses."""
    for hit in hits:
        name = hit.attr if hit.output == "out" else f"{hit.attr}.{hit.output}"
        name = name if hit.toplevel else f"({name})"
        yield printable(f"{name:<40} {hit.size:>14,} {hit.kind} {hit.store_path}{hit.path}")


def render_sources(sources: Sequence[IndexSource]) -> str:
    """Render the places where an index may be; the one that is used is marked."""
    rows = [("*" if s.used else " ", s.name, s.state, s.path) for s in sources]
    return "".join(f"{printable(line)}\n" for line in _align(rows))


def render_traces(traces: Sequence[NeedTrace]) -> str:
    """Render why needs are in their classes, as text for a bug report."""
    return "\n".join(_render_trace(e) for e in traces)


def _render_trace(trace: NeedTrace) -> str:
    need = trace.need
    who = f" ({need.distribution})" if need.distribution else ""
    rest = f" and {len(need.wanted_by) - 1} more" if len(need.wanted_by) > 1 else ""
    lines = [
        f"{need.soname} for {need.machine} in {trace.target}: {need.need_class.value}{who}",
        f"wanted by {need.wanted_by[0]}{rest}",
    ]
    if need.versions:
        lines.append(f"symbol versions asked of it: {', '.join(need.versions)}")
    for number, step in enumerate(trace.steps, 1):
        lines += ["", f"{number}. {step.question}", f"   {step.answer}"]
        lines += [f"     - {line}" for line in step.evidence]
        if step.need_class:
            lines += ["", f"This decides: {step.need_class.value}."]
    return "".join(f"{printable(line)}\n" for line in lines)


def _render_one(result: Located, *, every: bool, why: bool) -> str:
    note = f": {result.note}" if result.note else ""
    head = f"{result.soname}  {result.need_class.value}{note}"
    shown = result.providers if every else result.providers[:3]
    rows = [(p.attr, p.output, p.version or "", p.path, p.store_path or "", f"{p.score:+d}") for p in shown]
    lines = []
    for provider, line in zip(shown, _align(rows), strict=True):
        lines.append(f"  {line}")
        lines += [f"      {reason}" for reason in provider.why] if why else []
    rest = len(result.providers) - len(shown)
    if rest:
        lines.append(f"  … and {rest} more: --all")
    if result.nearest and result.need_class in {NeedClass.UNKNOWN, NeedClass.PROVIDED}:
        lines.append(f"  other majors: {', '.join(result.nearest)}")
    return "\n".join([printable(head), *map(printable, lines)])


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(rows[0]) if rows else 0)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
