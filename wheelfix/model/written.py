"""What a command wrote."""

from __future__ import annotations

from typing import Generic, TypeVar

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding

P = TypeVar("P")


class Written(Struct, Generic[P]):
    """Generated code.

    Attributes:
        plan: all that the code says.
        text: the file.
        findings: what the user should know.
        answered: nothing was left without an answer: exit code 0.
    """

    plan: P
    text: str
    findings: tuple[Finding, ...] = ()
    answered: bool = True
