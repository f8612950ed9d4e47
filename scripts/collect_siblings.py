"""Collect which distributions carry which shared libraries, for ``wheelfix/index/data/siblings.json``.

    python scripts/collect_siblings.py            # rewrites the table
    python scripts/collect_siblings.py --check    # exit 1 if the table would change

pip does all the talking to the package index, with whatever index it is configured for: it picks the
wheels (``pip install --dry-run --report``), and its lazy zip reader fetches only the end of each wheel,
where a zip keeps its list of members. No wheel is downloaded whole and nothing is installed. Requests go
out one after the other.

Which members count: files named like libraries (``lib*.so``, ``lib*.so.N``) in a directory other libraries
link to. Plugins, stubs, extension modules and copies that auditwheel vendored under a hashed name do
not. A wheel holds no symbolic links, so the file names are the names the loader looks for; the tests
check that they equal DT_SONAME in wheels small enough to fetch.

To add a distribution, add its name to one of the lists below.
"""

from __future__ import annotations

import argparse
import json
import posixpath
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from pip._internal.network.lazy_wheel import LazyZipOverHTTP
from pip._internal.network.session import PipSession

TABLE = Path(__file__).parent.parent / "wheelfix" / "index" / "data" / "siblings.json"
SOURCES = (
    "PyPI: the lists of members of wheels, read by scripts/collect_siblings.py",
    "for x86_64, the newest release of each CUDA major, and older ones where their names differ",
)

CUDA_TOOLKIT = """
cublas cuda-cupti cuda-nvcc cuda-nvrtc cuda-opencl cuda-runtime cufft cufile curand cusolver cusparse npp
nvfatbin nvjitlink nvjpeg nvtx
"""
CUDA_EXTRA = """
nvidia-cudnn nvidia-cusparselt nvidia-nccl nvidia-nvshmem nvidia-cublasmp nvidia-cusolvermp nvidia-cudss
nvidia-libnvcomp nvidia-nvjpeg2k nvidia-nvtiff nvidia-nvimgcodec cutensor custatevec cutensornet
cudensitymat libcudf libcugraph libcuml libcuvs libkvikio libraft librmm libucx
"""
CUDA_11 = """
nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn nvidia-cufft
nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-nccl nvidia-npp nvidia-nvjpeg nvidia-nvtx cutensor
custatevec cutensornet
"""
INTEL = """
daal impi-rt intel-cmplr-lib-rt intel-cmplr-lib-ur intel-opencl-rt intel-openmp intel-sycl-rt mkl
onemkl-sycl-blas onemkl-sycl-datafitting onemkl-sycl-dft onemkl-sycl-lapack onemkl-sycl-rng
onemkl-sycl-sparse onemkl-sycl-stats onemkl-sycl-vm tbb tcmlib umf
"""
QT = """
pyqt3d-qt5 pyqt5-qt5 pyqt6-3d-qt6 pyqt6-charts-qt6 pyqt6-datavisualization-qt6 pyqt6-networkauth-qt6
pyqt6-qt6 pyqt6-webengine-qt6 pyqtchart-qt5 pyqtdatavisualization-qt5 pyqtwebengine-qt5 pyside6-addons
pyside6-essentials pyside6-pdf pyside6-webengine shiboken6
"""
CMEEL = """
cmeel-assimp cmeel-boost cmeel-console-bridge cmeel-octomap cmeel-qhull cmeel-tinyxml2 cmeel-urdfdom
cmeel-zlib coal eigenpy eiquadprog libcoal libcrocoddyl libpinocchio pin
"""
OTHER = """
apache-tvm-ffi cadquery-ocp casadi dpctl gmsh jax-cuda12-plugin jax-cuda13-plugin jaxlib libclang mpich
openmpi openvino pyarrow pyvex rapids-logger tensorflow tensorflow-cpu torch torchcodec unicorn usd-core
vtk xgboost z3-solver
"""
# Names and places that moved: what releases still in use have.
OLDER = """
mkl<2025 nvidia-cuda-cupti-cu11==11.7.101 nvidia-cudnn-cu11<9 nvidia-cudnn-cu12<9 nvidia-cudss-cu12<1
nvidia-cusparselt-cu12==0.6.2 nvidia-libnvcomp-cu12<6 nvidia-nvtx-cu12==12.1.105 pyarrow<20 tbb<2022
torch==2.9.1 z3-solver<4.13
"""

GROUPS = (
    ("3.11", "{}-cu11", CUDA_11),
    ("3.11", "{}", OLDER),
    ("3.11", "{}", "torch==2.0.1"),
    ("3.12", "nvidia-{}-cu12", CUDA_TOOLKIT),
    ("3.12", "{}-cu12", CUDA_EXTRA),
    ("3.12", "nvidia-{}", CUDA_TOOLKIT + "nvvm"),
    ("3.12", "{}-cu13", CUDA_EXTRA),
    ("3.12", "{}", INTEL),
    ("3.12", "{}", QT),
    ("3.10", "{}", "pyside2 shiboken2"),
    ("3.12", "{}", CMEEL),
    ("3.12", "{}", OTHER),
)
"""Python version, name pattern, names: resolved together, without their dependencies."""

PLATFORMS = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(39, 4, -1)),
    *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"),
)

LIBRARY = re.compile(r"(lib.+?\.so)((?:\.[0-9]+)*)")
VENDORED = re.compile(r"-[0-9a-f]{8}(\.|$)|\.cpython-3")
NOT_LINKED = frozenset(
    {
        "examples",
        "extensions",
        "imageformats",
        "libfabric",
        "plugins",
        "qml",
        "stubs",
        "tests",
        "translations",
        "ucx",
    }
)

OWN: tuple[tuple[str, str], ...] = (
    # distribution, the sonames that are its own: it carries others for itself alone
    (r"casadi", r"libcasadi.*"),
    (r"mpich|openmpi", r"libmpi.*|libopen-.*"),
    (r"tcmlib", r"libtcm.*"),
    (r"tensorflow.*", r"libtensorflow_.*"),
    (r"torch", r"lib(?!gomp|gfortran).*"),
)

GLOBS: tuple[tuple[str, str, str], ...] = (
    # distribution, soname, what to write instead (a regex substitution)
    (r"cmeel-boost", r"libboost_.*", "libboost_*.so.*"),
    (r"casadi", r"libcasadi_.*", "libcasadi_*.so.*"),
    (r"casadi", r"libcasadi\.so\..*", "libcasadi.so.*"),
    (r"vtk", r"lib(vtk|viskores).*", r"lib\1*.so"),
    (r"nvidia-.*", r"(libnvrtc-builtins(?:\.alt)?\.so\.[0-9]+)\.[0-9]+", r"\1.*"),
    (
        r"(?:cmeel-|coal|eigenpy|gmsh|openvino|pin|pyarrow|pyside|shiboken|unicorn|z3).*",
        r"(.+\.so)\.[0-9]{3,}(?:\.[0-9]+)*|(.+\.so)(?:\.[0-9]+){2,}",
        r"\1\2.*",
    ),
    (r"openvino|cmeel-assimp|cmeel-tinyxml2|cmeel-urdfdom", r"(lib(?!tbb|hwloc).+\.so)\.[0-9]{1,4}", r"\1.*"),
)


def main() -> int:
    """Collect, then write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if the table would change"
    )
    options = parser.parse_args()
    carried: dict[str, dict[str, set[str]]] = {}
    session = PipSession(retries=3)
    for python, pattern, names in GROUPS:
        for name, url in pick_wheels(python, [pattern.format(name) for name in names.split()]):
            for directory, soname in find_libraries(list_members(url, session)):
                if (written := generalise(name, soname)) is not None:
                    carried.setdefault(name, {}).setdefault(directory, set()).add(written)
            print(f"{name}: {url.rpartition('/')[2]}", file=sys.stderr)
    table = sort(carried)
    if options.check:
        return int(table != json.loads(TABLE.read_text(encoding="utf-8"))["distributions"])
    TABLE.write_text(render(table, datetime.now(UTC).date().isoformat()), encoding="utf-8")
    return 0


def pick_wheels(python: str, requirements: list[str]) -> list[tuple[str, str]]:
    """Let pip choose one x86_64 wheel per requirement; requirements it has no wheel for are skipped.

    Returns:
        (normalised distribution, URL), sorted.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.json")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed")
        which = ("--no-deps", "--only-binary=:all:", "--implementation=cp", f"--python-version={python}")
        platforms = (f"--platform={platform}" for platform in PLATFORMS)
        command = [*pip, *which, *platforms, f"--target={scratch}", f"--report={report}", *requirements]
        done = subprocess.run(command, text=True, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            missing = re.search(r"No matching distribution found for (\S+)", done.stderr)
            if missing is None or missing[1] not in requirements:
                raise SystemExit(done.stderr)
            print(f"{missing[1]}: no wheel, skipped", file=sys.stderr)
            return pick_wheels(python, [r for r in requirements if r != missing[1]])
        chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    return sorted(
        (re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower(), item["download_info"]["url"])
        for item in chosen
    )


def list_members(url: str, session: PipSession) -> list[str]:
    """Read the member names from the end of a wheel."""
    if url.startswith("file:"):
        with ZipFile(url.removeprefix("file://")) as archive:
            return archive.namelist()
    with LazyZipOverHTTP(url, session) as remote, ZipFile(remote) as archive:
        return archive.namelist()


def find_libraries(members: list[str]) -> list[tuple[str, str]]:
    """Pick the libraries others can link to: (directory relative to site-packages, file name).

    Of ``libx.so``, ``libx.so.1`` and ``libx.so.1.2.3`` in one directory only ``libx.so.1`` is kept: the
    first is for the linker, the last what the second stood for before the wheel lost its links.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for member in members:
        scheme = re.fullmatch(r"[^/]+\.data/(purelib|platlib|data)/(.+)", member)
        path = PurePosixPath(scheme[2] if scheme else member)
        linked = not NOT_LINKED.intersection(path.parts) and not path.parts[0].endswith((".data", ".libs"))
        name = LIBRARY.fullmatch(path.name)
        if linked and name and not VENDORED.search(path.name):
            directory = str(path.parent)
            if scheme and scheme[1] == "data":  # the prefix: lib/python3.N/site-packages is three levels down
                directory = posixpath.relpath(directory, "lib/python3/site-packages")
            found.setdefault((directory, name[1]), []).append(name[2])
    return [
        (place, stem + min(filter(None, ends), key=len, default="")) for (place, stem), ends in found.items()
    ]


def generalise(distribution: str, soname: str) -> str | None:
    """Write a pattern where the version moves with every release; None for what is not its own."""
    if any(re.fullmatch(who, distribution) and not re.fullmatch(what, soname) for who, what in OWN):
        return None
    for who, what, instead in GLOBS:
        if re.fullmatch(who, distribution) and re.fullmatch(what, soname):
            return re.sub(what, instead, soname, count=1)
    return soname


def sort(carried: dict[str, dict[str, set[str]]]) -> dict[str, dict[str, list[str]]]:
    """Put everything into the order of the file."""
    return {
        distribution: {directory: sorted(sonames) for directory, sonames in sorted(directories.items())}
        for distribution, directories in sorted(carried.items())
    }


def render(table: dict[str, dict[str, list[str]]], date: str) -> str:
    """Write the table, one soname a line, so that a change is a line."""
    return json.dumps({"sources": SOURCES, "date": date, "distributions": table}, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
