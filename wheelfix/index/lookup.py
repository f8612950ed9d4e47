"""Finds the providers of sonames: answers of the soname table and of further tables.

Answers that no database contains are in ``data/answers.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from wheelfix.errors import InputError, suggest
from wheelfix.index.cuda import find_cuda, find_nearest_cuda, list_cuda_attrs, list_cuda_sonames
from wheelfix.index.driver import find_driver, list_drivers
from wheelfix.index.libc import find_libc, list_libc
from wheelfix.index.machines import find_place, fit_place
from wheelfix.index.releases import NEWEST, find_older, spell_both, translate
from wheelfix.index.siblings import find_by_directory, find_distributions
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.index import Attribute, IndexInfo, Lookup, NixpkgsInfo, Provider
from wheelfix.model.scan import Known, Located
from wheelfix.model.system import name_machine
from wheelfix.model.tables import Attr, Row, Soname, Table, load_table

if TYPE_CHECKING:
    from wheelfix.index.attributes import AttributeTable
    from wheelfix.index.named_table import NameTable

_OUTPUT = re.compile(r"\.(out|lib|dev|bin|libgcc)$")
_NOT_IN_LIB = "in a subdirectory: addAutoPatchelfSearchPath has to name it"
_GLIBC = "glibc"


class Place(Row):
    """A library that is deliberately in a subdirectory of its package.

    Attributes:
        path: below the store path, from its root.
    """

    attr: Attr
    path: str


class Renamed(Row):
    """The soname with the same ABI in nixpkgs, with the remark about it."""

    soname: Soname
    note: str


class Answers(Table):
    """Answers that no database contains.

    Attributes:
        attributes: the attribute that is right by definition.
        elsewhere: its place, where that is not ``lib``.
        renamed: its soname in nixpkgs, for a soname of another distribution.
    """

    FILE = "answers.toml"

    attributes: dict[Soname, Attr]
    elsewhere: dict[Soname, Place]
    renamed: dict[Soname, Renamed]


def find_providers(
    table: SonameTable,
    sonames: Iterable[str],
    *,
    system: str | None = None,
    release: tuple[int, int] = NEWEST,
) -> tuple[Lookup, ...]:
    """Look up sonames in a table, and in the tables of libraries that no database lists.

    Args:
        table: the soname table.
        sonames: as in DT_NEEDED.
        system: Nix system; None asks for the table's main one.
        release: of the user's nixpkgs; attributes are named as in that release.

    Returns:
        One answer per soname, in the order asked.

    Raises:
        IndexProblem: the table is damaged.
        InputError: the nixpkgs that the user named cannot be evaluated.
    """
    found = tuple(_find(table, soname, system) for soname in sonames)
    if release != NEWEST:
        return tuple(_translate(lookup, release) for lookup in found)
    attributes = table.attributes
    if attributes.followed:
        named = {provider.attr for lookup in found for provider in lookup.providers}
        attributes.ask({spelling for attr in named for spelling in (attr, find_older(attr))})
        found = tuple(_choose_spellings(lookup, attributes) for lookup in found)
    return tuple(_hold_against_nixpkgs(lookup, table) for lookup in found)


def _choose_spellings(lookup: Lookup, attributes: AttributeTable) -> Lookup:
    """Write attributes as a nixpkgs does that has their older names only."""

    def spell(attr: str) -> str:
        older = find_older(attr)
        if older == attr or ((said := attributes.find(attr)) and said.removed is None):
            return attr
        known = attributes.find(older)
        return older if known and known.removed is None else attr

    return replace(
        lookup,
        providers=tuple(replace(p, attr=spell(p.attr)) for p in lookup.providers),
        rivals=tuple(map(spell, lookup.rivals)),
    )


def _hold_against_nixpkgs(lookup: Lookup, table: SonameTable) -> Lookup:
    """Leave out attributes that cannot be evaluated, and name the outputs that buildInputs do not reach.

    An index is of another day than the nixpkgs that its answers are written for.
    """
    attributes = table.attributes
    kept, gone = [], []
    for provider in lookup.providers:
        if lost := find_gone(provider.attr, table):
            gone.append(lost)
        else:
            said = attributes.find(provider.attr)
            kept.append(_add_version(_name_output(provider, said), said))
    nearest = lookup.nearest if kept or lookup.nearest else _find_nearest_cuda(lookup.soname, attributes)
    if not gone and tuple(kept) == lookup.providers and nearest == lookup.nearest:
        return lookup
    rivals = tuple(p.attr for p in kept if p.attr in lookup.rivals)
    return replace(
        lookup,
        providers=tuple(kept),
        gone=tuple(gone),
        nearest=nearest,
        rivals=rivals if len(rivals) > 1 else (),
    )


def _find_nearest_cuda(soname: str, attributes: AttributeTable) -> tuple[str, ...]:
    """List the other majors of a CUDA library that nixpkgs has."""

    def is_there(attr: str) -> bool:
        said = attributes.find(attr)
        return said is None or said.usable

    return tuple(
        other for other in find_nearest_cuda(soname) if any(is_there(p.attr) for p in find_cuda(other))
    )


def find_gone(attr: str, table: SonameTable) -> Attribute | None:
    """Return what nixpkgs says of an attribute that cannot be evaluated in it; None for all others."""
    said = table.attributes.find(attr)
    return said if said and not said.usable and not _is_older(table.attributes.info, table.info) else None


def _is_older(nixpkgs: NixpkgsInfo, index: IndexInfo) -> bool:
    """Tell whether an index is of a later nixpkgs, which may have got back what was removed."""
    return bool(nixpkgs.date and index.date and nixpkgs.date < index.date)


def _name_output(provider: Provider, said: Attribute | None) -> Provider:
    """Write the output into the attribute where the attribute alone leads elsewhere.

    Two ways have to lead to it: what ``buildInputs`` reach, and ``lib.getLib``, for run paths and shells.
    """
    attr, output = provider.attr, provider.output
    if said is None or output not in said.outputs or attr.endswith(f".{output}"):
        return provider
    of_libraries = "lib" if "lib" in said.outputs else "out"
    if output in said.reached and output == of_libraries:
        return provider
    return replace(provider, attr=f"{attr}.{output}")


def _add_version(provider: Provider, said: Attribute | None) -> Provider:
    """Add the version of a package that no index lists."""
    known = provider.version or (said.version if said else None)
    return provider if known == provider.version else replace(provider, version=known)


def check_attrs(table: SonameTable, attrs: Iterable[str], *, others: NameTable | None = None) -> None:
    """Refuse attributes that no answer can have.

    Args:
        table: the soname table.
        others: a table of names, if such are asked for too.
        attrs: as a user writes them: with or without an output, under newer or older names.

    Raises:
        InputError: one is neither in the table nor among those that no database lists.
    """
    for attr in attrs:
        spelled = spell_both((attr,))
        names = {*spelled, *(name.rpartition(".")[0] for name in spelled if _OUTPUT.search(name))}
        if any(map(table.has_attr, names)) or (others and any(map(others.has_attr, names))):
            continue
        beside = list_attrs_beside()
        if beside.isdisjoint(names):
            # A package may have libraries under another attribute than its name: libglvnd's are of libGL.
            known = {**table.list_packages(), **{one: one for one in (*table.list_attrs(), *beside)}}
            hint = suggest(attr, known, otherwise="ask `wheelfix locate SONAME`")
            raise InputError(f"--prefer {attr}", "is no attribute that the index knows", hint)


def list_attrs_beside() -> frozenset[str]:
    """Return attributes that answers can have even if the soname table lacks them."""
    table = load_table(Answers)
    places = (place.attr for place in table.elsewhere.values())
    return frozenset({*table.attributes.values(), *places, *list_cuda_attrs(), _GLIBC})


def list_sonames_beside(machine: str) -> frozenset[str]:
    """Return sonames that have an answer even if the soname table lacks them.

    Args:
        machine: as in :class:`wheelfix.model.elf.ElfObject`.
    """
    table = load_table(Answers)
    known = (table.attributes, table.elsewhere, list_cuda_sonames(), list_drivers(), list_libc(machine))
    return frozenset(soname for sonames in known for soname in sonames)


def list_answers(table: SonameTable) -> tuple[str, ...]:
    """List every attribute that an answer can name, sorted."""
    from wheelfix.index.baseline import Baseline

    baseline = (inputs.inputs for inputs in load_table(Baseline).lists.values())
    return tuple(sorted({*table.list_attrs(), *list_attrs_beside(), *(a for one in baseline for a in one)}))


def _translate(lookup: Lookup, release: tuple[int, int]) -> Lookup:
    return replace(
        lookup,
        providers=tuple(replace(p, attr=translate(p.attr, release)) for p in lookup.providers),
        rivals=tuple(translate(attr, release) for attr in lookup.rivals),
    )


def _find(table: SonameTable, soname: str, system: str | None) -> Lookup:
    if cuda := find_cuda(soname):
        return Lookup(soname=soname, providers=cuda)
    (found,) = table.lookup([soname], system=system)
    answers = load_table(Answers)
    machine = (system or table.info.system).partition("-")[0]
    if soname in answers.attributes or find_libc(soname, machine) == "glibc":
        return _put_first(found, answers.attributes.get(soname, _GLIBC))
    if place := answers.elsewhere.get(soname):
        first = Provider(
            attr=place.attr, output="out", path=place.path, store_path=None, score=100, why=(_NOT_IN_LIB,)
        )
        return replace(found, providers=(first, *found.providers), rivals=(), note=_NOT_IN_LIB)
    if not found.providers and (renamed := answers.renamed.get(soname)):
        (other,) = table.lookup([renamed.soname], system=system)
        return replace(other, soname=soname, note=renamed.note)
    return found


def _put_first(found: Lookup, attr: str) -> Lookup:
    """Make ``attr`` the first provider, with its entry in the table, if any."""
    output = "lib" if attr.endswith(".lib") else "out"
    known = next((p for p in found.providers if p.attr == attr), None)
    first = known or Provider(
        attr=attr,
        output=output,
        path=f"/lib/{found.soname}",
        store_path=None,
        score=100,
        why=("part of every nixpkgs",),
    )
    rest = tuple(p for p in found.providers if p is not known)
    return replace(found, providers=(first, *rest), rivals=())


def find_known(
    table: SonameTable,
    wanted: Iterable[tuple[str, str]],
    *,
    release: tuple[int, int] = NEWEST,
    carriers: bool = True,
    musl: bool = False,
) -> Mapping[tuple[str, str], Known]:
    """Ask every table about every soname.

    Args:
        table: the soname table.
        wanted: pairs of soname and machine type.
        release: of the user's nixpkgs, for the names of attributes.
        carriers: also ask which distributions carry them.
        musl: whether what wants them is linked with musl.

    Returns:
        By the same pairs. Attributes are those of the table's system, as nixpkgs names its packages alike on
        every machine type, without those that it lacks on this one.
    """
    pairs = tuple(wanted)
    sonames = sorted({soname for soname, _ in pairs})
    lookups = dict(zip(sonames, find_providers(table, sonames, release=release), strict=True))
    return {
        (soname, machine): Known(
            soname=soname,
            machine=machine,
            lookup=_fit_place(lookups[soname], machine, table, musl=musl),
            libc=find_libc(soname, machine),
            driver=find_driver(soname),
            carriers=find_distributions(soname) if carriers else (),
        )
        for soname, machine in pairs
    }


def _fit_place(lookup: Lookup, machine: str, table: SonameTable, *, musl: bool) -> Lookup:
    """Fit an answer to a machine; a nixpkgs that was asked for that very system has answered for it."""
    if machine == name_machine(table.info.system) and not musl:
        return lookup
    followed, place = table.attributes.followed, find_place(machine, musl=musl)
    if place is None or (followed and not followed.problem and followed.system == place):
        return lookup
    return fit_place(lookup, place, index=table.info.system)


def is_libc(soname: str, machine: str) -> bool:
    """Tell whether the C library of a machine owns a soname."""
    return find_libc(soname, machine) is not None


def find_fillers(directories: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return distributions known to fill a directory, by directory relative to site-packages."""
    return {d: names for d in directories if (names := find_by_directory(d))}


def expand_names(table: SonameTable, names: Iterable[str], *, regex: bool = False) -> tuple[str, ...]:
    """Expand names to sonames: patterns are looked up, paths are reduced to their last part.

    Args:
        table: where patterns are looked up.
        names: sonames, paths, globs, or regular expressions.
        regex: whether patterns are regular expressions.

    Raises:
        InputError: a regular expression is invalid.
    """
    found: dict[str, None] = {}
    for name in names:
        last = name if regex else name.rpartition("/")[2]
        if regex or set("*?[") & set(last):
            try:
                found |= dict.fromkeys(table.find_names(last, regex=regex))
            except re.error as error:
                raise InputError(
                    name, f"is no regular expression ({error})", "quote it, or leave --regex out"
                ) from None
        else:
            found[last] = None
    return tuple(found)


def append_non_providers(table: SonameTable, located: Located) -> Located:
    """Append the packages that have the file but are no providers."""
    known = {(p.attr, p.output) for p in located.providers}
    rest = tuple(p for p in table.find_all(located.name) if (p.attr, p.output) not in known)
    return replace(located, providers=(*located.providers, *rest))


def find_glibc(table: SonameTable) -> str | None:
    """Return the version of the C library in nixpkgs (``2.42``): of the user's, else of the newest known."""
    said = table.attributes.find(_GLIBC)
    if said and said.version:
        return said.version.partition("-")[0]
    (lookup,) = find_providers(table, ["libc.so.6"])
    versions = (p.version for p in lookup.providers if p.attr == _GLIBC and p.version)
    return next((version.partition("-")[0] for version in versions), None)


def find_default_python(table: SonameTable) -> str | None:
    """Return the version of ``python3`` in the index, by the library of the attribute of that name."""
    for name in table.find_names("libpython3.*.so.1.0"):
        (lookup,) = table.lookup([name])
        if any(provider.attr == "python3" for provider in lookup.providers):
            return name.removeprefix("libpython").partition(".so")[0]
    return None
