"""The corpus: real files of this checkout, of this interpreter and its packages, and of this machine's gcc.

Nothing is downloaded. What the tests have downloaded is no part of it either: a corpus has to be small.
"""

from __future__ import annotations

import atexit
import functools
import io
import stat
import sysconfig
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.elf import build_elf
from tests.support.frcode import make_entries, make_package
from wheelfix.index.database import MAGIC, VERSION
from wheelfix.index.frcode import encode_package
from wheelfix.wheel.zstd import compress

ROOT = Path(__file__).parents[1]
_SITE = Path(sysconfig.get_path("purelib"))
_LIBRARY = Path(sysconfig.get_path("stdlib"))
_MAX_ELF = 40 << 10
_ELF_FILES = 12


def clean_later(function: Callable[[], object]) -> None:
    """Call a function when the process ends."""
    atexit.register(function)


def _is_small(path: Path, limit: int) -> bool:
    try:
        info = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(info.st_mode) and 0 < info.st_size <= limit


@functools.cache
def small_elf_files() -> tuple[bytes, ...]:
    """ELF files of some KB: foreign ones, ones of each linker there is, extension modules of this Python."""
    found = [path.read_bytes() for path in sorted((ROOT / "fixtures/elf").iterdir())]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        work = Path(name)
        for number, flags in enumerate(([], ["-Wl,-z,norelro", "-s"], ["-fuse-ld=lld"], ["-fuse-ld=mold"])):
            try:
                found += [
                    build_elf(
                        work,
                        f"a{number}.so",
                        soname="liba.so.1",
                        needed=["libc.so.6"],
                        runpath=["$ORIGIN"],
                        flags=flags,
                    ),
                    build_elf(work, f"b{number}", executable=True, rpath=["/x"], flags=flags),
                ]
            except (OSError, ValueError):
                continue
    modules = [p for place in (_LIBRARY, _SITE) for p in place.rglob("*.so") if _is_small(p, _MAX_ELF)]
    found += [p.read_bytes() for p in sorted(modules, key=lambda p: (p.stat().st_size, p))[:_ELF_FILES]]
    return tuple(data for data in found if len(data) <= _MAX_ELF)


def _installed(name: str, limit: int = 8 << 10) -> Iterator[bytes]:
    for path in sorted(_SITE.glob(f"*.dist-info/{name}")):
        if _is_small(path, 1 << 20):
            yield path.read_bytes()[:limit]


def metadata_files() -> Iterator[bytes]:
    """METADATA and WHEEL of what is installed here."""
    for metadata, wheel in zip(_installed("METADATA"), _installed("WHEEL"), strict=False):
        yield wheel + metadata
    yield from _installed("METADATA", 1 << 10)


def record_files() -> Iterator[bytes]:
    """RECORD files of what is installed here, alone and behind a METADATA."""
    for metadata, record in zip(_installed("METADATA", 512), _installed("RECORD", 2 << 10), strict=False):
        yield metadata + b"\0" + record
        yield record


@functools.cache
def small_wheels() -> tuple[bytes, ...]:
    """Wheels of real parts: stored, deflated, with zip64 fields, with comments and directories."""
    files = small_elf_files()
    metadata = next(_installed("METADATA", 1 << 10))
    wheels = []
    for number, data in enumerate(files[:8]):
        out = io.BytesIO()
        method = zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED
        with zipfile.ZipFile(out, "w", method) as archive:
            archive.comment = b"a comment" * (number % 3)
            with archive.open(zipfile.ZipInfo("pkg/lib.so"), "w", force_zip64=number % 4 == 1) as member:
                member.write(data[: 4 << 10] if number % 2 else data[: 2 << 10])
            archive.writestr("pkg/", b"")
            archive.writestr("pkg/é.py", b"import ctypes\n")
            archive.writestr("demo-1.0.dist-info/METADATA", metadata)
            archive.writestr("demo-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheels.append(out.getvalue())
    return tuple(wheels)


def python_sources() -> Iterator[bytes]:
    """Sources of the standard library and of installed packages that open libraries by name."""
    yield b"import ctypes as c\nfor n in ('libx.so.1', 'y'):\n    c.CDLL(c.util.find_library(n) or n)\n"
    for path in [*sorted((_LIBRARY / "ctypes").rglob("*.py")), *sorted(_SITE.rglob("*.py"))]:
        if _is_small(path, 8 << 10) and b"ctypes" in (data := path.read_bytes()):
            yield data


@functools.cache
def frcode_packages() -> tuple[tuple[bytes, bytes], ...]:
    """Front-coded packages, entries and footer, that list real directories as nix-index does."""
    found = []
    for number, top in enumerate(
        (_LIBRARY / "lib-dynload", _LIBRARY / "json", _SITE / "packaging", ROOT / "tests")
    ):
        if top.is_dir():
            files = {f"/lib/{p.relative_to(top)}": "" for p in sorted(top.rglob("*"))[:60] if p.is_file()}
            files |= {
                "/lib/libz.so": "libz.so.1",
                "/lib/libz.so.1": "",
                "/lib/libz.spec": "",
                "/lib/libmoar.so-gdb.py": "",
            }
            data = encode_package(make_package(f"set.name{number}", number), make_entries(files))
            cut = data.rindex(b"\np\0") + 1
            found.append((data[:cut], data[data.index(b"{", cut) :].rstrip(b"\n")))
    return tuple(found)


def inflated_databases() -> Iterator[bytes]:
    """Databases before compression."""
    packages = [
        encode_package(
            make_package("set.other", n), make_entries([f"/lib/lib{i}.so.{n}" for i in range(8)] + ["/bin/x"])
        )
        for n in range(4)
    ]
    yield from (packages[0], b"".join(packages))


def pack_database(inflated: bytes) -> bytes:
    """Put header and compression around."""
    return MAGIC + VERSION.to_bytes(8, "little") + compress(inflated, level=1)


def databases() -> Iterator[bytes]:
    """Whole databases."""
    return map(pack_database, inflated_databases())


def messages() -> Iterator[bytes]:
    """Logs in the wordings of loaders, interpreters and builds."""
    texts = (path.read_text("utf-8") for path in sorted((ROOT / "fixtures/messages").glob("*.toml")))
    for message in (one for text in texts for one in tomllib.loads(text)["message"]):
        yield message["text"].encode()


def lines() -> Iterator[bytes]:
    """The lines of those logs, each alone."""
    for message in messages():
        yield from message.splitlines()


def strange_texts() -> Iterator[bytes]:
    """Names and paths as wheels have them, and what Nix would take for code."""
    yield from (
        b'x${builtins.abort "y"}',
        b"''${x}",
        b"a\r\nb",
        b"3to2",
        b"ruamel.yaml",
        b"*/ 1",
        b"final:prev:",
        b"\\${x}",
    )
    yield from (line[:120] for line in lines())
    yield from (path.name.encode() for path in sorted(_SITE.iterdir()))


def nix_files() -> Iterator[bytes]:
    """Nix code of this project, written by hand and generated."""
    for path in sorted(p for p in ROOT.rglob("*.nix") if not p.relative_to(ROOT).parts[0].startswith(".")):
        if _is_small(path, 8 << 10):
            yield path.read_bytes()
