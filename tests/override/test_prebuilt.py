from __future__ import annotations

import pytest

from wheelfix.errors import InputError
from wheelfix.override.prebuilt import check_name, check_prebuilt, find_python, parse_attr

CP312 = ("cp312-cp312-manylinux_2_28_x86_64",)
ABI3 = ("cp39-abi3-manylinux_2_28_x86_64",)


def test_attribute_paths() -> None:
    assert parse_attr("python3Packages.torchWithoutCuda") == ("python3Packages", "torchWithoutCuda")
    assert parse_attr('pkgs.python312.pkgs."ruamel.yaml"') == ("python312", "pkgs", "ruamel.yaml")
    for wrong in ("", ".", "a.", ".a", "a..b", 'a."b', "a b", "pkgs", "a.${b}.", 'a."${x}"', 'x"y"'):
        with pytest.raises(InputError):
            parse_attr(wrong)


def test_the_interpreter_of_a_package() -> None:
    assert find_python(("python312Packages", "torch")) == "python312"
    assert find_python(("python313", "pkgs", "torch")) == "python313"
    assert find_python(("python3Packages", "torch")) == find_python(("opencv",)) == "python3"


def test_another_python_is_refused_before_anything_is_built() -> None:
    with pytest.raises(InputError, match=r"is for Python 3\.13, (and )?the package set for 3\.12") as caught:
        check_prebuilt(("python313Packages", "torch"), CP312, asked=None, default="3.13")
    assert "python312Packages" in caught.value.hint
    with pytest.raises(InputError):
        check_prebuilt(("python313Packages", "torch"), ABI3, asked="3.12", default=None)


def test_what_cannot_be_known_is_a_warning_or_nothing() -> None:
    def check(attr: str, tags: tuple[str, ...], asked: str | None = None) -> list[str]:
        return [f.message for f in check_prebuilt(tuple(attr.split(".")), tags, asked=asked, default="3.13")]

    assert check("python312Packages.torch", CP312) == []
    assert check("python3Packages.torch", ABI3) == []
    assert check("python3Packages.torch", ABI3, "3.13") == []
    (warning,) = check("python3Packages.torch", CP312)
    assert "3.13 in the index asked" in warning
    assert "python312Packages" in warning
    (warning,) = check("opencv", CP312)
    assert "pythonModule" in warning


@pytest.mark.parametrize(
    ("attr", "name"),
    [
        ("torch", "torch"),
        ("torchWithoutCuda", "torch"),
        ("pytorch-bin", "torch"),
        ("opencv4", "opencv-python-headless"),
        ("scikitlearn", "scikit-learn"),
        ("cupy", "cupy-cuda12x"),
        ("ruamel_yaml", "ruamel-yaml"),
    ],
)
def test_builds_that_are_named_after_their_distribution(attr: str, name: str) -> None:
    assert check_name(("python3Packages", attr), name, known=False) == ()


def test_a_slip_in_the_name_of_a_build_is_refused_and_a_stranger_is_told() -> None:
    with pytest.raises(InputError, match=r"python3Packages\.torhc: is not known") as caught:
        check_name(("python3Packages", "torhc"), "torch", known=False)
    assert caught.value.hint == "write python3Packages.torch"
    (warning,) = check_name(("python3Packages", "beautifulsoup4"), "bs4", known=False)
    assert "make sure that nixpkgs has it" in warning.message
    assert check_name(("python3Packages", "torhc"), "torch", known=True) == ()
