"""The closure of a distribution: its requirements, their requirements, and the extras asked of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wheelfix.model.wheel import Distribution, Requirement


def find_closure(
    target: Distribution,
    others: Mapping[str, Distribution],
    *,
    without: Mapping[str, frozenset[str]] | None = None,
) -> dict[str, frozenset[str]]:
    """Find all distributions that a package brings into an environment, and the extras asked of each.

    Args:
        target: the package.
        others: metadata by normalised name; one without metadata is assumed to require nothing.
        without: dependencies that are left out, by the name of the distribution that requires them.
    """
    found: dict[str, frozenset[str]] = {}
    left_out = without or {}
    pending = _find_left(target, frozenset(), left_out)
    while pending:
        requirement = pending.pop()
        extras = found.get(requirement.name)
        asked = (extras or frozenset()) | set(requirement.extras)
        if extras == asked or requirement.name == target.name:
            continue
        found[requirement.name] = asked
        if known := others.get(requirement.name):
            pending += _find_left(known, asked, left_out)
    return dict(sorted(found.items()))


def _find_left(
    wheel: Distribution, extras: frozenset[str], without: Mapping[str, frozenset[str]]
) -> list[Requirement]:
    left_out = without.get(wheel.name, frozenset())
    return [r for r in find_required(wheel, extras) if r.name not in left_out]


def find_required(wheel: Distribution, extras: frozenset[str]) -> list[Requirement]:
    """Requirements that hold with some extras chosen, in metadata order."""
    return [r for r in wheel.requires if r.active or extras & set(r.under)]


def find_closing(edges: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """Find edges back to a package that is being visited, in a walk that visits names in order."""
    closing: set[tuple[str, str]] = set()
    done: set[str] = set()
    for start in sorted(edges):
        path, pending = [start], [iter(edges[start])] if start not in done else []
        while pending:
            following = next(pending[-1], None)
            if following is None:
                pending.pop()
                done.add(path.pop())
            elif following in path:
                closing.add((path[-1], following))
            elif following not in done and following in edges:
                path.append(following)
                pending.append(iter(edges[following]))
    return closing
