"""Well-known paths: wheelfix's cache, and the directories of other programs.

The only module that imports ``platformdirs`` or builds such paths.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import InputError
from wheelfix.model.base import Struct

if TYPE_CHECKING:
    from wheelfix.model.conda import CondaPackage
    from wheelfix.model.lock import LockedFile, LockedPackage


class Cache(Struct):
    """wheelfix's cache directory and its parts, none of which need exist.

    Attributes:
        root: the directory.
    """

    root: Path

    @property
    def readings(self) -> Path:
        """Stored readings of wheels, by digest; :mod:`wheelfix.scan.store` defines the layout.

        The name is that of the first version, so that its entries are pruned too.
        """
        return self.root / "facts"

    @property
    def metadata(self) -> Path:
        """Locks that exact requirements resolved to, in directories named by distributions."""
        return self.root / "metadata"

    @property
    def wheels(self) -> Path:
        """Fetched wheels; :mod:`wheelfix.outside.wheels` defines the layout."""
        return self.root / "wheels"

    @property
    def sdists(self) -> Path:
        """Source distributions fetched by requirements, in the layout of the wheels."""
        return self.root / "sdists"

    @property
    def conda(self) -> Path:
        """Fetched packages of conda, in directories named by their digests."""
        return self.root / "conda"

    @property
    def urls(self) -> Path:
        """Files fetched by their addresses."""
        return self.root / "urls"

    @property
    def channels(self) -> Path:
        """What channels of conda have; rattler defines the layout."""
        return self.root / "channels"

    @property
    def database(self) -> Path:
        """The nix-index database that ``wheelfix index update`` fetched."""
        return self.root / "fetched-database"

    @property
    def attributes(self) -> Path:
        """What this user's Nix said of nixpkgs' attributes; wheelfix.index.attributes defines the table."""
        return self.root / "attributes-1.sqlite"

    @property
    def update_lock(self) -> Path:
        """The file that is locked while a database is fetched."""
        return self.root / "update.lock"

    def find_locked(self, package: LockedPackage, file: LockedFile) -> Path:
        """Return the place among the wheels for a file that a lock names.

        Args:
            package: the package of the file.
            file: the lock's entry for the file.

        Raises:
            InputError: the lock names a place outside the cache.
        """
        parts = (package.name, package.version or "0", file.filename)
        if any("/" in part or part in {".", ".."} for part in parts):
            hint = "do not use this lock: no tool writes such names"
            raise InputError(package.label, f"{file.filename!r} leads out of its directory", hint)
        return self.wheels.joinpath(*parts)

    def find_package(self, package: CondaPackage) -> Path:
        """Return the place for the file of a package of conda; its file name is checked where locks are read.

        Two channels may have different packages of one file name: the digest tells them apart.
        """
        digest = package.sha256 or (f"md5-{package.md5}" if package.md5 else "unknown")
        return self.conda / digest / package.filename

    def find_fetched_table(self, generation: str) -> Path:
        """Return the path of the soname table of the fetched database.

        Args:
            generation: of the tables' format; tables of other generations are ignored.
        """
        return self.root / f"fetched-{generation}.sqlite"

    def find_built_table(self, generation: str, digest: str) -> Path:
        """Return the path of the soname table of another database.

        Args:
            generation: of the tables' format.
            digest: SHA-256 of the database, in hexadecimal.
        """
        return self.root / f"table-{generation}-{digest[:32]}.sqlite"

    def find_built_names(self, generation: str, digest: str) -> Path:
        """Return the path of the table of names of a database.

        Args:
            generation: of the tables' format.
            digest: SHA-256 of the database, in hexadecimal.
        """
        return self.root / f"names-{generation}-{digest[:32]}.sqlite"

    def find_digest_note(self, name: str) -> Path:
        """Return the path of the note of a database's digest.

        Args:
            name: stands for the path of the database; letters and digits only.
        """
        return self.root / f"digest-{name}.json"


def find_cache() -> Cache:
    """Return the cache of this user."""
    import platformdirs

    return Cache(root=Path(platformdirs.user_cache_dir("wheelfix")))


def find_own_database() -> Path:
    """Return the directory of nix-index's database."""
    return _find_caches() / "nix-index" / "files"


def find_pip_cache() -> Path:
    """Return pip's cache directory on Linux."""
    return _find_cache("PIP_CACHE_DIR", "pip")


def find_uv_cache() -> Path:
    """Return uv's cache directory on Linux."""
    return _find_cache("UV_CACHE_DIR", "uv")


def find_playwright_browsers() -> Path:
    """Return the directory of Playwright's browsers on Linux."""
    return _find_cache("PLAYWRIGHT_BROWSERS_PATH", "ms-playwright")


def find_cargo_home() -> Path:
    """Return cargo's home directory."""
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def find_netrc() -> Path:
    """Return the file with passwords for hosts; may start with a ``~`` that cannot be expanded."""
    return Path(os.environ.get("NETRC") or "~/.netrc")


def find_store() -> str:
    """Return the directory of the Nix store: NIX_STORE_DIR, as in Nix, or ``/nix/store``."""
    return os.environ.get("NIX_STORE_DIR", "").rstrip("/") or "/nix/store"


def list_library_directories() -> tuple[str, ...]:
    """List the directories of this system's libraries, in which its loader looks; NixOS has none of them."""
    tops = ("/lib", "/usr/lib")
    multiarch = (str(path) for top in tops for path in sorted(Path(top).glob("*-linux-gnu*")))
    return ("/lib64", "/usr/lib64", *tops, *multiarch)


def _find_cache(variable: str, name: str) -> Path:
    named = os.environ.get(variable)
    return Path(named) if named else _find_caches() / name


def _find_caches() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) if base else Path.home() / ".cache"
