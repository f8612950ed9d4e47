"""``wheelfix explain`` as a user runs it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.report.json import load_schema

KRB5 = "Pyside on nixos ImportError: libgssapi_krb5.so.2\n"
UNRELATED = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nZeroDivisionError: x\n'


def run(
    directory: Path, *arguments: str | Path, text: str = "", code: int | None = None
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "wheelfix", "explain", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        cwd=directory,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache"), "HOME": str(directory)},
        check=False,
    )
    assert code is None or result.returncode == code, result.stderr
    return result


def explain_json(directory: Path, *arguments: str | Path, text: str = "") -> Any:
    document = json.loads(run(directory, "--json", *arguments, text=text).stdout)
    jsonschema.validate(document, load_schema("wheelfix.explain/1"), cls=jsonschema.Draft202012Validator)
    return document


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A project with a virtual environment, in which one wheel lacks several libraries."""
    files = {
        "demo/x.so": build_elf(
            tmp_path, "x.so", needed=["libodbc.so.2", "libtbb.so.12", "libcuda.so.1", "libnobody-has.so.9"]
        ),
        "demo/__init__.py": b"",
    }
    wheel = build_wheel(tmp_path, files=files)
    environment = tmp_path / "project" / ".venv"
    site = environment / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    zipfile.ZipFile(wheel).extractall(site)
    home = "/nix/store/00000000000000000000000000000000-python3-3.12.8/bin"
    (environment / "pyvenv.cfg").write_text(f"home = {home}\nversion = 3.12.8\n")
    (environment / "bin").mkdir()
    (environment / "bin" / "python").symlink_to(f"{home}/python3")
    return environment.parent


def make_traceback(project: Path) -> str:
    return (
        "Traceback (most recent call last):\n"
        f'  File "{project}/.venv/lib/python3.12/site-packages/demo/__init__.py", line 1, in <module>\n'
        "    from .x import y\n"
        "ImportError: libodbc.so.2: cannot open shared object file: No such file or directory\n"
    )


def test_pyside_for_mach_nix(tmp_path: Path) -> None:
    result = run(tmp_path, "--dialect", "mach-nix", text=KRB5, code=0)
    assert "_.pyside2.buildInputs.add = [" in result.stdout
    assert "pkgs.krb5" in result.stdout
    assert result.stderr == ""


def test_three_parts_in_order(tmp_path: Path) -> None:
    text = run(tmp_path, "-", text=KRB5, code=0).stdout
    assert text.index("What happened") < text.index("What to paste") < text.index("What to do now")
    assert "nix-shell -E" in text


def test_unrelated(tmp_path: Path) -> None:
    result = run(tmp_path, text=UNRELATED, code=0)
    assert result.stdout == "nothing about shared libraries here\n"
    assert explain_json(tmp_path, text=UNRELATED)["concerned"] is False


def test_a_library_that_nobody_has(tmp_path: Path) -> None:
    text = "ImportError: libnobody-has.so.9: cannot open shared object file: No such file or directory\n"
    result = run(tmp_path, text=text, code=1)
    assert "nobody in this index has it" in result.stdout


def test_file_and_errors(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(KRB5)
    assert "krb5" in run(tmp_path, "log", code=0).stdout
    missing = run(tmp_path, "none", code=3)
    assert missing.stderr.splitlines()[0] == "wheelfix: none: cannot be read (no such file or directory)"
    assert len(missing.stderr.splitlines()) == 2
    run(tmp_path, tmp_path, code=3)
    run(tmp_path, "log", "more", code=2)
    run(tmp_path, "--", code=2)
    run(tmp_path, "log", "--", "true", code=2)
    run(tmp_path, "--index", "none", text=KRB5, code=4)


@pytest.mark.parametrize(
    ("files", "dialect"),
    [
        (["uv.lock", "flake.nix"], "uv2nix"),
        (["poetry.lock", "flake.nix"], "poetry2nix"),
        (["poetry.lock", "shell.nix"], "poetry2nix"),
        (["pylock.toml", "flake.nix"], "pyproject-nix"),
        (["shell.nix"], "shell"),
        (["uv.lock"], "shell"),
        ([], "uv2nix"),
    ],
)
def test_dialect_of_a_directory(tmp_path: Path, files: list[str], dialect: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert explain_json(tmp_path, text=KRB5)["dialect"] == dialect
    assert explain_json(tmp_path, "--dialect", "nixpkgs", text=KRB5)["dialect"] == "nixpkgs"


@pytest.mark.parametrize(
    "dialect", ["uv2nix", "pyproject-nix", "poetry2nix", "nixpkgs", "mach-nix", "shell", "nix-ld", "stack"]
)
def test_every_piece_is_nix(tmp_path: Path, dialect: str) -> None:
    text = KRB5 + "/x: error while loading shared libraries: libcuda.so.1: cannot open shared object file\n"
    if dialect == "nix-ld":
        text += "NixOS cannot run dynamically linked executables intended for generic\n"
    if dialect == "stack":
        file = "/v/lib/python3.12/site-packages/foo/b$x;y.so"
        text = f"ImportError: {file}: cannot enable executable stack as shared object requires: x"
    chosen = [] if dialect in {"nix-ld", "stack"} else ["--dialect", dialect]
    document = explain_json(tmp_path, *chosen, text=text)
    assert document["paste"]
    for number, piece in enumerate(document["paste"]):
        path = tmp_path / f"{number}.nix"
        path.write_text(piece["code"])
        subprocess.run(["nix-instantiate", "--parse", path], check=True, capture_output=True)
    for line in document["now"]:
        if line.startswith("nix-shell"):
            expression = shlex.split(line)[2]
            subprocess.run(["nix-instantiate", "--parse", "-E", expression], check=True, capture_output=True)


def test_all_that_will_be_missing_next(venv: Path) -> None:
    document = explain_json(venv, text=make_traceback(venv))
    assert [(m["soname"], m["named"]) for m in document["missing"]] == [
        ("libodbc.so.2", True),
        ("libcuda.so.1", False),
        ("libnobody-has.so.9", False),
        ("libtbb.so.12", False),
    ]
    assert document["build_inputs"] == ["onetbb", "unixodbc"]
    assert document["ignore_missing"] == ["libcuda.so.1"]
    assert document["package"]["name"] == "demo"
    assert document["package"]["version"] == "1.0"
    assert document["interpreter"] == "nixpkgs"
    assert document["dialect"] == "shell"
    assert f"wheelfix patch {venv}/.venv" in document["now"]
    result = run(venv, text=make_traceback(venv), code=1)
    assert "Missing next (demo-1.0" in result.stdout


def test_a_text_from_another_machine_meets_the_own_environment(venv: Path, tmp_path: Path) -> None:
    document = explain_json(venv, text=make_traceback(Path("/elsewhere")).replace("from .x", "from demo"))
    assert document["build_inputs"] == ["onetbb", "unixodbc"]
    assert explain_json(tmp_path, text=make_traceback(Path("/elsewhere")))["build_inputs"] == ["unixodbc"]


def test_what_run_paths_find_is_not_missing(tmp_path: Path, venv: Path) -> None:
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    (libraries / "libtbb.so.12").write_bytes(b"x")
    site = venv / ".venv" / "lib" / "python3.12" / "site-packages"
    patched = build_elf(tmp_path, "y.so", needed=["libodbc.so.2", "libtbb.so.12"], runpath=[str(libraries)])
    (site / "demo" / "x.so").write_bytes(patched)
    assert explain_json(venv, text=make_traceback(venv))["build_inputs"] == ["unixodbc"]


def test_libraries_of_the_host_count_only_where_the_package_runs_on_them(venv: Path, tmp_path: Path) -> None:
    site = venv / ".venv" / "lib" / "python3.12" / "site-packages"
    # Every machine with gcc has libgcc_s.
    needed = ["libodbc.so.2", "libgcc_s.so.1"]
    (site / "demo" / "x.so").write_bytes(build_elf(tmp_path, "y.so", needed=needed))
    python = venv / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/usr/bin/python3")
    shell = explain_json(venv, "--dialect", "shell", text=make_traceback(venv))
    assert shell["build_inputs"] == ["unixodbc"]
    overlay = explain_json(venv, "--dialect", "uv2nix", text=make_traceback(venv))
    assert overlay["build_inputs"] == ["stdenv.cc.cc.lib", "unixodbc"]


def test_preference_and_hostile_names(tmp_path: Path) -> None:
    text = "ImportError: lib\x1b[2Jred\u202e.so.1: cannot open shared object file: No such file\n"
    result = run(tmp_path, text=text, code=1)
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    ambiguous = "libgs.so.10 => not found\n"
    first = explain_json(tmp_path, text=ambiguous)["missing"][0]
    other = first["providers"][1]["attr"]
    assert explain_json(tmp_path, "--prefer", other, text=ambiguous)["build_inputs"] == [other]


def test_same_bytes_on_every_run(venv: Path) -> None:
    assert len({run(venv, "--json", text=make_traceback(venv)).stdout for _ in range(3)}) == 1


def test_command_keeps_its_exit_code_and_output(tmp_path: Path) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    result = run(tmp_path, "--", sys.executable, "-c", script, code=7)
    assert result.stdout == "out\n"
    assert result.stderr == "err\nnothing about shared libraries here\n"
    fine = run(tmp_path, "--", sys.executable, "-c", "print(input())", text="in\n", code=0)
    assert (fine.stdout, fine.stderr) == ("in\n", "")


def test_command_killed_or_missing(tmp_path: Path) -> None:
    run(tmp_path, "--", "sh", "-c", "kill -9 $$", code=137)
    result = run(tmp_path, "--", "no-such-program", code=3)
    assert result.stderr.startswith("wheelfix: no-such-program: cannot be run")


def test_command_whose_output_is_large(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('y' * 3_000_000); sys.exit(3)"
    result = run(tmp_path, "--", sys.executable, "-c", script, code=3)
    assert len(result.stdout) == 3_000_000


def test_options_of_the_command_are_its_own(tmp_path: Path) -> None:
    result = run(tmp_path, "--json", "--", "echo", "--json", "--", "--help", code=0)
    assert result.stdout == "--json -- --help\n"
