"""``wheelfix patch ENV`` without options: which nixpkgs it takes, what Nix brings, when nothing is to do."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.elf import build_elf
from tests.support.patched import build_wheel, find_installed_lies, install, snapshot
from wheelfix.report.json import load_schema

NIXPKGS = """
{ system ? "x86_64-linux", config ? { }, overlays ? [ ] }:
let
  lib = {
    inherit (builtins) concatStringsSep filter foldl' mapAttrs;
    findFirst =
      test: default: values:
      let found = filter test values; in if found == [ ] then default else head found;
    splitString = separator: text: filter builtins.isString (builtins.split separator text);
    unique = values: values;
    trivial = { release = "26.11"; revisionWithDefault = default: default; };
  };
  inherit (builtins) filter head;
  make = name: command: builtins.removeAttrs (derivation {
    inherit name system;
    builder = "/bin/sh";
    PATH = "/bin:/usr/bin";
    libs = builtins.path { path = ./libs; name = "libs"; };
    args = [ "-c" command ];
  }) [ "meta" ] // { meta = { }; };
  copy = file: "mkdir -p $out/lib && cp $libs/${file} $out/lib";
  isAllowed = config.allowUnfree or (builtins.getEnv "NIXPKGS_ALLOW_UNFREE" == "1");
  refuse = package: if isAllowed then package else throw "unfree";
in
{
  inherit lib;
  python3 = { version = "3.12"; };
  python3Packages = { };
  onetbb = make "onetbb-2022.3.0" (copy "libtbb.so.12");
  unixodbc = make "unixodbc-2.3" (copy "libodbc.so.2");
  zlib = make "zlib-1.3" "echo it does not build; exit 1";
  mkl = refuse (make "mkl-2025" (copy "libmkl_rt.so.2")) // { meta.unfree = true; };
}
"""
FLAKE = """
{ outputs = { self }: { legacyPackages.x86_64-linux = import ./. { }; }; }
"""
NIX = ("nix", "nix-build", "nix-instantiate", "nix-store")

Run = Callable[..., subprocess.CompletedProcess[str]]


def build_library(tmp_path: Path, name: str) -> bytes:
    return build_elf(tmp_path / "work", name, soname=name)


@pytest.fixture
def nixpkgs(tmp_path: Path) -> Path:
    directory = tmp_path / "nixpkgs"
    (directory / "libs").mkdir(parents=True)
    for name in ("libtbb.so.12", "libodbc.so.2", "libmkl_rt.so.2"):
        (directory / "libs" / name).write_bytes(build_library(tmp_path, name))
    (directory / "default.nix").write_text(NIXPKGS)
    (directory / "flake.nix").write_text(FLAKE)
    return directory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an environment in it, whose files want ``libtbb.so.12``."""
    directory = tmp_path / "project"
    x = build_elf(tmp_path / "work", "x.so", needed=["libtbb.so.12"])
    install(build_wheel(tmp_path, files={"demo/x.so": x}), directory / ".venv")
    return directory


@pytest.fixture
def run(tmp_path: Path, project: Path) -> Run:
    """Run wheelfix in the project; Nix has a store of its own, and builds without users and sandbox."""
    (tmp_path / "registry.json").write_text('{"flakes": [], "version": 2}')
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("NIX_", "NIXPKGS"))
    }
    environment |= {
        "NIX_STORE_DIR": str(tmp_path / "nix/store"),
        "NIX_STATE_DIR": str(tmp_path / "nix/state"),
        "NIX_LOG_DIR": str(tmp_path / "nix/log"),
        "NIX_CONF_DIR": str(tmp_path / "nix/conf"),
        "NIX_CONFIG": "build-users-group =\nsandbox = false\nsubstituters =\n"
        f"flake-registry = {tmp_path}/registry.json\n",
        "NIX_PATH": "",
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }

    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wheelfix", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment | variables, cwd=project, check=False
        )

    return run


def write_lock(path: Path, locked: dict[str, Any]) -> None:
    nodes = {"root": {"inputs": {"nixpkgs": "nixpkgs"}}, "nixpkgs": {"locked": locked}}
    path.write_text(json.dumps({"nodes": nodes, "root": "root", "version": 7}))


def find_library(site: Path, name: str, library: str) -> str:
    """Load a file of an environment; returns where a library that it wants came from."""
    code = f"import ctypes; ctypes.CDLL({str(site / name)!r}).answer()"
    env = {**os.environ, "LD_DEBUG": "libs"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    (line,) = (n for n in result.stderr.splitlines() if "calling init" in n and library in n)
    return line.rpartition(" ")[2]


def find_site(project: Path, venv: str = ".venv") -> Path:
    return project / venv / "lib/python3.12/site-packages"


def read_json(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(document, load_schema("wheelfix.patch/1"), cls=jsonschema.Draft202012Validator)
    return document


def test_the_nixpkgs_of_the_flake_is_taken_and_kept_from_the_garbage_collector(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    write_lock(project / "flake.lock", {"type": "path", "path": "../nixpkgs", "parent": []})
    before = snapshot(project)

    done = run("patch", ".venv")

    assert (done.returncode, done.stderr.count("warning")) == (0, 0), done.stderr
    assert f"Nix brought, from nixpkgs ({nixpkgs}, of {project}/flake.lock):\n  onetbb.out  libtbb.so.12" in (
        done.stdout
    )
    assert done.stdout.endswith(
        "1 of 1 ELF files changed: .venv\n"
        "to see whether all of it imports: wheelfix try .venv\n"
        "to take it back: wheelfix patch .venv --undo\n"
    )
    found = find_library(find_site(project), "demo/x.so", "libtbb")
    assert found.startswith(f"{tmp_path}/nix/store/")
    assert find_installed_lies(find_site(project)) == []
    collect_garbage(tmp_path)
    assert find_library(find_site(project), "demo/x.so", "libtbb") == found
    assert run("patch", ".venv", "--undo").returncode == 0
    assert snapshot(project) == before
    assert not (project / ".venv/.wheelfix").exists()
    collect_garbage(tmp_path)
    assert not Path(found).exists()


def collect_garbage(tmp_path: Path) -> None:
    variables = {
        "NIX_STORE_DIR": str(tmp_path / "nix/store"),
        "NIX_STATE_DIR": str(tmp_path / "nix/state"),
        "NIX_CONFIG": "build-users-group =\n",
    }
    subprocess.run(["nix-store", "--gc"], env={**os.environ, **variables}, capture_output=True, check=True)


@pytest.mark.parametrize("source", ["pyproject.toml", "devenv.lock", "<nixpkgs>", "the flake registry"])
def test_whose_nixpkgs_is_taken(run: Run, project: Path, nixpkgs: Path, tmp_path: Path, source: str) -> None:
    venv, variables = ".venv", {}
    match source:
        case "pyproject.toml":
            (project / source).write_text('[tool.wheelfix]\nnixpkgs = "../nixpkgs"\n')
            write_lock(project / "flake.lock", {"type": "path", "path": "/nowhere"})
        case "devenv.lock":
            venv = ".devenv/state/venv"
            (project / ".devenv/state").mkdir(parents=True)
            (project / ".venv").rename(project / venv)
            write_lock(project / source, {"type": "path", "path": str(nixpkgs)})
        case "<nixpkgs>":
            variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
        case _:
            flakes = [
                {"from": {"id": "nixpkgs", "type": "indirect"}, "to": {"path": str(nixpkgs), "type": "path"}}
            ]
            (tmp_path / "registry.json").write_text(json.dumps({"flakes": flakes, "version": 2}))

    done = run("patch", venv, "--json", **variables)

    supplies = read_json(done)["supplies"]
    assert source in f"{supplies['origin']} {supplies['nixpkgs']}"
    assert "onetbb" in find_library(find_site(project, venv), "demo/x.so", "libtbb")


def test_a_lock_that_anybody_could_have_written_is_not_followed(
    run: Run, project: Path, nixpkgs: Path
) -> None:
    write_lock(project.parent / "flake.lock", {"type": "path", "path": str(nixpkgs)})
    assert run("patch", ".venv", "--dry-run", "--json").stdout.count("flake.lock") == 1
    project.parent.chmod(0o1777)
    assert "flake.lock" not in run("patch", ".venv", "--dry-run", "--json").stdout
    project.parent.chmod(0o755)
    (project / ".git").mkdir()
    assert "flake.lock" not in run("patch", ".venv", "--dry-run", "--json").stdout


def test_a_dry_run_is_the_plan(run: Run, project: Path, nixpkgs: Path) -> None:
    before = snapshot(project)
    told = run("patch", ".venv", "--dry-run", NIX_PATH=f"nixpkgs={nixpkgs}")
    assert told.returncode == 0, told.stderr
    assert told.stdout == (
        "Nix would bring, from nixpkgs (<nixpkgs>, of the search path of Nix):\n"
        "  onetbb.out  libtbb.so.12  (1 file)\n"
        "\n"
        "demo/x.so\n"
        "    + onetbb.out  libtbb.so.12\n"
        "1 of 1 ELF files would change: nothing was written\n"
        "to do it: wheelfix patch .venv\n"
    )
    document = read_json(run("patch", ".venv", "--dry-run", "--json", NIX_PATH=f"nixpkgs={nixpkgs}"))
    assert document["files"][0]["needs"][0] == (
        {
            "soname": "libtbb.so.12",
            "answer": "brought",
            "directory": None,
            "attr": "onetbb.out",
            "reason": "nixpkgs has it in onetbb.out",
            "opened": False,
            "optional": False,
        }
    )
    (output,) = document["supplies"]["outputs"]
    assert output["files"] == ["demo/x.so"]
    assert document["supplies"]["command"][:4] == ["nix-build", "<nixpkgs>", "-A", "onetbb.out"]
    assert snapshot(project) == before
    assert not (project / ".venv/.wheelfix").exists()


def test_without_nix_the_plan_and_a_command_are_told(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    before = snapshot(project)
    tools = tmp_path / "bin"
    tools.mkdir()
    told = run("patch", ".venv", PATH=str(tools), NIX_PATH=f"nixpkgs={nixpkgs}")
    assert told.returncode == 5
    assert told.stderr.splitlines()[-2:] == [
        "wheelfix: .venv: was not changed: Nix is not on PATH",
        "hint: where Nix is, run `wheelfix patch .venv`",
    ]
    assert "  onetbb.out  libtbb.so.12  (1 file)\n" in told.stdout
    assert snapshot(project) == before
    command = told.stdout.splitlines()[-1].strip()
    assert command.startswith("wheelfix patch .venv $(nix-build '<nixpkgs>' -A onetbb.out ")
    # The command as it stands, where Nix is.
    (tools / "wheelfix").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m wheelfix "$@"\n')
    (tools / "wheelfix").chmod(0o755)
    for name in (*NIX, "sed", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = run_in_shell(run, command, PATH=str(tools), NIX_PATH=f"nixpkgs={nixpkgs}")
    assert done.returncode == 0, done.stderr
    assert "onetbb" in find_library(find_site(project), "demo/x.so", "libtbb")
    assert list((project / ".venv/.wheelfix/roots").iterdir())


def run_in_shell(run: Run, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the surroundings of wheelfix: ``explain`` runs one as it is."""
    return run("explain", "--quiet", "--", "sh", "-c", command, **variables)


def test_one_attribute_that_fails_stops_no_other(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    both = build_elf(tmp_path / "work", "both.so", needed=["libodbc.so.2", "libz.so.1"])
    (find_site(project) / "demo/both.so").write_bytes(both)

    done = run("patch", ".venv", NIX_PATH=f"nixpkgs={nixpkgs}")

    assert done.returncode == 5
    assert "it does not build" in done.stderr
    assert "not brought: nix-build does not bring it: what it said is above" in done.stdout
    assert "open: libz.so.1 for demo/both.so: zlib.out has it, and nix-build does not bring it" in done.stdout
    assert "2 of 2 ELF files changed" in done.stdout
    again = run("patch", ".venv", "--json", NIX_PATH=f"nixpkgs={nixpkgs}")
    assert "it does not build" in again.stderr, "what failed is tried again"
    assert again.returncode == 5
    assert read_json(again)["supplies"]["outputs"][0]["problem"]


def test_a_permission_is_asked_for_and_only_that_is_left_out(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    x = build_elf(tmp_path / "work", "mkl.so", needed=["libmkl_rt.so.2"])
    (find_site(project) / "demo/mkl.so").write_bytes(x)
    refused = run("patch", ".venv", NIX_PATH=f"nixpkgs={nixpkgs}")
    assert refused.returncode == 1, refused.stderr
    assert "nixpkgs refuses it without allowUnfree: set NIXPKGS_ALLOW_UNFREE=1, and run this again" in (
        refused.stdout
    )
    assert "1 of 2 ELF files changed" in refused.stdout
    again = run("patch", ".venv", "--json", NIX_PATH=f"nixpkgs={nixpkgs}")
    assert (again.returncode, read_json(again)["settled"]) == (1, True), "there is nothing to be tried again"
    allowed = run("patch", ".venv", NIX_PATH=f"nixpkgs={nixpkgs}", NIXPKGS_ALLOW_UNFREE="1")
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr
    assert "mkl" in find_library(find_site(project), "demo/mkl.so", "libmkl_rt")


def test_a_run_in_which_nothing_changed_says_what_a_whole_one_would(
    run: Run, project: Path, nixpkgs: Path
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    assert read_json(run("patch", ".venv", "--json", **variables))["settled"] is False
    before = snapshot(project)
    quick = read_json(run("patch", ".venv", "--json", **variables))
    (project / ".venv/.wheelfix/last-run.json").unlink()
    whole = read_json(run("patch", ".venv", "--json", **variables))
    assert quick.pop("settled") is True
    assert whole.pop("settled") is False
    assert quick == whole
    assert snapshot(project) == before
    assert run("patch", "--quiet", ".venv", **variables).stdout == ""
    said = run("patch", "./.venv", **variables)
    assert (said.returncode, said.stdout) == (0, "nothing has changed since the last run: ./.venv\n")


@pytest.mark.parametrize("change", ["file", "record", "new", "gone", "option", "permission", "store", "lock"])
def test_whatever_changes_is_noticed(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path, change: str
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    site, more = find_site(project), []
    run("patch", ".venv", **variables)
    assert read_json(run("patch", ".venv", "--json", **variables))["settled"] is True
    match change:
        case "file":
            os.utime(site / "demo/x.so")
        case "record":
            os.utime(site / "demo-1.0.dist-info/RECORD")
        case "new":
            (site / "other-1.0.dist-info").mkdir()
        case "gone":
            (site / "demo/x.so").unlink()
        case "option":
            more = ["--no-driver"]
        case "permission":
            variables["NIXPKGS_ALLOW_UNFREE"] = "1"
        case "store":
            (project / ".venv/.wheelfix/roots").rename(tmp_path / "roots")
            shutil.rmtree(tmp_path / "roots")
            collect_garbage(tmp_path)
        case _:
            write_lock(project / "flake.lock", {"type": "path", "path": str(nixpkgs)})
    after = read_json(run("patch", ".venv", "--json", *more, **variables))
    assert after["settled"] is False
    if change == "store":
        assert "onetbb" in find_library(site, "demo/x.so", "libtbb"), "it is brought again"


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, "\ud800", '{"depends": 3}'])
def test_a_last_run_that_is_none_counts_for_nothing(
    run: Run, project: Path, nixpkgs: Path, text: str
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    run("patch", ".venv", **variables)
    (project / ".venv/.wheelfix/last-run.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert read_json(run("patch", ".venv", "--json", **variables))["settled"] is False
    assert read_json(run("patch", ".venv", "--json", **variables))["settled"] is True


def test_what_is_too_new_for_the_c_library_of_the_interpreter_is_not_used(
    run: Run, project: Path, nixpkgs: Path
) -> None:
    library = nixpkgs / "libs/libtbb.so.12"
    data = library.read_bytes()
    assert b"GLIBC_2.2.5\0" in data
    library.write_bytes(data.replace(b"GLIBC_2.2.5\0", b"GLIBC_9.9.9\0"))
    (project / ".venv/bin").mkdir()
    (project / ".venv/bin/python3").symlink_to(os.path.realpath(sys.executable))
    before = snapshot(project)

    told = run("patch", ".venv", NIX_PATH=f"nixpkgs={nixpkgs}")

    assert told.returncode == 1
    assert (
        "lib/libtbb.so.12 is for glibc 9.9.9 or newer, and the Python of this environment runs with 2."
        in (told.stdout)
    )
    assert "0 of 1 ELF files changed" in told.stdout
    assert snapshot(project) == before


HOOK = """
set -eu
uv sync --quiet --offline --python {python}
python -m wheelfix patch .venv --json >report.json
"""


def test_it_stands_behind_uv_sync(run: Run, project: Path, nixpkgs: Path, tmp_path: Path) -> None:
    """As in a shell hook: a second time nothing happens, and what changes is patched, that alone."""
    shutil.rmtree(project / ".venv")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    x = build_elf(tmp_path / "work", "x.so", needed=["libtbb.so.12"])
    opens = b"import ctypes\ndef answer():\n    return ctypes.CDLL('libodbc.so.2').answer()\n"
    for name, version in (("plain", "1"), ("opener", "1"), ("opener", "2")):
        files = {f"{name}/__init__.py": opens if name == "opener" else b"", f"{name}/x.so": x}
        build_wheel(wheels, files=files, name=name, version=version, tag="py3-none-any")

    def sync(*requirements: str) -> dict[str, Any]:
        (project / "pyproject.toml").write_text(
            f'[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.11"\n'
            f"dependencies = {list(requirements)}\n"
            f'[tool.uv]\nno-index = true\nfind-links = ["{wheels}"]\n'
        )
        script = HOOK.format(python=shlex.quote(sys.executable))
        done = run_in_shell(
            run,
            script,
            NIX_PATH=f"nixpkgs={nixpkgs}",
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        )
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads((project / "report.json").read_text())
        return document

    def list_changed(document: dict[str, Any]) -> list[str]:
        shims = [file for shim in document["shims"] for file in shim["files"] if file["method"] == "write"]
        return [f["path"] for f in document["files"] if f["changes"]] + [f["path"] for f in shims]

    shim = ["_wheelfix_opener.py", "_wheelfix_opener.pth", "_wheelfix_opener.start"]
    first = sync("plain", "opener==1")
    assert list_changed(first) == ["opener/x.so", "plain/x.so", *shim]
    assert sync("plain", "opener==1")["settled"] is True
    code = "import opener; print(opener.answer())"
    assert run_in_shell(run, f".venv/bin/python -c '{code}'").stdout == "42\n"

    updated = sync("plain", "opener==2")
    assert list_changed(updated) == ["opener/x.so", *shim]
    assert sync("plain", "opener==2")["settled"] is True

    removed = sync("plain")
    assert (removed["settled"], list_changed(removed)) == (False, [])
    (site,) = (project / ".venv").glob("lib/python3*/site-packages")
    assert [path.name for path in site.iterdir() if path.name.startswith("_wheelfix")] == []
    assert sync("plain")["settled"] is True
    assert find_installed_lies(site) == []


def list_roots(project: Path, venv: str = ".venv") -> dict[str, str]:
    return {link.name: str(link.readlink()) for link in (project / venv / ".wheelfix/roots").iterdir()}


def add_file(project: Path, tmp_path: Path, name: str, *needed: str, venv: str = ".venv") -> None:
    """Install another distribution, with one file."""
    data = build_elf(tmp_path / "work", f"{name}.so", needed=needed)
    wheel = build_wheel(tmp_path, files={f"{name}/{name}.so": data}, name=name)
    install(wheel, project / venv)


def test_a_nixpkgs_that_moves_on_takes_nothing_away(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    run("patch", ".venv", **variables)
    old = find_library(find_site(project), "demo/x.so", "libtbb")
    code = (nixpkgs / "default.nix").read_text()
    (nixpkgs / "default.nix").write_text(code.replace("onetbb-2022.3.0", "onetbb-2023.0.0"))
    add_file(project, tmp_path, "other", "libtbb.so.12")
    run("patch", ".venv", **variables)
    new = find_library(find_site(project), "other/other.so", "libtbb")
    assert "2023.0.0" in new
    collect_garbage(tmp_path)
    assert find_library(find_site(project), "demo/x.so", "libtbb") == old
    assert find_library(find_site(project), "other/other.so", "libtbb") == new


def test_links_to_what_is_there_already_are_not_made_again(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    run("patch", ".venv", **variables)
    for name in ("one", "two", "three"):
        add_file(project, tmp_path, name, "libtbb.so.12")
        run("patch", ".venv", **variables)
    assert len(set(list_roots(project).values())) == 1
    assert len(list_roots(project)) <= 2


@pytest.mark.parametrize("move", ["mv", "cp"])
def test_an_environment_that_was_moved_keeps_its_libraries(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path, move: str
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    run("patch", ".venv", **variables)
    if move == "mv":
        (project / ".venv").rename(project / "env")
    else:
        shutil.copytree(project / ".venv", project / "env", symlinks=True)
        run("patch", ".venv", "--undo")
    assert read_json(run("patch", "env", "--json", **variables))["settled"] is False
    collect_garbage(tmp_path)
    assert "onetbb" in find_library(find_site(project, "env"), "demo/x.so", "libtbb")
    assert read_json(run("patch", "env", "--json", **variables))["settled"] is True


def test_a_loader_that_is_gone_is_brought_again(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    loader = "ld-linux-x86-64.so.2"
    shutil.copy(f"/lib64/{loader}", nixpkgs / "libs" / loader)
    code = (nixpkgs / "default.nix").read_text()
    glibc = f'  glibc = make "glibc-2.40" (copy "{loader}");'
    (nixpkgs / "default.nix").write_text(code.replace("  onetbb =", f"{glibc}\n  onetbb ="))
    tool = build_elf(tmp_path / "work", "tool", executable=True, needed=["libtbb.so.12"])
    program = find_site(project) / "demo/tool"
    program.write_bytes(tool)
    program.chmod(0o755)
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    assert run("patch", ".venv", **variables).returncode == 0
    subprocess.run([program], check=True)
    shutil.rmtree(project / ".venv/.wheelfix/roots")
    collect_garbage(tmp_path)
    with pytest.raises(FileNotFoundError):
        subprocess.run([program], check=True)
    assert run("patch", ".venv", **variables).returncode == 0
    subprocess.run([program], check=True)


def test_what_is_installed_meanwhile_is_not_taken_for_done(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    add_file(project, tmp_path, "late", "libtbb.so.12", venv="later")
    tools = tmp_path / "bin"
    tools.mkdir()
    site = find_site(project)
    (tools / "nix-build").write_text(
        f'#!/bin/sh\ncp -r {find_site(project, "later")}/* {site}/\nexec {shutil.which("nix-build")} "$@"\n'
    )
    (tools / "nix-build").chmod(0o755)
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    run("patch", ".venv", PATH=f"{tools}:{os.environ['PATH']}", **variables)
    second = read_json(run("patch", ".venv", "--json", **variables))
    assert second["settled"] is False
    assert [one["path"] for one in second["files"] if one["changes"]] == ["late/late.so"]


def test_files_that_no_installer_recorded_are_looked_at_every_time(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    """As the browsers of Playwright are: a directory of programs and libraries."""
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    for name in ("one", "two"):
        data = build_elf(tmp_path / "work", f"{name}.so", needed=["libtbb.so.12"])
        (project / "browsers" / name).mkdir(parents=True)
        (project / "browsers" / name / f"{name}.so").write_bytes(data)
        document = read_json(run("patch", "browsers", "--json", **variables))
        assert [f["path"] for f in document["files"] if f["changes"]] == [f"{name}/{name}.so"]


def test_the_nixpkgs_of_the_registry_is_asked_when_something_is_missing(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    flakes = [{"from": {"id": "nixpkgs", "type": "indirect"}, "to": {"path": str(nixpkgs), "type": "path"}}]
    (tmp_path / "registry.json").write_text(json.dumps({"flakes": flakes, "version": 2}))
    code = (nixpkgs / "default.nix").read_text()
    (nixpkgs / "default.nix").write_text(
        code.replace('zlib = make "zlib-1.3"', 'zlib = throw "zlib was removed"; old = make "zlib-1.3"')
    )
    both = build_elf(tmp_path / "work", "both.so", needed=["libodbc.so.2", "libz.so.1"])
    (find_site(project) / "demo/both.so").write_bytes(both)
    done = run("patch", ".venv")
    assert done.returncode == 1, done.stderr
    assert "open: libz.so.1 for demo/both.so: only zlib has it, which is not in this nixpkgs" in done.stdout
    assert "2 of 2 ELF files changed" in done.stdout


def test_the_project_of_a_wheel_is_that_of_the_working_directory(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    write_lock(project / "flake.lock", {"type": "path", "path": str(nixpkgs)})
    x = build_elf(tmp_path / "work", "x.so", needed=["libtbb.so.12"])
    wheel = build_wheel(tmp_path, files={"demo/x.so": x})
    document = read_json(run("patch", wheel, "-o", "out", "--json"))
    assert document["supplies"]["origin"] == f"{project}/flake.lock"
    assert list((project / "out/.wheelfix/roots").iterdir())


def test_roots_are_in_the_environment_however_it_is_named(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    site = find_site(project)
    (tmp_path / "victim").mkdir()
    (site / ".wheelfix").mkdir()
    (site / ".wheelfix/roots").symlink_to(tmp_path / "victim")
    assert run("patch", site, **variables).returncode == 0
    assert list_roots(project)
    assert list((tmp_path / "victim").iterdir()) == []
    assert run("patch", site, "--undo").returncode == 0
    assert not (project / ".venv/.wheelfix").exists()
    (project / "link").symlink_to(".venv")
    assert run("patch", "link", **variables).returncode == 0
    (project / "link").unlink()
    collect_garbage(tmp_path)
    assert "onetbb" in find_library(site, "demo/x.so", "libtbb")


def test_the_command_that_is_told_does_the_same(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    options = ["--only", "demo/*", "--prefer", "onetbb", "--no-driver", "--nixpkgs", str(nixpkgs)]
    told = run("patch", ".venv", *options, PATH=str(tmp_path / "bin"))
    command = told.stderr.splitlines()[-1].partition("`")[2].removesuffix("`")
    assert shlex.split(command) == [
        *("wheelfix", "patch", ".venv", "--no-driver", "--only", "demo/*"),
        *("--prefer", "onetbb", "--nixpkgs", str(nixpkgs)),
    ]
    (project / ".venv").rename(project / "-env")
    told = run("patch", "--", "-env", PATH=str(tmp_path / "bin"))
    assert "hint: where Nix is, run `wheelfix patch ./-env`" in told.stderr


def test_links_of_others_among_the_roots_are_not_handed_to_nix(
    run: Run, project: Path, nixpkgs: Path, tmp_path: Path
) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    run("patch", ".venv", **variables)
    (project / "--version").touch()
    for number, target in enumerate(["--version", "/etc/passwd", str(tmp_path / "nix/store/../x")]):
        (project / f".venv/.wheelfix/roots/{number}").symlink_to(target)
    os.utime(find_site(project) / "demo/x.so")
    done = run("patch", ".venv", **variables)
    assert (done.returncode, "keeps nothing" in done.stdout) == (0, False), done.stdout


def test_a_forged_last_run_shows_no_command(run: Run, project: Path, nixpkgs: Path) -> None:
    variables = {"NIX_PATH": f"nixpkgs={nixpkgs}"}
    run("patch", ".venv", **variables)
    path = project / ".venv/.wheelfix/last-run.json"
    document = json.loads(path.read_text())
    document["report"] |= {"applied": False}
    document["report"]["supplies"] |= {"problem": "x", "command": ["sh", "-c", "evil"]}
    path.write_text(json.dumps(document))
    told = run("patch", ".venv", **variables)
    assert "evil" not in told.stdout + told.stderr
