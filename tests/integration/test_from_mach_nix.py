"""docs/from-mach-nix.md, example by example: what replaces each form of mach-nix does what is said."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.envs import PYTHON, add_wheel, ask_env, run_alone, run_env
from tests.support.lockserver import Server, serve
from tests.support.nixeval import NixError, evaluate
from tests.support.wheel import build_wheel
from wheelfix.cli import cli
from wheelfix.lockfile.project import parse_project
from wheelfix.lockfile.read import read_rules
from wheelfix.model.lock import ChoiceKind

DOC = (Path(__file__).parents[2] / "docs" / "from-mach-nix.md").read_text()
EXAMPLES = re.findall(r"<!-- ask: (.+?) -->\n```nix\n(.*?)```\n\n```json\n(.*?)```", DOC, re.DOTALL)
COMMANDS = re.findall(
    r"<!-- env: (.+?) -->\n<!-- not run: [^\n]+ -->\n```sh\n([^\n]+)\n```\n\n"
    r"<!-- then: (.+?) -->\n```json\n(.*?)```",
    DOC,
    re.DOTALL,
)
NEEDED = {"numpy": ("libtbb.so.12",), "pyside2": ("libgssapi_krb5.so.2",)}
PURE = ("pillow", "jupyterlab", "geopandas", "shapely", "cryptography", "cffi", "requests")
NATIVE = ("torch", "tensorflow", "ldap0", "opencensus_context", "numpy", "pyside2")
SITUATION = {"rpy2/situation/__init__.py": b"import os\nr_home = os.environ.get('R_HOME')\n"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A package index with what the examples require."""
    directory = tmp_path_factory.mktemp("index")
    with serve() as server:
        for name in NATIVE:
            add_wheel(server, directory, name, needed=NEEDED.get(name, ()))
        wheels = directory / "pure"
        wheels.mkdir()
        for name in PURE:
            server.add(build_wheel(wheels, name=name, files={f"{name}/a.py": b""}, tag="py3-none-any"))
        server.add(build_wheel(wheels, name="rpy2_rinterface", files=SITUATION, tag="py3-none-any"))
        requires = ["rpy2-rinterface"]
        server.add(build_wheel(wheels, name="rpy2", files={}, tag="py3-none-any", requires=requires))
        yield server


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """What the examples of overlays change."""
    directory = tmp_path_factory.mktemp("mach-nix")
    (directory / "requirements.txt").write_text("numpy\ntorch\nldap0\nopencensus-context\n")
    done = run_env(directory, server, "lab", "-r", "requirements.txt")
    assert done.returncode == 0, done.stderr
    return directory / "lab"


def test_every_form_has_an_example() -> None:
    marks = DOC.count("<!-- ask: ") + DOC.count("<!-- then: ")
    assert len(EXAMPLES) + len(COMMANDS) == DOC.count("```json") == marks
    assert (len(EXAMPLES), len(COMMANDS)) == (10, 11)
    assert DOC.count("<!-- env:") == DOC.count("```sh\nwheelfix env lab ") == len(COMMANDS)


def test_what_is_shown_of_mach_nix_is_nix() -> None:
    old = re.findall(r"```nix mach-nix\n(.*?)```", DOC, re.DOTALL)
    assert len(old) == 24
    for block in old:
        evaluate(f"let pkgs = {{ }}; in builtins.attrNames {{ {block} }}")


@pytest.mark.parametrize(("question", "code", "answer"), EXAMPLES)
def test_example(environment: Path, tmp_path: Path, question: str, code: str, answer: str) -> None:
    lab = tmp_path / "lab"
    shutil.copytree(environment, lab)
    digits = PYTHON.replace(".", "")
    (lab / "overrides-local.nix").write_text(code.replace("python312Packages", f"python{digits}Packages"))
    before = (environment / "overrides-local.nix").read_text()
    assert ask_env(lab, question) == json.loads(answer)
    (lab / "overrides-local.nix").write_text(before)
    try:
        unchanged = ask_env(lab, f"{{ it = {question}; }}")["it"]
    except NixError:  # without the example there is no such attribute
        unchanged = None
    assert unchanged != json.loads(answer)


SCOPE = """let
  flake = import {lab}/flake.nix;
  out = flake.outputs {{
    nixpkgs = {{ inherit (real) lib; legacyPackages = real.lib.genAttrs systems (_: real.pkgs); }};
    inherit (real) pyproject-nix uv2nix;
    pyproject-build-systems.overlays.wheel = real.hooks;
  }};
  systems = [ "x86_64-linux" "aarch64-linux" ];
  packages = (real.lib.importTOML {lab}/uv.lock).package;
  locked = name: builtins.head (builtins.filter (one: one.name == name) packages);
  # The table at the end of the shim that a package installs.
  shim = package: builtins.fromJSON (
    builtins.head (builtins.match ".*\\nTABLE[.]update[(](.*)[)]\\n .*" package.postInstall)
  );
in {question}"""


@pytest.mark.parametrize(("requirements", "command", "question", "answer"), COMMANDS)
def test_command(
    server: Server, tmp_path: Path, requirements: str, command: str, question: str, answer: str
) -> None:
    lines = requirements.split("; " if ";" in requirements else " ")
    text = "\n".join(lines).replace("https://example.org/", f"{server.url}/files/")
    (tmp_path / "requirements.txt").write_text(f"{text}\n")
    program, name, *arguments = shlex.split(command.replace("--python 3.12", f"--python {PYTHON}"))
    assert (program, name) == ("wheelfix", "env")
    python = None if "--python" in arguments else PYTHON
    done = run_env(tmp_path, server, *arguments, python=python)
    assert done.returncode == 0, done.stderr
    answer = answer.replace("https://example.org/", f"{server.url}/files/")
    wanted = json.loads(answer.replace('"3.12"', f'"{PYTHON}"'))
    assert ask_env(tmp_path / "lab", SCOPE.format(lab=tmp_path / "lab", question=question)) == wanted


def test_providers() -> None:
    (text,) = re.findall(r"```toml\n(\[tool.wheelfix.providers\]\n.*?)```", DOC, re.DOTALL)
    table = read_rules(parse_project("pyproject.toml", text), ())
    flags = re.findall(
        r"--provider ([\w-]+=[\w,]+)(?= |`)", DOC[DOC.index("Or `--provider") :].split("\n")[0]
    )
    assert set(read_rules(None, tuple(flags))) == set(table)
    assert {rule.pattern: rule.kinds[0] for rule in table} == {
        "torch": ChoiceKind.NIXPKGS,
        "numpy": ChoiceKind.SDIST,
        "default": ChoiceKind.WHEEL,
    }


def test_r_packages_may_be_written_into_the_project() -> None:
    (text,) = re.findall(r"```toml\n(\[tool.wheelfix\]\n.*?)```", DOC, re.DOTALL)
    assert parse_project("pyproject.toml", text).r_packages == ("data.table",)


def test_a_missing_library_is_located() -> None:
    command = [sys.executable, "-m", "wheelfix", "locate", "--json", "libgssapi_krb5.so.2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["results"][0]["providers"][0]["attr"] == "krb5"


CONFORMING = re.findall(r"`(wheelfix lock uv\.lock --dialect nixpkgs --as (\S+) -o (\S+))`", DOC)
PYTHON_SETS = Path(__file__).parents[1] / "support" / "nix" / "pythonset.nix"


@pytest.mark.parametrize(("command", "form", "file"), CONFORMING)
def test_nixpkgs_that_conforms(
    environment: Path, server: Server, tmp_path: Path, command: str, form: str, file: str
) -> None:
    shutil.copytree(environment, tmp_path / "lab")
    done = run_alone(tmp_path / "lab", server, *shlex.split(command)[1:])
    assert done.returncode == 0, done.stderr
    argument = {"overlay": "overlay", "python-overrides": "overrides"}[form]
    numpy = '{ numpy = _: { version = "0.9"; }; }'
    given = f'{argument} = import {tmp_path}/lab/{file}; packages = {numpy}; python = "{PYTHON}";'
    made = f"import {PYTHON_SETS} {{ {given} }}"
    assert evaluate(f'({made}).sets."{PYTHON}".numpy.version') == "1.0"


def test_both_forms_are_shown() -> None:
    assert {form for _, form, _ in CONFORMING} == {"overlay", "python-overrides"}


def test_commands_and_options_in_the_tables_are_there() -> None:
    rows = [line for line in DOC.splitlines() if line.startswith("|")]
    named = [words for row in rows for words in re.findall(r"`(wheelfix [^`]+)`", row)]
    assert len(named) > 40
    for words in named:
        program, name, *arguments = shlex.split(words)
        command = cli.get_command(click.Context(cli), name)
        assert (program, command is not None) == ("wheelfix", True), words
        assert command
        known = {
            flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)
        }
        options = [one for one in arguments if one.startswith("-")]
        assert [one for one in options if one not in known] == [], words
