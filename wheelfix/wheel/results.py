"""What was found in a wheel, kept so that the same wheel need not be inflated again.

An entry is found by a key, which for what was read of a wheel is the SHA-256 of its bytes and nothing less,
and by the shape of the facts: facts that gained a field have another entry. One file per entry,
``<sha256>.<facts>.json``. A cache may fail to help, and never fails otherwise: what cannot be read is no
entry, what cannot be written is not kept. Any number of processes may use one: entries come and go whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

SCHEMA = 3
"""Counted up when the readers find something else in the same bytes; fields need no counting."""

LIMIT = 256 << 20
"""Bytes that the entries of one directory may take; the longest unused go first."""

_MAX_ENTRY = 32 << 20
_NAME = re.compile(r"[0-9a-f]{40,64}(\.[a-z]+)?\.json")
_PARTIAL = re.compile(r"\.partial-\w+")
_STALE = 24 * 3600
_SHARE = 8
"""A process prunes when it stores its first entry, then after every eighth of the limit: to look at all
entries for each one that is stored would take time by the square of their number."""

_unpruned: dict[Path, int] = {}
"""Bytes that this process stored since it pruned, by directory."""

T = TypeVar("T")


def read_entry(path: Path, kind: type[T]) -> tuple[T, ...] | None:
    """Read one entry of the cache.

    Args:
        path: the entry.
        kind: frozen dataclass of the facts, such as :class:`wheelfix.model.reading.WheelFacts`.

    Returns:
        The facts as they were stored; None if there is no such entry, or it cannot be used.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            data = file.read(_MAX_ENTRY + 1)
        if len(data) > _MAX_ENTRY:
            return None
        document = json.loads(data)
        if document["entry"] != path.name:
            return None
        values = tuple(_decode(kind, value) for value in document["facts"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    with suppress(OSError):
        os.utime(path)  # used: pruned later than others
    return values


def store_entry(
    directory: Path, name: str, wheel: str, values: Sequence[object], *, limit: int = LIMIT
) -> None:
    """Keep one entry, and prune at times; a directory that cannot be written to is left as it is.

    Args:
        directory: the cache; made if it is missing.
        name: of the entry, see :func:`find_hashed_name`.
        wheel: file name of the wheel, for people who look into the cache.
        values: the facts.
        limit: bytes that all entries together may take, and an eighth more.
    """
    document = {"entry": name, "wheel": wheel, "facts": [_encode(value) for value in values]}
    data = json.dumps(document, separators=(",", ":")).encode()
    if len(data) > _MAX_ENTRY:
        return
    with suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=".partial-", dir=directory)
        try:
            with open(handle, "wb") as file:  # noqa: PTH123
                file.write(data)
            os.replace(partial, directory / name)  # noqa: PTH105
        except BaseException:
            with suppress(OSError):
                os.unlink(partial)  # noqa: PTH108
            raise
        stored = _unpruned.get(directory)
        if stored is None or (stored + len(data)) * _SHARE > limit:
            _unpruned[directory] = 0
            _prune(directory, limit)
        else:
            _unpruned[directory] = stored + len(data)


def find_hashed_name(key: str, kind: type[Any]) -> str:
    """File name of the entry for a key, such as the SHA-256 of a wheel, and one kind of facts."""
    digest = hashlib.sha256(f"{SCHEMA} {_describe(kind)} {key}".encode()).hexdigest()
    return f"{digest}.{kind.__name__.lower()}.json"


def _prune(directory: Path, limit: int) -> None:
    """Delete the entries that were used longest ago until the rest fits, and what killed processes left.

    Other processes may prune at the same time: what is gone is no error.
    """
    entries, now = [], time.time()
    for entry in os.scandir(directory):
        with suppress(OSError):
            info = entry.stat(follow_symlinks=False)
            if _NAME.fullmatch(entry.name):
                entries.append((info.st_mtime, info.st_size, entry.path))
            elif _PARTIAL.fullmatch(entry.name) and info.st_mtime < now - _STALE:
                os.unlink(entry.path)  # noqa: PTH108
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= limit:
            break
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108
        total -= size


@cache
def _find_fields(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}


def _describe(kind: Any) -> str:
    """The shape of a type, so that entries of another shape are never looked at."""
    if is_dataclass(kind) and isinstance(kind, type):
        parts = [f"{name}:{_describe(hint)}" for name, hint in _find_fields(kind).items()]
        return f"{kind.__name__}({','.join(parts)})"
    if arguments := get_args(kind):
        return f"{get_origin(kind)}[{','.join(map(_describe, arguments))}]"
    return str(kind)


def _encode(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _encode(getattr(value, name)) for name in _find_fields(type(value))}
    return [_encode(v) for v in value] if isinstance(value, tuple) else value


def _decode(kind: Any, value: Any) -> Any:
    """Check a JSON value against a type, and make it that type.

    Raises:
        TypeError, ValueError, KeyError: it is something else.
    """
    if kind is str or kind is int or kind is bool:
        if type(value) is not kind:
            raise TypeError
        return value
    origin = get_origin(kind)
    if origin is tuple:
        if type(value) is not list:
            raise TypeError
        item = get_args(kind)[0]
        return tuple([_decode(item, v) for v in value])
    if origin is UnionType:
        (inner,) = (a for a in get_args(kind) if a is not type(None))
        return None if value is None else _decode(inner, value)
    if is_dataclass(kind):
        hints = _find_fields(kind)  # type: ignore[arg-type]
        if type(value) is not dict or value.keys() != hints.keys():
            raise TypeError
        return kind(**{name: _decode(hint, value[name]) for name, hint in hints.items()})  # type: ignore[operator]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    raise TypeError
