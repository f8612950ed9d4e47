"""In which form code answers an opening, and where there is none."""

from __future__ import annotations

import pytest

from tests.support.facts import open_table
from tests.support.objects import elf, provider, wheel
from tests.support.sources import find_python_dlopen
from wheelfix.model.backends import Backend
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.hints import CalledName, DlopenNote, OpeningKind, SourceCall, SourceEdit
from wheelfix.model.index import Attribute
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Held, Need, Opening, OpeningForm
from wheelfix.scan.conclude import conclude
from wheelfix.scan.openings import choose_form, hold_back

EDIT = SourceEdit(old="'x'", before="'", after="'")
CLOSED = Attribute(attr="closed", unfree=True)


def called(*names: str, edit: SourceEdit | None = EDIT, at_import: bool = False) -> SourceCall:
    return SourceCall(
        kind=OpeningKind.CTYPES,
        line=3,
        function="ctypes.CDLL",
        variable="",
        names=tuple(CalledName(name=n, text=n, line=3, inside=True, edit=edit) for n in names),
        optional=False,
        at_import=at_import,
    )


def opening(
    name: str, attr: str = "x", *, call: SourceCall | None = None, file: str = "a.so", optional: bool = False
) -> Opening:
    """An opening that is answered; a string of an ELF file, or a call."""
    made = Opening(
        file=file,
        kind=call.kind if call else OpeningKind.STRING,
        names=(name,),
        answered=name,
        optional=optional,
        need_class=NeedClass.PROVIDED,
        providers=(provider(attr, name),),
        call=call,
    )
    return replace(made, form=choose_form(made, name, NeedClass.PROVIDED))


def need(soname: str, attr: str, *, used: bool = True) -> Need:
    (found,) = conclude(
        Reading(distribution=wheel(), objects=(elf("demo/x.so", needed=[soname]),)), open_table()
    ).needs
    found = replace(found, providers=(provider(attr, soname),), need_class=NeedClass.PROVIDED)
    return found if used else replace(found, optional="a plugin")


def hold(*openings: Opening, **options: object) -> list[Held | None]:
    given: dict[str, object] = {"objects": (), "needs": (), "attributes": {"closed": CLOSED}, **options}
    found = hold_back(openings, **given)  # type: ignore[arg-type]
    assert [o.form is OpeningForm.NONE for o in found] == [o.held is not None for o in found]
    for one, before in zip(found, openings, strict=True):
        assert replace(one, form=before.form, held=None, permissions=()) == before
    return [one.held for one in found]


@pytest.mark.parametrize("need_class", NeedClass)
def test_form(need_class: NeedClass) -> None:
    name = "libx.so.1"
    elf_file = opening(name)
    proved, unproved = opening(name, call=called(name)), opening(name, call=called(name, edit=None))
    forms = [choose_form(one, name, need_class) for one in (elf_file, proved, unproved)]
    none = OpeningForm.NONE
    expected = {
        NeedClass.PROVIDED: [OpeningForm.RUN_PATH, OpeningForm.SUBSTITUTE, OpeningForm.SHIM],
        # Where a driver is differs from system to system.
        NeedClass.DRIVER: [OpeningForm.RUN_PATH, OpeningForm.SHIM, OpeningForm.SHIM],
    }
    assert forms == expected.get(need_class, [none] * 3)


def test_edit_of_another_name_is_no_form() -> None:
    call = called("liba.so.1", "libb.so.1")
    call = replace(call, names=(call.names[0], replace(call.names[1], edit=None)))
    both = replace(opening("liba.so.1", call=call), names=("liba.so.1", "libb.so.1"))
    assert choose_form(both, "liba.so.1", NeedClass.PROVIDED) is OpeningForm.SUBSTITUTE
    assert choose_form(both, "libb.so.1", NeedClass.PROVIDED) is OpeningForm.SHIM


@pytest.mark.parametrize(
    ("member", "name", "carried"),
    [
        ("libx.so", "libx.so.1", True),
        ("libx.so.1.2", "libx.so.1", True),
        ("libx_x86_64.so", "libx.so.1", True),
        ("libx-amd64.so", "libx.so", True),
        ("libx_linux-64.so", "libx.so", True),
        ("libx-01234567.so.1", "libx.so.1", True),
        ("libx-0123456.so.1", "libx.so.1", False),
        ("libxy.so.1", "libx.so.1", False),
        ("libx.so.1", "libxy.so.1", False),
        ("libx-extra.so.1", "libx.so.1", False),
        ("libx.so.1", "/usr/lib/libx.so.1", True),
    ],
)
def test_what_a_wheel_carries_itself(member: str, name: str, carried: bool) -> None:
    held = [Held.CARRIED if carried else None]
    one = opening(name, call=called(name))
    assert hold(one, objects=[elf(f"demo/{member}")]) == held
    assert hold(one, objects=[elf(f"demo/{member}")], prefer=["x"]) == [None]
    assert hold(one, objects=[elf(f"demo/{member}")], prefer=["y"]) == held


def test_newest_of_one_file() -> None:
    names = ["libx.so.9", "libx.so.10", "libx.so", "liby.so.1"]
    strings = [opening(name) for name in names]
    assert hold(*strings) == [Held.NEWER, None, Held.NEWER, None]
    # Another file is another program; a call is no guess.
    other = opening("libx.so.9", file="b.so")
    assert hold(*strings, other, opening("libx.so.9", call=called("libx.so.9")))[4:] == [None, None]
    assert hold(*strings, prefer=["x"]) == [None] * 4


def test_unanswered_versions_count_for_nothing() -> None:
    unknown = replace(
        opening("libx.so.11"), form=OpeningForm.NONE, need_class=NeedClass.UNKNOWN, providers=()
    )
    (old, _) = hold_back([opening("libx.so.10"), unknown], (), (), {})
    assert old.held is None


def test_other_gpu() -> None:
    one = opening("libamdhip64.so.6", "rocmPackages.clr", call=called("libamdhip64.so.6", at_import=True))
    assert hold(one) == [Held.OTHER_GPU]
    assert hold(one, gpu=Backend(name="cuda")) == [Held.OTHER_GPU]
    assert hold(one, gpu=Backend(name="rocm")) == [None]
    assert hold(one, prefer=["rocmPackages.clr"]) == [None]
    linked = need("librocm.so.1", "rocmPackages.rocblas")
    assert hold(one, needs=[linked]) == [None]


def test_what_nixpkgs_refuses() -> None:
    name = "libclosed.so.1"
    late, at_import = called(name), called(name, at_import=True)
    assert hold(opening(name, "closed")) == [Held.REFUSED]
    assert hold(opening(name, "closed", call=late)) == [Held.REFUSED]
    assert hold(opening(name, "closed", call=at_import, optional=True)) == [Held.REFUSED]
    # The import of the package fails without it.
    assert hold(opening(name, "closed", call=at_import)) == [None]
    assert hold(opening(name, "closed"), prefer=["closed"]) == [None]
    # The permission is needed anyway.
    assert hold(opening(name, "closed"), needs=[need("liby.so.1", "closed")]) == [None]
    both = {"closed": CLOSED, "other": Attribute(attr="other", unfree=True)}
    needs = [need("liby.so.1", "other")]
    assert hold(opening(name, "closed"), needs=needs, attributes=both) == [None]
    insecure = {**both, "closed": replace(CLOSED, insecure=True)}
    assert hold(opening(name, "closed"), needs=needs, attributes=insecure) == [Held.REFUSED]


def test_what_has_no_code_is_not_held() -> None:
    driver = replace(opening("libcuda.so.1"), need_class=NeedClass.DRIVER, providers=())
    unknown = replace(driver, need_class=NeedClass.UNKNOWN, form=OpeningForm.NONE)
    found = hold_back([driver, unknown], [elf("demo/libcuda.so.1")], (), {})
    assert found == (driver, unknown)


def find(source: str) -> tuple[Opening, ...]:
    """The openings of a real source, answered from the table that is shipped."""
    use = find_python_dlopen("demo/a.py", source.encode())
    reading = Reading(distribution=wheel(files=["demo/a.py"]), objects=(), uses=(use,))
    return conclude(reading, open_table()).openings


def test_letters_of_other_systems() -> None:
    (one,) = find("from ctypes.util import find_library\nfind_library('SNDFILE')")
    assert (one.answered, one.need_class) == ("libSNDFILE.so", NeedClass.PROVIDED)
    assert one.providers[0].path.startswith("/lib/libsndfile.so")
    # A name with a version is what the loader gets: it is spelled as it is.
    (one,) = find("import ctypes\nctypes.CDLL('libSNDFILE.so.1')")
    assert one.need_class is NeedClass.UNKNOWN


def test_spelled_names_of_the_table() -> None:
    table = open_table()
    assert table.find_spelled("LIBSNDFILE.SO.1") == "libsndfile.so.1"
    assert table.find_spelled("libno-such-thing.so.1") is None
    assert table.find_spelled("libsndfile.so.%") is None
    assert table.find_spelled("") is None


def test_other_calls_keep_their_names() -> None:
    source = "import ctypes\nctypes.CDLL('libsndfile.so.1')\nctypes.CDLL('libsndfile.so')\n"
    assert [one.names for one in find(source)] == [("libsndfile.so.1",), ("libsndfile.so",)]
    loop = "import ctypes\nfor n in ('libsndfile.so', 'libsndfile.so.1'): ctypes.CDLL(n)\n"
    assert [one.names for one in find(loop)] == [("libsndfile.so", "libsndfile.so.1")]


def test_note_is_an_input_and_never_held_for_its_version() -> None:
    note = DlopenNote(sonames=("libx.so.1",), feature=None, description=None, priority="required")
    one = replace(opening("libx.so.1"), kind=OpeningKind.NOTE, note=note)
    assert hold(one, opening("libx.so.2")) == [None, None]
