"""The pyproject.toml of an environment: requirements, and nothing to build. The door to ``tomli_w``."""

from __future__ import annotations

import re
from typing import Any

import tomli_w
from packaging.requirements import InvalidRequirement, Requirement

from wheelfix.errors import InputError
from wheelfix.lockfile.getters import Table
from wheelfix.lockfile.markers import normalize_name

_HEAD = "# Written by `wheelfix env`.\n"
_KEPT = ("requires-python", "optional-dependencies")
_UV = (
    *("sources", "index", "index-url", "extra-index-url", "find-links", "no-index", "no-binary-package"),
    *("constraint-dependencies", "override-dependencies", "conflicts"),
    *("prerelease", "resolution", "exclude-newer", "default-groups"),
)
"""Settings of uv that a resolution depends on."""


def parse_requirement_lines(name: str, text: str) -> tuple[str, ...]:
    """Read a requirements.txt as people write it: names, ranges, comments; options of pip are refused.

    Args:
        name: of the file, for messages.
        text: its content.

    Returns:
        The requirements as written, sorted by name.

    Raises:
        InputError: a line is no requirement; names it.
    """
    found = []
    for number, raw in enumerate(text.removeprefix("\ufeff").replace("\\\n", "  ").splitlines(), 1):
        line = re.sub(r"(?:^|\s)#.*$", "", raw)
        line = re.sub(r"\s--hash[= ]\S+", "", line).strip()
        if not line:
            continue
        try:
            found.append(Requirement(line))
        except InvalidRequirement:
            hint = "write one requirement a line, without options: indexes are found as pip and uv do"
            raise InputError(f"{name}: line {number}", f"{line[:60]!r} is no requirement", hint) from None
    return tuple(
        sorted(map(str, found), key=lambda text: (normalize_name(re.split(r"[^\w.-]", text)[0]), text))
    )


def find_written_python(text: str, project: Table) -> str | None:
    """The version of CPython that :func:`render_requirements` or :func:`render_project` wrote a file for.

    Args:
        text: of the pyproject.toml.
        project: the same, parsed.

    Returns:
        None for a file that somebody else wrote, and for a range of versions.
    """
    if not text.startswith(_HEAD):
        return None
    stated = project.table("project").get("requires-python", str) or ""
    match = re.fullmatch(r"==(3\.\d{1,3})\.\*", stated)
    threads = project.table("tool").table("wheelfix").get("free-threaded", bool)
    return f"{match[1]}{'t' if threads else ''}" if match else None


def drop_python(project: Table) -> Table:
    """The same project, for any Python."""
    kept = {k: v for k, v in project.table("project").values.items() if k != "requires-python"}
    tool = dict(project.table("tool").values)
    own = {k: v for k, v in project.table("tool").table("wheelfix").values.items() if k != "free-threaded"}
    return Table(
        project.lock, project.path, {**project.values, "project": kept, "tool": {**tool, "wheelfix": own}}
    )


def render_requirements(name: str, requirements: tuple[str, ...], python: str) -> str:
    """Write the pyproject.toml of some requirements.

    Args:
        name: of the environment, normalised.
        requirements: as PEP 508 has them.
        python: version of CPython it is for.
    """
    project = {
        "name": name,
        "version": "0",
        "requires-python": f"=={python.removesuffix('t')}.*",
        "dependencies": list(requirements),
    }
    tool: dict[str, Any] = {"uv": _make_settings({})}
    if python.endswith("t"):
        tool["wheelfix"] = {"free-threaded": True}
    return _render({"project": project, "tool": tool})


def render_project(project: Table, name: str, python: str) -> str:
    """Write the pyproject.toml of a project's dependencies, without the project itself.

    Args:
        project: the project's own pyproject.toml.
        name: of the environment, if the project has none.
        python: version of CPython, if the project names none.

    Raises:
        InputError: it has no ``[project]``; poetry's own table is not read.
    """
    table = project.table("project")
    if not table.values:
        hint = "write dependencies into [project], or give a requirements.txt with -r"
        raise (
            project.fail("project", "is missing")
            if not project.values
            else InputError(project.lock, "has no [project]", hint)
        )
    kept: dict[str, Any] = {
        "name": table.name() if "name" in table.values else name,
        "version": table.get("version", str) or "0",
        "requires-python": f"=={python.removesuffix('t')}.*",
        "dependencies": list(table.strings("dependencies")),
    }
    kept |= {key: table.values[key] for key in _KEPT if key in table.values}
    uv = project.table("tool").table("uv").values
    document: dict[str, Any] = {"project": kept}
    if "dependency-groups" in project.values:
        document["dependency-groups"] = project.values["dependency-groups"]
    document["tool"] = {"uv": _make_settings({key: uv[key] for key in _UV if key in uv})}
    wheelfix = dict(project.table("tool").table("wheelfix").values)
    if python.endswith("t"):
        wheelfix["free-threaded"] = True
    if wheelfix:
        document["tool"]["wheelfix"] = wheelfix
    return _render(document)


def _make_settings(kept: dict[str, Any]) -> dict[str, Any]:
    return {"package": False, "environments": ["sys_platform == 'linux'"], **kept}


def _render(document: dict[str, Any]) -> str:
    return _HEAD + tomli_w.dumps(document, multiline_strings=False)
