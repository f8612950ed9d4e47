"""Reads source distributions, of which only the files that describe the build are kept.

An sdist is a gzipped tar archive with one top directory (packaging specification "Source distribution
format"). It is read forward once and never unpacked: nothing is written, no link is followed on disk, and the
amounts inflated and kept are bounded. Members that a careful unpacker would refuse are refused.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from wheelfix.errors import InputError, describe
from wheelfix.model.sdist import SourceTree
from wheelfix.wheel.input import open_input

MAX_INFLATED = 4 << 30
"""Limit of bytes inflated per archive."""

MAX_DEPTH = 100
"""Limit of the depth of directories in a directory of sources."""

MAX_MEMBERS = 300_000
MAX_FILE = 4 << 20
"""Limit of the size of a kept file, in bytes; the largest known Cargo.lock has 0.5 MB."""

MAX_KEPT = 128 << 20

_MAX_RATIO = 400
_FREE = 64 << 20
_MAX_HEADER = 1 << 20
_MAX_PATH = 4096
"""PATH_MAX of Linux."""

_NAMES = frozenset({"Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rust-toolchain"})
_TOP = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO"})
_PASSED = frozenset({".git", ".hg", ".tox", ".nox", ".venv", "venv", "target", "node_modules", "__pycache__"})
_HOSTILE = "no build tool writes such an archive: do not use it"
_DAMAGED = "download it again"


def is_wanted(path: str) -> bool:
    """Whether a file describes the build."""
    directory, _, name = path.rpartition("/")
    if name in _NAMES:
        return True
    if name in {"config.toml", "config"}:
        return directory == ".cargo" or directory.endswith("/.cargo")
    return not directory and name in _TOP


def read_sdist(path: Path, wanted: Callable[[str], bool] = is_wanted) -> SourceTree:
    """Read a source distribution: an archive, or a directory with the unpacked contents.

    Args:
        path: the archive, or the directory.
        wanted: tells by its path which file is kept.

    Raises:
        InputError: it cannot be read, is damaged, or an unpacker would write outside its directory.
    """
    if path.is_dir():
        return _read_directory(path, wanted)
    if not path.name.endswith((".tar.gz", ".tgz")):
        raise InputError(
            str(path), "is no .tar.gz", "give an sdist, or the directory that another kind was unpacked to"
        )
    try:
        with open_input(path) as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            return _read_archive(path.name, _Forward(path.name, file), digest, wanted)
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({describe(error)})", "check the path") from None


class _Forward:
    """An inflated archive that can only be read forward, in small pieces, up to a limit.

    ``tarfile`` reads the size in a header at once, which may be gigabytes, and seeks by a size, backwards if
    it is negative; this class refuses both.
    """

    def __init__(self, name: str, file: object) -> None:
        self._name = name
        self._file = file
        self._inflated = gzip.GzipFile(fileobj=file)  # type: ignore[call-overload]
        self._position = 0

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET or position < self._position:
            raise InputError(self._name, "its headers contradict each other", _HOSTILE)
        while self._position < position:
            if not self.read(min(_MAX_HEADER, position - self._position)):
                break
        return self._position

    def read(self, size: int) -> bytes:
        if size < 0 or size > MAX_FILE:
            raise InputError(self._name, f"a header of {size} bytes", _HOSTILE)
        data: bytes = self._inflated.read(size)
        self._position += len(data)
        packed = self._file.tell()  # type: ignore[attr-defined]
        if self._position > MAX_INFLATED or self._position > _FREE + _MAX_RATIO * packed:
            raise InputError(
                self._name, f"inflates to more than {self._position >> 20} MiB: a bomb", _HOSTILE
            )
        return data


def _read_archive(name: str, stream: _Forward, digest: bytes, wanted: Callable[[str], bool]) -> SourceTree:
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    directories: set[str] = set()
    tops: set[str] = set()
    kept = 0
    try:
        with tarfile.open(fileobj=stream, mode="r:", errorlevel=2) as archive:  # type: ignore[call-overload]
            for member in _iter_members(name, archive):
                top, _, path = _check_path(name, member.name).partition("/")
                tops.add(top)
                if member.issym() or member.islnk():
                    links[path] = _check_link(name, member, top)
                elif member.isdir():
                    _note(directories, path)
                elif not member.isfile() or member.issparse():
                    raise InputError(f"{name}: {member.name}", "is neither file nor directory", _HOSTILE)
                else:
                    _note(directories, posixpath.dirname(path))
                    if wanted(path):
                        files[path] = _read_member(name, archive, member)
                        kept += len(files[path])
                if kept > MAX_KEPT:
                    raise InputError(name, f"more than {MAX_KEPT} bytes of wanted files", _HOSTILE)
        while stream.read(_MAX_HEADER):  # up to the checksum at its end
            pass
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(name, f"is no gzipped tar archive, or damaged ({error})", _DAMAGED) from None
    except (ValueError, OverflowError, RecursionError, UnicodeError):
        raise InputError(name, "has headers that cannot be read", _HOSTILE) from None
    if len(tops) != 1:
        problem = "is empty" if not tops else f"has {len(tops)} top directories; an sdist has one"
        raise InputError(name, problem, "give a source distribution")
    _follow_links(files, links, wanted)
    return SourceTree(target=name, files=files, directories=frozenset(directories), sha256=digest)


def _iter_members(name: str, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for _ in range(MAX_MEMBERS):
        member = archive.next()
        if member is None:
            return
        yield member
        archive.members.clear()  # type: ignore[attr-defined]
    raise InputError(name, f"more than {MAX_MEMBERS} members", _HOSTILE)


def _check_path(name: str, path: str) -> str:
    if len(path) > _MAX_PATH:
        raise InputError(name, f"a path of {len(path)} characters", _HOSTILE)
    parts = path.rstrip("/").split("/")
    if path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise InputError(f"{name}: {path}", "its path leaves the archive", _HOSTILE)
    return "/".join(part for part in parts if part not in {"", "."})


def _check_link(name: str, member: tarfile.TarInfo, top: str) -> str:
    """Return the target of a link, relative to the top directory; symbolic links start at their directory."""
    base = posixpath.dirname(member.name) if member.issym() else ""
    target = posixpath.normpath(posixpath.join(base, member.linkname))
    if target.startswith("/") or target.split("/")[0] != posixpath.normpath(top):
        raise InputError(f"{name}: {member.name}", f"links to {member.linkname}, outside of it", _HOSTILE)
    return target.partition("/")[2]


def _read_member(name: str, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MAX_FILE:
        problem = f"{member.size} bytes; wheelfix reads up to {MAX_FILE}"
        raise InputError(f"{name}: {member.name}", problem, _HOSTILE)
    file = archive.extractfile(member)
    data = file.read() if file else b""
    if len(data) != member.size:
        raise InputError(f"{name}: {member.name}", "is cut short", _DAMAGED)
    return data


def _follow_links(files: dict[str, bytes], links: dict[str, str], wanted: Callable[[str], bool]) -> None:
    """Give wanted names that are links the contents of their targets, if these were read."""
    for path in filter(wanted, links):
        target, steps = links[path], 0
        while target in links and steps < len(links):
            target, steps = links[target], steps + 1
        if target in files:
            files[path] = files[target]


def _note(directories: set[str], path: str) -> None:
    if path:
        directories.add("/".join(path.split("/")[:2]))
        directories.add(path.split("/")[0])


def _read_directory(path: Path, wanted: Callable[[str], bool]) -> SourceTree:
    files: dict[str, bytes] = {}
    directories: set[str] = set()
    count = kept = 0
    for parent, below, names in os.walk(path, onerror=_refuse):
        below[:] = sorted(name for name in below if name not in _PASSED)
        relative = Path(parent).relative_to(path).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        if prefix.count("/") > MAX_DEPTH:
            problem = f"more than {MAX_DEPTH} directories in each other"
            raise InputError(str(path), problem, "give the directory of one project")
        _note(directories, prefix.rstrip("/"))
        count += len(names)
        if count > MAX_MEMBERS:
            raise InputError(str(path), f"more than {MAX_MEMBERS} files", "give the directory of one project")
        for name in names:
            if is_wanted(prefix + name) and (file := Path(parent, name)).is_file():
                files[prefix + name] = _read_file(file, path)
                kept += len(files[prefix + name])
        if kept > MAX_KEPT:
            raise InputError(
                str(path), f"more than {MAX_KEPT} bytes of wanted files", "give the directory of one project"
            )
    return SourceTree(target=path.resolve().name, files=files, directories=frozenset(directories))


def _read_file(file: Path, top: Path) -> bytes:
    try:
        if not file.resolve().is_relative_to(top.resolve()):
            raise InputError(str(file), "links to a file outside of the project", "give the whole project")
        with open_input(file) as opened:
            data = opened.read(MAX_FILE + 1)
    except OSError as error:
        _refuse(error)
    if len(data) > MAX_FILE:
        raise InputError(str(file), f"more than {MAX_FILE} bytes", "give the directory of one project")
    return data


def _refuse(error: OSError) -> NoReturn:
    raise InputError(str(error.filename), f"cannot be read ({describe(error)})", "check its rights") from None
