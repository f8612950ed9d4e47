"""Which dependencies a replaced package no longer needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Carries:
    """What a distribution is known to install for others.

    Attributes:
        distribution: normalised name (PEP 503).
        sonames: libraries, or patterns of them.
        cuda: those of them that are CUDA's.
        note: what else is known of a distribution that belongs to CUDA, or None.
        importable: it has, or may have, Python modules of its own.
    """

    distribution: str
    sonames: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    note: str | None = None
    importable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A distribution, and why it goes or stays.

    Attributes:
        name: normalised name (PEP 503).
        reason: one clause.
        unshown: it stays because nothing shows that it is only linked: an import of it would.
    """

    name: str
    reason: str
    unshown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StripPlan:
    """What becomes of a package's dependencies when nixpkgs' build replaces its wheel.

    Attributes:
        stripped: its own dependencies that are taken away, sorted by name.
        leaving: distributions that leave the environment with them, as nobody else wants them.
        kept: dependencies that look like candidates and are not, with the reason to keep them.
        staying: redundant distributions that another dependency still wants.
        evidence: where the dependencies' own dependencies come from, in one clause.
    """

    stripped: tuple[Judged, ...] = ()
    leaving: tuple[Judged, ...] = ()
    kept: tuple[Judged, ...] = ()
    staying: tuple[Judged, ...] = ()
    evidence: str = ""
