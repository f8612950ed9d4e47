from __future__ import annotations

import pytest

from tests.support.objects import cause, elf
from wheelfix.model.classes import (
    Brought,
    CarriedProof,
    Cause,
    NeedClass,
    OfInterpreter,
    SiblingClue,
    Unreached,
)
from wheelfix.model.elf import ElfTraits
from wheelfix.model.hints import DlopenNote, ElfHints
from wheelfix.model.hook import LostOpening, Missed, MissReason
from wheelfix.model.scan import Need
from wheelfix.scan.hook import find_lost_openings, find_missed

TBB, MALLOC = "ov/libs/libtbb.so.12", "ov/libs/libtbbmalloc.so.2"


def need(soname: str, kind: NeedClass, why: Cause | None = None, *, machine: str = "x86_64") -> Need:
    return Need(
        soname=soname,
        machine=machine,
        need_class=kind,
        cause=why or cause(kind, soname),
        wanted_by=("x.so",),
    )


def opens(path: str, *strings: str, noted: str = "") -> ElfHints:
    note = DlopenNote(sonames=(noted,), feature=None, description=None, priority="required")
    traits = ElfTraits(path=path, machine="x86_64")
    return ElfHints(path=path, traits=traits, strings=strings, notes=(note,) if noted else ())


def brought(path: str, *, by_soname: bool) -> Brought:
    return Brought(
        how=SiblingClue.REQUIRED,
        distribution="ngsolve-openblas",
        required=True,
        check=CarriedProof(version="1", path=path, by_soname=by_soname),
    )


def test_the_drivers_libraries_are_missed_and_what_nobody_has_is_no_matter_of_the_hook() -> None:
    needs = [need("libcuda.so.1", NeedClass.DRIVER), need("libgone.so", NeedClass.UNKNOWN)]
    assert find_missed(needs, [], "x86_64") == (Missed(soname="libcuda.so.1", reason=MissReason.DRIVER),)
    assert find_missed(needs, [], "aarch64") == ()


def test_a_bundled_library_is_found_by_the_name_of_its_file_on_its_machine_alone() -> None:
    needs = [
        need(name, NeedClass.BUNDLED, Unreached(path=f"x/{file}"))
        for name, file in [
            ("liba.so.1", "liba.so.1"),
            ("libb.so.1", "libb-12.so.1"),
            ("libc.so.1", "libc-2.so"),
        ]
    ]
    objects = [elf("x/liba.so.1"), elf("x/libb-12.so.1"), elf("arm/libc.so.1", machine="aarch64")]
    assert find_missed(needs, objects, "x86_64") == (
        Missed(soname="libb.so.1", reason=MissReason.FILE_NAME, file="libb-12.so.1"),
        Missed(soname="libc.so.1", reason=MissReason.FILE_NAME, file="libc-2.so"),
    )


def test_a_file_without_so_in_its_name_is_never_looked_at() -> None:
    needs = [need("plugin.node", NeedClass.BUNDLED)]
    (missed,) = find_missed(needs, [elf("x/plugin.node")], "x86_64")
    assert missed.reason is MissReason.FILE_NAME


def test_a_sibling_that_has_it_as_soname_alone_is_missed() -> None:
    path = "ngsolve_openblas/libopenblasp-r0.3.33.so"
    renamed = need("libopenblas.so.0", NeedClass.SIBLING, brought(path, by_soname=True))
    assert find_missed([renamed], [], "x86_64") == (
        Missed(
            soname="libopenblas.so.0",
            reason=MissReason.FILE_NAME,
            file="libopenblasp-r0.3.33.so",
            distribution="ngsolve-openblas",
        ),
    )
    named = need("libopenblas.so.0", NeedClass.SIBLING, brought("n/libopenblas.so.0", by_soname=False))
    assert find_missed([named], [], "x86_64") == ()


@pytest.mark.parametrize(
    ("fits", "reason"),
    [(True, None), (False, MissReason.OTHER_PYTHON), (None, MissReason.SOME_PYTHON)],
)
def test_the_library_of_an_interpreter_that_may_not_be_there_is_missed(
    fits: bool | None, reason: MissReason | None
) -> None:
    why = OfInterpreter(version="3.7", fits=fits)
    found = find_missed([need("libpython3.7m.so.1.0", NeedClass.PYTHON, why)], [], "x86_64")
    assert [missed.reason for missed in found] == ([reason] if reason else [])


def test_an_opening_through_origin_is_lost_where_the_run_path_is_written_anew() -> None:
    objects = [elf(TBB, needed=["libstdc++.so.6"], rpath=["$ORIGIN"]), elf(MALLOC)]
    needs = [need("libstdc++.so.6", NeedClass.PROVIDED)]
    lost = LostOpening(file=TBB, name="libtbbmalloc.so.2", entry="$ORIGIN", path=MALLOC)
    hints = [opens(TBB, "libother.so", "libtbb.so.12", "libtbbmalloc.so.2")]
    assert find_lost_openings(objects, hints, needs, "x86_64") == (lost,)
    assert find_lost_openings(objects, [opens(TBB, noted="libtbbmalloc.so.2")], needs, "x86_64") == (lost,)
    assert find_lost_openings(objects, hints, needs, "aarch64") == ()


def test_an_opening_is_kept_where_nothing_is_found_for_the_file() -> None:
    objects = [elf(TBB, needed=["libc.so.6"], rpath=["$ORIGIN"]), elf(MALLOC)]
    needs = [need("libc.so.6", NeedClass.LIBC)]
    assert find_lost_openings(objects, [opens(TBB, "libtbbmalloc.so.2")], needs, "x86_64") == ()


def test_an_opening_is_kept_where_a_needed_library_lies_in_the_same_directory() -> None:
    objects = [
        elf(TBB, needed=["libstdc++.so.6", "libtcm.so"], rpath=["$ORIGIN"]),
        elf(MALLOC),
        elf("ov/libs/libtcm.so"),
    ]
    needs = [need("libstdc++.so.6", NeedClass.PROVIDED), need("libtcm.so", NeedClass.BUNDLED)]
    assert find_lost_openings(objects, [opens(TBB, "libtbbmalloc.so.2")], needs, "x86_64") == ()
    twice = [*objects, elf("other/libtcm.so")]  # whose directory is taken cannot be told
    assert len(find_lost_openings(twice, [opens(TBB, "libtbbmalloc.so.2")], needs, "x86_64")) == 1


@pytest.mark.parametrize("rpath", [["${ORIGIN}"], ["/opt/lib"], []])
def test_an_opening_that_no_option_mends_is_not_listed(rpath: list[str]) -> None:
    objects = [elf(TBB, needed=["libstdc++.so.6"], rpath=rpath), elf(MALLOC)]
    needs = [need("libstdc++.so.6", NeedClass.PROVIDED)]
    assert find_lost_openings(objects, [opens(TBB, "libtbbmalloc.so.2")], needs, "x86_64") == ()
