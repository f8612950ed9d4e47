"""Makes wants of objects, and cases of wants: a case is a want with everything known about it.

``locate`` imports no more than this module, so slow imports are only made for type checking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from wheelfix.index.baseline import find_baseline
from wheelfix.index.driver import is_driver_directory
from wheelfix.index.lookup import find_fillers, find_known
from wheelfix.index.releases import NEWEST, spell_both
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import Struct, replace
from wheelfix.model.index import Lookup
from wheelfix.model.scan import Known
from wheelfix.model.wheel import Distribution
from wheelfix.scan.decide import Case, Want, apply_preference
from wheelfix.scan.siblings import find_directories, fit_major, guess_cuda_major

if TYPE_CHECKING:
    from wheelfix.index.table import SonameTable
    from wheelfix.model.backends import Backend
    from wheelfix.model.elf import ElfObject
    from wheelfix.model.reading import Reading
    from wheelfix.scan.backends import Choice

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
                places=_list_places(entries),
                inherits=any(not user.runpath for user in users),
            )
        )
    return tuple(wants)


def _list_places(entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the directories in the prefix that run paths name, each with its first entry."""
    found: dict[str, str] = {}
    for directory, text in entries:
        if not directory.startswith(("/", "../")):
            found.setdefault(directory, text)
    return found


def is_for_musl(tags: Iterable[str], objects: Iterable[ElfObject]) -> bool:
    """Whether a distribution runs on musl: by its tags, or if these do not tell, by its objects' needs."""
    from wheelfix.scan.loader import is_musl

    platforms = {tag.rpartition("-")[2].partition("_")[0] for tag in tags} - {"any", "linux"}
    return platforms == {"musllinux"} or (not platforms and any(map(is_musl, objects)))


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
    major: str | None = None,
) -> tuple[Case, ...]:
    """Combine every want with what is known about it.

    Args:
        wheel: the wheel the objects are from.
        wants: from :func:`find_wants`.
        known: by (soname, machine), for every want.
        fillers: distributions known to fill a directory, by directory relative to site-packages.
        prefer: attributes that win among providers, strongest first.
        at_hand: distributions that were read; None for none.
        major: of the wheel's CUDA; None reads it from the wants.
    """
    wanted = frozenset(want.soname for want in wants)
    major = major or guess_cuda_major(wanted)
    return tuple(
        Case(
            wheel=wheel,
            want=want,
            known=known[want.soname, want.machine],
            lookup=_prefer(known[want.soname, want.machine].lookup, major, prefer),
            fillers=fillers,
            wanted=wanted,
            major=major,
            at_hand=at_hand or AtHand(),
        )
        for want in wants
    )


class WheelCases(Struct):
    """All cases of a wheel.

    Attributes:
        cases: sorted by soname, then machine.
        choices: which of the alternatives among its files are used, first of those for different GPUs.
        major: of the CUDA that its used files are for; None if unknown.
    """

    cases: tuple[Case, ...]
    choices: tuple[Choice, ...]
    major: str | None


def make_cases(
    reading: Reading,
    table: SonameTable,
    prefer: Sequence[str],
    at_hand: AtHand | None,
    gpu: Backend | None = None,
) -> WheelCases:
    """Combine all wants of a distribution with what the tables know of them; see :func:`conclude`."""
    from wheelfix.scan.backends import choose_backends, find_wish, list_unused
    from wheelfix.scan.generations import choose_generations

    wheel, objects, beside = reading.distribution, reading.objects, at_hand or AtHand()
    wants = find_wants(objects)
    pairs = [(want.soname, want.machine) for want in wants]
    known = find_known(table, pairs, musl=is_for_musl(wheel.tags, objects))
    choice = choose_backends(objects, known, find_wish(wheel, beside, gpu), wheel, beside)
    files = {path for one in choice.alternatives for path in one.files}
    choices = (choice, *choose_generations(objects, known, wheel, beside, passed=files))
    unused = list_unused(choices)
    needed = {obj.path: obj.needed for obj in objects}
    used = {soname for path, sonames in needed.items() if path not in unused for soname in sonames}
    major = guess_cuda_major(used) or choice.major
    fillers = find_fillers({directory for want in wants for directory in want.directories})
    cases = find_cases(wheel, wants, known, fillers, prefer=spell_both(prefer), at_hand=at_hand, major=major)
    return WheelCases(
        cases=tuple(_fit_users(case, choices, needed, spell_both(prefer)) for case in cases),
        choices=choices,
        major=major,
    )


def _fit_users(
    case: Case, choices: Sequence[Choice], needed: Mapping[str, Sequence[str]], prefer: Sequence[str]
) -> Case:
    """Fit a case to the files that want it: whether they are used, and which CUDA they are for."""
    from wheelfix.scan.backends import judge_use, list_unused

    unused = judge_use(choices, case.want.wanted_by)
    if unused and case.lookup.providers and case.lookup.providers[0].attr in find_baseline(case.wheel.tags):
        unused = None  # an input that is there anyway
    left = list_unused(choices)
    users = [path for path in case.want.wanted_by if unused or path not in left]
    major = guess_cuda_major({soname for path in users for soname in needed[path]}) or case.major
    if major == case.major:
        return replace(case, unused=unused) if unused else case
    return replace(case, unused=unused, major=major, lookup=_prefer(case.known.lookup, major, prefer))


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
    return apply_preference(replace(lookup, providers=fit_major(lookup.providers, major, prefer)), prefer)


def _is_plugin(obj: ElfObject, linked: Set[str]) -> bool:
    """Whether it is loaded by name from a plugin directory: Qt's sqldrivers, MySQL's authentication."""
    directories = obj.path.split("/")[:-1]
    return not _PLUGINS.isdisjoint(directories) and linked.isdisjoint({obj.name, obj.soname or obj.name})


def _collect_versions(users: Iterable[ElfObject], soname: str) -> tuple[str, ...]:
    return tuple(sorted({v for o in users for n in o.versions if n.soname == soname for v in n.versions}))
