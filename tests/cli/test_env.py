"""``wheelfix env``: written, evaluated, written again."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.envs import PYTHON, add_wheel, ask_env, run_env
from tests.support.lockserver import Server, serve
from tests.support.sdist import build_sdist
from tests.support.uv2nix import SOURCES, ask_uv2nix
from tests.support.wheel import build_wheel
from wheelfix.env.model import Environment, Program
from wheelfix.env.render import render_flake
from wheelfix.lockfile.project import (
    drop_python,
    find_written_python,
    parse_project,
    render_project,
    render_requirements,
)

FILES = [
    "default.nix",
    "flake.nix",
    "image-local.nix",
    "overrides-local.nix",
    "overrides.nix",
    "pyproject.toml",
    "shell.nix",
    "uv.lock",
]


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path, server: Server) -> Path:
    add_wheel(server, tmp_path, "tbbuser", needed=("libtbb.so.12",))
    add_wheel(server, tmp_path, "odbcuser", needed=("libodbc.so.2",))
    (tmp_path / "requirements.txt").write_text("# tools\ntbbuser>=1\n")
    return tmp_path


def write(bench: Path, server: Server, *arguments: str) -> list[str]:
    done = run_env(bench, server, "lab", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("lab/") for line in done.stdout.splitlines()]


def test_everything_is_there_and_means_what_it_should(bench: Path, server: Server) -> None:
    assert write(bench, server, "-r", "requirements.txt") == FILES
    assert sorted(p.name for p in (bench / "lab").iterdir()) == FILES
    asked = ask_env(
        bench / "lab",
        "{ inherit (env.environment) name; inputs = (real.show set.tbbuser).inputs; "
        "image = { inherit (env.image) name tag extraCommands config; "
        "contents = map (c: c.name or c.pname) env.image.contents; }; "
        "program = env.environment.meta.mainProgram; "
        "shell = map (p: p.name) env.shell.packages; variables = builtins.attrNames env.shell.env; }",
    )
    store = "/nix/store/00000000000000000000000000000000-"
    assert asked == {
        "name": "lab-env",
        "inputs": ["manylinux2014", "onetbb"],
        "image": {
            "name": "lab",
            "tag": "latest",
            "contents": ["lab-programs", "usrBinEnv", "fakeNss"],
            "extraCommands": "mkdir -m 1777 tmp home mnt",
            "config": {
                "Cmd": [f"{store}lab-env/bin/python"],
                "Env": [
                    f"PATH={store}lab-env/bin:/bin:/usr/bin",
                    "HOME=/home",
                    f"SSL_CERT_FILE={store}cacert/etc/ssl/certs/ca-bundle.crt",
                ],
                "WorkingDir": "/mnt",
            },
        },
        "program": "python",
        "shell": ["lab-env", "uv"],
        "variables": ["UV_NO_SYNC", "UV_PYTHON", "UV_PYTHON_DOWNLOADS"],
    }


def test_the_flake_has_package_image_and_shell(bench: Path, server: Server) -> None:
    write(bench, server, "-r", "requirements.txt", "--nixpkgs", "github:me/nixpkgs-with-cuda")
    handed = (
        "nixpkgs = { inherit (real) lib; legacyPackages.x86_64-linux = real.pkgs; }; "
        "inherit (real) pyproject-nix uv2nix; pyproject-build-systems.overlays.wheel = real.hooks;"
    )
    asked = ask_uv2nix(
        f"let flake = import {bench}/lab/flake.nix; out = flake.outputs {{ {handed} }}; in "
        "{ url = flake.inputs.nixpkgs.url; package = out.packages.x86_64-linux.default.name; "
        "image = out.packages.x86_64-linux.image.name; "
        "shell = map (p: p.name) out.devShells.x86_64-linux.default.packages; }",
        python=PYTHON,
    )
    assert asked == {
        "url": "github:me/nixpkgs-with-cuda",
        "package": "lab-env",
        "image": "lab",
        "shell": ["lab-env", "uv"],
    }


@pytest.mark.parametrize("pinned", [False, True])
def test_the_shell_without_flakes_takes_the_flakes_pins(bench: Path, server: Server, pinned: bool) -> None:
    write(bench, server, "-r", "requirements.txt")
    systems = bench / "systems"
    systems.mkdir()
    (systems / "default.nix").write_text("{ ... }: { overlays.wheel = final: prev: { }; }")
    if pinned:
        node = '{"locked": {"rev": "abc123", "narHash": "sha256-x"}}'
        names = ("pyproject-nix", "uv2nix", "pyproject-build-systems")
        nodes = ", ".join(f'"{name}": {node}' for name in names)
        (bench / "lab" / "flake.lock").write_text(f'{{"nodes": {{{nodes}}}}}')
    mark = "abc123" if pinned else "HEAD"
    fetch = (
        "fetched: let url = fetched.url or fetched; is = name: real.lib.hasInfix name url; in "
        f'assert real.lib.hasSuffix "/archive/{mark}.tar.gz" url; '
        f'if is "build-system-pkgs" then {systems} else if is "uv2nix" then {SOURCES}/uv2nix '
        f"else {SOURCES}/pyproject.nix"
    )
    shell = f"builtins.scopedImport {{ fetchTarball = {fetch}; }} {bench}/lab/shell.nix"
    question = f"map (p: p.name) ({shell} {{ inherit (real) pkgs; }}).packages"
    assert ask_uv2nix(question, python=PYTHON) == ["lab-env", "uv"]


def test_again_changes_nothing_and_keeps_what_is_the_users(bench: Path, server: Server) -> None:
    write(bench, server, "-r", "requirements.txt")
    local = bench / "lab" / "overrides-local.nix"
    local.write_text("{ pkgs, lib, ... }: final: prev: { mine = 1; }\n")
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (bench / "lab").iterdir()}
    assert write(bench, server, "-r", "requirements.txt") == ["all is as it was"]
    assert write(bench, server) == ["all is as it was"]
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (bench / "lab").iterdir()} == before
    assert ask_env(bench / "lab", "set.mine") == 1


def test_versions_stay_and_one_more_requirement_is_one_more(bench: Path, server: Server) -> None:
    write(bench, server, "-r", "requirements.txt")
    add_wheel(server, bench, "tbbuser", needed=("libtbb.so.12",), version="2.0")
    (bench / "requirements.txt").write_text("tbbuser>=1\nodbcuser\n")
    assert write(bench, server, "-r", "requirements.txt") == ["overrides.nix", "pyproject.toml", "uv.lock"]
    text = (bench / "lab" / "overrides.nix").read_text()
    assert "tbbuser 1.0" in text
    assert "pkgs.unixodbc" in text


def test_from_a_project(bench: Path, server: Server) -> None:
    project = bench / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\n[project]\nname = "My_App"\nversion = "3"\n'
        'dependencies = ["tbbuser"]\n'
        '[tool.wheelfix.providers]\ndefault = "wheel"\n'
    )
    write(bench, server, "--from", "project/pyproject.toml")
    text = (bench / "lab" / "pyproject.toml").read_text()
    assert "build-system" not in text
    assert 'name = "my-app"' in text
    assert 'default = "wheel"' in text
    assert ask_env(bench / "lab", "(real.show set.tbbuser).inputs") == ["manylinux2014", "onetbb"]


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ("nothing-here\n", "nothing-here"),
        ("tbbuser>=7\n", "tbbuser"),
        ("-r other.txt\n", "requirements.txt: line 1: '-r other.txt' is no requirement"),
    ],
)
def test_what_cannot_be_resolved_writes_nothing(
    bench: Path, server: Server, requirements: str, said: str
) -> None:
    (bench / "requirements.txt").write_text(requirements)
    done = run_env(bench, server, "lab", "-r", "requirements.txt")
    assert done.returncode == 3
    assert said in done.stderr
    assert not (bench / "lab").exists()


def test_a_failure_keeps_what_was_there(bench: Path, server: Server) -> None:
    write(bench, server, "-r", "requirements.txt")
    before = {p.name: p.read_bytes() for p in (bench / "lab").iterdir()}
    (bench / "requirements.txt").write_text("tbbuser\nodbcuser\n")
    server.faults[next(name for name in server.files if name.startswith("odbcuser"))] = "gone"
    assert run_env(bench, server, "lab", "-r", "requirements.txt").returncode == 3
    assert {p.name: p.read_bytes() for p in (bench / "lab").iterdir()} == before


def test_what_comes_next_can_be_pasted(bench: Path, server: Server) -> None:
    done = run_env(bench, server, "my lab", "-r", "requirements.txt")
    words = [shlex.split(command) for command in re.findall("`([^`]*)`", done.stderr.partition("next: ")[2])]
    assert ["nix", "develop", "./my lab"] in words
    assert ["nix", "build", "./my lab#image"] in words
    assert "next: " not in run_env(bench, server, "my lab").stderr


def test_a_pipe_in_the_place_of_the_lock_is_told(bench: Path, server: Server) -> None:
    write(bench, server, "-r", "requirements.txt")
    (bench / "lab" / "uv.lock").unlink()
    os.mkfifo(bench / "lab" / "uv.lock")
    done = run_env(bench, server, "lab")
    assert (done.returncode, done.stdout) == (5, "")
    assert "wheelfix: lab/uv.lock: is a named pipe, no file" in done.stderr


def test_requirements_that_are_not_there_are_asked_for(bench: Path, server: Server) -> None:
    done = run_env(bench, server, "lab", "-r", "none.txt")
    assert done.returncode == 3
    assert "hint: give -r requirements.txt or --from pyproject.toml" in done.stderr


def test_without_requirements(bench: Path, server: Server) -> None:
    done = run_env(bench, server, "lab")
    assert done.returncode == 3
    assert "give -r requirements.txt or --from pyproject.toml" in done.stderr


def test_all_files_are_nix(bench: Path, server: Server) -> None:
    write(bench, server, "-r", "requirements.txt")
    for path in sorted((bench / "lab").glob("*.nix")):
        subprocess.run(["nix-instantiate", "--parse", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize("allowed", [False, True])
def test_code_of_a_source_distribution_runs_only_where_it_is_allowed(
    bench: Path, server: Server, allowed: bool
) -> None:
    witness = bench / "witness"
    backend = (
        f"import pathlib\npathlib.Path({str(witness)!r}).touch()\n"
        "def get_requires_for_build_wheel(config_settings=None):\n    return []\n"
        "def prepare_metadata_for_build_wheel(directory, config_settings=None):\n"
        "    info = pathlib.Path(directory, 'trap-1.0.dist-info')\n    info.mkdir()\n"
        "    (info / 'METADATA').write_text('Metadata-Version: 2.1\\nName: trap\\nVersion: 1.0\\n')\n"
        "    (info / 'WHEEL').write_text('Wheel-Version: 1.0\\n')\n    return info.name\n"
    )
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    project += '[project]\nname = "trap"\nversion = "1.0"\ndynamic = ["dependencies"]\n'
    files = {"pyproject.toml": project, "backend.py": backend}
    server.add(build_sdist(bench, files, name="trap", version="1.0"))
    (bench / "requirements.txt").write_text("trap\n")
    done = run_env(bench, server, "lab", "-r", "requirements.txt", *(["--build"] if allowed else []))
    assert witness.exists() is allowed, done.stderr
    if not allowed:
        assert done.returncode == 3
        assert "--build" in done.stderr
        assert not (bench / "lab").exists()


def test_the_python_of_the_first_run_stays(bench: Path, server: Server) -> None:
    write(bench, server, "-r", "requirements.txt")
    for arguments in ((), ("-r", "requirements.txt")):
        again = run_env(bench, server, "lab", *arguments, python=None)
        assert (again.returncode, again.stdout) == (0, "all is as it was\n"), again.stderr


def test_what_uv_cannot_find_out_is_kept() -> None:
    """Metadata that the project states is needed for a resolution without builds."""
    stated = '[[tool.uv.dependency-metadata]]\nname = "a"\nversion = "1"\nrequires-dist = ["b"]\n'
    project = parse_project("pyproject.toml", f'[project]\nname = "x"\nversion = "0"\n{stated}')
    written = parse_project("pyproject.toml", render_project(project, "lab", "3.12"))
    kept = written.document["tool"]["uv"]["dependency-metadata"]
    assert kept == [{"name": "a", "version": "1", "requires-dist": ["b"]}]


def test_a_project_that_is_for_other_pythons_says_so(bench: Path, server: Server) -> None:
    (bench / "lab").mkdir()
    own = '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.13"\ndependencies = ["tbbuser"]\n'
    (bench / "lab" / "pyproject.toml").write_text(own)
    done = run_env(bench, server, "lab", python="3.12")
    assert done.returncode == 3
    assert "wheelfix: pyproject.toml: is for Python >=3.13, not for 3.12" in done.stderr
    assert (bench / "lab" / "pyproject.toml").read_text() == own


@pytest.mark.parametrize("python", ["3.13", "3.14t", "pypy3.11"])
def test_a_written_project_can_be_written_for_another_python(python: str) -> None:
    text = render_requirements("lab", ("tbbuser>=1",), "3.12")
    project = parse_project("pyproject.toml", text)
    assert find_written_python(text, project) == "3.12"
    assert find_written_python(text.removeprefix("#"), project) is None
    other = render_project(drop_python(project), "lab", python)
    assert find_written_python(other, parse_project("pyproject.toml", other)) == python
    back = render_project(drop_python(parse_project("pyproject.toml", other)), "lab", "3.12")
    assert back == text


@pytest.mark.parametrize("python", ["3.13", "3.13t", "pypy3.11"])
def test_the_interpreter_is_found_again_in_what_was_written(python: str) -> None:
    """A lock is the same for all builds of a version; the table of wheelfix tells which one it is for."""
    text = render_requirements("lab", ("tbbuser>=1",), python)
    assert find_written_python(text, parse_project("pyproject.toml", text)) == python
    assert ("platform_python_implementation == 'PyPy'" in text) is (python == "pypy3.11")


@pytest.mark.parametrize(
    ("system", "packages"),
    [
        ("aarch64-linux", "pkgs = nixpkgs.legacyPackages.${system};"),
        ("s390x-linux", "pkgs = import nixpkgs { inherit system; };"),
    ],
)
def test_a_system_that_nixpkgs_flake_lacks_is_imported(system: str, packages: str) -> None:
    environment = Environment(
        name="lab",
        python="pypy311",
        systems=(system,),
        nixpkgs="github:NixOS/nixpkgs",
        program=Program(name="python"),
    )
    assert packages in render_flake(environment)


def add_rpy2(server: Server, directory: Path) -> None:
    """Serve a wheel that looks for R as rpy2 does."""
    files = {"rpy2/situation/__init__.py": b"import os\nr_home = os.environ.get('R_HOME')\n"}
    wheel = build_wheel(directory, name="rpy2_rinterface", files=files, tag="py3-none-any")
    server.add(wheel)


def test_r_packages_are_kept_until_the_requirements_are_named_again(bench: Path, server: Server) -> None:
    add_rpy2(server, bench)
    (bench / "r.txt").write_text("rpy2-rinterface\n")
    write(bench, server, "-r", "r.txt", "--r", "data.table", "--r", "import")
    code = (bench / "lab" / "overrides.nix").read_text()
    assert "paths = [ pkgs.rPackages.data_table pkgs.rPackages.r_import ];" in " ".join(code.split())
    assert 'R_HOME = "${lib.getLib pkgs.R}/lib/R";' in code
    assert write(bench, server) == ["all is as it was"]
    assert write(bench, server, "--r", "xts") == ["overrides.nix", "pyproject.toml"]
    project = parse_project("pyproject.toml", (bench / "lab" / "pyproject.toml").read_text())
    assert project.r_packages == ("data.table", "import", "xts")
    write(bench, server, "-r", "r.txt")
    assert "rPackages" not in (bench / "lab" / "overrides.nix").read_text()
    assert "R_HOME" in (bench / "lab" / "overrides.nix").read_text()


def test_r_packages_of_a_foreign_project_count_and_it_stays_as_it_is(bench: Path, server: Server) -> None:
    add_rpy2(server, bench)
    own = (
        '[project]\nname = "x"\nversion = "0"\ndependencies = ["rpy2-rinterface"]\n'
        f'requires-python = "=={PYTHON}.*"\n[tool.wheelfix]\nr-packages = ["data.table"]\n'
    )
    (bench / "lab").mkdir()
    (bench / "lab" / "pyproject.toml").write_text(own)
    write(bench, server, "--r", "xts")
    assert (bench / "lab" / "pyproject.toml").read_text() == own
    code = (bench / "lab" / "overrides.nix").read_text()
    assert "pkgs.rPackages.data_table" in code
    assert "pkgs.rPackages.xts" in code


def test_r_packages_without_rpy2_are_an_error_that_says_what_to_add(bench: Path, server: Server) -> None:
    done = run_env(bench, server, "lab", "-r", "requirements.txt", "--r", "data.table")
    assert done.returncode == 1
    assert (
        "wheelfix: error: R: data.table is left out: no package of the lock starts R; add rpy2" in done.stderr
    )
    assert (bench / "lab" / "overrides.nix").exists()


@pytest.mark.parametrize("where", ["option", "project"])
def test_what_is_no_r_package_is_refused_before_anything_is_written(
    bench: Path, server: Server, where: str
) -> None:
    arguments = ["-r", "requirements.txt", "--r", "data_table"]
    if where == "project":
        (bench / "lab").mkdir()
        text = render_requirements("lab", ("tbbuser",), PYTHON, ["data_table"])
        (bench / "lab" / "pyproject.toml").write_text(text)
        arguments = []
    done = run_env(bench, server, "lab", *arguments)
    assert done.returncode == 3
    assert "'data_table': is no name of an R package" in done.stderr
    assert "hint: write data.table" in done.stderr
    assert not (bench / "lab" / "overrides.nix").exists()
