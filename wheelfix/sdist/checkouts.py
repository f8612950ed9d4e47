"""Computes hashes of git crates from cargo's checkouts, for ``importCargoLockArgs.outputHashes``.

nixpkgs' ``import-cargo-lock.nix`` fetches a git crate with ``fetchgit``, with submodules and without
``.git``, and needs the SHA-256 of that tree as a Nix archive. cargo keeps the same tree under
``$CARGO_HOME/git/checkouts/<repository>/<short commit>`` after a build, with a file ``.cargo-ok`` that marks
a complete checkout.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from wheelfix.model.sdist import CargoLock
from wheelfix.outside.places import find_cargo_home

_OWN = frozenset({".git", ".cargo-ok"})
_BLOCK = 1 << 20
_BRANCH = re.compile(r"ref: (refs/heads/\w[\w.-]*)")
_MAX_DEPTH = 200


def find_hashes(lock: CargoLock, cargo_home: Path | None = None) -> dict[str, bytes]:
    """Hash the checkouts of a lock's git crates that cargo has.

    Args:
        lock: the lock.
        cargo_home: cargo's directory; None for ``$CARGO_HOME``, else ``~/.cargo``.

    Returns:
        SHA-256 by commit, 32 bytes; commits without a complete checkout are left out.
    """
    home = cargo_home or find_cargo_home()
    commits = {
        crate.source.rpartition("#")[2]
        for crate in lock.crates
        if crate.source and crate.source.startswith("git+")
    }
    found: dict[str, bytes] = {}
    for checkout in _find_checkouts(home / "git" / "checkouts"):
        commit = _read_head(checkout)
        if commit in commits and commit not in found and commit.startswith(checkout.name):
            try:
                found[commit] = hash_tree(checkout, skip=_OWN)
            except OSError:
                continue
    return found


def hash_tree(path: Path, *, skip: Iterable[str] = ()) -> bytes:
    """Return the SHA-256 of a file or directory as a Nix archive (the thesis of E. Dolstra, figure 5.2).

    Args:
        path: the file or directory.
        skip: names to leave out at any depth.

    Raises:
        OSError: something in it cannot be read, or is neither file, directory nor link.
    """
    digest = hashlib.sha256()
    _add(digest.update, "nix-archive-1")
    _add_node(digest.update, path, frozenset(skip), 0)
    return digest.digest()


def _find_checkouts(directory: Path) -> list[Path]:
    """List complete checkouts, ``REPOSITORY-HASH/SHORT-COMMIT``; a damaged directory has none."""
    try:
        return sorted(ok.parent for ok in directory.glob("*/*/.cargo-ok"))
    except OSError:
        return []


def _read_head(checkout: Path) -> str:
    """Read the commit that is checked out; cargo resets the branch that HEAD names to it."""
    try:
        head = (checkout / ".git" / "HEAD").read_text().strip()
        if match := _BRANCH.fullmatch(head):
            return (checkout / ".git" / match[1]).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return head


def _add_node(add: Callable[[bytes], object], path: Path, skip: frozenset[str], depth: int) -> None:
    mode = path.lstat().st_mode
    if depth > _MAX_DEPTH:
        raise OSError(f"{path}: too deep")
    _add(add, "(", "type")
    if stat.S_ISLNK(mode):
        _add(add, "symlink", "target", str(path.readlink()))
    elif stat.S_ISDIR(mode):
        _add(add, "directory")
        names = sorted(os.fsencode(name) for name in os.listdir(path))  # noqa: PTH208 - bytes sort as Nix does
        for name in map(os.fsdecode, names):
            if name not in skip:
                _add(add, "entry", "(", "name", name, "node")
                _add_node(add, path / name, skip, depth + 1)
                _add(add, ")")
    elif stat.S_ISREG(mode):
        _add(add, "regular", *(["executable", ""] if mode & stat.S_IXUSR else []), "contents")
        _add_file(add, path)
    else:
        raise OSError(f"{path}: neither file, directory nor link")
    _add(add, ")")


def _add(add: Callable[[bytes], object], *words: str) -> None:
    for word in words:
        data = os.fsencode(word)
        add(len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8))


def _add_file(add: Callable[[bytes], object], path: Path) -> None:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        add(size.to_bytes(8, "little"))
        done = 0
        while block := file.read(_BLOCK):
            add(block)
            done += len(block)
        if done != size:
            raise OSError(f"{path}: changed while it was read")
        add(bytes(-size % 8))
