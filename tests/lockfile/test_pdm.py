"""Locks of pdm: those that pdm makes are read as it exports them, and others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.locks import list_selected
from tests.support.tools import make_variables, run_line
from wheelfix.errors import InputError
from wheelfix.lockfile.read import read_lock
from wheelfix.lockfile.select import Asked, select_packages
from wheelfix.model.lock import SourceKind
from wheelfix.scan.requirement import find_runtime

PDM = """\
[project]
name = "demo"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["requests[socks]==2.32.3", "colorama==0.4.6; sys_platform == 'win32'"]
[project.optional-dependencies]
web = ["markupsafe==3.0.3"]
[dependency-groups]
test = ["iniconfig==2.1.0"]
[tool.pdm]
distribution = false
"""
HEAD = """\
[metadata]
groups = ["default"]
strategy = ["inherit_metadata"]
lock_version = "4.5.1"
"""
DIGEST = "0" * 64


@pytest.fixture(scope="module")
def pdm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("pdm")
    (top / "pyproject.toml").write_text(PDM)
    run_line("pdm lock -G :all", top, make_variables(top / "home", "pdm"))
    return top


def test_a_pdm_lock_is_what_pdm_exports(pdm: Path) -> None:
    run_line("pdm export -o requirements.txt", pdm, make_variables(pdm / "home", "pdm"))
    own, exported = read_lock(pdm / "pdm.lock"), read_lock(pdm / "requirements.txt")
    assert list_selected(own) == list_selected(exported)
    assert {"requests", "pysocks", "markupsafe", "iniconfig"} <= list_selected(own).keys()
    assert "colorama" not in list_selected(own)
    assert own.requires_python == ">=3.11"


def test_groups_of_pdm_are_chosen_as_pdm_chooses_them(pdm: Path) -> None:
    lock = read_lock(pdm / "pdm.lock")
    run_line("pdm export --prod -o prod.txt", pdm, make_variables(pdm / "home", "pdm"))
    run_line("pdm export -d -G test -o test.txt", pdm, make_variables(pdm / "home", "pdm"))
    assert list_selected(lock, "default") == list_selected(read_lock(pdm / "prod.txt"))
    assert list_selected(lock, "test") == list_selected(read_lock(pdm / "test.txt"))


def test_a_pdm_lock_with_urls_has_them(pdm: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PDM)
    run_line("pdm lock -S static_urls", tmp_path, make_variables(pdm / "home", "pdm"))
    files = [f for p in read_lock(tmp_path / "pdm.lock").packages for f in p.wheels]
    assert files
    assert all(f.url and f.url.endswith(f.filename) and f.sha256 for f in files)


def test_a_pdm_lock_without_markers_names_the_command_that_adds_them(pdm: Path, tmp_path: Path) -> None:
    variables = make_variables(pdm / "home", "pdm")
    (tmp_path / "pyproject.toml").write_text(PDM)
    run_line("pdm lock -G :all -S no_inherit_metadata", tmp_path, variables)
    refused = "wheelfix scan pdm.lock 2>&1; [ $? = 3 ]"
    said = run_line(refused, tmp_path, variables).stdout
    assert "hint: run `pdm lock --update-reuse -S inherit_metadata`, which keeps the versions" in said
    assert "pdm.lock: was locked without inherit_metadata" in said
    run_line("pdm lock --update-reuse -S inherit_metadata", tmp_path, variables)
    assert list_selected(read_lock(tmp_path / "pdm.lock")) == list_selected(read_lock(pdm / "pdm.lock"))


def test_each_kind_of_source(tmp_path: Path) -> None:
    hashed = f'hash = "sha256:{DIGEST}"'
    (tmp_path / "pdm.lock").write_text(
        HEAD
        + f"""
[[package]]
name = "a"
version = "1"
url = "https://example.invalid/a-1-py3-none-any.whl"
files = [{{url = "https://example.invalid/a-1-py3-none-any.whl", {hashed}}}]
[[package]]
name = "b"
version = "1"
git = "https://example.invalid/b"
revision = "0123"
[[package]]
name = "c"
version = "1"
path = "./c"
editable = true
[[package]]
name = "d"
version = "1"
path = "./d-1-py3-none-any.whl"
files = [{{file = "d-1-py3-none-any.whl", {hashed}}}]
[[package]]
name = "e"
version = "1"
extras = ["more"]
files = [{{file = "e-1.tar.gz", {hashed}}}]
"""
    )
    packages = {p.name: p for p in read_lock(tmp_path / "pdm.lock").packages}
    assert {name: p.source for name, p in packages.items()} == {
        "a": SourceKind.ARCHIVE,
        "b": SourceKind.VCS,
        "c": SourceKind.LOCAL,
        "d": SourceKind.ARCHIVE,
        "e": SourceKind.INDEX,
    }
    assert packages["a"].wheels[0].url == "https://example.invalid/a-1-py3-none-any.whl"
    assert packages["d"].wheels[0].path == "./d-1-py3-none-any.whl"
    assert packages["e"].sdist


def test_a_lock_for_another_system_is_refused(tmp_path: Path) -> None:
    target = '[[metadata.targets]]\nrequires_python = "==3.12.*"\nplatform = "{}"\n'
    path, runtime = tmp_path / "pdm.lock", find_runtime("3.12", "x86_64-linux")
    path.write_text(HEAD + target.format("macos_14_0_arm64") + target.format("windows_amd64"))
    with pytest.raises(InputError, match="is for other environments than x86_64-linux"):
        select_packages(read_lock(path), runtime, Asked())
    path.write_text(HEAD + target.format("macos_14_0_arm64") + target.format("manylinux_2_28_x86_64"))
    assert select_packages(read_lock(path), runtime, Asked()) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("4.5.1", "5.0"), "metadata.lock_version: is '5.0'"),
        (HEAD + "[[package]]\nname = 1\n", "package[0].name: is not text"),
        (HEAD + '[[package]]\nname = "../x"\n', "package[0].name: '../x' is no name"),
        (HEAD + '[[package]]\nname = "x"\nfiles = [{}]\n', "package[0].files[0].url"),
        (HEAD + '[[package]]\nname = "x"\nfiles = [{file = ".."}]\n', "package[0].files[0].file"),
        (HEAD + '[[package]]\nname = "x"\nmarker = "os = 1"\n', "pdm.lock: x: 'os = 1' is no marker"),
    ],
)
def test_a_damaged_lock_names_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pdm.lock").write_text(text)
    with pytest.raises(InputError) as raised:
        select_packages(read_lock(tmp_path / "pdm.lock"), find_runtime("3.12", "x86_64-linux"), Asked())
    assert message in str(raised.value)
