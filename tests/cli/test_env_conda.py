"""``wheelfix env`` with environment.yml and pixi.toml: solved, written, evaluated, written again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rattler

from tests.support.conda_nix import PKGS
from tests.support.nixeval import evaluate
from tests.support.small_channel import add_package, build_channel, index_channel
from tests.support.wheel import build_wheel
from wheelfix.lockfile.read import read_lock
from wheelfix.model.lock import Lock

FILES = [
    "conda-lock.yml",
    "conda.nix",
    "default.nix",
    "environment.yml",
    "flake.nix",
    "image-local.nix",
    "overrides-local.nix",
    "shell.nix",
]


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture
def bench(tmp_path: Path, channel: Path) -> Path:
    write_environment(tmp_path, channel)
    return tmp_path


def write_environment(directory: Path, channel: Path, *dependencies: str, more: str = "") -> None:
    lines = "".join(f"  - {one}\n" for one in dependencies or ("numbers", "click"))
    text = f"name: lab\nchannels: ['{channel.as_uri()}']\ndependencies:\n{lines}{more}"
    (directory / "environment.yml").write_text(text)


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    environment |= {
        "XDG_CACHE_HOME": str(directory / "cache"),
        "UV_CACHE_DIR": str(directory / "uv-cache"),
        "UV_OFFLINE": "1",
        "UV_NO_CONFIG": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "wheelfix", "env", *arguments],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def write(directory: Path, *arguments: str) -> list[str]:
    done = run(directory, "lab", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("lab/") for line in done.stdout.splitlines()]


def fail(directory: Path, *arguments: str) -> str:
    done = run(directory, "lab", *arguments)
    assert done.returncode == 3, done.stderr
    assert not (directory / "lab" / "default.nix").exists()
    return next(line for line in done.stderr.splitlines() if "note:" not in line)


def read(directory: Path) -> Lock:
    return read_lock(directory / "lab" / "conda-lock.yml")


def list_locked(directory: Path) -> list[str]:
    lock = read(directory)
    return [*(one.label for one in lock.conda), *(one.label for one in lock.packages)]


def ask(directory: Path, question: str) -> Any:
    """Evaluate an expression with what default.nix gives as ``env``."""
    scope = PKGS
    return evaluate(f"let {scope} env = import {directory}/default.nix {{ inherit pkgs; }}; in {question}")


def test_everything_is_there_and_means_what_it_should(bench: Path) -> None:
    assert write(bench, "--from", "environment.yml") == FILES
    assert (bench / "lab" / "environment.yml").read_text() == (bench / "environment.yml").read_text()
    assert list_locked(bench) == ["click 8.1.7", "libzlib 1.3.1", "numbers 1.26.4", "python 3.11.9"]
    asked = ask(
        bench / "lab",
        "{ program = env.environment.meta.mainProgram; name = env.environment.name; "
        "shell = map (p: p.name) env.shell.packages; image = env.image.name; "
        "packages = map (p: p.name) env.conda.packages; }",
    )
    assert asked == {
        "program": "python",
        "name": "conda-environment",
        "shell": ["conda-environment"],
        "image": "lab",
        "packages": ["click", "libzlib", "numbers", "python"],
    }


def test_rattler_reads_the_lock(bench: Path, channel: Path) -> None:
    write(bench, "--from", "environment.yml")
    lock = rattler.LockFile.from_path(bench / "lab" / "conda-lock.yml")
    ((_, environment),) = lock.environments()
    (platform,) = environment.platforms()
    packages = environment.packages(platform)
    assert packages
    assert sorted(package.name for package in packages) == ["click", "libzlib", "numbers", "python"]


def test_again_it_changes_nothing_and_keeps_versions(bench: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    add_package(own, "tool", "1.0")
    index_channel(own)
    write_environment(bench, own, "tool")
    write(bench, "--from", "environment.yml")
    add_package(own, "tool", "2.0")
    index_channel(own)
    assert write(bench) == ["all is as it was"]
    assert write(bench, "--from", "environment.yml") == ["all is as it was"]
    write_environment(bench, own, "tool >1")
    assert write(bench, "--from", "environment.yml") == ["conda-lock.yml", "conda.nix", "environment.yml"]
    assert list_locked(bench) == ["tool 2.0"]


def test_the_pypi_part_fits_what_conda_has(bench: Path, channel: Path) -> None:
    wheels = bench / "wheels"
    wheels.mkdir()
    for name, version, requires in (
        ("needs-numbers", "1.0", ["numbers>=1", "helper"]),
        ("needs_numbers", "2.0", ["numbers>=2", "helper"]),
        ("numbers", "2.0", []),
        ("helper", "1.0", ["torch"]),
        ("helper", "2.0", ["torch"]),
        ("torch", "3.0", []),
    ):
        stem = name.replace("-", "_")
        files = {f"{stem}/__init__.py": b""}
        build_wheel(wheels, name=stem, version=version, tag="py3-none-any", files=files, requires=requires)
    more = f"  - pip:\n    - needs-numbers\n    - --find-links {wheels}\n"
    write_environment(bench, channel, "numbers", "torching", more=more)
    write(bench, "--from", "environment.yml")
    # numbers 2.0 would be newer, and torch is conda's torching: by the metadata in it, not by its name.
    locked = list_locked(bench)
    assert locked[-2:] == ["helper 2.0", "needs-numbers 1.0"]
    assert "numbers 1.26.4" in locked
    assert ask(bench / "lab", "builtins.attrNames env.conda.set") == sorted(
        {"helper", "needs-numbers", "libzlib", "numbers", "python", "torching"}
    )
    # What was resolved stays, as far as it can.
    build_wheel(wheels, name="helper", version="3.0", tag="py3-none-any", files={"helper/x.py": b""})
    assert write(bench) == ["all is as it was"]


def test_directories_of_wheels_start_from_the_file(bench: Path, channel: Path) -> None:
    lab = bench / "lab"
    (lab / "wheels").mkdir(parents=True)
    build_wheel(lab / "wheels", name="tool", tag="py3-none-any", files={"tool.py": b""})
    write_environment(lab, channel, "python", more="  - pip:\n    - tool\n    - -f wheels\n")
    write(bench, "--from", "lab/environment.yml")
    assert "tool 1.0" in list_locked(bench)


def test_variables_are_in_the_shell(bench: Path, channel: Path) -> None:
    write_environment(bench, channel, "click", more="variables:\n  MODE: 'yes'\n  TEXT: \"${x} ''\"\n")
    write(bench, "--from", "environment.yml")
    assert ask(bench / "lab", "env.shell.env") == {"MODE": "yes", "TEXT": "${x} ''"}


def test_the_users_file_is_kept_and_counts(bench: Path) -> None:
    write(bench, "--from", "environment.yml")
    local = bench / "lab" / "overrides-local.nix"
    local.write_text("{ pkgs, lib, ... }: conda: { shell = pkgs.mkShell { packages = [ pkgs.cacert ]; }; }\n")
    assert write(bench) == ["all is as it was"]
    assert ask(bench / "lab", "map (p: p.name) env.shell.packages") == ["cacert"]


def test_the_flake_and_the_shell_without_flakes(bench: Path) -> None:
    write(bench, "--from", "environment.yml", "--nixpkgs", "github:me/nixpkgs")
    scope = PKGS
    flake = f"(import {bench}/lab/flake.nix)"
    assert evaluate(f"{flake}.inputs") == {"nixpkgs": {"url": "github:me/nixpkgs"}}
    outputs = f"{flake}.outputs {{ nixpkgs = {{ inherit lib; legacyPackages.x86_64-linux = pkgs; }}; }}"
    asked = evaluate(
        f"let {scope} out = {outputs}; in {{ a = out.packages.x86_64-linux.default.name; "
        "b = out.packages.x86_64-linux.image.name; c = out.devShells.x86_64-linux.default.name; }"
    )
    assert asked == {"a": "conda-environment", "b": "lab", "c": "shell"}
    shell = f"(import {bench}/lab/shell.nix {{ inherit pkgs; }}).name"
    assert evaluate(f"let {scope} in {shell}") == "shell"


def test_json_has_the_files(bench: Path) -> None:
    done = run(bench, "lab", "--from", "environment.yml", "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [file["name"] for file in document["files"]] == FILES
    assert document["schema"] == "wheelfix.env/1"


def test_a_named_python_and_channel_count(bench: Path, channel: Path) -> None:
    text = "channels: [defaults]\ndependencies: [python, click]\n"
    (bench / "environment.yml").write_text(text)
    assert "'defaults'" in fail(bench, "--from", "environment.yml")
    write(bench, "--from", "environment.yml", "--channel", str(channel), "--python", "3.11")
    assert "python 3.11.9" in list_locked(bench)


@pytest.mark.parametrize(
    "spec", ["conda-forge::click", "conda-forge/noarch::click", "click[channel=conda-forge, version='>=8']"]
)
def test_a_named_channel_takes_the_place_of_that_of_a_package(bench: Path, channel: Path, spec: str) -> None:
    (bench / "environment.yml").write_text(f'channels: [elsewhere]\ndependencies: [python, "{spec}"]\n')
    write(bench, "--from", "environment.yml", "--channel", str(channel))
    assert "click 8.1.7" in list_locked(bench)


PIXI = """
[workspace]
channels = ["{channel}"]
platforms = ["linux-64"]
[dependencies]
python = "*"
[feature.old.dependencies]
numbers = "*"
[feature.any.dependencies]
click = "*"
[environments]
old = {{ features = ["old"], solve-group = "all" }}
any = {{ features = ["any"], solve-group = "all" }}
alone = ["any"]
"""


def test_an_environment_of_pixi_is_solved_with_its_group(bench: Path, channel: Path) -> None:
    (bench / "pixi.toml").write_text(PIXI.format(channel=channel.as_uri()))
    assert write(bench, "--from", "pixi.toml", "--group", "any") == sorted(
        {*FILES, "pixi.toml"} - {"environment.yml"}
    )
    assert list_locked(bench) == ["click 8.1.7", "libzlib 1.3.1", "python 3.11.9"]
    (bench / "lab" / "conda-lock.yml").unlink()
    write(bench, "--from", "pixi.toml", "--group", "alone")
    assert list_locked(bench) == ["click 8.1.7", "libzlib 1.3.1", "python 3.12.1"]


def test_a_lock_of_pixi_wins(bench: Path, channel: Path) -> None:
    (bench / "pixi.toml").write_text(PIXI.format(channel=channel.as_uri()))
    write_pixi_lock(bench / "pixi.lock", channel, ["python 3.11.*"])
    done = run(bench, "lab", "--from", "pixi.toml")
    assert done.returncode == 0, done.stderr
    assert "pixi.lock is taken as it is" in done.stderr
    assert (bench / "lab" / "pixi.lock").read_bytes() == (bench / "pixi.lock").read_bytes()
    assert not (bench / "lab" / "conda-lock.yml").exists()
    assert ask(bench / "lab", "map (p: p.version) env.conda.packages") == ["1.3.1", "3.11.9"]
    manifest = (bench / "pixi.toml").read_text().replace('python = "*"', 'python = ">=3.12"\nclick = "*"')
    (bench / "pixi.toml").write_text(manifest)
    done = run(bench, "lab", "--from", "pixi.toml")
    assert "pixi.lock has nothing that is python >=3.12" in done.stderr
    assert "pixi.lock has nothing that is click" in done.stderr


def write_pixi_lock(path: Path, channel: Path, specs: list[str]) -> None:
    """Lock as pixi does, by the library that it locks with."""
    platform = rattler.LockPlatform("linux-64")
    lock = rattler.LockFile([platform])
    glibc = rattler.GenericVirtualPackage(
        rattler.PackageName("__glibc"), rattler.Version("2.40"), rattler.BuildString("0")
    )
    solved = rattler.solve(
        [channel.as_uri()], specs, platforms=["linux-64", "noarch"], virtual_packages=[glibc]
    )
    records = asyncio.run(solved)
    lock.set_channels("default", [rattler.LockChannel(f"{channel.as_uri()}/")])
    for record in records:
        lock.add_conda_package("default", platform, record)
    lock.to_path(path)


def test_kinds_of_environments_do_not_get_mixed_up(bench: Path, channel: Path) -> None:
    write(bench, "--from", "environment.yml")
    # A project's own file beside it does not make another kind of environment of it.
    (bench / "lab" / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    assert write(bench) == ["all is as it was"]
    python = bench / "python"
    python.mkdir()
    (python / "requirements.txt").write_text("")
    done = run(bench, "python", "-r", "python/requirements.txt", "--channel", "x")
    assert done.returncode == 3
    assert "--channel: is for environments of conda" in done.stderr


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("dependencies: [click]\n", [], "environment.yml: names no channel"),
        ("channels: [CHANNEL]\ndependencies: [absent]\n", [], "No candidates were found for absent"),
        ("channels: [CHANNEL]\ndependencies: ['[']\n", [], "is no match specification"),
        ("channels: [CHANNEL]\ndependencies: [libzlib, pip: [x]]\n", [], "no python to install it for"),
        ("channels: [CHANNEL]\ndependencies: [python, pip: [absent]]\n", [], "uv cannot resolve"),
        ("channels: [./chan]\ndependencies: [a]\n", [], "relative to itself"),
        (
            "channels: [a]\ndependencies: [b, {pip: [-f ./wheels, c]}]\n",
            [],
            "the directory './wheels', relative to itself",
        ),
        ("channels: [CHANNEL]\ndependencies: []\n", [], "asks for no packages"),
        ("channels: [a]\ndependencies: [b]\n", ["--group", "x"], "has no environment 'x'"),
        ("channels: [a]\ndependencies: [b]\n", ["--platform", "loongarch64-linux"], "no platform that conda"),
        ("channels: ['a\\e[31m']\ndependencies: [b]\n", [], "is no channel"),
        ("[", [], "is no YAML"),
    ],
)
def test_what_is_wrong_is_said_on_one_line(
    tmp_path: Path, channel: Path, text: str, arguments: list[str], said: str
) -> None:
    (tmp_path / "environment.yml").write_text(text.replace("CHANNEL", channel.as_uri()))
    line = fail(tmp_path, "--from", "environment.yml", *arguments)
    assert said in line
    assert "\x1b" not in line


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "environment.yml" in fail(tmp_path, "--from", "environment.yml")
    assert "pixi.toml" in fail(tmp_path, "--from", "pixi.toml")
