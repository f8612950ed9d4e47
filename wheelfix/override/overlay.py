"""Renders overlays for package sets that are generated from a lock: uv2nix, pyproject.nix, poetry2nix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce

from wheelfix.model.override import Adapter, Dialect, Input, Override
from wheelfix.nix.parts import (
    OLD,
    add_code_to_old,
    add_to_old,
    comment_all,
    describe,
    describe_permissions,
    describe_strip,
    formals,
    list_flags,
    list_ignored,
    list_inputs,
    list_names,
    quote_path,
    remove_dependencies,
    take,
    write_digest,
    write_guarded,
    write_search,
)
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Lambda,
    List,
    Not,
    Script,
    Select,
    Str,
    Var,
    bind,
    call,
    merge,
    select,
    text,
)
from wheelfix.override.adapter import write_adapters
from wheelfix.override.install import add_shim, write_install
from wheelfix.scan.layout import SITE

TITLES = {
    Dialect.UV2NIX: "Overlay for a package set of uv2nix",
    Dialect.PYPROJECT_NIX: "Overlay for a package set of pyproject.nix, whose wheels have no hooks yet",
    Dialect.POETRY2NIX: "Overlay for poetry2nix (`overrides`)",
}


def render_overlay(overrides: Sequence[Override], adapters: Sequence[Adapter], dialect: Dialect) -> str:
    """Write one overlay for all packages.

    Args:
        overrides: packages that stay wheels.
        adapters: packages that nixpkgs' builds replace; only for uv2nix and pyproject.nix.
        dialect: one of the three.
    """
    title = f"{TITLES[dialect]}. Written by wheelfix."
    packages, unchanged = write_packages(overrides, dialect)
    silent = [line for o in unchanged for line in (f"{describe(o)}: nothing to add.", *o.hints)]
    overlay = write_overlay([*write_adapters(adapters), *packages], overrides, hacks=bool(adapters))
    return render(comment_all([title, *describe_permissions(overrides, adapters), *silent], overlay))


def write_overlay(sets: Sequence[Expr], overrides: Iterable[Override] = (), *, hacks: bool) -> Lambda:
    """Write the function of an overlay.

    Args:
        sets: the attribute sets that it merges.
        overrides: the packages in it.
        hacks: whether one of the sets uses pyproject.nix's ``hacks``.
    """
    names = ("pkgs", "lib", "hacks") if hacks else ("pkgs", "lib")
    overlay = Lambda("final", Lambda("prev", merge(sets)))
    return Lambda(formals(*names, ellipsis=not hacks), add_shim(overrides, overlay))


def write_packages(
    overrides: Iterable[Override], dialect: Dialect
) -> tuple[tuple[Expr, ...], tuple[Override, ...]]:
    """Write the set of each package.

    Returns:
        The sets, and the overrides that need none.
    """
    sets, unchanged = [], []
    for override in overrides:
        if package := write_package(override, dialect):
            sets.append(
                write_guarded(override.name, comment_all([describe(override), *override.hints], package))
            )
        else:
            unchanged.append(override)
    return tuple(sets), tuple(unchanged)


def write_package(override: Override, dialect: Dialect, package: Expr | None = None) -> Expr | None:
    """Write the change of one package; None if it needs none.

    Args:
        override: what it needs.
        dialect: the package set.
        package: what is changed; None is the package of the set.
    """
    bindings = [
        *_write_source(override),
        *_write_hooks(override, dialect),
        *_write_inputs(override, dialect),
        *write_rest(override),
        *_write_strip(override, dialect),
        *_write_install(override, dialect),
    ]
    if not bindings:
        return None
    change = "overridePythonAttrs" if dialect is Dialect.POETRY2NIX else "overrideAttrs"
    changed = select("prev", override.name, change) if package is None else Select(package, (change,))
    return call(changed, Lambda("old", Attrs(tuple(bindings))))


def write_environment(bindings: Iterable[Binding], comment: str) -> Expr:
    """Write ``mkVirtualEnv`` of pyproject.nix, with settings for every environment that it makes."""
    made = call("prev.mkVirtualEnv", Var("name"), Var("spec"))
    changed = call(Select(made, ("overrideAttrs",)), Lambda("old", Attrs(tuple(bindings))))
    return Attrs((bind("mkVirtualEnv", Lambda("name", Lambda("spec", changed)), comment),))


def write_pattern(pattern: str) -> Expr:
    """Write a pattern for files of an environment, relative to its prefix, with the set's site-packages."""
    inside = pattern.removeprefix(SITE)
    return text(pattern) if inside == pattern else Str((select("final", "python", "sitePackages"), inside))


def list_build_systems(names: Iterable[str], dialect: Dialect) -> Expr:
    """Write the packages of a set that build another one, with what these require, for native inputs.

    Args:
        names: normalised names of distributions.
        dialect: one of those whose package set is made from a lock.
    """
    if dialect is Dialect.POETRY2NIX:
        return List(tuple(select("final", name) for name in names))
    return call("final.resolveBuildSystem", Attrs(tuple(bind(name, List()) for name in names)))


def _write_source(override: Override) -> list[Binding]:
    """Fetch the wheel itself, where the set would take one without its libraries."""
    source = override.source
    if source is None:
        return []
    why = f"The set itself takes {source.passed_over}, without the libraries of this one, which pip takes"
    fetched = (
        bind("name", text(source.filename)),
        bind("url", text(source.url)),
        bind("hash", text(write_digest(source.sha256))),
    )
    return [bind("src", call("pkgs.fetchurl", Attrs(fetched)), why)]


_PYTHON = select("final", "python", "pythonOnBuildForHost", "interpreter")


def _write_install(override: Override, dialect: Dialect) -> list[Binding]:
    site = ("$out/", select("final", "python", "sitePackages"))
    parts = [*_write_removal(override, site)]
    # poetry2nix' builds are nixpkgs', which compile after postInstall.
    python = None if dialect is Dialect.POETRY2NIX else _PYTHON
    if code := write_install(override, site, python=python):
        parts.append(code)
    if not parts:
        return []
    return [add_code_to_old("postInstall", reduce(partial(Binary, "+"), parts))]


def _write_removal(override: Override, site: tuple[str | Expr, ...]) -> Iterable[Expr]:
    """Remove leftovers that another package has too: nothing imports them, and they would collide."""
    if override.removed:
        lines = [("rm -rf ", *site, f"/{quote_path(path)}") for path in override.removed]
        yield Script((("# other packages have these, too",), *lines))


def _write_hooks(override: Override, dialect: Dialect) -> list[Binding]:
    hooks: list[Expr] = []
    needed = bool(
        override.inputs
        or override.searches
        or override.ignored
        or override.interpreter
        or override.lost_openings
        or override.runpaths
    )
    if needed and not _has_hook(override, dialect):
        why = "nothing adds it for this kind of wheel"
        hooks.append(Commented(why, take("autoPatchelfHook")))
    if override.driver:
        why = f"{', '.join(override.driver)}: found in /run/opengl-driver/lib at run time"
        hooks.append(Commented(why, take("autoAddDriverRunpath")))
    return [add_to_old("nativeBuildInputs", List(tuple(hooks)))] if hooks else []


def _has_hook(override: Override, dialect: Dialect) -> bool:
    """Whether the set adds the hook: uv2nix always, poetry2nix to manylinux wheels, pyproject.nix never."""
    if dialect is Dialect.POETRY2NIX:
        return any("manylinux" in tag.rpartition("-")[2] for tag in override.tags)
    return dialect is Dialect.UV2NIX


def _write_inputs(override: Override, dialect: Dialect) -> list[Binding]:
    # What a set adds by itself goes by the tags of the wheel that it takes by itself.
    alone = dialect is Dialect.PYPROJECT_NIX or override.source is not None
    inputs = [i for i in override.inputs if alone or not i.baseline]
    items = list(list_inputs(inputs).items)
    if override.interpreter and dialect is not Dialect.POETRY2NIX:  # whose packages have Python anyway
        items.append(Commented(override.interpreter, select("final", "python")))
    return [add_to_old("buildInputs", List(tuple(items)))] if items else []


def write_rest(override: Override) -> list[Binding]:
    """Write ignore list, run paths and search paths, which are the same for every set with ``final``."""
    bindings = []
    if override.ignored:
        bindings.append(add_to_old("autoPatchelfIgnoreMissingDeps", list_ignored(override.ignored)))
    if override.runpaths:
        bindings.append(add_to_old("appendRunpaths", list_runpaths(override.runpaths)))
    if override.lost_openings:
        bindings.append(add_to_old("autoPatchelfFlags", list_flags(override.lost_openings)))
    search = write_search(
        override.searches,
        lambda name: select("final", name),
        select("final", "python"),
        base=Select(OLD, ("preFixup",), text("")),
    )
    if search:
        bindings.append(bind("preFixup", search))
    return bindings


def list_runpaths(runpaths: Sequence[Input], find: Callable[[str], Expr] = take) -> List:
    """List library directories as strings, each below its reason."""
    return List(
        tuple(
            Commented(r.reason, Str((call("lib.getLib", find(r.attr)), f"/{r.directory}"))) for r in runpaths
        )
    )


def _write_strip(override: Override, dialect: Dialect) -> list[Binding]:
    plan = override.strip
    if plan is None or not plan.stripped:
        return []
    if dialect is not Dialect.POETRY2NIX:
        return [remove_dependencies(plan)]
    known = call("builtins.elem", Select(Var("dep"), ("pname",), text("")), list_names(plan.stripped))
    stripped = call("lib.filter", Lambda("dep", Not(known)), Select(OLD, ("propagatedBuildInputs",), List()))
    return [bind("propagatedBuildInputs", stripped, describe_strip(plan))]
