from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.counting import count_calls
from tests.support.sources import find_python_dlopen
from wheelfix.model.base import replace
from wheelfix.model.hints import CalledName, OpeningKind, SourceCall, SourceUse
from wheelfix.pysource.opens import MAX_SOURCE, may_open
from wheelfix.scan.sentences import say_call


def find_calls(source: str, path: str = "pkg/mod.py") -> tuple[SourceCall, ...]:
    use = find_python_dlopen(path, textwrap.dedent(source).encode())
    assert use.path == path
    return use.calls


def find(source: str, path: str = "pkg/mod.py") -> dict[str, str]:
    """Names, each with the first call that opens it in words."""
    found: dict[str, str] = {}
    for call in find_calls(source, path):
        for called in call.names:
            found.setdefault(called.name, say_call(call, called.name))
    return found


def find_optional(source: str) -> list[tuple[str, bool]]:
    """Names of each call, with whether failing is survived."""
    calls = find_calls("import ctypes, sys\nfrom contextlib import suppress\n" + textwrap.dedent(source))
    return [(" ".join(called.name for called in call.names), call.optional) for call in calls]


@pytest.mark.parametrize(
    ("source", "soname", "evidence"),
    [
        ('import ctypes\nctypes.CDLL("libcuda.so.1")', "libcuda.so.1", 'ctypes.CDLL("libcuda.so.1"), line 2'),
        ('from ctypes import CDLL as C\nC(name="liba.so")', "liba.so", 'ctypes.CDLL("liba.so"), line 2'),
        ('import ctypes as ct\nct.PyDLL(b"liba.so")', "liba.so", 'ctypes.PyDLL("liba.so"), line 2'),
        (
            'from ctypes import *\ncdll.LoadLibrary("libc.so.6")',
            "libc.so.6",
            'ctypes.cdll.LoadLibrary("libc.so.6"), line 2',
        ),
        ('import ctypes\nctypes.cdll["libx.so.6"]', "libx.so.6", 'ctypes.cdll["libx.so.6"], line 2'),
        (
            'from ctypes import cdll\ngetattr(cdll, "libx.so.6")',
            "libx.so.6",
            'ctypes.cdll["libx.so.6"], line 2',
        ),
        (
            'from ctypes.util import find_library as f\nf("magic")',
            "libmagic.so",
            'ctypes.util.find_library("magic"), line 2',
        ),
        (
            'from x import ffi\nffi.dlopen("gobject-2.0")',
            "libgobject-2.0.so",
            'ffi.dlopen("gobject-2.0"), line 2',
        ),
        (
            'import ctypes\nctypes.CDLL("/usr/lib64/libgomp.so.1")',
            "/usr/lib64/libgomp.so.1",
            'ctypes.CDLL("/usr/lib64/libgomp.so.1"), line 2',
        ),
        (
            'import pyglet.lib\npyglet.lib.load_library("GL", win32="opengl32.dll")',
            "libGL.so",
            'pyglet.lib.load_library("GL"), line 2',
        ),
    ],
)
def test_each_way_to_open_a_library(source: str, soname: str, evidence: str) -> None:
    assert find(source) == {soname: evidence}


@pytest.mark.parametrize(
    ("source", "kind", "name", "text"),
    [
        ('ctypes.CDLL("libx.so.6")', OpeningKind.CTYPES, "libx.so.6", "libx.so.6"),
        ('ctypes.cdll["libx.so.6"]', OpeningKind.CTYPES, "libx.so.6", "libx.so.6"),
        ('ctypes.util.find_library("x")', OpeningKind.FIND_LIBRARY, "libx.so", "x"),
        ('pyglet.lib.load_library("x")', OpeningKind.FIND_LIBRARY, "libx.so", "x"),
        ('ffi.dlopen("libx.so.6")', OpeningKind.CFFI, "libx.so.6", "libx.so.6"),
        ('os.system("ldconfig -p")', OpeningKind.PROGRAM, "ldconfig", "ldconfig -p"),
    ],
)
def test_call_is_data(source: str, kind: OpeningKind, name: str, text: str) -> None:
    (call,) = find_calls(f"import ctypes.util, os, pyglet.lib\n{source}")
    assert (call.kind, call.line) == (kind, 2)
    assert replace(call.names[0], edit=None) == CalledName(name=name, text=text, line=2, inside=True)


def test_names_of_a_loop_are_one_call_in_the_order_tried() -> None:
    (call,) = find_calls(
        """
        import ctypes
        for name in ("libz.so.2", "libz.so.1", "liba.so"):
            try:
                lib = ctypes.CDLL(name)
                break
            except OSError:
                pass
        """
    )
    assert [called.name for called in call.names] == ["libz.so.2", "libz.so.1", "liba.so"]
    assert (call.line, call.variable, {c.line for c in call.names}) == (5, "name", {3})


def test_each_caller_of_a_helper_opens_its_own_library() -> None:
    # As in weasyprint/text/ffi.py: one call opens them all, and none is an alternative of another.
    calls = find_calls(
        """
        def _dlopen(ffi, *names):
            return _try(ffi, names)
        def _try(ffi, names):
            for name in names:
                return ffi.dlopen(name)
        gobject = _dlopen(ffi, "libgobject-2.0.so.0", "libgobject-2.0.so")
        pango = _dlopen(ffi, "libpango-1.0.so.0", "libpango-1.0.so")
        """
    )
    assert [[called.name for called in call.names] for call in calls] == [
        ["libgobject-2.0.so.0", "libgobject-2.0.so"],
        ["libpango-1.0.so.0", "libpango-1.0.so"],
    ]
    assert [[called.line for called in call.names] for call in calls] == [[7, 7], [8, 8]]
    assert {call.line for call in calls} == {6}


def test_callers_that_pass_the_same_text_open_one_library() -> None:
    # As in mpi4py/_mpiabi.py. One of them does not do without it.
    (call,) = find_calls(
        """
        import ctypes
        NAMES = ("libmpi.so.12", "libmpi.so.40")
        def load(names):
            for name in names:
                return ctypes.CDLL(name)
        def look():
            try:
                load(NAMES)
            except OSError:
                pass
        look()
        load(NAMES)
        """
    )
    assert ([called.name for called in call.names], call.optional) == (
        ["libmpi.so.12", "libmpi.so.40"],
        False,
    )


def test_file_names_that_a_function_makes_belong_to_who_calls_it() -> None:
    calls = find_calls(
        """
        import ctypes
        def names(stem):
            return [f"lib{stem}.so.{major}" for major in (2, 1)]
        def load(candidates):
            for name in candidates:
                return ctypes.CDLL(name)
        magic = load(names("magic"))
        gdal = load(names("gdal"))
        """
    )
    assert [[called.name for called in call.names] for call in calls] == [
        ["libmagic.so.2", "libmagic.so.1"],
        ["libgdal.so.2", "libgdal.so.1"],
    ]


@pytest.mark.parametrize(
    "handler",
    ["except OSError:", "except:", "except Exception as error:", "except (AttributeError, OSError):"],
)
def test_failing_that_is_caught_is_survived(handler: str) -> None:
    source = f"""
        try:
            lib = ctypes.CDLL("liba.so")
        {handler}
            lib = None
        ctypes.CDLL("libb.so")
    """
    assert find_optional(source) == [("liba.so", True), ("libb.so", False)]


@pytest.mark.parametrize(
    "source",
    [
        'with suppress(OSError):\n    ctypes.CDLL("liba.so")',
        'def f():\n    try:\n        return ctypes.CDLL("liba.so")\n    except OSError:\n        return None',
        'def load(name):\n    return ctypes.CDLL(name)\ntry:\n    load("liba.so")\nexcept OSError:\n    pass',
        'from pyglet.lib import load_library\ntry:\n    load_library("a")\nexcept ImportError:\n    pass',
        'def f():\n    raise ValueError\ntry:\n    ctypes.CDLL("liba.so")\nexcept OSError:\n    pass',
    ],
)
def test_failing_is_survived_by_each_way_of_catching(source: str) -> None:
    assert find_optional(source) == [("liba.so", True)]


@pytest.mark.parametrize(
    "source",
    [
        'ctypes.CDLL("liba.so")',
        'try:\n    ctypes.CDLL("liba.so")\nexcept ImportError:\n    pass',
        'try:\n    ctypes.CDLL("liba.so")\nfinally:\n    pass',
        'try:\n    ctypes.CDLL("liba.so")\nexcept OSError:\n    raise ImportError from None',
        'try:\n    ctypes.CDLL("liba.so")\nexcept OSError:\n    sys.exit("no liba")',
        'try:\n    def load():\n        ctypes.CDLL("liba.so")\nexcept OSError:\n    pass',
        'with suppress():\n    ctypes.CDLL("liba.so")',
        'with suppress(ValueError):\n    ctypes.CDLL("liba.so")',
        'with open("x"):\n    ctypes.CDLL("liba.so")',
        # as in magic/loader.py: each name may fail, not all
        (
            'for name in ("liba.so",):\n    try:\n        lib = ctypes.CDLL(name)\n        break\n'
            '    except OSError:\n        pass\nelse:\n    raise ImportError("no liba")'
        ),
        'lib = None\ntry:\n    lib = ctypes.CDLL("liba.so")\nexcept OSError:\n    pass\nassert lib',
        # the helper makes another exception of it, which nobody catches
        (
            "def load(name):\n    try:\n        return ctypes.CDLL(name)\n    except OSError:\n"
            '        raise ImportError from None\ntry:\n    load("liba.so")\nexcept OSError:\n    pass'
        ),
    ],
)
def test_failing_that_is_not_surely_survived(source: str) -> None:
    assert find_optional(source) == [("liba.so", False)]


def test_first_of_two_is_not_optional() -> None:
    source = """
        try:
            lib = ctypes.CDLL("liba.so.2")
        except OSError:
            lib = ctypes.CDLL("liba.so.1")
    """
    assert find_optional(source) == [("liba.so.2", False), ("liba.so.1", False)]


def test_what_is_opened_again_without_a_handler_is_not_optional() -> None:
    # As in weasyprint/text/ffi.py: the last try is made to raise.
    source = """
        def _dlopen(*names):
            for name in names:
                with suppress(OSError):
                    return ctypes.CDLL(name)
            return ctypes.CDLL(names[0])
        pango = _dlopen("libpango.so.1", "libpango.so")
    """
    assert find_optional(source) == [("libpango.so.1 libpango.so", False)] * 2


def test_name_reaches_the_call_through_variables_and_loops() -> None:
    found = find(
        """
        import ctypes
        NAMES = ["liba.so.1", "liba.dylib"]
        NAMES.append("liba.so")
        for name in NAMES + [n for n in ("libb.so.2",)]:
            ctypes.CDLL(name)
        """
    )
    assert found == {
        "liba.so": 'ctypes.CDLL(name), line 6, with "liba.so" of line 4',
        "liba.so.1": 'ctypes.CDLL(name), line 6, with "liba.so.1" of line 3',
        "libb.so.2": 'ctypes.CDLL(name), line 6, with "libb.so.2" of line 5',
    }


def test_loop_takes_elements_not_the_list() -> None:
    # As in sdl2/dll.py: adding to an element of a list joins text, adding to the list lengthens it.
    found = find(
        """
        import ctypes.util
        def load(libnames):
            searchfor = libnames + [libname + "d" for libname in libnames]
            for libname in searchfor:
                ctypes.util.find_library(libname)
        load(["SDL2", "SDL2-2.0"])
        """
    )
    assert {"libSDL2.so", "libSDL2-2.0.so"} <= found.keys()
    assert "libd.so" not in found


def test_loop_over_pairs_keeps_them_apart() -> None:
    # As in flashinfer/autotuner/autotuner.py: as many pairs as targets.
    found = find(
        """
        import ctypes.util
        for base, function in (("cublas", "cublasGetProperty"), ("cublasLt", "cublasLtGetProperty")):
            ctypes.util.find_library(base)
        """
    )
    assert sorted(found) == ["libcublas.so", "libcublasLt.so"]


def test_product_gives_each_target_its_own_values() -> None:
    # As in wand/api.py.
    found = find(
        """
        import ctypes.util, itertools
        versions, options = ("", "-7"), ("", "HDRI")
        combinations = itertools.product(versions, options)
        suffixes = list()
        suffixes.extend(list(version + option for version, option in combinations))
        for suffix in suffixes:
            ctypes.util.find_library("Magick" + suffix)
        """
    )
    assert sorted(found) == ["libMagick-7.so", "libMagick-7HDRI.so", "libMagick.so", "libMagickHDRI.so"]


@pytest.mark.parametrize(
    "loop",
    [
        'for stem, major in (("a", 1), ("b", 2)):',
        'for stem, major in zip(("a", "b"), (1, 2)):',
        'for stem, major in {"a": 1, "b": 2}.items():',
        'TABLE = {"a": 1, "b": 2}\nfor stem, major in TABLE.items():',
        'for _, (stem, major) in enumerate([("a", 1), ("b", 2)]):',
    ],
)
def test_values_of_one_turn_of_a_loop_stay_together(loop: str) -> None:
    source = f'import ctypes\n{loop}\n    ctypes.CDLL(f"lib{{stem}}.so.{{major}}")'
    assert sorted(find(source)) == ["liba.so.1", "libb.so.2"]


@pytest.mark.parametrize(
    "expression",
    [
        '{"Linux": "libx.so", "FreeBSD": "liby.so"}[platform.system()]',
        '{"linux": "libx.so", "freebsd": "liby.so"}.get(sys.platform, "libz.so")',
        'TABLE["Linux"]',
        "Class.TABLE[platform.system()]",
        "Path(TABLE[platform.system()])",
        "next(map(lambda stem: f'lib{stem}.so', ['x']))",
        "next(itertools.chain(['libx.so']))",
        "Class().file",
        "Class.instance.file",
        "text",
    ],
)
def test_more_ways_to_spell_a_name(expression: str) -> None:
    source = f"""
        import ctypes, platform, sys, itertools
        from pathlib import Path
        TABLE = {{"Linux": "libx.so", "FreeBSD": "liby.so"}}
        class Class:
            TABLE = {{"Linux": "libx.so", "FreeBSD": "liby.so"}}
            instance = Class()
            PATTERN = "lib{{}}.so"
            @property
            def file(self):
                return self.PATTERN.format("x")
        text = "libx"
        text += ".so"
        ctypes.CDLL({expression})
    """
    assert list(find(source)) == ["libx.so"]


PRODUCT = "itertools.product(['parrot'], ('', '2'))"


@pytest.mark.parametrize(
    ("before", "argument", "names"),
    [
        # what a loop takes out of a product, whole
        (f"for p in {PRODUCT}:", "''.join(p)", ["libparrot.so", "libparrot2.so"]),
        (f"for p in {PRODUCT}:", "'%s%s' % p", ["libparrot.so", "libparrot2.so"]),
        (f"for p in {PRODUCT}:", "'{}{}'.format(*p)", ["libparrot.so", "libparrot2.so"]),
        (f"for p in {PRODUCT}:", "p[0] + p[1]", ["libparrot.so", "libparrot2.so"]),
        (f"for p in map(''.join, {PRODUCT}):", "p", ["libparrot.so", "libparrot2.so"]),
        (f"NAMES = {PRODUCT}\nfor p in NAMES:", "''.join(p)", ["libparrot.so", "libparrot2.so"]),
        ("for p in itertools.product('ab', repeat=2):", "''.join(p)", ["libaa.so", "libab.so", "libba.so"]),
        # rows of a table stay together
        ("for p in [('parrot', '1'), ('finch', '2')]:", "'-'.join(p)", ["libparrot-1.so", "libfinch-2.so"]),
        ("for p in zip(['a', 'b'], ['x', 'y']):", "''.join(p)", ["libax.so", "libby.so"]),
        # joins, counts, named placeholders, changes of letters
        ("V = ['par', 'rot']\nif V:", "''.join(V)", ["libparrot.so"]),
        ("for v in range(1, 3):", "'parrot%d' % v", ["libparrot1.so", "libparrot2.so"]),
        ("for v in range(3, 1, -1):", "f'parrot{v}'", ["libparrot3.so", "libparrot2.so"]),
        ("if 1:", "'{n}-{v}'.format(n='parrot', v=2)", ["libparrot-2.so"]),
        ("if 1:", "'%(n)s' % {'n': 'parrot'}", ["libparrot.so"]),
        ("if 1:", "'{0}{0}'.format('par')", ["libparpar.so"]),
        ("if 1:", "'PARROT'.lower()", ["libparrot.so"]),
        ("if 1:", "'finch'.replace('finch', 'parrot')", ["libparrot.so"]),
        ("op = lambda n: ctypes.util.find_library(n)\nop('parrot')\nif 0:", "None", ["libparrot.so"]),
        ("def op(*p): find(''.join(p))\nop('par', 'rot')\nif 0:", "None", ["libparrot.so"]),
        ("def op(n): find(n)\nop(**{'n': 'parrot'})\nif 0:", "None", ["libparrot.so"]),
        ("list(map(find, ['parrot', 'finch']))\nif 0:", "None", ["libparrot.so", "libfinch.so"]),
        ("class N(enum.Enum):\n A = 'parrot'\nfor n in N:", "n.value", ["libparrot.so"]),
    ],
)
def test_names_that_are_put_together(before: str, argument: str, names: list[str]) -> None:
    head = "import ctypes.util, enum, itertools\nfrom ctypes.util import find_library as find\n"
    found = find(f"{head}{before}\n    find({argument})\n")
    assert list(found)[: len(names)] == names


@pytest.mark.parametrize(
    "source",
    [
        # a list that grows later, in an order that is not followed
        "parts = ['par']\nparts.append('rot')\nfind(''.join(parts))",
        "parts = ['par']\nparts += ['rot']\nfind(''.join(parts))",
        # one of the parts is not known, or which one is meant
        "find(''.join(['par', input()]))",
        "find('{}{}'.format('par'))",
        "find('%s%s' % ('par',))",
        "for v in range(1000): find('parrot%d' % v)",
        "for n in ('a', 'b'): find('{0}{0}'.format(n))",
        "for p in itertools.product(WORDS): find(''.join(p))",
    ],
)
def test_no_name_is_put_together_by_guess(source: str) -> None:
    assert not find(f"import itertools\nfrom ctypes.util import find_library as find\n{source}")


def test_keys_and_values_of_a_dictionary_are_told_apart() -> None:
    # As in LXST/Codecs/libs/pyogg/library_loader.py.
    source = """
        import ctypes.util
        def load(names):
            for name in names.values():
                ctypes.util.find_library(name)
            ctypes.util.find_library(names[key])
        load({"external": "ogg"})
        for stem in {"z": 1}:
            ctypes.util.find_library(stem)
    """
    assert sorted(find(source)) == ["libogg.so", "libz.so"]


def test_result_of_a_function_is_made_of_what_this_call_passes() -> None:
    source = """
        import ctypes
        def name_it(stem):
            return f"lib{stem}.so"
        ctypes.CDLL(name_it("a"))
        print(name_it("b"))
    """
    assert list(find(source)) == ["liba.so"]


def test_words_of_a_string() -> None:
    found = find(
        """
        from ctypes.util import find_library
        names = "fluidsynth fluidsynth-3"
        for name in names.split():
            find_library(name)
        """
    )
    assert sorted(found) == ["libfluidsynth-3.so", "libfluidsynth.so"]


def test_imported_helper_of_a_module_about_ctypes() -> None:
    found = find(
        """
        from pyudev._ctypeslib.utils import load_ctypes_library
        udev = load_ctypes_library("udev", SIGNATURES, "checkers")
        """
    )
    assert sorted(found) == ["libudev.so"]


def test_helper_function_passes_its_parameters_on() -> None:
    found = find(
        """
        from ctypes.util import find_library
        def dlopen(ffi, library_names, filenames):
            for library_name in library_names:
                found = find_library(library_name)
                if found:
                    filenames = (found, *filenames)
            for filename in filenames:
                return ffi.dlopen(filename)
        cairo = dlopen(ffi, ("cairo-2", "cairo", "libcairo-2"), ("libcairo.so.2", "libcairo-2.dll"))
        other = dlopen(ffi, ("other",), ())
        """
    )
    # Where the call names a file for Linux, the names for other systems are left out.
    assert sorted(found) == ["libcairo.so.2", "libother.so"]


def test_variable_arguments_of_a_helper() -> None:
    found = find(
        """
        def _dlopen(ffi, *names, allow_fail=False):
            for name in names:
                return ffi.dlopen(name, flags)
        pango = _dlopen(ffi, 'libpango-1.0-0', 'pango-1.0-0', 'libpango-1.0.so.0', 'libpango-1.0.dylib')
        """
    )
    assert sorted(found) == ["libpango-1.0.so.0"]


def test_methods_attributes_and_generators() -> None:
    found = find(
        """
        import ctypes
        class Loader:
            stem = "thing"
            def __init__(self):
                self.names = ["libself.so.3"]
            def candidates(self):
                yield f"lib{self.stem}.so.{7}"
                yield from self.names
                yield "lib%s.so.%d" % ("percent", 2)
                yield "lib{}.so".format("format")
            def load(self):
                for name in self.candidates():
                    self.lib = ctypes.cdll.LoadLibrary(name)
        """
    )
    assert sorted(found) == ["libformat.so", "libpercent.so.2", "libself.so.3", "libthing.so.7"]


def test_opener_that_is_itself_a_variable() -> None:
    found = find(
        """
        import ctypes, sys
        def locate():
            if sys.platform == "win32":
                loader, names = ctypes.WinDLL, ["nvcuda.dll"]
            else:
                loader = ctypes.CDLL
                names = ["libcuda.so.1"]
            return loader, names
        def load(loader, names):
            for path in names:
                return loader(path)
        loader, names = locate()
        load(loader, names)
        """
    )
    assert list(found) == ["libcuda.so.1"]


@pytest.mark.parametrize(
    "test",
    [
        'sys.platform == "win32"',
        'sys.platform in ("win32", "cygwin")',
        'sys.platform.startswith(("win", "darwin"))',
        'sys.platform != "linux"',
        'not sys.platform.startswith("linux")',
        'os.name == "nt"',
        'platform.system() == "Darwin" and flag',
        'platform.system().lower() == "windows"',
        'platform.uname()[0] == "Windows"',
        "IS_WINDOWS",
        "utils.IS_MACOS",
        "is_win",
        'hasattr(os, "add_dll_directory")',
        "MINE",
    ],
)
def test_branches_of_other_systems_are_left_out(test: str) -> None:
    source = f"""
        import ctypes, os, sys, platform, utils
        is_win = platform.system() == "Windows"
        MINE = sys.platform == "darwin" or is_win
        if {test}:
            ctypes.CDLL("libother.so")
        else:
            ctypes.CDLL("liblinux.so")
        ctypes.CDLL("libx.so" if {test} else "liby.so")
    """
    assert sorted(find(source)) == ["liblinux.so", "liby.so"]


def test_test_that_the_platform_does_not_decide_keeps_both_branches() -> None:
    source = """
        import ctypes, sys
        if sys.platform == "linux" and flag:
            ctypes.CDLL("liba.so")
        else:
            ctypes.CDLL("libb.so")
    """
    assert sorted(find(source)) == ["liba.so", "libb.so"]


def test_match_on_the_platform() -> None:
    source = """
        import ctypes, sys
        match sys.platform:
            case "win32" | "cygwin":
                ctypes.CDLL("libwin.so")
            case "linux":
                ctypes.CDLL("liblinux.so")
            case _:
                ctypes.CDLL("librest.so")
    """
    assert sorted(find(source)) == ["liblinux.so", "librest.so"]


@pytest.mark.parametrize(
    "source",
    [
        "ctypes.CDLL(None)",
        "ctypes.CDLL(path)",
        'ctypes.CDLL("kernel32")',
        'ctypes.CDLL("nvcuda.dll")',
        'ctypes.CDLL("libx.1.dylib")',
        'ctypes.CDLL("./libx.so")',
        'ctypes.CDLL(os.path.join(here, "libx.so"))',
        'ctypes.CDLL(os.path.dirname(__file__) + "/libx.so")',
        'ctypes.CDLL(f"libx.so.{major}")',
        'ctypes.windll.LoadLibrary("libx.so")',
        'ctypes.util.find_library("CoreFoundation")',
        'ctypes.util.find_library("libmagic-1")',
        'ctypes.util.find_library("/System/Library/Frameworks/OpenGL.framework/OpenGL")',
        'numpy.ctypeslib.load_library("mine", ".")',
        'ffi.dlopen("AudioUnit")',
        'unrelated("libx.so")',
        'print("ctypes.CDLL(\\"libx.so\\")")',
        'def CDLL(x): pass\nCDLL("libx.so")',
        'def f(ctypes): ctypes.CDLL("libx.so")',
    ],
)
def test_no_claim_without_evidence(source: str) -> None:
    assert find("import ctypes.util, numpy, os\n" + source) == {}


@pytest.mark.parametrize(
    "path",
    [
        "pkg/darwin/x.py",
        "pkg/app/win32.py",
        "pkg/_windows.py",
        "pkg/tests/x.py",
        "pkg/test_x.py",
        "pkg/cocoapy/x.py",
    ],
)
def test_sources_for_other_systems_and_tests_are_left_out(path: str) -> None:
    assert find('import ctypes\nctypes.CDLL("libx.so")', path) == {}


def test_paths_that_only_look_foreign() -> None:
    for path in ("pkg/window.py", "pkg/winning/x.py", "pkg/contest/x.py"):
        assert find('import ctypes\nctypes.CDLL("libx.so")', path), path


def test_optional_import_keeps_its_meaning() -> None:
    source = """
        try:
            from ctypes import CDLL
        except ImportError:
            CDLL = None
        def load():
            return CDLL("libx.so")
    """
    assert list(find(source)) == ["libx.so"]


@pytest.mark.parametrize("call", ['["/sbin/ldconfig", "-p"]', '"/sbin/ldconfig -p"', "COMMAND"])
def test_calls_of_ldconfig_are_programs(call: str) -> None:
    source = f'import subprocess as s\nCOMMAND = ("/sbin/ldconfig", "-p")\ns.check_output({call})'
    (found,) = find_calls(source)
    assert (found.kind, found.line) == (OpeningKind.PROGRAM, 3)
    assert [called.name for called in found.names] == ["/sbin/ldconfig"]
    assert say_call(found, "/sbin/ldconfig") == 'subprocess.check_output("/sbin/ldconfig"), line 3'


def test_message_about_ldconfig_is_no_call() -> None:
    assert find_calls('raise OSError("run /sbin/ldconfig")') == ()


HEAD = b"import ctypes\n"


@pytest.mark.parametrize(
    "source",
    [
        b"import ctypes CDLL",
        b"CDLL\0",
        b"\xff\xfeCDLL",
        b"# coding: no-such-codec\n" + HEAD + b"ctypes.CDLL('libx.so')",
        HEAD + b"ctypes.CDLL" + b"(" * 100_000,
        HEAD + b"CDLL = " + b"-" * 100_000 + b"1",
        HEAD + b"CDLL = " + b"1+" * 60_000 + b"1",
        HEAD + b"CDLL = a" + b".b" * 60_000,
        HEAD + b"CDLL = " + b"1 + " * 700 + b"1\n",
    ],
)
def test_what_is_no_readable_python_gives_nothing(source: bytes) -> None:
    found = find_python_dlopen("a.py", source)
    assert found.calls == ()
    assert found.unread in {"", "nested too deeply", "too complex"}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (HEAD + b"ctypes.CDLL('libx.so')\n" + b"#" * MAX_SOURCE, "longer than 512 KiB"),
        (HEAD + b"".join(b"ctypes.CDLL('libx%d.so')\n" % n for n in range(9000)), "more than 8192 names"),
    ],
    ids=["long", "many"],
)
def test_what_may_open_something_and_is_not_analysed_is_told(source: bytes, why: str) -> None:
    assert find_python_dlopen("a.py", source) == SourceUse(path="a.py", unread=why)


@pytest.mark.parametrize(
    "source",
    [
        "class Lib(ctypes.CDLL): pass\nLib('libx.so.1')",
        "class Base(ctypes.CDLL): pass\nclass Lib(Base): x = 1\nLib(name='libx.so.1')",
        "import functools\nfunctools.partial(ctypes.CDLL, mode=ctypes.RTLD_GLOBAL)('libx.so.1')",
        "from functools import partial\nload = partial(ctypes.CDLL, use_errno=True)\nload('libx.so.1')",
    ],
)
def test_what_is_made_of_a_loader_is_one(source: str) -> None:
    assert list(find(f"import ctypes\n{source}")) == ["libx.so.1"]


def test_foreign_warnings_do_not_surface() -> None:
    assert list(find('import ctypes\nx = "\\d" is 1\nctypes.CDLL("libx.so")')) == ["libx.so"]


@pytest.mark.parametrize(
    "source",
    [
        # every call reads every return, every addition multiplies, every name stands for the next twice
        "def f():\n" + " return x\n" * 3_000 + "ctypes.CDLL(f())\n" * 3_000,
        "x = ["
        + ",".join(f'"{i}"' for i in range(300))
        + "]\n"
        + "ctypes.CDLL(str(x)+str(x)+str(x))\n" * 3_500,
        "\n".join(f"a{i} = a{i + 1} + a{i + 1}" for i in range(3_000)) + "\nctypes.CDLL(a0)",
        "\n".join(f"a{i} = a{i + 1} and a{i + 1}" for i in range(300)) + "\n" + "if a0: pass\n" * 1_000,
        "x = y = 'a'\n" + "x += y\ny += x\nctypes.CDLL(x)\n" * 3_000,
        "\n".join(f"x{i} = ctypes\nctypes.CDLL(x{i})" for i in range(3_000)),
    ],
)
def test_hostile_sources_end_soon(source: str) -> None:
    content = HEAD + b'ctypes.CDLL("libx.so")\n' + source.encode()[: MAX_SOURCE - 100].rpartition(b"\n")[0]
    assert may_open("a.py", content)
    _, calls = count_calls(lambda: find_python_dlopen("a.py", content))
    assert calls < 8_000_000  # what is repeated is repeated 3 000 times: no square of it


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "ctypes.CDLL(",
                "x",
                "=",
                "(",
                ")",
                "[",
                "]",
                '"libx.so"',
                "for",
                "in",
                ":",
                "\n",
                " ",
                "if",
                "+",
                "lambda",
                ",",
                "%",
                "sys.platform",
                "==",
            ]
        ),
        max_size=40,
    )
)
def test_any_text_is_survived(tokens: list[str]) -> None:
    use = find_python_dlopen("a.py", ("import ctypes, sys\n" + " ".join(tokens)).encode())
    assert all(called.name == "libx.so" for call in use.calls for called in call.names)
