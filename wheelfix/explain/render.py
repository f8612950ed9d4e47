"""Renders what to paste and to run: overrides, a shell, a module, a fragment of a package."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from wheelfix.explain.builds import write_builds
from wheelfix.explain.change import render_change
from wheelfix.explain.model import Explanation
from wheelfix.index.driver import find_directories
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import Dialect, Override
from wheelfix.nix.parts import (
    add_code_to_old,
    add_to_old,
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
    Lambda,
    List,
    Script,
    SearchPath,
    With,
    bind,
    call,
    select,
    text,
)
from wheelfix.override.dialects import TRAITS, render_overrides
from wheelfix.override.install import add_shim, is_started, write_install
from wheelfix.override.overlay import list_runpaths


def write_paste(explanation: Explanation, override: Override, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Write the code to paste.

    Args:
        explanation: the explanation.
        override: the override of the package.
        dialect: the tool to write for.

    Yields:
        The place to paste a piece, and the piece.
    """
    traits = TRAITS[dialect]
    in_sets = traits.locked and bool(override.searches or override.interpreter)
    opened = override.runpaths or override.opened or override.shim or override.driver
    if override.inputs or override.ignored or opened or in_sets:
        whole = not traits.complete  # a message has no wheel file, which a package needs
        code = render_overrides([override], (), dialect) if whole else render_fragment(override)
        yield traits.title, code
    stacks = sorted({name for t in explanation.troubles for name in t.clear_stack if name})
    if stacks and explanation.package:
        yield "overlay of Python packages", render_clear_stack(explanation.package.name, stacks)
    if any(trouble.nix_ld for trouble in explanation.troubles):
        yield "configuration of NixOS", render_nix_ld(explanation.build_inputs)
    yield from write_builds(explanation, dialect)
    for trouble in explanation.troubles:
        yield from trouble.paste


def write_now(explanation: Explanation) -> Iterator[str]:
    """Write fixes without a build: shell lines, and sentences in the imperative."""
    package = explanation.package
    if explanation.build_inputs and package and package.environment:
        yield f"wheelfix patch {shlex.quote(package.environment)}"
    driver = sorted({m.soname for m in explanation.missing if m.need_class is NeedClass.DRIVER})
    if explanation.build_inputs or driver:
        yield render_shell_line(explanation.build_inputs, driver=driver)
    if explanation.siblings and not (package and (package.site or "").startswith("/nix/store/")):
        yield f"pip install {' '.join(map(shlex.quote, explanation.siblings))}"
    for trouble in explanation.troubles:
        yield from trouble.now


def render_shell_line(attrs: Sequence[str], *, driver: Sequence[str] = ()) -> str:
    """Write a command that starts a shell in which the loader finds libraries.

    Args:
        attrs: nixpkgs attributes.
        driver: libraries of the GPU driver that are wanted too.

    Example:
        >>> print(render_shell_line(["krb5"]))
        nix-shell -E 'with import <nixpkgs> { }; mkShell { LD_LIBRARY_PATH = lib.makeLibraryPath [ krb5 ]; }'
    """
    libraries: Expr = call("lib.makeLibraryPath", List(tuple(map(take_bare, attrs))))
    if driver:
        places = ":".join(find_directories(driver))
        libraries = Binary("+", libraries, text(f":{places}")) if attrs else text(places)
    shell = call("mkShell", Attrs((bind("LD_LIBRARY_PATH", libraries),)))
    code = print_flat(With(call("import", SearchPath("nixpkgs"), Attrs()), shell))
    return f"nix-shell -E {shlex.quote(code)}"


def render_nix_ld(attrs: Sequence[str]) -> str:
    """Write a NixOS module that enables nix-ld, with libraries."""
    bindings = [Binding(("programs", "nix-ld", "enable"), TRUE)]
    if attrs:
        bindings.append(Binding(("programs", "nix-ld", "libraries"), List(tuple(map(take, attrs)))))
    module = Lambda(formals("pkgs", ellipsis=True), Attrs(tuple(bindings)))
    return render(Commented("For the configuration of NixOS. Written by wheelfix.", module))


def render_clear_stack(name: str, files: Sequence[str]) -> str:
    """Write an overlay that clears the executable stack of some files of a package.

    Args:
        name: name of the package.
        files: names of the files.
    """
    lines = tuple(
        (f'find "$out" -name {shlex.quote(file)} -exec patchelf --clear-execstack {{}} +',) for file in files
    )
    fixed = Attrs((add_code_to_old("postFixup", Script(lines)),))
    change = call(select("prev", name, "overrideAttrs"), Lambda("old", fixed))
    overlay = Lambda("final", Lambda("prev", Attrs((bind(name, change),))))
    return render(Commented("glibc refuses an executable stack. Written by wheelfix.", overlay))


def render_fragment(override: Override) -> str:
    """Write what a package of nixpkgs lacks, as a function for ``overridePythonAttrs``."""
    bindings = []
    if override.driver:
        bindings.append(add_to_old("nativeBuildInputs", List((take("autoAddDriverRunpath"),))))
    if override.inputs:
        bindings.append(add_to_old("buildInputs", list_inputs(override.inputs)))
    if override.ignored:
        bindings.append(add_to_old("autoPatchelfIgnoreMissingDeps", list_ignored(override.ignored)))
    if override.runpaths:
        bindings.append(add_to_old("appendRunpaths", list_runpaths(override.runpaths)))
    site = ("$out/", select("pkgs", "python3", "sitePackages"))
    if code := write_install(override, site, by_import=is_started(override)):
        bindings.append(add_code_to_old("postInstall", code))
    body = add_shim([override], Lambda("old", Attrs(tuple(bindings))))
    head = [f"For {describe(override)}. Written by wheelfix.", *override.hints]
    return render_change(override.name, body, head)
