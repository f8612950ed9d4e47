from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from wheelfix.pysource.shim import ShimTable, read_table, render_shim

BACKEND = """
def load_library(name, flags=0):
    return name
"""


def run(directory: Path, code: str, libraries: dict[str, str], *, before: str = "", after: str = "") -> str:
    """What a module ``demo`` of the code prints that the shim answers."""
    (directory / "shim.py").write_text(render_shim(ShimTable(modules=("demo",), libraries=libraries)))
    (directory / "demo.py").write_text(code)
    command = [sys.executable, "-c", f"{before}\nimport shim; shim.install(); import demo\n{after}"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout


def test_cffi_is_answered_when_it_is_imported_after_the_shim(tmp_path: Path) -> None:
    (tmp_path / "_cffi_backend.py").write_text(BACKEND)
    code = "import _cffi_backend\nprint(_cffi_backend.load_library('libx.so'))"
    assert run(tmp_path, code, {"libx.so": "/store/libx.so"}) == "/store/libx.so\n"


def test_the_c_library_is_found_for_it_alone(tmp_path: Path) -> None:
    """Without what Python looks for it with."""
    (tmp_path / "other.py").write_text("import ctypes.util\nprint(ctypes.util.find_library('c'))")
    code = "import ctypes.util\nprint(ctypes.util.find_library('c'))"
    nothing = "import ctypes.util; ctypes.util.find_library = lambda name: None"
    libraries = {"libx.so": "/store/libx.so"}
    assert run(tmp_path, code, libraries, before=nothing, after="import other") == "libc.so.6\nNone\n"


def test_variables_are_set_when_the_module_is_imported_and_nothing_else_is_touched(tmp_path: Path) -> None:
    table = ShimTable(modules=("demo",), libraries={}, variables={"R_HOME": "/store/R/lib/R"})
    (tmp_path / "shim.py").write_text(render_shim(table))
    (tmp_path / "demo.py").write_text("import os, sys\nprint(os.environ['R_HOME'], 'ctypes' in sys.modules)")
    code = "import os, shim; shim.install(); print(os.environ['R_HOME']); import demo"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "R_HOME": "/usr/lib/R"},
    )
    assert done.stdout == "/usr/lib/R\n/store/R/lib/R False\n"
    assert read_table((tmp_path / "shim.py").read_bytes()) == table
