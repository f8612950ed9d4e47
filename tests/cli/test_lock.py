"""``wheelfix lock``, whole: wheels on a loopback server, locks that name them, the command."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import pytest

from tests.support.elf import build_elf
from tests.support.lockserver import Server, serve
from tests.support.nixeval import evaluate
from tests.support.sdist import CARGO, build_sdist, lock
from tests.support.wheel import TAG, build_wheel
from wheelfix.report.json import load_schema

ROOT = 'source = { virtual = "." }'
STUB = Path(__file__).parents[1] / "support" / "nix" / "stub.nix"


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.out)
        return document


@dataclass
class Bench:
    """A directory with a lock, a server with its wheels, and the command."""

    directory: Path
    server: Server
    wheels: dict[str, Path] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    edges: dict[str, list[str]] = field(default_factory=dict)

    def add(
        self,
        name: str,
        *,
        version: str = "1.0",
        needed: tuple[str, ...] = (),
        requires: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
        tag: str = TAG,
    ) -> None:
        """Build a wheel and serve it; what links libraries has one ELF file."""
        members = {f"{name}/__init__.py": version.encode(), **(files or {})}
        if needed:
            members[f"{name}/core.so"] = build_elf(self.directory / "elf", f"{name}.so", needed=needed)
        wheel = build_wheel(
            self.directory / "wheels", name=name, version=version, files=members, requires=requires, tag=tag
        )
        self.wheels[name] = wheel
        self.digests[name] = self.server.add(wheel)
        self.edges[name] = list(requires)

    def write_lock(self) -> Path:
        text = ['version = 1\nrequires-python = ">=3.11"\n']
        edges = ", ".join(f'{{ name = "{name}" }}' for name in self.wheels)
        text.append(f'[[package]]\nname = "app"\nversion = "0"\n{ROOT}\ndependencies = [{edges}]\n')
        for name, wheel in self.wheels.items():
            version = wheel.name.split("-")[1]
            url = f"{self.server.url}/files/{wheel.name}"
            edges = ", ".join(f'{{ name = "{edge}" }}' for edge in self.edges[name])
            text.append(
                f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
                f'source = {{ registry = "{self.server.url}/simple" }}\ndependencies = [{edges}]\n'
                f'wheels = [{{ url = "{url}", hash = "sha256:{self.digests[name]}" }}]\n'
            )
        path = self.directory / "uv.lock"
        path.write_text("".join(text))
        return path

    def write_requirements(self) -> Path:
        path = self.directory / "requirements.txt"
        lines = [f"{n}==1.0 --hash=sha256:{self.digests[n]}\n" for n in self.wheels]
        path.write_text("".join(lines))
        return path

    def run(self, *arguments: str, code: int | None = 0, lock: str = "uv.lock", **environment: str) -> Ran:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
        clean |= {"XDG_CACHE_HOME": str(self.directory / "cache"), "PIP_CONFIG_FILE": os.devnull}
        clean |= {"PIP_INDEX_URL": f"{self.server.url}/simple", "PIP_RETRIES": "0", **environment}
        command = [sys.executable, "-m", "wheelfix", "lock", lock, *arguments]
        done = subprocess.run(
            command, cwd=self.directory, env=clean, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def list_kept(self) -> list[str]:
        """What is in the directory and in the cache of downloads."""
        cache = self.directory / "cache" / "wheelfix" / "wheels"
        return sorted(p.name for p in (*self.directory.iterdir(), *cache.rglob("*")) if p.is_file())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "wheels").mkdir()
    with serve() as server:
        bench = Bench(tmp_path, server)
        bench.add("tbbuser", needed=("libtbb.so.12",))
        bench.add("odbcuser", needed=("libodbc.so.2",))
        bench.add("pure")
        bench.write_lock()
        yield bench


def test_one_overlay_with_what_is_needed_and_nothing_else(bench: Bench) -> None:
    ran = bench.run("-o", "overrides.nix")
    text = (bench.directory / "overrides.nix").read_text()
    assert "pkgs.onetbb" in text
    assert "pkgs.unixodbc" in text
    assert "pure" not in text
    assert "3 packages, 3 wheels read" in ran.err
    overlay = f"import {bench.directory}/overrides.nix {{ inherit (stub) pkgs lib; }}"
    world = '{ attrs = [ [ "onetbb" ] ]; packages.tbbuser = { version = "1.0"; dependencies = { }; }; }'
    shown = evaluate(f"let stub = import {STUB} {world}; in stub.show (stub.apply ({overlay})).tbbuser")
    assert shown["inputs"] == ["onetbb"]


def test_a_second_run_reads_no_wheel_and_needs_no_network(bench: Bench) -> None:
    first = bench.run()
    bench.server.files.clear()
    for name in list((bench.directory / "cache" / "wheelfix" / "wheels").rglob("*.whl")):
        name.unlink()
    second = bench.run()
    assert second.out == first.out
    assert "3 packages, 0 wheels read" in second.err


def test_one_changed_package_touches_only_that_package(bench: Bench) -> None:
    first = bench.run("-o", "overrides.nix")
    before = (bench.directory / "overrides.nix").read_text()
    bench.add("odbcuser", version="2.0", needed=("libodbc.so.2", "libz.so.1"))
    bench.write_lock()
    bench.server.asked.clear()
    ran = bench.run("-o", "overrides.nix", "--json")
    assert ran.document["read"] == ["odbcuser"]
    assert bench.server.list_downloads() == [bench.wheels["odbcuser"].name]
    after = (bench.directory / "overrides.nix").read_text()
    parts = [text.split("// lib.optionalAttrs") for text in (before, after)]
    different = [a for a, b in zip(*parts, strict=True) if a != b]
    assert len(different) == 1
    assert "odbcuser 1.0" in different[0]
    assert first.code == 0


def test_find_links_come_first(bench: Bench) -> None:
    bench.run("--find-links", "wheels")
    assert bench.server.asked == []


def test_check(bench: Bench) -> None:
    assert "is not there" in bench.run("-o", "overrides.nix", "--check", code=1).err
    assert not (bench.directory / "overrides.nix").exists()
    bench.run("-o", "overrides.nix")
    bench.run("-o", "overrides.nix", "--check")
    bench.add("zuser", needed=("libz.so.1", "libodbc.so.2"))
    bench.write_lock()
    before = (bench.directory / "overrides.nix").read_text()
    assert "overrides.nix: is stale" in bench.run("-o", "overrides.nix", "--check", code=1).err
    assert (bench.directory / "overrides.nix").read_text() == before
    assert "name it with -o" in bench.run("--check", code=2).err


def test_json_follows_its_schema(bench: Bench) -> None:
    document = bench.run("--json", "--quiet").document
    jsonschema.validate(document, load_schema("wheelfix.lock/1"))
    packages = document["packages"]
    assert isinstance(packages, list)
    assert [(p["name"], p["build_inputs"]) for p in packages] == [
        ("odbcuser", ["unixodbc"]),
        ("pure", []),
        ("tbbuser", ["onetbb"]),
    ]


def test_a_mutated_hash(bench: Bench) -> None:
    bench.digests["odbcuser"] = "0" * 64
    bench.write_lock()
    ran = bench.run("-o", "overrides.nix", code=3)
    assert "odbcuser-1.0" in ran.err
    assert "is not what is wanted" in ran.err
    kept = bench.list_kept()
    assert not [name for name in kept if name.startswith(("odbcuser", ".", "overrides"))], kept


def test_a_missing_wheel(bench: Bench) -> None:
    bench.server.faults[bench.wheels["pure"].name] = "gone"
    ran = bench.run("-o", "overrides.nix", code=3)
    assert "pure-1.0" in ran.err
    assert "is not at 127.0.0.1 (HTTP 404)" in ran.err
    assert "overrides.nix" not in bench.list_kept()
    assert "lock again" in ran.err


def test_no_network(bench: Bench) -> None:
    text = (bench.directory / "uv.lock").read_text()
    (bench.directory / "uv.lock").write_text(text.replace(bench.server.url, "http://127.0.0.1:9"))
    before = bench.list_kept()
    ran = bench.run("-o", "overrides.nix", code=3)
    assert "cannot be fetched from 127.0.0.1" in ran.err
    assert "check the network" in ran.err
    assert bench.list_kept() == before


def test_an_old_overlay_stays_when_something_fails(bench: Bench) -> None:
    bench.run("-o", "overrides.nix")
    before = (bench.directory / "overrides.nix").read_bytes()
    bench.add("late", needed=("libz.so.1",))
    bench.server.faults[bench.wheels["late"].name] = "gone"
    bench.write_lock()
    bench.run("-o", "overrides.nix", code=3)
    assert (bench.directory / "overrides.nix").read_bytes() == before


def test_hashed_requirements_through_the_index(bench: Bench) -> None:
    bench.write_requirements()
    bench.server.yanked[bench.wheels["pure"].name] = "broken build"
    ran = bench.run(lock="requirements.txt")
    assert "pkgs.onetbb" in ran.out
    assert "pure 1.0 is yanked from the index: broken build" in ran.err
    again = bench.run(lock="requirements.txt", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert "3 packages, 0 wheels read" in again.err


def test_hashed_requirements_without_a_wheel_follow_the_hint(bench: Bench) -> None:
    project = '[build-system]\nrequires = ["flit_core>=3"]\nbuild-backend = "flit_core.buildapi"\n'
    (bench.directory / "sdists").mkdir()
    sdist = build_sdist(bench.directory / "sdists", {"pyproject.toml": project}, name="shale")
    path = bench.write_requirements()
    path.write_text(f"{path.read_text()}shale==1.0 --hash=sha256:{bench.server.add(sdist)}\n")
    refused = bench.run(lock="requirements.txt", code=3)
    assert "shale==1.0: has no wheel, only a source distribution" in refused.err
    assert "--provider shale=sdist" in refused.err
    ran = bench.run("--provider", "shale=sdist", lock="requirements.txt")
    assert "# shale 1.0, built from shale-1.0.tar.gz" in ran.out
    assert "flit-core = [ ]" in ran.out
    nowhere = "http://127.0.0.1:9/simple"
    given = ("--provider", "shale=sdist", "--find-links", "sdists")
    assert bench.run(*given, lock="requirements.txt", PIP_INDEX_URL=nowhere).out == ran.out


def test_a_module_with_another_name_than_its_distribution_is_read_in_an_sdist(bench: Bench) -> None:
    files = {
        "setup.py": "from setuptools import setup\nsetup(py_modules=['parrot'])\n",
        "parrot.py": "from ctypes.util import find_library\nfind_library('usb-1.0')\n",
        "other.py": "from ctypes.util import find_library\nfind_library('sodium')\n",
        "pyparrot.egg-info/top_level.txt": "parrot\n",
    }
    (bench.directory / "sdists").mkdir()
    sdist = build_sdist(bench.directory / "sdists", files, name="pyparrot")
    path = bench.write_requirements()
    path.write_text(f"pyparrot==1.0 --hash=sha256:{bench.server.add(sdist)}\n")
    ran = bench.run("--provider", "pyparrot=sdist", lock="requirements.txt")
    assert "pkgs.libusb1" in ran.out
    assert "sodium" not in ran.out  # which is not installed


def test_a_build_of_rpy2_has_r_and_finds_the_packages_that_the_project_names(bench: Bench) -> None:
    files = {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n',
        "src/rpy2/situation/__init__.py": "import os\nr_home = os.environ.get('R_HOME')\n",
    }
    (bench.directory / "sdists").mkdir()
    sdist = build_sdist(bench.directory / "sdists", files, name="rpy2_rinterface")
    path = bench.write_requirements()
    path.write_text(f"rpy2-rinterface==1.0 --hash=sha256:{bench.server.add(sdist)}\n")
    (bench.directory / "pyproject.toml").write_text('[tool.wheelfix]\nr-packages = ["import"]\n')
    given = ("--provider", "rpy2-rinterface=sdist", "-o", "overrides.nix")
    ran = bench.run(*given, lock="requirements.txt")
    assert "note: R: import is taken from nixpkgs (pkgs.rPackages.r_import)" in ran.err
    attrs = ["R", "bzip2", "icu", "xz", "zlib", "zstd", "rPackages.r_import"]
    listed = " ".join(f"[ {' '.join(map(json.dumps, attr.split('.')))} ]" for attr in attrs)
    made = (
        f"let stub = import {STUB} {{ attrs = [ {listed} ]; }}; "
        "prev = stub.base // { resolveBuildSystem = builtins.attrNames; rpy2-rinterface = stub.mkDerivation "
        '{ name = "rpy2"; override = _: prev.rpy2-rinterface; }; }; '
        'built = args: "/nix/store/r(${toString (map (one: one.name) args.paths)})"; '
        "pkgs = stub.pkgs // { writeText = name: text: text; buildEnv = built; }; "
        f"overlay = import {bench.directory}/overrides.nix {{ inherit (stub) lib; inherit pkgs; }}; "
        "final = prev // overlay final prev; args = final.rpy2-rinterface.args; "
        "named = map (one: one.name or one); "
        "in { native = named args.nativeBuildInputs; inputs = named args.buildInputs; "
        "inherit (args) postInstall; }"
    )
    found = evaluate(made)
    assert found["native"] == ["setuptools", "R-1.0"]
    assert found["inputs"] == ["bzip2-1.0", "icu-1.0", "xz-1.0", "zlib-1.0", "zstd-1.0"]
    assert '"modules":["rpy2.situation"]' in found["postInstall"]
    assert '/lib/R","R_LIBS_SITE":"/nix/store/r(rPackages.r_import-1.0)/library"' in found["postInstall"]


def test_siblings_across_the_lock(bench: Bench) -> None:
    library = build_elf(bench.directory / "elf", "libengine7.so", soname="libengine7.so")
    bench.add("engine", files={"engine/lib/libengine7.so": library})
    bench.add("driver7", needed=("libengine7.so",), requires=("engine",))
    bench.write_lock()
    ran = bench.run("-o", "overrides.nix", "--json")
    packages = ran.document["packages"]
    assert isinstance(packages, list)
    assert [p["searches"] for p in packages if p["name"] == "driver7"] == [["engine"]]
    text = (bench.directory / "overrides.nix").read_text()
    assert "${final.engine}/${final.python.sitePackages}/engine/lib" in text


def test_what_nothing_provides_is_residue(bench: Bench) -> None:
    bench.add("lost", needed=("libnobodyhasthis.so.7",))
    bench.write_lock()
    ran = bench.run(code=1)
    assert "error: lost 1.0 libnobodyhasthis.so.7, wanted by lost/core.so" in ran.err
    assert "# - Open: lost 1.0" in ran.out


def test_collisions_are_told_before_any_build(bench: Bench) -> None:
    one = {"nvidia/__init__.py": b"", "tests/a.py": b"a", "LICENSE": b"MIT"}
    two = {"nvidia/__init__.py": b"# NVIDIA", "tests/a.py": b"b", "LICENSE": b"BSD"}
    bench.add("parta", files=one)
    bench.add("partb", files=two)
    bench.write_lock()
    ran = bench.run("-o", "overrides.nix", "--json")
    collisions = ran.document["collisions"]
    assert isinstance(collisions, list)
    assert sorted(c["kind"] for c in collisions) == ["leftover", "namespace", "paper"]
    text = (bench.directory / "overrides.nix").read_text()
    assert "rm -rf $out/${final.python.sitePackages}/tests" in text
    assert '"${final.python.sitePackages}/nvidia/__init__.py"' in text
    world = '{ packages.parta = { version = "1.0"; dependencies = { }; }; }'
    made = (
        f"let stub = import {STUB} {world}; "
        "prev = stub.base // { mkVirtualEnv = name: spec: stub.mkDerivation { inherit name; venvSkip = [ ]; "
        "venvIgnoreCollisions = [ ]; }; }; "
        f"final = prev // import {bench.directory}/overrides.nix {{ inherit (stub) pkgs lib; }} final prev; "
        'in { inherit ((final.mkVirtualEnv "e" { }).args) venvSkip venvIgnoreCollisions; '
        "inherit (final.parta.args) postInstall; }"
    )
    assert evaluate(made) == {
        "venvSkip": ["lib/python3.12/site-packages/LICENSE"],
        "venvIgnoreCollisions": ["lib/python3.12/site-packages/nvidia/__init__.py"],
        "postInstall": "# other packages have these, too\nrm -rf $out/lib/python3.12/site-packages/tests\n",
    }


def test_providers(bench: Bench) -> None:
    (bench.directory / "pyproject.toml").write_text('[tool.wheelfix.providers]\ntbbuser = "nixpkgs"\n')
    ran = bench.run("--json", "-o", "overrides.nix")
    packages = ran.document["packages"]
    assert isinstance(packages, list)
    assert [p["attr"] for p in packages if p["name"] == "tbbuser"] == ["python312Packages.tbbuser"]
    assert bench.wheels["tbbuser"].name not in bench.server.list_downloads()
    assert "hacks.nixpkgsPrebuilt" in (bench.directory / "overrides.nix").read_text()
    ran = bench.run("--provider", "odbcuser=sdist", code=3)
    assert "odbcuser 1.0 has no sdist in the lock" in ran.err
    ran = bench.run("--dialect", "poetry2nix", code=3)
    assert "poetry2nix has no adapters" in ran.err


@pytest.mark.parametrize(
    "dialect", ["poetry2nix", "pyproject-nix", "nixpkgs", "shell", "mach-nix", "nixos", "devenv"]
)
def test_other_dialects(bench: Bench, dialect: str) -> None:
    ran = bench.run("--dialect", dialect, "--quiet")
    assert "onetbb" in ran.out
    assert "unixodbc" in ran.out
    parse = ["nix-instantiate", "--parse", "-"]
    done = subprocess.run(parse, input=ran.out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def add_sdist(bench: Bench, name: str, files: Mapping[str, str]) -> tuple[Path, str]:
    path = bench.directory / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        about = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"}
        for member, content in {**about, **files}.items():
            info = tarfile.TarInfo(f"{name}-1.0/{member}")
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return path, bench.server.add(path)


PROJECT = """[build-system]
requires = ["meson-python>=0.15", "Cython", "tomli; python_version < '3.11'"]
build-backend = "mesonpy"
"""


def test_source_distributions_get_their_build_system(bench: Bench) -> None:
    add_to_lock(bench, {"pyproject.toml": PROJECT})
    ran = bench.run("--provider", "odbcuser=sdist", "-o", "overrides.nix", "--json")
    assert ran.document["builds"] == [
        {"name": "odbcuser", "version": "1.0", "requires": ["cython", "meson-python"], "cargo": False}
    ]
    assert "odbcuser 1.0 is built from source, with cython, meson-python" in ran.err
    overlay = f"import {bench.directory}/overrides.nix {{ inherit (stub) pkgs lib; }}"
    made = (
        f"let stub = import {STUB} {{ }}; "
        "prev = stub.base // { resolveBuildSystem = builtins.attrNames; odbcuser.override = args: "
        "stub.mkDerivation { name = args.sourcePreference; }; }; "
        f"final = prev // {overlay} final prev; "
        "in { inherit (final.odbcuser) name nativeBuildInputs; }"
    )
    assert evaluate(made) == {"name": "sdist", "nativeBuildInputs": ["cython", "meson-python"]}


def add_to_lock(bench: Bench, files: Mapping[str, str]) -> None:
    path, digest = add_sdist(bench, "odbcuser", files)
    text = bench.write_lock().read_text()
    line = f'sdist = {{ url = "{bench.server.url}/files/{path.name}", hash = "sha256:{digest}" }}\n'
    head = 'name = "odbcuser"\nversion = "1.0"\n'
    (bench.directory / "uv.lock").write_text(text.replace(head, head + line))


def test_what_a_source_distribution_opens_by_name_is_found_by_a_shim(bench: Bench) -> None:
    opening = "import ctypes\nlib = ctypes.CDLL('libmagic.so.1')\n"
    files = {
        "pyproject.toml": PROJECT,
        "src/odbcuser/__init__.py": opening,
        "setup.py": opening.replace("magic", "usb-1.0"),
        "tests/test_it.py": opening.replace("magic", "usb-1.0"),
        "scripts/make.py": opening.replace("magic", "usb-1.0"),
    }
    add_to_lock(bench, files)
    ran = bench.run("--provider", "odbcuser=sdist", "-o", "overrides.nix")
    assert "cannot be read" not in ran.err
    text = (bench.directory / "overrides.nix").read_text()
    assert "libusb" not in text
    world = '{ attrs = [ [ "file" ] ]; }'
    made = (
        f"let stub = import {STUB} {world}; "
        "prev = stub.base // { resolveBuildSystem = builtins.attrNames; odbcuser.override = args: "
        "stub.mkDerivation { name = args.sourcePreference; }; }; "
        "pkgs = stub.pkgs // { writeText = name: text: name; }; "
        f"overlay = import {bench.directory}/overrides.nix {{ inherit (stub) lib; inherit pkgs; }}; "
        "final = prev // overlay final prev; "
        "in { inherit (final.odbcuser) name; inherit (final.odbcuser.args) nativeBuildInputs postInstall; }"
    )
    found = evaluate(made)
    assert (found["name"], found["nativeBuildInputs"]) == ("sdist", ["cython", "meson-python"])
    assert "_wheelfix_odbcuser.pth" in found["postInstall"]
    assert "substituteInPlace" not in found["postInstall"], "where a build puts its files is not known"


def test_sources_that_cannot_be_read_are_told(bench: Bench) -> None:
    add_to_lock(bench, {"pyproject.toml": PROJECT, "src/odbcuser/__init__.py": "#" * (5 << 20)})
    ran = bench.run("--provider", "odbcuser=sdist", "-o", "overrides.nix")
    assert "odbcuser 1.0 its sources cannot be read" in " ".join(ran.err.split())


def test_rust_in_a_source_distribution_is_built_by_the_same_overlay(bench: Bench) -> None:
    files = {path: text.replace("demo", "odbcuser") for path, text in CARGO.items()}
    files["Cargo.toml"] += '[dependencies]\nopenssl-sys = "0.9"\n'
    files["Cargo.lock"] = lock("*odbcuser 1.0.0 < openssl-sys", "openssl-sys 0.9.102")
    add_to_lock(bench, files)
    bench.run("--provider", "odbcuser=sdist", "-o", "overrides.nix")
    overlay = (
        f"import {bench.directory}/overrides.nix {{ inherit (stub) pkgs lib; "
        "hacks.importCargoLock = args: args.prev; }"
    )
    made = (
        f'let stub = import {STUB} {{ attrs = [ [ "openssl" ] ]; }}; '
        "prev = stub.base // { resolveBuildSystem = builtins.attrNames; odbcuser.override = args: "
        "stub.mkDerivation { name = args.sourcePreference; }; }; "
        f"final = prev // {overlay} final prev; "
        "in { inherit (final.odbcuser) name nativeBuildInputs; "
        "buildInputs = map (input: input.attr or input) final.odbcuser.buildInputs; }"
    )
    found = evaluate(made)
    assert found["name"] == "sdist"
    assert found["nativeBuildInputs"] == ["maturin"]
    assert "openssl" in str(found["buildInputs"])


def test_a_poetry_lock_has_no_urls_and_is_fetched_by_hash(bench: Bench) -> None:
    text = [
        f'[[package]]\nname = "{name}"\nversion = "1.0"\noptional = false\npython-versions = "*"\n'
        f'files = [{{ file = "{wheel.name}", hash = "sha256:{bench.digests[name]}" }}]\n'
        for name, wheel in bench.wheels.items()
    ]
    text.append('[metadata]\nlock-version = "2.0"\npython-versions = ">=3.11"\n')
    (bench.directory / "poetry.lock").write_text("".join(text))
    ran = bench.run("--dialect", "poetry2nix", lock="poetry.lock")
    assert "prev.odbcuser.overridePythonAttrs" in ran.out
    assert "3 packages, 3 wheels read" in ran.err
    (bench.directory / "poetry.lock").write_text("".join(text).replace(bench.digests["tbbuser"], "0" * 64))
    ran = bench.run("--dialect", "poetry2nix", lock="poetry.lock", code=3)
    assert "tbbuser" in ran.err
    assert "sha256" in ran.err


def test_an_index_that_is_a_directory(bench: Bench) -> None:
    text = bench.write_lock().read_text()
    text = text.replace(f"{bench.server.url}/simple", "wheels")
    text = re.sub(r'url = "[^"]*/files/([^"]*)", hash = "[^"]*"', r'path = "\1"', text)
    (bench.directory / "uv.lock").write_text(text)
    assert "3 wheels read" in bench.run().err
    assert "0 wheels read" in bench.run().err
    assert bench.server.asked == []
    bench.wheels["pure"].unlink()
    assert "is not where the lock says" in bench.run(code=3).err


def test_a_wheel_of_something_else(bench: Bench) -> None:
    bench.wheels["pure"] = bench.wheels["odbcuser"]
    bench.digests["pure"] = bench.digests["odbcuser"]
    bench.write_lock()
    assert "is a wheel of odbcuser, not of pure" in bench.run(code=3).err


def test_a_run_that_was_killed_is_taken_up(bench: Bench) -> None:
    name = bench.wheels["pure"].name
    data = bench.server.files[name]
    kept = bench.directory / "cache" / "wheelfix" / "wheels" / "pure" / "1.0"
    kept.mkdir(parents=True)
    (kept / f".{bench.digests['pure']}.part").write_bytes(data[:100])
    bench.run()
    assert (kept / name).read_bytes() == data
    assert sorted(p.name for p in kept.iterdir()) == [name]


@pytest.mark.parametrize(
    "url",
    [
        "https://e.invalid/401",
        "http://me:secret@127.0.0.1:9/x.whl",
        "http://me:secret@[::1/x.whl",
        "https://e.invalid:x/",
    ],
)
def test_addresses_that_lead_nowhere_are_one_line_without_a_password(bench: Bench, url: str) -> None:
    path = bench.write_lock()
    served = f"{bench.server.url}/files/{bench.wheels['pure'].name}"
    path.write_text(path.read_text().replace(served, f"{url}#{bench.wheels['pure'].name}"))
    ran = bench.run(code=3)
    assert ran.err.count("\n") == 2, ran.err
    assert "secret" not in ran.err


def test_several_at_once_on_one_cold_cache_end_well(bench: Bench) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    clean |= {"XDG_CACHE_HOME": str(bench.directory / "cache"), "PIP_CONFIG_FILE": os.devnull}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "wheelfix", "lock", "uv.lock"],
            cwd=bench.directory,
            env=clean,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    ends = [(*process.communicate(timeout=120), process.returncode) for process in running]
    assert {code for *_, code in ends} == {0}, ends
    assert len({out for out, *_ in ends}) == 1
    names = bench.server.list_downloads()
    assert sorted(names) == sorted(set(names))
    assert not [name for name in bench.list_kept() if name.endswith((".part", ".etag"))]


def test_a_free_threaded_interpreter_has_wheels_of_its_own(bench: Bench) -> None:
    own = build_wheel(
        bench.directory / "wheels", name="pure", files={}, tag="cp314-cp314t-manylinux_2_28_x86_64"
    )
    digest, served = bench.server.add(own), f"{bench.server.url}/files"
    path = bench.directory / "uv.lock"
    path.write_text(
        f'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "app"\nversion = "0"\n{ROOT}\n'
        'dependencies = [{ name = "pure" }]\n[[package]]\nname = "pure"\nversion = "1.0"\n'
        f'source = {{ registry = "{bench.server.url}/simple" }}\n'
        f'wheels = [{{ url = "{served}/{own.name}", hash = "sha256:{digest}" }}]\n'
    )
    assert bench.run("--python", "3.14", code=3).err.startswith(
        "wheelfix: Python 3.14 on x86_64-linux: pure 1.0 has no wheel"
    )
    ran = bench.run("--python", "3.14t", "--json")
    assert own.name in ran.out


@pytest.mark.parametrize("version", ["../../../../evil", "/tmp/evil", "1\\u0000", "1.0/..", ""])
def test_a_version_that_is_none_is_no_directory(bench: Bench, version: str) -> None:
    path = bench.write_lock()
    path.write_text(
        path.read_text().replace('name = "pure"\nversion = "1.0"', f'name = "pure"\nversion = "{version}"')
    )
    ran = bench.run(code=3)
    assert "is no version" in ran.err
    assert bench.server.list_downloads() == []
    assert ran.err.count("\n") == 2


def write_doubles(bench: Bench, *, turned: bool) -> None:
    """A lock that leads to two versions of one package, of which each carries another library."""
    parts = []
    for version in ("1.9", "1.10"):
        soname = f"libengine{version[2:]}.so"
        library = build_elf(bench.directory / "elf", soname, soname=soname)
        bench.add("engine", version=version, files={f"engine/lib/{soname}": library})
        wheel = bench.wheels["engine"]
        parts.append(
            f'[[package]]\nname = "engine"\nversion = "{version}"\n'
            f'source = {{ registry = "{bench.server.url}/simple" }}\n'
            f'wheels = [{{ url = "{bench.server.url}/files/{wheel.name}", '
            f'hash = "sha256:{bench.digests["engine"]}" }}]\n'
        )
    bench.add("driver7", needed=("libengine10.so",), requires=("engine",))
    user = bench.wheels["driver7"]
    parts.append(
        '[[package]]\nname = "driver7"\nversion = "1.0"\n'
        f'source = {{ registry = "{bench.server.url}/simple" }}\n'
        'dependencies = [{ name = "engine", version = "1.10" }]\n'
        f'wheels = [{{ url = "{bench.server.url}/files/{user.name}", '
        f'hash = "sha256:{bench.digests["driver7"]}" }}]\n'
    )
    edges = ['{ name = "engine", version = "1.9" }', '{ name = "driver7" }']
    head = 'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "app"\nversion = "0"\n'
    head += f"{ROOT}\ndependencies = [{', '.join(edges[::-1] if turned else edges)}]\n"
    (bench.directory / "uv.lock").write_text(head + "".join(parts[::-1] if turned else parts))


def test_two_versions_of_one_name_are_told_and_every_run_says_the_same(bench: Bench) -> None:
    write_doubles(bench, turned=False)
    first = bench.run(code=1)
    assert "engine is in the environment in 2 versions, 1.9 and 1.10: 1.10 is taken" in first.err
    assert "${final.engine}/${final.python.sitePackages}/engine/lib" in first.out
    assert "engine-1.9" not in " ".join(bench.server.list_downloads())
    assert bench.run(code=1).out == first.out  # all is known now
    write_doubles(bench, turned=True)
    assert bench.run(code=1).out == first.out
    assert bench.run(code=1, XDG_CACHE_HOME=str(bench.directory / "other")).out == first.out


def replace_torch(bench: Bench, *more: str, code: int = 0) -> Ran:
    """A lock with a torch whose CUDA wheel is not for this target, and nixpkgs' torch in its place."""
    bench.add("torch")
    bench.add("nvidia_cublas_cu12", tag="py3-none-win_amd64")
    bench.edges["torch"] = ["nvidia_cublas_cu12"]
    path = bench.write_lock()
    direct = ', { name = "nvidia_cublas_cu12" }]\n[[package]]'
    assert direct in path.read_text()
    path.write_text(path.read_text().replace(direct, "]\n[[package]]"))
    return bench.run("--provider", "torch=nixpkgs", *more, code=code)


def test_what_goes_with_an_adapter_needs_no_source(bench: Bench) -> None:
    ran = replace_torch(bench)
    assert "hacks.nixpkgsPrebuilt" in ran.out
    assert '"nvidia-cublas-cu12"' in ran.out
    assert "4 packages, 3 wheels read" in ran.err


def test_nixpkgs_own_package_stays_where_a_lock_without_edges_has_an_sdist_alone(bench: Bench) -> None:
    path, digest = add_sdist(bench, "six", {"pyproject.toml": PROJECT})
    (bench.directory / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "six"\nversion = "1.0"\n'
        f'sdist = {{ url = "{bench.server.url}/files/{path.name}", hashes = {{ sha256 = "{digest}" }} }}\n'
    )
    arguments = ("--provider", "six=nixpkgs")
    ran = bench.run("--dialect", "nixpkgs", "--as", "overlay", *arguments, lock="pylock.toml")
    assert "six 1.0 is 1.17.0 in nixpkgs" in ran.err
    ran = bench.run(*arguments, lock="pylock.toml", code=3)
    assert "has no wheel, only a source distribution" in ran.err


def test_what_stays_beside_an_adapter_needs_a_source(bench: Bench) -> None:
    ran = replace_torch(bench, "--keep", "nvidia_cublas.cu12", code=3)
    assert "nvidia-cublas-cu12 1.0 has no wheel or sdist for it" in ran.err


def write_pylock(bench: Bench) -> None:
    """A pylock.toml, which has no edges, of two packages whose wheels it names."""
    text = ['lock-version = "1.0"\ncreated-by = "x"\n']
    for name in ("torch", "nvidia_cublas_cu12"):
        url = f"{bench.server.url}/files/{bench.wheels[name].name}"
        text.append(
            f'[[packages]]\nname = "{name.replace("_", "-")}"\nversion = "1.0"\n[[packages.wheels]]\n'
            f'url = "{url}"\nhashes = {{ sha256 = "{bench.digests[name]}" }}\n'
        )
    (bench.directory / "pylock.toml").write_text("".join(text))


def test_what_goes_from_a_lock_without_edges_needs_no_source_either(bench: Bench) -> None:
    bench.add("torch", requires=("nvidia-cublas-cu12",))
    bench.add("nvidia_cublas_cu12", tag="py3-none-win_amd64")
    write_pylock(bench)
    bench.add("nvidia_cublas_cu12", version="2.0")  # of another version the index has one that fits
    ran = bench.run("--provider", "torch=nixpkgs", lock="pylock.toml")
    assert '"nvidia-cublas-cu12"' in ran.out
    ran = bench.run(lock="pylock.toml", code=3)
    assert "nvidia-cublas-cu12 1.0 has no wheel or sdist for it" in ran.err


def test_markers_are_those_of_the_targets_python(bench: Bench) -> None:
    library = build_elf(bench.directory / "elf", "libengine7.so", soname="libengine7.so")
    anything = "py3-none-manylinux_2_28_x86_64"
    bench.wheels.clear()
    bench.add("engine", files={"engine/lib/libengine7.so": library}, tag=anything)
    requires = ("engine; python_version >= '3.13'",)
    bench.add("driver7", needed=("libengine7.so",), requires=requires, tag=f"cp310.cp39.{anything}")
    bench.edges["driver7"] = []
    bench.write_lock()

    def list_searches(python: str) -> object:
        packages = bench.run("--json", "--python", python).document["packages"]
        assert isinstance(packages, list)
        return [p["searches"] for p in packages if p["name"] == "driver7"]

    assert list_searches("3.13") == [["engine"]]
    assert list_searches("3.12") == [[]]
    assert list_searches("3.13") == [["engine"]]


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (
            ("--provider", "tbbsuer=nixpkgs"),
            "--provider tbbsuer=nixpkgs: matches no package",
            "write tbbuser",
        ),
        (("--provider", "tbbuser=nixpkg"), "'nixpkg' is no kind of source", "write nixpkgs"),
        (("--strip", "Odbc.Usre"), "--strip odbc-usre: matches no dependency", "write odbcuser"),
        (("--keep", "Tbb_usre"), "--keep tbb-usre: matches no dependency", "write tbbuser"),
        (("--extra", "nosuch"), "has no extra 'nosuch'", "it has: none"),
        (("--group", "nosuch"), "has no group 'nosuch'", "it has: none"),
        (("--prefer", "onetbbb"), "--prefer onetbbb: is no attribute that the index knows", "onetbb"),
        (("--provider", "tbbuser=nixpkgs:python312Packages.tbbsuer"), "is not known", ".tbbuser"),
        (("--provider", "tbbuser=nixpkgs:python313Packages.tbbuser"), "is for Python 3.13", "python312"),
    ],
)
def test_names_that_match_nothing_are_one_line_with_the_nearest(
    bench: Bench, arguments: tuple[str, ...], said: str, hint: str
) -> None:
    ran = bench.run(*arguments, "--quiet", code=3)
    assert ran.out == ""
    assert said in ran.err
    assert hint in ran.err.partition("\nhint: ")[2]
    assert ran.err.count("\n") == 2


def test_a_rule_of_the_project_serves_other_locks_as_well(bench: Bench) -> None:
    project = '[tool.wheelfix.providers]\nOdbcUser = "wheel"\nnosuch = "nixpkgs"\n'
    (bench.directory / "pyproject.toml").write_text(project)
    ran = bench.run()
    assert "warning: pyproject.toml: tool.wheelfix.providers.nosuch matches no package of uv.lock" in ran.err
    assert "odbc" not in ran.err


SET = Path(__file__).parents[1] / "support" / "nix" / "pythonset.nix"
OWN = """{
  odbcuser = _: { version = "0.9"; patches = [ "old" ]; };
  user = self: { version = "3"; dependencies = [ self.odbcuser ]; };
}"""


@pytest.mark.parametrize("form", ["overlay", "python-overrides"])
def test_a_lock_as_an_overlay_for_nixpkgs(bench: Bench, form: str) -> None:
    add_to_lock(bench, {"pyproject.toml": PROJECT})
    arguments = ("--dialect", "nixpkgs", "--as", form, "--python", "3.12", "--provider", "odbcuser=sdist")
    first = bench.run(*arguments, "-o", "set.nix")
    assert bench.run(*arguments).out == (bench.directory / "set.nix").read_text()
    bench.run(*arguments, "-o", "set.nix", "--check")
    argument = "overlay" if form == "overlay" else "overrides"
    made = (
        f"let changed = import {SET} {{ {argument} = import {bench.directory}/set.nix; packages = {OWN}; }}; "
        'p = changed.sets."3.12"; in '
    )
    shown = evaluate(
        made + "map (n: p.${n}.version) [ "
        '"tbbuser" "odbcuser" "pure" "user" ] ++ [ (changed.sets."3.13" ? tbbuser) ]'
    )
    assert shown == ["1.0", "1.0", "1.0", "3", False]
    assert evaluate(made + "p.tbbuser.src.url").startswith(bench.server.url)
    assert evaluate(made + "p.tbbuser.buildInputs") == ["onetbb"]
    assert "is in nixpkgs already" not in first.err
    with (bench.directory / "set.nix").open("a") as file:
        file.write("\n")
    assert "is stale" in bench.run(*arguments, "-o", "set.nix", "--check", code=1).err


def test_forms_are_for_nixpkgs_alone(bench: Bench) -> None:
    ran = bench.run("--as", "overlay", code=2)
    assert "--as overlay is for --dialect nixpkgs, not for --dialect uv2nix" in ran.err
    ran = bench.run("--dialect", "nixpkgs", "--tests", code=2)
    assert "name --as overlay or python-overrides" in ran.err


def test_a_package_that_stays_nixpkgs_own_is_not_written(bench: Bench) -> None:
    ran = bench.run("--dialect", "nixpkgs", "--as", "python-overrides", "--provider", "pure=nixpkgs", code=1)
    assert "pure =" not in ran.out
    assert "is not in nixpkgs" in ran.err


def test_an_sdist_that_a_lock_knows_by_its_hash_alone(bench: Bench) -> None:
    _, digest = add_sdist(bench, "source", {"pyproject.toml": PROJECT})
    (bench.directory / "poetry.lock").write_text(
        '[[package]]\nname = "source"\nversion = "1.0"\noptional = false\npython-versions = "*"\n'
        f'groups = ["main"]\nfiles = [{{ file = "source-1.0.tar.gz", hash = "sha256:{digest}" }}]\n'
        '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.11"\ncontent-hash = ""\n'
    )
    ran = bench.run("--dialect", "nixpkgs", "--as", "overlay", lock="poetry.lock")
    assert "source = pyfinal.buildPythonPackage {" in ran.out
    assert "build-system = [ pyfinal.cython pyfinal.meson-python ]" in ran.out
