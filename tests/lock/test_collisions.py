"""The same path from two distributions: what it is, and what helps."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.wheel import build_wheel
from wheelfix.lock.collisions import find_collisions, find_removed, spell_pattern, tell_collisions
from wheelfix.lock.model import Clash
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Level
from wheelfix.scan.read import read_wheel

SITE = "lib/python3/site-packages"


def make(directory: Path, name: str, files: dict[str, bytes]) -> Reading:
    wheel = build_wheel(directory, name=name, files=files)
    return read_wheel(wheel, contents=True)


@pytest.mark.parametrize(
    ("path", "one", "two", "clash", "fix"),
    [
        ("nvidia/__init__.py", b"", b"# NVIDIA\n", Clash.NAMESPACE, f"{SITE}/nvidia/__init__.py"),
        (
            "google/__init__.py",
            b"__import__('pkg_resources').declare_namespace(__name__)\n",
            b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            Clash.NAMESPACE,
            f"{SITE}/google/__init__.py",
        ),
        ("tests/__init__.py", b"", b"import one\n", Clash.LEFTOVER, f"{SITE}/tests"),
        ("LICENSE", b"MIT", b"BSD", Clash.PAPER, f"{SITE}/LICENSE"),
        ("cv2/__init__.py", b"a = 1\n", b"a = 2\n", Clash.REAL, f"{SITE}/cv2/*"),
        ("six.py", b"a = 1\n", b"a = 2\n", Clash.REAL, f"{SITE}/six.py"),
        ("cv2/same.py", b"a = 1\n", b"a = 1\n", Clash.IDENTICAL, ""),
        ("x-1.0.data/data/share/man/x.1", b"a", b"b", Clash.PAPER, "share/man/x.1"),
    ],
)
def test_kinds(tmp_path: Path, path: str, one: bytes, two: bytes, clash: Clash, fix: str) -> None:
    wheels = [make(tmp_path, "one", {path: one}), make(tmp_path, "two", {path: two})]
    (found,) = find_collisions(wheels)
    assert (found.clash, found.fix, found.distributions) == (clash, fix, ("one", "two"))


def test_real_ones_are_errors_and_harmless_ones_are_silent(tmp_path: Path) -> None:
    wheels = [
        make(tmp_path, "opencv_python", {"cv2/__init__.py": b"1", "cv2/a.py": b"1", "n/__init__.py": b""}),
        make(
            tmp_path,
            "opencv_python_headless",
            {"cv2/__init__.py": b"2", "cv2/a.py": b"2", "n/__init__.py": b"#"},
        ),
    ]
    (finding,) = tell_collisions(find_collisions(wheels), "3.13")
    assert (finding.level, finding.subject) == (Level.ERROR, "opencv-python and opencv-python-headless")
    assert "cv2/__init__.py, cv2/a.py" in finding.message
    assert "lib/python3.13/site-packages/cv2/*" in finding.message


def test_programs_of_entry_points(tmp_path: Path) -> None:
    def wheel(name: str) -> Reading:
        points = f"[console_scripts]\nrun = {name}:main\n".encode()
        return make(tmp_path, name, {f"{name}-1.0.dist-info/entry_points.txt": points})

    (found,) = find_collisions([wheel("one"), wheel("two")])
    assert (found.clash, found.paths) == (Clash.PROGRAM, ("bin/run",))
    assert find_collisions([wheel("one")]) == ()


def test_namespace_packages_without_init_do_not_collide(tmp_path: Path) -> None:
    wheels = [make(tmp_path, "one", {"ns/one.py": b"1"}), make(tmp_path, "two", {"ns/two.py": b"2"})]
    assert find_collisions(wheels) == ()


def test_leftovers_are_removed_from_both(tmp_path: Path) -> None:
    wheels = [
        make(tmp_path, "one", {"tests/__init__.py": b"1", "tests/a/b.py": b"1"}),
        make(tmp_path, "two", {"tests/__init__.py": b"2", "tests/a/b.py": b"2"}),
        make(tmp_path, "three", {"three/tests/a.py": b"3"}),
    ]
    collisions = find_collisions(wheels)
    assert [find_removed(collisions, n) for n in ("one", "two", "three")] == [("tests",), ("tests",), ()]


def matches(path: str, pattern: str) -> bool:
    """As ``make_venv.py`` of pyproject.nix compares: with the path in the environment."""
    return fnmatch(path, pattern)


@pytest.mark.parametrize(
    ("path", "installed"),
    [
        ("build_tools/x.py", "lib/python3.13/site-packages/build_tools/x.py"),
        ("build_tools/deep/x.py", "lib/python3.13/site-packages/build_tools/deep/x.py"),
        ("six.py", "lib/python3.13/site-packages/six.py"),
        ("a[1]/x.py", "lib/python3.13/site-packages/a[1]/x.py"),
        ("b*.py", "lib/python3.13/site-packages/b*.py"),
    ],
)
def test_the_pattern_that_is_named_matches_in_an_environment(
    tmp_path: Path, path: str, installed: str
) -> None:
    wheels = [make(tmp_path, "one", {path: b"a = 1\n"}), make(tmp_path, "two", {path: b"a = 2\n"})]
    (found,) = find_collisions(wheels)
    pattern = spell_pattern(found, "3.13")
    assert matches(installed, pattern)
    assert not matches(installed.replace("3.13", "3.12"), pattern)
    assert not matches("lib/python3.13/site-packages/bx.py", pattern)
    (finding,) = tell_collisions([found], "3.13")
    ignored = f'venvIgnoreCollisions = (old.venvIgnoreCollisions or [ ]) ++ [ "{pattern}" ];'
    assert ignored in finding.message


def test_a_pattern_outside_site_packages_is_taken_as_it_is(tmp_path: Path) -> None:
    path = "x-1.0.data/data/share/man/x.1"
    wheels = [make(tmp_path, "one", {path: b"a"}), make(tmp_path, "two", {path: b"b"})]
    (found,) = find_collisions(wheels)
    assert spell_pattern(found, "3.14t") == "share/man/x.1"
