"""All Nix code that wheelfix writes, by the commands that write it, held against what reads Nix code."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.test_lock import PROJECT, Bench, add_sdist
from tests.support.elf import build_elf
from tests.support.envs import add_wheel, run_env
from tests.support.lockserver import serve
from tests.support.sdist import CARGO, build_sdist, lock
from tests.support.wheel import build_wheel
from wheelfix.cli import cli
from wheelfix.lint.model import InputRoot
from wheelfix.lint.nixfile.overrides import read_overrides
from wheelfix.model.override import PACKAGE_DIALECTS, Cuda, Dialect
from wheelfix.override.dialects import TRAITS

NVIDIA = "nvidia-cublas-cu12"
_LISTS = ("buildInputs", "nativeBuildInputs", "propagatedBuildInputs", "appendRunpaths")
_PATH = "NIX_LD_LIBRARY_PATH"
_PART = r"""(?:[A-Za-z_][\w'-]*|"[^"]*")"""
_ATTR = re.compile(rf"(?<![\w.])pkgs\.({_PART}(?:\.{_PART})*)")
_ARGUMENT = re.compile(r"(?:^|(?<=\s)|(?<=lib\.getLib ))([a-z][\w.-]*)(?=[\s}]|$)")
_SEARCH = re.compile(r"addAutoPatchelfSearchPath \$\{(?P<package>[^}]*)\}/(?P<path>\S+)")
_DIRECTORY = re.compile(r"\$\{pkgs\.([\w.-]+)\}/([\w./-]+)")
_SITE = re.compile(r"\$\{[\w.-]*python\.sitePackages\}/")


@dataclass
class Said:
    """What a file says: inputs by the name of their list, ignored sonames, directories by package."""

    inputs: set[tuple[str, str]] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    searches: set[tuple[str, str]] = field(default_factory=set)


def find_written(code: str) -> Said:
    """What is written, found by the letter: without comments, one binding after the other."""
    bare = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))
    pattern = _ARGUMENT if "buildPythonPackage" in bare else _ATTR  # a package's function has arguments
    said = Said()
    for name in _LISTS:
        for value in _find_values(bare, name):
            listed = value.rpartition("++")[2].strip(" \n()[]")
            said.inputs |= {
                (name, attr.replace('"', "").removeprefix("pkgs."))
                for attr in pattern.findall(listed)
                if attr != "lib.getLib"
            }
    for value in re.findall(r"\.libraries =\s(.*?)\n  \];", bare, re.DOTALL):
        said.searches |= set(_DIRECTORY.findall(value))
        listed = re.sub(r"\(pkgs\.linkFarm.*?\]\)", "", value, flags=re.DOTALL)
        said.inputs |= {("libraries", attr) for attr in _ATTR.findall(listed)}
    for value in _find_values(bare, "shellHook"):
        if f"{_PATH}=" not in value:
            continue
        listed, _, directories = value.partition("]")
        said.inputs |= {(_PATH, attr) for attr in _ATTR.findall(listed.partition("[")[2])}
        said.searches |= set(_DIRECTORY.findall(directories))
    for value in _find_values(bare, "autoPatchelfIgnoreMissingDeps"):
        said.ignored |= set(re.findall(r'"([^"]*)"', value))
    for match in _SEARCH.finditer(bare):
        package = re.sub(r"^(final|pkgs|pythonPackages)\.", "", match["package"]).strip('"')
        said.searches.add((package, _SITE.sub("site:", match["path"])))
    return said


def _find_values(code: str, name: str) -> list[str]:
    return re.findall(rf"(?<![\w-]){name}(?:\.add)? =\s+([^;]*);", code)


def find_read(file: Path) -> Said:
    """What the reader of Nix code finds in a file."""
    overrides = read_overrides(file)
    assert not overrides.unclear
    said = Said()
    for one in (*overrides.overrides, *overrides.shells):
        assert not one.unclear
        assert not one.unread
        assert not one.replaces
        for entry in one.inputs:
            if entry.root is not InputRoot.PYTHON:
                said.inputs.add((entry.list_name, entry.attr))
        said.ignored |= {entry.soname for entry in one.ignored}
        for search in one.searches:
            said.searches.add(
                (search.attr, search.directory)
                if search.attr
                else (search.distribution or "", f"site:{search.directory}")
            )
    return said


def run(*arguments: str | Path, code: int | None = 0) -> str:
    """Run a command and return what it wrote."""
    done = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert code is None or done.exit_code == code, done.stderr
    return done.stdout


def find_rules(file: Path, *targets: str | Path) -> list[tuple[str, str | None]]:
    """The rules of the findings of ``override --check``, and the packages they are about."""
    text = run("override", "--quiet", "--check", file, "--json", *targets, code=None)
    return [(finding["rule"], finding["package"]) for finding in json.loads(text)["findings"]]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels with every kind of need that has an answer, two that call what they need, one with none."""
    top = tmp_path_factory.mktemp("shelf")
    work = tmp_path_factory.mktemp("work")
    place = ["$ORIGIN/../nvidia/cublas/lib", "$ORIGIN/private"]
    linked = ["libtbb.so.12", "libz.so.1", "libstdc++.so.6", "libcuda.so.1", "libcublas.so.12", "libjvm.so"]
    inner = build_elf(work, "libinner.so.1", soname="libinner.so.1")
    core = build_elf(work, "core.so", needed=[*linked, "libinner.so.1"], runpath=place)
    files = {
        "linker/core.so": core,
        "linker/private/libinner.so.1": inner,
        "linker/__init__.py": b"import ctypes\nctypes.CDLL('libmagic.so.1')\nfrom triton import jit\n",
    }
    requires = [f"{NVIDIA}; platform_system == 'Linux'", "triton", "numpy"]
    build_wheel(top, name="xgboost", files=files, requires=requires)
    library = build_elf(work, "own.so", needed=["libodbc.so.2", "libstdc++.so.6"])
    plain = {"own_built/own.so": library}
    build_wheel(top, name="own_built", files=plain, tag="cp312-cp312-linux_x86_64")
    build_wheel(top, name="pure", files={"pure/__init__.py": b""}, tag="py3-none-any")
    return top


ADAPTING = {Dialect.UV2NIX, Dialect.PYPROJECT_NIX}
STRATEGIES = [(d, c) for d in PACKAGE_DIALECTS for c in Cuda if c is not Cuda.PREBUILT or d in ADAPTING]


@pytest.mark.parametrize(("dialect", "cuda"), STRATEGIES)
@pytest.mark.parametrize("named", ["xgboost-*", "."])
def test_overrides(shelf: Path, tmp_path: Path, dialect: Dialect, cuda: Cuda, named: str) -> None:
    target = shelf if named == "." else next(shelf.glob(named))
    file = tmp_path / "code.nix"
    run("override", "--dialect", dialect, "--cuda", cuda, target, "-o", file)
    written = find_written(file.read_text())
    assert find_read(file) == written
    adapted = cuda is Cuda.PREBUILT
    assert find_rules(file, target) == [("not-checked", "xgboost")] * adapted
    assert bool(written.inputs) != (adapted and named != ".")
    if not TRAITS[dialect].listed and dialect is not Dialect.MACH_NIX and not adapted:
        assert written.searches
        assert "libcuda.so.1" in written.ignored


@pytest.mark.parametrize("more", [[], ["--standalone"]])
def test_adapters(shelf: Path, tmp_path: Path, more: list[str]) -> None:
    (wheel,) = shelf.glob("xgboost-*")
    file = tmp_path / "code.nix"
    run("adapter", wheel, "--from", "python312Packages.xgboost", *more, "-o", file)
    assert find_read(file) == Said()
    assert find_rules(file, wheel) == [("not-checked", "xgboost")]
    # Without the adapter, the file says nothing about the wheel.
    file.write_text("final: prev: { }")
    assert find_rules(file, wheel) == [("missing-override", "xgboost")]


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Bench]:
    """A lock with each kind of package: linked to nixpkgs, to another wheel, colliding, replaced, built."""
    (tmp_path / "wheels").mkdir()
    with serve() as server:
        bench = Bench(tmp_path, server)
        one = {"nvidia/__init__.py": b"", "tests/a.py": b"a", "LICENSE": b"MIT"}
        two = {"nvidia/__init__.py": b"# NVIDIA", "tests/a.py": b"b", "LICENSE": b"BSD"}
        engine = build_elf(tmp_path / "elf", "libengine7.so", soname="libengine7.so")
        bench.add("tbbuser", needed=("libtbb.so.12", "libcuda.so.1"), files=one)
        bench.add("odbcuser", needed=("libodbc.so.2",), files=two)
        bench.add("engine", files={"engine/lib/libengine7.so": engine})
        bench.add("driver7", needed=("libengine7.so",), requires=("engine",))
        bench.add("replaced", needed=("libz.so.1",))
        bench.add("built", needed=("libodbc.so.2",))
        bench.add("rusty", needed=("libssl.so.3",))
        yield bench


def add_sources(bench: Bench) -> None:
    """Give the lock the source distributions of two packages, one of them with a crate."""
    files = {path: text.replace("demo", "rusty") for path, text in CARGO.items()}
    files["Cargo.toml"] += '[dependencies]\nopenssl-sys = "0.9"\n'
    files["Cargo.lock"] = lock("*rusty 1.0.0 < openssl-sys", "openssl-sys 0.9.102")
    text = bench.write_lock().read_text()
    for name, members in (("built", {"pyproject.toml": PROJECT}), ("rusty", files)):
        path, digest = add_sdist(bench, name, members)
        head = f'name = "{name}"\nversion = "1.0"\n'
        line = f'sdist = {{ url = "{bench.server.url}/files/{path.name}", hash = "sha256:{digest}" }}\n'
        text = text.replace(head, head + line, 1)
    (bench.directory / "uv.lock").write_text(text)


@pytest.mark.parametrize("dialect", PACKAGE_DIALECTS)
def test_locks(locked: Bench, monkeypatch: pytest.MonkeyPatch, dialect: Dialect) -> None:
    sets = {Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX}
    providers = ["built=sdist"] * (dialect in sets)
    providers += ["rusty=sdist", "replaced=nixpkgs"] * (dialect in ADAPTING)
    add_sources(locked)
    chosen = [word for one in providers for word in ("--provider", one)]
    locked.run("--dialect", dialect, "-o", "code.nix", *chosen)
    file = locked.directory / "code.nix"
    written = find_written(file.read_text())
    assert find_read(file) == written
    assert {"onetbb", "unixodbc"} <= {attr for _, attr in written.inputs}
    assert bool(written.searches) == (dialect in {*sets, Dialect.NIXPKGS})
    monkeypatch.setenv("XDG_CACHE_HOME", str(locked.directory / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", f"{locked.server.url}/simple")
    others = {one.partition("=")[0] for one in providers}
    rules = find_rules(file, locked.directory / "uv.lock")
    assert sorted(rules) == sorted(("not-checked", name) for name in others)


@pytest.mark.parametrize("dialect", ["uv2nix", "pyproject-nix", "nixpkgs"])
@pytest.mark.parametrize("has_lock", [True, False])
def test_source_distributions(tmp_path: Path, dialect: str, has_lock: bool) -> None:
    files = {**CARGO, "Cargo.lock": lock("*demo 1.0.0 < openssl-sys", "openssl-sys 0.9.102")}
    files["Cargo.toml"] += '[dependencies]\nopenssl-sys = "0.9"\n'
    (tmp_path / "Cargo.lock").write_text(files["Cargo.lock"])
    if not has_lock:
        del files["Cargo.lock"]
    file = tmp_path / "code.nix"
    given: list[str | Path] = [] if has_lock else ["--lock", tmp_path / "Cargo.lock"]
    run("sdist", build_sdist(tmp_path, files), "--dialect", dialect, *given, "-o", file)
    written = find_written(file.read_text())
    assert ("buildInputs", "openssl") in written.inputs
    assert find_read(file) == written
    library = build_elf(tmp_path, "x.so", needed=["libodbc.so.2"])
    wheel = build_wheel(tmp_path, files={"demo/x.so": library})
    assert find_rules(file, wheel) == [("not-checked", "demo")]


def test_environments(tmp_path: Path) -> None:
    with serve() as server:
        add_wheel(server, tmp_path, "tbbuser", needed=("libtbb.so.12",))
        add_wheel(server, tmp_path, "odbcuser", needed=("libodbc.so.2",))
        (tmp_path / "requirements.txt").write_text("tbbuser\nodbcuser\n")
        done = run_env(tmp_path, server, "lab", "-r", "requirements.txt")
        assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "lab").glob("*.nix"))
    assert len(files) == 6
    for file in files:
        code = file.read_text()
        written = find_written(code)
        assert find_read(file) == written
        assert bool(written.inputs) == (file.name == "overrides.nix")
    wheels = tmp_path / "wheels"
    assert find_rules(tmp_path / "lab" / "overrides.nix", wheels) == []


def test_flakes(tmp_path: Path) -> None:
    file = tmp_path / "flake.nix"
    run("flake", "--cuda", "--unfree", "-o", file)
    assert find_read(file) == Said()


@pytest.mark.parametrize("dialect", PACKAGE_DIALECTS)
def test_explanations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: Dialect) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    site = "/home/u/.venv/lib/python3.12/site-packages"
    (tmp_path / "message").write_text(
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory\n"
        "Could not start dynamically linked executable: /home/u/.venv/bin/python\n"
        f"{site}/demo/x.so: error while loading shared libraries: libodbc.so.2: cannot open shared object\n"
    )
    text = run("explain", "--json", "--dialect", dialect, tmp_path / "message", code=None)
    document = json.loads(text)
    code, module = (piece["code"] for piece in document["paste"])
    file = tmp_path / "code.nix"
    file.write_text(code)
    assert find_read(file) == find_written(code)
    assert "unixodbc" in {attr for _, attr in find_read(file).inputs}
    file.write_text(module)
    assert find_read(file).inputs == {("libraries", "unixodbc")}
    (shell,) = (line for line in document["now"] if line.startswith("nix-shell"))
    file.write_text(shlex.split(shell)[2])
    assert find_read(file).inputs == {("LD_LIBRARY_PATH", "unixodbc")}
