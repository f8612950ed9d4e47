from __future__ import annotations

from tests.support.objects import cause
from wheelfix.model.classes import NeedClass
from wheelfix.model.scan import Level, Need
from wheelfix.scan.findings import find_highest, find_version_findings


def need(soname: str, *versions: str, kind: NeedClass = NeedClass.LIBC, machine: str = "x86_64") -> Need:
    return Need(
        soname=soname,
        machine=machine,
        need_class=kind,
        cause=cause(kind, soname),
        wanted_by=("x.so",),
        versions=versions,
    )


NEEDS = [
    need("libc.so.6", "GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.28", "GLIBC_PRIVATE"),
    need("libm.so.6", "GLIBC_2.27"),
    need("libstdc++.so.6", "CXXABI_1.3.9", "GLIBCXX_3.4.9", "GLIBCXX_3.4.25", kind=NeedClass.PROVIDED),
    need("libc.so.6", "GLIBC_2.40", machine="aarch64"),
    need("libown.so", "GLIBC_2.41", kind=NeedClass.BUNDLED),
]


def test_the_highest_by_number_of_this_machine() -> None:
    assert find_highest(NEEDS, "x86_64") == {"CXXABI": "1.3.9", "GLIBC": "2.28", "GLIBCXX": "3.4.25"}
    assert find_highest(NEEDS, "riscv64") == {}


def test_they_are_told() -> None:
    (finding,) = find_version_findings(NEEDS, "x86_64")
    assert finding.level is Level.NOTE
    assert "GLIBC_2.28, GLIBCXX_3.4.25" in finding.message


def test_nothing_without_versions() -> None:
    assert list(find_version_findings([need("libz.so.1")], "x86_64")) == []
