from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.objects import cause, elf, provider
from tests.support.steps import count_steps
from wheelfix.index.driver import RUN_PATH
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject, Library
from wheelfix.model.scan import Need
from wheelfix.patch.model import AnswerKind, ElfEdit, FilePlan, Group, PatchReport
from wheelfix.patch.runpaths import Reachable, plan_run_paths
from wheelfix.report.patching import render_patch

TBB, ODBC, GCC = (f"/nix/store/{c * 32}-{n}/lib" for c, n in zip("abc", ("tbb", "odbc", "gcc"), strict=True))


def lib(name: str, directory: str, *, machine: str = "x86_64", musl: bool | None = False) -> Library:
    return Library(name=name, directory=directory, machine=machine, musl=musl)


def need(soname: str, need_class: NeedClass = NeedClass.PROVIDED) -> Need:
    return Need(
        soname=soname,
        machine="x86_64",
        need_class=need_class,
        cause=cause(need_class, soname),
        wanted_by=(),
        providers=(provider("attr", soname),),
    )


def plan(
    objects: Sequence[ElfObject], needs: Sequence[Need] = (), reachable: Reachable | None = None
) -> dict[str, FilePlan]:
    group = Group(name="demo", objects=tuple(objects), needs=tuple(needs))
    return {p.path: p for p in plan_run_paths([group], reachable or Reachable())}


def test_what_only_plugins_want_and_nobody_has_does_not_count() -> None:
    x = elf("a/x.so", needed=["libclntsh.so.23.1"])
    for optional in (True, False):
        one = replace(need("libclntsh.so.23.1", NeedClass.UNKNOWN), optional=optional)
        plans = plan([x], [one])
        report = PatchReport(target="env", applied=True, plans=tuple(plans.values()))
        assert [a.kind for a in plans["a/x.so"].answers] == [AnswerKind.OPEN]
        assert report.answered is optional
        said = render_patch(report)
        assert ("open: libclntsh.so.23.1" in said) is not optional
        assert "libclntsh.so.23.1" in said


def test_a_file_gets_the_directories_of_its_own_needs_alone() -> None:
    x = elf("a/x.so", needed=["libtbb.so.12", "libc.so.6"])
    y = elf("a/y.so", needed=["libodbc.so.2"])
    reachable = Reachable(libraries=[lib("libodbc.so.2", ODBC), lib("libtbb.so.12", TBB)])
    plans = plan(
        [x, y], [need("libtbb.so.12"), need("libodbc.so.2"), need("libc.so.6", NeedClass.LIBC)], reachable
    )
    assert plans["a/x.so"].edit == ElfEdit(add_run_path=(TBB,))
    assert plans["a/y.so"].edit == ElfEdit(add_run_path=(ODBC,))
    assert [a.kind for a in plans["a/x.so"].answers] == [AnswerKind.ADDED, AnswerKind.LEFT]


def test_store_paths_come_behind_origin_and_before_other_directories() -> None:
    x = elf("a/x.so", needed=["libtbb.so.12"], runpath=["$ORIGIN/../a.libs", "/usr/local/lib"])
    found = plan([x], [need("libtbb.so.12")], Reachable(libraries=[lib("libtbb.so.12", TBB)]))["a/x.so"]
    assert found.run_path == ("$ORIGIN/../a.libs", TBB, "/usr/local/lib")
    assert found.edit == ElfEdit(run_path=found.run_path)


def test_what_the_wheel_brings_is_not_looked_for_outside() -> None:
    x = elf("a/x.so", needed=["libtbb.so.12", "libpre.so"], rpath=["$ORIGIN"])
    members = [x, elf("a/libtbb.so.12"), elf("b/libpre.so")]
    reachable = Reachable(libraries=[lib("libtbb.so.12", TBB), lib("libpre.so", TBB)])
    found = plan(members, [], reachable)["a/x.so"]
    assert found.edit is None
    assert [a.kind for a in found.answers] == [AnswerKind.KEPT, AnswerKind.LEFT]


def test_a_second_run_changes_nothing() -> None:
    x = elf("a/x.so", needed=["libtbb.so.12"], rpath=["$ORIGIN", TBB])
    tbb = [lib("libtbb.so.12", TBB)]
    assert plan([x], [need("libtbb.so.12")], Reachable(libraries=tbb, present=tbb))["a/x.so"].edit is None
    assert plan([x], [need("libtbb.so.12")], Reachable(present=tbb))["a/x.so"].edit is None


def test_the_first_directory_wins_and_the_order_given_is_kept() -> None:
    x = elf("a/x.so", needed=["libz.so.1", "libtbb.so.12"])
    libraries = [lib("libtbb.so.12", TBB), lib("libtbb.so.12", ODBC), lib("libz.so.1", ODBC)]
    found = plan([x], [need("libz.so.1"), need("libtbb.so.12")], Reachable(libraries=libraries))["a/x.so"]
    assert found.run_path == (TBB, ODBC)


def test_libraries_of_another_machine_or_libc_do_not_fit() -> None:
    x = elf("a/x.so", needed=["libtbb.so.12"])
    libraries = [lib("libtbb.so.12", TBB, machine="i686"), lib("libtbb.so.12", ODBC, musl=True)]
    found = plan([x], [need("libtbb.so.12")], Reachable(libraries=libraries))["a/x.so"]
    assert found.edit is None
    assert [a.kind for a in found.answers] == [AnswerKind.OPEN]
    assert found.answers[0].reason == "provided by attr"


def test_store_paths_that_are_gone_make_room_for_the_new_one() -> None:
    gone = "/nix/store/" + "g" * 32 + "-tbb/lib"
    x = elf("a/x.so", needed=["libtbb.so.12"], rpath=["$ORIGIN", gone])
    reachable = Reachable(libraries=[lib("libtbb.so.12", TBB)], dead=[gone])
    assert plan([x], [need("libtbb.so.12")], reachable)["a/x.so"].run_path == ("$ORIGIN", TBB)


def test_the_driver_only_if_asked_for_and_last() -> None:
    x = elf("a/x.so", needed=["libcuda.so.1", "libtbb.so.12"])
    needs = [need("libcuda.so.1", NeedClass.DRIVER), need("libtbb.so.12")]
    libraries = [lib("libtbb.so.12", TBB)]
    assert plan([x], needs, Reachable(libraries=libraries))["a/x.so"].run_path == (TBB,)
    asked = plan([x], needs, Reachable(libraries=libraries, driver=True))["a/x.so"]
    assert asked.run_path == (TBB, RUN_PATH)


def test_a_directory_of_the_driver_that_a_run_path_names_is_kept() -> None:
    needs = [need("libdxcore.so", NeedClass.DRIVER)]
    x = elf("a/x.so", needed=["libdxcore.so"], runpath=["/usr/lib/wsl/lib"])
    (kept,) = plan([x], needs)["a/x.so"].answers
    assert (kept.kind, kept.reason) == (AnswerKind.KEPT, "looked for in /usr/lib/wsl/lib")
    asked = plan([x], needs, Reachable(driver=True))["a/x.so"]
    assert set(asked.run_path) == {"/usr/lib/wsl/lib", RUN_PATH}


def test_a_sibling_is_left_to_its_distribution_unless_a_directory_has_it() -> None:
    x = elf("a/x.so", needed=["libcublas.so.12"], rpath=["$ORIGIN/../nvidia/cublas/lib"])
    needs = [need("libcublas.so.12", NeedClass.SIBLING)]
    left = plan([x], needs)["a/x.so"]
    assert (left.edit, left.answers[0].kind) == (None, AnswerKind.LEFT)
    given = plan([x], needs, Reachable(libraries=[lib("libcublas.so.12", TBB)]))["a/x.so"]
    assert given.run_path == ("$ORIGIN/../nvidia/cublas/lib", TBB)


def test_a_program_gets_its_loader() -> None:
    x = elf("a/x", needed=["libc.so.6"], interpreter="/lib64/ld-linux-x86-64.so.2")
    reachable = Reachable(interpreters=[lib("ld-linux-x86-64.so.2", GCC)])
    assert plan([x], [], reachable)["a/x"].edit == ElfEdit(interpreter=f"{GCC}/ld-linux-x86-64.so.2")
    has = elf("a/x", needed=["libc.so.6"], interpreter=f"{GCC}/ld-linux-x86-64.so.2")
    reachable = Reachable(interpreters=reachable.interpreters, present=reachable.interpreters)
    assert plan([has], [], reachable)["a/x"].edit is None


def test_an_inherited_copy_is_not_hidden_by_the_new_entry_of_a_loader() -> None:
    # z finds libq in a.libs through grand's DT_RPATH. Its nearer loader y gets a directory with another libq.
    grand = elf("a/grand.so", needed=["liby.so"], rpath=["$ORIGIN/../a.libs"])
    y = elf("a.libs/liby.so", needed=["libz.so", "libtbb.so.12"])
    z = elf("a.libs/sub/libz.so", soname="libz.so", needed=["libq.so.1"])
    q = elf("a.libs/libq.so.1")
    libraries = [lib("libtbb.so.12", TBB), lib("libq.so.1", TBB)]
    plans = plan([grand, y, z, q], [need("libtbb.so.12")], Reachable(libraries=libraries))
    assert plans["a.libs/liby.so"].run_path == (TBB,)
    assert plans["a.libs/sub/libz.so"].run_path == ("$ORIGIN/..",)
    assert plans["a.libs/sub/libz.so"].answers[0].kind is AnswerKind.PINNED


def test_an_edit_that_would_hide_a_copy_of_a_file_that_may_not_change_is_not_made() -> None:
    grand = elf("a/grand.so", needed=["liby.so"], rpath=["$ORIGIN/../a.libs"])
    y = elf("a.libs/liby.so", needed=["libz.so", "libtbb.so.12"])
    z = elf("a.libs/sub/libz.so", soname="libz.so", needed=["libq.so.1"])
    q = elf("a.libs/libq.so.1")
    reachable = Reachable(libraries=[lib("libtbb.so.12", TBB), lib("libq.so.1", TBB)])
    group = Group(name="demo", objects=(grand, y, z, q), needs=(need("libtbb.so.12"),))
    (found,) = plan_run_paths([group], reachable, choose=lambda path: path == "a.libs/liby.so")
    assert found.edit is None
    assert found.conflict == "a.libs/sub/libz.so would find another libq.so.1 than now"


def test_another_distribution_answers_through_its_run_path_entry() -> None:
    x = elf("torch/lib/x.so", needed=["libcublas.so.12"], rpath=["$ORIGIN/../../nvidia/cublas/lib"])
    cublas = elf("nvidia/cublas/lib/libcublas.so.12")
    groups = [Group(name="torch", objects=(x,), needs=()), Group(name="nvidia", objects=(cublas,), needs=())]
    reachable = Reachable(libraries=[lib("libcublas.so.12", TBB)])
    assert [p.edit for p in plan_run_paths(groups, reachable)] == [None, None]


@pytest.mark.parametrize("tag", ["rpath", "runpath", "neither"])
def test_work_grows_with_the_number_of_files_and_not_with_its_square(tag: str) -> None:
    # All load each other, each wants a library of its own from outside, and one that nobody has.
    def run(count: int) -> None:
        paths = {"rpath": ["$ORIGIN"] * (tag == "rpath"), "runpath": ["$ORIGIN"] * (tag == "runpath")}
        objects = [
            elf(
                f"a/lib{n}.so",
                needed=[
                    f"lib{(n + 1) % count}.so",
                    f"lib{(n + 7) % count}.so",
                    f"outer{n}.so",
                    f"gone{n}.so",
                ],
                rpath=paths["rpath"],
                runpath=paths["runpath"],
            )
            for n in range(count)
        ]
        needs = [need(f"outer{n}.so") for n in range(count)]
        plans = plan(objects, needs, Reachable(libraries=[lib(f"outer{n}.so", TBB) for n in range(count)]))
        assert all(TBB in p.run_path for p in plans.values())

    small, large = (count_steps(lambda n=n: run(n)) for n in (40, 160))  # type: ignore[misc]
    assert large < 4.5 * small
