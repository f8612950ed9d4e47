"""What is opened by name where one module holds the name, and another one opens it."""

from __future__ import annotations

import textwrap

import pytest

from wheelfix.model.hints import OpeningKind, SourceCall
from wheelfix.pysource import program
from wheelfix.pysource.callers import find_callers
from wheelfix.pysource.opens import MAX_SOURCE, analyse_source
from wheelfix.pysource.program import Library, name_module
from wheelfix.pysource.sources import find_in_sources

Sources = dict[str, str]


def find_calls(sources: Sources) -> list[tuple[str, SourceCall]]:
    """Calls with the files they are reported for."""
    texts = {path: textwrap.dedent(text).encode() for path, text in sources.items()}
    return [(use.path, call) for use in find_in_sources(sorted(texts), texts.get) for call in use.calls]


def find(sources: Sources) -> list[str]:
    """Files, lines, functions and names in words."""
    return [
        f"{path}:{call.line} {call.function} {' '.join(called.name for called in call.names)}"
        for path, call in find_calls(sources)
    ]


LOADER = """
    import ctypes.util
    def load(name):
        path = ctypes.util.find_library(name)
        return ctypes.CDLL(path) if path else None
"""


@pytest.mark.parametrize(
    ("statement", "call", "function"),
    [
        ("from .loader import load", 'load("tiff")', "pkg.loader.load"),
        ("from pkg.loader import load as get", 'get("tiff")', "pkg.loader.load"),
        ("from . import loader", 'loader.load("tiff")', "pkg.loader.load"),
        ("import pkg.loader", 'pkg.loader.load(name="tiff")', "pkg.loader.load"),
        ("from .loader import (\n    load,\n)", 'load("tiff")', "pkg.loader.load"),
        ("from .loader import *", 'load("tiff")', "load"),
        ("from pkg import load", 'load("tiff")', "pkg.load"),
    ],
)
def test_helper_of_another_module(statement: str, call: str, function: str) -> None:
    # As in glymur/lib/_tiff.py and usb/backend/libusb1.py. It is reported where the name is.
    sources = {
        "pkg/__init__.py": "from .loader import load",
        "pkg/loader.py": LOADER,
        "pkg/tiff.py": f"{statement}\nlib = {call}",
    }
    line = statement.count("\n") + 2
    assert find(sources) == [f"pkg/tiff.py:{line} {function} libtiff.so"]


def test_helper_in_a_package_above() -> None:
    sources = {
        "pkg/__init__.py": "",
        "pkg/loader.py": LOADER,
        "pkg/a/__init__.py": "",
        "pkg/a/b.py": 'from ..loader import load\nload("tiff")',
    }
    assert find(sources) == ["pkg/a/b.py:2 pkg.loader.load libtiff.so"]


def test_sources_below_the_data_directory_of_a_wheel() -> None:
    sources = {
        "x-1.data/purelib/pkg/loader.py": LOADER,
        "x-1.data/purelib/pkg/tiff.py": 'from pkg.loader import load\nload("tiff")',
    }
    assert find(sources) == ["x-1.data/purelib/pkg/tiff.py:2 pkg.loader.load libtiff.so"]


def test_helper_of_a_helper() -> None:
    sources = {
        "pkg/low.py": LOADER,
        "pkg/high.py": "from .low import load\ndef open_it(stem):\n    return load(stem)",
        "pkg/use.py": 'from pkg.high import open_it\nopen_it("a")\nopen_it("b")',
    }
    assert find(sources) == [
        "pkg/use.py:2 pkg.high.open_it liba.so",
        "pkg/use.py:3 pkg.high.open_it libb.so",
    ]


def test_constant_of_another_module_says_its_file() -> None:
    sources = {
        "pkg/names.py": 'LIBRARY = "libx.so.2"',
        "pkg/use.py": "import ctypes\nfrom .names import LIBRARY\nctypes.CDLL(LIBRARY)",
    }
    ((path, call),) = find_calls(sources)
    (called,) = call.names
    assert (path, call.line, call.variable) == ("pkg/use.py", 3, "LIBRARY")
    assert (called.name, called.line, called.inside, called.file) == ("libx.so.2", 1, False, "pkg/names.py")


def test_opener_that_another_module_passes() -> None:
    # As in OpenGL/platform/ctypesloader.py, with a property and a keyword.
    sources = {
        "pkg/platform/__init__.py": "",
        "pkg/platform/loader.py": """
            import ctypes
            def load(kind, name, mode=ctypes.RTLD_GLOBAL):
                if isinstance(kind, type(ctypes.cdll)):
                    kind = kind._dlltype
                return _load(kind, name, mode)
            def _load(kind, name, mode):
                for filename in ["lib" + name + ".so"]:
                    return kind(filename, mode)
        """,
        "pkg/platform/glx.py": """
            import ctypes
            from pkg.platform import loader
            class GLX:
                @lazy_property
                def GL(self):
                    for name in ("OpenGL", "GL"):
                        return loader.load(ctypes.cdll, name, mode=1)
        """,
        "pkg/platform/win32.py": """
            import ctypes
            from pkg.platform import loader
            loader.load(ctypes.windll, "opengl32")
        """,
    }
    assert find(sources) == ["pkg/platform/glx.py:8 pkg.platform.loader.load libOpenGL.so libGL.so"]


def test_member_of_an_enum() -> None:
    # As in libqtile/__init__.py and libqtile/pangocffi.py.
    sources = {
        "lib/__init__.py": """
            import ctypes.util, enum
            class Names(enum.Enum):
                PANGO = "pango-1.0"
                CAIRO = "pangocairo-1.0"
            def find_library(key: Names):
                return ctypes.util.find_library(key.value)
        """,
        "lib/pango.py": """
            from lib import Names, find_library
            pango = ffi.dlopen(find_library(Names.PANGO))
        """,
    }
    assert find(sources) == ["lib/pango.py:3 lib.find_library libpango-1.0.so"]


def test_class_with_the_name_in_its_constructor() -> None:
    # As in sdl2/dll.py and picosdk/library.py.
    sources = {
        "pkg/base.py": """
            import ctypes.util
            class Library:
                def __init__(self, name):
                    self.name = name
                def load(self):
                    return ctypes.util.find_library(self.name)
        """,
        "pkg/one.py": """
            from pkg.base import Library
            class One(Library):
                def __init__(self):
                    super().__init__("one")
        """,
        "pkg/two.py": 'from pkg.base import Library\nlibrary = Library("two")',
    }
    assert find(sources) == [
        "pkg/one.py:5 __init__ libone.so",
        "pkg/two.py:2 pkg.base.Library libtwo.so",
    ]


def test_attribute_of_a_subclass() -> None:
    sources = {
        "pkg/base.py": """
            import ctypes
            class Library:
                name = None
                def load(self):
                    return ctypes.CDLL(self.name)
        """,
        "pkg/one.py": 'from .base import Library\nclass One(Library):\n    name = "libone.so.1"',
    }
    assert find(sources) == ["pkg/base.py:6 ctypes.CDLL libone.so.1"]


def test_method_of_an_instance_that_is_exported() -> None:
    # As in pyglet/lib.py.
    sources = {
        "pkg/lib.py": """
            from ctypes.util import find_library
            class Loader:
                def load_library(self, *names, **kwargs):
                    for name in names:
                        return find_library(name)
            loader = Loader()
            load_library = loader.load_library
        """,
        "pkg/x11.py": 'import pkg.lib\npkg.lib.load_library("X11", darwin="x")',
    }
    assert find(sources) == ["pkg/x11.py:2 pkg.lib.load_library libX11.so"]


def test_opener_that_a_module_gives_on() -> None:
    sources = {
        "pkg/compat.py": "from ctypes import CDLL",
        "pkg/use.py": 'from .compat import CDLL\nCDLL("libx.so.1")',
    }
    assert find(sources) == ["pkg/use.py:2 pkg.compat.CDLL libx.so.1"] or find(sources) == [
        "pkg/use.py:2 ctypes.CDLL libx.so.1"
    ]


def test_failure_that_a_caller_in_another_module_survives() -> None:
    # As in cairocffi/pixbuf.py: the helper raises an exception of its own, which its caller catches.
    helper = """
        def dlopen(ffi, *names):
            for name in names:
                try:
                    return ffi.dlopen(name)
                except OSError:
                    pass
            raise {raised}("none")
    """
    caller = 'from . import dlopen\ntry:\n    gdk = dlopen(ffi, "libgdk.so.0")\nexcept OSError:\n    pass'
    found = {
        raised: find_calls({"pkg/__init__.py": helper.format(raised=raised), "pkg/gdk.py": caller})
        for raised in ("OSError", "ValueError")
    }
    assert {raised: [call.optional for _, call in calls] for raised, calls in found.items()} == {
        "OSError": [True],
        "ValueError": [False],
    }
    assert {call.kind for calls in found.values() for _, call in calls} == {OpeningKind.CFFI}


@pytest.mark.parametrize(
    "sources",
    [
        # what another call of the same function returns is not opened here
        {
            "pkg/a.py": """
                import ctypes
                def name_it(stem):
                    return f"lib{stem}.so"
                def open_it(stem):
                    return ctypes.CDLL(name_it(stem))
            """,
            "pkg/b.py": 'from .a import name_it\nprint(name_it("other"))',
        },
        # tests, other systems
        {"pkg/loader.py": LOADER, "pkg/tests/a.py": 'from pkg.loader import load\nload("a")'},
        {"pkg/loader.py": LOADER, "pkg/win32.py": 'from pkg.loader import load\nload("a")'},
        # another function of the same name
        {"pkg/loader.py": LOADER, "pkg/a.py": 'from other.loader import load\nload("a")'},
        {"pkg/loader.py": LOADER, "pkg/a.py": 'import pkg.loader\ndef load(x): pass\nload("a")'},
    ],
)
def test_no_claim_without_evidence(sources: Sources) -> None:
    assert find(sources) == []


@pytest.mark.parametrize(
    "sources",
    [
        {
            "pkg/a.py": "from .b import *\nfrom .a import x\nimport ctypes\nctypes.CDLL(x)",
            "pkg/b.py": "from .a import *",
        },
        {"a.py": "from a import a\nimport ctypes\nctypes.CDLL(a.a.a)"},
        {"a.py": "import ctypes\nclass A(B): pass\nclass B(A):\n  def f(self): ctypes.CDLL(self.x)"},
        {"a.py": "import ctypes\nfrom b import x\nctypes.CDLL(x)", "b.py": "from a import x"},
        {"a.py": "import ctypes\nfrom b import x\nctypes.CDLL(x)", "b.py": "def broken("},
        {"a.py": "import ctypes\nx = x.y = x()\nctypes.CDLL(x.y)\nsuper().f(ctypes.CDLL(self.z))"},
    ],
)
def test_circles_and_broken_modules(sources: Sources) -> None:
    assert find(sources) == []


def test_hostile_distribution_reads_no_more_than_a_few_times_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Every module has a helper that every other module calls.
    monkeypatch.setattr(program, "_MAX_SHARED", 1 << 17)
    names = range(50)
    header = "import ctypes\n" + "".join(f"from pkg.m{i} import load{i}\n" for i in names)
    calls = "".join(f"load{i}('x')\n" for i in names)
    texts = {f"pkg/m{i}.py": f"{header}def load{i}(x):\n ctypes.CDLL(x)\n{calls}".encode() for i in names}
    library = Library(texts, texts.get)
    found = {path: analyse_source(path, texts[path], library, [f"pkg.m{i}" for i in names]) for path in texts}
    assert not any(analysis.uses for analysis in found.values())
    assert library.load("pkg/m0.py", MAX_SOURCE) is None  # the limit is reached


def test_modules_without_helpers_are_read_once() -> None:
    read: list[str] = []
    texts = {f"pkg/m{i}.py": b"x = 1" for i in range(50)} | {
        "pkg/a.py": b'import ctypes\nctypes.CDLL("liba.so")'
    }

    def get(path: str) -> bytes | None:
        read.append(path)
        return texts.get(path)

    (use,) = find_in_sources(sorted(texts), get)
    assert use.path == "pkg/a.py"
    assert sorted(read) == sorted(texts)


def test_callers_import_the_module_or_a_package_around_it() -> None:
    texts = {
        "p/helper.py": b"def load(x): pass",
        "p/a.py": b"from .helper import (\n    load)",
        "p/b.py": b"from p import helper; helper.load(1)",
        "p/c.py": b"import os, p.helper as h\nh.load(1)",
        "p/d.py": b"import other\nother.load(1)",
        "p/e.py": b"from .helper import other",
    }
    asked = {"p.helper": frozenset({"load"})}
    assert find_callers(asked, sorted(texts), texts.get) == {"p.helper": ("p.a", "p.b", "p.c")}


def test_names_of_modules() -> None:
    assert [name_module(path) for path in ("a.py", "a/__init__.py", "a/b.py")] == ["a", "a", "a.b"]
