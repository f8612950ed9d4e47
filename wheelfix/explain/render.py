"""Short pieces of Nix for an explanation: a shell, a NixOS module, a fragment of a package."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from wheelfix.model.override import Override
from wheelfix.nix.parts import (
    add_code_to_old,
    add_to_old,
    comment_all,
    describe,
    formals,
    list_ignored,
    list_inputs,
    take,
    take_bare,
)
from wheelfix.nix.printer import print_flat, render
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Inherit,
    Lambda,
    List,
    Path,
    Script,
    SearchPath,
    With,
    bind,
    call,
    select,
    text,
)

_DRIVER = "/run/opengl-driver/lib"


def render_shell_line(attrs: Sequence[str], *, driver: bool = False) -> str:
    """A shell command that starts a shell in which the loader finds libraries.

    Args:
        attrs: nixpkgs attributes.
        driver: also those of the GPU driver.

    Example:
        >>> print(render_shell_line(["krb5"]))
        nix-shell -E 'with import <nixpkgs> { }; mkShell { LD_LIBRARY_PATH = lib.makeLibraryPath [ krb5 ]; }'
    """
    libraries: Expr = call("lib.makeLibraryPath", List(tuple(map(take_bare, attrs))))
    if driver:
        libraries = Binary("+", libraries, text(f":{_DRIVER}")) if attrs else text(_DRIVER)
    shell = call("mkShell", Attrs((bind("LD_LIBRARY_PATH", libraries),)))
    code = print_flat(With(call("import", SearchPath("nixpkgs"), Attrs()), shell))
    return f"nix-shell -E {shlex.quote(code)}"


def render_nix_ld(attrs: Sequence[str]) -> str:
    """A NixOS module that turns nix-ld on, with libraries."""
    bindings = [Binding(("programs", "nix-ld", "enable"), TRUE)]
    if attrs:
        bindings.append(Binding(("programs", "nix-ld", "libraries"), List(tuple(map(take, attrs)))))
    module = Lambda(formals("pkgs", ellipsis=True), Attrs(tuple(bindings)))
    return render(Commented("For the configuration of NixOS. Written by wheelfix.", module))


def render_clear_stack(name: str, files: Sequence[str]) -> str:
    """An overlay that clears the executable stack of some files of a package.

    Args:
        name: of the package.
        files: their file names.
    """
    lines = tuple(
        (f'find "$out" -name {shlex.quote(file)} -exec patchelf --clear-execstack {{}} +',) for file in files
    )
    fixed = Attrs((add_code_to_old("postFixup", Script(lines)),))
    change = call(select("prev", name, "overrideAttrs"), Lambda("old", fixed))
    overlay = Lambda("final", Lambda("prev", Attrs((bind(name, change),))))
    return render(Commented("glibc refuses an executable stack. Written by wheelfix.", overlay))


def render_fragment(override: Override) -> str:
    """What a package of nixpkgs lacks, as a function for ``overridePythonAttrs``."""
    bindings = []
    if override.driver:
        bindings.append(add_to_old("nativeBuildInputs", List((take("autoAddDriverRunpath"),))))
    if override.inputs:
        bindings.append(add_to_old("buildInputs", list_inputs(override.inputs)))
    if override.ignored:
        bindings.append(add_to_old("autoPatchelfIgnoreMissingDeps", list_ignored(override.ignored)))
    function = call("import", Path("./this.nix"), Attrs((Inherit(("pkgs",)),)))
    use = call(select("python3Packages", override.name, "overridePythonAttrs"), function)
    head = [f"For {describe(override)}. Written by wheelfix.", print_flat(use)]
    return render(comment_all(head, Lambda(formals("pkgs"), Lambda("old", Attrs(tuple(bindings))))))
