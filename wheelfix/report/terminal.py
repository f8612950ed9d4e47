"""Prints scans for people: the answer first, then the evidence; the only module that imports ``rich``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import IO

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from wheelfix.index.driver import RUN_PATH
from wheelfix.model.classes import CLASS_TRAITS, OPEN_CLASSES, NeedClass
from wheelfix.model.hints import OpeningKind
from wheelfix.model.index import say_date
from wheelfix.model.scan import Finding, Level, Need, Opening, WheelScan
from wheelfix.report.escape import printable
from wheelfix.report.model import Advice, Remedy
from wheelfix.scan.openings import find_answer, group_by_name
from wheelfix.scan.sentences import (
    name_some,
    say_bringer,
    say_cause,
    say_need,
    say_openings,
)

_LEVELS = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.NOTE: "dim"}
_PIPE_WIDTH = 160
_INDENT = "    "
_GAP = 2
_LEAST = 20
_HEAD = ("need", "class", "answer", "why", "wanted by")
_UNWRAPPED = 2
_ANY = "any machine"
_FINDINGS_SHOWN = 8
_FOLDED_SHOWN = 4
_OPENED_SHOWN = 8
_SUMMARY_SHOWN = 6


def print_scans(
    scans: Sequence[WheelScan], *, file: IO[str], advice: Advice | None = None, details: bool = True
) -> None:
    """Print what to do about scans, then the scans one after the other.

    Args:
        scans: what to print.
        file: where to print; colours are used only on a terminal, and never with NO_COLOR set.
        advice: what to do about them; None prints the evidence alone.
        details: also print the table of needs and the notes.
    """
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    if advice:
        _print_advice(console, advice)
    installed = advice is not None and advice.installed
    own = dict(zip(map(id, scans), advice.own if advice else (), strict=False))
    machines = _group_by_machine(scans)
    if len(scans) > 1:
        _print_summary(console, machines)
    for machine, group in machines.items():
        for number, scan in enumerate(group):
            if len(scans) > 1:
                console.rule(f" {machine} " if len(machines) > 1 and not number else "")
            _print_scan(console, scan, own.get(id(scan), ()), details=details, installed=installed)


def _print_advice(console: Console, advice: Advice) -> None:
    _print_prose(console, advice.headline, style="bold")
    for line in advice.told:
        _print_prose(console, line, style="bold red")
    _print_remedies(console, advice.remedies)
    console.print()


def _print_remedies(console: Console, remedies: Iterable[Remedy]) -> None:
    for remedy in remedies:
        for text, pasted, style in (
            (remedy.text, remedy.command, "cyan"),
            (remedy.place, remedy.code, "green"),
        ):
            if text:
                _print_prose(console, text)
            # Not wrapped, whatever the width: what is copied has to stay what it is.
            for line in pasted.split("\n") if pasted else ():
                console.print(
                    Text(f"{_INDENT}{printable(line)}" if line else "", style=style), soft_wrap=True
                )


@contextmanager
def show_progress(description: str, *, in_bytes: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr while the block runs; it appears with the first report.

    Args:
        description: the current work.
        in_bytes: whether it is measured in bytes; else in pieces.

    Yields:
        A function to call with what is done and what there is in all.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as progress:
        task = progress.add_task(printable(description), total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


def _group_by_machine(scans: Iterable[WheelScan]) -> dict[str, list[WheelScan]]:
    """Group scans by the machine of their answers, in the order given; those without one come last."""
    found: dict[str, list[WheelScan]] = {}
    for scan in sorted(scans, key=lambda s: s.machine is None):
        found.setdefault(printable(scan.machine or _ANY), []).append(scan)
    return found


def _print_summary(console: Console, machines: Mapping[str, Sequence[WheelScan]]) -> None:
    """Print what all scans need together, and which distributions need it, for each machine."""
    scans = [scan for group in machines.values() for scan in group]
    files = sum(len(scan.objects) for scan in scans)
    names = {(scan.name or scan.target, scan.version) for scan in scans}
    wheels = f" in {len(scans)} wheels" if len(names) < len(scans) else ""
    console.print(
        Text(f"{_count(len(names), 'distribution')}{wheels}, {_count(files, 'ELF file')}", style="bold")
    )
    for machine, group in machines.items():
        if machine != _ANY:
            _print_together(console, group, f"For {machine}" if len(machines) > 1 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _print_together(console: Console, scans: Sequence[WheelScan], machine: str) -> None:
    attrs: dict[str, list[str]] = {}
    open_needs: dict[str, list[str]] = {}
    ignored: set[str] = set()
    for scan in scans:
        who = scan.name or scan.target
        for attr in scan.build_inputs:
            attrs.setdefault(attr, []).append(who)
        for need in scan.used:
            if need.need_class is NeedClass.DRIVER:
                ignored.add(need.soname)
            if need.need_class in OPEN_CLASSES and need.machine == scan.machine:
                open_needs.setdefault(need.soname, []).append(who)
    if attrs:
        # What is opened by name stands below, with the code that opens it.
        console.print(f"{f'{machine}, linked' if machine else 'Linked'} from nixpkgs:", style="bold")
        _print_pairs(console, ((a, _say_some(sorted(attrs[a]))) for a in sorted(attrs)), "green")
    elif machine:
        console.print(f"{machine}, nothing of nixpkgs is needed.", style="bold")
    if ignored:
        _print_prose(console, f"From the GPU driver: {', '.join(sorted(ignored))}", style="magenta")
    if open_needs:
        console.print("Without an answer:", style="bold")
        _print_pairs(console, ((s, _say_some(sorted(open_needs[s]))) for s in sorted(open_needs)), "bold red")


def _say_some(found: Sequence[str]) -> str:
    return name_some(list(dict.fromkeys(found)), _SUMMARY_SHOWN)


def _print_scan(
    console: Console, scan: WheelScan, remedies: Sequence[Remedy], *, details: bool, installed: bool
) -> None:
    count = len(scan.objects)
    title = Text(printable(f"{scan.name} {scan.version}".strip() or "files of no distribution"), style="bold")
    title.append(printable(f"  {scan.target}"), style="dim")
    if scan.variant:
        title.append(printable(f"  variant {scan.variant}"))
    _print_prose(console, title)
    if not scan.objects:
        _print_prose(console, "Pure Python: no ELF files, nothing to link.")
        _print_remedies(console, remedies)
        _print_openings(console, scan)
        _print_findings(console, scan.findings, details=details)
        return
    files = f"{count} ELF file{'s' if count > 1 else ''} for {scan.machine}"
    index = f"answers from the {scan.index.source} index {say_date(scan.index)} ({scan.index.system})"
    _print_prose(console, f"{files}; {index}", style="dim")
    _print_remedies(console, remedies)
    if scan.baseline_inputs and not installed:
        added = ", ".join(scan.baseline_inputs)
        _print_prose(console, f"uv2nix, poetry2nix and `wheelfix patch` add by themselves: {added}")
    _print_groups(console, scan)
    if details:
        _print_needs(console, scan)
        _print_openings(console, scan)
    _print_findings(console, scan.findings, details=details)


def _print_groups(console: Console, scan: WheelScan) -> None:
    needs = [n for n in scan.used if n.need_class is NeedClass.SIBLING and n.machine == scan.machine]
    wanted = {need.distribution for need in needs if not need.optional}
    others = "packages" if scan.conda else "wheels"
    for heading, is_wanted in (
        (f"Brought by other {others}, which have to be in the environment:", True),
        (f"Brought by other {others}, for plugins alone:", False),
    ):
        siblings: dict[str, list[str]] = {}
        for need in needs:
            if (need.distribution in wanted) is is_wanted:
                siblings.setdefault(need.distribution or "?", []).append(need.soname)
        if siblings:
            console.print(heading, style="bold")
            _print_pairs(console, ((name, ", ".join(siblings[name])) for name in sorted(siblings)), "cyan")
    for kind, heading in (
        (NeedClass.AMBIGUOUS, "Two answers, choose with --prefer ATTR:"),
        (NeedClass.UNKNOWN, "No answer:"),
    ):
        needs = [n for n in scan.used if n.need_class is kind and n.machine == scan.machine]
        if needs:
            console.print(heading, style="bold")
            _print_pairs(console, ((n.soname, say_cause(n.cause)) for n in needs), CLASS_TRAITS[kind].style)


def _print_prose(console: Console, text: Text | str, *, style: str = "", indent: str = "") -> None:
    """Print a line, on a terminal wrapped between words; a longer word stays whole."""
    words = text if isinstance(text, Text) else Text(printable(text), style=style)
    room = console.width - len(indent) if console.is_terminal else len(words.plain)
    start, lines = 0, wrap(words.plain, max(room, _LEAST), break_long_words=False, break_on_hyphens=False)
    for line in lines:
        at = words.plain.index(line, start)
        console.print(Text(indent).append_text(words[at : at + len(line)]), soft_wrap=True)
        start = at + len(line)


def _print_pairs(console: Console, pairs: Iterable[tuple[str, str]], style: str) -> None:
    """Print two columns; a word too long for the right column is put below the left one."""
    rows = [(printable(left), printable(right)) for left, right in pairs]
    first = max((cell_len(left) for left, _ in rows), default=0)
    room = console.width - len(_INDENT) - first - _GAP
    if max((_measure_word(right) for _, right in rows), default=0) > room:
        for left, right in rows:
            _print_prose(console, Text(left, style=style), indent=_INDENT)
            _print_prose(console, right, indent=2 * _INDENT)
        return
    table = Table.grid(padding=(0, _GAP))
    table.add_column(style=style, no_wrap=True)
    table.add_column()
    for left, right in rows:
        table.add_row(Text(left), Text(right))
    console.print(Padding(table, (0, 0, 0, len(_INDENT)), expand=False))


def _measure_word(text: str) -> int:
    """Return the width of the longest word, in columns."""
    return max(map(cell_len, text.split()), default=0)


def _print_needs(console: Console, scan: WheelScan) -> None:
    machines = {n.machine for n in scan.needs}
    rows = []
    for need in scan.needs:
        if CLASS_TRAITS[need.need_class].is_folded:
            continue
        name = need.soname if len(machines) == 1 else f"{need.soname} ({need.machine})"
        cells = (
            name,
            need.need_class.value,
            _say_answer(need, scan),
            _say_reason(need),
            _say_wanted_by(need),
        )
        rows.append((need.need_class, tuple(map(printable, cells))))
    if rows:
        widths = _share_width([cells for _, cells in rows], console.width)
        if widths:
            _print_table(console, rows, widths)
        else:
            _print_blocks(console, rows)
    folded = [_fold(kind, scan.needs) for kind in NeedClass if CLASS_TRAITS[kind].is_folded]
    if any(folded):
        text = f"Also: {'; '.join(filter(None, folded))}. All of it: --json"
        _print_prose(console, text, style="dim")


_Row = tuple[NeedClass, tuple[str, ...]]


def _share_width(rows: Sequence[tuple[str, ...]], width: int) -> tuple[int, ...]:
    """Compute widths of columns that cut no word, the first two on one line; empty if that is impossible."""
    columns = list(zip(_HEAD, *rows, strict=True))
    wanted = [max(map(cell_len, column)) for column in columns]
    widths = [
        wanted[number] if number < _UNWRAPPED else max(map(_measure_word, column))
        for number, column in enumerate(columns)
    ]
    rest = width - sum(widths) - _GAP * len(widths)
    if rest < 0:
        return ()
    for number in sorted(range(len(widths)), key=lambda n: wanted[n] - widths[n]):
        open_columns = sum(1 for n in range(len(widths)) if wanted[n] > widths[n])
        more = min(wanted[number] - widths[number], rest // max(open_columns, 1))
        widths[number] += more
        rest -= more
    return tuple(widths)


def _print_table(console: Console, rows: Sequence[_Row], widths: Sequence[int]) -> None:
    table = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold", pad_edge=False)
    for number, (head, width) in enumerate(zip(_HEAD, widths, strict=True)):
        table.add_column(head, width=width, no_wrap=number < _UNWRAPPED)
    for kind, cells in rows:
        styles = ("", CLASS_TRAITS[kind].style, "", "", "dim")
        table.add_row(*(Text(cell, style=style) for cell, style in zip(cells, styles, strict=True)))
    console.print(table)


def _print_blocks(console: Console, rows: Sequence[_Row]) -> None:
    for kind, (name, word, answer, reason, wanted_by) in rows:
        head = (
            Text(name)
            .append("  ")
            .append(word, style=CLASS_TRAITS[kind].style)
            .append(f"  {answer}" if answer else "")
        )
        _print_prose(console, head)
        _print_prose(console, reason, indent=_INDENT)
        _print_prose(console, f"wanted by {wanted_by}", style="dim", indent=_INDENT)


def _fold(kind: NeedClass, needs: Sequence[Need]) -> str:
    sonames = sorted({n.soname for n in needs if n.need_class is kind})
    shown = ", ".join(sonames[:_FOLDED_SHOWN]) + (", …" if len(sonames) > _FOLDED_SHOWN else "")
    return f"{len(sonames)} {kind.value} ({shown})" if sonames else ""


def _print_openings(console: Console, scan: WheelScan) -> None:
    grouped = group_by_name(scan.openings)
    if not grouped:
        return
    # A string in a binary is the weakest evidence, so it comes last.
    ordered = sorted(grouped, key=lambda name: (grouped[name][0].kind is OpeningKind.STRING, name))
    console.print("Opened by name at run time, which no ELF header says:", style="bold")
    shown = ordered[:_OPENED_SHOWN]
    _print_pairs(console, ((name, _say_opened(grouped[name], name)) for name in shown), "yellow")
    if len(ordered) > len(shown):
        console.print(f"    … and {len(ordered) - len(shown)} more: --json", style="dim")


def _say_opened(openings: Sequence[Opening], name: str) -> str:
    answer = find_answer(openings, name)
    bringer = say_bringer(answer) if answer else ""
    if answer and answer.need_class is NeedClass.PROVIDED:
        bringer = f"pkgs.{bringer}"
    return (
        f"{f'{bringer}, for ' if bringer else ''}{openings[0].file}: {say_openings(openings, name, answer)}"
    )


def _print_findings(console: Console, findings: Sequence[Finding], *, details: bool) -> None:
    if not details:
        findings = [finding for finding in findings if finding.level is not Level.NOTE]
    for finding in findings[:_FINDINGS_SHOWN]:
        line = Text(f"{finding.level.value}: ", style=_LEVELS[finding.level])
        line.append(printable(f"{finding.subject}: {finding.message}"))
        _print_prose(console, line)
    if len(findings) > _FINDINGS_SHOWN:
        console.print(f"… and {len(findings) - _FINDINGS_SHOWN} more findings: --json", style="dim")


def _say_reason(need: Need) -> str:
    if need.unused:
        return f"only for {', '.join(need.unused.backends)}"
    return say_need(need)


def _say_answer(need: Need, scan: WheelScan) -> str:
    if not need.is_used:
        return "not used"
    if need.need_class is NeedClass.SIBLING:
        return need.distribution or ""
    if need.need_class is NeedClass.DRIVER:
        return RUN_PATH
    if need.need_class is NeedClass.PROVIDED:
        attr = need.providers[0].attr
        return f"{attr} (baseline)" if attr in scan.baseline_inputs else attr
    if need.need_class is NeedClass.AMBIGUOUS:
        return " | ".join(p.attr for p in need.providers[:2])
    return ""


def _say_wanted_by(need: Need) -> str:
    rest = len(need.wanted_by) - 1
    plugin = ", a plugin" if need.optional else ""
    return need.wanted_by[0] + (f" and {rest} more" if rest else plugin)
