"""Every word of a user that is looked up and refused is answered with what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_scan import run
from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.outside.requirements import check_system
from wheelfix.wheel.input import open_input, suggest_path

LOCK = """
version = 1
requires-python = ">=3.12"
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
[package.optional-dependencies]
web = []
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a wheel, a lock and an environment, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    elf = build_elf(tmp_path, "x.so")
    (tmp_path / "x.so").unlink(missing_ok=True)
    built = build_wheel(tmp_path, files={"demo/x.so": elf})
    built.rename(WHEEL)
    (tmp_path / "uv.lock").write_text(LOCK)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "1"\n')
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    return tmp_path


WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("scan", "demo-1.0.whl"), f"write {WHEEL}"),
        (("scan", "./demo"), f"write ./{WHEEL}"),
        (("scan", ".vnev"), "write .venv"),
        (("patch", ".vnev"), "write .venv"),
        (("report", ".vnv/"), "write .venv"),
        (("scan", "--with", ".vnev", WHEEL), "write .venv"),
        (("lock", "uv.lok"), "write uv.lock"),
        (("scan", "--index", "uv.lok", WHEEL), "write uv.lock"),
        (("explain", "uv.lok"), "write uv.lock"),
        (("env", "out", "-r", "uv.lok"), "write uv.lock"),
        (("lock", "uv.lock", "--extra", "wbe"), "write web"),
        (("lock", "uv.lock", "--provider", "ap=sdist"), "write app"),
        (("lock", "uv.lock", "--provider", "app=sdst"), "write sdist"),
        (("locate", "--prefer", "libglvnd", "libGL.so.1"), "write libGL"),
        (("locate", "--prefer", "libglvn", "libGL.so.1"), "write libGL"),
        (("locate", "--prefer", "opensls", "libssl.so.3"), "write openssl"),
        (("locate", "--prefer", "cudaPackages.libcubals", "libGL.so.1"), "write cudaPackages.libcublas or "),
        (("adapter", WHEEL, "--from", "demo"), "write python3Packages.demo"),
        (("adapter", WHEEL, "--from", "python3Pakages.demo"), "write python3Packages.demo"),
        (("adapter", WHEEL, "--from", "python312Package.demo"), "write python312Packages.demo"),
        (("scan", "--platform", "x86_64-linx", WHEEL), "write x86_64-linux"),
        (("flake", "--cuda", "--unfree", "--systems", "aarch64-lnux"), "write aarch64-linux"),
        (("index", "update", "--system", "x86_64-linx"), "write x86_64-linux"),
    ],
)
def test_the_hint_is_what_was_meant(project: Path, arguments: tuple[str, ...], hint: str) -> None:
    result = run(*arguments, env={"HOME": str(project / "home"), "XDG_CACHE_HOME": str(project / "cache")})
    assert result.returncode in {3, 4}
    said = result.stderr.splitlines()[-1]
    assert f"{said}\n".startswith(f"hint: {hint}" if hint.endswith(" ") else f"hint: {hint}\n")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("scna", "there is no command 'scna': write scan"),
        ("locat", "there is no command 'locat': write locate"),
        (".venv", "there is no command '.venv': run `wheelfix scan .venv`"),
        ("libGL.so.1", "there is no command 'libGL.so.1': run `wheelfix locate libGL.so.1`"),
        ("nothing-like-it", "there is no command 'nothing-like-it': `wheelfix --help` lists them"),
        ("\x1b[31m", "there is no command '\\x1b[31m': `wheelfix --help` lists them"),
    ],
)
def test_what_is_no_command(project: Path, word: str, said: str) -> None:
    result = run(word)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_setting_that_nobody_reads_is_refused(project: Path) -> None:
    settings = '[tool.wheelfix]\nfree-threaded = false\n[tool.wheelfix.provider]\ndefault = "wheel"\n'
    (project / "pyproject.toml").write_text(settings)
    result = run("lock", "uv.lock")
    assert result.returncode == 3
    assert result.stderr.splitlines()[-2:] == [
        "wheelfix: pyproject.toml: tool.wheelfix.provider: is no setting of wheelfix",
        "hint: write providers",
    ]


def test_globs_of_patch_that_match_nothing_are_told(project: Path) -> None:
    options = ("--dry-run", "--libs", project, "--only", "Demo/*", "--exclude", "*.sso", "--only", "demo/*")
    result = run("patch", WHEEL, *options)
    assert "--only Demo/*: matches no file: write demo/*" in result.stdout + result.stderr
    assert "--exclude *.sso: matches no file: a glob is for a whole path" in result.stdout + result.stderr
    assert "--only demo/*:" not in result.stdout + result.stderr


def test_paths_beside_which_nothing_is_near(tmp_path: Path) -> None:
    (tmp_path / "torch-2.9.1-cp312-cp312-linux_x86_64.whl").touch()
    (tmp_path / "uv.lock").touch()
    near = {
        name: suggest_path(f"{tmp_path}/{name}", otherwise="check it")
        for name in ("torch.wh", "torch-2.whl", "uvlock", "numpy.whl", "\udcff", "x" * 5000, "a\0b")
    }
    wheel = f"write {tmp_path}/torch-2.9.1-cp312-cp312-linux_x86_64.whl"
    assert near == {
        "torch.wh": wheel,
        "torch-2.whl": wheel,
        "uvlock": f"write {tmp_path}/uv.lock",
        **dict.fromkeys(("numpy.whl", "\udcff", "x" * 5000, "a\0b"), "check it"),
    }
    assert suggest_path(f"{tmp_path}/none/x", otherwise="check it") == "check it"
    with pytest.raises(InputError, match="cannot be read") as refused:
        open_input(tmp_path / "uv.lok")
    assert refused.value.hint == f"write {tmp_path}/uv.lock"


def test_a_name_of_a_file_cannot_speak_on_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv\x1b[31m.lock").touch()
    monkeypatch.chdir(tmp_path)
    result = run("lock", "./uv[31m.lock")
    assert result.returncode == 3
    assert "hint: write ./uv\\x1b[31m.lock" in result.stderr


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ppc64le-linux", "write powerpc64le-linux"),
        ("aarch64", "write aarch64-linux"),
        ("arm64-linux", "write aarch64-linux"),
        ("linux/arm/v7", "write armv7l-linux"),
        ("manylinux_2_28_x86_64", "write x86_64-linux"),
        ("aarch64-unknown-linux-gnu", "write aarch64-linux"),
        ("x86_64-linux-musl", "write x86_64-linux, and give the musllinux wheel's file"),
        ("riscv64-linx", "write riscv64-linux"),
        ("x86-64-linux", "write x86_64-linux"),
        ("aarch46-linux", "write aarch64-linux"),
        ("linux", "name a system such as x86_64-linux"),
        ("aarch64-darwin", "wheelfix is for wheels of Linux: name one"),
        ("win_amd64", "wheelfix is for wheels of Linux: name one"),
        ("commodore", "name a system such as x86_64-linux"),
    ],
)
def test_what_a_platform_is_meant_for(text: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        check_system(text)
    assert caught.value.hint == hint


def test_the_option_is_named() -> None:
    with pytest.raises(InputError, match="--system x86_64-linx: is no Linux system"):
        check_system("x86_64-linx", "--system")
