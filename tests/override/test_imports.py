"""What stays for want of evidence gets the evidence, from the wheel that it is a dependency of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.facts import open_table
from tests.support.wheel import build_wheel
from wheelfix.model.override import Cuda, Dialect
from wheelfix.override.imports import find_imports, show_imports
from wheelfix.override.plan import plan_overrides
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.target import find_targets

REQUIRES = [
    'nvidia-cublas-cu12; platform_system == "Linux"',
    'triton; platform_system == "Linux"',
    'tensorthing; platform_system == "Linux"',
]


@pytest.mark.parametrize("cuda", [Cuda.PREBUILT, Cuda.NIXPKGS])
def test_each_package_gets_what_its_own_wheel_imports(tmp_path: Path, cuda: Cuda) -> None:
    for name, source in [("one", b"import os\nfrom triton import jit\n"), ("two", b"import tensorthing\n")]:
        build_wheel(tmp_path, name=name, files={f"{name}/__init__.py": source}, requires=REQUIRES)
    options = ScanOptions(index=open_table(), cache=None)
    read = scan_targets(find_targets([str(tmp_path)], "override"), options)
    plan = plan_overrides(read, Dialect.UV2NIX, cuda)
    shown = show_imports(plan, read.parts)
    packages = shown.adapters if cuda is Cuda.PREBUILT else shown.overrides
    unshown = "nothing shows it to be only linked"
    assert [
        (p.name, [(kept.name, kept.reason) for kept in p.strip.kept] if p.strip else None) for p in packages
    ] == [
        ("one", [("tensorthing", unshown), ("triton", "one/__init__.py:2 imports it")]),
        ("two", [("tensorthing", "two/__init__.py:1 imports it"), ("triton", unshown)]),
    ]
    assert show_imports(plan, ()) == plan


def test_imports_are_found_by_the_modules_name_at_the_start_of_a_line(tmp_path: Path) -> None:
    source = b"x = 'import a_b'\nimport a_bc\n  from a_b.c import d\nimport a_b\n"
    wheel = build_wheel(
        tmp_path, files={"demo/__init__.py": b"", "demo/x.py": source, "demo/x.txt": b"import e"}
    )
    assert find_imports(wheel, ["a-b", "e"]) == {"a-b": "demo/x.py:3"}
    assert find_imports(wheel, []) == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"from cuda.pathfinder import x", True),
        (b"import cuda.pathfinder", True),
        (b"  from cuda import pathfinder", True),
        (b"import cuda_pathfinder", True),
        (b"import cuda.pathfinders", False),
        (b"from cuda import core", False),
        (b"import cuda", False),
    ],
)
def test_modules_of_a_namespace_are_found(tmp_path: Path, line: bytes, found: bool) -> None:
    wheel = build_wheel(tmp_path, files={"demo/__init__.py": line + b"\n"})
    assert find_imports(wheel, ["cuda-pathfinder", "numpy"]) == (
        {"cuda-pathfinder": "demo/__init__.py:1"} if found else {}
    )
