"""What is read of packages of conda is what rattler extracts."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from rattler import IndexJson, PathsJson
from rattler.package_streaming import extract

from tests.support.conda import Member, build_conda
from wheelfix.wheel.archive import open_unlisted
from wheelfix.wheel.conda import MemberKind, is_read, iter_members, parse_description


def build(top: Path, suffix: str) -> Path:
    files: dict[str, Member | bytes] = {
        "bin/run": Member(b"#!/opt/place/bin/sh\n", mode=0o755, placeholder="text", prefix="/opt/place"),
        "lib/libx.so.1.2": Member(b"\0/opt/place\0", placeholder="binary", prefix="/opt/place"),
        "lib/libx.so.1": Member(b"libx.so.1.2", link=True),
        "lib/libx.so": Member(b"libx.so.1", link=True),
        "share/a b/ü": b"text\n",
        "share/large": bytes(range(256)) * 9000,
    }
    return build_conda(top, "x", files, depends=["y >=1,<2", "__glibc >=2.17"], suffix=suffix)


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_members_and_description_are_the_same(tmp_path: Path, suffix: str) -> None:
    package, out = build(tmp_path / "packages", suffix), tmp_path / "out"
    extract(package, out)
    theirs: dict[str, tuple[str, str]] = {}
    for top, _, names in os.walk(out):
        for file in (Path(top, name) for name in names):
            shown = file.relative_to(out).as_posix()
            if file.is_symlink():
                theirs[shown] = "link", str(file.readlink())
            else:
                digest = hashlib.sha256(file.read_bytes()).hexdigest()
                theirs[shown] = f"{file.stat().st_mode & 0o777:o}", digest
    mine: dict[str, tuple[str, str]] = {}
    kept = {}
    with open_unlisted(package) as archive:
        for member, chunks in iter_members(archive):
            data = b"".join(chunks)
            is_link = member.kind is MemberKind.LINK
            digest = hashlib.sha256(data).hexdigest()
            mine[member.path] = ("link", member.target) if is_link else (f"{member.mode:o}", digest)
            if is_read(member.path):
                kept[member.path] = data
    assert mine == theirs
    said, index = parse_description(package.name, kept), IndexJson.from_package_directory(out)
    assert (said.name, said.version, said.build.build) == (
        index.name.normalized,
        str(index.version),
        str(index.build),
    )
    assert list(said.build.depends) == index.depends
    assert said.paths is not None
    listed = {
        Path(entry.relative_path).as_posix(): entry for entry in PathsJson.from_package_directory(out).paths
    }
    assert listed.keys() == said.paths.keys()
    for path, entry in listed.items():
        placeholder = entry.prefix_placeholder
        assert said.paths[path].placeholder == (placeholder.placeholder if placeholder else "")
        assert said.paths[path].binary == bool(placeholder and placeholder.file_mode.binary)
        if not said.paths[path].link:
            assert entry.sha256 is not None
            assert said.paths[path].sha256 == entry.sha256.hex()
