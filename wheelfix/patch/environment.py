"""Replaces files of an installed environment by edited copies.

A file may be a hard link into the cache of an installer, or be mapped by a running process, so it is never
written to. A copy is edited and verified, the old state is recorded (:mod:`~wheelfix.patch.manifest`), and
the copy replaces the file. At every moment the path has the complete old or the complete new file. The rows
of RECORD are updated last; if a run is killed before that, the next run does it.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import EditRefused, InputError, WheelError
from wheelfix.model.base import Struct
from wheelfix.patch.checked import edit_copy, plan_open
from wheelfix.patch.files import copy_attributes, copy_contents, has_rights, hash_file, tell_errors
from wheelfix.patch.libraries import drop_absent
from wheelfix.patch.manifest import ABSENT, Change, Manifest, open_manifest, pack_originals
from wheelfix.patch.model import ElfEdit, FileResult, Write
from wheelfix.patch.nofollow import (
    open_directory,
    open_parent,
    open_regular,
    place_file,
    read_bounded,
    remove_beside,
    replace_file,
    tell_links,
)
from wheelfix.patch.record import Written, find_stale_rows, parse_record, rewrite_record
from wheelfix.pysource.shim import MAX_SHIM, ShimTable, is_shim_file, name_shim, read_table
from wheelfix.wheel.environment import MAX_RECORD, Environment, Installed, find_site, read_environment
from wheelfix.wheel.tree import OWN, ElfFile, resolve_inside

Progress = Callable[[int, int], None]

MAX_FILE = 16 << 30
"""Largest file in bytes that is edited or restored: a sparse file takes disk space only when it is copied."""

_WRITE = "write"
_BATCH_FILES = 64
_BATCH_BYTES = 512 << 20


class _Ready(Struct):
    """A copy that is ready to replace a file.

    Attributes:
        copy: its name in the manifest's scratch directory.
        was: status of the file when it was read.
    """

    copy: str
    change: Change
    size: int
    was: os.stat_result


class _Record(Struct):
    """A RECORD as it is; ``path`` is relative to the environment."""

    path: str
    data: bytes
    was: os.stat_result


def read_patchable(directory: Path) -> Environment:
    """Read an environment that may have a manifest.

    Raises:
        InputError: it cannot be read, or its manifest was installed by a distribution.
    """
    environment = read_environment(directory, ELF_MAGIC)
    own = posixpath.relpath(environment.root / OWN, environment.site)
    for installed in environment.distributions:
        distribution = installed.distribution
        if distribution and any(path == own or path.startswith(f"{own}/") for path in distribution.files):
            subject, name = str(environment.root / OWN), distribution.name
            hint = f"uninstall {name}, and report it to who made it"
            raise InputError(subject, f"was installed by {name}: it is no record of what wheelfix did", hint)
    return environment


Files = Mapping[str, Mapping[str, bytes]]
"""Files of shims: contents by name, by the distribution."""
_NONE: Files = {}


def patch_environment(
    directory: Path,
    edits: Mapping[str, ElfEdit],
    shims: Files = _NONE,
    *,
    progress: Progress | None = None,
) -> tuple[FileResult, ...]:
    """Edit ELF files of an environment, and write shims.

    Args:
        directory: as for :func:`wheelfix.wheel.environment.read_environment`.
        edits: by path, as that function spells it.
        shims: files for its site-packages.
        progress: told files done and in all.

    Returns:
        The result of each edit and of each file of a shim, sorted by path. A file is unchanged if its edit is
        refused or fails verification, or if the file cannot be replaced.

    Raises:
        InputError: the environment cannot be read.
        ApplyError: nothing can be written there, or another process is patching it.
    """
    environment = read_patchable(directory)
    with open_manifest(environment.root, create=bool(edits or shims)) as manifest:
        if manifest is None:
            return ()
        run = _Run(environment, manifest, edits, shims, progress)
        for installed in environment.distributions:
            run.patch(installed)
        return tuple(sorted(run.results, key=lambda r: r.path))


def read_shims(directory: Path, distributions: Iterable[str]) -> Mapping[str, ShimTable]:
    """Read the shims that are in place.

    Args:
        directory: as for :func:`wheelfix.wheel.environment.read_environment`.
        distributions: normalised names.

    Returns:
        Their tables by distribution, with the libraries that are there.

    Raises:
        InputError: the environment cannot be read.
        ApplyError: a file cannot be read.
    """
    root, site = map(Path, find_site(directory))
    found = {}
    with tell_errors(site), open_directory(root) as top:
        for distribution in distributions:
            name = f"{name_shim(distribution)}.py"
            with suppress(EditRefused):  # what is not a shim answers nothing
                data = _read_files(top, root, site, [name])[name].data
                if data and (table := read_table(data)):
                    found[distribution] = drop_absent(table)
    return found


def probe_environment(
    directory: Path, edits: Mapping[str, ElfEdit], shims: Files = _NONE
) -> tuple[FileResult, ...]:
    """Plan edits, and shims, without writing anything.

    Args:
        directory: as for :func:`wheelfix.wheel.environment.read_environment`.
        edits: by path, as that function spells it.
        shims: as for :func:`patch_environment`.

    Returns:
        How each edit would be done, or why not, sorted by path.

    Raises:
        InputError: the environment cannot be read.
        ApplyError: a file cannot be read.
    """
    environment = read_patchable(directory)
    files = [f for i in environment.distributions for f in i.elf_files if f.path in edits]
    results = []
    with tell_errors(environment.root), open_directory(environment.root) as root:
        for file in sorted(files, key=lambda f: f.path):
            method, problem = None, None
            try:
                with tell_errors(file.disk), _open_file(root, environment.root, file.disk) as (fd, _, _):
                    method = plan_open(str(file.disk), fd, edits[file.path]).method
            except EditRefused as refused:
                problem = refused.problem
            results.append(FileResult(path=file.path, method=method, problem=problem))
        for shim in shims.values():
            try:
                found = _read_files(root, environment.root, environment.site, shim)
                results += [
                    FileResult(path=name, method=_tell_method(found[name], data))
                    for name, data in shim.items()
                ]
            except EditRefused as refused:
                results += _refuse_files(shim, refused)
    return tuple(sorted(results, key=lambda result: result.path))


class _Run:
    def __init__(
        self,
        environment: Environment,
        manifest: Manifest,
        edits: Mapping[str, ElfEdit],
        shims: Files,
        progress: Progress | None,
    ) -> None:
        self.results: list[FileResult] = []
        self._root, self._site = environment.root, environment.site
        self._manifest, self._edits, self._progress = manifest, edits, progress
        self._shims = shims
        self._numbers = count()
        # Results of files that were edited already: one file may have several paths.
        self._done: dict[Path, tuple[str | None, str | None]] = {}

    def patch(self, installed: Installed) -> None:
        """Edit the files of one distribution, then bring its RECORD up to date."""
        try:
            record = self._read_record(installed.distribution.target) if installed.distribution else None
        except (WheelError, EditRefused) as error:
            self._give_up(installed, f"{error.subject} {error.problem}")
            return
        ready: list[_Ready] = []
        size = 0
        # A file is edited under its own path first: for a link elsewhere, $ORIGIN is another directory.
        files = sorted(installed.elf_files, key=lambda f: (self._site / f.path != f.disk, f.path))
        for file in files:
            if (edit := self._edits.get(file.path)) is None:
                continue
            if done := self._prepare(file, edit):
                ready.append(done)
                size += done.size
            if len(ready) >= _BATCH_FILES or size >= _BATCH_BYTES:
                self._replace(ready)
                ready, size = [], 0
            if self._progress:
                self._progress(len(self.results), len(self._edits))
        self._replace(ready)
        name = installed.distribution.name if installed.distribution else ""
        written = self._write_shims(self._shims.get(name, {}))
        if record:
            self._update_record(record, written)

    def _write_shims(self, files: Mapping[str, bytes]) -> Mapping[str, Written]:
        """Write the files of a shim, or none of them: what starts it comes last."""
        try:
            found = _read_files(self._manifest.root, self._root, self._site, files)
        except EditRefused as refused:
            self.results += _refuse_files(files, refused)
            return {}
        return {
            name: Written(sha256=hashlib.sha256(data).digest(), size=len(data))
            for name, data in files.items()
            if self._write_shim(name, data, found[name])
        }

    def _write_shim(self, name: str, data: bytes, found: _Found) -> bool:
        """Write one file of a shim, unless it is there; returns whether it is there now."""
        disk = self._site / name
        method, problem = _tell_method(found, data), None
        try:
            if method == _WRITE:
                with (
                    _open_place(self._manifest.root, self._root, disk) as target,
                    self._make_copy() as (copy, fd),
                ):
                    os.fchmod(fd, 0o644)
                    with open(fd, "wb", closefd=False) as file:
                        file.write(data)
                    made = Change(
                        path=_name_below(self._root, disk),
                        old=ABSENT,
                        new=hashlib.sha256(data).hexdigest(),
                        old_size=0,
                        originals=(),
                        mtime_ns=0,
                    )
                    self._manifest.add([made])
                    place_file((self._manifest.scratch, copy), target, was=found.was)
        except EditRefused as refused:
            method, problem = None, refused.problem
        self.results.append(FileResult(path=name, method=method, problem=problem))
        return problem is None

    def _give_up(self, installed: Installed, problem: str) -> None:
        """Skip a distribution whose RECORD cannot be updated."""
        self.results += [
            FileResult(path=file.path, method=None, problem=problem)
            for file in installed.elf_files
            if file.path in self._edits
        ]
        name = installed.distribution.name if installed.distribution else ""
        self.results += [
            FileResult(path=file, method=None, problem=problem) for file in self._shims.get(name, {})
        ]

    def _prepare(self, file: ElfFile, edit: ElfEdit) -> _Ready | None:
        ready = None
        if file.disk not in self._done:
            method, problem = None, None
            try:
                with tell_errors(file.disk):
                    ready, method = self._edit_copy(file.disk, edit)
            except EditRefused as refused:
                problem = refused.problem
            self._done[file.disk] = method, problem
        method, problem = self._done[file.disk]
        self.results.append(FileResult(path=file.path, method=method, problem=problem))
        return ready

    def _edit_copy(self, disk: Path, edit: ElfEdit) -> tuple[_Ready | None, str]:
        with _open_file(self._manifest.root, self._root, disk) as (old, directory, name):
            # Planned before the copy: a file that needs no edit, or is refused, may be of any size.
            if plan_open(str(disk), old, edit).method == "none":
                return None, "none"
            remove_beside(directory, name)
            return self._edit_new(disk, old, edit)

    def _edit_new(self, disk: Path, old: int, edit: ElfEdit) -> tuple[_Ready, str]:
        was = os.fstat(old)
        with self._make_copy() as (copy, new):
            copy_contents(old, new)
            applied = edit_copy(str(disk), old, new, edit)
            copy_attributes(old, new)
            change = Change(
                path=_name_below(self._root, disk),
                old=hash_file(old).hex(),
                new=hash_file(new).hex(),
                old_size=applied.old_size,
                originals=pack_originals(applied.originals),
                mtime_ns=was.st_mtime_ns,
            )
        return _Ready(copy=copy, change=change, size=applied.new_size, was=was), applied.method

    @contextmanager
    def _make_copy(self) -> Iterator[tuple[str, int]]:
        """Make a file in the scratch directory, removed on an error; yields its name and descriptor."""
        name = str(next(self._numbers))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=self._manifest.scratch)
        try:
            yield name, fd
        except BaseException:
            os.unlink(name, dir_fd=self._manifest.scratch)
            raise
        finally:
            os.close(fd)

    def _replace(self, ready: Sequence[_Ready]) -> None:
        self._manifest.add(r.change for r in ready)
        for r in ready:
            subject = self._root / r.change.path
            with (
                tell_errors(subject),
                tell_links(str(subject)),
                open_parent(self._manifest.root, r.change.path) as target,
            ):
                replace_file((self._manifest.scratch, r.copy), target, was=r.was)

    def _read_record(self, target: str) -> _Record | None:
        """Read the RECORD of a distribution; None if it has none, or if it is a link into a cache.

        The installed files are then links into that cache too, which must not be changed.

        Raises:
            WheelError: it is not a RECORD.
        """
        disk = resolve_inside(str(self._site / f"{target}.dist-info" / "RECORD"), str(self._root))
        if disk is None:
            return None
        path = _name_below(self._root, Path(disk))
        with tell_errors(Path(disk)), tell_links(disk):
            try:
                with (
                    open_parent(self._manifest.root, path) as (directory, name),
                    open_regular(directory, name, disk) as fd,
                ):
                    record = _Record(path=path, data=read_bounded(fd, disk, MAX_RECORD), was=os.fstat(fd))
            except FileNotFoundError:
                return None
        parse_record(disk, record.data)
        return record

    def _update_record(self, record: _Record, shim: Mapping[str, Written]) -> None:
        """Update the rows of changed files, including those that a killed run changed before.

        Args:
            record: of the distribution.
            shim: files of its shim, so that an installer removes them with it.
        """
        subject = str(self._root / record.path)
        changed = dict(shim)
        for path in find_stale_rows(subject, record.data, self._manifest.digests):
            if written := self._sum_up(path):
                changed[path] = written
        new = rewrite_record(subject, record.data, changed) if changed else record.data
        if new != record.data:
            with tell_errors(Path(subject)):
                self._replace([self._write_copy(record, new)])

    def _sum_up(self, path: str) -> Written | None:
        """Compute the values of a file's row in RECORD; None for a file that wheelfix did not change."""
        try:
            disk = resolve_inside(str(self._site / path), str(self._root))
            if disk is None or (name := _name_below(self._root, Path(disk))) not in self._manifest.olds:
                return None
            with (
                open_parent(self._manifest.root, name) as (directory, last),
                open_regular(directory, last, disk) as fd,
            ):
                size = os.fstat(fd).st_size
                return Written(sha256=hash_file(fd), size=size) if size <= MAX_FILE else None
        except (OSError, ValueError, EditRefused):
            return None  # it was removed, or replaced by another kind of file

    def _write_copy(self, record: _Record, new: bytes) -> _Ready:
        with (
            tell_links(record.path),
            open_parent(self._manifest.root, record.path) as (directory, name),
            open_regular(directory, name, record.path) as old,
            self._make_copy() as (copy, fd),
        ):
            with open(fd, "wb", closefd=False) as file:
                file.write(new)
            remove_beside(directory, name)
            copy_attributes(old, fd)
        change = Change(
            path=record.path,
            old=hashlib.sha256(record.data).hexdigest(),
            new=hashlib.sha256(new).hexdigest(),
            old_size=len(record.data),
            originals=pack_originals([Write(offset=0, data=record.data)]),
            mtime_ns=record.was.st_mtime_ns,
        )
        return _Ready(copy=copy, change=change, size=len(new), was=record.was)


@contextmanager
def _open_file(root: int, top: Path, disk: Path) -> Iterator[tuple[int, int, str]]:
    """Open a file of an environment for an edit; yields its descriptor, that of its directory, and its name.

    Raises:
        EditRefused: it has become a link, or is a program that runs with other rights (setuid).
        OSError: it cannot be opened.
    """
    subject = str(disk)
    with (
        tell_links(subject),
        open_parent(root, _name_below(top, disk)) as (directory, name),
        open_regular(directory, name, subject) as fd,
    ):
        if os.fstat(fd).st_size > MAX_FILE:
            raise EditRefused(
                subject, f"has more than {MAX_FILE >> 30} GiB", "no program is as large: delete it"
            )
        if has_rights(fd):
            raise EditRefused(
                subject,
                "runs with rights that its user does not have (set-user-ID or a capability)",
                "leave it as it is: such a program has to load what its maker chose",
            )
        yield fd, directory, name


class _Found(Struct):
    """What has the name of a file of a shim.

    Attributes:
        data: its contents; None if nothing has that name.
        was: its status when it was read.
    """

    data: bytes | None = None
    was: os.stat_result | None = None


def _read_files(root: int, top: Path, site: Path, names: Iterable[str]) -> Mapping[str, _Found]:
    """Read what has the names of files of a shim.

    Args:
        root: the environment, open.
        top: its path.
        site: its site-packages.
        names: of the files.

    Raises:
        EditRefused: one is no file that wheelfix writes, or is reached through a link.
        ApplyError: one cannot be read.
    """
    found = {}
    for file in names:
        with _open_place(root, top, site / file) as (directory, name):
            try:
                with open_regular(directory, name, str(site / file)) as fd:
                    was = os.fstat(fd)
                    data = read_bounded(fd, name, MAX_SHIM) if was.st_size <= MAX_SHIM else b""
            except FileNotFoundError:
                found[file] = _Found()
                continue
        if not is_shim_file(file, data):
            problem = "is there already, and was not written by wheelfix"
            raise EditRefused(str(site / file), problem, "move it away")
        found[file] = _Found(data=data, was=was)
    return found


def _refuse_files(names: Iterable[str], refused: EditRefused) -> list[FileResult]:
    """Tell that none of the files of a shim can be written, because of one of them."""
    problem = f"{posixpath.basename(refused.subject)} {refused.problem}"
    return [FileResult(path=name, method=None, problem=problem) for name in names]


def _tell_method(found: _Found, data: bytes) -> str | None:
    return "none" if found.data == data else _WRITE


@contextmanager
def _open_place(root: int, top: Path, disk: Path) -> Iterator[tuple[int, str]]:
    """Open the directory of a file of an environment; yields its descriptor, and the name of the file.

    Raises:
        EditRefused: a part of the path is a link.
        ApplyError: it cannot be opened, or the block raised an OSError.
    """
    with tell_errors(disk), tell_links(str(disk)), open_parent(root, _name_below(top, disk)) as target:
        yield target


def _name_below(top: Path, disk: Path) -> str:
    """Return the path of a file relative to its environment."""
    return disk.relative_to(top).as_posix()
