"""The ladder: the order of its questions, and that each is asked once."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.support.objects import elf, facts, provider, wheel
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import replace
from wheelfix.model.classes import (
    Brought,
    FixedPath,
    NeedClass,
    No,
    Nobody,
    OfDriver,
    OfInterpreter,
    OfLibc,
    Provided,
    Question,
    Reached,
    Rivals,
    Stale,
    Unnamed,
)
from wheelfix.model.index import Lookup
from wheelfix.model.scan import Carrier, NeedTrace
from wheelfix.scan.at_hand import find_carried
from wheelfix.scan.decide import Case, decide, fits_interpreter
from wheelfix.scan.loader import Found
from wheelfix.scan.needs import make_want
from wheelfix.scan.sentences import say_cause, say_question, say_step

PYTHON = "libpython3.12.so.1.0"
EMPTY = Case(
    wheel=wheel(),
    want=make_want("libx.so.1", "x86_64"),
    known=facts("libx.so.1"),
    lookup=Lookup(soname="libx.so.1"),
)


def bundle(case: Case) -> Case:
    return replace(case, want=replace(case.want, found=(Found(path="demo/libx.so.1", via="$ORIGIN"),)))


def rename(case: Case, soname: str) -> Case:
    return replace(case, want=replace(case.want, soname=soname))


def require(case: Case) -> Case:
    carrier = Carrier(distribution="other", directory="other", exact=True)
    known = replace(case.known, carriers=(carrier,))
    return replace(case, known=known, wheel=wheel(requires=["other"]))


def provide(case: Case) -> Case:
    lookup = Lookup(soname=case.want.soname, providers=(provider("attr", case.want.soname),))
    return replace(case, lookup=lookup, known=replace(case.known, lookup=lookup))


def dispute(case: Case) -> Case:
    case = provide(case)
    return replace(case, lookup=replace(case.lookup, rivals=("attr", "other")))


RUNGS: list[tuple[NeedClass, type, Callable[[Case], Case]]] = [
    (NeedClass.BUNDLED, Reached, bundle),
    (NeedClass.UNKNOWN, FixedPath, lambda c: rename(c, "/usr/lib/libx.so.1")),
    (NeedClass.LIBC, OfLibc, lambda c: replace(c, known=replace(c.known, libc="glibc"))),
    (NeedClass.PYTHON, OfInterpreter, lambda c: rename(c, PYTHON)),
    (NeedClass.DRIVER, OfDriver, lambda c: replace(c, known=replace(c.known, driver="of a driver"))),
    (NeedClass.SIBLING, Brought, require),
    (NeedClass.AMBIGUOUS, Rivals, dispute),
    (NeedClass.PROVIDED, Provided, provide),
    (NeedClass.UNKNOWN, Nobody, lambda c: c),
]
PAIRS = list(itertools.combinations(range(len(RUNGS)), 2))


def climb(case: Case) -> NeedTrace:
    (trace,) = decide([case])
    return trace


@pytest.mark.parametrize(("kind", "cause", "make"), RUNGS, ids=lambda v: getattr(v, "__name__", str(v)))
def test_every_rung_decides(kind: NeedClass, cause: type, make: Callable[[Case], Case]) -> None:
    trace = climb(make(EMPTY))
    assert (trace.need.need_class, type(trace.need.cause)) == (kind, cause)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_earlier_question_decides(first: int, second: int) -> None:
    # The name is given last: a path and libpython are told by it alone.
    makes = sorted((RUNGS[second], RUNGS[first]), key=lambda rung: rung[1] in {FixedPath, OfInterpreter})
    case = EMPTY
    for _, _, make in makes:
        case = make(case)
    if RUNGS[first][1] is FixedPath and RUNGS[second][1] is OfInterpreter:
        case = rename(case, f"/usr/lib/{PYTHON}")
    assert type(climb(case).need.cause) is RUNGS[first][1]


_LADDER = [question for question in Question if question is not Question.PREFIX]
"""Without packages of conda at hand."""


@pytest.mark.parametrize("rung", range(len(RUNGS)))
def test_the_explanation_is_the_way_to_the_class(rung: int) -> None:
    trace = climb(RUNGS[rung][2](EMPTY))
    asked = [step.question for step in trace.steps]
    assert asked == _LADDER[: len(asked)]
    assert [step.need_class for step in trace.steps] == [None] * (len(asked) - 1) + [trace.need.need_class]
    assert trace.steps[-1].cause == trace.need.cause
    assert all(isinstance(step.cause, No | Unnamed | Stale) for step in trace.steps[:-1])
    for step in trace.steps:
        assert say_question(step.question, "x86_64").endswith("?")
        assert say_step(step)
        assert say_cause(step.cause)


def test_a_requirement_that_carries_it_goes_before_nixpkgs() -> None:
    at_hand = find_carried([(wheel("core"), [elf("core/lib/libx.so.1", soname="libx.so.1")])])
    case = replace(provide(EMPTY), wheel=wheel(requires=["core"]))
    assert climb(case).need.need_class is NeedClass.PROVIDED
    need = climb(replace(case, at_hand=at_hand)).need
    assert (need.need_class, need.distribution, need.directory) == (NeedClass.SIBLING, "core", "core/lib")
    nobody = replace(case, wheel=wheel(), at_hand=at_hand)
    assert climb(nobody).need.need_class is NeedClass.PROVIDED


def test_a_soname_by_itself_has_no_siblings() -> None:
    trace = climb(replace(require(provide(EMPTY)), wheels=False))
    assert trace.need.need_class is NeedClass.PROVIDED
    assert [step.question for step in trace.steps] == _LADDER


def test_nothing_at_hand_is_no_reason_to_say_that_something_is_not() -> None:
    cause = climb(require(EMPTY)).need.cause
    assert isinstance(cause, Brought)
    assert not cause.absent
    cause = climb(replace(require(EMPTY), at_hand=AtHand(versions={"numpy": "2.0"}))).need.cause
    assert isinstance(cause, Brought)
    assert cause.absent


@pytest.mark.parametrize(
    ("version", "tags", "fits"),
    [
        ("3.12", ["cp312-cp312-manylinux_2_28_x86_64"], True),
        ("3.9", ["cp312-cp312-manylinux_2_28_x86_64"], False),
        ("3.13t", ["cp313-cp313t-manylinux_2_28_x86_64"], True),
        ("3.13", ["cp313-cp313t-manylinux_2_28_x86_64"], False),
        ("3.13t", ["cp313-cp313-manylinux_2_28_x86_64"], False),
        ("3.12", ["cp312-none-any"], True),
        ("3.12t", ["cp312-none-any"], None),
        ("3.12", ["cp310-abi3-linux_x86_64"], None),
        ("3.9", ["cp310-abi3-linux_x86_64"], False),
        ("3.13t", ["cp310-abi3-linux_x86_64"], False),
        ("3", ["cp310-abi3-linux_x86_64"], True),
        ("2.7", ["py3-none-any"], False),
        ("2.7", ["py2-none-any", "py3-none-any"], None),
        ("3.7", ["py2-none-any", "py3-none-any"], None),
        ("3.9", ["py310-none-any"], False),
        ("3.6", ["cp35-cp35m-linux_x86_64", "cp36-cp36m-linux_x86_64"], None),
        ("3.12.1", ["cp312-cp312-linux_x86_64"], False),
        ("3.12d", ["py3-none-any"], False),
        ("3.11", ["pp311-pypy311_pp73-linux_x86_64"], False),
        ("pypy3.11", ["pp311-pypy311_pp73-linux_x86_64"], True),
        ("pypy3.10", ["pp311-pypy311_pp73-linux_x86_64"], False),
        ("pypy3.11", ["cp311-cp311-linux_x86_64"], False),
        ("pypy3.11", ["py3-none-linux_x86_64"], None),
        ("3.12", [], None),
        ("3.12", ["broken"], None),
    ],
)
def test_the_tags_tell_whose_interpreter_a_library_is_of(
    version: str, tags: list[str], fits: bool | None
) -> None:
    assert fits_interpreter(version, tags) is fits


def test_an_unknown_library_is_the_drivers_where_a_drivers_directory_is_searched() -> None:
    want = replace(make_want("libnvnew.so", "x86_64"), driver_directory="/usr/lib/wsl/lib")
    (trace,) = decide([replace(EMPTY, want=want)])
    assert trace.need.need_class is NeedClass.DRIVER
    assert "looked for in /usr/lib/wsl/lib" in say_cause(trace.need.cause)
    path = replace(want, soname="/usr/lib/wsl/lib/libnvnew.so")
    (trace,) = decide([replace(EMPTY, want=path)])
    assert trace.need.need_class is NeedClass.DRIVER
    (trace,) = decide([replace(EMPTY, want=make_want("/opt/lib/libnvnew.so", "x86_64"))])
    assert trace.need.need_class is NeedClass.UNKNOWN
