"""Writes Nix code that builds a source distribution: ``wheelfix sdist``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.lockfile.python import find_python
from wheelfix.model.override import Dialect
from wheelfix.model.python import parse_python
from wheelfix.model.scan import Level
from wheelfix.model.written import Written
from wheelfix.outside.configuration import PackageSources
from wheelfix.scan.target import find_target
from wheelfix.sdist.model import CargoPlan
from wheelfix.sdist.plan import list_findings, plan_cargo, refuse_no_rust
from wheelfix.sdist.read import fetch_source, read_given, read_hashes, read_source
from wheelfix.sdist.render import render_sdist
from wheelfix.wheel.sdist import read_sdist


def write_sdist(
    text: str,
    dialect: Dialect = Dialect.UV2NIX,
    *,
    python: str | None = None,
    lock_file: Path | None = None,
    cargo_home: Path | None = None,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> tuple[Written[CargoPlan], bytes | None]:
    """Write Nix code that builds a Rust-backed sdist.

    Args:
        text: an sdist, a directory with its contents, or a requirement or address, which is fetched.
        dialect: uv2nix, pyproject-nix or nixpkgs.
        python: version of CPython that requirements are resolved for; None takes that of the project in the
            directory that the target is, else in the working directory.
        lock_file: a Cargo.lock for an sdist that has none; if the file does not exist, cargo makes it.
        cargo_home: directory of cargo's git checkouts; None for cargo's default.
        sources: sources to fetch it from; None takes the configured ones.
        on_bytes: called with bytes downloaded and in all.

    Returns:
        The code, and the Cargo.lock that cargo made, to be written beside it, or None.

    Raises:
        InputError: the target cannot be read or fetched, is hostile, or does not build Rust.
        ApplyError: cargo's input cannot be written.
    """
    if python and parse_python(python) is None:
        raise InputError(text, f"cannot be built for Python {python!r}", "name a version such as 3.12")
    path, told = fetch_source(find_target(text, "sdist"), sources, on_bytes)
    chosen = find_python(python, path if path.is_dir() else Path())
    tree = read_sdist(path)
    source = read_source(tree, python=chosen.version)
    refuse_no_rust(source, text)
    given = read_given(lock_file, tree, source) if lock_file else None
    plan = plan_cargo(source, hashes=read_hashes(source, given, cargo_home), given=given)
    findings = (*chosen.findings, *told, *list_findings(plan, dialect))
    answered = not any(finding.level is Level.ERROR for finding in findings)
    written = Written(plan=plan, text=render_sdist(plan, dialect), findings=findings, answered=answered)
    return written, given.made if given else None
