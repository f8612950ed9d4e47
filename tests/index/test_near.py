"""What users may have meant: from a small database, and from the shipped tables."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.nixindex import package, write_database
from tests.support.steps import count_steps
from wheelfix.index.build import build_table
from wheelfix.index.choice import open_bundled, open_names
from wheelfix.index.named_build import build_names
from wheelfix.index.named_table import NamedIndex, open_names_file
from wheelfix.index.near import find_directory, find_holders, find_near
from wheelfix.index.table import SonameTable, open_file
from wheelfix.model.names import tell_kind

Tables = tuple[SonameTable, NamedIndex]


@pytest.fixture(scope="module")
def shipped() -> Tables:
    table = open_bundled()
    return table, open_names(table)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    directory = tmp_path_factory.mktemp("index")
    database = write_database(
        directory / "files",
        {
            package("alpha"): {"/lib/libalpha.so": 1, "/lib/libalpha.so.1": 1, "/lib/libalpha.so.1.2.3": 1},
            package("alpha_2"): {"/lib/libalpha.so.2": 1},
            package("plugin"): {"/lib/libalphabet.so.1": 1},
            package("cairo", output="dev"): {"/include/cairo/cairo.h": 1, "/lib/pkgconfig/cairo.pc": 1},
            package("tool_1"): {"/bin/versioned": 1},
            package("named"): {"/lib/libother.so.3": 1},
            package("foreign", system="aarch64-linux"): {"/bin/versionee": 1, "/lib/libalpha.so.9": 1},
        },
    )
    build_table(database, directory / "table", date="2026-05-03")
    build_names(database, directory / "names", date="2026-05-03")
    names = open_names_file(directory / "names")
    return open_file(directory / "table", source="file"), NamedIndex(lambda _: names)


def find(tables: Tables, text: str) -> list[tuple[str, str | None]]:
    (near,) = find_near(*tables, [(text, tell_kind(text))])
    return [(one.name, one.attr) for one in near]


@pytest.mark.parametrize(
    ("asked", "first", "attr"),
    [
        ("libGL", "libGL.so.1", "libGL"),
        ("GL", "libGL.so.1", "libGL"),
        ("libgl.so.1", "libGL.so.1", "libGL"),
        ("tbb", "libtbb.so.12", "onetbb"),
        ("libtbb", "libtbb.so.12", "onetbb"),
        ("libtb.so.12", "libtbb.so.12", "onetbb"),
        ("magic", "libmagic.so.1", "file"),
        ("ssl", "libssl.so.3", "openssl"),
        ("stdc++", "libstdc++.so.6", "stdenv.cc.cc.lib"),
        ("libgfortan.so.5", "libgfortran.so.5", "gfortran.cc.lib"),
        ("libjpg.so.8", "libjpeg.so.8", "libjpeg8"),
        ("libbz2.so.1.0", "libbz2.so.1", "bzip2"),
        ("cudart", "libcudart.so.12", "cudaPackages.cuda_cudart"),
        ("libcuda", "libcuda.so.1", None),
        ("pg_confg", "pg_config", "libpq.pg_config"),
        ("sqlxt.h", "sqlext.h", "libiodbc"),
        ("opnssl/ssl.h", "openssl/ssl.h", "openssl"),
        ("foo/zlib.h", "zlib.h", "zlib"),
        ("cairoo.pc", "cairo.pc", "cairo"),
        ("Cairo-2.0.pc", "cairo.pc", "cairo"),
        ("fmt-confg.cmake", "fmt-config.cmake", "fmt"),
        ("nunpy", "numpy.pc", "python3Packages.numpy"),
    ],
)
def test_what_was_meant(shipped: Tables, asked: str, first: str, attr: str | None) -> None:
    near = find(shipped, asked)
    assert near[0] == (first, attr)
    assert len(near) <= 5
    assert len(dict(near)) == len(near), "a name twice"


@pytest.mark.parametrize("asked", ["libfoo.so.99", "", ".", "libgtt.so", "\udcff", "*", "z" * 5000])
def test_nothing_is_said_without_evidence(shipped: Tables, asked: str) -> None:
    assert find(shipped, asked) == []


def test_an_attribute_leads_to_its_libraries(shipped: Tables) -> None:
    assert ("libz.so.1", "zlib") in find(shipped, "zlib")
    assert ("libpq.so.5", "libpq") in find(shipped, "libpq")


def test_sonames_come_before_names_that_are_more_or_less_exact(small: Tables) -> None:
    assert find(small, "alpha") == [
        ("libalpha.so.1", "alpha"),
        ("libalpha.so.2", "alpha_2"),
        ("libalphabet.so.1", "plugin"),
    ]
    assert find(small, "libalph.so.2") == [("libalpha.so.2", "alpha_2")]
    assert find(small, "libalph.so.7") == [], "with another number, another library is meant"
    assert find(small, "named") == [("libother.so.3", "named")]


def test_other_kinds_and_other_systems(small: Tables) -> None:
    assert find(small, "versionned") == [("versioned", "tool_1")]
    assert find(small, "cairo/deep/nothing.h") == []
    assert find_directory(*small, "cairo/deep/nothing.h") == "cairo has headers in cairo"
    assert find_directory(*small, "nowhere/nothing.h") is None


def test_attributes_are_named_as_a_release_does(shipped: Tables) -> None:
    (near,) = find_near(*shipped, [("X11", None)], release=(25, 5))
    assert (near[0].name, near[0].attr) == ("libX11.so.6", "xorg.libX11")
    assert find_holders(shipped[0], ["libX11.so.6", "libcuda.so.1", "none"]) == {"libX11.so.6": "libx11"}


def test_many_at_once_in_the_order_asked(shipped: Tables) -> None:
    asked = [("tbb", None), ("libfoo.so.99", tell_kind("libfoo.so.99"))]
    find_near(*shipped, asked)
    once, often = (count_steps(partial(find_near, *shipped, asked * times)) for times in (1, 10))
    assert often < 10 * once, "what all of them are compared with is listed once"
    assert [len(near) for near in find_near(*shipped, asked * 10)] == [5, 0] * 10
