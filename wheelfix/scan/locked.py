"""Facts about wheels that a lock names, kept by the wheels' SHA-256: read once, whoever has the wheel."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from wheelfix.elf.parallel import Source as ElfSource
from wheelfix.elf.parallel import read_elf_files
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import InputError
from wheelfix.files import open_regular
from wheelfix.model.override import Source
from wheelfix.model.reading import Reading, WheelFacts
from wheelfix.scan.read import read_archive
from wheelfix.wheel.about import find_modules
from wheelfix.wheel.archive import find_dist_info, iter_chunks, open_archive
from wheelfix.wheel.contents import read_contents
from wheelfix.wheel.identity import hash_beside, wait_for_tick
from wheelfix.wheel.metadata import list_dist_infos, parse_about, parse_filename, parse_metadata
from wheelfix.wheel.pretenders import is_named_like_library, tell_pretenders
from wheelfix.wheel.results import find_hashed_name, read_entry, store_entry
from wheelfix.wheel.sources import read_tree_sources

_CHUNK, _HEAD = 1 << 20, 64


def read_known_facts(sha256: str, cache: Path) -> WheelFacts | None:
    """What was read of a wheel before, or None."""
    found = read_entry(cache / find_hashed_name(sha256, WheelFacts), WheelFacts)
    return found[0] if found else None


def store_facts(facts: WheelFacts, cache: Path) -> None:
    """Keep what was read of a wheel."""
    store_entry(cache, find_hashed_name(facts.sha256, WheelFacts), facts.target, [facts])


def read_wheel_facts(path: Path, sha256: str, *, name: str | None = None) -> WheelFacts:
    """Read a wheel file.

    Args:
        path: the file.
        sha256: its digest.
        name: of the wheel, where the file has another one.

    Raises:
        InputError: it is missing, no wheel, damaged or hostile, or has another digest.
    """
    with _lend_name(path, name or path.name) as named:
        return _read_named(named, sha256)


@contextmanager
def _lend_name(path: Path, name: str) -> Iterator[Path]:
    """Tags are in a wheel's file name, which caches do not keep: a link has it while the wheel is read."""
    if path.name == name:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="wheelfix-") as directory:
        link = Path(directory) / name
        link.symlink_to(path.resolve())
        yield link


def _read_named(path: Path, sha256: str) -> WheelFacts:
    wait_for_tick(path)
    with open_archive(path) as archive, hash_beside(archive.read) as pending:
        reading = read_archive(archive, path)
        members = {member.path: member for member in archive.members}
        info = find_dist_info(archive)
        files = read_contents(
            info,
            {m.path: m.size for m in archive.members},
            lambda name: b"".join(iter_chunks(archive, members[name])),
            lambda name: members[name].crc,
        )
        metadata = members[f"{info}/METADATA"]
        summary, homepage, spdx, license_ = parse_about(b"".join(iter_chunks(archive, metadata)))
        if pending() != sha256:
            hint = "fetch it again: what would be read of it belongs to another wheel"
            raise InputError(archive.name, f"has not the sha256 {sha256}", hint)
        archive.check_unchanged()
    wheel = reading.distribution
    return WheelFacts(
        target=wheel.target,
        sha256=sha256,
        summary=summary,
        homepage=homepage,
        spdx=spdx,
        license=license_,
        name=wheel.name,
        version=wheel.version,
        tags=wheel.tags,
        requires=wheel.requires,
        files=files,
        objects=reading.objects,
        hints=reading.hints,
        uses=tuple(sorted(reading.uses, key=lambda use: use.path)),
        findings=reading.findings,
    )


def read_unpacked_facts(directory: Path, filename: str, sha256: str) -> WheelFacts:
    """Read a wheel that uv unpacked into its cache: the same facts as of the wheel itself.

    Args:
        directory: the unpacked wheel.
        filename: of the wheel.
        sha256: of the wheel.

    Raises:
        InputError: something in it cannot be read.
    """
    parsed = parse_filename(filename)
    tags = parsed[2] if parsed else ()
    paths = sorted(_list_files(directory))
    infos = list_dist_infos(filename, paths)
    if len(infos) != 1:
        problem = f"holds {len(infos)} *.dist-info/METADATA that may be its own"
        raise InputError(str(directory), problem, "clean uv's cache: `uv cache clean`")
    metadata = f"{infos[0]}/METADATA"
    try:
        text = _read_file(directory / metadata)
        name, version, requires = parse_metadata(metadata, text, tags)
        summary, homepage, spdx, license_ = parse_about(text)
        sizes = {path: (directory / path).stat().st_size for path in paths}
        files = read_contents(
            infos[0],
            sizes,
            lambda path: _read_file(directory / path),
            lambda path: _find_crc(directory / path),
        )
        heads = {path: _read_head(directory / path) for path in paths}
        largest = sorted(paths, key=lambda p: (-sizes[p], p))
        elf_files = (
            ElfSource(path=p, chunks=partial(_iter_file, directory / p), size=sizes[p])
            for p in largest
            if heads[p].startswith(ELF_MAGIC)
        )
        with read_elf_files(elf_files) as pending:
            pairs = pending()
    except OSError as error:
        raise InputError(str(directory), f"cannot be read ({error.strerror})", "clean uv's cache") from None
    uses = read_tree_sources(directory, directory, [p for p in paths if p.endswith(".py")])
    return WheelFacts(
        target=filename,
        sha256=sha256,
        summary=summary,
        homepage=homepage,
        spdx=spdx,
        license=license_,
        name=name,
        version=version,
        tags=tags,
        requires=requires,
        files=files,
        objects=tuple(obj for obj, _ in pairs),
        hints=tuple(hints for _, hints in pairs),
        uses=tuple(sorted(uses, key=lambda use: use.path)),
        findings=tell_pretenders(
            (path, head)
            for path, head in heads.items()
            if is_named_like_library(path) and not head.startswith(ELF_MAGIC)
        ),
    )


def make_source(facts: WheelFacts) -> Source:
    """What a complete package of nixpkgs says of a wheel."""
    return Source(
        filename=facts.target,
        sha256=bytes.fromhex(facts.sha256),
        summary=facts.summary,
        homepage=facts.homepage,
        spdx=facts.spdx,
        license=facts.license,
        requires=tuple(sorted({r.name for r in facts.requires if r.active})),
        imports=tuple(find_modules(facts.distribution)),
    )


def make_reading(facts: WheelFacts) -> Reading:
    """Facts as the resolver takes them; symbols are not among them."""
    return Reading(
        distribution=facts.distribution,
        objects=facts.objects,
        read_symbols=_refuse,
        hints=facts.hints,
        uses=facts.uses,
        findings=facts.findings,
    )


def _refuse(_: object) -> tuple[()]:
    return ()


def _list_files(directory: Path) -> list[str]:
    found = []
    for top, _, names in os.walk(directory):
        inside = os.path.relpath(top, directory)
        found += [name if inside == "." else f"{inside}/{name}" for name in names]
    return found


def _read_file(path: Path) -> bytes:
    with open_regular(path, os.O_RDONLY, "rb") as file:
        return file.read()


def _iter_file(path: Path) -> Iterator[bytes]:
    with open_regular(path, os.O_RDONLY, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _read_head(path: Path) -> bytes:
    with open_regular(path, os.O_RDONLY, "rb") as file:
        return file.read(_HEAD)


def _find_crc(path: Path) -> int:
    crc = 0
    for chunk in _iter_file(path):
        crc = zlib.crc32(chunk, crc)
    return crc
