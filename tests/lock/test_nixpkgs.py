"""Which kinds of source a package of nixpkgs is taken from, and what its extras bring."""

from __future__ import annotations

import pytest

from tests.lock.test_extension import make_source, make_wheel, need
from tests.support.facts import open_table, parse_requires
from wheelfix.lock.nixpkgs import (
    find_address,
    list_named,
    settle_dependencies,
    settle_kinds,
    tell_own,
    tell_set,
)
from wheelfix.lockfile.select import find_rule
from wheelfix.model.base import replace
from wheelfix.model.lock import Choice, ChoiceKind, LockedFile, LockedPackage, ProviderRule
from wheelfix.model.override import Form
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Level
from wheelfix.model.wheel import Distribution
from wheelfix.override.python_set import list_left, name_beside, spread_extras

WHEEL, SDIST, NIXPKGS = ChoiceKind.WHEEL, ChoiceKind.SDIST, ChoiceKind.NIXPKGS
DEFAULT = (ProviderRule(pattern="default", kinds=(WHEEL, SDIST)),)
FILE = LockedFile(filename="packaging-26.4.tar.gz", sha256="0" * 64)


def settle(
    package: LockedPackage, *rules: ProviderRule
) -> tuple[tuple[ChoiceKind, ...], list[tuple[Level, str]]]:
    settled, told = settle_kinds([package], (*rules, *DEFAULT), open_table().attributes)
    return find_rule(package.name, settled)[0], [(one.level, one.message) for one in told]


def test_what_nixpkgs_builds_packages_with_is_built_from_source() -> None:
    package = LockedPackage(name="packaging", version="26.4", sdist=FILE)
    assert settle(package) == ((SDIST, NIXPKGS), [])
    ((level, message),) = settle(replace(package, sdist=None))[1]
    assert (level, "has no sdist" in message) == (Level.WARNING, True)
    assert settle(LockedPackage(name="flit-core", version="3", sdist=FILE))[0] == (NIXPKGS,)
    wanted = ProviderRule(pattern="flit-core", kinds=(NIXPKGS,))
    assert settle(LockedPackage(name="flit-core", version="3"), wanted) == ((NIXPKGS,), [])
    assert settle(LockedPackage(name="setuptools", version="90")) == ((WHEEL, SDIST), [])


@pytest.mark.parametrize("name", ["lib", "pkgs", "python", "stdenv"])
def test_names_that_the_whole_set_uses_are_never_set(name: str) -> None:
    kinds, ((level, _),) = settle(LockedPackage(name=name, version="1"))
    assert (kinds, level) == ((NIXPKGS,), Level.ERROR)


def test_the_interpreter_is_no_package_of_its_set() -> None:
    known = open_table().attributes
    found = known.find_python("python3")
    assert found is None or found.removed  # a name that nixpkgs throws at
    assert known.find_python("python") is None
    wheels = [Distribution(target="", name="python3", version="1", tags=(), requires=(), files=frozenset())]
    assert name_beside(wheels, known) == {"python3": "python3"}
    choice = choose("lib", NIXPKGS, attr=("python312Packages", "lib"))
    assert tell_set([choice], (), known, Form.OVERLAY) == ()


def test_nixpkgs_first_takes_its_own_where_it_has_the_version() -> None:
    own = open_table().attributes.find_python("six")
    assert own is not None
    rule = ProviderRule(pattern="six", kinds=(NIXPKGS, WHEEL))
    assert settle(LockedPackage(name="six", version=own.version), rule)[0] == (NIXPKGS, WHEEL)
    assert settle(LockedPackage(name="six", version="1.0"), rule)[0] == (WHEEL,)
    alone = ProviderRule(pattern="six", kinds=(NIXPKGS,))
    assert settle(LockedPackage(name="six", version="1.0"), alone)[0] == (NIXPKGS,)


def choose(name: str, kind: ChoiceKind, url: str = "", attr: tuple[str, ...] = ()) -> Choice:
    file = LockedFile(filename="x.whl", sha256=None, url=url) if url else None
    return Choice(package=LockedPackage(name=name, version="1"), kind=kind, file=file, attr=attr)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (f"https://mirror.example/packages/0a/b1/{'c' * 60}/x.whl", ""),
        ("https://mirror.example/pypi/packages/py3/x/x/x.whl", ""),
        ("https://wheels.example/packages/x.whl", "https://wheels.example/packages/x.whl"),
        ("https://wheels.example/x.whl", "https://wheels.example/x.whl"),
        ("https://me:secret@wheels.example/x.whl", ""),
        ("file:///x.whl", ""),
        ("", ""),
    ],
)
def test_addresses_other_than_pypis_are_written(url: str, address: str) -> None:
    assert find_address(choose("x", WHEEL, url)) == address


def test_what_is_left_out_or_twice_is_told() -> None:
    known = open_table().attributes
    absent = choose("nobody-has-this", NIXPKGS, attr=("python312Packages", "nobody-has-this"))
    told = tell_set([absent, choose("six", SDIST), choose("opencv-python", WHEEL)], (), known, Form.FILE)
    assert [(one.level, one.subject) for one in told] == [
        (Level.ERROR, "nobody-has-this 1"),
        (Level.ERROR, "six 1"),
        (Level.NOTE, "opencv-python 1"),
    ]
    assert "nixpkgs' own stays" in told[1].message
    assert "opencv4" in told[2].message


def test_what_an_overlay_has_built_again_is_told() -> None:
    known, changed = open_table().attributes, [make_source("packaging", "26.4"), make_source("six", "2")]
    (told,) = tell_set((), changed, known, Form.OVERLAY)
    assert (told.level, told.subject) == (Level.NOTE, "packaging")
    assert "`--as python-overrides` leaves the rest" in told.message
    assert not tell_set((), changed, known, Form.OVERRIDES)
    assert not tell_set((), changed[1:], known, Form.OVERLAY)


def test_what_nixpkgs_has_already_is_one_finding() -> None:
    several = [make_wheel(name, "1", present="1.0") for name in "abcde"]
    (told,) = tell_own("uv.lock", [*several, make_wheel("fresh", "1")])
    assert (told.level, told.subject) == (Level.NOTE, "uv.lock")
    assert told.message.startswith("has a, b, c and 2 more, which are in nixpkgs already: `--as overlay`")
    assert not tell_own("uv.lock", [make_wheel("fresh", "1")])


def test_attributes_that_a_rule_names() -> None:
    rule = ProviderRule(pattern="six", kinds=(NIXPKGS,), attr="python312Packages.seven")
    choice = choose("six", NIXPKGS, attr=("python312Packages", "seven"))
    assert list_named([choice, choose("two", NIXPKGS, attr=("x", "two"))], (rule, *DEFAULT)) == (
        ("six", ("python312Packages", "seven")),
    )


def distribute(name: str, *requires: str) -> Distribution:
    tags = ["py3-none-any"]
    lines = parse_requires(list(requires), tags)
    return Distribution(
        target=name, name=name, version="1", tags=tuple(tags), requires=lines, files=frozenset()
    )


def test_extras_bring_what_the_lock_has_of_them() -> None:
    b = distribute("b", 'c; extra == "x"', 'b[y]; extra == "x"', 'a; extra == "y"', 'd; extra == "y"')
    beside = {"a": "a", "b": "b", "c": "c"}
    spread = spread_extras("a", [need("b", extras=("x",))], {"b": b, "c": distribute("c")}, beside)
    assert [(d.name, d.extras) for d in spread] == [("b", ()), ("c", ())]
    kept = [need("z", extras=("x",))]  # nixpkgs' own says what its extras bring
    assert spread_extras("a", kept, {"b": b}, beside) == tuple(kept)


def test_an_extra_that_leads_back_is_cut() -> None:
    overrides = (
        make_wheel("a", "1", need("b", extras=("x",))),
        make_wheel("b", "1"),
        make_wheel("c", "1", need("e")),
    )
    source = make_source("e", "1", need("b", extras=("x",)))
    reading = Reading(distribution=distribute("b", 'c; extra == "x"'), objects=())
    cut, (built,) = settle_dependencies(overrides, [source], [reading])
    left = {one.name: [d.name for d in list_left(one)] for one in cut}
    assert left == {"a": ["b", "c"], "b": [], "c": ["e"]}
    assert [(d.name, d.circular) for d in built.dependencies] == [("b", False), ("c", True)]


def test_two_distributions_never_get_one_attribute() -> None:
    known = open_table().attributes
    names = name_beside([distribute("gpg"), distribute("gpgme"), distribute("six")], known)
    assert len(set(names.values())) == 3
