"""Hold wheelfix's verdicts on platform tags against those of auditwheel, wheel by wheel.

    pip install auditwheel==6.8.2
    python benchmarks/policies.py DIR...

Every wheel of the directories is read by both. auditwheel (``auditwheel.wheel_abi.analyze_wheel_abi``) names
the policy for the oldest systems that allows all that the wheel asks for; wheelfix names it too
(``TagCheck.fitting``). auditwheel searches none of this machine's libraries, and leaves out (``--exclude``)
what wheelfix knows to come from other wheels and from GPU drivers, as their publishers do. Differences are
printed with what explains them, see :data:`EVIDENCE`; the exit code is 1 if nothing explains one.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from auditwheel.error import AuditwheelError
from auditwheel.wheel_abi import WheelAbIInfo, analyze_wheel_abi

import wheelfix
from wheelfix.errors import InputError
from wheelfix.model.classes import NeedClass
from wheelfix.model.policies import TagCheck, TagState
from wheelfix.model.scan import WheelScan

NOT_JUDGED = {TagState.NO_PROMISE, TagState.OTHER_SYSTEM, TagState.NO_FILES, TagState.NO_POLICY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One wheel, judged by both.

    Attributes:
        ours: name of the policy with the machine (``manylinux_2_17_x86_64``), or ``linux``.
        theirs: the same by auditwheel; or, in parentheses, why it gives none.
        tags: how many platform tags were judged by both.
        broken: how many of them do not hold, for wheelfix.
        differing: those of them that one says hold and the other not.
        kind: what explains a difference; None if nothing does, empty without one.
    """

    wheel: str
    ours: str
    theirs: str
    tags: int
    broken: int
    differing: tuple[str, ...]
    kind: str | None


def compare(path: Path) -> Comparison | None:
    """Judge one wheel by both; None without a tag that promises something, or for other systems."""
    logging.disable(logging.CRITICAL)
    try:
        scan = wheelfix.scan_wheel(path)
    except InputError:
        return None
    checks = [check for check in scan.tag_checks if check.state not in NOT_JUDGED]
    if not checks:
        return None
    ours = checks[0].fitting[0] if checks[0].fitting else "linux"
    left = {n.soname for n in scan.needs if n.need_class in {NeedClass.SIBLING, NeedClass.DRIVER}}
    try:
        info = analyze_wheel_abi(
            None,
            None,
            path,
            frozenset(left),
            disable_isa_ext_check=False,
            allow_graft=False,
            args_ldpaths="",
        )
    except (AuditwheelError, RuntimeError, ValueError, AssertionError) as error:
        theirs = f"({type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''})"
        return Comparison(
            wheel=path.name,
            ours=ours,
            theirs=theirs,
            tags=0,
            broken=0,
            differing=(),
            kind="auditwheel refuses",
        )
    overall = info.overall_policy
    theirs = "linux" if overall.priority == 0 else overall.name
    judged = {check.tag: holds for check in checks if (holds := _holds(check.tag, info)) is not None}
    differing = tuple(
        check.tag
        for check in checks
        if check.tag in judged and judged[check.tag] is not (check.state is TagState.HOLDS)
    )
    kind: str | None = ""
    if differing or not _is_same(ours, theirs):
        kind = next((name for name, holds in EVIDENCE.items() if holds(scan, checks[0], info)), None)
    return Comparison(
        wheel=path.name,
        ours=ours,
        theirs=theirs,
        tags=len(judged),
        broken=sum(check.tag in judged and check.state is not TagState.HOLDS for check in checks),
        differing=differing,
        kind=kind,
    )


def _holds(tag: str, info: WheelAbIInfo) -> bool | None:
    """Whether a tag holds for auditwheel; None if it has no policy of that name."""
    try:
        return bool(info.policies.get_policy_by_name(tag).priority <= info.overall_policy.priority)
    except LookupError:
        return None


def _is_same(ours: str, theirs: str) -> bool:
    """Of musl, auditwheel asks one policy alone; those for older systems allow the same."""
    return ours == theirs or (ours.startswith("musllinux") and theirs.startswith("musllinux"))


def is_own(scan: WheelScan, _: TagCheck, info: WheelAbIInfo) -> bool:
    """Symbol versions are asked of a library that the wheel itself has."""
    own = {n.soname for n in scan.needs if n.need_class is NeedClass.BUNDLED}
    return info.sym_policy == info.overall_policy and bool(own & info.versioned_symbols.keys())


def is_carried(scan: WheelScan, _: TagCheck, info: WheelAbIInfo) -> bool:
    """The wheel has a library that no run path leads to."""
    own = {n.soname for n in scan.needs if n.need_class is NeedClass.BUNDLED}
    external = info.external_refs[info.policies.highest.name].libs
    return bool(own & external.keys())


def is_inner(_: WheelScan, check: TagCheck, info: WheelAbIInfo) -> bool:
    """auditwheel does not ask which processor a bundled library is for."""
    return info.machine_policy == info.policies.highest and any(b.kind == "processor" for b in check.breaches)


EVIDENCE: Mapping[str, Callable[[WheelScan, TagCheck, WheelAbIInfo], bool]] = {
    "own": is_own,
    "carried": is_carried,
    "inner": is_inner,
}
"""What may explain a difference, and how it is recognised."""


def main() -> int:
    if not sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    found = {path.name: path for d in sys.argv[1:] for path in sorted(Path(d).glob("*.whl"))}
    wheels = sorted(found.values(), key=lambda p: -p.stat().st_size)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        compared = sorted(filter(None, pool.map(compare, wheels, chunksize=4)), key=lambda c: c.wheel)
    for c in compared:
        if c.kind != "":
            print(f"{c.wheel}: wheelfix {c.ours}, auditwheel {c.theirs}; {', '.join(c.differing)}; {c.kind}")
    kinds = Counter("none" if c.kind is None else c.kind or "same" for c in compared)
    broken = sum(c.ours == "linux" for c in compared)
    print(
        f"{len(compared)} wheels, {sum(c.tags for c in compared)} tags, "
        f"{sum(c.broken for c in compared)} of them broken, "
        f"{sum(len(c.differing) for c in compared)} tags judged differently; "
        f"no policy fits {broken}; {dict(kinds)}"
    )
    return 1 if kinds["none"] else 0


if __name__ == "__main__":
    sys.exit(main())
