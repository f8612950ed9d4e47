"""What a report shows: scans, and the Nix code that follows from them."""

from __future__ import annotations

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding, Level, WheelScan


class NixCode(Struct):
    """Code to be pasted.

    Attributes:
        label: the tool it is for, as its users call it.
        place: one sentence: where it belongs.
        text: the file.
    """

    label: str
    place: str
    text: str


class Report(Struct):
    """Everything on one page, whatever it was that was read.

    Attributes:
        target: what the page is about, in a few words.
        scans: one per distribution; one without a name stands for files that belong to none.
        code: one per tool, the one to show first at the front.
        findings: about all of it together; those of single distributions are in their scans.
        inputs: Nix list of all attributes that the distributions need, or empty.
        ignored: Nix list of all sonames that auto-patchelf is not to look for, or empty.
    """

    target: str
    scans: tuple[WheelScan, ...]
    code: tuple[NixCode, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: str = ""
    ignored: str = ""

    @property
    def answered(self) -> bool:
        """Every need has an answer, and no finding is an error: exit code 0."""
        return all(scan.answered for scan in self.scans) and not any(
            finding.level is Level.ERROR for finding in self.findings
        )
