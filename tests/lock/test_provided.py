"""Packages of a lock that conda provides: asked for, solved, read and written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.conda import build_conda
from tests.support.conda_nix import PKGS
from tests.support.elf import build_elf
from tests.support.nixeval import evaluate
from tests.support.small_channel import add_package, index_channel
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.lock.provided import list_names
from wheelfix.lockfile.project import parse_project
from wheelfix.lockfile.read import read_rules
from wheelfix.model.lock import ChoiceKind

SITE = "lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel with a package whose library comes from another one, which wants one of the host."""
    channel = tmp_path_factory.mktemp("channel")
    elf = channel / "elf"
    library = build_elf(elf, "libinner.so.1", soname="libinner.so.1", needed=("libGL.so.1",))
    module = build_elf(elf, "core.so", needed=("libinner.so.1",), runpath=("$ORIGIN/../../..",))
    build_conda(channel / "linux-64", "inner", {"lib/libinner.so.1": library}, version="1.0")
    metadata = b"Metadata-Version: 2.1\nName: numbers\nVersion: 1.26.4\n"
    files = {
        f"{SITE}/numbers/core.so": module,
        f"{SITE}/numbers/__init__.py": b"",
        f"{SITE}/numbers-1.26.4.dist-info/METADATA": metadata,
        "bin/numbers": b"#!/bin/sh\n",
    }
    depends = ["python >=3.11,<3.12.0a0", "inner", "helper >=2", "click"]
    build_conda(channel / "linux-64", "numbers", files, version="1.26.4", depends=depends)
    add_package(channel, "python", "3.11.9", "own-of-python", files=("bin/python3.11",))
    add_package(channel, "python", "3.12.1", files=("bin/python3.12",))
    add_package(channel, "own-of-python", "1.0")
    add_package(channel, "helper", "2.0", "python >=3.8", noarch="python", distribution="helper")
    add_package(channel, "click", "8.1.7", "python >=3.8", noarch="python", distribution="click")
    add_package(channel, "newer", "2.0", "python 3.12.*", distribution="newer")
    index_channel(channel)
    return channel


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A project, locked from a directory of wheels: ``needs`` wants numbers, and numbers helper."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, version, requires in (
        ("numbers", "1.26.4", ["helper"]),
        ("needs", "1.0", ["numbers"]),
        ("helper", "1.0", []),
        ("newer", "2.0", []),
    ):
        files = {f"{name}/__init__.py": b""}
        build_wheel(wheels, name=name, version=version, tag="py3-none-any", files=files, requires=requires)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["needs", "newer"]\n[tool.uv]\npackage = false\n'
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UV_")}
    command = ["uv", "lock", "--no-index", "--find-links", "wheels", "--python", sys.executable, "-q"]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"UV_CACHE_DIR": str(tmp_path / "uv"), "UV_NO_CONFIG": "1", "PATH": tools}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    return tmp_path


def run(bench: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(bench / "cache"), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "wheelfix", "lock", "uv.lock", "--python", "3.11", *arguments]
    done = subprocess.run(command, cwd=bench, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def write(bench: Path, channel: Path, *rules: str, more: Sequence[str] = ()) -> tuple[str, str]:
    options = [word for rule in rules for word in ("--provider", rule)]
    done = run(bench, *options, "--channel", str(channel), *more)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def ask(code: str, question: str) -> Any:
    """Evaluate what an overlay makes of a package set, ``set``."""
    base = "{ numbers.passthru.dependencies.helper = [ ]; needs.passthru = { }; newer.passthru = { }; }"
    overlay = f"(({code}) {{ inherit pkgs lib; hacks = {{ }}; }})"
    read = "read = text: builtins.fromJSON (builtins.unsafeDiscardStringContext text);"
    made = f"set = lib.fix (lib.extends {overlay} (final: {base}));"
    return evaluate(f"let {PKGS} {made} {read} in {question}")


def test_a_package_has_condas_files_and_its_place_in_the_lock(bench: Path, channel: Path) -> None:
    code, _ = write(bench, channel, "numbers=conda")
    asked = ask(
        code,
        "{ inherit (set.numbers) pname version passthru; view = read set.numbers.given; "
        "prefix = map (p: p.name) (read set.wheelfix-conda.given).packages; "
        "runpaths = (read set.wheelfix-conda.given).runpaths; "
        "others = set.needs; }",
    )
    assert asked["pname"] == "numbers"
    assert asked["version"] == "1.26.4"
    assert asked["passthru"] == {"dependencies": {"helper": []}}
    assert asked["view"]["mode"] == "view"
    assert asked["view"]["name"] == "numbers"
    assert asked["view"]["site_packages"] == SITE
    assert asked["others"] == {"passthru": {}}
    # Neither conda's own helper, which the lock has, nor what only conda's Python wants; click is noarch,
    # so that a Python links it.
    assert asked["prefix"] == ["click", "inner", "numbers", "own-of-python", "python"]
    assert list(asked["runpaths"]) == ["lib/libinner.so.1"]
    assert "pkgs.libGL" in code


def test_limits_are_said(bench: Path, channel: Path) -> None:
    _, said = write(bench, channel, "numbers=conda")
    assert "numbers 1.26.4 is conda's numbers 1.26.4 0, built for conda's Python 3.11.9" in said
    assert "numbers 1.26.4 of conda depends on helper >=2, and the lock has helper 1.0" in said
    assert "numbers 1.26.4 of conda depends on click, of which the lock has nothing" in said


def test_what_conda_does_not_have_falls_back(bench: Path, channel: Path) -> None:
    # It is there in this version, and for another Python.
    code, _ = write(bench, channel, "newer=conda,wheel")
    assert "conda" not in code.replace("wheelfix lock", "")
    code, _ = write(bench, channel, "default=wheel,conda")
    assert "wheelfix-conda" not in code
    code, _ = write(bench, channel, "default=conda,wheel")
    assert ask(code, "set ? wheelfix-conda")
    done = run(bench, "--provider", "newer=conda", "--channel", str(channel))
    assert done.returncode == 3
    assert "newer 2.0 has no conda, in the locked version and for this Python" in done.stderr


def test_channels_come_from_the_rule_the_option_or_the_project(bench: Path, channel: Path) -> None:
    for rule in (f"numbers=conda:{channel}", f"numbers=conda/{channel}"):
        done = run(bench, "--provider", rule)
        assert done.returncode == 0, done.stderr
        assert "wheelfix-conda" in done.stdout
    with (bench / "pyproject.toml").open("a") as project:
        project.write(f'[tool.wheelfix]\nconda.channels = ["{channel}"]\nproviders.numbers = "conda"\n')
    done = run(bench)
    assert done.returncode == 0, done.stderr
    assert "wheelfix-conda" in done.stdout


def test_a_channel_that_is_not_there_is_said(bench: Path) -> None:
    done = run(bench, "--provider", "numbers=conda", "--channel", "http://127.0.0.1:9/nothing")
    assert done.returncode == 3
    assert "a channel gives no answer" in done.stderr


@pytest.mark.parametrize("dialect", ["poetry2nix", "nixpkgs", "shell", "nixos"])
def test_dialects_without_a_place_for_it_say_so(bench: Path, channel: Path, dialect: str) -> None:
    done = run(bench, "--provider", "numbers=conda", "--channel", str(channel), "--dialect", dialect)
    assert done.returncode == 3
    assert "--provider numbers=conda: " in done.stderr
    assert "write for uv2nix" in done.stderr


def test_json_names_the_provider(bench: Path, channel: Path) -> None:
    import json

    done = run(bench, "--provider", "numbers=conda", "--channel", str(channel), "--json")
    assert done.returncode == 0, done.stderr
    providers = {
        one["name"]: one["provider"] for one in json.loads(done.stdout)["packages"] if "provider" in one
    }
    assert providers["numbers"] == "conda"
    assert providers["needs"] == "wheel"


def test_rules_name_a_channel() -> None:
    (rule,) = read_rules(None, ("torch=wheel,conda:https://conda.example.org/x",))
    assert rule.kinds == (ChoiceKind.WHEEL, ChoiceKind.CONDA)
    assert rule.channel == "https://conda.example.org/x"
    (rule,) = read_rules(None, ("torch=conda/extra,nixpkgs:python3Packages.torch",))
    assert (rule.channel, rule.attr) == ("extra", "python3Packages.torch")
    with pytest.raises(InputError, match="is no kind of source"):
        read_rules(None, ("torch=wheel:x",))
    with pytest.raises(InputError, match="is no kind of source"):
        read_rules(None, ("torch=wheel/x",))


def test_a_project_names_channels() -> None:
    text = '[tool.wheelfix.conda]\nchannels = ["a", "b"]\n'
    assert parse_project("pyproject.toml", text).channels == ("a", "b")
    with pytest.raises(InputError, match="channels: is not a list"):
        parse_project("pyproject.toml", '[tool.wheelfix.conda]\nchannels = "a"\n')


def test_names_differ_by_a_table_or_by_their_signs() -> None:
    assert list_names("torch") == ("pytorch",)
    assert list_names("ruamel-yaml") == ("ruamel-yaml", "ruamel_yaml", "ruamel.yaml")
    assert list_names("six") == ("six",)
