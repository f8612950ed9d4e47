"""Named files that are no files, and output that replaces nothing by halves."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from wheelfix.errors import ApplyError, InputError
from wheelfix.outside.files import (
    claim_file,
    is_terminal,
    open_scratch,
    open_workplace,
    settle_file,
    stage_alone,
    stage_file,
    stage_inside,
    stage_output,
    write_file,
    write_files,
    write_output,
)
from wheelfix.wheel.input import open_input, read_stream


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


def get_mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_of_our_own_is_for_this_user_alone_and_so_is_its_directory(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "inner" / "file"
    write_file(place, b"one")
    write_file(place, b"two")
    assert place.read_bytes() == b"two"
    assert (get_mode(place), get_mode(place.parent)) == (0o600, 0o700)
    assert list(place.parent.iterdir()) == [place]


def put_link(place: Path, precious: Path) -> None:
    place.symlink_to(precious)


def put_hard_link(place: Path, precious: Path) -> None:
    place.hardlink_to(precious)


def put_fifo(place: Path, _precious: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("put", [put_link, put_hard_link, put_fifo])
def test_what_stands_in_a_place_of_our_own_is_replaced_and_never_written_into(
    tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "precious").write_bytes(b"thesis")
    put(tmp_path / "place", tmp_path / "precious")
    write_file(tmp_path / "place", b"new")
    assert (tmp_path / "precious").read_bytes() == b"thesis"
    assert stat.S_ISREG((tmp_path / "place").lstat().st_mode)
    assert (tmp_path / "place").read_bytes() == b"new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_file_of_our_own_is_whole_or_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    write_file(tmp_path / "file", b"old")

    def fail() -> None:
        with stage_file(tmp_path / "file") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_what_is_written_by_the_name_counts_as_well_as_what_is_written_into_the_file(tmp_path: Path) -> None:
    with stage_output(tmp_path / "new" / "out", parents=True) as staged:
        assert Path(staged.name).parent == tmp_path / "new"
        Path(staged.name).write_bytes(b"by name")
    assert (tmp_path / "new" / "out").read_bytes() == b"by name"


def test_only_what_asks_for_it_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.pread(fd, 10, 0)))
    write_file(tmp_path / "a", b"entry")
    assert synced == []
    with stage_file(tmp_path / "b", sync=True) as file:
        file.write(b"database")
    write_output(tmp_path / "c", b"output")
    with stage_alone(tmp_path / "d") as file:
        file.write(b"wheel")
    assert synced == [b"database", b"output", b"wheel"]


def test_several_files_take_their_places_together(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_files(tmp_path / "env", {"a": b"1", "b": b"2"})
    finally:
        os.umask(before)
    found = {p.name: (p.read_bytes(), get_mode(p)) for p in (tmp_path / "env").iterdir()}
    assert found == {"a": (b"1", 0o644), "b": (b"2", 0o644)}


@pytest.mark.parametrize("contents", [{"a": b"3", "b": "no bytes"}, {"a": b"3", "none/b": b""}])
def test_if_one_of_several_files_cannot_be_written_all_are_as_they_were(
    tmp_path: Path, contents: dict[str, bytes]
) -> None:
    write_files(tmp_path, {"a": b"1"})
    with pytest.raises((TypeError, FileNotFoundError)):
        write_files(tmp_path, contents)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"1")]


def test_a_file_beside_its_place_has_the_name_that_is_asked_for(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with stage_inside(directory, "name", path=tmp_path / "name", beside="other") as file:
            assert [p.name for p in tmp_path.iterdir()] == ["other"]
            file.write(b"data")
        assert [p.name for p in tmp_path.iterdir()] == ["name"]
        (tmp_path / "other").symlink_to("name")
        again = stage_inside(directory, "b", path=tmp_path / "b", beside="other")
        with pytest.raises(FileExistsError), again:
            pass
    finally:
        os.close(directory)


def give_up() -> NoReturn:
    raise InterruptedError


def test_a_claimed_file_is_kept_with_what_is_in_it_until_it_takes_its_place(tmp_path: Path) -> None:
    waiting, place = tmp_path / ".part", tmp_path / "file"
    with claim_file(waiting, wait=give_up) as file:
        file.write(b"one ")
    assert (waiting.read_bytes(), get_mode(waiting)) == (b"one ", 0o600)
    with claim_file(waiting, wait=give_up) as file:
        file.seek(0, os.SEEK_END)
        file.write(b"two")
        settle_file(file, waiting, place)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"one two")]


def test_one_at_a_time_has_a_claimed_file_and_the_next_one_has_what_is_there_then(tmp_path: Path) -> None:
    waiting, place = tmp_path / ".part", tmp_path / "file"
    waits: list[float] = []
    found: list[bytes] = []

    def wait() -> None:
        waits.append(time.monotonic())
        time.sleep(0.01)

    def come_second() -> None:
        with claim_file(waiting, wait=wait) as file:
            found.append(file.read())

    with claim_file(waiting, wait=give_up) as file:
        with pytest.raises(InterruptedError), claim_file(waiting, wait=give_up):
            pass
        thread = threading.Thread(target=come_second)
        thread.start()
        while not waits:
            time.sleep(0.01)
        file.write(b"first")
        settle_file(file, waiting, place)
    thread.join()
    assert found == [b""], "a new file: the first one is in its place"
    assert place.read_bytes() == b"first"


@pytest.mark.parametrize("put", [put_link, put_hard_link, put_fifo])
def test_nothing_that_stands_in_the_way_is_claimed(tmp_path: Path, put: Callable[[Path, Path], None]) -> None:
    (tmp_path / "precious").write_bytes(b"thesis")
    put(tmp_path / ".part", tmp_path / "precious")
    claim = claim_file(tmp_path / ".part", wait=give_up)
    with pytest.raises(OSError, match=r"symbolic links|another name|no regular file"), claim:
        pass
    assert (tmp_path / "precious").read_bytes() == b"thesis"


def test_what_belongs_to_a_stranger_is_not_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = tmp_path / ".file.partial"
    partial.write_bytes(b"half")
    fstat = os.fstat

    def find_stranger(descriptor: int) -> os.stat_result:
        info = fstat(descriptor)
        return os.stat_result((*info[:4], info.st_uid + 1, *info[5:]))

    monkeypatch.setattr(os, "fstat", find_stranger)
    with pytest.raises(OSError, match="belongs to somebody else"), claim_file(partial, wait=give_up):
        pass
    stage = stage_alone(tmp_path / "file")
    with pytest.raises(ApplyError, match="is in the way, and not of wheelfix's making"), stage:
        pass
    assert partial.read_bytes() == b"half"


def test_a_file_system_without_locks_has_files_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with stage_alone(tmp_path / "file") as file:
        file.write(b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


def test_two_do_not_write_one_wheel_at_a_time(tmp_path: Path) -> None:
    def write_again() -> None:
        with stage_alone(tmp_path / "file") as other:
            other.write(b"two")

    with stage_alone(tmp_path / "file") as file:
        file.write(b"one")
        with pytest.raises(ApplyError, match=r"\.file\.partial: is being written by another wheelfix"):
            write_again()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"one")]


@pytest.mark.parametrize("named", [False, True], ids=["without a name", "by name"])
def test_a_scratch_file_is_seen_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    if named:
        monkeypatch.setattr(os, "O_TMPFILE", os.O_CREAT | os.O_EXCL)  # which a directory is no file for
    with open_scratch(tmp_path) as fd:
        assert os.pwrite(fd, b"data", 0) == 4
        assert list(tmp_path.iterdir()) == []


def test_a_workplace_goes_with_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_workplace() as work:
        (work / "file").write_bytes(b"")
        assert get_mode(work) == 0o700
        assert [p.name.startswith("wheelfix-") for p in tmp_path.iterdir()] == [True]
    assert list(tmp_path.iterdir()) == []
