"""What a terminal shows: no word is cut, however few columns there are; machines are told apart."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel

COMMAND = [sys.executable, "-m", "wheelfix"]
LONG = "demo/" + "/".join(["a_directory_with_a_long_name"] * 3)


def run_on_terminal(directory: Path, columns: int, *arguments: str) -> str:
    """What a command shows on a terminal, without its control sequences."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "XDG_CACHE_HOME": str(directory / "cache")}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=follower, stdout=follower, stderr=subprocess.DEVNULL, env=environment,
        cwd=directory,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    try:
        while data := os.read(leader, 65536):
            shown += data
    except OSError:
        pass  # the last one who had it open is gone
    finally:
        os.close(leader)
    process.wait(timeout=60)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")


def run_json(directory: Path, *arguments: str) -> str:
    environment = {**os.environ, "XDG_CACHE_HOME": str(directory / "cache")}
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment, cwd=directory
    )
    return done.stdout


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    needed = ["libz.so.1", "libodbc.so.2", "libcuda.so.1", "libffi.so.7", "libnobody-has-this-library.so.9"]
    module = build_elf(tmp_path, "x.so", needed=needed)
    source = b"import ctypes\nctypes.CDLL('libgmsh.so')\n"
    return build_wheel(tmp_path, files={f"{LONG}/x.so": module, f"{LONG}/open.py": source})


@pytest.mark.parametrize("columns", [30, 60, 80, 100, 200])
def test_scan_cuts_no_word(tmp_path: Path, wheel: Path, columns: int) -> None:
    document = json.loads(run_json(tmp_path, "scan", "--json", wheel.name))
    needs = [need for need in document["needs"] if need["class"] != "libc"]  # these are folded into one line
    told = [text for need in needs for text in (need["soname"], need["reason"], *need["wanted_by"])]
    told += [text for opened in document["openings"] for text in (*opened["names"], opened["file"])]
    told += [wheel.name, "unixodbc"]
    shown = run_on_terminal(tmp_path, columns, "scan", wheel.name)
    assert find_words(" ".join(told)) - find_words(shown) == set()


def find_words(text: str) -> set[str]:
    return {word.strip(",:;()") for word in text.split()}


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_lines_fit_unless_one_word_is_longer(tmp_path: Path, wheel: Path, columns: int) -> None:
    (tmp_path / "message").write_text(
        "ImportError: libffi.so.7: cannot open shared object file: No such file or directory\n"
        "ImportError: libtbb.so.12: cannot open shared object file: No such file or directory\n"
    )
    for arguments in (
        ("scan", wheel.name),
        ("locate", "libz.so.1", "libffi.so.7", "libgs.so.10"),
        ("index", "info"),
    ):
        for line in run_on_terminal(tmp_path, columns, *arguments).splitlines():
            # What is copied has to stay whole, and is broken by the terminal alone.
            is_copied = line.startswith("    wheelfix ")
            assert len(line) <= columns or len(line.split()) == 1 or is_copied, line
    happened = run_on_terminal(tmp_path, columns, "explain", "message").partition("What to paste")[0]
    assert max(map(len, happened.splitlines())) <= columns
    assert "libffi.so.8" in happened.split()


def test_each_machine_by_itself(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    native = build_elf(tmp_path, "x.so", needed=["libodbc.so.2"])
    foreign = bytearray(native)
    struct.pack_into("<H", foreign, 18, 183)  # e_machine: aarch64
    for machine, data in (("x86_64", native), ("aarch64", bytes(foreign))):
        tag = f"cp312-cp312-manylinux_2_28_{machine}"
        build_wheel(tmp_path / "wheels", files={"x.so": data}, tag=tag)
    shown = run_json(tmp_path, "scan", "wheels")
    advice, _, shown = shown.partition("\n\n")
    assert advice.splitlines()[0] == "demo needs from nixpkgs: unixodbc"
    assert "demo is there in 2 wheels" in advice.splitlines()[1]
    head = shown.partition("\n─")[0].splitlines()
    assert head[0] == "1 distribution in 2 wheels, 2 ELF files"
    assert [line for line in head if line.startswith("For ")] == [
        line for line in head if re.match(r"For (aarch64|x86_64), linked from nixpkgs:", line)
    ]
    assert sum(line.startswith("For ") for line in head) == 2
    at = head.index("For x86_64, linked from nixpkgs:")
    assert head[at + 1].split() == ["unixodbc", "demo"]
