"""Installed packages: who installed a file, and what they say themselves."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from zipfile import ZipFile

import pytest

from tests.support.wheel import build_wheel
from wheelfix.explain.installed import find_installed, find_owner, read_own_words
from wheelfix.explain.model import Package
from wheelfix.explain.own_words import find_sayings

SITE = ".venv/lib/python3.12/site-packages"
SPINET = dedent(
    """
    import ctypes

    def load():
        try:
            return ctypes.CDLL("libspinet.so.4")
        except OSError:
            raise ImportError("no spinet: its library is not installed")
    """
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an environment of three distributions, whose modules are called otherwise."""
    (tmp_path / "wheels").mkdir()
    for name, files in {
        "py-spinet": {"spinet/__init__.py": SPINET.encode()},
        "other": {"other.py": b"", "spinet_tools/__init__.py": b"", "shared/a.py": b""},
        "third": {"shared/b.py": b""},
    }.items():
        wheel = build_wheel(tmp_path / "wheels", name=name, tag="py3-none-any", files=files)
        with ZipFile(wheel) as archive:
            archive.extractall(tmp_path / SITE)
    return tmp_path


def make_package(name: str, file: str, site: str | None = SITE) -> Package:
    return Package(name=name, site=site, environment=".venv", file=file)


def test_the_record_tells_who_installed_a_file(project: Path) -> None:
    found = find_owner(make_package("spinet", "spinet/__init__.py"), project)
    assert (found.name, found.version) == ("py-spinet", "1.0")
    assert find_owner(make_package("spinet", "spinet_tools/__init__.py"), project).name == "other"
    assert find_owner(make_package("spinet", "spinet/of_another_release.py"), project).name == "py-spinet"
    assert find_owner(make_package("shared", "shared/b.py"), project).name == "third"


@pytest.mark.parametrize(
    "package",
    [
        make_package("shared", "shared/nowhere.py"),
        make_package("spinet", "spinet/__init__.py", "/nowhere/site-packages"),
        make_package("spinet", "spinet/__init__.py", None),
        make_package("spinet", "spine"),
        make_package("spinet", "a\0b"),
    ],
)
def test_what_no_record_lists_stays(project: Path, package: Package) -> None:
    assert find_owner(package, project) == package


def test_hostile_records_are_passed_over(project: Path) -> None:
    site = project / SITE
    for name, record in {"a-1": b"\xff\0" * 99, "b-1": b'"spinet/__init__.py', "c-1": b"\n" * 9}.items():
        (site / f"{name}.dist-info").mkdir()
        (site / f"{name}.dist-info" / "RECORD").write_bytes(record)
    (site / "d-1.dist-info").mkdir()
    (site / "d-1.dist-info" / "RECORD").symlink_to("/proc/self/environ")
    (site / "e-1.dist-info").write_text("no directory")
    assert find_owner(make_package("spinet", "spinet/__init__.py"), project).name == "py-spinet"


def test_an_installed_package_is_asked_itself(project: Path) -> None:
    installed = find_installed(make_package("py-spinet", "spinet/__init__.py"), project)
    own = read_own_words(installed, project)
    assert own is not None
    (saying,) = find_sayings(
        ["ImportError: no spinet: its library is not installed"], ["py-spinet"], {"py-spinet": own}
    )
    assert saying.libraries == ("libspinet.so.4",)
    assert read_own_words(find_installed(Package(name="nobody"), project), project) is None
