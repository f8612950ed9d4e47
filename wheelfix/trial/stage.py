"""Prepares where modules are imported: a namespace that has what NixOS has, or this system as it is.

NixOS has no libraries in ``/lib`` and ``/usr/lib``. The namespace has the environment, the Nix store and what
leads into it, and the Python that the environment was made of. Of a Python that Nix did not build, also its
loader, the C library, and the libraries that it needs itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from wheelfix.elf.disk import read_object_at
from wheelfix.errors import ApplyError, ElfError, InputError
from wheelfix.index.driver import RUN_PATH
from wheelfix.index.libc import find_libc
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.files import open_workplace
from wheelfix.outside.namespace import HOME, PROGRAM, Namespace, enter_namespace
from wheelfix.outside.places import find_store, list_library_directories
from wheelfix.outside.processes import Stream, quote_output, run
from wheelfix.scan.read import follow_needs
from wheelfix.trial.model import BasePython, Stage
from wheelfix.trial.read import SYSTEM
from wheelfix.wheel.environment import Environment

PASSED = ("LANG", "LC_", "NIX_LD")
"""Beginnings of the names of the environment variables that are passed on."""
_USER = frozenset({"USER", "LOGNAME"})
_LINKS = ("/run/current-system", os.path.dirname(RUN_PATH))  # noqa: PTH120
_FILES = ("/etc/passwd", "/etc/group")
_TREES = ("/sys/block", "/sys/bus", "/sys/class", "/sys/dev", "/sys/devices")
_STORED = ("/bin/sh", "/usr/bin/env")
"""Programs that NixOS has outside of its store: links into it."""
_SECONDS = 60.0
_HOPS = 40
_NOTHING = ("-I", "-S", "-c", "")


@contextmanager
def open_stage(
    environment: Environment, base: BasePython, variables: Mapping[str, str], directories: Iterable[str]
) -> Iterator[tuple[Stage, tuple[Finding, ...]]]:
    """Prepare a namespace, and see whether the environment's interpreter starts in it.

    Args:
        environment: the environment.
        base: its Python.
        variables: those of this process.
        directories: to show, besides: projects, and libraries to which files of the environment lead.

    Yields:
        The stage, and findings about it: a warning if it is no namespace.

    Raises:
        ApplyError: the interpreter does not start here either.
    """
    python = f"{environment.root}/bin/python"
    passed = {name: value for name, value in variables.items() if name.startswith(PASSED)}
    root = str(environment.root)
    shown = _show_system() | {root: root}
    shown, links, borrowed = _show_python(base, shown)
    shown |= {place: os.path.realpath(place) for place in directories}
    hops = {hop: os.path.realpath(hop) for hop in _list_hops(python) if not _is_shown(hop, shown)}
    named = {name: value for name, value in variables.items() if name in _USER}
    path = f"{environment.root}/bin:/run/current-system/sw/bin"
    inside = {**passed, **named, "HOME": HOME, "PATH": path}
    stage = Stage(
        python=python,
        namespace=Namespace(shown=shown | hops, links=links, variables=inside),
        variables={"PATH": variables.get("PATH", os.defpath)},
        borrowed=borrowed,
    )
    problem = _find_problem(stage)
    if problem is None:
        yield stage, ()
        return
    with open_workplace() as home:
        plain = {**passed, **named, "HOME": str(home), "TMPDIR": str(home), "PATH": stage.variables["PATH"]}
        stage = Stage(python=python, namespace=None, variables=plain)
        if without := _find_problem(stage):
            hint = "make the environment again, with a Python that runs here"
            raise ApplyError(python, f"does not start: {without}", hint)
        what = "is not enough for this Python to start" if _can_enter() else "cannot be had"
        said = (
            f"{what}: {problem}. Modules are imported on this system as it is: they find its "
            "libraries, which NixOS may not have"
        )
        yield stage, (Finding(level=Level.WARNING, subject="a namespace", message=said),)


def enter_stage(stage: Stage, arguments: Sequence[str]) -> list[str]:
    """Write the command that runs the environment's interpreter on a stage."""
    command = [stage.python, *arguments]
    return enter_namespace(stage.namespace, command) if stage.namespace else command


def _find_problem(stage: Stage) -> str | None:
    """Run the interpreter without any package; tell why that fails, or None."""
    command = enter_stage(stage, _NOTHING)
    missing = InputError(PROGRAM, "is not installed (the package is called bubblewrap)", "")
    try:
        ran = run(
            command,
            environment=stage.variables,
            output=Stream.DROP,
            seconds=_SECONDS,
            missing=missing if stage.namespace else None,
        )
    except InputError as error:
        return f"{error.subject} {error.problem}"
    return f"{command[0]} says: {quote_output(ran.messages)}" if ran.code else None


def _can_enter() -> bool:
    """Tell whether a namespace can be had at all: one that has all of this system, for this interpreter."""
    places = [f"/{name}" for name in os.listdir("/") if name not in {"dev", "proc", "tmp"}]  # noqa: PTH208
    namespace = Namespace(shown={place: place for place in places if os.access(place, os.R_OK)})
    own = os.path.realpath(sys.executable)
    return _find_problem(Stage(python=own, namespace=namespace, variables=dict(os.environ))) is None


def _show_system() -> dict[str, str]:
    """List what NixOS has in every case, as far as it is here."""
    store = find_store()
    found = {store: store} if os.path.isdir(store) else {}  # noqa: PTH112
    for place in (*_TREES, *_FILES, *_LINKS):
        if os.path.exists(place):  # noqa: PTH110
            found[place] = os.path.realpath(place)
    for place in _STORED:
        if os.path.realpath(place).startswith(f"{store}/"):
            found[place] = os.path.realpath(place)
    return found


def _show_python(
    base: BasePython, before: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """List the files of a Python, with those of this system that it needs itself.

    Args:
        base: the Python.
        before: what is shown already; all of a Python of Nix is.

    Returns:
        What is shown then; links by which loaders of all distributions find the libraries; and the names of
        those libraries that are not of the C library.
    """
    own = (one for one in base.prefixes if os.path.realpath(one) not in SYSTEM)
    places = [*base.sites, *(one for one in own if os.path.isdir(one))]  # noqa: PTH112
    shown = dict(before)
    for place in (*places, base.program, *filter(None, [base.library])):
        if not _is_shown(place, shown):
            shown[place] = os.path.realpath(place)
    try:
        program = read_object_at(base.program, Path(base.program))
    except (ElfError, InputError):
        return shown, {}, ()  # a script, such as a wrapper: what it runs is not known
    if program.interpreter is None or _is_shown(program.interpreter, before):
        return shown, {}, ()  # a loader of Nix looks at none of this system's directories
    shown[program.interpreter] = os.path.realpath(program.interpreter)
    system = list_library_directories()
    modules = sorted(map(str, Path(base.library, "lib-dynload").glob("*.so"))) if base.library else []
    libraries = [
        file for file in follow_needs([base.program, *modules], system) if not _is_shown(file, shown)
    ]
    for home in {os.path.dirname(file) for file in libraries if file.endswith("/libc.so.6")}:  # noqa: PTH120
        found = os.listdir(home)  # noqa: PTH208
        libraries += [f"{home}/{name}" for name in found if find_libc(name, program.machine)]
    shown |= {file: os.path.realpath(file) for file in libraries}
    names = {file.rpartition("/")[2]: file for file in libraries}
    others = ((f"{directory}/{name}", file) for name, file in names.items() for directory in system)
    links = {place: file for place, file in others if place not in shown and os.path.isfile(place)}  # noqa: PTH113
    return shown, links, tuple(sorted(name for name in names if not find_libc(name, program.machine)))


def _list_hops(path: str) -> Iterator[str]:
    """List the paths that a link leads to, one after the other."""
    for _ in range(_HOPS):
        if not os.path.islink(path):  # noqa: PTH114
            return
        target = os.readlink(path)  # noqa: PTH115
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120
        yield path


def _is_shown(path: str, shown: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in shown)
