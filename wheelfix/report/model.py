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


class Remedy(Struct):
    """One thing to do about a target.

    Attributes:
        text: what it does, up to a colon.
        command: complete, for a shell; empty without one.
        place: the file that the code goes into after the command, up to a colon; empty without both.
        code: to be pasted as it is, in lines; empty without any.
    """

    text: str
    command: str = ""
    place: str = ""
    code: str = ""


class Advice(Struct):
    """What to do about all targets of a command.

    Attributes:
        headline: what they need, or that there is nothing to do.
        told: what stands in the way: needs without an answer, settings of nixpkgs.
        remedies: what to do, best first.
        own: the same for the distributions, one by one in the order of their scans; empty where everything is
            done for all of them together.
        installed: whether it is about what pip or uv installed, and not for package sets.
    """

    headline: str
    told: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    own: tuple[tuple[Remedy, ...], ...] = ()
    installed: bool = False


class Report(Struct):
    """The contents of a report page.

    Attributes:
        target: the subject of the page, in a few words.
        scans: one per distribution; one without a name stands for files that belong to none.
        code: one per tool, the one to show first in front.
        findings: about the page as a whole; those of single distributions are in their scans.
        inputs: Nix list of all attributes that the distributions need, or empty.
        ignored: Nix list of all sonames that auto-patchelf must not look for, or empty.
        installed: as for :class:`Advice`.
    """

    target: str
    scans: tuple[WheelScan, ...]
    code: tuple[NixCode, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: str = ""
    ignored: str = ""
    installed: bool = False

    @property
    def answered(self) -> bool:
        """Whether every need has an answer, and no finding is an error: exit code 0."""
        return all(scan.answered for scan in self.scans) and not any(
            finding.level is Level.ERROR for finding in self.findings
        )
