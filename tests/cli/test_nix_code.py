"""adapter, override and flake on the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.support.elf import build_elf
from tests.support.nixeval import evaluate
from tests.support.wheel import build_wheel
from wheelfix.cli import cli


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wheelfix", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def unwrap(code: str) -> str:
    """Comments as they were before they were wrapped."""
    return " ".join(line.strip().removeprefix("# ") for line in code.splitlines())


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    needed = ["libz.so.1", "libodbc.so.2", "libcuda.so.1", "libcublas.so.12"]
    library = build_elf(tmp_path, "x.so", needed=needed, runpath=["$ORIGIN/../nvidia/cublas/lib"])
    requires = ['nvidia-cublas-cu12; platform_system == "Linux"', "cuda-toolkit[nvrtc]", "numpy"]
    requires.append('triton; platform_system == "Linux"')
    files = {"demo/x.so": library, "demo/__init__.py": b"import os\nfrom triton import jit\n"}
    return build_wheel(tmp_path, files=files, requires=requires)


def test_override(wheel: Path) -> None:
    result = run("override", wheel)
    assert result.returncode == 0, result.stderr
    assert "pkgs.unixodbc" in result.stdout
    assert "pkgs.zlib" not in result.stdout
    assert '"libcuda.so.1"' in result.stdout
    assert "addAutoPatchelfSearchPath ${final.nvidia-cublas-cu12}/" in result.stdout
    assert evaluate(f"builtins.isFunction ({result.stdout})") is True


def test_override_of_another_dialect_and_strategy(wheel: Path) -> None:
    code = run("override", wheel, "--dialect", "poetry2nix", "--cuda", "nixpkgs").stdout
    assert "pkgs.cudaPackages.libcublas" in code
    assert '"cuda-toolkit"' in code
    assert "overridePythonAttrs" in code
    package = run("override", wheel, "--dialect", "nixpkgs").stdout
    assert "nvidia-cublas-cu12" not in package.partition("dependencies =")[2].partition("]")[0]
    result = run("override", wheel, "--dialect", "shell", "--cuda", "prebuilt")
    assert result.returncode == 3
    assert "hint: use nixpkgs or wheels" in result.stderr


def test_an_open_question_is_exit_code_1(tmp_path: Path) -> None:
    library = build_elf(tmp_path, "x.so", needed=["libnobodyhasit.so.7"])
    result = run("override", build_wheel(tmp_path, files={"demo/x.so": library}))
    assert result.returncode == 1
    assert '"libnobodyhasit.so.7"' in result.stdout
    assert "does not load without: demo/x.so" in unwrap(result.stdout)


def test_adapter(wheel: Path) -> None:
    result = run("adapter", wheel, "--from", "python312Packages.demo")
    assert result.returncode == 0
    assert "without CUDA, unless its configuration has cudaSupport = true" in result.stderr
    assert '"nvidia-cublas-cu12"' in result.stdout
    assert '"cuda-toolkit"' in result.stdout
    assert "triton (demo/__init__.py:2 imports it)" in result.stdout.replace("\n", " ").replace(
        "      # ", ""
    )
    kept = run("adapter", wheel, "--from", "python312Packages.demo", "--keep", "nvidia_cublas.cu12").stdout
    assert '"nvidia-cublas-cu12"' not in kept
    assert '"triton"' in run("adapter", wheel, "--from", "python312Packages.demo", "--strip", "tri*").stdout


def test_adapter_finds_the_build_and_strips_extras(tmp_path: Path) -> None:
    requires = ["numpy", "nvidia-cublas-cu12; extra == 'cuda'"]
    jax = build_wheel(tmp_path, name="jax", files={"jax/__init__.py": b""}, requires=requires)
    result = run("adapter", jax)
    assert result.returncode == 0, result.stderr
    assert "pkgs.python312Packages.jax;" in result.stdout
    assert '"nvidia-cublas-cu12"' in result.stdout.partition("optional-dependencies =")[2]
    assert evaluate(f"builtins.isFunction ({result.stdout})") is True
    unknown = run("adapter", build_wheel(tmp_path, name="nosuchpackage", files={}))
    assert unknown.returncode == 3
    assert "nosuchpackage: is not known to be among nixpkgs' Python packages" in unknown.stderr
    assert "--from" in unknown.stderr


def test_adapter_refuses_another_python(wheel: Path) -> None:
    result = run("adapter", wheel, "--from", "python311Packages.demo")
    assert (result.returncode, result.stdout) == (3, "")
    assert "python312Packages" in result.stderr
    warned = run("adapter", wheel, "--from", "python3Packages.demo")
    assert warned.returncode == 0
    assert "warning: python3Packages.demo is for nixpkgs' default Python" in warned.stderr


def test_adapter_knows_more_with_the_dependencies_at_hand(wheel: Path, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    requires = ['nvidia-cuda-nvrtc==13.*; extra == "nvrtc"', 'nvidia-npp==13.*; extra == "npp"']
    build_wheel(beside, files={}, name="cuda_toolkit", requires=requires, tag="py3-none-any")
    result = run("adapter", wheel, "--from", "python312Packages.demo", "--with", beside)
    flat = unwrap(result.stdout)
    assert "brings nothing but nvidia-cuda-nvrtc, all redundant" in flat
    assert "With them go nvidia-cuda-nvrtc, which nothing else requires" in flat


def test_output_is_written_at_once_or_not_at_all(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "overrides.nix"
    target.write_text("old")
    assert run("override", wheel.with_name("none.whl"), "-o", target).returncode == 3
    assert target.read_text() == "old"
    assert run("override", wheel, "-o", target).stdout == ""
    assert target.read_text() == run("override", wheel).stdout
    result = run("override", wheel, "-o", tmp_path / "nowhere" / "x.nix")
    assert result.returncode == 5
    assert "Traceback" not in result.stderr
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".overrides")] == []


def test_flake() -> None:
    arguments = ("--cuda", "--cuda-capability", "8.9", "--unfree", "--systems", "x86_64-linux,aarch64-linux")
    result = run("flake", *arguments)
    assert result.returncode == 0, result.stderr
    assert evaluate(f"({result.stdout}).inputs.nixpkgs.url") == "github:NixOS/nixpkgs/nixos-unstable"
    assert run("flake", "--cuda-capability", "8.9").returncode == 3


def test_hostile_metadata_stays_data(tmp_path: Path) -> None:
    evil = b'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: x${builtins.abort "y"}\'\'" */ }\n'
    evil += b"License: a\x1b[2J ${x}\nRequires-Dist: with\nRequires-Dist: 3to2\n"
    member = 'demo/a b"${builtins.abort "z"}.so'
    files = {member: build_elf(tmp_path, "x.so", needed=["libodbc.so.2", 'lib"${evil}.so.1'])}
    wheel = build_wheel(tmp_path, files=files, metadata=evil)
    for dialect in (
        "uv2nix",
        "pyproject-nix",
        "poetry2nix",
        "nixpkgs",
        "mach-nix",
        "shell",
        "nixos",
        "devenv",
    ):
        result = run("override", wheel, "--dialect", dialect)
        assert result.returncode == 1, result.stderr
        assert "\x1b" not in result.stdout
        assert evaluate(f"builtins.isFunction ({result.stdout})") is True
    code = run("override", wheel, "--dialect", "nixpkgs").stdout
    package = f'(({code}) (builtins.mapAttrs (n: _: if n == "buildPythonPackage" then (a: a) else '
    package += f'if n == "fetchPypi" then (a: a) else {{ }}) (builtins.functionArgs ({code}))))'
    assert evaluate(f"{package}.meta.description") == 'x${builtins.abort "y"}\'\'" */ }'


@pytest.mark.parametrize("command", ["override", "adapter"])
@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("--strip", "Trit_no*"), "--strip trit-no*: matches no dependency", "write triton"),
        (("--keep", "Cuda.Tolkit"), "--keep cuda-tolkit: matches no dependency", "write cuda-toolkit"),
        (("--prefer", "unixodcb"), "--prefer unixodcb: is no attribute", "unixodbc"),
        (("--python", "3.99"), "--python 3.99: is no version", "the newest one that wheelfix knows is 3."),
        (("--python", "python3"), "--python python3: is no version", "3.12"),
        (("--python", "3.12t"), "--python 3.12t: has no build without GIL", "3.13t"),
        (("--platform", "x86_64-linx"), "--platform x86_64-linx: is no Linux system", "x86_64-linux"),
    ],
)
def test_names_that_match_nothing_are_one_line_with_the_nearest(
    wheel: Path, command: str, arguments: tuple[str, ...], said: str, hint: str
) -> None:
    attr = ("--from", "python312Packages.demo") if command == "adapter" else ()
    result = run(command, wheel, *attr, "--quiet", *arguments)
    assert (result.returncode, result.stdout) == (3, "")
    assert said in result.stderr
    assert hint in result.stderr.partition("\nhint: ")[2]
    assert result.stderr.count("\n") == 2


def test_globs_of_dependencies_are_normalised(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, files={}, requires=["foo-bar-baz", "nvidia-cublas-cu12"])
    wishes = ("--strip", "Foo_Bar.*", "--keep", "NVIDIA_cublas.cu12")
    code = run("adapter", wheel, "--from", "python312Packages.demo", *wishes)
    assert code.returncode == 0, code.stderr
    assert '"foo-bar-baz"' in code.stdout
    assert '"nvidia-cublas-cu12"' not in code.stdout


def test_the_name_of_a_build_is_held_against_its_distribution(wheel: Path) -> None:
    result = run("adapter", wheel, "--from", "python312Packages.dmo")
    assert (result.returncode, result.stdout) == (3, "")
    assert "hint: write python312Packages.demo" in result.stderr
    stranger = run("adapter", wheel, "--from", "python312Packages.quite-another")
    assert stranger.returncode == 0
    assert "warning: python312Packages.quite-another is not known to wheelfix" in stranger.stderr


def test_systems_of_a_flake() -> None:
    result = run("flake", "--systems", "x86_64-linux,x86_64-linx")
    assert (result.returncode, result.stdout) == (3, "")
    assert "x86_64-linx: is no Nix system" in result.stderr
    assert "hint: write x86_64-linux" in result.stderr


OPTIONS = {"--prefer": "nosuchattr", "--python": "3.99", "--platform": "x86_64-linx"}


def list_takers() -> list[tuple[str, str]]:
    """Commands with the options that they have of these."""
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return [
        (name, option)
        for name, command in commands.items()
        for option in OPTIONS
        if command and any(option in parameter.opts for parameter in command.params)
    ]


@pytest.mark.parametrize(("name", "option"), list_takers())
def test_no_command_takes_what_is_nothing(tmp_path: Path, name: str, option: str) -> None:
    (tmp_path / "nothing.whl").write_bytes(b"")
    before = {"adapter": ("--from", "python312Packages.demo"), "patch": ("-o", tmp_path)}.get(name, ())
    result = run(name, tmp_path / "nothing.whl", *before, option, OPTIONS[option])
    assert result.returncode == 3
    assert f"wheelfix: {option} {OPTIONS[option]}: is no " in result.stderr
    assert "\nhint: " in result.stderr
