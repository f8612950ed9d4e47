"""Checks existing overrides against what wheels need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wheelfix.lint.entries import find_entry_lint
from wheelfix.lint.model import (
    IndexExcerpt,
    Instead,
    LintFinding,
    OverrideFile,
    PackageOverride,
    Rule,
    Unclear,
)
from wheelfix.lint.needs import find_need_lint
from wheelfix.lint.package_check import PackageCheck, make_check
from wheelfix.model.base import replace
from wheelfix.model.scan import Level, WheelScan

_INSTEAD = {
    Instead.PREBUILT: "not checked: nixpkgs' build takes the place of its wheel",
    Instead.SOURCE: "not checked: it is built from source, of which its wheel tells nothing",
}


def find_lint(
    file: OverrideFile, scans: Sequence[WheelScan], excerpt: IndexExcerpt
) -> tuple[LintFinding, ...]:
    """Check a file.

    Args:
        file: the file.
        scans: scans of its wheels; those without a name (loose ELF files) are only for shells.
        excerpt: the entries of the index for everything that the file and the scans name.

    Returns:
        Errors first, then warnings and notes, each in file order; findings without a position come last.
    """
    targets: dict[str, list[WheelScan]] = {}
    for scan in scans:
        if scan.name:
            targets.setdefault(scan.name, []).append(scan)
    packages: dict[str, list[PackageOverride]] = {}
    found: list[LintFinding] = []
    for override in file.overrides:
        name = excerpt.names[override.package] if override.package is not None else _adopt(targets)
        if name in targets:
            packages.setdefault(name, []).append(override)
        else:
            found.append(_say_unchecked(file, override))
    checks = [
        make_check(file.path, name, packages.get(name, ()), group, excerpt)
        for name, group in targets.items()
        if name in packages or not file.shells
    ]
    if in_shells := [scan for scan in scans if scan.name not in packages] if file.shells else []:
        checks.append(make_check(file.path, "", file.shells, in_shells, excerpt))
    for check in checks:
        found += find_entry_lint(check)
        found += find_need_lint(check)
        found += (_say_unclear(file, u, check.name or None) for o in check.overrides for u in o.unclear)
        found += _say_instead(check)
    found += (_say_unclear(file, unclear, None) for unclear in file.unclear)
    order = list(Level)
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (order.index(f.level), _rank(f))))


def _adopt(targets: dict[str, list[WheelScan]]) -> str:
    """Find the package of an override without a name: the only target, if there is only one."""
    return next(iter(targets)) if len(targets) == 1 else ""


def _say_unchecked(file: OverrideFile, override: PackageOverride) -> LintFinding:
    return LintFinding(
        rule=Rule.NOT_CHECKED,
        level=Level.NOTE,
        path=file.path,
        place=override.place,
        package=override.package,
        subject=override.package or "an override without a package",
        message="not checked: none of the targets is this package",
    )


def _say_instead(check: PackageCheck) -> Iterator[LintFinding]:
    if check.instead:
        said = check.say(
            Rule.NOT_CHECKED, Level.NOTE, check.overrides[0].place, check.name, _INSTEAD[check.instead]
        )
        yield replace(said, instead=check.instead)


def _say_unclear(file: OverrideFile, unclear: Unclear, package: str | None) -> LintFinding:
    return LintFinding(
        rule=Rule.NOT_UNDERSTOOD,
        level=Level.NOTE,
        path=file.path,
        place=unclear.place,
        package=package,
        subject=unclear.text,
        message=f"not understood: {unclear.reason}",
    )


def _rank(finding: LintFinding) -> tuple[int, int, str, str, str]:
    place = finding.place
    where = (place.line, place.column) if place else (1 << 31, 0)
    return (*where, finding.package or "", finding.rule.value, finding.subject)
