from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.counting import count_calls
from wheelfix.model.hints import SourceUse
from wheelfix.wheel.pysource import MAX_SOURCE, find_python_dlopen, may_open


def find(source: str, path: str = "pkg/mod.py") -> dict[str, str]:
    """Evidence by soname."""
    return {o.soname: o.evidence for o in find_python_dlopen(path, textwrap.dedent(source).encode()).opens}


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
            'getattr(ctypes.cdll, "libx.so.6"), line 2',
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
    (use,) = find_python_dlopen("pkg/mod.py", source.encode()).programs
    assert (use.program, use.found_in) == ("/sbin/ldconfig", "pkg/mod.py")
    assert use.evidence == 'subprocess.check_output("/sbin/ldconfig"), line 3'


def test_message_about_ldconfig_is_no_call() -> None:
    assert find_python_dlopen("a.py", b'raise OSError("run /sbin/ldconfig")').programs == ()


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
        HEAD + b"ctypes.CDLL('libx.so')\n" + b"#" * MAX_SOURCE,
    ],
)
def test_what_is_no_readable_python_gives_nothing(source: bytes) -> None:
    assert find_python_dlopen("a.py", source) == SourceUse()


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
    assert all(o.soname == "libx.so" for o in use.opens)
