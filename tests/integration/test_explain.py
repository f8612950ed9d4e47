"""Programs that really fail: what this machine's loader and Python print is understood."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wheelfix.explain.command import run_command, trace_loader
from wheelfix.explain.model import Symptom, SymptomKind
from wheelfix.explain.read import read_messages


def compile_library(directory: Path, name: str, source: str, *flags: str) -> Path:
    path = directory / name
    subprocess.run(
        ["gcc", "-x", "c", "-", "-x", "none", "-shared", "-fPIC", "-o", path, *flags],
        input=source.encode(),
        check=True,
        capture_output=True,
        cwd=directory,
    )
    return path


def open_library(path: Path, **environment: str) -> tuple[Symptom, ...]:
    """What Python says when it opens a library."""
    result = subprocess.run(
        [sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", path],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert result.returncode == 1
    return read_messages([result.stderr]).symptoms


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """libb.so, which needs libaaa.so.1 beside it."""
    compile_library(tmp_path, "libaaa.so.1", "int a(void) { return 1; }", "-Wl,-soname,libaaa.so.1")
    return compile_library(
        tmp_path, "libb.so", "int a(void); int b(void) { return a(); }", "./libaaa.so.1", "-Wl,-rpath,$ORIGIN"
    )


def test_missing(pair: Path) -> None:
    (pair.parent / "libaaa.so.1").unlink()
    (symptom,) = open_library(pair)
    assert (symptom.kind, symptom.soname) == (SymptomKind.MISSING, "libaaa.so.1")


def test_missing_in_a_module_and_in_a_program(pair: Path) -> None:
    directory = pair.parent
    (directory / "libaaa.so.1").rename(directory / "gone")
    (directory / "mod.so").write_bytes(pair.read_bytes())
    result = subprocess.run(
        [sys.executable, "-c", "import mod"], capture_output=True, cwd=directory, check=False
    )
    (symptom,) = read_messages([result.stderr]).symptoms
    assert (symptom.kind, symptom.soname) == (SymptomKind.MISSING, "libaaa.so.1")
    program = directory / "program"
    subprocess.run(
        ["gcc", "-x", "c", "-", "-x", "none", "-o", program, pair, "-Wl,--allow-shlib-undefined"],
        input=b"int b(void); int main(void) { return b(); }",
        check=True,
        capture_output=True,
    )
    result = subprocess.run([program], capture_output=True, check=False)
    (symptom,) = read_messages([result.stderr]).symptoms
    assert (symptom.soname, symptom.wanted_by) == ("libaaa.so.1", str(program))
    listed = subprocess.run(["ldd", pair], capture_output=True, check=False)
    (symptom,) = read_messages([listed.stdout]).symptoms
    assert (symptom.kind, symptom.soname) == (SymptomKind.MISSING, "libaaa.so.1")


def test_version(pair: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("V_1 { global: other; };")
    (tmp_path / "two").write_text("V_1 { global: other; }; V_2 { global: a; } V_1;")
    source, soname = "int a(void) { return 1; } int other(void) { return 2; }", "-Wl,-soname,libaaa.so.1"
    compile_library(tmp_path, "libaaa.so.1", source, soname, "-Wl,--version-script=two")
    user = "int a(void); int b(void) { return a(); }"
    library = compile_library(tmp_path, "libb.so", user, "./libaaa.so.1", "-Wl,-rpath,$ORIGIN")
    compile_library(tmp_path, "libaaa.so.1", source, soname, "-Wl,--version-script=one")
    (symptom,) = open_library(library)
    assert (symptom.kind, symptom.version) == (SymptomKind.VERSION, "V_2")
    assert symptom.wanted_by == str(library)
    assert symptom.soname is not None
    assert symptom.soname.endswith("libaaa.so.1")


def test_symbol(pair: Path, tmp_path: Path) -> None:
    compile_library(tmp_path, "libaaa.so.1", "int q;", "-Wl,-soname,libaaa.so.1")
    (symptom,) = open_library(pair, LD_BIND_NOW="1")
    assert (symptom.kind, symptom.symbol, symptom.soname) == (SymptomKind.SYMBOL, "a", str(pair))
    listed = subprocess.run(["ldd", "-r", pair], capture_output=True, check=False)
    (symptom,) = read_messages([listed.stdout + listed.stderr]).symptoms
    assert (symptom.kind, symptom.symbol, symptom.soname) == (SymptomKind.SYMBOL, "a", str(pair))


def test_static_tls(tmp_path: Path) -> None:
    source = """
        static __thread char x[1000000] __attribute__((tls_model("initial-exec")));
        char *f(void) { return x; }
    """
    library = compile_library(tmp_path, "libt.so", source)
    (symptom,) = open_library(library)
    assert (symptom.kind, symptom.soname) == (SymptomKind.STATIC_TLS, str(library))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x7fELF\x01\x01\x01" + bytes(200), SymptomKind.WRONG_CLASS),
        (b"INPUT ( libfoo.so.1 )" + b" " * 200, SymptomKind.BROKEN),
        (b"", SymptomKind.BROKEN),
    ],
)
def test_wrong_files(tmp_path: Path, data: bytes, kind: SymptomKind) -> None:
    path = tmp_path / "a directory" / "libw.so"
    path.parent.mkdir()
    path.write_bytes(data)
    (symptom,) = open_library(path)
    assert (symptom.kind, symptom.soname) == (kind, str(path))


def test_a_program_whose_loader_is_not_there(tmp_path: Path) -> None:
    program = tmp_path / "program"
    subprocess.run(
        ["gcc", "-x", "c", "-", "-x", "none", "-o", program, "-Wl,--dynamic-linker=/lib/ld-none.so.2"],
        input=b"int main(void) { return 0; }",
        check=True,
        capture_output=True,
    )
    code, reading = run_command([str(program)])
    assert code == 127
    assert [(s.kind, s.wanted_by) for s in reading.symptoms] == [(SymptomKind.NO_LOADER, str(program))]
    result = subprocess.run(["bash", "-c", str(program)], capture_output=True, check=False)
    (symptom,) = read_messages([result.stderr]).symptoms
    assert (symptom.kind, symptom.wanted_by) == (SymptomKind.NO_LOADER, str(program))


def test_the_loader_tells_who_wants_a_library(pair: Path) -> None:
    (pair.parent / "libaaa.so.1").unlink()
    command = [sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", str(pair)]
    assert trace_loader(command, seconds=60)["libaaa.so.1"] == str(pair)
    assert trace_loader(["/does/not/exist"], seconds=60) == {}


def test_explain_uses_it(pair: Path, tmp_path: Path) -> None:
    site = tmp_path / "v" / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (pair.parent / "libaaa.so.1").unlink()
    library = site / "demo.so"
    pair.rename(library)
    # The program swallows the traceback: nothing but the loader tells which package is concerned.
    script = "import ctypes, sys\ntry: ctypes.CDLL(sys.argv[1])\nexcept OSError as e: sys.exit(str(e))"
    result = subprocess.run(
        [sys.executable, "-m", "wheelfix", "explain", "--", sys.executable, "-c", script, str(library)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)},
        check=False,
    )
    assert result.returncode == 1
    assert f"wanted by {library}" in result.stderr
    assert "package demo" in result.stderr
