"""Who has what a build asks for: by the shipped index, and by the table beside it."""

from __future__ import annotations

import pytest

from wheelfix.explain.asked import Asked, find_asked, find_system
from wheelfix.explain.model import SymptomKind
from wheelfix.index.choice import open_bundled, open_names
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.table import SonameTable


@pytest.fixture(scope="module")
def index() -> SonameTable:
    return open_bundled()


@pytest.fixture(scope="module")
def names_of(index: SonameTable) -> NamedIndex:
    return open_names(index)


K = SymptomKind


@pytest.mark.parametrize(
    ("kind", "name", "native", "inputs"),
    [
        (K.HEADER, "openssl/opensslv.h", [], ["openssl"]),
        (K.HEADER, "gssapi/gssapi.h", [], ["krb5"]),
        (K.HEADER, "sql.h", [], ["unixodbc"]),
        (K.HEADER, "Python.h", [], ["python3"]),
        (K.HEADER_PATH, "linux/input.h", [], ["linuxHeaders"]),
        (K.PKG_CONFIG, "freetype2", ["pkg-config"], ["freetype"]),
        (K.PKG_CONFIG, "OpenSSL", ["pkg-config"], ["openssl"]),
        (K.PKG_CONFIG, "libsystemd", ["pkg-config"], ["systemd"]),
        (K.PKG_CONFIG, "mysqlclient", ["pkg-config"], ["mariadb-connector-c"]),
        (K.CMAKE_PACKAGE, "Boost", [], ["boost"]),
        (K.CMAKE_PACKAGE, "PNG", [], ["libpng"]),
        (K.CMAKE_PACKAGE, "OpenSSL", [], ["openssl"]),
        (K.LINKED, "ssl", [], ["openssl"]),
        (K.LINKED, "z", [], ["zlib"]),
        (K.LINKED, "pq", ["libpq.pg_config"], ["libpq"]),
        (K.PROGRAM, "pg_config", ["libpq.pg_config"], ["libpq"]),
        (K.PROGRAM, "xml2-config", ["libxml2"], ["libxml2"]),
        (K.PROGRAM, "gdal-config", ["gdal"], ["gdal"]),
        (K.PROGRAM, "protoc", ["protobuf"], []),
        (K.PROGRAM, "make", ["gnumake"], []),
        (K.PROGRAM, "pkg-config", ["pkg-config"], []),
        (K.LIBRARY, "CMake", ["cmake"], []),
        (K.LIBRARY, "HDF5", [], ["hdf5"]),
        (K.LIBRARY, "libxslt", [], ["libxslt"]),
        (K.LIBRARY, "Snappy", [], ["snappy"]),
    ],
)
def test_packages_of_nixpkgs_take(
    kind: SymptomKind,
    name: str,
    native: list[str],
    inputs: list[str],
    index: SonameTable,
    names_of: NamedIndex,
) -> None:
    asked = Asked(kind, name)
    answer = find_asked([asked], index, names_of)[asked]
    assert [one.attr for one in answer.native] == native
    assert [one.attr for one in answer.inputs] == inputs


def test_a_python_package_is_a_build_system(index: SonameTable, names_of: NamedIndex) -> None:
    asked = Asked(K.CMAKE_PACKAGE, "pybind11")
    answer = find_asked([asked], index, names_of)[asked]
    assert answer.systems == ("pybind11",)
    assert answer.attrs == ("pybind11",)


def test_nobody_has_it(index: SonameTable, names_of: NamedIndex) -> None:
    for kind in (K.HEADER, K.PKG_CONFIG, K.CMAKE_PACKAGE, K.LINKED, K.PROGRAM, K.LIBRARY):
        asked = Asked(kind, "frobnicate-nothing.h")
        assert not find_asked([asked], index, names_of)[asked].attrs


def test_the_table_answers_without_an_index() -> None:
    asked = Asked(K.PROGRAM, "pg_config")
    assert find_asked([asked], None, None)[asked].attrs == ("libpq",)
    asked = Asked(K.HEADER, "zlib.h")
    assert not find_asked([asked], None, None)[asked].attrs


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("setuptools.build_meta", "setuptools"),
        ("poetry.core.masonry.api", "poetry-core"),
        ("flit_core.buildapi", "flit-core"),
        ("mesonpy", "meson-python"),
        ("numpy", "numpy"),
        ("requests", None),
    ],
)
def test_modules_that_build(module: str, name: str | None) -> None:
    assert find_system(module) == name
