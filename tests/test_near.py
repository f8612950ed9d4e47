"""How near names are to one that nobody has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.errors import suggest
from wheelfix.near import LETTERS, RANDOM, SAME, SLIP, SLIPS, WORDS, Asked, count_slips, drop_far, find_near

WORD = st.text("abcdeé_-1", max_size=8)


@pytest.mark.parametrize(
    ("asked", "other", "kind"),
    [
        ("GL", "gl", SAME),
        ("gssapi-krb5", "gssapi_krb5", SAME),
        ("png", "png16", WORDS),
        ("gtk4", "gtk-3", WORDS),
        ("opencv", "opencv_core", WORDS),
        ("Qt6", "Qt6Core", WORDS),
        ("ssl", "ustream-ssl", WORDS),
        ("cair", "cairo", SLIP),
        ("numpi", "numpy", SLIP),
        ("torhc", "torch", SLIP),
        ("icu", "icuuc", LETTERS),
        ("ssl", "openssl", LETTERS),
        ("tensorlfwo", "tensorflow", SLIPS),
        ("tb", "tbb", RANDOM),
        ("zlb", "zlib", RANDOM),
        ("torch", "scratch", None),
        ("numpy", "scipy", None),
        ("tensorlfwo", "xensorfluw", None),
        ("opencv", "openxr", None),
        ("", "z", None),
        ("x", "z", None),
        ("z" * 10_000, "z", None),
    ],
)
def test_kinds_of_nearness(asked: str, other: str, kind: int | None) -> None:
    near = Asked(asked).compare(other)
    assert (near and near[0]) == kind


def count_slowly(one: str, other: str) -> int:
    """The same by the definition of the distance (optimal string alignment), all of the matrix."""
    rows = [[i + j if not i * j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            rows[i][j] = min(
                rows[i - 1][j] + 1,
                rows[i][j - 1] + 1,
                rows[i - 1][j - 1] + (one[i - 1] != other[j - 1]),
                *(
                    [rows[i - 2][j - 2] + 1]
                    if one[i - 2 : i][::-1] == other[j - 2 : j] and min(i, j) > 1
                    else []
                ),
            )
    return rows[-1][-1]


@given(one=WORD, other=WORD, most=st.integers(0, 4))
def test_slips_are_counted_up_to_a_limit(one: str, other: str, most: int) -> None:
    slips = count_slowly(one, other)
    assert count_slips(one, other, most=most) == (slips if slips <= most else None)


@given(one=WORD, other=WORD)
def test_any_two_names_can_be_compared(one: str, other: str) -> None:
    near = Asked(one).compare(other)
    assert near is None or near[0] in {SAME, WORDS, SLIP, LETTERS, SLIPS, RANDOM}
    assert Asked(one).compare(one) == (SAME, 0, 0)


def test_slips_are_left_out_where_the_name_is_there() -> None:
    found = [((SAME, 0, 2), "GL"), ((WORDS, 1, 3), "GL_x"), ((SLIP, 1, 0), "GM"), ((SLIPS, 2, 0), "GMN")]
    assert [name for _, name in drop_far(found)] == ["GL", "GL_x"]
    assert [name for _, name in drop_far(found[1:])] == ["GL_x", "GM"]
    assert [name for _, name in drop_far(found[3:])] == ["GMN"]
    assert drop_far([]) == []


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("opensls", ["openssl"]),
        ("Zlib", ["zlib"]),
        ("python3Packages.torhc", ["python3Packages.torch"]),
        ("python313Packages.torch", ["python3Packages.torch"]),
        ("xorg.libX11", ["libx11"]),
        ("cudaPackages.libcubals", ["cudaPackages.libcublas"]),
        ("cudaPackage.libcublas", ["cudaPackages.libcublas"]),
        ("nothing-like-it", []),
    ],
)
def test_parts_of_attributes_are_compared(wrong: str, near: list[str]) -> None:
    known = ["openssl", "openssh", "zlib", "python3Packages.torch", "libx11", "cudaPackages.libcublas"]
    assert list(find_near(wrong, known, count=1)) == near


def test_a_suggestion_is_what_to_write() -> None:
    assert suggest("uv2nx", ["uv2nix", "poetry2nix"]) == "write uv2nix"
    assert (
        suggest("nvidia-cublsa*", ["nvidia-cudnn-cu12", "nvidia-cublas-cu12"]) == "write nvidia-cublas-cu12"
    )
    assert suggest("x", ["uv2nix"], otherwise="ask") == "ask"
    assert suggest("libglvn", {"libglvnd": "libGL", "libGL": "libGL"}) == "write libGL"
