"""Where pip and uv are told which package indexes to ask."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from wheelfix.errors import InputError
from wheelfix.outside.configuration import PackageSources, find_package_sources

A, B, C = "https://a.example/simple", "https://b.example/simple", "https://c.example/simple"


def find(home: Path, *named: Any, **variables: str) -> PackageSources:
    environment = {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "xdg"), "VIRTUAL_ENV": str(home / "venv")}
    project = home / "project"
    project.mkdir(exist_ok=True)
    return find_package_sources(
        *named, environment=environment | variables, directory=project, machine=home / "etc"
    )


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_any_configuration_the_default_index_counts(tmp_path: Path) -> None:
    assert find(tmp_path) == PackageSources()


def test_files_of_pip_from_weak_to_strong(tmp_path: Path) -> None:
    places = [
        tmp_path / "xdg" / "pip" / "pip.conf",
        tmp_path / "etc" / "pip.conf",
        tmp_path / ".pip" / "pip.conf",
        tmp_path / ".config" / "pip" / "pip.conf",
        tmp_path / "venv" / "pip.conf",
    ]
    for number, place in enumerate(places):
        write(place, f"[global]\nindex-url = https://{number}.example/simple\n")
        assert find(tmp_path).index == f"https://{number}.example/simple"
    assert find(tmp_path, PIP_INDEX_URL=A).index == A
    write(tmp_path / "named", f"[download]\nindex_url = {B}\n[install]\nindex-url = {C}\n")
    named = {"PIP_CONFIG_FILE": str(tmp_path / "named")}
    assert find(tmp_path, **named).index == B
    assert find(tmp_path, **named, PIP_INDEX_URL=A).index == A
    assert find(tmp_path, PIP_CONFIG_FILE=os.devnull).index is None
    places[-1].unlink()
    write(tmp_path / "named", "[global]\nproxy = http://p\n")
    assert find(tmp_path, **named).index == "https://1.example/simple"  # in place of the user's own files


def test_lists_of_pip(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    text = (
        f"[global]\nextra-index-url =\n    {A}\n    {B}\nfind-links = {tmp_path}/links https://c.example/page\n"
        "trusted-host = a.example\n    b.example:80\ncert = /etc/own.pem\nno-index = false\n"
    )
    write(tmp_path / ".config" / "pip" / "pip.conf", text)
    sources = find(tmp_path)
    assert sources.index is None
    assert sources.extra == (A, B)
    assert sources.find_links == (f"{tmp_path}/links", "https://c.example/page")
    assert sources.trusted_hosts == ("a.example", "b.example:80")
    assert sources.certificates == "/etc/own.pem"
    assert not sources.first_match
    nothing = find(tmp_path, PIP_NO_INDEX="1")
    assert (nothing.no_index, nothing.index, nothing.extra) == (True, None, ())
    assert find(tmp_path, A, ("x",), PIP_NO_INDEX="1").index == A


def test_configuration_of_uv_counts_where_pip_names_no_index(tmp_path: Path) -> None:
    text = f"""
    [project]
    name = "x"
    [[tool.uv.index]]
    name = "own"
    url = "{A}"
    [[tool.uv.index]]
    url = "{B}"
    default = true
    [[tool.uv.index]]
    name = "only-for-some"
    url = "{C}"
    explicit = true
    """
    write(tmp_path / "project" / "pyproject.toml", text)
    sources = find(tmp_path, UV_INDEX_OWN_USERNAME="me", UV_INDEX_OWN_PASSWORD="p@ss")
    assert sources.index == B
    assert sources.extra == ("https://me:p%40ss@a.example/simple",)
    assert sources.first_match
    assert find(tmp_path, UV_DEFAULT_INDEX=f"x={C}").index == C
    assert find(tmp_path, UV_INDEX_URL=C, UV_EXTRA_INDEX_URL=B).extra == (B, A)
    assert find(tmp_path, PIP_INDEX_URL=C) == PackageSources(index=C)
    assert find(tmp_path, UV_NO_CONFIG="1") == PackageSources()
    assert not find(tmp_path, UV_INDEX_STRATEGY="unsafe-best-match").first_match
    write(tmp_path / "project" / "uv.toml", f'index-url = "{C}"\nfind-links = ["wheels"]\n')
    hidden = find(tmp_path)
    assert (hidden.index, hidden.extra) == (C, ())
    assert hidden.find_links == (str(tmp_path / "project" / "wheels"),)
    write(tmp_path / "other.toml", f'index-url = "{B}"\n')
    assert find(tmp_path, UV_CONFIG_FILE=str(tmp_path / "other.toml")).index == B


def test_files_of_uv_for_the_user_and_the_machine(tmp_path: Path) -> None:
    write(tmp_path / "xdg" / "uv" / "uv.toml", f'extra-index-url = ["{B}"]\nindex-url = "{B}"\n')
    assert find(tmp_path).index == B
    write(tmp_path / ".config" / "uv" / "uv.toml", f'[[index]]\nurl = "{A}"\ndefault = true\n')
    assert (find(tmp_path).index, find(tmp_path).extra) == (A, (B,))


def test_paths_are_indexes_and_links_too(tmp_path: Path) -> None:
    (tmp_path / "simple").mkdir()
    sources = find(tmp_path, str(tmp_path / "simple"), ("wheels", "https://c.example/page"))
    assert sources.index == (tmp_path / "simple").as_uri()
    assert sources.find_links == (str(Path("wheels").absolute()), "https://c.example/page")


@pytest.mark.parametrize(
    ("place", "text", "problem"),
    [
        (".config/pip/pip.conf", "[global\nx", "is no configuration of pip"),
        (".config/pip/pip.conf", "[global]\nindex-url = ftp://u:secret@x/\n", "is no URL of a package index"),
        (".config/pip/pip.conf", "[global]\nfind-links = git://u:secret@x/\n", "neither a directory nor"),
        ("project/uv.toml", "[", "is no TOML"),
        ("project/uv.toml", "x = " + "[" * 10_000, "is no TOML"),
        ("project/uv.toml", "[[index]]\nname = 'x'\n", r"uv.toml: index\[0\].url: is missing"),
        ("project/uv.toml", "find-links = 'x'\n", "uv.toml: find-links: is not a list"),
        ("project/uv.toml", "no-index = 1979-05-27\n", "uv.toml: no-index: is not true or false"),
        (
            "project/pyproject.toml",
            "[tool.uv]\nindex-url = nan\n",
            "pyproject.toml: tool.uv.index-url: is not text",
        ),
        ("project/pyproject.toml", "[tool]\nuv = []\n", "pyproject.toml: tool.uv: is not a table"),
        ("project/uv.toml", "[[index]]\nurl = 'http://[u:secret@x'\n", "is no URL of a package index"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told(
    tmp_path: Path, place: str, text: str, problem: str
) -> None:
    write(tmp_path / place, text)
    with pytest.raises(InputError, match=problem) as caught:
        find(tmp_path)
    assert "secret" not in f"{caught.value}{caught.value.hint}"
    assert "\n" not in str(caught.value)


def test_a_configuration_that_is_no_file_does_not_hang(tmp_path: Path) -> None:
    place = tmp_path / ".config" / "pip" / "pip.conf"
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    assert find(tmp_path) == PackageSources()
    place.unlink()
    place.mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        find(tmp_path)
