"""R for rpy2: names as nixpkgs spells them, and what becomes of packages that are asked for."""

from __future__ import annotations

import pytest

from wheelfix.errors import InputError
from wheelfix.lock.r_packages import add_r_packages, check_r_packages, list_build_inputs, name_attr
from wheelfix.model.override import Adapter, Cuda, OpenedLibrary, Override, Shim, StripPlan
from wheelfix.model.scan import Level

R_HOME = OpenedLibrary(attr="R", path="/lib/R", reason="libR.so", why="so")


def make(name: str, *, variables: tuple[tuple[str, OpenedLibrary], ...] = ()) -> Override:
    shim = Shim(modules=("rpy2.situation",), variables=variables, sources=1) if variables else None
    return Override(name=name, version="1", target="x", tags=(), cuda=Cuda.WHEELS, shim=shim)


RPY2 = make("rpy2-rinterface", variables=(("R_HOME", R_HOME),))
OTHER = make("jpype1", variables=(("JAVA_HOME", R_HOME),))


@pytest.mark.parametrize(
    ("name", "attr"),
    [
        ("data.table", "data_table"),
        ("R.methodsS3", "R_methodsS3"),
        ("import", "r_import"),
        ("assert", "r_assert"),
        ("importr", "importr"),
        ("MASS", "MASS"),
        ("org.Hs.eg.db", "org_Hs_eg_db"),
    ],
)
def test_attributes_are_named_as_nixpkgs_script_names_them(name: str, attr: str) -> None:
    assert name_attr(name) == attr


def test_each_package_counts_once() -> None:
    assert check_r_packages(["xts", "data.table", "xts"], "--r") == ("data.table", "xts")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("data_table", "write data.table"),
        ("data.table; rm", "write the name"),
        ("", "write the name"),
        ("2x", "write the name"),
        ("x", "write the name"),
        ("x.", "write the name"),
        ("data.table\n", "write the name"),
        ("é.x", "write the name"),
    ],
)
def test_what_is_no_name_of_a_package_is_refused(name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        check_r_packages([name], "--r")
    assert caught.value.hint.startswith(hint)


def test_the_package_that_starts_r_gets_them_and_no_other_one() -> None:
    plan = add_r_packages(("data.table", "import"), [OTHER], [RPY2], [], possible=True)
    (built,) = plan.built
    assert built.shim
    assert built.shim.r_packages == ("data_table", "r_import")
    assert plan.overrides == (OTHER,)
    (told,) = plan.findings
    assert told.level is Level.NOTE
    assert "pkgs.rPackages.data_table, pkgs.rPackages.r_import" in told.message


def test_packages_of_r_itself_add_nothing() -> None:
    plan = add_r_packages(("stats", "utils"), [], [RPY2], [], possible=True)
    assert plan.built == (RPY2,)
    assert [f.level for f in plan.findings] == [Level.NOTE]


@pytest.mark.parametrize(
    ("adapters", "said"),
    [
        ((), "add rpy2 to the requirements"),
        (("numpy",), "add rpy2 to the requirements"),
        (("rpy2-rinterface",), "--provider rpy2-rinterface=sdist"),
    ],
)
def test_without_rpy2_they_are_left_out_and_that_is_an_error(adapters: tuple[str, ...], said: str) -> None:
    replaced = [
        Adapter(name=name, version="1", target="x", attr=(name,), strip=StripPlan()) for name in adapters
    ]
    plan = add_r_packages(("data.table",), [OTHER], [], replaced, possible=True)
    (told,) = plan.findings
    assert (told.level, plan.overrides) == (Level.ERROR, (OTHER,))
    assert said in told.message


def test_where_packages_have_no_shims_they_are_left_out() -> None:
    plan = add_r_packages(("data.table",), [RPY2], [], [], possible=False)
    assert plan.overrides == (RPY2,)
    assert [f.level for f in plan.findings] == [Level.WARNING]


def test_nothing_asked_is_nothing_told() -> None:
    assert add_r_packages((), [RPY2], [], [], possible=True).findings == ()


def test_only_a_build_of_rpy2_runs_r() -> None:
    tools, libraries = list_build_inputs("rpy2-rinterface")
    assert [one.attr for one in tools] == ["R"]
    assert "zlib" in [one.attr for one in libraries]
    assert list_build_inputs("numpy") == ((), ())
