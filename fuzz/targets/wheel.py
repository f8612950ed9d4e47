"""Wheels and installed environments: zip, METADATA, WHEEL, RECORD, Python sources."""

from __future__ import annotations

import functools
import shutil
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from fuzz import seeds
from fuzz.target import Scratch, Target, demand
from wheelfix.elf.reader import ELF_MAGIC, read_elf
from wheelfix.errors import WheelfixError
from wheelfix.pysource.sources import find_in_sources
from wheelfix.wheel.about import parse_about
from wheelfix.wheel.archive import iter_chunks, iter_heads, open_archive, read_distribution
from wheelfix.wheel.environment import read_environment
from wheelfix.wheel.metadata import (
    find_environment,
    parse_filename,
    parse_metadata,
    parse_requirement,
    parse_wanted,
    parse_wheel_tags,
)

_scratch = Scratch()
_MAX_INFLATED = 32 << 20
"""Bytes of members that are inflated for one input: bombs are honest work, and take honest time."""


def run_zip(data: bytes) -> None:
    """All of an archive: the directory, the metadata, each ELF member, each member's bytes."""
    with open_archive(_scratch.write(data)) as archive:
        for member in archive.members:
            demand(not member.path.startswith("/") and ".." not in member.path.split("/"), "no path leaves")
        for step in (
            lambda: read_distribution(archive),
            lambda: list(iter_heads(archive, ELF_MAGIC)),
        ):
            with suppress(WheelfixError):
                step()
        left = _MAX_INFLATED
        for member in archive.members[:64]:
            left -= min(member.size, len(data) * 1032)
            if left < 0:
                break
            with suppress(WheelfixError):
                read_elf(member.path, partial(iter_chunks, archive, member), size=member.size)
            try:
                total = sum(map(len, iter_chunks(archive, member)))
            except WheelfixError:
                continue
            demand(total == member.size, "a member has the size that its directory entry says")


def run_metadata(data: bytes) -> None:
    """METADATA, with the tags of its own ``Tag:`` lines."""
    tags = parse_wheel_tags(data.decode("utf-8", "replace"))
    parse_about(data)
    for line in data.decode("utf-8", "replace").split("\n")[:8]:
        parse_filename(line)
        parse_wanted(line)
        parse_requirement(line, find_environment(tags[:16]))
    name, _, requires = parse_metadata("METADATA", data, tags)
    demand(name == name.lower(), "names are normalised")
    for requirement in requires:
        demand(requirement.name == requirement.name.lower(), "names of requirements are normalised")


@functools.cache
def _make_site() -> Path:
    # In memory where the system has such a place: three files are written for each input.
    shm = Path("/dev/shm")
    site = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm if shm.is_dir() else None))
    seeds.clean_later(lambda: shutil.rmtree(site, ignore_errors=True))
    (site / "pkg").mkdir()
    (site / "pkg" / "lib.so").write_bytes(next(iter(seeds.small_elf_files())))
    (site / "demo-1.0.dist-info").mkdir()
    return site


def run_record(data: bytes) -> None:
    """RECORD of an installed distribution; what stands before the first NUL is its METADATA."""
    site = _make_site()
    metadata, _, record = data.rpartition(b"\0")
    (site / "demo-1.0.dist-info/METADATA").write_bytes(metadata or b"Name: demo\nVersion: 1.0\n")
    (site / "demo-1.0.dist-info/RECORD").write_bytes(record)
    found = read_environment(site, ELF_MAGIC)
    for one in found.distributions:
        for file in one.elf_files:
            demand(file.disk.is_relative_to(site), "no file outside of the environment is opened")


def run_python(data: bytes) -> None:
    """A Python source, searched for what it opens."""
    uses = find_in_sources(["pkg/a.py"], {"pkg/a.py": data}.get)
    for opened in (n for use in uses for call in use.calls for n in call.names):
        demand(opened.name.isprintable() or not opened.name.isascii(), "sonames are plain text")


_ZIP_TOKENS = (
    b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\1\0\x1c\0", b"../",
    b"\xff\xff\xff\xff", b"\x08\0",
    b"\x7fELF",
)  # fmt: skip
_META_TOKENS = (
    b"Name: ", b"Version: ", b"Requires-Dist: ", b"Tag: ", b"; ", b"extra == 'x'", b"python_version", b" ~= ",
    b" < ", b" in ", b"not in", b" and ", b" or ", b"(", b")", b"[", b"]", b"===", b"@ ", b"9" * 40,
    b"cp312-cp312-", b"manylinux_2_28_x86_64", b"os_name", b"'a'", b"dependency_groups",
    b"extras", b"\r\n", b"\n ",
    b"=?utf-8?q?", b"platform_release", b"implementation_version", b"'3.x'",
    b"Content-Type: multipart/mixed; boundary=a\n",
)  # fmt: skip
_PYTHON_TOKENS = (
    b"ctypes", b"CDLL(", b"find_library(", b"dlopen(", b"f'{", b"%s", b".format(",
    b"os.path.join(", b"'libx.so.1'",
    b"for x in ", b"\n    ", b"import ", b" if ", b" else ", b"(" * 50, b"*", b"+", b"**", b"<<",
    b"def f():\n", b"=",
)  # fmt: skip

TARGETS = (
    Target(name="zip", run=run_zip, seeds=seeds.small_wheels, tokens=_ZIP_TOKENS),
    Target(
        name="metadata", run=run_metadata, seeds=seeds.metadata_files, tokens=_META_TOKENS, max_size=1 << 14
    ),
    Target(
        name="record",
        run=run_record,
        seeds=seeds.record_files,
        tokens=(b"../", b"/", b'"', b",", b"\0", b"\r", b"pkg/lib.so", b"./", b"\xff", b"sha256="),
        max_size=1 << 14,
    ),
    Target(
        name="python",
        run=run_python,
        seeds=seeds.python_sources,
        tokens=_PYTHON_TOKENS,
        max_size=1 << 13,
    ),
)
