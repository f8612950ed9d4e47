"""The Python of the project is every command's default, and told where it decides an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.envs import add_wheel
from tests.support.lockserver import Server, serve
from tests.support.sdist import CARGO, build_sdist
from wheelfix.cli import COMMANDS, cli

NOTE = "wheelfix: note: Python {} is what answers are for: {}; --python names another\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path, server: Server) -> Path:
    """A project with a lock; the wheel that it names fits any Python."""
    add_wheel(server, tmp_path, "tbbuser", needed=("libtbb.so.12",))
    (wheel,) = (tmp_path / "wheels").iterdir()
    (tmp_path / "project").mkdir()
    digest = server.add(wheel)
    (tmp_path / "project" / "uv.lock").write_text(
        'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "app"\nversion = "0"\n'
        'source = { virtual = "." }\ndependencies = [{ name = "tbbuser" }]\n'
        '[[package]]\nname = "tbbuser"\nversion = "1.0"\nsource = { registry = "../wheels" }\n'
        f'wheels = [{{ path = "{wheel.name}", hash = "sha256:{digest.rpartition("=")[2] or digest}" }}]\n'
    )
    return tmp_path


def run(place: Path, server: Server, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    environment |= {
        "XDG_CACHE_HOME": str(place / "cache"),
        "PIP_INDEX_URL": f"{server.url}/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_CONFIG": "1",
        "UV_DEFAULT_INDEX": f"{server.url}/simple",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    command = [sys.executable, "-m", "wheelfix", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_a_lock_is_for_the_python_of_its_own_directory(bench: Path, server: Server) -> None:
    (bench / ".python-version").write_text("3.11\n")  # not of the lock's directory
    assert "3.12 on x86_64-linux" in run(bench, server, "lock", "project/uv.lock").stdout
    (bench / "project" / ".python-version").write_text("3.13\n")
    done = run(bench, server, "lock", "project/uv.lock")
    assert "3.13 on x86_64-linux" in done.stdout
    assert NOTE.format("3.13", ".python-version names it") in done.stderr
    quiet = run(bench, server, "lock", "project/uv.lock", "--quiet")
    assert quiet.stdout == done.stdout
    assert "is what answers are for" not in quiet.stderr
    named = run(bench, server, "lock", "project/uv.lock", "--python", "3.14")
    assert "3.14 on x86_64-linux" in named.stdout
    assert "is what answers are for" not in named.stderr


def test_a_range_of_the_lock_decides(bench: Path, server: Server) -> None:
    lock = bench / "project" / "uv.lock"
    lock.write_text(lock.read_text().replace(">=3.11", ">=3.13"))
    for command in ("lock", "scan"):
        done = run(bench, server, command, "project/uv.lock")
        assert NOTE.format("3.13", "uv.lock allows >=3.13") in done.stderr
    page = run(bench, server, "report", "project/uv.lock").stdout
    assert "Python 3.13 is what answers are for" in " ".join(page.split())


def test_a_requirement_is_fetched_for_the_python_of_the_working_directory(
    bench: Path, server: Server
) -> None:
    (bench / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.13"\n')
    for arguments in (("scan", "tbbuser==1.0", "tbbuser"), ("override", "tbbuser==1.0")):
        done = run(bench, server, *arguments)
        assert done.stderr.count(NOTE.format("3.13", "pyproject.toml allows >=3.13")) == 1
    done = run(bench, server, "adapter", "tbbuser==1.0", "--from", "python3Packages.tbb")
    assert NOTE.format("3.13", "pyproject.toml allows >=3.13") in done.stderr


def test_a_list_of_requirements_is_resolved_for_what_lies_beside_it(bench: Path, server: Server) -> None:
    (bench / "project" / "requirements.txt").write_text("tbbuser>=1\n")
    (bench / "project" / ".python-version").write_text("3.13\n")
    done = run(bench, server, "scan", "project/requirements.txt")
    assert NOTE.format("3.13", ".python-version names it") in done.stderr


def test_what_does_not_depend_on_it_is_not_told(bench: Path, server: Server) -> None:
    (bench / ".python-version").write_text("3.13\n")
    (wheel,) = (bench / "wheels").iterdir()
    for command in ("scan", "override", "report"):
        assert "3.13" not in run(bench, server, command, str(wheel)).stderr


def test_an_override_by_builds_is_for_the_python_of_the_environment(bench: Path, server: Server) -> None:
    site = bench / "venv" / "lib" / "python3.13" / "site-packages"
    site.mkdir(parents=True)
    (bench / "venv" / "pyvenv.cfg").write_text("version = 3.13.1\n")
    (wheel,) = (bench / "wheels").iterdir()
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(site)], check=True)
    done = run(bench, server, "override", "venv", "--cuda", "prebuilt")
    assert NOTE.format("3.13", "it is that of venv") in done.stderr


def test_an_environment_is_written_for_the_python_beside_the_requirements(
    bench: Path, server: Server
) -> None:
    own = f"3.{sys.version_info[1]}"
    (bench / "project" / "requirements.txt").write_text("tbbuser>=1\n")
    (bench / "project" / ".python-version").write_text(f"{own}\n")
    done = run(bench, server, "env", "lab", "-r", "project/requirements.txt")
    assert f'requires-python = "=={own}.*"' in (bench / "lab" / "pyproject.toml").read_text()
    if own != "3.12":
        assert NOTE.format(own, ".python-version names it") in done.stderr
    text = f'[project]\nname = "x"\nrequires-python = "=={own}.*"\ndependencies = ["tbbuser"]\n'
    (bench / "other.toml").write_text(text)
    run(bench, server, "env", "shop", "--from", "other.toml")
    assert f'requires-python = "=={own}.*"' in (bench / "shop" / "pyproject.toml").read_text()


def test_a_source_distribution_is_built_for_the_python_of_the_working_directory(
    bench: Path, server: Server
) -> None:
    build_sdist(bench, CARGO)
    (bench / ".python-version").write_text("3.13\n")
    done = run(bench, server, "sdist", "demo-1.0.tar.gz")
    assert NOTE.format("3.13", ".python-version names it") in done.stderr


def test_a_file_that_is_none_is_a_warning_in_the_answer(bench: Path, server: Server) -> None:
    (bench / "project" / ".python-version").write_text("\x1b[31mpypy\n")
    done = run(bench, server, "lock", "project/uv.lock", "--quiet", "--json")
    assert "\x1b" not in done.stderr
    assert "wheelfix: warning: .python-version names " in done.stderr
    assert json.loads(done.stdout)["python"] == "3.12"


def test_the_help_of_every_command_with_a_python_says_where_it_comes_from() -> None:
    told = 0
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command
        for parameter in command.params:
            if parameter.name == "python":
                told += 1
                assert ".python-version" in (getattr(parameter, "help", "") or ""), name
                assert parameter.default is None or "UNSET" in repr(parameter.default), name
    assert told >= 7
