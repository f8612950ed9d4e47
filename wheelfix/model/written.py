"""What a command wrote."""

from __future__ import annotations

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding


class Written(Struct):
    """Generated code.

    Attributes:
        text: the file.
        findings: what the user should know.
        answered: nothing was left without an answer: exit code 0.
    """

    text: str
    findings: tuple[Finding, ...] = ()
    answered: bool = True
