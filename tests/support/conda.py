"""Makes packages of conda by hand, true and hostile ones, in both formats of archives."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelfix.wheel.zstd import compress

PLACEHOLDER = ("/opt/" + "_placehold" * 25).ljust(255, "_")
"""What a build puts in the place of a prefix, 255 characters long."""


@dataclass(frozen=True)
class Member:
    """A file of a package.

    Attributes:
        data: its contents; for a link, where it leads.
        mode: of the file.
        link: whether it is a symbolic link.
        placeholder: how the prefix stands in it: ``text``, ``binary``, or empty.
        prefix: what stands for the prefix.
    """

    data: bytes
    mode: int = 0o644
    link: bool = False
    placeholder: str = ""
    prefix: str = PLACEHOLDER


def build_conda(
    directory: Path,
    name: str,
    files: Mapping[str, Member | bytes],
    *,
    version: str = "1.0",
    build: str = "0",
    subdir: str = "linux-64",
    depends: Sequence[str] = (),
    noarch: str = "",
    entry_points: Sequence[str] = (),
    suffix: str = ".conda",
    index: Mapping[str, object] | None = None,
    paths: Sequence[Mapping[str, object]] | None = None,
) -> Path:
    """Write one package, named as conda names it, and return its path.

    Args:
        directory: where it is written.
        name: of the package.
        files: by path relative to the prefix (``site-packages/…`` for ``noarch="python"``).
        version: of the package.
        build: its build string.
        subdir: of the channel.
        depends: match specifications.
        noarch: ``python``, ``generic``, or empty.
        entry_points: of ``noarch="python"``: ``NAME = MODULE:FUNCTION``.
        suffix: ``.conda`` or ``.tar.bz2``.
        index: further keys of ``info/index.json``.
        paths: entries of ``info/paths.json`` in the place of the true ones.
    """
    members = {path: one if isinstance(one, Member) else Member(one) for path, one in files.items()}
    described = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "subdir": subdir if not noarch else "noarch",
        "depends": list(depends),
        **({"noarch": noarch} if noarch else {}),
        **(index or {}),
    }
    entries = [_describe(path, one) for path, one in members.items()] if paths is None else list(paths)
    info = {
        "info/index.json": json.dumps(described),
        "info/paths.json": json.dumps({"paths": entries, "paths_version": 1}),
        "info/files": "".join(f"{path}\n" for path in members),
        "info/about.json": "{}",
    }
    if noarch == "python":
        kind = {"type": "python", "entry_points": list(entry_points)}
        info["info/link.json"] = json.dumps({"noarch": kind, "package_metadata_version": 1})
    about = {path: Member(text.encode()) for path, text in info.items()}
    stem = f"{name}-{version}-{build}"
    target = directory / f"{stem}{suffix}"
    directory.mkdir(parents=True, exist_ok=True)
    if suffix == ".conda":
        write_conda(target, stem, make_tar(about.items()), make_tar(members.items()))
    else:
        target.write_bytes(make_tar([*about.items(), *members.items()], mode="w:bz2"))
    return target


def write_conda(target: Path, stem: str, info: bytes, package: bytes) -> None:
    """Put two archives into one ``.conda``."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr(f"pkg-{stem}.tar.zst", compress(package, level=3))
        archive.writestr(f"info-{stem}.tar.zst", compress(info, level=3))


def make_tar(members: Iterable[tuple[str, Member]], *, mode: str = "w") -> bytes:
    """Return an archive of members."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for path, one in members:
            entry = tarfile.TarInfo(path)
            entry.mode = one.mode
            if one.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, one.data.decode()
                archive.addfile(entry)
                continue
            entry.size = len(one.data)
            archive.addfile(entry, io.BytesIO(one.data))
    return made.getvalue()


def _describe(path: str, one: Member) -> dict[str, object]:
    entry: dict[str, object] = {"_path": path, "path_type": "softlink" if one.link else "hardlink"}
    if not one.link:
        entry |= {"sha256": hashlib.sha256(one.data).hexdigest(), "size_in_bytes": len(one.data)}
    if one.placeholder:
        entry |= {"file_mode": one.placeholder, "prefix_placeholder": one.prefix}
    return entry
