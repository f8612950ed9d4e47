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
from tests.support.nixeval import evaluate
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
    result = run(tmp_path, text=UNRELATED, code=6)
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
        ([], "shell"),
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


MAGIC = (
    "from ctypes import CDLL, util\n"
    "CDLL(util.find_library('magic') or 'libmagic.so.1')\n"
    "CDLL('libtbb.so.12')\n"
    "CDLL('libcuda.so.1')\n"
)
NOT_FOUND = "ImportError: failed to find libmagic.  Check your installation\n"


@pytest.fixture
def pure(tmp_path: Path) -> Path:
    """A project with a virtual environment, in which a package without ELF files opens libraries by name."""
    site = tmp_path / "project" / ".venv" / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    for name, module in (("acme_files", "magical"), ("bystander", "bystander")):
        source = MAGIC if module == "magical" else "import ctypes\n"
        files = {f"{module}/__init__.py": source.encode()}
        wheel = build_wheel(tmp_path, name=name, files=files, tag="py3-none-any")
        zipfile.ZipFile(wheel).extractall(site)
    return tmp_path / "project"


def frame_magic(project: Path | str) -> str:
    file = f"{project}/.venv/lib/python3.12/site-packages/magical/__init__.py"
    return f'Traceback (most recent call last):\n  File "{file}", line 2, in <module>\n{NOT_FOUND}'


@pytest.mark.parametrize("shown", [True, False], ids=["traceback", "one line"])
def test_the_package_that_opens_a_library_is_found_and_answers(pure: Path, shown: bool) -> None:
    text = frame_magic(pure) if shown else NOT_FOUND
    document = explain_json(pure, "--dialect", "uv2nix", text=text)
    assert document["package"]["name"] == "acme-files"
    named = document["missing"][0]
    assert (named["class"], named["providers"][0]["attr"], named["linked"]) == ("provided", "file", False)
    assert {o["file"] for o in named["openings"]} == {"magical/__init__.py"}
    assert all(o["form"] != "none" for o in named["openings"])
    assert [m["soname"] for m in document["missing"] if not m["named"]] == ["libcuda.so.1", "libtbb.so.12"]
    (piece,) = document["paste"]
    override = subprocess.run(
        [sys.executable, "-m", "wheelfix", "override", "--quiet", "--dialect", "uv2nix", ".venv"],
        capture_output=True, text=True, cwd=pure, check=True, env={**os.environ, "XDG_CACHE_HOME": str(pure)},
    ).stdout  # fmt: skip
    changes = [line for line in override.splitlines() if "substituteInPlace" in line or '" =' in line]
    assert changes
    assert [line for line in piece["code"].splitlines() if line in changes] == changes
    assert "buildInputs" not in piece["code"]
    assert document["command"] is None
    assert document["ignore_missing"] == []
    assert any(line.startswith("wheelfix patch") for line in document["now"])


def test_a_message_from_elsewhere_is_answered_and_names_the_command(tmp_path: Path) -> None:
    document = explain_json(tmp_path, "--dialect", "uv2nix", text=frame_magic("/elsewhere"))
    (named,) = document["missing"]
    assert [(o["file"], o["line"], o["form"]) for o in named["openings"]] == [
        ("magical/__init__.py", 2, "shim")
    ]
    (piece,) = document["paste"]
    assert '"libmagic.so" = "${lib.getLib pkgs.file}/lib/libmagic.so"' in piece["code"]
    assert "buildInputs" not in piece["code"]
    assert document["command"] == "wheelfix override --dialect uv2nix magical"
    result = run(tmp_path, "--dialect", "uv2nix", text=frame_magic("/elsewhere"), code=0)
    assert f"    {document['command']}\n" in result.stdout
    assert "a shim finds it by this name" in " ".join(result.stdout.split())


def test_without_a_place_the_command_alone_is_what_to_paste(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    (tmp_path / "flake.nix").touch()
    document = explain_json(tmp_path, text=NOT_FOUND)
    assert (document["paste"], document["command"]) == ([], "wheelfix lock uv.lock")
    result = run(tmp_path, text=NOT_FOUND, code=0)
    assert "nothing:" not in result.stdout
    assert "opened by name, for which inputs do nothing" in result.stdout


@pytest.mark.parametrize("dialect", ["uv2nix", "pyproject-nix", "poetry2nix", "nixpkgs", "mach-nix", "shell"])
@pytest.mark.parametrize("installed", [True, False])
def test_code_for_what_is_opened_is_nix(pure: Path, dialect: str, installed: bool) -> None:
    text = frame_magic(pure if installed else "/elsewhere")
    directory = pure if installed else pure.parent
    document = explain_json(directory, "--dialect", dialect, text=text)
    (piece,) = document["paste"]
    path = pure / "paste.nix"
    path.write_text(piece["code"])
    subprocess.run(["nix-instantiate", "--parse", path], check=True, capture_output=True)
    assert "pkgs.file" in piece["code"]
    if dialect == "nixpkgs":
        extended = f"(({piece['code']}) pkgs {{ pythonPackagesExtensions = [ ]; }}).pythonPackagesExtensions"
        name = document["package"]["name"]
        old = f'{{ "{name}".overridePythonAttrs = f: f {{ }}; }}'
        code = f'(builtins.head {extended} {{ }} {old})."{name}".postInstall'
        packages = '{ lib.getLib = x: x; lib.optionalString = c: t: if c then t else ""; '
        packages += 'writeText = n: t: t; file = "/file"; onetbb = "/tbb"; python3.sitePackages = "site"; }'
        assert "/file/lib/libmagic.so" in evaluate(f"let pkgs = {packages}; in {code}")


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
