from __future__ import annotations

from tests.support.objects import elf
from wheelfix.scan.loader import Loader


def test_runpath_leads_to_a_member() -> None:
    user = elf("a/x.so", needed=["liby.so.1"], runpath=["/nowhere", "$ORIGIN/../a.libs"])
    found = Loader([user, elf("a.libs/liby.so.1")]).find(user, "liby.so.1")
    assert found is not None
    assert (found.path, found.via) == ("a.libs/liby.so.1", "$ORIGIN/../a.libs")


def test_a_member_without_a_path_to_it_has_to_be_loaded_first() -> None:
    user = elf("a/x.so", needed=["liby.so.1"])
    found = Loader([user, elf("b/y-renamed.so", soname="liby.so.1")]).find(user, "liby.so.1")
    assert found is not None
    assert (found.path, found.via) == ("b/y-renamed.so", None)


def test_of_several_copies_the_one_with_the_name_carries_the_soname() -> None:
    # Wheels cannot hold links: tbb has libtbbmalloc.so, libtbbmalloc.so.2 and libtbbmalloc.so.2.13.
    user = elf("a/x.so", needed=["liby.so.2"])
    copies = [elf(f"lib/{name}", soname="liby.so.2") for name in ("liby.so", "liby.so.2", "liby.so.2.13")]
    found = Loader([user, *copies]).find(user, "liby.so.2")
    assert found is not None
    assert found.path == "lib/liby.so.2"


def test_rpath_is_inherited_by_what_is_loaded() -> None:
    parent = elf("a/x.so", needed=["liby.so.1"], rpath=["$ORIGIN/../a.libs"])
    child = elf("a.libs/liby.so.1", needed=["libz.so.1"])
    deep = elf("a.libs/libz.so.1")
    found = Loader([parent, child, deep]).find(child, "libz.so.1")
    assert found is not None
    assert found.inherited_from == "a/x.so"


def test_runpath_is_not_inherited() -> None:
    parent = elf("a/x.so", needed=["liby.so.1"], runpath=["$ORIGIN/../a.libs"])
    child = elf("a.libs/liby.so.1", needed=["libz.so.1"])
    found = Loader([parent, child, elf("a.libs/libz.so.1")]).find(child, "libz.so.1")
    assert found is not None
    assert found.via is None


def test_runpath_switches_the_inherited_rpath_off() -> None:
    parent = elf("a/x.so", needed=["liby.so.1"], rpath=["$ORIGIN/../a.libs"])
    child = elf("a.libs/liby.so.1", needed=["libz.so.1"], runpath=["/elsewhere"])
    found = Loader([parent, child, elf("a.libs/libz.so.1")]).find(child, "libz.so.1")
    assert found is not None
    assert found.via is None


def test_musl_inherits_either_run_path() -> None:
    libc = "libc.musl-x86_64.so.1"
    parent = elf("a/x.so", needed=[libc, "liby.so.1"], runpath=["$ORIGIN/../a.libs"])
    child = elf("a.libs/liby.so.1", needed=[libc, "libz.so.1"], runpath=["/elsewhere"])
    found = Loader([parent, child, elf("a.libs/libz.so.1")]).find(child, "libz.so.1")
    assert found is not None
    assert found.inherited_from == "a/x.so"


def test_another_machine_is_no_answer() -> None:
    user = elf("a/x.so", needed=["liby.so.1"], runpath=["$ORIGIN"])
    assert Loader([user, elf("a/liby.so.1", machine="aarch64")]).find(user, "liby.so.1") is None


def test_a_program_of_that_name_is_no_answer() -> None:
    user = elf("a/x.so", needed=["node"])
    assert Loader([user, elf("bin/node", interpreter="/lib/ld.so")]).find(user, "node") is None


def test_members_that_load_each_other_end() -> None:
    one = elf("a/one.so", needed=["two.so", "gone.so"], rpath=["$ORIGIN"])
    two = elf("a/two.so", needed=["one.so"])
    assert Loader([one, two]).find(two, "gone.so") is None


def test_data_scheme_is_reached_from_site_packages() -> None:
    user = elf("gmsh/x.so", needed=["libgmsh.so.4"], rpath=["$ORIGIN/../../../../lib"])
    found = Loader([user, elf("gmsh-4.data/data/lib/libgmsh.so.4")]).find(user, "libgmsh.so.4")
    assert found is not None
    assert found.via == "$ORIGIN/../../../../lib"
