"""Plans which modules of an environment are imported.

Of each distribution, the modules at the top; and the compiled modules below these, as a package often imports
them only when they are used, and they are what lacks libraries.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from wheelfix.errors import InputError, suggest
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution
from wheelfix.scan.modules import find_compiled, find_outermost
from wheelfix.trial.model import Attempt, Linked
from wheelfix.wheel.environment import Environment, Installed
from wheelfix.wheel.metadata import normalize_name

_SHIM = "_wheelfix_"


def plan_attempts(
    environment: Environment,
    python: str,
    *,
    linked: Mapping[str, Linked],
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> tuple[tuple[Attempt, ...], tuple[Finding, ...]]:
    """Choose the modules, and which of them one process imports.

    Args:
        environment: with the projects of editable installs.
        python: version of its Python.
        linked: where editable installs have their modules, by distribution.
        only: patterns of names of distributions; none chooses all.
        exclude: patterns of names of distributions that are left out.

    Returns:
        The attempts, sorted by distribution and module; and distributions of which nothing can be imported.

    Raises:
        InputError: no distribution is installed, or a pattern matches none.
    """
    named = [one for one in environment.distributions if one.distribution]
    names = {one.distribution.name for one in named if one.distribution}
    if not names:
        left = "".join(f": {one.subject} {one.message}" for one in environment.findings[:1])
        hint = "install something into it, as files and not as links: `uv sync --link-mode copy`"
        raise InputError(str(environment.root), f"has no distributions that can be read{left}", hint)
    for pattern in (*only, *exclude):
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = suggest(pattern, names, otherwise="name a distribution that is installed")
            raise InputError(pattern, "matches no distribution that is installed", hint)
    attempts: list[Attempt] = []
    findings: list[Finding] = []
    for one in named:
        distribution = one.distribution
        assert distribution
        name = distribution.name
        chosen = not only or any(fnmatchcase(name, pattern) for pattern in only)
        if not chosen or any(fnmatchcase(name, pattern) for pattern in exclude):
            continue
        planned = list(_plan_one(distribution, _list_files(one, linked), python))
        attempts += planned
        if one.project and not planned:
            said = "is an editable install, and nothing tells which modules it has: none was tried"
            findings.append(Finding(level=Level.WARNING, subject=distribution.target, message=said))
    return tuple(attempts), tuple(findings)


def _list_files(installed: Installed, linked: Mapping[str, Linked]) -> list[str]:
    """List the files of a distribution, relative to where its modules are found."""
    distribution = installed.distribution
    assert distribution
    if installed.project is None:
        return sorted(distribution.files)
    files = [*installed.sources, *(file.path for file in installed.elf_files)]
    link = linked.get(distribution.name, Linked(roots=()))
    found = []
    for root in link.roots:
        inside = posixpath.relpath(root, str(installed.project))
        start = "" if inside == "." else f"{inside}/"
        for file in files:
            path = file.removeprefix(start)
            top = path.partition("/")[0].partition(".")[0]
            # A project's own directory has files that are run, and not imported.
            told = top in link.names if link.names else start or "/" in path or _is_own(top, distribution)
            if file.startswith(start) and told:
                found.append(path)
    return sorted(found)


def _is_own(module: str, distribution: Distribution) -> bool:
    return normalize_name(module) == distribution.name


def _plan_one(distribution: Distribution, files: list[str], python: str) -> Iterator[Attempt]:
    tops = [module for module in find_outermost(files, distribution.name) if not module.startswith(_SHIM)]
    compiled = [module for module in find_compiled(files, python) if module not in tops]
    groups: dict[str | None, list[str]] = {top: [] for top in tops}
    for module in compiled:
        above = [top for top in tops if module.startswith(f"{top}.")]
        groups.setdefault(max(above, key=len, default=None), []).append(module)
    for top, below in groups.items():
        yield Attempt(
            distribution=distribution.name,
            version=distribution.version,
            top=top,
            compiled=tuple(below),
        )
