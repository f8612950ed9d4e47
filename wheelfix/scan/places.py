"""Tells what holds for all answers about another machine than the index's, once for a command."""

from __future__ import annotations

from collections.abc import Iterable

from wheelfix.index.machines import MUSL, Machines, find_place
from wheelfix.index.table import SonameTable
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.model.system import Systems, list_exposed_systems, name_machine
from wheelfix.model.tables import load_table
from wheelfix.scan.needs import is_for_musl


def tell_places(scans: Iterable[WheelScan], table: SonameTable) -> tuple[Finding, ...]:
    """Tell of each kind of machine that scans are for, and the index is not, what that means.

    Args:
        scans: of the distributions of a command; those without needs outside of them count for nothing.
        table: where nixpkgs attributes were looked up.
    """
    own = name_machine(table.info.system)
    found = {
        (scan.machine, is_for_musl(scan.tags, scan.objects))
        for scan in scans
        if scan.machine and scan.build_inputs
    }
    return tuple(_tell(machine, musl, table) for machine, musl in sorted(found) if machine != own or musl)


def _tell(machine: str, musl: bool, table: SonameTable) -> Finding:
    place = find_place(machine, musl=musl)
    if place is None:
        message = "is no machine that nixpkgs has a system for: no attribute can be evaluated for it"
        return Finding(level=Level.WARNING, subject=machine, message=message)
    system = place.removesuffix(f"-{MUSL}")
    parts = [
        f"answers are from the {table.info.source} index of {table.info.system}; {_say_held(place, table)}"
    ]
    level = Level.NOTE
    if musl:
        parts.append("`pkgs` in code has to be pkgsMusl, as uv2nix hands it over with a Python of pkgsMusl")
    if system not in list_exposed_systems():
        level = Level.WARNING
        parts.append(
            f"nixpkgs' flake has no packages for {system}: "
            f'write `import nixpkgs {{ system = "{system}"; }}` for `nixpkgs.legacyPackages`'
        )
    if system not in load_table(Systems).built or musl:
        parts.append("cache.nixos.org has no builds for it: everything is compiled")
    return Finding(level=level, subject=place, message="; ".join(parts))


def _say_held(place: str, table: SonameTable) -> str:
    """Say in one clause whether nixpkgs was asked what it has there."""
    followed, machines = table.attributes.followed, load_table(Machines)
    if followed and not followed.problem and followed.system == place:
        return f"{followed.nixpkgs} said which attributes it has there; store paths are left out"
    if known := machines.places.get(place):
        return (
            f"store paths are left out, and what nixpkgs {machines.release} lacks there "
            f"({known.asked} attributes were asked about)"
        )
    return "store paths are left out, and what nixpkgs has there is not known"
