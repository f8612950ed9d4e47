"""An answer is true when the import works: environments built by Nix, and probes run where nothing else is.

Wheels are built as uv2nix builds them, under an overlay, by the real Nix in a store of our own. A probe is a
piece of Python, which is run in a namespace that has this store, libc and nothing else: no ``/usr``, no
``ldconfig``, no compiler. What stands in for what, say ``tests/support/nix/build`` and ``debian.toml``.
"""

from __future__ import annotations

import email.parser
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.support.proof.builder.install_wheel import install_wheel
from tests.support.proof.builder.make_venv import write_venv
from tests.support.proof.debian import HOME, prepare_driver, prepare_facts
from wheelfix.outside.namespace import Namespace, enter_namespace

STORE = HOME / "nix" / "store"
NOTHING = "{ pkgs, lib, ... }: final: prev: { }\n"
"""The overlay that changes nothing."""
EXPRESSION = Path(__file__).parents[1] / "nix" / "build" / "default.nix"
BUILDER = Path(__file__).with_name("builder")
INSIDE = Path(__file__).with_name("inside.py")
SECONDS = 120


@dataclass(frozen=True)
class Result:
    """How a proof went.

    Attributes:
        built: whether Nix could build the environment.
        worked: whether it could, and the probe ended without an error.
        said: what the build said where it failed, else the probe's traceback and what it wrote.
        mapped: files that were mapped into the process at its end.
    """

    built: bool
    worked: bool
    said: str
    mapped: tuple[Path, ...] = ()

    def list_files_of(self, attr: str) -> list[str]:
        """Names of mapped files that stand in for an attribute's."""
        return [path.name for path in self.mapped if find_attr(path) == attr]


def find_attr(path: Path) -> str | None:
    """The attribute that a file of the store stands in for; what it only brings with it is nobody's."""
    if not path.is_relative_to(STORE) or path.parent.name != "lib":
        return None
    _, found, name = path.relative_to(STORE).parts[0].partition("-nixpkgs.")
    return name.partition("+")[0] if found else None


def make_nix_environment() -> dict[str, str]:
    """Variables for Nix: a store of its own, which builds without network, users and sandbox."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("NIX_")},
        "NIX_STORE_DIR": str(STORE),
        "NIX_STATE_DIR": str(HOME / "nix" / "state"),
        "NIX_LOG_DIR": str(HOME / "nix" / "log"),
        "NIX_CONF_DIR": str(HOME / "nix" / "conf"),
        "NIX_CONFIG": "build-users-group =\nsandbox = false\nsubstituters =\n",
        "XDG_CACHE_HOME": str(HOME / "nix" / "cache"),
    }


def build(
    workspace: Path, wheels: Iterable[Path], overlay: str, attrs: Sequence[str], *, large: bool = False
) -> tuple[tuple[Path, ...], str]:
    """Store paths of attributes of ``tests/support/nix/build``, or none; and what Nix said.

    Args:
        workspace: directory to write the lock, the overlay and the configuration into.
        wheels: what the lock has.
        overlay: Nix code of an overlay.
        attrs: attributes to build.
        large: with attributes of nixpkgs that only benchmarks want.
    """
    files = list(wheels)
    write_lock(workspace, files)
    (workspace / "overlay.nix").write_text(overlay)
    return realise(workspace, files, attrs, large=large)


def realise(
    workspace: Path, wheels: Iterable[Path], attrs: Sequence[str], *, large: bool = False
) -> tuple[tuple[Path, ...], str]:
    """The same of a workspace that has its lock and its code already."""
    patchelf = shutil.which("patchelf")
    assert patchelf, "patchelf is not installed"
    config = {
        "facts": json.loads(prepare_facts(large=large).read_text()),
        "wheels": {path.name: str(path) for path in wheels},
        "workspace": str(workspace),
        "overlay": str(workspace / "overlay.nix"),
        "builder": str(BUILDER),
        "patchelf": str(Path(patchelf).resolve()),
    }
    (workspace / "config.json").write_text(json.dumps(config))
    command = [
        "nix-build",
        str(EXPRESSION),
        "--no-out-link",
        "--argstr",
        "config",
        str(workspace / "config.json"),
    ]
    for attr in attrs:
        command += ["-A", attr]
    result = subprocess.run(command, capture_output=True, text=True, env=make_nix_environment(), check=False)
    if result.returncode:
        return (), result.stderr
    return tuple(Path(line) for line in result.stdout.split("\n") if line), result.stderr


def read_python(*, large: bool = False) -> str:
    """Version of the interpreter of the namespace, such as 3.11."""
    version: str = json.loads(prepare_facts(large=large).read_text())["python"]["version"]
    return version


def write_lock(directory: Path, wheels: Iterable[Path]) -> None:
    """A ``uv.lock`` of a project that depends on every one of some wheels, which depend on each other."""
    python = read_python()
    metadata = {}
    for path in wheels:
        name, version, *_ = parse_wheel_filename(path.name)
        metadata[str(name)] = (path, str(version), _read_requirements(path, python))
    packages: list[dict[str, Any]] = [
        {
            "name": name,
            "version": version,
            "source": {"registry": "https://index.invalid/simple"},
            "dependencies": [{"name": other} for other in sorted(metadata.keys() & requirements)],
            "wheels": [
                {
                    "url": f"https://index.invalid/files/{path.name}",
                    "hash": f"sha256:{_digest(path)}",
                    "size": path.stat().st_size,
                }
            ],
        }
        for name, (path, version, requirements) in sorted(metadata.items())
    ]
    project = {
        "name": "project",
        "version": "0",
        "source": {"virtual": "."},
        "dependencies": [{"name": name} for name in sorted(metadata)],
    }
    lock = {"version": 1, "revision": 3, "requires-python": f">={python}", "package": [*packages, project]}
    (directory / "uv.lock").write_text(tomli_w.dumps(lock))


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_requirements(wheel: Path, python: str) -> set[str]:
    """Names that a wheel depends on without extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA"))
        headers = email.parser.Parser().parsestr(archive.read(name).decode(), headersonly=True)
    requirements = [Requirement(text) for text in headers.get_all("Requires-Dist", [])]
    surroundings = {"extra": "", "python_version": python, "python_full_version": f"{python}.0"}
    return {
        canonicalize_name(one.name)
        for one in requirements
        if one.marker is None or one.marker.evaluate(surroundings)
    }


def run_probe(
    python: Path,
    probe: str,
    *,
    visible: Sequence[Path] = (),
    variables: Mapping[str, str] | None = None,
    large: bool = False,
    driver: bool = False,
) -> Result:
    """Run a probe in a namespace that has the store, libc and nothing else.

    Args:
        python: what runs it, such as a virtual environment's ``bin/python``.
        probe: Python code.
        visible: further directories to have there, read-only.
        variables: environment variables to set there.
        large: whose libc: see ``build``.
        driver: with a directory of the GPU driver's libraries, as NixOS has it.
    """
    libc = json.loads(prepare_facts(large=large).read_text())["libc"]
    shown = {str(directory): str(directory) for directory in (STORE, *visible)}
    for file in libc:
        name = Path(file).name
        place = "/lib64" if name.startswith("ld-") else "/lib/x86_64-linux-gnu"
        shown[f"{place}/{name}"] = file
    if driver:
        shown["/run/opengl-driver/lib"] = str(prepare_driver())
    namespace = Namespace(shown=shown, variables=variables or {})
    command = enter_namespace(namespace, [str(python), "-c", INSIDE.read_text()])
    try:
        result = subprocess.run(
            command, input=probe, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Result(built=True, worked=False, said=f"no end within {SECONDS} seconds")
    if result.returncode or not result.stdout:
        return Result(
            built=True, worked=False, said=f"{result.stderr}\nended with status {result.returncode}"
        )
    answer = json.loads(result.stdout)
    return Result(
        built=True,
        worked=answer["error"] is None,
        said=result.stderr + (answer["error"] or ""),
        mapped=tuple(Path(path) for path in answer["mapped"]),
    )


def prove(
    wheels: Iterable[Path], overlay: str, probe: str, *, large: bool = False, driver: bool = False
) -> Result:
    """Build an environment of wheels under an overlay, and run a probe in it.

    Args:
        wheels: all that the environment has.
        overlay: Nix code of an overlay, as ``wheelfix override`` and ``wheelfix lock`` write it.
        probe: Python code, which ends without an error where it works.
        large: with attributes of nixpkgs that only benchmarks want.
        driver: with a directory of the GPU driver's libraries, as NixOS has it.
    """
    with tempfile.TemporaryDirectory() as directory:
        paths, said = build(Path(directory), wheels, overlay, ["environment"], large=large)
    if not paths:
        return Result(built=False, worked=False, said=said)
    return run_probe(paths[0] / "bin" / "python", probe, large=large, driver=driver)


def install_plainly(target: Path, wheels: Iterable[Path], *, large: bool = False) -> Path:
    """A virtual environment outside of the store, of wheels as they are; returns its interpreter."""
    with tempfile.TemporaryDirectory() as directory:
        paths, said = build(Path(directory), [], NOTHING, ["interpreter"], large=large)
    assert paths, said
    version = read_python(large=large)
    write_venv(target, paths[0] / "bin" / f"python{version}")
    for wheel in wheels:
        install_wheel(wheel, target, f"lib/python{version}/site-packages")
    return target / "bin" / "python"
