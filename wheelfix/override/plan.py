"""Plans overrides from scans: inputs, ignore list, search paths, each with its reason.

Three strategies for CUDA. ``prebuilt``: nixpkgs' build replaces the wheel, whose needs do not matter then.
``nixpkgs``: the wheel is kept and linked to ``cudaPackages``; the CUDA wheels are removed. ``wheels``:
everything is kept, and the wheel is linked to the libraries in the other wheels.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from wheelfix.errors import strip_login
from wheelfix.index.variables import find_variables
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass, OfInterpreter
from wheelfix.model.hook import Missed, MissReason
from wheelfix.model.index import Provider, find_permissions
from wheelfix.model.override import (
    Adapter,
    AdapterPlan,
    Cuda,
    Dialect,
    Ignored,
    Input,
    NixpkgsBuild,
    Override,
    PackageDetails,
    Search,
    StripPlan,
    VersionGap,
)
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Held, Level, Need, Opening, WheelScan, find_warnings
from wheelfix.model.variables import Variable
from wheelfix.model.wheel import Requirement
from wheelfix.override.bound import Environment, plan_adapters
from wheelfix.override.builds import FindBuild, find_no_build
from wheelfix.override.carries import find_carries
from wheelfix.override.dialects import TRAITS, refuse_doubles, split_named, tell_unnamed
from wheelfix.override.openings import OpenedPlan, add_variables, plan_openings
from wheelfix.override.python_set import (
    PythonSet,
    cut_circles,
    find_dependencies,
    find_present,
    find_shadowed,
    name_beside,
    prepare_shadowed,
    tell_dependencies,
    tell_present,
)
from wheelfix.override.strip import (
    NO_WISHES,
    TABLE,
    Dependencies,
    Wishes,
    check_wishes,
    list_names,
    plan_strip,
)
from wheelfix.override.versions import find_gaps, say_gap, tell_gaps
from wheelfix.scan.findings import say_lost_sets, tell_permissions
from wheelfix.scan.modules import find_public
from wheelfix.scan.openings import find_answer, group_by_name
from wheelfix.scan.sentences import name_some, say_cause, say_missed, say_variable
from wheelfix.scan.siblings import expand_required
from wheelfix.scan.target import TargetKind
from wheelfix.wheel.metadata import find_pythons, parse_wanted

if TYPE_CHECKING:
    from wheelfix.scan.scan import TargetScan, TargetScans

_NAMED = 2
_NVIDIA = re.compile(r"nvidia-[a-z0-9-]+|[a-z0-9-]+-cu\d\d")
"""Names of the wheels that carry CUDA's libraries."""
_HINTS = 12
_OLDEST_MINOR = 10
"""Of the oldest Python 3 that a nixpkgs of today, or of two years ago, has."""
_BYTECODE = (".class", ".jar")
_NOTHING: Mapping[str, str] = {}


class OverridePlan(Struct):
    """Overrides of some wheels, independent of the dialect.

    Attributes:
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        scans: of everything that the overrides and adapters are for.
        overrides: packages that stay wheels, in the order in which they were named.
        adapters: packages that nixpkgs' builds replace, in the same order.
        findings: what the user should know.
        answered: whether everything has an answer, and nothing was left out.
    """

    dialect: Dialect
    cuda: Cuda
    scans: tuple[WheelScan, ...]
    overrides: tuple[Override, ...]
    adapters: tuple[Adapter, ...] = ()
    findings: tuple[Finding, ...] = ()
    answered: bool = True


def plan_overrides(
    read: TargetScans,
    dialect: Dialect,
    cuda: Cuda,
    *,
    find_build: FindBuild = find_no_build,
    packages: PythonSet | None = None,
    wishes: Wishes = NO_WISHES,
    evidence: str = "",
) -> OverridePlan:
    """Plan the overrides of everything that was scanned together.

    Args:
        read: the scanned parts.
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        find_build: finds nixpkgs' builds, which replace wheels for :attr:`Cuda.PREBUILT`.
        packages: the Python packages of nixpkgs, which complete packages require; None takes all for there.
        wishes: which dependencies to keep and to strip.
        evidence: source of the metadata of distributions beside the targets; empty without any.

    Raises:
        InputError: nothing is possible in the dialect, a wish matches nothing, or there are several wheels of
            one package.
    """
    named, left = split_named(read.parts, dialect)
    lacking = set[str]()
    if cuda is Cuda.PREBUILT and find_build is not find_no_build:
        lacking = {part.scan.name for part in named if find_build(part.scan.name) is None}
    overrides = [
        plan_override(
            part.reading,
            part.scan,
            Cuda.WHEELS if part.scan.name in lacking else cuda,
            dependencies=Dependencies(
                package=part.reading.distribution, others=read.beside, evidence=evidence or TABLE
            ),
            wishes=wishes,
        )
        for part in named
    ]
    if TRAITS[dialect].complete:
        beside = name_beside([part.reading.distribution for part in named], packages)
        prepare_shadowed(overrides, packages)
        overrides = [
            replace(one, details=describe_package(part.reading, one, packages, beside, url=_find_url(part)))
            for one, part in zip(overrides, named, strict=True)
        ]
        overrides = cut_circles(overrides)
    check_wishes(wishes, list_names([*(part.reading.distribution for part in read.parts), *read.beside]))
    scans = [part.scan for part in named]
    refuse_doubles(scans, dialect)
    adapters = _plan_adapters(read, overrides, find_build, wishes, evidence or TABLE)
    replaced = {adapter.name for adapter in adapters.adapters}
    kept = tuple(one for one in overrides if one.name not in replaced)
    return OverridePlan(
        dialect=dialect,
        cuda=cuda,
        scans=tuple(scans),
        overrides=kept,
        adapters=adapters.adapters,
        findings=(
            *read.findings,
            *tell_unnamed(left),
            *adapters.findings,
            *_tell_lacking(named, lacking),
            *tell_gaps(overrides),
            *tell_present(overrides),
            *tell_dependencies(overrides),
            *find_warnings(scans),
            *tell_refused(kept, scans),
        ),
        answered=not left and all(scan.answered for scan in scans),
    )


def _tell_lacking(named: Sequence[TargetScan], lacking: Collection[str]) -> Iterable[Finding]:
    """Tell of packages with CUDA dependencies that nixpkgs has no build of; others stay wheels anyway."""
    for part in named:
        if part.scan.name in lacking and any(
            find_carries(r.name).cuda for r in part.reading.distribution.requires if r.active or r.under
        ):
            message = "stays a wheel, with the CUDA of wheels: nixpkgs is not known to have a build of it"
            subject = f"{part.scan.name} {part.scan.version}"
            yield Finding(level=Level.WARNING, subject=subject, message=message)


def _plan_adapters(
    read: TargetScans, overrides: Sequence[Override], find_build: FindBuild, wishes: Wishes, evidence: str
) -> AdapterPlan:
    names = [one.name for one in overrides if one.cuda is Cuda.PREBUILT]
    if not names:
        return AdapterPlan()
    parts = {part.scan.name: part for part in read.parts}
    environment = Environment(
        packages={one.name: one for one in (*read.beside, *(p.reading.distribution for p in read.parts))},
        needs={name: part.scan.needs for name, part in parts.items()},
        evidence=evidence,
    )
    builds = {name: find_build(name) or NixpkgsBuild(attr=("python3Packages", name)) for name in names}
    return plan_adapters(builds, environment, find_build, wishes=wishes)


def plan_override(
    reading: Reading,
    scan: WheelScan,
    cuda: Cuda,
    *,
    dependencies: Dependencies | None = None,
    wishes: Wishes = NO_WISHES,
    environment: Collection[str] | None = None,
    left: Collection[str] = (),
    python: str = "",
) -> Override:
    """Plan a wheel's override.

    Args:
        reading: its reading.
        scan: its scan.
        cuda: where CUDA libraries come from; a wheel without redundant dependencies is not replaced by
            nixpkgs' build, and is kept as with :attr:`Cuda.WHEELS`.
        dependencies: its dependencies' metadata; None uses the table.
        wishes: which of them to keep and to strip.
        environment: names of all distributions in the environment; None if unknown.
        left: names of those that have left it with what nixpkgs' builds replace.
        python: version of the package set's interpreter; empty if only the wheel's tags tell.
    """
    strip = StripPlan()
    if cuda is not Cuda.WHEELS:
        known = dependencies or Dependencies(package=reading.distribution)
        strip = plan_strip(known, needs=scan.needs, wishes=wishes, replaced=cuda is Cuda.PREBUILT)
    if cuda is Cuda.PREBUILT and not strip.stripped:
        cuda = Cuda.WHEELS
    needs = [n for n in scan.used if n.machine == scan.machine] if cuda is not Cuda.PREBUILT else []
    required = {r.name: r for r in reading.distribution.requires if r.active}
    gone = {j.name for j in (*strip.stripped, *strip.leaving)}
    found = _Collector(
        scan, cuda=cuda, required=required, gone=gone, environment=environment, left=left, python=python
    )
    missed = {one.soname: one for one in scan.missed}
    for need in needs:
        found.add(need, missed.get(need.soname))
    for need in scan.needs:
        if not need.is_used and need.machine == scan.machine and need.soname in missed:
            found.pass_over(need, missed[need.soname])
    opened = OpenedPlan()
    if cuda is not Cuda.PREBUILT:
        replaced = gone if cuda is Cuda.NIXPKGS else ()
        opened = plan_openings(
            scan.openings,
            reading.distribution.files,
            needs=scan.used,
            attributes=scan.attributes,
            replaced=replaced,
        )
    baseline = frozenset(scan.baseline_inputs)
    linked = {one.soname for one in found.ignored}
    noted = [one for one in opened.ignored if one.soname not in linked]
    inputs = {one.attr: one for one in (*opened.inputs, *found.list_inputs(baseline))}
    driver = {n.soname for n in needs if n.need_class is NeedClass.DRIVER}.union(opened.driver)
    variables = find_variables(scan.name) if cuda is not Cuda.PREBUILT else ()
    gaps: tuple[VersionGap, ...] = ()
    if cuda is Cuda.NIXPKGS:
        others = dependencies.others if dependencies else ()
        versions = {other.name: other.version for other in others if other.version}
        gaps = find_gaps((n for n in needs if _is_cuda(n)), reading.distribution, versions)
    return Override(
        name=scan.name,
        version=scan.version,
        target=scan.target,
        tags=scan.tags,
        cuda=cuda,
        inputs=tuple(inputs[attr] for attr in sorted(inputs)),
        ignored=tuple(sorted({*found.ignored, *noted}, key=lambda i: (i.reason, i.soname))),
        searches=tuple(found.list_searches()),
        driver=tuple(sorted(driver)),
        runpaths=opened.runpaths,
        substitutions=opened.substitutions,
        shim=add_variables(opened.shim, variables, reading.distribution.files),
        variables=variables,
        strip=strip if gone else None,
        hints=(
            *(f"Warning: it {said}." for said in say_lost_sets(scan.name, needs, scan.machine)),
            *(f"Warning: it {say_gap(gap)}, which is older." for gap in gaps if gap.older),
            *find_hints(needs, opened.rest),
            *_say_variables(variables),
        ),
        gaps=gaps,
        interpreter=_explain(found.interpreter) if found.interpreter else "",
        lost_openings=scan.lost_openings if needs else (),
    )


def tell_refused(overrides: Sequence[Override], scans: Sequence[WheelScan]) -> tuple[Finding, ...]:
    """Report attributes in the code that nixpkgs refuses without a permission, and that no scan reports."""
    told = {attr for scan in scans for attr in scan.build_inputs}
    attributes = {attr: said for scan in scans for attr, said in scan.attributes.items()}
    written = {one.attr for override in overrides for one in override.written}
    return tell_permissions(written - told, attributes)


def _find_url(part: TargetScan) -> str:
    """Find where a wheel was fetched from; empty for a package index, whose addresses nixpkgs knows."""
    wanted = parse_wanted(part.target.text) if part.target.kind is TargetKind.REQUIREMENT else None
    url = part.target.text if part.target.kind is TargetKind.URL else wanted.url if wanted else None
    return strip_login(url or "").partition("#")[0]


def describe_package(
    reading: Reading,
    override: Override,
    packages: PythonSet | None = None,
    beside: Mapping[str, str] = _NOTHING,
    *,
    url: str = "",
) -> PackageDetails:
    """Make the details of a complete package of nixpkgs.

    Args:
        reading: of the wheel, with its digest.
        override: what it needs.
        packages: the Python packages of nixpkgs; None takes all that are required for there.
        beside: packages of the same file: attributes by names of distributions.
        url: where the wheel was fetched from, if not from a package index.
    """
    wheel, about = reading.distribution, reading.about
    siblings = {one.distribution for one in override.searches if one.distribution}
    attrs = [one.attr for one in override.written]
    attrs += [one.attr for one in override.searches if one.attr]
    inputs = {attr.partition(".")[0] for attr in attrs}
    provenance = ["binaryNativeCode"] * bool(reading.objects or reading.foreign)
    provenance += ["binaryBytecode"] * any(file.endswith(_BYTECODE) for file in wheel.files)
    return PackageDetails(
        filename=wheel.target,
        sha256=bytes.fromhex(about.sha256 or ""),
        attr=beside.get(wheel.name, wheel.name),
        url=url,
        summary=about.summary,
        homepage=about.homepage,
        changelog=about.changelog,
        spdx=about.spdx,
        license=about.license,
        present=find_present(wheel.name, packages),
        pythons=find_pythons(about.requires_python),
        dependencies=find_dependencies(wheel, siblings, packages, beside),
        imports=tuple(find_public(wheel.files, wheel.name)),
        patched=bool(reading.objects),
        provenance=tuple(provenance),
        shadowed=find_shadowed(inputs, packages) | inputs.intersection(beside.values()),
    )


class _Wanted(Struct, kw_only=False):
    """A place that some needs come from: an attribute, or a directory of a distribution."""

    attr: str
    need: Need
    instead: str = ""


class _Collector:
    """Collects the inputs, searches and ignored sonames of an override, need by need."""

    def __init__(
        self,
        scan: WheelScan,
        *,
        cuda: Cuda,
        required: Mapping[str, Requirement],
        gone: set[str],
        environment: Collection[str] | None,
        left: Collection[str],
        python: str,
    ) -> None:
        self._cuda, self._required, self._gone = cuda, required, gone
        self._environment, self._left, self._python = environment, left, python
        self._attributes = scan.attributes
        self.wanted: list[_Wanted] = []
        self.ignored: list[Ignored] = []
        self.interpreter: list[Need] = []
        self.searches: dict[tuple[str, str, str], list[Need]] = {}

    def add(self, need: Need, missed: Missed | None) -> None:
        if isinstance(need.cause, OfInterpreter):
            missed = self._check_interpreter(need, need.cause, missed)
        if missed:
            self._ignore(need, say_missed(missed))
            return
        match need.need_class:
            case NeedClass.PROVIDED:
                self._add_provider(need, need.providers[0])
            case NeedClass.SIBLING:
                self._add_sibling(need)
            case NeedClass.UNKNOWN | NeedClass.AMBIGUOUS:
                self._ignore(need, say_cause(need.cause), lost=True)
            case _:
                pass

    def pass_over(self, need: Need, missed: Missed) -> None:
        """Ignore a need that is not used."""
        self._ignore(need, say_missed(missed))

    def _check_interpreter(self, need: Need, cause: OfInterpreter, missed: Missed | None) -> Missed | None:
        """Add the set's Python where it may have the library, and return what has to be ignored then."""
        if self._python and cause.version:
            major = self._python.partition(".")[0]
            other = Missed(soname=need.soname, reason=MissReason.OTHER_PYTHON, python=cause.version)
            missed = None if cause.version in {self._python, major} else other
        some = missed is not None and missed.reason is MissReason.SOME_PYTHON
        if missed is None or (some and _is_in_nixpkgs(cause.version)):
            self.interpreter.append(need)
        return missed

    def list_inputs(self, baseline: frozenset[str]) -> Iterable[Input]:
        """One per attribute, sorted."""
        for attr in sorted({w.attr for w in self.wanted}):
            mine = [w for w in self.wanted if w.attr == attr]
            instead = name_some(sorted({w.instead for w in mine} - {""}), _NAMED)
            reason = _explain(w.need for w in mine) + (f"; in place of {instead}" if instead else "")
            permissions = find_permissions(attr, self._attributes)
            yield Input(attr=attr, reason=reason, baseline=attr in baseline, permissions=permissions)

    def list_searches(self) -> Iterable[Search]:
        """One per directory, sorted."""
        for (distribution, attr, directory), needs in sorted(self.searches.items()):
            yield Search(
                distribution=distribution or None,
                attr=attr or None,
                directory=directory,
                reason=_explain(needs),
                certain=bool(attr) or distribution in (self._environment or ()),
            )

    def _add_provider(self, need: Need, provider: Provider, instead: str = "") -> None:
        self.wanted.append(_Wanted(provider.attr, need, instead))
        directory = posixpath.dirname(provider.path).strip("/")
        if directory not in {"lib", "lib64"}:
            self.searches.setdefault(("", provider.attr, directory), []).append(need)

    def _add_sibling(self, need: Need) -> None:
        name = need.distribution or ""
        is_cuda = _is_cuda(need)
        absent = self._environment is not None and name not in self._environment
        if is_cuda and (self._cuda is Cuda.NIXPKGS or (absent and name in self._left)):
            self._add_provider(need, need.providers[0], instead=name)
        elif absent:
            self._ignore(need, f"{name} brings it, which is not in this environment", lost=True)
        elif need.directory and (name in self._required or is_cuda or _NVIDIA.fullmatch(name)):
            # A wheel of CUDA links nothing of this wheel, so that it is an input and no cycle, also where
            # it is not required; but then the set may be without it.
            self.searches.setdefault((name, "", need.directory), []).append(need)
            if self._environment is None and name not in expand_required(self._required):
                self._ignore(need, f"{name} brings it, if that is in the environment", lost=True)
        elif name in self._required:
            self._ignore(need, f"{name} brings it, in a place that is not known")
        else:
            self._ignore(
                need,
                f"{name} brings it, found where both are in one environment; this wheel does not require it, "
                "so that an input could be a cycle",
            )

    def _ignore(self, need: Need, reason: str, *, lost: bool = False) -> None:
        said = f"{reason}; does not load without: {_name_users([need])}" if lost else reason
        # auto-patchelf compares the entries with the last part of a name that is a path.
        self.ignored.append(Ignored(soname=posixpath.basename(need.soname), reason=said))


def _is_in_nixpkgs(version: str) -> bool:
    """Tell whether nixpkgs may have a version of Python: ``3`` for any, ``3.12``, ``3.14t``."""
    major, _, minor = version.rstrip("t").partition(".")
    return major == "3" and (not minor or int(minor) >= _OLDEST_MINOR)


def _is_cuda(need: Need) -> bool:
    return bool(need.providers) and need.providers[0].attr.startswith("cudaPackages")


def _explain(needs: Iterable[Need]) -> str:
    found = sorted(needs, key=lambda n: n.soname)
    return f"{', '.join(n.soname for n in found)} for {_name_users(found)}"


def _name_users(needs: Sequence[Need]) -> str:
    return name_some(sorted({path for need in needs for path in need.wanted_by}), _NAMED)


def find_hints(needs: Iterable[Need], openings: Iterable[Opening]) -> Iterable[str]:
    """Say what is left to the user: ambiguous needs, and openings that have no code."""
    for need in needs:
        if need.need_class is NeedClass.AMBIGUOUS:
            yield f"{need.soname}: {say_cause(need.cause)}."
    grouped = group_by_name(openings)
    refused, other, brought, unknown = {}, {}, [], []
    for name, several in grouped.items():
        first = find_answer(several, name) or several[0]
        if first.need_class is NeedClass.SIBLING and first.answered == name:
            brought.append(f"{name} ({first.distribution})")
        elif first.held is Held.REFUSED:
            refused[name] = first
        elif first.held is Held.OTHER_GPU or first.need_class is NeedClass.AMBIGUOUS:
            other[name] = first
        elif first.need_class is NeedClass.UNKNOWN and first.call and not first.optional:
            unknown.append(f"{name} ({first.file}, line {first.line})")
    if brought:
        yield f"Opened by name, brought by other wheels: {', '.join(brought)}."
    if unknown:
        yield f"Opened by name, and in no package of the index: {name_some(unknown, _HINTS)}."
    if refused:
        permissions = sorted({one for opening in refused.values() for one in opening.permissions})
        yield (
            "Opened by name, if at all, and left out because nixpkgs refuses them without "
            f"{' and '.join(permissions)}: {name_some(list(_list_answers(refused)), _HINTS)}. "
            "`--prefer ATTR` writes one."
        )
    if other:
        yield (
            "Opened by name, where several would do, or for another GPU: "
            f"{name_some(list(_list_answers(other)), _HINTS)}. `--prefer ATTR` writes one."
        )


def _say_variables(variables: Iterable[Variable]) -> Iterable[str]:
    """Say which variables matter where the program runs, as no build can set them."""
    for one in variables:
        if not one.for_library and not one.is_setting:
            yield f"Where the program runs: {say_variable(one)}."


def _list_answers(openings: Mapping[str, Opening]) -> Iterable[str]:
    by_attr: dict[str, list[str]] = {}
    for name, opening in openings.items():
        by_attr.setdefault(opening.providers[0].attr, []).append(name)
    return (f"pkgs.{attr} ({', '.join(names)})" for attr, names in sorted(by_attr.items()))
