"""Every table of the package: read by its class, and what its rows may say; whoever adds a row runs this."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations, pairwise, permutations
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import pytest
from packaging.utils import is_normalized_name

import wheelfix
from scripts.collect_policies import make_table
from wheelfix.elf.header import _name_machine
from wheelfix.index.baseline import Baseline
from wheelfix.index.canonical import Canonical, find_canonical
from wheelfix.index.choice import open_bundled
from wheelfix.index.cuda import Unfree
from wheelfix.index.dates import Provenance
from wheelfix.index.driver import Drivers, find_driver
from wheelfix.index.libc import Libcs
from wheelfix.index.lookup import Answers
from wheelfix.index.ranking import RankingLists
from wheelfix.index.releases import NEWEST, Renames, modernize, parse_release, translate
from wheelfix.index.siblings import Siblings
from wheelfix.lint.excerpt import Spellings, spell_attr
from wheelfix.model.base import field
from wheelfix.model.policies import Policies
from wheelfix.model.system import Systems
from wheelfix.model.tables import InOrder, Row, Soname, Table, load_table, parse_table, read_data
from wheelfix.override.carries import Groups
from wheelfix.pysource.opens import ForeignNames
from wheelfix.sdist.crates import BuildSystems, Crates
from wheelfix.wheel.foreign import OtherSystems

PACKAGE = Path(wheelfix.__file__).parent
NO_TABLES = {PACKAGE / "report" / "data" / "provenance.toml"}
"""Where a script of the HTML report is from: written and read by scripts/bundle_graph.py and its test."""

RULES = {
    "soname": re.compile(r"(?:lib|ld)[\w+-]+(?:\.[\w+-]+)*?\.so(?:\.\w+)*|ld\d*\.so\.\d", re.ASCII),
    "soname pattern": re.compile(r"lib[\w+*-]+(?:\.[\w+-]+)*?\.so(?:\.[\w*]+)*", re.ASCII),
    "attribute": re.compile(r"[A-Za-z_][\w'-]*(?:\.[A-Za-z_][\w'-]*)*", re.ASCII),
    "attribute prefix": re.compile(r"[A-Za-z_][\w'-]*(?:\.[A-Za-z_][\w'-]*)*\.?", re.ASCII),
    "release": re.compile(r"2\d\.(?:05|11)"),
}


def list_kinds() -> list[type[Table]]:
    """Every class of a table, of every module that declares one."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "(Table):" in path.read_text("utf-8"):
            name = ".".join(("wheelfix", *path.relative_to(PACKAGE).with_suffix("").parts))
            values = vars(importlib.import_module(name)).values()
            kinds = [v for v in values if isinstance(v, type) and issubclass(v, Table)]
            found += [kind for kind in kinds if kind.__module__ == name]
    return found


KINDS = list_kinds()
every_table = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def find_file(kind: type[Table]) -> Path:
    module = importlib.import_module(kind.__module__)
    assert module.__file__
    return Path(module.__file__).parent / "data" / kind.FILE


def read_document(kind: type[Table]) -> dict[str, Any]:
    """The file as it is, in its order."""
    text = find_file(kind).read_text("utf-8")
    if kind.FILE.endswith(".toml"):
        return tomllib.loads(text)

    def check(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), "a key is there twice"
        return dict(pairs)

    document: dict[str, Any] = json.loads(text, object_pairs_hook=check)
    return document


def test_every_file_has_a_table_and_every_table_a_file() -> None:
    files = {p for p in PACKAGE.rglob("*") if p.suffix in {".toml", ".json"} and p.parent.name == "data"}
    assert {find_file(kind) for kind in KINDS} == files - NO_TABLES
    assert len(KINDS) == len({find_file(kind) for kind in KINDS})
    assert files > NO_TABLES


@every_table
def test_it_is_read_and_says_where_it_is_from(kind: type[Table]) -> None:
    table = load_table(kind)
    assert table is load_table(kind)
    assert table.sources
    assert date.fromisoformat(table.date).isoformat() == table.date
    text = find_file(kind).read_text("utf-8")
    if kind.FILE.endswith(".json"):
        assert text == json.dumps(json.loads(text), indent=1) + "\n"
        assert any(" scripts/" in source for source in table.sources), "made by hand, and no TOML"
    else:
        head = text.partition("\n\n")[0]
        assert all(line.startswith("#") for line in head.splitlines())
        assert "\n# To add a row: " in head or "written by scripts/" in head
        assert all(len(line) <= 120 and line == line.rstrip() for line in text.splitlines())


@every_table
def test_rows_are_well_formed_and_sorted(kind: type[Table]) -> None:
    assert list(find_faults(read_document(kind), kind, kind.FILE)) == []


def find_faults(value: Any, hint: Any, place: str) -> Iterator[str]:
    """What is wrong with a value, as the file has it, by the type of its field with its notes."""
    notes: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        notes = tuple(rest)
    if hint is str:
        yield from find_faults_of_text(value, notes[0] if notes else "", place)
        return
    if isinstance(value, list | dict) and get_origin(hint):
        items = list(value)
        if "in order" not in notes and items != sorted(items):
            yield f"{place}: is not sorted"
        if any(items.count(item) > 1 for item in items):
            yield f"{place}: says something twice"
    for inner, inner_hint, name in list_parts(value, hint):
        yield from find_faults(inner, inner_hint, f"{place}{name}")


def list_parts(value: Any, hint: Any) -> Iterator[tuple[Any, Any, str]]:
    """The values inside of one, with their types and places."""
    if isinstance(hint, type) and issubclass(hint, Row):
        for name, inner in get_type_hints(hint, include_extras=True).items():
            key = name.replace("_", "-")
            if get_origin(inner) is not ClassVar and key in value:
                yield value[key], inner, f".{key}"
    elif get_origin(hint) in {tuple, frozenset}:
        for number, item in enumerate(value):
            yield item, get_args(hint)[0], f"[{number}]"
    elif get_origin(hint) is dict:
        for key, item in value.items():
            yield key, get_args(hint)[0], f".{key}"
            yield item, get_args(hint)[1], f".{key}"
    else:
        assert hint in {int, bool} or get_origin(hint) is Literal, hint


def find_faults_of_text(text: str, rule: str, place: str) -> Iterator[str]:
    if not text.isprintable() or text != text.strip():
        yield f"{place}: has blanks around it, or control characters"
    if rule == "distribution":
        fits = is_normalized_name(text)
    else:
        fits = rule == "" or RULES[rule].fullmatch(text) is not None
    if not fits:
        yield f"{place}: is no {rule}"


class Small(Table):
    """A table that has a bit of everything."""

    FILE = "small.toml"

    names: frozenset[Soname] = frozenset()
    rows: InOrder[Row] = ()
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)


GOOD = 'sources = ["x"]\ndate = "2026-11-28"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('date = "2026-11-28"\n', "^sources: is missing"),
        (f'{GOOD}else = "x"\n', "^else: is not known"),
        (f"{GOOD}names = [1]\n", r"^names\[0\]: is not text"),
        (f'{GOOD}names = "libx.so"\n', "^names: is not a list"),
        (f'{GOOD}[[rows]]\nname = "x"\n', r"^rows\[0\]\.name: is not known"),
        (f'{GOOD}names = ["liba.so", "libb.so", "liba.so"]\n', r"^names: has liba\.so twice"),
        (f'{GOOD}[attributes]\na = ["b", "b"]\n', r"^attributes\.a: has b twice"),
        (f'{GOOD}[attributes]\na = ["b"]\na = ["c"]\n', "overwrite"),
        (f"{GOOD}names = [\n", "at end of document"),
    ],
)
def test_what_a_reader_would_lose_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_table(text.encode(), Small)


def test_a_good_table_is_read() -> None:
    table = parse_table(f'{GOOD}names = ["liba.so"]\n[attributes]\na = ["b"]\n'.encode(), Small)
    assert table.names == {"liba.so"}
    assert table.attributes == {"a": ("b",)}


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"small\.toml"):
        load_table(Small)
    with pytest.raises(FileNotFoundError, match=r"nothing\.toml"):
        read_data("wheelfix.model.tables", "nothing.toml")


@pytest.mark.parametrize(
    ("value", "hint", "fault"),
    [
        (["b.so", "a.so"], tuple[str, ...], "is not sorted"),
        (["libz.so.1", "z.so"], tuple[Soname, ...], "is no soname"),
        ({"b": "", "a": ""}, dict[str, str], "is not sorted"),
        (["x", "x"], InOrder[str], "twice"),
        (" x", str, "blanks"),
        ("Py_Arrow", Annotated[str, "distribution"], "is no distribution"),
        ("a..b", Annotated[str, "attribute"], "is no attribute"),
        ("26.06", Annotated[str, "release"], "is no release"),
    ],
)
def test_the_rules_find_faults(value: object, hint: object, fault: str) -> None:
    assert any(fault in found for found in find_faults(value, hint, "x"))


def find_repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def find_covered(prefixes: Iterable[str]) -> set[tuple[str, str]]:
    """Prefixes that another one makes idle."""
    return {(one, other) for one, other in permutations(prefixes, 2) if one.startswith(other)}


def test_a_soname_has_one_owner() -> None:
    """The owners are asked one after the other: a row that an earlier one answers would never be seen."""
    answers, unfree, libcs = load_table(Answers), load_table(Unfree), load_table(Libcs)
    owners = {
        "right by definition": set(answers.attributes),
        "elsewhere": set(answers.elsewhere),
        "renamed": set(answers.renamed),
        "unfree": {s for p in unfree.cuda.values() for names in p.sonames.values() for s in names}
        | {s for p in unfree.other.values() for s in p.sonames},
        "libc": libcs.glibc.union(*(machine.glibc for machine in libcs.machines.values())),
        "driver": list_driver_sonames(),
    }
    assert {s for s in owners["driver"] if find_driver(s) is None} == set()
    for one, other in combinations(owners, 2):
        assert owners[one] & owners[other] == set(), (one, other)
    assert {renamed.soname for renamed in answers.renamed.values()}.isdisjoint(owners["renamed"])
    for soname, place in answers.elsewhere.items():
        assert re.fullmatch(rf"/lib/.+/{re.escape(soname)}", place.path)


def list_driver_sonames() -> set[str]:
    table = load_table(Drivers)
    stems = [stem for stems in table.nvidia.values() for stem in stems]
    assert find_repeated(stems) == set(), "listed for two uses"
    assert all(re.fullmatch(r"lib[\w-]+", stem) for stem in stems)
    majors = {m for stems in table.nvidia.values() for majors in stems.values() for m in majors}
    assert all(major.isdigit() for major in majors)
    versions = {f"{s}.so.{m}" for stems in table.nvidia.values() for s, ms in stems.items() for m in ms}
    return {*table.windows, *versions, *(f"{stem}.so" for stem in stems)}


def test_machines_are_those_of_elf_files() -> None:
    table = load_table(Libcs)
    known = {_name_machine(n, bits, order) for n in range(300) for bits in (32, 64) for order in "<>"}
    assert set(table.machines) <= known
    for machine in table.machines.values():
        assert machine.glibc.isdisjoint(table.glibc), "said for every machine"
        assert all(re.fullmatch(r"\w+", arch) for arch in machine.musl)


def test_renamed_attributes_go_both_ways() -> None:
    table = load_table(Renames)
    renamed = [(new, old, release) for release, rows in table.renamed.items() for new, old in rows.items()]
    split = [(new, old, release) for release, rows in table.split.items() for new, old in rows.items()]
    assert find_repeated(new for new, *_ in (*renamed, *split)) == set()
    assert find_repeated([*(old for _, old, _ in renamed), *table.former]) == set()
    for new, old, release in renamed:
        assert (modernize(old), modernize(new)) == (new, new)
        assert translate(new, parse_release(release)) == translate(new, NEWEST) == new
        assert translate(new, (0, 0)) == old
    for new, old, release in split:
        assert (modernize(old), modernize(new)) == (old, new), "a split-off package is none of its old name"
        assert translate(new, parse_release(release)) == new
        assert translate(new, (0, 0)) == old
    for old in table.former:
        assert modernize(modernize(old)) == modernize(old) != old


def test_what_leads_to_one_attribute_by_two_tables_leads_to_the_same() -> None:
    spellings, canonical, renames = load_table(Spellings), load_table(Canonical), load_table(Renames)
    older = {old: new for rows in renames.renamed.values() for new, old in rows.items()}
    for rows in (spellings.same, canonical.attributes, canonical.outputs, renames.former, older):
        for name, meant in rows.items():
            assert spell_attr(name) == spell_attr(meant) == spell_attr(spell_attr(meant)), name
    for name in spellings.side_by_side:
        assert modernize(name) != name, "nobody would be told to change it"
    assert all(one.endswith(".") and other.endswith(".") for one, other in spellings.sets.items())
    assert find_covered(spellings.sets) == set()


def test_recorded_attributes_are_none_that_experts_write() -> None:
    table = load_table(Canonical)
    for attr in (*table.attributes.values(), *table.outputs.values()):
        assert find_canonical(attr, "x", frozenset()) == table.outputs.get(attr, attr)
    assert set(table.sets).isdisjoint(table.sets.values())
    assert table.thieves.isdisjoint(table.sets)


def test_lists_of_the_ranking_have_no_idle_row() -> None:
    table = load_table(RankingLists)
    assert find_covered(table.bad_sets) == find_covered(table.unread_sets) == set()
    for name, cost in table.good_sets.items():
        assert -20 < cost <= 0, "worse than a set that nobody knows"
        assert not name.startswith((*table.bad_sets, *table.unread_sets))
    assert set(table.stand_ins).isdisjoint(table.good_sets)
    assert all(re.fullmatch(r"[a-z-]+", word) for word in table.variants)
    assert find_covered(table.variants) == set(), "the first of them in the list would match"


def test_baselines_are_ordered_by_inclusion() -> None:
    lists = load_table(Baseline).lists
    assert find_covered(tag for one in lists.values() for tag in one.tags) == set()
    by_size = sorted((one.inputs for one in lists.values()), key=len)
    assert all(small < large for small, large in pairwise(by_size))
    index = open_bundled()
    assert {attr for attr in by_size[-1] if not index.has_attr(attr)} == set()


def test_cuda_sets_are_named_by_their_version() -> None:
    table = load_table(Unfree)
    versions = [one.version for one in table.sets]
    assert find_repeated(versions) == set()
    assert table.sets[0].attr == "cudaPackages"
    for one in table.sets[1:]:
        assert one.attr == f"cudaPackages_{one.version}"
    for attr, package in table.cuda.items():
        assert package.sonames, attr
        assert set(package.sonames) <= set(versions), attr
    for version in versions:
        assert find_repeated(s for p in table.cuda.values() for s in p.sonames.get(version, ())) == set()
    assert find_repeated(s for p in table.other.values() for s in p.sonames) == set()


def test_directories_of_siblings_are_relative() -> None:
    for distribution, directories in load_table(Siblings).distributions.items():
        assert directories, distribution
        for directory, sonames in directories.items():
            assert sonames
            assert directory == directory.strip("/")


def test_a_distribution_is_in_one_group() -> None:
    groups = load_table(Groups).groups.values()
    names = [f"{name}{edition}" for one in groups for name in one.names for edition in one.editions]
    assert find_repeated(names) == set()
    assert all(is_normalized_name(name) for name in names)


def test_build_systems_require_others() -> None:
    for name, requires in load_table(BuildSystems).requires.items():
        assert requires, name
        assert name not in requires


def test_rules_of_crates_say_something() -> None:
    for rule in load_table(Crates).rules:
        assert rule.libraries or rule.tools or rule.problem, rule.crate
        assert not set(rule.when) & set(rule.unless), rule.crate


def test_one_format_and_one_system_fits() -> None:
    table = load_table(OtherSystems)
    magics = [magic for one in table.formats.values() for magic in one.magics]
    assert find_repeated(magics) == set()
    assert find_covered(magics) == find_covered(table.platforms) == set()
    assert all(bytes.fromhex(magic).hex() == magic for magic in magics)
    assert {one.system for one in table.formats.values()} <= set(table.platforms.values())


def test_libraries_of_other_systems_have_no_extension() -> None:
    assert all(re.fullmatch(r"\w+", name) for name in load_table(ForeignNames).names)


def test_systems_are_machine_and_kernel() -> None:
    assert all(re.fullmatch(r"\w+-[a-z]+", name) for name in load_table(Systems).names)


def test_provenance_names_a_digest() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", load_table(Provenance).digest)


def test_policies_are_those_of_auditwheel() -> None:
    table = load_table(Policies)
    known = {name for series in (table.manylinux, table.musllinux) for name in series.policies}
    made = make_table()
    theirs = {name for series in ("manylinux", "musllinux") for name in made[series]["policies"]}
    assert known <= theirs  # a newer auditwheel has more of them
    if table.release == made["release"]:
        assert read_document(Policies) == {**made, "date": table.date}
