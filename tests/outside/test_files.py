"""Named files that are no files, and output that replaces nothing by halves."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wheelfix.errors import ApplyError, InputError
from wheelfix.outside.files import is_terminal, stage_output, write_output
from wheelfix.wheel.open import open_input, read_stream


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("fifo", "is a named pipe, no file"),
        (".", "is a directory, no file"),
        ("/dev/zero", "is a device, no file"),
        ("none", "cannot be read (no such file or directory)"),
        ("loop", "cannot be read (too many levels of symbolic links)"),
        ("a\0b", "cannot be read (embedded null byte)"),
    ],
)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, fifo: Path, name: str, problem: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for attempt in (open_input, lambda path: list(read_stream(path, size=8))):
        if attempt is not open_input and name == "fifo":
            continue
        with pytest.raises(InputError) as caught:
            attempt(tmp_path / name)
        assert caught.value.problem == problem


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    (tmp_path / "link").symlink_to("file")
    with open_input(tmp_path / "link") as file:
        assert file.read() == b"data"


def test_a_pipe_is_read_once_somebody_writes(fifo: Path) -> None:
    thread = threading.Thread(target=lambda: fifo.write_bytes(b"one" * 100_000))
    thread.start()
    assert b"".join(read_stream(fifo, size=1000)) == b"one" * 100_000
    thread.join()


def test_a_pipe_that_nobody_writes_to_is_no_hang(fifo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.outside.files._PATIENCE", 0.1)
    with pytest.raises(InputError, match="nobody writes to"):
        list(read_stream(fifo, size=8))
    with pytest.raises(ApplyError, match="nobody reads"):
        write_output(fifo, b"x")
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(0o640)
    before = path.stat().st_ino
    write_output(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o640)
    assert path.stat().st_ino != before
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_output(tmp_path / "out", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_what_fails_half_way_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def fail() -> None:
        with stage_output(path) as staged:
            staged.write(b"half")
            raise error

    with pytest.raises(ApplyError if error is OSError else error):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("elsewhere/file")
    write_output(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_bytes() == b"new"


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nothing")
    with pytest.raises(ApplyError, match="link to nothing"):
        write_output(tmp_path / "link", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "link"]


def test_a_pipe_is_written_into(fifo: Path) -> None:
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(fifo.read_bytes()))
    thread.start()
    write_output(fifo, b"data" * 100_000)
    thread.join()
    assert found == [b"data" * 100_000]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_devices_stay_devices() -> None:
    write_output(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(ApplyError, match="no space left"):
        write_output(Path("/dev/full"), b"x")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize(
    ("name", "problem"), [("dir", "is a directory"), ("none/x", "no such file"), ("file/x", "not a d")]
)
def test_what_cannot_be_written_says_why(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ApplyError, match=problem):
        write_output(tmp_path / name, b"x")


def test_standard_output_by_name_is_written_on(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from wheelfix.outside.files import write_output\n"
        "write_output(Path('/dev/stdout'), b'two\\n')"
    )
    with (tmp_path / "out").open("wb") as file:
        file.write(b"one\n")
        file.flush()
        subprocess.run([sys.executable, "-c", script], stdout=file, check=True)
        file.seek(0, os.SEEK_END)
    assert (tmp_path / "out").read_bytes() == b"one\ntwo\n"


def test_terminals_are_known(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    leader, follower = os.openpty()
    try:
        assert is_terminal(Path(os.ttyname(follower)))
        assert not any(map(is_terminal, (tmp_path / "file", Path("/dev/null"), tmp_path / "none")))
    finally:
        os.close(leader)
        os.close(follower)
