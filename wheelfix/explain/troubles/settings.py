"""Writes what a program needs around it: other programs, variables, settings of NixOS."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from wheelfix.explain.model import Situation
from wheelfix.model.override import Dialect
from wheelfix.nix.parts import comment_all, take
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    Attrs,
    Binding,
    Expr,
    Formal,
    Formals,
    Lambda,
    List,
    SearchPath,
    Str,
    bind,
    call,
    text,
)
from wheelfix.override.modules import render_module

NIXOS = "configuration.nix of NixOS"
"""Place of settings of a whole system."""
SHELL = "shell.nix, or the shell of your flake"
"""Place of what a program needs around it."""
_DEVENV = "devenv.nix"


def write_shell(
    situation: Situation,
    title: str,
    *,
    packages: Sequence[str | Expr] = (),
    variables: Mapping[str, Expr] = {},
) -> tuple[str, str]:
    """Write what a program needs around it, for a shell, or for the module of the dialect's tool.

    Args:
        situation: tells the dialect; those of package sets get a shell, as a package cannot set it.
        title: what it is for, as one sentence for a comment.
        packages: attributes of nixpkgs, or expressions of ``pkgs``.
        variables: environment variables.

    Returns:
        The place to paste the code, and the code, complete.
    """
    listed = List(tuple(take(one) if isinstance(one, str) else one for one in packages))
    head = [f"{title} Written by wheelfix."]
    if situation.dialect is Dialect.NIXOS:
        bindings = [Binding(("environment", "systemPackages"), listed)] if packages else []
        bindings += [Binding(("environment", "variables", n), value) for n, value in variables.items()]
        return NIXOS, render_module(head, bindings, "pkgs")
    if situation.dialect is Dialect.DEVENV:
        bindings = [bind("packages", listed)] if packages else []
        bindings += [Binding(("env", name), value) for name, value in variables.items()]
        return _DEVENV, render_module(head, bindings, "pkgs")
    bindings = [bind("packages", listed)] if packages else []
    bindings += [bind(name, value) for name, value in variables.items()]
    nixpkgs = call("import", SearchPath("nixpkgs"), Attrs())
    shell = Lambda(Formals((Formal("pkgs", nixpkgs),)), call("pkgs.mkShell", Attrs(tuple(bindings))))
    return SHELL, render(comment_all(head, shell))


def write_browsers(situation: Situation) -> tuple[str, str]:
    """Write what makes playwright take the browsers of nixpkgs."""
    return write_shell(
        situation,
        "Browsers of nixpkgs: playwright has to be of the version of pkgs.playwright-driver.",
        variables={
            "PLAYWRIGHT_BROWSERS_PATH": take("playwright-driver.browsers"),
            "PLAYWRIGHT_SKIP_VALIDATE_HOST_REQUIREMENTS": text("true"),
        },
    )


def write_nixos(title: str, *bindings: Binding, further: str = "pkgs") -> tuple[str, str]:
    """Write settings of NixOS, with the place to paste them; ``further`` is the module's argument."""
    return NIXOS, render_module([f"{title} Written by wheelfix."], bindings, further)


def find_inside(attr: str, path: str) -> Expr:
    """Write the path of a file in a package: ``"${pkgs.proj}/share/proj"``."""
    return Str((take(attr), path))


def list_directories(attrs: Iterable[str], *further: str) -> Expr:
    """Write ``lib`` of packages, and directories behind them, as the loader's variables take them."""
    libraries = call("pkgs.lib.makeLibraryPath", List(tuple(map(take, attrs))))
    if not further:
        return libraries
    return Str((libraries, *(f":{one}" for one in further)))


def list_wheels(site: str | None, directories: Sequence[str]) -> str:
    """Write directories of installed wheels for a variable of a shell.

    Args:
        site: path of site-packages; None for that of ``.venv``.
        directories: relative to it; may have wildcards.

    Example:
        >>> list_wheels("/v/lib/python3.12/site-packages", ["nvidia/cublas/lib"])
        '/v/lib/python3.12/site-packages/nvidia/cublas/lib'
        >>> list_wheels(None, ["nvidia/*/lib"])
        '$(echo .venv/lib/python3*/site-packages/nvidia/*/lib | tr " " :)'
    """
    exact = site is not None and not any("*" in one for one in directories)
    place = shlex.quote(site) if site else ".venv/lib/python3*/site-packages"
    inside = [f"{place}/{one}" for one in directories]
    return ":".join(inside) if exact else f'$(echo {" ".join(inside)} | tr " " :)'
