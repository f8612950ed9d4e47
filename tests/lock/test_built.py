"""Wheels that users have built, in the place of what a lock of conda has no usable wheel of."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.conda import build_conda
from tests.support.conda_locks import Entry, write_pixi
from tests.support.wheel import build_wheel
from wheelfix.cli import cli
from wheelfix.lock.built import add_built
from wheelfix.model.lock import Lock, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind

ANY = "py3-none-any"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A directory of wheels."""
    directory = tmp_path / "built"
    directory.mkdir()
    for name, version in [("demo", "1.0"), ("demo", "2.0"), ("demo", "10.0"), ("other", "1.0")]:
        build_wheel(directory, files={f"{name}.py": b""}, name=name, version=version, tag=ANY)
    return directory


def add(package: LockedPackage, built: Path) -> LockedPackage:
    lock = Lock(name="pixi.lock", kind=LockKind.PIXI, packages=(package,))
    base, cache = built.parent / "project", built.parent / "cache"
    (added,) = add_built(lock, [built], base=base, cache=cache).packages
    return added


def test_a_wheel_stands_in_for_sources(built: Path) -> None:
    sdist = LockedFile(filename="demo-2.0.tar.gz", sha256="0" * 64)
    added = add(LockedPackage(name="demo", version="2.0", sdist=sdist), built)
    assert [wheel.path for wheel in added.wheels] == [f"../built/demo-2.0-{ANY}.whl"]
    assert added.wheels[0].sha256
    assert (added.sdist, added.source) == (sdist, SourceKind.INDEX)


def test_a_directory_takes_the_newest(built: Path) -> None:
    added = add(LockedPackage(name="demo", version=None, source=SourceKind.LOCAL), built)
    assert [wheel.filename for wheel in added.wheels] == [f"demo-10.0-{ANY}.whl"]
    assert added.source is SourceKind.ARCHIVE


def test_a_wheel_without_a_hash_is_replaced(built: Path) -> None:
    wheel = LockedFile(
        filename=f"demo-1.0-{ANY}.whl", sha256=None, url=f"https://example.org/demo-1.0-{ANY}.whl"
    )
    added = add(LockedPackage(name="demo", version="1.0", wheels=(wheel,)), built)
    assert [one.url for one in added.wheels] == [None]


@pytest.mark.parametrize(
    "package",
    [
        LockedPackage(name="demo", version="1.0", hashes=("0" * 64,)),
        LockedPackage(name="demo", version="1.0", wheels=(LockedFile(filename="x.whl", sha256="0" * 64),)),
        LockedPackage(name="demo", version="3.0"),
    ],
)
def test_what_the_lock_has_stays(package: LockedPackage, built: Path) -> None:
    assert add(package, built) == package


def lock(tmp_path: Path, entry: str, *options: str | Path) -> Result:
    shelf = tmp_path / "shelf"
    python = build_conda(shelf, "python", {"bin/python3.12": b""}, version="3.12.4", build="h0_0_cpython")
    path = write_pixi(tmp_path / "pixi.lock", [Entry(python)], more=entry)
    used = path.read_text().replace(
        "python-3.12.4-h0_0_cpython.conda\n",
        f"python-3.12.4-h0_0_cpython.conda\n      - {entry[2:].splitlines()[0]}\n",
        1,
    )
    path.write_text(used)
    return CliRunner().invoke(
        cli, ["lock", str(path), "--find-links", str(shelf), *map(str, options)], catch_exceptions=False
    )


SDIST = (
    "- pypi: https://files.example.org/demo-1.0.tar.gz\n"
    f"  name: demo\n  version: '1.0'\n  sha256: {'0' * 64}\n"
)
DIRECT = f"- pypi: direct+https://files.example.org/demo-1.0-{ANY}.whl\n  name: demo\n  version: '1.0'\n"


@pytest.mark.parametrize("entry", [SDIST, DIRECT, "- pypi: ./project\n  name: demo\n  version: '10.0'\n"])
def test_the_code_takes_it_from_where_it_is(tmp_path: Path, built: Path, entry: str) -> None:
    done = lock(tmp_path, entry, "--find-links", built)
    assert done.exit_code == 0, done.output
    version = "10.0" if "project" in entry else "1.0"
    assert f'./. + "/built/demo-{version}-{ANY}.whl"' in done.stdout
    assert "builds no sources" not in done.stderr


def test_without_it_a_wheel_without_a_hash_is_refused_with_what_helps(tmp_path: Path) -> None:
    done = lock(tmp_path, DIRECT)
    assert done.exit_code == 3
    assert "--find-links DIR" in done.stderr


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = lock(tmp_path, DIRECT, "--find-links", tmp_path / "gone")
    assert done.exit_code != 0
    assert len(done.stderr.splitlines()) <= 6
