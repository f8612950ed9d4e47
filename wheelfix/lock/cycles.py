"""Breaks cycles of packages whose libraries want each other, as Nix inputs cannot be cyclic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import Ignored, Override
from wheelfix.model.scan import Need
from wheelfix.scan.closure import find_closing


def break_circles(overrides: Sequence[Override], needs: Mapping[str, Sequence[Need]]) -> tuple[Override, ...]:
    """Leave out the searches that close a cycle; their libraries are found in the environment at run time.

    Args:
        overrides: of one package set.
        needs: of each package's wheel, by name.

    Returns:
        The overrides in the same order; the searches form no cycle.
    """
    edges = {o.name: sorted({s.distribution for s in o.searches if s.distribution}) for o in overrides}
    closing = find_closing(edges)
    return tuple(
        _leave_out(o, {target for name, target in closing if name == o.name}, needs.get(o.name, ()))
        for o in overrides
    )


def _leave_out(override: Override, targets: set[str], needs: Sequence[Need]) -> Override:
    if not targets:
        return override
    ignored = [
        Ignored(soname=need.soname, reason=f"{need.distribution} brings it, and wants this package itself")
        for need in needs
        if need.need_class is NeedClass.SIBLING and need.distribution in targets
    ]
    return replace(
        override,
        searches=tuple(s for s in override.searches if s.distribution not in targets),
        ignored=tuple(sorted({*override.ignored, *ignored}, key=lambda i: (i.reason, i.soname))),
    )
