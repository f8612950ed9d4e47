"""The result of a command that writes Nix code."""

from __future__ import annotations

from typing import Generic, TypeVar

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding

P = TypeVar("P")


class Written(Struct, Generic[P]):
    """Generated code, with the plan it was rendered from.

    Attributes:
        plan: the plan, with everything that the code says.
        text: contents of the file.
        findings: what the user should know.
        answered: whether everything has an answer: exit code 0.
    """

    plan: P
    text: str
    findings: tuple[Finding, ...] = ()
    answered: bool = True
