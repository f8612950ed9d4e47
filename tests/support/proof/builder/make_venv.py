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
    """Link what is in one source alone, merge directories that several have; files must not collide.

    A directory that the target has already is merged into.
    """
    found: dict[str, list[Path]] = {}
    for source in sources:
        for path in source.iterdir():
            found.setdefault(path.name, []).append(path)
    for name, paths in sorted(found.items()):
        place = target / name
        if all(path.is_dir() for path in paths) and (len(paths) > 1 or place.is_dir()):
            place.mkdir(exist_ok=True)
            merge(place, paths)
        elif len({path.read_bytes() for path in paths if path.is_file()}) <= 1 and not place.exists():
            place.symlink_to(paths[0])
        else:
            sys.exit(f"make-venv: collision of {' and '.join(map(str, paths))}")


def rewrite_scripts(directory: Path, python: Path) -> None:
    """Let programs that an interpreter runs be run by that of the environment."""
    mark = f"#!{python.parent}/".encode()
    for script in directory.iterdir():
        with script.open("rb") as file:
            if file.read(len(mark)) != mark:
                continue
        _, rest = script.read_bytes().split(b"\n", 1)
        script.unlink()
        script.write_bytes(f"#!{directory}/python\n".encode() + rest)
        script.chmod(0o755)


if __name__ == "__main__":
    prefix, python = Path(sys.argv[1]), Path(sys.argv[2])
    write_venv(prefix, python)
    (prefix / sys.argv[3]).mkdir(parents=True)
    merge(prefix, [Path(package) for package in sys.argv[4:]])
    rewrite_scripts(prefix / "bin", python)
