from __future__ import annotations

from collections.abc import Sequence

from tests.support.objects import elf, facts, wheel
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject
from wheelfix.model.scan import Known, NeedTrace
from wheelfix.model.wheel import Distribution
from wheelfix.scan.decide import decide
from wheelfix.scan.evidence import show_evidence
from wheelfix.scan.needs import find_cases, find_wants


def explained(objects: Sequence[ElfObject], known: Known, dist: Distribution) -> NeedTrace:
    wants = [w for w in find_wants(objects) if w.soname == known.soname]
    (case,) = find_cases(dist, wants, {(known.soname, known.machine): known}, {})
    (trace,) = decide([case])
    return show_evidence(trace, case, objects)


def test_steps_end_with_the_one_that_decides() -> None:
    user = elf("demo/x.so", needed=["libz.so.1"])
    found = explained([user], facts("libz.so.1", attrs=["zlib", "zlib-ng"], nearest=["libz.so.2"]), wheel())
    assert [s.need_class for s in found.steps] == [None] * 6 + [NeedClass.PROVIDED]
    assert found.steps[-1].cause == found.need.cause
    evidence = found.steps[-1].evidence
    assert ["zlib (out)" in line for line in evidence] == [True, False, False]
    assert evidence[-1] == "other majors there: libz.so.2"
    assert found.steps[0].evidence == ("demo/x.so has neither DT_RPATH nor DT_RUNPATH",)


def test_every_searched_place_is_told() -> None:
    objects = [
        elf("demo/x.so", needed=["liba.so.1"], runpath=["$ORIGIN/../other", "$ORIGIN/lib"]),
        elf("demo/lib/liba.so.1", soname="liba.so.1", machine="aarch64"),
        elf("demo/lib/libb.so"),
    ]
    dist = wheel(files=[o.path for o in objects])
    found = explained(objects, facts("liba.so.1"), dist)
    assert found.steps[0].evidence == (
        "demo/x.so: DT_RUNPATH $ORIGIN/../other: other in site-packages is not of this wheel",
        "demo/x.so: DT_RUNPATH $ORIGIN/lib: demo/lib in site-packages is there, without it",
        "demo/lib/liba.so.1 has this name, for aarch64: not for x86_64",
    )


def test_inherited_rpath_is_named() -> None:
    objects = [
        elf("demo/x.so", needed=["liba.so.1"], rpath=["$ORIGIN/lib"]),
        elf("demo/lib/liba.so.1", soname="liba.so.1", needed=["libb.so.1"]),
        elf("demo/lib/libb.so.1", soname="libb.so.1"),
    ]
    found = explained(objects, facts("libb.so.1"), wheel(files=[o.path for o in objects]))
    assert len(found.steps) == 1
    assert found.steps[0].need_class is NeedClass.BUNDLED
    assert any("inherited from demo/x.so, has it: demo/lib/libb.so.1" in e for e in found.steps[0].evidence)


def test_requirements_are_quoted_with_their_markers() -> None:
    user = elf("demo/x.so", needed=["libz3.so.5"])
    known = facts("libz3.so.5", carriers=[("z3-solver", "z3/lib")])
    found = explained([user], known, wheel(requires=["z3-solver"]))
    assert found.steps[-1].need_class is NeedClass.SIBLING
    assert found.steps[-1].evidence == (
        "known: z3-solver carries it in z3/lib",
        "Requires-Dist: z3-solver (holds)",
    )
