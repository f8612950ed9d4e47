"""Well-known places: where wheelfix keeps what it can make again, and where other programs keep theirs.

The door to ``platformdirs``. Nobody else puts such a path together.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import InputError
from wheelfix.model.base import Struct

if TYPE_CHECKING:
    from wheelfix.model.lock import LockedFile, LockedPackage


class Cache(Struct):
    """The directory of what can be made again, and its parts; none of them need be there.

    Attributes:
        root: the directory.
    """

    root: Path

    @property
    def readings(self) -> Path:
        """What was read of wheels, by their digests; :mod:`wheelfix.scan.store` has its layout.

        The name is that of the first version: entries that only it wrote are pruned with the others.
        """
        return self.root / "facts"

    @property
    def metadata(self) -> Path:
        """Locks of what exact requirements resolved to, below the names of distributions."""
        return self.root / "metadata"

    @property
    def wheels(self) -> Path:
        """Wheels that were fetched; :mod:`wheelfix.outside.wheels` has its layout."""
        return self.root / "wheels"

    @property
    def sdists(self) -> Path:
        """Source distributions that were fetched by requirements, laid out like the wheels."""
        return self.root / "sdists"

    @property
    def urls(self) -> Path:
        """Files that were fetched by their addresses."""
        return self.root / "urls"

    @property
    def database(self) -> Path:
        """The nix-index database that ``wheelfix index update`` fetched."""
        return self.root / "fetched-database"

    @property
    def update_lock(self) -> Path:
        """The file that is locked while a database is fetched."""
        return self.root / "update.lock"

    def find_locked(self, package: LockedPackage, file: LockedFile) -> Path:
        """The place for a file that a lock names, among the wheels.

        Args:
            package: what it is of.
            file: what the lock says of it.

        Raises:
            InputError: the lock names a place outside of the cache.
        """
        parts = (package.name, package.version or "0", file.filename)
        if any("/" in part or part in {".", ".."} for part in parts):
            hint = "do not use this lock: no tool writes such names"
            raise InputError(package.label, f"{file.filename!r} leads out of its directory", hint)
        return self.wheels.joinpath(*parts)

    def find_fetched_table(self, generation: str) -> Path:
        """The soname table of the fetched database.

        Args:
            generation: of the tables' form; those of another one are not looked at.
        """
        return self.root / f"fetched-{generation}.sqlite"

    def find_built_table(self, generation: str, digest: str) -> Path:
        """The soname table of another database.

        Args:
            generation: of the tables' form.
            digest: SHA-256 of the database, in hexadecimal.
        """
        return self.root / f"table-{generation}-{digest[:32]}.sqlite"

    def find_digest_note(self, name: str) -> Path:
        """A note of a database's digest.

        Args:
            name: stands for the path of the database; letters and digits.
        """
        return self.root / f"digest-{name}.json"


def find_cache() -> Cache:
    """The cache of this user."""
    import platformdirs

    return Cache(root=Path(platformdirs.user_cache_dir("wheelfix")))


def find_own_database() -> Path:
    """Where nix-index keeps its database."""
    return _find_caches() / "nix-index" / "files"


def find_pip_cache() -> Path:
    """Where pip keeps its cache on Linux."""
    return _find_cache("PIP_CACHE_DIR", "pip")


def find_uv_cache() -> Path:
    """Where uv keeps its cache on Linux."""
    return _find_cache("UV_CACHE_DIR", "uv")


def find_cargo_home() -> Path:
    """Where cargo keeps what it fetched."""
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def find_netrc() -> Path:
    """The file with passwords for hosts; may start with ``~``, which need not lead anywhere."""
    return Path(os.environ.get("NETRC") or "~/.netrc")


def find_store() -> str:
    """The directory of the Nix store: that of NIX_STORE_DIR, as Nix has it, or ``/nix/store``."""
    return os.environ.get("NIX_STORE_DIR", "").rstrip("/") or "/nix/store"


def _find_cache(variable: str, name: str) -> Path:
    named = os.environ.get(variable)
    return Path(named) if named else _find_caches() / name


def _find_caches() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) if base else Path.home() / ".cache"
