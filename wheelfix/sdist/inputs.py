"""Derives the nixpkgs attributes that crates need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from wheelfix.model.base import Struct
from wheelfix.model.override import Input
from wheelfix.model.sdist import LockedCrate
from wheelfix.sdist.crates import NativeRule
from wheelfix.sdist.graph import explain_chain
from wheelfix.sdist.model import CrateGraph, Setting

_SHOWN = 3


class NativeInputs(Struct):
    """The needs of all crates of a build.

    Attributes:
        libraries: sorted by attribute, each with all the crates that need it.
        tools: the same.
        settings: sorted by name.
        problems: problems that no input solves.
    """

    libraries: tuple[Input, ...]
    tools: tuple[Input, ...]
    settings: tuple[Setting, ...]
    problems: tuple[str, ...]


def find_inputs(graph: CrateGraph, rules: Iterable[NativeRule]) -> NativeInputs:
    """Apply the rules to the crates of a build."""
    crates: dict[str, list[LockedCrate]] = defaultdict(list)
    for crate in graph.parents:
        if crate.source is not None:
            crates[crate.name].append(crate)
    libraries: dict[str, list[str]] = defaultdict(list)
    tools: dict[str, list[str]] = defaultdict(list)
    settings: dict[str, Setting] = {}
    problems = []
    for rule in rules:
        for crate in crates.get(rule.crate, ()):
            if not _holds(rule, crate, graph, crates):
                continue
            reason = f"{describe_crate(graph, crate, rule)} {rule.why}"
            for attr in rule.libraries:
                libraries[attr].append(reason)
            for attr in rule.tools:
                tools[attr].append(reason)
            for name, value in rule.settings.items():
                settings[name] = Setting(name=name, value=value, reason=f"for {crate.name}")
            if rule.problem:
                problems.append(f"{describe_crate(graph, crate, rule)} {rule.problem}")
    return NativeInputs(
        libraries=_sort(libraries),
        tools=_sort(tools),
        settings=tuple(settings[name] for name in sorted(settings)),
        problems=tuple(problems),
    )


def describe_crate(graph: CrateGraph, crate: LockedCrate, rule: NativeRule) -> str:
    """Describe a crate with its dependents: ``openssl-sys 0.9.117 (of openssl, of cryptography-rust)``."""
    counted = [name for name in graph.dependents.get(crate.name, ()) if name not in rule.ignored_for]
    chain = explain_chain(graph, crate, _SHOWN)
    if rule.ignored_for and (not chain or chain[0] in rule.ignored_for):
        chain = tuple(counted[:1])
    shown = ", ".join(f"of {name}" for name in chain)
    return f"{crate.name} {crate.version}" + (f" ({shown})" if shown else "")


def _holds(
    rule: NativeRule, crate: LockedCrate, graph: CrateGraph, crates: dict[str, list[LockedCrate]]
) -> bool:
    if rule.ignored_for and set(graph.dependents.get(crate.name, ())) <= set(rule.ignored_for):
        return False
    below = {text.partition(" ")[0] for text in crate.dependencies}

    def is_met(condition: str) -> bool:
        if condition.startswith("dep:"):
            return condition.removeprefix("dep:") in below
        if condition.startswith("crate:"):
            return condition.removeprefix("crate:") in crates
        name, _, feature = condition.partition("/")
        return feature in graph.features.get(name, ())

    return (not rule.when or any(map(is_met, rule.when))) and not any(map(is_met, rule.unless))


def _sort(found: dict[str, list[str]]) -> tuple[Input, ...]:
    return tuple(Input(attr=attr, reason="; ".join(dict.fromkeys(found[attr]))) for attr in sorted(found))
