"""The driver's sonames, and the C libraries'."""

from __future__ import annotations

import pytest

from wheelfix.index.driver import find_driver, is_driver_directory
from wheelfix.index.libc import find_libc


@pytest.mark.parametrize(
    "soname",
    [
        "libEGL_nvidia.so.0",
        "libGLESv2_nvidia.so.2",
        "libGLX_nvidia.so.0",
        "libcuda.so",
        "libcuda.so.1",
        "libcudadebugger.so.1",
        "libnvcuvid.so.1",
        "libnvidia-allocator.so.1",
        "libnvidia-cfg.so.1",
        "libnvidia-encode.so.1",
        "libnvidia-fbc.so.1",
        "libnvidia-glcore.so.580.142",
        "libnvidia-glcore.so.570.124.06",
        "libnvidia-ml.so",
        "libnvidia-ml.so.1",
        "libnvidia-nvvm.so.4",
        "libnvidia-opticalflow.so.1",
        "libnvidia-ptxjitcompiler.so.1",
        "libnvoptix.so.1",
        "libvdpau_nvidia.so.1",
    ],
)
def test_the_driver_has_it(soname: str) -> None:
    reason = find_driver(soname)
    assert reason is not None
    assert "NVIDIA driver" in reason
    assert "/run/opengl-driver/lib" in reason


@pytest.mark.parametrize(
    "soname",
    [
        "libGL.so.1",
        "libOpenCL.so.1",
        "libcuda.so.2",
        "libcuda.so.12",
        "libcuda.socket",
        "libcudart.so.12",
        "libcudnn.so.9",
        "libnvToolsExt.so.1",
        "libnvidia-container.so.1",
        "libnvidia-ml.so.12",
        "libnvidia-nscq.so.2",
        "libnvidia-nvvm.so.1",
        "libnvrtc.so.12",
        "libnvvm.so.4",
        "libvdpau.so.1",
        "",
    ],
)
def test_the_driver_does_not_have_it(soname: str) -> None:
    assert find_driver(soname) is None


@pytest.mark.parametrize("soname", ["libdxcore.so", "libd3d12.so", "libcuda.so.1.1"])
def test_wsl_has_its_own_place(soname: str) -> None:
    assert "/usr/lib/wsl/lib" in (find_driver(soname) or "")


@pytest.mark.parametrize(
    ("directory", "whose"),
    [
        ("/run/opengl-driver/lib", True),
        ("/run/opengl-driver-32/lib", True),
        ("/usr/lib/wsl/lib/", True),
        ("/usr/lib/wsl/drivers/nv.inf_amd64_1", True),
        ("/usr/lib/wsl", False),
        ("/usr/lib", False),
        ("$ORIGIN/usr/lib/wsl/lib", False),
        ("", False),
    ],
)
def test_directories_of_drivers(directory: str, whose: bool) -> None:
    assert is_driver_directory(directory) == whose


MACHINES = {
    "aarch64": "ld-linux-aarch64.so.1",
    "armv7l": "ld-linux-armhf.so.3",
    "i686": "ld-linux.so.2",
    "loongarch64": "ld-linux-loongarch-lp64d.so.1",
    "ppc64": "ld64.so.1",
    "ppc64le": "ld64.so.2",
    "riscv64": "ld-linux-riscv64-lp64d.so.1",
    "s390x": "ld64.so.1",
    "x86_64": "ld-linux-x86-64.so.2",
}


@pytest.mark.parametrize(("machine", "loader"), MACHINES.items())
def test_each_machine_has_its_own_loader(machine: str, loader: str) -> None:
    assert find_libc(loader, machine) == "glibc"
    for other in MACHINES.values():
        assert find_libc(other, machine) == ("glibc" if other == loader else None)


@pytest.mark.parametrize("machine", sorted(MACHINES))
@pytest.mark.parametrize(
    "soname",
    [
        "libBrokenLocale.so.1",
        "libanl.so.1",
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libnsl.so.1",
        "libnss_files.so.2",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libthread_db.so.1",
        "libutil.so.1",
    ],
)
def test_glibc_is_glibc_everywhere(soname: str, machine: str) -> None:
    assert find_libc(soname, machine) == "glibc"


@pytest.mark.parametrize(
    "soname",
    [
        "libcrypt.so.1",
        "libcrypt.so.2",
        "libgcc_s.so.1",
        "libnsl.so.2",
        "libnsl.so.3",
        "libnss_nis.so.2",
        "libnss_wrapper.so.2",
        "libstdc++.so.6",
        "x86_64.so.1",
    ],
)
def test_what_is_not_part_of_a_c_library(soname: str) -> None:
    assert find_libc(soname, "x86_64") is None


def test_only_two_machines_have_vector_mathematics() -> None:
    having = {m for m in MACHINES if find_libc("libmvec.so.1", m)}
    assert having == {"aarch64", "x86_64"}


@pytest.mark.parametrize(
    ("soname", "machine"),
    [
        ("ld-musl-aarch64.so.1", "aarch64"),
        ("ld-musl-armhf.so.1", "armv7l"),
        ("ld-musl-i386.so.1", "i686"),
        ("ld-musl-powerpc64le.so.1", "ppc64le"),
        ("ld-musl-x86_64.so.1", "x86_64"),
        ("libc.musl-aarch64.so.1", "aarch64"),
        ("libc.musl-armv7.so.1", "armv7l"),
        ("libc.musl-ppc64le.so.1", "ppc64le"),
        ("libc.musl-s390x.so.1", "s390x"),
        ("libc.musl-x86.so.1", "i686"),
        ("libc.musl-x86_64.so.1", "x86_64"),
    ],
)
def test_musl_belongs_to_its_machine(soname: str, machine: str) -> None:
    assert find_libc(soname, machine) == "musl"
    assert find_libc(soname, "riscv64") is None


def test_musl_by_its_own_soname() -> None:
    assert find_libc("libc.so", "x86_64") == "musl"


def test_an_unknown_machine_still_has_a_c_library() -> None:
    assert find_libc("libc.so.6", "em-9999") == "glibc"
    assert find_libc("ld-linux-x86-64.so.2", "em-9999") is None
