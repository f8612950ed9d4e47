"""The plan for what a wheel opens by name, from its sources to the parts of an override."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.support.facts import open_table
from tests.support.objects import elf, wheel
from tests.support.sources import find_python_dlopen
from wheelfix.model.elf import ElfObject, ElfTraits
from wheelfix.model.hints import DlopenNote, ElfHints
from wheelfix.model.reading import Reading
from wheelfix.model.scan import WheelScan
from wheelfix.override.openings import OpenedPlan, plan_openings
from wheelfix.scan.conclude import conclude

C = "import ctypes\n"
F = "from ctypes.util import find_library\n"
SND = "libsndfile.so.1"


def scan(
    sources: Mapping[str, str],
    objects: Sequence[ElfObject] = (),
    strings: Mapping[str, Sequence[str]] = {},
    notes: Mapping[str, Sequence[DlopenNote]] = {},
) -> WheelScan:
    uses = [find_python_dlopen(path, source.encode()) for path, source in sources.items()]
    hints = [
        ElfHints(
            path=path,
            traits=ElfTraits(path=path, machine="x86_64"),
            strings=tuple(strings.get(path, ())),
            notes=tuple(notes.get(path, ())),
        )
        for path in {**strings, **notes}
    ]
    reading = Reading(
        distribution=wheel(files=[*sources, *(o.path for o in objects)]),
        objects=tuple(objects),
        hints=tuple(hints),
        uses=tuple(use for use in uses if use.calls),
    )
    return conclude(reading, open_table())


def plan(sources: Mapping[str, str], *more: str, known: bool = True) -> OpenedPlan:
    return make_plan(scan(sources), [*sources, *more] if known else [])


def make_plan(found: WheelScan, files: Sequence[str] = ()) -> OpenedPlan:
    return plan_openings(found.openings, files, needs=found.used, attributes=found.attributes)


def test_substitution() -> None:
    found = plan({"demo/a.py": f"{C}ctypes.CDLL('{SND}')"})
    (one,) = found.substitutions
    assert (one.file, one.edit.old, one.library.attr) == ("demo/a.py", f"'{SND}'", "libsndfile")
    assert one.library.path == f"/lib/{SND}"
    assert one.library.reason == f'demo/a.py: ctypes.CDLL("{SND}"), line 2'
    assert (found.shim, found.rest, found.runpaths, found.inputs) == (None, (), (), ())


def test_both_forms_in_one_file() -> None:
    source = f"import os\n{C}ctypes.CDLL('{SND}')\nfor v in (1,): ctypes.CDLL('libmagic.so.%d' % v)\n"
    found = plan({"demo/a.py": source})
    assert [one.library.path for one in found.substitutions] == [f"/lib/{SND}"]
    assert found.shim
    assert [name for name, _ in found.shim.libraries] == ["libmagic.so.1"]
    assert (found.shim.anchors, found.shim.sources) == ((("demo/a.py", "import os"),), 1)


def test_driver_is_answered_by_a_shim_at_its_place() -> None:
    found = plan({"demo/a.py": f"{C}ctypes.CDLL('libcuda.so.1')"})
    assert found.substitutions == ()
    assert found.shim
    ((name, library),) = found.shim.libraries
    assert (name, library.attr, library.path) == ("libcuda.so.1", "", "/run/opengl-driver/lib/libcuda.so.1")


HARD = f"{C}n = '%s.so.1' % 'libsndfile'\nctypes.CDLL(n)\n"


@pytest.mark.parametrize(
    ("file", "more", "known", "modules"),
    [
        ("demo/a.py", ["demo/__init__.py"], True, ("demo",)),
        ("demo/sub/a.py", ["demo/__init__.py"], True, ("demo",)),
        ("demo/__init__.py", [], True, ("demo",)),
        ("single.py", [], True, ("single",)),
        ("space/demo/a.py", ["space/demo/__init__.py"], True, ("space.demo",)),
        ("space/demo/__init__.py", ["space/demo/__init__.py"], True, ("space.demo",)),
        ("space/a.py", [], True, ("space.a",)),
        ("space/demo/a.py", ["other/__init__.py"], True, ("space.demo.a",)),
        ("demo/a.py", [], False, ("demo",)),
        ("demo-1.0.data/purelib/demo/a.py", ["demo-1.0.data/purelib/demo/__init__.py"], True, ("demo",)),
        ("demo-1.0.data/platlib/single.py", [], True, ("single",)),
    ],
)
def test_modules_of_a_shim(file: str, more: list[str], known: bool, modules: tuple[str, ...]) -> None:
    shim = plan({file: HARD}, *more, known=known).shim
    assert shim
    assert shim.modules == modules


@pytest.mark.parametrize("file", ["demo-1.0.data/scripts/run.py", "demo-1.0.data/data/share/a.py"])
def test_what_is_outside_of_site_packages_has_no_code(file: str) -> None:
    found = plan({file: HARD})
    assert (found.shim, found.substitutions) == (None, ())
    assert [one.file for one in found.rest] == [file]


def test_only_files_with_a_version_are_loaded_in_advance() -> None:
    names = f"from cffi import FFI\nffi = FFI()\nn = '%s.so.1' % 'libsndfile'\nffi.dlopen(n)\n{HARD}"
    shim = plan({"demo/a.py": names}, "demo/_native.abi3.so").shim
    assert shim
    assert shim.preload == (SND,)
    pure = plan({"demo/a.py": names}).shim
    assert pure
    assert pure.preload == (), "nothing but Python code can open it"


def test_all_that_one_call_opens_is_found() -> None:
    each = "ctypes.CDLL(n, ctypes.RTLD_GLOBAL)"
    loop = f"{C}for n in ('libz.so.1', 'libusb-1.0.so.0', 'libmagic.so.1'):\n    {each}\n"
    found = plan({"demo/a.py": loop})
    assert found.rest == ()
    names = {one.name for one in found.substitutions} | {
        n for s in filter(None, [found.shim]) for n, _ in s.libraries
    }
    assert names == {"libz.so.1", "libusb-1.0.so.0", "libmagic.so.1"}


@pytest.mark.parametrize(
    "source",
    [
        f"{C}for n in NAMES:\n    try: lib = ctypes.CDLL(n)\n    except OSError: continue\n    break\n",
        f"{C}def load():\n for n in NAMES:\n  try: return ctypes.CDLL(n)\n  except OSError: pass\n",
        f"{F}lib = next((p for n in ('usb-1.0', 'magic') if (p := find_library(n))), None)\n",
        f"{F}for n in ('usb-1.0', 'magic'):\n    p = find_library(n)\n    if p: break\n",
        f"{C}def load(*names):\n    for n in names:\n        if n: return ctypes.CDLL(n)\nload(*NAMES)",
    ],
)
def test_of_alternatives_the_first_is_found(source: str) -> None:
    found = plan({"demo/a.py": source.replace("NAMES", "('libusb-1.0.so.0', 'libmagic.so.1')")})
    attrs = {one.library.attr for one in found.substitutions}
    attrs |= {library.attr for _, library in found.shim.libraries} if found.shim else set()
    assert attrs == {"libusb1"}


def test_a_plain_name_is_found_beside_an_absolute_path() -> None:
    guarded = (
        f"import os\n{C}for p in ('/usr/lib/libmagic.so.1', '/opt/lib/libmagic.so.1'):\n"
        "    if os.path.exists(p): break\nelse: p = 'libmagic.so.1'\nctypes.CDLL(p)\n"
    )
    found = plan({"demo/a.py": guarded})
    names = {one.name for one in found.substitutions} | {
        n for s in filter(None, [found.shim]) for n, _ in s.libraries
    }
    assert "libmagic.so.1" in names


def test_the_c_library_of_others_is_no_answer() -> None:
    assert (
        plan({"demo/a.py": f"{C}for n in ('libc.so.6', 'libc.so.0', 'libc.so'):\n    ctypes.CDLL(n)\n"})
        == OpenedPlan()
    )


@pytest.mark.parametrize(
    ("names", "attrs", "ignored"),
    [
        ((SND,), ["libsndfile"], []),
        (("libnobody.so.3",), [], ["libnobody.so.3"]),
        (("libnobody.so.3", "libnobody.so.2"), [], ["any(libnobody.so.3, libnobody.so.2)"]),
        (("libcuda.so.1",), [], ["libcuda.so.1"]),
        (("libnobody.so.3", SND), ["libsndfile"], []),
        (("libm.so.6", "libnobody.so.3"), [], []),
    ],
)
def test_what_a_note_names_is_an_input_or_ignored(
    names: tuple[str, ...], attrs: list[str], ignored: list[str]
) -> None:
    note = DlopenNote(sonames=names, feature=None, description=None, priority="suggested")
    found = make_plan(scan({}, [elf("demo/x.so")], {}, {"demo/x.so": [note]}))
    assert [one.attr for one in found.inputs] == attrs
    assert [one.soname for one in found.ignored] == ignored


def test_sources_without_a_start_are_counted() -> None:
    shim = plan(
        {"demo/a.py": f"import os\n{HARD}", "demo/b.py": f"if 1:\n    {HARD.replace(chr(10), '; ')}"}
    ).shim
    assert shim
    assert (shim.sources, [file for file, _ in shim.anchors]) == (2, ["demo/a.py"])


def test_strings_of_elf_files() -> None:
    found = make_plan(scan({}, [elf("demo/x.so")], {"demo/x.so": [SND, "libcuda.so.1"]}))
    assert [(one.attr, one.directory) for one in found.runpaths] == [("libsndfile", "lib")]
    assert found.driver == ("libcuda.so.1",)
    # What auto-patchelf puts into the run path anyway is not repeated.
    linked = scan({}, [elf("demo/x.so", needed=["libsndfile.so.1"])], {"demo/x.so": ["libsndfile.so"]})
    assert make_plan(linked).runpaths == ()


def test_every_opening_is_somewhere() -> None:
    source = f"{C}{F}ctypes.CDLL('{SND}')\nctypes.CDLL('libno-such-thing.so.1')\nfind_library('magic')\n"
    found = plan({"demo/a.py": source, "demo-1.0.data/scripts/run.py": HARD})
    assert len(found.substitutions) == 1
    assert found.shim
    assert [name for name, _ in found.shim.libraries] == ["libmagic.so"]
    assert [(one.file, one.names) for one in found.rest] == [
        ("demo-1.0.data/scripts/run.py", (SND,)),
        ("demo/a.py", ("libno-such-thing.so.1",)),
    ]
