from __future__ import annotations

import pytest

from wheelfix.model.elf import ElfTraits
from wheelfix.model.scan import Level
from wheelfix.scan.findings import find_trait_findings


def traits(path: str = "a.so", **facts: object) -> ElfTraits:
    values: dict[str, object] = {"machine": "x86_64", "page_size": 4096} | facts
    return ElfTraits(path=path, **values)  # type: ignore[arg-type]


def test_ordinary_files_have_no_findings() -> None:
    assert find_trait_findings([traits(), traits(isa="x86-64-baseline"), traits(page_size=None)]) == ()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"executable_stack": True}, "executable stack"),
        ({"text_relocations": True}, "text relocations"),
        ({"isa": "x86-64-v3"}, "level x86-64-v3"),
        ({"machine": "aarch64", "page_size": 4096}, "pages of 16 KiB"),
    ],
)
def test_each_kind(facts: dict[str, object], words: str) -> None:
    (finding,) = find_trait_findings([traits(), traits("b.so", **facts)])
    assert (finding.level, finding.subject) == (Level.WARNING, "b.so")
    assert words in finding.message


@pytest.mark.parametrize("size", [16384, 65536])
def test_large_pages_are_fine_on_aarch64(size: int) -> None:
    assert find_trait_findings([traits(machine="aarch64", page_size=size)]) == ()


def test_files_are_grouped_by_kind_and_level() -> None:
    found = find_trait_findings(
        [traits(f"{name}.so", executable_stack=True) for name in "edcba"]
        + [traits("v2.so", isa="x86-64-v2"), traits("v4.so", isa="x86-64-v4")]
    )
    assert [f.subject for f in found] == ["a.so, b.so, c.so and 2 more", "v2.so", "v4.so"]
