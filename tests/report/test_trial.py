"""What ``wheelfix try`` shows: one cause once, the modules under it, and what to do."""

from __future__ import annotations

import pytest

from wheelfix.report.trial import render_trial
from wheelfix.trial.model import Outcome, Trial, Tried


def make_tried(number: int, line: str, *, outcome: Outcome = Outcome.ERROR, counts: bool = True) -> Tried:
    return Tried(
        distribution=f"demo{number}",
        version="1.0",
        module=f"demo{number}",
        compiled=False,
        outcome=outcome,
        counts=counts,
        line=line,
    )


def make_trial(*tried: Tried, now: tuple[str, ...] = (), borrowed: tuple[str, ...] = ()) -> Trial:
    return Trial(
        environment=".venv", python="3.12", isolated=True, borrowed=borrowed, tried=tried, below=2, now=now
    )


def test_a_cause_is_said_once() -> None:
    trial = make_trial(*(make_tried(n, "KeyError: 'DISPLAY'") for n in range(12)))
    shown = render_trial(trial)
    assert shown.count("KeyError") == 1
    assert shown.count(" 1.0: demo") == 8
    assert "and modules of 4 more distributions" in shown
    assert "0 of 14 modules import in a namespace like NixOS (12 distributions, Python 3.12)" in shown


def test_what_does_not_count_is_apart_and_left_out_where_it_is_to_be_quiet() -> None:
    one = make_tried(1, "ModuleNotFoundError: x", outcome=Outcome.UNINSTALLED, counts=False)
    trial = make_trial(one, borrowed=("liba.so.1", "libb.so.1", "libc.so.1", "libd.so.1"))
    shown = render_trial(trial)
    assert "Does not import\n" not in shown
    assert "Does not import, and does not count" in shown
    assert "liba.so.1, libb.so.1, libc.so.1 and 1 more" in shown
    assert render_trial(trial, details=False).count("\n") == 1


@pytest.mark.parametrize("width", [60, 80, 200])
def test_lines_fit_and_commands_are_whole(width: int) -> None:
    command = f"wheelfix patch {'long/' * 50}.venv"
    line = "ImportError: " + "a sentence that is long " * 8
    shown = render_trial(make_trial(make_tried(1, line), now=(command,)), width=width)
    lines = shown.splitlines()
    assert f"  {command}" in lines
    assert all(len(line) <= width for line in lines if command not in line)
    assert " ".join(shown.split()).count("a sentence that is long") == 8
