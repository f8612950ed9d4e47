"""Models of a report: scans, and the Nix code that follows from them."""

from __future__ import annotations

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding, Level, WheelScan


class NixCode(Struct):
    """Code to paste.

    Attributes:
        label: name of its tool, as users call it.
        place: where it belongs, in one sentence.
        text: contents of the file.
    """

    label: str
    place: str
    text: str


class Report(Struct):
    """The contents of a report page.

    Attributes:
        target: the subject of the page, in a few words.
        scans: one per distribution; one without a name stands for files that belong to none.
        code: one per tool, the one to show first in front.
        findings: about the page as a whole; those of single distributions are in their scans.
        inputs: Nix list of all attributes that the distributions need, or empty.
        ignored: Nix list of all sonames that auto-patchelf must not look for, or empty.
    """

    target: str
    scans: tuple[WheelScan, ...]
    code: tuple[NixCode, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: str = ""
    ignored: str = ""

    @property
    def answered(self) -> bool:
        """Whether every need has an answer, and no finding is an error: exit code 0."""
        return all(scan.answered for scan in self.scans) and not any(
            finding.level is Level.ERROR for finding in self.findings
        )
