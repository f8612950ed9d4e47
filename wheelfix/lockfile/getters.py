"""Typed access to parsed TOML: what is there has its type, or the error names its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelfix.errors import InputError, strip_login
from wheelfix.model.lock import LockedFile

T = TypeVar("T")

_WORDS = {str: "text", int: "a number", bool: "true or false", list: "a list", dict: "a table"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_HINT = "let the tool that wrote the lock write it again"


class Table:
    """A table and where it is, so that errors carry a path such as ``package[3].wheels[0].hash``."""

    def __init__(self, lock: str, path: str, values: Mapping[str, Any]) -> None:
        self.lock, self.path, self.values = lock, path, values

    def fail(self, key: str, problem: str) -> InputError:
        """An error about one key."""
        where = f"{self.path}.{key}" if self.path and key else self.path or key
        return InputError(f"{self.lock}: {where}", problem, _HINT)

    def get(self, key: str, kind: type[T]) -> T | None:
        """A value of a type, or None if there is none.

        Raises:
            InputError: it has another type.
        """
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.fail(key, f"is not {_WORDS[kind]}")
        return value

    def require(self, key: str, kind: type[T]) -> T:
        """The same for a value that has to be there."""
        value = self.get(key, kind)
        if value is None:
            raise self.fail(key, "is missing")
        return value

    def table(self, key: str) -> Table:
        """A table below; an empty one if there is none."""
        below: dict[str, Any] = self.get(key, dict) or {}
        return Table(self.lock, f"{self.path}.{key}" if self.path else key, below)

    def tables(self, key: str) -> list[Table]:
        """A list of tables below; empty if there is none."""
        found: list[Any] = self.get(key, list) or []
        path = f"{self.path}.{key}" if self.path else key
        for number, value in enumerate(found):
            if not isinstance(value, dict):
                raise self.fail(f"{key}[{number}]", "is not a table")
        return [Table(self.lock, f"{path}[{number}]", value) for number, value in enumerate(found)]

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of text below; empty if there is none."""
        found: list[Any] = self.get(key, list) or []
        for number, value in enumerate(found):
            if not isinstance(value, str):
                raise self.fail(f"{key}[{number}]", "is not text")
        return tuple(found)

    def name(self, key: str = "name") -> str:
        """A normalised distribution name (PEP 503).

        Raises:
            InputError: it is missing, or none.
        """
        text = self.require(key, str)
        if not _NAME.fullmatch(text):
            raise self.fail(key, f"{text!r} is no name of a distribution")
        return canonicalize_name(text)

    def version(self, key: str = "version") -> str | None:
        """A version as it is written (PEP 440), or None where there is none.

        Raises:
            InputError: it is none. Versions become names of directories.
        """
        text = self.get(key, str)
        if text is None:
            return None
        try:
            Version(text)
        except InvalidVersion:
            raise self.fail(key, f"{text!r} is no version") from None
        return text

    def sha256(self, key: str) -> str | None:
        """The digest of ``sha256:<hex>``; None for other algorithms, and without any."""
        text = self.get(key, str)
        if text is None:
            return None
        algorithm, _, digest = text.partition(":")
        if algorithm != "sha256":
            return None
        if not _SHA256.fullmatch(digest):
            raise self.fail(key, "is no sha256 of 64 hexadecimal digits")
        return digest


def find_filename(table: Table, key: str, text: str) -> str:
    """The file name in a URL or path.

    Raises:
        InputError: it names no file, or one that leaves its directory.
    """
    try:
        path = urlsplit(text).path if "://" in text else text
    except ValueError:
        raise table.fail(key, f"{strip_login(text)!r} is no URL") from None
    name = unquote(path.rstrip("/").rpartition("/")[2])
    if not name or name in {".", ".."} or "/" in name or "\\" in name or not name.isprintable():
        raise table.fail(key, f"{strip_login(text)!r} names no file")
    return name


def make_file(table: Table) -> LockedFile:
    """A file of uv.lock: ``url`` or ``path`` or ``filename``, ``hash`` and ``size``."""
    url, path = table.get("url", str), table.get("path", str)
    named = table.get("filename", str) or url or path
    if named is None:
        raise table.fail("", "names neither url nor path")
    key = "url" if url else "path"
    return LockedFile(
        filename=find_filename(table, key, named),
        sha256=table.sha256("hash"),
        url=url,
        path=path,
        size=table.get("size", int),
    )
