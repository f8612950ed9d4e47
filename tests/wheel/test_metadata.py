from __future__ import annotations

import pytest

from tests.support.objects import wheel
from wheelfix.model.base import replace
from wheelfix.wheel.metadata import (
    evaluate_requirements,
    find_environment,
    normalize_glob,
    parse_filename,
    parse_requirement,
    parse_wheel_tags,
    rank_version,
)


def test_filename_is_split_and_normalised() -> None:
    assert parse_filename("PySide6_Essentials-6.12.0-cp310-abi3-manylinux_2_34_x86_64.whl") == (
        "pyside6-essentials",
        "6.12.0",
        ("cp310-abi3-manylinux_2_34_x86_64",),
    )


@pytest.mark.parametrize(
    "name", ["torch.whl", "a-b.whl", "demo-1.0-cp312-cp312-linux_x86_64.zip", "x-no!-py3-none-any.whl"]
)
def test_other_names_are_no_wheel_names(name: str) -> None:
    assert parse_filename(name) is None


def test_wheel_file_tags_are_expanded() -> None:
    assert parse_wheel_tags("Wheel-Version: 1.0\nTag: py2.py3-none-any\nTag: nonsense\n") == (
        "py2-none-any",
        "py3-none-any",
    )


@pytest.mark.parametrize(
    ("tag", "version", "machine"),
    [
        ("cp311-cp311-manylinux_2_28_aarch64", "3.11", "aarch64"),
        ("cp314-cp314t-musllinux_1_2_x86_64", "3.14", "x86_64"),
        ("cp37-abi3-manylinux2014_s390x", "3.12", "s390x"),
        ("py3-none-linux_armv7l", "3.12", "armv7l"),
        ("pp311-pypy311_pp73-manylinux_2_28_aarch64", "3.11", "aarch64"),
        ("py3-none-any", "3.12", "x86_64"),
    ],
)
def test_markers_are_evaluated_for_the_wheels_platform(tag: str, version: str, machine: str) -> None:
    environment = find_environment([tag])
    assert (environment["python_version"], environment["platform_machine"]) == (version, machine)
    name = "PyPy" if tag.startswith("pp") else "CPython"
    assert environment["platform_python_implementation"] == name


def test_requirement_keeps_extras_and_evaluates_its_marker() -> None:
    environment = find_environment(["cp312-cp312-manylinux_2_28_x86_64"])
    found = parse_requirement('cuda_toolkit[nvrtc,cublas]==13.0.*; platform_system == "Linux"', environment)
    assert found is not None
    assert (found.name, found.extras, found.active) == ("cuda-toolkit", ("cublas", "nvrtc"), True)


@pytest.mark.parametrize(
    ("tags", "version"),
    [
        (["cp310-none-any", "cp39-none-any"], "3.10"),
        (["cp39-none-any", "cp312-none-any", "cp313-none-any"], "3.12"),
        (["py2-none-any", "py3-none-any"], "3.12"),
        (["py2-none-any"], "2.7"),
        (["py27-none-any", "py36-none-any"], "3.12"),
        (["py313-none-any"], "3.13"),
        (["cp39-abi3-manylinux_2_17_x86_64"], "3.12"),
        (["cp313-abi3-manylinux_2_17_x86_64"], "3.13"),
        (["cp310-cp310-linux_x86_64", "cp39-abi3-linux_x86_64"], "3.12"),
    ],
)
def test_of_several_pythons_the_usual_one_or_else_the_newest_counts(tags: list[str], version: str) -> None:
    assert find_environment(tags)["python_version"] == version
    assert find_environment(reversed(tags)) == find_environment(tags)


def test_markers_are_evaluated_again_for_a_target() -> None:
    lines = ["a; python_version < '3.11'", "b; python_version >= '3.11'", "c"]
    tags = ["cp310-none-any", "cp39-none-any"]
    found = [parse_requirement(line, find_environment(tags)) for line in lines]
    read = replace(wheel(tags=tags), requires=tuple(r for r in found if r))
    assert [r.name for r in read.requires if r.active] == ["a", "c"]
    settled = evaluate_requirements(read, find_environment(["cp313-cp313-any"]))
    assert [r.name for r in settled.requires if r.active] == ["b", "c"]
    assert evaluate_requirements(read, find_environment(tags)) == read


@pytest.mark.parametrize(
    ("line", "platform", "under"),
    [
        ("platformdirs>=4", False, ()),
        ("x; platform_system == 'Linux'", True, ()),
        ("x; 'linux' in sys_platform", True, ()),
        ("x; python_version < '4' and extra == 'Sys_Platform'", False, ("sys-platform",)),
        ("x; 'cuda' == extra", False, ("cuda",)),
        ("x; platform_python_implementation == 'CPython'", False, ()),
        ("x @ https://e.invalid/platform_system", False, ()),
    ],
)
def test_what_a_marker_asks_for_is_in_the_marker_alone(
    line: str, platform: bool, under: tuple[str, ...]
) -> None:
    found = parse_requirement(line, find_environment(["py3-none-any"]))
    assert found is not None
    assert (found.platform, found.under) == (platform, under)


def test_globs_are_normalised_outside_of_brackets() -> None:
    globs = ["Foo_Bar*", "ruamel.yaml", "a--b?", "x[._-]y", "[A-C]_d"]
    assert [normalize_glob(glob) for glob in globs] == [
        "foo-bar*",
        "ruamel-yaml",
        "a-b?",
        "x[._-]y",
        "[a-c]-d",
    ]


def test_versions_are_ranked_as_versions() -> None:
    mixed = ["1.10", "nonsense", "1.9", "", "1.10rc1", "1.10+cpu"]
    assert sorted(mixed, key=rank_version) == ["", "nonsense", "1.9", "1.10rc1", "1.10", "1.10+cpu"]
