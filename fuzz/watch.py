"""One input at a time, under a watch: what is raised, how long it takes, how much memory it needs."""

from __future__ import annotations

import hashlib
import resource
import signal
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.target import Target
from wheelfix.errors import WheelfixError

MAX_SECONDS = 5.0
"""CPU seconds for one input; one that takes longer hangs."""
MAX_GROWTH = 500 << 10
"""KiB by which one input may make the process grow."""


class Hang(BaseException):
    """An input takes too long; no ``except Exception`` on the way shall catch it."""


def peak_memory() -> int:
    """KiB that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@dataclass(slots=True)
class Watch:
    """Runs inputs of one target and counts.

    Attributes:
        target: the door.
        directory: where inputs that break something are put; None keeps none.
        inputs: how many were run.
        refused: WheelfixErrors by name: the answer that bad input shall get.
        crashes: what broke, one line by the place in the code where it did.
        slowest: CPU seconds of the slowest input.
    """

    target: Target
    directory: Path | None = None
    inputs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    crashes: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    _started: float = 0.0

    def arm(self) -> None:
        """Interrupt hanging inputs from now on; CPU time counts, so that a busy machine makes none hang."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, 0.5, 0.5)

    def _look(self, *_: object) -> None:
        if self._started and time.process_time() - self._started > MAX_SECONDS:
            raise Hang

    def run(self, data: bytes) -> None:
        """Run one input."""
        before = peak_memory()
        self.inputs += 1
        start = time.process_time()
        self._started = start
        try:
            self.target.run(data)
        except WheelfixError as error:
            self.refused[type(error).__name__] += 1
        except (Exception, Hang) as error:  # all others are what is looked for
            self._started = 0.0
            self._keep(_describe(error), data)
        self._started = 0.0
        taken = time.process_time() - start
        self.slowest = max(self.slowest, taken)
        if (growth := peak_memory() - before) > MAX_GROWTH:
            self._keep(f"memory grows by {growth >> 10} MB", data)

    def _keep(self, what: str, data: bytes) -> None:
        if what in self.crashes:
            return
        name = f"{self.target.name}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
        self.crashes[what] = name
        if self.directory:
            self.directory.mkdir(parents=True, exist_ok=True)
            (self.directory / name).write_bytes(data)
            (self.directory / f"{name}.txt").write_text(f"{what}\n")


def _describe(error: BaseException) -> str:
    """The error, and the innermost place in wheelfix or a target: the same text for the same mistake."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/wheelfix/" in f.filename or "/fuzz/targets/" in f.filename]
    place = f"{Path(own[-1].filename).name}:{own[-1].name}" if own else "?"
    if isinstance(error, Hang):
        return f"hangs in {place}"
    text = str(error)[:120] if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} in {place} {text}".rstrip()
