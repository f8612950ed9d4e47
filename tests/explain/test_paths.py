from __future__ import annotations

import pytest

from wheelfix.explain.paths import (
    find_distribution,
    find_interpreter,
    find_named,
    find_prefix,
    parse_drv,
    parse_path,
)

STORE = "/nix/store/00000000000000000000000000000000-"


@pytest.mark.parametrize(
    ("path", "name", "version", "environment"),
    [
        (f"{STORE}python3.12-numba-0.60.0/lib/python3.12/site-packages/numba/x.so", "numba", "0.60.0", None),
        (f"{STORE}python3.12-ruamel.yaml-0.18.6/lib/x.so", "ruamel-yaml", "0.18.6", None),
        (f"{STORE}numba-0.60.0/lib/python3.12/site-packages/numba/x.so", "numba", "0.60.0", None),
        (f"{STORE}python-vlc-3.0.1/lib/python3.12/site-packages/vlc.py", "python-vlc", "3.0.1", None),
        (f"{STORE}python3-3.12.8-env/lib/python3.12/site-packages/torch/lib/x.so", "torch", None, None),
        (f"{STORE}app-env/lib/python3.12/site-packages/cv2/x.so", "opencv-python", None, None),
        (
            "/home/a/.venv/lib/python3.12/site-packages/PySide6/QtCore.abi3.so",
            "pyside6",
            None,
            "/home/a/.venv",
        ),
        ("/home/a b/v/lib64/python3.13t/site-packages/orjson.so", "orjson", None, "/home/a b/v"),
        (".venv/lib/python3.12/site-packages/numpy.libs/libx-12ab.so", "numpy", None, ".venv"),
        ("/home/a/.cache/uv/archive-v0/AbC/sklearn/x.so", "scikit-learn", None, None),
        ("/usr/lib/python3/dist-packages/yaml/_yaml.so", "pyyaml", None, None),
        ("/v/lib/python3.12/site-packages/numpy-2.0.1.dist-info/RECORD", "numpy", "2.0.1", "/v"),
    ],
)
def test_package(path: str, name: str, version: str | None, environment: str | None) -> None:
    package = parse_path(path)
    assert package is not None
    assert (package.name, package.version, package.environment) == (name, version, environment)


@pytest.mark.parametrize(
    "path",
    [
        "/usr/lib/libgssapi_krb5.so.2",
        f"{STORE}glibc-2.40/lib/libc.so.6",
        f"{STORE}python3-3.12.8/lib/python3.12/ctypes/__init__.py",
        "/home/a/v/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.12",
        "/home/a/v/lib/python3.12/site-packages/__pycache__/x.pyc",
        "main.py",
        "",
    ],
)
def test_no_package(path: str) -> None:
    assert parse_path(path) is None


def test_derivations() -> None:
    package = parse_drv(f"{STORE}python3.12-numba-0.60.0.drv")
    assert package is not None
    assert (package.name, package.version) == ("numba", "0.60.0")
    assert parse_drv(f"{STORE}app-env.drv") is None


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("python3.12-parrot-unstable-2024-11-30", "unstable-2024-11-30"),
        ("python3.13-parrot-0-unstable-2024-11-30", "0-unstable-2024-11-30"),
        ("parrot-1.2-unstable-2024-11-30", "1.2-unstable-2024-11-30"),
        ("python3.12-parrot-2024-11-30", "2024-11-30"),
        ("python3.12-parrot-1.2-dist", "1.2"),
    ],
)
def test_versions_of_revisions_and_outputs(name: str, version: str) -> None:
    package = parse_drv(f"{STORE}{name}.drv")
    assert package
    assert (package.name, package.version) == ("parrot", version)


def test_a_name_that_ends_like_a_date_of_nothing_stays_whole() -> None:
    package = parse_drv(f"{STORE}python3.12-parrot-unstable-1.0.drv")
    assert package
    assert (package.name, package.version) == ("parrot-unstable", "1.0")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("PIL", "pillow"),
        ("_cffi_backend.cpython-312-x86_64-linux-gnu.so", "cffi"),
        ("scikit_learn.libs", "scikit-learn"),
        ("google", "protobuf"),
        ("orjson.abi3.so", "orjson"),
        ("nvidia", None),
        ("123", None),
        ("", None),
    ],
)
def test_modules(module: str, name: str | None) -> None:
    assert find_distribution(module) == name


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{STORE}python3-3.12.8/bin/python3.12", "nixpkgs"),
        ("/home/a/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/bin/python3.13", "uv-managed"),
        ("/home/a/miniforge3/envs/x/lib/python3.12/os.py", "conda"),
        ("/home/a/.pyenv/versions/3.12.1/lib/python3.12/os.py", "pyenv"),
        ("/usr/bin/python3", "FHS"),
        ("/usr/lib/python3.11/ctypes/__init__.py", "FHS"),
        (f"{STORE}python3.12-numba-0.60.0/lib/python3.12/site-packages/numba/x.so", None),
        ("/home/a/app.py", None),
    ],
)
def test_interpreter(path: str, kind: str | None) -> None:
    assert find_interpreter(["/home/a/app.py", path]) == kind


def test_words() -> None:
    assert find_named(["Pyside", "on", "nixos"]) == "pyside2"
    assert find_named(["what", "is", "`PySide6`?"]) == "pyside6"
    assert find_named(["cannot", "open", "shared", "object", "file"]) is None


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/home/u/p/.pixi/envs/cuda/bin/x", "/home/u/p/.pixi/envs/cuda"),
        ("/home/u/miniforge3/envs/p/lib/libz.so.1", "/home/u/miniforge3/envs/p"),
        ("/home/u/miniconda3/bin/python", "/home/u/miniconda3"),
        ("/home/u/envs/p/bin/python", None),
        ("/home/u/p/.venv/bin/python", None),
    ],
)
def test_prefixes_of_conda(path: str, prefix: str | None) -> None:
    assert find_prefix(path) == prefix
