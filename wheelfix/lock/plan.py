"""Plans an overlay for a lock, step by step; nothing is read or fetched here.

:mod:`wheelfix.lock.read` reads what the steps need; :mod:`wheelfix.lock.lock` runs all in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from wheelfix.errors import InputError
from wheelfix.lock.collisions import find_collisions, find_removed, tell_collisions
from wheelfix.lock.cycles import break_circles
from wheelfix.lock.model import (
    Collision,
    LockOptions,
    LockPlan,
    LockRequest,
    Selection,
    SourceBuild,
    SourcePackage,
)
from wheelfix.lock.nixpkgs import (
    find_address,
    list_named,
    name_members,
    plan_packages,
    settle_dependencies,
    settle_kinds,
    tell_own,
    tell_set,
)
from wheelfix.lock.prefix import tell_limits
from wheelfix.lock.r_packages import add_r_packages, list_build_inputs
from wheelfix.lock.residue import tell_choices, tell_directories, tell_needs, tell_outside
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
from wheelfix.model.lock import Choice, ChoiceKind, LockedPackage, ProviderRule, Runtime, name_packages
from wheelfix.model.override import AdapterPlan, Cuda, Form, Override, WheelSource
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.model.wheel import Distribution
from wheelfix.override.bound import Environment, plan_adapters
from wheelfix.override.builds import FindBuild, choose_build, make_finder
from wheelfix.override.dialects import TRAITS
from wheelfix.override.plan import describe_package, plan_override, tell_refused
from wheelfix.override.prebuilt import check_build
from wheelfix.override.python_set import prepare_shadowed, tell_dependencies
from wheelfix.override.strip import Dependencies, check_wishes
from wheelfix.override.versions import tell_gaps
from wheelfix.scan.findings import sort_findings, tell_qts
from wheelfix.scan.locked import LockReadings, find_prefix_python
from wheelfix.scan.locked_conda import add_digests, tell_prefix
from wheelfix.scan.nixpkgs import tell_differences
from wheelfix.scan.places import tell_places
from wheelfix.scan.scan import scan_readings
from wheelfix.sdist.model import CargoPlan
from wheelfix.sdist.plan import find_unfilled
from wheelfix.wheel.metadata import parse_filename


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
    traits, wanted = TRAITS[options.dialect], rules
    if traits.complete:
        wanted, more = settle_kinds(ordered, rules, options.scan.index.attributes)
        findings = (*findings, *more)
    choices, lacks = find_sources(ordered, wanted, runtime, as_nix=traits.locked, offers=request.offers)
    replaced = [choice.package.name for choice in choices if choice.kind is ChoiceKind.NIXPKGS]
    find_build = make_finder(options.scan.index, name_packages(runtime.python), replaced)
    choices = tuple(_name_build(choice, rules, find_build) for choice in choices)
    selection = Selection(
        selected=selected, packages=packages, choices=choices, lacks=lacks, findings=findings
    )
    if selection.replaced and not (traits.replaces or traits.complete):
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


def _name_build(choice: Choice, rules: Sequence[ProviderRule], find_build: FindBuild) -> Choice:
    """Name nixpkgs' build where the rule leaves the attribute open, and nixpkgs has it under another name."""
    if choice.kind is not ChoiceKind.NIXPKGS or find_rule(choice.package.name, rules)[1]:
        return choice
    build = find_build(choice.package.name)
    return replace(choice, attr=build.attr) if build else choice


def find_dependencies(request: LockRequest, selection: Selection) -> Mapping[str, Dependencies]:
    """Return the dependencies of packages that nixpkgs' builds replace, by name; if the lock has edges."""
    if not selection.replaced:
        return {}
    known = {
        package.name: _make_distribution(package, request.runtime, selection)
        for package in selection.packages
    }
    others, evidence = tuple(known.values()), request.lock.name
    names = [choice.package.name for choice in selection.replaced]
    return {name: Dependencies(package=known[name], others=others, evidence=evidence) for name in names}


def _make_distribution(package: LockedPackage, runtime: Runtime, selection: Selection) -> Distribution:
    """Make a distribution of a package's entry, with the tags of the wheel that is chosen."""
    made = make_distribution(package, runtime)
    choice = next((c for c in selection.choices if c.package is package), None)
    parsed = parse_filename(choice.file.filename) if choice and choice.file else None
    return replace(made, tags=parsed[2]) if parsed else made


def plan_lock_adapters(
    request: LockRequest,
    selection: Selection,
    dependencies: Mapping[str, Dependencies],
    scans: Mapping[str, WheelScan],
    options: LockOptions,
) -> AdapterPlan:
    """Replace packages by nixpkgs' builds, and what is bound to them.

    Args:
        request: the lock, with the rules and the target.
        selection: with the packages that the user wants from nixpkgs.
        dependencies: of these packages, by name.
        scans: of the wheels that were read, by name; of the others metadata alone is known.
        options: further options.
    """
    if not selection.replaced:
        return AdapterPlan()
    packages = {one.name: one for known in dependencies.values() for one in (*known.others, known.package)}
    chosen = {
        choice.package.name: choose_build(
            choice.attr, choice.package.name, request.runtime.python, options.scan.index
        )
        for choice in selection.replaced
    }
    environment = Environment(
        packages=packages,
        needs={name: scan.needs for name, scan in scans.items()},
        evidence=request.lock.name,
        fixed=frozenset(n for n in packages if any(r.pattern == n for r in request.rules)),
    )
    find_build = make_finder(options.scan.index, name_packages(request.runtime.python), packages)
    builds = {name: build for name, (build, _, _) in chosen.items()}
    plan = plan_adapters(builds, environment, find_build, wishes=options.wishes)
    told = [finding for _, _, findings in chosen.values() for finding in findings]
    return replace(plan, findings=(*told, *plan.findings))


def replace_bound(selection: Selection, plan: AdapterPlan) -> Selection:
    """Take packages from nixpkgs that are bound to others from there."""
    attrs = {adapter.name: adapter.attr for adapter in plan.adapters if adapter.reason}
    choices = (
        replace(c, kind=ChoiceKind.NIXPKGS, attr=attrs[c.package.name], file=None, rival=None)
        if c.package.name in attrs
        else c
        for c in selection.choices
    )
    return replace(selection, choices=tuple(choices))


def drop_removed_packages(
    request: LockRequest, selection: Selection, plan: AdapterPlan, options: LockOptions
) -> Selection:
    """Leave out packages that adapters remove; these need no source.

    Raises:
        InputError: a remaining package has no source.
    """
    if adapters := plan.adapters:
        without = {a.name: [judged.name for judged in a.strip.stripped] for a in adapters}
        more = {a.name: a.strip.added for a in adapters}
        selected = select_packages(request.lock, request.runtime, options.asked, without=without, more=more)
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
    adapters: AdapterPlan,
    found: LockReadings,
    rust: Mapping[str, CargoPlan],
    options: LockOptions,
    beside: Sequence[Reading] = (),
) -> LockPlan:
    """Assemble the plan of an overlay.

    Args:
        request: the lock, with the rules and the target.
        selection: without packages that adapters remove.
        adapters: packages that nixpkgs' builds replace, and findings about them.
        found: readings of wheels, and source distributions.
        rust: plans of source distributions built with cargo, by name.
        options: further options.
        beside: readings of packages that conda provides, by their names in the lock.

    Raises:
        IndexProblem: the index is damaged.
    """
    choices, chosen = selection.choices, {choice.package.name for choice in selection.choices}
    # What is installed together is at hand of each other, whichever tool brings it.
    together = scan_readings((*found.wheels, *found.conda, *beside), options.scan)
    together = together[: len(together) - len(beside)]  # what conda provides is concluded in its prefix
    scans, conda_scans = together[: len(found.wheels)], together[len(found.wheels) :]
    conda = add_digests(request.lock.conda, found.conda)
    collisions = find_collisions(found.wheels)
    traits = TRAITS[options.dialect]
    complete = traits.complete
    builds = _plan_builds(request, choices, found, rust)
    left = {j.name for a in adapters.adapters for j in (*a.strip.stripped, *a.strip.leaving)}
    overrides = _plan_overrides(request, choices, found, scans, collisions, left, options)
    packages: tuple[SourcePackage, ...] = ()
    if complete:
        attributes = options.scan.index.attributes
        packages = plan_packages(request, choices, found, rust, attributes)
        overrides, packages = settle_dependencies(overrides, packages, found.wheels)
    r = add_r_packages(
        request.r_packages,
        overrides,
        _plan_built(found.sources, options),
        adapters.adapters,
        possible=traits.locked and not complete,
    )
    overrides, built = r.overrides, r.built
    if traits.listed:
        outside = _plan_prefix(found, conda_scans, _name_installed(choices, found))
        overrides = tuple(sorted((*overrides, *outside), key=lambda override: override.name))
        overrides = _drop_inner(overrides, together, {one.distribution.name for one in found.conda})
    findings = (
        *request.findings,
        *tell_doubles(find_doubles(selection.selected)),
        *selection.findings,
        *adapters.findings,
        *tell_needs(together, {*chosen, *(one.name for one in request.lock.conda)}),
        *_tell_conda(request, found, conda_scans, options),
        *tell_collisions(collisions, request.runtime.python),
        *tell_qts(wheel.distribution for wheel in found.wheels),
        *tell_gaps(overrides),
        *tell_choices(choices, found.builds),
        *(tell_limits(choices, conda) if traits.whole else ()),
        *(tell_directories(selection.packages) if traits.whole else ()),
        *(tell_own(request.lock.name, overrides) if options.form is Form.FILE else ()),
        *tell_dependencies(overrides),
        *(tell_set(choices, packages, options.scan.index.attributes, options.form) if complete else ()),
        *(f for build in builds if build.rust for f in (*build.rust.findings, *find_unfilled(build.rust))),
        *found.findings,
        *r.findings,
        *tell_refused((*overrides, *built), scans),
        *tell_differences(options.scan.index),
        *tell_places(together, options.scan.index),
    )
    return LockPlan(
        lock=request.lock.name,
        python=request.runtime.python,
        system=request.runtime.system,
        dialect=options.dialect,
        form=options.form,
        tests=options.tests,
        packages=packages,
        named=list_named(choices, request.rules) if complete else (),
        choices=choices,
        scans=scans,
        overrides=overrides,
        adapters=tuple(a for a in sorted(adapters.adapters, key=lambda a: a.name) if a.name in chosen),
        builds=builds,
        built=() if complete else built,
        collisions=collisions,
        findings=sort_findings(set(findings)),
        conda=conda,
        conda_scans=conda_scans,
        read=found.read,
    )


def _tell_conda(
    request: LockRequest, found: LockReadings, scans: Sequence[WheelScan], options: LockOptions
) -> tuple[Finding, ...]:
    """Tell what is to be known of the packages of conda: where they are left out, that; else their own."""
    lock, traits = request.lock, TRAITS[options.dialect]
    if not lock.conda:
        return ()
    if not traits.prefix:
        count = f"{len(lock.conda)} package{'s' if len(lock.conda) > 1 else ''} of conda"
        message = f"has {count}, which {traits.label} has no place for: `--dialect conda` makes them"
        return (Finding(level=Level.NOTE, subject=lock.name, message=message),)
    told = tell_prefix(lock.conda, found.conda, python=find_prefix_python(lock, request.runtime))
    return told if traits.listed else (*told, *tell_outside(scans))


def _plan_overrides(
    request: LockRequest,
    choices: Sequence[Choice],
    found: LockReadings,
    scans: Sequence[WheelScan],
    collisions: Sequence[Collision],
    left: Collection[str],
    options: LockOptions,
) -> tuple[Override, ...]:
    others: tuple[Distribution, ...] = ()
    if options.cuda is not Cuda.WHEELS:  # with wheels, no dependency is judged
        others = tuple(reading.distribution for reading in found.wheels)
        if request.lock.roots is not None:
            others = tuple(make_distribution(choice.package, request.runtime) for choice in choices)
    names = _name_installed(choices, found)
    overrides = [
        plan_override(
            reading,
            scan,
            options.cuda,
            dependencies=Dependencies(package=reading.distribution, others=others),
            wishes=options.wishes,
            environment=names,
            left=left,
            python=request.runtime.python,
        )
        for reading, scan in zip(found.wheels, scans, strict=True)
    ]
    if TRAITS[options.dialect].complete:
        packages = options.scan.index.attributes
        beside = name_members(request, choices, found, packages)
        urls = {choice.package.name: find_address(choice) for choice in choices}
        prepare_shadowed(overrides, packages)
        overrides = [
            replace(one, details=describe_package(reading, one, packages, beside, url=urls[one.name]))
            for one, reading in zip(overrides, found.wheels, strict=True)
        ]
    unbroken = break_circles(overrides, {scan.name: scan.needs for scan in scans})
    sources = {choice.package.name: _find_source(choice) for choice in choices}
    return tuple(
        replace(one, removed=find_removed(collisions, one.name), source=sources.get(one.name))
        for one in unbroken
    )


def _name_installed(choices: Iterable[Choice], found: LockReadings) -> frozenset[str]:
    """Return the names of all that is in the environment."""
    conda = (reading.distribution.name for reading in found.conda)
    return frozenset((*(choice.package.name for choice in choices), *conda))


def _plan_prefix(
    found: LockReadings, scans: Sequence[WheelScan], names: Collection[str]
) -> tuple[Override, ...]:
    """Plan what packages of conda want from outside of their prefix."""
    return tuple(
        plan_override(reading, scan, Cuda.WHEELS, environment=names)
        for reading, scan in zip(found.conda, scans, strict=True)
    )


def _drop_inner(
    overrides: Iterable[Override], scans: Sequence[WheelScan], conda: Collection[str]
) -> tuple[Override, ...]:
    """Drop remarks about libraries that packages of conda bring: in the prefix, these are found."""
    inner = {
        scan.target: {need.soname for need in scan.needs if need.distribution in conda} for scan in scans
    }
    dropped = (
        replace(one, ignored=tuple(i for i in one.ignored if i.soname not in inner.get(one.target, ())))
        for one in overrides
    )
    return tuple(one for one in dropped if one.target.endswith(".whl") or _wants(one))


def _wants(override: Override) -> bool:
    """Whether anything is to be said of a package of conda."""
    one = override
    return bool(one.written or one.ignored or one.driver or one.shim or one.hints)


def _plan_built(sources: Sequence[Reading], options: LockOptions) -> tuple[Override, ...]:
    """Plan what packages that are built from source open by name; what their builds need is not known."""
    scans = scan_readings(sources, options.scan)
    planned = (
        plan_override(reading, scan, Cuda.WHEELS) for reading, scan in zip(sources, scans, strict=True)
    )
    return tuple(override for override in planned if override.shim or override.hints)


def _find_source(choice: Choice) -> WheelSource | None:
    """Return the wheel that has to be put in the place of the one that the package set takes by itself."""
    file = choice.file
    if not choice.passed_over or not file or not file.url or not file.sha256:
        return None
    return WheelSource(
        url=file.url,
        filename=file.filename,
        sha256=bytes.fromhex(file.sha256),
        passed_over=choice.passed_over,
    )


def _name_source(choice: Choice, found: LockReadings) -> str:
    """Return the file name of a source distribution, or what else a package is built from."""
    if choice.file:
        return choice.file.filename
    fetched = found.sdists.get(choice.package.name)
    return fetched.name if fetched else choice.package.source.value


def _plan_builds(
    request: LockRequest, choices: Sequence[Choice], found: LockReadings, rust: Mapping[str, CargoPlan]
) -> tuple[SourceBuild, ...]:
    builds = []
    for choice in choices:
        if choice.kind is not ChoiceKind.SDIST:
            continue
        package, system = choice.package, found.builds.get(choice.package.name)
        kinds, _ = find_rule(package.name, request.rules)
        tools, libraries = list_build_inputs(package.name)
        builds.append(
            SourceBuild(
                name=package.name,
                version=package.version or "",
                target=_name_source(choice, found),
                requires=system.requires if system else (),
                tools=tools,
                libraries=libraries,
                backend=system.backend if system else "",
                cargo=bool(system and system.cargo),
                rust=rust.get(package.name),
                asked=kinds[:1] == (ChoiceKind.SDIST,),
            )
        )
    return tuple(builds)
