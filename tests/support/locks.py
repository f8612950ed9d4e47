"""What an environment of a lock holds, to compare two locks."""

from __future__ import annotations

from wheelfix.lockfile.select import Asked, select_packages
from wheelfix.model.lock import Lock
from wheelfix.scan.requirement import find_runtime


def list_selected(lock: Lock, *groups: str) -> dict[str, tuple[str | None, frozenset[str]]]:
    """Versions and hashes of what an environment holds, by name."""
    runtime = find_runtime("3.12", "x86_64-linux")
    packages = select_packages(lock, runtime, Asked(groups=groups or None))
    return {
        p.name: (
            p.version,
            frozenset([*p.hashes, *(f.sha256 for f in (*p.wheels, p.sdist) if f and f.sha256)]),
        )
        for p in packages
    }
