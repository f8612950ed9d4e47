"""Running uv, which resolves: wheelfix has no resolver of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from wheelfix.errors import InputError

_FOREIGN = ("UV_PROJECT", "UV_WORKING_DIRECTORY", "UV_FROZEN", "UV_LOCKED", "UV_NO_CONFIG", "VIRTUAL_ENV")
"""Settings that would make uv look somewhere else."""


def run_uv_lock(directory: Path, *, python: str, quiet: bool) -> None:
    """Resolve the pyproject.toml of a directory into its uv.lock; versions in a lock that is there stay.

    Args:
        directory: with pyproject.toml.
        python: version of CPython that the lock is for.
        quiet: no progress, not even on a terminal.

    Raises:
        InputError: there is no uv, it cannot resolve, or there is no network; in uv's own words.
    """
    show = not quiet and sys.stderr.isatty()
    command = [find_uv(), "lock", "--project", str(directory), "--no-progress"]
    if not os.environ.get("UV_PYTHON"):
        own = f"{sys.version_info[0]}.{sys.version_info[1]}"
        command += ["--python", sys.executable if own == python else python]
    result = subprocess.run(
        command,
        cwd=directory,
        env={key: value for key, value in os.environ.items() if key not in _FOREIGN},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    said = result.stderr.decode("utf-8", "replace")
    if result.returncode:
        raise _explain(said, python)
    if show:
        sys.stderr.write(said)


def find_uv() -> str:
    """The uv of the ``uv`` distribution beside wheelfix, else the one on PATH.

    Raises:
        InputError: there is neither.
    """
    if importlib.util.find_spec("uv"):
        beside = Path(sys.executable).with_name("uv")
        if beside.is_file():
            return str(beside)
    if found := shutil.which("uv"):
        return found
    raise InputError("uv", "is not installed, and wheelfix resolves with it", "install it: `pip install uv`")


def _explain(said: str, python: str) -> InputError:
    said = re.sub(r"://[^/@\s]*@", "://", said)
    if re.search(
        r"No interpreter found|Failed to download .*cpython|no compatible interpreter", said, re.IGNORECASE
    ):
        problem = f"uv finds no Python {python}, which it needs to resolve for it"
        return InputError("uv lock", problem, f"install Python {python}, or name another with --python")
    lines = [re.sub(r"^[\s×╰─▶│>-]+(?:error:|cause:)?", "", line).strip() for line in said.splitlines()]
    telling = [
        line for line in lines if line and not line.startswith(("Using CPython", "warning:", "Resolved"))
    ]
    problem = " ".join(telling)[:600] or "failed and says nothing"
    return InputError("uv lock", problem, "change the requirements, or check the network and uv's index")
