"""From a requirement or a URL to a file, into a cache.

Layout of the cache::

    torch/2.9.1/torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl    normalised name, version, file
    torch/2.9.1-py3.12-x86_64-linux.json                             what was chosen for a target
    cryptography/cryptography-43.0.0.tar.gz                          an sdist, in a cache of theirs

A requirement that fits one version (``==``) and was answered once is answered from the cache, without the
network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from wheelfix.errors import InputError
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.addresses import strip_login
from wheelfix.outside.configuration import PackageSources, find_package_sources
from wheelfix.outside.http import MAX_SIZE, fetch_file, hash_file
from wheelfix.outside.packages import Interpreter, fetch_offer, find_sdist, find_wheel, open_session
from wheelfix.wheel.metadata import DEFAULT_PYTHON, Wanted, parse_filename, parse_sdist_name, parse_wanted

NEWEST_GLIBC = 42
"""Minor version of the glibc 2 that nixpkgs has: what asks for a newer one is the last choice."""

MAX_SDIST = 2 << 30
"""Largest source distribution accepted, in bytes."""

_LIMIT_GLIBC = 60
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_MACHINES = {"powerpc64le": "ppc64le"}
_HASH = re.compile(r"\s--hash[= ]sha256:([0-9a-f]{64})(?=\s|$)")
_PYTHON = re.compile(r"3\.(\d{1,3})(t?)")
_FILES = (
    ".whl",
    ".lock",
    ".txt",
    ".toml",
    ".gz",
    ".bz2",
    ".xz",
    ".zip",
    ".tar",
    ".tgz",
    ".so",
    ".nix",
    ".json",
)
_FORM = "write NAME, NAME==VERSION, or NAME[EXTRA], such as torch==2.9.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that was fetched, or was fetched before.

    Attributes:
        path: in the cache.
        yanked: why the index has withdrawn it, perhaps in no words; None if it has not.
    """

    path: Path
    yanked: str | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the user should know."""
        if self.yanked is None:
            return ()
        said = f": {self.yanked}" if self.yanked.strip() else ""
        message = f"is yanked from the index{said}"
        return (Finding(level=Level.WARNING, subject=self.path.name, message=message),)


def looks_like_requirement(text: str) -> bool:
    """Whether an argument that is no file is meant to be fetched: a requirement, and no file name.

    Example:
        >>> looks_like_requirement("numpy"), looks_like_requirement("torch.whl")
        (True, False)
    """
    bare, _ = split_hashes(text)
    wanted = parse_wanted(bare)
    if wanted is None:
        return False
    named = wanted.url or wanted.specifier or wanted.extras
    return bool(named) or not bare.strip().lower().endswith(_FILES)


def is_url(text: str) -> bool:
    """Whether an argument is the address of a file on the web, or of a repository."""
    return re.match(r"(?:git|hg|svn|bzr)\+|https?://", text, re.IGNORECASE) is not None


def split_hashes(requirement: str) -> tuple[str, frozenset[str]]:
    """A requirement without its ``--hash=sha256:...``, and those."""
    return _HASH.sub("", requirement), frozenset(_HASH.findall(requirement))


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
    """Get the wheel that an installer would choose for a requirement.

    Args:
        requirement: a name, with versions or without, as in ``torch==2.9.1``; may be followed by
            ``--hash=sha256:...``. Extras are not followed here.
        directory: the cache.
        python: version of CPython the wheel is for (``3.12``; ``3.14t`` for the free-threaded one).
        system: Nix system the wheel is for (``x86_64-linux``).
        musl: for musl instead of glibc.
        sources: where it may come from; None takes what is configured.
        on_bytes: told bytes done and in all.

    Raises:
        InputError: it is no requirement; there is no such distribution, version, or wheel for the target; an
            index cannot be read; the hash is another one; or the cache cannot be written.
    """
    wanted, hashes = _parse(requirement)
    interpreter = find_interpreter(wanted.text, python, system, musl=musl)
    cache = directory / wanted.name
    target = f"{wanted.version}-py{python}-{system}{'-musl' * musl}"
    choice = cache / f"{target}{_mark(hashes)}.json"
    if wanted.version and (found := _read_choice(choice, hashes)):
        return found
    with say_unwritten(directory), open_session(sources or find_package_sources()) as session:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        offer = find_wheel(session, wanted, interpreter, hashes)
        parsed = parse_filename(offer.filename)
        assert parsed is not None
        place = cache / parsed[1] / offer.filename
        stated = offer.sha256 or (min(hashes) if len(hashes) == 1 else None)
        fetch_offer(
            session, offer, place, subject=wanted.text, sha256=stated, limit=MAX_SIZE, on_bytes=on_bytes
        )
        if wanted.version:
            _write_choice(choice, place, offer.yanked)
    return Fetched(path=place, yanked=offer.yanked)


def fetch_sdist(
    requirement: str,
    directory: Path,
    *,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Fetched:
    """Get the newest source distribution that fits a requirement; nothing of it is run.

    Args:
        requirement: as for :func:`fetch_wheel`.
        directory: the cache of source distributions.
        sources: where it may come from; None takes what is configured.
        on_bytes: told bytes done and in all.

    Raises:
        InputError: as for :func:`fetch_wheel`.
    """
    wanted, hashes = _parse(requirement)
    cache = directory / wanted.name
    if wanted.version and (known := _find_cached_sdist(wanted, cache, hashes)):
        return Fetched(path=known)
    with say_unwritten(directory), open_session(sources or find_package_sources()) as session:
        offer = find_sdist(session, wanted, hashes)
        place = cache / offer.filename
        stated = offer.sha256 or (min(hashes) if len(hashes) == 1 else None)
        fetch_offer(
            session, offer, place, subject=wanted.text, sha256=stated, limit=MAX_SDIST, on_bytes=on_bytes
        )
    return Fetched(path=place, yanked=offer.yanked)


def fetch_url(
    url: str,
    directory: Path,
    *,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Path:
    """Get a wheel or a source distribution by its address.

    Args:
        url: of the file; ``#sha256=...`` is checked.
        directory: the cache.
        sources: certificates and passwords; None takes what is configured.
        on_bytes: told bytes done and in all.

    Returns:
        The file, in a directory of the cache for this address; fetched anew if no digest is given.

    Raises:
        InputError: it is no address of such a file, cannot be fetched, or has another digest.
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
    if parse_filename(name) is None and parse_sdist_name(name) is None:
        problem = "is no address of a wheel or a source distribution"
        raise InputError(strip_login(url), problem, "give the address of a file that ends in .whl or .tar.gz")
    match = re.search(r"\bsha256=([0-9a-f]{64})(?![0-9a-f])", parts.fragment)
    if match is None and "sha256=" in parts.fragment:
        problem = "has a sha256 that is none"
        raise InputError(strip_login(url), problem, "write 64 hexadecimal digits, or leave it out")
    clean = parts._replace(fragment="").geturl()
    place = directory / hashlib.sha256(clean.encode("utf-8", "surrogatepass")).hexdigest()[:32] / name
    if match and hash_file(place) == match[1]:
        return place
    with say_unwritten(directory), open_session(sources or find_package_sources()) as session:
        fetch_file(session, clean, place, sha256=match[1] if match else None, subject=name, on_bytes=on_bytes)
    return place


def find_platforms(system: str, *, musl: bool = False) -> tuple[str, ...]:
    """Platform tags that run on a Nix system, best first; empty for a system that is no Linux.

    What asks for a newer glibc than nixpkgs has comes last: nixpkgs goes on, and no other wheel may fit.

    Example:
        >>> find_platforms("aarch64-linux")[:2]
        ('manylinux_2_42_aarch64', 'manylinux_2_41_aarch64')
    """
    match = re.fullmatch(r"(\w+)-linux", system)
    if not match:
        return ()
    machine = _MACHINES.get(match[1], match[1])
    if musl:
        return tuple(f"{tag}_{machine}" for tag in ("musllinux_1_2", "musllinux_1_1", "linux"))
    oldest = 5 if machine in {"x86_64", "i686"} else 17
    tags = []
    for minor in range(NEWEST_GLIBC, oldest - 1, -1):
        tags += [f"manylinux_2_{minor}"] + ([_LEGACY[minor]] if minor in _LEGACY else [])
    newer = [f"manylinux_2_{minor}" for minor in range(NEWEST_GLIBC + 1, _LIMIT_GLIBC + 1)]
    return tuple(f"{tag}_{machine}" for tag in [*tags, "linux", *newer])


def find_interpreter(subject: str, python: str, system: str, *, musl: bool = False) -> Interpreter:
    """The interpreter and platform that wheels are chosen for.

    Raises:
        InputError: the version or the system is none.
    """
    match = _PYTHON.fullmatch(python)
    if match is None:
        raise InputError(
            subject, f"cannot be downloaded for Python {python!r}", "name a version such as 3.12 or 3.14t"
        )
    platforms = find_platforms(system, musl=musl)
    if not platforms:
        raise InputError(
            subject, f"cannot be downloaded for {system!r}", "name a system such as x86_64-linux"
        )
    minor = int(match[1])
    abi = f"cp3{minor}{match[2]}{'m' * (minor < 8)}"
    return Interpreter(version=(3, minor), abi=abi, platforms=platforms)


def _parse(requirement: str) -> tuple[Wanted, frozenset[str]]:
    bare, hashes = split_hashes(requirement)
    wanted = parse_wanted(bare)
    if wanted is None or wanted.url:
        raise InputError(requirement, "is no requirement", _FORM)
    if hashes and wanted.version is None:
        raise InputError(requirement, "has a hash, and more than one version fits", "write NAME==VERSION")
    return wanted, hashes


def _mark(hashes: frozenset[str]) -> str:
    """A choice that was made under given hashes is another one."""
    return "-" + hashlib.sha256(",".join(sorted(hashes)).encode()).hexdigest()[:16] if hashes else ""


def _read_choice(choice: Path, hashes: frozenset[str]) -> Fetched | None:
    try:
        with open(os.open(choice, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            document = json.loads(file.read(1 << 16))
        version, filename, yanked = document["version"], document["file"], document["yanked"]
        parsed = parse_filename(filename)
        wheel = choice.parent / version / filename
        if parsed is None or "/" in filename or parsed[1] != version or not wheel.is_file():
            return None
        if hashes and hash_file(wheel) not in hashes:
            return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Fetched(path=wheel, yanked=yanked if isinstance(yanked, str) else None)


def _write_choice(choice: Path, wheel: Path, yanked: str | None) -> None:
    document = {"version": wheel.parent.name, "file": wheel.name, "yanked": yanked}
    handle, partial = tempfile.mkstemp(prefix=".choice-", dir=choice.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
        Path(partial).replace(choice)
    except BaseException:
        with suppress(OSError):
            Path(partial).unlink()
        raise


def _find_cached_sdist(wanted: Wanted, cache: Path, hashes: frozenset[str]) -> Path | None:
    try:
        names = sorted(path.name for path in cache.iterdir())
    except OSError:
        return None
    fitting = [cache / name for name in names if parse_sdist_name(name) == (wanted.name, wanted.version)]
    return next((path for path in fitting if not hashes or hash_file(path) in hashes), None)


@contextmanager
def say_unwritten(directory: Path) -> Iterator[None]:
    """Tell a cache that cannot be written as what it is.

    Raises:
        InputError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise InputError(str(directory), problem, "make room, or set XDG_CACHE_HOME") from None
