"""What is kept of a wheel is never the answer for another one, and damage is always seen."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.forgery import FORMS, WAYS, Answer, Form, Way, forge_elf, hide_elf, try_copy
from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.elf.parallel import read_elf_files
from wheelfix.errors import ElfError, InputError, WheelError
from wheelfix.index.choice import open_bundled
from wheelfix.model.base import replace
from wheelfix.model.scan import Level
from wheelfix.scan import source as reading
from wheelfix.scan.read import read_known, read_symbols, read_unpacked, read_wheel
from wheelfix.scan.scan import ScanOptions, read_targets
from wheelfix.scan.store import find_digest
from wheelfix.scan.target import find_targets
from wheelfix.wheel.archive import open_archive

LIBRARY = "demo/libdemo.so.1"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    library = build_elf(directory, "libdemo.so.1", needed=["libm.so.6"])
    files = {
        LIBRARY: library
        + random.Random(1).randbytes(20_000),  # which no loader reads, and a forger has use for
        "demo/tool": build_elf(directory, "tool", executable=True),
        "demo/__init__.py": b"import ctypes\nctypes.CDLL('libmagic.so.1')\n",
        "demo/data": bytes(range(256)) * 800,
    }
    return build_wheel(directory, files=files)


def ask(path: Path, cache: Path | None) -> Answer:
    try:
        found = read_wheel(path, cache=cache)
    except (WheelError, ElfError):
        return 3, None
    return 0, (found.distribution, found.objects, found.hints, found.uses, found.findings)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("form", sorted(set(FORMS), key=FORMS.index), ids=lambda form: form.__name__)
def test_no_copy_has_the_answers_of_another(wheel: Path, form: Form, way: Way) -> None:
    for seed in range(3):
        answers = list(try_copy(wheel, form, way, ask, seed))
        assert len(answers) == 6
        assert [wrong for wrong in answers if wrong] == []


@pytest.mark.parametrize("forge", [forge_elf, hide_elf])
def test_a_forged_copy_has_size_directory_and_checksums_of_the_true_wheel(wheel: Path, forge: Form) -> None:
    """So that the test above shows something: zipfile finds both right, and other contents."""
    true = wheel.read_bytes()
    false = forge(true, random.Random(1))
    path = wheel.with_name("false.whl")
    path.write_bytes(false)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(path) as two:
        assert one.start_dir == two.start_dir
        assert true[one.start_dir :] == false[two.start_dir :]
        assert two.testzip() is None
        assert [i.filename for i in one.infolist() if one.read(i) != two.read(i.filename)]


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    reads: list[str] = []

    def read(*arguments: Any, **more: Any) -> Any:
        reads.append("elf")
        return read_elf_files(*arguments, **more)

    monkeypatch.setattr(reading, "read_elf_files", read)
    return reads


def test_a_wheel_is_read_once_wherever_it_goes(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, cache = count_reads(monkeypatch), tmp_path / "cache"
    path = tmp_path / wheel.name
    path.write_bytes(wheel.read_bytes())
    right = ask(path, cache)
    for name in ("renamed.whl", "again.whl"):  # a rename changes the file's time of change
        path = path.rename(tmp_path / name)
        assert ask(path, cache)[1][1:] == right[1][1:]  # type: ignore[index]
    copy = tmp_path / "copy.whl"
    copy.write_bytes(wheel.read_bytes())
    assert ask(copy, cache)[1][1:] == right[1][1:]  # type: ignore[index]
    assert reads == ["elf"]


def test_one_entry_holds_all_that_was_read(wheel: Path, tmp_path: Path) -> None:
    ask(wheel, tmp_path)
    kinds = sorted(path.name.split(".")[1] for path in tmp_path.iterdir())
    assert kinds == ["knowndigest", "reading", "seentail"]


@pytest.mark.parametrize("when", ["elf", "sources"])
def test_a_wheel_written_to_while_it_is_read_is_refused_and_not_kept(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    path = tmp_path / wheel.name
    path.write_bytes(wheel.read_bytes())
    name = {"elf": "read_elf_files", "sources": "read_archive_sources"}[when]
    read = getattr(reading, name)

    def write(*arguments: Any, **more: Any) -> Any:
        path.write_bytes(path.read_bytes())
        return read(*arguments, **more)

    monkeypatch.setattr(reading, name, write)
    with pytest.raises(InputError, match=r"was (written to|replaced) while it was read"):
        read_wheel(path, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_wheel_that_got_another_name_meanwhile_is_read_and_not_kept(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / wheel.name
    path.write_bytes(wheel.read_bytes())

    def link(*arguments: Any, **more: Any) -> Any:
        (tmp_path / "link").hardlink_to(path)
        return read_elf_files(*arguments, **more)

    monkeypatch.setattr(reading, "read_elf_files", link)
    assert ask(path, tmp_path / "cache")[0] == 0
    assert not (tmp_path / "cache").exists()


def test_symbols_of_another_file_are_not_read(wheel: Path, tmp_path: Path) -> None:
    path = tmp_path / wheel.name
    path.write_bytes(wheel.read_bytes())
    found = read_wheel(path)
    assert len(read_symbols(found, {LIBRARY})) == 1
    (tmp_path / "other").write_bytes(wheel.read_bytes())
    (tmp_path / "other").replace(path)
    with pytest.raises(InputError, match="was replaced while it was read"):
        read_symbols(found, {LIBRARY})


def test_a_reading_belongs_to_the_digest_it_is_kept_by(wheel: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert read_wheel(wheel, cache=tmp_path, sha256=digest).about.sha256 == digest
    with pytest.raises(InputError, match=f"{wheel.name}: has not the sha256 {'0' * 64}"):
        read_wheel(wheel, cache=tmp_path, sha256="0" * 64)
    assert read_known("0" * 64, tmp_path) is None


def flip(path: Path, member: str, at: int) -> None:
    with open_archive(path) as archive:
        start = next(m for m in archive.members if m.path == member).header_offset + 30 + len(member)
    data = bytearray(path.read_bytes())
    data[start + at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("at", [0, 1, 3, 5])
@pytest.mark.parametrize(
    "member",
    ["a/x.so", "bin/tool", "a/data.bin", "a/b.py", "a/small", "demo-1.0.dist-info/METADATA",
     "demo-1.0.dist-info/WHEEL", "demo-1.0.dist-info/RECORD"],
)  # fmt: skip
def test_a_changed_bit_in_any_member_is_damage(
    tmp_path: Path, member: str, at: int, compression: int
) -> None:
    library = build_elf(tmp_path, "libx.so", needed=["libc.so.6"])
    files = {"a/x.so": library, "bin/tool": library, "a/data.bin": b"data " * 40_000}
    files |= {"a/b.py": b"import os\n", "a/small": b"nothing"}
    path = build_wheel(tmp_path, files=files, compression=compression)
    flip(path, member, at)
    with pytest.raises((WheelError, ElfError), match=member):
        read_wheel(path, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "an empty file"),
        (b"/* GNU ld script */\nINPUT(libx.so.1)\n", "a linker script"),
        (b"INPUT(libx.so.1)", "a linker script"),
        (b"libx.so.1.2.3", "a symbolic link stored as text"),
        (bytes.fromhex("cffaedfe") + bytes(100), r"a library of macOS \(Mach-O\)"),
        (b"MZ" + bytes(100), r"a library of Windows \(PE\)"),
        (b"!<arch>\n" + bytes(100), "an archive of object files"),
        (b"something else", "no ELF file"),
        (b"\x7fEL", "no ELF file"),
    ],
)
@pytest.mark.parametrize("path", ["a/libx.so", "a/libx.so.1.2", "a/x.cpython-312-x86_64-linux-gnu.so"])
def test_a_library_by_name_that_is_none_is_said(tmp_path: Path, path: str, content: bytes, what: str) -> None:
    files = {path: content, "a/libx.so.txt": b"", "a/so": b"", "a.so.d/x": b""}
    wheel = build_wheel(tmp_path, files={**files, "a/liby.so": build_elf(tmp_path, "liby.so")})
    for _ in range(2):  # read, and kept
        (finding,) = read_wheel(wheel, cache=tmp_path / "cache").findings
        assert (finding.level, finding.subject) == (Level.WARNING, path)
        assert f"is named like a shared library and is {what}".replace("\\", "") in finding.message


def test_many_of_one_kind_are_one_warning(tmp_path: Path) -> None:
    files = {f"a/{n:03}.cpython-312-darwin.so": bytes.fromhex("cffaedfe") for n in range(100)}
    files |= {"a/libx.so": b"", "a/liby.so": build_elf(tmp_path, "liby.so")}
    found = read_wheel(build_wheel(tmp_path, files=files)).findings
    assert [f.subject for f in found] == ["a/000.cpython-312-darwin.so", "a/libx.so"]
    assert found[0].message.endswith("so are 99 other members")


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_socket(path: Path) -> None:
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def put_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("put", [put_fifo, put_socket, put_device])
def test_what_is_no_file_is_refused_and_not_waited_for(
    tmp_path: Path, put: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    put(path)
    with pytest.raises(InputError, match=r"no regular file|no such device"):
        read_wheel(path, cache=tmp_path / "cache")


@pytest.mark.parametrize(
    "put", [put_fifo, lambda path: path.symlink_to("nowhere")], ids=["fifo", "link to nowhere"]
)
def test_what_has_a_wheels_name_in_a_directory_is_not_passed_over(
    wheel: Path, tmp_path: Path, put: Callable[[Path], None]
) -> None:
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes())
    put(tmp_path / "other-1.0-py3-none-any.whl")
    (tmp_path / "unpacked.whl").mkdir()
    targets = find_targets([str(tmp_path)], "scan")
    with pytest.raises(InputError, match=r"other-1\.0-py3-none-any\.whl"):
        read_targets(targets, ScanOptions(index=open_bundled(), cache=None))


@pytest.mark.parametrize("name", ["demo-1.0.dist-info/METADATA", "demo-1.0.dist-info/RECORD", "demo/pipe"])
def test_a_pipe_in_an_unpacked_wheel_is_not_waited_for(tmp_path: Path, name: str) -> None:
    for path, data in (("demo-1.0.dist-info/METADATA", b"Name: demo\nVersion: 1\n"), ("demo/x", b"")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="is no regular file"):
        read_unpacked(tmp_path, "demo-1.0-py3-none-any.whl", "0" * 64)


def test_all_of_a_reading_is_of_one_file(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path leads to another wheel while the first one is read: what was opened stays open."""
    path = tmp_path / wheel.name
    path.write_bytes(wheel.read_bytes())
    other = build_wheel(tmp_path, files={"other.py": b""}, filename="other.whl")

    def switch(*arguments: Any, **more: Any) -> Any:
        found = read_elf_files(*arguments, **more)
        if other.exists():
            other.replace(path)
        return found

    monkeypatch.setattr(reading, "read_elf_files", switch)
    monkeypatch.setattr(reading, "read_archive_sources", lambda *_: ())
    found = read_wheel(path, contents=True)
    assert "demo/__init__.py" in {file.path for file in found.contents or ()}


def test_many_processes_with_one_empty_cache_say_the_same(wheel: Path, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"demo{number}-1.0-py3-none-any.whl").write_bytes(wheel.read_bytes())
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "wheelfix", "scan", "--json", str(tmp_path)]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    results = {(*one.communicate(), one.returncode) for one in running}
    assert len(results) == 1
    assert next(iter(results))[2] in {0, 1}


def test_a_wheel_that_carries_the_metadata_of_another_is_told_by_its_own(tmp_path: Path) -> None:
    own = b"Name: demo\nVersion: 1.0\nSummary: its own\nLicense-Expression: MIT\n"
    files = {"a/x.py": b"1"}
    for name in ("aaa", "zzz"):
        info = f"{name}-2.dist-info"
        files[f"{info}/METADATA"] = f"Name: {name}\nVersion: 2\nSummary: another\n".encode()
        files[f"{info}/RECORD"] = b"a/x.py,sha256=wrong,1\n"
        files[f"{info}/entry_points.txt"] = b"[console_scripts]\nother = other:main\n"
    wheel = build_wheel(tmp_path, files=files, metadata=own)
    found = read_wheel(wheel, cache=tmp_path / "cache", contents=True)
    about = found.about
    assert (found.distribution.name, about.summary, about.spdx) == ("demo", "its own", "MIT")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    again = read_unpacked(unpacked, wheel.name, about.sha256 or "")
    for one in (found, again):
        (file,) = one.contents or ()
        assert file.digest.startswith("sha256=")
        assert file.digest != "sha256=wrong"
    assert again.about == about


LOCK = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "demo" }]

[[package]]
name = "demo"
version = "1.0"
source = { registry = "http://127.0.0.1:9/simple" }
wheels = [{ url = "http://127.0.0.1:9/%s", hash = "sha256:%s" }]
"""


def run_command(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(directory / "cache")}
    command = [sys.executable, "-m", "wheelfix", *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def write_lock(directory: Path, wheel: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (directory / "uv.lock").write_text(LOCK % (wheel.name, digest))


def find_entries(directory: Path) -> dict[str, int]:
    """The entries of wheels; one that was read again is another file."""
    return {p.name: p.stat().st_ino for p in (directory / "cache/wheelfix/facts").glob("*.reading")}


def test_a_wheel_that_scan_has_read_is_not_wanted_by_lock(wheel: Path, tmp_path: Path) -> None:
    write_lock(tmp_path, wheel)
    assert run_command(tmp_path, "lock", "uv.lock").returncode == 3, "nobody has the wheel"
    assert run_command(tmp_path, "scan", str(wheel)).returncode in {0, 1}
    entries = find_entries(tmp_path)
    assert len(entries) == 1
    done = run_command(tmp_path, "lock", "uv.lock")
    assert done.returncode in {0, 1}, done.stderr
    assert "1 packages, 0 wheels read" in done.stderr
    assert find_entries(tmp_path) == entries


def test_a_wheel_that_lock_has_read_is_not_read_again_by_others(wheel: Path, tmp_path: Path) -> None:
    write_lock(tmp_path, wheel)
    assert run_command(tmp_path, "lock", "uv.lock", "--find-links", str(wheel.parent)).returncode in {0, 1}
    entries = find_entries(tmp_path)
    assert len(entries) == 1
    copy = tmp_path / wheel.name
    copy.write_bytes(wheel.read_bytes())
    for path in (str(wheel), str(copy)):
        assert run_command(tmp_path, "scan", path).returncode in {0, 1}
        for dialect in ("uv2nix", "nixpkgs"):
            assert run_command(tmp_path, "override", "--dialect", dialect, path).returncode in {0, 1}
        assert run_command(tmp_path, "report", path, "-o", "report.html").returncode in {0, 1}
    assert find_entries(tmp_path) == entries


def test_both_ways_of_reading_count_as_one(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, digest = count_reads(monkeypatch), hashlib.sha256(wheel.read_bytes()).hexdigest()
    for first, second in ((True, False), (False, True)):
        cache = tmp_path / str(first)
        one = read_wheel(wheel, cache=cache, contents=first)
        two = read_wheel(wheel, cache=cache, contents=second)
        assert replace(one, contents=None) == replace(two, contents=None)
        known = read_known(digest, cache, name=wheel.name, contents=True)
        assert known == replace(one if first else two, origin=None)
    assert reads == ["elf", "elf"]


@pytest.mark.parametrize("first", ["demo-1.0-cp39-cp39-linux_aarch64.whl", "renamed.whl"])
def test_the_name_a_wheel_was_first_read_by_decides_nothing(tmp_path: Path, first: str) -> None:
    requires = ["old; python_version < '3.10'", "arm; platform_machine == 'aarch64'", "plain"]
    tag, cache = "cp312-cp312-manylinux_2_28_x86_64", tmp_path / "cache"
    wheel = build_wheel(tmp_path, files={"demo.py": b""}, tag=tag, requires=requires)
    right = read_wheel(wheel).distribution
    assert [r.active for r in right.requires] == [False, False, True]
    named = read_wheel(wheel, cache=cache, name=first).distribution
    assert named.target == first
    if first != "renamed.whl":
        assert [r.active for r in named.requires] == [True, True, True]
    assert read_wheel(wheel, cache=cache).distribution == right
    known = read_known(hashlib.sha256(wheel.read_bytes()).hexdigest(), cache, name=first)
    assert known is not None
    assert known.distribution == named


def test_an_archive_is_checked_that_was_read_unpacked(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What uv unpacked says nothing of the headers of the archive."""
    reads, digest, cache = (
        count_reads(monkeypatch),
        hashlib.sha256(wheel.read_bytes()).hexdigest(),
        tmp_path / "c",
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    unpacked = read_unpacked(tmp_path / "unpacked", wheel.name, digest, cache=cache)
    assert read_known(digest, cache, name=wheel.name, contents=True) == replace(unpacked, origin=None)
    find_digest(wheel, cache)
    whole = read_wheel(wheel, cache=cache, contents=True)
    assert replace(whole, origin=None) == replace(unpacked, origin=None)
    assert reads == ["elf", "elf"]
    read_wheel(wheel, cache=cache)
    assert reads == ["elf", "elf"]


def test_a_link_in_an_unpacked_wheel_is_not_followed(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    (tmp_path / "unpacked/demo/data").unlink()
    (tmp_path / "unpacked/demo/data").symlink_to(wheel)
    with pytest.raises(InputError, match="cannot be read"):
        read_unpacked(tmp_path / "unpacked", wheel.name, "0" * 64)
