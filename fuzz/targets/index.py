"""nix-index databases: entries, hints, footers, and whole files under zstd."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz import seeds
from fuzz.target import Scratch, Target, demand
from wheelfix.errors import IndexProblem
from wheelfix.index.database import iter_packages
from wheelfix.index.frcode import Entry, Package, decode_block, encode_package, parse_entry, parse_footer
from wheelfix.index.harvest import LIBRARY, may_hold_library, read_libraries

_scratch = Scratch()
_PACKAGE = Package(attr="a", output="out", name="a-1.0", hash="0" * 32)


def run_frcode(data: bytes) -> None:
    """The entries of one package: decoded, searched by hint, encoded and decoded again."""
    hint = may_hold_library(data)
    pairs, _ = decode_block(data, subject="f", offset=0)
    if not hint:
        demand(not any(LIBRARY.search(path) for _, path in pairs), "no library is overlooked")
    try:
        entries = [parse_entry(meta, path, subject="f", offset=0) for meta, path in pairs]
    except IndexProblem:
        return
    if not entries or any(_is_odd(entry) for entry in entries):
        return
    encoded = encode_package(_PACKAGE, entries)
    body = encoded[: encoded.rindex(b"\np\0") + 1]
    again = [
        parse_entry(*pair, subject="f", offset=0) for pair in decode_block(body, subject="f", offset=0)[0]
    ]
    demand(again == entries, "what is encoded decodes to the same")


def _is_odd(entry: Entry) -> bool:
    """What no file system has and the encoder refuses: LF in a target."""
    return entry.target is not None and b"\n" in entry.target


def run_footer(data: bytes) -> None:
    """The JSON behind a package."""
    package = parse_footer(data, subject="f", offset=0)
    demand(isinstance(package.attr, str) and isinstance(package.system, str | None), "texts are texts")


def run_database(data: bytes) -> None:
    """A whole file, decoded exactly and by the fast path."""
    path = _scratch.write(data)
    for _, entries in iter_packages(path):
        for _ in entries:
            pass
    read_libraries(path)


def run_inflated(data: bytes) -> None:
    """As ``database``; the input is what zstd is put around here."""
    run_database(seeds.pack_database(data))


def _raw() -> Iterator[bytes]:
    return (raw for raw, _ in seeds.frcode_packages())


_TOKENS = (
    b".so",
    b"\0",
    b"\n",
    b"\x80\0\n",
    b"\x80\xff\x80",
    b"p\0",
    b"\x7f",
    b"\x81",
    b"/lib/",
    b"o\n",
    b"so.1\n",
    b"1r\0\0",
    b"s\0",
    b'{"',
)

TARGETS = (
    Target(name="frcode", run=run_frcode, seeds=_raw, tokens=_TOKENS, max_size=1 << 12),
    Target(
        name="footer",
        run=run_footer,
        seeds=lambda: (footer for _, footer in seeds.frcode_packages()),
        tokens=(b'"origin":', b"null", b"[", b"{", b"true", b"1e999", b"9" * 30, b'"\\ud800"', b'"attr":'),
        max_size=1 << 10,
    ),
    Target(
        name="database",
        run=run_database,
        seeds=seeds.databases,
        tokens=(b"NIXI", b"\x28\xb5\x2f\xfd"),
        max_size=1 << 13,
    ),
    Target(
        name="inflated", run=run_inflated, seeds=seeds.inflated_databases, tokens=_TOKENS, max_size=1 << 13
    ),
)
