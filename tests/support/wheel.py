"""Wheels with true RECORD hashes."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

TAG = "cp312-cp312-manylinux_2_28_x86_64"


def build_wheel(
    directory: Path,
    *,
    files: Mapping[str, bytes],
    name: str = "demo",
    version: str = "1.0",
    tag: str = TAG,
    requires: Sequence[str] = (),
    metadata: bytes | None = None,
    compression: int = zipfile.ZIP_DEFLATED,
    filename: str | None = None,
) -> Path:
    """Write a wheel and return its path.

    Args:
        files: member paths to contents; METADATA, WHEEL and RECORD are added.
        metadata: replaces the METADATA file.
        filename: replaces the file name that follows from name, version and tag.
    """
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    members = {
        **files,
        f"{info}/METADATA": "\n".join([*lines, ""]).encode() if metadata is None else metadata,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    record = "".join(f"{path},{_hash(data)},{len(data)}\n" for path, data in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = directory / (filename or f"{name}-{version}-{tag}.whl")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0)), data, compress_type=compression)
    return path


def _hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"
