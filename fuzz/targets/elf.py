"""ELF files: reading, symbols, hints, and edits of the run path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import TypeVar

from fuzz.seeds import small_elf_files
from fuzz.target import Scratch, Target, demand
from wheelfix.elf.disk import read_elf_at
from wheelfix.elf.exports import read_symbols
from wheelfix.elf.file import open_file
from wheelfix.elf.reader import read_elf
from wheelfix.elf.stream import ForwardReader
from wheelfix.elf.watch import Watch
from wheelfix.errors import EditRefused, ElfError, WheelfixError
from wheelfix.model.elf import ElfObject
from wheelfix.patch.edit.apply import apply_edit, revert_edit
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.verify import verify

T = TypeVar("T")
_TOKENS = (
    b"\x7fELF",
    b"\0dlopen\0",
    b"$ORIGIN",
    b"libc.so.6\0",
    b"\xff" * 8,
    b"\0" * 16,
    b"\x7fELF\x02\x01\x01",
    b"FDO\0",
)
_PATHS = ((), ("/l",), ("$ORIGIN/../lib",), tuple(f"/nix/store/{'a' * 32}-package-{n}/lib" for n in range(8)))
EDITS = (
    *(ElfEdit(run_path=path) for path in _PATHS),
    *(ElfEdit(add_run_path=path) for path in _PATHS[1:]),
    ElfEdit(drop_run_path=("$ORIGIN",)),
    ElfEdit(add_needed=("libfuzz.so.1",)),
    ElfEdit(remove_needed=("libc.so.6",)),
    ElfEdit(replace_needed=(("libc.so.6", "libd.so.6"),)),
    ElfEdit(replace_needed=(("libc.so.6", "libc-of-another-length.so.6"),)),
    ElfEdit(interpreter="/lib/ld.so"),
)

_scratch, _before = Scratch(), Scratch()


def _try(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ElfError:
        return None


def run_elf(data: bytes) -> None:
    """The file read from a stream in pieces of two sizes and from disk: all say the same."""

    def stream(step: int) -> tuple[ElfObject | None, Watch]:
        watch = Watch()

        def chunks() -> Iterator[bytes]:
            return (data[at : at + step] for at in range(0, len(data), step))

        return _try(lambda: read_elf("f", watch.tee(chunks), size=len(data))), watch

    whole, watch = stream(1 << 20)
    pieces, other = stream(997)
    on_disk = _try(lambda: read_elf_at("f", _scratch.write(data)))
    demand(whole == pieces, "a stream says the same in pieces of any size")
    demand((on_disk and on_disk[0]) == whole, "a file on disk says the same as a stream")
    first, second = watch.result("f"), other.result("f")
    if whole is not None:
        demand(first == second, "hints do not depend on the size of pieces")


def run_symbols(data: bytes) -> None:
    """The dynamic symbols, from a stream and from disk."""
    with open_file("f", _scratch.write(data)) as reader:
        on_disk = _try(lambda: read_symbols("f", reader))
    stream = _try(
        lambda: read_symbols("f", ForwardReader(lambda: iter((data,)), size=len(data), head_size=512))
    )
    demand(on_disk == stream, "symbols do not depend on how a file is read")


def run_edit(data: bytes) -> None:
    """The first byte chooses an edit of the rest: refused, or exact, and taken back bit by bit."""
    if not data:
        return
    edit, data = EDITS[data[0] % len(EDITS)], data[1:]
    path, before = _scratch.write(data), _before.write(data)
    try:
        applied = apply_edit(path, edit)
    except EditRefused:
        demand(_scratch.read() == data, "a refused edit leaves the file as it was")
        raise
    changed = _scratch.read()
    demand(len(changed) <= len(data) + (1 << 21) + 2 * len(data), "an edit does not blow a file up")
    problems = verify(before, path, edit)
    if not problems and applied.changed and (old := _try(lambda: read_elf_at("f", before))):
        now = read_elf_at("f", path)[0]
        for entry in edit.add_run_path:
            demand(entry in (*now.rpath, *now.runpath), "what is added is there")
        if edit.run_path is not None:
            demand((now.rpath or now.runpath) == edit.run_path, "the run path is the one asked for")
            demand(now.needed == old[0].needed, "needs are as they were")
    revert_edit(path, applied)
    demand(_scratch.read() == data, "an edit is taken back bit by bit")
    if problems:
        raise UncleanEdit("f", problems[0].message)


class UncleanEdit(WheelfixError):  # noqa: N818 - says what happened
    """The verifier rejects what the editor did: a patch would end here, and nothing is broken."""


def run_verify(data: bytes) -> None:
    """Two versions of a file: the first two bytes say where the second one differs."""
    if len(data) < 4:
        return
    at, value, data = int.from_bytes(data[:2], "little"), data[2], data[3:]
    other = bytearray(data)
    if other:
        other[at % len(other)] = value
    verify(_before.write(data), _scratch.write(bytes(other)))


def _edit_seeds() -> Iterator[bytes]:
    for number, data in product(range(len(EDITS)), small_elf_files()):
        yield bytes([number]) + data


TARGETS = (
    Target(name="elf", run=run_elf, seeds=small_elf_files, tokens=_TOKENS),
    Target(name="symbols", run=run_symbols, seeds=small_elf_files, tokens=_TOKENS),
    Target(name="edit", run=run_edit, seeds=_edit_seeds, tokens=_TOKENS),
    Target(
        name="verify",
        run=run_verify,
        seeds=lambda: (bytes([40, 0, 1]) + data for data in small_elf_files()),
        tokens=_TOKENS,
    ),
)
