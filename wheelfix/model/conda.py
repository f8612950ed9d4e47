"""Models of conda's packages and locks.

Formats: conda's CEP 13 and 34 (``info/index.json``, ``info/paths.json``, ``info/link.json``), the archives
``.conda`` and ``.tar.bz2``.
"""

from __future__ import annotations

from wheelfix.model.base import Struct

SUBDIRS = {
    "aarch64-linux": "linux-aarch64",
    "armv7l-linux": "linux-armv7l",
    "i686-linux": "linux-32",
    "powerpc64le-linux": "linux-ppc64le",
    "riscv64-linux": "linux-riscv64",
    "s390x-linux": "linux-s390x",
    "x86_64-linux": "linux-64",
}
"""Nix systems, and what conda calls the platform of each."""

NOARCH = "noarch"
"""The subdirectory of a channel with packages for every platform."""


STORED_PREFIX = "conda-environment"
"""Name of every prefix in a Nix store: paths of one length, so that one can stand where another one stood."""

PREFIX_LENGTH = len("/nix/store/") + 32 + len(f"-{STORED_PREFIX}")
"""Length of its path: what a placeholder has to have room for."""


class CondaPlatform(Struct):
    """A platform that a lock has packages for.

    Attributes:
        name: as the lock calls it; ``linux-64``, or a name of the user's own (pixi).
        subdir: of channels, such as ``linux-64``.
        in_groups: environments of pixi that have it, sorted; of conda-lock, all categories.
    """

    name: str
    subdir: str
    in_groups: tuple[str, ...] = ()


class CondaBuild(Struct):
    """What a package of conda says of itself besides name and version.

    Attributes:
        build: its build string, such as ``py312h6a710ac_0``.
        subdir: of the channel, such as ``linux-64``.
        depends: match specifications, as written.
        noarch: ``python``, ``generic``, or empty for a package of one platform.
        links_scripts: whether it has a program that conda runs after linking it.
    """

    build: str
    subdir: str
    depends: tuple[str, ...] = ()
    noarch: str = ""
    links_scripts: bool = False


class CondaPackage(Struct):
    """One package of conda in a lock, for one platform.

    Attributes:
        name: as conda has it, in lower case (``_libgcc_mutex``, ``ruamel.yaml``).
        version: as conda has it, which need not be one of PEP 440.
        build: its build string.
        subdir: of the channel: ``linux-64``, ``noarch``.
        platform: that the lock has it for: name of a :class:`CondaPlatform`.
        url: where it is; empty for a file beside the lock.
        path: relative to the lock's directory, for such a file.
        filename: last part of either, unquoted; empty for a package without a file.
        source: where its sources are, for a package that pixi builds and that has no file; else empty.
        sha256: 64 hexadecimal digits, or None.
        md5: 32 hexadecimal digits, or None.
        size: bytes, if stated.
        depends: match specifications, as written.
        noarch: ``python``, ``generic``, or empty.
        site_packages: where this Python has its packages, relative to the prefix; empty if it does not say.
        in_groups: environments of pixi, or categories of conda-lock, that have it, sorted.
    """

    name: str
    version: str
    build: str
    subdir: str
    platform: str
    filename: str
    url: str = ""
    path: str | None = None
    source: str = ""
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    depends: tuple[str, ...] = ()
    noarch: str = ""
    site_packages: str = ""
    in_groups: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and version, for messages."""
        return f"{self.name} {self.version}".rstrip()
