"""Fetch a nix-index database over HTTP: redirects, resumed after a cut, checked before it is used.

The databases are the release files of nix-community/nix-index-database, one for each system, made anew every
week (README of that repository, section "Download").
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from wheelfix.errors import IndexProblem, describe, strip_login
from wheelfix.outside.http import DownloadError, Trouble, fetch_file, open_client

DEFAULT_URL = "https://github.com/nix-community/nix-index-database/releases/latest/download/index-{system}"
"""Where databases are published; ``{system}`` stands for the Nix system."""

MAX_SIZE = 2 << 30
"""Largest file accepted, in bytes: twenty times a database of 2026."""

_MAGIC = b"NIXI" + (1).to_bytes(8, "little")


def check_url(url: str) -> str:
    """Return a URL of http or https as it is.

    Raises:
        IndexProblem: it is none. The error does not show it: what is malformed may hide a password anywhere.
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

    A cut connection is taken up again where it broke, also by the next call.

    Args:
        url: where it is; redirects are followed.
        destination: where it goes.
        progress: told bytes done and bytes in all.
        pause: seconds to wait before the first retry, doubled with each.

    Returns:
        The addresses that led to it, the last one that of the file: a release's has the day of its making.

    Raises:
        IndexProblem: there is no network or no such file, the server keeps failing, what it sent is no
            nix-index database, an https URL leads to one that is not, or nothing can be written.
            ``destination`` is as it was.
    """
    told, addresses = strip_login(url), list[str]()
    try:
        with open_client() as client:
            fetch_file(
                client,
                url,
                destination,
                magic=_MAGIC,
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
        problem = f"cannot be written ({describe(error)})"
        raise IndexProblem(str(destination), problem, "make room, or set XDG_CACHE_HOME") from None
    return tuple(dict.fromkeys(addresses))


_CHECK = "check the URL, or name another one with --url; the old table stays"
_REMEDIES = {
    Trouble.NETWORK: "check the network and try again (what came is kept, and taken up again), "
    "or use `wheelfix index update --pypi`; the old table stays",
}
