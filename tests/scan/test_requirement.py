"""What a requirement brings, resolved by the real uv from an index on the loopback interface."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.packageindex import Index
from tests.support.sdist import build_sdist
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.places import Cache
from wheelfix.scan.closure import find_closure
from wheelfix.scan.read import read_wheel
from wheelfix.scan.requirement import evaluate_reading, fetch_closure, fetch_named, find_runtime

PLATFORM = "cp312-cp312-manylinux_2_28_x86_64"


def fill(index: Index, directory: Path) -> None:
    requires = {
        "demo": [
            'toolkit[blas]==13.*; platform_system == "Linux"',
            'other; sys_platform == "win32"',
            'old; python_version < "3.12"',
            'plugin; extra == "gpu"',
            'toolkit[fft]; extra == "gpu"',
            'demo[gpu]; extra == "all"',
        ],
        "toolkit": ['cublas; extra == "blas"', 'cufft; extra == "fft"'],
        "plugin": ["toolkit", "driver"],
        "cublas": [],
        "cufft": [],
        "driver": [],
    }
    for name, lines in requires.items():
        tag = PLATFORM if name == "demo" else "py3-none-any"
        version = "1.0" if name == "demo" else "13.1"
        extras = {"toolkit": ["blas", "fft"], "demo": ["gpu", "all", "none"]}.get(name, [])
        metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        metadata += [f"Provides-Extra: {extra}" for extra in extras]
        metadata += [f"Requires-Dist: {line}" for line in lines]
        text = "\n".join([*metadata, ""]).encode()
        index.add(build_wheel(directory, name=name, version=version, files={}, metadata=text, tag=tag))


def test_extras_and_markers_are_followed(either_index: Index, tmp_path: Path) -> None:
    fill(either_index, tmp_path)
    found = fetch_closure("demo==1.0", tmp_path / "cache")
    assert [d.name for d in found] == ["demo", "cublas", "toolkit"]
    known = {d.name: d for d in found}
    assert dict(find_closure(known["demo"], known)) == {
        "cublas": frozenset(),
        "toolkit": frozenset({"blas"}),
    }
    assert known["demo"].tags == (PLATFORM,)
    assert known["demo"].target == f"demo-1.0-{PLATFORM}.whl"
    (toolkit,) = known["demo"].requires
    assert (toolkit.active, toolkit.extras) == (True, ("blas",))


def test_another_interpreter_than_the_own_one(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path)
    with pytest.raises(InputError, match=r"has no wheel for Python 3\.11"):
        fetch_closure("demo==1.0", tmp_path / "cache", python="3.11")
    for python in ("3.9", "3.14", "3.20", "3.14t"):
        found = fetch_closure("toolkit[blas]", tmp_path / "cache", python=python)
        assert [d.name for d in found] == ["toolkit", "cublas"]


def test_a_second_time_needs_no_network(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path)
    cache = tmp_path / "cache"
    first = fetch_closure("demo[gpu]==1.0", cache)
    assert [d.name for d in first] == ["demo", "cublas", "cufft", "driver", "plugin", "toolkit"]
    assert [d.name for d in fetch_closure("demo==1.0", cache)] == ["demo", "cublas", "toolkit"]
    index.files.clear()
    assert fetch_closure("Demo[gpu]==1.0", cache) == first
    for kept in (cache / "demo").iterdir():
        kept.write_text("{")
    with pytest.raises(InputError):
        fetch_closure("demo==1.0", cache)


def test_what_cannot_be_resolved_is_one_clear_error(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path)
    with pytest.raises(InputError, match="no such version"):
        fetch_closure("demo==2.0", tmp_path / "cache")
    with pytest.raises(InputError, match="nothing named absent"):
        fetch_closure("absent", tmp_path / "cache")
    with pytest.raises(InputError, match="cannot be downloaded for 'mars'"):
        fetch_closure("demo==1.0", tmp_path / "cache", system="mars")
    with pytest.raises(InputError, match="no requirement"):
        fetch_closure("./demo", tmp_path / "cache")
    del index.files["cublas-13.1-py3-none-any.whl"]
    with pytest.raises(InputError, match=r"uv cannot resolve it: .*cublas") as caught:
        fetch_closure("demo==1.0", tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_no_code_of_a_distribution_runs(index: Index, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    trap = f"open({str(witness)!r}, 'w').close()\n"
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "trap"\nbackend-path = ["."]\n',
        "trap.py": trap,
        "setup.py": trap,
    }
    index.add(build_sdist(tmp_path, files))
    with pytest.raises(InputError, match="only a source distribution"):
        fetch_closure("demo", tmp_path / "cache")
    assert not witness.exists()


def test_what_extras_bring_is_fetched_too(either_index: Index, tmp_path: Path) -> None:
    fill(either_index, tmp_path)
    cache = Cache(root=tmp_path / "cache")

    def name(text: str) -> list[str]:
        return [fetched.path.name.partition("-")[0] for fetched in fetch_named(text, cache)]

    assert name("demo") == ["demo"]
    assert name("demo[gpu]") == ["demo", "cufft", "driver", "plugin"]
    assert name("demo[ALL]==1.0") == ["demo", "cufft", "driver", "plugin"]
    downloads = either_index.downloads()
    assert name("demo[all]==1.0") == ["demo", "cufft", "driver", "plugin"]
    assert either_index.downloads() == downloads
    for extra in ("none", "nosuch"):
        with pytest.raises(InputError, match=f"demo 1.0 has no extra {extra}, or it brings nothing"):
            fetch_named(f"demo[{extra}]", cache)


def test_addresses_alone_and_in_requirements(index: Index, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, files={})
    index.add(wheel)
    base = index.url.removesuffix("/simple") + "/files"
    for text in (f"{base}/{wheel.name}", f"demo @ {base}/{wheel.name}"):
        (fetched,) = fetch_named(text, Cache(root=tmp_path / "cache"))
        assert fetched.path.read_bytes() == wheel.read_bytes()
    for text in ("git+https://x.example/y.git", "demo @ git+https://x.example/y.git"):
        with pytest.raises(InputError, match="is a repository") as caught:
            fetch_named(text, Cache(root=tmp_path / "cache"))
        assert "pip wheel" in caught.value.hint


def test_extras_from_a_directory(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path)
    sources = PackageSources(no_index=True, find_links=(str(tmp_path),))
    found = fetch_named("demo[gpu]==1.0", Cache(root=tmp_path / "cache"), sources=sources)
    assert [fetched.path.name.partition("-")[0] for fetched in found] == ["demo", "cufft", "driver", "plugin"]
    assert index.asked == []


def test_requirements_of_what_is_fetched_are_those_of_its_python(index: Index, tmp_path: Path) -> None:
    lines = ["old; python_version < '3.13'", "new; python_version >= '3.13'"]
    wheel = build_wheel(tmp_path, files={}, requires=lines, tag="cp310.cp39.py3-none-any")
    read = read_wheel(wheel)
    for python, active in (("3.13", "new"), ("3.12", "old")):
        settled = evaluate_reading(read, find_runtime(python, "x86_64-linux")).distribution
        assert [r.name for r in settled.requires if r.active] == [active]
