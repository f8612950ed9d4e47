"""What nixpkgs lacks on a machine is no answer there, and what an index says of another one is left out."""

from __future__ import annotations

import pytest

from wheelfix.index.choice import open_bundled
from wheelfix.index.lookup import find_known
from wheelfix.index.machines import Machines, find_place, is_lacking
from wheelfix.model.scan import Known
from wheelfix.model.system import list_linux_systems
from wheelfix.model.tables import load_table


def ask(soname: str, machine: str, *, musl: bool = False) -> Known:
    return find_known(open_bundled(), [(soname, machine)], musl=musl)[soname, machine]


@pytest.mark.parametrize(
    ("machine", "musl", "place"),
    [
        ("aarch64", False, "aarch64-linux"),
        ("x86_64", True, "x86_64-linux-musl"),
        ("ppc64le", False, "powerpc64le-linux"),
        ("loongarch64", False, "loongarch64-linux"),
        ("x32", False, None),
    ],
)
def test_places_are_named_as_nix_names_them(machine: str, musl: bool, place: str | None) -> None:
    assert find_place(machine, musl=musl) == place


def test_every_place_is_one_that_a_wheel_can_be_for() -> None:
    for place, known in load_table(Machines).places.items():
        assert place.removesuffix("-musl") in list_linux_systems()
        assert 0 < len(known.lacking) < known.asked


def test_what_is_lacking_on_a_machine_is_no_answer_there() -> None:
    usual = ask("libpsm2.so.2", "x86_64").lookup
    assert usual.providers[0].attr == "libpsm2"
    assert usual.providers[0].store_path
    other = ask("libpsm2.so.2", "aarch64").lookup
    assert "libpsm2" not in {provider.attr for provider in other.providers}
    assert [(one.attr, one.absent_on, one.usable) for one in other.gone] == [
        ("libpsm2", "aarch64-linux", False)
    ]


def test_a_package_is_lacking_under_its_name_in_a_python_set_too() -> None:
    usual = [one.attr for one in ask("libamd_smi.so", "x86_64").lookup.providers]
    assert usual == ["rocmPackages.amdsmi", "python314Packages.amdsmi"]
    other = ask("libamd_smi.so", "aarch64").lookup
    assert not other.providers
    assert {one.attr for one in other.gone} == set(usual)


def test_the_same_attribute_without_the_store_path_of_another_machine() -> None:
    usual, other = ask("libcups.so.2", "x86_64").lookup, ask("libcups.so.2", "aarch64").lookup
    assert other.providers[0].attr == usual.providers[0].attr == "cups"
    assert other.providers[0].store_path is None
    assert ask("libcups.so.2", "x86_64", musl=True).lookup.providers[0].store_path is None


def test_a_library_of_the_compiler_that_only_some_machines_have() -> None:
    for machine in ("x86_64", "i686", "ppc64le"):
        assert ask("libquadmath.so.0", machine).lookup.providers[0].attr == "stdenv.cc.cc.lib"
    assert not ask("libquadmath.so.0", "aarch64").lookup.providers
    assert ask("libgomp.so.1", "aarch64").lookup.providers[0].attr == "stdenv.cc.cc.lib"


def test_an_output_is_lacking_with_its_package() -> None:
    assert is_lacking("mkl", "aarch64-linux")
    assert is_lacking("mkl.out", "aarch64-linux")
    assert not is_lacking("zlib", "aarch64-linux")
    assert not is_lacking("mkl", "mips-linux")
