"""Interpreters of this machine, and environments for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from wheelfix.pysource.shim import name_shim, read_shim, render_starters

_ASK = "import ctypes, sys, venv; print('%d.%d' % sys.version_info[:2])"


@cache
def find_pythons() -> dict[str, str]:
    """The interpreters by version: the running one, and one of each other version from 3.6 on."""
    found: dict[str, str] = {}
    for path in (sys.executable, *_list_candidates()):
        done = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found.setdefault(done.stdout.strip(), path)
    return found


def _list_candidates() -> Iterator[str]:
    for minor in range(6, 20):
        if path := shutil.which(f"python3.{minor}"):
            yield path
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(root.glob("versions/3.*/bin/python3")))


class Environment:
    """A virtual environment with modules, and shims for some of them."""

    def __init__(self, python: str, directory: Path) -> None:
        subprocess.run([python, "-m", "venv", "--without-pip", str(directory)], check=True)
        self.python = directory / "bin" / "python"
        (self.site,) = directory.glob("lib/python*/site-packages")

    def clear(self) -> None:
        """Remove everything that is installed."""
        shutil.rmtree(self.site)
        self.site.mkdir()

    def add(self, path: str, source: str) -> None:
        """Add a module."""
        file = self.site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)

    def add_shim(
        self,
        distribution: str,
        modules: Sequence[str],
        libraries: dict[str, str],
        preload: Sequence[str] = (),
        *,
        starts: bool = True,
    ) -> str:
        """Add the shim of a distribution; returns its name."""
        name = name_shim(distribution)
        table = {"modules": list(modules), "libraries": libraries, "preload": list(preload)}
        self.add(f"{name}.py", f"{read_shim()}\nTABLE.update({table!a})\n")
        for file, text in render_starters(name).items() if starts else ():
            self.add(file, text)
        return name

    def run(self, *arguments: str, **environment: str) -> str:
        """Run the interpreter; what it prints. Nothing may come on stderr."""
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
        env.pop("LD_LIBRARY_PATH", None)
        command = [str(self.python), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return done.stdout.strip()

    def do(self, code: str, *flags: str) -> str:
        """Run code; what it prints."""
        return self.run(*flags, "-c", code)
