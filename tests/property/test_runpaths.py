"""Whatever wheels look like, planned run paths hide nothing and are planned once."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.objects import elf
from wheelfix.model.base import replace
from wheelfix.model.elf import ElfObject, Library
from wheelfix.patch.model import AnswerKind, FilePlan, Group
from wheelfix.patch.runpaths import Reachable, plan_run_paths
from wheelfix.scan.loader import Loader

NAMES = ("liba.so", "libb.so", "libc1.so", "libd.so")
STORE = tuple(f"/nix/store/{c * 32}-x/lib" for c in "abc")
ENTRIES = ("$ORIGIN", "$ORIGIN/..", "$ORIGIN/sub", "/usr/local/lib", *STORE)
DIRECTORIES = ("w", "w/sub", "v")


@st.composite
def draw_objects(draw: st.DrawFn) -> tuple[ElfObject, ...]:
    paths = draw(
        st.lists(st.sampled_from([f"{d}/{n}" for d in DIRECTORIES for n in NAMES]), min_size=1, unique=True)
    )
    entries = st.lists(st.sampled_from(ENTRIES), max_size=3)
    found = []
    for path in paths:
        needed = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
        tag = draw(st.sampled_from(["rpath", "runpath", "none"]))
        rpath = draw(entries) if tag == "rpath" else []
        runpath = draw(entries) if tag == "runpath" else []
        found.append(elf(path, needed=needed, rpath=rpath, runpath=runpath, soname=path.rpartition("/")[2]))
    return tuple(found)


LIBRARIES = st.lists(st.tuples(st.sampled_from(STORE), st.sampled_from(NAMES)), max_size=6, unique=True)


def apply(objects: tuple[ElfObject, ...], plans: tuple[FilePlan, ...]) -> tuple[ElfObject, ...]:
    edited = {p.path: p.run_path for p in plans if p.edit}

    def change(obj: ElfObject) -> ElfObject:
        if obj.path not in edited:
            return obj
        path = edited[obj.path]
        return replace(obj, runpath=path) if obj.runpath else replace(obj, rpath=path)

    return tuple(map(change, objects))


@settings(max_examples=300, deadline=None)
@given(objects=draw_objects(), outside=LIBRARIES)
def test_plans_hide_nothing_answer_what_they_say_and_are_made_once(
    objects: tuple[ElfObject, ...], outside: list[tuple[str, str]]
) -> None:
    libraries = [
        Library(name=name, directory=directory, machine="x86_64", musl=False)
        for directory, name in sorted(outside, key=lambda pair: STORE.index(pair[0]))
    ]
    reachable = Reachable(libraries=libraries, present=libraries)
    plans = plan_run_paths([Group(name="demo", objects=objects, needs=())], reachable)
    done = apply(objects, plans)
    before, after = Loader(objects, libraries), Loader(done, libraries)
    for obj in objects:
        for soname in obj.needed:
            old, new = before.follow(obj, soname), after.follow(after.objects[obj.path], soname)
            if old:
                assert new
                assert (new.path, new.directory) == (old.path, old.directory)
    for plan in plans:
        for answer in plan.answers:
            if answer.kind is AnswerKind.ADDED and not plan.conflict:
                hit = after.follow(after.objects[plan.path], answer.soname)
                assert hit
                assert (hit.outside, hit.directory) == (True, answer.directory)
        added = set(plan.run_path) - set(before.objects[plan.path].runpath or before.objects[plan.path].rpath)
        assert plan.conflict or added == {
            a.directory for a in plan.answers if a.directory and a.directory in added
        }
    again = plan_run_paths([Group(name="demo", objects=done, needs=())], reachable)
    assert not any(p.edit for p in again), [p for p in again if p.edit]
