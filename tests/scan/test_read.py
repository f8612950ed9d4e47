from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.model.at_hand import AtHand
from wheelfix.model.reading import Reading
from wheelfix.scan.at_hand import find_carried
from wheelfix.scan.read import read_installed, read_libraries, read_symbols, read_wheel
from wheelfix.wheel.environment import find_wheels


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    directory = tmp_path / "wheels"
    directory.mkdir()
    files = {
        "nvidia/cublas/lib/libcublas.so.12": build_elf(tmp_path, "libcublas.so.12", soname="libcublas.so.12"),
        "nvidia/cublas/lib/libodd.so": build_elf(tmp_path, "libodd.so", soname="libodd.so.3"),
        "nvidia/cublas/tool": build_elf(tmp_path, "tool", executable=True),
        "nvidia/cublas/lib/libnotelf.so.1": b"INPUT(x)",
        "nvidia/cublas/loader.py": b"import ctypes\nctypes.CDLL('libmagic.so.1')\n",
    }
    build_wheel(directory, name="nvidia_cublas_cu12", version="12.8", files=files)
    data = {"tbb-1.0.data/data/lib/libtbb.so.12": build_elf(tmp_path, "libtbb.so.12", soname="libtbb.so.12")}
    build_wheel(directory, name="tbb", files=data)
    return directory


def install(wheels: Path, tmp_path: Path) -> Path:
    site = tmp_path / "env/lib/python3.12/site-packages"
    for path in wheels.iterdir():
        with zipfile.ZipFile(path) as archive:
            archive.extractall(site)
    scheme = site / "tbb-1.0.data/data/lib/libtbb.so.12"
    scheme.rename(tmp_path / "env/lib/libtbb.so.12")
    record = site / "tbb-1.0.dist-info/RECORD"
    record.write_text(record.read_text().replace("tbb-1.0.data/data/lib/", "../../"))
    return tmp_path / "env"


def at_hand(readings: Iterable[Reading]) -> AtHand:
    return find_carried((reading.distribution, reading.objects) for reading in readings)


def read_shelf(directory: Path) -> tuple[Reading, ...]:
    return tuple(map(read_wheel, find_wheels(directory)))


def test_sonames_and_file_names_of_a_directory_of_wheels(wheels: Path) -> None:
    found = at_hand(read_shelf(wheels))
    assert found.versions == {"nvidia-cublas-cu12": "12.8", "tbb": "1.0"}
    assert list(found.libraries) == ["libcublas.so.12", "libodd.so", "libodd.so.3", "libtbb.so.12"]
    (cublas,) = found.libraries["libcublas.so.12"]
    assert (cublas.directory, cublas.named, cublas.soname) == ("nvidia/cublas/lib", True, True)
    assert [(c.named, c.soname) for c in found.libraries["libodd.so"]] == [(True, False)]
    assert [(c.named, c.soname) for c in found.libraries["libodd.so.3"]] == [(False, True)]
    assert found.libraries["libtbb.so.12"][0].directory == "../.."


def test_environment_gives_the_same(wheels: Path, tmp_path: Path) -> None:
    def strip(found: AtHand) -> object:
        return {
            name: [(c.distribution, c.directory, c.named, c.soname) for c in carried]
            for name, carried in found.libraries.items()
        }

    assert strip(at_hand(read_installed(install(wheels, tmp_path)))) == strip(at_hand(read_shelf(wheels)))


def test_python_sources_of_an_environment_are_read_per_distribution(wheels: Path, tmp_path: Path) -> None:
    uses = {i.distribution.name: i.uses for i in read_installed(install(wheels, tmp_path))}
    assert [(u.path, [n.name for c in u.calls for n in c.names]) for u in uses["nvidia-cublas-cu12"]] == [
        ("nvidia/cublas/loader.py", ["libmagic.so.1"])
    ]
    assert uses["tbb"] == ()


def test_broken_sibling_is_named(wheels: Path) -> None:
    (wheels / "broken-1.0-py3-none-any.whl").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"broken-1\.0"):
        read_shelf(wheels)


def test_symbols_are_the_same_from_the_wheel_and_from_disk(wheels: Path, tmp_path: Path) -> None:
    path = "nvidia/cublas/lib/libcublas.so.12"
    (wheel,) = wheels.glob("nvidia*")
    installed = next(i for i in read_installed(install(wheels, tmp_path)) if i.objects)
    (symbols,) = read_symbols(read_wheel(wheel), {path})
    assert read_symbols(installed, {path}) == (symbols,)
    assert symbols.soname == "libcublas.so.12"


def test_libraries_are_found_as_below_a_store_path(tmp_path: Path) -> None:
    lib = tmp_path / "store" / "lib"
    lib.mkdir(parents=True)
    (lib / "liba.so.1").write_bytes(build_elf(tmp_path, "liba.so.1", soname="liba.so.1"))
    (lib / "libscript.so").write_bytes(b"INPUT(liba.so.1)")
    found = read_libraries(
        [tmp_path / "store"], ["liba.so.1", "libscript.so", "../lib/liba.so.1", "libno.so"]
    )
    assert list(found) == ["liba.so.1"]
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(InputError, match="is no directory"):
        read_libraries([tmp_path / "store"], ["liba.so.1"])
