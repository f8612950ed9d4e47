"""What is redundant is told by what a distribution carries, never by how its name begins."""

from __future__ import annotations

import pytest

from tests.support.objects import cause, provider, wheel
from wheelfix.errors import InputError
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import NixpkgsBuild, StripPlan
from wheelfix.model.scan import Need
from wheelfix.model.wheel import Distribution
from wheelfix.override.carries import find_carries
from wheelfix.override.strip import NO_WISHES, Dependencies, Wishes, check_wishes, plan_strip
from wheelfix.wheel.metadata import find_environment, parse_requirement


def need(soname: str, distribution: str) -> Need:
    return Need(
        soname=soname,
        machine="x86_64",
        need_class=NeedClass.SIBLING,
        cause=cause(NeedClass.SIBLING, soname, distribution=distribution),
        wanted_by=("demo/x.so",),
        providers=(provider("x", soname),),
    )


def judge(
    target: Distribution,
    *others: Distribution,
    needs: tuple[Need, ...] = (),
    wishes: Wishes = NO_WISHES,
    replaced: bool = True,
) -> StripPlan:
    dependencies = Dependencies(package=target, others=others)
    return plan_strip(dependencies, needs=needs, wishes=wishes, replaced=replaced)


def names(plan: StripPlan) -> list[str]:
    return [j.name for j in plan.stripped]


def test_libraries_that_are_linked_go_and_modules_stay() -> None:
    target = wheel(requires=["mkl", "pyvex", "intel-openmp", "numpy"])
    needs = (need("libmkl_rt.so.3", "mkl"), need("libpyvex.so", "pyvex"))
    plan = judge(target, needs=needs)
    assert names(plan) == ["mkl"]
    assert plan.stripped[0].reason == "demo/x.so links libmkl_rt.so.3 of it, and it has no modules"


def test_a_name_alone_says_nothing() -> None:
    plan = judge(wheel(requires=["nvidia-ml-py", "nvidia-pytriton", "cuda-quantum", "nvidia-cublas-cu12"]))
    assert names(plan) == ["nvidia-cublas-cu12"]


def test_what_stays_may_bind_cuda_where_the_wheel_stays() -> None:
    target = wheel(requires=["cuda-bindings", "cuda-toolkit", "nvidia-nccl-cu13"])
    assert names(judge(target)) == ["cuda-bindings", "cuda-toolkit", "nvidia-nccl-cu13"]
    assert names(judge(target, replaced=False)) == ["cuda-toolkit", "nvidia-nccl-cu13"]


def test_a_redundant_one_that_another_wants_is_said_to_stay() -> None:
    other = wheel("other", requires=["nvidia-nccl-cu12"])
    plan = judge(wheel(requires=["other", "nvidia-nccl-cu12"]), other)
    assert names(plan) == ["nvidia-nccl-cu12"]
    (staying,) = plan.staying
    assert staying.name == "nvidia-nccl-cu12"
    assert staying.reason.endswith("other requires it")


def test_a_cycle_ends() -> None:
    a, b = wheel("a", requires=["b"]), wheel("b", requires=["a", "nvidia-nccl-cu12"])
    plan = judge(wheel(requires=["a", "demo"]), a, b)
    assert names(plan) == []
    assert [j.name for j in plan.staying] == ["nvidia-nccl-cu12"]


def test_a_package_that_has_other_requirements_is_no_meta_package() -> None:
    meta = wheel("stack", requires=["nvidia-nccl-cu12", "numpy"])
    assert names(judge(wheel(requires=["stack"]), meta)) == []


def test_the_user_decides() -> None:
    target = wheel(requires=["triton", "nvidia-nccl-cu12"])
    wishes = Wishes(keep=("nvidia-nccl-cu12",), strip=("tri*",))
    plan = judge(target, wishes=wishes)
    assert names(plan) == ["triton"]
    assert plan.stripped[0].reason == "asked for with --strip tri*"
    assert [(k.name, k.reason) for k in plan.kept] == [("nvidia-nccl-cu12", "asked for with --keep")]


def test_known_distributions() -> None:
    assert "libcublas.so.12" in find_carries("nvidia-cublas-cu12").cuda
    assert not find_carries("nvidia-cublas-cu12").importable
    assert find_carries("torch").importable
    assert find_carries("unheard-of").importable
    assert find_carries("unheard-of").note is None
    assert not find_carries("cuda-toolkit").importable
    assert find_carries("cuda-bindings").importable


def test_a_dependency_is_of_some_platforms_by_its_marker_and_not_by_its_name() -> None:
    lines = ["platformdirs", "triton; platform_system == 'Linux'", "x; 'linux' == sys_platform"]
    found = [parse_requirement(line, find_environment(())) for line in lines]
    plan = judge(replace(wheel(), requires=tuple(r for r in found if r)))
    assert [kept.name for kept in plan.kept] == ["triton", "x"]


@pytest.mark.parametrize(
    ("wishes", "said", "hint"),
    [
        (Wishes(keep=("tritno",)), "--keep tritno: matches no dependency", "write triton"),
        (Wishes(strip=("nvidia-cublsa*",)), "--strip nvidia-cublsa*", "write nvidia-cublas-cu12"),
        (Wishes(strip=("zzz*",)), "--strip zzz*", "name a dependency, or leave it out"),
    ],
)
def test_a_wish_about_nothing_names_the_nearest(wishes: Wishes, said: str, hint: str) -> None:
    names = {"triton", "nvidia-cublas-cu12", "numpy"}
    with pytest.raises(InputError) as caught:
        check_wishes(wishes, names)
    assert str(caught.value).startswith(said)
    assert caught.value.hint == hint
    check_wishes(Wishes(keep=("triton",), strip=("nvidia-*",)), names)


def test_wheels_of_a_cuda_that_nixpkgs_has_not_got_stay_with_a_wheel_that_stays() -> None:
    names = ["nvidia-cublas-cu11", "nvidia-cudnn-cu11", "nvidia-cublas-cu12", "nvidia-cudnn-cu12"]
    dependencies = Dependencies(package=wheel(requires=names))
    need = Need(
        soname="libcublas.so.11",
        machine="x86_64",
        need_class=NeedClass.SIBLING,
        cause=cause(NeedClass.SIBLING, distribution="nvidia-cublas-cu11"),
        wanted_by=("demo/core.so",),
        gone=("cudaPackages_11.libcublas",),
    )
    plans = {r: plan_strip(dependencies, needs=[need], replaced=r) for r in (True, False)}
    found = {replaced: {one.name for one in plan.stripped} for replaced, plan in plans.items()}
    assert found[True] == set(names)
    assert found[False] == {"nvidia-cublas-cu12", "nvidia-cudnn-cu12"}


def test_requirements_of_extras_are_judged_too() -> None:
    lines = [
        "numpy",
        "nvidia-nccl-cu12; extra == 'cuda'",
        "nvidia-nccl-cu12",
        "nvidia-cublas-cu12; extra == 'all'",
    ]
    found = [parse_requirement(line, find_environment(())) for line in lines]
    plan = judge(replace(wheel(), requires=tuple(r for r in found if r)))
    assert [(one.name, one.required, one.extras) for one in plan.stripped] == [
        ("nvidia-cublas-cu12", False, ("all",)),
        ("nvidia-nccl-cu12", True, ("cuda",)),
    ]


def test_what_the_recipe_propagates_stays() -> None:
    target = wheel("cupy-cuda12x", requires=["cuda-pathfinder", "cuda-bindings", "nvidia-cublas-cu12"])
    build = NixpkgsBuild(attr=("x", "cupy"), dependencies=frozenset({"cuda-pathfinder"}))
    plan = plan_strip(Dependencies(package=target), build=build)
    assert names(plan) == ["cuda-bindings", "nvidia-cublas-cu12"]
    assert [(k.name, k.reason) for k in plan.kept] == [
        ("cuda-pathfinder", "nixpkgs' recipe of cupy-cuda12x propagates it")
    ]
    nothing = replace(build, dependencies=frozenset())
    assert "cuda-pathfinder" in names(plan_strip(Dependencies(package=target), build=nothing))
    # Of an unknown recipe: what works with any CUDA stays, what is for that of the wheels goes.
    unknown = plan_strip(Dependencies(package=target), build=replace(build, dependencies=None))
    assert names(unknown) == ["cuda-bindings", "nvidia-cublas-cu12"]


def test_only_a_replaced_package_has_its_parts_stripped() -> None:
    target = wheel("pyside6", requires=["pyside6-addons", "google-auth"])
    google = wheel("google-auth", files=["google/auth/__init__.py"])
    assert names(judge(target, google)) == ["pyside6-addons"]
    assert names(judge(target, google, replaced=False)) == []
    ns = wheel("google-cloud", requires=["google-auth"], files=["google/cloud/__init__.py"])
    assert names(judge(ns, google)) == []
