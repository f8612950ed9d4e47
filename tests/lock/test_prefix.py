"""Nix code of prefixes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.conda_scans import make_need, make_scan
from tests.support.facts import open_table
from tests.support.nixeval import evaluate
from tests.support.wheel import build_wheel
from wheelfix.cli import cli
from wheelfix.errors import InputError
from wheelfix.lint.nixfile.overrides import read_overrides
from wheelfix.lock.model import LockOptions, LockPlan
from wheelfix.lock.prefix import (
    bind_link,
    clean_name,
    plan_links,
    read_link,
    render_prefix,
    settle_dialect,
    tell_limits,
    write_hash,
    write_links,
    write_packages,
)
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.conda import CondaPackage
from wheelfix.model.hints import OpeningKind, SourceCall
from wheelfix.model.index import Provider
from wheelfix.model.lock import Choice, ChoiceKind, Lock, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.model.override import Cuda, Dialect, Input, Override, Search
from wheelfix.model.scan import Held, Level, Opening, WheelScan
from wheelfix.nix.printer import render
from wheelfix.nix.tree import NULL
from wheelfix.scan.scan import ScanOptions

PACKAGE = CondaPackage(
    name="tzdata",
    version="1!2024a",
    build="0",
    subdir="noarch",
    platform="linux-64",
    filename="tzdata-1!2024a-0.conda",
    url="https://conda.example.org/noarch/tzdata-1%212024a-0.conda",
    sha256="ab" * 32,
)


def test_the_program_stands_in_the_code_as_it_is() -> None:
    lines = render(bind_link().value).splitlines()
    assert lines[0].endswith("''")
    assert lines[-1] == "''"
    assert [line.removeprefix("  ") for line in lines[1:-1]] == read_link().splitlines()


def test_a_name_that_no_store_has_is_told_to_the_fetcher() -> None:
    code = render(write_packages([PACKAGE]))
    assert 'stored = "tzdata-1_2024a-0.conda";' in code
    assert 'url = "https://conda.example.org/noarch/tzdata-1%212024a-0.conda";' in code


@pytest.mark.parametrize(("name", "clean"), [("a-1!2.conda", "a-1_2.conda"), (".a", "_a"), ("", "_")])
def test_names_are_cleaned(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_md5_is_taken_where_there_is_nothing_else() -> None:
    assert write_hash(replace(PACKAGE, sha256=None, md5="00" * 16)) == "md5-AAAAAAAAAAAAAAAAAAAAAA=="


def test_a_package_without_a_hash_is_refused() -> None:
    with pytest.raises(InputError, match="has no hash in the lock"):
        write_packages([replace(PACKAGE, sha256=None)])


def test_a_package_beside_the_lock_is_taken_from_there() -> None:
    beside = replace(PACKAGE, url="", path="./local dir/x.conda", filename="x.conda")
    code = render(write_packages([beside]))
    assert 'path = ./. + "/local dir/x.conda";' in code
    assert "fetchurl" not in code


def test_a_package_of_the_machine_is_taken_from_there() -> None:
    code = render(write_packages([replace(PACKAGE, url="file:///srv/a%20b/x.conda", filename="x.conda")]))
    assert 'path = /. + "/srv/a b/x.conda";' in code


def test_a_package_elsewhere_on_the_machine_is_taken_from_there() -> None:
    code = render(write_packages([replace(PACKAGE, url="", path="/srv/x.conda", filename="x.conda")]))
    assert 'path = /. + "/srv/x.conda";' in code


def test_a_package_without_a_place_is_refused() -> None:
    with pytest.raises(InputError, match="has no place in the lock"):
        write_packages([replace(PACKAGE, url="")])


# A whole environment.

STANDIN = Path(__file__).parents[1] / "support" / "nix" / "standin" / "nixpkgs.lib" / "lib"
PKGS = f"""
let
  lib = import {STANDIN};
  build = args: args // {{
    type = "derivation";
    outPath = "/store/${{args.name or args.pname}}";
    overrideAttrs = change: build (args // change args);
  }};
  pkgs = {{
    inherit lib;
    buildPackages = {{ python3 = "python3"; zstd = "zstd"; patchelf = "patchelf"; }};
    writeText = name: text: "/store/${{name}}";
    fetchurl = args: build args;
    runCommand = name: args: command: build (args // {{ inherit name command; }});
    runtimeShell = "/store/bash/bin/bash";
    addDriverRunpath.driverLink = "/run/opengl-driver";
    file = build {{ name = "file"; }};
    autoPatchelfHook = "autoPatchelfHook";
    mkShell = args: args;
    stdenv = {{
      mkDerivation = build;
      cc.bintools.dynamicLinker = "/store/ld.so";
      buildPlatform.canExecute = other: true;
      hostPlatform = {{ }};
    }};
  }};
  made = import %s {{ inherit pkgs; }};
in
"""
PYTHON = replace(PACKAGE, name="python", version="3.12.4", filename="python-3.12.4-0.conda")
WHEEL = LockedFile(
    filename="demo-1.0-cp312-cp312-linux_x86_64.whl",
    sha256="cd" * 32,
    url="https://files.example.org/demo-1.0-cp312-cp312-linux_x86_64.whl",
)
PLAN = LockPlan(
    lock="pixi.lock",
    python="3.12",
    system="x86_64-linux",
    dialect=Dialect.CONDA,
    conda=(PYTHON, PACKAGE),
)


def choose(file: LockedFile | None, kind: ChoiceKind = ChoiceKind.WHEEL, **more: Any) -> Choice:
    return Choice(package=LockedPackage(name="demo", version="1.0", **more), kind=kind, file=file)


def ask(plan: LockPlan, question: str, directory: Path) -> Any:
    """The value of an expression about what a file makes."""
    file = directory / "environment.nix"
    file.write_text(render_prefix(plan, ["Residue:", "- Look at: x is y."]))
    return evaluate(f"{PKGS % file} {question}")


def test_an_environment_is_linked_from_its_packages(tmp_path: Path) -> None:
    given = ask(PLAN, "builtins.fromJSON made.environment.given", tmp_path)
    assert given["mode"] == "prefix"
    assert given["machine"] == "x86_64"
    assert given["interpreter"] == "/store/ld.so"
    assert given["programs"] == {"bash": "/store/bash/bin/bash"}
    assert [one["name"] for one in given["packages"]] == ["python", "tzdata"]
    assert given["packages"][1]["archive"] == "/store/tzdata-1_2024a-0.conda"
    assert ask(PLAN, "made.environment.command", tmp_path) == 'python3 -I /store/link.py "$givenPath"'


def test_an_environment_without_wheels_has_no_set(tmp_path: Path) -> None:
    assert ask(PLAN, "builtins.attrNames made", tmp_path) == ["environment", "packages", "shell"]


def test_a_shell_activates_the_environment(tmp_path: Path) -> None:
    hook = ask(PLAN, "made.shell.shellHook", tmp_path)
    assert "export CONDA_PREFIX=/store/conda-environment " in hook
    assert "/etc/conda/activate.d/*.sh" in hook


def test_the_head_says_how_it_is_used_and_what_is_open(tmp_path: Path) -> None:
    code = render_prefix(PLAN, ["Residue:", "- Look at: x is y."])
    head = " ".join(line[2:] for line in code.splitlines() if line.startswith("# "))
    assert head.startswith("An environment of conda packages, for Python 3.12 on x86_64-linux. Written by")
    assert "nix-build FILE -A environment" in head
    assert "- Look at: x is y." in head


def test_run_paths_are_those_of_files_that_need_more_than_the_prefix(tmp_path: Path) -> None:
    scan = make_scan(
        make_need("libmagic.so.1", NeedClass.PROVIDED, "../../libx.so.1", "x/y.so", attr="file"),
        make_need("libcuda.so.1", NeedClass.DRIVER, "x/y.so"),
        make_need("libz.so.1", NeedClass.SIBLING, "x/z.so"),
        make_need("libc.so.6", NeedClass.LIBC, "x/z.so"),
        make_need("libnobody.so.1", NeedClass.UNKNOWN, "x/z.so"),
    )
    given = ask(replace(PLAN, conda_scans=(scan,)), "builtins.fromJSON made.environment.given", tmp_path)
    assert given["runpaths"] == {
        "lib/libx.so.1": ["/store/file/lib"],
        "lib/python3.12/site-packages/x/y.so": ["/store/file/lib", "/run/opengl-driver/lib"],
    }


def test_a_wheel_is_a_package_of_a_set_with_the_overlay_applied(tmp_path: Path) -> None:
    override = Override(
        name="demo",
        version="1.0",
        target=WHEEL.filename,
        tags=("cp312-cp312-linux_x86_64",),
        cuda=Cuda.WHEELS,
        searches=(Search(directory="../..", reason="libz.so.1", distribution="tzdata"),),
        interpreter="libpython3.12.so.1.0",
    )
    plan = replace(PLAN, choices=(choose(WHEEL),), overrides=(override,))
    assert ask(plan, "made.set.demo.preFixup", tmp_path) == (
        "# libz.so.1\naddAutoPatchelfSearchPath /store/conda-environment/lib\n"
    )
    assert ask(plan, 'map (one: "${one}") made.set.demo.buildInputs', tmp_path) == [
        "/store/conda-environment"
    ]
    given = ask(plan, "builtins.fromJSON made.set.demo.given", tmp_path)
    assert given == {
        "mode": "wheel",
        "file": WHEEL.filename,
        "prefix": "/store/conda-environment",
        "python": "3.12",
        "site_packages": "lib/python3.12/site-packages",
        "wheel": f"/store/{WHEEL.filename}",
    }
    whole = ask(plan, "builtins.fromJSON made.environment.given", tmp_path)
    assert whole["trees"] == ["/store/demo"]
    assert whole["moved"] == "/store/conda-environment"


def test_lint_reads_the_overlay(tmp_path: Path) -> None:
    override = Override(
        name="demo",
        version="1.0",
        target=WHEEL.filename,
        tags=(),
        cuda=Cuda.WHEELS,
        inputs=(Input(attr="file", reason="libmagic.so.1"),),
        searches=(Search(directory="../..", reason="libz.so.1", distribution="tzdata"),),
    )
    file = tmp_path / "environment.nix"
    file.write_text(render_prefix(replace(PLAN, choices=(choose(WHEEL),), overrides=(override,)), []))
    found = read_overrides(file)
    assert not found.unclear
    (one,) = found.overrides
    assert one.package == "demo"
    assert {entry.attr for entry in one.inputs} == {"autoPatchelfHook", "file"}
    assert [(search.distribution, search.directory) for search in one.searches] == [("tzdata", "../..")]


def test_wheels_without_a_python_are_refused() -> None:
    with pytest.raises(InputError, match="no Python of conda that runs them"):
        render_prefix(replace(PLAN, conda=(PACKAGE,), choices=(choose(WHEEL),)), [])


def test_a_wheel_without_a_hash_is_refused() -> None:
    with pytest.raises(InputError, match="has no hash in the lock"):
        render_prefix(replace(PLAN, choices=(choose(replace(WHEEL, sha256=None)),)), [])


def test_a_wheel_without_a_place_is_refused() -> None:
    with pytest.raises(InputError, match="has no place in the lock"):
        render_prefix(replace(PLAN, choices=(choose(replace(WHEEL, url=None)),)), [])


def test_sources_are_left_out_and_told() -> None:
    sdist = choose(None, ChoiceKind.SDIST)
    project = choose(None, ChoiceKind.SDIST, source=SourceKind.LOCAL)
    first, second = tell_limits([sdist, project], [])
    assert (first.level, first.subject) == (Level.ERROR, "demo 1.0")
    assert second.level is Level.WARNING


def scan_openings(*openings: Opening) -> WheelScan:
    return replace(make_scan(), name="player", openings=openings)


def open_by_name(name: str, kind: NeedClass, *providers: Provider, **more: Any) -> Opening:
    call = SourceCall(
        kind=OpeningKind.CTYPES, line=3, function="ctypes.CDLL", variable="", names=(), optional=False
    )
    return Opening(
        file="player/lib.py", kind=OpeningKind.CTYPES, names=(name,), answered=name, need_class=kind,
        providers=providers, call=call, **more,
    )  # fmt: skip


def test_what_sources_open_by_name_is_linked_where_the_libraries_are() -> None:
    midi = Provider(attr="portmidi", output="out", path="/lib/libportmidi.so.2", store_path=None)
    links = plan_links(
        [
            scan_openings(
                open_by_name("libportmidi.so.2", NeedClass.PROVIDED, midi),
                open_by_name("libcuda.so.1", NeedClass.DRIVER),
                open_by_name("libz.so.1", NeedClass.SIBLING),
                open_by_name("libheld.so.1", NeedClass.PROVIDED, midi, held=Held.CARRIED),
            )
        ]
    )
    assert [*links] == ["libcuda.so", "libcuda.so.1", "libportmidi.so", "libportmidi.so.2"]
    code = render(write_links(links) or NULL)
    assert '"libportmidi.so" = "${lib.getLib pkgs.portmidi}/lib/libportmidi.so.2"' in code
    assert '"libcuda.so.1" = "${pkgs.addDriverRunpath.driverLink}/lib/libcuda.so.1"' in code


def test_without_openings_there_is_nothing_to_link() -> None:
    assert write_links(plan_links([make_scan()])) is None


def make_options(dialect: Dialect, **more: Any) -> LockOptions:
    return LockOptions(scan=ScanOptions(index=open_table()), dialect=dialect, **more)


def test_the_dialect_goes_by_the_lock_unless_it_is_named() -> None:
    of_conda = Lock(name="pixi.lock", kind=LockKind.UV, packages=(), conda=(PACKAGE,))
    other = Lock(name="uv.lock", kind=LockKind.UV, packages=())
    assert settle_dialect(of_conda, make_options(Dialect.UV2NIX, by_lock=True)).dialect is Dialect.CONDA
    assert settle_dialect(of_conda, make_options(Dialect.SHELL)).dialect is Dialect.SHELL
    assert settle_dialect(other, make_options(Dialect.UV2NIX, by_lock=True)).dialect is Dialect.UV2NIX
    with pytest.raises(InputError, match="has no packages of conda"):
        settle_dialect(other, make_options(Dialect.CONDA))
    with pytest.raises(InputError, match="whose CUDA is that of the lock"):
        settle_dialect(of_conda, make_options(Dialect.CONDA, cuda=Cuda.NIXPKGS))


@pytest.mark.parametrize("command", [["override"], ["lock"]])
def test_what_is_no_lock_of_conda_is_refused_in_one_line(tmp_path: Path, command: list[str]) -> None:
    target = build_wheel(tmp_path, files={"demo.py": b""})
    if command == ["lock"]:
        target = tmp_path / "pylock.toml"
        target.write_text('lock-version = "1.0"\ncreated-by = "test"\npackages = []\n')
    done = CliRunner().invoke(cli, [*command, str(target), "--dialect", "conda"])
    assert done.exit_code == 3
    problem, hint = done.stderr.splitlines()
    assert "conda" in problem
    assert hint.startswith("hint: ")
