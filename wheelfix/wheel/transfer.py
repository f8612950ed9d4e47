"""Downloads of files whose URL and SHA-256 a lock states: taken up where they broke, checked before use."""

from __future__ import annotations

import hashlib
import os
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from wheelfix.errors import InputError
from wheelfix.web import find_downgrade, open_part

Client = httpx.Client

MAX_SIZE = 16 << 30
"""Largest file fetched, in bytes: some times the largest wheels there are. A digest tells only at the end."""
_TRIES = 4
_LOCKED_AGAIN = (
    "lock again (the file may have been yanked), or give a directory that has it: --find-links DIR"
)
_OFFLINE = (
    "check the network, or give a directory that has it: --find-links DIR; what has come so far is kept"
)


def open_client() -> httpx.Client:
    """A client that honours proxies and certificates as pip and uv do."""
    certificates = next(
        (
            path
            for key in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
            if (path := os.environ.get(key))
        ),
        None,
    )
    context = ssl.create_default_context(cafile=certificates) if certificates else True
    return httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30.0), verify=context)


def fetch_file(
    client: httpx.Client,
    url: str,
    sha256: str,
    destination: Path,
    *,
    on_bytes: Callable[[int], None] | None = None,
    pause: float = 0.5,
) -> None:
    """Download a file, which is there afterwards whole or not at all.

    What came of a cut download waits beside ``destination``, named after the digest, for the next call.

    Args:
        client: from :func:`open_client`; may be shared by threads.
        url: where it is.
        sha256: 64 hexadecimal digits.
        destination: where it goes.
        on_bytes: told how many more bytes came.
        pause: seconds before the first retry, doubled with each.

    Raises:
        InputError: there is no such file any more, it has another hash, or the network fails.
        OSError: the destination cannot be written.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f".{sha256}.part")
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            if _fetch_rest(client, url, part, on_bytes):
                break
            problem = "the connection was cut"
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status < httpx.codes.INTERNAL_SERVER_ERROR and status != httpx.codes.TOO_MANY_REQUESTS:
                raise _say_status(destination.name, url, status) from None
            problem = f"the server answers {status}"
        except (httpx.TransportError, httpx.TooManyRedirects, httpx.InvalidURL) as error:
            problem = str(error) or type(error).__name__
    else:
        raise InputError(destination.name, f"cannot be fetched from {_host(url)}: {problem}", _OFFLINE)
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        with suppress(OSError):
            part.unlink()
        raise InputError(
            destination.name,
            f"what {_host(url)} has is not what was locked: sha256 {digest}, the lock says {sha256}",
            "do not use it: the lock, the index or a proxy is wrong; lock again if you trust the index",
        )
    part.replace(destination)


def _fetch_rest(client: httpx.Client, url: str, part: Path, on_bytes: Callable[[int], None] | None) -> bool:
    """Ask for what is missing, append it, and tell whether the file is complete now."""
    done = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            total = response.headers.get("Content-Range", "").rpartition("/")[2]
            if total == str(done):
                return True  # it was whole already: the digest tells
            part.unlink(missing_ok=True)
            return False
        response.raise_for_status()
        if plain := find_downgrade(response):
            problem = f"{_host(url)} leads to {urlsplit(plain).hostname} without https"
            raise InputError(part.name, problem, "use another index, or give --find-links DIR")
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            done = 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else None
        with open_part(part, done) as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                done += len(chunk)
                if done > MAX_SIZE:
                    raise InputError(
                        part.name, f"more than {MAX_SIZE} bytes", "download it with another tool"
                    )
                if on_bytes:
                    on_bytes(len(chunk))
    return total is None or done == total


def _say_status(filename: str, url: str, status: int) -> InputError:
    if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        return InputError(filename, f"is no longer at {_host(url)} (HTTP {status})", _LOCKED_AGAIN)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return InputError(
            filename,
            f"{_host(url)} does not let it be read (HTTP {status})",
            "download it with uv or pip, and give --find-links DIR",
        )
    return InputError(filename, f"{_host(url)} answers HTTP {status} for it", _OFFLINE)


def _host(url: str) -> str:
    """Without path, user and password."""
    return urlsplit(url).hostname or "its URL"
