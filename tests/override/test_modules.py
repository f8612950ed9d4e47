"""Modules of NixOS and devenv: what each list has in the end, and what no assignment takes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.elf import build_elf
from tests.support.screens import ask
from tests.support.wheel import build_wheel
from wheelfix.cli import cli
from wheelfix.index.variables import find_variables
from wheelfix.model.override import Cuda, Dialect, Input, Override, Search
from wheelfix.override.dialects import render_overrides

DIALECTS = (Dialect.NIXOS, Dialect.DEVENV)


def make(name: str = "demo", **more: Any) -> Override:
    return Override(name=name, version="1", target=f"{name}-1.whl", tags=(), cuda=Cuda.WHEELS, **more)


def read(dialect: Dialect, *overrides: Override) -> tuple[str, Any]:
    code = render_overrides(overrides, (), dialect)
    return code, ask(f"({code})", code, "module")


@pytest.mark.parametrize(("dialect", "tool", "there"), [
    (Dialect.NIXOS, "nix-ld", "/base"), (Dialect.DEVENV, "devenv", "/project/.devenv/profile"),
])  # fmt: skip
def test_what_the_option_has_by_default_stays(dialect: Dialect, tool: str, there: str) -> None:
    inputs = (
        Input(attr="unixodbc", reason="libodbc.so.2"),
        Input(attr="zlib", reason="libz.so.1", baseline=True),
    )
    code, found = read(dialect, make(inputs=inputs), make("more", inputs=inputs[:1]))
    assert found[tool]["enable"] is True
    first, *rest = found[tool]["libraries"]
    assert first == there
    assert [path.partition("-")[2] for path in rest] == ["unixodbc", "zlib"]
    assert "demo: libodbc.so.2; more: libodbc.so.2" in code


def test_nothing_to_list_is_no_list() -> None:
    for dialect in DIALECTS:
        code, _ = read(dialect, make())
        assert "libraries =" not in code
        assert "options" not in code


def test_other_directories_than_lib_become_packages_that_have_it_there() -> None:
    search = Search(attr="jdk", directory="lib/openjdk/lib/server", reason="libjvm.so")
    override = make(inputs=(Input(attr="jdk", reason="libjvm.so"),), searches=(search,))
    for dialect, tool in zip(DIALECTS, ("nix-ld", "devenv"), strict=True):
        *_, last = read(dialect, override)[1][tool]["libraries"]
        assert last == "lib -> /nix/store/00000000000000000000000000000000-jdk/lib/openjdk/lib/server"


def test_the_gpu_driver_is_linked_file_by_file_or_listed() -> None:
    override = make(driver=("libcuda.so.1", "libdxcore.so"))
    links = read(Dialect.NIXOS, override)[1]["nix-ld"]["libraries"][-1]
    assert links == (
        "lib/libcuda.so.1 -> /run/opengl-driver/lib/libcuda.so.1, "
        "lib/libdxcore.so -> /usr/lib/wsl/lib/libdxcore.so"
    )
    # devenv looks into lib of each.
    assert read(Dialect.DEVENV, override)[1]["devenv"]["libraries"][1:] == [
        "/run/opengl-driver",
        "/usr/lib/wsl",
    ]


def test_variables_are_set_and_what_cannot_be_unset_is_said() -> None:
    names = ("wand", "django", "pyside6-essentials", "pyopencl")
    overrides = [make(name, variables=find_variables(name)) for name in names]
    store = "/nix/store/00000000000000000000000000000000-imagemagick"
    wanted = {"MAGICK_HOME": store, "OCL_ICD_VENDORS": "/run/opengl-driver/etc/OpenCL/vendors"}
    code, found = read(Dialect.NIXOS, *overrides)
    assert found["variables"] == wanted
    assert code.count("pkgs.lib.mkDefault") == len(wanted)
    assert "unset QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH" in " ".join(code.replace("\n#", "").split())
    code, found = read(Dialect.DEVENV, *overrides)
    assert found["variables"] == wanted
    assert found["enterShell"] == "unset QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    core = build_elf(tmp_path / "elf", "x.so", needed=["libtbb.so.12"])
    return build_wheel(tmp_path, files={"demo/x.so": core}).name


@pytest.mark.parametrize("dialect", ["shell", "nixos", "devenv"])
@pytest.mark.parametrize(("command", "option"), [
    ("override", ["--strip", "x*"]), ("override", ["--keep", "x"]),
    ("lock", ["--strip", "x*"]), ("lock", ["--provider", "demo=nixpkgs"]),
])  # fmt: skip
def test_choices_between_packages_are_refused(
    wheel: str, dialect: str, command: str, option: list[str]
) -> None:
    target = wheel
    if command == "lock":
        target = "pylock.toml"
        Path(target).write_text(
            'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
            f'wheels = [{{ name = "{wheel}", path = "{wheel}" }}]\n'
        )
    done = CliRunner().invoke(cli, [command, target, "--dialect", dialect, *option])
    assert done.exit_code == 3
    assert done.stderr.startswith(f"wheelfix: {' '.join(option)}: is for package sets: {dialect} lists ")
    assert done.stderr.count("\n") == 2
