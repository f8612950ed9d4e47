"""Fetch a nix-index database over HTTP: redirects, resumed after a cut, checked before it is used.

The door to ``httpx``. The databases are the release files of nix-community/nix-index-database, one for
each system, made anew every week (README of that repository, section "Download").
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from wheelfix.errors import IndexProblem
from wheelfix.web import find_downgrade, open_part

DEFAULT_URL = "https://github.com/nix-community/nix-index-database/releases/latest/download/index-{system}"
"""Where databases are published; ``{system}`` stands for the Nix system."""

MAX_SIZE = 2 << 30
"""Largest file accepted, in bytes: twenty times a database of 2026."""

_MAGIC = b"NIXI" + (1).to_bytes(8, "little")
_TRIES = 5


def fetch_database(
    url: str,
    destination: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    pause: float = 1.0,
) -> None:
    """Download a database to ``destination``, which is replaced only by a complete file.

    A cut connection is taken up again where it broke (HTTP ranges, as long as the server's ETag or date
    stays the same), also by the next call: what has come so far waits beside ``destination`` with ``.part``
    behind its name.

    Args:
        url: where it is; redirects are followed.
        destination: where it goes.
        progress: told bytes done and bytes in all.
        pause: seconds to wait before the first retry, doubled with each.

    Raises:
        IndexProblem: there is no network or no such file, the server keeps failing, what it sent is no
            nix-index database, an https URL leads to one that is not, or nothing can be written.
            ``destination`` is as it was.
    """
    try:
        destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _fetch(url, destination, progress, pause)
    except OSError as error:
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise IndexProblem(str(destination), problem, "make room, or set XDG_CACHE_HOME") from None


def _fetch(url: str, destination: Path, progress: Callable[[int, int], None] | None, pause: float) -> None:
    part = destination.with_name(f"{destination.name}.part")
    problem = ""
    with httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30.0)) as client:
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(pause * 2 ** (attempt - 1))
            try:
                if _fetch_rest(client, url, part, progress):
                    break
                problem = "the connection was cut"
            except httpx.HTTPStatusError as error:
                if error.response.status_code < 500:
                    raise _say_status(url, error.response.status_code) from None
                problem = f"the server answers {error.response.status_code}"
            except (httpx.TransportError, httpx.TooManyRedirects, httpx.InvalidURL) as error:
                problem = str(error) or type(error).__name__
        else:
            raise IndexProblem(url, f"cannot be fetched: {problem}", _say_remedy(part))
    with part.open("rb+") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            _discard(part)
            raise IndexProblem(
                url, "what came is no nix-index database", "check the URL; nothing was changed"
            )
        os.fsync(file.fileno())
    part.replace(destination)
    _discard(part)


def _fetch_rest(
    client: httpx.Client, url: str, part: Path, progress: Callable[[int, int], None] | None
) -> bool:
    """Ask for what is missing, append it, and tell whether the file is complete now."""
    done = part.stat().st_size if part.exists() else 0
    mark = _read_mark(part) if done else ""
    headers = {"Accept-Encoding": "identity"}
    if mark:
        headers |= {"Range": f"bytes={done}-", "If-Range": mark}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            _discard(part)  # longer than what is there now: begin again
            return False
        response.raise_for_status()
        if plain := find_downgrade(response):
            raise IndexProblem(url, f"leads to {plain}, which is no https", "name another URL")
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            done = 0
        total = done + int(response.headers.get("Content-Length", 0))
        if total > MAX_SIZE:
            _discard(part)
            raise IndexProblem(url, f"{total} bytes, more than any database has", "check the URL")
        mark = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        _write_mark(part, mark if mark.isascii() and mark.isprintable() else "")
        with open_part(part, done) as file:
            for chunk in response.iter_raw():  # as it comes: a fixed size would lose the last piece of a cut
                file.write(chunk)
                done += len(chunk)
                if done > MAX_SIZE:
                    raise IndexProblem(url, f"more than {MAX_SIZE} bytes", "check the URL")
                if progress:
                    progress(done, max(total, done))
    return "Content-Length" not in response.headers or done == total


def _mark_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _read_mark(part: Path) -> str:
    try:
        mark = _mark_file(part).read_text("ascii")
    except (OSError, ValueError):
        return ""
    return "" if mark.startswith("W/") else mark  # a weak ETag does not promise the same bytes


def _write_mark(part: Path, mark: str) -> None:
    with open_part(_mark_file(part), 0) as file:
        file.write(mark.encode("ascii"))


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark_file(part).unlink(missing_ok=True)


def _say_status(url: str, status: int) -> IndexProblem:
    problem = (
        "there is no such file (404)" if status == httpx.codes.NOT_FOUND else f"the server answers {status}"
    )
    return IndexProblem(url, problem, "check the URL, or name another one with --url; the old table stays")


def _say_remedy(part: Path) -> str:
    kept = " (what came is kept, and taken up again)" if part.exists() else ""
    return (
        f"check the network and try again{kept}, or use `wheelfix index update --pypi`; the old table stays"
    )
