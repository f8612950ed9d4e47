"""Lock files of every format, and what cargo writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fuzz.seeds import ROOT
from fuzz.target import Target
from wheelfix.errors import InputError
from wheelfix.lockfile.pdm import parse_pdm
from wheelfix.lockfile.pipenv import parse_pipenv
from wheelfix.lockfile.poetry import parse_poetry
from wheelfix.lockfile.project import drop_python, parse_project, parse_requirement_lines, render_project
from wheelfix.lockfile.pylock import parse_pylock
from wheelfix.lockfile.read import parse_document
from wheelfix.lockfile.requirements import parse_requirements
from wheelfix.lockfile.uv import parse_uv
from wheelfix.model.base import Misfit
from wheelfix.sdist import manifests as cargo

_MAX_SEED = 16 << 10
_TOKENS = (
    b"[[package]]\n", b"name = ", b"version = ", b'"1.0"', b"source = ", b"wheels = [", b"{ ", b" }",
    b"marker = ", b"sha256:", b"hash", b"[metadata]\n", b"lock-version", b"dependencies", b"= 1\n", b"= []\n",
    b"= {}\n", b"extra == 'x'", b"python_version < '3'", b"git+https://x/y?rev=1#abc", b"[" * 40, b"9" * 40,
    b"'''", b"1979-05-27", b"nan", b"url = ", b"path = ", b"registry+", b"checksum = ", b"../", b"==",
)  # fmt: skip


def run_lock(data: bytes) -> None:
    """A lock in TOML or JSON, read as each of the formats whatever it says it is."""
    document = parse_document("lock", data.decode("utf-8", "replace"))
    try:
        _refuse(
            lambda: parse_pylock("lock", document),
            lambda: parse_poetry("lock", document),
            lambda: parse_uv("lock", document),
            lambda: parse_pdm("lock", document),
            lambda: parse_pipenv("lock", document),
        )
    except Misfit as misfit:
        raise misfit.tell("lock", "") from None


def run_project(data: bytes) -> None:
    """A pyproject.toml, and the one of an environment that is made of it."""
    project = parse_project("pyproject.toml", data.decode("utf-8", "replace"))
    render_project(drop_python(project), "lab", "3.12")


def run_requirements(data: bytes) -> None:
    """Requirements with and without hashes."""
    text = data.decode("utf-8", "replace")
    _refuse(lambda: parse_requirements("r.txt", text), lambda: parse_requirement_lines("r.txt", text))


def run_cargo(data: bytes) -> None:
    """A file as each of those that cargo and its helpers write."""
    _refuse(
        lambda: cargo.parse_lock("Cargo.lock", data),
        lambda: cargo.parse_manifest("Cargo.toml", data),
        lambda: cargo.parse_vendored("config.toml", data),
        lambda: cargo.parse_channel("rust-toolchain", data),
    )


def _refuse(*doors: Callable[[], object]) -> None:
    refused = 0
    last: InputError | Misfit
    for door in doors:
        try:
            door()
        except (InputError, Misfit) as error:
            refused += 1
            last = error
    if refused == len(doors):
        raise last


def _find(*patterns: str) -> Iterator[bytes]:
    for pattern in patterns:
        for path in sorted((ROOT / "fixtures").rglob(pattern)):
            yield path.read_bytes()[:_MAX_SEED]


def _lock_seeds() -> Iterator[bytes]:
    for data in _find("*uv.lock", "*poetry.lock", "*pylock*.toml", "*pdm.lock", "*Pipfile.lock"):
        cut = data.rfind(b"\n[[") if len(data) == _MAX_SEED else len(data)
        yield data[: cut + 1]


def _project_seeds() -> Iterator[bytes]:
    head = b'[project]\nname = "a"\nrequires-python = "==3.12.*"\n'
    yield head + b'[dependency-groups]\ndev = ["b", { include-group = "c" }]\n'
    yield head + b'[tool.poetry.dependencies]\nb = { version = "1", optional = true }\n'
    yield head + b'[tool.uv.sources]\nb = { index = "c" }\n[tool.wheelfix]\nfree-threaded = true\n'
    yield from _find("*pyproject.toml")


def _cargo_seeds() -> Iterator[bytes]:
    yield b'version = 3\n[[package]]\nname = "a"\nversion = "1.0"\nsource = "registry+https://x/i"\n'
    yield b'[package]\nname = "a"\nversion = "1.0"\n[workspace]\nmembers = ["b"]\n'
    yield b'[package]\nname = "a"\n[dependencies]\nb = { path = "../b" }\nc = "1"\n'
    for data in _find("*Cargo.lock", "*Cargo.toml"):
        cut = data.rfind(b"\n[[") if len(data) == _MAX_SEED else len(data)
        yield data[: cut + 1]


def _requirement_seeds() -> Iterator[bytes]:
    digest = b" --hash=sha256:" + b"01" * 32
    yield b"a==1.0" + digest + b"\n# c\nb[x]==2 ; python_version < '3' \\\n   " + digest
    yield from _find("*requirements*.txt")


TARGETS = (
    Target(name="lock", run=run_lock, seeds=_lock_seeds, tokens=_TOKENS, max_size=_MAX_SEED),
    Target(name="project", run=run_project, seeds=_project_seeds, tokens=_TOKENS, max_size=1 << 12),
    Target(
        name="requirements", run=run_requirements, seeds=_requirement_seeds, tokens=_TOKENS, max_size=1 << 12
    ),
    Target(name="cargo", run=run_cargo, seeds=_cargo_seeds, tokens=_TOKENS, max_size=_MAX_SEED),
)
