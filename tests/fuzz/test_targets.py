"""A short run of every target, and all inputs that broke something once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.mutate import mutate
from fuzz.replay import find_regressions
from fuzz.target import Broken, Target
from fuzz.targets import find_targets
from fuzz.watch import Watch
from wheelfix.errors import WheelError

TARGETS = find_targets()
INPUTS = 250


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Interrupt inputs that hang, and put the process' timers back."""
    import signal

    before = signal.getsignal(signal.SIGPROF)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize(("name", "path"), [pytest.param(*r, id=r[1].name) for r in find_regressions()])
def test_what_broke_once_does_not_break_again(watched: None, name: str, path: Path) -> None:
    watch = Watch(target=TARGETS[name])
    watch.arm()
    watch.run(path.read_bytes())
    assert watch.crashes == {}


@pytest.mark.parametrize("name", TARGETS)
def test_short_run(watched: None, name: str) -> None:
    target = TARGETS[name]
    corpus = [data[: target.max_size] for data in target.seeds()]
    assert corpus
    watch = Watch(target=target)
    watch.arm()
    rng = random.Random(7)
    for data in rng.sample(corpus, min(len(corpus), 50)):
        watch.run(data)
    assert sum(watch.refused.values()) < watch.inputs, "the seeds are real files: some are good ones"
    for _ in range(INPUTS):
        watch.run(mutate(rng.choice(corpus), corpus, target.tokens, rng, limit=target.max_size))
    assert watch.crashes == {}


SEEDS = {
    name: [s[: TARGETS[name].max_size] for s in TARGETS[name].seeds()] for name in ("zip", "elf", "frcode")
}


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_overwritten_seeds(name: str, data: st.DataObject) -> None:
    """What hypothesis can shrink: a few ranges of a seed overwritten, and its end cut off."""
    seed = bytearray(data.draw(st.sampled_from(SEEDS[name])))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(0, len(seed) - 1)))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        seed[at : at + len(piece)] = piece
    cut = data.draw(st.integers(0, len(seed)) | st.just(len(seed)))
    watch = Watch(target=TARGETS[name])
    watch.run(bytes(seed[:cut]))
    assert watch.crashes == {}


def _make_target(problem: BaseException | None) -> Target:
    def run(data: bytes) -> None:
        if problem:
            raise problem

    return Target(name="x", run=run, seeds=lambda: [b"a"])


def test_the_watch_tells_crashes_from_refusals(tmp_path: Path) -> None:
    refusing = Watch(target=_make_target(WheelError("a", "b")))
    refusing.run(b"1")
    assert (refusing.crashes, refusing.refused) == ({}, {"WheelError": 1})
    for problem in (KeyError("a"), RecursionError(), MemoryError(), Broken("a promise")):
        watch = Watch(target=_make_target(problem), directory=tmp_path)
        watch.run(b"input")
        assert [type(problem).__name__ in what for what in watch.crashes] == [True]
        assert (tmp_path / next(iter(watch.crashes.values()))).read_bytes() == b"input"


def test_the_watch_interrupts_what_hangs(watched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.watch.MAX_SECONDS", 0.2)

    def run(data: bytes) -> None:
        while True:
            pass

    watch = Watch(target=Target(name="x", run=run, seeds=list))
    watch.arm()
    watch.run(b"")
    assert list(watch.crashes) == ["hangs in test_targets.py:run"] or list(watch.crashes) == ["hangs in ?"]


def test_command(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "fuzz", "--seconds", "8", "--inputs", "200", "--target", "footer"]
    command += ["--target", "quote", "--json", str(figures), "--crashes", str(tmp_path / "crashes")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(figures.read_text())
    assert [one["target"] for one in found] == ["footer", "quote"]
    assert all(one["inputs"] >= 200 and not one["crashes"] for one in found)
