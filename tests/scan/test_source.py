"""What a distribution can lie in: editable installs, single files, wheels of other systems."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import InputError
from wheelfix.index.choice import open_bundled
from wheelfix.model.classes import NeedClass
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Level
from wheelfix.scan.conclude import conclude
from wheelfix.scan.read import read_elf, read_installed, read_known, read_package, read_symbols, read_wheel
from wheelfix.wheel import tree
from wheelfix.wheel.environment import read_environment
from wheelfix.wheel.tree import walk_project

MACH_O = bytes.fromhex("cffaedfe") + bytes(100)
PE = b"MZ" + bytes(100)
JAVA = bytes.fromhex("cafebabe00000034") + bytes(100)


def make_environment(directory: Path) -> Path:
    """An environment with one package that is no editable install; gives its site-packages."""
    site = directory / "env/lib/python3.12/site-packages"
    wheel = build_wheel(directory, name="plain", files={"plain/__init__.py": b""})
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def install_editable(site: Path, project: Path | str, *, url: Any = None, editable: Any = True) -> None:
    info = site / "demo-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: demo\nVersion: 1.0\n")
    (info / "RECORD").write_text("demo.pth,,\ndemo-1.0.dist-info/METADATA,,\n")
    document = {"url": f"file://{project}" if url is None else url, "dir_info": {"editable": editable}}
    (info / "direct_url.json").write_text(json.dumps(document))


def make_project(directory: Path) -> Path:
    project = directory / "my project"
    (project / "src/demo").mkdir(parents=True)
    (project / "src/demo/__init__.py").write_text("import ctypes\nctypes.CDLL('libmagic.so.1')\n")
    elf = build_elf(directory, "core.so", needed=["libtbb.so.12"])
    (project / "src/demo/core.so").write_bytes(elf)
    for passed in (".venv/lib", ".git", "node_modules/x", "env/lib"):
        (project / passed).mkdir(parents=True)
        (project / passed / "other.so").write_bytes(elf)
    (project / "env/pyvenv.cfg").write_text("home = /usr/bin\n")
    return project


def find_demo(found: tuple[Reading, ...]) -> Reading:
    return next(reading for reading in found if reading.distribution.name == "demo")


def test_an_editable_install_is_followed_to_its_project(tmp_path: Path) -> None:
    site, project = make_environment(tmp_path), make_project(tmp_path)
    install_editable(site, str(project).replace(" ", "%20"))
    found = read_installed(tmp_path / "env")
    demo = find_demo(found)
    assert [(o.path, o.needed[0]) for o in demo.objects] == [("src/demo/core.so", "libtbb.so.12")]
    assert [n.name for use in demo.uses for c in use.calls for n in c.names] == ["libmagic.so.1"]
    (note,) = demo.findings
    said = f"is an editable install: its files are in {project}"
    assert (note.level, note.subject, note.message) == (Level.NOTE, "demo-1.0", said)
    assert len(read_symbols(demo, {"src/demo/core.so"})) == 1
    (plain,) = (reading for reading in found if reading.distribution.name == "plain")
    assert (plain.objects, plain.findings) == ((), ())
    package, _ = read_package(site, "demo")
    assert package is not None
    assert package.objects == demo.objects
    scan = conclude(demo, open_bundled())
    assert scan.build_inputs == ("onetbb",)


@pytest.mark.parametrize("metadata", [True, False])
def test_an_egg_link_is_an_editable_install(tmp_path: Path, metadata: bool) -> None:
    site, project = make_environment(tmp_path), make_project(tmp_path)
    (site / "My-Demo.egg-link").write_text(f"{project}\n.\n")
    (site / "other.egg-link").write_text("../relative\n")
    if metadata:
        put(project / "My_Demo.egg-info/PKG-INFO", b"Name: My-Demo\nVersion: 2.0\n")
    found = [r for r in read_installed(tmp_path / "env") if r.distribution.name != "plain"]
    (demo,) = found
    version = "2.0" if metadata else ""
    assert (demo.distribution.name, demo.distribution.version) == ("my-demo", version)
    assert [o.path for o in demo.objects] == ["src/demo/core.so"]
    assert "is an editable install" in demo.findings[0].message


def test_what_changes_files_stays_out_of_the_project(tmp_path: Path) -> None:
    site, project = make_environment(tmp_path), make_project(tmp_path)
    install_editable(site, project)
    demo = find_demo(read_installed(tmp_path / "env", follow_editable=False))
    assert (demo.objects, demo.uses) == ((), ())
    assert "is an editable install" in demo.findings[0].message
    before = (project / "src/demo/core.so").read_bytes()
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs/libtbb.so.12").write_bytes(build_elf(tmp_path, "libtbb.so.12", soname="libtbb.so.12"))
    command = [
        sys.executable,
        "-m",
        "wheelfix",
        "patch",
        str(tmp_path / "env"),
        "--libs",
        str(tmp_path / "libs"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    assert (project / "src/demo/core.so").read_bytes() == before


def test_a_project_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    install_editable(make_environment(tmp_path), tmp_path / "gone")
    (warning,) = find_demo(read_installed(tmp_path / "env")).findings
    assert warning.level is Level.WARNING
    assert f"{tmp_path}/gone, which is no directory" in warning.message


@pytest.mark.parametrize(
    ("url", "editable"),
    [
        ("https://example.invalid/demo", True),
        ("file://other.invalid/tmp", True),
        ("file:relative", True),
        ("file:///tmp%00x", True),
        ("file://[", True),
        (["file:///tmp"], True),
        (None, False),
        (None, "yes"),
    ],
)
def test_what_is_no_editable_install_is_not_followed(tmp_path: Path, url: Any, editable: Any) -> None:
    install_editable(make_environment(tmp_path), make_project(tmp_path), url=url, editable=editable)
    demo = find_demo(read_installed(tmp_path / "env"))
    assert (demo.objects, demo.findings) == ((), ())


@pytest.mark.parametrize("text", ["", "[", "null", "[]", '{"url": 1}', "[" * 10_000])
def test_a_broken_direct_url_is_no_editable_install(tmp_path: Path, text: str) -> None:
    site = make_environment(tmp_path)
    install_editable(site, tmp_path)
    (site / "demo-1.0.dist-info/direct_url.json").write_text(text)
    assert find_demo(read_installed(tmp_path / "env")).findings == ()


def test_no_link_of_a_project_is_followed_and_the_walk_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x.so").write_bytes(build_elf(tmp_path, "x.so"))
    (project / "link.so").symlink_to(tmp_path / "outside/x.so")
    (project / "links").symlink_to(tmp_path / "outside")
    (project / "loop").symlink_to(project)
    os.mkfifo(project / "pipe.so")
    (project / os.fsdecode(b"\xff.py")).write_text("")
    found = walk_project(str(project), magic=ELF_MAGIC)
    assert [file.path for file in found.elf_files] == ["src/demo/core.so"]
    assert found.sources == ("src/demo/__init__.py",)
    assert found.complete
    assert not walk_project(str(project), magic=ELF_MAGIC, limit=5).complete
    install_editable(make_environment(tmp_path), project)
    monkeypatch.setattr(tree.walk_project, "__kwdefaults__", {"limit": 5})
    demo = find_demo(read_installed(tmp_path / "env"))
    assert [f.level for f in demo.findings] == [Level.NOTE, Level.WARNING]
    assert "the rest of them was not looked at" in demo.findings[1].message


def test_the_sources_of_each_distribution_are_its_own(tmp_path: Path) -> None:
    site, project = make_environment(tmp_path), make_project(tmp_path)
    (site / "plain/__init__.py").write_text("import ctypes\nctypes.CDLL('libz.so.1')\n")
    install_editable(site, project)
    found = {r.distribution.name: r.uses for r in read_installed(tmp_path / "env")}
    names = {
        name: [n.name for use in uses for c in use.calls for n in c.names] for name, uses in found.items()
    }
    assert names == {"demo": ["libmagic.so.1"], "plain": ["libz.so.1"]}
    assert read_environment(tmp_path / "env", ELF_MAGIC).distributions[0].sources == ()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def make_libraries(top: Path) -> Path:
    """A library that reaches others by its run paths, as a loader does; gives its path."""
    main = build_elf(top, "main.so", needed=["liba.so.1", "libno.so.1"], runpath=["$ORIGIN/../lib"])
    liba = build_elf(top, "liba.so.1", soname="liba.so.1", needed=["libb.so.2"], rpath=["${ORIGIN}/more"])
    libb = build_elf(top, "libb.so.2", soname="libb.so.2", needed=["libc-of-b.so"])
    own = build_elf(top, "libc-of-b.so", soname="libc-of-b.so")
    put(top / "t/lib/more/libb.so.2", libb)
    put(top / "t/lib/more/libc-of-b.so", own)
    put(top / "t/lib/real.so", liba)
    (top / "t/lib/liba.so.1").symlink_to("real.so")
    put(top / "t/lib/stranger.so", own)
    return put(top / "t/pkg/main.so", main)


def test_an_elf_file_is_read_with_what_its_run_paths_reach(tmp_path: Path) -> None:
    found = read_elf(make_libraries(tmp_path))
    assert (found.distribution.name, found.distribution.target) == ("", "main.so")
    paths = ["lib/liba.so.1", "lib/more/libb.so.2", "lib/more/libc-of-b.so", "pkg/main.so"]
    assert [o.path for o in found.objects] == paths
    needs = {need.soname: need.need_class for need in conclude(found, open_bundled()).needs}
    assert {needs[name] for name in ("liba.so.1", "libb.so.2", "libc-of-b.so")} == {NeedClass.BUNDLED}
    assert needs["libno.so.1"] is NeedClass.UNKNOWN
    assert found.origin is not None
    assert dict(found.origin.places)["pkg/main.so"] == str(tmp_path / "t/pkg/main.so")
    (symbols,) = read_symbols(found, {"pkg/main.so"})
    assert symbols.path == "pkg/main.so"


def test_a_library_of_another_machine_is_passed_over(tmp_path: Path) -> None:
    main = make_libraries(tmp_path)
    library = tmp_path / "t/lib/real.so"
    data = bytearray(library.read_bytes())
    data[18:20] = (183).to_bytes(2, "little")  # aarch64
    library.write_bytes(data)
    assert [o.path for o in read_elf(main).objects] == ["main.so"]


def test_libraries_that_need_each_other_are_read_once(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        name = f"lib{one}.so"
        put(tmp_path / "t" / name, build_elf(tmp_path, name, needed=[f"lib{other}.so"], rpath=["$ORIGIN"]))
    assert [o.path for o in read_elf(tmp_path / "t/liba.so").objects] == ["liba.so", "libb.so"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is an empty file"),
        (b"#!/bin/sh\necho\n", "is a text file"),
        (b"INPUT(x.so)\n", "is a linker script"),
        (MACH_O, "is a library of macOS"),
        (PE, "is a library of Windows"),
        (b"\x00\x01", "is no ELF file"),
    ],
)
def test_a_file_that_is_none_is_named_for_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_elf(put(tmp_path / "x.so", content))


def test_a_pipe_is_not_waited_for_as_an_elf_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.so")
    with pytest.raises(InputError, match="named pipe"):
        read_elf(tmp_path / "x.so")


def test_elf_files_of_another_system_are_none_of_linux(tmp_path: Path) -> None:
    files = {"a/x.so": build_elf(tmp_path, "x.so")}
    wheel = build_wheel(tmp_path, files=files, tag="cp313-cp313-android_21_x86_64")
    with pytest.raises(InputError, match="is a wheel for Android"):
        read_wheel(wheel)


@pytest.mark.parametrize(
    ("tag", "files", "said"),
    [
        ("cp312-cp312-macosx_11_0_arm64", {"a/x.so": MACH_O}, r"holds Mach-O files \(macOS\), no ELF files"),
        ("cp312-cp312-win_amd64", {"a/x.pyd": PE}, r"holds PE files \(Windows\), no ELF files"),
        (
            "cp312-cp312-manylinux_2_28_x86_64",
            {"a/x.so": MACH_O},
            r"holds Mach-O files \(macOS\), no ELF files",
        ),
        ("cp312-cp312-macosx_11_0_arm64", {"a/x.py": b""}, "is a wheel for macOS"),
        ("py3-none-win32", {"a/x.exe": PE}, "is a wheel for Windows"),
    ],
)
def test_a_wheel_of_another_system_is_refused(
    tmp_path: Path, tag: str, files: dict[str, bytes], said: str
) -> None:
    wheel, cache = build_wheel(tmp_path, files=files, tag=tag), tmp_path / "cache"
    for _ in range(2):  # read, and kept
        with pytest.raises(InputError, match=f"{said}: wheelfix reads Linux wheels") as caught:
            read_wheel(wheel, cache=cache)
        assert "fetch the wheel for Linux: `pip download" in caught.value.hint
        assert "demo==1.0" in caught.value.hint


@pytest.mark.parametrize("command", ["scan", "override", "patch"])
def test_no_command_takes_a_wheel_of_another_system(tmp_path: Path, command: str) -> None:
    wheel = build_wheel(tmp_path, files={"a/x.so": MACH_O}, tag="cp312-cp312-macosx_11_0_arm64")
    more = ["-o", str(tmp_path / "out")] if command == "patch" else []
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    arguments = [sys.executable, "-m", "wheelfix", command, str(wheel), *more]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "holds Mach-O files (macOS), no ELF files: wheelfix reads Linux wheels" in done.stderr
    assert "hint: fetch the wheel for Linux" in done.stderr


def test_a_renamed_wheel_of_another_system_is_refused_by_its_files(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path, files={"a/x.so": MACH_O}, tag="cp312-cp312-macosx_11_0_arm64", filename="x.whl"
    )
    with pytest.raises(InputError, match="holds Mach-O files"):
        read_wheel(wheel)


def test_a_wheel_for_linux_may_carry_files_of_other_systems(tmp_path: Path) -> None:
    elf = build_elf(tmp_path, "x.so")
    wheel = build_wheel(tmp_path, files={"a/x.so": elf, "a/x.dll": PE, "a/x.dylib": MACH_O})
    found = read_wheel(wheel)
    assert (len(found.objects), found.findings, found.foreign) == (1, (), ("Mach-O", "PE"))
    java = build_wheel(tmp_path, files={"a/x.class": JAVA}, name="java")
    assert (read_wheel(java).foreign, read_wheel(java).findings) == ((), ())
    text = build_wheel(tmp_path, files={"a/x.txt": b"MZ is no header"}, name="text")
    assert (read_wheel(text).foreign, read_wheel(text).findings) == ((), ())


def test_a_wheel_for_all_systems_is_no_wheel_of_another_one(tmp_path: Path) -> None:
    """Some have launchers for Windows, some libraries that Linux goes without."""
    launchers = build_wheel(tmp_path, files={"a/t64.exe": PE}, tag="py3-none-any", name="launchers")
    assert (read_wheel(launchers).findings, read_wheel(launchers).foreign) == ((), ())
    libraries = build_wheel(tmp_path, files={"a/x.dll": PE}, tag="py3-none-any")
    (note,) = read_wheel(libraries).findings
    assert (note.level, note.message) == (Level.NOTE, "holds PE files (Windows), no ELF files")


def test_in_an_environment_a_package_of_another_system_is_a_warning(tmp_path: Path) -> None:
    site = make_environment(tmp_path)
    wheel = build_wheel(tmp_path, files={"demo/x.so": MACH_O}, tag="cp312-cp312-macosx_11_0_arm64")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (warning,) = find_demo(read_installed(tmp_path / "env")).findings
    assert (warning.level, warning.subject) == (Level.WARNING, "demo-1.0")
    assert warning.message.startswith("holds Mach-O files (macOS), no ELF files")


def test_a_reading_is_data(tmp_path: Path) -> None:
    """Two of one wheel are equal, and a known one stands for it without its bytes."""
    wheel = build_wheel(tmp_path, files={"a/x.so": build_elf(tmp_path, "x.so"), "a/y.py": b""})
    one, two = (read_wheel(wheel, cache=tmp_path / name, contents=True) for name in "ab")
    assert one == two
    known = read_known(one.about.sha256 or "", tmp_path / "a")
    assert known is not None
    assert (known.contents, known.origin) == (None, None)
    assert read_symbols(known, {"a/x.so"}) == ()
