"""Nix code: read, resolve, plan, render."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.flows.scan import ScanOptions, fetch_target, is_fetched
from wheelfix.index.distributions import find_carries
from wheelfix.index.interpreter import find_default_python
from wheelfix.index.sources import find_cache
from wheelfix.index.table import SonameTable
from wheelfix.model.override import Adapter, Cuda, Dialect, FlakeConfig, Override, Source
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, WheelScan, find_warnings
from wheelfix.model.strip import StripPlan
from wheelfix.model.wheel import Distribution
from wheelfix.nix.adapter import render_adapter
from wheelfix.nix.flake import render_flake
from wheelfix.nix.overlay import render_overlay
from wheelfix.nix.package import render_packages
from wheelfix.nix.shell import render_mach_nix, render_shell
from wheelfix.outside.configuration import PackageSources
from wheelfix.resolve.prebuilt import check_flake, check_name, check_prebuilt, find_python, parse_attr
from wheelfix.resolve.strategy import plan_override
from wheelfix.resolve.strip import Wishes, check_wishes, plan_strip, say_import
from wheelfix.scan.closure import find_closure
from wheelfix.scan.conclude import conclude
from wheelfix.scan.read import Progress, read_distributions, read_wheel
from wheelfix.wheel.about import find_imports, make_source
from wheelfix.wheel.environment import find_wheels
from wheelfix.wheel.metadata import normalize_glob, normalize_name, parse_wanted

_SETS = frozenset({Dialect.UV2NIX, Dialect.PYPROJECT_NIX})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the commands that write Nix code have in common.

    Attributes:
        index: where attributes are looked up.
        prefer: attributes that win where several provide a library, strongest first.
        beside: directory of wheels, or environment, with the dependencies; None knows them by the table.
        wishes: which dependencies to keep and to strip.
        python: version of CPython a requirement is resolved for; None if the user named none.
        system: Nix system a requirement is resolved for.
        sources: where distributions are fetched from; None takes what is configured.
    """

    index: SonameTable
    prefer: tuple[str, ...] = ()
    beside: Path | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
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
        target: a wheel, or a requirement with a version, of which only metadata is fetched.
        attr: the build's attribute (``python3Packages.torchWithoutCuda``).
        options: the rest.
        standalone: a complete file instead of the overlay alone.

    Raises:
        InputError: the target cannot be read or fetched, or the build is for another Python.
    """
    path = parse_attr(attr)
    scans: list[WheelScan] = []
    others: Sequence[Distribution]
    if _is_requirement(target):
        wheel, *others = _fetch_closure(target, options)
        plan = plan_dependencies(wheel, others, options, evidence="the package index")
    else:
        ((reading, place), *_) = _read_wheels([target], options)
        wheel = reading.distribution
        scan = conclude(reading, options.index, options.prefer)
        scans.append(scan)
        others = _read_beside(options)
        plan = plan_dependencies(wheel, others, options, wheel_path=place, scan=scan)
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
        targets: wheels, directories of wheels, or requirements, which are fetched.
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        options: the rest.

    Raises:
        InputError: a target cannot be read, there are several wheels of one package, or the dialect has no
            such thing.
    """
    if cuda is Cuda.PREBUILT and dialect not in _SETS:
        raise InputError(
            f"--cuda {cuda}", f"is for uv2nix and pyproject-nix, not for {dialect}", "use nixpkgs or wheels"
        )
    overrides: list[Override] = []
    adapters: list[Adapter] = []
    scans: list[WheelScan] = []
    read: list[Distribution] = []
    for reading, path in _read_wheels(targets, options):
        read.append(reading.distribution)
        scan = conclude(reading, options.index, options.prefer)
        scans.append(scan)
        source = make_source(reading) if dialect is Dialect.NIXPKGS else None
        override, plan = plan_reading(reading, scan, cuda, options, path=path, source=source)
        if cuda is Cuda.PREBUILT and plan.stripped:
            adapters.append(_adapt(reading.distribution, plan))
        else:
            overrides.append(override)
    if options.wishes != Wishes():
        check_wishes(options.wishes, _list_dependencies([*read, *_read_beside(options)]))
    if dialect is not Dialect.SHELL:
        for name, several in find_doubles(scans).items():
            hint = "name one of them: a package set has one build of each package"
            raise InputError(name, f"is there in several wheels: {', '.join(several)}", hint)
    return Written(
        text=render_overrides(overrides, adapters, dialect),
        findings=find_warnings(scans),
        answered=all(scan.answered for scan in scans),
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


def render_overrides(overrides: Sequence[Override], adapters: Sequence[Adapter], dialect: Dialect) -> str:
    """Write what was planned, in a dialect."""
    match dialect:
        case Dialect.NIXPKGS:
            return render_packages(overrides)
        case Dialect.SHELL:
            return render_shell(overrides)
        case Dialect.MACH_NIX:
            return render_mach_nix(overrides)
        case _:
            return render_overlay(overrides, adapters, dialect)


def plan_reading(
    reading: Reading,
    scan: WheelScan,
    cuda: Cuda,
    options: Options,
    *,
    path: Path | None = None,
    source: Source | None = None,
    others: Iterable[Distribution] | None = None,
) -> tuple[Override, StripPlan]:
    """Plan the override of a wheel that has been read.

    Args:
        reading: what was read.
        scan: what was concluded.
        cuda: where CUDA libraries come from.
        options: the rest.
        path: the wheel file, to look for imports in.
        source: for a complete package.
        others: the dependencies' metadata; None reads it from where the options say.
    """
    plan = StripPlan()
    if cuda is not Cuda.WHEELS:
        beside, prebuilt = _read_beside(options) if others is None else others, cuda is Cuda.PREBUILT
        plan = plan_dependencies(
            reading.distribution, beside, options, wheel_path=path, scan=scan, replaced=prebuilt
        )
    override = plan_override(
        scan,
        reading.distribution.requires,
        # A wheel without redundant dependencies is not one that CUDA is about.
        cuda=cuda if plan.stripped or cuda is Cuda.NIXPKGS else Cuda.WHEELS,
        strip=plan,
        source=source,
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
        evidence=evidence or (str(options.beside) if options.beside else "wheelfix's own table"),
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


def _is_requirement(target: str) -> bool:
    wanted = parse_wanted(target) if is_fetched(target) and not Path(target).exists() else None
    return wanted is not None and wanted.url is None


def _read_beside(options: Options) -> tuple[Distribution, ...]:
    return read_distributions(options.beside) if options.beside else ()


def _read_wheels(targets: Sequence[str], options: Options) -> Iterator[tuple[Reading, Path]]:
    """Read the wheels that targets stand for, each with its file."""
    for target in targets:
        path = Path(target)
        if not path.exists() and is_fetched(target):
            fetching = ScanOptions(
                python=options.chosen_python,
                system=options.system,
                sources=options.sources,
                progress=options.progress,
            )
            yield from fetch_target(target, fetching)
            continue
        wheels = find_wheels(path) if path.is_dir() else [path]
        if not wheels:
            raise InputError(target, "holds no wheels", "name wheels, or a directory of wheels")
        for wheel in wheels:
            yield read_wheel(wheel, cache=find_cache() / "facts", progress=options.progress), wheel
