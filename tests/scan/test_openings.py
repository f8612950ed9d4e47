from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.objects import elf, provider
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject, ElfTraits
from wheelfix.model.hints import CalledName, DlopenNote, ElfHints, OpeningKind, SourceCall, SourceUse
from wheelfix.model.index import Lookup
from wheelfix.model.scan import Held, Known, Need, Opening, OpeningForm
from wheelfix.scan.decide import decide
from wheelfix.scan.needs import NOBODY, find_cases, make_want
from wheelfix.scan.openings import answer_opening, find_answer, group_by_name, hold_back, select_openings
from wheelfix.scan.sentences import say_opening, say_openings


def hint(path: str, *strings: str, notes: Sequence[DlopenNote] = ()) -> ElfHints:
    return ElfHints(
        path=path, traits=ElfTraits(path=path, machine="x86_64"), notes=tuple(notes), strings=strings
    )


def note(*sonames: str, description: str | None = None, priority: str = "required") -> DlopenNote:
    return DlopenNote(sonames=sonames, feature=None, description=description, priority=priority)


def opened(
    *names: str, path: str = "a.py", kind: OpeningKind = OpeningKind.CTYPES, optional: bool = False
) -> SourceUse:
    called = tuple(CalledName(name=name, text=name, line=3, inside=True) for name in names)
    call = SourceCall(kind=kind, line=3, function="ctypes.CDLL", variable="", names=called, optional=optional)
    return SourceUse(path=path, calls=(call,))


def choose(
    objects: Sequence[ElfObject] = (), hints: Sequence[ElfHints] = (), uses: Sequence[SourceUse] = ()
) -> tuple[Opening, ...]:
    return select_openings(objects, hints, uses, machine="x86_64", is_libc=is_libc)


def select(
    objects: Sequence[ElfObject] = (), hints: Sequence[ElfHints] = (), uses: Sequence[SourceUse] = ()
) -> list[str]:
    return list(group_by_name(choose(objects, hints, uses)))


def is_libc(soname: str, machine: str) -> bool:
    return machine == "x86_64" and soname in {"libc.so.6", "libm.so.6", "libdl.so.2"}


def test_what_loads_already_is_left_out() -> None:
    objects = [elf("a.so", needed=["libneeded.so.1"], soname="liba.so.1"), elf("libb.so")]
    strings = hint("a.so", "libneeded.so.1", "liba.so.1", "libb.so", "/opt/libb.so", "libc.so.6", "libx.so.1")
    assert select(objects, [strings]) == ["libx.so.1"]


@pytest.mark.parametrize("soname", ["libm.so", "libdl.so", "libc.so.6", "libpython3.12.so.1.0"])
def test_c_library_and_python_are_always_there(soname: str) -> None:
    assert choose(uses=[opened(soname)]) == ()


@pytest.mark.parametrize(
    "soname", ["x.dll", "libx.dylib", "x", "", "./libx.so", "a/libx.so", "Foo.framework/Foo.so"]
)
def test_names_for_other_systems_and_relative_paths(soname: str) -> None:
    assert choose(uses=[opened(soname)]) == ()


def test_unversioned_string_yields_to_a_versioned_one() -> None:
    assert select(uses=[opened("libcuda.so", "libcuda.so.1")]) == ["libcuda.so", "libcuda.so.1"]
    # Another call is another way in: python-vlc opens libvlc.so.5 only if find_library("vlc") lies.
    assert select(uses=[opened("libvlc.so"), opened("libvlc.so.5")]) == ["libvlc.so", "libvlc.so.5"]
    linked = [elf("a.so", needed=["libcuda.so.1"])]
    assert select(linked, uses=[opened("libcuda.so")]) == ["libcuda.so"]
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
    assert choose(objects, [hint("a.so", soname)]) == ()
    # A call is a call, whatever the wheel carries under another name.
    assert select(objects, [], [opened(soname)]) == [soname]


def test_renamed_member_hides_no_other_library() -> None:
    objects = [elf("demo.libs/libX11-xcb-0123abcd.so.1.0.0"), elf("demo.libs/libssl-0123abcd.so.1.1")]
    assert select(objects, [hint("a.so", "libX11.so.6", "libssl.so.3")]) == ["libX11.so.6", "libssl.so.3"]


def test_names_inside_an_opening_keep_their_order() -> None:
    objects = [elf("libown.so.1")]
    found = choose(objects, uses=[opened("libz.so.2", "libown.so.1", "x.dll", "liba.so.1", "libz.so")])
    assert [o.names for o in found] == [("libz.so.2", "liba.so.1", "libz.so")]


def test_every_place_is_an_opening() -> None:
    found = choose(
        [elf("a.so"), elf("b.so")],
        [hint("b.so", "libx.so.1", "liby.so.1"), hint("a.so", "libx.so.1")],
        [opened("libx.so.1", path="d.py"), opened("libx.so.1", path="c.py")],
    )
    assert [(o.file, o.line, o.kind.value, o.names) for o in found] == [
        ("a.so", None, "string", ("libx.so.1",)),
        ("b.so", None, "string", ("libx.so.1",)),
        ("b.so", None, "string", ("liby.so.1",)),
        ("c.py", 3, "ctypes", ("libx.so.1",)),
        ("d.py", 3, "ctypes", ("libx.so.1",)),
    ]


def test_strongest_evidence_speaks_and_counts_the_others() -> None:
    found = choose(
        [elf("a.so"), elf("b.so")],
        [hint("b.so", "libx.so.1"), hint("z.so", notes=[note("libx.so.1", description="sound")])],
        [opened("libx.so.1", path="c.py"), opened("libx.so.1", path="d.py")],
    )
    openings = group_by_name(found)["libx.so.1"]
    assert [o.file for o in openings] == ["z.so", "c.py", "d.py", "b.so"]
    assert say_openings(openings, "libx.so.1", None) == ".note.dlopen, required: sound; 3 more files name it"
    assert say_openings(openings[:2], "libx.so.1", None).endswith("; 1 more file name it")


def test_note_with_alternatives_is_one_opening() -> None:
    entry = note("libx.so.2", "libx.so.1", priority="suggested")
    (found,) = choose([elf("a.so")], [hint("a.so", "libx.so.1", "libx.so.2", notes=[entry])])
    assert (found.kind, found.names, found.note) == (OpeningKind.NOTE, ("libx.so.2", "libx.so.1"), entry)
    assert say_opening(found, "libx.so.1") == ".note.dlopen, suggested (or libx.so.2)"


@pytest.mark.parametrize(
    ("priority", "optional"), [("required", False), ("recommended", True), ("suggested", True)]
)
def test_note_says_whether_failing_is_survived(priority: str, optional: bool) -> None:
    (found,) = choose([elf("a.so")], [hint("a.so", notes=[note("libx.so.2", priority=priority)])])
    assert found.optional is optional


def test_call_says_whether_failing_is_survived() -> None:
    found = choose(uses=[opened("libx.so.1", optional=True), opened("liby.so.1", path="b.py")])
    assert [o.optional for o in found] == [True, False]


def test_same_result_in_any_order() -> None:
    hints = [hint("b.so", "liba.so.1", "libb.so.1"), hint("a.so", "liba.so.1")]
    sources = [opened("libc.so.9"), opened("liba.so.1")]
    assert choose([], hints, sources) == choose([], hints[::-1], sources[::-1])


def facts(name: str, *attrs: str, rivals: Sequence[str] = (), driver: str | None = None) -> Known:
    lookup = Lookup(
        soname=name, providers=tuple(provider(attr, name) for attr in attrs), rivals=tuple(rivals)
    )
    return Known(soname=name, machine="x86_64", lookup=lookup, driver=driver)


def decide_all(*known: Known) -> dict[str, Need]:
    table = {(fact.soname, fact.machine): fact for fact in known}
    cases = find_cases(NOBODY, [make_want(fact.soname, fact.machine) for fact in known], table, {})
    return {trace.need.soname: trace.need for trace in decide(cases)}


def answer(names: Sequence[str], *known: Known) -> tuple[NeedClass | None, list[str]]:
    (opening,) = choose(uses=[opened(*names)])
    found = answer_opening(opening, decide_all(*known))[0]
    return found.need_class, [p.attr for p in found.providers]


def test_each_answer_of_an_opening() -> None:
    name = "libx.so.1"
    assert answer([name], facts(name, "x", "other")) == (NeedClass.PROVIDED, ["x", "other"])
    assert answer([name], facts(name, "x", "y", rivals=["x", "y"])) == (NeedClass.AMBIGUOUS, ["x", "y"])
    assert answer([name], facts(name, "zluda", driver="GPU")) == (NeedClass.DRIVER, [])
    assert answer([name], facts(name)) == (NeedClass.UNKNOWN, [])


def test_first_name_with_an_answer_answers() -> None:
    names = ["liba.so.1", "libb.so.1", "libd.so.1", "libb.so.2", "/usr/lib/libb.so.1"]
    known = [facts("liba.so.1"), facts("libb.so.1", "b"), facts("libd.so.1", "d"), facts("libb.so.2", "b2")]
    assert answer(names[:4], *known) == (NeedClass.PROVIDED, ["b"])
    (opening,) = choose(uses=[opened(*names)])
    decided = decide_all(*known)
    found = answer_opening(opening, {**decided, names[4]: decided["libb.so.1"]})
    # A call may open all of them, but not two versions of one library.
    assert [one.answered for one in found] == ["libb.so.1", "libd.so.1", "/usr/lib/libb.so.1"]
    assert all(one.names == tuple(names) for one in found)
    assert [find_answer(found, name) for name in names[:3]] == [None, found[0], found[1]]


def test_program_needs_no_library() -> None:
    (found,) = choose(uses=[opened("/sbin/ldconfig", kind=OpeningKind.PROGRAM)])
    assert (found.names, answer_opening(found, {})[0].need_class) == (("/sbin/ldconfig",), None)
    assert group_by_name([found]) == {}


def test_of_two_versions_in_one_file_the_newest_is_kept_whatever_directory_is_before_it() -> None:
    openings = [
        Opening(
            file="a.so",
            kind=OpeningKind.STRING,
            names=(name,),
            answered=name,
            need_class=NeedClass.PROVIDED,
            providers=(provider("x", "libx.so.2"),),
            form=OpeningForm.RUN_PATH,
        )
        for name in ("/usr/lib64/libx.so.1", "libx.so.2", "/usr/lib64/liby.so.1")
    ]
    assert [one.held for one in hold_back(openings, [], [], {})] == [Held.NEWER, None, None]
