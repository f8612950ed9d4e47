"""Reads what a source distribution states about its build: pyproject.toml, setup.py, PKG-INFO.

Nothing is executed: setup.py is read as a syntax tree, of which only constants are used. Which Cargo.toml is
built follows maturin's ``src/project_layout.rs`` and setuptools-rust's ``setuptools_ext.py``.
"""

from __future__ import annotations

import ast
import posixpath
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from wheelfix.errors import InputError
from wheelfix.model.base import Misfit, Struct, convert, decode_toml
from wheelfix.model.python import parse_python
from wheelfix.model.reading import About
from wheelfix.model.sdist import Builder, BuiltManifest, PythonProject, SourceTree
from wheelfix.model.wheel import Requirement
from wheelfix.wheel.about import parse_about
from wheelfix.wheel.metadata import (
    find_environment,
    normalize_name,
    parse_metadata,
    parse_requirement,
)

_EXACT = re.compile(r"^[\w.-]+\s*==\s*[\w.!+-]+\s*(?:;|$)")
_MAX_SETUP = 1 << 20
_ASIDE = frozenset({"examples", "fixtures", "third_party", "subprojects", "benchmarks", "docs"})
_LEGACY = ("setuptools", "wheel")
"""Build requirements of a project without ``[build-system]`` (PEP 517)."""


class _BuildSystem(Struct, rename="kebab"):
    """``[build-system]``."""

    requires: tuple[str, ...] = _LEGACY
    build_backend: str | None = None


class _Metadata(Struct):
    """``[project]`` (the specification "Declaring project metadata")."""

    name: str | None = None
    version: str | None = None
    dependencies: tuple[str, ...] = ()


class _Poetry(Struct):
    """``[tool.poetry]``."""

    name: str | None = None


class _Maturin(Struct, rename="kebab"):
    """``[tool.maturin]``. A feature that is a table is turned on for some versions of Python only."""

    manifest_path: str | None = None
    python_source: str | None = None
    features: tuple[str | dict[str, Any], ...] = ()
    no_default_features: bool = False


class _RustExtension(Struct, rename="kebab"):
    """An extension module or a program of setuptools-rust."""

    path: str = "Cargo.toml"
    features: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    rust_version: str | None = None


class _SetuptoolsRust(Struct, rename="kebab"):
    """``[tool.setuptools-rust]``."""

    ext_modules: tuple[_RustExtension, ...] = ()
    bins: tuple[_RustExtension, ...] = ()


class _Tool(Struct, rename="kebab"):
    """``[tool]``."""

    poetry: _Poetry = _Poetry()
    maturin: _Maturin = _Maturin()
    setuptools_rust: _SetuptoolsRust = _SetuptoolsRust()


class _Document(Struct, rename="kebab"):
    """A pyproject.toml."""

    build_system: _BuildSystem = _BuildSystem()
    project: _Metadata = _Metadata()
    tool: _Tool = _Tool()


def read_project(tree: SourceTree, python: str) -> PythonProject:
    """Find out how a source tree is built.

    Args:
        tree: the source tree.
        python: interpreter that markers are evaluated for (``3.12``).

    Raises:
        InputError: its pyproject.toml is not TOML, or a value in it has another type than the build tools
            take; or it has no name.
    """
    known = parse_python(python)
    environment = find_environment([f"{known.tag}-none-any"] if known else ())
    document = _parse_pyproject(tree)
    system = document.build_system
    name, version, run_time = _find_identity(tree, document, environment)
    requires = _parse_all(system.requires, environment)
    builder = _find_builder(system.build_backend or "", [r.name for r in requires])
    built = {
        Builder.MATURIN: _find_maturin,
        Builder.SETUPTOOLS_RUST: _find_setuptools_rust,
        Builder.OTHER: _find_other,
    }[builder](tree, document.tool)
    about = parse_about(tree.files["PKG-INFO"]) if "PKG-INFO" in tree.files else About()
    return PythonProject(
        name=name,
        version=version,
        backend="setuptools.build_meta:__legacy__" if system.build_backend is None else system.build_backend,
        requires=tuple(sorted({(r.name, r.extras) for r in requires})),
        builder=builder,
        built=tuple(dict.fromkeys(built)),
        depends=tuple(sorted(r.text for r in run_time if _EXACT.match(r.text))),
        summary=about.summary,
        homepage=about.homepage,
        changelog=about.changelog,
        spdx=about.spdx,
        license=about.license,
        run_time=tuple(sorted({r.name for r in run_time})),
    )


def _parse_pyproject(tree: SourceTree) -> _Document:
    try:
        return convert(decode_toml(tree.files.get("pyproject.toml", b"")), _Document)
    except Misfit as misfit:
        subject = f"{tree.target}: pyproject.toml"
        raise misfit.tell(subject, "report it to the project's authors") from None


def _find_identity(
    tree: SourceTree, document: _Document, environment: dict[str, str]
) -> tuple[str, str, tuple[Requirement, ...]]:
    if "PKG-INFO" in tree.files:
        tags = [f"cp{environment['python_version'].replace('.', '')}-none-any"]
        name, version, requires = parse_metadata(f"{tree.target}: PKG-INFO", tree.files["PKG-INFO"], tags)
        return name, version, tuple(r for r in requires if r.active)
    project = document.project
    named = project.name or document.tool.poetry.name
    if named is None:
        raise InputError(
            tree.target,
            "has neither PKG-INFO nor a name in pyproject.toml",
            "give a source distribution, or the directory of one project",
        )
    return normalize_name(named), project.version or "", _parse_all(project.dependencies, environment)


def _find_builder(backend: str, requires: Iterable[str]) -> Builder:
    names = set(requires)
    if backend.partition(".")[0] == "maturin" or (not backend and "maturin" in names):
        return Builder.MATURIN
    if "setuptools-rust" in names:
        return Builder.SETUPTOOLS_RUST
    return Builder.MATURIN if "maturin" in names else Builder.OTHER


def _find_maturin(tree: SourceTree, tool: _Tool) -> Iterator[BuiltManifest]:
    maturin = tool.maturin
    path, evidence = maturin.manifest_path, "[tool.maturin] manifest-path"
    if path is None:
        path, evidence = "Cargo.toml", "maturin builds the Cargo.toml beside pyproject.toml"
        # maturin takes rust/Cargo.toml in a project with a separate directory of Python sources.
        if "rust/Cargo.toml" in tree.files and (maturin.python_source is not None or path not in tree.files):
            path, evidence = "rust/Cargo.toml", "maturin builds rust/Cargo.toml"
    yield BuiltManifest(
        path=_check(tree, path),
        evidence=evidence,
        features=tuple(feature for feature in maturin.features if isinstance(feature, str)),
        default_features=not maturin.no_default_features,
    )


def _find_setuptools_rust(tree: SourceTree, tool: _Tool) -> Iterator[BuiltManifest]:
    settings = tool.setuptools_rust
    for key, extensions in (("ext-modules", settings.ext_modules), ("bins", settings.bins)):
        for extension in extensions:
            yield BuiltManifest(
                path=_check(tree, extension.path),
                evidence=f"[[tool.setuptools-rust.{key}]]",
                features=extension.features,
                default_features="--no-default-features" not in extension.args,
                rust_version=_get_minimum(extension.rust_version),
            )
    for call in _find_calls(tree):
        path, evidence = _get_path(call), "RustExtension in setup.py"
        if path is None and "Cargo.toml" not in tree.files:
            yield from _find_other(tree, tool)
            continue
        features = _get_constant(call, "features")
        yield BuiltManifest(
            path=_check(tree, path or "Cargo.toml"),
            evidence=evidence,
            features=tuple(f for f in features if isinstance(f, str)) if isinstance(features, list) else (),
            rust_version=_get_minimum(_get_constant(call, "rust_version")),
        )


def _find_other(tree: SourceTree, tool: _Tool) -> Iterator[BuiltManifest]:
    """Find the outermost Cargo.toml with a Cargo.lock: it is not certain that the build uses it."""
    found = [
        path
        for path in tree.files
        if posixpath.basename(path) == "Cargo.toml"
        and posixpath.join(posixpath.dirname(path), "Cargo.lock") in tree.files
        and not is_aside(path)
    ]
    if found:
        path = min(found, key=lambda p: (p.count("/"), p))
        yield BuiltManifest(path=path, evidence="the outermost Cargo.toml with a Cargo.lock")


def is_aside(path: str) -> bool:
    """Whether a file lies among tests or examples, or in a vendored project.

    Example:
        >>> is_aside("vendored-meson/meson/test cases/failing/1/Cargo.toml"), is_aside("rust/Cargo.toml")
        (True, False)
    """
    parts = posixpath.dirname(path).lower().split("/")
    return any(part in _ASIDE or part.startswith(("vendor", "test")) for part in parts)


def _find_calls(tree: SourceTree) -> list[ast.Call]:
    if not 0 < len(tree.files.get("setup.py", b"")) <= _MAX_SETUP:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(tree.files["setup.py"])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = {"RustExtension", "RustBin"}
    return [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) in names or getattr(node.func, "attr", None) in names)
    ]


def _get_path(call: ast.Call) -> str | None:
    """Return the path in a call, also as the second positional argument; None if it is computed."""
    value = _get_constant(call, "path")
    if value is None and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
        value = call.args[1].value
    return value if isinstance(value, str) else None


def _get_constant(call: ast.Call, name: str) -> object:
    for keyword in call.keywords:
        if keyword.arg == name:
            try:
                value: object = ast.literal_eval(keyword.value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                return None
            return value
    return None


def _get_minimum(value: object) -> str | None:
    match = (
        re.fullmatch(r"\s*(?:>=|\^|~)?\s*(\d+(?:\.\d+){0,2})\s*", value) if isinstance(value, str) else None
    )
    return match[1] if match else None


def _check(tree: SourceTree, path: str) -> str:
    found = posixpath.normpath(path)
    if found.startswith(("/", "../")) or "\\" in path:
        problem = f"builds {path}, outside of it"
        raise InputError(tree.target, problem, "do not use it: no build tool writes such a project")
    return found


def _parse_all(lines: Iterable[str], environment: dict[str, str]) -> tuple[Requirement, ...]:
    parsed = (parse_requirement(line, environment) for line in lines)
    return tuple(one for one in parsed if one and one.active)
