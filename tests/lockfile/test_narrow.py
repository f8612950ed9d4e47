"""The environment of a lock of conda: its platform, its environment, and the Python that is locked in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.lockfile.narrow import find_lock_python, narrow_lock, spell_python
from wheelfix.lockfile.select import Asked
from wheelfix.model.base import replace
from wheelfix.model.conda import CondaPackage, CondaPlatform
from wheelfix.model.lock import Lock, LockedPackage
from wheelfix.model.lock_formats import LockKind
from wheelfix.model.scan import Level


def package(
    name: str, version: str = "1.0", build: str = "h0_0", *groups: str, platform: str = "linux-64"
) -> CondaPackage:
    return CondaPackage(
        name=name,
        version=version,
        build=build,
        subdir="linux-64",
        platform=platform,
        filename=f"{name}-{version}-{build}.conda",
        in_groups=groups or ("default",),
    )


PYTHON = package("python", "3.11.9", "h0_0_cpython")
LOCK = Lock(
    name="pixi.lock",
    kind=LockKind.PIXI,
    groups=("default", "gpu"),
    default_groups=("default",),
    conda=(
        PYTHON,
        package("zlib"),
        package("zlib", "1.0", "h0_1", "gpu"),
        package("zlib", platform="linux-aarch64"),
    ),
    packages=(
        LockedPackage(name="six", version="1.0", in_groups=("default",)),
        LockedPackage(name="mac", version="1.0", in_groups=("default",), platforms=("osx-64",)),
        LockedPackage(name="cupy", version="1.0", in_groups=("gpu",)),
    ),
    platforms=(
        CondaPlatform(name="linux-64", subdir="linux-64", in_groups=("default", "gpu")),
        CondaPlatform(name="linux-aarch64", subdir="linux-aarch64", in_groups=("default",)),
    ),
)


def test_one_platform_and_one_environment_are_kept() -> None:
    kept = narrow_lock(LOCK, "x86_64-linux", Asked())
    assert [(one.name, one.build) for one in kept.conda] == [("python", "h0_0_cpython"), ("zlib", "h0_0")]
    assert [one.name for one in kept.packages] == ["six"]
    assert (kept.groups, [p.name for p in kept.platforms]) == (("default",), ["linux-64"])
    gpu = narrow_lock(LOCK, "x86_64-linux", Asked(groups=("gpu",)))
    assert [(one.name, one.build) for one in gpu.conda] == [("zlib", "h0_1")]
    assert [one.name for one in gpu.packages] == ["cupy"]
    assert len(narrow_lock(LOCK, "aarch64-linux", Asked()).conda) == 1


@pytest.mark.parametrize(
    ("system", "groups", "message", "hint"),
    [
        ("x86_64-linux", ("gpus",), "pixi.lock: has no environment 'gpus'", "write gpu"),
        ("x86_64-linux", ("zzz",), "pixi.lock: has no environment 'zzz'", "it has: default, gpu"),
        (
            "x86_64-linux",
            ("gpu", "default"),
            "--group: gpu and default are several environments of pixi.lock",
            "",
        ),
        (
            "riscv64-linux",
            None,
            "pixi.lock: is not locked for linux-riscv64; it has linux-64, linux-aarch64",
            "lock it for that platform too, or name another with --platform",
        ),
        ("aarch64-linux", ("gpu",), "pixi.lock: is not locked for linux-aarch64 in gpu; it has linux-64", ""),
        ("x86_64-darwin", None, "--platform x86_64-darwin: is none that conda has packages for", ""),
    ],
)
def test_what_a_lock_has_not_is_told(
    system: str, groups: tuple[str, ...] | None, message: str, hint: str
) -> None:
    with pytest.raises(InputError) as caught:
        narrow_lock(LOCK, system, Asked(groups=groups))
    assert str(caught.value) == message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("lock", "message", "hint"),
    [
        (
            replace(LOCK, groups=("default", "empty"), default_groups=("empty",)),
            "has no packages in the environment empty",
            "name another environment with --group: default, gpu",
        ),
        (replace(LOCK, platforms=()), "has no packages", "add dependencies, and lock again"),
    ],
)
def test_an_environment_without_packages_is_told(lock: Lock, message: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        narrow_lock(lock, "x86_64-linux", Asked())
    assert (caught.value.problem, caught.value.hint) == (message, hint)


def test_a_platform_with_a_name_of_its_own_is_taken_where_it_is_the_only_one() -> None:
    own = CondaPlatform(name="box", subdir="linux-64", in_groups=("default",))
    lock = replace(LOCK, platforms=(own,), conda=(package("zlib", platform="box"),))
    assert [one.name for one in narrow_lock(lock, "x86_64-linux", Asked()).conda] == ["zlib"]
    with pytest.raises(InputError, match="has several platforms for linux-64: box, rack"):
        narrow_lock(replace(lock, platforms=(own, replace(own, name="rack"))), "x86_64-linux", Asked())
    both = replace(LOCK, platforms=(own, *LOCK.platforms))
    assert narrow_lock(both, "x86_64-linux", Asked()).platforms[0].name == "linux-64"


def test_two_packages_of_one_name_are_refused() -> None:
    lock = replace(
        LOCK, kind=LockKind.CONDA_LOCK, groups=("default", "gpu"), default_groups=("default", "gpu")
    )
    with pytest.raises(InputError, match=r"has zlib in 1\.0 h0_0 and 1\.0 h0_1 for one environment"):
        narrow_lock(lock, "x86_64-linux", Asked())


def test_other_locks_stay_as_they_are() -> None:
    lock = replace(LOCK, kind=LockKind.UV)
    assert narrow_lock(lock, "x86_64-darwin", Asked(groups=("any",))) is lock


@pytest.mark.parametrize(
    ("version", "build", "python"),
    [
        ("3.12.4", "h194c7f8_0_cpython", "3.12.4"),
        ("3.13.2", "h4724d56_1_cp313t", "3.13.2t"),
        ("3.14.0rc2", "h0_0_cp314", "3.14.0"),
        ("3.9.18", "0_73_pypy", "pypy3.9"),
        ("2.7.18", "h0_0", None),
        ("3.12", "0", "3.12"),
    ],
)
def test_a_package_of_python_is_an_interpreter(version: str, build: str, python: str | None) -> None:
    assert spell_python(package("python", version, build)) == python


def test_the_python_of_a_prefix_is_the_locked_one(tmp_path: Path) -> None:
    lock = narrow_lock(LOCK, "x86_64-linux", Asked())
    (tmp_path / ".python-version").write_text("3.13\n")
    assert find_lock_python(None, lock, tmp_path).version == "3.11.9"
    assert find_lock_python("3.11", lock, tmp_path).findings == ()
    assert find_lock_python("3.11.9", lock, tmp_path).version == "3.11.9"
    for asked in ("3.12", "3.11.4", "3.11t", "pypy3.11"):
        with pytest.raises(
            InputError, match=rf"--python {asked}: the environment has Python 3\.11\.9 from conda"
        ):
            find_lock_python(asked, lock, tmp_path)


def test_a_prefix_without_python_has_programs_alone(tmp_path: Path) -> None:
    lock = narrow_lock(LOCK, "x86_64-linux", Asked(groups=("gpu",)))
    (told,) = find_lock_python(None, lock, tmp_path).findings
    assert told.level is Level.WARNING
    assert told.message == "has 1 package from PyPI and no Python of conda: they are read as for Python 3.12"
    assert find_lock_python(None, replace(lock, packages=()), tmp_path).findings == ()
    old = replace(lock, conda=(package("python", "2.7.18"),))
    (told,) = find_lock_python(None, old, tmp_path).findings
    assert (told.subject, told.message) == (
        "python 2.7.18",
        "is no version of Python 3: wheels are read as for 3.12",
    )
