"""Searches that would make a package an input of its own input."""

from __future__ import annotations

from tests.support.objects import cause
from wheelfix.lock.cycles import break_circles
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import Cuda, Override, Search
from wheelfix.model.scan import Need


def make(name: str, *targets: str) -> Override:
    searches = tuple(Search(directory="lib", reason="", distribution=t) for t in targets)
    return Override(name=name, version="1", target="", tags=(), cuda=Cuda.WHEELS, searches=searches)


def want(distribution: str) -> Need:
    return Need(
        soname=f"lib{distribution}.so",
        machine="x86_64",
        need_class=NeedClass.SIBLING,
        cause=cause(NeedClass.SIBLING, distribution=distribution),
        wanted_by=("a.so",),
    )


def test_a_circle_loses_the_edge_that_closes_it() -> None:
    overrides = [make("c", "a"), make("a", "b"), make("b", "c", "d"), make("d"), make("e", "a")]
    needs = {name: [want(t) for t in ("a", "b", "c", "d")] for name in "abcde"}
    changed = {o.name: o for o in break_circles(overrides, needs)}
    assert list(changed) == ["c", "a", "b", "d", "e"]
    assert [s.distribution for s in changed["c"].searches] == []
    assert [i.soname for i in changed["c"].ignored] == ["liba.so"]
    assert [s.distribution for s in changed["b"].searches] == ["c", "d"]
    assert changed["e"] == overrides[4]


def test_without_circles_nothing_changes() -> None:
    overrides = (make("a", "b", "c"), make("b", "c"), make("c", "outside"))
    assert break_circles(overrides, {}) == overrides


def test_a_package_that_searches_itself() -> None:
    (changed,) = break_circles([make("a", "a")], {"a": [want("a")]})
    assert changed.searches == ()
