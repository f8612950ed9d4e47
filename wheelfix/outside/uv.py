"""Runs uv, which resolves requirements; the result is read from its lock."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.model.python import PYPY, parse_python
from wheelfix.model.system import name_machine
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.processes import Ran, Stream, quote_output, run

_FOREIGN = (
    "UV_PROJECT",
    "UV_WORKING_DIRECTORY",
    "UV_WORKING_DIR",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_NO_CONFIG",
    "VIRTUAL_ENV",
)
"""Settings that would make uv use other sources."""
_INDEXES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INSECURE_HOST",
    "UV_CONFIG_FILE",
)
BESIDE = "beside"
"""Dependency group of what is resolved together with something, and is no part of it."""
_NO_SOLUTION = 1
_HINT = "change the requirement, or check the index"
_NO_WHEELS = b"no usable wheels"
_CHOSEN = re.compile(rb"^Using \S+ \S+.*\n", re.MULTILINE)
"""uv's line about the interpreter that it runs, which is not the one that is asked for."""


def lock_requirements(
    directory: Path,
    requirements: Sequence[str],
    *,
    subject: str,
    python: str,
    system: str,
    sources: PackageSources,
    constraints: Sequence[str] = (),
    beside: Sequence[str] = (),
) -> None:
    """Resolve requirements together, for one interpreter and platform, into the uv.lock of a directory.

    Only wheels are used: no code of a distribution runs.

    Args:
        directory: an empty directory; gets a pyproject.toml.
        requirements: in the syntax of PEP 508.
        subject: their origin, for messages.
        python: the interpreter (``3.12``, ``3.14t``, ``pypy3.11``); need not be installed.
        system: Nix system.
        sources: which indexes to ask; uv's own configuration is ignored.
        constraints: requirements that hold for what comes in by itself.
        beside: requirements of the dependency group :data:`BESIDE`, which is resolved together with these.

    Raises:
        InputError: there is no uv, or it cannot resolve; the message quotes uv.
    """
    known = parse_python(python)
    assert known
    minor = known.minor
    machine = name_machine(system)
    marker = (
        f"python_full_version >= '3.{minor}' and python_full_version < '3.{minor + 1}' "
        f"and sys_platform == 'linux' and platform_machine == '{machine}'"
    )
    if known.implementation == PYPY:
        marker += " and platform_python_implementation == 'PyPy'"
    # uv requires an interpreter that the project allows, and resolves for another one by the marker.
    oldest = min(minor, sys.version_info[1])
    # An ASCII string in JSON is also one in TOML, and JSON escapes everything else.
    text = (
        f'[project]\nname = "wheelfix-resolution"\nversion = "0"\nrequires-python = ">=3.{oldest}"\n'
        f'dependencies = {json.dumps(list(requirements))}\n\n[tool.uv]\nenvironments = ["{marker}"]\n'
    )
    if constraints:
        text += f"constraint-dependencies = {json.dumps(list(constraints))}\n"
    if beside:
        text += f"\n[dependency-groups]\n{BESIDE} = {json.dumps(list(beside))}\n"
    (directory / "pyproject.toml").write_text(text, "utf-8")
    variables = {key: value for key, value in os.environ.items() if key not in {*_FOREIGN, *_INDEXES}}
    variables |= find_variables(sources) | {"UV_NO_CONFIG": "1"}
    arguments = ["--python", sys.executable, "--no-build", *(["--no-index"] if sources.no_index else [])]
    _run_lock(subject, directory, arguments, variables, show=False)


def run_uv_lock(
    directory: Path, *, python: str, sources: PackageSources, build: bool = False, quiet: bool = True
) -> None:
    """Resolve the pyproject.toml of a directory into its uv.lock; versions in an existing lock are kept.

    Args:
        directory: with pyproject.toml.
        python: the interpreter that the lock is for; any one of its version of the language resolves for it.
        sources: which indexes to ask, where uv's own configuration names none.
        build: whether source distributions without static metadata may be built, which runs their code.
        quiet: whether progress is hidden even on a terminal.

    Raises:
        InputError: there is no uv, it cannot resolve, or there is no network; the message quotes uv.
    """
    variables = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
    if not any(variables.get(key) for key in _INDEXES) and not sources.first_match:
        variables |= find_variables(sources)
    arguments = [] if build else ["--no-build"]
    if not variables.get("UV_PYTHON"):
        own = f"{sys.version_info[0]}.{sys.version_info[1]}"
        known = parse_python(python)
        version = known.version if known else python
        chosen = sys.executable if own == version else version
        found = _run([find_uv(), "python", "find", "--no-project", chosen], Path.cwd(), variables)
        if found.code:
            problem = f"uv finds no Python {version}, which it needs to resolve for it"
            raise InputError("uv lock", problem, f"install Python {version}, or name another with --python")
        arguments += ["--python", chosen]
    show = not quiet and sys.stderr.isatty()
    hint = "let uv run the builds of what has no wheels, with --build; or change the requirements"
    _run_lock("uv lock", directory, arguments, variables, show=show, hint=_HINT if build else hint)


def find_variables(sources: PackageSources) -> dict[str, str]:
    """Return the indexes as variables for uv; as arguments, passwords in URLs would be visible to others."""
    lists = {
        "UV_INDEX": " ".join(sources.extra),
        "UV_FIND_LINKS": ",".join(sources.find_links),
        "UV_INSECURE_HOST": " ".join(sources.trusted_hosts),
    }
    found = {key: value for key, value in lists.items() if value}
    if sources.index:
        found["UV_DEFAULT_INDEX"] = sources.index
    if not sources.first_match:
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if sources.certificates:
        found["SSL_CERT_DIR" if Path(sources.certificates).is_dir() else "SSL_CERT_FILE"] = (
            sources.certificates
        )
    if sources.client_certificate:
        found["SSL_CLIENT_CERT"] = sources.client_certificate
    return found | ({"ALL_PROXY": sources.proxy} if sources.proxy else {})


def find_uv() -> str:
    """Find the uv of the ``uv`` distribution beside wheelfix, else the one on PATH.

    Raises:
        InputError: neither exists.
    """
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        pass
    if found := shutil.which("uv"):
        return found
    raise InputError("uv", "is not installed, and wheelfix resolves with it", "install it: `pip install uv`")


def _run_lock(
    subject: str,
    directory: Path,
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    show: bool,
    hint: str = _HINT,
) -> None:
    """Run ``uv lock``; its exit code is 1 where requirements have no solution, and 2 where it got no answer.

    Raises:
        InputError: it fails; the message quotes uv.
    """
    command = [
        find_uv(),
        "lock",
        "--project",
        str(directory),
        "--no-progress",
        "--color",
        "never",
        *arguments,
    ]
    result = _run(command, directory, variables)
    if result.code:
        if result.code != _NO_SOLUTION:
            hint = "check the network and the package index, then run the same command again"
        elif hint == _HINT and _NO_WHEELS in result.messages:
            hint = "name a version that has a wheel, or take it from elsewhere: no sources are built for this"
        said = _CHOSEN.sub(b"", result.messages)
        raise InputError(subject, f"uv cannot resolve it: {quote_output(said)}", hint)
    if show:
        sys.stderr.write(result.messages.decode("utf-8", "replace"))


def _run(command: Sequence[str], directory: Path, variables: Mapping[str, str]) -> Ran:
    return run(
        command,
        directory=directory,
        environment=variables,
        output=Stream.DROP,
        hint="install uv: `pip install uv`",
    )
