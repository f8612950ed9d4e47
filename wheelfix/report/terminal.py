"""Scans for people: the answer on the first screen, the evidence under it. The door to ``rich``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from wheelfix.model.index import say_date
from wheelfix.model.scan import OPEN_CLASSES, Dlopen, Finding, Level, Need, NeedClass, WheelScan
from wheelfix.report.escape import printable

_STYLES = {
    NeedClass.BUNDLED: "dim",
    NeedClass.LIBC: "dim",
    NeedClass.PYTHON: "dim",
    NeedClass.DRIVER: "magenta",
    NeedClass.SIBLING: "cyan",
    NeedClass.PROVIDED: "green",
    NeedClass.AMBIGUOUS: "yellow",
    NeedClass.UNKNOWN: "bold red",
}
_LEVELS = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.NOTE: "dim"}
_PLAIN = re.compile(r"[\w.+-]+", re.ASCII)
_FOLDED = frozenset({NeedClass.BUNDLED, NeedClass.LIBC})
_PIPE_WIDTH = 160
_FINDINGS_SHOWN = 8
_FOLDED_SHOWN = 4
_DLOPEN_SHOWN = 8
_SUMMARY_SHOWN = 6


def print_scans(scans: Sequence[WheelScan], *, file: IO[str], details: bool = True) -> None:
    """Print scans one after the other.

    Args:
        scans: what to print.
        file: where to; colours are used on a terminal only, and never with NO_COLOR set.
        details: also print the table of needs and the notes.
    """
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    if len(scans) > 1:
        _print_summary(console, scans)
    for number, scan in enumerate(scans):
        if number or len(scans) > 1:
            console.rule()
        _print_scan(console, scan, details=details)


@contextmanager
def show_progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr while the block runs; it appears with the first report.

    Args:
        description: what is being done.

    Yields:
        A function to call with bytes done and bytes in all.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as progress:
        task = progress.add_task(printable(description), total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


def _print_summary(console: Console, scans: Sequence[WheelScan]) -> None:
    """What all of them need together, and who needs it."""
    files = sum(len(scan.objects) for scan in scans)
    console.print(Text(f"{len(scans)} distributions, {files} ELF files", style="bold"))
    attrs: dict[str, list[str]] = {}
    open_needs: dict[str, list[str]] = {}
    ignored: set[str] = set()
    for scan in scans:
        who = scan.name or scan.target
        for attr in scan.build_inputs:
            attrs.setdefault(attr, []).append(who)
        for need in scan.needs:
            if need.need_class is NeedClass.DRIVER:
                ignored.add(need.soname)
            if need.need_class in OPEN_CLASSES and need.machine == scan.machine:
                open_needs.setdefault(need.soname, []).append(who)
    if attrs:
        console.print("Together they need of nixpkgs:", style="bold")
        _print_pairs(console, ((a, _say_some(sorted(attrs[a]))) for a in sorted(attrs)), "green")
    if ignored:
        console.print("From the GPU driver: " + printable(", ".join(sorted(ignored))), style="magenta")
    if open_needs:
        console.print("Without an answer:", style="bold")
        _print_pairs(console, ((s, _say_some(sorted(open_needs[s]))) for s in sorted(open_needs)), "bold red")


def _say_some(names: Sequence[str]) -> str:
    rest = len(names) - _SUMMARY_SHOWN
    return ", ".join(names[:_SUMMARY_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _print_scan(console: Console, scan: WheelScan, *, details: bool) -> None:
    count = len(scan.objects)
    title = Text(printable(f"{scan.name} {scan.version}".strip() or "files of no distribution"), style="bold")
    title.append(printable(f"  {scan.target}"), style="dim")
    console.print(title, soft_wrap=True)
    if not scan.objects:
        rest = "" if scan.dlopen else " Nothing to do."
        console.print(f"Pure Python: no ELF files, nothing to link.{rest}")
        _print_dlopen(console, scan)
        _print_findings(console, scan.findings, details=details)
        return
    files = f"{count} ELF file{'s' if count > 1 else ''} for {scan.machine}"
    index = f"answers from the {scan.index.source} index {say_date(scan.index)} ({scan.index.system})"
    console.print(printable(f"{files}; {index}"), style="dim", soft_wrap=True)
    console.print()
    _print_answer(console, scan)
    if details:
        _print_needs(console, scan)
        _print_dlopen(console, scan)
    _print_findings(console, scan.findings, details=details)


def _print_answer(console: Console, scan: WheelScan) -> None:
    extra = [attr for attr in scan.build_inputs if attr not in scan.baseline_inputs]
    code = Text()
    if extra:
        code.append(_format_list("buildInputs", [f"pkgs.{attr}" for attr in extra]), style="green")
    if any(n.need_class is NeedClass.DRIVER for n in scan.needs if n.machine == scan.machine):
        code.append("nativeBuildInputs = [ pkgs.autoAddDriverRunpath ];\n", style="magenta")
    if scan.ignore_missing:
        # What is pasted is run: a name that Nix could take for code is left to `override`, which quotes it.
        plain = [soname for soname in scan.ignore_missing if _PLAIN.fullmatch(soname)]
        quoted = [f'"{soname}"' for soname in plain] + ["/* and strange names: see override */"] * (
            len(plain) < len(scan.ignore_missing)
        )
        code.append(_format_list("autoPatchelfIgnoreMissingDeps", quoted), style="magenta")
    if code:
        console.print("Paste into the package's override:", style="bold")
        code.rstrip()
        for line in code.split("\n"):
            console.print(Text("    ").append_text(line), soft_wrap=True)
    elif scan.build_inputs or not any(n.need_class is NeedClass.UNKNOWN for n in scan.needs):
        console.print(
            "Nothing to paste: this wheel needs no more than uv2nix and poetry2nix add by themselves.",
            style="bold",
        )
    if scan.baseline_inputs:
        console.print(
            "Added by uv2nix and poetry2nix by themselves, to be named elsewhere: "
            + printable(", ".join(scan.baseline_inputs)),
            soft_wrap=True,
        )
    _print_groups(console, scan)
    console.print()


def _print_groups(console: Console, scan: WheelScan) -> None:
    siblings: dict[str, list[str]] = {}
    for need in scan.needs:
        if need.need_class is NeedClass.SIBLING and need.machine == scan.machine:
            siblings.setdefault(need.distribution or "?", []).append(need.soname)
    if siblings:
        console.print("Brought by other wheels, keep them in the environment:", style="bold")
        _print_pairs(console, ((name, ", ".join(siblings[name])) for name in sorted(siblings)), "cyan")
    for kind, heading in (
        (NeedClass.AMBIGUOUS, "Two answers, choose with --prefer ATTR:"),
        (NeedClass.UNKNOWN, "No answer:"),
    ):
        needs = [n for n in scan.needs if n.need_class is kind and n.machine == scan.machine]
        if needs:
            console.print(heading, style="bold")
            _print_pairs(console, ((n.soname, n.reason) for n in needs), _STYLES[kind])


def _print_pairs(console: Console, pairs: Iterable[tuple[str, str]], style: str) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold")
    for left, right in pairs:
        table.add_row(Text(printable(left)), Text(printable(right)))
    console.print(Padding(table, (0, 0, 0, 4), expand=False))


def _print_needs(console: Console, scan: WheelScan) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("need", no_wrap=True)
    table.add_column("class", no_wrap=True)
    table.add_column("answer", overflow="fold")
    table.add_column("why", overflow="fold")
    table.add_column("wanted by", overflow="fold")
    machines = {n.machine for n in scan.needs}
    for need in scan.needs:
        if need.need_class in _FOLDED:
            continue
        name = need.soname if len(machines) == 1 else f"{need.soname} ({need.machine})"
        table.add_row(
            Text(printable(name)),
            Text(need.need_class.value, style=_STYLES[need.need_class]),
            Text(printable(_say_answer(need, scan))),
            Text(printable(need.reason)),
            Text(printable(_say_wanted_by(need)), style="dim"),
        )
    if table.row_count:
        console.print(table)
    folded = [_fold(kind, scan.needs) for kind in NeedClass if kind in _FOLDED]
    if any(folded):
        text = f"Also: {'; '.join(filter(None, folded))}. All of it: --json"
        console.print(printable(text), style="dim", soft_wrap=True)


def _fold(kind: NeedClass, needs: Sequence[Need]) -> str:
    sonames = sorted({n.soname for n in needs if n.need_class is kind})
    shown = ", ".join(sonames[:_FOLDED_SHOWN]) + (", …" if len(sonames) > _FOLDED_SHOWN else "")
    return f"{len(sonames)} {kind.value} ({shown})" if sonames else ""


def _print_dlopen(console: Console, scan: WheelScan) -> None:
    if not scan.dlopen:
        return
    # A string in a binary is the weakest evidence: it comes last.
    ordered = sorted(scan.dlopen, key=lambda d: (d.evidence.startswith("string"), d.soname))
    console.print("Opened by name at run time, which no ELF header says:", style="bold")
    shown = ordered[:_DLOPEN_SHOWN]
    _print_pairs(console, ((d.soname, f"{_say_attr(d)}{d.found_in}: {d.evidence}") for d in shown), "yellow")
    if len(ordered) > len(shown):
        console.print(f"    … and {len(ordered) - len(shown)} more: --json", style="dim")


def _say_attr(opened: Dlopen) -> str:
    return f"pkgs.{opened.attr}, for " if opened.attr else ""


def _print_findings(console: Console, findings: Sequence[Finding], *, details: bool) -> None:
    if not details:
        findings = [finding for finding in findings if finding.level is not Level.NOTE]
    for finding in findings[:_FINDINGS_SHOWN]:
        line = Text(f"{finding.level.value}: ", style=_LEVELS[finding.level])
        line.append(printable(f"{finding.subject}: {finding.message}"))
        console.print(line, soft_wrap=True)
    if len(findings) > _FINDINGS_SHOWN:
        console.print(f"… and {len(findings) - _FINDINGS_SHOWN} more findings: --json", style="dim")


def _say_answer(need: Need, scan: WheelScan) -> str:
    if need.need_class is NeedClass.SIBLING:
        return need.distribution or ""
    if need.need_class is NeedClass.DRIVER:
        return "/run/opengl-driver/lib"
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


def _format_list(name: str, items: Sequence[str]) -> str:
    """Nix code that ends with a newline; what a terminal could act on is shown as an escape."""
    line = f"{name} = [ {' '.join(items)} ];"
    lines = [line] if len(line) <= 76 else [f"{name} = [", *(f"  {item}" for item in items), "];"]
    return "".join(f"{printable(line)}\n" for line in lines)
