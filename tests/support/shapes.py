"""Locks of fixtures/conda with the digests of what they name, and the files themselves, made at test time.

Nothing at ``channel.invalid`` exists: packages are made by hand, small, with what is asked about them: a
library, a program, a module. What a file has is told by its name.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.conda import Member, build_conda
from tests.support.elf import build_elf
from tests.support.real import FIXTURES
from tests.support.sdist import build_sdist
from tests.support.wheel import build_wheel

SHAPES = FIXTURES / "conda"
DIGEST = re.compile(r"(SHA256|MD5)\(([^()]+)\)")
LIBRARIES = {
    "libgcc": ("libgcc_s.so.1", ()),
    "libgcc-ng": ("libgcc_s.so.1", ()),
    "libstdcxx": ("libstdc++.so.6", ("libgcc_s.so.1",)),
    "libstdcxx-ng": ("libstdc++.so.6", ("libgcc_s.so.1",)),
    "libzlib": ("libz.so.1", ()),
    # A library of the host: no package of the lock has it.
    "ros-humble-rclcpp": ("librclcpp.so", ("libstdc++.so.6", "libX11.so.6")),
    "x264": ("libx264.so.164", ("libgcc_s.so.1",)),
}
PROGRAMS = {"ninja": ("libz.so.1",)}
MODULES = {"numpy": ("libstdc++.so.6",)}


def list_shapes() -> list[str]:
    """Names of all templates."""
    return sorted(path.name for path in SHAPES.iterdir() if path.suffix != ".md")


def make_lock(directory: Path, shape: str) -> Path:
    """Make a lock of a template, and in ``links`` the files that it names; return the lock."""
    directory /= "project"
    links = directory / "links"
    links.mkdir(parents=True)
    template = (SHAPES / shape).read_text()
    for name in sorted({match[2] for match in DIGEST.finditer(template)}):
        make_file(links, name)

    def digest(match: re.Match[str]) -> str:
        return hashlib.new(match[1].lower(), (links / match[2]).read_bytes()).hexdigest()

    kind = "pixi.lock" if shape.endswith(".lock") else "conda-lock.yml"
    lock = directory / kind
    lock.write_text(DIGEST.sub(digest, template))
    for path in re.findall(r"^- (?:conda|pypi): (\.\.?/\S+\.(?:conda|whl))$", template, re.MULTILINE):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes((links / Path(path).name).read_bytes())
    return lock


def make_file(directory: Path, name: str) -> None:
    """Make a package of conda, a wheel, or an archive of sources."""
    suffix = next((end for end in (".conda", ".tar.bz2", ".whl") if name.endswith(end)), "")
    if suffix == ".whl":
        distribution, version, tag = name.removesuffix(suffix).split("-", 2)
        modules = {f"{distribution}/__init__.py": b""}
        if not tag.endswith("any"):
            modules[f"{distribution}/_c.so"] = build_library("_c.so", ("libstdc++.so.6", "libz.so.1"))
        build_wheel(directory, name=distribution, version=version, files=modules, tag=tag)
    elif suffix:
        package, version, build = name.removesuffix(suffix).rsplit("-", 2)
        noarch = "python" if build.startswith(("pyh", "pypyh")) else ""
        files = list_files(package, version)
        if noarch:
            files = {f"site-packages/{package.replace('.', '_')}/__init__.py": b""}
        made = build_conda(
            directory, package, files, version=version, build=build, noarch=noarch, suffix=suffix
        )
        assert made.name == name
    else:
        distribution, _, version = name.removesuffix(".tar.gz").partition("-")
        project = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        made = build_sdist(directory, {"pyproject.toml": project}, name=distribution, version=version or "1")
        made.rename(directory / name)


def list_files(package: str, version: str) -> dict[str, Member | bytes]:
    """What is in a package that is not for every platform."""
    short = ".".join(version.split(".")[:2])
    if package == "python":
        program = build_library("python", ("libz.so.1",), run_path="$ORIGIN/../lib", executable=True)
        return {
            f"bin/python{short}": Member(program, mode=0o755),
            "bin/python": Member(f"python{short}".encode(), link=True),
            f"lib/python{short}/os.py": b"",
            f"lib/python{short}/site-packages/README.txt": b"",
        }
    if package in LIBRARIES:
        name, needed = LIBRARIES[package]
        return {f"lib/{name}": build_library(name, needed)}
    if package in PROGRAMS:
        elf = build_library(package, PROGRAMS[package], run_path="$ORIGIN/../lib", executable=True)
        return {f"bin/{package}": Member(elf, mode=0o755)}
    if package in MODULES:
        elf = build_library("core.so", MODULES[package], run_path="$ORIGIN/../../../..")
        return {f"lib/python3.13/site-packages/{package}/core.so": elf}
    return {f"share/{package}/data": b"data\n"}


@cache
def build_library(
    name: str, needed: tuple[str, ...], *, run_path: str = "$ORIGIN", executable: bool = False
) -> bytes:
    """Link an ELF file with a DT_RPATH, as conda's are."""
    soname = None if executable or name == "_c.so" else name
    with TemporaryDirectory() as work:
        rpath = [] if name == "_c.so" else [run_path]
        return build_elf(Path(work), name, soname=soname, needed=needed, rpath=rpath, executable=executable)
