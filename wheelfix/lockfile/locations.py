"""Reads where a package from PyPI is, as locks of conda's tools write it: one text for files and the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from wheelfix.errors import strip_login
from wheelfix.lockfile.checks import check_sha256, find_filename
from wheelfix.model.base import Misfit, Struct
from wheelfix.model.lock import LockedFile, SourceKind

_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)\+")
_DIRECT = "direct+"
"""What rattler writes before an address that a user named."""
_WHEEL = ".whl"
_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")
_SHOWN = 200


class Location(Struct):
    """Where a package is.

    Attributes:
        kind: of the source.
        file: None for a repository and a directory.
        origin: distinguishes it from the same version from elsewhere; empty for an index.
    """

    kind: SourceKind
    file: LockedFile | None = None
    origin: str = ""


def is_repository(text: str) -> bool:
    """Tell whether a location is a repository: ``git+https://…``."""
    return _REPOSITORY.match(text.removeprefix(_DIRECT)) is not None


def parse_location(text: str, key: str, digest: str | None) -> Location:
    """Parse a location: the address of a file or of a repository, or a path.

    Args:
        text: as the lock writes it.
        key: of it, for messages.
        digest: the sha256 that the lock has of the file.

    Raises:
        Misfit: it is none of these.
    """
    bare = text.removeprefix(_DIRECT)
    if is_repository(bare):
        return Location(kind=SourceKind.VCS, origin=strip_login(bare))
    if "://" not in bare:
        if not bare.endswith((_WHEEL, *_SDISTS)):
            return Location(kind=SourceKind.LOCAL, origin=bare)
        file = LockedFile(filename=find_filename(bare, key), sha256=digest, path=bare)
        return Location(kind=SourceKind.ARCHIVE, file=file, origin=bare)
    try:
        parts = urlsplit(bare)
    except ValueError:
        raise Misfit(key, f"{strip_login(bare)[:_SHOWN]!r} is no URL") from None
    if digest is None and parts.fragment.startswith("sha256="):
        digest = check_sha256(parts.fragment.replace("=", ":", 1), key)
    url = parts._replace(fragment="").geturl()
    file = LockedFile(filename=find_filename(url, key), sha256=digest, url=url)
    if text != bare or digest is None:
        return Location(kind=SourceKind.ARCHIVE, file=file, origin=strip_login(url))
    return Location(kind=SourceKind.INDEX, file=file)


def split_files(files: Iterable[LockedFile]) -> tuple[tuple[LockedFile, ...], LockedFile | None]:
    """Return the wheels among the files of a package, each once, and its source distribution."""
    each = tuple(dict.fromkeys(files))
    wheels = tuple(file for file in each if file.filename.endswith(_WHEEL))
    return wheels, next((file for file in each if not file.filename.endswith(_WHEEL)), None)
