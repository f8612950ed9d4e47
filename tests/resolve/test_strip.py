"""What is redundant is told by what a distribution carries, never by how its name begins."""

from __future__ import annotations

from tests.support.objects import cause, provider, wheel
from wheelfix.index.distributions import find_carries
from wheelfix.model.scan import Need, NeedClass
from wheelfix.model.strip import StripPlan
from wheelfix.model.wheel import Distribution
from wheelfix.resolve.strip import Wishes, plan_strip
from wheelfix.scan.closure import find_closure


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
    wishes: Wishes | None = None,
    replaced: bool = True,
) -> StripPlan:
    known = {other.name: other for other in others}
    carries = {name: find_carries(name) for name in find_closure(target, known)}
    return plan_strip(target, known, carries, needs=needs, wishes=wishes, replaced=replaced)


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
