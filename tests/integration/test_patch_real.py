"""Edits of files from real wheels: foreign machines, odd linkers, files that other engines break."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.patch import LONG, edit_checked, read, strip
from tests.support.real import by_size, fetch_wheel, find_pin
from wheelfix.patch.edit.apply import revert_edit
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.verify import verify

pytestmark = pytest.mark.network

FOREIGN = {
    "aarch64": "markupsafe-3.0.3-cp312-cp312-manylinux2014_aarch64",
    "riscv64": "markupsafe-3.0.3-cp312-cp312-manylinux_2_31_riscv64",
    "armv7l": "pydantic_core-2.50.4-cp312-cp312-manylinux2014_armv7l",
    "ppc64le": "pydantic_core-2.50.4-cp312-cp312-manylinux2014_ppc64le",
    "s390x": "pydantic_core-2.50.4-cp312-cp312-manylinux2014_s390x",
    "i686": "MarkupSafe-3.0.2-cp312-cp312-musllinux_1_2_i686",
    "x86_64": "markupsafe-3.0.3-cp312-cp312-musllinux_1_2_x86_64",
}
SEQUENCE = (("/a",), LONG, (*LONG, "/b"), ("$ORIGIN",), LONG, ())


def extract(wheel: str, member: str, directory: Path) -> Path:
    """The one ELF member whose path ends with ``member``."""
    with zipfile.ZipFile(fetch_wheel(find_pin(wheel))) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(member))
        target = directory / Path(name).name
        target.write_bytes(archive.read(name))
    target.chmod(0o755)
    return target


@pytest.mark.parametrize("machine", FOREIGN)
def test_foreign_machines(tmp_path: Path, machine: str) -> None:
    path = extract(FOREIGN[machine], ".so", tmp_path)
    plain = path.read_bytes()
    assert read(path).machine == machine
    needed = read(path).needed
    done = [edit_checked(path, ElfEdit(run_path=entries)) for entries in SEQUENCE]
    done.append(edit_checked(path, ElfEdit(run_path=LONG, add_needed=("libnew-name.so.1",))))
    obj = read(path)
    assert (obj.rpath or obj.runpath, obj.needed) == (LONG, (*needed, "libnew-name.so.1"))
    shown = subprocess.run(["patchelf", "--print-rpath", path], capture_output=True, text=True, check=True)
    assert shown.stdout == ":".join(LONG) + "\n"
    assert len(path.read_bytes()) < len(plain) + 2 * len(plain) // 3 + (64 << 10)
    for applied in reversed(done):
        revert_edit(path, applied)
    assert path.read_bytes() == plain


@pytest.mark.parametrize("machine", FOREIGN)
def test_foreign_needs_are_replaced_with_their_versions(tmp_path: Path, machine: str) -> None:
    path = extract(FOREIGN[machine], ".so", tmp_path)
    before = read(path)
    libc = next(soname for soname in before.needed if soname.startswith("libc."))
    edit_checked(path, ElfEdit(replace_needed=((libc, "libc-with-another-name.so.6"),)))
    after = read(path)
    assert {v.versions for v in after.versions} == {v.versions for v in before.versions}
    assert libc not in [v.soname for v in after.versions]
    assert len(after.versions) == len(before.versions)


@pytest.mark.parametrize(
    ("wheel", "member"),
    by_size(
        [
            (
                "pyside6_essentials",
                "Qt/plugins/imageformats/libqsvg.so",
            ),  # a note that Qt reads by its address
            (
                "pyside6_essentials",
                "Qt/plugins/designer/libPySidePlugin.so",
            ),  # the same, and nothing else may move
            ("PySide2", "PySide2/uic"),  # tables that span LOAD segments
            ("PySide2", "PySide2/designer"),
            ("PySide2", "PySide2/QtSensors.abi3.so"),
            ("opencv_python", "libxcb-sync-e532c63b.so.1.0.0"),
            ("scipy", "_fblas.cpython-312-x86_64-linux-gnu.so"),
            ("angr", "rustylib.abi3.so"),
            ("llvmlite", "libllvmlite.so"),
            ("psycopg2_binary", "_psycopg.cpython-312-x86_64-linux-gnu.so"),
        ]
    ),
)
def test_files_that_other_engines_break(tmp_path: Path, wheel: str, member: str) -> None:
    path = extract(wheel, member, tmp_path)
    for entries in SEQUENCE[:-1]:
        edit_checked(path, ElfEdit(run_path=entries))


@pytest.mark.parametrize("tool", ["ruff", "uv"])
def test_programs_still_run(tmp_path: Path, tool: str) -> None:
    path = extract(f"{tool}-", f"scripts/{tool}", tmp_path)
    for entries in SEQUENCE:
        edit_checked(path, ElfEdit(run_path=entries))
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
        assert shown.stdout.startswith(tool)
    strip(path)
    subprocess.run([path, "--version"], check=True, capture_output=True)


def test_extension_still_imports(tmp_path: Path) -> None:
    """cryptography's one large Rust extension, for the stable ABI of any Python."""
    path = extract("cryptography", "_rust.abi3.so", tmp_path)
    for entries in SEQUENCE:
        edit_checked(path, ElfEdit(run_path=entries))
    strip(path)
    edit_checked(path, ElfEdit(run_path=LONG))
    code = "import ctypes, sys; assert ctypes.PyDLL(sys.argv[1]).PyInit__rust"
    subprocess.run([sys.executable, "-c", code, path], check=True)


def test_bundled_libraries_load_after_all_were_edited(tmp_path: Path) -> None:
    with zipfile.ZipFile(fetch_wheel(find_pin("psycopg2_binary"))) as archive:
        archive.extractall(tmp_path)
    libraries = sorted(p for p in tmp_path.rglob("*.so*") if p.is_file())
    for path in libraries:
        obj = read(path)
        present = obj.runpath or obj.rpath
        edit_checked(path, ElfEdit(run_path=(*present, *LONG)))
    for path in libraries:
        if path.parent.name.endswith(".libs"):
            subprocess.run(
                [sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", path], check=True
            )


@pytest.mark.large
def test_strip_does_to_patched_files_what_it_does_to_the_originals(tmp_path: Path) -> None:
    """Files of an older patchelf: some have their program headers at the end, in the last LOAD."""
    with zipfile.ZipFile(fetch_wheel(find_pin("pymeshlab"))) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                if member.read(4) == b"\x7fELF":
                    archive.extract(name, tmp_path / "before")
                    archive.extract(name, tmp_path / "after")
    paths = [p.relative_to(tmp_path / "after") for p in (tmp_path / "after").rglob("*") if p.is_file()]
    assert len(paths) == 151
    for path in paths:
        edit_checked(tmp_path / "after" / path, ElfEdit(add_run_path=LONG))
        told = read(tmp_path / "after" / path)
        for state in ("before", "after"):
            strip(tmp_path / state / path)
        assert read(tmp_path / "after" / path) == told, path
        assert verify(tmp_path / "before" / path, tmp_path / "after" / path) == (), path
    for path in paths:
        loaded = [_try_to_load(tmp_path / state / path) for state in ("before", "after")]
        assert loaded[0] == loaded[1], path


def _try_to_load(path: Path) -> tuple[int, str]:
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1], mode=1)"
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    return result.returncode, result.stderr.replace(str(path), path.name)
