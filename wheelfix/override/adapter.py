"""Renders adapters: ``nixpkgsPrebuilt``, which puts nixpkgs' build of a package in place of its wheel.

The contract is pyproject.nix's ``build/hacks/default.nix`` (7af23cf7): ``from`` gives name, version and
files, ``prev`` gives only ``passthru`` (and the interpreter to compare): redundant dependencies are removed
from ``prev.passthru.dependencies``. ``prev = final.x`` would recurse infinitely.
"""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.model.override import Adapter, AdapterPlan
from wheelfix.model.scan import Level
from wheelfix.nix.parts import (
    HACKS,
    comment_all,
    describe_permissions,
    formals,
    remove_dependencies,
    write_guarded,
)
from wheelfix.nix.printer import print_flat, render
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Binding,
    Call,
    Commented,
    Expr,
    Formal,
    Formals,
    Inherit,
    Lambda,
    Let,
    List,
    Path,
    SearchPath,
    Select,
    Str,
    Var,
    bind,
    call,
    merge,
    select,
    text,
)
from wheelfix.override.prebuilt import find_python

_PROPAGATED = (
    "nixpkgsPrebuilt leaves out what nixpkgs' build propagates: modules that it imports come from the "
    "dependencies that are left."
)


def render_adapters(plan: AdapterPlan, *, standalone: bool = False) -> str:
    """Write the overlay of a package that nixpkgs' build replaces, and of what is bound to it.

    plan: the adapters; the first one is the package that the user named.
    standalone: whether to write a complete file with workspace, package set and virtual environment, and not
        the overlay alone.
    """
    adapter = plan.adapters[0]
    overlay = Lambda("final", Lambda("prev", merge(write_adapters(plan.adapters))))
    title = f"{adapter.name} {adapter.version}: nixpkgs' {'.'.join(adapter.attr)} in place of the wheel."
    head = [f"{title} Written by wheelfix from {adapter.target}."]
    head += [*describe_permissions((), plan.adapters), _PROPAGATED]
    head += [f"Look at: {f.subject} {f.message}." for f in plan.findings if f.level is not Level.NOTE]
    if not standalone:
        head.append(print_flat(HACKS))
        return render(comment_all(head, Lambda(formals("pkgs", "lib", "hacks"), overlay)))
    return render(comment_all(head, _write_file(adapter, overlay)))


def write_adapters(adapters: Sequence[Adapter]) -> list[Expr]:
    """Write the set of each adapter, with its reason if there are several."""
    several = len(adapters) > 1
    return [
        write_guarded(a.name, Commented(_describe(a), prebuilt) if several else prebuilt)
        for a in adapters
        for prebuilt in [write_prebuilt(a)]
    ]


def _describe(adapter: Adapter) -> str:
    label = f"{adapter.name} {adapter.version}".strip()
    return f"{label}: {adapter.reason}" if adapter.reason else label


def write_prebuilt(adapter: Adapter) -> Expr:
    """Write the package: ``hacks.nixpkgsPrebuilt { … }``, with a warning if the versions differ."""
    prev = select("prev", adapter.name)
    if adapter.strip.stripped:
        changed = Lambda("old", Attrs((remove_dependencies(adapter.strip),)))
        kept: Expr = call(select(prev, "overrideAttrs"), changed)
    else:
        kept = prev
    prebuilt = call("hacks.nixpkgsPrebuilt", Attrs((Inherit(("from",)), bind("prev", kept))))
    version, locked = select("from", "version"), select(prev, "version")
    words = (f"{adapter.name}: nixpkgs has ", version, ", the lock has ", locked)
    differs = Binary("!=", version, locked)
    warned = Call(select("lib", "warnIf"), (differs, Str(words), prebuilt))
    return Let((bind("from", select("pkgs", *adapter.attr)),), warned)


def _write_file(adapter: Adapter, overlay: Expr) -> Expr:
    nixpkgs = call("import", SearchPath("nixpkgs"), Attrs())
    parameter = Formals(
        (
            Formal("pkgs", nixpkgs),
            Formal("pyproject-nix"),
            Formal("uv2nix"),
            Formal("pyproject-build-systems"),
            Formal("workspaceRoot", Path("./.")),
        )
    )
    python = select("pkgs", find_python(adapter.attr))
    packages = select("pyproject-nix", "build", "packages")
    scope = call("pkgs.callPackage", packages, _inherit("python"))
    workspace_overlay = call(
        select("workspace", "mkPyprojectOverlay"), Attrs((bind("sourcePreference", text("wheel")),))
    )
    build_systems = select("pyproject-build-systems", "overlays", "wheel")
    overlays = List((build_systems, workspace_overlay, Var("adapter")))
    bindings: tuple[Binding | Inherit, ...] = (
        Inherit(("lib",), Var("pkgs")),
        bind("python", python, "of the same Python version as the adapted package"),
        HACKS,
        bind("workspace", call("uv2nix.lib.workspace.loadWorkspace", _inherit("workspaceRoot"))),
        bind("adapter", overlay),
        bind(
            "pythonSet",
            call(Select(scope, ("overrideScope",)), call("lib.composeManyExtensions", overlays)),
        ),
    )
    environment = call(
        "pythonSet.mkVirtualEnv", text(f"{adapter.name}-env"), select("workspace", "deps", "default")
    )
    return Lambda(parameter, Let(bindings, environment))


def _inherit(name: str) -> Expr:
    return Attrs((Inherit((name,)),))
