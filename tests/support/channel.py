"""A channel of conda, made with conda's own tools of real libraries, a real Python and real wheels; kept.

py-rattler-build builds every package of ``channel.toml`` from a recipe, as conda-forge's are built, so that
placeholders of the prefix, run paths and metadata are those that such packages have; rattler's index makes a
channel of them. Libraries and the interpreter are Debian's, those that proofs have; wheels are pinned.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import rattler_build
import yaml
from rattler.index import index_fs

from tests.support.elf import build_elf
from tests.support.proof.builder.install_wheel import install_wheel
from tests.support.proof.debian import prepare_facts
from tests.support.proof.proving import read_python
from tests.support.real import CACHE, fetch_wheel, lock, read_proof_pins

TABLE = Path(__file__).with_suffix(".toml")
SUBDIR = "linux-64"
LIBRARIES = "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"
FORMATS = {".conda": "conda:3", ".tar.bz2": "tarbz2:3"}

# What Debian's Python has and conda's need not: it would want further libraries, or only makes it large.
MODULES_WITHOUT = (
    "_crypt", "_ctypes_test", "_curses", "_dbm", "_sqlite3", "_test", "_xx", "nis", "readline", "xx",
)  # fmt: skip
DIRECTORIES_WITHOUT = ("__pycache__", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter", "turtledemo")
SITE = """\
import os.path
import site
import sys

site.addsitedir(os.path.join(sys.prefix, "lib", "python%d.%d" % sys.version_info[:2], "site-packages"))
"""
"""Debian's Python looks for packages elsewhere."""


def prepare_channel(*, large: bool = False) -> Path:
    """A directory that is a channel; makes it where that has not been done.

    Args:
        large: with packages that only tests with the mark want.
    """
    key = hashlib.sha256(f"{prepare_facts()} {rattler_build.rattler_build_version()}".encode())
    for path in (TABLE, Path(__file__)):
        key.update(path.read_bytes())
    channel = CACHE / f"conda-{key.hexdigest()[:16]}{'-large' if large else ''}"
    with lock(CACHE / "locks" / "conda"):
        if not channel.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as work:
                _make_channel(Path(work), large=large).rename(channel)
    return channel


def index_channel(channel: Path) -> None:
    """Write what a channel says of its packages, by rattler's index."""
    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    asyncio.run(index_fs(channel, force=True))


def build_package(work: Path, row: Mapping[str, Any]) -> Path:
    """Build a package with rattler-build, without an environment to build it in.

    Args:
        work: directory to work in.
        row: as in ``channel.toml``.
    """
    stage = work / "stage" / row["name"]
    stage.mkdir(parents=True)
    _stage(stage, row)
    script = [f"cp -a '{stage}'/. \"$PREFIX\"/", 'cd "$PREFIX"', row.get("script", "")]
    python = {
        "entry_points": row.get("entry_points", []),
        "skip_pyc_compilation": ["**/*.py"] if row.get("compiled") else [],
    }
    recipe = {
        "package": {"name": row["name"], "version": row["version"]},
        "build": {
            "string": row.get("build", "0"),
            "script": ['mkdir -p "$PREFIX"', *script],
            "python": python,
            **({"noarch": row["noarch"]} if "noarch" in row else {}),
        },
        "requirements": {"run": row.get("depends", [])},
        "about": {"license": "MIT", "summary": f"{row['name']} of the tests' own channel"},
    }
    parsed = rattler_build.Stage0Recipe.from_yaml(
        json.dumps(recipe), recipe_dir=work / "recipes" / row["name"]
    )
    platform = rattler_build.PlatformConfig(target_platform=SUBDIR)
    (variant,) = parsed.render(None, rattler_build.RenderConfig(platform=platform))
    result = variant.run_build(
        tool_config=rattler_build.ToolConfiguration(test_strategy="skip"),
        output_dir=work / "built" / row["name"],
        channels=[],
        package_format=FORMATS[row.get("format", ".conda")],
        no_include_recipe=True,
    )
    (built,) = result.packages
    return Path(built)


def read_rows(*, large: bool = False) -> list[dict[str, Any]]:
    """What the channel has, as in ``channel.toml``, with the Python's versions filled in."""
    python = read_python()
    major, minor = python.split(".")
    words = {
        "{python}": python,
        "{next}": f"{major}.{int(minor) + 1}",
        "{short}": major + minor,
        "{full}": _read_version(),
    }

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(one) for one in value]
        if isinstance(value, str) and "\n" not in value:
            for word, text in words.items():
                value = value.replace(word, text)
        return value

    rows = tomllib.loads(TABLE.read_text())["package"]
    return [{key: fill(value) for key, value in row.items()} for row in rows if large or not row.get("large")]


def find_wheel(name: str) -> Path:
    """The pinned wheel of a distribution that is for the channel's Python."""
    tag = f"cp{read_python().replace('.', '')}"
    (found,) = (
        file
        for file, pin in read_proof_pins().items()
        if pin["name"] == name and (f"-{tag}-{tag}-" in file or file.endswith("-none-any.whl"))
    )
    return fetch_wheel(found)


def write_pixi(locked: Path, target: Path) -> None:
    """Write what a conda-lock.yml has as a pixi.lock, of version 6."""
    entries = yaml.safe_load(locked.read_text())["package"]
    selected, packages = [], []
    for one in entries:
        kind = "pypi" if one["manager"] == "pip" else "conda"
        selected.append({kind: one["url"]})
        package = {kind: one["url"], **one["hash"]}
        if kind == "pypi":
            package |= {"name": one["name"], "version": one["version"]}
            package.pop("md5", None)
        else:
            package["depends"] = [f"{name} {wanted}".rstrip() for name, wanted in one["dependencies"].items()]
            # What an address of a file does not tell.
            subdir, filename = one["url"].split("/")[-2:]
            build = filename.removesuffix(".conda").removesuffix(".tar.bz2").rpartition("-")[2]
            package |= {"name": one["name"], "version": one["version"], "build": build, "subdir": subdir}
            if build.startswith("pyh"):
                package["noarch"] = "python"
        packages.append(package)
    channels = [{"url": entries[0]["url"].rsplit("/", 2)[0]}]
    environment = {
        "channels": channels,
        "indexes": ["https://index.invalid/simple"],
        "packages": {"linux-64": selected},
    }
    document = {"version": 6, "environments": {"default": environment}, "packages": packages}
    target.write_text(yaml.safe_dump(document, sort_keys=False))


def _make_channel(work: Path, *, large: bool) -> Path:
    channel = work / "channel"
    for row in read_rows(large=large):
        built = build_package(work, row)
        target = channel / built.parent.name / built.name
        target.parent.mkdir(parents=True, exist_ok=True)
        built.rename(target)
    index_channel(channel)
    return channel


def _stage(directory: Path, row: Mapping[str, Any]) -> None:
    """Put the files of a package where its build takes them from."""
    for soname in row.get("libraries", []):
        _put_library(directory / "lib", soname)
    for name in row.get("wheels", []):
        # Programs of entry points are made where the package is installed.
        install_wheel(find_wheel(name), directory, f"lib/python{read_python()}/site-packages")
        shutil.rmtree(directory / "bin", ignore_errors=True)
    for path, text in row.get("files", {}).items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    makers = {
        "certificates": _put_certificates,
        "driver": _put_driven,
        "python": _put_python,
        "zones": _put_zones,
    }
    if "made" in row:
        makers[row["made"]](directory)


@cache
def _read_facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(prepare_facts().read_text())
    return facts


def _root() -> Path:
    return Path(_read_facts()["root"])


@cache
def _read_version() -> str:
    said = subprocess.run(
        [_read_facts()["python"]["binary"], "-V"], capture_output=True, text=True, check=True
    )
    return said.stdout.split()[1]


def _set_run_path(path: Path, run_path: str) -> None:
    """As conda's tools leave it: relative, and a DT_RPATH."""
    subprocess.run(["patchelf", "--force-rpath", "--set-rpath", run_path, path], check=True)


def _put_library(lib: Path, soname: str) -> None:
    """Debian's file that a name leads to, and the name."""
    source = next(path for place in LIBRARIES if (path := _root() / place / soname).exists()).resolve()
    lib.mkdir(exist_ok=True)
    shutil.copyfile(source, lib / source.name)
    (lib / source.name).chmod(0o755)
    _set_run_path(lib / source.name, "$ORIGIN")
    if source.name != soname:
        (lib / soname).symlink_to(source.name)


def _put_certificates(directory: Path) -> None:
    ssl = directory / "ssl"
    ssl.mkdir()
    found = sorted(Path(_read_facts()["certificates"]).glob("*.crt"))
    (ssl / "cacert.pem").write_text("\n".join(path.read_text() for path in found))
    (ssl / "cert.pem").symlink_to("cacert.pem")


def _put_zones(directory: Path) -> None:
    """A zone of no offset, in the first version of its format."""
    zones = directory / "share" / "zoneinfo" / "Etc"
    zones.mkdir(parents=True)
    (zones / "UTC").write_bytes(b"TZif" + bytes(35) + b"\1" + bytes(3) + b"\4" + bytes(6) + b"UTC\0")


def _put_driven(directory: Path) -> None:
    """A library that needs what comes with a GPU driver."""
    code = "int cuInit(unsigned); int start(void) { return cuInit(0); }\n"
    name = "libdriven.so.1"
    elf = build_elf(directory.parent / "elf", name, soname=name, needed=["libcuda.so.1"], code=code)
    (directory / "lib").mkdir()
    (directory / "lib" / name).write_bytes(elf)


def _put_python(directory: Path) -> None:
    """Debian's interpreter, laid out as conda lays it out."""
    python = read_python()
    library = directory / "lib" / f"python{python}"
    shutil.copytree(_root() / f"usr/lib/python{python}", library, symlinks=True, ignore=_list_ignored)
    for path in library.rglob("*"):
        if path.is_symlink():
            path.unlink()
    (library / "sitecustomize.py").write_text(SITE)
    (library / "site-packages").mkdir()
    (library / "site-packages" / "README.txt").write_text("Packages are installed here.\n")
    for path in library.glob("lib-dynload/*.so"):
        _set_run_path(path, "$ORIGIN/../..")
    binary = directory / "bin" / f"python{python}"
    binary.parent.mkdir()
    shutil.copyfile(_root() / "usr/bin" / binary.name, binary)
    binary.chmod(0o755)
    _set_run_path(binary, "$ORIGIN/../lib")
    for name in ("python", "python3"):
        (binary.parent / name).symlink_to(binary.name)


def _list_ignored(_: str, names: list[str]) -> list[str]:
    return [
        name
        for name in names
        if name in DIRECTORIES_WITHOUT
        or name.startswith("config-")
        or (name.endswith(".so") and name.startswith(MODULES_WITHOUT))
    ]
