"""Files for different versions of one library: one of them is used."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.facts import open_table
from tests.support.objects import elf, wheel
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject
from wheelfix.model.reading import Reading
from wheelfix.model.scan import WheelScan
from wheelfix.scan.conclude import conclude


def scan(objects: Sequence[ElfObject]) -> WheelScan:
    return conclude(Reading(distribution=wheel(), objects=tuple(objects)), open_table())


def list_unused(found: WheelScan) -> set[str]:
    return {need.soname for need in found.needs if need.unused}


def make_codec(name: str, codec: int, util: int) -> ElfObject:
    return elf(f"demo/{name}.so", needed=[f"libavcodec.so.{codec}", f"libavutil.so.{util}", "libz.so.1"])


def test_the_one_whose_libraries_are_there_is_used() -> None:
    objects = [
        elf("demo/ops.so"),
        make_codec("libdemo_core4", 58, 56),
        make_codec("libdemo_core5", 59, 57),
        make_codec("libdemo_core8", 62, 60),
    ]
    found = scan(objects)
    assert [a.backend.label for a in found.alternatives if a.chosen] == ["libavcodec62"]
    assert list_unused(found) == {
        "libavcodec.so.58",
        "libavutil.so.56",
        "libavcodec.so.59",
        "libavutil.so.57",
    }
    assert found.build_inputs == ("ffmpeg", "zlib")
    assert any(n.unused and n.need_class is NeedClass.UNKNOWN for n in found.needs)
    assert found.answered


def test_what_only_the_others_load_goes_with_them() -> None:
    inner = [make_codec("libinner4", 58, 56), make_codec("libinner8", 62, 60)]
    outer = [
        elf("demo/libouter4.so", needed=["libinner4.so", "libavcodec.so.58", "libxml2.so.2"]),
        elf("demo/libouter8.so", needed=["libinner8.so", "libavcodec.so.62"]),
    ]
    assert "libxml2.so.2" in list_unused(scan([*inner, *outer]))
    assert {"libavutil.so.56", "libinner4.so"} <= list_unused(scan([*inner, *outer]))


@pytest.mark.parametrize(
    "objects",
    [
        [make_codec("libdemo_a", 58, 56), make_codec("libdemo_b", 62, 60)],
        [make_codec("libdemo4", 62, 60), make_codec("libdemo8", 62, 60)],
        [elf("demo/libdemo4.so", needed=["libffi.so.8"]), elf("demo/libdemo8.so", needed=["libz.so.1"])],
        [
            make_codec("libdemo4", 58, 56),
            make_codec("libdemo8", 62, 60),
            elf("demo/core.so", needed=["libdemo4.so"]),
        ],
        [make_codec("libdemo8", 62, 60)],
    ],
)
def test_without_the_evidence_all_are_used(objects: list[ElfObject]) -> None:
    found = scan(objects)
    assert (list_unused(found), found.alternatives) == (set(), ())
