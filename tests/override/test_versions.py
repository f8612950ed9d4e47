"""Versions that a wheel wants, held against those of nixpkgs that it is linked to."""

from __future__ import annotations

import pytest

from tests.support.facts import open_table
from tests.support.objects import cause, elf, wheel
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.index import Provider
from wheelfix.model.override import Cuda, Override, VersionGap
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Level, Need
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.override.plan import plan_override
from wheelfix.override.strip import Dependencies
from wheelfix.override.versions import find_gaps, tell_gaps
from wheelfix.scan.conclude import conclude
from wheelfix.wheel.metadata import find_wanted_version

CUDNN = "nvidia-cudnn-cu12"


def need(version: str | None) -> Need:
    attr, soname = "cudaPackages.cudnn", "libcudnn.so.9"
    provider = Provider(attr=attr, output="lib", path=f"/lib/{soname}", store_path=None, version=version)
    return Need(
        soname=soname,
        machine="x86_64",
        need_class=NeedClass.SIBLING,
        cause=cause(NeedClass.SIBLING, distribution=CUDNN, directory="nvidia/cudnn/lib"),
        wanted_by=("demo/core.so",),
        providers=(provider,),
    )


def requiring(text: str) -> Distribution:
    requirement = Requirement(name=CUDNN, extras=(), active=True, text=text)
    return replace(wheel(), requires=(requirement,))


@pytest.mark.parametrize(
    ("text", "version", "older"),
    [
        (f"{CUDNN}==9.15.1.9", "9.13.0.50", True),
        (f"{CUDNN}==9.15.1.9", "9.22.0.52", False),
        (f"{CUDNN}==9.15.1.9", "9.15.1.9", None),
        (f"{CUDNN}==9.15.1", "9.15.1.9", None),
        (f"{CUDNN}==9.9.0", "9.10.0", False),
        (f"{CUDNN}==2.27.5", "2.27.5-1", None),
        (f"{CUDNN}>=9.15", "9.13.0.50", True),
        (f"{CUDNN}>=9.15", "9.22.0.52", None),
        (f"{CUDNN}<10,>=9.15,!=9.16", "9.13", True),
        (f"{CUDNN}==9.*", "9.13", None),
        (f"{CUDNN}==10.*", "9.13", True),
        (CUDNN, "9.13", None),
        (f"{CUDNN}!=9.13", "9.13", None),
        (f"{CUDNN}===nonsense", "9.13", None),
        (f"{CUDNN}==9.15.1.9", None, None),
        (f"{CUDNN}==9.15.1.9", "unstable", None),
    ],
)
def test_a_requirement_is_held_against_nixpkgs(text: str, version: str | None, older: bool | None) -> None:
    gaps = find_gaps([need(version)], requiring(text), {})
    assert [gap.older for gap in gaps] == ([] if older is None else [older])


def test_the_version_of_the_lock_goes_first() -> None:
    (gap,) = find_gaps([need("9.13")], requiring(f"{CUDNN}>=9.1"), {CUDNN: "9.15.1.9"})
    assert (gap.wanted, gap.older) == ("9.15.1.9", True)


def test_only_what_is_linked_in_place_of_a_wheel_is_compared() -> None:
    reading = Reading(
        distribution=requiring(f"{CUDNN}==99.0"),
        objects=(elf("demo/core.so", needed=["libcudnn.so.9"], rpath=["$ORIGIN/../nvidia/cudnn/lib"]),),
    )
    scan = conclude(reading, open_table())
    dated = replace(scan, needs=tuple(replace(n, providers=need("9.13").providers) for n in scan.needs))
    dependencies = Dependencies(package=reading.distribution)
    found = {cuda: plan_override(reading, dated, cuda, dependencies=dependencies) for cuda in Cuda}
    assert [gap.wanted for gap in found[Cuda.NIXPKGS].gaps] == ["99.0"]
    assert found[Cuda.WHEELS].gaps == ()
    (finding,) = tell_gaps([found[Cuda.NIXPKGS]])
    assert finding.level is Level.WARNING
    assert finding.message == f"wants {CUDNN} 99.0, and nixpkgs has cudaPackages.cudnn 9.13, which is older"
    assert any("99.0" in hint for hint in found[Cuda.NIXPKGS].hints)


def test_a_requirement_names_a_version() -> None:
    assert find_wanted_version("a==1.2") == ("1.2", True)
    assert find_wanted_version("a>=1.2,>=1.10") == ("1.10", False)
    assert find_wanted_version("a") is None
    assert find_wanted_version("???") is None
    assert find_wanted_version(f"a=={'1' * 10_000}") is None


def test_newer_ones_are_one_note() -> None:
    gaps = tuple(
        VersionGap(distribution=name, wanted="1", attr=f"cudaPackages.{name}", version="2", older=False)
        for name in ("a", "b")
    )
    override = Override(name="demo", version="1.0", target="", tags=(), cuda=Cuda.NIXPKGS, gaps=gaps)
    (note,) = tell_gaps([override])
    assert note.level is Level.NOTE
    assert "a 1 (2), b 1 (2)" in note.message
