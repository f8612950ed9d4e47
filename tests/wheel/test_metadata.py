from __future__ import annotations

import pytest

from wheelfix.wheel.metadata import find_environment, parse_filename, parse_requirement, parse_wheel_tags


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
        ("py3-none-any", "3.12", "x86_64"),
    ],
)
def test_markers_are_evaluated_for_the_wheels_platform(tag: str, version: str, machine: str) -> None:
    environment = find_environment([tag])
    assert (environment["python_version"], environment["platform_machine"]) == (version, machine)


def test_requirement_keeps_extras_and_evaluates_its_marker() -> None:
    environment = find_environment(["cp312-cp312-manylinux_2_28_x86_64"])
    found = parse_requirement('cuda_toolkit[nvrtc,cublas]==13.0.*; platform_system == "Linux"', environment)
    assert found is not None
    assert (found.name, found.extras, found.active) == ("cuda-toolkit", ("cublas", "nvrtc"), True)
