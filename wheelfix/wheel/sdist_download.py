"""From a requirement to a source distribution, without running any of its code.

``pip download`` cannot do that: for an sdist it calls the build backend for metadata, and installs what that
asks for. ``pip index versions`` only lists, with pip's own configuration (index, mirrors, local directories,
certificates, passwords), and its log names every file with its hash. The file itself is fetched here, over
HTTPS or from a ``file:`` address, and kept only if the hash is right.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import httpx

from wheelfix.errors import InputError
from wheelfix.web import find_downgrade
from wheelfix.wheel.download import split_hashes
from wheelfix.wheel.metadata import choose_sdist, parse_pin
from wheelfix.wheel.pip import explain, find_index, find_pip, find_settings, strip_stamps

MAX_SIZE = 2 << 30
"""Largest file accepted, in bytes."""

# "Found link URL#sha256=... (from PAGE)" for an index, without the page for a directory.
_FOUND = re.compile(r"Found link (\S+?)(?:#(\S*?))?(?: \(from|, version:)")
_FORM = "write NAME==VERSION, such as cryptography==43.0.0"
_BLOCK = 1 << 20
_AGAIN = "run the same command again; check the network"


def fetch_sdist(requirement: str, directory: Path) -> Path:
    """Get the newest source distribution that fits a requirement.

    Args:
        requirement: name and version, as in ``cryptography==43.0.0``; may be followed by
            ``--hash=sha256:...``.
        directory: the cache; a requirement that one version fits is answered from it, without the network.

    Returns:
        The sdist in the cache.

    Raises:
        InputError: it is no requirement; there is no such distribution, version or sdist; the network fails;
            the hash is another one; pip is missing; or the cache cannot be written.
    """
    text, hashes = split_hashes(requirement)
    pin = parse_pin(text)
    if pin is None:
        raise InputError(requirement, "is no requirement with a version", _FORM)
    name, asked, version = pin
    cache = directory / name
    if version and (known := _find_cached(asked, cache, hashes)):
        return known
    links = _list_links(name, asked)
    chosen = choose_sdist(asked, links)
    if chosen is None:
        raise _explain_none(name, asked, links)
    url, digest = links[chosen]
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=cache) as work:
            part = Path(work, "sdist")
            got = _fetch(asked, url, part)
            wanted = hashes or {digest or got}
            if got not in wanted:
                problem = f"the downloaded file has sha256 {got}, not {min(wanted)}"
                raise InputError(asked, problem, "do not use it: the index, a proxy or the hash is wrong")
            part.replace(cache / chosen)
    except OSError as error:
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise InputError(str(cache), problem, "free some space, or name another cache directory") from None
    return cache / chosen


def _find_cached(asked: str, cache: Path, hashes: frozenset[str]) -> Path | None:
    try:
        chosen = choose_sdist(asked, sorted(p.name for p in cache.iterdir()))
        if chosen is None:
            return None
        if hashes:
            with (cache / chosen).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() not in hashes:
                    return None
    except OSError:
        return None
    return cache / chosen


def _list_links(name: str, asked: str) -> dict[str, tuple[str, str | None]]:
    """Files that pip sees for a name: URL and SHA-256 by file name.

    Only a file of this machine may be without a hash.
    """
    command = find_pip(asked)
    environment = find_settings()
    environment |= find_index(environment, command)
    with tempfile.TemporaryDirectory(prefix="wheelfix-pip-") as work:
        log = Path(work, "log")
        options = ["--log", str(log), "--no-input", "--disable-pip-version-check", "--quiet"]
        options += ["--no-binary=:all:", "--ignore-requires-python", "--pre"]
        result = subprocess.run(
            [*command, "index", "versions", *options, name],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        said = strip_stamps(log.read_text("utf-8", "replace") if log.exists() else "")
    if result.returncode:
        raise explain(asked, said + result.stderr.decode("utf-8", "replace"))
    return dict(_parse_links(said))


def _parse_links(log: str) -> Iterator[tuple[str, tuple[str, str | None]]]:
    for url, fragment in _FOUND.findall(log):
        match = re.search(r"sha256=([0-9a-f]{64})", fragment)
        if match or url.startswith("file:"):
            yield unquote(url.rpartition("/")[2]), (url, match[1] if match else None)


def _explain_none(name: str, asked: str, links: Mapping[str, object]) -> InputError:
    newest = choose_sdist(name, links)
    if newest is None:
        return InputError(asked, "has no source distribution, only wheels", "use the wheel: `wheelfix scan`")
    problem = f"has no source distribution of that version; the newest is {newest}"
    return InputError(asked, problem, "name a version that has one")


def _fetch(asked: str, url: str, destination: Path) -> str:
    """Write what is at a URL to a file, and tell its SHA-256."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _save(asked, _read_blocks(Path(url2pathname(parts.path))), destination)
    if parts.scheme not in {"http", "https"}:
        raise InputError(asked, f"is at {parts.scheme}:, which is no web address", "use another index")
    settings = _read_pip_settings(asked)
    context = ssl.create_default_context(cafile=settings.get("cert") or None)
    clean = re.sub(r"//[^/@]*@", "//", url)
    try:
        with (
            httpx.Client(
                follow_redirects=True,
                timeout=httpx.Timeout(60.0),
                verify=context,
                auth=_find_login(parts.hostname or "", settings),
            ) as client,
            client.stream("GET", clean, headers={"Accept-Encoding": "identity"}) as response,
        ):
            response.raise_for_status()
            if plain := find_downgrade(response):
                problem = f"the index leads to {urlsplit(plain).hostname} without https"
                raise InputError(asked, problem, "use another index")
            return _save(asked, response.iter_raw(), destination)
    except httpx.HTTPStatusError as error:
        problem = f"the index lists the file, and answers HTTP {error.response.status_code} for it"
        raise InputError(asked, problem, "try later, or another index") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        raise InputError(asked, f"cannot be downloaded: {said}", _AGAIN) from None


def _read_blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _save(asked: str, blocks: Iterator[bytes], destination: Path) -> str:
    digest, size = hashlib.sha256(), 0
    with destination.open("wb") as file:
        for block in blocks:
            size += len(block)
            if size > MAX_SIZE:
                raise InputError(asked, f"more than {MAX_SIZE} bytes", "download it with another tool")
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _read_pip_settings(asked: str) -> dict[str, str]:
    """Settings of pip by their last name, as ``pip config list`` prints them: ``global.cert='/a/b'``."""
    listed = subprocess.run(
        [*find_pip(asked), "config", "list"],
        env=find_settings(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^\S*\.([\w-]+)='(.*)'$", listed.stdout, re.MULTILINE)
    return {"cert": os.environ.get("REQUESTS_CA_BUNDLE", ""), **dict(found)}


def _find_login(host: str, settings: Mapping[str, str]) -> httpx.Auth | None:
    """The name and password that pip's settings have for a host; ``~/.netrc`` otherwise."""
    named: Sequence[str] = " ".join(settings.get(k, "") for k in ("index-url", "extra-index-url")).split()
    for address in [*named, os.environ.get("UV_DEFAULT_INDEX", ""), os.environ.get("UV_INDEX_URL", "")]:
        parts = urlsplit(re.sub(r"^[\w.-]+=(?=\w+://)", "", address))
        if parts.hostname == host and parts.username:
            return httpx.BasicAuth(unquote(parts.username), unquote(parts.password or ""))
    try:
        return httpx.NetRCAuth()
    except (OSError, ValueError):
        return None
