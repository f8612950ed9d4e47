"""``wheelfix scan``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wheelfix.cli.open_index import open_table
from wheelfix.cli.options import (
    FILE,
    TARGET,
    beside_option,
    check_groups,
    common_options,
    gpu_option,
    group_option,
    list_given,
    make_sources,
    print_json,
    runtime_options,
    source_options,
    tell_error,
    tell_findings,
)
from wheelfix.errors import InputError, WheelfixError, suggest

if TYPE_CHECKING:
    from wheelfix.model.backends import Backend
    from wheelfix.model.scan import NeedTrace
    from wheelfix.scan.scan import TargetScans

_EPILOG = """\b
Examples:
  wheelfix scan pyodbc-5.5.0-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix scan --json *.whl > needs.json
  wheelfix scan .venv
  wheelfix scan uv.lock --python 3.12
  wheelfix scan pixi.lock --group cuda
  wheelfix scan numpy
  wheelfix scan torch==2.9.1 --python 3.12 --platform x86_64-linux
  wheelfix scan --prefer mesa PySide6_Essentials-6.12.0-cp310-abi3-manylinux_2_34_x86_64.whl
  wheelfix scan --with wheels/ torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl
  wheelfix scan --against $(nix-build '<nixpkgs>' -A stdenv.cc.cc.lib --no-out-link) numba.whl
  wheelfix scan --gpu rocm bitsandbytes
  wheelfix scan --explain libcublas.so.12 torch==2.9.1
"""


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...", type=TARGET)
@runtime_options
@beside_option
@gpu_option
@group_option
@click.option(
    "--against",
    type=FILE,
    multiple=True,
    metavar="DIR",
    help="Directory of libraries, or store path: compare its symbol versions with those wanted; repeatable.",
)
@click.option(
    "--explain", "explained", metavar="SONAME", help="Why this class, step by step, instead of the scan."
)
@source_options
@common_options
def scan(
    targets: tuple[str, ...],
    *,
    python: str | None,
    platform: str,
    beside: tuple[str, ...],
    gpu: Backend | None,
    groups: tuple[str, ...],
    against: tuple[Path, ...],
    explained: str | None,
    index_url: str | None,
    find_links: tuple[str, ...],
    as_json: bool,
    index: Path | None,
    prefer: tuple[str, ...],
    nixpkgs: str | None,
    quiet: bool,
) -> None:
    """Tell which shared libraries wheels need, and who provides each.

    TARGET is a wheel, a package of conda (.conda, .tar.bz2), a directory of either, a virtual environment or
    a prefix of conda (or any directory of ELF files), an ELF file, a lock (uv.lock, pylock.toml, poetry.lock,
    pdm.lock, Pipfile.lock, requirements.txt with hashes), a requirements file without hashes, a requirement
    (numpy, torch==2.9.1, jax[cuda12]), or the address of a wheel or of a package. What is not here is
    fetched, from the package index that pip or uv is configured for. With extras, what they bring is scanned
    as well. What TARGETs hold is at hand of all of them, and so are wheels beside a wheel that it pins.

    First what to do: commands to run, and code to paste, with the file that it goes into. Then every need
    with its class, the reason for it, and who wants it. Wheels are read as streams, never extracted.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows import scan as flows
    from wheelfix.scan.scan import ScanOptions

    asked = check_groups(groups, targets)
    sources = make_sources(index_url, find_links)
    table = open_table(index, quiet=quiet, prefer=prefer, nixpkgs=nixpkgs, system=platform)
    codes = [0]

    def take_error(error: WheelfixError) -> None:
        codes.append(tell_error(error))

    label = targets[0] if len(targets) == 1 else f"{len(targets)} targets"
    with show_progress(label, enabled=not quiet) as progress:
        options = ScanOptions(
            index=table,
            prefer=prefer,
            beside=beside,
            gpu=gpu,
            against=against,
            python=python,
            system=platform,
            groups=asked,
            sources=sources,
            progress=progress,
        )
        if explained is not None:
            retraced = flows.retrace_all(targets, explained, options, on_error=take_error)
        else:
            scanned = flows.scan_all(targets, options, on_error=take_error)
    if explained is not None:
        if not retraced.traces and codes == [0]:
            hint = suggest(explained, retraced.wanted, otherwise="`wheelfix scan` lists what is wanted")
            if explained in retraced.opened:
                problem = "is opened by name, and is the wheel's own, the C library's or for another system"
                hint = "`wheelfix scan` lists what is opened and has to be found"
                take_error(InputError(explained, problem, hint))
            else:
                take_error(InputError(explained, "nothing here wants it", hint))
        sys.exit(max(*codes, _tell_traces(retraced.traces, as_json=as_json)))
    tell_findings(scanned.findings, quiet=quiet)
    sys.exit(max(*codes, _tell_scans(scanned, as_json=as_json, quiet=quiet)))


_KEPT = (
    "python",
    "platform",
    "beside",
    "gpu",
    "groups",
    "index",
    "prefer",
    "nixpkgs",
    "index_url",
    "find_links",
)
"""Options without which the commands that are proposed would not find the same."""


def _tell_scans(scanned: TargetScans, *, as_json: bool, quiet: bool) -> int:
    scans = scanned.scans
    if scans and as_json:
        from wheelfix.report.json import document_scans

        print_json(document_scans(scans))
    elif scans:
        from wheelfix.report.advice import advise
        from wheelfix.report.terminal import print_scans

        advice = advise(scanned, list_given(click.get_current_context(), _KEPT))
        print_scans(scans, file=sys.stdout, advice=advice, details=not quiet)
    return 0 if all(result.answered for result in scans) else 1


def _tell_traces(found: Sequence[NeedTrace], *, as_json: bool) -> int:
    from wheelfix.model.classes import OPEN_CLASSES

    if as_json:
        from wheelfix.report.json import document_trace

        print_json([document_trace(trace) for trace in found])
    elif found:
        from wheelfix.report.plain import render_traces

        click.echo(render_traces(found), nl=False)
    return 0 if found and all(e.need.need_class not in OPEN_CLASSES for e in found) else 1
