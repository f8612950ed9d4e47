"""Ctrl-C, and ends that nobody asked for: quiet, and nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sessions import list_session, wait_until

LINES = [f"v{n} = ctypes.CDLL('lib{n}.so.1') or f(g(h({n})))" for n in range(4000)]
SOURCE = "\n".join(["import ctypes", *LINES])


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment whose sources keep a worker busy for many seconds."""
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    info = site / "demo-1.0.dist-info"
    info.mkdir(parents=True)
    names = [f"m{n}.py" for n in range(60)]
    for name in names:
        (site / name).write_text(SOURCE)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("version = 3.12\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in (*names, "demo-1.0.dist-info/METADATA")))
    return tmp_path / "venv"


def start(*arguments: str | Path, cache: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "wheelfix", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        (signal.SIGKILL, -signal.SIGKILL),
        (signal.SIGINT, 130),
        (signal.SIGHUP, 129),
    ],
)
def test_no_process_outlives_the_command(
    environment: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = start("scan", environment, cache=tmp_path / "cache")
    assert wait_until(lambda: any("spawn_main" in line for line in list_session(process.pid)))
    process.send_signal(number)
    # Ends only when the last one that holds the output is gone.
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert wait_until(lambda: list_session(process.pid) == [])
    assert number == signal.SIGKILL or b"Traceback" not in said
    assert b"leaked" not in said


def test_ctrl_c_on_the_terminal_reaches_all_and_is_told_once(environment: Path, tmp_path: Path) -> None:
    process = start("scan", environment, cache=tmp_path / "cache")
    assert wait_until(lambda: any("spawn_main" in line for line in list_session(process.pid)))
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (130, b"")
    assert wait_until(lambda: list_session(process.pid) == [])


@pytest.mark.parametrize(
    "module",
    ["wheelfix.cli", "click.types", "wheelfix.cli.options", "wheelfix.index.table", "wheelfix.flows.locate"],
)
def test_ctrl_c_while_modules_load(module: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "wheelfix", "locate", "libz.so.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.split(b"|")[-1].strip() == module.encode():
            process.send_signal(signal.SIGINT)
            break
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [line for line in said.splitlines() if line and not line.startswith(b"import time:")] == []


@pytest.fixture
def waiting(tmp_path: Path) -> list[str]:
    """A program that starts another one, and waits for it; both say that they run by a file."""
    script = f"(touch {tmp_path}/inner; exec sleep 600) & touch {tmp_path}/outer; wait"
    return ["sh", "-c", script]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_programs_end_with_the_command_and_so_does_what_they_started(
    waiting: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    process = start("explain", "--", *waiting, cache=tmp_path / "cache")
    assert wait_until(lambda: (tmp_path / "inner").exists() and (tmp_path / "outer").exists())
    assert any("sleep 600" in line for line in list_session(process.pid))
    process.send_signal(number)
    process.communicate(timeout=60)
    assert wait_until(lambda: list_session(process.pid) == [])


def test_what_a_command_leaves_running_on_purpose_runs_on(tmp_path: Path) -> None:
    script = f"sleep 600 >/dev/null 2>&1 & echo $! > {tmp_path}/pid"
    process = start("explain", "--", "sh", "-c", script, cache=tmp_path / "cache")
    process.communicate(timeout=60)
    left = int((tmp_path / "pid").read_text())
    try:
        assert process.returncode == 0
        assert wait_until(lambda: len(list_session(process.pid)) == 1)
        assert list_session(process.pid) == ["sleep 600 "]
    finally:
        os.kill(left, signal.SIGKILL)
