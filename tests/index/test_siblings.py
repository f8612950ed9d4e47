"""Which wheel carries which library: facts about real wheels."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wheelfix.index.siblings import find_by_directory, find_distributions

TORCH_2_9 = {
    "libcublas.so.12": "nvidia-cublas-cu12",
    "libcublasLt.so.12": "nvidia-cublas-cu12",
    "libcudart.so.12": "nvidia-cuda-runtime-cu12",
    "libcudnn.so.9": "nvidia-cudnn-cu12",
    "libcufft.so.11": "nvidia-cufft-cu12",
    "libcufile.so.0": "nvidia-cufile-cu12",
    "libcupti.so.12": "nvidia-cuda-cupti-cu12",
    "libcurand.so.10": "nvidia-curand-cu12",
    "libcusolver.so.11": "nvidia-cusolver-cu12",
    "libcusparse.so.12": "nvidia-cusparse-cu12",
    "libcusparseLt.so.0": "nvidia-cusparselt-cu12",
    "libnccl.so.2": "nvidia-nccl-cu12",
    "libnvrtc.so.12": "nvidia-cuda-nvrtc-cu12",
    "libnvshmem_host.so.3": "nvidia-nvshmem-cu12",
}


@pytest.mark.parametrize(("soname", "distribution"), TORCH_2_9.items())
def test_what_torch_2_9_needs(soname: str, distribution: str) -> None:
    """Its run paths name these directories, its metadata these distributions."""
    twelve = [c for c in find_distributions(soname) if c.distribution.endswith("-cu12") and c.exact]
    assert {c.distribution for c in twelve} == {distribution}
    folder = re.sub("^nvidia-(.*)-cu12$", r"\1", distribution).replace("-", "_")
    assert f"nvidia/{folder}/lib" in {c.directory for c in twelve}
    assert distribution in find_by_directory(f"nvidia/{folder}/lib")


@pytest.mark.parametrize(
    ("soname", "distribution"),
    [
        ("libcublas.so.13", "nvidia-cublas"),
        ("libcudart.so.13", "nvidia-cuda-runtime"),
        ("libcufft.so.12", "nvidia-cufft"),
        ("libcupti.so.13", "nvidia-cuda-cupti"),
        ("libcusolver.so.12", "nvidia-cusolver"),
        ("libnvJitLink.so.13", "nvidia-nvjitlink"),
        ("libnvrtc.so.13", "nvidia-cuda-nvrtc"),
        ("libnvrtc-builtins.so.13.4", "nvidia-cuda-nvrtc"),
    ],
)
def test_cuda_13_has_no_suffix_and_one_directory(soname: str, distribution: str) -> None:
    assert [(c.distribution, c.directory) for c in find_distributions(soname)] == [
        (distribution, "nvidia/cu13/lib")
    ]
    assert distribution in find_by_directory("nvidia/cu13/lib")


@pytest.mark.parametrize(
    ("soname", "distributions"),
    [
        ("libcublas.so.11", ["nvidia-cublas-cu11"]),
        ("libcublas.so.12", ["nvidia-cublas-cu12"]),
        ("libcudart.so.11.0", ["nvidia-cuda-runtime-cu11"]),
        ("libcudnn.so.8", ["nvidia-cudnn-cu11", "nvidia-cudnn-cu12"]),
        ("libcusparse.so.12", ["nvidia-cusparse", "nvidia-cusparse-cu12"]),
        ("libnccl.so.2", ["nvidia-nccl-cu11", "nvidia-nccl-cu12", "nvidia-nccl-cu13"]),
        ("libnvToolsExt.so.1", ["nvidia-nvtx-cu11", "nvidia-nvtx-cu12"]),
        ("libnvrtc.so.11.2", ["nvidia-cuda-nvrtc-cu11"]),
        ("libcublas.so.14", []),
        ("libcuda.so.1", []),
        ("libcudart.so.11", []),
    ],
)
def test_majors_do_not_mix(soname: str, distributions: list[str]) -> None:
    assert [c.distribution for c in find_distributions(soname)] == distributions


@pytest.mark.parametrize(
    ("soname", "distribution", "directory", "exact"),
    [
        ("libQt5WebEngineCore.so.5", "pyqtwebengine-qt5", "PyQt5/Qt5/lib", True),
        ("libQt63DCore.so.6", "pyside6-addons", "PySide6/Qt/lib", True),
        ("libQt6Pdf.so.6", "pyside6-pdf", "PySide6/Qt/lib", True),
        ("libQt6WebEngineCore.so.6", "pyside6-webengine", "PySide6/Qt/lib", True),
        ("libarrow.so.2600", "pyarrow", "pyarrow", False),
        ("libboost_python312.so.1.90.0", "cmeel-boost", "cmeel.prefix/lib", False),
        ("libc10.so", "torch", "torch/lib", True),
        ("libcasadi.so.3.7", "casadi", "casadi", False),
        ("libgmsh.so.4.11", "gmsh", "../..", False),
        ("libiomp5.so", "intel-openmp", "../..", True),
        ("libmkl_rt.so.2", "mkl", "../..", True),
        ("libmkl_rt.so.3", "mkl", "../..", True),
        ("libopenvino.so.2641", "openvino", "openvino/libs", False),
        ("libpyvex.so", "pyvex", "pyvex/lib", True),
        ("libshiboken6.abi3.so.6.12", "shiboken6", "shiboken6", False),
        ("libtbb.so.12", "tbb", "../..", True),
        ("libtensorflow_framework.so.2", "tensorflow", "tensorflow", True),
        ("libtorch_cuda.so", "torch", "torch/lib", True),
        ("libz3.so.5.3", "z3-solver", "z3/lib", False),
    ],
)
def test_other_carriers(soname: str, distribution: str, directory: str, exact: bool) -> None:
    assert (distribution, directory, exact) in {
        (c.distribution, c.directory, c.exact) for c in find_distributions(soname)
    }


@pytest.mark.parametrize("soname", ["libgomp.so.1", "libc.so.6", "libhighs.so.1", "libx"])
def test_what_a_wheel_carries_for_itself_is_not_offered(soname: str) -> None:
    assert find_distributions(soname) == ()


def test_exact_names_come_first() -> None:
    for soname in ("libtbb.so.12", "libQt6Pdf.so.6", "libz3.so.5.3"):
        order = [(not c.exact, c.distribution, c.directory) for c in find_distributions(soname)]
        assert order == sorted(order)
        assert len(order) == len(set(order))


def test_directories() -> None:
    assert find_by_directory("nvidia/cublas/lib") == ("nvidia-cublas-cu11", "nvidia-cublas-cu12")
    assert {"nvidia-cublas", "nvidia-cusparselt-cu13", "nvidia-nvjitlink"} <= set(
        find_by_directory("nvidia/cu13/lib")
    )
    assert {"mkl", "tbb"} <= set(find_by_directory("../.."))
    assert find_by_directory("nvidia") == ()


SMALL_WHEELS = (
    "cmeel-urdfdom==6.0.0",
    "nvidia-cuda-runtime-cu11==11.8.89",
    "nvidia-cuda-runtime-cu12==12.9.79",
    "nvidia-cuda-runtime==13.5.37",
    "nvidia-cufile-cu12==1.14.1.1",
    "nvidia-nvtx-cu12==12.8.90",
    "rapids-logger==0.3.0",
    "shiboken6==6.12.0",
    "umf==1.2.0",
)


@pytest.mark.network
def test_file_names_are_sonames(tmp_path: Path) -> None:
    """Real wheels: every soname in them is known, in the right directory."""
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in range(39, 4, -1)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version=3.12", f"--dest={tmp_path}", *platforms, "--platform=manylinux2014_x86_64"]
    subprocess.run([*command, "--platform=manylinux1_x86_64", *SMALL_WHEELS], check=True)
    seen = 0
    for path in tmp_path.glob("*.whl"):
        distribution = path.name.partition("-")[0].replace("_", "-").lower()
        with zipfile.ZipFile(path) as wheel:
            for member in wheel.namelist():
                directory, _, name = re.sub(r"^[^/]+\.data/data/lib/", "../../", member).rpartition("/")
                if not re.fullmatch(r"lib.+\.so(\.[0-9]+)*", name):
                    continue
                soname = read_soname(wheel.read(member), tmp_path / name)
                found = {(c.distribution, c.directory) for c in find_distributions(soname)}
                assert (distribution, directory) in found, (path.name, member, soname)
                seen += 1
    assert seen >= len(SMALL_WHEELS)


def read_soname(content: bytes, path: Path) -> str:
    """DT_SONAME, by a reader that shares nothing with wheelfix."""
    path.write_bytes(content)
    done = subprocess.run(
        ["readelf", "--dynamic", "--wide", path], capture_output=True, text=True, check=True
    )
    match = re.search(r"\(SONAME\)\s+Library soname: \[(.+)\]", done.stdout)
    assert match is not None, path
    return match[1]


def test_name_without_a_version_is_the_same_library() -> None:
    # hpp-fcl is built against a cmeel-octomap whose libraries had no version in their names.
    (carrier,) = find_distributions("liboctomath.so")
    assert (carrier.distribution, carrier.directory) == ("cmeel-octomap", "cmeel.prefix/lib")
