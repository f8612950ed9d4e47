"""What the loader has to find for what pip or uv installed, as one list: for a shell, NixOS and devenv."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.index.driver import find_directories
from wheelfix.model.base import Struct
from wheelfix.model.override import Input, Override
from wheelfix.model.variables import Variable
from wheelfix.nix.parts import describe, take
from wheelfix.nix.tree import Expr, Str, call, text

_SEARCHED = frozenset({"lib", "lib64"})


class Libraries(Struct):
    """The libraries and variables of several wheels together.

    Attributes:
        inputs: attributes of nixpkgs, each once, sorted; a reason names every wheel that wants it.
        directories: attributes, and directories below their store paths that are not ``lib``.
        driver: sonames of the GPU driver, sorted.
        variables: to be set, sorted by name.
        unset: names of variables to be unset, sorted.
        remarks: whom it is for, and what it does not answer, for comments.
    """

    inputs: tuple[Input, ...]
    directories: tuple[tuple[str, str], ...]
    driver: tuple[str, ...]
    variables: tuple[Variable, ...]
    unset: tuple[str, ...]
    remarks: tuple[str, ...]

    def say_driver(self) -> str:
        """Say where the libraries of the GPU driver are; empty without any."""
        if not self.driver:
            return ""
        return (
            f"{', '.join(self.driver)}: from the GPU driver, in {' or '.join(find_directories(self.driver))}"
        )


def collect_libraries(overrides: Sequence[Override]) -> Libraries:
    """Collect what the loader has to find for some wheels, linked or opened by name."""
    reasons: dict[str, list[str]] = {}
    directories: dict[tuple[str, str], None] = {}  # each once, for any number of wheels
    for override in overrides:
        for one in dict.fromkeys(override.written):
            reasons.setdefault(one.attr, []).append(f"{override.name or override.target}: {one.reason}")
        opened = [(one.attr, one.directory) for one in (*override.runpaths, *override.opened)]
        directories |= {(s.attr, s.directory): None for s in override.searches if s.attr}
        directories |= {pair: None for pair in opened if pair[1] not in _SEARCHED}
    driver = sorted({soname for override in overrides for soname in list_driver(override)})
    variables = {v.name: v for o in overrides for v in o.variables if not v.is_setting}
    unset = [name for name, one in sorted(variables.items()) if not one.attr and not one.value]
    missing = [
        f"{o.name or o.target}: {i.soname}: {i.reason}."
        for o in overrides
        for i in o.ignored
        if i.soname not in driver
    ]
    return Libraries(
        inputs=tuple(Input(attr=attr, reason="; ".join(said)) for attr, said in sorted(reasons.items())),
        directories=tuple(directories),
        driver=tuple(driver),
        variables=tuple(one for name, one in sorted(variables.items()) if name not in unset),
        unset=tuple(unset),
        remarks=(
            *(f"For {describe(override)}." for override in overrides),
            *missing,
            *(hint for override in overrides for hint in override.hints),
        ),
    )


def list_driver(override: Override) -> list[str]:
    """List the libraries of the GPU driver that files of a package link or open, sorted."""
    shim = override.shim
    opened = [name for name, library in shim.libraries if not library.attr] if shim else []
    return sorted({*override.driver, *opened})


def write_value(one: Variable) -> Expr:
    """Write the value of a variable."""
    if not one.attr:
        return text(one.value)
    function = "pkgs.lib.getBin" if one.path.startswith("/bin/") else "pkgs.lib.getLib"
    return Str((call(function, take(one.attr)), one.path))
