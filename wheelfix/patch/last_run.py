"""Keeps what the last run said of an environment, for the next run, if nothing changes until then.

``.wheelfix/last-run.json`` in the environment has the report of a run, as a full run right after it would
have made it, what that run depended on, and how the files were. It is used only if all of that is still so:

- what the run depended on: the options, the installation of wheelfix, the index, the nixpkgs;
- the environment: its distributions, the RECORD of each, its ELF files, the shims, the interpreter;
- the directories of the store that its files name.

What no RECORD lists and no run has seen, such as a library that somebody copied into a package, is not
noticed. The file is no proof of anything: whoever can write it can make wheelfix leave the files as they are,
and nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from wheelfix.errors import ApplyError, EditRefused, InputError, WheelfixError, describe
from wheelfix.model.base import Struct, decode_json, encode_json
from wheelfix.outside.files import stage_inside
from wheelfix.patch.model import PatchReport
from wheelfix.patch.nofollow import open_directory, open_regular, read_bounded
from wheelfix.patch.state_directory import LAST_RUN, open_state
from wheelfix.pysource.shim import is_shim_name
from wheelfix.wheel.tree import OWN

_LARGEST: Final = 64 << 20
"""Largest file in bytes; one for 3 000 ELF files has 3 MB."""
_LISTED: Final = {".dist-info": "/RECORD", ".egg-info": "/PKG-INFO", ".egg-link": ""}
"""What stands for a distribution in site-packages, by the end of its name: the file that changes with it."""
_OWN_FILES: Final = ("pyvenv.cfg", "bin/python3")


class LastRun(Struct):
    """A run that left nothing to do.

    Attributes:
        depends: digest of what it depended on, other than the environment.
        watched: paths of files and directories, relative to the environment or absolute, sorted.
        state: digest of how they are, and of the distributions.
        report: what the run right after it would say.
    """

    depends: str
    watched: tuple[str, ...]
    state: str
    report: PatchReport


def hash_run(parts: Iterable[str]) -> str:
    """Compute the digest of what a run depends on: some texts, and this installation of wheelfix."""
    return _hash_parts([_tell_file(__file__), *parts])


def _hash_parts(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(data), data))
    return digest.hexdigest()


def read_last_run(root: Path, site: Path, depends: str) -> PatchReport | None:
    """Return the report of the last run, if nothing has changed since.

    Args:
        root: the environment, all symbolic links resolved.
        site: its site-packages.
        depends: digest of what this run depends on.
    """
    try:
        with (
            open_directory(root) as top,
            open_directory(OWN, inside=top) as own,
            open_regular(own, LAST_RUN, LAST_RUN) as fd,
        ):
            last = decode_json(read_bounded(fd, LAST_RUN, _LARGEST), LastRun)
        # Who forges the file must not have a command shown to be pasted.
        is_ours = last.report.applied and not (last.report.supplies and last.report.supplies.command)
        if is_ours and last.depends == depends and last.state == _hash_state(root, site, last.watched):
            return last.report
    except (OSError, ValueError, WheelfixError):
        pass  # there was no run, or another version of wheelfix wrote it: then this one does everything
    return None


def write_last_run(root: Path, site: Path, depends: str, report: PatchReport, paths: Iterable[str]) -> None:
    """Keep the report of a run that left nothing to do.

    Without it the next run does everything again, so that a failure is no error.

    Args:
        root: as for :func:`read_last_run`.
        site: as for :func:`read_last_run`.
        depends: as for :func:`read_last_run`.
        report: what the next run would say.
        paths: of the files and directories that it depends on, relative to site-packages or absolute.
    """
    watched = sorted({os.path.relpath(site / p, root) if not p.startswith("/") else p for p in paths})
    with suppress(OSError, ValueError, ApplyError, EditRefused):
        state = _hash_state(root, site, watched)
        data = encode_json(LastRun(depends=depends, watched=tuple(watched), state=state, report=report))
        if len(data) > _LARGEST:
            return
        with (
            open_directory(root) as top,
            open_state(top, root / OWN) as own,
            stage_inside(own.fd, LAST_RUN, path=own.subject / LAST_RUN, mode=0o644) as file,
        ):
            file.write(data)


def list_distributions(site: Path) -> dict[str, str]:
    """Tell how the distributions in site-packages are: by the name of what stands for each.

    Raises:
        InputError: the directory cannot be read.
    """
    try:
        names = sorted(os.listdir(site))  # noqa: PTH208 - the names alone, of thousands
    except OSError as error:
        raise InputError(str(site), describe(error), "give a directory that can be read") from None
    ends = {name: _LISTED.get(os.path.splitext(name)[1]) for name in names}  # noqa: PTH122
    return {name: _tell_file(f"{site}/{name}{end}") for name, end in ends.items() if end is not None}


def is_unchanged(site: Path, before: Mapping[str, str], changed: Collection[str]) -> bool:
    """Whether nobody else installed or removed anything meanwhile.

    Args:
        site: site-packages.
        before: from :func:`list_distributions`.
        changed: names of distributions that wheelfix changed, with their versions.
    """
    now = list_distributions(site)
    own = {f"{name}.dist-info" for name in changed}
    return now.keys() == before.keys() and all(now[name] == before[name] for name in now.keys() - own)


def _hash_state(root: Path, site: Path, watched: Sequence[str]) -> str:
    return _hash_parts(_tell_state(root, site, watched))


def _tell_state(root: Path, site: Path, watched: Sequence[str]) -> Iterator[str]:
    yield str(root)  # Nix finds roots by their paths
    for pair in list_distributions(site).items():
        yield from pair
    for name in sorted(filter(is_shim_name, os.listdir(site))):  # noqa: PTH208
        yield from (name, _tell_file(f"{site}/{name}"))
    for path in (*_OWN_FILES, *watched):
        yield from (path, _tell_file(os.path.join(root, path)))  # noqa: PTH118 - of any length


def _tell_file(path: str) -> str:
    try:
        info = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return ""
    return f"{info.st_ino} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}"
