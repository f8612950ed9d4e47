"""Finds the files that a package index has of a distribution, and the one that an installer would take.

The only module that imports ``unearth``, which finds the files in JSON and HTML indexes, pages and
directories (PEP 503, 592, 691, 714), and ranks them. Pages are fetched here, so that an index that does not
answer, answers with something else, or refuses access is never taken for one without files.
"""

from __future__ import annotations

import logging
import os
import re
import ssl
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache, cached_property, partial
from http import HTTPStatus
from pathlib import Path
from shlex import quote
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

from wheelfix.errors import InputError, describe, find_host, strip_login
from wheelfix.model.base import Struct, decode_json
from wheelfix.model.python import Python
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.http import (
    DownloadError,
    Trouble,
    check_netrc,
    copy_file,
    fetch_file,
    find_downgrade,
    make_context,
    say_network,
    tell_settings,
)
from wheelfix.outside.requirements import Interpreter
from wheelfix.wheel.input import open_regular, suggest_path
from wheelfix.wheel.metadata import Wanted, is_sound_filename, parse_sdist_name

_MAX_PAGE = 256 << 20
"""Largest page of an index, in bytes; several times the largest existing ones."""
_TIMEOUT = 30.0
_MAX_SECONDS = 120
"""Seconds that a page may take in all."""
_MAGIC = b"PK"
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_MARK = re.compile(rb"pypi:repository-version", re.IGNORECASE)
_CHECK = "check the network, and the package index that pip or uv is configured for"

logging.getLogger("unearth").addHandler(logging.NullHandler())  # its warnings are raised here


class _PageFile(Struct):
    """A file on the page of a project."""

    url: str


class _PageMeta(Struct, rename="kebab"):
    """The version of the format; the specification requires a string, but numbers occur."""

    api_version: str | float


class _Page(Struct):
    """The part of a project's page in JSON by which it is recognised (the "Simple repository API")."""

    files: tuple[_PageFile, ...]
    meta: _PageMeta


class OnlySdistError(InputError):
    """A requirement has no wheel, and has a source distribution."""


class Offer(Struct):
    """A file that an index or a directory offers.

    Attributes:
        sha256: as stated, or None.
        other: the best of the other stated digests, with the name of its algorithm, or None.
        yanked: why the index has withdrawn it, possibly empty; None if it has not.
    """

    filename: str
    url: str
    sha256: str | None = None
    other: tuple[str, str] | None = None
    yanked: str | None = None


class _Evaluator(Evaluator):
    """The library's evaluator of files, with a set of tags instead of a long list, and bounds on names."""

    tags: frozenset[Tag] = frozenset()

    def validate_wheel_tag(self, tags: frozenset[Tag]) -> bool:
        return not self.tags.isdisjoint(tags)

    def evaluate_link(self, link: Link) -> Package | None:
        return super().evaluate_link(link) if is_sound_filename(link.filename) else None


class _Finder(PackageFinder):
    """The library's finder, with that evaluator."""

    @cached_property
    def tags(self) -> frozenset[Tag]:
        return frozenset(self.target_python.supported_tags())

    def build_evaluator(self, package_name: str, allow_yanked: bool = False) -> Evaluator:
        made = super().build_evaluator(package_name, allow_yanked)
        evaluator = _Evaluator(**{each.name: getattr(made, each.name) for each in fields(made)})
        if not self.ignore_compatibility:
            evaluator.tags = self.tags
        return evaluator


class _Nothing(httpx2.BaseTransport):
    """Refuses ``file:`` addresses: local pages are read here, and pages of the web must not lead to them."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.UnsupportedProtocol(
            "an address of the web leads to a file of this machine", request=request
        )


class PackageSession(PyPIClient):
    """A client for package indexes that fetches each page once and checks that it is one.

    Attributes:
        sources: the configured sources.
        asked: hosts and directories that answered, in order.

    Raises:
        InputError: the configured certificates, proxy or trusted host cannot be used.
    """

    def __init__(self, sources: PackageSources) -> None:
        self.sources = sources
        self.asked: list[str] = []
        self._pages: dict[str, httpx2.Response] = {}
        context = make_context(sources)
        check_netrc()
        with tell_settings():
            super().__init__(
                trusted_hosts=sources.trusted_hosts,
                verify=context,
                timeout=_TIMEOUT,
                follow_redirects=True,
                proxy=sources.proxy,
                mounts={"file://": _Nothing()},
            )
            self._roots = (*sources.extra, sources.index or find_default_index())
            self.auth = MultiDomainBasicAuth(prompting=False, index_urls=self._roots)

    def get(  # type: ignore[override]
        self, url: Any, *, headers: Mapping[str, str] | None = None, **_: Any
    ) -> httpx2.Response:
        """Fetch a page; a missing page is answered as missing, and anything that is not a page raises.

        Raises:
            DownloadError: the index does not answer, refuses access, or answers with something else.
        """
        address = str(url)
        if address not in self._pages:
            read = self._read_page if address.startswith("file:") else self._fetch_page
            self._pages[address] = read(address, headers)
        return self._pages[address]

    def head(self, url: Any, *, headers: Mapping[str, str] | None = None, **_: Any) -> httpx2.Response:  # type: ignore[override]
        """Ask for the media type at an address.

        Raises:
            DownloadError: there is no answer.
        """
        host = find_host(str(url))
        with _tell_failures(host), self.stream("HEAD", str(url), headers=headers) as response:
            self._check_status(host, response.status_code)
            return response

    def _read_page(self, url: str, _: object) -> httpx2.Response:
        """Read a local page; one that lies among files by chance lists none."""
        request = httpx2.Request("GET", url)
        path = Link(url).file_path
        self.asked.append(str(path))
        try:
            with open_regular(path, os.O_RDONLY, "rb") as file:
                body = file.read(_MAX_PAGE)
        except (FileNotFoundError, NotADirectoryError):
            return httpx2.Response(HTTPStatus.NOT_FOUND, request=request)
        except OSError as error:
            problem = f"cannot be read ({describe(error)})"
            raise DownloadError(str(path), problem, "make it readable, or name another directory") from None
        return httpx2.Response(
            HTTPStatus.OK, headers={"Content-Type": "text/html"}, content=body, request=request
        )

    def _fetch_page(self, url: str, headers: Mapping[str, str] | None) -> httpx2.Response:
        host, end = find_host(url), time.monotonic() + _MAX_SECONDS
        with _tell_failures(host), self.stream("GET", url, headers=headers) as response:
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
                if time.monotonic() > end:
                    raise DownloadError(host, f"answers for more than {_MAX_SECONDS} seconds", _CHECK)
        kind = response.headers.get("Content-Type", "").lower()
        if response.status_code == HTTPStatus.OK:
            own = any(url.startswith(root.rstrip("/") + "/") for root in self._roots)
            _check_page(host, url.rstrip("/").rpartition("/")[2] if own else "", kind, bytes(body))
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


@contextmanager
def _tell_failures(host: str) -> Iterator[None]:
    """Convert the client's exceptions.

    Raises:
        DownloadError: the block got no answer.
    """
    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise DownloadError(host, "is no address of a package index", _CHECK, Trouble.ADDRESS) from None
    except httpx2.DecodingError:
        problem = "answers with a page that cannot be decoded"
        raise DownloadError(host, problem, _CHECK, Trouble.STATUS) from None
    except UnicodeError:
        problem = "cannot be asked: its address, or a password for it, is no text"
        raise DownloadError(host, problem, "correct the address, or ~/.netrc", Trouble.ADDRESS) from None
    except (httpx2.HTTPError, ssl.SSLError) as error:
        problem = f"the package index does not answer ({say_network(error)})"
        raise DownloadError(host, problem, _CHECK) from None


def _check_page(host: str, project: str, kind: str, body: bytes) -> None:
    """Distinguish the page of an index from that of a proxy, a login or a mistake.

    Args:
        host: for messages.
        project: project of the page; empty for a page of arbitrary links.
        kind: its media type.
        body: the page.

    Raises:
        DownloadError: it is not the page of an index.
    """
    if kind.startswith("application/vnd.pypi.simple.v1+json"):
        problem = "answers with JSON that is no page of a package index"
        try:
            version = str(decode_json(body, _Page).meta.api_version)
        except ValueError:
            raise DownloadError(host, problem, _CHECK, Trouble.STATUS) from None
        if version.partition(".")[0] != "1":
            raise DownloadError(host, f"{problem} (version {version})", _CHECK, Trouble.STATUS)
    elif kind.startswith(("text/html", "application/vnd.pypi.simple.v1+html")):
        name = re.escape(project).replace(r"\-", "[-_.]").encode()
        files = re.search(name + rb"[-_.]+[\w.!+-]{1,200}\.(?:whl|zip|tar|tgz)", body, re.IGNORECASE)
        if project and not files and not _MARK.search(body):
            problem = "answers with a page that lists no files: perhaps that of a login or a proxy"
            raise DownloadError(host, problem, _CHECK, Trouble.STATUS)
    else:
        named = kind.partition(";")[0] or "something without a type"
        raise DownloadError(host, f"answers with {named}, no page of a package index", _CHECK, Trouble.STATUS)


@cache
def find_default_index() -> str:
    """Return the library's default index, so that no host is named here."""
    return PackageFinder().sources[0]["url"]


@contextmanager
def open_session(sources: PackageSources) -> Iterator[PackageSession]:
    """Open a client for the configured sources."""
    with PackageSession(sources) as session:
        yield session


def find_wheel(
    session: PackageSession, wanted: Wanted, interpreter: Interpreter, hashes: Collection[str] = ()
) -> Offer:
    """Find the wheel that an installer would take.

    Args:
        session: from :func:`open_session`.
        wanted: the requirement.
        interpreter: the interpreter and platform.
        hashes: SHA-256 digests of which the file must have one; empty takes any.

    Raises:
        InputError: there is none; the message names what there is instead.
        DownloadError: an index could not be read.
    """
    python = interpreter.python
    target = TargetPython(
        py_ver=(python.major, python.minor),
        abis=[python.abi],
        impl=python.short,
        platforms=list(interpreter.platforms),
    )
    for group in _group(session):
        found = _match(session, group, wanted, target_python=target, only_binary=[":all:"])
        if found:
            return _choose(wanted, found, hashes)
        if everything := _list_everything(session, group, wanted.name):
            raise _explain_no_wheel(wanted, interpreter, frozenset(target.supported_tags()), everything)
    raise _explain_nothing(session, wanted)


def find_sdist(session: PackageSession, wanted: Wanted, hashes: Collection[str] = ()) -> Offer:
    """Find the newest source distribution that fits, whatever Python it requires.

    Args:
        session: from :func:`open_session`.
        wanted: the requirement.
        hashes: as for :func:`find_wheel`.

    Raises:
        InputError: there is none; the message names what there is instead.
        DownloadError: an index could not be read.
    """
    for group in _group(session):
        found = _match(session, group, wanted, ignore_compatibility=True, no_binary=[":all:"])
        if found:
            newest = [package for package in found if package.version == found[0].version]
            newest = [p for p in newest if parse_sdist_name(p.link.filename)] or newest
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
        session: from :func:`open_session`.
        offer: the file to fetch.
        destination: the file to write.
        subject: subject of messages.
        sha256: digest that the file must have; None takes the index's.
        limit: largest number of bytes accepted.
        on_bytes: called with bytes done and in all.

    Returns:
        The file's SHA-256.

    Raises:
        DownloadError: it cannot be fetched, or is not the expected file.
        OSError: the destination cannot be written.
    """
    wanted = sha256 or offer.sha256
    if not offer.url.startswith("file:"):
        return fetch_file(
            session,
            offer.url,
            destination,
            sha256=wanted,
            other=offer.other,
            magic=_MAGIC if offer.filename.endswith(".whl") else b"",
            subject=subject,
            limit=limit,
            on_bytes=on_bytes,
        )
    return copy_file(Link(offer.url).file_path, destination, sha256=wanted, subject=subject)


def _group(session: PackageSession) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield index URLs and other places that are searched together; the next ones only if these have nothing.

    Raises:
        InputError: nothing is configured to be searched.
    """
    sources = session.sources
    if sources.no_index:
        if not sources.find_links:
            problem = "may not be asked (no-index), and no directory is named"
            raise InputError("the package index", problem, "give --index-url URL or --find-links DIR")
        yield (), sources.find_links
        return
    default = sources.index or find_default_index()
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
    """Check a place that the library would skip silently.

    Raises:
        InputError: it is neither https nor trusted, or is a directory that does not exist.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not Link(url).file_path.is_dir():
        problem = "is configured as a package index, and is no directory"
        raise InputError(strip_login(url), problem, "correct the configuration")
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
    # A pre-release is taken if one is requested, or if nothing else fits.
    early = bool(requirement.specifier.prereleases)
    sources = session.sources
    found = _run(wanted.name, sources, lambda: finder.find_matches(requirement, allow_prereleases=early))
    return found or _run(
        wanted.name, sources, lambda: finder.find_matches(requirement, allow_prereleases=True)
    )


def _list_everything(
    session: PackageSession, group: tuple[tuple[str, ...], tuple[str, ...]], name: str
) -> list[Package]:
    finder = _open_finder(session, group, ignore_compatibility=True)
    return _run(name, session.sources, lambda: finder.find_all_packages(name, allow_yanked=True))


def _run(name: str, sources: PackageSources, find: Callable[[], Iterable[Package]]) -> list[Package]:
    """Let the library read foreign pages.

    Raises:
        DownloadError: a page is malformed.
    """
    try:
        with warnings.catch_warnings():
            # Pages have specifiers that were once valid (`>=3.6.*`): the user cannot change them.
            warnings.simplefilter("ignore", FutureWarning)
            return [p for p in find() if _is_sound(p.link, sources) and _make_offer(p)]
    except DownloadError:
        raise
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError, OSError) as error:
        said = describe(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        problem = f"the package index has a page of it that cannot be read ({said})"
        raise DownloadError(name, strip_login(problem), _CHECK, Trouble.STATUS) from None


def _is_sound(link: Link, sources: PackageSources) -> bool:
    """Whether a file may be fetched: a page of the web must not lead to files of this machine.

    A page can declare any base for its links, so it is not trusted: if an index of the web is configured,
    local files have to be in a place where a local index or local files are configured.
    """
    if not link.is_file:
        return link.parsed.scheme in {"http", "https"}
    indexes = () if sources.no_index else (*sources.extra, sources.index or find_default_index())
    places = [Path(place) if "://" not in place else place for place in (*indexes, *sources.find_links)]
    local = [p if isinstance(p, Path) else Link(p).file_path.parent for p in places if _is_local(p)]
    if len(local) == len(places):
        return True
    path = link.file_path.resolve()
    return any(path.is_relative_to(place.resolve()) for place in local)


def _is_local(place: Path | str) -> bool:
    return isinstance(place, Path) or place.startswith("file:")


def _choose(wanted: Wanted, packages: Sequence[Package], hashes: Collection[str]) -> Offer:
    offers = [_make_offer(package) for package in packages]
    fitting = [offer for offer in offers if not hashes or offer.sha256 is None or offer.sha256 in hashes]
    if fitting:
        return fitting[0]
    problem = f"has sha256 {offers[0].sha256} there, not {min(hashes)}"
    raise InputError(wanted.text, problem, "do not use it: the index, a proxy or the given hash is wrong")


def _make_offer(package: Package) -> Offer:
    link = package.link
    stated = {name.lower(): value[0].lower() for name, value in (link.hash_option or {}).items()}
    others = [
        (name, stated[name]) for name in ("sha512", "sha384", "sha224", "sha1", "md5") if name in stated
    ]
    yanked = link.yank_reason if isinstance(link.yank_reason, str) or link.yank_reason is None else ""
    return Offer(
        filename=link.filename,
        url=link.url_without_fragment,
        sha256=stated.get("sha256"),
        other=others[0] if others else None,
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
        hint = (
            f"build a wheel of it (`pip wheel --no-deps {quote(wanted.text)}`) and name that; what the build "
            f"needs: `wheelfix sdist {quote(wanted.text)}`"
        )
        return OnlySdistError(wanted.text, "has no wheel, only a source distribution", hint)
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
    """Report that the newest version has no wheel for the target, and which wheels it has, nearest first."""
    version = next(package.version for package in fitting if package.link.is_wheel)
    same = [package for package in fitting if package.version == version]
    tags = {tag for p in same if p.link.is_wheel for tag in parse_wheel_filename(p.link.filename)[3]}
    machine = next(p for p in interpreter.platforms if p.startswith("linux_")).removeprefix("linux_")
    near = sorted(tags, key=partial(_rank_tag, interpreter.python, machine))
    shown = ", ".join(map(str, near[:6])) + (f" and {len(near) - 6} more" if len(near) > 6 else "")
    asked = f"Python {interpreter.python.text} on Linux ({machine})"
    problem = f"{version} has no wheel for {asked}; there is {shown}"
    if any("linux" in tag.platform for tag in tags):
        return InputError(wanted.text, problem, "name another Python or platform, or another version")
    if any(not package.link.is_wheel for package in same):
        hint = "build one of the source distribution: `pip wheel`, or nixpkgs' own package"
        return InputError(wanted.text, f"{problem}, and a source distribution", hint)
    return InputError(wanted.text, problem, "name another version, or a package that is for Linux")


def _rank_tag(python: Python, machine: str, tag: Tag) -> tuple[bool | str, ...]:
    """Rank tags: those for the machine first, among these those for the same kind of interpreter."""
    kind = ("pp" if tag.interpreter.startswith("pp") else "cp", tag.abi.endswith("t"))
    other = kind != (python.short, python.threads) and not tag.interpreter.startswith("py")
    return "linux" not in tag.platform, not tag.platform.endswith(machine), other, str(tag)


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
    hint = f"check the spelling, and the index that pip or uv is configured for{asked}"
    return InputError(wanted.text, problem, suggest_path(wanted.text, otherwise=hint))
