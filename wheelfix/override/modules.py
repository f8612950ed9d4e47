"""Renders the dialects that are modules: a list of libraries for nix-ld on NixOS, or for devenv's Python.

A definition of a list replaces the option's default. devenv's default is what ``packages`` brings; that of
nix-ld's module was its base libraries in older releases, and is empty in newer ones, which define them
beside. Both modules therefore begin with the default of the option, whatever it is.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from wheelfix.index.driver import find_directories
from wheelfix.model.override import Override
from wheelfix.nix.parts import comment_all, describe_permissions, formals, list_inputs, take
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Lambda,
    List,
    Str,
    bind,
    call,
    select,
    text,
)
from wheelfix.override.libraries import Libraries, collect_libraries, write_value

NIX_LD_ENABLE = ("programs", "nix-ld", "enable")
NIX_LD_LIBRARIES = ("programs", "nix-ld", "libraries")
"""Options of NixOS."""

_NIXOS_TITLE = "nix-ld.nix, a module in imports of configuration.nix. Written by wheelfix."
_NIXOS_REACH = (
    "After nixos-rebuild switch, log in again. nix-ld starts programs that were not built by Nix, such as an "
    "interpreter that uv fetched, and hands these libraries to them. An interpreter from nixpkgs does not "
    "pass through it: `wheelfix patch` helps there."
)
_DEVENV_TITLE = "libraries.nix, a module in imports of devenv.nix. Written by wheelfix."
_DEVENV_REACH = (
    "devenv's own Python finds these libraries: the virtual environment has to be made with it, as "
    "languages.python.venv.enable does. An interpreter that uv fetched does not: `wheelfix patch` helps "
    "there."
)
_SEARCHED_FOR = (
    "What is searched for with ctypes.util.find_library is not found by this, as that asks ldconfig and a "
    "compiler: `wheelfix patch` writes what finds it."
)


def render_nixos(overrides: Sequence[Override]) -> str:
    """Write a NixOS module that enables nix-ld and adds all libraries of some wheels."""
    wanted = collect_libraries(overrides)
    items = [*list_inputs(wanted.inputs).items, *_link_directories(wanted)]
    if wanted.driver:
        items.append(Commented(wanted.say_driver(), _link_driver(wanted.driver)))
    bindings = [Binding(NIX_LD_ENABLE, TRUE, _NIXOS_REACH if items else "")]
    if items:
        bindings.append(extend_option(NIX_LD_LIBRARIES, items))
    bindings += [
        # A default, as what the owner of the machine has set must not be in conflict with it.
        Binding(
            ("environment", "variables", one.name), call("pkgs.lib.mkDefault", write_value(one)), one.reason
        )
        for one in wanted.variables
    ]
    unset = (
        [f"Not to be had for a whole system: unset {' '.join(wanted.unset)} before the program starts."]
        if wanted.unset
        else []
    )
    head = [
        _NIXOS_TITLE,
        *describe_permissions(overrides),
        *unset,
        *_tell_searched(overrides),
    ]
    return render_module([*head, *wanted.remarks], bindings, "pkgs", *(["options"] if items else []))


def render_devenv(overrides: Sequence[Override]) -> str:
    """Write a module of devenv that gives all libraries of some wheels to its Python."""
    wanted = collect_libraries(overrides)
    items = [*list_inputs(wanted.inputs).items, *_link_directories(wanted)]
    if wanted.driver:
        # The wrapper of devenv's Python looks into lib of what is listed.
        places = [text(posixpath.dirname(place)) for place in find_directories(wanted.driver)]
        items += [Commented(wanted.say_driver(), places[0]), *places[1:]]
    bindings = [Binding(("languages", "python", "enable"), TRUE, _DEVENV_REACH if items else "")]
    if items:
        bindings.append(extend_option(("languages", "python", "libraries"), items))
    bindings += [Binding(("env", one.name), write_value(one), one.reason) for one in wanted.variables]
    if wanted.unset:
        bindings.append(bind("enterShell", text(f"unset {' '.join(wanted.unset)}")))
    head = [_DEVENV_TITLE, *describe_permissions(overrides), *_tell_searched(overrides)]
    return render_module([*head, *wanted.remarks], bindings, "pkgs", *(["options"] if items else []))


def render_module(head: Iterable[str], bindings: Sequence[Binding], *names: str) -> str:
    """Write a module: comments, and the options that it defines; ``names`` are its arguments."""
    return render(comment_all(head, Lambda(formals(*names, ellipsis=True), Attrs(tuple(bindings)))))


def extend_option(option: tuple[str, ...], items: Sequence[Expr]) -> Binding:
    """Write a definition of an option that is a list: its default, and more; it uses ``options``."""
    default = select("options", *option, "default")
    return Binding(option, Binary("++", default, List(tuple(items))))


def _tell_searched(overrides: Iterable[Override]) -> list[str]:
    return [_SEARCHED_FOR] if any(override.opened for override in overrides) else []


def _link_directories(wanted: Libraries) -> Iterable[Expr]:
    """Make packages whose ``lib`` is another directory of a package: both options look only there."""
    for attr, directory in wanted.directories:
        link = Attrs((bind("name", text("lib")), bind("path", Str((take(attr), f"/{directory}")))))
        yield call(
            "pkgs.linkFarm", text(f"{attr.rpartition('.')[2]}-{posixpath.basename(directory)}"), List((link,))
        )


def _link_driver(sonames: Sequence[str]) -> Expr:
    """Make a package of links to the driver's libraries, whatever driver runs: there is no list of paths."""
    links = [
        Attrs(
            (
                bind("name", text(f"lib/{soname}")),
                bind("path", text(f"{find_directories([soname])[-1]}/{soname}")),
            )
        )
        for soname in sonames
    ]
    return call("pkgs.linkFarm", text("gpu-driver"), List(tuple(links)))
