"""Programs and workers: what they write, how they fail, and that they end with the process they are of."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.support.sessions import wait_until
from wheelfix.errors import ApplyError, ElfError, InputError, WheelError
from wheelfix.outside.guard import end_marked
from wheelfix.outside.processes import (
    Ran,
    Stream,
    Watched,
    iter_ended,
    may_spawn,
    quote_output,
    run,
    run_beside,
    start,
    watch,
)

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


def make_sleeper(directory: Path) -> list[str]:
    """A program that starts another one and waits for it; both write their numbers into files."""
    script = f"(echo $BASHPID > {directory}/inner; exec sleep 600) & echo $$ > {directory}/outer; wait"
    return ["bash", "-c", script]


def find_numbers(directory: Path) -> list[int]:
    """Numbers of both processes; empty until both are there."""
    try:
        return [int((directory / name).read_text()) for name in ("inner", "outer")]
    except (OSError, ValueError):
        return []


def is_running(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


RUN = """
import sys
from wheelfix.outside.processes import run
run(sys.argv[1:])
"""
START = """
import sys, time
from wheelfix.outside.processes import start
with start(sys.argv[1:]) as process:
    time.sleep(600)
"""


@pytest.mark.parametrize("script", [RUN, START])
def test_programs_end_when_their_parent_is_killed(tmp_path: Path, script: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", script, *make_sleeper(tmp_path)])
    try:
        assert wait_until(lambda: len(find_numbers(tmp_path)) == 2)
        numbers = find_numbers(tmp_path)
        assert all(map(is_running, numbers))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert wait_until(lambda: not any(map(is_running, numbers)))


def test_what_another_process_runs_is_left_alone(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
    parents = [subprocess.Popen([sys.executable, "-c", RUN, *make_sleeper(place)]) for place in places]
    try:
        assert wait_until(lambda: all(len(find_numbers(place)) == 2 for place in places))
        one, two = map(find_numbers, places)
        parents[0].kill()
        assert wait_until(lambda: not any(map(is_running, one)))
        assert all(map(is_running, two))
    finally:
        for parent in parents:
            parent.kill()
            parent.wait()
    assert wait_until(lambda: not any(map(is_running, two)))


def test_what_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    begun = time.monotonic()
    late = ApplyError("the work", "is not done", "wait")
    with pytest.raises(ApplyError) as caught:
        run(make_sleeper(tmp_path), seconds=1, late=late)
    assert caught.value is late
    assert time.monotonic() - begun < 60
    numbers = find_numbers(tmp_path)
    assert len(numbers) == 2
    assert wait_until(lambda: not any(map(is_running, numbers)), seconds=5)
    with pytest.raises(InputError, match=r"^sleep: was not done in 0\.01 seconds$") as plain:
        run(["sleep", "600"], seconds=0.01, hint="sleep less")
    assert plain.value.hint == "sleep less"


def test_a_block_that_fails_ends_what_it_started(tmp_path: Path) -> None:
    def fail() -> None:
        with start(make_sleeper(tmp_path), output=Stream.DROP, messages=Stream.DROP) as process:
            assert wait_until(lambda: len(find_numbers(tmp_path)) == 2)
            assert process.poll() is None
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert wait_until(lambda: not any(map(is_running, find_numbers(tmp_path))), seconds=5)


def test_what_carries_no_mark_is_not_ended() -> None:
    environment = {**os.environ, "WHEELFIX_RUN": "abc.1."}
    with subprocess.Popen(["sleep", "600"], env=environment) as other:
        end_marked(b"WHEELFIX_RUN=abc.10.")
        end_marked(b"OTHER_RUN=abc.1.")
        assert other.poll() is None
        end_marked(b"WHEELFIX_RUN=abc.")
        assert other.wait() == -signal.SIGKILL


def test_a_program_is_run_and_what_it_writes_is_kept(tmp_path: Path) -> None:
    script = "pwd; echo $NAME; cat; echo said >&2; exit 3"
    environment = {"PATH": os.environ["PATH"], "NAME": "value"}
    ran = run(["sh", "-c", script], directory=tmp_path, environment=environment)
    assert ran == Ran(code=3, output=f"{tmp_path}\nvalue\n".encode(), messages=b"said\n")
    assert run(["sh", "-c", "kill -9 $$"]) == Ran(code=-9, output=b"", messages=b"")


def test_streams_are_kept_dropped_or_shared(capfd: pytest.CaptureFixture[str]) -> None:
    command = ["sh", "-c", "echo out; echo said >&2"]
    assert run(command, output=Stream.DROP) == Ran(code=0, output=b"", messages=b"said\n")
    assert run(command, messages=Stream.SHARE) == Ran(code=0, output=b"out\n", messages=b"")
    assert capfd.readouterr() == ("", "said\n")


def test_input_is_empty_unless_it_is_shared() -> None:
    lines = [
        "from wheelfix.outside.processes import Stream, run, start",
        "assert run(['cat']).output == b''",
        "with start(['cat'], given=Stream.SHARE, messages=Stream.SHARE) as process:",
        "    assert process.stdout.read() == b'given'",
        "    process.stdout.close()",
    ]
    subprocess.run([sys.executable, "-W", "error", "-c", "\n".join(lines)], input=b"given", check=True)


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    missing = ApplyError("the work", "needs nosuch", "install it")
    with pytest.raises(ApplyError) as caught:
        run(["nosuch"], missing=missing)
    assert caught.value is missing
    with pytest.raises(InputError) as plain:
        run(["nosuch"])
    assert str(plain.value) == "nosuch: cannot be run (no such file or directory)"
    assert plain.value.hint == "name a program that is on PATH"
    assert isinstance(plain.value.__cause__, FileNotFoundError)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be run \(permission denied\)"):
        run([str(tmp_path / "file")], missing=missing)
    with pytest.raises(InputError, match=r"cannot be run \(embedded null byte\)"):
        run(["a\0b"])


def test_words_of_other_programs_are_one_line_without_passwords() -> None:
    assert quote_output(b"") == "no reason given"
    assert (
        quote_output(b"see\n  https://me:secret@host.example/x \xff") == "see https://host.example/x \ufffd"
    )
    long = quote_output(b"a" * 5000 + b"b" * 5000)
    assert long == f"{'a' * 500} \u2026 {'b' * 500}"


def watch_code(code: str, *, seconds: float = 5, most: int = 1000) -> Watched:
    return watch([sys.executable, "-c", code], environment=dict(os.environ), seconds=seconds, most=most)


def test_what_is_watched_is_kept_in_bounds() -> None:
    done = watch_code("import sys; sys.stdout.write('a' * 5000); sys.stderr.write('b' * 5000 + 'c'); exit(3)")
    assert done == Watched(code=3, output=b"a" * 1000, messages=b"b" * 999 + b"c", silent=False)


def test_who_writes_nothing_for_too_long_is_ended() -> None:
    slow = "import time\nfor n in range(4): print(n, flush=True); time.sleep(0.4)"
    assert not watch_code(slow, seconds=1).silent, "every line gives more time"
    started = time.monotonic()
    for code in (
        "import time; print('x', flush=True); time.sleep(60)",
        "import os, time; os.close(1); os.close(2); time.sleep(60)",
        "import os\nwhile True: os.write(1, b'x' * 4096)",
        "import os\nwhile True: os.write(2, b'x' * 4096)",
    ):
        assert watch_code(code, seconds=0.5).silent
    assert time.monotonic() - started < 20


def test_who_goes_on_writing_for_another_is_not_waited_for() -> None:
    code = "import os\nif os.fork() == 0:\n  while True: os.write(1, b'x' * 4096)\nos._exit(4)"
    started = time.monotonic()
    done = watch_code(code, seconds=30)
    assert (done.code, done.silent) == (4, False)
    assert time.monotonic() - started < 10


def test_what_a_watched_program_leaves_is_ended(tmp_path: Path) -> None:
    sleeper = f"(echo $BASHPID > {tmp_path}/inner; exec sleep 600) & echo $$ > {tmp_path}/outer; sleep 0.3"
    watch(["bash", "-c", sleeper], environment=dict(os.environ), seconds=30, most=100)
    numbers = find_numbers(tmp_path)
    assert len(numbers) == 2
    assert not any(map(is_running, numbers))


class Interrupted(Exception):  # noqa: N818 - what a signal raises here
    pass


def test_a_signal_that_wakes_nobody_is_noticed_while_futures_run() -> None:
    def interrupt(*_: object) -> None:
        raise Interrupted

    # As where it comes just before the wait: it does not end the wait of the main thread.
    def send() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    never, before = Future[None](), signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(0.05, send)
    timer.start()
    try:
        with pytest.raises(Interrupted):
            next(iter_ended([never]))
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_futures_come_as_they_end() -> None:
    first, second = Future[int](), Future[int]()
    ended = iter_ended([first, second])
    second.set_result(2)
    assert next(ended) is second
    first.set_result(1)
    assert list(ended) == [first]
