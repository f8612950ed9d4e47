"""From objects and facts to classified needs: the order of decision is the order of the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wheelfix.model.elf import ElfObject
from wheelfix.model.index import Lookup, Provider
from wheelfix.model.scan import Need, NeedClass, SonameFacts
from wheelfix.model.wheel import Distribution
from wheelfix.resolve.cuda import guess_cuda_major, order_by_major
from wheelfix.resolve.search import Found, WheelSearch
from wheelfix.resolve.siblings import find_directories, find_sibling

PYTHON = re.compile(r"libpython\d+(\.\d+)*[a-z]*\.so(\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A soname wanted by objects of one machine, before anybody was asked for it.

    Attributes:
        found: per wanting object, the member that answers it, or None.
        directories: directories relative to site-packages that run paths of the wanting objects name,
            with the entry as written.
    """

    soname: str
    machine: str
    wanted_by: tuple[str, ...]
    found: tuple[Found | None, ...]
    directories: Mapping[str, str]
    versions: tuple[str, ...]


def find_wants(objects: Sequence[ElfObject]) -> tuple[Want, ...]:
    """Group DT_NEEDED entries by soname and machine, and look for each inside the wheel.

    Returns:
        Sorted by soname, then machine.
    """
    search = WheelSearch(objects)
    grouped: dict[tuple[str, str], list[ElfObject]] = {}
    for obj in objects:
        for soname in dict.fromkeys(obj.needed):
            grouped.setdefault((soname, obj.machine), []).append(obj)
    wants = []
    for (soname, machine), users in sorted(grouped.items()):
        users.sort(key=lambda o: o.path)
        entries = [(e.directory, e.text) for user in users for e in search.entries(user)]
        wants.append(
            Want(
                soname=soname,
                machine=machine,
                wanted_by=tuple(o.path for o in users),
                found=tuple(search.find(o, soname) for o in users),
                directories=find_directories(entries),
                versions=_collect_versions(users, soname),
            )
        )
    return tuple(wants)


def classify(
    wheel: Distribution,
    wants: Sequence[Want],
    facts: Mapping[tuple[str, str], SonameFacts],
    fillers: Mapping[str, Sequence[str]],
    *,
    prefer: Sequence[str] = (),
) -> tuple[Need, ...]:
    """Put every want into its class.

    Args:
        wheel: the wheel the objects are from.
        wants: from :func:`find_wants`.
        facts: by (soname, machine), for every want.
        fillers: distributions known to fill a directory, by directory relative to site-packages.
        prefer: attributes that win among providers, strongest first.

    Returns:
        One need per want, in the same order.
    """
    wanted = frozenset(want.soname for want in wants)
    return tuple(
        _classify_one(wheel, want, facts[want.soname, want.machine], fillers, wanted, prefer)
        for want in wants
    )


def _classify_one(
    wheel: Distribution,
    want: Want,
    facts: SonameFacts,
    fillers: Mapping[str, Sequence[str]],
    wanted: frozenset[str],
    prefer: Sequence[str],
) -> Need:
    providers = order_by_major(facts.lookup.providers, guess_cuda_major(wanted))
    lookup = apply_preference(replace(facts.lookup, providers=providers), prefer)

    def need(kind: NeedClass, reason: str, distribution: str | None = None) -> Need:
        return Need(
            soname=want.soname,
            machine=want.machine,
            need_class=kind,
            reason=reason,
            wanted_by=want.wanted_by,
            distribution=distribution,
            providers=lookup.providers,
            versions=want.versions,
        )

    if any(want.found):
        return replace(need(NeedClass.BUNDLED, _explain_bundled(want)), providers=())
    if "/" in want.soname:
        return replace(
            need(NeedClass.UNKNOWN, "a path, not a soname: the loader opens exactly this file"), providers=()
        )
    if facts.libc:
        return need(NeedClass.LIBC, f"part of {facts.libc}")
    if PYTHON.fullmatch(want.soname):
        return need(NeedClass.PYTHON, "the Python interpreter's own library")
    if facts.driver:
        return replace(need(NeedClass.DRIVER, facts.driver), providers=())
    sibling = find_sibling(
        want.soname,
        wheel,
        directories=want.directories,
        carriers=facts.carriers,
        fillers=fillers,
        wanted=wanted,
        provided=bool(lookup.providers),
    )
    if sibling:
        return replace(
            need(NeedClass.SIBLING, sibling.reason, sibling.distribution), directory=sibling.directory
        )
    if lookup.rivals:
        return need(NeedClass.AMBIGUOUS, f"{' and '.join(lookup.rivals)} both have it: choose with --prefer")
    if lookup.providers:
        return need(NeedClass.PROVIDED, _explain_provided(lookup))
    return need(NeedClass.UNKNOWN, _explain_unknown(lookup))


def apply_preference(lookup: Lookup, prefer: Sequence[str]) -> Lookup:
    """Put preferred attributes first among the providers; any of them settles an ambiguity.

    Args:
        lookup: an answer of the index.
        prefer: attributes, with or without an output (``onetbb``, ``stdenv.cc.cc.lib``).
    """

    def rank(provider: Provider) -> int:
        names = (provider.attr, f"{provider.attr}.{provider.output}")
        return min((i for i, wish in enumerate(prefer) if wish in names), default=len(prefer))

    if not prefer or all(rank(p) == len(prefer) for p in lookup.providers):
        return lookup
    return replace(lookup, providers=tuple(sorted(lookup.providers, key=rank)), rivals=())


def _explain_bundled(want: Want) -> str:
    found = [f for f in want.found if f]
    reached = [f for f in found if f.via is not None]
    if not reached:
        return f"{found[0].path} carries it, but no rpath leads there: it has to be loaded first"
    first = reached[0]
    inherited = f", inherited from {first.inherited_from}" if first.inherited_from else ""
    return f"rpath {first.via}{inherited} leads to {first.path}"


def _explain_provided(lookup: Lookup) -> str:
    best = lookup.providers[0]
    where = f"{best.attr} has {best.path}"
    return f"{where}; {lookup.note}" if lookup.note else where


def _explain_unknown(lookup: Lookup) -> str:
    if lookup.nearest:
        return f"nobody in this index has it; another ABI of it is there: {', '.join(lookup.nearest[:3])}"
    return "nobody in this index has it"


def _collect_versions(users: Iterable[ElfObject], soname: str) -> tuple[str, ...]:
    return tuple(sorted({v for o in users for n in o.versions if n.soname == soname for v in n.versions}))
