"""What every dialect says of eight real wheels: golden files, evaluated, with what an expert expects."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.facts import make_reading, make_scan, open_table, plan, render
from tests.support.golden import ask_package, ask_stub, check_golden
from tests.support.nixeval import evaluate
from tests.support.screens import ask as ask_module
from wheelfix.index.cuda import find_cuda
from wheelfix.model.override import PACKAGE_DIALECTS, Cuda, Dialect, Override
from wheelfix.override.dialects import TRAITS, render_overrides

CU12 = [
    "cublas", "cuda-cupti", "cuda-nvrtc", "cuda-runtime", "cudnn", "cufft", "curand", "cusolver", "cusparse",
    "cusparselt", "nccl",
]  # fmt: skip
CUDA12 = [
    "cuda_cudart", "cuda_cupti", "cuda_nvrtc", "cudnn", "libcublas", "libcufft", "libcurand", "libcusolver",
    "libcusparse", "libcusparse_lt", "nccl",
]  # fmt: skip
CUDA13 = [
    "cuda_cudart", "cuda_cupti", "cuda_nvrtc", "cudnn", "libcublas", "libcufft", "libcufile", "libcusolver",
    "libcusparse", "libcusparse_lt", "libnvshmem", "nccl",
]  # fmt: skip
BASE = ["stdenv.cc.cc.lib"]
NIX_LD = "export NIX_LD_LIBRARY_PATH=${NIX_LD_LIBRARY_PATH:-/run/current-system/sw/share/nix-ld/lib}"
# Per wheel: what nixpkgs has to add beyond the manylinux baseline, that baseline as far as the wheel needs
# it, what is ignored, and whose directories are searched.
EXPECTED: dict[str, dict[str, Any]] = {
    "numba-0.68.1": {"inputs": ["onetbb"], "baseline": BASE, "ignored": [], "searched": []},
    "pyodbc-5.5.0": {"inputs": ["unixodbc"], "baseline": BASE, "ignored": [], "searched": []},
    "soundfile-0.14.0": {"inputs": [], "baseline": [], "ignored": [], "searched": []},
    "opencv-python-5.0.0.93": {
        "inputs": ["libxcb"],
        "baseline": ["glib", "libGL", "libice", "libsm", "libx11", "libxext", *BASE, "zlib"],
        "ignored": [],
        "searched": [],
    },
    "torch-2.6.0": {
        "inputs": [], "baseline": BASE, "ignored": ["libcuda.so.1"],
        "searched": [f"nvidia-{n}-cu12" for n in CU12],
        "cuda": [f"cudaPackages.{n}" for n in CUDA12],
        "stripped": [f"nvidia-{n}-cu12" for n in [*CU12, "nvjitlink", "nvtx"]],
    },
    "torch-2.9.1": {
        "inputs": [], "baseline": BASE, "ignored": ["libcuda.so.1"],
        "searched": [f"nvidia-{n}-cu12" for n in [*CU12, "cufile", "nvshmem"]],
        "cuda": [f"cudaPackages.{n}" for n in [*CUDA12, "libcufile", "libnvshmem"]],
        "stripped": [f"nvidia-{n}-cu12" for n in [*CU12, "cufile", "nvjitlink", "nvshmem", "nvtx"]],
    },
    "torch-2.15.0": {
        "inputs": [], "baseline": [*BASE, "zlib"], "ignored": ["libcuda.so.1"],
        "searched": [
            "nvidia-cublas", "nvidia-cuda-cupti", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime",
            "nvidia-cudnn-cu13", "nvidia-cufft", "nvidia-cufile", "nvidia-cusolver", "nvidia-cusparse",
            "nvidia-cusparselt-cu13", "nvidia-nccl-cu13", "nvidia-nvshmem-cu13",
        ],
        "cuda": [f"cudaPackages_13.{n}" for n in CUDA13],
        # The wheel stays, and may import what binds CUDA to Python.
        "stripped": [
            "cuda-toolkit", "nvidia-cudnn-cu13", "nvidia-cusparselt-cu13", "nvidia-nccl-cu13",
            "nvidia-nvshmem-cu13",
        ],
    },
    "pyside6-essentials-6.12.0": {
        "inputs": [
            "at-spi2-core", "brotli", "cairo", "cups", "dbus", "firebird", "fontconfig", "freetype",
            "gdk-pixbuf", "gtk3", "harfbuzz", "krb5", "libdrm", "libgbm", "libpq", "libxcb", "libxcb-cursor",
            "libxcb-image", "libxcb-keysyms", "libxcb-render-util", "libxcb-util", "libxcb-wm",
            "libxkbcommon", "pango", "unixodbc", "wayland", "zstd",
        ],
        "baseline": ["glib", "libGL", "libx11", *BASE, "zlib"],
        "ignored": [
            "libQt63DCore.so.6", "libQt63DQuick.so.6", "libQt63DQuickScene2D.so.6",
            "libQt63DQuickScene3D.so.6", "libQt63DRender.so.6", "libQt6EglFsKmsGbmSupport.so.6",
            "libQt6Multimedia.so.6", "libQt6Pdf.so.6", "libQt6PdfQuick.so.6", "libQt6Positioning.so.6",
            "libQt6Quick3DUtils.so.6", "libQt6StateMachine.so.6", "libQt6StateMachineQml.so.6",
            "libQt6VirtualKeyboard.so.6", "libQt6VirtualKeyboardQml.so.6",
            "libQt6VirtualKeyboardSettings.so.6", "libQt6WaylandCompositorIviapplication.so.6",
            "libQt6WaylandCompositorPresentationTime.so.6", "libQt6WaylandCompositorWLShell.so.6",
            "libQt6WaylandCompositorXdgShell.so.6", "libQt6WebChannel.so.6", "libQt6WebEngineCore.so.6",
            "libQt6WebEngineWidgets.so.6", "libclntsh.so.23.1", "libmimerapi.so", "libmysqlclient.so.21",
        ],
        "searched": ["shiboken6"],
    },
}  # fmt: skip
SETS = [Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX]
TORCH = [name for name in EXPECTED if name.startswith("torch")]


def golden(name: str, dialect: Dialect, cuda: Cuda | None = None) -> Any:
    chosen = cuda or TRAITS[dialect].cuda
    suffix = f"-{cuda}" if cuda else ""
    return check_golden(f"{name}/{dialect}{suffix}.nix", render(name, dialect, chosen))


def list_attrs(override: Override) -> list[str]:
    inputs = {one.attr for one in override.written}
    return sorted(inputs | {one.attr for one in override.searches if one.attr})


def make_packages(name: str, override: Override) -> dict[str, list[str]]:
    wheel = make_reading(name).distribution
    direct = sorted({r.name for r in wheel.requires if r.active})
    others = {*direct, *(s.distribution for s in override.searches if s.distribution)}
    return {wheel.name: direct, **{other: [] for other in sorted(others)}}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("dialect", SETS)
def test_overlays(name: str, dialect: Dialect) -> None:
    path, override, expected = golden(name, dialect), plan(name, Cuda.WHEELS), EXPECTED[name]
    packages = make_packages(name, override)
    found = ask_package(path, override.name, attrs=list_attrs(override), packages=packages)
    baseline = expected["baseline"] if dialect is Dialect.PYPROJECT_NIX else []
    assert sorted(found["inputs"]) == sorted([*expected["inputs"], *baseline])
    assert sorted(found["ignored"]) == sorted(expected["ignored"])
    lines = [line for line in found["preFixup"].splitlines() if not line.startswith("#")]
    assert all(line.startswith("addAutoPatchelfSearchPath /nix/store/") for line in lines)
    assert sorted(line.split("/")[3][33:] for line in lines) == sorted(expected["searched"])
    assert all("/lib/python3.12/site-packages/" in line for line in lines)
    driver = ["autoAddDriverRunpath"] if "libcuda.so.1" in expected["ignored"] else []
    missing_hook = (
        ["autoPatchelfHook"] if dialect is Dialect.PYPROJECT_NIX and (found["inputs"] or lines) else []
    )
    assert found["hooks"] == ["pyproject-hook", "autoPatchelfHook", *missing_hook, *driver]
    assert found["dependencies"] == packages[override.name]


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("dialect", SETS)
def test_cuda_from_nixpkgs(name: str, dialect: Dialect) -> None:
    path = golden(name, dialect, Cuda.NIXPKGS)
    override, expected = plan(name, Cuda.NIXPKGS), EXPECTED[name]
    packages = make_packages(name, override)
    found = ask_package(path, "torch", attrs=list_attrs(override), packages=packages)
    baseline = expected["baseline"] if dialect is Dialect.PYPROJECT_NIX else []
    assert sorted(found["inputs"]) == sorted([*expected["cuda"], *baseline])
    assert found["ignored"] == ["libcuda.so.1"]
    assert found["preFixup"] == ""
    left = found["propagated" if dialect is Dialect.POETRY2NIX else "dependencies"]
    assert sorted(left) == sorted(set(packages["torch"]) - set(expected["stripped"]))


@pytest.mark.parametrize("name", TORCH)
def test_cuda_from_a_prebuilt_package(name: str) -> None:
    path = golden(name, Dialect.UV2NIX, Cuda.PREBUILT)
    override = plan(name, Cuda.PREBUILT)
    assert override.strip
    packages = make_packages(name, override)
    found = ask_package(path, "torch", attrs=["python3Packages.torch"], packages=packages)
    assert found["prebuilt"]
    assert found["version"] == "9.9"
    gone = {j.name for j in override.strip.stripped}
    assert gone >= set(EXPECTED[name]["stripped"])
    assert sorted(found["dependencies"]) == sorted(set(packages["torch"]) - gone)
    assert not [d for d in found["dependencies"] if d.startswith(("nvidia", "cuda"))]


@pytest.mark.parametrize("name", EXPECTED)
def test_packages_for_nixpkgs(name: str) -> None:
    path, override, expected = golden(name, Dialect.NIXPKGS), plan(name, Cuda.NIXPKGS), EXPECTED[name]
    found = ask_stub(
        f"let p = stub.callAny (import {path}); in stub.show p // {{ inherit (p) pname format src meta; "
        "names = map (d: d.pname) p.args.dependencies or [ ]; imports = p.pythonImportsCheck; }",
        attrs=list_attrs(override),
        packages={},
    )
    assert sorted(found["inputs"]) == sorted(
        [*expected["inputs"], *expected["baseline"], *expected.get("cuda", [])]
    )
    assert found["hooks"][0] == "autoPatchelfHook"
    assert found["format"] == found["src"]["format"] == "wheel"
    assert found["src"]["hash"].startswith("sha256-")
    wheel = make_reading(name).distribution
    src = found["src"]
    filename = f"{src['pname']}-{src['version']}-{src['python']}-{src['abi']}-{src['platform']}.whl"
    assert filename == wheel.target
    direct = {r.name for r in wheel.requires if r.active}
    assert set(found["names"]) == direct - set(expected.get("stripped", ()))
    assert found["meta"]["platforms"] == ["x86_64-linux"]


@pytest.mark.parametrize("name", EXPECTED)
def test_shells(name: str) -> None:
    path, override, expected = golden(name, Dialect.SHELL), plan(name, Cuda.WHEELS), EXPECTED[name]
    shell = ask_stub(f"import {path} {{ inherit (stub) pkgs; }}", attrs=list_attrs(override), packages={})
    # What nix-ld has comes first: the shell adds to it.
    hook = shell.get("shellHook", NIX_LD).partition("\nunset ")[0]
    start, *path_list = re.split(r":(?!-)", hook)
    assert start == NIX_LD
    answered = [library for _, library in override.shim.libraries] if override.shim else []
    driver = "libcuda.so.1" in expected["ignored"] or any(not library.attr for library in answered)
    assert [p for p in path_list if p.startswith("/run")] == ["/run/opengl-driver/lib"] * driver
    stores = [p[44:].removesuffix("/lib") for p in path_list if p.startswith("/nix/store")]
    opened = {one.attr for one in (*override.opened, *override.runpaths)}
    assert sorted(stores) == sorted({*expected["inputs"], *expected["baseline"], *opened})
    assert shell["NIX_LD"].endswith("ld.so")


@pytest.mark.parametrize(("dialect", "tool"), [(Dialect.NIXOS, "nix-ld"), (Dialect.DEVENV, "devenv")])
@pytest.mark.parametrize("name", EXPECTED)
def test_modules(name: str, dialect: Dialect, tool: str) -> None:
    path, override, expected = golden(name, dialect), plan(name, Cuda.WHEELS), EXPECTED[name]
    # What the option has by default comes first: the module adds to it.
    _, *found = ask_module(f"import {path}", path.read_text(), "module")[tool]["libraries"]
    answered = [library for _, library in override.shim.libraries] if override.shim else []
    driver = "libcuda.so.1" in expected["ignored"] or any(not library.attr for library in answered)
    assert any("/run/opengl-driver" in one for one in found) is driver
    stores = {one[44:] for one in found if one.startswith("/nix/store")}
    opened = {one.attr for one in (*override.opened, *override.runpaths)}
    assert stores == {*expected["inputs"], *expected["baseline"], *opened}


@pytest.mark.parametrize("name", EXPECTED)
def test_mach_nix(name: str) -> None:
    path, override, expected = golden(name, Dialect.MACH_NIX), plan(name, Cuda.WHEELS), EXPECTED[name]
    question = f'let s = (import {path} {{ inherit (stub) pkgs; }})._."{override.name}" or {{ }}; in {{ '
    question += "inputs = map (d: d.pname) s.buildInputs.add or [ ]; "
    question += "ignored = s.autoPatchelfIgnoreMissingDeps or [ ]; }"
    found = ask_stub(question, attrs=list_attrs(override), packages={})
    assert sorted(found["inputs"]) == sorted(expected["inputs"])
    assert sorted(found["ignored"]) == sorted(expected["ignored"])


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("cuda", [Cuda.WHEELS, Cuda.NIXPKGS])
def test_every_attribute_is_in_the_index(name: str, cuda: Cuda) -> None:
    override = plan(name, cuda)
    sonames = {need.soname for need in make_scan(name).needs}
    unfree = {p.attr for soname in sonames for p in find_cuda(soname)}
    for attr in list_attrs(override):
        assert attr in unfree or attr == "stdenv.cc.cc.lib" or open_table().has_attr(attr), attr


def test_absent_packages_are_left_alone() -> None:
    path = golden("numba-0.68.1", Dialect.UV2NIX)
    overlay = f"import {path} {{ inherit (stub) pkgs lib hacks; }}"
    assert ask_stub(f"(stub.apply ({overlay})) ? numba", attrs=["onetbb"], packages={}) is False


def test_several_wheels_go_into_one_file() -> None:
    both = [plan(name, Cuda.WHEELS) for name in ("numba-0.68.1", "pyodbc-5.5.0")]
    for dialect in SETS:
        path = check_golden(f"several/{dialect}.nix", render_overrides(both, [], dialect))
        packages: dict[str, list[str]] = {"numba": [], "pyodbc": []}
        attrs = ["onetbb", "unixodbc", "stdenv.cc.cc.lib"]
        assert "onetbb" in ask_package(path, "numba", attrs=attrs, packages=packages)["inputs"]
        assert "unixodbc" in ask_package(path, "pyodbc", attrs=attrs, packages=packages)["inputs"]
    for dialect in (d for d in PACKAGE_DIALECTS if d not in SETS):
        path = check_golden(f"several/{dialect}.nix", render_overrides(both, [], dialect))
        assert evaluate(f"builtins.isFunction (import {path})") is True
