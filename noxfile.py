"""What CI does, in clean environments: ``nox -s lint docs build``, ``nox -s tests-3.13 -- tests/elf``."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "docs", "build"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The test suite; patchelf, nix and linkers have to be there (.ci/setup test)."""
    session.install("-e", ".[test,docs,release]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, mypy, import-linter, and the schemas of the files that other programs read."""
    session.install("-e", ".[test,docs,release]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/ci.yml")


@nox.session
def docs(session: nox.Session) -> None:
    """The site, with warnings as errors."""
    session.install("-e", ".[docs]")
    session.run("python", "scripts/write_schemas.py", "--check")
    session.run("python", "scripts/write_reference.py", "--check")
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def build(session: nox.Session) -> None:
    """Packages in dist/, built twice, compared, checked and tried out."""
    session.install("-e", ".[release]")
    session.run("python", "scripts/build_release.py", "dist")
