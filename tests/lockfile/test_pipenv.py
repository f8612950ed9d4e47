"""Locks of pipenv: those that pipenv makes are read as it exports them, and others are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.locks import list_selected
from tests.support.tools import find_index, make_variables, run_line
from wheelfix.errors import InputError
from wheelfix.lockfile.read import read_lock
from wheelfix.model.lock import Lock, SourceKind

PIPFILE = f"""\
[[source]]
url = "{find_index()}"
verify_ssl = true
name = "pypi"
[packages]
requests = {{extras = ["socks"], version = "==2.32.3"}}
[dev-packages]
iniconfig = "==2.1.0"
markupsafe = "==3.0.3"
[docs]
markupsafe = "==3.0.3"
"""
DIGEST = "0" * 64


def write(directory: Path, **categories: Any) -> Lock:
    document = {"_meta": {"pipfile-spec": 6, "requires": {}}, "default": {}, **categories}
    (directory / "Pipfile.lock").write_text(json.dumps(document))
    return read_lock(directory / "Pipfile.lock")


@pytest.fixture(scope="module")
def pipenv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("pipenv")
    (top / "Pipfile").write_text(PIPFILE)
    run_line("pipenv lock", top, make_variables(top / "home", "pipenv"))
    return top


def test_a_pipenv_lock_is_what_pipenv_exports(pipenv: Path) -> None:
    variables = make_variables(pipenv / "home", "pipenv")
    lock = read_lock(pipenv / "Pipfile.lock")
    for groups, options in {
        (): "",
        ("develop",): "--dev",
        ("docs",): "--categories 'packages docs'",
        ("default", "develop", "docs"): "--categories 'packages dev-packages docs'",
    }.items():
        run_line(f"pipenv requirements --hash {options} > requirements.txt", pipenv, variables)
        assert list_selected(lock, *groups) == list_selected(read_lock(pipenv / "requirements.txt"))


def test_the_python_of_a_pipfile_is_that_of_its_lock(pipenv: Path, tmp_path: Path) -> None:
    document = json.loads((pipenv / "Pipfile.lock").read_text())
    document["_meta"]["requires"] = {"python_version": "3.13", "python_full_version": "3.13.1"}
    (tmp_path / "Pipfile.lock").write_text(json.dumps(document))
    assert read_lock(tmp_path / "Pipfile.lock").requires_python == "==3.13.*"


def test_each_kind_of_source(tmp_path: Path) -> None:
    lock = write(
        tmp_path,
        default={
            "a": {"file": "https://example.invalid/a-1-py3-none-any.whl", "hashes": [f"sha256:{DIGEST}"]},
            "b": {"git": "https://example.invalid/b", "ref": "0123"},
            "c": {"path": ".", "editable": True},
            "d": {"path": "./d-1.tar.gz", "hashes": [f"sha256:{DIGEST}"]},
            "E_e": {"version": "*"},
        },
    )
    packages = {p.name: p for p in lock.packages}
    assert {name: p.source for name, p in packages.items()} == {
        "a": SourceKind.ARCHIVE,
        "b": SourceKind.VCS,
        "c": SourceKind.LOCAL,
        "d": SourceKind.ARCHIVE,
        "e-e": SourceKind.INDEX,
    }
    assert packages["a"].wheels[0].sha256 == DIGEST
    assert packages["d"].sdist
    assert packages["d"].sdist.path == "./d-1.tar.gz"
    assert packages["e-e"].version is None


def test_a_package_of_two_categories_is_one(tmp_path: Path) -> None:
    entry = {"version": "==1", "hashes": [f"sha256:{DIGEST}"], "markers": "os_name == 'posix'"}
    other = {**entry, "hashes": [f"sha256:{'1' * 64}"], "markers": "os_name == 'nt'"}
    (package,) = write(tmp_path, default={"a": entry}, develop={"a": other}).packages
    assert package.in_groups == ("default", "develop")
    assert package.hashes == (DIGEST, "1" * 64)
    assert package.marker == "(os_name == 'posix') or (os_name == 'nt')"


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ({"_meta": {"pipfile-spec": 5}}, "Pipfile.lock: _meta.pipfile-spec: is 5; wheelfix reads version 6"),
        ({"default": []}, "Pipfile.lock: default: is not a table"),
        ({"default": {"a": {"version": 1}}}, "Pipfile.lock: default.a.version: is not text"),
        ({"default": {"a": {"version": ">=1"}}}, "Pipfile.lock: default.a.version: is '>=1', and no pin"),
        ({"default": {"../a": {"version": "==1"}}}, "'../a' is no name of a distribution"),
        ({"default": {"a": {"hashes": ["sha256:0"]}}}, "default.a.hashes: is no sha256"),
        ({"default": {"a": {"file": "https://example.invalid/.."}}}, "default.a.file"),
        ({"docs": {"a": {"version": "==x"}}}, "docs.a.version: 'x' is no version"),
    ],
)
def test_a_damaged_lock_names_the_place(tmp_path: Path, categories: Any, message: str) -> None:
    with pytest.raises(InputError) as raised:
        write(tmp_path, **categories)
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"_meta": ' * 10_000, '{"_meta": {"pipfile-spec": 6}, 1'])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pipfile.lock").write_text(text)
    with pytest.raises(InputError):
        read_lock(tmp_path / "Pipfile.lock")
