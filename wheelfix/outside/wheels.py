"""Fetches the file for a requirement or a URL, into a cache.

Layout of the cache::

    torch/2.9.1/torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl    normalised name, version, file
    torch/2.9.1-py3.12-x86_64-linux-0123456789abcdef.json            the choice, by target and sources
    cryptography/cryptography-43.0.0.tar.gz                          an sdist, in the cache of sdists

A requirement that fits one version (``==``) and was answered once is answered from the cache, without the
network.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from wheelfix.errors import InputError, describe, strip_login
from wheelfix.model.base import Struct, decode_json, encode_json
from wheelfix.model.lock import LockedFile
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.configuration import PackageSources, find_package_sources, mark_sources
from wheelfix.outside.files import write_file
from wheelfix.outside.http import MAX_SIZE, Client, DownloadError, Trouble, fetch_file, hash_file
from wheelfix.outside.packages import (
    Offer,
    PackageSession,
    fetch_offer,
    find_sdist,
    find_wheel,
    open_session,
)
from wheelfix.outside.requirements import find_interpreter, split_hashes
from wheelfix.wheel.conda_names import parse_conda_filename
from wheelfix.wheel.input import open_regular
from wheelfix.wheel.metadata import DEFAULT_PYTHON, Wanted, parse_filename, parse_sdist_name, parse_wanted

MAX_SDIST = 2 << 30
"""Largest source distribution accepted, in bytes."""

_FORM = "write NAME, NAME==VERSION, or NAME[EXTRA], such as torch==2.9.1"


class _Choice(Struct):
    """The choice for a requirement.

    Attributes:
        file: path below the project's directory in the cache.
        sha256: of the file.
        identity: recognises whether the file is unchanged: see :func:`_identify`.
        yanked: as for :class:`Fetched`.
    """

    file: str
    sha256: str
    identity: tuple[int, int, int, int, int]
    yanked: str | None


class Fetched(Struct):
    """A file that was fetched now or before.

    Attributes:
        path: in the cache.
        yanked: why the index has withdrawn it, possibly empty; None if it has not.
    """

    path: Path
    yanked: str | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings about the file."""
        if self.yanked is None:
            return ()
        said = f": {self.yanked}" if self.yanked.strip() else ""
        message = f"is yanked from the index{said}"
        return (Finding(level=Level.WARNING, subject=self.path.name, message=message),)


def fetch_wheel(
    requirement: str,
    directory: Path,
    *,
    python: str = DEFAULT_PYTHON,
    system: str = "x86_64-linux",
    musl: bool = False,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Fetched:
    """Fetch the wheel that an installer would choose for a requirement.

    Args:
        requirement: a name, with or without versions, as in ``torch==2.9.1``; may be followed by
            ``--hash=sha256:...``. Extras are not followed here.
        directory: the cache.
        python: version of CPython the wheel is for (``3.12``; ``3.14t`` for the free-threaded one).
        system: Nix system the wheel is for (``x86_64-linux``).
        musl: whether for musl instead of glibc.
        sources: where it may come from; None takes the configured ones.
        on_bytes: called with bytes done and in all.

    Raises:
        InputError: it is not a requirement; there is no such distribution, version, or wheel for the target;
            an index cannot be read; the hash differs; or the cache cannot be written.
    """
    wanted, hashes = _parse(requirement)
    interpreter = find_interpreter(wanted.text, python, system, musl=musl)
    target = f"{wanted.version}-py{python}-{system}{'-musl' * musl}"

    def find(session: PackageSession) -> tuple[Offer, str]:
        offer = find_wheel(session, wanted, interpreter, hashes)
        parsed = parse_filename(offer.filename)
        assert parsed is not None
        return offer, f"{parsed[1]}/{offer.filename}"

    request = _Request(wanted=wanted, hashes=hashes, directory=directory, target=target, limit=MAX_SIZE)
    return _fetch(request, find, sources or find_package_sources(), on_bytes)


def fetch_sdist(
    requirement: str,
    directory: Path,
    *,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Fetched:
    """Fetch the newest source distribution that fits a requirement; nothing in it is run.

    Args:
        requirement: as for :func:`fetch_wheel`.
        directory: the cache of source distributions.
        sources: where it may come from; None takes the configured ones.
        on_bytes: called with bytes done and in all.

    Raises:
        InputError: as for :func:`fetch_wheel`.
    """
    wanted, hashes = _parse(requirement)

    def find(session: PackageSession) -> tuple[Offer, str]:
        offer = find_sdist(session, wanted, hashes)
        return offer, offer.filename

    target = f"{wanted.version}-sdist"
    request = _Request(wanted=wanted, hashes=hashes, directory=directory, target=target, limit=MAX_SDIST)
    return _fetch(request, find, sources or find_package_sources(), on_bytes)


class _Request(Struct):
    """A file to fetch: requirement, accepted digests, cache, target, and largest size."""

    wanted: Wanted
    hashes: frozenset[str]
    directory: Path
    target: str
    limit: int


def _fetch(
    request: _Request,
    find: Callable[[PackageSession], tuple[Offer, str]],
    sources: PackageSources,
    on_bytes: Callable[[int, int], None] | None,
) -> Fetched:
    """Answer with an earlier choice from the same sources; else find, fetch and record one."""
    wanted, hashes = request.wanted, request.hashes
    cache = request.directory / wanted.name
    choice = cache / f"{request.target}-{mark_sources(hashes, sources)}.json"
    if wanted.version and (known := _read_choice(choice)):
        return known
    with say_unwritten(request.directory), open_session(sources) as session:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        offer, inside = find(session)
        place = cache / inside
        stated = offer.sha256 or (min(hashes) if len(hashes) == 1 else None)
        digest = fetch_offer(
            session, offer, place, subject=wanted.text, sha256=stated, limit=request.limit, on_bytes=on_bytes
        )
        _check_whole(wanted, place, digest, hashes, stated)
        if wanted.version:
            _write_choice(choice, inside, digest, offer.yanked)
    return Fetched(path=place, yanked=offer.yanked)


def _check_whole(
    wanted: Wanted, place: Path, digest: str, hashes: frozenset[str], stated: str | None
) -> None:
    """Check a file for which the index states no digest.

    Raises:
        DownloadError: it has none of the given digests, or is not a complete archive.
    """
    if stated:
        return
    problem = ""
    if hashes and digest not in hashes:
        problem = f"the file that is there has sha256 {digest}, not {min(hashes)}"
    elif place.suffix == ".whl" and not zipfile.is_zipfile(place):
        problem = f"the file {place.name} came as no whole archive, and the index states no digest of it"
    if problem:
        place.unlink(missing_ok=True)
        raise DownloadError(
            wanted.text, problem, "run the same command again, or use another index", Trouble.HASH
        )


def fetch_url(
    url: str,
    directory: Path,
    *,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Path:
    """Fetch a wheel, a source distribution or a package of conda by its address.

    Args:
        url: of the file; ``#sha256=...`` is checked.
        directory: the cache.
        sources: certificates and passwords; None takes the configured ones.
        on_bytes: called with bytes done and in all.

    Returns:
        The file, in a directory of the cache for this address; fetched again if no digest is given.

    Raises:
        InputError: it is not the address of such a file, cannot be fetched, or has another digest.
    """
    if re.match(r"(?:git|hg|svn|bzr)\+", url, re.IGNORECASE):
        raise InputError(
            strip_login(url),
            "is a repository, not a wheel",
            "build a wheel of it first (`pip wheel --no-deps URL`), then scan that",
        )
    try:
        parts = urlsplit(url)
        name = unquote(parts.path).rpartition("/")[2]
    except ValueError:
        raise InputError(strip_login(url), "is no address", "write https://HOST/PATH/FILE.whl") from None
    if not any(parse(name) for parse in (parse_filename, parse_sdist_name, parse_conda_filename)):
        problem = "is no address of a wheel, a source distribution or a package of conda"
        raise InputError(strip_login(url), problem, "give the address of a file that ends in .whl or .tar.gz")
    digests = dict(re.findall(r"(?:^|&)(md5|sha1|sha224|sha256|sha384|sha512)=([^&]*)", parts.fragment))
    sha256, other = digests.pop("sha256", None), next(iter(sorted(digests.items(), reverse=True)), None)
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        problem = "has a sha256 that is none"
        raise InputError(strip_login(url), problem, "write 64 hexadecimal digits, or leave it out")
    clean = parts._replace(fragment="").geturl()
    if parts.scheme == "file":
        return _take_local(clean, name, sha256)
    place = directory / hashlib.sha256(clean.encode("utf-8", "surrogatepass")).hexdigest()[:32] / name
    with say_unwritten(directory), open_session(sources or find_package_sources()) as session:
        fetch_file(session, clean, place, sha256=sha256, other=other, subject=name, on_bytes=on_bytes)
    return place


def fetch_locked(
    client: Client,
    file: LockedFile,
    place: Path,
    *,
    on_bytes: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Fetch a file from the address that a lock states.

    Args:
        client: from :func:`open_session`; may be shared by threads.
        file: the lock's entry for the file, with a URL.
        place: the file to write.
        on_bytes: called with bytes done and in all.
        stop: set by another thread to give up.

    Raises:
        InputError: it cannot be fetched, does not match the lock, or cannot be written.
    """
    fetch_archive(client, file.url or "", place, sha256=file.sha256, on_bytes=on_bytes, stop=stop)


def fetch_archive(
    client: Client,
    url: str,
    place: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Fetch a file from an address, with the hash that it must have.

    Args:
        client: from :func:`open_session`; may be shared by threads.
        url: its address.
        place: the file to write.
        sha256: hexadecimal digits that it must have.
        md5: the same; checked without a sha256.
        on_bytes: called with bytes done and in all.
        stop: set by another thread to give up.

    Raises:
        InputError: it cannot be fetched, does not match the lock, or cannot be written.
    """
    other = ("md5", md5) if md5 and not sha256 else None
    with say_unwritten(place.parent):
        fetch_file(client, url, place, sha256=sha256, other=other, on_bytes=on_bytes, stop=stop)


def _take_local(url: str, name: str, sha256: str | None) -> Path:
    path = Path(url2pathname(urlsplit(url).path))
    digest = hash_file(path)
    if digest is None:
        raise InputError(name, f"cannot be read at {path}", "correct the address")
    if sha256 and digest != sha256.lower():
        hint = "do not use it: the file or the digest is wrong"
        raise InputError(name, f"has sha256 {digest}, not {sha256}", hint)
    return path


def _parse(requirement: str) -> tuple[Wanted, frozenset[str]]:
    bare, hashes = split_hashes(requirement)
    wanted = parse_wanted(bare)
    if wanted is None or wanted.url:
        raise InputError(requirement, "is no requirement", _FORM)
    if hashes and wanted.version is None:
        raise InputError(requirement, "has a hash, and more than one version fits", "write NAME==VERSION")
    return wanted, hashes


def _read_choice(choice: Path) -> Fetched | None:
    """Return an earlier choice; None if there is none, or its file has changed."""
    try:
        with open_regular(choice, os.O_RDONLY | os.O_NOFOLLOW, "rb") as file:
            known = decode_json(file.read(1 << 16), _Choice)
        path = choice.parent / known.file
        sound = re.fullmatch(r"(?:[\w.!+-]+/)?[^/]+", known.file) and ".." not in known.file.split("/")
        if not sound or not path.is_file():
            return None
        if known.identity != _identify(path) and hash_file(path) != known.sha256:
            return None
    except (OSError, ValueError):
        return None
    return Fetched(path=path, yanked=known.yanked)


def _identify(path: Path) -> tuple[int, int, int, int, int]:
    info = path.stat()
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _write_choice(choice: Path, inside: str, digest: str, yanked: str | None) -> None:
    identity = _identify(choice.parent / inside)
    data = encode_json(_Choice(file=inside, sha256=digest, identity=identity, yanked=yanked))
    write_file(choice, data)


@contextmanager
def say_unwritten(directory: Path) -> Iterator[None]:
    """Report a cache that cannot be written.

    Raises:
        InputError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        problem = f"cannot be written ({describe(error)})"
        raise InputError(str(directory), problem, "make room, or set XDG_CACHE_HOME") from None
