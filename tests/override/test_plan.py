"""What an override says of needs that auto-patchelf misses."""

from __future__ import annotations

import pytest

from tests.support.facts import open_table
from tests.support.objects import elf, wheel
from wheelfix.model.override import Cuda, Override
from wheelfix.model.reading import Reading
from wheelfix.override.plan import plan_override
from wheelfix.scan.at_hand import find_carried
from wheelfix.scan.conclude import conclude

PYTHON = "libpython3.12.so.1.0"
ANY = ("py3-none-manylinux_2_28_x86_64",)


def plan(*needed: str, tags: tuple[str, ...] = (), python: str = "") -> Override:
    tagged = wheel(tags=tags) if tags else wheel()
    reading = Reading(distribution=tagged, objects=(elf("demo/x.so", needed=needed),))
    return plan_override(reading, conclude(reading, open_table()), Cuda.WHEELS, python=python)


@pytest.mark.parametrize(
    ("soname", "tags", "python", "added", "ignored"),
    [
        (PYTHON, (), "", True, False),
        ("libpython3.9.so.1.0", (), "", False, True),
        (PYTHON, ANY, "", True, True),
        (PYTHON, ANY, "3.12", True, False),
        (PYTHON, ANY, "3.13", False, True),
        ("libpython3.so", ANY, "3.13", True, False),
        ("libpython3.13t.so.1.0", ANY, "3.13", False, True),
        ("libpython2.7.so.1.0", ANY, "", False, True),
    ],
)
def test_the_library_of_an_interpreter(
    soname: str, tags: tuple[str, ...], python: str, added: bool, ignored: bool
) -> None:
    override = plan(soname, tags=tags, python=python)
    assert bool(override.interpreter) == added
    assert (f"{soname} for demo/x.so" in override.interpreter) == added
    assert [one.soname for one in override.ignored] == ([soname] if ignored else [])


def test_a_library_of_a_sibling_under_another_file_name_is_ignored_and_not_searched_for() -> None:
    user = Reading(
        distribution=wheel(requires=["blas"]), objects=(elf("demo/x.so", needed=["libwheelfixblas.so.0"]),)
    )
    objects = [elf("blas/libblasp-r1.so", soname="libwheelfixblas.so.0")]
    at_hand = find_carried([(wheel("blas"), objects)])
    scan = conclude(user, open_table(), at_hand=at_hand)
    assert scan.ignore_missing == ("libwheelfixblas.so.0",)
    override = plan_override(user, scan, Cuda.WHEELS)
    (ignored,) = override.ignored
    assert ignored.soname == "libwheelfixblas.so.0"
    assert "in blas, as the file libblasp-r1.so" in ignored.reason
    assert override.searches == ()


def test_a_need_that_is_a_path_is_ignored_by_its_last_part() -> None:
    """auto-patchelf compares the patterns with the name of a file alone."""
    (ignored,) = plan("build/libwheelfixgone.so").ignored
    assert ignored.soname == "libwheelfixgone.so"
