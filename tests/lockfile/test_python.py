"""Which Python a command is for, where the user names none: what decides, and what is told of the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.lockfile.python import NEWEST_PYTHON, check_python, find_installed_python, find_python
from wheelfix.model.scan import Level
from wheelfix.outside.uv import find_uv

ROOT = Path(__file__).parents[2]


def say(directory: Path, required: str = "") -> tuple[str, list[str]]:
    found = find_python(None, directory, required=required, file="uv.lock" if required else "")
    return found.version, [f"{one.level} {one.subject} {one.message}" for one in found.findings]


def test_what_the_user_names_is_taken_whatever_lies_there(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.11\n")
    assert find_python("3.14t", tmp_path, required="<3.12", file="uv.lock").version == "3.14t"
    assert find_installed_python("3.14t", tmp_path).version == "3.14t"


def test_the_default_is_not_told(tmp_path: Path) -> None:
    assert say(tmp_path) == ("3.12", [])
    (tmp_path / ".python-version").write_text("3.12.4\n")
    assert say(tmp_path, ">=3.11") == ("3.12", [])


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.13", "3.13"),
        ("3.13.2\n", "3.13"),
        ("\ufeff# ours\n\n  3.13.2  # the newest\n3.11.9\n", "3.13"),
        ("system\n3.11\n", "3.11"),
        ("3.14t", "3.14t"),
        ("3.14.1+freethreaded", "3.14t"),
        ("cpython-3.13.2-linux-x86_64-gnu", "3.13"),
        ("cpython-3.14.1+freethreaded-linux-x86_64-gnu", "3.14t"),
        ("cpython@3.13", "3.13"),
        ("python3.11", "3.11"),
        ("/usr/bin/python3.11", "3.11"),
        ("cp313", "3.13"),
        ("313", "3.13"),
        ("3.15.0rc1", "3.15"),
        ("3.14-dev", "3.14"),
        ("3.11.9/envs/lab", "3.11"),
        ("3", "3.12"),
        ("system", "3.12"),
        ("", "3.12"),
    ],
)
def test_python_version_files_of_pyenv_and_uv(tmp_path: Path, text: str, version: str) -> None:
    (tmp_path / ".python-version").write_text(text)
    found = find_python(None, tmp_path)
    assert found.version == version
    assert [one.level for one in found.findings] == ([] if version == "3.12" else [Level.NOTE])


def test_the_note_says_which_file_decided(tmp_path: Path) -> None:
    (tmp_path / ".python-versions").write_text("3.13\n")
    note = "note Python 3.13 is what answers are for: .python-versions names it; --python names another"
    assert say(tmp_path) == ("3.13", [note])


@pytest.mark.parametrize(
    ("required", "version"),
    [
        (">=3.10", "3.12"),
        (">=3.12.4", "3.12"),
        (">=3.13", "3.13"),
        (">=3.9,<3.12", "3.11"),
        ("==3.11.*", "3.11"),
        (">=3.9,!=3.12.*", "3.13"),
        ("==3.14.2", "3.14"),
    ],
)
def test_a_range_gives_3_12_or_what_is_nearest(tmp_path: Path, required: str, version: str) -> None:
    assert say(tmp_path, required)[0] == version
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\nrequires-python = "{required}"\n')
    assert say(tmp_path)[0] == version
    assert say(tmp_path, "==3.10.*")[0] == "3.10", "the lock counts before the project"


def test_poetry_has_its_own_place_and_constraint(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.poetry.dependencies]\npython = "^3.13"\n')
    note = "note Python 3.13 is what answers are for: pyproject.toml allows >=3.13,<4; --python names another"
    assert say(tmp_path) == ("3.13", [note])


def test_a_named_version_counts_before_a_range_that_allows_it(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.14\n")
    assert say(tmp_path, ">=3.11")[0] == "3.14"


def test_a_named_version_that_the_lock_forbids_is_told(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.10\n")
    warning = "warning .python-version names Python 3.10, which uv.lock does not allow (>=3.11): ignored"
    assert say(tmp_path, ">=3.11") == ("3.12", [warning])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"pypy3.6-7.3.3\n", "names 'pypy3.6-7.3.3', which is no version of PyPy that has wheels"),
        (b"graalpy-24.1\n", "names 'graalpy-24.1', which is no version of CPython 3 or PyPy"),
        (b"2.7.18\n", "names '2.7.18', which is no version of CPython 3 or PyPy"),
        (b"3.99\n", "names '3.99', which is no version of Python that there is"),
        (b"3.12t\n", "names '3.12t', which has no build without GIL before 3.13"),
        (b"\xff\xfe3\n", "is no text in UTF-8"),
        (b"3.13\n" * 20_000, "cannot be read, or is no file of a few lines"),
    ],
)
def test_a_file_that_names_no_python_is_told_and_ignored(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / ".python-version").write_bytes(data)
    assert say(tmp_path) == ("3.12", [f"warning .python-version {problem}: ignored"])


def test_a_file_that_is_none_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    secret, project = tmp_path / "secret", tmp_path / "project"
    project.mkdir()
    secret.write_text("3.13\n")
    problem = "warning .python-version cannot be read, or is no file of a few lines: ignored"
    (project / ".python-version").symlink_to(secret)
    assert say(project) == ("3.12", [problem])
    (project / ".python-version").unlink()
    os.mkfifo(project / ".python-version")
    assert say(project) == ("3.12", [problem])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[project\n", "is no TOML"),
        ('[project]\nrequires-python = "later"\n', "requires Python 'later', which is no version specifiers"),
        ('[project]\nrequires-python = ">=4"\n', "requires Python '>=4', which is for no Python"),
        ("[project]\nrequires-python = 3\n", "project.requires-python is not text"),
    ],
)
def test_a_project_that_cannot_be_read_is_told(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    version, (told,) = say(tmp_path)
    assert version == "3.12"
    assert told.startswith("warning pyproject.toml")
    assert problem in told
    assert told.endswith(": ignored")


def test_an_environment_has_its_own_python(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    own = f"3.{sys.version_info[1]}"
    found = find_installed_python(None, tmp_path / "venv")
    assert found.version == own
    if own != "3.12":
        assert found.findings[0].message.startswith("is what answers are for: it is that of venv")
    assert find_installed_python(None, tmp_path / "nothing").version == "3.12"


def test_a_free_threaded_environment(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.14t" / "site-packages").mkdir(parents=True)
    assert find_installed_python(None, tmp_path).version == "3.14t"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=40), st.text(alphabet="3.0192tcpyhon-+/@ #\n\x00", max_size=20).map(str.encode)
    )
)
def test_whatever_the_file_says_a_version_is_chosen(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ".python-version").write_bytes(data)
    version = find_python(None, tmp_path).version
    assert check_python(version, "it") == version


def test_uv_reads_these_files_as_we_do(tmp_path: Path) -> None:
    """What uv writes with `uv python pin` is what we read."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0"\n')
    for asked in ("3.13", "3.14t", "cpython-3.11", "pypy3.11"):
        command = [find_uv(), "python", "pin", "--no-config", "--offline", asked]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert say(tmp_path)[0] == asked.removeprefix("cpython-")


def test_the_checkout_itself_decides_nothing() -> None:
    """Tests run in it, and their answers are those for the default."""
    assert say(ROOT) == ("3.12", [])


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.12.8", "3.12.8"),
        ("3.13.1t", "3.13.1t"),
        ("3.13+freethreaded", "3.13t"),
        ("cp313t", "3.13t"),
        ("pypy3.11", "pypy3.11"),
        ("pypy@3.11", "pypy3.11"),
        ("pypy3.10-7.3.19", "pypy3.10"),
        ("pp311", "pypy3.11"),
    ],
)
def test_interpreters_as_pyenv_uv_and_tags_write_them(text: str, version: str) -> None:
    assert check_python(text, f"--python {text}") == version


@pytest.mark.parametrize(
    "text", ["", "3", "2.7", "py312", "3.12t", "pypy3.11t", "pypy3.13", "pypy2.7", f"3.{NEWEST_PYTHON + 1}"]
)
def test_what_is_no_python_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        check_python(text, f"--python {text}")
