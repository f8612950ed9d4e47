"""Wheels are ranked as the tool that will take them ranks them."""

from __future__ import annotations

import pytest

from wheelfix.errors import InputError
from wheelfix.lockfile.markers import fits_python, holds, make_runtime, rank_as_nix, rank_as_pip
from wheelfix.model.lock import LockedFile, Runtime
from wheelfix.outside.requirements import find_platforms


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return make_runtime("3.12", "x86_64-linux", find_platforms("x86_64-linux"))


def files(*tags: str) -> list[LockedFile]:
    return [LockedFile(filename=f"demo-1.0-{tag}.whl", sha256=None) for tag in tags]


def names(ranked: list[LockedFile]) -> list[str]:
    return [f.filename.removeprefix("demo-1.0-").removesuffix(".whl") for f in ranked]


def test_pip_takes_libraries_first_and_nix_what_the_lock_has_first(runtime: Runtime) -> None:
    wheels = files("py2.py3-none-any", "py2.py3-none-macosx_11_0_arm64", "py2.py3-none-manylinux_2_28_x86_64")
    assert names(rank_as_pip(wheels, runtime))[0] == "py2.py3-none-manylinux_2_28_x86_64"
    assert names(rank_as_nix(wheels, runtime)) == ["py2.py3-none-any", "py2.py3-none-manylinux_2_28_x86_64"]


def test_nix_ranks_by_python_version_alone(runtime: Runtime) -> None:
    wheels = files(
        "cp37-abi3-manylinux2014_x86_64", "cp311-abi3-manylinux_2_28_x86_64", "cp313-cp313-linux_x86_64"
    )
    assert names(rank_as_nix(wheels, runtime)) == [
        "cp311-abi3-manylinux_2_28_x86_64",
        "cp37-abi3-manylinux2014_x86_64",
    ]


def test_a_build_tag_comes_first(runtime: Runtime) -> None:
    wheels = files("py3-none-any", "2-py3-none-any", "10-py3-none-any")
    assert names(rank_as_nix(wheels, runtime)) == names(rank_as_pip(wheels, runtime))
    assert names(rank_as_nix(wheels, runtime))[0] == "10-py3-none-any"


def test_what_does_not_run_is_left_out(runtime: Runtime) -> None:
    wheels = files(
        "cp312-cp312-musllinux_1_2_x86_64", "cp312-cp312-win_amd64", "cp312-cp312-manylinux_2_28_aarch64"
    )
    wheels.append(LockedFile(filename="no-wheel.whl", sha256=None))
    assert rank_as_nix(wheels, runtime) == rank_as_pip(wheels, runtime) == []


@pytest.mark.parametrize(
    ("python", "system", "best", "others"),
    [
        (
            "3.13t",
            "x86_64-linux",
            "cp313-cp313t-manylinux_2_28_x86_64",
            ["cp313-cp313-manylinux_2_28_x86_64"],
        ),
        ("pypy3.11", "x86_64-linux", "pp311-pypy311_pp73-manylinux_2_28_x86_64", ["cp311-abi3-linux_x86_64"]),
        ("pypy3.10", "aarch64-linux", "pp310-pypy310_pp73-manylinux2014_aarch64", []),
        ("3.12", "powerpc64le-linux", "cp312-cp312-manylinux_2_28_ppc64le", []),
        ("3.12", "loongarch64-linux", "cp312-cp312-manylinux_2_36_loongarch64", []),
    ],
)
def test_wheels_of_other_interpreters_and_machines(
    python: str, system: str, best: str, others: list[str]
) -> None:
    """Both take the wheel of that interpreter's own ABI, and none of another implementation."""
    runtime = make_runtime(python, system, find_platforms(system))
    wrong = ["pp311-pypy311_pp73-macosx_11_0_arm64", "cp39-cp39-manylinux_2_28_x86_64", *others]
    for rank in (rank_as_pip, rank_as_nix):
        assert names(rank(files(*wrong, best), runtime)) == [best]


def test_markers_of_pypy_on_another_machine() -> None:
    runtime = make_runtime("pypy3.11", "aarch64-linux", find_platforms("aarch64-linux"))
    assert runtime.python == "pypy3.11"
    for marker in (
        "platform_python_implementation == 'PyPy'",
        "implementation_name == 'pypy' and implementation_version < '8'",
        "python_version == '3.11' and platform_machine == 'aarch64' and sys_platform == 'linux'",
    ):
        assert holds(marker, runtime)
    assert not holds("platform_python_implementation == 'CPython'", runtime)


def test_several_extras_at_once(runtime: Runtime) -> None:
    marker = "extra == 'extra-4-demo-cpu' or (sys_platform == 'win32' and extra != 'extra-4-demo-gpu')"
    assert holds(marker, runtime, extras={"extra-4-demo-cpu", "other"})
    assert not holds(marker, runtime, extras={"extra-4-demo-gpu"})
    assert holds("'dev' in dependency_groups and platform_machine == 'x86_64'", runtime, groups={"dev"})


def test_no_marker_no_target(runtime: Runtime) -> None:
    with pytest.raises(InputError, match="is no marker"):
        holds("python > ", runtime)
    with pytest.raises(InputError, match="are no version specifiers"):
        fits_python("about 3", runtime, "uv.lock")
    with pytest.raises(InputError, match="is no version of Python 3"):
        make_runtime("2.7", "x86_64-linux", ("linux_x86_64",))
    with pytest.raises(InputError, match="is no Linux system"):
        make_runtime("3.12", "x86_64-darwin", find_platforms("x86_64-darwin"))


@pytest.mark.parametrize(
    "marker",
    [
        "(" * 3000 + "os_name == 'a'" + ")" * 3000,
        f"python_version < '{'9' * 5000}'",
        "os_name\n~",
        "os_name ~= 'a'",
    ],
    ids=["deep", "number of many digits", "two lines", "not to be compared"],
)
def test_hostile_markers_are_told_in_one_line(runtime: Runtime, marker: str) -> None:
    with pytest.raises(InputError, match="is no marker") as caught:
        holds(marker, runtime, where="uv.lock: a")
    assert caught.value.subject == "uv.lock: a"
    assert "\n" not in caught.value.problem
    assert len(caught.value.problem) < 1000


def test_a_number_of_many_digits_in_specifiers_and_file_names(runtime: Runtime) -> None:
    with pytest.raises(InputError, match="are no version specifiers"):
        fits_python(f">={'9' * 5000}", runtime, "uv.lock")
    digits = "9" * 5000
    wheels = [
        LockedFile(filename=name, sha256=None)
        for name in (f"demo-{digits}-py3-none-any.whl", f"demo-1-{digits}-py3-none-any.whl")
    ]
    assert rank_as_nix(wheels, runtime) == rank_as_pip(wheels, runtime) == []
