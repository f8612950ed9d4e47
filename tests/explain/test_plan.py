from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.objects import cause, elf, facts, wheel
from wheelfix.explain.model import (
    FRAMELESS,
    Account,
    Explanation,
    Interpreter,
    Package,
    Situation,
    Symptom,
    SymptomKind,
)
from wheelfix.explain.plan import LIBRARIES, choose_dialect, explain, find_soname, plan_command, plan_override
from wheelfix.explain.troubles.table import find_trouble
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.hints import OpeningKind
from wheelfix.model.index import IndexInfo
from wheelfix.model.override import Dialect
from wheelfix.model.scan import Held, Need, Opening, OpeningForm, WheelScan
from wheelfix.report.explain import say_missing
from wheelfix.scan.decide import decide
from wheelfix.scan.needs import NOBODY, find_cases, make_want

INDEX = IndexInfo(source="file", system="x86_64-linux", date=None, digest="", sonames=0, entries=0)
STORE = "/nix/store/00000000000000000000000000000000"


def explain_missing(
    *sonames: str, known: Sequence[Any] = (), symptoms: Sequence[Symptom] = (), **rest: Any
) -> Explanation:
    given = tuple(Symptom(kind=SymptomKind.MISSING, soname=s) for s in sonames)
    account = Account(symptoms=(*given, *symptoms))
    sonames = tuple(s.soname for s in account.symptoms if s.soname)
    by_name = {(fact.soname, fact.machine): fact for fact in known}
    cases = find_cases(NOBODY, [make_want(soname, "x86_64") for soname in sonames], by_name, {})
    decided = {c.want.soname: (c, t) for c, t in zip(cases, decide(cases), strict=True)}
    situation = Situation(package=rest.pop("package", Package(name="demo")))
    return explain(account, situation=situation, decided=decided, index=INDEX, **rest)


def scan(*needs: Need, build_inputs: Sequence[str] = ()) -> WheelScan:
    parsed = wheel()
    return WheelScan(
        target=parsed.target,
        name="demo",
        version="1.0",
        tags=parsed.tags,
        requires_dist=(),
        index=INDEX,
        machine="x86_64",
        objects=(elf("demo/x.so"),),
        needs=needs,
        openings=(),
        build_inputs=tuple(build_inputs),
        baseline_inputs=("zlib",),
        missed=(),
        findings=(),
    )


def need(soname: str, kind: NeedClass, *, machine: str = "x86_64", distribution: str | None = None) -> Need:
    providers = facts(soname, attrs=[f"{soname}-attr"]).lookup.providers
    return Need(
        soname=soname,
        machine=machine,
        need_class=kind,
        cause=cause(kind, soname, attrs=[f"{soname}-attr"], distribution=distribution),
        wanted_by=("demo/x.so",),
        providers=providers if kind is NeedClass.PROVIDED else (),
    )


@pytest.mark.parametrize(
    ("fact", "kind", "words"),
    [
        (facts("libz.so.1", attrs=["zlib"]), NeedClass.PROVIDED, "zlib has"),
        (facts("libx.so", driver="the driver"), NeedClass.DRIVER, "the driver"),
        (facts("libm.so.6", libc="glibc"), NeedClass.LIBC, "glibc"),
        (facts("libc.musl-x86_64.so.1", libc="musl"), NeedClass.LIBC, "Alpine"),
        (facts("libpython3.12.so.1.0"), NeedClass.PYTHON, "interpreter"),
        (facts("liba.so", attrs=["a", "b"], rivals=["a", "b"]), NeedClass.AMBIGUOUS, "--prefer"),
        (facts("libq.so.1", nearest=["libq.so.2"]), NeedClass.UNKNOWN, "libq.so.2"),
        (facts("libt.so", carriers=[("tee", "tee")]), NeedClass.SIBLING, "such as tee"),
        (facts("libtbb.so.12", attrs=["onetbb"], carriers=[("tbb", "..")]), NeedClass.PROVIDED, "onetbb"),
        (facts("libcublas.so.12", attrs=["cudaPackages.libcublas"], carriers=[("nvidia-cublas-cu12", "n")]),
         NeedClass.PROVIDED, "wheels bring it, too: nvidia-cublas-cu12"),
    ],
)  # fmt: skip
def test_classes(fact: Any, kind: NeedClass, words: str) -> None:
    (missing,) = explain_missing(fact.soname, known=[fact]).missing
    assert missing.need_class is kind
    assert words in say_missing(missing)


def test_answered() -> None:
    assert explain_missing("libz.so.1", known=[facts("libz.so.1", attrs=["zlib"])]).answered
    assert not explain_missing("libq.so.1", known=[facts("libq.so.1")]).answered
    assert not explain_missing().concerned


def test_the_cuda_of_the_others_decides_among_siblings() -> None:
    carriers = [(f"nvidia-cudnn-cu{n}", "nvidia/cudnn/lib") for n in (11, 12, 13)]
    known = [facts("libcudnn.so.9", carriers=carriers), facts("libcublas.so.12", attrs=["zlib"])]
    assert explain_missing("libcudnn.so.9", known=known).siblings == ("nvidia-cudnn-cu13",)
    assert explain_missing("libcudnn.so.9", "libcublas.so.12", known=known).siblings == ("nvidia-cudnn-cu12",)


def test_order_and_what_comes_next() -> None:
    needs = (
        need("libb.so", NeedClass.PROVIDED),
        need("libc.so.6", NeedClass.LIBC),
        need("libd.so", NeedClass.DRIVER),
        need("libfound.so", NeedClass.PROVIDED),
        need("libi.so", NeedClass.PROVIDED, machine="i686"),
        need("libs.so", NeedClass.SIBLING, distribution="sib"),
        need("libz.so", NeedClass.PROVIDED),
    )
    result = explain_missing(
        "libz.so",
        "liba.so",
        known=[facts("libz.so"), facts("liba.so", attrs=["a"])],
        scan=scan(*needs),
        present={"libfound.so": "/lib/libfound.so"},
    )
    assert [(m.soname, m.named) for m in result.missing] == [
        ("libz.so", True),
        ("liba.so", True),
        ("libb.so", False),
        ("libd.so", False),
        ("libs.so", False),
    ]
    assert result.build_inputs == ("a", "libb.so-attr", "libz.so-attr")
    assert result.ignore_missing == ("libd.so",)
    assert result.siblings == ("sib",)
    assert result.package == Package(name="demo", version="1.0")


def test_the_override_says_it_all() -> None:
    known = [
        facts("libz.so.1", attrs=["zlib"]),
        facts("libodbc.so.2", attrs=["unixodbc"]),
        facts("libcuda.so.1", driver="the driver"),
        facts("libs.so", carriers=[("sib", "sib/lib")]),
    ]
    result = explain_missing("libz.so.1", "libodbc.so.2", "libcuda.so.1", "libs.so", known=known)
    override = plan_override(result, ["zlib"])
    assert [(i.attr, i.reason, i.baseline) for i in override.inputs] == [
        ("unixodbc", "libodbc.so.2", False),
        ("zlib", "libz.so.1", False),
    ]
    assert [i.soname for i in override.ignored] == ["libcuda.so.1"]
    assert override.driver == ("libcuda.so.1",)
    assert [(s.distribution, s.directory, s.certain) for s in override.searches] == [
        ("sib", "sib/lib", False)
    ]
    assert override.hints == ()
    assert "in place of" in plan_override(explain_missing("libz.so.1", known=known, package=None)).hints[0]


def test_only_what_the_text_does_not_name_may_be_a_baseline_input() -> None:
    scanned = scan(need("libb.so", NeedClass.PROVIDED), need("libz.so", NeedClass.PROVIDED))
    result = explain_missing("libz.so", known=[facts("libz.so")], scan=scanned)
    override = plan_override(result, ["libb.so-attr", "libz.so-attr"])
    assert [(i.attr, i.baseline) for i in override.inputs] == [
        ("libb.so-attr", True),
        ("libz.so-attr", False),
    ]


OPENED = Symptom(
    kind=SymptomKind.NAMED,
    soname="libcairo.so",
    frame="/v/lib/python3.12/site-packages/demo/lib.py",
    line=7,
    call=OpeningKind.FIND_LIBRARY,
)
CAIRO = facts("libcairo.so", attrs=["cairo"])


def test_what_is_opened_by_name_gets_code_and_no_input() -> None:
    result = explain_missing(symptoms=[OPENED], known=[CAIRO])
    (missing,) = result.missing
    assert (missing.linked, [o.form for o in missing.openings]) == (False, [OpeningForm.SHIM])
    override = plan_override(result)
    assert (override.inputs, override.hints) == ((), ())
    assert override.shim is not None
    assert override.shim.modules == ("demo",)
    assert [(name, one.attr, one.path) for name, one in override.shim.libraries] == [
        ("libcairo.so", "cairo", "/lib/libcairo.so")
    ]
    shell = plan_override(result, dialect=Dialect.SHELL)
    assert [one.attr for one in shell.written] == ["cairo"]


def test_what_is_opened_in_a_place_that_is_not_told_gets_the_command_alone() -> None:
    result = explain_missing(symptoms=[replace(OPENED, frame=None)], known=[CAIRO], package=None)
    override = plan_override(result)
    assert (override.inputs, override.shim) == ((), None)
    assert plan_command(result, Dialect.UV2NIX, ()) == "wheelfix override --dialect uv2nix PACKAGE"
    shell = plan_override(result, dialect=Dialect.SHELL)
    assert [one.attr for one in shell.inputs] == ["cairo"]


def test_the_driver_is_not_ignored_where_it_is_opened_by_name() -> None:
    symptom = replace(OPENED, kind=SymptomKind.MISSING, soname="libcuda.so.1", call=OpeningKind.CTYPES)
    result = explain_missing(symptoms=[symptom], known=[facts("libcuda.so.1", driver="the driver")])
    override = plan_override(result)
    assert (result.ignore_missing, override.ignored, override.driver) == ((), (), ())
    assert override.shim is not None
    assert override.shim.libraries[0][1].path == "/run/opengl-driver/lib/libcuda.so.1"


def test_the_answer_of_an_opening_is_the_one_of_the_scan() -> None:
    found = Opening(
        file="demo/lib.py",
        kind=OpeningKind.CTYPES,
        names=("libcairo.so.3", "libcairo.so.2"),
        answered="libcairo.so.2",
        need_class=NeedClass.PROVIDED,
        cause=cause(NeedClass.PROVIDED, "libcairo.so.2", attrs=["other"]),
        providers=facts("libcairo.so.2", attrs=["other"]).lookup.providers,
        form=OpeningForm.RUN_PATH,
    )
    more = replace(found, names=("libnext.so",), answered="libnext.so")
    held = replace(
        more, names=("libheld.so",), answered="libheld.so", form=OpeningForm.NONE, held=Held.CARRIED
    )
    scanned = replace(scan(), openings=(found, held, more))
    result = explain_missing(symptoms=[OPENED], known=[CAIRO], scan=scanned, looked_into="demo")
    assert [(m.soname, m.named, m.linked) for m in result.missing] == [
        ("libcairo.so.2", True, False),
        ("libnext.so", False, False),
    ]
    assert result.build_inputs == ("other",)
    assert result.openings == scanned.openings
    assert plan_override(result).runpaths[0].attr == "other"
    assert plan_command(result, Dialect.UV2NIX, ()) is None


def test_a_library_that_is_linked_and_opened_is_an_input() -> None:
    opening = Opening(file="demo/lib.py", kind=OpeningKind.CTYPES, names=("libz.so",), answered="libz.so")
    scanned = replace(scan(need("libz.so", NeedClass.PROVIDED)), openings=(opening,))
    result = explain_missing("libz.so", known=[facts("libz.so")], scan=scanned)
    assert result.missing[0].linked
    assert result.missing[0].openings == (opening,)
    assert [one.attr for one in plan_override(result).inputs] == ["libz.so-attr"]


@pytest.mark.parametrize(
    ("dialect", "files", "package", "command"),
    [
        (Dialect.UV2NIX, (), Package(name="demo"), "wheelfix override --dialect uv2nix demo"),
        (Dialect.NIXPKGS, (), Package(name="demo", version="1.0"),
         "wheelfix override --dialect nixpkgs demo==1.0"),
        (Dialect.UV2NIX, ("uv.lock",), Package(name="demo"), "wheelfix lock uv.lock"),
        (Dialect.POETRY2NIX, ("poetry.lock",), None, "wheelfix lock poetry.lock --dialect poetry2nix"),
        (Dialect.NIXPKGS, ("uv.lock", ".venv"), None, "wheelfix override --dialect nixpkgs PACKAGE"),
        (Dialect.UV2NIX, (".venv",), None, "wheelfix override --dialect uv2nix .venv"),
        (Dialect.UV2NIX, (), Package(name="a;b c"), "wheelfix override --dialect uv2nix 'a;b c'"),
        (Dialect.SHELL, (), Package(name="demo"), None),
    ],
)  # fmt: skip
def test_the_command_that_writes_all(
    dialect: Dialect, files: Sequence[str], package: Package | None, command: str | None
) -> None:
    unsure = Symptom(kind=SymptomKind.MISSING, soname="libcairo.so", unsure=True)
    result = explain_missing(symptoms=[unsure], known=[CAIRO], package=package)
    assert plan_command(result, dialect, files) == command
    linked = explain_missing("libcairo.so", known=[CAIRO], package=package)
    assert plan_command(linked, dialect, files) is None


def test_dialect_without_lock_files() -> None:
    in_store = Package(name="x", site=f"{STORE}-x-1/lib/python3.12/site-packages")
    in_venv = Package(name="x", site="/v/lib/python3.12/site-packages", environment="/v")
    assert choose_dialect((), in_store) is Dialect.UV2NIX
    assert choose_dialect(("uv.lock",), in_store) is Dialect.UV2NIX
    assert choose_dialect((), in_venv) is Dialect.SHELL
    assert choose_dialect((), None) is Dialect.SHELL
    assert choose_dialect(("uv.lock", "flake.nix"), in_venv) is Dialect.UV2NIX


def test_soname_of_a_path() -> None:
    assert find_soname(Symptom(kind=SymptomKind.MISSING, soname="/usr/lib/libz.so.1")) == "libz.so.1"
    assert find_soname(Symptom(kind=SymptomKind.NO_LOADER)) is None


NAMING = {SymptomKind.NO_PROGRAM, SymptomKind.NO_PLACE, SymptomKind.NO_ELEMENT}
"""Kinds that are nothing without names."""


@pytest.mark.parametrize(
    "kind",
    [k for k in SymptomKind if k not in LIBRARIES | FRAMELESS | NAMING],
)
@pytest.mark.parametrize("filled", [True, False])
def test_every_trouble_has_words(kind: SymptomKind, filled: bool) -> None:
    symptom = Symptom(kind=kind)
    if filled:
        symptom = Symptom(
            kind=kind, soname="/x y/$(a).so", wanted_by="/b", version="GLIBC_2.99", symbol="s", module="m"
        )
    trouble = find_trouble(symptom, Situation(interpreter=Interpreter.UV, glibc="2.42"))
    assert trouble is not None
    assert trouble.kind is kind
    assert trouble.what.endswith(".")
    assert trouble.now
    for line in trouble.now:
        assert line.count("$(a)") == line.count("'/x y/$(a).so'")


def test_glibc_of_the_index_is_named_only_if_it_is_new_enough() -> None:
    def tell(version: str) -> str:
        symptom = Symptom(
            kind=SymptomKind.VERSION, soname=f"{STORE}-glibc-2.35/lib/libc.so.6", version=version,
                          wanted_by="/v/lib/python3.12/site-packages/x.so")  # fmt: skip
        trouble = find_trouble(symptom, Situation(glibc="2.40"))
        assert trouble is not None
        return " ".join(trouble.now)

    assert "has glibc 2.40" in tell("GLIBC_2.38")
    assert "has glibc" not in tell("GLIBC_2.41")
    assert "less than manylinux_2_38" in tell("GLIBC_2.38")
