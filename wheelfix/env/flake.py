"""A flake that re-exports nixpkgs with a configuration, for others to follow."""

from __future__ import annotations

import re

from wheelfix.errors import InputError, suggest
from wheelfix.model.base import Struct
from wheelfix.model.system import SYSTEMS
from wheelfix.nix.parts import comment_all, formals
from wheelfix.nix.printer import render
from wheelfix.nix.tree import TRUE, Attrs, Binding, Expr, Inherit, Lambda, Let, Var, bind, call, strings, text

_FOLLOW = (
    "A flake that takes packages from nixpkgs.legacyPackages follows this one: "
    'inputs.its-name.inputs.nixpkgs.follows = "this". One that writes `import nixpkgs { … }` gets the '
    "unconfigured nixpkgs, here as elsewhere: it has to take the same configuration itself."
)


class FlakeConfig(Struct):
    """How nixpkgs is to be configured.

    Attributes:
        nixpkgs: flake reference.
        systems: Nix systems.
        capabilities: CUDA compute capabilities (``8.9``), in the order given; empty for nixpkgs' default.
    """

    nixpkgs: str
    systems: tuple[str, ...]
    cuda: bool = False
    capabilities: tuple[str, ...] = ()
    unfree: bool = False


def check_flake(config: FlakeConfig) -> None:
    """Refuse a configuration that nixpkgs would not understand.

    Raises:
        InputError: a system, capability or combination of them is none.
    """
    for system in config.systems:
        if system not in SYSTEMS:
            hint = suggest(system, SYSTEMS, otherwise="write x86_64-linux")
            raise InputError(system, "is no Nix system", hint)
    for capability in config.capabilities:
        if not re.fullmatch(r"\d{1,2}\.\d[af]?", capability):
            raise InputError(capability, "is no compute capability", "write 8.9, as NVIDIA's tables list it")
    if config.capabilities and not config.cuda:
        raise InputError("--cuda-capability", "has no meaning without CUDA", "add --cuda")
    if not config.nixpkgs:
        raise InputError("--nixpkgs", "names no flake", "write github:NixOS/nixpkgs/nixos-unstable")


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
