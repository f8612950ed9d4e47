"""Renders what to paste and to run: overrides, a shell, a module, a fragment of a package."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from wheelfix.explain.builds import write_builds
from wheelfix.explain.change import CHANGE_TITLE, render_change
from wheelfix.explain.model import Explanation, Missing
from wheelfix.explain.troubles.settings import NIXOS, list_wheels
from wheelfix.index.bounds import find_bound
from wheelfix.index.driver import find_directories
from wheelfix.model.classes import NeedClass, OfLibc
from wheelfix.model.override import Dialect, Override
from wheelfix.nix.parts import (
    add_code_to_old,
    add_to_old,
    describe,
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
from wheelfix.override.install import is_started, write_install
from wheelfix.override.modules import NIX_LD_ENABLE, NIX_LD_LIBRARIES, extend_option, render_module
from wheelfix.override.overlay import list_runpaths

_SAME = "shell.nix, too: what is in this mkShell goes into the one above"


def write_paste(explanation: Explanation, override: Override, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Write the code to paste.

    Args:
        explanation: the explanation.
        override: the override of the package.
        dialect: the tool to write for.

    Yields:
        The place to paste a piece, and the piece. A second shell says that it is no file of its own.
    """
    shells = 0
    for title, code in dict.fromkeys(_list_pieces(explanation, override, dialect)):
        shell = title.startswith("shell.nix")
        shells += shell
        yield _SAME if shell and shells > 1 else title, code


def _list_pieces(explanation: Explanation, override: Override, dialect: Dialect) -> Iterator[tuple[str, str]]:
    traits = TRAITS[dialect]
    in_sets = traits.locked and bool(override.searches or override.interpreter)
    opened = override.runpaths or override.opened or override.shim or override.driver
    if override.inputs or override.ignored or opened or in_sets:
        if traits.complete:  # a message has no wheel file, of which a whole package would be made
            yield CHANGE_TITLE, render_nixpkgs_overlay(override)
        else:
            yield traits.title, render_overrides([override], (), dialect)
    stacks = sorted({name for t in explanation.troubles for name in t.clear_stack if name})
    if stacks and explanation.package:
        yield "overlay of Python packages", render_clear_stack(explanation.package.name, stacks)
    if any(trouble.nix_ld for trouble in explanation.troubles):
        yield NIXOS, render_nix_ld(explanation.build_inputs)
    yield from write_builds(explanation, dialect)
    yield from (piece for trouble in explanation.troubles for piece in trouble.paste)


def write_now(explanation: Explanation) -> Iterator[str]:
    """Write fixes without a build: shell lines, and sentences in the imperative; each once."""
    yield from dict.fromkeys(_list_now(explanation))


def _list_now(explanation: Explanation) -> Iterator[str]:
    package = explanation.package
    if explanation.build_inputs and package and package.environment:
        yield f"wheelfix patch {shlex.quote(package.environment)}"
    driver = sorted({m.soname for m in explanation.missing if m.need_class is NeedClass.DRIVER})
    if explanation.build_inputs or driver:
        yield render_shell_line(explanation.build_inputs, driver=driver)
    carried = [m for m in explanation.missing if m.distribution]
    site = package.site if package else None
    if carried and not (site or "").startswith("/nix/store/"):
        yield _write_install(carried)
        if opened := sorted({m.directory for m in carried if m.directory and (m.unsure or not m.linked)}):
            yield f"LD_LIBRARY_PATH={list_wheels(site, opened)} COMMAND  # opened by name"
    libcs = [m for m in explanation.missing if m.named and isinstance(m.cause, OfLibc)]
    if any(m.soname.startswith("ld-linux") for m in libcs):
        yield "Install it again with the Python that runs it: the musllinux wheel. Or use a Python on glibc."
    elif any(isinstance(m.cause, OfLibc) and m.cause.libc == "musl" for m in libcs):
        yield "Install it again with the Python that runs it: the manylinux wheel. Or use a Python on musl."
    for trouble in explanation.troubles:
        yield from trouble.now


def _write_install(carried: Iterable[Missing]) -> str:
    """Write how pip gets the distributions that carry libraries: of releases that have them."""
    bounds = {m.distribution or "": find_bound(m.distribution or "", m.soname) for m in carried}
    wanted = [f"{name}<{bound.below}" if bound else name for name, bound in sorted(bounds.items())]
    notes = "; ".join(dict.fromkeys(bound.note for bound in bounds.values() if bound and bound.note))
    return f"pip install {' '.join(map(shlex.quote, wanted))}{f'  # {notes}' if notes else ''}"


def render_shell_line(attrs: Sequence[str], *, driver: Sequence[str] = ()) -> str:
    """Write a command that runs one program, whose loader finds libraries.

    Args:
        attrs: nixpkgs attributes.
        driver: libraries of the GPU driver that are wanted too.

    Example:
        >>> print(render_shell_line(["krb5"])[:64])
        nix-shell -E 'with import <nixpkgs> { }; mkShell { LD_LIBRARY_PA
    """
    libraries: Expr = call("lib.makeLibraryPath", List(tuple(map(take_bare, attrs))))
    if driver:
        places = ":".join(find_directories(driver))
        libraries = Binary("+", libraries, text(f":{places}")) if attrs else text(places)
    shell = call("mkShell", Attrs((bind("LD_LIBRARY_PATH", libraries),)))
    code = print_flat(With(call("import", SearchPath("nixpkgs"), Attrs()), shell))
    return f"nix-shell -E {shlex.quote(code)} --run COMMAND"


def render_nix_ld(attrs: Sequence[str]) -> str:
    """Write a NixOS module that enables nix-ld, with libraries beside those that it has by default."""
    bindings = [Binding(NIX_LD_ENABLE, TRUE)]
    if attrs:
        bindings.append(extend_option(NIX_LD_LIBRARIES, tuple(map(take, attrs))))
    return render_module(
        ["For the configuration of NixOS: once, for the whole system. Written by wheelfix."],
        bindings,
        *(["pkgs", "options"] if attrs else []),
    )


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


def render_nixpkgs_overlay(override: Override) -> str:
    """Write an overlay for nixpkgs that adds what one of its Python packages lacks."""
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
    head = [f"For {describe(override)}. Written by wheelfix.", *override.hints]
    return render_change(override.name, Lambda("old", Attrs(tuple(bindings))), head, override)
