from __future__ import annotations

from tests.support.objects import cause, elf, provider, wheel
from wheelfix.model.classes import Cause, NeedClass, OfLibc, Reached, Unreached
from wheelfix.model.hints import SourceUse
from wheelfix.model.scan import Level, Need
from wheelfix.scan.findings import collect_build_inputs, find_findings, find_machine


def need(
    soname: str,
    kind: NeedClass,
    *,
    attr: str | None = None,
    machine: str = "x86_64",
    why: Cause | None = None,
) -> Need:
    return Need(
        soname=soname,
        machine=machine,
        need_class=kind,
        cause=why or cause(kind, soname),
        wanted_by=("x.so",),
        providers=(provider(attr, soname),) if attr else (),
    )


def test_inputs_are_provided_needs_of_the_machine_only() -> None:
    needs = [
        need("a", NeedClass.PROVIDED, attr="zlib"),
        need("b", NeedClass.PROVIDED, attr="zlib"),
        need("c", NeedClass.SIBLING, attr="cudaPackages.nccl"),
        need("d", NeedClass.PROVIDED, attr="glib", machine="aarch64"),
    ]
    assert collect_build_inputs(needs, "x86_64") == ("zlib",)


def test_machine_follows_the_tag() -> None:
    objects = [elf("a", machine="aarch64"), elf("b", machine="x86_64")]
    assert (
        find_machine(wheel(tags=["cp312-cp312-manylinux_2_28_aarch64"]), objects, default="x86_64")
        == "aarch64"
    )
    assert find_machine(wheel(tags=["py3-none-any"]), objects, default="x86_64") == "x86_64"
    assert find_machine(wheel(tags=["py3-none-any"]), objects[:1], default="x86_64") == "aarch64"
    assert find_machine(wheel(), [], default="x86_64") is None


def test_a_name_that_is_put_together_at_run_time_is_a_note() -> None:
    uses = [SourceUse(path="demo/load.py", computed=(3, 9)), SourceUse(path="demo/__init__.py")]
    (found,) = find_findings(wheel(), [], [], None, uses=uses)
    assert (found.level, found.subject) == (Level.NOTE, "demo/load.py")
    assert "known at run time alone (line 3, 9)" in found.message


def test_musl_wheel_is_a_warning() -> None:
    needs = [need("libc.musl-x86_64.so.1", NeedClass.LIBC, why=OfLibc(libc="musl"))]
    (finding,) = find_findings(wheel(), [elf("x.so")], needs, "x86_64")
    assert finding.level is Level.WARNING
    assert "musl" in finding.message


def test_a_directory_called_no_rpath_is_one_that_a_run_path_may_lead_to() -> None:
    why = Reached(path="no rpath/libx.so.1", entry="$ORIGIN/../no rpath")
    assert find_findings(wheel(), [], [need("libx.so.1", NeedClass.BUNDLED, why=why)], "x86_64") == ()


def test_a_wheel_that_is_tagged_for_a_machine_that_none_of_its_files_is_for() -> None:
    def tell(tag: str, *machines: str) -> list[str]:
        objects = [elf(f"{machine}.so", machine=machine) for machine in machines]
        found = find_findings(wheel(tags=(f"cp312-cp312-{tag}",)), objects, [], "x86_64")
        return [f.message for f in found if f.level is Level.WARNING]

    assert tell("manylinux_2_17_aarch64", "x86_64") == [
        "its tag is for aarch64, and its ELF files are for x86_64: take another wheel, or build it"
    ]
    assert tell("linux_aarch64", "x86_64")
    assert not tell("manylinux_2_17_aarch64", "x86_64", "aarch64")
    assert not tell("linux_armv6l", "armv7l")
    assert not tell("any", "x86_64")


def test_unreached_member_is_found_by_its_file_name_only() -> None:
    why = Unreached(path="lib/x.so")
    needs = [need(soname, NeedClass.BUNDLED, why=why) for soname in ("libnamed.so.1", "libother.so.1")]
    objects = [elf("lib/libnamed.so.1"), elf("lib/libother.so", soname="libother.so.1")]
    named, other = sorted(find_findings(wheel(), objects, needs, "x86_64"), key=lambda f: f.subject)
    assert (named.subject, other.subject) == ("libnamed.so.1", "libother.so.1")
    assert "finds it by its name" in named.message
    assert "autoPatchelfIgnoreMissingDeps" in other.message


def test_program_names_its_interpreter() -> None:
    program = elf("bin/uv", interpreter="/lib64/ld-linux-x86-64.so.2")
    (finding,) = find_findings(wheel(), [program], [], "x86_64")
    assert "/lib64/ld-linux-x86-64.so.2" in finding.message
