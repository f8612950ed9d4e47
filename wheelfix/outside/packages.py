"""What a package index has of a distribution, and which file of it an installer would take.

The door to ``unearth``, which finds the files in JSON and HTML indexes, pages and directories (PEP 503, 592,
691, 714), and ranks them. Its pages are fetched here, so that an index that does not answer, answers with
something else, or may not be read is never taken for one that has nothing.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename
from unearth import Link, PackageFinder, TargetPython
from unearth.auth import MultiDomainBasicAuth
from unearth.evaluator import Evaluator, Package
from unearth.fetchers import PyPIClient

from wheelfix.errors import InputError
from wheelfix.outside.addresses import find_host
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.http import (
    DownloadError,
    Trouble,
    copy_file,
    fetch_file,
    find_downgrade,
    hash_file,
    make_context,
    say_network,
)
from wheelfix.wheel.metadata import Wanted

_MAX_PAGE = 256 << 20
"""Largest page of an index, in bytes: some times the largest there are."""
_TIMEOUT = 30.0
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_FILE_LINK = re.compile(rb"""href\s*=\s*["']?[^"'>\s]*\.(?:whl|gz|zip|bz2|xz|tgz)\b""", re.IGNORECASE)
_MARK = re.compile(rb"pypi:repository-version", re.IGNORECASE)
_CHECK = "check the network, and the package index that pip or uv is configured for"

logging.getLogger("unearth").addHandler(logging.NullHandler())  # what it warns of is raised here


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """The interpreter and platform that wheels are chosen for.

    Attributes:
        version: of CPython, ``(3, 12)``.
        abi: of its extension modules, ``cp312``; ``cp314t`` for a free-threaded one.
        platforms: platform tags that run there, best first.
    """

    version: tuple[int, int]
    abi: str
    platforms: tuple[str, ...]

    @property
    def text(self) -> str:
        """The version as people write it."""
        return ".".join(map(str, self.version)) + ("t" if self.abi.endswith("t") else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A file that an index or a directory offers.

    Attributes:
        sha256: 64 hexadecimal digits, or None where none is stated.
        yanked: why the index has withdrawn it, perhaps in no words; None if it has not.
    """

    filename: str
    url: str
    sha256: str | None = None
    yanked: str | None = None


class _Finder(PackageFinder):
    """The library's finder, which compares tags with a set instead of a list of thousands."""

    @cached_property
    def tags(self) -> frozenset[Any]:
        return frozenset(self.target_python.supported_tags())

    def build_evaluator(self, package_name: str, allow_yanked: bool = False) -> Evaluator:
        evaluator = super().build_evaluator(package_name, allow_yanked)
        tags = self.tags
        evaluator.validate_wheel_tag = lambda wheel: not tags.isdisjoint(wheel)  # type: ignore[method-assign, assignment]
        return evaluator


class PackageSession(PyPIClient):
    """A client for package indexes: each page is fetched once, and has to be one.

    Attributes:
        sources: what is asked.
        asked: hosts and directories that answered, in order.
    """

    def __init__(self, sources: PackageSources) -> None:
        self.sources = sources
        self.asked: list[str] = []
        self._pages: dict[str, httpx2.Response] = {}
        context = make_context(sources)
        super().__init__(
            trusted_hosts=sources.trusted_hosts,
            verify=context,
            timeout=_TIMEOUT,
            follow_redirects=True,
            proxy=sources.proxy,
        )
        urls = [url for url in (*sources.extra, sources.index) if url]
        self.auth = MultiDomainBasicAuth(prompting=False, index_urls=urls)

    def get(  # type: ignore[override]
        self, url: Any, *, headers: Mapping[str, str] | None = None, **_: Any
    ) -> httpx2.Response:
        """Fetch a page; one that is not there is answered as such, everything else that is no page raises.

        Raises:
            DownloadError: the index does not answer, does not let it be read, or answers with something else.
        """
        address = str(url)
        if address not in self._pages:
            self._pages[address] = self._fetch_page(address, headers)
        return self._pages[address]

    def _fetch_page(self, url: str, headers: Mapping[str, str] | None) -> httpx2.Response:
        host = find_host(url) if not url.startswith("file:") else url
        try:
            with self.stream("GET", url, headers=headers) as response:
                if plain := find_downgrade(response):
                    problem = f"{host} leads to {plain} without https"
                    raise DownloadError(host, problem, "use another index", Trouble.DOWNGRADE)
                self._check_status(host, response.status_code)
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_PAGE:
                        problem = f"answers with a page of more than {_MAX_PAGE >> 20} MB"
                        raise DownloadError(host, problem, _CHECK, Trouble.SIZE)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError):
            raise DownloadError(host, "is no address of a package index", _CHECK, Trouble.ADDRESS) from None
        except httpx2.DecodingError:
            raise DownloadError(
                host, "answers with a page that cannot be decoded", _CHECK, Trouble.STATUS
            ) from None
        except httpx2.HTTPError as error:
            problem = f"the package index does not answer ({say_network(error)})"
            raise DownloadError(host, problem, _CHECK) from None
        kind = response.headers.get("Content-Type", "").lower()
        if response.status_code == HTTPStatus.OK:
            _check_page(host, kind, bytes(body))
        self.asked.append(host)
        return httpx2.Response(
            response.status_code,
            headers={"Content-Type": kind},
            content=bytes(body),
            request=response.request,
        )

    @staticmethod
    def _check_status(host: str, status: int) -> None:
        if status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            return
        if status in {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        }:
            problem = f"the package index does not let itself be read (HTTP {status})"
            hint = "give the password where pip and uv look for it: in the index's URL, ~/.netrc or a keyring"
            raise DownloadError(host, problem, hint, Trouble.FORBIDDEN)
        problem = f"the package index does not answer (HTTP {status})"
        raise DownloadError(host, problem, "try later; " + _CHECK, Trouble.STATUS)


def _check_page(host: str, kind: str, body: bytes) -> None:
    """Tell the page of an index from that of a proxy, a login or a mistake.

    Raises:
        DownloadError: it is none.
    """
    if kind.startswith("application/vnd.pypi.simple.v1+json"):
        try:
            document = json.loads(body)
            files, version = document["files"], str(document["meta"]["api-version"])
            fine = isinstance(files, list) and all(isinstance(f, dict) and "url" in f for f in files)
        except (ValueError, KeyError, TypeError, RecursionError):
            fine, version = False, "1"
        if not fine or version.partition(".")[0] != "1":
            problem = (
                f"answers with JSON that is no page of a package index (version {version})"
                if fine
                else ("answers with JSON that is no page of a package index")
            )
            raise DownloadError(host, problem, _CHECK, Trouble.STATUS)
    elif kind.startswith(("text/html", "application/vnd.pypi.simple.v1+html")):
        if not _FILE_LINK.search(body) and not _MARK.search(body):
            problem = "answers with a page that lists no files: perhaps that of a login or a proxy"
            raise DownloadError(host, problem, _CHECK, Trouble.STATUS)
    else:
        problem = (
            f"answers with {kind.partition(';')[0] or 'something without a type'}, no page of a package index"
        )
        raise DownloadError(host, problem, _CHECK, Trouble.STATUS)


@contextmanager
def open_session(sources: PackageSources) -> Iterator[PackageSession]:
    """Open a client for what is configured."""
    with PackageSession(sources) as session:
        yield session


def find_wheel(
    session: PackageSession, wanted: Wanted, interpreter: Interpreter, hashes: Collection[str] = ()
) -> Offer:
    """Find the wheel that an installer would take.

    Args:
        session: of :func:`open_session`.
        wanted: what is wanted.
        interpreter: for which interpreter and platform.
        hashes: SHA-256 digests of which the file must have one; empty takes any.

    Raises:
        InputError: there is none; says what there is instead.
        DownloadError: an index could not be read.
    """
    target = TargetPython(
        py_ver=interpreter.version, abis=[interpreter.abi], impl="cp", platforms=list(interpreter.platforms)
    )
    for group in _group(session):
        found = _match(session, group, wanted, target_python=target, only_binary=[":all:"])
        if found:
            return _choose(wanted, found, hashes)
        if everything := _list_everything(session, group, wanted.name):
            raise _explain_no_wheel(wanted, interpreter, frozenset(target.supported_tags()), everything)
    raise _explain_nothing(session, wanted)


def find_sdist(session: PackageSession, wanted: Wanted, hashes: Collection[str] = ()) -> Offer:
    """Find the newest source distribution that fits, for whatever Python it says it is for.

    Args:
        session: of :func:`open_session`.
        wanted: what is wanted.
        hashes: as for :func:`find_wheel`.

    Raises:
        InputError: there is none; says what there is instead.
        DownloadError: an index could not be read.
    """
    for group in _group(session):
        found = _match(session, group, wanted, ignore_compatibility=True, no_binary=[":all:"])
        if found:
            newest = [package for package in found if package.version == found[0].version]
            # .tar.gz before .zip
            return _choose(wanted, sorted(newest, key=lambda p: p.link.filename), hashes)
        if everything := _list_everything(session, group, wanted.name):
            raise _explain_no_sdist(wanted, everything)
    raise _explain_nothing(session, wanted)


def fetch_offer(
    session: PackageSession,
    offer: Offer,
    destination: Path,
    *,
    subject: str,
    sha256: str | None = None,
    limit: int,
    on_bytes: Callable[[int, int], None] | None = None,
) -> str:
    """Download a file that an index offers, or copy it from a directory.

    Args:
        session: of :func:`open_session`.
        offer: what to fetch.
        destination: where it goes.
        subject: what messages are about.
        sha256: what the file must have; None takes what the index states.
        limit: bytes accepted.
        on_bytes: told bytes done and in all.

    Returns:
        The file's SHA-256.

    Raises:
        DownloadError: it cannot be fetched, or is another one.
        OSError: the destination cannot be written.
    """
    wanted = sha256 or offer.sha256
    if not offer.url.startswith("file:"):
        return fetch_file(
            session, offer.url, destination, sha256=wanted, subject=subject, limit=limit, on_bytes=on_bytes
        )
    source = Link(offer.url).file_path
    with suppress(OSError):
        if wanted and hash_file(source) != wanted:
            raise DownloadError(
                subject,
                f"{source} has another sha256 than {wanted}",
                "do not use it: the directory or the hash is wrong",
                Trouble.HASH,
            )
    return copy_file(source, destination)


def _group(session: PackageSession) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Index URLs and other places that are looked at together; the next ones only if these have nothing.

    Raises:
        InputError: nothing is configured to be looked at.
    """
    sources = session.sources
    if sources.no_index:
        if not sources.find_links:
            problem = "may not be asked (no-index), and no directory is named"
            raise InputError("the package index", problem, "give --index-url URL or --find-links DIR")
        yield (), sources.find_links
        return
    default = sources.index or PackageFinder().sources[0]["url"]
    if not sources.first_match:
        yield (default, *sources.extra), sources.find_links
        return
    for number, url in enumerate((*sources.extra, default)):
        yield (url,), sources.find_links if number == 0 else ()


def _open_finder(
    session: PackageSession, group: tuple[tuple[str, ...], tuple[str, ...]], **options: Any
) -> _Finder:
    indexes, links = group
    for url in indexes:
        _check_place(session.sources, url)
    fetcher: Any = session
    finder = _Finder(fetcher, index_urls=indexes, find_links=links, **options)
    finder.sources = [source for source in finder.sources if source["url"] in {*indexes, *links}]
    return finder


def _check_place(sources: PackageSources, url: str) -> None:
    """What the library would pass over in silence.

    Raises:
        InputError: it is no https and not trusted, or a directory that is not there.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not Link(url).file_path.is_dir():
        raise InputError(
            url, "is configured as a package index, and is no directory", "correct the configuration"
        )
    host = parts.hostname or ""
    trusted = {h.partition(":")[0] for h in sources.trusted_hosts}
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(host) and host not in trusted:
        problem = "is a package index without https, and is not trusted"
        raise InputError(
            host, problem, "use https, or name it in pip's trusted-host or uv's allow-insecure-host"
        )


def _match(
    session: PackageSession, group: tuple[tuple[str, ...], tuple[str, ...]], wanted: Wanted, **options: Any
) -> list[Package]:
    finder = _open_finder(session, group, **options)
    requirement = Requirement(f"{wanted.name}{wanted.specifier}")
    # A pre-release is taken where one is asked for, or nothing else fits.
    early = bool(requirement.specifier.prereleases)
    found = _run(wanted.name, lambda: finder.find_matches(requirement, allow_prereleases=early))
    return found or _run(wanted.name, lambda: finder.find_matches(requirement, allow_prereleases=True))


def _list_everything(
    session: PackageSession, group: tuple[tuple[str, ...], tuple[str, ...]], name: str
) -> list[Package]:
    finder = _open_finder(session, group, ignore_compatibility=True)
    return _run(name, lambda: finder.find_all_packages(name, allow_yanked=True))


def _run(name: str, find: Callable[[], Iterable[Package]]) -> list[Package]:
    """Let the library read pages, which others wrote.

    Raises:
        DownloadError: something on them is malformed.
    """
    try:
        return [package for package in find() if _is_sound(package.link)]
    except DownloadError:
        raise
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError, OSError) as error:
        problem = f"the package index has a page of it that cannot be read ({type(error).__name__}: {error})"
        raise DownloadError(name, problem, _CHECK, Trouble.STATUS) from None


def _is_sound(link: Link) -> bool:
    """Whether a file may be fetched: a page of the web does not lead into this machine."""
    if link.is_file:
        return not (link.comes_from or "").startswith(("http:", "https:"))
    return link.parsed.scheme in {"http", "https"}


def _choose(wanted: Wanted, packages: Sequence[Package], hashes: Collection[str]) -> Offer:
    offers = [_make_offer(package) for package in packages]
    fitting = [offer for offer in offers if not hashes or offer.sha256 is None or offer.sha256 in hashes]
    if fitting:
        return fitting[0]
    problem = f"has sha256 {offers[0].sha256} there, not {min(hashes)}"
    raise InputError(wanted.text, problem, "do not use it: the index, a proxy or the given hash is wrong")


def _make_offer(package: Package) -> Offer:
    link = package.link
    digest = (link.hash_option or {}).get("sha256", [""])[0].lower()
    yanked = link.yank_reason if isinstance(link.yank_reason, str) or link.yank_reason is None else ""
    return Offer(
        filename=link.filename,
        url=link.url_without_fragment,
        sha256=digest if re.fullmatch(r"[0-9a-f]{64}", digest) else None,
        yanked=yanked,
    )


def _explain_no_wheel(
    wanted: Wanted, interpreter: Interpreter, tags: Collection[Tag], everything: Sequence[Package]
) -> InputError:
    specifier = Requirement(f"{wanted.name}{wanted.specifier}").specifier
    fitting = [p for p in everything if p.version and specifier.contains(p.version, prereleases=True)]
    wheels = [p for p in fitting if p.link.is_wheel]
    runs = [p for p in wheels if not parse_wheel_filename(p.link.filename)[3].isdisjoint(tags)]
    if not fitting:
        newest = list(dict.fromkeys(p.version for p in everything))[:5]
        problem = f"the index has no such version; newest: {', '.join(map(str, reversed(newest)))}"
        return InputError(wanted.text, problem, "name one of them")
    if not wheels:
        return InputError(
            wanted.text, "has no wheel, only a source distribution", "build a wheel of it first: `pip wheel`"
        )
    if not runs:
        return _explain_other_tags(wanted, interpreter, fitting)
    if bounds := [p.link.requires_python for p in runs if not p.link.is_yanked and p.link.requires_python]:
        problem = f"is for Python {bounds[0]}"
        return InputError(wanted.text, problem, "name another Python version")
    reason = next(
        (
            f": {p.link.yank_reason}"
            for p in runs
            if isinstance(p.link.yank_reason, str) and p.link.yank_reason
        ),
        "",
    )
    return InputError(
        wanted.text,
        f"is yanked from the index{reason}",
        f"name the version exactly: {wanted.name}=={runs[0].version}",
    )


def _explain_other_tags(wanted: Wanted, interpreter: Interpreter, fitting: Sequence[Package]) -> InputError:
    """The newest version that has wheels has none for the target: say what there is, the nearest first."""
    version = next(package.version for package in fitting if package.link.is_wheel)
    same = [package for package in fitting if package.version == version]
    tags = {tag for p in same if p.link.is_wheel for tag in parse_wheel_filename(p.link.filename)[3]}
    machine = next(p for p in interpreter.platforms if p.startswith("linux_")).removeprefix("linux_")
    near = sorted(
        tags, key=lambda tag: ("linux" not in tag.platform, not tag.platform.endswith(machine), str(tag))
    )
    shown = ", ".join(map(str, near[:6])) + (f" and {len(near) - 6} more" if len(near) > 6 else "")
    problem = f"{version} has no wheel for Python {interpreter.text} on Linux ({machine}); there is {shown}"
    if any("linux" in tag.platform for tag in tags):
        return InputError(wanted.text, problem, "name another Python or platform, or another version")
    if any(not package.link.is_wheel for package in same):
        hint = "build one of the source distribution: `pip wheel`, or nixpkgs' own package"
        return InputError(wanted.text, f"{problem}, and a source distribution", hint)
    return InputError(wanted.text, problem, "name another version, or a package that is for Linux")


def _explain_no_sdist(wanted: Wanted, everything: Sequence[Package]) -> InputError:
    sdists = [package for package in everything if not package.link.is_wheel]
    if not sdists:
        return InputError(
            wanted.text, "has no source distribution, only wheels", "use the wheel: `wheelfix scan`"
        )
    problem = f"has no source distribution of that version; the newest is {sdists[0].link.filename}"
    return InputError(wanted.text, problem, "name a version that has one")


def _explain_nothing(session: PackageSession, wanted: Wanted) -> InputError:
    sources = session.sources
    where = ", ".join(sources.find_links) if sources.no_index else "the package index"
    problem = f"{where} has nothing named {wanted.name}"
    if wanted.text == wanted.name:
        problem = f"is no file or directory here, and {problem}"
    asked = f" (asked: {', '.join(dict.fromkeys(session.asked))})" if session.asked else ""
    return InputError(
        wanted.text, problem, f"check the spelling, and the index that pip or uv is configured for{asked}"
    )
