"""Reads and writes ``pyproject.toml``: what locks and environments need of it, and that of an environment.

The only module that imports ``tomli_w``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.requirements import Requirement

from wheelfix.errors import InputError
from wheelfix.lockfile.checks import check_name
from wheelfix.model.base import Misfit, Struct, convert, decode_toml, field
from wheelfix.model.python import CPYTHON, PYPY, parse_python
from wheelfix.wheel.metadata import normalize_name

DEFAULT_GROUPS = ("dev",)
"""The dependency groups that uv takes where no project says which."""
_HINT = "correct it"
_HEAD = "# Written by `wheelfix env`.\n"
_KEPT = ("requires-python", "optional-dependencies")
_UV = (
    *("sources", "index", "index-url", "extra-index-url", "find-links", "no-index", "no-binary-package"),
    *("constraint-dependencies", "override-dependencies", "dependency-metadata", "conflicts"),
    *("prerelease", "resolution", "exclude-newer", "default-groups"),
)
"""Settings of uv that affect a resolution."""


class _Metadata(Struct, rename="kebab"):
    """``[project]`` (the specification "Declaring project metadata")."""

    name: str | None = None
    version: str | None = None
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()


class _PoetryRequirement(Struct):
    """A requirement of poetry, in the long form."""

    optional: bool = False


_PoetryRequirements = dict[str, str | _PoetryRequirement | tuple[str | _PoetryRequirement, ...]]


class _PoetryGroup(Struct):
    """``[tool.poetry.group.NAME]``."""

    dependencies: _PoetryRequirements = field(default_factory=dict)


class _Poetry(Struct, rename="kebab"):
    """``[tool.poetry]``."""

    dependencies: _PoetryRequirements = field(default_factory=dict)
    dev_dependencies: _PoetryRequirements = field(default_factory=dict)
    group: dict[str, _PoetryGroup] = field(default_factory=dict)


class _Uv(Struct, rename="kebab"):
    """``[tool.uv]``."""

    default_groups: str | tuple[str, ...] = DEFAULT_GROUPS


_OF_PYTHON = frozenset({"free-threaded", "implementation"})
SETTINGS = ("nixpkgs", "providers", "free-threaded", "implementation", "r-packages", "conda")
"""Keys of ``[tool.wheelfix]``; the first one is read where Nix is asked."""


class _Conda(Struct):
    """``[tool.wheelfix.conda]``."""

    channels: tuple[str, ...] = ()


class _Wheelfix(Struct, rename="kebab"):
    """``[tool.wheelfix]``."""

    free_threaded: bool = False
    implementation: str = CPYTHON
    providers: dict[str, str] = field(default_factory=dict)
    r_packages: tuple[str, ...] = ()
    conda: _Conda = _Conda()


class _Tool(Struct):
    """``[tool]``."""

    poetry: _Poetry = _Poetry()
    uv: _Uv = _Uv()
    wheelfix: _Wheelfix = _Wheelfix()


class _Document(Struct, rename="kebab"):
    """The whole file. Items of a dependency group that are not strings include other groups."""

    project: _Metadata = _Metadata()
    dependency_groups: dict[str, tuple[str | dict[str, Any], ...]] = field(default_factory=dict)
    tool: _Tool = _Tool()


class Project(Struct):
    """A pyproject.toml.

    Attributes:
        file: name of the file, for messages.
        name: of the project, as written; None if it has none.
        requires_python: version specifiers, of ``[project]`` or else of poetry's own table; or empty.
        requirements: of ``[project]``, then of the dependency groups, as written.
        poetry: normalised names of the requirements in poetry's own tables, sorted.
        default_groups: dependency groups that uv takes by default; ``*`` is every group.
        providers: contents of ``[tool.wheelfix.providers]``, in order.
        free_threaded: whether an environment written by wheelfix is for the free-threaded interpreter.
        implementation: of Python that an environment written by wheelfix is for, ``cpython`` or ``pypy``.
        r_packages: R packages that are asked for, as written.
        channels: of conda, for packages that are taken from there, strongest first.
        document: the whole file, of which parts are copied without being interpreted.
    """

    file: str
    name: str | None
    requires_python: str
    requirements: tuple[str, ...]
    poetry: tuple[str, ...]
    default_groups: tuple[str, ...]
    providers: Mapping[str, str]
    free_threaded: bool
    implementation: str
    r_packages: tuple[str, ...]
    channels: tuple[str, ...]
    document: Mapping[str, Any]


def parse_project(file: str, text: str) -> Project:
    """Read a pyproject.toml.

    Args:
        file: name of the file, for messages.
        text: its contents.

    Raises:
        InputError: it is not TOML, or a value has another type than the tools accept.
    """
    try:
        return _make_project(file, decode_toml(text))
    except Misfit as misfit:
        raise misfit.tell(file, _HINT) from None


def _make_project(file: str, document: Mapping[str, Any]) -> Project:
    read = convert(document, _Document)
    groups, poetry = read.dependency_groups.values(), read.tool.poetry
    tables = [poetry.dependencies, poetry.dev_dependencies, *(g.dependencies for g in poetry.group.values())]
    required = {
        normalize_name(name)
        for table in tables
        for name, wanted in table.items()
        if name != "python" and not (isinstance(wanted, _PoetryRequirement) and wanted.optional)
    }
    return Project(
        file=file,
        name=read.project.name,
        requires_python=read.project.requires_python or _find_python(poetry.dependencies),
        requirements=(
            *read.project.dependencies,
            *(text for group in groups for text in group if isinstance(text, str)),
        ),
        poetry=tuple(sorted(required)),
        default_groups=_find_default_groups(read.tool.uv.default_groups),
        providers=read.tool.wheelfix.providers,
        free_threaded=read.tool.wheelfix.free_threaded,
        implementation=read.tool.wheelfix.implementation,
        r_packages=read.tool.wheelfix.r_packages,
        channels=read.tool.wheelfix.conda.channels,
        document=document,
    )


def _find_python(dependencies: _PoetryRequirements) -> str:
    wanted = dependencies.get("python", "")
    return read_constraint(wanted) if isinstance(wanted, str) else ""


def read_constraint(text: str) -> str:
    """Read poetry's constraint on Python.

    Returns:
        Version specifiers of PEP 440; empty for none, and for alternatives (``||``), which they cannot say.

    Example:
        >>> read_constraint("^3.11"), read_constraint("~3.12.1"), read_constraint(">=3.11,<3.14")
        ('>=3.11,<4', '>=3.12.1,<3.13', '>=3.11,<3.14')
    """
    found = []
    for part in re.sub(r"([<>=!~^])\s+", r"\1", text).replace(" ", ",").split(","):
        if not part:
            continue
        match = re.fullmatch(r"(\^|~(?!=)|[<>]=?|[!=~]=|)(\d{1,9}(?:\.\d{1,9}){0,3}(?:\.\*)?)", part)
        if match is None:
            return ""
        sign, version = match[1], match[2]
        numbers = version.split(".")
        if sign == "^" or (sign == "~" and len(numbers) == 1):
            found.append(f">={version},<{int(numbers[0]) + 1}")
        elif sign == "~":
            found.append(f">={version},<{numbers[0]}.{int(numbers[1]) + 1}")
        else:
            found.append(f"{sign or '=='}{version}")
    return ",".join(found)


def _find_default_groups(groups: str | tuple[str, ...]) -> tuple[str, ...]:
    if groups == "all":
        return ("*",)
    if isinstance(groups, str):
        raise Misfit("tool.uv.default-groups", 'is neither a list nor "all"')
    return tuple(map(normalize_name, groups))


def list_required(project: Project) -> set[str]:
    """Return normalised names of what a project itself requires, in any of its groups.

    Raises:
        InputError: a requirement is invalid.
    """
    found = set(project.poetry)
    for text in project.requirements:
        try:
            found.add(normalize_name(Requirement(text).name))
        except ValueError:  # InvalidRequirement, or a number of more digits than Python converts
            subject = f"{project.file}: project.dependencies"
            raise InputError(subject, f"{text[:60]!r} is no requirement", _HINT) from None
    return found


def parse_requirement_lines(name: str, text: str) -> tuple[str, ...]:
    """Read a requirements.txt without hashes: names, ranges, comments; options of pip are refused.

    Args:
        name: of the file, for messages.
        text: its contents.

    Returns:
        The requirements as written, sorted by name.

    Raises:
        InputError: a line is not a requirement; the message names it.
    """
    found = []
    for number, raw in enumerate(text.removeprefix("\ufeff").replace("\\\n", "  ").splitlines(), 1):
        line = re.sub(r"(?:^|\s)#.*$", "", raw)
        line = re.sub(r"\s--hash[= ]\S+", "", line).strip()
        if not line:
            continue
        try:
            found.append(Requirement(line))
        except ValueError:
            hint = "write one requirement a line, without options: indexes are found as pip and uv do"
            raise InputError(f"{name}: line {number}", f"{line[:60]!r} is no requirement", hint) from None
    return tuple(
        sorted(map(str, found), key=lambda text: (normalize_name(re.split(r"[^\w.-]", text)[0]), text))
    )


def find_written_python(text: str, project: Project) -> str | None:
    """Find the version of CPython that :func:`render_requirements` or :func:`render_project` wrote for.

    Args:
        text: of the pyproject.toml.
        project: the same, parsed.

    Returns:
        None for a file from elsewhere, and for a range of versions.
    """
    if not text.startswith(_HEAD):
        return None
    match = re.fullmatch(r"==(3\.\d{1,3})\.\*", project.requires_python)
    if match is None:
        return None
    if project.implementation == PYPY:
        return f"{PYPY}{match[1]}"
    return f"{match[1]}{'t' if project.free_threaded else ''}"


def drop_python(project: Project) -> Project:
    """Return the project without its Python version."""
    document = project.document
    tool = document.get("tool", {})
    kept = {k: v for k, v in document.get("project", {}).items() if k != "requires-python"}
    own = {k: v for k, v in tool.get("wheelfix", {}).items() if k not in _OF_PYTHON}
    return _make_project(project.file, {**document, "project": kept, "tool": {**tool, "wheelfix": own}})


def render_requirements(
    name: str, requirements: tuple[str, ...], python: str, r_packages: Sequence[str] = ()
) -> str:
    """Write the pyproject.toml for some requirements.

    Args:
        name: of the environment, normalised.
        requirements: in the syntax of PEP 508.
        python: version of CPython.
        r_packages: R packages that are asked for.
    """
    project = {
        "name": name,
        "version": "0",
        "requires-python": _require(python),
        "dependencies": list(requirements),
    }
    tool: dict[str, Any] = {"uv": _make_settings(python, {})}
    if own := _make_own({}, python, r_packages):
        tool["wheelfix"] = own
    return _render({"project": project, "tool": tool})


def render_project(project: Project, name: str, python: str, r_packages: Sequence[str] = ()) -> str:
    """Write the pyproject.toml of a project's dependencies, without the project itself.

    Args:
        project: the project's own pyproject.toml.
        name: of the environment, if the project has none.
        python: version of CPython, if the project names none.
        r_packages: R packages that are asked for besides its own.

    Raises:
        InputError: it has no ``[project]``, as poetry's own table is not used; its name is invalid; or it is
            nested too deep to be written.
    """
    document = project.document
    table = document.get("project")
    if not table:
        hint = "write dependencies into [project], or give a requirements.txt with -r"
        raise InputError(project.file, "has no [project]", hint)
    try:
        known = name if project.name is None else check_name(project.name, "project.name")
    except Misfit as misfit:
        raise misfit.tell(project.file, _HINT) from None
    kept: dict[str, Any] = {
        "name": known,
        "version": table.get("version") or "0",
        "requires-python": _require(python),
        "dependencies": table.get("dependencies", []),
    }
    kept |= {key: table[key] for key in _KEPT if key in table}
    tool = document.get("tool", {})
    uv = tool.get("uv", {})
    written: dict[str, Any] = {"project": kept}
    if "dependency-groups" in document:
        written["dependency-groups"] = document["dependency-groups"]
    written["tool"] = {"uv": _make_settings(python, {key: uv[key] for key in _UV if key in uv})}
    if wheelfix := _make_own(tool.get("wheelfix", {}), python, (*project.r_packages, *r_packages)):
        written["tool"]["wheelfix"] = wheelfix
    try:
        return _render(written)
    except RecursionError:
        raise InputError(project.file, "is nested too deep", _HINT) from None


def _require(python: str) -> str:
    known = parse_python(python)
    assert known
    return f"=={known.version}.*"


def _make_own(kept: Mapping[str, Any], python: str, r_packages: Sequence[str]) -> dict[str, Any]:
    """Make ``[tool.wheelfix]``, with the settings of an interpreter that its version does not tell."""
    made = dict(kept)
    known = parse_python(python)
    if known and known.implementation == PYPY:
        made["implementation"] = PYPY
    elif known and known.threads:
        made["free-threaded"] = True
    if r_packages:
        made["r-packages"] = sorted(set(r_packages))
    return made


def _make_settings(python: str, kept: dict[str, Any]) -> dict[str, Any]:
    known = parse_python(python)
    marker = "sys_platform == 'linux'"
    if known and known.implementation == PYPY:
        marker += " and platform_python_implementation == 'PyPy'"
    return {"package": False, "environments": [marker], **kept}


def _render(document: dict[str, Any]) -> str:
    import tomli_w

    return _HEAD + tomli_w.dumps(document, multiline_strings=False)
