"""Environment variables by which packages find what they open or run.

The table is ``data/variables.toml``. A variable that names a library is of use where no code of ours is: in a
shell for a virtual environment. One that names programs or data is of use everywhere.
"""

from __future__ import annotations

from typing import Literal

from wheelfix.model.tables import Attr, Name, Row, Table, load_table
from wheelfix.model.variables import Variable


class VariableRow(Row):
    """A variable, or a setting, of some distributions.

    Attributes:
        distributions: whose code reads it.
        covers: what is found by it.
        attr: attribute that has it; empty without one.
        path: path in an output of the attribute.
        value: the value, without an attribute; empty if the variable has to be unset.
        reason: one clause.
        modules: whose import is early enough to set it; only those variables are set by code in a package.
    """

    distributions: tuple[Name, ...]
    covers: Literal["library", "program", "data"]
    reason: str
    attr: Attr = ""
    path: str = ""
    value: str = ""
    modules: tuple[str, ...] = ()


class Variables(Table):
    """Table of variables.

    Attributes:
        variables: of the environment, by name.
        settings: of a program's own configuration, which the environment does not change, by name.
    """

    FILE = "variables.toml"

    variables: dict[str, VariableRow]
    settings: dict[str, VariableRow]


def find_variables(distribution: str) -> tuple[Variable, ...]:
    """Find the variables and settings that a distribution honours, in the order of the table.

    Args:
        distribution: normalised name.
    """
    table = load_table(Variables)
    rows = [(name, row, False) for name, row in table.variables.items()]
    rows += [(name, row, True) for name, row in table.settings.items()]
    return tuple(
        Variable(
            name=name,
            attr=row.attr,
            path=row.path,
            value=row.value,
            reason=row.reason,
            modules=row.modules,
            for_library=row.covers == "library",
            is_setting=is_setting,
        )
        for name, row, is_setting in rows
        if distribution in row.distributions
    )
