"""Writes a change of one Python package of nixpkgs, as an overlay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wheelfix.model.override import Override
from wheelfix.nix.parts import comment_all
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Expr,
    Inherit,
    Lambda,
    Let,
    List,
    Select,
    Var,
    bind,
    call,
    find_variables,
    select,
)
from wheelfix.override.install import add_shim

CHANGE_TITLE: Final = "overlay.nix, an overlay for nixpkgs: goes into nixpkgs.overlays"
"""The file that such an overlay belongs into."""


def render_change(name: str, function: Expr, head: Sequence[str], override: Override | None = None) -> str:
    """Write an overlay for nixpkgs that changes a package in the sets of all its Pythons.

    Args:
        name: attribute of the package in the sets.
        function: argument of ``overridePythonAttrs``; the new nixpkgs is ``pkgs`` in it.
        head: what is said before it, one paragraph each.
        override: what the function was written from, if that may have a loader shim.
    """
    # Packages that are made of other ones, such as vtk and pyside6, have no overridePythonAttrs.
    other = select("pyprev", name, "overrideAttrs")
    change = call(Select(Var("pyprev"), (name, "overridePythonAttrs"), other), function)
    extension = Lambda("pyfinal", Lambda("pyprev", Attrs((bind(name, change),))))
    extensions = Binary("++", select("prev", "pythonPackagesExtensions"), List((extension,)))
    body: Expr = Attrs((bind("pythonPackagesExtensions", extensions),))
    body = add_shim([override] if override else [], body, "pkgs.lib")
    if "lib" in find_variables(body):
        body = Let((Inherit(("lib",), Var("pkgs")),), body)
    return render(comment_all(list(head), Lambda("pkgs", Lambda("prev", body))))
