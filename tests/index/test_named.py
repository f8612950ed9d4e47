"""Answers for names other than sonames, from small databases, and from the shipped tables."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.nixindex import package, write_database
from tests.support.real import FIXTURES
from wheelfix.errors import IndexProblem
from wheelfix.index.attributes import open_attributes, write_attributes
from wheelfix.index.build import build_table
from wheelfix.index.choice import open_bundled, open_names
from wheelfix.index.frcode import Package
from wheelfix.index.named import find_named, list_matching
from wheelfix.index.named_build import build_names
from wheelfix.index.named_table import NamedIndex, NameTable, open_names_bytes, open_names_file
from wheelfix.index.named_trim import DEPTH, trim_names
from wheelfix.index.table import SonameTable, open_file
from wheelfix.model.classes import Gone, NeedClass
from wheelfix.model.index import Attribute, Evaluated, NixpkgsInfo
from wheelfix.model.names import Name, NameKind
from wheelfix.model.scan import Located

STORE = "/nix/store"
CAIRO = package("cairo", output="dev", name="cairo-1.18-dev")
COREUTILS = package("coreutils", name="coreutils-9.8")
ROOTFS = package("steam-fhsenv-rootfs", name="steam-fhsenv-rootfs", toplevel=False)
PACKAGES: dict[Package, dict[str, str | int]] = {
    CAIRO: {
        "/include/cairo/cairo.h": 1,
        "/lib/pkgconfig/cairo.pc": 1,
        "/lib/pkgconfig/cairo-ft.pc": 1,
        "/lib/other/pkgconfig/odd.pc": 1,
    },
    package("cairo", name="cairo-1.18"): {"/lib/libcairo.so.2": 1, "/lib/libcairo.so": "libcairo.so.2"},
    package("pycairo-app"): {"/include/copies/of/cairo/cairo.h": 1, "/bin/tool": 1},
    package("openldap", output="dev"): {"/include/lber.h": 1},
    package("openldap"): {"/lib/liblber.so": "liblber.so.2", "/lib/liblber.so.2": 1},
    package("imposter"): {"/include/lber.h": 1},
    package("glibc", output="dev"): {"/include/stdio.h": 1, "/include/sys/types.h": 1},
    package("musl", output="dev"): {"/include/stdio.h": 1},
    package("fmt", output="dev"): {
        "/lib/cmake/fmt/fmt-config.cmake": 1,
        "/lib/cmake/fmt/deep/er/x-config.cmake": 1,
    },
    package("bundler"): {"/lib/cmake/bundler/fmt-config.cmake": 1},
    COREUTILS: {"/bin/ls": 1, "/bin/.ls-wrapped": 1, "/bin/notes": 1},
    package("busybox"): {"/bin/ls": 1, "/bin/ash": 1},
    ROOTFS: {"/usr/bin/ls": f"{STORE}/{COREUTILS.hash}-{COREUTILS.name}/bin/ls"},
    package("suite"): {"/bin/ls": f"{STORE}/{COREUTILS.hash}-{COREUTILS.name}/bin/ls"},
    package("alpha"): {"/bin/same": 1},
    package("omega"): {"/bin/same": 1},
    package("python3", name="python3-3.13.1"): {"/bin/python3": 1},
    package("python313Packages.numpy", name="python3.13-numpy-2.0"): {
        "/bin/f2py": 1,
        "/lib/python3.13/site-packages/numpy/_core/include/numpy/arrayobject.h": 1,
    },
    package("python312Packages.numpy", name="python3.12-numpy-1.0"): {"/bin/f2py-old": 1},
    package("tool_1"): {"/bin/versioned": 1},
    package("hidden", toplevel=False): {"/bin/secret": 1},
    package("elsewhere", system="aarch64-linux"): {"/bin/foreign": 1},
    package("documented", output="doc"): {"/include/doc.h": 1},
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> tuple[SonameTable, NamedIndex, Path]:
    directory = tmp_path_factory.mktemp("index")
    database = write_database(directory / "files", PACKAGES)
    build_table(database, directory / "table", date="2026-05-03")
    build_names(database, directory / "names", date="2026-05-03")
    names = open_names_file(directory / "names")
    return open_file(directory / "table", source="file"), NamedIndex(lambda _: names), directory


def ask(index: tuple[SonameTable, NamedIndex, Path], kind: NameKind, text: str, **how: Any) -> Located:
    table, names, _ = index
    (found,) = find_named(table, names, [Name(kind=kind, text=text)], **how)
    return found


def test_a_module_is_in_the_output_that_has_its_file(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    found = ask(index, NameKind.PKG_CONFIG, "cairo")
    assert (found.need_class, found.kind, found.name) == (NeedClass.PROVIDED, NameKind.PKG_CONFIG, "cairo")
    (provider,) = found.providers
    assert (provider.attr, provider.output, provider.path) == ("cairo", "dev", "/lib/pkgconfig/cairo.pc")
    assert (provider.version, provider.store_path) == ("1.18", f"{STORE}/{CAIRO.hash}-cairo-1.18-dev")
    assert any("has the library of that name" in why for why in provider.why)


def test_only_what_the_setup_hook_finds_is_a_module(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    assert ask(index, NameKind.PKG_CONFIG, "odd").need_class is NeedClass.UNKNOWN


def test_headers_are_found_below_other_directories(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    for text in ("cairo.h", "cairo/cairo.h", "/usr/include/cairo/cairo.h"):
        assert [p.attr for p in ask(index, NameKind.HEADER, text).providers] == ["cairo", "pycairo-app"]
    assert ask(index, NameKind.HEADER, "iro/cairo.h").need_class is NeedClass.UNKNOWN
    assert ask(index, NameKind.HEADER, "doc.h").need_class is NeedClass.UNKNOWN


def test_the_owner_of_the_library_has_the_header(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    assert [p.attr for p in ask(index, NameKind.HEADER, "lber.h").providers] == ["openldap", "imposter"]


def test_headers_of_the_c_library_need_nothing(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    assert ask(index, NameKind.HEADER, "stdio.h").need_class is NeedClass.LIBC
    assert ask(index, NameKind.HEADER, "sys/types.h").need_class is NeedClass.LIBC
    assert ask(index, NameKind.HEADER, "types.h").need_class is NeedClass.PROVIDED


def test_cmake_packages_by_either_name(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    for text in ("fmt", "FMT", "fmt-config.cmake"):
        assert [p.attr for p in ask(index, NameKind.CMAKE, text).providers] == ["fmt"]
    assert [p.attr for p in ask(index, NameKind.CMAKE, "fmt", every=True).providers] == ["fmt", "bundler"]
    assert ask(index, NameKind.CMAKE, "FmtConfig.cmake").need_class is NeedClass.UNKNOWN
    assert ask(index, NameKind.CMAKE, "x").need_class is NeedClass.UNKNOWN


def test_programs_of_a_distribution_win_and_stand_ins_lose(
    index: tuple[SonameTable, NamedIndex, Path],
) -> None:
    found = ask(index, NameKind.PROGRAM, "ls")
    assert [p.attr for p in found.providers] == ["coreutils"]
    assert any("whole distribution" in why for why in found.providers[0].why)
    every = ask(index, NameKind.PROGRAM, "ls", every=True).providers
    assert {p.attr for p in every} == {"coreutils", "busybox", "suite"}


def test_hidden_and_foreign_programs_are_none(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    for text in (".ls-wrapped", "secret", "foreign", "f2py-old"):
        assert ask(index, NameKind.PROGRAM, text).need_class is NeedClass.UNKNOWN, text


def test_python_packages_are_named_by_the_set_people_write(
    index: tuple[SonameTable, NamedIndex, Path],
) -> None:
    assert ask(index, NameKind.PROGRAM, "f2py").providers[0].attr == "python3Packages.numpy"
    header = ask(index, NameKind.HEADER, "numpy/arrayobject.h").providers[0]
    assert header.attr == "python3Packages.numpy"
    assert header.path.startswith("/lib/python3.13/site-packages/numpy/_core/include/")


def test_equals_are_ambiguous_and_a_preference_decides(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    assert ask(index, NameKind.PROGRAM, "same").need_class is NeedClass.AMBIGUOUS
    chosen = ask(index, NameKind.PROGRAM, "same", prefer=["omega"])
    assert (chosen.need_class, chosen.providers[0].attr) == (NeedClass.PROVIDED, "omega")
    assert [p.attr for p in chosen.providers] == ["omega", "alpha"]


def test_a_program_that_no_database_lists(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    (provider,) = ask(index, NameKind.PROGRAM, "pg_config").providers
    assert (provider.attr, provider.output, provider.path) == ("libpq.pg_config", "out", "/bin/pg_config")
    assert provider.store_path is None


def test_many_at_once_in_the_order_asked(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    table, names, _ = index
    asked = [
        Name(kind=NameKind.PROGRAM, text="ls"),
        Name(kind=NameKind.HEADER, text="lber.h"),
        Name(kind=NameKind.PROGRAM, text="ls"),
        Name(kind=NameKind.CMAKE, text="fmt"),
    ]
    answers = find_named(table, names, asked)
    assert [(a.name, a.kind) for a in answers] == [(n.text, n.kind) for n in asked]
    assert [a.providers[0].attr for a in answers] == ["coreutils", "openldap", "coreutils", "fmt"]
    assert find_named(table, names, []) == ()


def test_what_nixpkgs_removed_is_no_answer(
    index: tuple[SonameTable, NamedIndex, Path], tmp_path: Path
) -> None:
    info = NixpkgsInfo(
        source="here",
        release="26.11",
        system="x86_64-linux",
        python="3.13.1",
        revision=None,
        date="2026-07-14",
    )
    said = (Attribute(attr="openldap", removed="it was old"), Attribute(attr="fmt", broken=True))
    write_attributes(tmp_path / "attributes", Evaluated(info=info, attributes=said, python=()), {})
    table = open_file(index[2] / "table", source="file")
    table.attributes = open_attributes(tmp_path / "attributes")
    held = (table, index[1], index[2])
    assert [p.attr for p in ask(held, NameKind.HEADER, "lber.h").providers] == ["imposter"]
    removed = ask(held, NameKind.CMAKE, "fmt")
    assert (removed.need_class, removed.providers) == (NeedClass.UNKNOWN, ())
    assert removed.cause == Gone(attr="fmt", removed=None)


def test_who_has_a_file_and_is_no_provider_is_said(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    found = ask(index, NameKind.PROGRAM, "ash")
    assert (found.need_class, found.providers) == (NeedClass.UNKNOWN, ())
    assert found.note == "busybox has such a file and is no provider: --all lists who has"
    every = ask(index, NameKind.PROGRAM, "ash", every=True)
    assert (every.need_class, [p.attr for p in every.providers]) == (NeedClass.UNKNOWN, ["busybox"])


def test_globs(index: tuple[SonameTable, NamedIndex, Path]) -> None:
    matching = list_matching(index[1], NameKind.PKG_CONFIG, "/x/cairo*.pc", system="x86_64-linux")
    assert [name.text for name in matching] == ["cairo-ft.pc", "cairo.pc"]


def test_what_is_shipped_has_no_hashes_and_says_how_deep_it_goes(
    index: tuple[SonameTable, NamedIndex, Path],
) -> None:
    table, _, directory = index
    data = trim_names(directory / "names", [NameKind.HEADER], table=table)
    assert data == trim_names(directory / "names", [NameKind.HEADER], table=table)
    headers = open_names_bytes(data, subject="cut")
    assert headers.depth == DEPTH
    cut = (table, NamedIndex(lambda _: headers), directory)
    (provider,) = ask(cut, NameKind.HEADER, "lber.h").providers  # the imposter is no rival
    assert (provider.attr, provider.store_path) == ("openldap", None)
    assert [p.attr for p in ask(cut, NameKind.HEADER, "cairo.h").providers] == ["cairo"]
    assert "2 directories below include" in (ask(cut, NameKind.HEADER, "nothing.h").note or "")
    assert headers.list_names(NameKind.PROGRAM, system="x86_64-linux") == ()


def test_damaged_and_foreign_tables_are_errors(
    index: tuple[SonameTable, NamedIndex, Path], tmp_path: Path
) -> None:
    data = (index[2] / "names").read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    with pytest.raises(IndexProblem):
        open_names_file(tmp_path / "cut").list_names(NameKind.PROGRAM, system="x86_64-linux")
    with pytest.raises(IndexProblem, match="no table of names"):
        open_names_file(index[2] / "table")
    with pytest.raises(IndexProblem):
        open_names_file(tmp_path / "missing")
    other = sqlite3.connect(tmp_path / "other")
    other.executescript(
        "CREATE TABLE names_meta (key, value); INSERT INTO names_meta VALUES ('schema', '0');"
    )
    with pytest.raises(IndexProblem, match="schema 0"):
        NameTable(other, subject="other")


@pytest.fixture(scope="module")
def shipped() -> tuple[SonameTable, NamedIndex, Path]:
    table = open_bundled()
    return table, open_names(table), Path()


@pytest.mark.parametrize(
    ("kind", "file"), [(NameKind.HEADER, "headers-expert.json"), (NameKind.CMAKE, "cmake-expert.json")]
)
def test_shipped_answers_are_those_that_an_expert_wrote_before(
    shipped: tuple[SonameTable, NamedIndex, Path], kind: NameKind, file: str
) -> None:
    """Written before the table was looked at; files that this nixpkgs has not got were marked afterwards."""
    expected: dict[str, Any] = json.loads((FIXTURES / file).read_text())
    answers = find_named(shipped[0], shipped[1], [Name(kind=kind, text=text) for text in expected])
    wrong = [
        (answer.name, [p.attr for p in answer.providers[:3]])
        for answer, right in zip(answers, expected.values(), strict=True)
        if (answer.providers[0].attr if answer.providers else None)
        not in (right["accept"] if not right["expect_absent"] else [None])
    ]
    assert len(wrong) <= 0.05 * len(expected), wrong


@pytest.mark.parametrize(
    ("kind", "text", "attr", "output"),
    [
        (NameKind.PKG_CONFIG, "openssl", "openssl", "dev"),
        (NameKind.PKG_CONFIG, "glib-2.0", "glib", "dev"),
        (NameKind.PKG_CONFIG, "x11", "libx11", "dev"),
        (NameKind.PKG_CONFIG, "libpng", "libpng", "dev"),
        (NameKind.PKG_CONFIG, "gobject-introspection-1.0", "gobject-introspection", "dev"),
        (NameKind.PROGRAM, "ls", "coreutils", "out"),
        (NameKind.PROGRAM, "curl-config", "curl", "dev"),
        (NameKind.PROGRAM, "swig", "swig", "out"),
        (NameKind.PROGRAM, "cython", "python3Packages.cython", "out"),
        (NameKind.CMAKE, "pybind11", "python3Packages.pybind11", "out"),
        (NameKind.HEADER, "numpy/arrayobject.h", "python3Packages.numpy", "out"),
    ],
)
def test_well_known_names_of_the_shipped_tables(
    shipped: tuple[SonameTable, NamedIndex, Path], kind: NameKind, text: str, attr: str, output: str
) -> None:
    best = ask(shipped, kind, text).providers[0]
    assert (best.attr, best.output) == (attr, output)


def test_shipped_tables_are_of_the_database_of_the_soname_table(
    shipped: tuple[SonameTable, NamedIndex, Path],
) -> None:
    table, names, _ = shipped
    for kind in set(NameKind) - {NameKind.LIBRARY}:
        assert names.open(kind).meta["digest"] == table.info.digest
        assert names.open(kind).meta["date"] == table.info.date
        assert int(names.open(kind).meta[kind.value]) > 1000
