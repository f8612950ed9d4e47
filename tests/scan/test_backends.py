"""Alternatives: which files of a wheel are used, and what the needs of the others become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.facts import open_table
from tests.support.objects import elf, wheel
from tests.support.wheel import build_wheel
from wheelfix.model.at_hand import AtHand
from wheelfix.model.backends import Backend, Gpu, WishClue
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject
from wheelfix.model.override import Cuda
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Level, WheelScan
from wheelfix.model.tables import load_table
from wheelfix.model.wheel import Distribution
from wheelfix.override.plan import plan_override
from wheelfix.scan.at_hand import find_carried
from wheelfix.scan.backends import CPU, Backends, find_wish, parse_backend
from wheelfix.scan.conclude import conclude, retrace_needs
from wheelfix.scan.read import read_wheel

CUDA11 = ("libcublas.so.11", "libcudart.so.11.0")
CUDA12 = ("libcublas.so.12", "libcudart.so.12")
CUDA13 = ("libcublas.so.13", "libcudart.so.13")
ROCM6, ROCM7 = ("libhipblas.so.2",), ("libhipblas.so.3",)
FAMILY = [
    elf("demo/libdemo_cpu.so", needed=["libgomp.so.1"]),
    elf("demo/libdemo_cuda118.so", needed=CUDA11),
    elf("demo/libdemo_cuda128.so", needed=[*CUDA12, "libcurand.so.10"]),
    elf("demo/libdemo_cuda130.so", needed=[*CUDA13, "libcurand.so.10"]),
    elf("demo/libdemo_rocm64.so", needed=ROCM6),
    elf("demo/libdemo_rocm71.so", needed=ROCM7),
    elf("demo/libdemo_xpu2025.so", needed=["libsycl.so.8"]),
]


def scan(
    objects: Sequence[ElfObject],
    *,
    gpu: Gpu | None = None,
    dist: Distribution | None = None,
    versions: Mapping[str, str] | None = None,
) -> WheelScan:
    reading = Reading(distribution=dist or wheel(), objects=tuple(sorted(objects, key=lambda o: o.path)))
    at_hand = AtHand(versions=versions or {})
    return conclude(reading, open_table(), at_hand=at_hand, gpu=gpu.backend if gpu else None)


def list_unused(found: WheelScan) -> set[str]:
    return {need.soname for need in found.needs if need.unused}


def find_chosen(found: WheelScan) -> list[str]:
    return [one.backend.label for one in found.alternatives if one.chosen and one.backend.name != CPU]


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("cuda118", "cuda 11.8"),
        ("cuda", "cuda "),
        ("cu129", "cuda 12.9"),
        ("cu12", "cuda 12"),
        ("cuda12x", "cuda 12"),
        ("CUDA", "cuda "),
        ("rocm64", "rocm 6.4"),
        ("rocm714", "rocm 7.14"),
        ("rocm6.4", "rocm 6.4"),
        ("xpu2025", "xpu 2025"),
        ("kompute", "vulkan "),
        ("trt", "tensorrt "),
        ("cpu", "cpu "),
    ],
)
def test_a_word_is_a_backend_with_its_version(word: str, label: str) -> None:
    found = parse_backend(word)
    assert found
    assert f"{found.name} {found.version}" == label


@pytest.mark.parametrize("word", ["cu", "avx2", "core", "cpus", "vulkan2", "", "128", "nvidia"])
def test_other_words_are_none(word: str) -> None:
    assert parse_backend(word) is None


def test_a_vendor_is_a_backend_as_a_directory_only() -> None:
    assert parse_backend("nvidia", directory=True) == Backend(name="cuda")
    assert parse_backend("amd", directory=True) == Backend(name="rocm")


def test_words_belong_to_one_backend_and_cpu_is_the_last_one() -> None:
    rows = load_table(Backends).backends
    words = [word for row in rows for word in (*row.words, *row.directories, *row.versioned)]
    assert len(words) == len(set(words))
    assert all(word.isalpha() and word.islower() for word in words)
    assert rows[-1].name == CPU
    assert {gpu.backend.name for gpu in Gpu} <= {row.name for row in rows}


def test_one_cuda_is_used_and_the_others_bring_nothing() -> None:
    found = scan(FAMILY)
    assert find_chosen(found) == ["cuda12"]
    assert list_unused(found) == {*CUDA11, *CUDA13, *ROCM6, *ROCM7, "libsycl.so.8"}
    assert set(found.ignore_missing) == list_unused(found)
    attrs = {
        "cudaPackages.cuda_cudart",
        "cudaPackages.libcublas",
        "cudaPackages.libcurand",
        "stdenv.cc.cc.lib",
    }
    assert set(found.build_inputs) == attrs
    assert found.answered, "libhipblas.so.2 and libsycl.so.8 are not used"


@pytest.mark.parametrize(
    ("gpu", "chosen", "inputs"),
    [
        (Gpu.CUDA12, ["cuda12"], {"cudaPackages.libcublas"}),
        (Gpu.CUDA13, ["cuda13"], {"cudaPackages_13.libcublas", "cudaPackages_13.libcurand"}),
        (Gpu.ROCM, ["rocm7"], {"rocmPackages.hipblas"}),
        (Gpu.XPU, ["xpu2025"], set()),
        (Gpu.CPU, [], set()),
    ],
)
def test_the_user_chooses(gpu: Gpu, chosen: list[str], inputs: set[str]) -> None:
    found = scan(FAMILY, gpu=gpu)
    assert find_chosen(found) == chosen
    gpus = {attr for attr in found.build_inputs if attr.startswith(("cudaPackages", "rocmPackages"))}
    assert inputs <= gpus
    assert len({attr.partition(".")[0] for attr in gpus}) <= 1
    assert "libgomp.so.1" not in list_unused(found)
    assert found.answered is (gpu is not Gpu.XPU), "nobody has libsycl.so.8"


def test_a_library_of_all_cudas_comes_from_the_set_that_is_used() -> None:
    for gpu, attr in ((Gpu.CUDA12, "cudaPackages.libcurand"), (Gpu.CUDA13, "cudaPackages_13.libcurand")):
        (need,) = [n for n in scan(FAMILY, gpu=gpu).needs if n.soname == "libcurand.so.10"]
        assert [p.attr for p in need.providers] == [attr]


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        ({"nvidia-cublas-cu13": "13.0"}, "cuda13"),
        ({"nvidia-cuda-runtime": "13.0.48"}, "cuda13"),
        ({"torch": "2.9.1+cu130"}, "cuda13"),
        ({"torch": "2.9.1+rocm6.4"}, "rocm7"),
        ({"torch": "2.9.1+cpu", "nvidia-nccl-cu13": "2"}, None),
        ({"nvidia-nccl-cu12": "2", "nvidia-cublas-cu13": "13"}, "cuda13"),
        ({"triton-rocm": "3.5"}, "rocm7"),
        ({"numpy": "2.0"}, "cuda12"),
        ({"torch": "2.9.1+nonsense"}, "cuda12"),
    ],
)
def test_what_is_at_hand_chooses(versions: dict[str, str], chosen: str | None) -> None:
    assert find_chosen(scan(FAMILY, versions=versions)) == ([chosen] if chosen else [])


@pytest.mark.parametrize(
    ("dist", "backend", "clue"),
    [
        (replace(wheel(), version="1.0+cu130"), "cuda13", WishClue.OWN),
        (wheel("demo-cu13"), "cuda13", WishClue.OWN),
        (wheel("demo-cuda13x"), "cuda13", WishClue.OWN),
        (wheel(requires=["nvidia-cublas-cu13"]), "cuda13", WishClue.OWN),
        (wheel(requires=["nvidia-cublas"]), "cuda13", WishClue.OWN),
        (replace(wheel(), variant="cu130"), "cuda13", WishClue.VARIANT),
        (replace(wheel(), variant="rocm7"), "rocm7", WishClue.VARIANT),
        (replace(wheel(), variant="null"), "cuda12", WishClue.NIXPKGS),
        (
            replace(
                wheel("demo-cu12"),
                variant="fast",
                properties={"nvidia": {"cuda_version_lower_bound": ("13.0",), "sm_arch": ("90_real",)}},
            ),
            "cuda13",
            WishClue.VARIANT,
        ),
        (
            replace(wheel(), variant="x", properties={"amd": {"gfx_arch": ("gfx942",)}}),
            "rocm",
            WishClue.VARIANT,
        ),
        (
            replace(wheel(), variant="x", properties={"x86_64": {"level": ("v3",)}}),
            "cuda12",
            WishClue.NIXPKGS,
        ),
        (wheel(), "cuda12", WishClue.NIXPKGS),
    ],
)
def test_what_a_wheel_says_of_itself(dist: Distribution, backend: str, clue: WishClue) -> None:
    wish = find_wish(dist, AtHand())
    assert (wish.backend.label, wish.clue) == (backend, clue)


def test_cuda_11_is_used_where_its_wheels_are_at_hand() -> None:
    names = {"nvidia-cublas-cu11": ["libcublas.so.11"], "nvidia-cuda-runtime-cu11": ["libcudart.so.11.0"]}
    wheels = [
        (wheel(name), [elf(f"nvidia/x/lib/{s}", soname=s) for s in sonames])
        for name, sonames in names.items()
    ]
    reading = Reading(distribution=wheel(), objects=tuple(FAMILY))
    found = conclude(reading, open_table(), at_hand=find_carried(wheels))
    assert find_chosen(found) == ["cuda11"]
    needs = {need.soname: need for need in found.needs}
    assert {needs[s].distribution for s in CUDA11} == set(names)
    assert not any(attr.startswith("cuda") for attr in found.build_inputs)


def test_a_backend_that_nobody_has_any_more_gives_way() -> None:
    plugins = [
        elf("demo/libmain.so", needed=["libc.so.6"]),
        elf("demo/libmodel-cuda.so", needed=[*CUDA11, "libcuda.so.1"]),
        elf("demo/libmodel-kompute.so", needed=["libc.so.6"]),
    ]
    found = scan(plugins)
    assert find_chosen(found) == ["vulkan"]
    assert list_unused(found) == {*CUDA11, "libcuda.so.1"}
    assert found.build_inputs == ()
    assert [f for f in found.findings if f.level is not Level.NOTE] == []
    alone = scan(plugins[:2])
    assert find_chosen(alone) == []
    (warning,) = [f for f in alone.findings if f.level is Level.WARNING]
    assert "libcublas.so.11" in warning.message
    assert alone.answered


def test_a_wheel_that_is_for_cuda_11_alone_says_so_and_the_way_out() -> None:
    found = scan([elf("demo/core.so", needed=[*CUDA11, "libcurand.so.10"])], dist=wheel("demo-cuda11x"))
    assert found.build_inputs == ()
    assert found.alternatives == ()
    (warning,) = [f for f in found.findings if f.level is Level.WARNING]
    for word in ("CUDA 11", "cudaPackages_11", "nvidia-cublas-cu11", "nvidia-curand-cu11", "demo-cuda12x"):
        assert word in warning.message
    assert {n.need_class for n in found.needs} == {NeedClass.SIBLING}


def test_what_the_rest_of_a_wheel_is_linked_against_is_no_alternative() -> None:
    objects = [
        elf("demo/libdemo_cuda.so", soname="libdemo_cuda.so", needed=CUDA12),
        elf("demo/libdemo_cpu.so", soname="libdemo_cpu.so"),
        elf("demo/core.so", needed=["libdemo_cuda.so", "libdemo_cpu.so"]),
    ]
    found = scan(objects, gpu=Gpu.ROCM)
    assert (found.alternatives, list_unused(found)) == ((), set())


def test_modules_in_a_package_that_is_named_like_a_backend_are_none() -> None:
    objects = [
        elf("demo/cuda/stream.cpython-312-x86_64-linux-gnu.so", needed=CUDA12),
        elf("demo/cuda/_cuda.cpython-312-x86_64-linux-gnu.so", needed=["libnvrtc.so.12"]),
        elf("demo/core.cpython-312-x86_64-linux-gnu.so"),
    ]
    assert scan(objects, gpu=Gpu.CPU).alternatives == ()


@pytest.mark.parametrize(
    "paths",
    [
        ("demo/lib/cuda/libx.so", "demo/lib/avx2/libx.so"),
        ("demo/lib/nvidia/libx.so", "demo/lib/amd/liby.so"),
        ("demo/cuda/pybind.so", "demo/cpu/pybind.so"),
        ("demo/libx-cuda.so", "demo/libx-opencl.so"),
        ("demo/libproviders_cuda.so", "demo/libproviders_shared.so"),
    ],
)
def test_directories_and_plugins_are_alternatives(paths: tuple[str, str]) -> None:
    found = scan([elf(paths[0], needed=CUDA12), elf(paths[1])], gpu=Gpu.CPU)
    assert list_unused(found) == set(CUDA12)


def test_what_only_an_alternative_loads_goes_with_it() -> None:
    objects = [
        elf("demo/core.so", needed=["libshared.so"]),
        elf("demo/libprovider_cuda.so", needed=[*CUDA12, "libhelper.so", "libshared.so"]),
        elf("demo/libhelper.so", soname="libhelper.so", needed=["libnccl.so.2"]),
        elf("demo/libshared.so", soname="libshared.so", needed=["libz.so.1"]),
    ]
    assert list_unused(scan(objects, gpu=Gpu.CPU)) == {*CUDA12, "libnccl.so.2", "libhelper.so"}
    assert "libhelper.so" not in scan(objects, gpu=Gpu.CPU).ignore_missing, "the hook finds it"


def test_a_version_comes_from_what_a_file_is_linked_against() -> None:
    objects = [
        elf("demo/core.so"),
        elf("demo/libproviders_cuda.so", needed=CUDA13),
        elf("demo/libproviders_tensorrt.so", needed=["libnvinfer.so.10", "libcudart.so.13"]),
    ]
    found = scan(objects)
    assert find_chosen(found) == ["cuda13"]
    assert list_unused(found) == {"libnvinfer.so.10"}
    assert all(attr.startswith("cudaPackages_13.") for attr in found.build_inputs)


def test_what_is_not_there_for_the_gpu_asked_for_is_told() -> None:
    objects = [elf("demo/core.so"), elf("demo/libproviders_cuda.so", needed=CUDA13)]
    for gpu, chosen in ((Gpu.ROCM, []), (Gpu.CUDA12, ["cuda13"])):
        found = scan(objects, gpu=gpu)
        assert find_chosen(found) == chosen
        warnings = [f for f in found.findings if f.level is Level.WARNING and f.subject != "nixpkgs"]
        assert len(warnings) == (0 if chosen else 1)
        assert all(f"no file here is for {gpu}" in f.message for f in warnings)


def test_an_override_ignores_by_exact_name_with_the_reason() -> None:
    reading = Reading(distribution=wheel(), objects=tuple(FAMILY))
    for cuda in Cuda:
        plan = plan_override(reading, conclude(reading, open_table()), cuda)
        ignored = {one.soname: one.reason for one in plan.ignored}
        assert ignored.keys() == {*CUDA11, *CUDA13, *ROCM6, *ROCM7, "libsycl.so.8"}
        assert ignored["libhipblas.so.2"].startswith("only for rocm6: cuda12 is used")
        assert {one.attr.partition(".")[0] for one in plan.inputs} == {"cudaPackages", "stdenv"}
        assert plan.driver == ()


def test_explaining_a_need_chooses_alike() -> None:
    reading = Reading(distribution=wheel(), objects=tuple(FAMILY))
    for gpu in (None, Gpu.CUDA13.backend):
        (need,) = [n for n in conclude(reading, open_table(), gpu=gpu).needs if n.soname == "libcurand.so.10"]
        (trace,) = retrace_needs(reading, open_table(), "libcurand.so.10", gpu=gpu)
        assert trace.need == need


def test_a_variant_wheel_is_read_with_its_label_and_properties(tmp_path: Path) -> None:
    files = {
        f"demo/libdemo_{name}.so": build_elf(tmp_path, f"libdemo_{name}.so", needed=needed)
        for name, needed in (("cuda12", CUDA12), ("cuda13", CUDA13))
    }
    text = b'{"variants": {"fast": {"nvidia": {"cuda_version_lower_bound": ["13.0"]}}}}'
    name = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64-fast.whl"
    path = build_wheel(tmp_path, files={**files, "demo-1.0.dist-info/variant.json": text}, filename=name)
    found = conclude(read_wheel(path), open_table())
    assert (found.variant, found.tags) == ("fast", ("cp312-cp312-manylinux_2_28_x86_64",))
    assert find_chosen(found) == ["cuda13"]
    renamed = path.rename(tmp_path / "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert conclude(read_wheel(renamed), open_table()).variant == "fast"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"variants": 3}',
        b'{"variants": {"fast": []}}',
        b"[" * 5000,
        b'{"variants": {"x": {"n": 1}}}',
    ],
)
def test_a_damaged_variant_json_is_no_traceback(tmp_path: Path, text: bytes) -> None:
    name = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64-cu130.whl"
    files = {"demo/core.so": build_elf(tmp_path, "core.so"), "demo-1.0.dist-info/variant.json": text}
    found = read_wheel(build_wheel(tmp_path, files=files, filename=name)).distribution
    assert (found.variant, dict(found.properties)) == ("cu130", {})


def test_modules_that_python_imports_are_all_used() -> None:
    tagged = [
        elf("m/_vulkan.cpython-312-x86_64-linux-gnu.so", needed=["libvulkan.so.1"]),
        elf("m/_opencl.cpython-312-x86_64-linux-gnu.so", needed=["libOpenCL.so.1"]),
    ]
    folders = [elf("m/intel/_a.so", needed=["libtbb.so.12"]), elf("m/amd/_b.so", needed=["libz.so.1"])]
    numbered = [elf("m/_a1.so", needed=["libtinfo.so.5"]), elf("m/_a2.so", needed=["libtinfo.so.6"])]
    for objects in (tagged, folders, numbered):
        assert list_unused(scan(objects)) == set()


def test_names_with_thousands_of_digits_are_names() -> None:
    many = "9" * 5000
    objects = [
        elf(f"m/libx_cuda{many}.so", needed=[f"libcudart.so.{many}"]),
        elf("m/libx_rocm6.so"),
        elf("m/liby_core7.so", needed=["libfoo.so.7"]),
        elf("m/liby_core8.so", needed=[f"libfoo.so.{many}"]),
    ]
    assert scan(objects).needs
