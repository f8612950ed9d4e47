"""Chooses the index: the user's own, a fetched one, or the one inside the package."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from wheelfix.errors import ApplyError, IndexProblem, describe
from wheelfix.index import named_table
from wheelfix.index.named_table import NamedIndex, NameTable, open_names_bytes, open_names_file
from wheelfix.index.table import SCHEMA, SonameTable, open_bytes, open_file
from wheelfix.model.base import Struct, decode_json, encode_json
from wheelfix.model.index import say_date
from wheelfix.model.names import NameKind
from wheelfix.model.scan import IndexSource
from wheelfix.model.tables import read_data
from wheelfix.outside.files import claim_file, write_file
from wheelfix.outside.places import find_cache, find_own_database
from wheelfix.wheel.identity import find_stamp

BUNDLED = "sonames.sqlite.z"
BUNDLED_NAMES = "names.sqlite.z"
BUNDLED_HEADERS = "headers.sqlite.z"
NAMES_SUFFIX = ".names"
"""Of the table of names beside a soname table that was built with a name of its own."""
_KEPT = f"{SCHEMA}.1"
"""Generation of stored tables; tables of an earlier one took a file's time for the database's date."""
_SQLITE = b"SQLite format 3\0"
_MAGIC = b"NIXI"
_POLL = 0.1
"""Seconds between checks whether another update has ended."""


class _KnownDigest(Struct):
    """The digest of a database, with the properties by which the file is recognised."""

    key: str
    digest: str


def open_index(
    path: Path | None = None, *, progress: Callable[[int, int], None] | None = None
) -> SonameTable:
    """Open the first available index.

    Without a path: the user's own nix-index database (``~/.cache/nix-index/files``), else a table fetched
    by ``wheelfix index update``, else the table inside the package. A database is turned into a table once,
    which takes seconds; the table is kept in the cache directory by the database's digest.

    Args:
        path: a nix-index database or a soname table.
        progress: called with bytes done and in all while a table is built.

    Raises:
        IndexProblem: the index that was named, or the user's own, cannot be read.
    """
    if path is not None:
        return _open_path(path, source="file", progress=progress)
    own = find_own_database()
    if own.is_file():
        return _open_path(own, source="nix-index", progress=progress)
    fetched = find_fetched_table()
    if fetched.is_file():
        return open_file(fetched, source="fetched")
    return open_bundled()


def identify_index(path: Path | None = None) -> tuple[str, ...]:
    """Identify the index that :func:`open_index` opens, and the table of attributes, without reading them.

    Args:
        path: as for :func:`open_index`.
    """
    own = find_own_database()
    chosen = path or (own if own.is_file() else find_fetched_table())
    return tuple(f"{one} {_tell_stamp(one)}" for one in (chosen, find_cache().attributes))


def _tell_stamp(path: Path) -> str:
    try:
        return str(find_stamp(path.stat()))
    except (OSError, ValueError):
        return "none"


def open_ready(path: Path | None = None) -> SonameTable | None:
    """Open the index that :func:`open_index` would open, if it is there as a table; None if not.

    Args:
        path: as for :func:`open_index`.

    Raises:
        IndexProblem: it is damaged.
    """
    database = path or find_own_database()
    if path is not None and _read_head(path) == _SQLITE:
        return open_file(path, source="file")
    if path is not None or database.is_file():
        digest = _find_known_digest(database)
        table = find_built_table(digest) if digest else None
        return open_file(table, source="nix-index") if table and table.is_file() else None
    return open_index()


def open_bundled() -> SonameTable:
    """Open the table inside the package."""
    return open_bytes(zlib.decompress(read_data(__name__, BUNDLED)), subject=BUNDLED, source="bundled")


def open_names(
    table: SonameTable,
    path: Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NamedIndex:
    """Return the tables of names that belong to an index; each is opened when it is first asked.

    Where the index is a database, its table of names is built once, which takes half a minute, and kept in
    the cache directory by the database's digest.

    Args:
        table: the index.
        path: the file that was given to :func:`open_index`.
        progress: called with bytes done and in all while a table is built.
    """

    def open_one(kind: NameKind) -> NameTable:
        if table.info.source == "bundled":
            return _open_bundled_names(BUNDLED_HEADERS if kind is NameKind.HEADER else BUNDLED_NAMES)
        return open_own()

    @cache
    def open_own() -> NameTable:
        return open_names_file(_find_names(table, path, progress))

    return NamedIndex(open_one)


@cache
def _open_bundled_names(name: str) -> NameTable:
    return open_names_bytes(zlib.decompress(read_data(__name__, name)), subject=name)


def _find_names(table: SonameTable, path: Path | None, progress: Callable[[int, int], None] | None) -> Path:
    """Find the table of names of an index that is not the bundled one; build it if there is none."""
    if path is not None and _read_head(path) == _SQLITE:
        names = path.with_name(f"{path.name}{NAMES_SUFFIX}")
        if not names.is_file():
            hint = "build both again: `wheelfix index build --from DATABASE -o FILE`, or name the database"
            raise IndexProblem(str(names), "is missing: a soname table answers sonames alone", hint)
        return names
    own = find_own_database() if table.info.source == "nix-index" else find_cache().database
    database = path or own
    if not database.is_file() or find_digest(database) != table.info.digest:
        raise IndexProblem(
            str(database),
            "is not the database that the soname table in use was built from",
            "run `wheelfix index update`, or name a database with --index",
        )
    return build_cached_names(database, date=table.info.date, progress=progress)


def build_cached_names(
    database: Path, *, date: str | None, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Return the path of the table of names of a database; builds it if it does not exist.

    Args:
        database: nix-index database.
        date: day of its nixpkgs, if it is known.
        progress: called with bytes done and in all.

    Raises:
        IndexProblem: the database is corrupt, or there is no place to store the table.
    """
    digest = find_digest(database)
    names = find_cache().find_built_names(named_table.SCHEMA, digest)
    if not names.is_file():
        from wheelfix.index.named_build import build_names

        try:
            build_names(database, names, date=date, digest=digest, progress=progress)
        except ApplyError as error:
            raise _tell_no_room(error) from None
    return names


def _tell_no_room(error: ApplyError) -> IndexProblem:
    return IndexProblem(error.subject, error.problem, "set XDG_CACHE_HOME to a directory with room")


def find_fetched_table() -> Path:
    """Return the path of the table that ``wheelfix index update`` writes."""
    return find_cache().find_fetched_table(_KEPT)


def find_database(path: Path | None) -> Path:
    """Find the nix-index database to read: the one named, the user's own, or the fetched one.

    Raises:
        IndexProblem: there is none.
    """
    if path:
        return path
    candidates = [find_own_database(), find_cache().database]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise IndexProblem(
        str(candidates[0]),
        "there is no nix-index database here",
        "run `nix-index`, fetch one with `wheelfix index update`, or name one",
    )


@contextmanager
def hold_updates(*, on_wait: Callable[[], None]) -> Iterator[None]:
    """Keep other processes from fetching into the same cache while the block runs.

    Args:
        on_wait: called if another process holds the lock; the call then waits for it.

    Raises:
        IndexProblem: the cache cannot be written.
    """
    lock, told = find_cache().update_lock, False

    def wait() -> None:
        nonlocal told
        if not told:
            on_wait()
            told = True
        time.sleep(_POLL)

    with ExitStack() as stack:
        try:
            lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(claim_file(lock, wait=wait))
        except OSError as error:
            problem = f"cannot be written ({describe(error)})"
            raise IndexProblem(str(lock), problem, "make room, or set XDG_CACHE_HOME") from None
        yield


def find_sources() -> tuple[IndexSource, ...]:
    """List the places where an index may be, in order of use; the first existing one is used."""
    own, fetched = find_own_database(), find_fetched_table()
    rows = [
        ("nix-index", str(own), _describe_own(own) if own.is_file() else "no database"),
        ("fetched", str(fetched), _describe(fetched) if fetched.is_file() else "nothing fetched yet"),
        ("bundled", BUNDLED, _say(open_bundled())),
    ]
    used = next(i for i, (name, path, _) in enumerate(rows) if name == "bundled" or Path(path).is_file())
    return tuple(
        IndexSource(name=name, path=path, state=state, used=i == used)
        for i, (name, path, state) in enumerate(rows)
    )


def _describe_own(database: Path) -> str:
    table = find_built_table(find_digest(database))
    return _describe(table) if table.is_file() else "a database whose table is built on first use"


def _describe(table: Path) -> str:
    try:
        return _say(open_file(table, source="file"))
    except IndexProblem as error:
        return error.problem


def _say(table: SonameTable) -> str:
    info = table.info
    counts = f"{info.sonames} sonames, {info.entries} entries, {', '.join(table.systems)}"
    return f"database {say_date(info)}, {counts}, sha256 {info.digest[:12]}"


def find_built_table(digest: str) -> Path:
    """Return the path of the stored table of a database.

    Args:
        digest: sha256 of the database.
    """
    return find_cache().find_built_table(_KEPT, digest)


def _find_known_digest(database: Path) -> str | None:
    """Return the digest of a database if it was computed before."""
    with suppress(OSError, ValueError):
        known = decode_json(_find_note(database).read_bytes(), _KnownDigest)
        if known.key == _find_key(database):
            return known.digest
    return None


def _find_note(database: Path) -> Path:
    return find_cache().find_digest_note(hashlib.sha256(str(database.absolute()).encode()).hexdigest()[:16])


def _find_key(database: Path) -> str:
    return ":".join(map(str, find_stamp(database.stat())))


def find_digest(database: Path) -> str:
    """Return the SHA-256 of a database, stored with size, time and inode to avoid reading 93 MB again.

    Raises:
        IndexProblem: the database cannot be read.
    """
    from wheelfix.index.build import compute_digest

    try:
        key = _find_key(database)
        if known := _find_known_digest(database):
            return known
        digest = compute_digest(database)
    except OSError as error:
        raise IndexProblem(str(database), f"cannot be read ({describe(error)})", "check the path") from None
    with suppress(OSError):  # an unwritable cache is not used
        write_file(_find_note(database), encode_json(_KnownDigest(key=key, digest=digest)))
    return digest


def _open_path(path: Path, *, source: str, progress: Callable[[int, int], None] | None) -> SonameTable:
    head = _read_head(path)
    if head == _SQLITE:
        return open_file(path, source=source)
    if not head.startswith(_MAGIC):
        raise IndexProblem(
            str(path),
            "neither a nix-index database nor a soname table",
            "give the `files` that nix-index writes, or a table of `wheelfix index build`",
        )
    return open_file(build_cached(path, progress=progress), source=source)


def _read_head(path: Path) -> bytes:
    from wheelfix.index.database import open_database

    try:
        with open_database(path) as file:
            return file.read(len(_SQLITE))
    except OSError as error:
        raise IndexProblem(str(path), f"cannot be read ({describe(error)})", "check the path") from None


def build_cached(path: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Return the path of the table of a database; builds it if it does not exist.

    Raises:
        IndexProblem: the database is corrupt, or there is no place to store the table.
    """
    digest = find_digest(path)
    table = find_built_table(digest)
    if not table.is_file():
        from wheelfix.index.build import build_table

        try:
            build_table(path, table, digest=digest, progress=progress)
        except ApplyError as error:
            raise _tell_no_room(error) from None
    return table
