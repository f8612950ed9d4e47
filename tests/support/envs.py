"""``wheelfix env`` on a loopback index, and what it wrote, evaluated as uv2nix would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.elf import build_elf
from tests.support.lockserver import Server
from tests.support.uv2nix import ask_uv2nix
from tests.support.wheel import build_wheel

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TAG = "py3-none-manylinux_2_28_x86_64"


def add_wheel(
    server: Server, directory: Path, name: str, *, needed: tuple[str, ...] = (), version: str = "1.0"
) -> None:
    """Build a wheel for any Python and serve it."""
    files = {f"{name}/__init__.py": b""}
    if needed:
        files[f"{name}/core.so"] = build_elf(directory / "elf", f"{name}.so", needed=needed)
    (directory / "wheels").mkdir(exist_ok=True)
    server.add(build_wheel(directory / "wheels", name=name, version=version, tag=TAG, files=files))


def run_alone(directory: Path, server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run wheelfix with nothing but the loopback index."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    environment |= {
        "XDG_CACHE_HOME": str(directory / "cache"),
        "UV_CACHE_DIR": str(directory / "uv-cache"),
        "UV_DEFAULT_INDEX": f"{server.url}/simple",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_CONFIG": "1",
    }
    command = [sys.executable, "-m", "wheelfix", *arguments]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def run_env(
    directory: Path, server: Server, *arguments: str, python: str | None = PYTHON
) -> subprocess.CompletedProcess[str]:
    """Run the command ``env`` alone; without a Python it chooses one itself."""
    return run_alone(directory, server, "env", *arguments, *(["--python", python] if python else []))


def ask_env(directory: Path, question: str) -> Any:
    """Evaluate an expression with ``env`` (of default.nix), its ``set``, and ``real`` in scope."""
    code = "".join(path.read_text() for path in sorted(directory.glob("overrides*.nix")))
    handed = "inherit (real) pkgs pyproject-nix uv2nix; pyproject-build-systems.overlays.wheel = real.hooks;"
    scope = f"env = import {directory}/default.nix {{ {handed} }}; set = env.pythonSet;"
    return ask_uv2nix(f"let {scope} in {question}", code=code, python=PYTHON)
