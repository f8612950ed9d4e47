"""Nix code: read, resolve, plan, render."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from wheelfix.env.flake import render_flake
from wheelfix.errors import InputError
from wheelfix.index.lookup import find_default_python
from wheelfix.index.sources import find_cache
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct, field, replace
from wheelfix.model.override import Adapter, Cuda, Dialect, FlakeConfig, Override, Source, StripPlan
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level, WheelScan, find_warnings
from wheelfix.model.wheel import Distribution
from wheelfix.outside.configuration import PackageSources
from wheelfix.override.adapter import render_adapter
from wheelfix.override.carries import find_carries
from wheelfix.override.plan import plan_override
from wheelfix.override.prebuilt import check_flake, check_name, check_prebuilt, find_python, parse_attr
from wheelfix.override.render import render_overrides as render_overrides
from wheelfix.override.strip import Wishes, check_wishes, plan_strip, say_import
from wheelfix.scan.closure import find_closure
from wheelfix.scan.conclude import conclude
from wheelfix.scan.target import (
    Part,
    Progress,
    ReadOptions,
    Target,
    TargetKind,
    find_target,
    quote_target,
    read_parts,
)
from wheelfix.wheel.about import find_imports, make_source
from wheelfix.wheel.metadata import normalize_glob, normalize_name

_SETS = frozenset({Dialect.UV2NIX, Dialect.PYPROJECT_NIX})


class Options(Struct):
    """What the commands that write Nix code have in common.

    Attributes:
        index: where attributes are looked up.
        prefer: attributes that win where several provide a library, strongest first.
        beside: wheels, directories of wheels and environments that are at hand, with the dependencies;
            without any these are known by the table.
        wishes: which dependencies to keep and to strip.
        python: version of CPython a requirement is resolved for; None if the user named none.
        system: Nix system a requirement is resolved for.
        sources: where distributions are fetched from; None takes what is configured.
    """

    index: SonameTable
    prefer: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)
    python: str | None = None
    system: str = "x86_64-linux"
    quiet: bool = False
    sources: PackageSources | None = None
    progress: Progress | None = None

    @property
    def chosen_python(self) -> str:
        """The version, or the default."""
        return self.python or "3.12"

    def make_reading(self) -> ReadOptions:
        """What of this the reading of targets wants to know."""
        return ReadOptions(
            beside=self.beside,
            cache=find_cache() / "facts",
            python=self.chosen_python,
            system=self.system,
            sources=self.sources,
            progress=self.progress,
        )


class Written(Struct):
    """Generated code.

    Attributes:
        text: the file.
        findings: what the user should know.
        answered: nothing was left without an answer.
    """

    text: str
    findings: tuple[Finding, ...] = ()
    answered: bool = True


def make_wishes(keep: Iterable[str], strip: Iterable[str]) -> Wishes:
    """What the user said about dependencies, with names normalised."""
    return Wishes(keep=tuple(map(normalize_name, keep)), strip=tuple(map(normalize_glob, strip)))


def write_adapter(target: str, attr: str, options: Options, *, standalone: bool = False) -> Written:
    """Write an adapter that puts nixpkgs' build in place of a wheel.

    Args:
        target: a wheel, the address of one, or a requirement, of which only metadata is fetched.
        attr: the build's attribute (``python3Packages.torchWithoutCuda``).
        options: the rest.
        standalone: a complete file instead of the overlay alone.

    Raises:
        InputError: the target cannot be read or fetched, or the build is for another Python.
    """
    path = parse_attr(attr)
    scans: list[WheelScan] = []
    others: Sequence[Distribution]
    named = find_target(target, "adapter")
    if named.kind is TargetKind.REQUIREMENT:
        wheel, *others = _fetch_closure(target, options)
        plan = plan_dependencies(wheel, others, options, evidence="the package index")
    else:
        read = read_parts([named], options.make_reading())
        part = read.parts[0]
        wheel = part.reading.distribution
        scan = conclude(part.reading, options.index, options.prefer, part.at_hand)
        scans.append(scan)
        others = read.beside
        plan = plan_dependencies(wheel, others, options, wheel_path=part.wheel, scan=scan)
    check_wishes(options.wishes, _list_dependencies([wheel, *others]))
    default = find_default_python(options.index)
    known = options.index.has_attr(".".join(path))
    findings = (
        *check_prebuilt(path, wheel.tags, asked=options.python, default=default),
        *check_name(path, wheel.name, known=known),
    )
    adapter = Adapter(
        name=wheel.name,
        version=wheel.version,
        target=wheel.target,
        attr=path,
        python=find_python(path),
        strip=plan,
    )
    text = render_adapter(adapter, standalone=standalone)
    return Written(text=text, findings=(*findings, *find_warnings(scans)))


def find_default_cuda(dialect: Dialect) -> Cuda:
    """Where CUDA comes from if the user does not say: nixpkgs has no CUDA wheels, the other sets have."""
    return Cuda.NIXPKGS if dialect is Dialect.NIXPKGS else Cuda.WHEELS


def write_override(targets: Sequence[str], dialect: Dialect, cuda: Cuda, options: Options) -> Written:
    """Write overrides for wheels.

    Args:
        targets: wheels, directories of wheels, environments, ELF files, requirements or files of them, which
            are fetched: see :mod:`wheelfix.scan.target`. What they hold is at hand of all of them.
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        options: the rest.

    Raises:
        InputError: a target cannot be read, there are several wheels of one package, or the dialect has no
            such thing.
    """
    named = [find_target(target, "override") for target in targets]
    for target in named:
        _check_dialect(target, dialect)
    if cuda is Cuda.PREBUILT and dialect not in _SETS:
        raise InputError(
            f"--cuda {cuda}", f"is for uv2nix and pyproject-nix, not for {dialect}", "use nixpkgs or wheels"
        )
    overrides: list[Override] = []
    adapters: list[Adapter] = []
    scans: list[WheelScan] = []
    read = read_parts(named, options.make_reading())
    chosen = _choose_named(read.parts, dialect)
    left = [part for part in read.parts if part not in chosen]
    for part in chosen:
        scan = conclude(part.reading, options.index, options.prefer, part.at_hand)
        scans.append(scan)
        wheel = part.reading.distribution
        source = make_source(part.reading) if part.wheel and dialect is Dialect.NIXPKGS else None
        override, plan = plan_reading(
            part.reading, scan, cuda, options, path=part.wheel, source=source, others=read.beside
        )
        if cuda is Cuda.PREBUILT and plan.stripped:
            adapters.append(_adapt(wheel, plan))
        else:
            overrides.append(override)
    if options.wishes != Wishes():
        wheels = [part.reading.distribution for part in read.parts]
        check_wishes(options.wishes, _list_dependencies([*wheels, *read.beside]))
    if dialect is not Dialect.SHELL:
        for name, several in find_doubles(scans).items():
            hint = "name one of them: a package set has one build of each package"
            raise InputError(name, f"is there in several wheels: {', '.join(several)}", hint)
    return Written(
        text=render_overrides(overrides, adapters, dialect),
        findings=(*read.findings, *map(_say_left, left), *find_warnings(scans)),
        answered=not left and all(scan.answered for scan in scans),
    )


def _check_dialect(target: Target, dialect: Dialect) -> None:
    """Refuse what a dialect cannot be written for: packages have names, complete ones are made of wheels."""
    command = f"run `wheelfix override --dialect shell {quote_target(target.text)}`"
    if target.kind is TargetKind.ELF and dialect is not Dialect.SHELL:
        raise InputError(
            target.text, f"is an ELF file of no package, for which {dialect} has nothing", command
        )
    if target.kind is TargetKind.ENVIRONMENT and dialect is Dialect.NIXPKGS:
        problem = f"is an environment: packages for {dialect} are made of wheels"
        raise InputError(target.text, problem, command)


def _choose_named(parts: Sequence[Part], dialect: Dialect) -> tuple[Part, ...]:
    """Leave out files that belong to no distribution, for which only a shell has a place.

    Raises:
        InputError: there are no others.
    """
    named = tuple(part for part in parts if dialect is Dialect.SHELL or part.reading.distribution.name)
    if parts and not named:
        text = parts[0].target.text
        hint = f"run `wheelfix override --dialect shell {quote_target(text)}`"
        raise InputError(text, f"has ELF files of no package, for which {dialect} has nothing", hint)
    return named


def _say_left(part: Part) -> Finding:
    """Say that code for package sets leaves out files that belong to no package."""
    count = len(part.reading.objects)
    return Finding(
        level=Level.WARNING,
        subject=part.target.text,
        message=f"has {count} ELF file{'' if count == 1 else 's'} of no package, for which package sets have "
        f"no place: `wheelfix override --dialect shell {quote_target(part.target.text)}` has",
    )


def _list_dependencies(distributions: Iterable[Distribution]) -> set[str]:
    """Names of all that distributions require on any target, and of themselves."""
    several = tuple(distributions)
    return {d.name for d in several} | {r.name for d in several for r in d.requires}


def find_doubles(scans: Iterable[WheelScan]) -> dict[str, tuple[str, ...]]:
    """Distributions of which there are several wheels, with these: for other Pythons, platforms, versions."""
    targets: dict[str, set[str]] = {}
    for scan in scans:
        targets.setdefault(scan.name, set()).add(scan.target)
    return {name: tuple(sorted(several)) for name, several in sorted(targets.items()) if len(several) > 1}


def write_flake(config: FlakeConfig) -> Written:
    """Write a flake that re-exports nixpkgs with a configuration.

    Raises:
        InputError: a system, capability or combination of them is none.
    """
    check_flake(config)
    return Written(text=render_flake(config))


def plan_reading(
    reading: Reading,
    scan: WheelScan,
    cuda: Cuda,
    options: Options,
    *,
    path: Path | None = None,
    source: Source | None = None,
    others: Iterable[Distribution] = (),
    environment: Collection[str] | None = None,
) -> tuple[Override, StripPlan]:
    """Plan the override of a wheel that has been read.

    Args:
        reading: what was read.
        scan: what was concluded.
        cuda: where CUDA libraries come from.
        options: the rest.
        path: the wheel file, to look for imports in.
        source: for a complete package.
        others: the dependencies' metadata; without any they are known by the table.
        environment: names of all distributions there will be; None if that is not known.
    """
    plan = StripPlan()
    if cuda is not Cuda.WHEELS:
        prebuilt = cuda is Cuda.PREBUILT
        plan = plan_dependencies(
            reading.distribution, others, options, wheel_path=path, scan=scan, replaced=prebuilt
        )
    override = plan_override(
        scan,
        reading.distribution.requires,
        # A wheel without redundant dependencies is not one that CUDA is about.
        cuda=cuda if plan.stripped or cuda is Cuda.NIXPKGS else Cuda.WHEELS,
        strip=plan,
        source=source,
        environment=environment,
    )
    return override, plan


def _adapt(wheel: Distribution, plan: StripPlan) -> Adapter:
    attr = ("python3Packages", wheel.name)
    return Adapter(
        name=wheel.name, version=wheel.version, target=wheel.target, attr=attr, python="python3", strip=plan
    )


def plan_dependencies(
    wheel: Distribution,
    others: Iterable[Distribution],
    options: Options,
    *,
    wheel_path: Path | None = None,
    scan: WheelScan | None = None,
    replaced: bool = True,
    evidence: str = "",
) -> StripPlan:
    """Judge the dependencies of a package that is replaced, or whose libraries nixpkgs brings.

    Args:
        wheel: the package.
        others: the metadata of its dependencies and theirs.
        options: what the user wishes.
        wheel_path: the wheel file, to look for imports in.
        scan: of the wheel.
        replaced: nixpkgs' build replaces it.
        evidence: where ``others`` is from.
    """
    known = {other.name: other for other in others}
    closure = find_closure(wheel, known)
    plan = plan_strip(
        wheel,
        known,
        {name: find_carries(name) for name in closure},
        needs=scan.needs if scan else (),
        wishes=options.wishes,
        replaced=replaced,
        evidence=evidence or ", ".join(options.beside) or "wheelfix's own table",
    )
    if wheel_path is None or not plan.kept:
        return plan
    imports = find_imports(wheel_path, [kept.name for kept in plan.kept])
    return replace(plan, kept=tuple(say_import(kept, imports.get(kept.name)) for kept in plan.kept))


def _fetch_closure(target: str, options: Options) -> tuple[Distribution, ...]:
    from wheelfix.scan.requirement import fetch_closure

    return fetch_closure(
        target,
        find_cache() / "metadata",
        python=options.chosen_python,
        system=options.system,
        sources=options.sources,
    )
