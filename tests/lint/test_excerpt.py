from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.nixindex import package, write_database
from wheelfix.index.build import build_table
from wheelfix.index.choice import open_index
from wheelfix.index.table import SonameTable, open_file
from wheelfix.lint.excerpt import find_carriers, find_similar, find_spellings, spell_attr


@pytest.fixture(scope="module")
def table() -> SonameTable:
    return open_index()


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("zlib", "zlib"),
        ("zlib.dev", "zlib"),
        ("openssl.out", "openssl"),
        ("xorg.libX11", "libx11"),
        ("xorg.libX11.dev", "libx11"),
        ("stdenv.cc.cc", "stdenv.cc.cc.lib"),
        ("stdenv.cc.cc.lib", "stdenv.cc.cc.lib"),
        ("gcc-unwrapped.lib", "stdenv.cc.cc.lib"),
        ("gfortran.cc.lib", "gfortran.cc.lib"),
        ("tbb_2021_11", "onetbb"),
        ("tbb", "onetbb"),
        ("mpi", "openmpi"),
        ("libglvnd", "libGL"),
        ("udev", "systemdLibs"),
        ("qt5.qtbase", "libsForQt5.qtbase"),
        ("cudaPackages.libcublas.lib", "cudaPackages.libcublas"),
        ("cudaPackages_12_4.libcublas", "cudaPackages.libcublas"),
        ("cudaPackages_13.libcublas", "cudaPackages_13.libcublas"),
        ("cudaPackages_11_8.libcublas", "cudaPackages_11.libcublas"),
        ("lib", "lib"),
    ],
)
def test_spelling(written: str, spelt: str) -> None:
    assert spell_attr(written) == spelt
    assert spell_attr(spelt) == spelt


def test_known_attributes(table: SonameTable) -> None:
    attrs = [
        "udev",
        "libkrb5",
        "zlib",
        "xorg.libX11",
        "stdenv.cc.cc",
        "cudaPackages.libcublas",
        "glibc",
        "libGL",
        "unixODBC",
    ]
    spellings = find_spellings(table, attrs)
    assert all(spellings[attr].known and not spellings[attr].nearest for attr in attrs)
    assert [attr for attr in attrs if spellings[attr].renamed] == ["xorg.libX11", "unixODBC"]


def test_slips_of_the_pen(table: SonameTable) -> None:
    spellings = find_spellings(
        table, ["opensls", "unixodcb", "opensl", "zzlib", "cudaPackages.libcubals", "libGl"]
    )
    assert spellings["opensls"].nearest[0] == "openssl"
    assert spellings["opensl"].nearest[0] == "openssl"
    assert spellings["zzlib"].nearest[0] == "zlib"
    assert spellings["unixodcb"].nearest[0] == "unixodbc"
    assert "cudaPackages.libcublas" in spellings["cudaPackages.libcubals"].nearest
    assert not any(s.known for s in spellings.values())


def test_no_slips_of_the_pen(table: SonameTable) -> None:
    spellings = find_spellings(
        table, ["openssh", "cmake", "autoPatchelfHook", "pkg-config", "openssl_0_9", "x", "numpy"]
    )
    assert {attr for attr, f in spellings.items() if f.nearest or f.known} == set()


def test_carriers_include_who_is_never_first(table: SonameTable) -> None:
    found = find_carriers(
        table, ["libz.so.1", "libstdc++.so.6", "libcublas.so.12", "libx11.so.99", "libX11.so.6"]
    )
    assert {"zlib", "libz"} <= found["libz.so.1"]
    assert "stdenv.cc.cc.lib" in found["libstdc++.so.6"]
    assert "cudaPackages.libcublas" in found["libcublas.so.12"]
    assert found["libx11.so.99"] == frozenset()
    assert "libx11" in found["libX11.so.6"]


def test_carriers_of_names_that_are_opened(table: SonameTable) -> None:
    found = find_carriers(table, ["libmagic.so", "/usr/lib/libmagic.so.1"])
    assert "file" in found["libmagic.so"]
    assert "file" in found["/usr/lib/libmagic.so.1"]


def test_names_without_version_are_of_any_version(tmp_path: Path) -> None:
    database = write_database(tmp_path / "files", {package("demo"): {"/lib/libdemo.so.3": 1}})
    build_table(database, tmp_path / "table")
    table = open_file(tmp_path / "table", source="file")
    assert find_carriers(table, ["libdemo.so", "libdemo.so.4"]) == {
        "libdemo.so": frozenset({"demo"}),
        "libdemo.so.4": frozenset(),
    }


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("libpmix.so2", "libpmix.so.2"),
        ("libpmix.so-2", "libpmix.so.2"),
        ("libtbb.so12", "libtbb.so.12"),
        ("libcuda.so1", "libcuda.so.1"),
        ("libtbb.so.122", "libtbb.so.12"),
        ("libcudnnn.so.9", "libcudnn.so.9"),
        ("libmine-onyl.so.1", "libmine-only.so.1"),
    ],
)
def test_misspelt_sonames(table: SonameTable, typed: str, meant: str) -> None:
    found = find_similar(table, [typed], ["libcudnn.so.9", "libmine-only.so.1"])
    assert found[typed][0] == meant


def test_known_sonames_are_not_misspelt(table: SonameTable) -> None:
    known = ["libz.so.1", "libcuda.so.1", "libc.so.6", "libmine.so.1", "libnvidia-*.so.1", "libcublas.so.12"]
    assert find_similar(table, known, ["libmine.so.1"]) == {}
    assert find_similar(table, ["libnobody-has-this.so.77"], []) == {"libnobody-has-this.so.77": ()}
