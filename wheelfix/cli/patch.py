"""``wheelfix patch``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wheelfix.cli.open_index import open_table
from wheelfix.cli.options import (
    FILE,
    TARGET,
    answer_options,
    beside_option,
    gpu_option,
    print_json,
    tell_error,
    tell_findings,
)

if TYPE_CHECKING:
    from wheelfix.model.backends import Backend
    from wheelfix.patch.model import PatchReport

_EPILOG = """\b
Examples:
  wheelfix patch .venv
  wheelfix patch .venv --dry-run
  wheelfix patch .venv --undo
  uv sync && wheelfix patch --quiet .venv
  wheelfix patch .venv --nixpkgs github:NixOS/nixpkgs/nixos-unstable
  wheelfix patch .venv --realise --only 'PySide6/*' --exclude '*/Qt/plugins/sqldrivers/*'
  wheelfix patch .venv --libs /run/current-system/sw/lib --dry-run --json
  wheelfix patch numba.whl -o patched --libs $(nix-build '<nixpkgs>' -A onetbb --no-out-link)
"""


_SPELLED = {"beside": "with"}
"""Options whose names are other words of Python."""


@click.command(epilog=_EPILOG)
@click.argument("target", type=TARGET, metavar="TARGET")
@click.option(
    "-o", "--output", type=FILE, metavar="DIR", help="Directory for the patched wheel; made if it is missing."
)
@click.option(
    "--libs",
    type=FILE,
    multiple=True,
    metavar="DIR",
    help="Directory of libraries, or store path, to take libraries from; repeatable, the first one wins.",
)
@beside_option
@gpu_option
@click.option(
    "--realise",
    is_flag=True,
    help="Fetch the store paths that the index names, with garbage collector roots.",
)
@click.option(
    "--nixpkgs",
    metavar="REF",
    help="nixpkgs that is asked, and builds what is missing: a path, <nixpkgs>, or a flake reference. "
    "[default, without --libs and --realise: that of the project's pyproject.toml, flake.lock or "
    "devenv.lock, else <nixpkgs>, else that of the registry]",
)
@click.option(
    "--driver/--no-driver",
    default=None,
    help="Add /run/opengl-driver/lib where the GPU driver is needed. [default: yes, without --libs, "
    "--realise and --nixpkgs]",
)
@click.option(
    "--only", multiple=True, metavar="GLOB", help="Change files whose path matches alone; repeatable."
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave files whose path matches; repeatable.")
@click.option(
    "--tag",
    metavar="TAG",
    help="Build tag (1nix) or local version (+nix) of the patched wheel. [default: none]",
)
@click.option(
    "--dry-run", is_flag=True, help="Tell what Nix would bring, and what would change, and change nothing."
)
@click.option("--undo", is_flag=True, help="Give an environment its files back, bit by bit.")
@answer_options
def patch(
    target: str,
    *,
    output: Path | None,
    libs: tuple[Path, ...],
    beside: tuple[str, ...],
    gpu: Backend | None,
    realise: bool,
    nixpkgs: str | None,
    driver: bool | None,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    tag: str | None,
    dry_run: bool,
    undo: bool,
    as_json: bool,
    index: Path | None,
    prefer: tuple[str, ...],
    quiet: bool,
) -> None:
    """Make the files of an environment, or of a wheel, find the libraries they need.

    TARGET is a virtual environment (or any directory of ELF files), which is changed in place: --undo takes
    it back. Or it is a wheel, of which a patched copy is written (-o). What is missing is taken from nixpkgs:
    Nix brings it, and keeps it from the garbage collector as long as the environment is there. Without Nix,
    and with --dry-run, you get the plan, by attribute.

    Every file gets the directories that answer its own needs and no others, behind its $ORIGIN entries, in
    its run path; a program also gets its loader. What Python code opens by name is found by a module that is
    put beside it. Every edit is verified before it takes the file's place, and files are replaced whole: an
    interrupted run is repeated. A run in which nothing has changed since the last one is done at once.

    Ends with 0 if every need has an answer, 1 if some have none, 5 if some file could not be changed, or if
    there is no Nix that could bring what is missing.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows.patch import find_dependencies, find_settled, find_source, patch_target
    from wheelfix.model.backends import Gpu
    from wheelfix.model.base import replace
    from wheelfix.outside.nixpkgs import has_nix
    from wheelfix.patch.model import PatchOptions

    if not os.path.exists(target):  # noqa: PTH110 - what is not there needs no place to go to
        from wheelfix.scan.target import find_target

        find_target(target, "patch")
    _check_usage(target, output=output, tag=tag, undo=undo, dry_run=dry_run)
    if undo:
        _undo(target, dry_run=dry_run, quiet=quiet, as_json=as_json)
        return
    chooses = not (libs or realise or nixpkgs)
    options = PatchOptions(
        output=output,
        libs=libs,
        realise=realise,
        nixpkgs=nixpkgs,
        driver=chooses if driver is None else driver,
        only=only,
        exclude=exclude,
        tag=tag,
        dry_run=dry_run,
        prefer=prefer,
        beside=beside,
        gpu=gpu,
    )
    again = _write_again(
        target,
        output=[output] if output else [],
        only=only,
        exclude=exclude,
        prefer=prefer,
        index=[index] if index else [],
        nixpkgs=[nixpkgs] if nixpkgs else [],
        gpu=[one.value for one in Gpu if gpu and one.backend == gpu],
        beside=beside,
        libs=libs,
        tag=[tag] if tag else [],
        flags=["--realise"] * realise + ([] if driver is None else ["--driver" if driver else "--no-driver"]),
    )
    depends = find_dependencies(target, options, index)
    if depends and (settled := find_settled(target, depends)):
        sys.exit(_tell(replace(settled, again=again), quiet=quiet, as_json=as_json))
    named = find_source(target) if chooses else None
    late = bool(named and named.moves and has_nix() and not dry_run)
    if named:
        options = replace(options, nixpkgs=named.nixpkgs, origin=named.origin, asks_late=late)
    # What has to be fetched first is not asked before something is missing.
    asked = (named if named and not named.moves else nixpkgs) if has_nix() else None
    table = open_table(index, quiet=quiet, prefer=prefer, nixpkgs=asked, required=False)
    options = replace(options, again=again, depends=depends)
    with show_progress(target, enabled=not quiet) as progress:
        report = patch_target(target, index=table, options=options, progress=progress)
    from wheelfix.scan.nixpkgs import tell_differences

    # A nixpkgs that nobody named may differ in much that this environment does not want.
    tell_findings(tell_differences(table), quiet=quiet or named is not None)
    sys.exit(_tell(report, quiet=quiet, as_json=as_json))


def _write_again(target: str, *, flags: Sequence[str], **options: Sequence[str | Path]) -> str:
    """Write the command that does the same again, for a shell."""
    from wheelfix.scan.target import quote_target

    words = ["wheelfix", "patch", quote_target(target), *flags]
    for name, values in options.items():
        words += [f"--{_SPELLED.get(name, name)} {quote_target(str(value))}" for value in values]
    return " ".join(words)


def _tell(report: PatchReport, *, quiet: bool, as_json: bool) -> int:
    """Print a report; returns the exit code."""
    from wheelfix.model.scan import Level

    if as_json:
        from wheelfix.report.json import document_patch

        print_json(document_patch(report))
    else:
        from wheelfix.report.patching import render_patch

        click.echo(render_patch(report, details=not quiet), nl=False)
    wrong = any(finding.level is Level.ERROR for finding in report.findings)
    if report.supplies and report.supplies.problem:
        from wheelfix.errors import ApplyError

        hint = f"where Nix is, run `{report.again}`"
        return tell_error(ApplyError(report.target, f"was not changed: {report.supplies.problem}", hint))
    return 5 if report.refused else 0 if report.answered and not wrong else 1


def _check_usage(target: str, *, output: Path | None, tag: str | None, undo: bool, dry_run: bool) -> None:
    environment = os.path.isdir(target)  # noqa: PTH112 - where Path.is_dir fails, reading will say why
    if undo and not environment:
        raise click.UsageError("--undo is for environments: the wheel you patched is still there")
    if environment and (output or tag):
        raise click.UsageError("--output and --tag are for wheels: environments are changed in place")
    if not environment and not output and not dry_run:
        if os.path.isfile(target):  # noqa: PTH113 - as above
            from wheelfix.scan.target import find_target

            find_target(target, "patch")  # what is no wheel has another remedy
        raise click.UsageError("say where the patched wheel goes: --output DIR")


def _undo(target: str, *, dry_run: bool, quiet: bool, as_json: bool) -> None:
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows.patch import undo_target

    with show_progress(target, enabled=not quiet) as progress:
        report = undo_target(target, progress=progress, dry_run=dry_run)
    if as_json:
        from wheelfix.report.json import document_patch

        print_json(document_patch(report))
    else:
        from wheelfix.report.patching import render_findings

        click.echo(render_findings(report.findings), nl=False)
