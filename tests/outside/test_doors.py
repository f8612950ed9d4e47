"""What lies outside is reached through one room; import-linter sees top-level modules alone."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "wheelfix"
ALONE = {"lock/data/link.py"}
"""Programs that run in a build of Nix, where this one is not."""

CONNECTIONS = r"(asyncio|ftplib|http|httpx2|socket|socketserver|ssl|unearth|urllib\.request)"
WORKERS = r"(concurrent\.futures\.process|multiprocessing|pty|subprocess)"
STARTS = r"os\.(exec\w+|fork|forkpty|popen|posix_spawnp?|spawn\w+|startfile|system)"
POOLS = r"concurrent\.futures\.ProcessPoolExecutor"


def list_modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def list_names(path: Path) -> Iterator[str]:
    """Modules that a module imports, what it imports of them, and what it calls by ``module.name``."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def find_users(pattern: str) -> set[str]:
    """Modules that use what a pattern matches, or what is in it."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in list_modules()
        if path.relative_to(PACKAGE).as_posix() not in ALONE
        if any(re.fullmatch(rf"{pattern}(\..*)?", name) for name in list_names(path))
    }


@pytest.mark.parametrize("pattern", [WORKERS, STARTS, POOLS])
def test_processes_are_started_at_one_place(pattern: str) -> None:
    assert find_users(pattern) == {"outside/processes.py"}


def test_connections_are_made_outside() -> None:
    users = find_users(CONNECTIONS)
    assert {"outside/http.py", "outside/packages.py"} <= users
    assert {user.partition("/")[0] for user in users} == {"outside"}


def test_temporary_files_and_well_known_places_have_one_door_each() -> None:
    assert find_users("tempfile") == {"outside/files.py"}
    assert find_users("platformdirs") == {"outside/places.py"}


def test_the_contract_names_every_room_but_the_one_outside() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (c for c in contracts if c["name"] == "Connections are made outside")
    rooms = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert {name.partition(".")[2] for name in contract["source_modules"]} == rooms - {"__init__", "outside"}
