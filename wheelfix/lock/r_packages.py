"""Plans R for rpy2: what its build needs, and the R packages that a project asks for.

Names are R's own (``data.table``). Which attribute of ``rPackages`` one has is nixpkgs'
``pkgs/development/r-modules/generate-r-packages.R``, ``escapeName``; the versions are nixpkgs'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from wheelfix.errors import InputError
from wheelfix.model.base import Struct, replace
from wheelfix.model.override import Adapter, Input, Override, Shim
from wheelfix.model.scan import Finding, Level

TOOLS = {"rpy2-rinterface": ("R",), "rpy2": ("R",)}
"""Attributes that run in the build of a distribution; rpy2 before 3.6 had the interface itself."""
LINKED = ("bzip2", "icu", "xz", "zlib", "zstd")
"""Attributes that R wants to be linked with it, as in nixpkgs' own rpy2-rinterface."""
_RENAMED = {"import": "r_import", "assert": "r_assert"}
_BASE = frozenset(
    [
        *("base", "compiler", "datasets", "grDevices", "graphics", "grid", "methods", "parallel"),
        *("splines", "stats", "stats4", "tcltk", "tools", "utils"),
    ]
)
"""Packages that R itself consists of."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]")
_WHERE = "pkgs.rPackages"


class RPlan(Struct):
    """Overrides of a lock with R packages in them.

    Attributes:
        overrides, built: as in :class:`~wheelfix.lock.model.LockPlan`.
        findings: what becomes of the packages.
    """

    overrides: tuple[Override, ...]
    built: tuple[Override, ...]
    findings: tuple[Finding, ...] = ()


def check_r_packages(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Return names of R packages, each once, sorted.

    Args:
        names: as R has them.
        where: the option or key that has them, for messages.

    Raises:
        InputError: one is no name of an R package.
    """
    found = set()
    for name in names:
        if not _NAME.fullmatch(name):
            dotted = name.replace("_", ".")
            hint = "write the name that R's library() takes, such as data.table"
            if _NAME.fullmatch(dotted):
                hint = f"write {dotted}, as in R's library(): wheelfix knows how nixpkgs spells it"
            raise InputError(f"{where} {name[:60]!r}", "is no name of an R package", hint)
        found.add(name)
    return tuple(sorted(found))


def name_attr(package: str) -> str:
    """Return the attribute of an R package below ``rPackages``.

    Example:
        >>> name_attr("data.table"), name_attr("import"), name_attr("MASS")
        ('data_table', 'r_import', 'MASS')
    """
    return _RENAMED.get(package, package).replace(".", "_")


def list_build_inputs(name: str) -> tuple[tuple[Input, ...], tuple[Input, ...]]:
    """List what R adds to the build of a distribution: what runs, and what is linked."""
    if name not in TOOLS:
        return (), ()
    tools = tuple(Input(attr=attr, reason="the build asks it where its headers are") for attr in TOOLS[name])
    return tools, tuple(Input(attr=attr, reason="R is linked with it") for attr in LINKED)


def add_r_packages(
    packages: Sequence[str],
    overrides: Sequence[Override],
    built: Sequence[Override],
    adapters: Sequence[Adapter],
    *,
    possible: bool,
) -> RPlan:
    """Let the R of rpy2 find R packages.

    Args:
        packages: their names.
        overrides: of packages that stay wheels.
        built: of packages that are built from source.
        adapters: packages that nixpkgs' builds replace.
        possible: whether the dialect's packages have a shim that may name R packages.
    """
    plan = RPlan(overrides=tuple(overrides), built=tuple(built))
    wanted = [package for package in packages if package not in _BASE]
    part = [package for package in packages if package in _BASE]
    told = []
    if part:
        told.append(_tell(Level.NOTE, part, "part of R itself, so nothing is added"))
    if wanted:
        if not possible:
            why = "left out: only overlays for uv2nix, pyproject.nix and poetry2nix have them"
            told.append(_tell(Level.WARNING, wanted, why))
        elif not any(map(_has_r, (*overrides, *built))):
            told.append(_tell(Level.ERROR, wanted, _say_lack(adapters)))
        else:
            attrs = tuple(sorted({name_attr(package) for package in wanted}))
            plan = RPlan(
                overrides=tuple(_add(one, attrs) for one in overrides),
                built=tuple(_add(one, attrs) for one in built),
            )
            names = ", ".join(f"{_WHERE}.{attr}" for attr in attrs)
            why = (
                f"taken from nixpkgs ({names}), in its versions and with all that they depend on; whether it "
                "has them is not known here: Nix says so when it evaluates"
            )
            told.append(_tell(Level.NOTE, wanted, why))
    return replace(plan, findings=tuple(told))


def _has_r(override: Override) -> bool:
    return override.shim is not None and any(name == "R_HOME" for name, _ in override.shim.variables)


def _add(override: Override, attrs: tuple[str, ...]) -> Override:
    shim: Shim | None = override.shim
    return replace(override, shim=replace(shim, r_packages=attrs)) if shim and _has_r(override) else override


def _say_lack(adapters: Sequence[Adapter]) -> str:
    taken = [adapter.name for adapter in adapters if adapter.name in TOOLS]
    if taken:
        return (
            f"left out: {taken[0]} is nixpkgs' build, which has its own R packages; take it from the lock "
            f"(`--provider {taken[0]}=sdist`)"
        )
    return "left out: no package of the lock starts R; add rpy2 to the requirements"


def _tell(level: Level, packages: Sequence[str], message: str) -> Finding:
    verb = "is" if len(packages) == 1 else "are"
    return Finding(level=level, subject=f"R: {', '.join(packages)}", message=f"{verb} {message}")
