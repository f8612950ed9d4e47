"""Kills patching processes at random moments, and looks at what they leave.

Run as ``python -m tests.support.killing DIRECTORY COUNT SEED``: a process of its own without threads, which
can be forked. It ends with an assertion if anything is ever half-written, and prints how many runs were cut.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.patched import (
    build_members,
    build_wheel,
    find_installed_lies,
    find_lies,
    install,
    snapshot,
)
from wheelfix.patch.environment import patch_environment
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.undo import undo_environment
from wheelfix.patch.wheel import patch_wheel

MEMBERS = 8
EDITS = {
    f"demo/x{n}.so": ElfEdit(add_run_path=tuple(f"/nix/store/{c * 32}-outer/lib" for c in "abcdef"))
    for n in range(MEMBERS)
}


def kill_environment(directory: Path, count: int, chance: random.Random) -> int:
    """Patch and undo, with a kill each time; every file has to be in one of its two states."""
    wheel = build_wheel(directory, files=build_members(directory / "work", count=MEMBERS))
    site = install(wheel, directory / "cache")
    environment = directory / "env"
    shutil.copytree(directory / "cache", environment, copy_function=os.link)
    old = snapshot(environment)
    patch_environment(environment, EDITS)
    new = snapshot(environment)
    undo_environment(environment)
    assert snapshot(environment) == old
    assert find_installed_lies(site) == []
    changed = {path for path in old if old[path] != new[path]}
    assert len(changed) == MEMBERS + 1
    record = next(path for path in changed if path.endswith("RECORD"))

    def check() -> None:
        now = snapshot(environment)
        assert now.keys() == old.keys(), now.keys() ^ old.keys()
        for path, state in now.items():
            # RECORD may also tell of some files alone: a run that was killed before, and one that repaired.
            assert state in {old[path], new[path]} or path == record, path
        assert snapshot(directory / "cache") == old

    longest = max(
        _time(lambda: patch_environment(environment, EDITS)), _time(lambda: undo_environment(environment))
    )
    cut = 0
    for _ in range(count):
        undo = chance.random() < 0.3
        work = (
            (lambda: undo_environment(environment))
            if undo
            else (lambda: patch_environment(environment, EDITS))
        )
        cut += _kill(work, chance.uniform(0, longest))
        check()
        if chance.random() < 0.1:  # a rerun repairs
            patch_environment(environment, EDITS)
            assert snapshot(environment) == new
            assert find_installed_lies(environment / site.relative_to(directory / "cache")) == []
        if chance.random() < 0.3:  # and so does an undo
            undo_environment(environment)
            assert snapshot(environment) == old
            assert not (environment / ".wheelfix").exists()
    return cut


def kill_wheel(directory: Path, count: int, chance: random.Random) -> int:
    """Patch a wheel over an older one, with a kill each time; one of the two is there, no scratch file."""
    wheel = build_wheel(directory, files=build_members(directory / "work", count=MEMBERS))
    out = directory / "out"

    def work() -> None:
        patch_wheel(wheel, EDITS, out, version="1.0")

    longest = _time(work)
    target = out / wheel.name
    assert find_lies(target) == []
    new, old = target.read_bytes(), b"an older file"
    cut = 0
    for _ in range(count):
        target.write_bytes(old)
        cut += _kill(work, chance.uniform(0, longest))
        assert target.read_bytes() in {old, new}
        assert {p.name for p in out.iterdir()} <= {target.name, f".{target.name}.partial"}
    work()
    assert target.read_bytes() == new
    assert [p.name for p in out.iterdir()] == [target.name]
    return cut


def _time(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def _kill(work: Callable[[], object], delay: float) -> bool:
    """Run something in a fork, and kill it after some seconds; tells whether that cut it short."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "a run that was not killed failed"
        return False
    return True


if __name__ == "__main__":
    place, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for name, killing in (("environment", kill_environment), ("wheel", kill_wheel)):
        (place / name).mkdir(parents=True)
        print(name, killing(place / name, kills, random.Random(seed)))
