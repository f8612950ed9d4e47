"""Platform tags held against auditwheel's policies, and files against nixpkgs' glibc."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import wheelfix
from tests.support.elf import build_elf
from tests.support.objects import cause, elf
from tests.support.wheel import build_wheel
from wheelfix.index.baseline import find_baseline
from wheelfix.index.choice import open_bundled
from wheelfix.index.lookup import find_providers
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass, OfLibc
from wheelfix.model.elf import ElfObject, ElfTraits, VersionNeed
from wheelfix.model.index import NixpkgsInfo
from wheelfix.model.policies import BreachKind, Policies, TagCheck, TagState
from wheelfix.model.scan import Level, Need, find_warnings
from wheelfix.model.tables import load_table
from wheelfix.scan.policies import check_tags, tell_broken, tell_too_new

NIXPKGS = NixpkgsInfo(
    source="bundled",
    release="26.11",
    system="x86_64-linux",
    python="3.13.1",
    revision=None,
    date="2026-07-14",
)


def asking(*versions: str, of: str = "libc.so.6", path: str = "x.so", machine: str = "x86_64") -> ElfObject:
    asked = [VersionNeed(soname=of, versions=tuple(sorted(versions)))]
    return elf(path, needed=[of], versions=asked, machine=machine)


def needing(*sonames: str, path: str = "x.so", private: Sequence[str] | None = ()) -> ElfObject:
    obj = elf(path, needed=sonames)
    return replace(obj, private=None if private is None else tuple(private))


def classify(objects: Sequence[ElfObject], **classes: NeedClass) -> list[Need]:
    """Needs of objects; a soname's class is given by its letters before ``.so``, ``libc`` by default."""
    pairs = sorted({(soname, obj.machine) for obj in objects for soname in obj.needed})
    found = []
    for soname, machine in pairs:
        kind = classes.get(soname.partition(".so")[0].rstrip("+"), NeedClass.LIBC)
        why = OfLibc(libc="musl" if "musl" in soname else "glibc")
        found.append(
            Need(
                soname=soname,
                machine=machine,
                need_class=kind,
                cause=why if kind is NeedClass.LIBC else cause(kind, soname),
                wanted_by=tuple(obj.path for obj in objects if soname in obj.needed),
            )
        )
    return found


def check(tag: str, *objects: ElfObject, traits: Sequence[ElfTraits] = (), **classes: NeedClass) -> TagCheck:
    (found,) = check_tags([f"cp312-cp312-{tag}"], objects, classify(objects, **classes), traits)
    assert found.tag == tag
    return found


def name_breaches(found: TagCheck) -> list[str]:
    return [breach.name for breach in found.breaches]


@pytest.mark.parametrize(
    ("tag", "policy"),
    [
        ("manylinux1_x86_64", "manylinux_2_5"),
        ("manylinux2010_x86_64", "manylinux_2_12"),
        ("manylinux2014_x86_64", "manylinux_2_17"),
        ("manylinux_2_28_x86_64", "manylinux_2_28"),
        ("manylinux_2_33_x86_64", "manylinux_2_31"),
        ("manylinux_2_60_x86_64", "manylinux_2_41"),
    ],
)
def test_a_tag_that_holds_with_the_policy_before_it(tag: str, policy: str) -> None:
    found = check(tag, asking("GLIBC_2.2.5", "GLIBC_2.5"))
    assert (found.state, found.policy, found.breaches) == (TagState.HOLDS, policy, ())
    assert found.fitting == ("manylinux_2_5_x86_64", "manylinux1_x86_64")


def test_a_version_that_the_policy_lacks_with_its_files() -> None:
    found = check("manylinux2014_x86_64", asking("GLIBC_2.34"), asking("GLIBC_2.34", path="a.so"))
    assert found.state is TagState.BROKEN
    (breach,) = found.breaches
    assert (breach.kind, breach.name, breach.soname) == (BreachKind.VERSION, "GLIBC_2.34", "libc.so.6")
    assert breach.files == ("a.so", "x.so")
    assert found.fitting == ("manylinux_2_34_x86_64",)


def test_each_tag_of_a_file_name_has_its_own() -> None:
    objects = [asking("GLIBC_2.16")]
    tags = ["cp312-cp312-manylinux1_x86_64", "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-linux_x86_64"]
    found = check_tags([*tags, "cp312-cp312-macosx_11_0_arm64"], objects, classify(objects), ())
    assert [(one.tag, one.state.value) for one in found] == [
        ("linux_x86_64", "no-promise"),
        ("macosx_11_0_arm64", "other-system"),
        ("manylinux1_x86_64", "broken"),
        ("manylinux_2_17_x86_64", "holds"),
    ]


def test_versions_differ_by_machine() -> None:
    assert check("manylinux_2_17_aarch64", asking("GLIBC_2.18", machine="aarch64")).state is TagState.HOLDS
    assert check("manylinux_2_17_x86_64", asking("GLIBC_2.18")).state is TagState.BROKEN
    # A file for another machine says nothing of this tag.
    other = asking("GLIBC_2.34", path="y.so", machine="aarch64")
    assert check("manylinux_2_17_x86_64", asking("GLIBC_2.5"), other).state is TagState.HOLDS
    assert check("manylinux_2_17_s390x", other).state is TagState.NO_FILES


def test_a_library_beyond_the_policy() -> None:
    objects = [needing("libc.so.6", "libX11.so.6", "libxcb.so.1", "libown.so", "libcuda.so.1", "libsib.so")]
    found = check(
        "manylinux_2_28_x86_64",
        *objects,
        libX11=NeedClass.PROVIDED,
        libxcb=NeedClass.PROVIDED,
        libown=NeedClass.BUNDLED,
        libcuda=NeedClass.DRIVER,
        libsib=NeedClass.SIBLING,
    )
    assert [(b.kind, b.name) for b in found.breaches] == [(BreachKind.LIBRARY, "libxcb.so.1")]
    assert found.fitting == ()
    expat = [needing("libexpat.so.1")]
    assert check("manylinux1_x86_64", *expat, libexpat=NeedClass.PROVIDED).fitting == (
        "manylinux_2_12_x86_64",
        "manylinux2010_x86_64",
    )


def test_versions_of_a_library_that_the_wheel_has_are_its_own_matter() -> None:
    objects = [asking("GLIBCXX_3.4.33", of="libstdc++.so.6")]
    held = check("manylinux_2_17_x86_64", *objects, libstdc=NeedClass.BUNDLED)
    broken = check("manylinux_2_17_x86_64", *objects, libstdc=NeedClass.PROVIDED)
    assert (held.state, broken.state) == (TagState.HOLDS, TagState.BROKEN)
    assert broken.fitting == ("manylinux_2_39_x86_64",)


def test_private_symbols_until_a_policy_has_them() -> None:
    zlib = needing("libz.so.1", private=["fill_window", "z_errmsg"])
    found = check("manylinux_2_17_x86_64", zlib, libz=NeedClass.PROVIDED)
    assert [(b.kind, b.soname, b.name) for b in found.breaches] == [
        (BreachKind.SYMBOL, "libz.so.1", "fill_window"),
        (BreachKind.SYMBOL, "libz.so.1", "z_errmsg"),
    ]
    assert name_breaches(check("manylinux_2_36_x86_64", zlib, libz=NeedClass.PROVIDED)) == ["z_errmsg"]
    assert check("manylinux_2_17_x86_64", zlib, libz=NeedClass.BUNDLED).state is TagState.HOLDS


def test_what_could_not_be_read_is_never_said_to_hold() -> None:
    assert check("manylinux_2_17_x86_64", needing("libc.so.6", private=None)).state is TagState.UNREAD
    broken = replace(asking("GLIBC_2.34"), private=None)
    assert check("manylinux_2_17_x86_64", broken).state is TagState.BROKEN


def test_the_level_of_the_processor() -> None:
    traits = [ElfTraits(path="x.so", machine="x86_64", isa=isa) for isa in ("x86-64-baseline", "x86-64-v3")]
    found = check("manylinux_2_28_x86_64", asking("GLIBC_2.5"), traits=traits)
    assert [(b.kind, b.name) for b in found.breaches] == [(BreachKind.PROCESSOR, "x86-64-v3")]
    assert list(tell_broken([found], "x.whl")) == []  # a finding of its own tells it


@pytest.mark.parametrize(
    ("version", "soname", "state"),
    [
        ("GLIBC_2.33", "libc.so.6", "holds"),
        ("GLIBC_2.34", "libc.so.6", "broken"),
        ("GLIBCXX_3.4.28", "libstdc++.so.6", "holds"),  # as of 2.31
        ("GLIBCXX_3.4.29", "libstdc++.so.6", "between"),  # as of 2.34
        ("GLIBCXX_3.4.30", "libstdc++.so.6", "broken"),  # as of 2.35
        ("GLIBC_PRIVATE", "libc.so.6", "broken"),
    ],
)
def test_a_tag_between_two_policies(version: str, soname: str, state: str) -> None:
    objects = [asking(version, of=soname)]
    found = check("manylinux_2_33_x86_64", *objects, libstdc=NeedClass.PROVIDED)
    assert found.state.value == state
    assert bool(found.breaches) is (state != "holds")


@pytest.mark.parametrize(
    ("tag", "version", "state"),
    [
        ("manylinux_2_44_x86_64", "GLIBC_2.44", "holds"),
        ("manylinux_2_44_x86_64", "GLIBC_2.45", "broken"),
        ("manylinux_2_44_x86_64", "GLIBCXX_3.4.40", "no-policy"),
        ("manylinux_2_4_x86_64", "GLIBC_2.3", "no-policy"),
        ("manylinux_2_4_x86_64", "GLIBC_2.5", "broken"),
        ("manylinux3000_x86_64", "GLIBC_2.5", "no-policy"),
    ],
)
def test_a_tag_beyond_all_policies(tag: str, version: str, state: str) -> None:
    assert check(tag, asking(version)).state.value == state


def test_musl() -> None:
    own = elf("x.so", needed=["libc.musl-x86_64.so.1"])
    assert check("musllinux_1_2_x86_64", own).state is TagState.HOLDS
    assert check("musllinux_1_2_x86_64", own).fitting == ("musllinux_1_1_x86_64",)
    assert name_breaches(check("musllinux_1_2_x86_64", asking("GLIBC_2.5"))) == ["libc.so.6"]
    assert name_breaches(check("manylinux_2_28_x86_64", own)) == ["libc.musl-x86_64.so.1"]


def test_one_finding_for_all_tags_that_the_same_breaks() -> None:
    objects = [asking("GLIBC_2.34", "GLIBC_2.33"), asking("GLIBC_2.34", path="y.so")]
    tags = ["a-b-manylinux2014_x86_64", "a-b-manylinux_2_17_x86_64"]
    (finding,) = tell_broken(check_tags(tags, objects, classify(objects), ()), "x.whl")
    assert (finding.level, finding.subject) == (Level.WARNING, "x.whl")
    assert finding.message == (
        "does not do what its tags manylinux2014_x86_64 and manylinux_2_17_x86_64 promise: asks for "
        "GLIBC_2.34 (x.so and 1 more); manylinux_2_34_x86_64 would hold, and "
        "older systems may refuse to load it"
    )


def test_tags_are_told_in_the_order_of_what_they_promise() -> None:
    objects = [asking("GLIBC_2.34")]
    tags = [f"a-b-manylinux_2_{minor}_x86_64" for minor in (17, 5, 12)]
    (finding,) = tell_broken(check_tags(tags, objects, classify(objects), ()), "x.whl")
    assert (
        "tags manylinux_2_5_x86_64, manylinux_2_12_x86_64 and manylinux_2_17_x86_64 promise"
        in finding.message
    )


def test_libraries_alone_are_a_note() -> None:
    tags = ("manylinux_2_24_x86_64", "manylinux_2_28_x86_64")
    found = [check(tag, needing("libxcb.so.1"), libxcb=NeedClass.PROVIDED) for tag in tags]
    (finding,) = tell_broken(found, "x.whl")
    assert finding.level is Level.NOTE
    assert "its tags manylinux_2_24_x86_64 and manylinux_2_28_x86_64 promise" in finding.message
    assert finding.message.endswith("asks for other libraries (libxcb.so.1)")


def test_a_glibc_that_nixpkgs_does_not_have_yet() -> None:
    objects = [asking("GLIBC_2.43"), asking("GLIBC_2.43", path="y.so", machine="aarch64")]
    needs = classify(objects)
    (finding,) = tell_too_new(objects, needs, "x86_64", "2.42", NIXPKGS)
    assert (finding.level, finding.subject) == (Level.ERROR, "x.so")
    assert "asks for GLIBC_2.43, and nixpkgs 26.11 of 2026-07-14 has glibc 2.42" in finding.message
    assert list(tell_too_new(objects, needs, "x86_64", "2.43", NIXPKGS)) == []
    assert list(tell_too_new(objects, needs, "x86_64", None, NIXPKGS)) == []


def test_a_weak_version_hinders_nobody() -> None:
    weak = VersionNeed(soname="libc.so.6", versions=("GLIBC_2.43",), weak=("GLIBC_2.43",))
    objects = [elf("x.so", needed=["libc.so.6"], versions=[weak])]
    assert list(tell_too_new(objects, classify(objects), "x86_64", "2.42", NIXPKGS)) == []


def test_a_real_wheel_with_private_symbols_of_zlib(tmp_path: Path) -> None:
    code = (
        "extern int inflate(void); extern int longest_match(void) __attribute__((weak));\n"
        "extern int deflate_medium(void);\n"
        "int use(void) { return inflate() + deflate_medium() + (longest_match ? longest_match() : 0); }"
    )
    data = build_elf(tmp_path, "z.so", needed=["libz.so.1"], code=code)
    wheel = build_wheel(tmp_path, files={"demo/z.so": data}, tag="cp312-cp312-manylinux_2_17_x86_64")
    scan = wheelfix.scan_wheel(wheel, index=open_bundled())
    (found,) = scan.tag_checks
    assert [(b.name, b.files) for b in found.breaches] == [("deflate_medium", ("demo/z.so",))]
    (finding,) = (f for f in scan.findings if "promise" in f.message)
    assert "private symbols of libz.so.1 (deflate_medium)" in finding.message
    assert scan.answered  # a broken tag is the publisher's matter


def test_nixpkgs_own_set_has_all_that_policies_allow() -> None:
    """So a wheel whose tag holds needs no inputs beside those that uv2nix adds by itself."""
    table = open_bundled()
    for name, policy in load_table(Policies).manylinux.policies.items():
        baseline = find_baseline([f"cp312-cp312-{name}_x86_64"])
        for lookup in find_providers(table, sorted(policy.libraries)):
            assert lookup.providers[0].attr in baseline, (name, lookup.soname)


def test_every_command_is_told_of_a_glibc_that_nixpkgs_does_not_have(tmp_path: Path) -> None:
    code = '#include <stdio.h>\nint use(void) { return puts(""); }'
    data = build_elf(tmp_path, "x.so", code=code).replace(b"GLIBC_2.2.5\0", b"GLIBC_9.9.9\0")
    wheel = build_wheel(tmp_path, files={"demo/x.so": data}, tag="cp312-cp312-manylinux_2_28_x86_64")
    scan = wheelfix.scan_wheel(wheel, index=open_bundled())
    assert not scan.answered
    told = {finding.level: finding.message for finding in find_warnings([scan])}
    assert "asks for GLIBC_9.9.9, and nixpkgs" in told[Level.ERROR]
    assert "its tag manylinux_2_28_x86_64 promises: asks for GLIBC_9.9.9 (demo/x.so)" in told[Level.WARNING]
    # No tag would hold: nobody's glibc is so new.
    assert scan.tag_checks[0].fitting == ()
