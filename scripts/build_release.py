"""Build wheel and sdist twice, from copies that differ in all that must not matter, and check what comes out.

    python scripts/build_release.py DIRECTORY

Both builds have to be the same, byte for byte; ``twine check --strict`` has to accept them; every tracked
file has to be where it belongs. Prints the figures of docs/release.md.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    output = Path(sys.argv[1])
    files = list_files()
    with tempfile.TemporaryDirectory() as work:
        first = build(
            copy_tree(files, Path(work) / "a", umask=0o022, age=0), Path(work) / "first", umask=0o022
        )
        second = build(
            copy_tree(files, Path(work) / "b" / "c", umask=0o077, age=9 * 86400),
            Path(work) / "second",
            umask=0o077,
        )
        if [digest(path) for path in first] != [digest(path) for path in second]:
            sys.exit("build_release.py: two builds of the same files differ")
        subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *first], check=True)
        check_contents(files, *first)
        output.mkdir(exist_ok=True)
        for path in first:
            shutil.copy(path, output)
            print(f"{path.name}: {path.stat().st_size} bytes, sha256 {digest(path)}")


def list_files() -> list[str]:
    """What a checkout has: tracked files, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in set(names) if (ROOT / name).is_file())


def copy_tree(files: list[str], target: Path, *, umask: int, age: int) -> Path:
    """A copy with other rights, and other times of modification."""
    for name in files:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path)
        path.chmod(path.stat().st_mode & ~umask)
        moment = (ROOT / name).stat().st_mtime - age
        os.utime(path, (moment, moment))
    return target


def build(source: Path, output: Path, *, umask: int) -> list[Path]:
    """The sdist of a source tree, and the wheel that comes of the sdist."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), str(source)]
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "315532800")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": str(umask)}
    subprocess.run(command, check=True, env=environment, umask=umask, stdout=subprocess.DEVNULL)
    return sorted(output.iterdir())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_contents(files: list[str], wheel: Path, sdist: Path) -> None:
    """The wheel has the package whole and nothing else; the sdist has all that a test run reads."""
    if wheel.suffix != ".whl":
        wheel, sdist = sdist, wheel
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if packed != (package := {name for name in files if name.startswith("wheelfix/")}):
        sys.exit(f"build_release.py: {wheel.name} differs from the package in {sorted(packed ^ package)}")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    if lacking := set(files) - held:
        sys.exit(f"build_release.py: {sdist.name} lacks {sorted(lacking)}")


if __name__ == "__main__":
    main()
