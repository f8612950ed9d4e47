"""Environments of conda, built by the Nix code that wheelfix writes: a package of Python, and builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tests.support.conda import Member, build_conda
from tests.support.proof.proving import NOTHING, build, read_python, realise
from wheelfix.lock.prefix import clean_name

_LEFT_OUT = shutil.ignore_patterns(
    *(
        "__pycache__",
        "test",
        "tests",
        "idlelib",
        "lib2to3",
        "tkinter",
        "turtledemo",
        "ensurepip",
        "pydoc_data",
    ),
    *("distutils", "unittest", "config-*", "site-packages", "dist-packages", "*.a"),
    # What they need is nothing that stands in for nixpkgs here.
    *("_crypt.*.so", "_dbm.*.so", "nis.*.so"),
)


@cache
def read_interpreter() -> Path:
    """The interpreter of the stand-ins, in their store."""
    with tempfile.TemporaryDirectory() as directory:
        paths, said = build(Path(directory), [], NOTHING, ["interpreter"])
    assert paths, said
    return paths[0]


def build_python(directory: Path) -> Path:
    """A package of a Python that finds itself: of Debian's files, laid out and linked as conda has one.

    Its program asks for the loader of a common Linux, and its DT_RPATH leads to ``lib``.
    """
    version = read_python()
    with tempfile.TemporaryDirectory() as work:
        prefix = Path(work) / "python"
        interpreter = read_interpreter()
        library = f"lib/python{version}"
        shutil.copytree(interpreter / library, prefix / library, ignore=_LEFT_OUT, symlinks=False)
        # Debian's Python has another directory for packages.
        code = f"import site, sys\nsite.addsitedir(sys.prefix + '/{library}/site-packages')\n"
        (prefix / library / "sitecustomize.py").write_text(code)
        (prefix / "bin").mkdir()
        program = prefix / "bin" / f"python{version}"
        shutil.copyfile(interpreter / "bin" / f"python{version}", program)
        program.chmod(0o755)
        old = subprocess.run(
            ["patchelf", "--print-rpath", program], capture_output=True, text=True, check=True
        )
        path = f"$ORIGIN/../lib:{old.stdout.strip()}"
        options = ["--force-rpath", "--set-rpath", path, "--set-interpreter", "/lib64/ld-linux-x86-64.so.2"]
        subprocess.run(["patchelf", *options, program], check=True)
        files = {
            str(file.relative_to(prefix)): Member(
                file.read_bytes(), 0o755 if os.access(file, os.X_OK) else 0o644
            )
            for file in sorted(prefix.rglob("*"))
            if file.is_file()
        }
    files |= {f"bin/{name}": Member(f"python{version}".encode(), link=True) for name in ("python", "python3")}
    return build_conda(directory, "python", files, version=f"{version}.0", subdir="linux-64")


def realise_prefix(
    workspace: Path, code: str, files: Iterable[Path], attr: str = "environment"
) -> tuple[Path | None, str]:
    """Build an attribute of a file that ``wheelfix lock`` wrote, and return it with what Nix said.

    Args:
        workspace: an empty directory.
        code: the file.
        files: packages of conda and wheels, which are in the place of what it fetches.
        attr: what to build.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "environment.nix").write_text(code)
    stored = workspace / "files"
    stored.mkdir()
    links = []
    for file in files:
        link = stored / clean_name(file.name)
        link.symlink_to(file)
        links.append(link)
    paths, said = realise(
        workspace,
        [link.resolve() if link.name == link.resolve().name else link for link in links],
        [f"conda.{attr}"],
    )
    return (paths[0] if paths else None), said
