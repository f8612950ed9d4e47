"""Plans an overlay for a lock, step by step; nothing is read or fetched here.

:mod:`wheelfix.lock.read` reads what the steps need; :mod:`wheelfix.lock.lock` runs all in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wheelfix.errors import InputError
from wheelfix.lock.collisions import find_collisions, find_removed, tell_collisions
from wheelfix.lock.cycles import break_circles
from wheelfix.lock.model import Collision, LockOptions, LockPlan, LockRequest, Selection, SourceBuild
from wheelfix.lock.residue import tell_choices, tell_needs
from wheelfix.lockfile.select import (
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
from wheelfix.model.base import replace
from wheelfix.model.lock import Choice, ChoiceKind
from wheelfix.model.override import Adapter, Cuda, Override
from wheelfix.model.scan import Level, WheelScan
from wheelfix.model.wheel import Distribution
from wheelfix.override.dialects import TRAITS
from wheelfix.override.plan import describe_package, plan_override, tell_refused
from wheelfix.override.prebuilt import check_build
from wheelfix.override.strip import Dependencies, check_wishes, plan_strip
from wheelfix.scan.locked import LockReadings
from wheelfix.scan.nixpkgs import tell_differences
from wheelfix.scan.scan import scan_readings
from wheelfix.sdist.model import CargoPlan
from wheelfix.sdist.plan import find_unfilled


def find_selection(request: LockRequest, options: LockOptions) -> Selection:
    """Find the packages that an environment holds, and the source of each.

    Raises:
        InputError: the lock is for other targets, an option matches nothing in it, or a build of nixpkgs is
            for another Python, or is not possible in the dialect.
    """
    lock, rules, runtime = request.lock, request.rules, request.runtime
    selected = select_packages(lock, runtime, options.asked)
    findings = check_rules(rules, lock, selected, runtime)
    check_wishes(options.wishes, {package.name for package in lock.packages})
    packages = settle_doubles(selected)
    # Adapters and builds are written in this order, independent of the lock's.
    ordered = sorted(packages, key=lambda package: package.label)
    choices, lacks = find_sources(ordered, rules, runtime, as_nix=TRAITS[options.dialect].locked)
    selection = Selection(
        selected=selected, packages=packages, choices=choices, lacks=lacks, findings=findings
    )
    if selection.replaced and not TRAITS[options.dialect].replaces:
        names = ", ".join(choice.package.name for choice in selection.replaced)
        hint = "take wheels, or write for uv2nix or pyproject-nix"
        raise InputError(names, f"from nixpkgs: {options.dialect} has no adapters", hint)
    warnings = (
        finding
        for choice in selection.replaced
        for finding in check_build(
            choice.attr, choice.package.name, (), asked=runtime.python, index=options.scan.index
        )
    )
    return replace(selection, findings=(*findings, *warnings))


def find_dependencies(request: LockRequest, selection: Selection) -> Mapping[str, Dependencies]:
    """Return the dependencies of packages that nixpkgs' builds replace, by name; if the lock has edges."""
    if not selection.replaced:
        return {}
    known = {package.name: make_distribution(package, request.runtime) for package in selection.packages}
    others, evidence = tuple(known.values()), request.lock.name
    names = [choice.package.name for choice in selection.replaced]
    return {name: Dependencies(package=known[name], others=others, evidence=evidence) for name in names}


def plan_adapters(
    request: LockRequest,
    selection: Selection,
    dependencies: Mapping[str, Dependencies],
    options: LockOptions,
) -> tuple[Adapter, ...]:
    """Replace packages by nixpkgs' builds; metadata alone tells which dependencies are removed."""
    return tuple(
        Adapter(
            name=choice.package.name,
            version=choice.package.version or "",
            target=request.lock.name,
            attr=choice.attr,
            strip=plan_strip(dependencies[choice.package.name], wishes=options.wishes),
        )
        for choice in selection.replaced
    )


def drop_removed_packages(
    request: LockRequest, selection: Selection, adapters: Sequence[Adapter], options: LockOptions
) -> Selection:
    """Leave out packages that adapters remove; these need no source.

    Raises:
        InputError: a remaining package has no source.
    """
    if adapters:
        without = {a.name: [judged.name for judged in a.strip.stripped] for a in adapters}
        selected = select_packages(request.lock, request.runtime, options.asked, without=without)
        kept, gone = {id(package) for package in selected}, set[str]()
        if request.lock.roots is None:  # without edges, other dependents are unknown
            gone = {j.name for a in adapters for j in (*a.strip.stripped, *a.strip.leaving)}
        selection = replace(
            selection,
            selected=selected,
            choices=tuple(c for c in selection.choices if id(c.package) in kept),
            lacks=tuple(
                lack for lack in selection.lacks if id(lack.package) in kept and lack.package.name not in gone
            ),
        )
    refuse_lacks(selection.lacks, request.runtime)
    return selection


def plan_overlay(
    request: LockRequest,
    selection: Selection,
    adapters: tuple[Adapter, ...],
    found: LockReadings,
    rust: Mapping[str, CargoPlan],
    options: LockOptions,
) -> LockPlan:
    """Assemble the plan of an overlay.

    Args:
        request: the lock, with the rules and the target.
        selection: without packages that adapters remove.
        adapters: packages that nixpkgs' builds replace.
        found: readings of wheels, and source distributions.
        rust: plans of source distributions built with cargo, by name.
        options: further options.

    Raises:
        IndexProblem: the index is damaged.
    """
    choices = selection.choices
    scans = scan_readings(found.wheels, options.scan)
    collisions = find_collisions(found.wheels)
    builds = _plan_builds(request, choices, found, rust)
    findings = (
        *tell_doubles(find_doubles(selection.selected)),
        *selection.findings,
        *tell_needs(scans, {choice.package.name for choice in choices}),
        *tell_collisions(collisions),
        *tell_choices(choices, found.builds),
        *(f for build in builds if build.rust for f in (*build.rust.findings, *find_unfilled(build.rust))),
        *found.findings,
    )
    overrides = _plan_overrides(request, choices, found, scans, collisions, options)
    findings = (*findings, *tell_refused(overrides, scans), *tell_differences(options.scan.index))
    order = list(Level)
    return LockPlan(
        lock=request.lock.name,
        python=request.runtime.python,
        system=request.runtime.system,
        dialect=options.dialect,
        choices=choices,
        scans=scans,
        overrides=overrides,
        adapters=adapters,
        builds=builds,
        collisions=collisions,
        findings=tuple(sorted(set(findings), key=lambda f: (order.index(f.level), f.subject, f.message))),
        read=found.read,
    )


def _plan_overrides(
    request: LockRequest,
    choices: Sequence[Choice],
    found: LockReadings,
    scans: Sequence[WheelScan],
    collisions: Sequence[Collision],
    options: LockOptions,
) -> tuple[Override, ...]:
    others: tuple[Distribution, ...] = ()
    if options.cuda is not Cuda.WHEELS:  # with wheels, no dependency is judged
        others = tuple(reading.distribution for reading in found.wheels)
        if request.lock.roots is not None:
            others = tuple(make_distribution(choice.package, request.runtime) for choice in choices)
    names = {choice.package.name for choice in choices}
    overrides = [
        plan_override(
            reading,
            scan,
            options.cuda,
            dependencies=Dependencies(package=reading.distribution, others=others),
            wishes=options.wishes,
            details=describe_package(reading) if TRAITS[options.dialect].complete else None,
            environment=names,
        )
        for reading, scan in zip(found.wheels, scans, strict=True)
    ]
    unbroken = break_circles(overrides, {scan.name: scan.needs for scan in scans})
    return tuple(replace(one, removed=find_removed(collisions, one.name)) for one in unbroken)


def _plan_builds(
    request: LockRequest, choices: Sequence[Choice], found: LockReadings, rust: Mapping[str, CargoPlan]
) -> tuple[SourceBuild, ...]:
    builds = []
    for choice in choices:
        if choice.kind is not ChoiceKind.SDIST:
            continue
        package, system = choice.package, found.builds.get(choice.package.name)
        kinds, _ = find_rule(package.name, request.rules)
        builds.append(
            SourceBuild(
                name=package.name,
                version=package.version or "",
                target=choice.file.filename if choice.file else package.source.value,
                requires=system.requires if system else (),
                backend=system.backend if system else "",
                cargo=bool(system and system.cargo),
                rust=rust.get(package.name),
                asked=kinds[:1] == (ChoiceKind.SDIST,),
            )
        )
    return tuple(builds)
