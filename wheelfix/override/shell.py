"""Renders the dialects without a package set: a shell for nix-ld, and mach-nix's settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce

from wheelfix.index.driver import RUN_PATH, find_directories
from wheelfix.model.override import Override
from wheelfix.nix.parts import (
    comment_all,
    describe,
    describe_permissions,
    list_flags,
    list_ignored,
    list_inputs,
    take,
    take_pkgs,
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
    Script,
    SearchPath,
    Str,
    bind,
    call,
    select,
    text,
)
from wheelfix.override.install import add_shim, write_install
from wheelfix.override.libraries import collect_libraries, write_value
from wheelfix.override.overlay import list_runpaths

_NIX_LD = (
    "nix-ld (programs.nix-ld.enable) starts what Nix did not build, such as uv's Python, with these; start a "
    "Python of nixpkgs with LD_LIBRARY_PATH=$NIX_LD_LIBRARY_PATH in front."
)


NIX_LD_LIBRARIES = "/run/current-system/sw/share/nix-ld/lib"
"""Where nix-ld looks if NIX_LD_LIBRARY_PATH is not set (nixpkgs, ``nixos/modules/programs/nix-ld.nix``)."""


def render_shell(overrides: Sequence[Override]) -> str:
    """Write a ``mkShell`` that passes all libraries of some wheels to the loader."""
    wanted = collect_libraries(overrides)
    places = find_directories(wanted.driver) if wanted.driver else ()
    misleading = f"unset {' '.join(wanted.unset)}" if wanted.unset else ""
    bindings = [bind("NIX_LD", select("pkgs", "stdenv", "cc", "bintools", "dynamicLinker"), _NIX_LD)]
    bindings += [bind(one.name, write_value(one), one.reason) for one in wanted.variables]
    parts: list[Expr] = [Str((":", take(attr), f"/{directory}")) for attr, directory in wanted.directories]
    parts += [text(f":{place}") for place in places]
    if wanted.inputs or parts:
        # nix-ld has libraries of its own, which the shell must not take away. No part may be empty: that
        # stands for the working directory.
        start = f"export NIX_LD_LIBRARY_PATH=${{NIX_LD_LIBRARY_PATH:-{NIX_LD_LIBRARIES}}}"
        if wanted.inputs:
            parts = [
                text(f"{start}:"),
                call("pkgs.lib.makeLibraryPath", list_inputs(wanted.inputs)),
                *parts,
            ]
        else:
            parts = [text(start), *parts]
        parts += [text(f"\n{misleading}")] if misleading else []
        hook = reduce(partial(Binary, "+"), parts)
        bindings.append(bind("shellHook", hook, wanted.say_driver()))
    elif misleading:
        bindings.append(bind("shellHook", text(misleading)))
    body = Attrs(tuple(bindings))
    nixpkgs = call("import", SearchPath("nixpkgs"), Attrs())
    function = Lambda(Formals((Formal("pkgs", nixpkgs),)), call("pkgs.mkShell", body))
    title = "A shell for a virtual environment of pip or uv. Written by wheelfix."
    return render(comment_all([title, *describe_permissions(overrides), *wanted.remarks], function))


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
    body = add_shim(overrides, Attrs(tuple(settings)))
    return render(comment_all(head, Lambda(take_pkgs(body), body)))


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
    if override.runpaths:
        found.append(setting("appendRunpaths", "add", value=list_runpaths(override.runpaths)))
    if override.lost_openings:
        found.append(setting("autoPatchelfFlags", value=list_flags(override.lost_openings)))
    if code := write_install(override, (".",)):
        # A pattern stands for files that are there already, and not for those that are written.
        enter = Script((("pushd $out/lib/python3*/site-packages > /dev/null",),))
        leave = Script((("popd > /dev/null",),))
        whole = Binary("+", Binary("+", enter, code), leave)
        found.append(setting("postInstall", "add", value=whole))
    return found
