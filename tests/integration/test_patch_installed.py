"""Real wheels, patched before and after they are installed, by the tools people install them with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.patch import read
from tests.support.patched import find_installed_lies, find_lies, snapshot
from tests.support.real import by_size, fetch_wheel, find_pin

LIBRARIES = ("libstdc++.so.6", "libgcc_s.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0", "libpcre2-8.so.0")
LOADER = "ld-linux-x86-64.so.2"
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store path with copies of this machine's libraries, in a store that no loader searches."""
    top = tmp_path_factory.mktemp("store")
    source = top / "libs-1"
    (source / "lib").mkdir(parents=True)
    for name in LIBRARIES:
        command = ["gcc", f"-print-file-name={name}"]
        found = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
        if found.is_file():  # glib is not everywhere: then Qt's need of it stays open
            shutil.copyfile(found, source / "lib" / name)
    shutil.copy(f"/lib64/{LOADER}", source / "lib" / LOADER)
    env = {
        **os.environ,
        "NIX_STORE_DIR": str(top / "store"),
        "NIX_STATE_DIR": str(top / "state"),
        "NIX_LOG_DIR": str(top / "log"),
        "NIX_CONF_DIR": str(top / "conf"),
        "NIX_CONFIG": "build-users-group =\n",
    }
    added = subprocess.run(
        ["nix-store", "--add", source], env=env, capture_output=True, text=True, check=True
    )
    return Path(added.stdout.strip())


def call(*command: str | Path, **env: str) -> str:
    result = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def patch(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "wheelfix", "patch", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode in {0, 1}, result.stdout + result.stderr
    return result.stdout


def find_site(environment: Path) -> Path:
    (site,) = environment.glob("lib/python3*/site-packages")
    return site


def test_a_patched_program_is_installed_run_and_removed_by_every_tool(tmp_path: Path, store: Path) -> None:
    original = fetch_wheel(find_pin("ninja-"))
    patch(original, "--libs", store, "-o", tmp_path / "out")
    (wheel,) = (tmp_path / "out").iterdir()
    assert find_lies(wheel) == []
    assert "ninja-" in call(sys.executable, "-m", "auditwheel", "show", wheel)
    for tool in ("pip", "installer", "uv"):
        environment = tmp_path / tool
        venv.create(environment, with_pip=True)
        python = environment / "bin" / "python"
        if tool == "pip":
            call(python, "-m", "pip", "install", "-q", "--no-index", wheel)
        elif tool == "installer":
            site = find_site(environment)
            call(sys.executable, "-m", "installer", "--prefix", environment, "--no-compile-bytecode", wheel)
            assert find_installed_lies(site) == []
        else:
            cache = str(tmp_path / "uv-cache")
            call(UV, "pip", "install", "-q", "--offline", "-p", python, wheel, UV_CACHE_DIR=cache)
        program = environment / "bin" / "ninja"
        assert read(program).interpreter == f"{store}/lib/{LOADER}"
        loaded = call(program, "--version", LD_DEBUG="libs")
        assert f"calling init: {store}/lib/libstdc++.so.6" in loaded
        assert find_installed_lies(find_site(environment)) == []
        call(python, "-m", "pip", "check")
        call(python, "-m", "pip", "uninstall", "-q", "-y", "ninja")
        assert not program.exists()


QT = "from PySide6.QtCore import QDate; print(QDate(2024, 2, 29).addYears(4).toString('yyyy-MM-dd'))"
SHIBOKEN = "from shiboken6 import Shiboken; print(Shiboken.isValid(object()))"


@pytest.mark.parametrize(
    ("first", "library", "code", "printed"),
    by_size(
        [
            ("shiboken6-", "shiboken6/libshiboken6.abi3.so.6.12", SHIBOKEN, "True"),
            ("pyside6_essentials-", "PySide6/Qt/lib/libQt6Core.so.6", QT, "2028-02-29"),
        ]
    ),
    ids=["shiboken6", "pyside6"],
)
def test_an_environment_of_hard_links_is_patched_and_its_cache_is_not(
    tmp_path: Path, store: Path, first: str, library: str, code: str, printed: str
) -> None:
    wheels = [fetch_wheel(find_pin(n)) for n in sorted({first, "shiboken6-", "ninja-"})]
    environment, cache = tmp_path / "env", tmp_path / "cache"
    uv = {"UV_CACHE_DIR": str(cache)}
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    call(
        UV,
        "pip",
        "install",
        "-q",
        "--offline",
        "--no-deps",
        "--link-mode",
        "hardlink",
        "-p",
        python,
        *wheels,
        **uv,
    )
    site = find_site(environment)
    core = site / library
    assert core.stat().st_nlink > 1
    cached, before = snapshot(cache), snapshot(environment)
    patch(environment, "--libs", store, "--exclude", "*/plugins/*")
    assert snapshot(cache) == cached
    assert core.stat().st_nlink == 1
    assert find_installed_lies(site) == []
    loaded = call(python, "-B", "-c", code, LD_DEBUG="libs")
    assert printed in loaded.splitlines()
    assert f"calling init: {store}/lib/libstdc++.so.6" in loaded
    assert "0 of " in patch(environment, "--libs", store, "--exclude", "*/plugins/*", "--quiet")
    assert "restored" in patch(environment, "--undo")
    assert snapshot(environment) == before
    assert snapshot(cache) == cached
    patch(environment, "--libs", store, "--only", "*/ninja")
    call(python, "-m", "pip", "uninstall", "-q", "-y", "ninja", first.strip("-"))
    assert not core.exists()
