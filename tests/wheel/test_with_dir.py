from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.objects import elf, wheel
from tests.support.wheel import build_wheel
from wheelfix.elf.disk import read_elf_paths
from wheelfix.elf.parallel import Source, read_elf_files
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import InputError
from wheelfix.model.elf import ElfObject
from wheelfix.resolve.layout import SITE, find_install_path
from wheelfix.wheel.archive import find_elf_members, iter_chunks, open_archive, read_distribution
from wheelfix.wheel.environment import Installed
from wheelfix.wheel.with_dir import Carried, Package, find_carried, find_claimed, iter_packages


def read_wheel(path: Path) -> Package:
    with open_archive(path) as archive:
        members = find_elf_members(archive, ELF_MAGIC)
        sources = [Source(path=m.path, chunks=partial(iter_chunks, archive, m), size=m.size) for m in members]
        with read_elf_files(sources) as pending:
            return read_distribution(archive), tuple(obj for obj, _ in pending())


def read_installed(installed: Installed) -> tuple[ElfObject, ...]:
    return read_elf_paths((f.path, f.disk) for f in installed.elf_files)


def packages(directory: Path) -> Iterator[Package]:
    return iter_packages(directory, magic=ELF_MAGIC, read_wheel=read_wheel, read_installed=read_installed)


def carried(found: Iterator[Package] | Sequence[Package]) -> Mapping[str, tuple[Carried, ...]]:
    return find_carried(found, install_path=find_install_path, site=SITE)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    directory = tmp_path / "wheels"
    directory.mkdir()
    files = {
        "nvidia/cublas/lib/libcublas.so.12": build_elf(tmp_path, "libcublas.so.12", soname="libcublas.so.12"),
        "nvidia/cublas/lib/libodd.so": build_elf(tmp_path, "libodd.so", soname="libodd.so.3"),
        "nvidia/cublas/tool": build_elf(tmp_path, "tool", executable=True),
        "nvidia/cublas/lib/libnotelf.so.1": b"INPUT(x)",
    }
    build_wheel(directory, name="nvidia_cublas_cu12", version="12.8", files=files)
    data = {"tbb-1.0.data/data/lib/libtbb.so.12": build_elf(tmp_path, "libtbb.so.12", soname="libtbb.so.12")}
    build_wheel(directory, name="tbb", files=data)
    return directory


def test_sonames_and_file_names_of_a_directory_of_wheels(wheels: Path) -> None:
    found = carried(packages(wheels))
    assert list(found) == ["libcublas.so.12", "libodd.so", "libodd.so.3", "libtbb.so.12"]
    (cublas,) = found["libcublas.so.12"]
    assert (cublas.distribution, cublas.version) == ("nvidia-cublas-cu12", "12.8")
    assert (cublas.directory, cublas.named, cublas.soname) == ("nvidia/cublas/lib", True, True)
    assert (found["libodd.so"][0].named, found["libodd.so"][0].soname) == (True, False)
    assert (found["libodd.so.3"][0].named, found["libodd.so.3"][0].soname) == (False, True)
    assert found["libtbb.so.12"][0].directory == "../.."


def test_environment_gives_the_same(wheels: Path, tmp_path: Path) -> None:
    site = tmp_path / "env/lib/python3.12/site-packages"
    for path in wheels.iterdir():
        with zipfile.ZipFile(path) as archive:
            archive.extractall(site)
    scheme = site / "tbb-1.0.data/data/lib/libtbb.so.12"
    scheme.rename(tmp_path / "env/lib/libtbb.so.12")
    record = site / "tbb-1.0.dist-info/RECORD"
    record.write_text(record.read_text().replace("tbb-1.0.data/data/lib/", "../../"))

    def strip(found: Mapping[str, tuple[Carried, ...]]) -> object:
        return {
            name: [(c.distribution, c.directory, c.named, c.soname) for c in cs] for name, cs in found.items()
        }

    assert strip(carried(packages(tmp_path / "env"))) == strip(carried(packages(wheels)))


def test_claims_are_borne_out_by_name_machine_and_distribution() -> None:
    found = carried(
        [
            (wheel("zeta"), [elf("z/liba.so.1", soname="liba.so.1")]),
            (wheel("beta"), [elf("b/liba.so.1", soname="other"), elf("b/x.so", soname="liba.so.1")]),
            (wheel("alpha"), [elf("a/liba.so.1", soname="liba.so.1", machine="aarch64")]),
        ]
    )
    assert [c.path for c in found["liba.so.1"]] == ["a/liba.so.1", "z/liba.so.1", "b/liba.so.1", "b/x.so"]
    claim = partial(find_claimed, found, "liba.so.1")
    assert claim(machine="x86_64") == found["liba.so.1"][1]
    assert claim(machine="x86_64", distribution="beta") == found["liba.so.1"][2]
    assert claim(machine="x86_64", distribution="alpha") is None
    assert claim(machine="riscv64") is None
    assert find_claimed(found, "libnone.so", machine="x86_64") is None


def test_broken_sibling_is_named(wheels: Path) -> None:
    (wheels / "broken-1.0-py3-none-any.whl").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"broken-1\.0"):
        list(packages(wheels))
