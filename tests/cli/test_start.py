"""The screen of the command alone: each line that it proposes works as it stands, in a real project."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sdist import CARGO, build_sdist
from tests.support.tools import find_index, make_variables, run_line
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.flows.start import find_start
from wheelfix.outside.uv import find_uv
from wheelfix.report.start import Directory, plan_start, render_start

WANTED = "markupsafe==3.0.3"
PROJECT = (
    f'[project]\nname = "demo"\nversion = "0.1"\nrequires-python = ">=3.11"\ndependencies = ["{WANTED}"]\n'
)
UV = f"{PROJECT}[tool.uv]\npackage = false\n"
PDM = f"{PROJECT}[tool.pdm]\ndistribution = false\n"
POETRY = f"""\
[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = "^3.11"
markupsafe = "3.0.3"
[[tool.poetry.source]]
name = "index"
url = "{find_index()}"
priority = "primary"
"""
PIPFILE = f'[[source]]\nurl = "{find_index()}"\nverify_ssl = true\nname = "pypi"\n'
PIPFILE += '[packages]\nmarkupsafe = "==3.0.3"\n'
SETUP = f'from setuptools import setup\nsetup(name="demo", version="1", install_requires=["{WANTED}"])\n'
CFG = f"[metadata]\nname = demo\nversion = 1\n[options]\ninstall_requires = {WANTED}\n"
HASHES = "--generate-hashes -o locked.txt"
BACKEND = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


@pytest.fixture(autouse=True)
def _uv_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines name the programs that are there."""
    monkeypatch.setenv("PATH", f"{Path(find_uv()).parent}{os.pathsep}{os.environ['PATH']}")


def start(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelfix", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)


def suggest(directory: Path) -> list[str]:
    return [step.line for step in find_start(directory).here]


def plan(*names: str, **known: object) -> list[str]:
    known.setdefault("programs", frozenset({"uv"}))
    return [step.line for step in plan_start(Directory(names=names, **known)).here]  # type: ignore[arg-type]


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / name).write_text(text)


def make_uv(top: Path) -> None:
    write(top, **{"pyproject.toml": UV})


def make_pdm(top: Path) -> None:
    write(top, **{"pyproject.toml": PDM})


def make_poetry(top: Path) -> None:
    write(top, **{"pyproject.toml": POETRY})


def make_pipenv(top: Path) -> None:
    write(top, Pipfile=PIPFILE)


def make_setup(top: Path) -> None:
    write(top, **{"setup.py": SETUP})


def make_cfg(top: Path) -> None:
    write(top, **{"setup.cfg": CFG, "pyproject.toml": BACKEND})


def make_list(top: Path) -> None:
    """A wheel for any Python: an index of the machine's own need not have one for 3.12."""
    write(top, **{"requirements.txt": "iniconfig==2.1.0\n"})


def make_input(top: Path) -> None:
    write(top, **{"requirements.in": "iniconfig\n"})


def make_lists(top: Path) -> None:
    write(top, **{"requirements-dev.txt": "-r base.txt\n", "base.txt": f"{WANTED}\n"})


def make_exports(top: Path) -> None:
    """What other tools get of a uv.lock: requirements with hashes, and a pylock.toml with a name."""
    make_uv(top)
    run_line("uv export -q --no-emit-project -o requirements.txt", top, make_variables(top / "home"))
    run_line("uv export -q --no-emit-project -o pylock.dev.toml", top, make_variables(top / "home"))
    for name in ("pyproject.toml", "uv.lock"):
        (top / name).unlink()


def make_sdist(top: Path) -> None:
    make_cfg(top)
    run_line("uv build -q --sdist -o .", top, make_variables(top / "home"))
    for name in ("pyproject.toml", "setup.cfg"):
        (top / name).unlink()


def make_crate(top: Path) -> None:
    build_sdist(top, CARGO)


def make_wheel(top: Path) -> None:
    build_wheel(top, files={"demo/__init__.py": b""})


PIXI = """\
version: 6
environments:
  default:
    channels:
    - url: https://conda.example.org/demo/
    packages:
      linux-64: []
packages: []
"""


def make_pixi(top: Path) -> None:
    """What pixi leaves: its files, and a prefix of conda in which a package of PyPI is installed."""
    write(top, **{"pixi.toml": "", "pixi.lock": PIXI})
    prefix = top / ".pixi" / "envs" / "default"
    (prefix / "conda-meta").mkdir(parents=True)
    site = prefix / "lib" / "python3.12" / "site-packages"
    (top / "work").mkdir()
    with zipfile.ZipFile(build_wheel(top / "work", files={"demo/__init__.py": b""})) as wheel:
        wheel.extractall(site)


def make_devenv(top: Path) -> None:
    write(top, **{"devenv.nix": "{ languages.python.venv.enable = true; }\n"})
    run_line(
        f"uv venv -q .devenv/state/venv && uv pip install -q -p .devenv/state/venv {WANTED}",
        top,
        make_variables(top / "home"),
    )


@pytest.mark.parametrize(
    ("make", "tools", "lines"),
    [
        (
            make_uv,
            (),
            ["uv sync && wheelfix patch .venv", "uv lock && wheelfix lock uv.lock -o overrides.nix"],
        ),
        (
            make_pdm,
            ("pdm",),
            ["pdm install && wheelfix patch .venv", "pdm lock && wheelfix lock pdm.lock -o overrides.nix"],
        ),
        (
            make_poetry,
            ("poetry",),
            [
                'poetry install && wheelfix patch "$(poetry env info --path)"',
                "poetry lock && wheelfix lock poetry.lock --dialect poetry2nix -o overrides.nix",
            ],
        ),
        (
            make_pipenv,
            ("pipenv",),
            [
                'pipenv install --dev && wheelfix patch "$(pipenv --venv)"',
                "pipenv lock && wheelfix lock Pipfile.lock -o overrides.nix",
            ],
        ),
        (
            make_setup,
            (),
            [
                "uv venv && uv pip install -e . && wheelfix patch .venv",
                f"uv pip compile setup.py {HASHES} && wheelfix lock locked.txt -o overrides.nix",
            ],
        ),
        (
            make_cfg,
            (),
            [
                "uv venv && uv pip install -e . && wheelfix patch .venv",
                f"uv pip compile setup.cfg {HASHES} && wheelfix lock locked.txt -o overrides.nix",
            ],
        ),
        (
            make_list,
            (),
            [
                "uv venv && uv pip install -r requirements.txt && wheelfix patch .venv",
                "wheelfix override requirements.txt --dialect shell -o shell.nix",
            ],
        ),
        (
            make_input,
            (),
            [
                "uv venv && uv pip install -r requirements.in && wheelfix patch .venv",
                "wheelfix override requirements.in --dialect shell -o shell.nix",
            ],
        ),
        (
            make_lists,
            (),
            ["uv venv && uv pip install -r requirements-dev.txt && wheelfix patch .venv"],
        ),
        (
            make_exports,
            (),
            [
                "wheelfix lock pylock.dev.toml -o overrides.nix",
                "wheelfix lock requirements.txt -o overrides.nix",
            ],
        ),
        (
            make_sdist,
            (),
            ["uv build --wheel -o wheels demo-1.tar.gz && wheelfix scan wheels"],
        ),
        (make_crate, (), ["wheelfix sdist demo-1.0.tar.gz"]),
        (
            make_wheel,
            (),
            [
                "wheelfix scan demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
                "wheelfix override demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
            ],
        ),
        (
            make_pixi,
            (),
            [
                "wheelfix patch .pixi/envs/default",
                "wheelfix scan .pixi/envs/default",
                "wheelfix lock pixi.lock -o environment.nix",
            ],
        ),
        (
            make_devenv,
            (),
            [
                "wheelfix patch .devenv/state/venv",
                "wheelfix try .devenv/state/venv",
                "wheelfix scan .devenv/state/venv",
            ],
        ),
    ],
)
def test_each_line_works_as_it_stands(
    tmp_path: Path, make: Callable[[Path], None], tools: tuple[str, ...], lines: list[str]
) -> None:
    make(tmp_path)
    assert suggest(tmp_path) == lines
    variables = make_variables(tmp_path / "home", *tools)
    for line in lines:
        run_line(line, tmp_path, variables)
    # What the lines made is found in turn, and what it proposes works as well.
    for line in suggest(tmp_path):
        if line not in lines and "$(" not in line:
            run_line(line, tmp_path, variables)


def test_an_empty_directory_gets_an_example(tmp_path: Path) -> None:
    result = start(tmp_path)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "What to do next:" in result.stdout
    assert "wheelfix scan numba==0.68.1" in result.stdout
    assert "wheelfix --help" in result.stdout
    assert len(result.stdout.splitlines()) < 12


def test_one_wheel_is_named_and_several_are_the_directory(tmp_path: Path) -> None:
    (tmp_path / "a-1-py3-none-any.whl").touch()
    (tmp_path / "b-1-py3-none-any.whl").touch()
    assert suggest(tmp_path) == ["wheelfix scan .", "wheelfix override ."]
    assert "Here: 2 wheels." in start(tmp_path).stdout


def test_an_environment_is_told_by_its_pyvenv_cfg(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    assert suggest(tmp_path) == []
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    assert suggest(tmp_path) == ["wheelfix patch .venv", "wheelfix try .venv", "wheelfix scan .venv"]


def test_an_environment_comes_first_and_is_not_made_again(tmp_path: Path) -> None:
    make_uv(tmp_path)
    (tmp_path / "uv.lock").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    assert suggest(tmp_path) == [
        "wheelfix patch .venv",
        "wheelfix try .venv",
        "wheelfix scan .venv",
        "wheelfix lock uv.lock -o overrides.nix",
    ]


def test_an_active_environment_elsewhere_is_named_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("project", "other"):
        (tmp_path / name).mkdir()
    make_uv(tmp_path / "project")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "other"))
    assert suggest(tmp_path / "project")[0] == 'wheelfix patch "$VIRTUAL_ENV"'
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    assert suggest(tmp_path / "project")[0] == "uv sync && wheelfix patch .venv"
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert suggest(tmp_path / "project")[0] == "uv sync && wheelfix patch .venv", "wheelfix's own"


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        (("Cargo.lock", "Cargo.toml", "pyproject.toml"), ["wheelfix sdist ."]),
        (
            ("pixi.lock",),
            [
                "wheelfix lock pixi.lock -o environment.nix",
                "pixi install && wheelfix patch .pixi/envs/default",
            ],
        ),
        (
            ("pixi.toml",),
            ["pixi install && wheelfix patch .pixi/envs/default", "wheelfix env nix --from pixi.toml"],
        ),
        (
            ("environment.yml",),
            [
                "micromamba create -p .conda -f environment.yml && wheelfix patch .conda",
                "wheelfix env nix --from environment.yml",
            ],
        ),
        (
            ("conda-lock.yml",),
            [
                "wheelfix lock conda-lock.yml -o environment.nix",
                "conda-lock install -p .conda conda-lock.yml && wheelfix patch .conda",
            ],
        ),
        (("flake.lock", "flake.nix"), ["nix build 2>&1 | wheelfix explain"]),
        (("devenv.nix",), ["devenv shell true && wheelfix patch .devenv/state/venv"]),
        (("pylock.a.b.toml",), []),
    ],
)
def test_what_cannot_be_made_here(names: tuple[str, ...], lines: list[str]) -> None:
    """Lines for tools that PyPI has not got, or that need Nix with a network."""
    tables = frozenset({"project"}) if "pyproject.toml" in names else frozenset[str]()
    assert [line for line in plan(*names, tables=tables) if not line.startswith("uv ")] == lines


def test_a_lock_in_a_project_of_devenv_gets_a_module() -> None:
    lines = [
        "devenv shell true && wheelfix patch .devenv/state/venv",
        "wheelfix lock uv.lock --dialect devenv -o libraries.nix",
        "wheelfix lock uv.lock -o overrides.nix",
    ]
    assert plan("devenv.nix", "uv.lock")[:3] == lines
    known = {"tables": frozenset({"project"})}
    assert plan("devenv.nix", "pyproject.toml", **known)[0] == lines[0], (
        "uv sync would make another environment"
    )


def test_the_program_of_conda_is_the_one_on_path() -> None:
    line = "conda env create -p .conda -f environment.yml && wheelfix patch .conda"
    assert plan("environment.yml", programs=frozenset({"conda"}))[0] == line


def test_uv_comes_from_nixpkgs_where_only_nix_is_there() -> None:
    known = {"tables": frozenset({"project"}), "programs": frozenset({"nix"})}
    assert plan("pyproject.toml", **known)[0] == "nix run nixpkgs#uv -- sync && wheelfix patch .venv"


def test_what_is_there_is_not_proposed_to_be_overwritten() -> None:
    assert plan("overrides.nix", "uv.lock") == ["wheelfix lock uv.lock"]
    known = {"written": frozenset({"overrides.nix"})}
    assert plan("overrides.nix", "uv.lock", **known) == ["wheelfix lock uv.lock -o overrides.nix"]


def test_the_python_is_told_where_it_is_not_the_default(tmp_path: Path) -> None:
    make_uv(tmp_path)
    (tmp_path / ".python-version").write_text("3.13\n")
    said = start(tmp_path).stdout
    assert "Python 3.13 is what answers are for: .python-version names it; --python names another." in said
    (tmp_path / ".python-version").write_text("\x1b[31mx\n")
    said = start(tmp_path).stdout
    assert "\x1b" not in said
    assert "which is no version of CPython 3 or PyPy: ignored." in said


def test_names_reach_neither_the_shell_nor_the_terminal(tmp_path: Path) -> None:
    name = "-x $(touch pwned)\x1b[31m-1-py3-none-any.whl"
    (tmp_path / name).touch()
    text = start(tmp_path).stdout
    assert "\x1b" not in text
    line = next(line for line in text.splitlines() if line.startswith("  wheelfix scan"))
    argument = line.partition("scan ")[2].partition("  which")[0]
    said = subprocess.run(["bash", "-c", f"printf %s {argument}"], capture_output=True, text=True, check=True)
    assert said.stdout == f"./{name}"


def test_a_hostile_project_is_no_traceback(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"pyproject.toml": "tool = 1\n", "requirements.txt": "\0", "x-1.tar.gz": "\x1f", "setup.py": "("},
    )
    os.mkfifo(tmp_path / "requirements-dev.txt")
    (tmp_path / ".pixi").write_text("")
    result = start(tmp_path)
    assert result.returncode == 0
    assert result.stderr == ""
    (tmp_path / "pyproject.toml").unlink()
    (tmp_path / "pyproject.toml").symlink_to("/dev/zero")
    assert start(tmp_path).returncode == 0


def test_a_directory_that_is_gone_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        find_start(tmp_path / "gone")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_lines_that_do_not_fit_have_their_purpose_above(tmp_path: Path, width: int) -> None:
    (tmp_path / "uv.lock").touch()
    make_uv(tmp_path)
    lines = render_start(find_start(tmp_path), width).splitlines()
    assert lines[2].startswith("Here: uv.lock. What fits:")
    assert all(len(line) <= width for line in lines[:6]), "what is to be pasted first"
    pasted = [line.strip().partition("  ")[0] for line in lines[3:7]]
    assert "wheelfix lock uv.lock -o overrides.nix" in pasted
    assert "uv sync && wheelfix patch .venv" in pasted


def test_an_unknown_option_is_wrong_usage(tmp_path: Path) -> None:
    result = start(tmp_path, "--nonsense")
    assert result.returncode == 2
    assert "wheelfix --help" in result.stderr


def test_the_directory_may_vanish(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {shlex.quote(str(gone))} && rmdir {shlex.quote(str(gone))} && {sys.executable} -m wheelfix"
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env={**os.environ, "PWD": ""}
    )
    assert "Traceback" not in result.stderr
    assert result.returncode == 0
    assert "What to do next:" in result.stdout


def test_of_archives_only_source_distributions_are_taken(tmp_path: Path) -> None:
    for name in ("backup-2024.tar.gz", "a-1.tar.gz"):
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            archive.addfile(tarfile.TarInfo(f"{name.removesuffix('.tar.gz')}/notes.md"))
    assert suggest(tmp_path) == []
    build_sdist(tmp_path, CARGO)
    build_sdist(tmp_path, {"setup.py": ""}, name="plain")
    assert suggest(tmp_path) == [
        "wheelfix sdist demo-1.0.tar.gz",
        "uv build --wheel -o wheels plain-1.0.tar.gz && wheelfix scan wheels",
    ]
