"""From a scan to what has to be said to Nix: inputs, ignore list, search paths, each with its reason.

Three strategies for CUDA. ``prebuilt``: nixpkgs' build replaces the wheel, of which nothing is linked.
``nixpkgs``: the wheel stays and is linked to ``cudaPackages``; the CUDA wheels are taken away. ``wheels``:
everything stays, and the wheel is linked to the libraries in the other wheels.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Sequence

from wheelfix.model.base import Struct
from wheelfix.model.index import Provider
from wheelfix.model.override import Cuda, Ignored, Input, Override, Search, Source, StripPlan
from wheelfix.model.scan import Need, NeedClass, Opening, WheelScan
from wheelfix.model.wheel import Requirement
from wheelfix.scan.openings import find_answer, group_by_name
from wheelfix.scan.words import say_cause

_NAMED = 2
# Two builds of Qt in one process do not work, and the hook of nixpkgs' Qt refuses packages that do not wrap.
_HINTS = 12


def plan_override(
    scan: WheelScan,
    requires: Iterable[Requirement],
    *,
    cuda: Cuda = Cuda.WHEELS,
    strip: StripPlan | None = None,
    source: Source | None = None,
    environment: Collection[str] | None = None,
) -> Override:
    """Decide what a wheel's override says.

    Args:
        scan: of the wheel.
        requires: its requirements.
        cuda: where CUDA libraries come from.
        strip: for ``prebuilt`` and ``nixpkgs``, the dependencies to be taken away.
        source: for a complete package.
        environment: names of all distributions there will be; None if that is not known.
    """
    needs = [n for n in scan.needs if n.machine == scan.machine] if cuda is not Cuda.PREBUILT else []
    required = {r.name for r in requires if r.active}
    gone = {j.name for j in (*strip.stripped, *strip.leaving)} if strip else set()
    plan = _Plan(cuda=cuda, required=required, gone=gone, environment=environment)
    for need in needs:
        plan.add(need, missed=need.soname in scan.ignore_missing)
    if cuda is Cuda.NIXPKGS:
        plan.add_opened(scan)
    return Override(
        name=scan.name,
        version=scan.version,
        target=scan.target,
        tags=scan.tags,
        cuda=cuda,
        inputs=tuple(plan.list_inputs(frozenset(scan.baseline_inputs))),
        ignored=tuple(sorted(plan.ignored, key=lambda i: (i.reason, i.soname))),
        searches=tuple(plan.list_searches()),
        driver=tuple(sorted(n.soname for n in needs if n.need_class is NeedClass.DRIVER)),
        runpaths=tuple(Input(attr=a, reason="; ".join(r)) for a, r in sorted(plan.runpaths.items())),
        strip=strip if gone else None,
        source=source,
        hints=tuple(_find_hints(needs, scan.openings, plan)),
    )


class _Wanted(Struct, kw_only=False):
    """That some needs come from one place: an attribute, or a directory of a distribution."""

    attr: str
    need: Need
    instead: str = ""


class _Plan:
    """What is being collected, one need after the other."""

    def __init__(
        self, *, cuda: Cuda, required: set[str], gone: set[str], environment: Collection[str] | None
    ) -> None:
        self._cuda, self._required, self._gone = cuda, required, gone
        self._environment = environment
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
        """CUDA libraries that are opened by name, from wheels that are taken away."""
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
            instead = _join({w.instead for w in mine} - {""})
            reason = _explain(w.need for w in mine) + (f"; in place of {instead}" if instead else "")
            yield Input(attr=attr, reason=reason, baseline=attr in baseline)

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
    return _join({path for need in needs for path in need.wanted_by})


def _join(names: Iterable[str]) -> str:
    ordered = sorted(names)
    rest = len(ordered) - _NAMED
    return ", ".join(ordered[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _find_answers(openings: Iterable[Opening]) -> Iterable[tuple[str, Opening]]:
    """Every name that has an answer, with the strongest opening that has it."""
    for name, found in group_by_name(openings).items():
        if answer := find_answer(found, name):
            yield name, answer


def _find_hints(needs: Iterable[Need], openings: Iterable[Opening], plan: _Plan) -> Iterable[str]:
    for need in needs:
        if need.need_class is NeedClass.AMBIGUOUS:
            yield f"{need.soname}: {say_cause(need.cause)}."
    answers = [(name, opening) for name, opening in _find_answers(openings) if name not in plan.opened]
    driver = [name for name, opening in answers if opening.need_class is NeedClass.DRIVER]
    brought = [f"{name} ({o.distribution})" for name, o in answers if o.need_class is NeedClass.SIBLING]
    by_attr: dict[str, list[tuple[str, Opening]]] = {}
    for name, opening in answers:
        provided = opening.need_class in {NeedClass.PROVIDED, NeedClass.AMBIGUOUS}
        if provided and (attr := opening.providers[0].attr) not in plan.runpaths:
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
