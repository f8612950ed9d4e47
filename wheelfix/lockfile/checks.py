"""Checks values that locks of all formats have: names, versions, digests and file names.

Each function takes a string and its key, and raises :class:`~wheelfix.model.base.Misfit` for an invalid
value.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.errors import InputError, strip_login, strip_token
from wheelfix.model.base import Misfit

HINT = "let the tool that wrote the lock write it again"

_EXTRA = "wheelfix[conda]"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_CONDA_NAME = re.compile(r"[a-z0-9_.][a-z0-9_.-]*")
_CONDA_VERSION = re.compile(r"[A-Za-z0-9_.!+~-]+")
_SUBDIR = re.compile(r"[a-z0-9_-]{1,64}")
_LONGEST_SPEC = 4096
_ARCHIVE = re.compile(r"(?P<stem>.+)(?:\.conda|\.tar\.bz2)")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def check_name(text: str, key: str = "name") -> str:
    """Normalise a distribution's name (PEP 503).

    Raises:
        Misfit: it is not a name.
    """
    if not _NAME.fullmatch(text):
        raise Misfit(key, f"{text!r} is no name of a distribution")
    return canonicalize_name(text)


def check_version(text: str | None, key: str = "version") -> str | None:
    """Check a version (PEP 440), which is returned unchanged; None stays None.

    Raises:
        Misfit: it is not a version, which could not be used as the name of a directory.
    """
    if text is None:
        return None
    try:
        Version(text)
    except ValueError:  # InvalidVersion, or a number of more digits than Python converts
        raise Misfit(key, f"{text[:60]!r} is no version") from None
    if text != text.strip():
        raise Misfit(key, f"{text!r} has blanks around it")
    return text


def check_sha256(text: str | None, key: str = "hash") -> str | None:
    """Return the digest in ``sha256:<hex>``; None for other algorithms, and for None.

    Raises:
        Misfit: it is not a digest.
    """
    algorithm, _, digest = (text or "").partition(":")
    if algorithm != "sha256":
        return None
    if not _SHA256.fullmatch(digest):
        raise Misfit(key, "is no sha256 of 64 hexadecimal digits")
    return digest


def find_filename(text: str, key: str) -> str:
    """Return the file name in a URL or path.

    Raises:
        Misfit: it has no file name, or one that leaves its directory.
    """
    try:
        path = urlsplit(text).path if "://" in text else text
    except ValueError:
        raise Misfit(key, f"{strip_login(text)!r} is no URL") from None
    name = unquote(path.rstrip("/").rpartition("/")[2])
    if not name or name in {".", ".."} or "/" in name or "\\" in name or not name.isprintable():
        raise Misfit(key, f"{strip_login(text)!r} names no file")
    return name


def check_md5(text: str | None, key: str = "md5") -> str | None:
    """Check the digits of a digest; None stays None.

    Raises:
        Misfit: it is not one.
    """
    if text is not None and not _MD5.fullmatch(text):
        raise Misfit(key, "is no md5 of 32 hexadecimal digits")
    return text


def check_conda_name(text: str, key: str = "name") -> str:
    """Return the name of a package of conda, in lower case.

    Raises:
        Misfit: it is not a name.
    """
    if not _CONDA_NAME.fullmatch(text.lower()) or text.strip(".") == "":
        raise Misfit(key, f"{text[:60]!r} is no name of a package of conda")
    return text.lower()


def check_conda_version(text: str, key: str = "version") -> str:
    """Check the version, or the build string, of a package of conda.

    Raises:
        Misfit: it has characters that conda refuses.
    """
    if not _CONDA_VERSION.fullmatch(text):
        raise Misfit(key, f"{text[:60]!r} is no version of conda")
    return text


def check_url(text: str, key: str) -> str:
    """Check the address or path of a package, which is written into Nix code.

    Raises:
        Misfit: it has characters that no address has, and that could hide what it is.
    """
    if not text.isprintable():
        raise Misfit(key, f"{strip_login(text)[:200]!r} is no address")
    return text


def check_spec(text: str, key: str = "depends") -> str:
    """Check a match specification that a package depends on; credentials of a channel in it are removed.

    Raises:
        Misfit: it is too long, or has characters that cannot be seen.
    """
    if not text.isprintable() or len(text) > _LONGEST_SPEC:
        raise Misfit(key, f"{strip_login(text)[:60]!r} is no match specification")
    return strip_token(text)


def check_subdir(text: str, key: str = "subdir") -> str:
    """Check the name of a platform's directory in a channel.

    Raises:
        Misfit: it is none.
    """
    if not _SUBDIR.fullmatch(text):
        raise Misfit(key, f"{text[:60]!r} is no platform of conda")
    return text


def check_site_packages(text: str, key: str = "python_site_packages_path") -> str:
    """Check where a Python has its packages, relative to a prefix; empty text stays.

    Raises:
        Misfit: it leaves the prefix.
    """
    if not text.isprintable() or text.startswith("/") or ".." in text.split("/"):
        raise Misfit(key, f"{text[:60]!r} is no directory in a prefix")
    return text


def split_archive(filename: str, key: str) -> tuple[str, str, str]:
    """Return name, version and build string in the file name of a package of conda.

    Raises:
        Misfit: it is not such a file name.
    """
    match = _ARCHIVE.fullmatch(filename)
    parts = match["stem"].rsplit("-", 2) if match else []
    if len(parts) != 3 or not all(parts):
        raise Misfit(key, f"{filename[:100]!r} is no file of a package of conda (NAME-VERSION-BUILD.conda)")
    return parts[0], parts[1], parts[2]


def tell_extra(subject: str) -> InputError:
    """Make the error of a file that needs libraries for conda, which are an extra of this package."""
    return InputError(subject, f"needs {_EXTRA}", f"run `pip install '{_EXTRA}'`")
