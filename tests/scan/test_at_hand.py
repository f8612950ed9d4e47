from __future__ import annotations

from functools import partial

import pytest

from tests.scan.test_needs import decide, only
from tests.support.objects import elf, facts, wheel
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass, Stale
from wheelfix.model.elf import ElfObject
from wheelfix.model.reading import Reading
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.scan.at_hand import assign_at_hand, find_carried, find_claimed, fit_together
from wheelfix.scan.sentences import say_cause


def test_claims_are_borne_out_by_name_machine_and_distribution() -> None:
    found = find_carried(
        [
            (wheel("zeta"), [elf("z/liba.so.1", soname="liba.so.1")]),
            (wheel("beta"), [elf("b/liba.so.1", soname="other"), elf("b/x.so", soname="liba.so.1")]),
            (wheel("alpha"), [elf("a/liba.so.1", soname="liba.so.1", machine="aarch64")]),
        ]
    )
    carried = found.libraries["liba.so.1"]
    assert [c.path for c in carried] == ["a/liba.so.1", "z/liba.so.1", "b/liba.so.1", "b/x.so"]
    claim = partial(find_claimed, found, "liba.so.1")
    assert claim(machine="x86_64") == carried[1]
    assert claim(machine="x86_64", distribution="beta") == carried[2]
    assert claim(machine="x86_64", distribution="alpha") is None
    assert claim(machine="riscv64") is None
    assert find_claimed(found, "libnone.so", machine="x86_64") is None


def test_a_library_that_can_be_run_is_a_library() -> None:
    qt = elf("PySide6/Qt/lib/libQt6Core.so.6", soname="libQt6Core.so.6", interpreter="/lib64/ld-linux.so")
    tool = elf("PySide6/uic", interpreter="/lib64/ld-linux.so")
    assert list(find_carried([(wheel("pyside6"), [qt, tool])]).libraries) == ["libQt6Core.so.6"]


USER = elf("torch/x.so", needed=["libcublas.so.12"], rpath=["$ORIGIN/../nvidia/cublas/lib"])
KNOWN = facts(
    "libcublas.so.12",
    attrs=["cudaPackages.libcublas"],
    carriers=[("nvidia-cublas-cu12", "nvidia/cublas/lib")],
)
TORCH = wheel("torch", requires=["nvidia-cublas-cu12"])


def beside(*packages: tuple[str, str]) -> AtHand:
    return find_carried((wheel(name), [elf(path, soname=path.rpartition("/")[2])]) for name, path in packages)


def test_what_is_at_hand_is_checked() -> None:
    at_hand = beside(("nvidia-cublas-cu12", "nvidia/cublas/lib/libcublas.so.12"))
    need = only(decide([USER], [KNOWN], dist=TORCH, at_hand=at_hand))
    assert need.need_class is NeedClass.SIBLING
    assert "checked: nvidia-cublas-cu12 1.0 has nvidia/cublas/lib/libcublas.so.12" in say_cause(need.cause)


def test_a_distribution_at_hand_that_lacks_it_is_no_sibling() -> None:
    at_hand = beside(("nvidia-cublas-cu12", "nvidia/cublas/lib/libcublas.so.11"))
    need = only(decide([USER], [KNOWN], dist=TORCH, at_hand=at_hand))
    assert need.need_class is NeedClass.PROVIDED
    assert need.stale == Stale(distribution="nvidia-cublas-cu12", version="1.0")


def test_what_is_not_at_hand_is_believed_and_said() -> None:
    need = only(decide([USER], [KNOWN], dist=TORCH, at_hand=beside(("numpy", "numpy/x.so"))))
    assert need.need_class is NeedClass.SIBLING
    assert "not among the distributions at hand" in say_cause(need.cause)


def test_a_distribution_no_table_knows_is_found_by_its_bytes() -> None:
    user = elf("demo/x.so", needed=["libnew.so.3"])
    at_hand = beside(("newlib", "newlib/libnew.so.3"))
    need = only(decide([user], [], at_hand=at_hand))
    assert (need.need_class, need.distribution) == (NeedClass.SIBLING, "newlib")
    assert "only wheels carry it, such as newlib" in say_cause(need.cause)


def test_two_that_carry_it_and_are_named_nowhere_are_no_answer() -> None:
    user = elf("demo/x.so", needed=["libnew.so.3"])
    at_hand = beside(("one", "one/libnew.so.3"), ("two", "two/libnew.so.3"))
    assert only(decide([user], [], at_hand=at_hand)).need_class is NeedClass.UNKNOWN


def test_a_vendored_copy_at_hand_does_not_replace_nixpkgs() -> None:
    user = elf("demo/x.so", needed=["libz.so.1"])
    at_hand = beside(("pillow", "pillow.libs/libz.so.1"))
    known = facts("libz.so.1", attrs=["zlib"])
    assert only(decide([user], [known], at_hand=at_hand)).need_class is NeedClass.PROVIDED


def test_of_two_versions_at_hand_the_newest_counts_in_any_order() -> None:
    old = (replace(wheel("base"), version="1.9"), [elf("base/libold.so.1", soname="libold.so.1")])
    new = (replace(wheel("base"), version="1.10"), [elf("base/libnew.so.1", soname="libnew.so.1")])
    found = find_carried([old, new])
    assert found == find_carried([new, old])
    assert found.versions == {"base": "1.10"}
    assert list(found.libraries) == ["libnew.so.1"]


def read_as(dist: Distribution, *objects: ElfObject) -> Reading:
    return Reading(distribution=dist, objects=objects)


def test_of_several_versions_the_one_that_is_asked_for_is_at_hand_whatever_the_order() -> None:
    old = read_as(replace(wheel("base"), version="1.9"), elf("base/libold.so.1", soname="libold.so.1"))
    new = read_as(replace(wheel("base"), version="1.10"), elf("base/libnew.so.1", soname="libnew.so.1"))
    pin = Requirement(name="base", extras=(), active=True, text="base==1.9")
    users = [wheel("any"), wheel("any", requires=["base"]), replace(wheel("picky"), requires=(pin,))]
    for pool in ([old, new], [new, old]):
        first, second, third = assign_at_hand(pool, [(user, ()) for user in users])
        assert first is second
        assert (first.versions, list(first.libraries)) == ({"base": "1.10"}, ["libnew.so.1"])
        assert (third.versions, list(third.libraries)) == ({"base": "1.9"}, ["libold.so.1"])
    versions = find_carried((r.distribution, r.objects) for r in (new, old)).versions
    assert versions == {"base": "1.10"}


def test_what_is_at_hand_of_one_alone_is_not_at_hand_of_others() -> None:
    base = read_as(wheel("base"), elf("base/liba.so.1", soname="liba.so.1"))
    with_it, without = assign_at_hand([], [(wheel("one"), [base]), (wheel("two"), ())])
    assert list(with_it.libraries) == ["liba.so.1"]
    assert without == AtHand()


@pytest.mark.parametrize(
    ("other", "fits"),
    [
        ("cp312-cp312-manylinux_2_17_x86_64", True),
        ("py3-none-manylinux2014_x86_64", True),
        ("cp39-abi3-linux_x86_64", True),
        ("py3-none-any", True),
        ("cp311-cp311-manylinux_2_28_x86_64", False),
        ("cp313-abi3-manylinux_2_28_x86_64", False),
        ("cp312-cp312-manylinux_2_28_aarch64", False),
        ("cp312-cp312-musllinux_1_2_x86_64", False),
        ("cp312-cp312-macosx_11_0_arm64", False),
        ("cp312-cp312t-manylinux_2_28_x86_64", False),
        ("pp312-pypy312_pp73-manylinux_2_28_x86_64", False),
    ],
)
def test_wheels_fit_together_by_python_machine_and_libc(other: str, fits: bool) -> None:
    own = ("cp312-cp312-manylinux_2_28_x86_64",)
    assert fit_together(own, (other,)) is fits
    assert fit_together((other,), own) is fits
    assert fit_together((), (other,))
