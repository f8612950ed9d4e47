"""Packages of conda: archives, what they say of themselves, and records of what is installed."""

from __future__ import annotations

import bz2
import functools
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fuzz import seeds
from fuzz.target import Scratch, Target, demand
from tests.support.conda import Member, build_conda, make_tar
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import WheelfixError
from wheelfix.scan.read import read_conda
from wheelfix.wheel.archive import open_unlisted
from wheelfix.wheel.conda import iter_members, parse_description
from wheelfix.wheel.environment import read_environment

_INDEX = {"name": "x", "version": "1.0", "build": "0", "subdir": "linux-64", "depends": ["y >=1", "__glibc"]}
_scratch = Scratch()


def run_package(data: bytes) -> None:
    """A file of either format."""
    with suppress(WheelfixError):
        read_conda(_scratch.write(data), name="x-1.0-0.conda")
    with open_unlisted(_scratch.path) as archive:
        for member, chunks in iter_members(archive):
            demand(not member.path.startswith("/") and ".." not in member.path.split("/"), "no path leaves")
            demand(sum(map(len, chunks)) == member.size, "a member has the size that its header says")


def run_tar(data: bytes) -> None:
    """The archive in a package, which is compressed here: the mutator does not find its way through that."""
    run_package(bz2.compress(data, 1))


def run_description(data: bytes) -> None:
    """The files in ``info/``; the first byte says which of them the rest is."""
    names = ("index.json", "paths.json", "link.json", "about.json", "has_prefix", "files")
    kept = {"info/index.json": json.dumps(_INDEX).encode()}
    kept[f"info/{names[(data or b'0')[0] % len(names)]}"] = data[1:]
    said = parse_description("x", kept)
    demand("/" not in said.name + said.version + said.build.build + said.build.subdir, "names are no paths")
    for path in said.paths or {}:
        demand(not path.startswith("/") and ".." not in path.split("/"), "no path leaves")


@functools.cache
def _make_prefix() -> Path:
    shm = Path("/dev/shm")
    prefix = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm if shm.is_dir() else None)).resolve()
    seeds.clean_later(lambda: shutil.rmtree(prefix, ignore_errors=True))
    (prefix / "lib/python3.11/site-packages").mkdir(parents=True)
    (prefix / "lib/libx.so").write_bytes(next(iter(seeds.small_elf_files())))
    (prefix / "conda-meta").mkdir()
    return prefix


def run_record(data: bytes) -> None:
    """A record in ``conda-meta``."""
    prefix = _make_prefix()
    (prefix / "conda-meta/x.json").write_bytes(data)
    for one in read_environment(prefix, ELF_MAGIC, conda=True).distributions:
        for file in one.elf_files:
            demand(file.disk.is_relative_to(prefix), "no file outside of the prefix is opened")


def _make_tars() -> Iterator[bytes]:
    info = {"info/index.json": Member(json.dumps(_INDEX).encode())}
    for data in seeds.small_elf_files()[:6]:
        files = {
            "lib/libx.so.1.2": Member(data[: 8 << 10]),
            "lib/libx.so.1": Member(b"libx.so.1.2", link=True),
            "lib/python3.11/site-packages/x.py": Member(b"import ctypes\nctypes.CDLL('libx.so.1')\n"),
            "bin/x": Member(b"#!/bin/sh\n", mode=0o755),
        }
        yield make_tar([*info.items(), *files.items()])
        yield make_tar([*files.items(), *info.items()])


def _make_packages() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        for data in seeds.small_elf_files()[:4]:
            for suffix in (".conda", ".tar.bz2"):
                files: dict[str, Member | bytes] = {
                    "lib/libx.so": data[: 8 << 10],
                    "bin/x": Member(b"libx", link=True),
                }
                yield build_conda(Path(name), "x", files, suffix=suffix).read_bytes()


def _make_descriptions() -> Iterator[bytes]:
    path = {"_path": "lib/a", "path_type": "hardlink", "sha256": "0" * 64, "size_in_bytes": 3}
    placed = {**path, "file_mode": "binary", "prefix_placeholder": "/opt/x"}
    yield b"\0" + json.dumps({**_INDEX, "noarch": "python", "license": "MIT"}).encode()
    yield b"\1" + json.dumps({"paths": [path, placed], "paths_version": 1}).encode()
    yield b"\2" + json.dumps({"noarch": {"type": "python", "entry_points": ["x = x:main"]}}).encode()
    yield b"\3" + json.dumps({"summary": "x", "home": "https://x.invalid"}).encode()
    yield b'\4/opt/x text bin/a\n"/opt/x" binary "lib/b c"\n'


def _make_records() -> Iterator[bytes]:
    files = ["lib/libx.so", "lib/python3.11/site-packages/x.py", "bin/x"]
    yield json.dumps({**_INDEX, "files": files, "noarch": None}).encode()


_TAR_TOKENS = (
    b"ustar\x0000", b"ustar  \0", b"0000644\0", b"../", b"/", b"\0" * 512, b"info/index.json",
    b"././@LongLink", b"GNU.sparse.major=1\n", b"12 path=../x\n", b"17 size=99999999\n",
    b"\x80" + bytes(11), b"x", b"g", b"L", b"K", b"S", b"1", b"2",
)  # fmt: skip
_JSON_TOKENS = (
    b'"_path"', b'"files"', b'"depends"', b'"noarch"', b"null", b"true", b"[", b"]", b"{", b"}", b"1e999",
    b'"../../x"', b'"/etc/passwd"', b'\\u0000', b'\\ud800', b"[" * 600,
)  # fmt: skip

TARGETS = (
    Target(
        name="conda",
        run=run_package,
        seeds=_make_packages,
        tokens=(
            b"PK\3\4",
            b"PK\1\2",
            b"PK\5\6",
            b"BZh9",
            b"\x28\xb5\x2f\xfd",
            b"pkg-",
            b"info-",
            b".tar.zst",
        ),
    ),
    Target(name="conda-tar", run=run_tar, seeds=_make_tars, tokens=_TAR_TOKENS),
    Target(
        name="conda-info",
        run=run_description,
        seeds=_make_descriptions,
        tokens=_JSON_TOKENS,
        max_size=1 << 13,
    ),
    Target(name="conda-meta", run=run_record, seeds=_make_records, tokens=_JSON_TOKENS, max_size=1 << 13),
)
