"""Judges the platform tags of a wheel by auditwheel's policies, and its files by the glibc of nixpkgs.

The former is about the wheel's publisher: a broken tag lets installers choose the wheel for systems where it
does not load. The latter is about the user: nixpkgs' glibc has the symbol versions that are asked for, or the
wheel does not load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass, OfLibc
from wheelfix.model.elf import ElfObject, ElfTraits
from wheelfix.model.index import NixpkgsInfo
from wheelfix.model.policies import Breach, BreachKind, Policies, Policy, Series, TagCheck, TagState
from wheelfix.model.scan import Finding, Level, Need
from wheelfix.model.tables import load_table
from wheelfix.scan.sentences import name_some

_NAMED = 3
_PERENNIAL = re.compile(r"((many|musl)linux)_(\d{1,4})_(\d{1,4})_(\w+)")
_LEGACY = re.compile(r"(manylinux\d+)_(\w+)")
_GLIBC = re.compile(r"GLIBC_(\d+(?:\.\d+)*)")
_BASELINE = "x86-64-baseline"
_ELSEWHERE = frozenset({NeedClass.BUNDLED, NeedClass.SIBLING, NeedClass.DRIVER, NeedClass.PYTHON})
"""Classes whose libraries no policy speaks of: wheels bring them, the GPU's driver, or the interpreter."""


class _Asked(Struct):
    """What the files of a wheel for one machine ask of the system, each with the files that do.

    Attributes:
        versions: symbol versions, with the soname that each is asked of.
        libraries: sonames.
        symbols: private symbols, with each soname that the same file needs.
        levels: of the processor.
        musl: sonames that are musl's own.
        unread: symbols of a file could not be read.
    """

    versions: Mapping[tuple[str, str], Set[str]]
    libraries: Mapping[str, Set[str]]
    symbols: Mapping[tuple[str, str], Set[str]]
    levels: Mapping[str, Set[str]]
    musl: frozenset[str]
    unread: bool


def check_tags(
    tags: Iterable[str], objects: Sequence[ElfObject], needs: Sequence[Need], traits: Iterable[ElfTraits]
) -> tuple[TagCheck, ...]:
    """Judge each platform tag of a wheel.

    Every file counts, plugins and those for a GPU that is not used too: a tag is for all of them. A version
    that weak symbols alone have counts as well, as it does for auditwheel.

    Args:
        tags: compatibility tags of the wheel.
        objects: its ELF files.
        needs: their needs, classified.
        traits: of its ELF files.

    Returns:
        One check per platform tag, sorted.
    """
    traits = tuple(traits)
    platforms = sorted({tag.rpartition("-")[2] for tag in tags})
    return tuple(_check(platform, objects, needs, traits) for platform in platforms)


def _check(
    tag: str, objects: Sequence[ElfObject], needs: Sequence[Need], traits: Sequence[ElfTraits]
) -> TagCheck:
    if tag == "any" or tag.startswith("linux_"):
        return TagCheck(tag=tag, state=TagState.NO_PROMISE)
    parsed = _parse(tag)
    if parsed is None:
        return TagCheck(tag=tag, state=TagState.OTHER_SYSTEM)
    series, wanted, machine = parsed
    if not any(obj.machine == machine for obj in objects):
        return TagCheck(tag=tag, state=TagState.NO_FILES)
    ladder = _climb(series, machine)
    if wanted is None or not ladder:
        return TagCheck(tag=tag, state=TagState.NO_POLICY)
    asked = _collect(machine, objects, needs, traits)
    fits = (rung for rung in ladder if not tuple(_find_breaches(rung, asked, rung.release)))
    fitting = next(((r.name, *sorted(r.policy.aliases)) for r in fits), ())
    check = _compare(tag, wanted, ladder, asked)
    return replace(check, fitting=tuple(f"{name}_{machine}" for name in fitting))


def _parse(tag: str) -> tuple[Series, tuple[int, int] | None, str] | None:
    """Split a platform tag into series, version of the C library and machine; None for other systems.

    The version is None for a legacy name that no policy has.
    """
    table = load_table(Policies)
    if match := _PERENNIAL.fullmatch(tag):
        series = table.manylinux if match[2] == "many" else table.musllinux
        return series, (int(match[3]), int(match[4])), match[5]
    if match := _LEGACY.fullmatch(tag):
        named = (name for name, one in table.manylinux.policies.items() if match[1] in one.aliases)
        return table.manylinux, next(map(_order, named), None), match[2]
    return None


def _order(name: str) -> tuple[int, int]:
    _, major, minor = name.split("_")
    return int(major), int(minor)


class _Rung(Struct):
    """All that a policy allows on one machine, with what its predecessors do.

    Attributes:
        name: without the machine.
        release: version of the C library that it is named by.
        policy: of the table.
        libraries: sonames.
        versions: symbol versions.
        refused: symbols that it refuses, by soname.
        families: as in :class:`wheelfix.model.policies.Series`.
    """

    name: str
    release: tuple[int, int]
    policy: Policy
    libraries: frozenset[str]
    versions: frozenset[str]
    refused: Mapping[str, frozenset[str]]
    families: frozenset[str]


def _climb(series: Series, machine: str) -> list[_Rung]:
    """List the policies for a machine, that for the oldest systems first."""
    rungs = []
    libraries: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    refused = dict(series.refused)
    for name in sorted(series.policies, key=_order):
        policy = series.policies[name]
        libraries |= policy.libraries
        refused = {s: names - policy.symbols.get(s, frozenset()) for s, names in refused.items()}
        if machine in policy.versions:
            versions |= policy.versions[machine]
            rungs.append(
                _Rung(
                    name=name,
                    release=_order(name),
                    policy=policy,
                    libraries=libraries,
                    versions=versions,
                    refused=refused,
                    families=series.families,
                )
            )
    return rungs


def _collect(
    machine: str, objects: Sequence[ElfObject], needs: Sequence[Need], traits: Sequence[ElfTraits]
) -> _Asked:
    mine = [obj for obj in objects if obj.machine == machine]
    outside = {need.soname: need for need in needs if need.machine == machine}
    left = {soname for soname, need in outside.items() if need.need_class in _ELSEWHERE}
    versions: dict[tuple[str, str], set[str]] = {}
    libraries: dict[str, set[str]] = {}
    symbols: dict[tuple[str, str], set[str]] = {}
    levels: dict[str, set[str]] = {}
    for obj in mine:
        for soname in {*obj.needed} - left:
            libraries.setdefault(soname, set()).add(obj.path)
            for name in obj.private or ():
                symbols.setdefault((name, soname), set()).add(obj.path)
        for need in obj.versions:
            if need.soname not in left and not _is_loader(need.soname):
                for version in need.versions:
                    versions.setdefault((version, need.soname), set()).add(obj.path)
    for trait in traits:
        if trait.machine == machine and trait.isa and trait.isa != _BASELINE:
            levels.setdefault(trait.isa, set()).add(trait.path)
    return _Asked(
        versions=versions,
        libraries=libraries,
        symbols=symbols,
        levels=levels,
        musl=frozenset(
            s for s, n in outside.items() if isinstance(n.cause, OfLibc) and n.cause.libc == "musl"
        ),
        unread=any(obj.private is None for obj in mine),
    )


def _is_loader(soname: str) -> bool:
    """Whether it is the loader of glibc, which every system has that has the rest of it."""
    return soname.startswith("ld-linux") or soname in {"ld64.so.1", "ld64.so.2"}


def _find_breaches(rung: _Rung, asked: _Asked, release: tuple[int, int]) -> Iterator[Breach]:
    """Find what a policy does not allow.

    Args:
        rung: the policy.
        asked: by the files.
        release: version of glibc up to which its symbol versions are allowed too.
    """
    is_musl = not rung.families
    for soname, files in asked.libraries.items():
        is_own = soname in asked.musl if is_musl else _is_loader(soname)
        if soname not in rung.libraries and not is_own:
            yield _tell(BreachKind.LIBRARY, soname, "", files)
    for (version, soname), files in asked.versions.items():
        is_judged = version.partition("_")[0] in rung.families
        if is_judged and version not in rung.versions and not _is_up_to(version, release, rung.release):
            yield _tell(BreachKind.VERSION, version, soname, files)
    for (symbol, soname), files in asked.symbols.items():
        if symbol in rung.refused.get(soname, ()):
            yield _tell(BreachKind.SYMBOL, symbol, soname, files)
    for level, files in asked.levels.items():
        yield _tell(BreachKind.PROCESSOR, level, "", files)


def _is_up_to(version: str, release: tuple[int, int], listed: tuple[int, int]) -> bool:
    """Whether a version of glibc is newer than a policy's, and not newer than a release."""
    order = _order_glibc(version)
    return order is not None and listed < order[:2] <= release


def _order_glibc(version: str) -> tuple[int, ...] | None:
    match = _GLIBC.fullmatch(version)
    return tuple(map(int, match[1].split("."))) if match else None


def _tell(kind: BreachKind, name: str, soname: str, files: Iterable[str]) -> Breach:
    return Breach(kind=kind, name=name, soname=soname, files=tuple(sorted(files)))


def _sort(breaches: Iterable[Breach]) -> tuple[Breach, ...]:
    return tuple(sorted(breaches, key=lambda b: (b.kind, b.soname, b.name)))


def _compare(tag: str, wanted: tuple[int, int], ladder: Sequence[_Rung], asked: _Asked) -> TagCheck:
    """Judge a tag by the policy that it names, or by those before and after it.

    A system that a later policy is for has all that an earlier one allows. A tag without a policy allows the
    symbols of glibc up to its own version, by PEP 600; which versions of other libraries come with these, is
    in the policies alone.
    """
    before = next((rung for rung in reversed(ladder) if rung.release <= wanted), None)
    after = next((rung for rung in ladder if rung.release >= wanted), None)
    breaches = _sort(_find_breaches(before, asked, wanted)) if before else ()
    if before and not breaches:
        state = TagState.UNREAD if asked.unread else TagState.HOLDS
        return TagCheck(tag=tag, state=state, policy=before.name)
    if before and before is after:
        return TagCheck(tag=tag, state=TagState.BROKEN, policy=before.name, breaches=breaches)
    certain = _sort(_find_certain(after or ladder[-1], asked, wanted, is_last=after is None))
    if certain:
        return TagCheck(tag=tag, state=TagState.BROKEN, policy=(after or ladder[-1]).name, breaches=certain)
    state = TagState.BETWEEN if before and after else TagState.NO_POLICY
    return TagCheck(tag=tag, state=state, policy=before.name if before else "", breaches=breaches)


def _find_certain(rung: _Rung, asked: _Asked, wanted: tuple[int, int], *, is_last: bool) -> Iterator[Breach]:
    """Find what a tag between two policies does not allow: what the later one does not, or a newer glibc.

    Args:
        rung: the later policy, or the last of all.
        asked: by the files.
        wanted: version of glibc that the tag names.
        is_last: whether the tag is for newer systems than all policies: other libraries' versions that
            the last one lacks may be there.
    """
    for breach in _find_breaches(rung, asked, wanted):
        if not is_last or breach.kind is not BreachKind.VERSION:
            yield breach
    for (version, soname), files in asked.versions.items():
        order = _order_glibc(version)
        if rung.families and order and order[:2] > wanted and (is_last or version in rung.versions):
            yield _tell(BreachKind.VERSION, version, soname, files)


def tell_broken(checks: Iterable[TagCheck], target: str) -> Iterator[Finding]:
    """Report platform tags that do not hold, once for all that the same breaks.

    A warning where a system of that tag may refuse to load a file. A note where libraries alone break it,
    which are needs with an answer of their own, or the level of the processor, which has its own finding.

    Args:
        checks: of one wheel.
        target: the wheel's file name.
    """
    broken: dict[tuple[Breach, ...], list[TagCheck]] = {}
    for check in checks:
        if check.state is TagState.BROKEN:
            broken.setdefault(check.breaches, []).append(check)
    for breaches, some in broken.items():
        told = [b for b in breaches if b.kind is not BreachKind.PROCESSOR]
        if not told:
            continue
        level = Level.WARNING if any(b.kind is not BreachKind.LIBRARY for b in told) else Level.NOTE
        *first, last = (check.tag for check in sorted(some, key=_rank_tag))
        tags = f"{', '.join(first)} and {last}" if first else last
        promise = f"its tags {tags} promise" if len(some) > 1 else f"its tag {tags} promises"
        message = f"does not do what {promise}: asks for {_say_breaches(told)}"
        if fitting := some[0].fitting:
            message += f"; {fitting[0]} would hold, and older systems may refuse to load it"
        yield Finding(level=level, subject=target, message=message)


def _rank_tag(check: TagCheck) -> tuple[tuple[int, int], str]:
    """Sort a tag that promises more behind one that promises less, as ``2_5`` and ``2_17`` do."""
    parsed = _parse(check.tag)
    return (parsed[1] if parsed and parsed[1] else (0, 0)), check.tag


def _say_breaches(breaches: Sequence[Breach]) -> str:
    """Say what breaks a tag: of symbol versions the newest of each family, of the others all."""
    parts = [f"{breach.name} ({_say_files(breach.files)})" for breach in _choose_newest(breaches)]
    for kind, noun in ((BreachKind.SYMBOL, "private symbols"), (BreachKind.LIBRARY, "other libraries")):
        names = sorted({b.name for b in breaches if b.kind is kind})
        if names:
            of = sorted({b.soname for b in breaches if b.kind is kind and b.soname})
            parts.append(f"{noun}{f' of {of[0]}' if of else ''} ({name_some(names, _NAMED)})")
    return ", ".join(parts)


def _choose_newest(breaches: Iterable[Breach]) -> Iterator[Breach]:
    newest: dict[str, Breach] = {}
    for breach in breaches:
        if breach.kind is BreachKind.VERSION:
            family = breach.name.partition("_")[0]
            kept = newest.setdefault(family, breach)
            if _order_version(breach.name) > _order_version(kept.name):
                newest[family] = breach
    yield from (newest[family] for family in sorted(newest, key=lambda f: (f != "GLIBC", f)))


def _order_version(name: str) -> tuple[int, ...]:
    last = name.rpartition("_")[2]
    return tuple(int(part) for part in last.split(".") if part.isdecimal())


def _say_files(files: Sequence[str]) -> str:
    return name_some(list(files), 1)


def tell_too_new(
    objects: Iterable[ElfObject],
    needs: Sequence[Need],
    machine: str | None,
    glibc: str | None,
    nixpkgs: NixpkgsInfo,
) -> Iterator[Finding]:
    """Report symbol versions of glibc that nixpkgs' own does not have yet.

    Args:
        objects: ELF files that are used.
        needs: of the wheel.
        machine: the machine conclusions are for.
        glibc: version of glibc in nixpkgs; None if unknown.
        nixpkgs: which nixpkgs that is.
    """
    has = tuple(int(part) for part in re.findall(r"\d+", glibc or "")[:2])
    if not has:
        return
    own = {need.soname for need in needs if isinstance(need.cause, OfLibc) and need.machine == machine}
    wanted: dict[str, set[str]] = {}
    for obj in objects:
        for need in obj.versions:
            if obj.machine == machine and need.soname in own:
                for version in set(need.versions) - set(need.weak):
                    order = _order_glibc(version)
                    if order and order[:2] > has:
                        wanted.setdefault(version, set()).add(obj.path)
    if wanted:
        newest = max(wanted, key=_order_version)
        whose = f"nixpkgs {nixpkgs.release} of {nixpkgs.date or 'unknown date'}"
        files = sorted({path for paths in wanted.values() for path in paths})
        yield Finding(
            level=Level.ERROR,
            subject=name_some(files, _NAMED),
            message=f"asks for {newest}, and {whose} has glibc {glibc}, which does not load it: take a newer "
            "nixpkgs, or a wheel for an older glibc",
        )
