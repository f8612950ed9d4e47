"""Packages of conda that no build tool makes: what reads one and what links one judge it alike."""

from __future__ import annotations

import bz2
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.conda import Member, build_conda, make_tar, write_conda
from wheelfix.wheel.zstd import compress

INDEX = {"name": "x", "version": "1.0", "build": "0", "build_number": 0, "subdir": "linux-64", "depends": []}


def write_raw(top: Path, headers: Sequence[tuple[tarfile.TarInfo, bytes]], suffix: str = ".conda") -> Path:
    """Write a package of any headers, with a true description."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for header, data in headers:
            header.size = len(data) if header.isreg() else header.size
            archive.addfile(header, io.BytesIO(data))
    entries = [describe(one) for one, _ in headers if not one.isdir()]
    about = {"info/index.json": INDEX, "info/paths.json": {"paths": entries, "paths_version": 1}}
    info = make_tar((path, Member(json.dumps(said).encode())) for path, said in about.items())
    package = top / f"x-1.0-0{suffix}"
    if suffix == ".conda":
        write_conda(package, "x-1.0-0", info, made.getvalue())
    else:
        # An end of two blocks of zeros, and what fills the last record, is between both archives.
        first = info.rstrip(b"\0")
        package.write_bytes(bz2.compress(first.ljust(-(-len(first) // 512) * 512, b"\0") + made.getvalue()))
    return package


def describe(one: tarfile.TarInfo) -> dict[str, str]:
    """What paths.json says of a member."""
    name = str(one.pax_headers.get("path", one.name))
    return {"_path": name, "path_type": "softlink" if one.issym() else "hardlink"}


def header(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **pax: str) -> tarfile.TarInfo:
    """One member of an archive."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.pax_headers = kind, link, dict(pax)
    return made


MEMBERS: dict[str, tuple[list[tuple[tarfile.TarInfo, bytes]], str]] = {
    "absolute": ([(header("/etc/x"), b"")], "leaves the prefix"),
    "above": ([(header("a/../../x"), b"")], "leaves the prefix"),
    "above in pax": ([(header("a", path="../x"), b"")], "leaves the prefix"),
    "long": ([(header("a/" * 3000 + "x"), b"")], "a path of"),
    "nameless": ([(header("./"), b"")], "no name|leaves"),
    "twice": ([(header("a"), b""), (header("./a"), b"")], "is there twice"),
    "file and directory": ([(header("a"), b""), (header("a/b"), b"")], "lies behind a"),
    "directory and file": ([(header("a/b"), b""), (header("a"), b"")], "is a directory and a file"),
    "behind a link": (
        [(header("a", tarfile.SYMTYPE, "/etc"), b""), (header("a/passwd"), b"x")],
        "lies behind a, a link of the package",
    ),
    "a directory behind a link": (
        [(header("a", tarfile.SYMTYPE, "/etc"), b""), (header("a/b/", tarfile.DIRTYPE), b"")],
        "lies behind a",
    ),
    "a link in the place of a directory": (
        [(header("a/b"), b"x"), (header("a", tarfile.SYMTYPE, "/etc"), b"")],
        "is a directory and a link",
    ),
    "hard link out": ([(header("a", tarfile.LNKTYPE, "/etc/passwd"), b"")], "leaves the prefix"),
    "hard link above": ([(header("a", tarfile.LNKTYPE, "../../x"), b"")], "leaves the prefix"),
    "hard link to nothing": ([(header("a", tarfile.LNKTYPE, "b"), b"")], "no file that comes before it"),
    "hard link to a link": (
        [(header("b", tarfile.SYMTYPE, "/etc/passwd"), b""), (header("a", tarfile.LNKTYPE, "b"), b"")],
        "no file that comes before it",
    ),
    "device": ([(header("a", tarfile.CHRTYPE), b"")], "neither file, directory nor link"),
    "pipe": ([(header("a", tarfile.FIFOTYPE), b"")], "neither file, directory nor link"),
    "link without target": ([(header("a", tarfile.SYMTYPE), b"")], "without a target"),
    "description": ([(header("info/index.json"), b"{}")], "is there twice"),
    "more description": ([(header("info/other"), b"")], "lies in the archive of what it installs"),
    "long attribute": ([(header("a", comment="x" * (1 << 20)), b"")], "a header of"),
}
"""Members of an archive, by what is wrong with them, and what the reader says."""


def _link(target: str) -> Member:
    return Member(target.encode(), link=True)


def _packed(**files: Any) -> Callable[[Path], Path]:
    members = files.pop("files", {"a": b"x"})
    return lambda top: build_conda(top, "x", members, **files)


def _described(**paths: object) -> Callable[[Path], Path]:
    return lambda top: build_conda(top, "x", {"a": b"x", "l": _link("a")}, paths=[{"_path": "a", **paths}])


def _pointed(point: object) -> Callable[[Path], Path]:
    return lambda top: build_conda(top, "x", {}, noarch="python", entry_points=[point])  # type: ignore[list-item]


def _indexed(**index: object) -> Callable[[Path], Path]:
    return lambda top: build_conda(top, "x", {"a": b"x"}, index=index)


def _changed(suffix: str, change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def write(top: Path) -> Path:
        package = build_conda(top, "x", {"a": bytes(range(256)) * 90}, suffix=suffix)
        package.write_bytes(change(package.read_bytes()))
        return package

    return write


def _follow(end: bytes) -> Callable[[Path], Path]:
    """Bytes behind the archive of what is installed."""

    def write(top: Path) -> Path:
        about = {"info/index.json": INDEX, "info/paths.json": {"paths": [{"_path": "a"}]}}
        info = make_tar((path, Member(json.dumps(said).encode())) for path, said in about.items())
        write_conda(top / "x-1.0-0.conda", "x-1.0-0", info, make_tar([("a", Member(b"x"))]) + end)
        return top / "x-1.0-0.conda"

    return write


def _part(*names: str) -> Callable[[Path], Path]:
    def write(top: Path) -> Path:
        package = top / "x-1.0-0.conda"
        with zipfile.ZipFile(package, "w") as archive:
            for name in names:
                archive.writestr(name, compress(make_tar([]), level=1))
        return package

    return write


_TWICE = [{"_path": "a", "path_type": "hardlink"}] * 2
_UP, _OUT = "a/b/up", "a/b/out"
HOSTILE: dict[str, Callable[[Path], Path]] = {
    **{
        f"{name}, {suffix}": partial(write_raw, headers=members, suffix=suffix)
        for name, (members, _) in MEMBERS.items()
        for suffix in (".conda", ".tar.bz2")
        if (name, suffix) != ("more description", ".tar.bz2")
    },
    "link to an absolute path": _packed(files={"lib/l": _link("/etc/passwd")}),
    "link above the prefix": _packed(files={"lib/l": _link("../../x")}),
    "links above the prefix together": _packed(files={_UP: _link("../.."), _OUT: _link("up/../x")}),
    "listed above the prefix": _described(_path="../x"),
    "directory listed above the prefix": _described(_path="../x", path_type="directory"),
    "listed twice": _packed(paths=_TWICE),
    "listed and absent": _described(_path="b"),
    "listed as a link": _described(path_type="softlink"),
    "listed as a directory": _described(path_type="directory"),
    "link listed as a file": _described(_path="l", path_type="hardlink"),
    "of no kind that is known": _described(path_type="device"),
    "of no mode that is known": _described(file_mode="data"),
    "another SHA-256": _described(sha256="00" * 32),
    "a SHA-256 that is none": _described(sha256=7),
    "a size that is none": _described(size_in_bytes="x"),
    "a placeholder that is none": _described(prefix_placeholder=7),
    "a placeholder without room": _described(prefix_placeholder="/short", file_mode="binary"),
    "paths.json is no list": _packed(paths=[7]),
    "entry point above bin": _pointed("../x = m:f"),
    "entry point with code": _pointed("x = m:f(); import os"),
    "entry point without function": _pointed("x = m"),
    "entry point that is hidden": _pointed(".x = m:f"),
    "entry point that is a number": _pointed(7),
    "another name": _indexed(name=7),
    "no name": _indexed(name="../x"),
    "no version": _indexed(version="../1"),
    "depends on a number": _indexed(depends=[7]),
    "depends is no list": _indexed(depends={"x": "y"}),
    **{f"cut short, {s}": _changed(s, lambda data: data[: len(data) // 2]) for s in (".conda", ".tar.bz2")},
    **{f"bytes behind, {s}": _changed(s, lambda data: data + b"more") for s in (".conda", ".tar.bz2")},
    "bytes behind the members": _follow(b"garbage".ljust(512, b"x")),
    "members behind the end": _follow(make_tar([("b", Member(b"y"))])),
    "no archive of the description": _part("pkg-x.tar.zst"),
    "two archives of files": _part("info-x.tar.zst", "pkg-x.tar.zst", "pkg-y.tar.zst"),
    "archive above": _part("../info-x.tar.zst", "pkg-x.tar.zst"),
    "nothing of conda": _changed(".conda", lambda _: b"\x7fELF" + bytes(100)),
}
"""Writers of one package each, by what is wrong with it."""

USUAL: dict[str, Callable[[Path], Path]] = {
    "a file": _packed(),
    "an older archive": _packed(suffix=".tar.bz2"),
    "link to another package": _packed(files={"lib/l": _link("libz.so.1.3")}),
    "link up inside of the prefix": _packed(files={"lib/x/l": _link("../../bin/x"), "bin/x": b""}),
    "link through a link": _packed(files={"a/b/up": _link(".."), "a/b/in": _link("up/b/x")}),
    "link that leads to itself": _packed(files={"l": _link("l")}),
    "link of noarch: python": _packed(files={"site-packages/l": _link("../../../bin/x")}, noarch="python"),
    "control characters in a name": _packed(files={"a\x1b[31m": b"x"}),
    "a file that is not listed": _packed(paths=[]),
    "no kind": _packed(paths=[{"_path": "a"}]),
    "room for a prefix": _described(prefix_placeholder="/opt/" + "p" * 250, file_mode="binary"),
}
