"""What answers about another machine are worth is told once for a command."""

from __future__ import annotations

import pytest

from tests.support.objects import elf, wheel
from wheelfix.index.choice import open_bundled
from wheelfix.model.classes import Gone, NeedClass
from wheelfix.model.reading import Reading
from wheelfix.model.scan import WheelScan
from wheelfix.scan.conclude import conclude
from wheelfix.scan.places import tell_places


def scan(platform: str, machine: str, *needed: str) -> WheelScan:
    tags = (f"cp312-cp312-{platform}",)
    obj = elf("demo/x.so", needed=needed, machine=machine)
    return conclude(Reading(distribution=wheel(tags=tags), objects=(obj,)), open_bundled())


def tell(*scans: WheelScan) -> list[tuple[str, str, str]]:
    return [(one.level.value, one.subject, one.message) for one in tell_places(scans, open_bundled())]


def test_nothing_is_told_of_the_indexs_own_machine_and_of_wheels_without_inputs() -> None:
    assert tell(scan("manylinux_2_28_x86_64", "x86_64", "libz.so.1")) == []
    assert tell(scan("manylinux_2_28_aarch64", "aarch64", "libc.so.6")) == []


def test_another_machine_is_told_once() -> None:
    one = scan("manylinux_2_28_aarch64", "aarch64", "libz.so.1")
    ((level, subject, message),) = tell(one, one)
    assert (level, subject) == ("note", "aarch64-linux")
    assert message.startswith("answers are from the bundled index of x86_64-linux; store paths are left out")
    assert "everything is compiled" not in message


@pytest.mark.parametrize(
    ("platform", "machine", "level", "subject", "part"),
    [
        ("musllinux_1_2_x86_64", "x86_64", "note", "x86_64-linux-musl", "`pkgs` in code has to be pkgsMusl"),
        (
            "manylinux_2_31_riscv64",
            "riscv64",
            "note",
            "riscv64-linux",
            "cache.nixos.org has no builds",
        ),
        (
            "manylinux_2_28_s390x",
            "s390x",
            "warning",
            "s390x-linux",
            'nixpkgs { system = "s390x-linux"',
        ),
        ("linux_mips64r6", "mips64r6", "warning", "mips64r6", "no machine that nixpkgs has a system for"),
    ],
)
def test_what_is_different_there(platform: str, machine: str, level: str, subject: str, part: str) -> None:
    ((found, where, message),) = tell(scan(platform, machine, "libz.so.1"))
    assert (found, where) == (level, subject)
    assert part in message


def test_a_library_that_nixpkgs_lacks_there_has_no_answer_and_says_why() -> None:
    usual = scan("manylinux_2_28_x86_64", "x86_64", "libpsm2.so.2")
    assert usual.build_inputs == ("libpsm2",)
    other = scan("manylinux_2_28_aarch64", "aarch64", "libpsm2.so.2")
    assert other.build_inputs == ()
    (need,) = other.needs
    assert need.need_class is NeedClass.UNKNOWN
    assert need.cause == Gone(attr="libpsm2", absent_on="aarch64-linux")


def test_of_files_for_several_machines_the_one_that_was_asked_for_counts() -> None:
    objects = tuple(elf(f"demo/{m}/x.so", needed=["libz.so.1"], machine=m) for m in ("x86_64", "aarch64"))
    reading = Reading(distribution=wheel(tags=["py3-none-any"]), objects=objects)
    assert conclude(reading, open_bundled()).machine == "x86_64"
    assert conclude(reading, open_bundled(), default="aarch64").machine == "aarch64"
