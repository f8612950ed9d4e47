from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.objects import cause
from wheelfix.elf.exports import read_symbols
from wheelfix.elf.stream import ForwardReader
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import SymbolCheck, Symbols, SymbolWants
from wheelfix.model.scan import Level, Need
from wheelfix.scan.symbols import compare_symbols as judge_all
from wheelfix.scan.symbols import find_mismatches, find_users


def find_library(name: str) -> Path:
    """A library of the compiler or the C library on this machine."""
    command = ["gcc", f"-print-file-name={name}"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


@pytest.fixture(scope="module")
def stdcxx() -> Path:
    return find_library("libstdc++.so.6").resolve()


def user(versions: Sequence[str], symbols: Sequence[tuple[str, str]] = ()) -> Symbols:
    return Symbols(
        path="a.so",
        machine="x86_64",
        soname=None,
        versions=frozenset(),
        exports=frozenset(),
        wants=(SymbolWants(soname="libv.so.1", versions=tuple(versions), symbols=tuple(symbols)),),
    )


def provider(
    versions: Sequence[str] = (), exports: Sequence[tuple[str, str | None]] = (), machine: str = "x86_64"
) -> Symbols:
    return Symbols(
        path="/store/libv.so.1",
        machine=machine,
        soname="libv.so.1",
        versions=frozenset(versions),
        exports=frozenset(exports),
        wants=(),
    )


def compare_symbols(wanting: Symbols, soname: str, answering: Symbols) -> SymbolCheck:
    return judge_all(wanting, soname, answering, others=())


def test_all_there() -> None:
    verdict = compare_symbols(
        user(["V_1"], [("f", "V_1")]), "libv.so.1", provider(["V_1", "V_2"], [("f", "V_1")])
    )
    assert verdict == SymbolCheck(soname="libv.so.1", provider="/store/libv.so.1")
    assert verdict.fits


def test_missing_version_and_symbol() -> None:
    verdict = compare_symbols(
        user(["V_1", "V_2"], [("f", "V_1"), ("g", "V_1"), ("h", "V_2")]),
        "libv.so.1",
        provider(["V_1"], [("f", "V_1")]),
    )
    assert verdict.missing_versions == ("V_2",)
    assert verdict.missing_symbols == ("g@V_1", "h@V_2")
    assert not verdict.fits


def test_library_without_versions_satisfies_every_version() -> None:
    verdict = compare_symbols(
        user(["V_1"], [("f", "V_1"), ("g", "V_1")]), "libv.so.1", provider([], [("f", None)])
    )
    assert (verdict.missing_versions, verdict.missing_symbols) == ((), ("g@V_1",))


def test_symbol_of_another_version_does_not_do() -> None:
    verdict = compare_symbols(
        user(["V_1"], [("f", "V_1")]), "libv.so.1", provider(["V_1", "V_2"], [("f", "V_2")])
    )
    assert verdict.missing_symbols == ("f@V_1",)


def test_symbol_may_come_from_another_loaded_library() -> None:
    wants = user(["V_1"], [("f", "V_1"), ("g", "V_1")])
    stub, whole = provider(["V_1"]), provider(["V_1"], [("f", "V_1")])
    verdict = judge_all(wants, "libv.so.1", stub, others=[whole, provider([], [("g", None)], "aarch64")])
    assert verdict.missing_symbols == ("g@V_1",)
    # A version is asked of the soname's own library all the same.
    assert judge_all(wants, "libv.so.1", provider(["V_2"]), others=[whole]).missing_versions == ("V_1",)


def test_unrelated_soname_and_machine() -> None:
    assert compare_symbols(user(["V_9"]), "libother.so", provider()).fits
    verdict = compare_symbols(user(["V_1"]), "libv.so.1", provider(machine="aarch64"))
    assert (verdict.wrong_machine, verdict.fits) == ("aarch64", False)


def read(path: Path) -> Symbols:
    data = path.read_bytes()
    return read_symbols(str(path), ForwardReader(lambda: iter([data]), size=len(data)))


def link(directory: Path, name: str, source: str, *flags: str) -> Path:
    code = directory / f"{name}.cc"
    code.write_text(source)
    arguments = ["gcc", "-shared", "-fPIC", "-o", str(directory / name), str(code), *flags]
    subprocess.run(arguments, check=True, capture_output=True)
    return directory / name


def test_object_built_against_a_newer_libstdcxx(tmp_path: Path, stdcxx: Path) -> None:
    script = tmp_path / "script"
    script.write_text(
        "GLIBCXX_3.4 { global: _ZNSt8ios_base4InitC1Ev; };\nGLIBCXX_3.4.99 { global: from_the_future; };"
    )
    newer = link(
        tmp_path,
        "libstdc++.so.6",
        'extern "C" { void from_the_future() {} void _ZNSt8ios_base4InitC1Ev() {} }',
        "-nostdlib",
        "-Wl,-soname,libstdc++.so.6",
        f"-Wl,--version-script={script}",
    )
    wants = link(
        tmp_path,
        "user.so",
        'extern "C" { void from_the_future(); void _ZNSt8ios_base4InitC1Ev(); '
        "void use() { from_the_future(); _ZNSt8ios_base4InitC1Ev(); } }",
        "-nostdlib",
        str(newer),
    )
    verdict = compare_symbols(read(wants), "libstdc++.so.6", read(stdcxx))
    assert verdict.missing_versions == ("GLIBCXX_3.4.99",)
    assert verdict.missing_symbols == ("from_the_future@GLIBCXX_3.4.99",)
    assert compare_symbols(read(wants), "libstdc++.so.6", read(newer)).fits
    # The loader agrees.
    refused = subprocess.run(
        [sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", str(wants)],
        env={"LD_PRELOAD": str(stdcxx), "PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "GLIBCXX_3.4.99' not found" in refused.stderr


def test_libraries_of_this_machine_fit_each_other(stdcxx: Path) -> None:
    for soname in ("libc.so.6", "libm.so.6"):
        assert compare_symbols(read(stdcxx), soname, read(find_library(soname))).fits


def test_findings_name_what_a_library_lacks() -> None:
    wanting = user(["V_1", "V_2"], [("f", "V_2")])
    need = Need(
        soname="libv.so.1",
        machine="x86_64",
        need_class=NeedClass.PROVIDED,
        cause=cause(NeedClass.PROVIDED),
        wanted_by=("a.so",),
    )
    old = {"libv.so.1": provider(["V_1"])}
    (finding,) = find_mismatches([need], [wanting], old)
    assert (finding.level, finding.subject) == (Level.ERROR, "/store/libv.so.1")
    assert "lacks the symbol versions V_2 and the symbols f@V_2" in finding.message
    (finding,) = find_mismatches([need], [wanting], {"libv.so.1": provider(["V_1", "V_2"], [("f", "V_2")])})
    assert finding.level is Level.NOTE
    assert "2 versions, 1 symbols" in finding.message
    assert list(find_mismatches([replace(need, need_class=NeedClass.BUNDLED)], [wanting], old)) == []
    assert find_users([need], old) == {"a.so"}
