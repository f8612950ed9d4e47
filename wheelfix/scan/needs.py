"""From objects to wants, and from wants and facts to cases that can be decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from wheelfix.model.at_hand import AtHand
from wheelfix.model.elf import ElfObject
from wheelfix.model.index import Lookup
from wheelfix.model.scan import SonameFacts
from wheelfix.model.wheel import Distribution
from wheelfix.scan.cuda import guess_cuda_major, order_by_major
from wheelfix.scan.decide import Case, apply_preference
from wheelfix.scan.loader import Loader, Want
from wheelfix.scan.siblings import find_directories

_PLUGINS = frozenset({"plugin", "plugins", "qml"})


def find_wants(objects: Sequence[ElfObject]) -> tuple[Want, ...]:
    """Group DT_NEEDED entries by soname and machine, and look for each inside the wheel.

    Returns:
        Sorted by soname, then machine.
    """
    search = Loader(objects)
    grouped: dict[tuple[str, str], list[ElfObject]] = {}
    for obj in objects:
        for soname in dict.fromkeys(obj.needed):
            grouped.setdefault((soname, obj.machine), []).append(obj)
    linked = {soname for obj in objects for soname in obj.needed}
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
                optional=all(_is_plugin(user, linked) for user in users),
            )
        )
    return tuple(wants)


def make_want(soname: str, machine: str, directories: Mapping[str, str] | None = None) -> Want:
    """A soname that no object at hand is linked against.

    Args:
        soname: file name as the loader gets it.
        machine: that it is wanted on.
        directories: as in :class:`wheelfix.scan.loader.Want`.
    """
    return Want(
        soname=soname,
        machine=machine,
        wanted_by=(),
        found=(),
        directories=directories or {},
        versions=(),
    )


def find_cases(
    wheel: Distribution,
    wants: Sequence[Want],
    facts: Mapping[tuple[str, str], SonameFacts],
    fillers: Mapping[str, Sequence[str]],
    *,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
    linked: Iterable[str] = (),
) -> tuple[Case, ...]:
    """Bring every want together with what is known about it.

    Args:
        wheel: the wheel the objects are from.
        wants: from :func:`find_wants`.
        facts: by (soname, machine), for every want.
        fillers: distributions known to fill a directory, by directory relative to site-packages.
        prefer: attributes that win among providers, strongest first.
        at_hand: distributions that were read; None for none.
        linked: sonames that the wheel wants beside these: they tell which CUDA it was built for.
    """
    wanted = frozenset((*linked, *(want.soname for want in wants)))
    major = guess_cuda_major(wanted)
    return tuple(
        Case(
            wheel=wheel,
            want=want,
            facts=facts[want.soname, want.machine],
            lookup=_prefer(facts[want.soname, want.machine].lookup, major, prefer),
            fillers=fillers,
            wanted=wanted,
            at_hand=at_hand or AtHand(),
        )
        for want in wants
    )


def _prefer(lookup: Lookup, major: str | None, prefer: Sequence[str]) -> Lookup:
    return apply_preference(replace(lookup, providers=order_by_major(lookup.providers, major)), prefer)


def _is_plugin(obj: ElfObject, linked: Set[str]) -> bool:
    """Loaded by name from a directory of plugins, if at all: Qt's sqldrivers, MySQL's authentication."""
    directories = obj.path.split("/")[:-1]
    return not _PLUGINS.isdisjoint(directories) and linked.isdisjoint({obj.name, obj.soname or obj.name})


def _collect_versions(users: Iterable[ElfObject], soname: str) -> tuple[str, ...]:
    return tuple(sorted({v for o in users for n in o.versions if n.soname == soname for v in n.versions}))
