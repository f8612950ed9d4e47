"""The lock formats: which tool writes each, and how its files are told.

The screen of ``wheelfix`` alone needs this table and no model, so it is made of named tuples: msgspec, which
models are made of, would take longer to import than all the rest of that screen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class LockKind(StrEnum):
    """Which tool wrote a lock."""

    UV = "uv.lock"
    PYLOCK = "pylock.toml"
    POETRY = "poetry.lock"
    PDM = "pdm.lock"
    PIPENV = "Pipfile.lock"
    PIXI = "pixi.lock"
    CONDA_LOCK = "conda-lock.yml"
    REQUIREMENTS = "requirements.txt"


class LockFormat(NamedTuple):
    """How a lock of one kind is told by its name and its document.

    Attributes:
        kind: of the locks.
        names: regular expression that matches the whole of their file names.
        version: keys that lead to the version of the format.
        keys: keys at the top of the document, which tell it from other documents with such a version.
        yaml: whether it is YAML, and not TOML or JSON.
    """

    kind: LockKind
    names: str
    version: tuple[str, ...]
    keys: frozenset[str] = frozenset()
    yaml: bool = False


LOCK_FORMATS = (
    LockFormat(
        kind=LockKind.UV,
        names=r"uv\.lock",
        version=("version",),
        keys=frozenset({"requires-python", "package"}),  # a Cargo.lock has a version as well
    ),
    LockFormat(kind=LockKind.PYLOCK, names=r"pylock(\.[^.]+)?\.toml", version=("lock-version",)),
    LockFormat(kind=LockKind.POETRY, names=r"poetry\.lock", version=("metadata", "lock-version")),
    LockFormat(kind=LockKind.PDM, names=r"pdm\.lock", version=("metadata", "lock_version")),
    LockFormat(kind=LockKind.PIPENV, names=r"[Pp]ipfile\.lock", version=("_meta", "pipfile-spec")),
    LockFormat(
        kind=LockKind.PIXI,
        names=r"pixi\.lock",
        version=("version",),
        keys=frozenset({"environments", "packages"}),
        yaml=True,
    ),
    LockFormat(
        kind=LockKind.CONDA_LOCK,
        names=r"(?:.*[-_.])?conda-lock\.ya?ml",
        version=("version",),
        keys=frozenset({"metadata", "package"}),  # pixi up to version 3 has these, too
        yaml=True,
    ),
)
"""The formats but lists of requirements, in the order in which a user is offered them."""

CONDA_KINDS = frozenset({LockKind.PIXI, LockKind.CONDA_LOCK})
"""Locks of packages of conda, which may have packages from PyPI besides."""
