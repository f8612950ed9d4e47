"""Lays a wheel out as an installer does: ``install_wheel WHEEL PREFIX SITE_PACKAGES``."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path, PurePosixPath


def install_wheel(wheel: Path, prefix: Path, site: str) -> None:
    """Write the files of a wheel below a prefix; ``site`` is the part that leads to site-packages."""
    targets = {"purelib": site, "platlib": site, "scripts": "bin", "data": "", "headers": "include"}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            parts = PurePosixPath(member.filename).parts
            if len(parts) > 2 and parts[0].endswith(".data"):
                path = prefix.joinpath(targets[parts[1]], *parts[2:])
            else:
                path = prefix.joinpath(site, *parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
            path.chmod(0o755 if member.external_attr >> 16 & 0o111 else 0o644)


if __name__ == "__main__":
    install_wheel(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
