from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.objects import elf
from wheelfix.model.elf import ElfObject, ElfTraits
from wheelfix.model.hints import DlopenNote, ElfHints
from wheelfix.model.scan import Dlopen
from wheelfix.scan.openings import select_dlopen


def hint(path: str, *strings: str, notes: Sequence[DlopenNote] = ()) -> ElfHints:
    return ElfHints(
        path=path, traits=ElfTraits(path=path, machine="x86_64"), notes=tuple(notes), strings=strings
    )


def note(*sonames: str, description: str | None = None) -> DlopenNote:
    return DlopenNote(sonames=sonames, feature=None, description=description, priority="required")


def opened(soname: str, path: str = "a.py") -> Dlopen:
    return Dlopen(soname=soname, found_in=path, evidence="a call")


def select(
    objects: Sequence[ElfObject] = (), hints: Sequence[ElfHints] = (), sources: Sequence[Dlopen] = ()
) -> list[str]:
    found = select_dlopen(objects, hints, sources, machine="x86_64", is_libc=is_libc)
    return [d.soname for d in found]


def is_libc(soname: str, machine: str) -> bool:
    return machine == "x86_64" and soname in {"libc.so.6", "libm.so.6", "libdl.so.2"}


def test_what_loads_already_is_left_out() -> None:
    objects = [elf("a.so", needed=["libneeded.so.1"], soname="liba.so.1"), elf("libb.so")]
    strings = hint("a.so", "libneeded.so.1", "liba.so.1", "libb.so", "/opt/libb.so", "libc.so.6", "libx.so.1")
    assert select(objects, [strings]) == ["libx.so.1"]


@pytest.mark.parametrize("soname", ["libm.so", "libdl.so", "libc.so.6", "libpython3.12.so.1.0"])
def test_c_library_and_python_are_always_there(soname: str) -> None:
    assert select(sources=[opened(soname)]) == []


@pytest.mark.parametrize(
    "soname", ["x.dll", "libx.dylib", "x", "", "./libx.so", "a/libx.so", "Foo.framework/Foo.so"]
)
def test_names_for_other_systems_and_relative_paths(soname: str) -> None:
    assert select(sources=[opened(soname)]) == []


def test_unversioned_name_yields_to_a_versioned_one() -> None:
    assert select(sources=[opened("libcuda.so"), opened("libcuda.so.1"), opened("libx.so")]) == [
        "libcuda.so.1",
        "libx.so",
    ]
    linked = [elf("a.so", needed=["libcuda.so.1"])]
    assert select(linked, sources=[opened("libcuda.so")]) == ["libcuda.so"]
    assert select(linked, [hint("b.so", "libcuda.so", "libcuda.so.1")]) == []


@pytest.mark.parametrize(
    ("member", "soname"),
    [
        ("libhdf5-9e18f0c6.so.320.0.0", "libhdf5.so.320"),
        ("libcrypto-5409cd36.so.1.1.1k", "libcrypto.so.1.1"),
        ("libSDL2-2-1667c208.0.so.0.2800.4", "libSDL2-2.0.so.0"),
        ("libdw-0-780627ce.176.so", "libdw.so.1"),
        ("libgomp-e985bcbb.so.1.0.0", "libgomp.so.1"),
        ("libgfortran-daac5196-038a5e3c.so.5.0.0", "libgfortran.so.5"),
        ("libgdal-demo-e8f6bdb0.so.35.3.9.2", "libgdal.so.35"),
    ],
)
def test_string_left_behind_by_auditwheel(member: str, soname: str) -> None:
    objects = [elf(f"demo.libs/{member}"), elf("a.so")]
    assert select(objects, [hint("a.so", soname)]) == []
    # A call is a call, whatever the wheel carries under another name.
    assert select(objects, [], [opened(soname)]) == [soname]


def test_renamed_member_hides_no_other_library() -> None:
    objects = [elf("demo.libs/libX11-xcb-0123abcd.so.1.0.0"), elf("demo.libs/libssl-0123abcd.so.1.1")]
    assert select(objects, [hint("a.so", "libX11.so.6", "libssl.so.3")]) == ["libX11.so.6", "libssl.so.3"]


def test_strongest_evidence_speaks_and_counts_the_others() -> None:
    (found,) = select_dlopen(
        [elf("a.so"), elf("b.so")],
        [hint("b.so", "libx.so.1"), hint("a.so", notes=[note("libx.so.1", description="sound")])],
        [opened("libx.so.1", "c.py"), opened("libx.so.1", "d.py")],
        machine="x86_64",
        is_libc=is_libc,
    )
    assert found == Dlopen(
        soname="libx.so.1",
        found_in="a.so",
        evidence=".note.dlopen, required: sound; 3 more files name it",
    )


def test_alternatives_of_a_note_name_each_other() -> None:
    found = select_dlopen(
        [elf("a.so")],
        [hint("a.so", notes=[note("libx.so.2", "libx.so.1")])],
        [],
        machine="x86_64",
        is_libc=is_libc,
    )
    assert [(d.soname, d.evidence) for d in found] == [
        ("libx.so.1", ".note.dlopen, required (or libx.so.2)"),
        ("libx.so.2", ".note.dlopen, required (or libx.so.1)"),
    ]


def test_same_result_in_any_order() -> None:
    hints = [hint("b.so", "liba.so.1", "libb.so.1"), hint("a.so", "liba.so.1")]
    sources = [opened("libc.so.9"), opened("liba.so.1")]
    one = select_dlopen([], hints, sources, machine="x86_64", is_libc=is_libc)
    two = select_dlopen([], hints[::-1], sources[::-1], machine="x86_64", is_libc=is_libc)
    assert one == two
