"""Which modules a distribution installs: what can be imported, and what is there for other reasons."""

from __future__ import annotations

import pytest

from wheelfix.scan.modules import find_compiled, find_outermost, find_public


@pytest.mark.parametrize(
    ("name", "files", "modules"),
    [
        ("pillow", ["PIL/__init__.py", "PIL/Image.py", "pillow.libs/libz.so.1"], ["PIL"]),
        ("attrs", ["attr/__init__.py", "attrs/__init__.py"], ["attr", "attrs"]),
        ("pyodbc", ["pyodbc.cpython-312-x86_64-linux-gnu.so", "pyodbc.pyi"], ["pyodbc"]),
        ("cffi", ["_cffi_backend.cpython-312-x86_64-linux-gnu.so", "cffi/__init__.py"], ["cffi"]),
        ("hidden", ["_hidden/__init__.py"], ["_hidden"]),
        ("a-b", ["a/__init__.py", "a/b/__init__.py", "a/c/__init__.py"], ["a", "a.b"]),
        ("x", ["google/cloud/x/__init__.py", "google/cloud/x/deep/__init__.py"], ["google.cloud.x"]),
        ("x", ["google/_private/x/__init__.py", "google/x/__init__.py"], ["google.x"]),
        ("x", ["tests/__init__.py", "setup.py", "conftest.py", "docs/conf.py", "x.py"], ["x"]),
        ("x", ["libx.so", "x.dist-info/METADATA", "../../bin/x", "x-stubs/__init__.pyi"], []),
        ("x", ["a b.py", "--help.py", "x\n.py", "os'.py", "é.py"], []),
        ("x", ["examples/one/__init__.py", "data/run.py"], []),
    ],
)
def test_what_is_imported_of_a_distribution(name: str, files: list[str], modules: list[str]) -> None:
    assert find_outermost(files, name) == modules
    assert find_outermost(reversed(files), name) == modules


def test_private_modules_stand_for_nothing_where_a_public_one_is_asked_for() -> None:
    assert find_public(["_hidden/__init__.py"], "hidden") == []
    assert find_public(["ns/_x/y/__init__.py"], "hidden") == []


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("PIL/_imaging.cpython-312-x86_64-linux-gnu.so", "PIL._imaging"),
        ("_cffi_backend.cpython-312-x86_64-linux-gnu.so", "_cffi_backend"),
        ("PySide6/QtCore.abi3.so", "PySide6.QtCore"),
        ("demo.data/platlib/demo/x.cpython-312-x86_64-linux-gnu.so", "demo.x"),
        ("PIL/_imaging.cpython-311-x86_64-linux-gnu.so", None),
        ("x.cpython-312t-x86_64-linux-gnu.so", None),
        ("demo/libx.so", None),
        ("demo/x.so", None),
        ("demo/tests/x.abi3.so", None),
        ("demo.libs/x.abi3.so", None),
        ("../x.abi3.so", None),
    ],
)
def test_compiled_modules_are_those_of_this_interpreter(file: str, module: str | None) -> None:
    assert find_compiled([file], "3.12") == ([module] if module else [])
