"""Renders one overlay for a whole lock: adapters, source builds, overrides, and collision settings."""

from __future__ import annotations

from functools import partial, reduce

from wheelfix.lock.extension import render_set
from wheelfix.lock.model import Clash, Collision, LockPlan, SourceBuild
from wheelfix.lock.prefix import render_prefix
from wheelfix.lock.provide import write_provided
from wheelfix.model.override import Dialect
from wheelfix.model.scan import Finding, Level
from wheelfix.nix.parts import add_to_old, comment_all, describe_permissions, list_inputs, write_guarded
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Commented,
    Expr,
    Lambda,
    List,
    Var,
    bind,
    call,
    select,
    text,
)
from wheelfix.override.adapter import write_adapters
from wheelfix.override.dialects import TRAITS, render_overrides
from wheelfix.override.overlay import (
    TITLES,
    list_build_systems,
    write_environment,
    write_overlay,
    write_package,
    write_packages,
    write_pattern,
)
from wheelfix.scan.layout import SITE
from wheelfix.sdist.render import write_cargo


def render_lock(plan: LockPlan) -> str:
    """Write the overlay of a lock; packages that need no change are left out."""
    if TRAITS[plan.dialect].whole:
        return render_prefix(plan, _list_residue(plan.findings))
    if TRAITS[plan.dialect].complete:
        return render_set(plan, _list_residue(plan.findings))
    if not TRAITS[plan.dialect].locked:
        return render_overrides((*plan.overrides, *plan.built), (), plan.dialect)
    sets = write_adapters(plan.adapters)
    built = {override.name: override for override in plan.built}
    for build in plan.builds:
        package, override = _write_build(build, plan.dialect), built.get(build.name)
        head = [_describe_build(build)]
        if override:
            package = write_package(override, plan.dialect, package) or package
            head += override.hints
        if package:
            sets.append(write_guarded(build.name, comment_all(head, package)))
    sets += write_packages(plan.overrides, plan.dialect)[0]
    sets += write_provided(plan)
    if environment := _write_environment(plan):
        sets.append(environment)
    hacks = bool(plan.adapters) or any(b.rust for b in plan.builds)
    title = (
        f"{TITLES[plan.dialect]}. Written by wheelfix for {plan.lock}, Python {plan.python} on {plan.system}."
    )
    overrides = (*plan.overrides, *plan.built)
    head = [title, *describe_permissions(overrides, plan.adapters), *_list_residue(plan.findings)]
    return render(comment_all(head, write_overlay(sets, overrides, hacks=hacks)))


def _list_residue(findings: tuple[Finding, ...]) -> list[str]:
    if not findings:
        return []
    words = {Level.ERROR: "Open", Level.WARNING: "Look at", Level.NOTE: "Note"}
    return ["Residue:", *(f"- {words[f.level]}: {f.subject} {f.message}." for f in findings)]


def _describe_build(build: SourceBuild) -> str:
    return f"{build.name} {build.version}, built from {build.target}"


def _write_build(build: SourceBuild, dialect: Dialect) -> Expr | None:
    """Choose the source distribution, and add the build system that the lock does not have."""
    package = select("prev", build.name)
    if build.asked:
        choice = (
            bind("preferWheel", Var("false"))
            if dialect is Dialect.POETRY2NIX
            else bind("sourcePreference", text("sdist"))
        )
        package = call(select(package, "override"), Attrs((choice,)))
    if build.rust:
        return write_cargo(build.rust, package)
    bindings = []
    if build.requires or build.tools:
        parts: list[Expr] = [list_build_systems(build.requires, dialect)] if build.requires else []
        parts += [list_inputs(build.tools)] if build.tools else []
        bindings.append(add_to_old("nativeBuildInputs", reduce(partial(Binary, "++"), parts)))
    if build.libraries:
        bindings.append(add_to_old("buildInputs", list_inputs(build.libraries)))
    if not bindings:
        return package if build.asked else None
    change = "overridePythonAttrs" if dialect is Dialect.POETRY2NIX else "overrideAttrs"
    return call(select(package, change), Lambda("old", Attrs(tuple(bindings))))


def _write_environment(plan: LockPlan) -> Expr | None:
    """Write ``mkVirtualEnv`` with the harmless collisions; poetry2nix's environments ignore all."""
    if plan.dialect is Dialect.POETRY2NIX:
        return None
    skipped = [c for c in plan.collisions if c.clash is Clash.PAPER and c.fix.startswith(f"{SITE}/")]
    ignored = [
        c
        for c in plan.collisions
        if c.clash in {Clash.NAMESPACE, Clash.PROGRAM} or (c.clash is Clash.PAPER and c not in skipped)
    ]
    bindings = []
    if skipped:
        bindings.append(add_to_old("venvSkip", _list_patterns(skipped)))
    if ignored:
        bindings.append(add_to_old("venvIgnoreCollisions", _list_patterns(ignored)))
    if not bindings:
        return None
    return write_environment(bindings, "Files that several packages have, and that do no harm")


def _list_patterns(collisions: list[Collision]) -> List:
    items = (Commented(f"{', '.join(c.distributions)}: {c.clash}", write_pattern(c.fix)) for c in collisions)
    return List(tuple(items))
