"""Source distributions, well-formed and hostile."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
CARGO = {
    "pyproject.toml": '[build-system]\nrequires = ["maturin>=1"]\nbuild-backend = "maturin"\n'
    '[project]\nname = "demo"\nversion = "1.0"\n',
    "Cargo.toml": '[package]\nname = "demo"\nversion = "1.0.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 4\n[[package]]\nname = "demo"\nversion = "1.0.0"\n',
}
"""The smallest sdist that maturin builds."""


def build_sdist(
    directory: Path,
    files: Mapping[str, str],
    *,
    name: str = "demo",
    version: str = "1.0",
    members: Iterable[tarfile.TarInfo] = (),
    info: str | None = "",
) -> Path:
    """Write an sdist and return its path.

    Args:
        files: contents by path below the top directory.
        members: further members without contents, under their full names.
        info: lines added to PKG-INFO; None for no PKG-INFO.
    """
    top = f"{name}-{version}"
    said = (
        {}
        if info is None
        else {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{info}"}
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for below, content in {**files, **said}.items():
            member = tarfile.TarInfo(f"{top}/{below}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
        for member in members:
            archive.addfile(member)
    path = directory / f"{top}.tar.gz"
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return path


def make_member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    """A member's header."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, size
    return member


def lock(*crates: str) -> str:
    """A Cargo.lock: each crate as ``name version < dependency dependency``, ``*`` before one of the tree."""
    lines = ["version = 4"]
    for crate in crates:
        head, _, below = crate.partition("<")
        name, version = head.split()
        lines += ["[[package]]", f'name = "{name.lstrip("*")}"', f'version = "{version}"']
        if not name.startswith("*"):
            lines.append(f'source = "{REGISTRY}"')
        lines.append(f"dependencies = [{', '.join(repr(d) for d in below.split())}]".replace("'", '"'))
    return "\n".join(lines) + "\n"
