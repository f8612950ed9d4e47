"""Nix code that builds a source distribution: ``wheelfix sdist``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.model.override import Dialect
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
    python: str = "3.12",
    lock_file: Path | None = None,
    cargo_home: Path | None = None,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> tuple[Written[CargoPlan], bytes | None]:
    """Write Nix code that builds a Rust-backed sdist.

    Args:
        text: an sdist, a directory with its contents, or a requirement or an address, which is fetched.
        dialect: uv2nix, pyproject-nix or nixpkgs.
        python: version of CPython that requirements are resolved for.
        lock_file: a Cargo.lock for an sdist that has none; if there is no such file, cargo makes it.
        cargo_home: where cargo keeps git checkouts; None for its own place.
        sources: where it is fetched from; None takes what is configured.
        on_bytes: told bytes downloaded and in all.

    Returns:
        The code, and a Cargo.lock that cargo made, which goes beside it, or None.

    Raises:
        InputError: the target cannot be read or fetched, is hostile, or builds no Rust.
        ApplyError: cargo's input cannot be written.
    """
    if not re.fullmatch(r"3\.\d{1,3}t?", python):
        raise InputError(text, f"cannot be built for Python {python!r}", "name a version such as 3.12")
    path, told = fetch_source(find_target(text, "sdist"), sources, on_bytes)
    tree = read_sdist(path)
    source = read_source(tree, python=python)
    refuse_no_rust(source, text)
    given = read_given(lock_file, tree, source) if lock_file else None
    plan = plan_cargo(source, hashes=read_hashes(source, given, cargo_home), given=given)
    findings = (*told, *list_findings(plan, dialect))
    answered = not any(finding.level is Level.ERROR for finding in findings)
    written = Written(plan=plan, text=render_sdist(plan, dialect), findings=findings, answered=answered)
    return written, given.made if given else None
