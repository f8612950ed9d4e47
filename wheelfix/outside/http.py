"""Downloads files over HTTP: complete or not at all, resumed after interruptions, verified before use.

This module and :mod:`wheelfix.outside.packages` are the only ones that import ``httpx2``. All downloads use
:func:`fetch_file`: wheels, source distributions and databases.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import ssl
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import httpx2

from wheelfix.errors import InputError, WheelfixError, describe, find_host
from wheelfix.model.base import Struct
from wheelfix.outside.files import claim_file, settle_file, stage_file, write_file
from wheelfix.outside.places import find_netrc
from wheelfix.wheel.input import open_regular

if TYPE_CHECKING:
    from wheelfix.outside.configuration import PackageSources

Client = httpx2.Client

MAX_SIZE = 16 << 30
"""Largest file fetched, in bytes; several times the largest existing wheels."""

_TRIES = 4
_TIMEOUT = 30.0
_POLL = 0.1
_PATIENCE, _SLOWEST = 60.0, 256
"""Seconds over which a connection is measured, and bytes a second below which it counts as broken."""


class Trouble(Enum):
    """Reason why a file was not fetched."""

    GONE = "there is no such file"
    FORBIDDEN = "it may not be read"
    STATUS = "another answer than the file"
    NETWORK = "no connection, or one that kept breaking"
    DOWNGRADE = "https led to http"
    SIZE = "more bytes than are accepted"
    HASH = "other bytes than were expected"
    KIND = "a file of another kind"
    ADDRESS = "no web address"


_SHA256 = re.compile(r"[0-9a-f]{64}")


class DownloadError(InputError):
    """A file could not be fetched.

    Args:
        subject: file name or requirement.
        problem: what happened, in one clause, without user and password.
        hint: what the user can do.
        trouble: the reason as data.
    """

    def __init__(
        self, subject: str, problem: str, hint: str = "", trouble: Trouble = Trouble.NETWORK
    ) -> None:
        super().__init__(subject, problem, hint)
        self.trouble = trouble

    def __reduce__(self) -> tuple[type[WheelfixError], tuple[str, str, str, Trouble]]:  # type: ignore[override]
        """Pickle all arguments, so that an error from another process arrives complete."""
        return type(self), (self.subject, self.problem, self.hint, self.trouble)


def open_client(sources: PackageSources | None = None) -> httpx2.Client:
    """Open a client with the proxies, certificates and passwords that pip and uv would use.

    Args:
        sources: certificates of their configuration; without it only the environment's are used.
    """
    context = make_context(sources)
    with tell_settings():
        return httpx2.Client(
            follow_redirects=True,
            timeout=httpx2.Timeout(_TIMEOUT),
            verify=context,
            proxy=sources.proxy if sources else None,
        )


def make_context(sources: PackageSources | None) -> ssl.SSLContext | bool:
    """Make the TLS context: with the certificates that are named, or the usual ones.

    Raises:
        InputError: a named file is missing or holds no certificates.
    """
    named = sources.certificates if sources else None
    named = named or next(
        (v for k in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if (v := os.environ.get(k))), None
    )
    own = sources.client_certificate if sources else None
    if not named and not own:
        return True
    try:
        for path in filter(None, (named, own)):
            if not stat.S_ISREG(mode := Path(path).stat().st_mode) and not stat.S_ISDIR(mode):
                raise OSError(0, "is no file", path)
        directory = bool(named) and Path(named or "").is_dir()
        context = ssl.create_default_context(
            cafile=None if directory else named, capath=named if directory else None
        )
        if own:
            context.load_cert_chain(own)
    except (OSError, ssl.SSLError) as error:
        problem = f"holds no certificates that can be used ({describe(error)})"
        raise InputError(str(own or named), problem, "correct the setting that names it") from None
    return context


def fetch_file(
    client: httpx2.Client,
    url: str,
    destination: Path,
    *,
    sha256: str | None = None,
    subject: str = "",
    other: tuple[str, str] | None = None,
    magic: bytes = b"",
    limit: int = MAX_SIZE,
    on_bytes: Callable[[int, int], None] | None = None,
    on_address: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    pause: float = 0.5,
) -> str:
    """Download a file completely or not at all.

    An existing file with the wanted digest is not fetched again. The data of an interrupted download is kept
    beside ``destination`` for the next call, and is resumed only if the server says that the file is the
    same. If several processes want the same file, one of them downloads it.

    Args:
        client: from :func:`open_client`; may be shared by threads.
        url: its address; redirects are followed, from https to https only.
        destination: the file to write; its directory is made.
        sha256: hexadecimal digits that the file must have.
        other: another digest that it must have, after the name of its algorithm (``("sha512", "…")``).
        subject: subject of messages; the file name by default.
        magic: bytes that the file must begin with.
        limit: largest number of bytes accepted.
        on_bytes: called with bytes done and bytes in all, as far as known.
        on_address: called with every address on the way to the file, redirects included.
        stop: set by another thread to give up.
        pause: seconds before the first retry, doubled with each.

    Returns:
        The file's SHA-256.

    Raises:
        DownloadError: there is no such file, it is not the expected one, or the network fails.
        OSError: the destination cannot be written.
    """
    sha256 = sha256.lower() if sha256 else None
    key = sha256 if sha256 and _SHA256.fullmatch(sha256) else _name_key(url, destination)
    part = destination.with_name(f".{key}.part")
    job = _Job(
        client=client,
        url=url,
        part=part,
        sha256=sha256,
        subject=subject or destination.name,
        limit=limit,
        on_bytes=on_bytes,
        on_address=on_address,
        stop=stop or threading.Event(),
    )
    destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = _identify(destination)
    with claim_file(part, wait=job.wait) as file:
        # Another process may have downloaded it meanwhile.
        found = hash_file(destination) if sha256 or _identify(destination) != before else None
        if found and found == (sha256 or found):
            _discard(part)
            return found
        taken_up = os.fstat(file.fileno()).st_size > 0
        try:
            job.download(file, pause)
            digest = _hash(file)
            if sha256 and digest != sha256 and taken_up:
                file.truncate(0)  # the kept data may be wrong
                job.download(file, pause)
                digest = _hash(file)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                file.truncate(0)  # kept data would keep the disk full
            raise
        finally:
            if os.fstat(file.fileno()).st_size == 0:
                _discard(part)  # nothing to resume
        if os.fstat(file.fileno()).st_size == 0:
            problem = f"what {find_host(url)} has is empty"
            raise DownloadError(job.subject, problem, "check the address; nothing was changed", Trouble.KIND)
        if sha256 and digest != sha256:
            _discard(part)
            raise DownloadError(
                job.subject,
                f"what {find_host(url)} has is not what is wanted: sha256 {digest}, not {sha256}",
                "do not use it: the lock, the index or a proxy is wrong",
                Trouble.HASH,
            )
        try:
            _check(file, job.subject, find_host(url), other, magic)
        except DownloadError:
            _discard(part)
            raise
        settle_file(file, part, destination)
        _mark_file(part).unlink(missing_ok=True)
    return digest


def _name_key(url: str, destination: Path) -> str:
    return hashlib.sha256(f"{url} {destination.name}".encode("utf-8", "surrogatepass")).hexdigest()


def _check(file: BinaryIO, subject: str, host: str, other: tuple[str, str] | None, magic: bytes) -> None:
    """Verify a downloaded file.

    Raises:
        DownloadError: it is not the expected file.
    """
    file.seek(0)
    if magic and file.read(len(magic)) != magic:
        problem = f"what {host} has is a file of another kind"
        raise DownloadError(subject, problem, "check the address; nothing was changed", Trouble.KIND)
    if other:
        file.seek(0)
        digest = hashlib.file_digest(file, other[0]).hexdigest()  # type: ignore[arg-type]
        if digest != other[1].lower():
            problem = f"what {host} has is not what is wanted: {other[0]} {digest}, not {other[1]}"
            hint = "do not use it: the index or a proxy is wrong"
            raise DownloadError(subject, problem, hint, Trouble.HASH)


@contextmanager
def tell_settings() -> Iterator[None]:
    """Report settings that the client cannot use; a password in them is left out of the message.

    Raises:
        InputError: the block cannot use one.
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError, ImportError, httpx2.InvalidURL) as error:
        problem = f"a proxy or a trusted host that is configured cannot be used ({type(error).__name__})"
        hint = "correct HTTPS_PROXY, ALL_PROXY, or pip's proxy and trusted-host"
        raise InputError("the network", problem, hint) from None


def check_netrc() -> None:
    """Refuse a netrc file that is not a regular file, as reading it could block.

    Raises:
        InputError: it is not a regular file.
    """
    path = find_netrc()
    with suppress(OSError, RuntimeError, ValueError):
        path = path.expanduser()
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(
                str(path), "is no regular file", "passwords are looked up in it: put a file there"
            )


def find_downgrade(response: httpx2.Response) -> str | None:
    """Return the host to which https redirected without https; None if there was no such redirect."""
    steps = [step.url for step in (*response.history, response)]
    if steps[0].scheme != "https":
        return None
    return next((url.host for url in steps if url.scheme != "https"), None)


def say_network(error: Exception) -> str:
    """Describe a failure of the connection, in one clause."""
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        # TLS errors have messages of their own, with error names that users search for.
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError):
            return describe(cause)
        cause = cause.__cause__ or cause.__context__
    return str(error).strip().partition("\n")[0] or type(error).__name__


class _Job(Struct):
    """One file to be fetched, into ``part``."""

    client: httpx2.Client
    url: str
    part: Path
    sha256: str | None
    subject: str
    limit: int
    on_bytes: Callable[[int, int], None] | None
    on_address: Callable[[str], None] | None
    stop: threading.Event

    def wait(self) -> None:
        """Wait a moment for another process that downloads the same file.

        Raises:
            DownloadError: the download was cancelled.
        """
        if self.stop.wait(_POLL):
            raise DownloadError(self.subject, "was given up", "run the same command again")

    def download(self, file: BinaryIO, pause: float) -> None:
        problem = ""
        for attempt in range(_TRIES):
            if attempt and self.stop.wait(pause * 2 ** (attempt - 1)):
                break
            try:
                if self._fetch_rest(file):
                    return
                problem = "the connection was cut"
            except httpx2.HTTPStatusError as error:
                status = error.response.status_code
                if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise self._say_status(status) from None
                problem = f"the server answers HTTP {status}"
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError):
                problem = "has no web address, or one that leads to none"
                raise DownloadError(self.subject, problem, "correct the address", Trouble.ADDRESS) from None
            except (httpx2.TransportError, httpx2.TooManyRedirects, ssl.SSLError) as error:
                problem = say_network(error)
        raise DownloadError(
            self.subject,
            f"cannot be fetched from {find_host(self.url)}: {problem}",
            "check the network and run the same command again; what has come so far is kept",
        )

    def _fetch_rest(self, file: BinaryIO) -> bool:
        """Request the missing part, append it, and tell whether the file is complete."""
        file.flush()
        done = os.fstat(file.fileno()).st_size
        mark = _read_mark(self.part) if done and not self.sha256 else ""
        if done and not (mark or self.sha256):
            done = 0  # without a mark, it may not be the same file
        headers = {"Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={done}-"} if done else {}
        headers |= {"If-Range": mark} if mark else {}
        with self.client.stream("GET", self.url, headers=headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                total = response.headers.get("Content-Range", "").rpartition("/")[2]
                if total == str(done):
                    return True  # it was complete already; the digest verifies that
                file.truncate(0)
                return False
            response.raise_for_status()
            if self.on_address:
                for step in (*response.history, response):
                    self.on_address(str(step.url))
            if plain := find_downgrade(response):
                problem = f"{find_host(self.url)} leads to {plain} without https"
                raise DownloadError(self.subject, problem, "use another index", Trouble.DOWNGRADE)
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                done = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                file.truncate(0)  # not the part that was requested: start again
                return False
            return self._save(file, response, done)

    def _save(self, file: BinaryIO, response: httpx2.Response, done: int) -> bool:
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdecimal() and len(length) < 20 else None
        if total is not None:
            self._check_size(total, file)
        _write_mark(self.part, response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        file.truncate(done)
        file.seek(done)
        begun, mark = time.monotonic(), done
        for chunk in response.iter_raw():  # a fixed chunk size would lose data before an interruption
            file.write(chunk)
            done += len(chunk)
            if time.monotonic() - begun > _PATIENCE:
                if done - mark < _PATIENCE * _SLOWEST:
                    return False
                begun, mark = time.monotonic(), done
            if total is None:
                self._check_size(done, file)
            if self.on_bytes:
                self.on_bytes(done, max(done, total or 0))
            if self.stop.is_set():
                return False
        file.flush()
        return total is None or done == total

    def _check_size(self, size: int, file: BinaryIO) -> None:
        if size > self.limit:
            file.truncate(0)
            problem = f"more than {self.limit} bytes" if size < 2 * self.limit else f"{size} bytes"
            hint = "check the address, or download it with another tool"
            raise DownloadError(self.subject, problem, hint, Trouble.SIZE)

    def _say_status(self, status: int) -> DownloadError:
        host = find_host(self.url)
        if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            hint = "name another version, lock again, or give a directory that has it: --find-links DIR"
            return DownloadError(self.subject, f"is not at {host} (HTTP {status})", hint, Trouble.GONE)
        if status in {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        }:
            hint = "give the password where pip and uv look for it: in the index's URL, ~/.netrc or a keyring"
            problem = f"{host} does not let it be read (HTTP {status})"
            return DownloadError(self.subject, problem, hint, Trouble.FORBIDDEN)
        hint = "try later, or use another index"
        return DownloadError(self.subject, f"{host} answers HTTP {status} for it", hint, Trouble.STATUS)


def _identify(path: Path) -> tuple[int, ...] | None:
    try:
        info = path.lstat()
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _hash(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def hash_file(path: Path) -> str | None:
    """Return the SHA-256 of a regular file; None if it cannot be read."""
    try:
        with open_regular(path, os.O_RDONLY, "rb") as file:
            return _hash(file)
    except OSError:
        return None


def copy_file(source: Path, destination: Path, *, sha256: str | None = None, subject: str = "") -> str:
    """Copy a file of this machine to a place, completely or not at all.

    Args:
        source: the file.
        destination: the file to write; its directory is made.
        sha256: digest that it must have.
        subject: subject of messages; the file by default.

    Returns:
        Its SHA-256.

    Raises:
        DownloadError: the source cannot be read, or is not the expected file.
        OSError: the destination cannot be written.
    """
    try:
        file = open_regular(source, os.O_RDONLY, "rb")
    except OSError as error:
        problem = f"{source} cannot be read ({describe(error)})"
        hint = "correct the directory that is named or configured"
        raise DownloadError(subject or source.name, problem, hint, Trouble.GONE) from None
    with file, stage_file(destination) as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
        digest = _hash(copy)
        if sha256 and digest != sha256.lower():
            problem = f"{source} has another sha256 than {sha256}"
            hint = "do not use it: the directory or the hash is wrong"
            raise DownloadError(subject or source.name, problem, hint, Trouble.HASH)
    return digest


def _mark_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _read_mark(part: Path) -> str:
    try:
        with open_regular(_mark_file(part), os.O_RDONLY | os.O_NOFOLLOW, "rb") as file:
            mark = file.read(1024).decode("ascii")
    except (OSError, ValueError):
        return ""
    return "" if mark.startswith("W/") else mark  # a weak ETag does not promise the same bytes


def _write_mark(part: Path, mark: str) -> None:
    write_file(_mark_file(part), mark.encode("ascii") if mark.isascii() and mark.isprintable() else b"")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark_file(part).unlink(missing_ok=True)
