"""What several sources of one distribution open together."""

from __future__ import annotations

import pytest

from wheelfix.pysource.sources import find_in_sources


def find(files: dict[str, str]) -> list[tuple[str, int, str]]:
    sources = {path: text.encode() for path, text in files.items()}
    return [
        (use.path, call.line, called.name)
        for use in find_in_sources(sorted(sources), sources.get)
        for call in use.calls
        for called in call.names
    ]


CLASS = """class load:
    def __init__(self, kind, name):
        self.kind = kind
        self.kind("lib" + name + ".so")
"""


@pytest.mark.parametrize(
    ("helper", "call"),
    [
        ("def load(kind, name):\n    return kind('lib' + name + '.so')", "load(ctypes.CDLL, 'parrot')"),
        ("def load(name, kind=None):\n    return kind(f'lib{name}.so')", "load('parrot', kind=ctypes.CDLL)"),
        ("def load(kind, name):\n    return kind(name)", "load(ctypes.util.find_library, 'parrot')"),
        (CLASS, "load(ctypes.cdll.LoadLibrary, 'parrot')"),
    ],
)
def test_a_module_that_is_given_the_function_that_opens(helper: str, call: str) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/helper.py": helper,  # which does not name ctypes
        "pkg/use.py": f"import ctypes, ctypes.util\nfrom pkg.helper import load\n{call}",
    }
    assert find(files) == [("pkg/use.py", 3, "libparrot.so")]


def test_each_module_that_gives_one_is_told_apart() -> None:
    files = {
        "pkg/helper.py": "def load(kind, name):\n    return kind(name)",
        "pkg/one.py": "import ctypes\nfrom pkg import helper\nhelper.load(ctypes.CDLL, 'libone.so.1')",
        "pkg/two.py": "from ctypes import PyDLL\nfrom .helper import load\nload(PyDLL, 'libtwo.so.2')",
    }
    assert find(files) == [("pkg/one.py", 3, "libone.so.1"), ("pkg/two.py", 3, "libtwo.so.2")]
