"""Nix code of prefixes."""

from __future__ import annotations

import pytest

from wheelfix.errors import InputError
from wheelfix.lock.prefix import bind_link, clean_name, read_link, write_hash, write_packages
from wheelfix.model.base import replace
from wheelfix.model.conda import CondaPackage
from wheelfix.nix.printer import render

PACKAGE = CondaPackage(
    name="tzdata",
    version="1!2024a",
    build="0",
    subdir="noarch",
    platform="linux-64",
    filename="tzdata-1!2024a-0.conda",
    url="https://conda.example.org/noarch/tzdata-1%212024a-0.conda",
    sha256="ab" * 32,
)


def test_the_program_stands_in_the_code_as_it_is() -> None:
    lines = render(bind_link().value).splitlines()
    assert lines[0].endswith("''")
    assert lines[-1] == "''"
    assert [line.removeprefix("  ") for line in lines[1:-1]] == read_link().splitlines()


def test_a_name_that_no_store_has_is_told_to_the_fetcher() -> None:
    code = render(write_packages([PACKAGE]))
    assert 'stored = "tzdata-1_2024a-0.conda";' in code
    assert 'url = "https://conda.example.org/noarch/tzdata-1%212024a-0.conda";' in code


@pytest.mark.parametrize(("name", "clean"), [("a-1!2.conda", "a-1_2.conda"), (".a", "_a"), ("", "_")])
def test_names_are_cleaned(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_md5_is_taken_where_there_is_nothing_else() -> None:
    assert write_hash(replace(PACKAGE, sha256=None, md5="00" * 16)) == "md5-AAAAAAAAAAAAAAAAAAAAAA=="


def test_a_package_without_a_hash_is_refused() -> None:
    with pytest.raises(InputError, match="has no hash in the lock"):
        write_packages([replace(PACKAGE, sha256=None)])


def test_a_package_beside_the_lock_is_taken_from_there() -> None:
    beside = replace(PACKAGE, url="", path="./local dir/x.conda", filename="x.conda")
    code = render(write_packages([beside]))
    assert 'path = ./. + "/local dir/x.conda";' in code
    assert "fetchurl" not in code


def test_a_package_of_the_machine_is_taken_from_there() -> None:
    code = render(write_packages([replace(PACKAGE, url="file:///srv/a%20b/x.conda", filename="x.conda")]))
    assert 'path = /. + "/srv/a b/x.conda";' in code


def test_a_package_without_a_place_is_refused() -> None:
    with pytest.raises(InputError, match="has no place in the lock"):
        write_packages([replace(PACKAGE, url="")])
