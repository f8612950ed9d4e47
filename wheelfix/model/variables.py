"""Models of variables by which packages find what they open or run."""

from __future__ import annotations

from wheelfix.model.base import Struct


class Variable(Struct):
    """An environment variable, or a setting, by which a package finds what it opens or runs.

    Attributes:
        name: of the variable.
        attr: nixpkgs attribute that has it; empty without one.
        path: path in its output.
        value: the value, without an attribute; empty if the variable has to be unset.
        reason: one clause.
        modules: dotted names of modules whose import is early enough to set it; empty where code in the
            package does not set it.
        for_library: whether it names a library, which code answers without it.
        is_setting: whether it belongs to a program's own configuration, which the environment does not
            change.
    """

    name: str
    reason: str
    attr: str = ""
    path: str = ""
    value: str = ""
    modules: tuple[str, ...] = ()
    for_library: bool = False
    is_setting: bool = False
