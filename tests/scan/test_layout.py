from __future__ import annotations

import pytest

from wheelfix.scan.layout import SITE, expand_entry, find_install_path, relative_to_site


@pytest.mark.parametrize(
    ("member", "installed"),
    [
        ("torch/lib/libc10.so", f"{SITE}/torch/lib/libc10.so"),
        ("uv-1.0.data/scripts/uv", "bin/uv"),
        ("mkl-1.data/data/lib/libmkl.so.2", "lib/libmkl.so.2"),
        ("x-1.data/platlib/x/y.so", f"{SITE}/x/y.so"),
        ("x-1.data/odd/y.so", f"{SITE}/x-1.data/odd/y.so"),
    ],
)
def test_install_path(member: str, installed: str) -> None:
    assert find_install_path(member) == installed


@pytest.mark.parametrize(
    ("entry", "directories"),
    [
        ("$ORIGIN", (f"{SITE}/a",)),
        ("${ORIGIN}/../a.libs", (f"{SITE}/a.libs",)),
        ("$ORIGIN/../../../..", (".",)),
        ("$ORIGIN/$LIB", (f"{SITE}/a/lib", f"{SITE}/a/lib64")),
        ("$ORIGIN/$PLATFORM", (f"{SITE}/a/x86_64",)),
        ("/usr/lib", ()),
        ("lib", ()),
        ("", ()),
    ],
)
def test_entries_are_expanded_as_the_loader_does(entry: str, directories: tuple[str, ...]) -> None:
    assert expand_entry(entry, origin=f"{SITE}/a", machine="x86_64") == directories


def test_places_outside_site_packages_are_told_apart() -> None:
    assert relative_to_site(f"{SITE}/nvidia/cublas/lib") == "nvidia/cublas/lib"
    assert relative_to_site("lib") is None
