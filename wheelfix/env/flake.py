"""Renders a flake that re-exports nixpkgs with a configuration, for use by other flakes."""

from __future__ import annotations

import re

from wheelfix.errors import InputError, suggest
from wheelfix.model.flake import FlakeConfig
from wheelfix.model.system import list_systems
from wheelfix.nix.parts import comment_all, formals
from wheelfix.nix.printer import render
from wheelfix.nix.tree import TRUE, Attrs, Binding, Expr, Inherit, Lambda, Let, Var, bind, call, strings, text

_FOLLOW = (
    "A flake that takes packages from nixpkgs.legacyPackages follows this one: "
    'inputs.its-name.inputs.nixpkgs.follows = "this". One that writes `import nixpkgs { … }` gets the '
    "unconfigured nixpkgs, here as elsewhere: it has to take the same configuration itself."
)


def check_flake(config: FlakeConfig) -> None:
    """Refuse a configuration that nixpkgs does not accept.

    Raises:
        InputError: a system or capability is unknown, or the combination is not possible.
    """
    for system in config.systems:
        if system not in list_systems():
            hint = suggest(system, list_systems(), otherwise="write x86_64-linux")
            raise InputError(system, "is no Nix system", hint)
    for capability in config.capabilities:
        if not re.fullmatch(r"\d{1,2}\.\d[af]?", capability):
            raise InputError(capability, "is no compute capability", "write 8.9, as NVIDIA's tables list it")
    if config.capabilities and not config.cuda:
        raise InputError("--cuda-capability", "has no meaning without CUDA", "add --cuda")
    if _has_password(config.nixpkgs):
        hint = "leave it out of the URL: nix.conf has access-tokens and netrc-file for it"
        raise InputError("--nixpkgs", "has a password, which a flake would show to all who read it", hint)
    if not config.nixpkgs:
        raise InputError("--nixpkgs", "names no flake", "write github:NixOS/nixpkgs/nixos-unstable")


def _has_password(url: str) -> bool:
    """Whether a URL has a password, or a user that may be a token; the user of ssh is neither."""
    scheme, _, rest = url.partition("://")
    user, at, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    return bool(at) and (":" in user or not scheme.endswith("ssh"))


def render_flake(config: FlakeConfig) -> str:
    """Write ``flake.nix``."""
    settings = []
    if config.unfree:
        settings.append(bind("allowUnfree", TRUE, "CUDA's libraries are unfree"))
    if config.cuda:
        settings.append(bind("cudaSupport", TRUE))
    if config.capabilities:
        why = "of the GPUs to build for: fewer are faster to build, and match no binary cache"
        settings.append(bind("cudaCapabilities", strings(config.capabilities), why))
    imported = call("import", Var("nixpkgs"), Attrs((Inherit(("system", "config")),)))
    packages = call("nixpkgs.lib.genAttrs", Var("systems"), Lambda("system", imported))
    outputs: Expr = Let(
        (bind("systems", strings(config.systems)), bind("config", Attrs(tuple(settings)))),
        Attrs(
            (
                Inherit(("lib", "nixosModules"), Var("nixpkgs")),
                bind("legacyPackages", packages),
            )
        ),
    )
    flake = Attrs(
        (
            bind("description", text("nixpkgs with a configuration, for other flakes to follow")),
            Binding(("inputs", "nixpkgs", "url"), text(config.nixpkgs)),
            bind("outputs", Lambda(formals("nixpkgs", ellipsis=True), outputs)),
        )
    )
    return render(comment_all(["nixpkgs, configured once. Written by wheelfix.", _FOLLOW], flake))
