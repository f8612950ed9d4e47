"""Readings of packages of conda."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.conda import Member, build_conda
from tests.support.elf import build_elf
from tests.support.facts import open_table
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.model.classes import Brought, Cause, NeedClass
from wheelfix.model.reading import OriginKind
from wheelfix.model.scan import Level, WheelScan
from wheelfix.scan import conda
from wheelfix.scan.depends import find_dependency
from wheelfix.scan.read import read_conda, read_installed, read_symbols
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.sentences import say_cause
from wheelfix.scan.target import find_targets
from wheelfix.wheel.archive import open_unlisted
from wheelfix.wheel.conda import MemberKind, iter_members

_SITE = "lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def libz(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_elf(tmp_path_factory.mktemp("elf"), "libz.so.1.3.1", soname="libz.so.1")


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_paths_are_those_of_an_environment(tmp_path: Path, libz: bytes, suffix: str) -> None:
    extension = build_elf(tmp_path, "x.so", needed=["libz.so.1"], rpath=["$ORIGIN/../../../.."])
    files: dict[str, Member | bytes] = {
        "lib/libz.so.1.3.1": libz,
        "lib/libz.so.1": Member(b"libz.so.1.3.1", link=True),
        f"{_SITE}/pkg/x.so": extension,
        f"{_SITE}/pkg/__init__.py": b'import ctypes\nctypes.CDLL("libfoo.so.1")\n',
        "bin/run": b"#!/bin/sh\n",
        "lib/libblas.so.3": Member(b"libopenblas.so.0", link=True),
    }
    package = build_conda(tmp_path, "pkg", files, depends=["python >=3.11", "__glibc >=2.17"], suffix=suffix)
    reading = read_conda(package)
    wheel = reading.distribution
    assert (wheel.name, wheel.version, wheel.tags, wheel.target) == ("pkg", "1.0", (), package.name)
    assert wheel.files == {
        "../../libz.so.1.3.1",
        "../../libz.so.1",
        "pkg/x.so",
        "pkg/__init__.py",
        "../../../bin/run",
        "../../libblas.so.3",
    }
    assert [obj.path for obj in reading.objects] == ["../../libz.so.1", "../../libz.so.1.3.1", "pkg/x.so"]
    assert reading.uses[0].path == "pkg/__init__.py"
    assert reading.links == (("../../libblas.so.3", "../../libopenblas.so.0"),)
    assert [r.name for r in wheel.requires] == ["python"]
    assert wheel.conda
    assert wheel.conda.depends == ("python >=3.11", "__glibc >=2.17")
    assert reading.origin
    assert reading.origin.kind is OriginKind.CONDA
    assert reading.findings == ()


def test_noarch_python(tmp_path: Path) -> None:
    package = build_conda(
        tmp_path, "tool", {"site-packages/tool.py": b""}, noarch="python", entry_points=["tool = tool:main"]
    )
    reading = read_conda(package)
    assert reading.distribution.files == {"tool.py"}
    assert reading.contents
    assert [(f.path, f.digest[:6]) for f in reading.contents] == [
        ("../../../bin/tool", "entry="),
        ("tool.py", "sha256"),
    ]


def test_a_reading_is_stored(tmp_path: Path) -> None:
    package = build_conda(tmp_path, "tool", {"share/x": b"x"})
    first = read_conda(package, cache=tmp_path / "cache")
    assert first.about.sha256
    again = read_conda(package, cache=tmp_path / "cache", sha256=first.about.sha256, name="tool-1.0-0.conda")
    assert again == first
    with pytest.raises(InputError, match="has not the sha256"):
        read_conda(package, cache=tmp_path / "cache", sha256="0" * 64)


def build_prefix(top: Path) -> list[Path]:
    """Make the packages of a small prefix: a library, a link to one, Python, and what needs them."""
    work, packages = top / "work", top / "packages"
    openblas = build_elf(work, "o.so", soname="libopenblas.so.0", needed=["libgfortran.so.5"])
    python = build_elf(work, "p", needed=["libz.so.1"], rpath=["$ORIGIN/../lib"], executable=True)
    shared = build_elf(work, "l.so", soname="libpython3.11.so.1.0")
    needed = ["libz.so.1", "libcblas.so.3", "libcuda.so.1", "libGL.so.1", "libc.so.6"]
    needed += ["libpython3.11.so.1.0", "libssl.so.3", "libnobody.so.7"]
    near = build_elf(work, "n.so", needed=needed, rpath=["$ORIGIN/../../.."])
    bare = build_elf(work, "b.so", needed=["libz.so.1", "libcblas.so.3"])
    cut_off = build_elf(work, "c.so", needed=["libz.so.1"], runpath=["$ORIGIN/nowhere"])
    library = build_elf(work, "z.so", soname="libz.so.1")
    return [
        build_conda(
            packages,
            "libzlib",
            {"lib/libz.so.1.3.1": library, "lib/libz.so.1": Member(b"libz.so.1.3.1", link=True)},
            depends=["__glibc >=2.17"],
        ),
        build_conda(
            packages, "libopenblas", {"lib/libopenblas.so.0": openblas}, depends=["libgfortran5 >=13"]
        ),
        build_conda(packages, "libcblas", {"lib/libcblas.so.3": Member(b"libopenblas.so.0", link=True)}),
        build_conda(
            packages,
            "python",
            {"bin/python3.11": python, "lib/libpython3.11.so.1.0": shared},
            depends=["libzlib"],
        ),
        build_conda(
            packages,
            "near",
            {f"{_SITE}/near/n.so": near},
            depends=["python", "libzlib", "openssl >=3", "libcblas"],
        ),
        build_conda(
            packages, "bare", {f"{_SITE}/b.so": bare}, depends=["python 3.11.*", "libzlib", "libcblas"]
        ),
        build_conda(packages, "cut", {f"{_SITE}/c.so": cut_off}, depends=["python", "libzlib"]),
    ]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    built = build_prefix(tmp_path_factory.mktemp("prefix"))
    return {path.name.partition("-")[0]: path for path in built}


def scan(*paths: Path, beside: Sequence[Path] = ()) -> dict[str, WheelScan]:
    options = ScanOptions(index=open_table(), beside=[str(path) for path in beside], cache=None)
    read = scan_targets(find_targets([str(path) for path in paths], "scan"), options)
    return {one.name: one for one in read.scans}


def tell(scans: Mapping[str, WheelScan], name: str) -> dict[str, tuple[str, str, str]]:
    """Class, who brings it and why, of what one package needs."""
    return {
        need.soname: (need.need_class.value, need.distribution or "", cause_of(need.cause))
        for need in scans[name].needs
        if need.need_class is not NeedClass.LIBC
    }


def cause_of(cause: Cause) -> str:
    return cause.how.value if isinstance(cause, Brought) else ""


def test_a_prefix_is_one_place(packages: Mapping[str, Path]) -> None:
    scans = scan(*packages.values())
    assert tell(scans, "near") == {
        "libGL.so.1": ("provided", "", ""),
        "libcblas.so.3": ("sibling", "libcblas", "prefix"),
        "libcuda.so.1": ("driver", "", ""),
        "libnobody.so.7": ("unknown", "", ""),
        "libpython3.11.so.1.0": ("sibling", "python", "prefix"),
        "libssl.so.3": ("sibling", "openssl", "depends"),
        "libz.so.1": ("sibling", "libzlib", "prefix"),
    }
    assert tell(scans, "bare") == {
        "libcblas.so.3": ("sibling", "libcblas", "inherited"),
        "libz.so.1": ("sibling", "libzlib", "inherited"),
    }
    # DT_RUNPATH switches off what would be inherited.
    assert tell(scans, "cut") == {"libz.so.1": ("sibling", "libzlib", "only-at-hand")}
    assert tell(scans, "python") == {"libz.so.1": ("sibling", "libzlib", "prefix")}
    assert tell(scans, "libopenblas") == {"libgfortran.so.5": ("sibling", "libgfortran5", "depends")}
    need = next(need for need in scans["near"].needs if need.soname == "libcblas.so.3")
    assert say_cause(need.cause) == (
        "rpath $ORIGIN/../../.. leads to lib of the prefix; checked: libcblas 1.0 has ../../libcblas.so.3"
    )
    told = [finding.message for finding in scans["near"].findings if "not read" in finding.message]
    assert told == ["depends on openssl, which was not read: its lock, or --with, tells what they have"]


def test_a_package_alone_names_what_it_depends_on(packages: Mapping[str, Path]) -> None:
    scans = scan(packages["near"])
    found = tell(scans, "near")
    assert found["libz.so.1"] == ("sibling", "libzlib", "depends")
    assert found["libpython3.11.so.1.0"] == ("sibling", "python", "depends")
    assert found["libcblas.so.3"] == ("sibling", "libcblas", "depends")
    assert found["libGL.so.1"][0] == "provided"
    assert found["libcuda.so.1"][0] == "driver"
    need = next(need for need in scans["near"].needs if need.soname == "libz.so.1")
    assert say_cause(need.cause) == "it depends on libzlib, which was not read"
    assert scans["near"].conda


def test_what_lies_beside_is_in_the_prefix(packages: Mapping[str, Path]) -> None:
    scans = scan(packages["bare"], beside=[packages["libzlib"]])
    assert tell(scans, "bare")["libz.so.1"] == ("sibling", "libzlib", "inherited")
    assert tell(scans, "bare")["libcblas.so.3"] == ("sibling", "libcblas", "depends")


def test_a_wheel_beside_packages_of_conda_finds_their_libraries(
    tmp_path: Path, packages: Mapping[str, Path]
) -> None:
    library = build_elf(tmp_path, "x.so", needed=["libz.so.1", "libssl.so.3"])
    wheel = build_wheel(tmp_path, files={"demo/x.so": library})
    found = tell(scan(wheel, beside=[packages["python"].parent]), "demo")
    assert found["libz.so.1"] == ("sibling", "libzlib", "inherited")
    assert found["libssl.so.3"][0] == "provided"


def test_the_table_of_wheels_says_nothing_of_packages(tmp_path: Path) -> None:
    library = build_elf(tmp_path, "x.so", needed=["libcublas.so.12"])
    package = build_conda(tmp_path, "x", {f"{_SITE}/x.so": library})
    assert tell(scan(package), "x")["libcublas.so.12"][0] != "sibling"


@pytest.mark.parametrize(
    ("soname", "names", "found"),
    [
        ("libstdc++.so.6", ["libgcc", "libstdcxx"], "libstdcxx"),
        ("libstdc++.so.6", ["libstdcxx-ng"], "libstdcxx-ng"),
        ("libgomp.so.1", ["libgcc", "_openmp_mutex"], "_openmp_mutex"),
        ("libQt6Core.so.6", ["qt6-main"], "qt6-main"),
        ("libicuuc.so.75", ["icu"], "icu"),
        ("libX11.so.6", ["xorg-libx11"], "xorg-libx11"),
        ("libcurl.so.4", ["libcurl"], "libcurl"),
        ("libhdf5.so.310", ["hdf5"], "hdf5"),
        ("libpython3.12.so.1.0", ["python"], "python"),
        ("libcudart.so.12", ["cuda-cudart"], "cuda-cudart"),
        ("libnvrtc.so.12", ["cuda-nvrtc"], "cuda-nvrtc"),
        ("libxml2.so.16", ["libxml2", "libxml2-16"], "libxml2-16"),
        ("libxml2.so.2", ["libxml2-16", "libxml2"], "libxml2"),
        ("libavif.so.16", ["ffmpeg", "libavif16"], "libavif16"),
        ("libavif.so.16", ["ffmpeg"], None),
        ("libavcodec.so.61", ["ffmpeg"], "ffmpeg"),
        ("libturbojpeg.so.0", ["libjpeg-turbo"], "libjpeg-turbo"),
        ("libprotobuf.so.28", ["protobuf", "libprotobuf"], "libprotobuf"),
        ("liblz4.so.1", ["lz4"], None),
        ("libboost_python312.so.1.86.0", ["libboost", "libboost-python"], "libboost-python"),
        ("libfreetype.so.6", ["libfreetype", "libfreetype6"], "libfreetype6"),
        ("libgssapi_krb5.so.2", ["krb5"], "krb5"),
        ("libc.so.6", ["libc10", "c-ares"], None),
        ("libm.so.6", [], None),
        ("no library", ["python"], None),
    ],
)
def test_which_dependency_has_a_library(soname: str, names: list[str], found: str | None) -> None:
    assert find_dependency(soname, names) == found


def test_what_does_not_fit_the_own_list_is_told(tmp_path: Path) -> None:
    files: dict[str, Member | bytes] = {
        "lib/a": b"true",
        "lib/extra": b"",
        "lib/out": Member(b"/usr/lib/x", link=True),
    }
    paths = [
        {"_path": "lib/a", "path_type": "hardlink", "sha256": "0" * 64},
        {"_path": "lib/lost", "path_type": "hardlink"},
        {"_path": "lib/out", "path_type": "softlink"},
    ]
    reading = read_conda(build_conda(tmp_path, "x", files, paths=paths), name="y-1.0-0.conda")
    told = {finding.subject: (finding.level, finding.message) for finding in reading.findings}
    assert told == {
        "y-1.0-0.conda": (
            Level.WARNING,
            "describes itself as x 1.0 0, which is not what its file is called",
        ),
        "lib/a": (Level.ERROR, "has not the sha256 that info/paths.json states"),
        "lib/lost": (Level.ERROR, "is listed in info/, and not in the package"),
        "lib/extra": (Level.WARNING, "is in the package, and not in its list: not installed"),
        "lib/out": (Level.ERROR, "is a link that leads out of the prefix: not followed"),
    }
    assert reading.distribution.files == {"../../a", "../../out"}


def test_pretenders_and_damaged_files_are_told(tmp_path: Path, libz: bytes) -> None:
    files = {"lib/libtext.so.1": b"no library", "lib/libz.so.1": libz[:200]}
    reading = read_conda(build_conda(tmp_path, "x", files))
    assert [finding.subject for finding in reading.findings] == ["lib/libz.so.1", "lib/libtext.so.1"]
    assert reading.objects == ()


def test_a_broken_file_of_a_prefix_is_told(tmp_path: Path, libz: bytes) -> None:
    package = build_conda(tmp_path, "x", {"lib/a.so": libz[:200], "lib/b.so": libz}, depends=["__cuda >=12"])
    install(tmp_path / "prefix", [package])
    found = scan(tmp_path / "prefix")["x"]
    assert [obj.path for obj in found.objects] == ["lib/b.so"]
    told = {finding.subject: finding.message for finding in found.findings}
    assert told["lib/a.so"].startswith("is an ELF file that the loader refuses: ")
    assert told["x-1.0-0"] == (
        "depends on __cuda >=12: conda installs it only where there is a driver of NVIDIA"
    )


def test_a_package_for_another_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a package for osx-64"):
        read_conda(build_conda(tmp_path, "x", {}, subdir="osx-64"))


def test_large_files_are_read_in_one_pass_or_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its strings come first, and what says where they are comes last.
    code = "const char between[4 << 20] = {1};"
    library = build_elf(tmp_path, "x.so", soname="libx.so.1", needed=["libz.so.1"], code=code)
    package = build_conda(tmp_path, "x", {"lib/a": b"a" * 3000, "lib/x.so": library})
    once = read_conda(package)
    monkeypatch.setattr(conda, "_HEAD_SIZE", 64)
    assert read_conda(package).objects == once.objects
    monkeypatch.setattr(conda, "MAX_AGAIN", 100)
    with pytest.raises(InputError, match="takes too long"):
        read_conda(package)


def test_sources_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conda, "MAX_SOURCES", 40)
    files = {f"{_SITE}/{name}.py": b'import ctypes\nctypes.CDLL("libx.so")\n' * 9 for name in "ab"}
    reading = read_conda(build_conda(tmp_path, "x", files))
    assert [finding.message for finding in reading.findings] == [
        "is one Python source too many: not read; so are 1 more"
    ]


def test_symbols_are_read_again(tmp_path: Path, libz: bytes) -> None:
    files: dict[str, Member | bytes] = {
        "lib/libz.so.1.3.1": libz,
        "lib/libz.so.1": Member(b"libz.so.1.3.1", link=True),
    }
    reading = read_conda(build_conda(tmp_path, "x", files))
    symbols = read_symbols(reading, ["../../libz.so.1"])
    assert [(one.path, one.soname) for one in symbols] == [("../../libz.so.1", "libz.so.1")]


def install(prefix: Path, packages: Iterable[Path]) -> None:
    """Put packages into a prefix as conda does, with a record of each."""
    for package in packages:
        members, description = [], dict[str, object]()
        with open_unlisted(package) as archive:
            for member, chunks in iter_members(archive):
                data = b"".join(chunks)
                if member.path == "info/index.json":
                    description = json.loads(data)
                if member.path.startswith("info/"):
                    continue
                members.append(member.path)
                place = prefix / member.path
                place.parent.mkdir(parents=True, exist_ok=True)
                if member.kind is MemberKind.LINK:
                    place.symlink_to(member.target)
                else:
                    place.write_bytes(data)
        meta = prefix / "conda-meta" / f"{package.name.removesuffix('.conda')}.json"
        meta.parent.mkdir(parents=True, exist_ok=True)
        meta.write_text(json.dumps({**description, "files": members}))


def test_an_installed_prefix_gives_the_same_answers(tmp_path: Path, packages: Mapping[str, Path]) -> None:
    install(tmp_path / "prefix", packages.values())
    installed, apart = scan(tmp_path / "prefix"), scan(*packages.values())
    assert installed.keys() == apart.keys() - {"libcblas"} | {"libcblas"}
    for name in ("near", "bare", "cut", "python", "libopenblas"):
        assert tell(installed, name) == tell(apart, name)
    assert installed["near"].conda == apart["near"].conda


def test_wheels_in_a_prefix_are_read_too(tmp_path: Path, packages: Mapping[str, Path]) -> None:
    prefix = tmp_path / "prefix"
    install(prefix, packages.values())
    library = build_elf(tmp_path, "x.so", needed=["libz.so.1"])
    wheel = build_wheel(tmp_path, files={"demo/x.so": library})
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(prefix / _SITE)
    (prefix / _SITE / "stray.so").write_bytes(library)
    scans = scan(prefix)
    assert tell(scans, "demo") == {"libz.so.1": ("sibling", "libzlib", "inherited")}
    assert scans["demo"].conda is None
    assert [obj.path for obj in scans[""].objects] == ["stray.so"]


def test_a_distribution_that_conda_installed_is_part_of_its_package(tmp_path: Path) -> None:
    library = build_elf(tmp_path, "x.so", needed=["libz.so.1"])
    wheel = build_wheel(tmp_path, files={"demo/x.so": library, "demo/__init__.py": b""})
    with zipfile.ZipFile(wheel) as archive:
        files = {f"{_SITE}/{name}": archive.read(name) for name in archive.namelist()}
    install(tmp_path / "prefix", [build_conda(tmp_path, "demo", files, depends=["libzlib"])])
    readings = read_installed(tmp_path / "prefix", conda=True)
    assert [reading.distribution.target for reading in readings] == ["demo-1.0-0"]
    assert [obj.path for obj in readings[0].objects] == ["demo/x.so"]


def test_patch_changes_wheels_alone_and_knows_the_prefix(
    tmp_path: Path, packages: Mapping[str, Path]
) -> None:
    prefix = tmp_path / "prefix"
    install(prefix, packages.values())
    library = build_elf(tmp_path, "x.so", needed=["libz.so.1"])
    with zipfile.ZipFile(build_wheel(tmp_path, files={"demo/x.so": library})) as archive:
        archive.extractall(prefix / _SITE)
    options = ScanOptions(index=open_table(), cache=None, whole_prefix=False)
    read = scan_targets(find_targets([str(prefix)], "patch"), options)
    scans = {one.name: one for one in read.scans}
    assert tell(scans, "demo") == {"libz.so.1": ("sibling", "libzlib", "inherited")}
    assert "python" not in scans


HOSTILE = {
    "cut": b'{"name": "x", ',
    "list": b"[]",
    "deep": b"[" * 100_000,
    "wrong": b'{"name": 3, "version": "1"}',
    "empty": b"",
}


def test_hostile_records_are_left_out_and_told(tmp_path: Path, packages: Mapping[str, Path]) -> None:
    prefix = tmp_path / "prefix"
    install(prefix, [packages["libzlib"]])
    (tmp_path / "secret.so").write_bytes((prefix / "lib/libz.so.1.3.1").read_bytes())
    for name, data in HOSTILE.items():
        (prefix / "conda-meta" / f"{name}.json").write_bytes(data)
    (prefix / "conda-meta" / "link.json").symlink_to("/etc/hostname")
    (prefix / "conda-meta" / "pipe\x1b.json").mkdir()
    os.mkfifo(prefix / "conda-meta" / "fifo.json")
    os.mkfifo(prefix / "lib" / "fifo")
    (prefix / "lib" / "out.so").symlink_to(tmp_path / "secret.so")
    away = ["../secret.so", "/etc/passwd", "lib/../../secret.so", "lib/out.so", "lib/fifo", "a\0b", "lib", ""]
    record = {
        "name": "evil\x1b[2J",
        "version": "1\n2",
        "build": "0",
        "files": away,
        "depends": ["a\nb", "libzlib"],
    }
    (prefix / "conda-meta" / "evil.json").write_text(json.dumps(record))
    readings = read_installed(prefix, conda=True)
    assert [reading.distribution.name for reading in readings][:2] == ["evil\x1b[2J", "libzlib"]
    evil = readings[0]
    assert evil.objects == ()
    assert [requirement.name for requirement in evil.distribution.requires] == ["libzlib"]
    told = [finding.subject for reading in readings for finding in reading.findings]
    assert {f"conda-meta/{name}.json" for name in (*HOSTILE, "link", "fifo", "evil")} <= set(told)


def test_a_prefix_without_python(tmp_path: Path, packages: Mapping[str, Path]) -> None:
    program = build_elf(tmp_path, "x", needed=["libz.so.1"], rpath=["$ORIGIN/../lib"], executable=True)
    tool = build_conda(tmp_path, "tool", {"bin/tool": program}, depends=["libzlib"])
    install(tmp_path / "prefix", [tool, packages["libzlib"]])
    assert tell(scan(tmp_path / "prefix"), "tool") == {"libz.so.1": ("sibling", "libzlib", "prefix")}
