"""Makes wants of objects, and cases of wants: a case is a want with everything known about it.

``locate`` imports no more than this module, so slow imports are only made for type checking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from wheelfix.index.driver import is_driver_directory
from wheelfix.index.lookup import find_fillers, find_known
from wheelfix.index.releases import NEWEST, spell_both
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import replace
from wheelfix.model.index import Lookup
from wheelfix.model.scan import Known
from wheelfix.model.wheel import Distribution
from wheelfix.scan.decide import Case, Want, apply_preference
from wheelfix.scan.siblings import find_directories, guess_cuda_major, order_by_major

if TYPE_CHECKING:
    from wheelfix.index.table import SonameTable
    from wheelfix.model.elf import ElfObject
    from wheelfix.model.reading import Reading

_PLUGINS = frozenset({"plugin", "plugins", "qml"})


def find_wants(objects: Sequence[ElfObject]) -> tuple[Want, ...]:
    """Group DT_NEEDED entries by soname and machine, and look for each inside the wheel.

    Returns:
        Sorted by soname, then machine.
    """
    from wheelfix.scan.loader import Loader

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
        places = [soname.rpartition("/")[0], *(text for _, text in entries)]
        wants.append(
            Want(
                soname=soname,
                machine=machine,
                wanted_by=tuple(o.path for o in users),
                found=tuple(search.find(o, soname) for o in users),
                directories=find_directories(entries),
                versions=_collect_versions(users, soname),
                optional=all(_is_plugin(user, linked) for user in users),
                driver_directory=find_driver_directory(places),
            )
        )
    return tuple(wants)


def make_want(
    soname: str,
    machine: str,
    directories: Mapping[str, str] | None = None,
    *,
    places: Iterable[str] = (),
) -> Want:
    """Make the want for a soname that no object at hand is linked against.

    Args:
        soname: file name as the loader gets it.
        machine: machine on which it is wanted.
        directories: as the attribute of :class:`wheelfix.scan.decide.Want`.
        places: absolute directories where it is looked for.
    """
    return Want(
        soname=soname,
        machine=machine,
        wanted_by=(),
        found=(),
        directories=directories or {},
        versions=(),
        driver_directory=find_driver_directory(places),
    )


def find_driver_directory(places: Iterable[str]) -> str:
    """Return the first of some directories that is a GPU driver's; empty without one."""
    return next((place for place in places if is_driver_directory(place)), "")


def find_cases(
    wheel: Distribution,
    wants: Sequence[Want],
    known: Mapping[tuple[str, str], Known],
    fillers: Mapping[str, Sequence[str]],
    *,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
    linked: Iterable[str] = (),
) -> tuple[Case, ...]:
    """Combine every want with what is known about it.

    Args:
        wheel: the wheel the objects are from.
        wants: from :func:`find_wants`.
        known: by (soname, machine), for every want.
        fillers: distributions known to fill a directory, by directory relative to site-packages.
        prefer: attributes that win among providers, strongest first.
        at_hand: distributions that were read; None for none.
        linked: further sonames that the wheel wants: they tell which CUDA it was built for.
    """
    wanted = frozenset((*linked, *(want.soname for want in wants)))
    major = guess_cuda_major(wanted)
    return tuple(
        Case(
            wheel=wheel,
            want=want,
            known=known[want.soname, want.machine],
            lookup=_prefer(known[want.soname, want.machine].lookup, major, prefer),
            fillers=fillers,
            wanted=wanted,
            at_hand=at_hand or AtHand(),
        )
        for want in wants
    )


def make_cases(
    reading: Reading, table: SonameTable, prefer: Sequence[str], at_hand: AtHand | None
) -> tuple[Case, ...]:
    """Combine all wants of a distribution with what the tables know of them; see :func:`conclude`."""
    wants = find_wants(reading.objects)
    known = find_known(table, [(want.soname, want.machine) for want in wants])
    fillers = find_fillers({directory for want in wants for directory in want.directories})
    return find_cases(reading.distribution, wants, known, fillers, prefer=spell_both(prefer), at_hand=at_hand)


NOBODY = Distribution(target="", name="", version="", tags=(), requires=(), files=frozenset())
"""Stands for an unknown distribution when a soname alone is asked for."""


def make_name_cases(
    sonames: Iterable[str],
    machine: str,
    table: SonameTable,
    *,
    wheel: Distribution = NOBODY,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
    release: tuple[int, int] = NEWEST,
    wheels: bool = True,
    places: Mapping[str, Iterable[str]] | None = None,
) -> tuple[Case, ...]:
    """Combine sonames that no object at hand is linked against with what the tables know of them.

    Args:
        sonames: file names as a loader gets them.
        machine: machine on which they are wanted.
        table: where nixpkgs attributes are looked up.
        wheel: distribution that wants them; one without files was not read, and may have just a name.
        prefer: as for :func:`conclude`.
        at_hand: as for :func:`conclude`.
        release: of the user's nixpkgs.
        wheels: also consider the distributions that are known to carry them.
        places: absolute directories where a soname is looked for, by soname.

    Returns:
        One case per soname, in the order given.

    Raises:
        IndexProblem: the table is damaged.
    """
    unread = bool(wheel.name) and not wheel.files
    named = places or {}
    wants = [make_want(soname, machine, places=named.get(soname, ())) for soname in dict.fromkeys(sonames)]
    known = find_known(table, [(w.soname, machine) for w in wants], release=release, carriers=wheels)
    cases = find_cases(wheel, wants, known, {}, prefer=spell_both(prefer), at_hand=at_hand)
    return tuple(replace(case, unread=unread, wheels=wheels) for case in cases)


def _prefer(lookup: Lookup, major: str | None, prefer: Sequence[str]) -> Lookup:
    return apply_preference(replace(lookup, providers=order_by_major(lookup.providers, major)), prefer)


def _is_plugin(obj: ElfObject, linked: Set[str]) -> bool:
    """Whether it is loaded by name from a plugin directory: Qt's sqldrivers, MySQL's authentication."""
    directories = obj.path.split("/")[:-1]
    return not _PLUGINS.isdisjoint(directories) and linked.isdisjoint({obj.name, obj.soname or obj.name})


def _collect_versions(users: Iterable[ElfObject], soname: str) -> tuple[str, ...]:
    return tuple(sorted({v for o in users for n in o.versions if n.soname == soname for v in n.versions}))
