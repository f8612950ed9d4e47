"""Decides the class of a need: one ladder of questions for all commands.

The first question with an answer decides. A question answered in the negative leaves a step too; the steps
together are the explanation, so that explaining a class needs no second decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from posixpath import normpath
from typing import TYPE_CHECKING

from wheelfix.model.at_hand import AtHand
from wheelfix.model.backends import Unused
from wheelfix.model.base import Struct, field, replace
from wheelfix.model.classes import (
    Brought,
    CarriedProof,
    FixedPath,
    Gone,
    NeedClass,
    No,
    Nobody,
    OfDriver,
    OfInterpreter,
    OfLibc,
    Provided,
    Question,
    Reached,
    Rivals,
    SiblingClue,
    Stale,
    TornFamily,
    Unnamed,
    Unreached,
)
from wheelfix.model.index import Lookup, Provider
from wheelfix.model.scan import Known, Need, NeedTrace, Step
from wheelfix.model.wheel import Distribution
from wheelfix.scan.at_hand import correct_carriers, find_claimed
from wheelfix.scan.depends import find_dependency
from wheelfix.scan.layout import SITE
from wheelfix.scan.siblings import find_sibling

if TYPE_CHECKING:
    from wheelfix.scan.loader import Found

_QT = re.compile(r"libQt\d")
_PYTHON = re.compile(
    r"lib(?:python([0-9]{1,4}(?:\.[0-9]{1,4})*)([a-z]*)|(pypy[0-9]\.[0-9]{1,3})-c)\.so(?:\.[0-9]+)*"
)
_TAG_VERSION = re.compile(r"(cp|pp|py)([0-9])([0-9]{0,4})")
_CONDA_PYTHON = "python"
"""The package of conda that has the interpreter."""
_USUALLY_INHERITED = {"lib": "$ORIGIN/../lib"}
"""What everything inherits from conda's Python, where that was not read."""
_OLD_FLAGS = "mu"
"""Flags of the ABI that a version of CPython had always (3.7m), or that no tag tells."""


class Want(Struct):
    """A soname wanted by objects of one machine, before it is classified.

    Attributes:
        found: per wanting object, the member that answers the want, or None.
        directories: directories relative to site-packages that run paths of the wanting objects name,
            with the entry as written.
        versions: symbol versions asked of it, sorted.
        optional: whether only plugins want it, against which no other object of the wheel is linked.
        driver_directory: a directory of a GPU driver where it is looked for, or empty.
        places: directories relative to the prefix that run paths of the wanting objects name, in the order in
            which they are searched, with the entry as written.
        inherits: whether one of these objects inherits the run paths of what loads it.
    """

    soname: str
    machine: str
    wanted_by: tuple[str, ...]
    found: tuple[Found | None, ...]
    directories: Mapping[str, str]
    versions: tuple[str, ...]
    optional: bool = False
    driver_directory: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    inherits: bool = True

    @property
    def families(self) -> tuple[str, ...]:
        """Names of families whose libraries work together only if they are of one build, best first.

        These are symbol versions that several libraries share, and the name of Qt, as some Qt plugins ask for
        none.
        """
        return (*self.versions, *(match[0] for match in [_QT.match(self.soname)] if match))


class Case(Struct):
    """A want with everything that is known about it.

    Attributes:
        wheel: the wheel that has it; without a name where only the soname is known.
        known: of the soname, outside the wheel.
        lookup: the index's answer, with the user's preferences and the wheel's own CUDA first.
        fillers: distributions known to fill a directory, by directory relative to site-packages.
        wanted: all sonames that the wheel's objects want.
        major: of the CUDA that the objects wanting it use; None if unknown.
        unused: why the need is not used, if only alternatives want it that are not chosen.
        at_hand: distributions that were read.
        unread: whether nothing is known of the wheel but its name.
        wheels: whether other distributions are considered; False when a soname alone is asked for.
    """

    wheel: Distribution
    want: Want
    known: Known
    lookup: Lookup
    fillers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    major: str | None = None
    unused: Unused | None = None
    at_hand: AtHand = field(default_factory=AtHand)
    unread: bool = False
    wheels: bool = True


def decide(cases: Sequence[Case]) -> tuple[NeedTrace, ...]:
    """Classify the wants of one wheel.

    Args:
        cases: all of them: the libraries of the wheel or its siblings decide which families the rest belongs
            to.

    Returns:
        In the same order.
    """
    climbed = [_climb(case) for case in cases]
    families = _find_families(cases, [steps[-1] for steps in climbed])
    return tuple(
        _conclude(case, steps if steps[-1].need_class else (*steps, _ask_index(case, families)))
        for case, steps in zip(cases, climbed, strict=True)
    )


def apply_preference(lookup: Lookup, prefer: Sequence[str]) -> Lookup:
    """Put preferred attributes first among the providers; a preferred attribute settles an ambiguity.

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


def _climb(case: Case) -> tuple[Step, ...]:
    """Ask the questions that do not depend on the wheel's other wants."""
    steps: list[Step] = []
    in_prefix = (_ask_prefix,) if case.wheels and case.at_hand.conda else ()
    for ask in (_ask_wheel, _ask_path, *in_prefix, _ask_libc, _ask_python, _ask_driver, _ask_siblings):
        steps.append(ask(case))
        if steps[-1].need_class:
            break
    return tuple(steps)


def _conclude(case: Case, steps: tuple[Step, ...]) -> NeedTrace:
    want, last = case.want, steps[-1]
    assert last.need_class
    silent = last.need_class in {NeedClass.BUNDLED, NeedClass.DRIVER} or "/" in want.soname
    need = Need(
        soname=want.soname,
        machine=want.machine,
        need_class=last.need_class,
        cause=last.cause,
        wanted_by=want.wanted_by,
        providers=() if silent else case.lookup.providers,
        versions=want.versions,
        optional=want.optional,
        unused=case.unused,
        gone=tuple(one.attr for one in case.known.lookup.gone),
        stale=next((step.cause for step in steps if isinstance(step.cause, Stale)), None),
    )
    return NeedTrace(target=case.wheel.target, need=need, steps=steps)


def _ask_wheel(case: Case) -> Step:
    # bundled: the loader will find it inside the wheel: an RPATH/RUNPATH entry with $ORIGIN resolves to a
    # member with that file name ...
    found = [f for f in case.want.found if f]
    for one in found:
        if one.via is not None:
            reached = Reached(path=one.path, entry=one.via, inherited_from=one.inherited_from)
            return Step(question=Question.WHEEL, cause=reached, need_class=NeedClass.BUNDLED)
    # ... or another object of the wheel carries that soname and is loaded first. (A bundled copy that no
    # rpath reaches is said so: it is often preloaded by Python code.)
    if found:
        unreached = Unreached(path=found[0].path)
        return Step(question=Question.WHEEL, cause=unreached, need_class=NeedClass.BUNDLED)
    return Step(question=Question.WHEEL)


def _ask_path(case: Case) -> Step:
    # A name with a slash is the path of a file: the loader opens only that, so nothing else can provide it.
    if "/" in case.want.soname:
        if case.want.driver_directory:
            cause = OfDriver(part=f"in {case.want.driver_directory}, where a GPU driver has its libraries")
            return Step(question=Question.PATH, cause=cause, need_class=NeedClass.DRIVER)
        return Step(question=Question.PATH, cause=FixedPath(), need_class=NeedClass.UNKNOWN)
    return Step(question=Question.PATH)


def _ask_prefix(case: Case) -> Step:
    # A prefix of conda is one place: what a run path leads to in it is found whatever package has it, before
    # the loader looks anywhere else. What has no DT_RUNPATH inherits the DT_RPATH of conda's Python.
    want, at_hand = case.want, case.at_hand
    there = {
        normpath(f"{SITE}/{c.directory}"): c
        for c in reversed(at_hand.libraries.get(want.soname, ()))
        if c.machine == want.machine and c.named and c.distribution in at_hand.conda - {case.wheel.name}
    }
    required = {r.name for r in case.wheel.requires if r.active}
    handed = at_hand.inherited if _CONDA_PYTHON in at_hand.conda else _USUALLY_INHERITED
    for how, places in (
        (SiblingClue.PREFIX, want.places),
        (SiblingClue.INHERITED, handed if want.inherits else {}),
    ):
        for place, entry in places.items():
            if one := there.get(place):
                brought = Brought(
                    how=how,
                    distribution=one.distribution,
                    directory=one.directory,
                    entry=entry,
                    place=place,
                    required=one.distribution in required,
                    check=CarriedProof(version=one.version, path=one.path),
                )
                return Step(question=Question.PREFIX, cause=brought, need_class=NeedClass.SIBLING)
    return Step(question=Question.PREFIX)


def _ask_libc(case: Case) -> Step:
    # libc: glibc's or musl's own sonames for that machine.
    if case.known.libc:
        return Step(question=Question.LIBC, cause=OfLibc(libc=case.known.libc), need_class=NeedClass.LIBC)
    return Step(question=Question.LIBC)


def _ask_python(case: Case) -> Step:
    # python: libpythonX.Y is the interpreter's only where X.Y is the Python that the wheel is for. That of
    # conda is in a package, as any other library is.
    is_package = case.wheel.conda and any(r.name == _CONDA_PYTHON for r in case.wheel.requires)
    if is_package:
        return Step(question=Question.PYTHON)
    if match := _PYTHON.fullmatch(case.want.soname):
        version = match[3] or match[1] + match[2].strip(_OLD_FLAGS)
        cause = OfInterpreter(version=version, fits=fits_interpreter(version, case.wheel.tags))
        return Step(question=Question.PYTHON, cause=cause, need_class=NeedClass.PYTHON)
    return Step(question=Question.PYTHON)


def fits_interpreter(version: str, tags: Iterable[str]) -> bool | None:
    """Tell whether the interpreters that accept a wheel are of a version.

    Args:
        version: ``3.12``, ``3.13t``, ``pypy3.11``, or ``3`` for every Python 3.
        tags: of the wheel, ``cp312-cp312-manylinux_2_28_x86_64``.

    Returns:
        None if only some of them are, or if there are no tags.

    Example:
        >>> fits_interpreter("3.12", ["cp312-cp312-linux_x86_64"])
        True
        >>> fits_interpreter("3.9", ["cp310-abi3-linux_x86_64"])
        False
    """
    found = {_fits_tag(version, tag) for tag in tags} or {None}
    return found.pop() if len(found) == 1 else None


def _fits_tag(version: str, tag: str) -> bool | None:
    python, abi = (*tag.split("-"), "")[:2]
    match = _TAG_VERSION.fullmatch(python)
    if match is None:
        return None
    if version.startswith("pypy") or match[1] == "pp":
        if match[1] == "py":
            return None
        return match[1] == "pp" and version == f"pypy{match[2]}.{match[3]}"
    major, _, minor = version.partition(".")
    if match[2] != major:
        return False
    if not minor:
        return True
    exact = match[1] == "cp" and not abi.startswith("abi")
    if exact and match[3]:
        threads = "t" if abi.startswith("cp") and "t" in abi else ""
        if minor == f"{match[3]}{threads}":
            return True
        return None if abi == "none" and minor == f"{match[3]}t" else False
    older = int(minor.rstrip("t") or 0) < int(match[3] or 0) if minor.rstrip("t").isdigit() else True
    return False if older or (abi == "abi3" and minor.endswith("t")) else None


def _ask_driver(case: Case) -> Step:
    # driver: comes with the GPU driver, never with a package.
    if case.known.driver:
        cause = OfDriver(part=case.known.driver)
        return Step(question=Question.DRIVER, cause=cause, need_class=NeedClass.DRIVER)
    return Step(question=Question.DRIVER)


def _ask_siblings(case: Case) -> Step:
    # sibling: another distribution supplies it: an rpath entry names the place, the metadata or the lock
    # names the distribution. Distributions at hand were read, so their contents overrule the table. A
    # requirement that carries a library goes before nixpkgs, whose build of it may differ.
    if not case.wheels:
        return Step(question=Question.SIBLINGS)
    if case.wheel.conda:
        return _ask_packages(case)
    want, at_hand = case.want, case.at_hand
    carriers = correct_carriers(case.known.carriers, at_hand, want.soname, machine=want.machine)
    found = find_sibling(
        want.soname,
        case.wheel,
        directories=want.directories,
        carriers=carriers,
        fillers=case.fillers,
        wanted=case.wanted,
        major=case.major,
        provided=bool(case.lookup.providers),
        unread=case.unread,
    )
    # A build of nixpkgs that only a permission gives is no better than the wheel that the environment has.
    if found is None and (not case.lookup.providers or _is_cuda(case.lookup)):
        found = _find_unnamed(case)
    if found is None:
        return Step(question=Question.SIBLINGS, cause=_find_refusal(case))
    name = found.distribution
    claimed = find_claimed(at_hand, want.soname, machine=want.machine, distribution=name)
    if name in at_hand.versions and not claimed:
        cause = Stale(distribution=name, version=at_hand.versions[name])
        return Step(question=Question.SIBLINGS, cause=cause)
    if claimed:
        check = CarriedProof(
            version=claimed.version, path=claimed.path, by_soname=claimed.soname and not claimed.named
        )
        found = replace(found, directory=claimed.directory, check=check)
    elif at_hand.versions:
        found = replace(found, absent=True)
    return Step(question=Question.SIBLINGS, cause=found, need_class=NeedClass.SIBLING)


def _ask_packages(case: Case) -> Step:
    # What tables say of wheels says nothing of packages of conda: what was read counts, and then what the
    # package depends on, which a solver installs with it.
    at_hand = case.at_hand
    if found := _find_unnamed(case):
        claimed = find_claimed(
            at_hand, case.want.soname, machine=case.want.machine, distribution=found.distribution
        )
        assert claimed
        by_soname = claimed.soname and not claimed.named
        proof = CarriedProof(version=claimed.version, path=claimed.path, by_soname=by_soname)
        found = replace(found, directory=claimed.directory, check=proof)
        return Step(question=Question.SIBLINGS, cause=found, need_class=NeedClass.SIBLING)
    unread = [r.name for r in case.wheel.requires if r.active and r.name not in at_hand.versions]
    if name := find_dependency(case.want.soname, unread, case.lookup.providers):
        others = at_hand.versions.keys() - {case.wheel.name}
        brought = Brought(how=SiblingClue.DEPENDS, distribution=name, required=True, absent=bool(others))
        return Step(question=Question.SIBLINGS, cause=brought, need_class=NeedClass.SIBLING)
    return Step(question=Question.SIBLINGS)


def _find_unnamed(case: Case) -> Brought | None:
    """Find the distribution at hand that alone carries the library, though nothing in the wheel names it."""
    want = case.want
    carried = [c for c in case.at_hand.libraries.get(want.soname, ()) if c.machine == want.machine]
    carried = [c for c in carried if c.distribution != case.wheel.name]
    others = {c.distribution for c in [c for c in carried if c.named] or carried}
    if len(others) != 1:
        return None
    (name,) = others
    return Brought(how=SiblingClue.ONLY_AT_HAND, distribution=name)


def _is_cuda(lookup: Lookup) -> bool:
    return lookup.providers[0].attr.startswith("cudaPackages")


def _find_refusal(case: Case) -> No | Unnamed | Stale:
    """Tell why no distribution brings it, although the table may name some that could."""
    carriers = [c.distribution for c in case.known.carriers if c.distribution != case.wheel.name]
    required = {r.name for r in case.wheel.requires if r.active}
    for name in carriers:
        if name in required and name in case.at_hand.versions:
            return Stale(distribution=name, version=case.at_hand.versions[name])
    return Unnamed(distributions=tuple(dict.fromkeys(carriers))) if carriers else No()


def _ask_index(case: Case, families: Mapping[tuple[str, str], NeedClass]) -> Step:
    lookup, question = case.lookup, Question.INDEX
    # ambiguous: two first-rank providers that differ in kind; --prefer (or configuration) settles it.
    if lookup.rivals:
        return Step(question=question, cause=Rivals(attrs=lookup.rivals), need_class=NeedClass.AMBIGUOUS)
    if lookup.providers:
        best = lookup.providers[0]
        if torn := _find_torn_family(case, families, best.attr):
            return Step(question=question, cause=torn, need_class=NeedClass.UNKNOWN)
        # provided: nixpkgs supplies it: the ranked first provider; others listed.
        cause = Provided(attr=best.attr, path=best.path, note=lookup.note)
        return Step(question=question, cause=cause, need_class=NeedClass.PROVIDED)
    # A run path, or what opens it, names the place of a driver, whose libraries no index knows all.
    if place := case.want.driver_directory:
        by_place = OfDriver(part=f"looked for in {place}, where a GPU driver has its libraries")
        return Step(question=question, cause=by_place, need_class=NeedClass.DRIVER)
    # What the index names and nixpkgs has no longer is nobody, with a reason.
    if lookup.gone:
        first = lookup.gone[0]
        lost = Gone(attr=first.attr, removed=first.removed, absent_on=first.absent_on, nearest=lookup.nearest)
        return Step(question=question, cause=lost, need_class=NeedClass.UNKNOWN)
    # unknown: nobody in this index does; say the nearest majors that exist.
    return Step(
        question=question,
        cause=Nobody(nearest=lookup.nearest),
        need_class=NeedClass.UNKNOWN,
    )


def _find_families(cases: Sequence[Case], last: Iterable[Step]) -> Mapping[tuple[str, str], NeedClass]:
    """Find the families of libraries that do not come from nixpkgs, by machine and name, with their class."""
    found: dict[tuple[str, str], NeedClass] = {}
    decided = list(zip(cases, last, strict=True))
    for kind in (NeedClass.BUNDLED, NeedClass.SIBLING):
        for case, step in decided:
            if step.need_class is kind:
                for family in case.want.families:
                    found.setdefault((case.want.machine, family), kind)
    return found


def _find_torn_family(
    case: Case, families: Mapping[tuple[str, str], NeedClass], attr: str
) -> TornFamily | None:
    """Tell whether nixpkgs' library would be a second build of a family in one process, which breaks it."""
    want = case.want
    torn = [family for family in want.families if (want.machine, family) in families]
    if not torn:
        return None
    return TornFamily(
        attr=attr,
        bundled=families[want.machine, torn[0]] is NeedClass.BUNDLED,
        versions=tuple(sorted(set(torn) & set(want.versions))) or (torn[0],),
    )
