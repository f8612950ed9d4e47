"""What other tools add to buildInputs by themselves."""

from __future__ import annotations

import pytest

from wheelfix.index.baseline import find_baseline

MANYLINUX2014 = {
    *("expat", "glib", "glibc", "libGL", "libice", "libsm", "libx11", "libxext", "libxrender"),
    *("stdenv.cc.cc.lib", "zlib"),
}


@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp39-abi3-manylinux2014_aarch64",
        "cp37-cp37m-manylinux2010_i686",
    ],
)
def test_manylinux_gets_the_list(tag: str) -> None:
    assert find_baseline([tag]) == MANYLINUX2014


def test_manylinux1_gets_more() -> None:
    assert find_baseline(["py2.py3-none-manylinux1_x86_64"]) == MANYLINUX2014 | {"libxcrypt", "ncurses5"}


@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-linux_x86_64",
        "cp312-cp312-macosx_11_0_arm64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-win_amd64",
        "py3-none-any",
    ],
)
def test_others_get_nothing(tag: str) -> None:
    assert find_baseline([tag]) == frozenset()


def test_the_longest_list_wins_whatever_the_order() -> None:
    tags = ["cp38-abi3-manylinux_2_5_x86_64", "cp38-abi3-manylinux1_x86_64"]
    assert find_baseline(tags) == find_baseline(tags[::-1]) == find_baseline(tags[1:])


def test_no_tag_no_baseline() -> None:
    assert find_baseline([]) == frozenset()


def test_python_tags_do_not_count() -> None:
    assert find_baseline(["manylinux1_x-none-any"]) == frozenset()
