"""Merges packages into a virtual environment: ``make_venv PREFIX PYTHON SITE_PACKAGES PACKAGE...``."""

from __future__ import annotations

import sys
from pathlib import Path


def write_venv(prefix: Path, python: Path) -> None:
    """What makes a directory a virtual environment of an interpreter."""
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(python)
    (prefix / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")


def merge(target: Path, sources: list[Path]) -> None:
    """Link what is in one source alone, merge directories that several have; files must not collide."""
    target.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Path]] = {}
    for source in sources:
        for path in source.iterdir():
            found.setdefault(path.name, []).append(path)
    for name, paths in sorted(found.items()):
        if len(paths) == 1:
            (target / name).symlink_to(paths[0])
        elif all(path.is_dir() for path in paths):
            merge(target / name, paths)
        else:
            sys.exit(f"make-venv: collision of {' and '.join(map(str, paths))}")


if __name__ == "__main__":
    write_venv(Path(sys.argv[1]), Path(sys.argv[2]))
    sites = [Path(package, sys.argv[3]) for package in sys.argv[4:]]
    merge(Path(sys.argv[1], sys.argv[3]), [site for site in sites if site.is_dir()])
