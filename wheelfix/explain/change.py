"""Writes a change of one package of nixpkgs, beside the package."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.nix.parts import comment_all, take_pkgs
from wheelfix.nix.printer import print_flat, render
from wheelfix.nix.tree import Attrs, Expr, Inherit, Lambda, Path, call, select


def render_change(name: str, body: Expr, head: Sequence[str]) -> str:
    """Write a function for ``overridePythonAttrs`` of a package of nixpkgs, with how it is used.

    Args:
        name: of the package.
        body: the function of the old attributes.
        head: what is said before it; the use follows the first of it.
    """
    function = call("import", Path("./this.nix"), Attrs((Inherit(("pkgs",)),)))
    use = call(select("python3Packages", name, "overridePythonAttrs"), function)
    return render(comment_all([head[0], print_flat(use), *head[1:]], Lambda(take_pkgs(body), body)))
