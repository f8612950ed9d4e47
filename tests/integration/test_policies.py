"""Platform tags judged by wheelfix and by auditwheel: the same, or with the fact that explains it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.policies import compare
from tests.support.elf import build_elf
from tests.support.real import by_size, fetch_wheel, find_pin
from tests.support.wheel import build_wheel

CODE = "#include <pthread.h>\nint PyInit_x(void) { return pthread_create(0, 0, 0, 0); }"
"""Asks for GLIBC_2.34 where it is linked with such a glibc, or a newer one."""


def test_a_tag_that_is_broken_for_both(tmp_path: Path) -> None:
    files = {"demo/x.so": build_elf(tmp_path, "x.so", code=CODE)}
    tag = "cp312-cp312-manylinux_2_17_x86_64.manylinux_2_34_x86_64"
    found = compare(build_wheel(tmp_path, files=files, tag=tag))
    assert found
    assert (found.ours, found.theirs) == ("manylinux_2_34_x86_64", "manylinux_2_34_x86_64")
    assert (found.tags, found.broken, found.differing, found.kind) == (2, 1, (), "")


def test_what_only_one_calls_broken_has_its_reason(tmp_path: Path) -> None:
    files = {
        "demo/x.so": build_elf(tmp_path, "x.so", needed=["libpre.so.1"], code=CODE),
        "demo/lib/libpre.so.1": build_elf(tmp_path, "libpre.so.1", soname="libpre.so.1"),
    }
    found = compare(build_wheel(tmp_path, files=files, tag="cp312-cp312-manylinux_2_34_x86_64"))
    assert found
    assert (found.ours, found.theirs, found.kind) == ("manylinux_2_34_x86_64", "linux", "carried")


@pytest.mark.network
@pytest.mark.parametrize("start", by_size(["numba-", "psycopg2_binary-", "libusbsio-", "rasterio-"]))
def test_real_wheels(start: str) -> None:
    found = compare(fetch_wheel(find_pin(start)))
    assert found is None or found.kind is not None
