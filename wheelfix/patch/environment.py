"""Files of an installed environment, replaced by edited copies.

A file may be a hard link into the cache of an installer, or be mapped by a running process: it is never
written to. A copy is edited and verified, what it was is written down (:mod:`~wheelfix.patch.manifest`), and
the copy takes its place. At every moment a file is the old or the new one. The rows of RECORD follow; what a
killed run left undone of that, the next one does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import EditRefused
from wheelfix.model.patch import ElfEdit, Write
from wheelfix.model.repair import FileResult
from wheelfix.patch.apply import apply_edit, plan_file
from wheelfix.patch.files import copy_attributes, copy_contents, hash_file, tell_errors
from wheelfix.patch.manifest import Change, Manifest, open_manifest
from wheelfix.patch.verify import verify
from wheelfix.wheel.environment import Environment, Installed, read_environment
from wheelfix.wheel.record import Written, find_stale_rows, rewrite_record
from wheelfix.wheel.tree import ElfFile

Progress = Callable[[int, int], None]

_BATCH_FILES = 64
_BATCH_BYTES = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A copy that may take the place of a file."""

    target: Path
    copy: Path
    change: Change
    size: int


def patch_environment(
    directory: Path, edits: Mapping[str, ElfEdit], *, progress: Progress | None = None
) -> tuple[FileResult, ...]:
    """Edit ELF files of an environment.

    Args:
        directory: as for :func:`wheelfix.wheel.environment.read_environment`.
        edits: by path, as that function spells it.
        progress: told files done and in all.

    Returns:
        What became of each edit, sorted by path. A file whose edit is refused, or fails verification, or that
        cannot be replaced, is as it was.

    Raises:
        InputError: the environment cannot be read.
        ApplyError: nothing can be written there, or another process is patching it.
    """
    environment = read_environment(directory, ELF_MAGIC)
    with open_manifest(environment.root, create=bool(edits)) as manifest:
        if manifest is None:
            return ()
        run = _Run(environment, manifest, edits, progress)
        for installed in environment.distributions:
            run.patch(installed)
        return tuple(sorted(run.results, key=lambda r: r.path))


def probe_environment(directory: Path, edits: Mapping[str, ElfEdit]) -> tuple[FileResult, ...]:
    """Tell what would become of edits; nothing is written.

    Args:
        directory: as for :func:`patch_environment`.
        edits: as there.

    Returns:
        How each edit would be done, or why not, sorted by path.

    Raises:
        InputError: the environment cannot be read.
        ApplyError: a file cannot be read.
    """
    files = [f for i in read_environment(directory, ELF_MAGIC).distributions for f in i.elf_files]
    results = []
    for file in sorted(files, key=lambda f: f.path):
        if edit := edits.get(file.path):
            try:
                method, problem = plan_file(file.disk, edit).method, None
            except EditRefused as refused:
                method, problem = None, refused.problem
            results.append(FileResult(path=file.path, method=method, problem=problem))
    return tuple(results)


class _Run:
    def __init__(
        self,
        environment: Environment,
        manifest: Manifest,
        edits: Mapping[str, ElfEdit],
        progress: Progress | None,
    ) -> None:
        self.results: list[FileResult] = []
        self._root, self._site = environment.root, environment.site
        self._manifest, self._edits, self._progress = manifest, edits, progress
        self._numbers = count()
        self._methods: dict[Path, str | None] = {}  # of files that were done: one file may have several paths

    def patch(self, installed: Installed) -> None:
        """Edit the files of one distribution, then bring its RECORD up to date."""
        ready: list[_Ready] = []
        # A file first under its own path: a link elsewhere would read $ORIGIN in another way.
        files = sorted(installed.elf_files, key=lambda f: (self._site / f.path != f.disk, f.path))
        for file in files:
            if (edit := self._edits.get(file.path)) is None:
                continue
            done = self._prepare(file, edit)
            if done:
                ready.append(done)
            if len(ready) >= _BATCH_FILES or sum(r.size for r in ready) >= _BATCH_BYTES:
                self._replace(ready)
                ready = []
            if self._progress:
                self._progress(len(self.results), len(self._edits))
        self._replace(ready)
        if installed.distribution:
            self._update_record(installed.distribution.target)

    def _prepare(self, file: ElfFile, edit: ElfEdit) -> _Ready | None:
        if file.disk in self._methods:
            self.results.append(FileResult(path=file.path, method=self._methods[file.disk]))
            return None
        method, problem, ready = None, None, None
        try:
            ready, method = self._edit_copy(file.disk, edit)
        except EditRefused as refused:
            problem = refused.problem
        self._methods[file.disk] = method
        self.results.append(FileResult(path=file.path, method=method, problem=problem))
        return ready

    def _edit_copy(self, disk: Path, edit: ElfEdit) -> tuple[_Ready | None, str]:
        copy = self._manifest.scratch() / str(next(self._numbers))
        with tell_errors(disk):
            old, mtime_ns = _copy(disk, copy)
        applied = apply_edit(copy, edit)
        if applied.method == "none":
            copy.unlink()
            return None, "none"
        problems = verify(disk, copy, edit)
        if problems:
            copy.unlink()
            message = f"the edited file fails verification ({problems[0].message})"
            raise EditRefused(str(disk), message, "report it with the file")
        with tell_errors(disk):
            copy_attributes(disk, copy)
            change = Change(
                path=self._name(disk),
                old=old,
                new=_hash(copy),
                old_size=applied.old_size,
                originals=applied.originals,
                mtime_ns=mtime_ns,
            )
        return _Ready(target=disk, copy=copy, change=change, size=applied.new_size), applied.method

    def _name(self, disk: Path) -> str:
        return disk.relative_to(self._root).as_posix()

    def _replace(self, ready: Sequence[_Ready]) -> None:
        if not ready:
            return
        with tell_errors(self._manifest.directory):
            self._manifest.add(r.change for r in ready)
        for r in ready:
            with tell_errors(r.target):
                os.replace(r.copy, r.target)  # noqa: PTH105

    def _update_record(self, target: str) -> None:
        """Correct the rows of files that were changed, now or by a run that was killed before it did this."""
        record = self._site / f"{target}.dist-info" / "RECORD"
        if not self._manifest.changes or not record.is_file():
            return
        record = record.resolve()
        if not record.is_relative_to(self._root):
            return  # a link into some cache, as the files then are, too: not ours to change
        with tell_errors(record):
            data = record.read_bytes()
            olds: dict[str, set[bytes]] = {}
            for change in self._manifest.changes.values():
                olds.setdefault(change.path, set()).add(bytes.fromhex(change.old))
            stale = find_stale_rows(str(record), data, {old for found in olds.values() for old in found})
            changed: dict[str, Written] = {}
            for path in stale:
                disk = Path(os.path.realpath(self._site / path))
                if disk.is_relative_to(self._root) and self._name(disk) in olds and disk.is_file():
                    changed[path] = Written(sha256=bytes.fromhex(_hash(disk)), size=disk.stat().st_size)
            new = rewrite_record(str(record), data, changed) if changed else data
            if new != data:
                self._replace([self._write_copy(record, data, new)])

    def _write_copy(self, target: Path, old: bytes, new: bytes) -> _Ready:
        copy = self._manifest.scratch() / str(next(self._numbers))
        copy.write_bytes(new)
        copy_attributes(target, copy)
        change = Change(
            path=self._name(target),
            old=hashlib.sha256(old).hexdigest(),
            new=hashlib.sha256(new).hexdigest(),
            old_size=len(old),
            originals=(Write(offset=0, data=old),),
            mtime_ns=target.stat().st_mtime_ns,
        )
        return _Ready(target=target, copy=copy, change=change, size=len(new))


def _copy(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file; returns its digest and its modification time."""
    with source.open("rb") as old, target.open("xb") as new:
        copy_contents(old.fileno(), new.fileno())
        return hash_file(old.fileno()).hex(), os.fstat(old.fileno()).st_mtime_ns


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hash_file(file.fileno()).hex()
