"""Renders the dialects without a package set: a shell for nix-ld, and mach-nix's settings."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.index.driver import RUN_PATH
from wheelfix.model.override import Input, Override
from wheelfix.nix.parts import (
    comment_all,
    describe,
    describe_permissions,
    formals,
    list_ignored,
    list_inputs,
    take,
)
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Formal,
    Formals,
    Lambda,
    List,
    SearchPath,
    Str,
    bind,
    call,
    select,
    text,
)

_NIX_LD = (
    "Programs that were not built by Nix, such as an interpreter that uv fetched, start through nix-ld "
    "(programs.nix-ld.enable on NixOS), which hands NIX_LD_LIBRARY_PATH on to them. An interpreter from "
    "nixpkgs does not pass through it: start that one program with LD_LIBRARY_PATH=$NIX_LD_LIBRARY_PATH in "
    "front. Do not export LD_LIBRARY_PATH for the whole shell: every program in it would load these."
)


def render_shell(overrides: Sequence[Override]) -> str:
    """Write a ``mkShell`` that passes all libraries of some wheels to the loader."""
    inputs: dict[str, list[str]] = {}
    directories: dict[tuple[str, str], None] = {}  # each once, for any number of wheels
    for override in overrides:
        for one in override.inputs:
            inputs.setdefault(one.attr, []).append(f"{override.name or override.target}: {one.reason}")
        directories |= {(s.attr, s.directory): None for s in override.searches if s.attr}
    merged = [Input(attr=attr, reason="; ".join(reasons)) for attr, reasons in sorted(inputs.items())]
    path: Expr = call("pkgs.lib.makeLibraryPath", list_inputs(merged))
    for attr, directory in directories:
        path = Binary("+", path, Str((":", take(attr), f"/{directory}")))
    driver = sorted({soname for override in overrides for soname in override.driver})
    comment = ""
    if driver:
        path = Binary("+", path, text(f":{RUN_PATH}"))
        comment = f"{', '.join(driver)}: from the GPU driver, in {RUN_PATH}"
    body = Attrs(
        (
            bind("NIX_LD", select("pkgs", "stdenv", "cc", "bintools", "dynamicLinker")),
            bind("NIX_LD_LIBRARY_PATH", path, comment),
        )
    )
    missing = [
        f"{o.name or o.target}: {i.soname}: {i.reason}."
        for o in overrides
        for i in o.ignored
        if i.soname not in driver
    ]
    hints = [hint for override in overrides for hint in override.hints]
    nixpkgs = call("import", SearchPath("nixpkgs"), Attrs())
    function = Lambda(Formals((Formal("pkgs", nixpkgs),)), call("pkgs.mkShell", body))
    title = "A shell for a virtual environment of pip or uv. Written by wheelfix."
    targets = [f"For {describe(override)}." for override in overrides]
    head = [title, *describe_permissions(overrides), _NIX_LD]
    return render(comment_all([*head, *targets, *missing, *hints], function))


def render_mach_nix(overrides: Sequence[Override]) -> str:
    """Write settings to be merged into the argument of ``mach-nix.mkPython``."""
    settings: list[Binding] = []
    for override in overrides:
        settings += _write_settings(override)
    use = "mkPython ({ requirements = …; } // import ./this.nix { inherit pkgs; })"
    head = [
        f"Settings for mach-nix: {use}. Written by wheelfix.",
        *describe_permissions(overrides),
        *(f"For {describe(override)}." for override in overrides),
        *(hint for override in overrides for hint in override.hints),
    ]
    return render(comment_all(head, Lambda(formals("pkgs"), Attrs(tuple(settings)))))


def _write_settings(override: Override) -> list[Binding]:
    def setting(*path: str, value: Expr, comment: str = "") -> Binding:
        return Binding(("_", override.name, *path), value, comment)

    found = []
    inputs = [i for i in override.inputs if not i.baseline]
    if inputs:
        found.append(setting("buildInputs", "add", value=list_inputs(inputs)))
    if override.driver:
        hook = Commented(f"{', '.join(override.driver)}: in {RUN_PATH}", take("autoAddDriverRunpath"))
        found.append(setting("nativeBuildInputs", "add", value=List((hook,))))
    if override.ignored:
        found.append(setting("autoPatchelfIgnoreMissingDeps", value=list_ignored(override.ignored)))
    return found
