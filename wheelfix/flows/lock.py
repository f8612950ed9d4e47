"""One overlay for a whole lock: read, select, choose, get facts, conclude, plan, render."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.flows.nix import Options, plan_dependencies, plan_reading, render_overrides
from wheelfix.flows.sdist import plan_sdist, read_sdist, read_source
from wheelfix.index.lookup import find_default_python
from wheelfix.lock.circles import break_circles
from wheelfix.lock.collisions import find_collisions, find_removed, tell_collisions
from wheelfix.lock.model import LockPlan, SourceBuild
from wheelfix.lock.render import render_lock
from wheelfix.lock.residue import tell_choices, tell_needs
from wheelfix.lockfile.markers import make_runtime
from wheelfix.lockfile.read import read_lock, read_project, read_rules
from wheelfix.lockfile.select import (
    Asked,
    check_rules,
    find_doubles,
    find_rule,
    find_sources,
    make_distribution,
    refuse_lacks,
    select_packages,
    settle_doubles,
    tell_doubles,
)
from wheelfix.model.base import Struct, field, replace
from wheelfix.model.lock import Choice, Kind, Lock, LockedPackage, Runtime
from wheelfix.model.override import Adapter, Cuda, Dialect, Override
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.model.wheel import Distribution
from wheelfix.outside.places import find_cache
from wheelfix.outside.requirements import find_platforms
from wheelfix.override.prebuilt import check_name, check_prebuilt, find_python
from wheelfix.override.strip import check_wishes
from wheelfix.scan.at_hand import find_carried
from wheelfix.scan.conclude import conclude
from wheelfix.scan.fetch import Places, Supply, find_facts
from wheelfix.scan.read import Progress
from wheelfix.scan.target import find_target
from wheelfix.sdist.plan import find_unfilled
from wheelfix.wheel.about import make_source
from wheelfix.wheel.metadata import evaluate_requirements

__all__ = ["Asked", "LockOptions", "LockWritten", "add_progress", "plan_lock", "write_lock"]

SETS = frozenset({Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX})
"""Dialects whose package set chooses wheels itself, with pyproject.nix's rules."""

_ADAPTING = frozenset({Dialect.UV2NIX, Dialect.PYPROJECT_NIX})


class LockOptions(Struct):
    """What a user may ask of a lock.

    Attributes:
        code: what all commands that write Nix code have in common.
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        asked: extras and groups.
        providers: rules as ``NAME=KINDS``, stronger than those of pyproject.toml.
        find_links: directories of wheels.
    """

    code: Options
    dialect: Dialect = Dialect.UV2NIX
    cuda: Cuda = Cuda.WHEELS
    asked: Asked = field(default_factory=Asked)
    providers: tuple[str, ...] = ()
    find_links: tuple[Path, ...] = ()


class LockWritten(Struct):
    """An overlay for a lock.

    Attributes:
        plan: all that it rests on.
        text: the file.
        answered: every need has an answer, and no finding is an error.
    """

    plan: LockPlan
    text: str

    @property
    def answered(self) -> bool:
        """Every need has an answer, and no finding is an error: exit code 0."""
        return not any(f.level is Level.ERROR for f in self.plan.findings)


def add_progress(code: Options, progress: Progress | None) -> Options:
    """The same options, with somebody to tell about downloads."""
    return replace(code, progress=progress)


def write_lock(path: Path | str, options: LockOptions) -> LockWritten:
    """Write one overlay for all packages of a lock.

    Args:
        path: uv.lock, pylock.toml, poetry.lock, or a requirements.txt with hashes.
        options: for which target, and how.

    Raises:
        InputError: the lock or a wheel cannot be read or fetched, or has no source of a wanted kind.
    """
    find_target(str(path), "lock")
    plan = plan_lock(Path(path), options)
    return LockWritten(plan=plan, text=_render(plan))


def plan_lock(path: Path, options: LockOptions) -> LockPlan:
    """Find all that an overlay for a lock has to say; as :func:`write_lock`."""
    lock = read_lock(path)
    rules = read_rules(read_project(path.parent), options.providers)
    runtime = _make_runtime(options.code)
    as_nix = options.dialect in SETS
    selected = select_packages(lock, runtime, options.asked)
    told = check_rules(rules, lock, selected, runtime)
    check_wishes(options.code.wishes, {p.name for p in lock.packages})
    packages = settle_doubles(selected)
    choices, lacks = find_sources(
        sorted(packages, key=lambda p: p.label), rules, runtime, as_nix=as_nix
    )  # whatever order the lock has, adapters and builds are written in this one
    adapters, warnings = _plan_adapters(lock, packages, choices, runtime, options)
    if adapters:
        without = {a.name: [judged.name for judged in a.strip.stripped] for a in adapters}
        selected = select_packages(lock, runtime, options.asked, without=without)
        kept = {id(p) for p in selected}
        choices = tuple(c for c in choices if id(c.package) in kept)
        lacks = tuple(
            x for x in lacks if id(x.package) in kept and x.package.name not in _find_gone(lock, adapters)
        )
    refuse_lacks(lacks, runtime)  # what goes with an adapter needs no source
    supply = find_facts(choices, _find_places(path, runtime, options))
    scans, overrides = _plan_wheels(supply, lock, choices, runtime, options)
    collisions = find_collisions(supply.facts.values())
    overrides = [replace(o, removed=find_removed(collisions, o.name)) for o in overrides]
    asked = {c.package.name for c in choices if find_rule(c.package.name, rules)[0][:1] == (Kind.SDIST,)}
    builds = tuple(_make_build(c, supply, asked, options) for c in choices if c.kind is Kind.SDIST)
    findings = (
        *tell_doubles(find_doubles(selected)),
        *told,
        *warnings,
        *tell_needs(scans, {c.package.name for c in choices}),
        *tell_collisions(collisions),
        *tell_choices(choices, supply.builds),
        *(f for b in builds if b.rust for f in (*b.rust.findings, *find_unfilled(b.rust))),
        *supply.findings,
    )
    return LockPlan(
        lock=lock.name,
        python=runtime.python,
        system=runtime.system,
        dialect=options.dialect,
        choices=tuple(sorted(choices, key=lambda c: c.package.label)),
        scans=tuple(scans),
        overrides=tuple(overrides),
        adapters=adapters,
        builds=builds,
        collisions=collisions,
        findings=_sort(findings),
        read=supply.read,
    )


def _render(plan: LockPlan) -> str:
    if plan.dialect in SETS:
        return render_lock(plan)
    return render_overrides(plan.overrides, (), plan.dialect)


def _make_runtime(code: Options) -> Runtime:
    return make_runtime(code.chosen_python, code.system, find_platforms(code.system))


def _find_places(path: Path, runtime: Runtime, options: LockOptions) -> Places:
    for directory in options.find_links:
        if not directory.is_dir():
            raise InputError(str(directory), "is no directory", "give a directory of wheels")
    return Places(
        base=path.parent,
        cache=find_cache(),
        runtime=runtime,
        find_links=options.find_links,
        sources=options.code.sources,
        progress=options.code.progress,
    )


def _find_gone(lock: Lock, adapters: Sequence[Adapter]) -> set[str]:
    """What leaves with adapters, where a lock has no edges that would tell who else wants it."""
    if lock.roots is not None:
        return set()
    return {judged.name for a in adapters for judged in (*a.strip.stripped, *a.strip.leaving)}


def _plan_adapters(
    lock: Lock,
    packages: Sequence[LockedPackage],
    choices: Sequence[Choice],
    runtime: Runtime,
    options: LockOptions,
) -> tuple[tuple[Adapter, ...], tuple[Finding, ...]]:
    """Put nixpkgs' builds in place of packages; metadata alone tells which dependencies go."""
    chosen = [c for c in choices if c.kind is Kind.NIXPKGS]
    if chosen and options.dialect not in _ADAPTING:
        names = ", ".join(c.package.name for c in chosen)
        hint = "take wheels, or write for uv2nix or pyproject-nix"
        raise InputError(names, f"from nixpkgs: {options.dialect} has no adapters", hint)
    index, warnings = options.code.index, list[Finding]()
    for choice in chosen:
        known = index.has_attr(".".join(choice.attr))
        warnings += check_name(choice.attr, choice.package.name, known=known)
        default = find_default_python(index)
        warnings += check_prebuilt(choice.attr, (), asked=runtime.python, default=default)
    adapters = tuple(_adapt(lock, packages, choice, runtime, options) for choice in chosen)
    return adapters, tuple(warnings)


def _adapt(
    lock: Lock, packages: Sequence[LockedPackage], choice: Choice, runtime: Runtime, options: LockOptions
) -> Adapter:
    package = choice.package
    if lock.roots is not None:
        evidence = lock.name
        wheel = make_distribution(package, runtime)
        others = tuple(make_distribution(p, runtime) for p in packages if p is not package)
    else:  # this format has no edges
        from wheelfix.scan.requirement import fetch_closure

        evidence = "the package index"
        wheel, *found = fetch_closure(
            f"{package.name}=={package.version}",
            find_cache().metadata,
            python=runtime.python,
            system=runtime.system,
            sources=options.code.sources,
        )
        others = tuple(found)
    return Adapter(
        name=package.name,
        version=package.version or "",
        target=lock.name,
        attr=choice.attr,
        python=find_python(choice.attr),
        strip=plan_dependencies(wheel, others, options.code, evidence=evidence),
    )


def _plan_wheels(
    supply: Supply, lock: Lock, choices: Sequence[Choice], runtime: Runtime, options: LockOptions
) -> tuple[list[WheelScan], list[Override]]:
    """Conclude about every wheel, each with all others at hand."""
    environment = dict(runtime.environment)
    readings = [
        replace(reading, distribution=evaluate_requirements(reading.distribution, environment))
        for _, reading in sorted(supply.facts.items())
    ]
    at_hand = find_carried((reading.distribution, reading.objects) for reading in readings)
    others: list[Distribution] = [reading.distribution for reading in readings]
    if lock.roots is not None:
        others = [make_distribution(c.package, runtime) for c in choices]
    names = {c.package.name for c in choices}
    scans, overrides = [], []
    for reading in readings:
        name = reading.distribution.name
        scan = conclude(reading, options.code.index, options.code.prefer, at_hand)
        beside = [o for o in others if o.name != name]
        source = make_source(reading) if options.dialect is Dialect.NIXPKGS else None
        override, _ = plan_reading(
            reading, scan, options.cuda, options.code, source=source, others=beside, environment=names
        )
        scans.append(scan)
        overrides.append(override)
    return scans, list(break_circles(overrides, {scan.name: scan.needs for scan in scans}))


def _make_build(choice: Choice, supply: Supply, asked: set[str], options: LockOptions) -> SourceBuild:
    package, found = choice.package, supply.builds.get(choice.package.name)
    rust = None
    if found and found.cargo and options.dialect in _ADAPTING:
        tree = read_sdist(supply.sdists[package.name])
        rust = plan_sdist(read_source(tree, python=options.code.chosen_python))
    return SourceBuild(
        name=package.name,
        version=package.version or "",
        target=choice.file.filename if choice.file else package.source.value,
        requires=found.requires if found else (),
        backend=found.backend if found else "",
        cargo=bool(found and found.cargo),
        rust=rust,
        asked=package.name in asked,
    )


def _sort(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    order = list(Level)
    return tuple(sorted(set(findings), key=lambda f: (order.index(f.level), f.subject, f.message)))
