"""What counts: what is wrong with the environment, and not what a package may do without."""

from __future__ import annotations

import pytest

from tests.support.facts import open_table, parse_requires
from wheelfix.explain.model import Account, Explanation, Installed, Package
from wheelfix.explain.plan import plan_explanation
from wheelfix.model.wheel import Distribution
from wheelfix.trial.judge import judge, plan_remedies
from wheelfix.trial.model import Answer, Attempt, Ending, Outcome, Tried

LACKS = "ImportError: {}: cannot open shared object file: No such file or directory"
ATTEMPT = Attempt(distribution="demo", version="1.0", top="demo", compiled=("demo.inner",))


def judge_one(
    *answers: Answer, requires: str = "", driver: bool = False, attempt: Attempt = ATTEMPT
) -> list[Tried]:
    demo = Distribution(
        target="demo-1.0",
        name="demo",
        version="1.0",
        tags=(),
        requires=parse_requires([requires] if requires else [], ["py3-none-any"]),
        files=frozenset(),
    )
    found = judge(
        [attempt], [answers], distributions={"demo": demo}, site="/site", explain=explain, driver=driver
    )
    return list(found)


def explain(distribution: str, account: Account) -> Explanation:
    return plan_explanation(account, Installed(package=Package(name=distribution)), open_table())


def fail(text: str, module: str = "demo", absent: str | None = None) -> Answer:
    return Answer(module=module, ending=Ending.RAISED, line=text, text=text, absent=absent)


@pytest.mark.parametrize(
    ("answer", "outcome", "counts"),
    [
        (Answer(module="demo", ending=Ending.IMPORTED), Outcome.IMPORTED, False),
        (fail(LACKS.format("libtbb.so.12")), Outcome.LIBRARY, True),
        (fail(LACKS.format("libtbb.so.12"), "demo.inner"), Outcome.LIBRARY, True),
        (fail(LACKS.format("libcuda.so.1")), Outcome.DRIVER, False),
        (fail("ImportError: /x.so: undefined symbol: foo"), Outcome.LIBRARY, True),
        (fail("ZeroDivisionError"), Outcome.ERROR, True),
        (fail("ZeroDivisionError", "demo.inner"), Outcome.ERROR, False),
        (fail("No module named 'x.y'", absent="x.y"), Outcome.UNINSTALLED, False),
        (fail("No module named 'yaml'", absent="yaml"), Outcome.UNINSTALLED, True),
        (fail("No module named 'demo.z'", absent="demo.z"), Outcome.ERROR, True),
        (fail("No module named '_tkinter'", absent="_tkinter"), Outcome.LIBRARY, True),
        (Answer(module="demo", ending=Ending.KILLED, code=11), Outcome.CRASH, True),
        (Answer(module="demo.inner", ending=Ending.KILLED, code=11), Outcome.CRASH, True),
        (Answer(module="demo", ending=Ending.EXITED), Outcome.EXIT, True),
        (Answer(module="demo", ending=Ending.SILENT), Outcome.TIMEOUT, True),
        (Answer(module="demo.inner", ending=Ending.UNTRIED), Outcome.UNTRIED, True),
        (
            Answer(module="demo", ending=Ending.EXITED, text="python: /x.so: undefined symbol: f"),
            Outcome.LIBRARY,
            True,
        ),
    ],
)  # fmt: skip
def test_an_answer_is_judged(answer: Answer, outcome: Outcome, counts: bool) -> None:
    (one,) = judge_one(answer, requires="pyyaml>=6")
    assert (one.outcome, one.counts) == (outcome, counts)
    assert one.compiled == (answer.module == "demo.inner")


def test_a_requirement_of_an_extra_does_not_count() -> None:
    answer = fail("No module named 'yaml'", absent="yaml")
    (one,) = judge_one(answer, requires='pyyaml>=6; extra == "config"')
    assert not one.counts


def test_a_driver_counts_where_there_is_one() -> None:
    (one,) = judge_one(fail(LACKS.format("libcuda.so.1")), driver=True)
    assert one.counts
    assert list(plan_remedies("a b", [one], patched=False, driver=True)) == ["wheelfix patch 'a b'"]


def test_remedies_are_said_once() -> None:
    tried = judge_one(
        fail(LACKS.format("libtbb.so.12")),
        fail(LACKS.format("libtbb.so.12"), "demo.inner"),
        fail("No module named 'yaml'", absent="yaml"),
        requires="pyyaml",
    )
    assert list(plan_remedies(".venv", tried, patched=False, driver=False)) == [
        "wheelfix patch .venv",
        "pip --python .venv install pyyaml",
    ]
    assert next(plan_remedies("-x", tried[:1], patched=True, driver=False)) == "wheelfix patch ./-x"
    assert list(plan_remedies(".venv", judge_one(fail("ValueError")), patched=True, driver=False)) == []
