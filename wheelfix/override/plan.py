"""Plans overrides from scans: inputs, ignore list, search paths, each with its reason.

Three strategies for CUDA. ``prebuilt``: nixpkgs' build replaces the wheel, whose needs do not matter then.
``nixpkgs``: the wheel is kept and linked to ``cudaPackages``; the CUDA wheels are removed. ``wheels``:
everything is kept, and the wheel is linked to the libraries in the other wheels.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from wheelfix.model.base import Struct
from wheelfix.model.classes import NeedClass
from wheelfix.model.index import Permission, Provider
from wheelfix.model.override import (
    Adapter,
    Cuda,
    Dialect,
    Ignored,
    Input,
    Override,
    PackageDetails,
    Search,
    StripPlan,
)
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Need, Opening, WheelScan, find_warnings
from wheelfix.model.wheel import Distribution
from wheelfix.override.dialects import TRAITS, refuse_doubles, split_named, tell_unnamed
from wheelfix.override.strip import (
    NO_WISHES,
    TABLE,
    Dependencies,
    Wishes,
    check_wishes,
    list_names,
    plan_strip,
)
from wheelfix.scan.findings import tell_permissions
from wheelfix.scan.openings import find_answer, group_by_name
from wheelfix.scan.sentences import (
    name_some,
    say_cause,
)
from wheelfix.wheel.metadata import normalize_name

if TYPE_CHECKING:
    from wheelfix.scan.scan import TargetScans

_NAMED = 2
_HINTS = 12
_MODULE = re.compile(r"(?!_)([A-Za-z]\w*)(?:/__init__\.py|\.py|(?:\.cpython-[\w-]+|\.abi3)?\.so)")
_NO_MODULES = frozenset({"benchmark", "benchmarks", "docs", "examples", "setup", "test", "tests"})


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
    read: TargetScans, dialect: Dialect, cuda: Cuda, *, wishes: Wishes = NO_WISHES, evidence: str = ""
) -> OverridePlan:
    """Plan the overrides of everything that was scanned together.

    Args:
        read: the scanned parts.
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        wishes: which dependencies to keep and to strip.
        evidence: source of the metadata of distributions beside the targets; empty without any.

    Raises:
        InputError: nothing is possible in the dialect, a wish matches nothing, or there are several wheels of
            one package.
    """
    named, left = split_named(read.parts, dialect)
    overrides = [
        plan_override(
            part.reading,
            part.scan,
            cuda,
            dependencies=Dependencies(
                package=part.reading.distribution, others=read.beside, evidence=evidence or TABLE
            ),
            wishes=wishes,
            details=describe_package(part.reading) if part.wheel and TRAITS[dialect].complete else None,
        )
        for part in named
    ]
    check_wishes(wishes, list_names([*(part.reading.distribution for part in read.parts), *read.beside]))
    scans = [part.scan for part in named]
    refuse_doubles(scans, dialect)
    return OverridePlan(
        dialect=dialect,
        cuda=cuda,
        scans=tuple(scans),
        overrides=tuple(one for one in overrides if one.cuda is not Cuda.PREBUILT),
        adapters=tuple(
            Adapter(
                name=one.name,
                version=one.version,
                target=one.target,
                attr=("python3Packages", one.name),
                strip=one.strip or StripPlan(),
            )
            for one in overrides
            if one.cuda is Cuda.PREBUILT
        ),
        findings=(
            *read.findings,
            *tell_unnamed(left),
            *find_warnings(scans),
            *tell_refused(overrides, scans),
        ),
        answered=not left and all(scan.answered for scan in scans),
    )


def plan_override(
    reading: Reading,
    scan: WheelScan,
    cuda: Cuda,
    *,
    dependencies: Dependencies | None = None,
    wishes: Wishes = NO_WISHES,
    details: PackageDetails | None = None,
    environment: Collection[str] | None = None,
) -> Override:
    """Plan a wheel's override.

    Args:
        reading: its reading.
        scan: its scan.
        cuda: where CUDA libraries come from; a wheel without redundant dependencies is not replaced by
            nixpkgs' build, and is kept as with :attr:`Cuda.WHEELS`.
        dependencies: its dependencies' metadata; None uses the table.
        wishes: which of them to keep and to strip.
        details: for a complete package.
        environment: names of all distributions in the environment; None if unknown.
    """
    strip = StripPlan()
    if cuda is not Cuda.WHEELS:
        known = dependencies or Dependencies(package=reading.distribution)
        strip = plan_strip(known, needs=scan.needs, wishes=wishes, replaced=cuda is Cuda.PREBUILT)
    if cuda is Cuda.PREBUILT and not strip.stripped:
        cuda = Cuda.WHEELS
    needs = [n for n in scan.needs if n.machine == scan.machine] if cuda is not Cuda.PREBUILT else []
    required = {r.name for r in reading.distribution.requires if r.active}
    gone = {j.name for j in (*strip.stripped, *strip.leaving)}
    found = _Collector(scan, cuda=cuda, required=required, gone=gone, environment=environment)
    for need in needs:
        found.add(need, missed=need.soname in scan.ignore_missing)
    if cuda is Cuda.NIXPKGS:
        found.add_opened(scan)
    return Override(
        name=scan.name,
        version=scan.version,
        target=scan.target,
        tags=scan.tags,
        cuda=cuda,
        inputs=tuple(found.list_inputs(frozenset(scan.baseline_inputs))),
        ignored=tuple(sorted(found.ignored, key=lambda i: (i.reason, i.soname))),
        searches=tuple(found.list_searches()),
        driver=tuple(sorted(n.soname for n in needs if n.need_class is NeedClass.DRIVER)),
        runpaths=tuple(found.list_runpaths()),
        strip=strip if gone else None,
        details=details,
        hints=tuple(_find_hints(needs, scan.openings, found)),
    )


def tell_refused(overrides: Sequence[Override], scans: Sequence[WheelScan]) -> tuple[Finding, ...]:
    """Report attributes in the code that nixpkgs refuses without a permission, and that no scan reports."""
    told = {attr for scan in scans for attr in scan.build_inputs}
    attributes = {attr: said for scan in scans for attr, said in scan.attributes.items()}
    written = {one.attr for override in overrides for one in (*override.inputs, *override.runpaths)}
    return tell_permissions(written - told, attributes)


def describe_package(reading: Reading) -> PackageDetails:
    """Make the details of a complete package of nixpkgs from a reading.

    Args:
        reading: of the wheel, with its digest.
    """
    wheel, about = reading.distribution, reading.about
    return PackageDetails(
        filename=wheel.target,
        sha256=bytes.fromhex(about.sha256 or ""),
        summary=about.summary,
        homepage=about.homepage,
        spdx=about.spdx,
        license=about.license,
        requires=tuple(sorted({r.name for r in wheel.requires if r.active})),
        imports=tuple(_find_modules(wheel)),
    )


def _find_modules(wheel: Distribution) -> list[str]:
    """Return top modules of a wheel: the one with its own name, or else all public ones, sorted."""
    found = {match[1] for file in wheel.files if (match := _MODULE.fullmatch(file))} - _NO_MODULES
    own = [module for module in found if normalize_name(module) == wheel.name]
    return own or sorted(found)


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
        required: set[str],
        gone: set[str],
        environment: Collection[str] | None,
    ) -> None:
        self._cuda, self._required, self._gone = cuda, required, gone
        self._environment = environment
        self._attributes = scan.attributes
        self.wanted: list[_Wanted] = []
        self.runpaths: dict[str, list[str]] = {}
        self.opened: set[str] = set()
        self.ignored: list[Ignored] = []
        self.searches: dict[tuple[str, str, str], list[Need]] = {}

    def add(self, need: Need, *, missed: bool) -> None:
        match need.need_class:
            case NeedClass.PROVIDED:
                self._add_provider(need, need.providers[0])
            case NeedClass.SIBLING:
                self._add_sibling(need)
            case NeedClass.DRIVER:
                self._ignore(need, "comes with the GPU driver, in /run/opengl-driver/lib")
            case NeedClass.BUNDLED if missed:
                self._ignore(
                    need, "in the wheel, under another file name, by which alone auto-patchelf looks"
                )
            case NeedClass.UNKNOWN | NeedClass.AMBIGUOUS:
                self._ignore(need, say_cause(need.cause), lost=True)
            case _:
                pass

    def add_opened(self, scan: WheelScan) -> None:
        """Add CUDA libraries that are opened by name, from wheels that are removed."""
        linked = {w.attr for w in self.wanted}
        for name, opening in _find_answers(scan.openings):
            if opening.distribution not in self._gone or not opening.providers:
                continue
            attr = opening.providers[0].attr
            if attr.startswith("cudaPackages"):
                self.opened.add(name)
                if attr not in linked:
                    self.runpaths.setdefault(attr, []).append(f"{name}, opened by {opening.file}")

    def list_inputs(self, baseline: frozenset[str]) -> Iterable[Input]:
        """One per attribute, sorted."""
        for attr in sorted({w.attr for w in self.wanted}):
            mine = [w for w in self.wanted if w.attr == attr]
            instead = name_some(sorted({w.instead for w in mine} - {""}), _NAMED)
            reason = _explain(w.need for w in mine) + (f"; in place of {instead}" if instead else "")
            permissions = self._find_permissions(attr)
            yield Input(attr=attr, reason=reason, baseline=attr in baseline, permissions=permissions)

    def list_runpaths(self) -> Iterable[Input]:
        """One per attribute whose libraries are opened by name only, sorted."""
        for attr, reasons in sorted(self.runpaths.items()):
            yield Input(attr=attr, reason="; ".join(reasons), permissions=self._find_permissions(attr))

    def _find_permissions(self, attr: str) -> tuple[Permission, ...]:
        said = self._attributes.get(attr)
        return said.permissions if said else ()

    def list_searches(self) -> Iterable[Search]:
        """One per directory, sorted."""
        for (distribution, attr, directory), needs in sorted(self.searches.items()):
            yield Search(
                distribution=distribution or None,
                attr=attr or None,
                directory=directory,
                reason=_explain(needs),
                certain=bool(attr) or distribution in self._required,
            )

    def _add_provider(self, need: Need, provider: Provider, instead: str = "") -> None:
        self.wanted.append(_Wanted(provider.attr, need, instead))
        directory = posixpath.dirname(provider.path).strip("/")
        if directory not in {"lib", "lib64"}:
            self.searches.setdefault(("", provider.attr, directory), []).append(need)

    def _add_sibling(self, need: Need) -> None:
        name = need.distribution or ""
        is_cuda = bool(need.providers) and need.providers[0].attr.startswith("cudaPackages")
        if self._cuda is Cuda.NIXPKGS and is_cuda:
            self._add_provider(need, need.providers[0], instead=name)
        elif self._environment is not None and name not in self._environment:
            self._ignore(need, f"{name} brings it, which is not in this environment", lost=True)
        elif need.directory and (name in self._required or is_cuda):
            self.searches.setdefault((name, "", need.directory), []).append(need)
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
        self.ignored.append(Ignored(soname=need.soname, reason=said))


def _explain(needs: Iterable[Need]) -> str:
    found = sorted(needs, key=lambda n: n.soname)
    return f"{', '.join(n.soname for n in found)} for {_name_users(found)}"


def _name_users(needs: Sequence[Need]) -> str:
    return name_some(sorted({path for need in needs for path in need.wanted_by}), _NAMED)


def _find_answers(openings: Iterable[Opening]) -> Iterable[tuple[str, Opening]]:
    """Yield every name that has an answer, with its strongest opening."""
    for name, found in group_by_name(openings).items():
        if answer := find_answer(found, name):
            yield name, answer


def _find_hints(needs: Iterable[Need], openings: Iterable[Opening], found: _Collector) -> Iterable[str]:
    for need in needs:
        if need.need_class is NeedClass.AMBIGUOUS:
            yield f"{need.soname}: {say_cause(need.cause)}."
    answers = [(name, opening) for name, opening in _find_answers(openings) if name not in found.opened]
    driver = [name for name, opening in answers if opening.need_class is NeedClass.DRIVER]
    brought = [f"{name} ({o.distribution})" for name, o in answers if o.need_class is NeedClass.SIBLING]
    by_attr: dict[str, list[tuple[str, Opening]]] = {}
    for name, opening in answers:
        provided = opening.need_class in {NeedClass.PROVIDED, NeedClass.AMBIGUOUS}
        if provided and (attr := opening.providers[0].attr) not in found.runpaths:
            by_attr.setdefault(attr, []).append((name, opening))
    if driver:
        yield (
            f"Opened by name, from the GPU driver: {', '.join(sorted(driver))}. Found where the program's "
            "run path or LD_LIBRARY_PATH has /run/opengl-driver/lib."
        )
    if brought:
        yield f"Opened by name, brought by other wheels: {', '.join(brought)}."
    if by_attr:
        yield (
            "Opened by name at run time, if at all; where one is wanted, add the attribute's lib directory "
            "to appendRunpaths, or to LD_LIBRARY_PATH if Python code opens it:"
        )
    for attr, several in sorted(by_attr.items())[:_HINTS]:
        yield f"- pkgs.{attr}: {', '.join(name for name, _ in several)} ({several[0][1].file})"
    if len(by_attr) > _HINTS:
        yield f"- and {len(by_attr) - _HINTS} more attributes: see `wheelfix scan`"
