"""Renders what builds lack: all of a text in one piece of code, for the package or for a shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wheelfix.explain.asked import find_bare
from wheelfix.explain.change import CHANGE_TITLE, render_change
from wheelfix.explain.model import BuildNeeds, Explanation, Package, SymptomKind
from wheelfix.model.override import Dialect, Input
from wheelfix.nix.parts import (
    OLD,
    add_to_old,
    comment_all,
    describe_permissions,
    formals,
    list_inputs,
    take,
    take_pkgs,
    write_guarded,
)
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Binding,
    Expr,
    Formal,
    Formals,
    Lambda,
    List,
    SearchPath,
    Select,
    Str,
    bind,
    call,
    select,
)
from wheelfix.override.dialects import TRAITS
from wheelfix.override.overlay import TITLES, list_build_systems, write_overlay

_PLACEHOLDER = "package"
_UNNAMED = f"Nothing in the text names the package: write its name in place of `{_PLACEHOLDER}`."
_PYTHON = "python3"
_ISOLATED = "pip and uv build apart from the environment, with what pyproject.toml says:"


def write_builds(explanation: Explanation, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Write what the builds of an explanation lack.

    Args:
        explanation: the explanation.
        dialect: the tool to write for.

    Yields:
        The place to paste a piece, and the piece.
    """
    needs = merge_needs(t.build for t in explanation.troubles if t.build)
    if needs is None:
        return
    package = explanation.package
    hooked = any(t.kind is SymptomKind.HOOK for t in explanation.troubles)
    if TRAITS[dialect].listed and (hooked or is_derivation(package)):
        dialect = Dialect.NIXPKGS  # no shell reaches into a build of Nix
    name = package.name if package else _PLACEHOLDER
    hints = [*_describe_permissions(needs), *([] if package else [_UNNAMED])]
    match dialect:
        case Dialect.UV2NIX | Dialect.PYPROJECT_NIX | Dialect.POETRY2NIX:
            yield TRAITS[dialect].title, _render_overlay(name, needs, dialect, hints)
        case Dialect.NIXPKGS:
            yield CHANGE_TITLE, _render_package(name, needs, hints)
        case Dialect.MACH_NIX:
            yield TRAITS[dialect].title, _render_settings(name, needs, hints)
        case Dialect.DEVENV:
            yield from _render_systems(name, needs)
            if needs.native or needs.inputs:
                yield "devenv.nix", _render_devenv(needs)
        case _:
            yield from _render_systems(name, needs)
            if needs.native or needs.inputs:
                yield "shell.nix", _render_shell(name, needs)


def is_derivation(package: Package | None) -> bool:
    """Whether a package is built by Nix, as far as the text tells."""
    return package is not None and not (package.installer or package.environment or package.site)


def merge_needs(several: Iterable[BuildNeeds]) -> BuildNeeds | None:
    """Merge what several messages ask for; None without any."""
    needs = tuple(several)
    if not needs:
        return None
    return BuildNeeds(
        systems=_merge_systems(name for one in needs for name in one.systems),
        native=_merge_inputs(one for need in needs for one in need.native),
        inputs=_merge_inputs(one for need in needs for one in need.inputs),
        includes=_merge_inputs(one for need in needs for one in need.includes),
    )


def _merge_systems(names: Iterable[str]) -> tuple[str, ...]:
    """Merge build systems; one with a bound is not told without it as well."""
    told = set(names)
    bound = {find_bare(name) for name in told if find_bare(name) != name}
    return tuple(sorted(told - bound))


def _merge_inputs(inputs: Iterable[Input]) -> tuple[Input, ...]:
    found: dict[str, Input] = {}
    reasons: dict[str, dict[str, None]] = {}
    for one in inputs:
        found.setdefault(one.attr, one)
        reasons.setdefault(one.attr, {})[one.reason] = None
    return tuple(
        Input(attr=attr, reason=", ".join(reasons[attr]), permissions=found[attr].permissions)
        for attr in sorted(found)
    )


def _describe_permissions(needs: BuildNeeds) -> list[str]:
    more = [(one.attr, one.permissions) for one in (*needs.native, *needs.inputs)]
    return describe_permissions((), more=more)


def _find_in_set(attr: str) -> Expr:
    """Write an attribute, or the Python of the set that builds."""
    return select("final", "python") if attr == _PYTHON else take(attr)


def _render_overlay(name: str, needs: BuildNeeds, dialect: Dialect, hints: Sequence[str]) -> str:
    bindings = []
    native: Expr | None = list_inputs(needs.native, _find_in_set) if needs.native else None
    if needs.systems:
        systems = list_build_systems(tuple(map(find_bare, needs.systems)), dialect)
        native = Binary("++", native, systems) if native else systems
    if native:
        bindings.append(add_to_old("nativeBuildInputs", native))
    if needs.inputs:
        bindings.append(add_to_old("buildInputs", list_inputs(needs.inputs, _find_in_set)))
    bindings += _write_includes(needs)
    change = "overridePythonAttrs" if dialect is Dialect.POETRY2NIX else "overrideAttrs"
    package = call(select("prev", name, change), Lambda("old", Attrs(tuple(bindings))))
    overlay = write_overlay([write_guarded(name, package)], hacks=False)
    return render(comment_all([f"{TITLES[dialect]}. Written by wheelfix.", *hints], overlay))


def _render_package(name: str, needs: BuildNeeds, hints: Sequence[str]) -> str:
    bindings = []
    if needs.systems:
        systems = List(tuple(select("pyfinal", find_bare(one)) for one in needs.systems))
        bindings.append(add_to_old("build-system", systems))
    if needs.native:
        bindings.append(add_to_old("nativeBuildInputs", list_inputs(needs.native)))
    if needs.inputs:
        bindings.append(add_to_old("buildInputs", list_inputs(needs.inputs)))
    bindings += _write_includes(needs)
    body = Lambda("old", Attrs(tuple(bindings)))
    return render_change(name, body, [f"For the build of {name}. Written by wheelfix.", *hints])


def _render_settings(name: str, needs: BuildNeeds, hints: Sequence[str]) -> str:
    native = [select("pkgs", "python3Packages", find_bare(one)) for one in needs.systems]
    native += list_inputs(needs.native).items
    settings = {"nativeBuildInputs": native, "buildInputs": list(list_inputs(needs.inputs).items)}
    bindings = [
        Binding(("_", name, which, "add"), List(tuple(items))) for which, items in settings.items() if items
    ]
    body = Attrs(tuple(bindings))
    head = ["Settings for mach-nix, to be merged into its argument. Written by wheelfix.", *hints]
    return render(comment_all(head, Lambda(take_pkgs(body), body)))


def _render_shell(name: str, needs: BuildNeeds) -> str:
    bindings = []
    # a shell has the programs of both lists on PATH
    inputs = {one.attr for one in needs.inputs}
    if native := tuple(one for one in needs.native if one.attr not in inputs):
        bindings.append(bind("nativeBuildInputs", list_inputs(native)))
    if needs.inputs:
        bindings.append(bind("buildInputs", list_inputs(needs.inputs)))
    bindings += _write_variables(needs)
    nixpkgs = call("import", SearchPath("nixpkgs"), Attrs())
    body = call("pkgs.mkShell", Attrs(tuple(bindings)))
    function = Lambda(Formals((Formal("pkgs", nixpkgs),)), body)
    what = f"build {name}" if name != _PLACEHOLDER else "build packages"
    head = [f"A shell to {what} in with pip or uv: nix-shell, then install again. Written by wheelfix."]
    return render(comment_all([*head, *_describe_permissions(needs)], function))


def _render_devenv(needs: BuildNeeds) -> str:
    items = {one.attr: one for one in (*needs.native, *needs.inputs)}
    packages = list_inputs(items[attr] for attr in sorted(items))
    bindings = [bind("packages", packages)]
    bindings += [
        Binding(("env", *binding.path), binding.value, binding.comment) for binding in _write_variables(needs)
    ]
    body = Lambda(formals("pkgs", ellipsis=True), Attrs(tuple(bindings)))
    return render(
        comment_all(["A module of devenv. Written by wheelfix.", *_describe_permissions(needs)], body)
    )


def _write_includes(needs: BuildNeeds) -> list[Binding]:
    """Write the variable by which build scripts look for headers in other places than their own.

    Inside a derivation it is in ``env``, which packages with structured attributes have.
    """
    variables = _write_variables(needs)
    if not variables:
        return []
    old = Select(OLD, ("env",), Attrs())
    return [bind("env", Binary("//", old, Attrs(tuple(variables))))]


def _write_variables(needs: BuildNeeds) -> list[Binding]:
    if not needs.includes:
        return []
    parts: list[str | Expr] = []
    for one in needs.includes:
        parts += [":"] * bool(parts) + [call("pkgs.lib.getDev", take(one.attr)), "/include"]
    return [bind("C_INCLUDE_PATH", Str(tuple(parts)), "the build script looks into these directories itself")]


def _render_systems(name: str, needs: BuildNeeds) -> Iterator[tuple[str, str]]:
    """Write the table of uv by which a package is built with more than it says itself."""
    if needs.systems:
        names = ", ".join(f'"{one}"' for one in needs.systems)
        yield (
            "pyproject.toml, for uv",
            f"# {_ISOLATED}\n[tool.uv.extra-build-dependencies]\n{name} = [{names}]\n",
        )
