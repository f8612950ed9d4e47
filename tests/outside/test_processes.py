from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from wheelfix.errors import ElfError, WheelError
from wheelfix.outside.processes import may_spawn, run_beside

SCRIPT = """
import os, sys
from wheelfix.outside import processes
from wheelfix.errors import WheelError
from wheelfix.wheel.archive import open_archive
import {module} as work

if __name__ == "__main__":
    processes.may_spawn = lambda: True
    with processes.run_beside(work.{function}, *sys.argv[1:]) as pending:
        try:
            print(pending())
        except WheelError as error:
            print("error", error.subject, error.problem, error.hint)
"""


def beside(directory: Path, function: str, *args: str) -> str:
    (directory / "work.py").write_text(
        "import os\n"
        "from wheelfix.errors import WheelError\n"
        "def double(x): return x * 2, os.getpid() != os.getppid(), os.nice(0)\n"
        "def fail(x): raise WheelError(x, 'is broken', 'mend it')\n"
        "def die(pid):\n"
        "    if os.getpid() != int(open('parent').read()): os._exit(9)\n"
        "    return 'done by the parent'\n"
    )
    script = directory / "script.py"
    script.write_text(
        "import os\nif __name__ == '__main__': open('parent', 'w').write(str(os.getpid()))\n"
        + SCRIPT.format(module="work", function=function)
    )
    result = subprocess.run(
        [sys.executable, script.name, *args],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": f"{directory}:{Path(__file__).parents[1]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def test_work_is_done_elsewhere_and_yields(tmp_path: Path) -> None:
    assert beside(tmp_path, "double", "ab").startswith("('abab', True, 1")


def test_errors_arrive_whole(tmp_path: Path) -> None:
    assert beside(tmp_path, "fail", "x.whl") == "error x.whl is broken mend it"


def test_work_of_a_process_that_was_killed_is_done_again(tmp_path: Path) -> None:
    assert beside(tmp_path, "die", "0") == "done by the parent"


def test_a_library_starts_no_processes() -> None:
    assert not may_spawn()
    with run_beside(os.getpid) as pending:
        assert pending() == os.getpid()


@pytest.mark.parametrize("kind", [WheelError, ElfError])
def test_errors_can_be_sent(kind: type[WheelError]) -> None:
    error = pickle.loads(pickle.dumps(kind("a", "b", "c")))
    assert (type(error), error.subject, error.problem, error.hint) == (kind, "a", "b", "c")
