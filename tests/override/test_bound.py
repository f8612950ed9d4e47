"""Who has to come from nixpkgs together: by links, by releases, by recipes; and what is told of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.support.objects import cause, wheel
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import AdapterPlan, NixpkgsBuild
from wheelfix.model.scan import Level, Need
from wheelfix.model.wheel import Distribution
from wheelfix.override.bound import Environment, is_released_with, plan_adapters
from wheelfix.override.strip import NO_WISHES, Wishes


def build(name: str, *dependencies: str, version: str = "9.9") -> NixpkgsBuild:
    return NixpkgsBuild(attr=("python3Packages", name), version=version, dependencies=frozenset(dependencies))


def links(soname: str, distribution: str) -> Need:
    return Need(
        soname=soname,
        machine="x86_64",
        need_class=NeedClass.SIBLING,
        cause=cause(NeedClass.SIBLING, soname, distribution=distribution),
        wanted_by=("x/_C.so",),
    )


def plan(
    root: str,
    packages: Sequence[Distribution],
    builds: Mapping[str, NixpkgsBuild],
    *,
    needs: Mapping[str, Sequence[Need]] | None = None,
    fixed: frozenset[str] = frozenset(),
    wishes: Wishes = NO_WISHES,
) -> AdapterPlan:
    environment = Environment(
        packages={one.name: one for one in packages}, needs=needs or {}, evidence="a lock", fixed=fixed
    )
    return plan_adapters({root: builds[root]}, environment, builds.get, wishes=wishes)


def reasons(found: AdapterPlan) -> dict[str, str]:
    return {adapter.name: adapter.reason for adapter in found.adapters}


TORCH = wheel("torch", requires=["triton"])
VISION = wheel("torchvision", requires=["torch"])


def test_a_wheel_that_links_what_is_replaced_is_replaced_too() -> None:
    builds = {"torch": build("torch"), "torchvision": build("torchvision", "torch")}
    needs = {"torchvision": [links("libz.so.1", "other"), links("libc10.so", "torch")]}
    found = plan("torch", [TORCH, VISION], builds, needs=needs)
    assert reasons(found) == {"torch": "", "torchvision": "x/_C.so links libc10.so of torch"}
    (told,) = [f for f in found.findings if f.subject == "torchvision 1.0"]
    assert (told.level, told.message) == (
        Level.NOTE,
        "comes from nixpkgs too, as python3Packages.torchvision 9.9: x/_C.so links libc10.so of torch",
    )


def test_a_wheel_that_was_read_and_links_nothing_of_it_stays() -> None:
    builds = {"torch": build("torch"), "torchvision": build("torchvision", "torch")}
    assert reasons(plan("torch", [TORCH, VISION], builds, needs={"torchvision": []})) == {"torch": ""}
    # Not read: nixpkgs' recipe tells, but only of a compiled one.
    assert reasons(plan("torch", [TORCH, VISION], builds)).keys() == {"torch", "torchvision"}
    pure = replace(VISION, tags=("py3-none-any",))
    assert reasons(plan("torch", [TORCH, pure], builds)) == {"torch": ""}


def test_what_the_replaced_wheel_links_is_replaced_too() -> None:
    builds = {"torchvision": build("torchvision", "torch"), "torch": build("torch")}
    found = plan("torchvision", [TORCH, VISION], builds, needs={"torchvision": [links("libc10.so", "torch")]})
    assert reasons(found)["torch"] == "torchvision links libc10.so of it"
    # Read, and it links nothing of torch.
    assert reasons(plan("torchvision", [TORCH, VISION], builds, needs={"torchvision": []})) == {
        "torchvision": ""
    }


def test_a_wheel_loses_the_cuda_that_only_the_replaced_one_brought() -> None:
    torch, other = wheel("torch", requires=["nvidia-cublas-cu12"]), wheel("bits", requires=["torch"])
    builds = {"torch": build("torch"), "bits": build("bits")}
    needs = {"bits": [links("libcublas.so.12", "nvidia-cublas-cu12")]}
    cublas = wheel("nvidia-cublas-cu12")
    found = plan("torch", [torch, other, cublas], builds, needs=needs)
    assert reasons(found)["bits"] == (
        "x/_C.so links libcublas.so.12 of nvidia-cublas-cu12, which torch brings no longer"
    )
    # One that requires it itself keeps it.
    own = wheel("bits", requires=["torch", "nvidia-cublas-cu12"])
    assert reasons(plan("torch", [torch, own, cublas], builds, needs=needs)) == {"torch": ""}


def test_packages_of_one_release_belong_together() -> None:
    main, part = wheel("lib", requires=["lib-core", "numpy"]), wheel("lib-core", requires=["numpy"])
    builds = {"lib": build("lib"), "lib-core": build("lib-core"), "numpy": build("numpy")}
    packages = [replace(main, version="2.1.0"), replace(part, version="2.1.0.7"), wheel("numpy")]
    found = plan("lib", packages, builds)
    assert reasons(found) == {"lib": "", "lib-core": "it is released together with lib 2.1.0"}
    del builds["lib-core"]
    found = plan("lib", packages, builds)
    assert reasons(found) == {"lib": ""}
    (told,) = [f for f in found.findings if f.subject == "lib-core 2.1.0.7"]
    assert told.level is Level.WARNING
    assert "remove it with --strip lib-core" in told.message


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("6.12.0", "6.12.0.140", True),
        ("1.0.1", "1.0.1", True),
        ("1.0", "1.0", False),
        ("1.0.1", "1.0.10", False),
    ],
)
def test_releases(one: str, other: str, together: bool) -> None:
    first, second = (replace(wheel(), version=version) for version in (one, other))
    assert is_released_with(first, second) is together
    assert is_released_with(second, first) is together


def test_parts_go_and_what_they_require_stays() -> None:
    packages = [
        wheel("pyside6", requires=["pyside6-essentials", "pyside6-addons"]),
        wheel("pyside6-essentials", requires=["shiboken6"]),
        wheel("pyside6-addons", requires=["pyside6-essentials"]),
        wheel("shiboken6"),
    ]
    builds = {"pyside6": build("pyside6", "shiboken6"), "shiboken6": build("shiboken6")}
    found = plan("pyside6", packages, builds)
    strip = found.adapters[0].strip
    assert [one.name for one in strip.stripped] == ["pyside6-addons", "pyside6-essentials"]
    assert strip.added == ("shiboken6",)
    assert strip.leaving == ()
    assert reasons(found).keys() == {"pyside6", "shiboken6"}


def test_a_part_that_somebody_else_requires_gets_the_same_build() -> None:
    packages = [
        wheel("pyside6", requires=["pyside6-essentials"]),
        wheel("pyside6-essentials"),
        wheel("app", requires=["pyside6", "pyside6-essentials"]),
    ]
    found = plan("pyside6", packages, {"pyside6": build("pyside6")})
    essentials = found.adapters[1]
    assert (essentials.name, essentials.attr) == ("pyside6-essentials", ("python3Packages", "pyside6"))
    assert essentials.reason == "nixpkgs' build of pyside6 has its files"
    assert found.adapters[0].strip.stripped == ()


@pytest.mark.parametrize("how", ["keep", "rule"])
def test_what_the_user_keeps_is_told_not_to_fit(how: str) -> None:
    builds = {"torch": build("torch"), "torchvision": build("torchvision", "torch")}
    wishes = Wishes(keep=("torchvision",)) if how == "keep" else NO_WISHES
    fixed = frozenset({"torchvision"}) if how == "rule" else frozenset[str]()
    found = plan("torch", [TORCH, VISION], builds, wishes=wishes, fixed=fixed)
    assert reasons(found) == {"torch": ""}
    (told,) = [f for f in found.findings if f.subject == "torchvision 1.0"]
    assert told.level is Level.WARNING
    assert told.message.startswith("stays a wheel as asked")


def test_what_is_told_of_a_build() -> None:
    builds = {"torch": replace(build("torch", "triton", "pybind11"), unfree=True)}
    found = plan("torch", [TORCH, wheel("triton")], builds)
    missing = "nixpkgs' recipe propagates pybind11, not in the environment: "
    missing += "add to the project what the build imports"
    assert [(f.level, f.message) for f in found.findings] == [
        (Level.WARNING, found.findings[0].message),
        (Level.WARNING, "is 9.9 in nixpkgs; other packages are resolved for 1.0"),
        (Level.NOTE, missing),
    ]
    assert found.findings[0].subject == "nixpkgs"
    assert "python3Packages.torch" in found.findings[0].message
    broken = {"torch": replace(build("torch", "triton", version="1.0"), broken=True)}
    (told,) = plan("torch", [TORCH, wheel("triton")], broken).findings
    assert told.message.startswith("python3Packages.torch is marked as broken")


def test_a_broken_build_replaces_nothing_unasked() -> None:
    broken = replace(build("torchvision", "torch"), broken=True)
    found = plan("torch", [TORCH, VISION], {"torch": build("torch"), "torchvision": broken})
    assert reasons(found) == {"torch": ""}
    (told,) = [f for f in found.findings if f.subject == "torchvision 1.0"]
    assert told.message.startswith(
        "stays a wheel, as nixpkgs' package of it is broken, though it is compiled"
    )


def test_only_what_is_bound_is_replaced() -> None:
    builds = {name: build(name) for name in ("scipy", "numpy", "pandas")}
    packages = [wheel("scipy", requires=["numpy"]), wheel("numpy"), wheel("pandas", requires=["numpy"])]
    assert reasons(plan("scipy", [replace(packages[0], version="3.0"), *packages[1:]], builds)) == {
        "scipy": ""
    }
