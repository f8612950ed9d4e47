"""From a scan to what has to be said to Nix: inputs, ignore list, search paths, each with its reason.

Three strategies for CUDA. ``prebuilt``: nixpkgs' build replaces the wheel, and nothing of the wheel is linked.
``nixpkgs``: the wheel stays and is linked to ``cudaPackages``; the CUDA wheels are taken away. ``wheels``:
everything stays, and the wheel is linked to the libraries in the other wheels.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from wheelfix.model.index import Provider
from wheelfix.model.override import Cuda, Ignored, Input, Override, Search, Source
from wheelfix.model.scan import Dlopen, Need, NeedClass, SonameFacts, WheelScan
from wheelfix.model.strip import StripPlan
from wheelfix.model.wheel import Requirement
from wheelfix.resolve.cuda import guess_cuda_major, order_by_major

_NAMED = 2
_HINTS = 12


def plan_override(
    scan: WheelScan,
    requires: Iterable[Requirement],
    opened: Mapping[str, SonameFacts],
    *,
    cuda: Cuda = Cuda.WHEELS,
    strip: StripPlan | None = None,
    source: Source | None = None,
) -> Override:
    """Decide what a wheel's override says.

    Args:
        scan: of the wheel.
        requires: its requirements.
        opened: facts about the sonames of ``scan.dlopen``.
        cuda: where CUDA libraries come from.
        strip: for ``prebuilt`` and ``nixpkgs``, the dependencies to be taken away.
        source: for a complete package.
    """
    needs = [n for n in scan.needs if n.machine == scan.machine] if cuda is not Cuda.PREBUILT else []
    required = {r.name for r in requires if r.active}
    gone = {j.name for j in (*strip.stripped, *strip.leaving)} if strip else set()
    plan = _Plan(cuda=cuda, required=required, gone=gone)
    for need in needs:
        plan.add(need)
    if cuda is Cuda.NIXPKGS:
        plan.add_opened(scan, opened)
    return Override(
        name=scan.name,
        version=scan.version,
        target=scan.target,
        cuda=cuda,
        inputs=_merge(plan.inputs, frozenset(scan.baseline_inputs)),
        ignored=tuple(sorted(plan.ignored, key=lambda i: i.soname)),
        searches=_merge_searches(plan.searches),
        driver=tuple(sorted(n.soname for n in needs if n.need_class is NeedClass.DRIVER)),
        runpaths=_merge(plan.runpaths, frozenset()),
        strip=strip if gone else None,
        source=source,
        hints=tuple(_find_hints(needs, scan.dlopen, opened, {p.attr for p in plan.runpaths})),
    )


class _Plan:
    """What is being collected, one need after the other."""

    def __init__(self, *, cuda: Cuda, required: set[str], gone: set[str]) -> None:
        self._cuda, self._required, self._gone = cuda, required, gone
        self.inputs: list[Input] = []
        self.runpaths: list[Input] = []
        self.ignored: list[Ignored] = []
        self.searches: list[Search] = []

    def add(self, need: Need) -> None:
        match need.need_class:
            case NeedClass.PROVIDED:
                self._add_provider(need, need.providers[0], f"{need.soname} for {_say_users(need)}")
            case NeedClass.SIBLING:
                self._add_sibling(need)
            case NeedClass.DRIVER:
                self._ignore(need, "comes with the GPU driver, in /run/opengl-driver/lib")
            case NeedClass.UNKNOWN | NeedClass.AMBIGUOUS:
                self._ignore(need, f"{need.reason}; {_say_users(need)} will not load without it")
            case _:
                pass

    def add_opened(self, scan: WheelScan, opened: Mapping[str, SonameFacts]) -> None:
        """CUDA libraries that are opened by name, from wheels that are taken away."""
        major = guess_cuda_major([n.soname for n in scan.needs])
        linked = {i.attr for i in self.inputs}
        for found in scan.dlopen:
            facts = opened.get(found.soname)
            if facts is None or not any(c.distribution in self._gone for c in facts.carriers):
                continue
            providers = [p for p in facts.lookup.providers if p.attr.startswith("cudaPackages")]
            if providers and (best := order_by_major(providers, major)[0]).attr not in linked:
                reason = f"{found.soname}, opened by name by {found.found_in}"
                self.runpaths.append(Input(attr=best.attr, reason=reason))

    def _add_provider(self, need: Need, provider: Provider, reason: str) -> None:
        self.inputs.append(Input(attr=provider.attr, reason=reason))
        directory = posixpath.dirname(provider.path).strip("/")
        if directory not in {"lib", "lib64"}:
            self.searches.append(
                Search(attr=provider.attr, directory=directory, reason=f"{need.soname} is in a subdirectory")
            )

    def _add_sibling(self, need: Need) -> None:
        name = need.distribution or ""
        is_cuda = bool(need.providers) and need.providers[0].attr.startswith("cudaPackages")
        if self._cuda is Cuda.NIXPKGS and is_cuda:
            reason = f"{need.soname} for {_say_users(need)}, in place of {name}"
            self._add_provider(need, need.providers[0], reason)
        elif need.directory and (name in self._required or is_cuda):
            reason = f"{need.soname} for {_say_users(need)}"
            self.searches.append(Search(distribution=name, directory=need.directory, reason=reason))
        elif name in self._required:
            self._ignore(need, f"{name} brings it, in a place that is not known")
        else:
            self._ignore(
                need,
                f"{name} brings it, which this wheel does not require: an input would be a cycle; "
                "found at run time if both are in one environment",
            )

    def _ignore(self, need: Need, reason: str) -> None:
        self.ignored.append(Ignored(soname=need.soname, reason=reason))


def _merge(inputs: Iterable[Input], baseline: frozenset[str]) -> tuple[Input, ...]:
    reasons: dict[str, list[str]] = {}
    for one in inputs:
        reasons.setdefault(one.attr, []).append(one.reason)
    return tuple(
        Input(attr=attr, reason="; ".join(found), baseline=attr in baseline)
        for attr, found in sorted(reasons.items())
    )


def _merge_searches(searches: Iterable[Search]) -> tuple[Search, ...]:
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for one in searches:
        reasons.setdefault((one.distribution or "", one.attr or "", one.directory), []).append(one.reason)
    return tuple(
        Search(
            distribution=distribution or None,
            attr=attr or None,
            directory=directory,
            reason="; ".join(dict.fromkeys(found)),
        )
        for (distribution, attr, directory), found in sorted(reasons.items())
    )


def _say_users(need: Need) -> str:
    rest = len(need.wanted_by) - _NAMED
    return ", ".join(need.wanted_by[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _find_hints(
    needs: Iterable[Need],
    dlopen: Iterable[Dlopen],
    opened: Mapping[str, SonameFacts],
    done: set[str],
) -> Iterable[str]:
    for need in needs:
        if need.need_class is NeedClass.AMBIGUOUS:
            yield f"{need.soname}: {need.reason}."
    by_attr: dict[str, list[Dlopen]] = {}
    driver: list[str] = []
    for found in dlopen:
        facts = opened.get(found.soname)
        if facts and facts.driver:
            driver.append(found.soname)
        elif facts and facts.lookup.providers and (attr := facts.lookup.providers[0].attr) not in done:
            by_attr.setdefault(attr, []).append(found)
    if driver:
        yield (
            f"Opened by name, from the GPU driver: {', '.join(sorted(driver))}. Found where the program's "
            "run path or LD_LIBRARY_PATH has /run/opengl-driver/lib."
        )
    if by_attr:
        yield (
            "Opened by name at run time, if at all; where one is wanted, add the attribute's lib directory to "
            "appendRunpaths, or to LD_LIBRARY_PATH if Python code opens it:"
        )
    for attr, several in sorted(by_attr.items())[:_HINTS]:
        yield f"- pkgs.{attr}: {', '.join(d.soname for d in several)} ({several[0].found_in})"
    if len(by_attr) > _HINTS:
        yield f"- and {len(by_attr) - _HINTS} more attributes: see `wheelfix scan`"
