"""Takes back what was changed in an environment, from its manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wheelfix.model.scan import Finding, Level
from wheelfix.patch.files import copy_attributes, copy_contents, hash_file, tell_errors
from wheelfix.patch.manifest import Change, Manifest, open_manifest
from wheelfix.wheel.environment import find_site

Progress = Callable[[int, int], None]


def undo_environment(
    directory: Path, *, progress: Progress | None = None, dry_run: bool = False
) -> tuple[Finding, ...]:
    """Give an environment its files back, bit by bit.

    Args:
        directory: the environment.
        progress: told files done and in all.
        dry_run: only tell.

    Returns:
        A warning for each file that is not as it was left, and stays as it is; and how many were restored.

    Raises:
        InputError: the directory cannot be read.
        ApplyError: a file cannot be written. What was not restored yet can be, by another run.
    """
    root = Path(find_site(directory)[0])
    findings: list[Finding] = []
    restored = 0
    with open_manifest(root, create=False) as manifest:
        paths = manifest.paths() if manifest else ()
        for number, path in enumerate(paths, 1):
            assert manifest is not None
            done, finding = _restore(root, path, manifest, dry_run=dry_run)
            restored += done
            findings += [finding] if finding else []
            if progress:
                progress(number, len(paths))
        if manifest and not dry_run:
            with tell_errors(manifest.directory):
                manifest.forget()
    what = "would be restored" if dry_run else "restored"
    findings.append(Finding(level=Level.NOTE, subject=str(directory), message=f"{restored} files {what}"))
    return tuple(findings)


def _restore(root: Path, path: str, manifest: Manifest, *, dry_run: bool) -> tuple[bool, Finding | None]:
    target = root / path
    with tell_errors(target):
        if not target.is_file() or target.resolve() != target:
            return False, _warn(path, "is gone: nothing to restore")
        state = _hash(target)
        steps = list(_find_steps(path, state, manifest))
        olds = {change.old for (name, _), change in manifest.changes.items() if name == path}
        if not steps:
            # A run that was killed had written the change down, and not made it.
            return False, None if state in olds else _warn(path, "was replaced since: left as it is")
        if dry_run:
            return True, None
        with _copy_of(target, manifest) as (copy, fd):
            for change in steps:
                for original in change.originals:
                    _write_all(fd, original.data, original.offset)
                os.ftruncate(fd, change.old_size)
            if hash_file(fd).hex() != steps[-1].old:
                return False, _warn(path, "cannot be restored: the manifest does not fit it")
            copy_attributes(target, copy)
            os.utime(copy, ns=(target.stat().st_atime_ns, steps[-1].mtime_ns))
            os.replace(copy, target)  # noqa: PTH105
    return True, None


def _find_steps(path: str, state: str, manifest: Manifest) -> Iterator[Change]:
    """The changes from a state back to the oldest one."""
    seen = set()
    while (change := manifest.changes.get((path, state))) and state not in seen:
        seen.add(state)
        yield change
        state = change.old


@contextmanager
def _copy_of(target: Path, manifest: Manifest) -> Iterator[tuple[Path, int]]:
    copy = manifest.scratch() / "restored"
    copy.unlink(missing_ok=True)
    with target.open("rb") as old, copy.open("x+b") as new:
        copy_contents(old.fileno(), new.fileno())
        yield copy, new.fileno()


def _write_all(fd: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hash_file(file.fileno()).hex()


def _warn(path: str, message: str) -> Finding:
    return Finding(level=Level.WARNING, subject=path, message=message)
