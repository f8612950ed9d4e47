"""The table of attributes, and answers held against it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from wheelfix.errors import IndexProblem, InputError
from wheelfix.index.attributes import (
    AttributeTable,
    open_attributes,
    open_bundled_attributes,
    open_current_attributes,
    write_attributes,
)
from wheelfix.index.choice import open_bundled
from wheelfix.index.lookup import find_providers, list_answers
from wheelfix.model.base import replace
from wheelfix.model.index import Attribute, Evaluated, Lookup, NixpkgsInfo, PythonPackage
from wheelfix.model.tables import load_table
from wheelfix.outside.places import find_cache
from wheelfix.sdist.crates import Crates

NIXPKGS = Path(__file__).parents[1] / "support" / "nix" / "nixpkgs"
INFO = NixpkgsInfo(
    source="here", release="26.11", system="x86_64-linux", python="3.13.1", revision="abc", date="2026-07-14"
)
ATTRIBUTES = (
    Attribute(attr="zlib", version="1.3", outputs=("out", "dev", "static"), reached=("dev", "out")),
    Attribute(attr="libevent", version="2.1", outputs=("out", "dev", "openssl"), reached=("dev", "out")),
    Attribute(attr="gone", removed="it was old"),
    Attribute(attr="mkl", version="1", outputs=("out",), reached=("out",), unfree=True),
)
PYTHON = (
    PythonPackage(attr="opencv4", name="opencv", version="4.13"),
    PythonPackage(attr="opencv-python", name="opencv-python", version="4.13", dependencies=("opencv",)),
    PythonPackage(attr="pyyaml", name="pyyaml", version="6.0"),
    PythonPackage(attr="pillow_simd", name="pillow-simd", removed="unmaintained"),
)

LEFT_OUT = {"animeko", "hedgewars", "ihaskell"}
"""What the nixpkgs that was asked could not tell, as files of other languages were missing in it."""

MakeTable = Callable[..., AttributeTable]


@pytest.fixture
def make(tmp_path: Path) -> MakeTable:
    def make(*attributes: Attribute, date: str = "2026-07-14") -> AttributeTable:
        place = tmp_path / "attributes.sqlite"
        said = Evaluated(info=replace(INFO, date=date), attributes=attributes or ATTRIBUTES, python=PYTHON)
        write_attributes(place, said, {"zlib": 4711})
        return open_attributes(place)

    return make


def test_what_was_written_is_read(make: MakeTable) -> None:
    table = make()

    assert table.info == replace(INFO, source="own")
    assert table.find("zlib") == replace(ATTRIBUTES[0], size=4711)
    assert table.find("gone") == ATTRIBUTES[2]
    assert table.find("neverAsked") is None
    assert table.count() == (3, 3)
    assert table.read_sizes() == {"zlib": 4711}


def test_an_output_is_found_by_its_package(make: MakeTable) -> None:
    said = make().find("libevent.openssl")

    assert said
    assert (said.attr, said.version, said.reached) == ("libevent.openssl", "2.1", ("openssl",))
    assert make().find("libevent.nonsense") is None


@pytest.mark.parametrize(
    ("name", "attr"),
    [("opencv-python", "opencv-python"), ("opencv", "opencv4"), ("pyyaml", "pyyaml"), ("nobody", None)],
)
def test_python_packages_are_found_by_distribution(make: MakeTable, name: str, attr: str | None) -> None:
    found = make().find_python(name)

    assert (found.attr if found else None) == attr


def test_a_removed_python_package_says_why(make: MakeTable) -> None:
    found = make().find_python("pillow-simd")

    assert found
    assert found.removed == "unmaintained"


def test_a_damaged_table_is_a_problem_of_the_index(tmp_path: Path) -> None:
    place = tmp_path / "damaged.sqlite"
    place.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(IndexProblem, match="damaged table"):
        open_attributes(place)

    with sqlite3.connect(place.with_name("other.sqlite")) as connection:
        connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        connection.execute("INSERT INTO meta VALUES ('schema', '99')")
    with pytest.raises(IndexProblem, match="schema 99"):
        open_attributes(place.with_name("other.sqlite"))


def test_a_table_of_the_user_is_used_before_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_current_attributes().info.source == "bundled"

    write_attributes(find_cache().attributes, Evaluated(info=INFO), {})

    assert open_current_attributes().info.source == "own"


def lookup(soname: str, attributes: AttributeTable) -> Lookup:
    table = open_bundled()
    table.attributes = attributes
    (found,) = find_providers(table, [soname])
    return found


def test_what_nixpkgs_removed_is_no_answer(make: MakeTable) -> None:
    gone = Attribute(attr="mysql80", removed="end of life")
    found = lookup("libmysqlclient.so.21", make(gone))

    assert found.providers == ()
    assert found.gone == (gone,)


def test_what_is_broken_is_no_answer_and_the_next_one_is(make: MakeTable) -> None:
    first, second = lookup("libssl.so.3", make()).providers[:2]

    found = lookup("libssl.so.3", make(Attribute(attr=first.attr, broken=True)))

    assert found.providers[0] == second


def test_a_later_index_knows_better_what_is_there(make: MakeTable) -> None:
    gone = Attribute(attr="mysql80", removed="end of life")

    assert lookup("libmysqlclient.so.21", make(gone, date="2025-01-01")).providers[0].attr == "mysql80"


@pytest.mark.parametrize(
    ("outputs", "reached", "attr"),
    [
        (("out", "dev", "openssl"), ("dev", "out"), "libevent.openssl"),
        (("out", "dev", "openssl"), ("dev", "out", "openssl"), "libevent.openssl"),  # not for run paths
        ((), (), "libevent"),  # nothing is known of outputs
    ],
)
def test_an_output_that_is_not_reached_is_written(
    make: MakeTable, outputs: tuple[str, ...], reached: tuple[str, ...], attr: str
) -> None:
    said = Attribute(attr="libevent", outputs=outputs, reached=reached)

    assert lookup("libevent_openssl-2.1.so.7", make(said)).providers[0].attr == attr


def test_the_usual_outputs_are_not_written(make: MakeTable) -> None:
    split = Attribute(attr="zlib", outputs=("bin", "dev", "lib"), reached=("dev", "bin", "lib"))

    assert lookup("libz.so.1", make()).providers[0].attr == "zlib"
    assert lookup("libz.so.1", make(split)).providers[0].attr == "zlib"  # it has no output out


def test_a_nixpkgs_that_is_followed_decides(make: MakeTable) -> None:
    table = make(Attribute(attr="zlib", removed="here it is gone"), Attribute(attr="closed"))
    table.follow(str(NIXPKGS), origin="--nixpkgs", required=True)

    table.ask(["zlib", "closed", "former"])

    assert table.info.source == str(NIXPKGS)
    assert table.find("zlib") == Attribute(
        attr="zlib", version="1.3.2", outputs=("out", "dev", "static"), reached=("dev", "out")
    )
    assert [(one.attr, kept.removed) for one, kept in table.list_different()] == [
        ("closed", None),
        ("zlib", "here it is gone"),
    ]


def test_an_output_of_what_was_asked_is_not_asked_again(
    make: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = make()
    table.follow(str(NIXPKGS), origin="--nixpkgs", required=True)
    table.ask(["events"])
    monkeypatch.setenv("PATH", "/nonexistent")

    said = table.find("events.openssl")

    assert said
    assert (said.attr, said.reached) == ("events.openssl", ("openssl",))


def test_older_names_are_written_for_a_nixpkgs_that_has_only_these(make: MakeTable, tmp_path: Path) -> None:
    old = tmp_path / "nixpkgs"
    old.mkdir()
    (old / "default.nix").write_text(
        f"args: let new = import {NIXPKGS} args; in new // {{ xorg.libX11 = new.zlib; }}"
    )
    table = make()
    table.follow(str(old), origin="--nixpkgs", required=True)

    assert lookup("libX11.so.6", table).providers[0].attr == "xorg.libX11"


def test_a_nixpkgs_that_cannot_be_asked(make: MakeTable, tmp_path: Path) -> None:
    table = make()
    table.follow(str(tmp_path), origin="--nixpkgs", required=True)
    with pytest.raises(InputError, match="cannot be evaluated"):
        table.find("zlib")

    table.follow(str(tmp_path), origin="flake.lock", required=False)

    assert table.find("zlib") == replace(ATTRIBUTES[0], size=4711)
    assert table.followed
    assert "cannot be evaluated" in (table.followed.problem or "")


def test_the_bundled_table_knows_every_answer() -> None:
    table = open_bundled()
    attributes = open_bundled_attributes()

    unknown = {attr for attr in list_answers(table) if attributes.find(attr) is None}

    assert unknown <= LEFT_OUT


def test_no_best_answer_is_gone() -> None:
    table = open_bundled()
    wrong = []
    for lookup in find_providers(table, table.find_names("*")):
        said = table.attributes.find(lookup.providers[0].attr) if lookup.providers else None
        if said and not said.usable:
            wrong.append((lookup.soname, said.attr))

    assert wrong == []


def test_tools_and_libraries_of_crates_are_there() -> None:
    rules = load_table(Crates).rules
    named = {attr for rule in rules for attr in (*rule.libraries, *rule.tools)}
    attributes = open_bundled_attributes()

    assert [attr for attr in sorted(named) if not ((said := attributes.find(attr)) and said.usable)] == []
