"""A channel of real packages, from an environment.yml to programs that run where nothing else is.

The packages are built by rattler-build and indexed by rattler (tests/support/channel.py): solved by wheelfix,
locked, linked by a real build of Nix, and run in a namespace with a store, libc and nothing else.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.support.channel import find_wheel, prepare_channel, write_pixi
from tests.support.linking import link_ours, link_theirs, list_files
from tests.support.packageindex import serve_index
from tests.support.proof.proving import build as build_workspace
from tests.support.proof.proving import find_attr, read_python, realise, run_probe, write_lock
from wheelfix.cli import cli

DEPENDENCIES = [
    "cffi", "dotted.name", "greeter", "libpng", "mido", "needs-driver", "post-linked", "talker",
    "xorg-libxext", "zlib",
]  # fmt: skip
PLACEHOLDER = b"_placehold"
NAME = "conda-environment"


@dataclass(frozen=True)
class Made:
    """An environment.

    Attributes:
        directory: what `wheelfix env` wrote.
        said: what it said.
        environment: the prefix in the store.
        packages: the prefix of conda's packages alone.
        channel: that all is from.
    """

    directory: Path
    said: str
    environment: Path
    packages: Path
    channel: Path


def run(*arguments: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def write_environment(directory: Path, channel: Path, dependencies: list[str], pip: list[str]) -> Path:
    file = directory / "environment.yml"
    asked: list[Any] = [f"python={read_python()}", *dependencies, *([{"pip": pip}] if pip else [])]
    document = {"name": "demo", "channels": [channel.as_uri()], "dependencies": asked}
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture(scope="module")
def channel() -> Path:
    return prepare_channel()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, channel: Path) -> Iterator[Made]:
    work = tmp_path_factory.mktemp("conda")
    wheels = [find_wheel("pyodbc"), find_wheel("cxxfilt")]
    file = write_environment(work, channel, DEPENDENCIES, ["pyodbc", "cxxfilt"])
    with serve_index() as index:
        for wheel in wheels:
            index.add(wheel)
        directory = work / "demo"
        # The script that would run after linking is told as what it is: something that is not done.
        done = run("env", directory, "--from", file, "--index-url", index.url)
        environment, packages = build(directory, wheels)
        yield Made(directory, done.stderr, environment, packages, channel)


def build(directory: Path, wheels: list[Path]) -> tuple[Path, Path]:
    """Store paths of an environment, and of its packages of conda alone."""
    (directory / "environment.nix").write_bytes((directory / "conda.nix").read_bytes())
    paths, said = realise(directory, wheels, ["conda.environment", "conda.prefix"])
    assert paths, said
    return paths[0], paths[1]


def probe(made: Made, code: str, **options: Any) -> tuple[Path, ...]:
    """Run Python code in the environment, and return what was mapped."""
    result = run_probe(made.environment / "bin" / "python", code, **options)
    assert result.worked, result.said
    return result.mapped


def test_what_is_asked_for_is_solved_and_locked(made: Made) -> None:
    lock = yaml.safe_load((made.directory / "conda-lock.yml").read_text())
    found = {(one["manager"], one["name"]): one for one in lock["package"]}
    assert {("conda", name) for name in DEPENDENCIES} <= found.keys()
    assert found["conda", "greeter"]["version"] == "1!2.0_1"
    assert ("conda", "_libgcc_mutex") in found, "what others depend on"
    assert ("pip", "pyodbc") in found
    assert found["conda", "mido"]["url"].endswith("/noarch/mido-1.3.3-pyhd8ed1ab_1.tar.bz2")
    assert "post-linked" in made.said


def test_python_and_its_libraries_are_those_of_the_prefix(made: Made) -> None:
    code = "import _ctypes, bz2, hashlib, lzma, ssl, sys, uuid, zlib"
    mapped = probe(made, f"{code}; assert sys.prefix == {str(made.environment)!r}")
    names = {path.name for path in mapped if path.is_relative_to(made.environment / "lib")}
    assert {"libssl.so.3", "libcrypto.so.3"} <= names
    assert {name.partition(".so")[0] for name in names} >= {"libbz2", "libffi", "liblzma", "libz"}
    assert not [path for path in mapped if find_attr(path)], "nothing of nixpkgs"


def test_modules_are_imported_and_compiled_for_the_store(made: Made) -> None:
    probe(made, "import cffi, mido, packaging; assert cffi.FFI().sizeof('int') == 4")
    (compiled,) = (made.environment / "lib").rglob("mido/__pycache__/ports.*.pyc")
    assert compiled.read_bytes()[4] & 1, "by its contents, as all files of a store are of one time"


def test_a_library_that_is_opened_by_name_is_where_conda_looks(made: Made) -> None:
    """mido opens PortMidi, which no package has; find_library of conda looks for libNAME.so in lib alone."""
    code = (
        "import ctypes, sys; ctypes.CDLL('libportmidi.so'); ctypes.CDLL(sys.prefix + '/lib/libportmidi.so')"
    )
    assert "portmidi" in {find_attr(path) for path in probe(made, code)}


def test_the_prefix_is_the_stores_in_programs_libraries_and_texts(made: Made) -> None:
    out = made.environment
    code = f"""
import subprocess
def said(*command): return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
out = {str(out)!r}
found = said(out + "/bin/greet")
assert found == [out + "/etc/greeter.conf", out + "/share/greeter", out + "/lib:" + out + "/lib64"]
assert said(out + "/bin/where") == [out]
assert said(out + "/bin/where-sh") == [out]
assert said(out + "/bin/mido-connect", "--help")[:2] == ["usage:", "mido-connect"]
"""
    probe(made, code)
    assert (out / "lib" / "pkgconfig" / "libpng16.pc").read_text().startswith(f"prefix={out}\n")
    assert f'prefix="{out}"\n' in (out / "bin" / "libpng16-config").read_text()
    left = [path for path in out.rglob("*") if path.is_file() and PLACEHOLDER in path.read_bytes()]
    assert not [path for path in left if "conda-meta" not in path.parts]
    for path in ("bin/greet", "lib/libgreeting.so.1"):
        assert str(made.packages).encode() not in (out / path).read_bytes()


def test_programs_have_the_loader_of_the_store(made: Made) -> None:
    for name in ("greet", f"python{read_python()}"):
        command = ["patchelf", "--print-interpreter", str(made.environment / "bin" / name)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert Path(said.strip()).name == "ld-linux-x86-64.so.2"
        assert not said.startswith("/lib64")


def test_what_a_host_has_comes_from_nixpkgs_and_nothing_else_does(made: Made) -> None:
    code = "import ctypes; ctypes.CDLL('%s').XextCreateExtension"
    mapped = probe(made, code % (made.environment / "lib" / "libXext.so.6"))
    assert [path.name for path in mapped if find_attr(path) == "libx11"] == ["libX11.so.6"]
    code = "import ctypes; assert ctypes.CDLL('%s').talk(b'you') == 9"
    mapped = probe(made, code % (made.environment / "lib" / "libtalk.so.1"))
    assert any(path.is_relative_to(made.environment / "lib") and "libstdc++" in path.name for path in mapped)


def test_the_drivers_library_is_found_where_nixos_has_it(made: Made) -> None:
    code = "import ctypes; assert ctypes.CDLL('%s').start() == 0"
    mapped = probe(made, code % (made.environment / "lib" / "libdriven.so.1"), driver=True)
    assert Path("/run/opengl-driver/lib/libcuda.so.1") in mapped


def test_wheels_of_the_lock_are_beside(made: Made) -> None:
    mapped = probe(made, "import pyodbc; pyodbc.drivers()")
    assert any(path.is_relative_to(made.environment) and path.name.startswith("pyodbc") for path in mapped)
    assert [path.name for path in mapped if find_attr(path) == "unixodbc"] == ["libodbc.so.2"]
    (library,) = (path for path in mapped if path.name.startswith("libstdc++"))
    assert NAME in str(library), "of the packages of conda, as the scan says"


def test_scripts_after_linking_are_not_run(made: Made) -> None:
    assert (made.environment / "bin" / ".post-linked-post-link.sh").is_file()
    assert not (made.environment / "post-link-ran").exists()


def test_conda_knows_what_is_there(made: Made) -> None:
    records = {path.name for path in (made.environment / "conda-meta").glob("*.json")}
    assert {"dotted.name-0.1-0.json", "greeter-1!2.0_1-habc_1.json"} <= records
    done = run("scan", made.environment, "--json", "--quiet", "--python", read_python())
    names = {document["name"] for document in json.loads(done.stdout)}
    assert {"greeter", "libzlib", "python", "pyodbc"} <= names


def test_a_lock_of_pixi_gives_the_same_environment(made: Made, tmp_path: Path) -> None:
    write_pixi(made.directory / "conda-lock.yml", tmp_path / "pixi.lock")
    done = run("lock", tmp_path / "pixi.lock", "--find-links", find_wheel("pyodbc").parent)
    (tmp_path / "conda.nix").write_text(done.stdout)
    environment, packages = build(tmp_path, [find_wheel("pyodbc"), find_wheel("cxxfilt")])
    assert (environment, packages) == (made.environment, made.packages)


def test_one_package_of_a_lock_comes_from_conda(channel: Path, tmp_path: Path) -> None:
    wheels = [find_wheel("cffi"), find_wheel("pycparser")]
    write_lock(tmp_path, wheels)
    options = ["--provider", "cffi=conda", "--channel", str(channel), "--python", read_python()]
    done = run("lock", tmp_path / "uv.lock", *options, "--find-links", wheels[0].parent)
    assert "cffi 2.1.1 is conda's" in done.stderr
    paths, said = build_workspace(tmp_path, wheels, done.stdout, ["environment"])
    assert paths, said
    result = run_probe(paths[0] / "bin" / "python", "import cffi; cffi.FFI().cdef('int getpid(void);')")
    assert result.worked, result.said
    (module,) = (path for path in result.mapped if path.name.startswith("_cffi_backend"))
    with zipfile.ZipFile(wheels[0]) as archive:
        assert module.read_bytes() != archive.read(module.name), "conda's tools have left a run path in it"


@pytest.mark.large
def test_numpy_computes(tmp_path: Path) -> None:
    file = write_environment(tmp_path, prepare_channel(large=True), ["numpy"], [])
    run("env", tmp_path / "demo", "--from", file)
    (tmp_path / "demo" / "environment.nix").write_bytes((tmp_path / "demo" / "conda.nix").read_bytes())
    paths, said = realise(tmp_path / "demo", [], ["conda.environment"])
    assert paths, said
    code = "import numpy; assert (numpy.linalg.inv([[2.0, 0], [0, 4]]) == [[0.5, 0], [0, 0.25]]).all()"
    result = run_probe(paths[0] / "bin" / "python", code)
    assert result.worked, result.said
    names = [path.name for path in result.mapped if path.is_relative_to(paths[0])]
    assert any(name.startswith("libstdc++.so.6") for name in names), "of the package libstdcxx"
    assert any(name.startswith("libscipy_openblas") for name in names), "of the wheel that was packaged"


def test_rattler_links_the_same_files(channel: Path, tmp_path: Path) -> None:
    archives = sorted([*channel.glob("*/*.conda"), *channel.glob("*/*.tar.bz2")])
    ours, theirs = tmp_path / "ours" / NAME, tmp_path / "theirs"
    linked = link_ours(archives, ours)
    assert linked.worked, linked.said
    link_theirs(archives, theirs, tmp_path / "cache", ours)
    found, wanted = list_files(ours), list_files(theirs)
    assert found.keys() == wanted.keys()
    different = [path for path, one in found.items() if one != wanted[path]]
    # First lines that lead to /usr/bin, where NixOS has nothing, lead into the prefix.
    for path in different:
        assert found[path][0] == wanted[path][0]
        (first, rest), (theirs_first, theirs_rest) = (
            text.split(b"\n", 1) for text in (found[path][1], wanted[path][1])
        )
        assert rest == theirs_rest
        assert theirs_first.startswith((b"#! /usr/", b"#!/usr/", b"#!/bin/"))
        assert first.startswith(f"#!{ours}/bin/python".encode())


def test_needs_are_told_by_who_brings_them(channel: Path) -> None:
    archives = sorted([*channel.glob("*/*.conda"), *channel.glob("*/*.tar.bz2")])
    done = run("scan", *archives, "--json", "--quiet")
    scans = {document["name"]: document for document in json.loads(done.stdout)}
    needs = {
        (name, need["soname"]): (need["class"], need["distribution"])
        for name, scan in scans.items()
        for need in scan["needs"]
        if need["class"] != "libc"
    }
    assert needs["greeter", "libgreeting.so.1"][0] == "bundled"
    assert needs["libpng", "libz.so.1"] == ("sibling", "libzlib")
    assert needs["python", "libssl.so.3"] == ("sibling", "openssl")
    assert needs["talker", "libstdc++.so.6"] == ("sibling", "libstdcxx")
    assert needs["xorg-libxext", "libX11.so.6"][0] == "provided"
    assert needs["needs-driver", "libcuda.so.1"][0] == "driver"
    assert {kind for kind, _ in needs.values()} == {"bundled", "driver", "provided", "sibling"}
