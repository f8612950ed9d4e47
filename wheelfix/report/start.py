"""The screen of ``wheelfix`` alone: which commands fit what is in a directory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from wheelfix.model.lock_formats import CONDA_KINDS, LOCK_FORMATS, LockKind
from wheelfix.report.escape import printable

_WIDE = 110
"""Columns of a line with a command and its purpose, where the width of the terminal is not known."""
_MOST = 8
"""Steps for what is here that are shown: the first ones do the job."""
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")
_OVERLAY = "overrides.nix"
_SHELL = "shell.nix"
_MODULE = "libraries.nix"
_PREFIX = "environment.nix"
WRITTEN = (_OVERLAY, _SHELL, _MODULE, _PREFIX)
"""Names of the files that lines write."""
_CONDA = ("environment.yml", "environment.yaml")


class ListKind(Enum):
    """What a file of requirements says."""

    HASHED = "pins with hashes: it is a lock"
    PLAIN = "requirements, which are resolved first"
    MIXED = "other files, or projects to be installed from their directories"


class Directory(NamedTuple):
    """What is known of a directory.

    Attributes:
        names: of its entries, sorted.
        environments: virtual environments, relative to it, in the order in which they are offered.
        prefixes: environments of conda and pixi, in the same way.
        active: variable that names an environment elsewhere, which is active; or empty.
        tables: keys of pyproject.toml that tell who manages the project: ``project``, ``tool.pdm`` …
        lists: what each file of requirements says.
        crate: a source distribution that builds Rust; or empty.
        sdist: one that does not; or empty.
        written: files that wheelfix wrote, of those that lines write.
        programs: those on PATH, of the ones that are asked for.
        python: sentences about the Python that commands are for; none for the default.
    """

    names: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    active: str = ""
    tables: frozenset[str] = frozenset()
    lists: Mapping[str, ListKind] = {}
    crate: str = ""
    sdist: str = ""
    written: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    python: tuple[str, ...] = ()


class Step(NamedTuple):
    """A command that fits what is here.

    Attributes:
        line: for a shell, whole.
        purpose: what it answers, in a few words.
    """

    line: str
    purpose: str


class Start(NamedTuple):
    """The first steps in one directory.

    Attributes:
        found: names of the files and directories that steps were found for, in the order of the steps.
        here: steps for what is in the directory.
        always: steps for what cannot be seen: an error message, a soname.
        python: as in :class:`Directory`.
    """

    found: tuple[str, ...]
    here: tuple[Step, ...]
    always: tuple[Step, ...]
    python: tuple[str, ...] = ()


_ALWAYS = (
    Step(line="wheelfix explain", purpose="paste an ImportError, or a failed build's log"),
    Step(line="wheelfix explain -- python -c 'import numba'", purpose="run it, and explain why it fails"),
    Step(line="wheelfix locate libtbb.so.12", purpose="which nixpkgs attribute has this library"),
)
_EXAMPLE = Step(line="wheelfix scan numba==0.68.1", purpose="which libraries a wheel needs, and who has them")
_PATCH = "make its wheels find their libraries, in place; can be undone"
_INSTALL = "install it, and make its wheels work"
_TRY = "which imports fail where nothing else is installed, and why"
_LOCK = "one overlay for all that is locked"
_MADE = "the Nix code that makes the environment of what is locked"
_SOLVED = "solve it, and write the Nix code that makes it"
_READ = "what all that is installed needs of nixpkgs"


def plan_start(directory: Directory) -> Start:
    """Choose the first steps.

    Args:
        directory: what is there.
    """
    kinds = (
        _plan_environments,
        _plan_installs,
        _plan_locks,
        _plan_builds,
        _plan_lists,
        _plan_conda,
        _plan_archives,
        _plan_nix,
    )
    pairs = [pair for plan in kinds for pair in plan(directory)]
    here = tuple(dict.fromkeys(step for _, step in pairs))
    return Start(
        found=tuple(dict.fromkeys(name for name, _ in pairs)),
        here=here[:_MOST],
        always=_ALWAYS if here else (_EXAMPLE, *_ALWAYS),
        python=directory.python,
    )


def _plan_environments(here: Directory) -> Iterator[tuple[str, Step]]:
    for name in (*here.environments, *here.prefixes):
        yield name, Step(f"wheelfix patch {_quote(name)}", _PATCH)
        if name in here.environments:
            yield name, Step(f"wheelfix try {_quote(name)}", _TRY)
        yield name, Step(f"wheelfix scan {_quote(name)}", _READ)
    if here.active and not here.environments:
        yield f"${here.active}", Step(f'wheelfix patch "${here.active}"', _PATCH)


def _plan_locks(here: Directory) -> Iterator[tuple[str, Step]]:
    for one in LOCK_FORMATS:
        for name in here.names:
            if re.fullmatch(one.names, name):
                if "devenv.nix" in here.names:
                    line = f"wheelfix lock {_quote(name)} --dialect devenv{_write(here, _MODULE)}"
                    yield name, Step(line, "a module for the imports of devenv.nix")
                if one.kind in CONDA_KINDS:
                    yield name, Step(f"wheelfix lock {_quote(name)}{_write(here, _PREFIX)}", _MADE)
                    continue
                dialect = " --dialect poetry2nix" if one.kind is LockKind.POETRY else ""
                yield name, Step(f"wheelfix lock {_quote(name)}{dialect}{_write(here, _OVERLAY)}", _LOCK)


def _plan_installs(here: Directory) -> Iterator[tuple[str, Step]]:
    """Plan for the environment of a project that is not there yet."""
    found = _find_manager(here)
    if "devenv.nix" in here.names and not here.environments:
        line = "devenv shell true && wheelfix patch .devenv/state/venv"
        yield "devenv.nix", Step(line, "make its environment, if it has one, and its wheels work")
        found = found if found and found[2] != ".venv" else None  # devenv has its own place for that
    if found and not here.environments and not here.active:
        name, install, place, _ = found
        yield name, Step(f"{install} && wheelfix patch {place}", _INSTALL)


def _plan_builds(here: Directory) -> Iterator[tuple[str, Step]]:
    """Plan for the rest of a project: a lock that is not there yet, and Rust."""
    found = _find_manager(here)
    if found is None:
        return
    name, _, _, lock = found
    if lock and not any(re.fullmatch(one.names, other) for one in LOCK_FORMATS for other in here.names):
        yield name, Step(f"{lock}{_write(here, _OVERLAY)}", _LOCK)
    if {"Cargo.toml", "Cargo.lock"} <= {*here.names}:
        yield name, Step("wheelfix sdist .", "the Nix code that builds its Rust")


def _find_manager(here: Directory) -> tuple[str, str, str, str] | None:
    """Find who manages the project: what tells it, how to install, where, and how to lock and go on."""
    names, tables, uv = {*here.names}, here.tables, _run(here, "uv")
    if "poetry.lock" in names or "tool.poetry" in tables:
        place, lock = '"$(poetry env info --path)"', "wheelfix lock poetry.lock --dialect poetry2nix"
        return _first(names, "poetry.lock"), "poetry install", place, f"poetry lock && {lock}"
    if "pdm.lock" in names or "tool.pdm" in tables:
        return _first(names, "pdm.lock"), "pdm install", ".venv", "pdm lock && wheelfix lock pdm.lock"
    if "Pipfile" in names:
        lock = "pipenv lock && wheelfix lock Pipfile.lock"
        install = "pipenv sync --dev" if "Pipfile.lock" in names else "pipenv install --dev"
        return _first(names, "Pipfile.lock", "Pipfile"), install, '"$(pipenv --venv)"', lock
    if "tool.pixi" in tables or names & {"pixi.toml", "pixi.lock"}:
        return None
    if "project" in tables:
        return _first(names, "uv.lock"), f"{uv} sync", ".venv", f"{uv} lock && wheelfix lock uv.lock"
    sources = [name for name in ("setup.py", "setup.cfg") if name in names]
    if not sources and "build-system" not in tables:
        return None
    source = sources[0] if sources else "pyproject.toml"
    install = f"{uv} venv && {uv} pip install -e ."
    compiled = f"{uv} pip compile {source} --generate-hashes -o locked.txt"
    lock = "" if "locked.txt" in names else f"{compiled} && wheelfix lock locked.txt"
    return source, install, ".venv", lock


def _plan_lists(here: Directory) -> Iterator[tuple[str, Step]]:
    uv = _run(here, "uv")
    for name, kind in here.lists.items():
        quoted = _quote(name)
        if kind is ListKind.HASHED:
            yield name, Step(f"wheelfix lock {quoted}{_write(here, _OVERLAY)}", _LOCK)
            continue
        if not here.environments and not here.active and not here.tables:
            install = f"{uv} venv && {uv} pip install -r {quoted} && wheelfix patch .venv"
            yield name, Step(install, _INSTALL)
        if kind is ListKind.PLAIN:
            line = f"wheelfix override {quoted} --dialect shell{_write(here, _SHELL)}"
            yield name, Step(line, "a shell in which they find their libraries")


def _plan_conda(here: Directory) -> Iterator[tuple[str, Step]]:
    names = {*here.names}
    pixi = [name for name in here.names if name in {"pixi.lock", "pixi.toml"}]
    pixi += ["pyproject.toml"] if "tool.pixi" in here.tables else []
    if pixi and not any(prefix.startswith(".pixi/") for prefix in here.prefixes):
        yield pixi[0], Step("pixi install && wheelfix patch .pixi/envs/default", _INSTALL)
    if here.prefixes:
        return
    program = next((name for name in ("micromamba", "mamba", "conda") if name in here.programs), "micromamba")
    create = "create" if program == "micromamba" else "env create"
    for name in (name for name in _CONDA if name in names):
        yield name, Step(f"{program} {create} -p .conda -f {name} && wheelfix patch .conda", _INSTALL)
    if "conda-lock.yml" in names:
        line = "conda-lock install -p .conda conda-lock.yml && wheelfix patch .conda"
        yield "conda-lock.yml", Step(line, _INSTALL)
    is_locked = any(re.fullmatch(one.names, name) for one in LOCK_FORMATS if one.yaml for name in names)
    for name in (name for name in (*_CONDA, "pixi.toml") if name in names and not is_locked):
        yield name, Step(f"wheelfix env nix --from {name}", _SOLVED)


def _plan_archives(here: Directory) -> Iterator[tuple[str, Step]]:
    wheels = [name for name in here.names if name.endswith(".whl")]
    if wheels:
        target = _quote(wheels[0]) if len(wheels) == 1 else "."
        found = wheels[0] if len(wheels) == 1 else f"{len(wheels)} wheels"
        yield found, Step(f"wheelfix scan {target}", "which libraries are needed, and who has them")
        yield found, Step(f"wheelfix override {target}", "the Nix code that provides them")
    if here.crate:
        yield here.crate, Step(f"wheelfix sdist {_quote(here.crate)}", "the Nix code that builds its Rust")
    if here.sdist:
        line = f"{_run(here, 'uv')} build --wheel -o wheels {_quote(here.sdist)} && wheelfix scan wheels"
        yield here.sdist, Step(line, "which libraries it needs when it is built")


def _plan_nix(here: Directory) -> Iterator[tuple[str, Step]]:
    if "flake.nix" in here.names:
        yield "flake.nix", Step("nix build 2>&1 | wheelfix explain", "if a build of it fails: why")


def _run(here: Directory, program: str) -> str:
    """Name a program as a shell starts it: from nixpkgs where there is Nix and no such program."""
    missing = program not in here.programs and "nix" in here.programs
    return f"nix run nixpkgs#{program} --" if missing else program


def _write(here: Directory, name: str) -> str:
    """Name the file to write; one that is somebody's own is not proposed for overwriting."""
    return "" if name in here.names and name not in here.written else f" -o {name}"


def _first(names: set[str], *wanted: str) -> str:
    return next((name for name in wanted if name in names), "pyproject.toml")


def _quote(name: str) -> str:
    if _PLAIN.fullmatch(name):
        return name
    from wheelfix.scan.target import quote_target

    return quote_target(name)


def render_start(start: Start, width: int | None = None) -> str:
    """Render the first steps, each as a line to copy.

    Args:
        start: the steps.
        width: columns of the terminal; None for any number.
    """
    lines = ["wheelfix makes binary Python wheels work under Nix.", ""]
    if start.here:
        lines += [printable(f"Here: {', '.join(start.found)}. What fits:"), *_render(start.here, width), ""]
    if start.python:
        lines += [*map(printable, start.python), ""]
    lines += ["At any time:" if start.here else "What to do next:", *_render(start.always, width), ""]
    lines += ["All commands: wheelfix --help. One of them, with examples: wheelfix scan --help."]
    return "\n".join(lines) + "\n"


def _render(steps: Sequence[Step], width: int | None) -> list[str]:
    """Render steps in two columns; where one does not fit, each with its purpose above, as a comment."""
    commands = [printable(step.line) for step in steps]
    column = max(map(len, commands))
    rows = [f"  {command:{column}}  {step.purpose}" for command, step in zip(commands, steps, strict=True)]
    if max(map(len, rows)) <= (width or _WIDE):
        return rows
    pairs = zip(commands, steps, strict=True)
    return [line for command, step in pairs for line in (f"  # {step.purpose}", f"  {command}")]
