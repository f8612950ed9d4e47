"""Messages about GPUs: drivers, and the libraries of CUDA that programs open by name.

The user-space half of a driver is never in a package; see :mod:`wheelfix.index.driver`. What frameworks open
of CUDA is in wheels (``nvidia/*/lib``) or in ``cudaPackages``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.troubles.settings import (
    find_inside,
    list_directories,
    list_wheels,
    write_nixos,
    write_shell,
)
from wheelfix.explain.wording import SONAME, Around, word
from wheelfix.index.driver import RUN_PATH, WSL_PATH
from wheelfix.nix.parts import take
from wheelfix.nix.tree import TRUE, Binding, Expr, List, Str, select, text

_DRIVER = SymptomKind.NO_DRIVER
_NO_DRIVER = (
    # torch: c10/cuda/CUDAFunctions.cpp, aten/src/ATen/cuda/detail/CUDAHooks.cpp.
    ("Found no NVIDIA driver", r"Found no NVIDIA driver on your system"),
    # CUDA: cudaGetErrorString, in the words of whoever calls it.
    ("CUDA driver version is insuff", r"CUDA driver version is insufficient for CUDA runtime version"),
    ("no CUDA-capable device", r"no CUDA-capable device is detected"),
    ("No visible GPU devices", r"No visible GPU devices"),
    ("CUDA unknown error", r"CUDA unknown error - this may be due to an incorrectly set up environment"),
    ("No CUDA GPUs are available", r"No CUDA GPUs are available"),
    ("CUDA_ERROR_NO_DEVICE", r"CUDA_ERROR_(?:NO_DEVICE|SYSTEM_DRIVER_MISMATCH|NOT_INITIALIZED|UNKNOWN)"),
    ("call to cuInit", r"call to cuInit[^\n]{0,40}?(?:CUDA_ERROR|UNKNOWN ERROR|CUDA error)"),
    # NVIDIA: pynvml.py, nvidia-ml-py; torch and its like initialise NVML.
    ("NVML Shared Library", r"NVML Shared Library Not Found"),
    ("NVML", r"(?:[Cc]an't|[Ff]ailed to|[Cc]ould not) initialize NVML(?!: Driver/library)"),
    (
        "NVIDIA-SMI has failed",
        r"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver",
    ),
    # tensorflow: tsl/cuda/cudart_stub.cc.
    ("ould not find cuda drivers", r"Could not find cuda drivers on your machine"),
    # bash, zsh, Python: the program of the driver.
    (
        "nvidia-smi",
        r"nvidia-smi: (?:command )?not found|command not found: nvidia-smi|directory: '?nvidia-smi",
    ),
)
"""Phrases and expressions of those who find no driver."""

_PARTS = {
    # what frameworks call a part of CUDA: the wheel's directory and name without the major, nixpkgs' package
    "CUDA": ("cuda_runtime", "cuda-runtime", "cuda_cudart"),
    "cuBLAS": ("cublas", "cublas", "libcublas"),
    "cuDNN": ("cudnn", "cudnn", "cudnn"),
    "cuFFT": ("cufft", "cufft", "libcufft"),
    "CUPTI": ("cuda_cupti", "cuda-cupti", "cuda_cupti"),
    "cuPTI": ("cuda_cupti", "cuda-cupti", "cuda_cupti"),
    "cuRAND": ("curand", "curand", "libcurand"),
    "cuSOLVER": ("cusolver", "cusolver", "libcusolver"),
    "cuSPARSE": ("cusparse", "cusparse", "libcusparse"),
    "NCCL": ("nccl", "nccl", "nccl"),
    "NVRTC": ("cuda_nvrtc", "cuda-nvrtc", "cuda_nvrtc"),
    "nvJitLink": ("nvjitlink", "nvjitlink", "libnvjitlink"),
    "NVVM": ("cuda_nvcc", "cuda-nvcc", "cuda_nvcc"),
}
_CANONICAL = {name.lower(): name for name in _PARTS if name != "cuPTI"} | {
    "device": "NVVM",
    "cublaslt": "cuBLAS",
    "cudart": "CUDA",
    "cudadevrt": "CUDA",
}
_EXTRAS = {
    # frameworks whose extra brings the wheels of CUDA
    "jax": "jax[cuda12]",
    "jaxlib": "jax[cuda12]",
    "tensorflow": "tensorflow[and-cuda]",
    "onnxruntime-gpu": "onnxruntime-gpu[cuda,cudnn]",
    "onnxruntime": "onnxruntime-gpu[cuda,cudnn]",
    "numba": "numba-cuda[cu12]",
    "numba-cuda": "numba-cuda[cu12]",
    "cupy": "cupy-cuda12x[ctk]",
    "cupy-cuda12x": "cupy-cuda12x[ctk]",
    "ctranslate2": "nvidia-cublas-cu12 nvidia-cudnn-cu12",
    "faster-whisper": "nvidia-cublas-cu12 nvidia-cudnn-cu12",
}
_FRAMEWORKS = (
    ("tensorflow", _EXTRAS["tensorflow"]),
    ("onnxruntime", _EXTRAS["onnxruntime"]),
    ("CuPy", _EXTRAS["cupy"]),
    ("jax", _EXTRAS["jax"]),
    ("issues with CUDA components", _EXTRAS["jax"]),
    (". Is it installed?", _EXTRAS["jax"]),
)
"""Words of a line that tell whose words it is."""
_LIBDEVICE = "libdevice"
_DIRECTORIES = {"NVVM": ("nvvm/lib64", "/nvvm/lib")}
"""Where libraries are in a wheel's directory, and in nixpkgs' package, if not in lib."""


def _open_first(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Make a symptom of a library that code opens by name: of several names that it tried, the first."""
    yield Symptom(kind=SymptomKind.MISSING, soname=match["name"], unsure=True)


def _tell_part(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell which parts of CUDA are not found; those of the lines around it are told with it."""
    lines = (*around.before(), match.string, *around.after())
    found = (m["name"] for line in lines for m in _UNABLE.finditer(line))
    names = dict.fromkeys(_CANONICAL[n.lower()] for n in found if n.lower() in _CANONICAL)
    yield Symptom(kind=SymptomKind.NO_CUDA, names=tuple(sorted(names)))


def _tell_opened(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell of a library of CUDA that a framework opens by name: the library, and whose wheels bring it."""
    yield from _open_first(match, around)
    stem = match["name"].removeprefix("lib").partition(".so")[0].partition("_")[0].lower()
    if part := _CANONICAL.get(stem):
        yield Symptom(kind=SymptomKind.NO_CUDA, names=(part,))


def _tell_provider(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Tell which libraries the provider of onnxruntime for CUDA is linked against."""
    yield Symptom(kind=SymptomKind.NO_CUDA)
    of_cuda = _LINKED.get(match["cuda"] or "", ())
    cudnn = (f"libcudnn.so.{match['cudnn']}", "libcuda.so.1") if match["cudnn"] else ()
    for soname in (*cudnn, *of_cuda):
        yield Symptom(kind=SymptomKind.MISSING, soname=soname, unsure=True)


_LINKED = {
    "12": ("libcublasLt.so.12", "libcublas.so.12", "libcudart.so.12", "libcufft.so.11", "libcurand.so.10"),
    "13": ("libcublasLt.so.13", "libcublas.so.13", "libcudart.so.13", "libcufft.so.12", "libcurand.so.10"),
}
"""Libraries of a release of CUDA that the provider is linked against."""


def _tell_libdevice(_match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=SymptomKind.NO_CUDA, names=(_LIBDEVICE,))


def _tell_triton(_match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=SymptomKind.NO_LDCONFIG, distribution="triton")


def _tell_numba(_match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=_DRIVER, names=("NUMBA_CUDA_DRIVER",))


def _tell_named_part(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    name = _CANONICAL.get((match.groupdict().get("name") or "").removeprefix("lib").lower())
    yield Symptom(kind=SymptomKind.NO_CUDA, names=(name,) if name else ())


_UNABLE = re.compile(r"Unable to load (?P<name>CUDA|cu[A-Z]\w+|CUPTI|NCCL|NVRTC|nvJitLink)\b")

WORDINGS = (
    # triton: backends/nvidia/driver.py asks ldconfig, and says so if it got no answer.
    word(
        SymptomKind.NO_LDCONFIG,
        "/sbin/ldconfig",
        r"(?:No such file or directory|not found): '?/sbin/ldconfig",
    ),
    word(
        SymptomKind.NO_LDCONFIG, "/sbin/ldconfig", r"/sbin/ldconfig: (?:No such file|(?:command )?not found)"
    ),
    word(
        SymptomKind.NO_LDCONFIG,
        "ldconfig",
        r"(?:Command '?\[?|command: ?)['\"]?(?:/\S*/)?ldconfig['\"]?[^\n]{0,60}?"
        r"(?:returned non-zero exit status|died with|failed)",
    ),
    word(
        SymptomKind.NO_LDCONFIG,
        "ldconfig",
        r"(?:No such file or directory|not found|[Cc]ouldn't find|[Cc]an't open cache file)[^\n]{0,20}?"
        r"(?<![\w-])(?:'ldconfig'|ldconfig$|/etc/ld\.so\.cache|/nix/store/\S+/etc/ld\.so\.cache)",
    ),
    word(SymptomKind.NO_LDCONFIG, "cannot found", r"libcuda\.so cannot found", _tell_triton),
    *(word(_DRIVER, phrase, expression) for phrase, expression in _NO_DRIVER),
    # numba: cuda/cudadrv/driver.py.
    word(_DRIVER, "CUDA driver library cannot", r"CUDA driver library cannot be found", _tell_numba),
    # torch: c10/cuda/CUDAFunctions.cpp.
    word(
        _DRIVER,
        "NVIDIA driver on your system is too old",
        r"NVIDIA driver on your system is too old(?: \(found version (?P<version>\d+)\))?",
    ),
    # CUDA: cudaErrorStubLibrary.
    word(SymptomKind.STUB_DRIVER, "CUDA driver is a stub", r"CUDA driver is a stub library"),
    # NVML: nvmlErrorString.
    word(SymptomKind.DRIVER_MISMATCH, "NVML", r"initialize NVML: Driver/library version mismatch"),
    # jax: jax/_src/xla_bridge.py.
    word(SymptomKind.NO_CUDA, "Unable to load ", _UNABLE.pattern, _tell_part),
    word(SymptomKind.NO_CUDA, "Error loading CUDA libraries", r"Error loading CUDA libraries", _tell_part),
    # NVRTC itself; XLA.
    word(
        SymptomKind.NO_CUDA,
        "nvrtc-builtins",
        r"[Ff]ailed to (?:open|load) lib(?P<name>nvrtc)-builtins\.so",
        _tell_named_part,
    ),
    word(SymptomKind.NO_CUDA, "libdevice not found", r"libdevice not found at", _tell_libdevice),
    word(
        SymptomKind.NO_CUDA,
        "find libdevice directory",
        r"(?:Can't|Couldn't|Could not|Cannot) find libdevice directory",
        _tell_libdevice,
    ),
    # torch: aten/src/ATen/DynamicLibrary.cpp; cupy: _environment.py; paddle and others in their words.
    word(
        SymptomKind.MISSING,
        "Error in dlopen",
        rf"Error in dlopen(?: for library)?:? (?P<name>{SONAME})",
        _open_first,
    ),
    word(
        SymptomKind.MISSING,
        "CuPy failed to load",
        rf"CuPy failed to load (?P<name>{SONAME})",
        _tell_opened,
    ),
    # ctranslate2: src/cuda/cublas_stub.cc; cuDNN 9: the names it tried, most exact first.
    word(
        SymptomKind.MISSING,
        "is not found or cannot be loaded",
        rf"Library (?P<name>{SONAME}) is not found or cannot be loaded",
        _tell_opened,
    ),
    word(
        SymptomKind.NO_CUDA,
        "Unable to load any of",
        r"Unable to load any of \{lib(?P<name>cudnn|cublas)",
        _tell_named_part,
    ),
    # onnxruntime: python/onnxruntime_pybind_state.cc.
    word(
        SymptomKind.NO_CUDA,
        "Failed to create CUDAExec",
        r"Failed to create CUDAExecutionProvider(?:[^\n]{0,40}?cuDNN (?P<cudnn>\d+)[^\n]{0,20}?"
        r"CUDA (?P<cuda>\d+))?",
        _tell_provider,
    ),
    # tensorflow: core/common_runtime/gpu/gpu_device.cc.
    word(
        SymptomKind.NO_CUDA,
        "annot dlopen some GPU libraries",
        r"Cannot dlopen some GPU libraries",
        _tell_named_part,
    ),
    # bitsandbytes: cuda_setup, cextension.py.
    word(
        SymptomKind.NO_CUDA,
        "CUDA",
        r"CUDA (?:Setup|SETUP) failed despite (?:GPU|CUDA) being available"
        r"|Could not find the bitsandbytes CUDA binary",
        _tell_named_part,
    ),
    # numba: cuda/cudadrv/libs.py, nvvm.py; cupy: "CUDA_PATH"; tensorflow's libdevice.
    word(
        SymptomKind.NO_CUDA,
        "annot be found",
        r"(?P<name>libNVVM|NVVM|libcudadevrt|libdevice) cannot be found",
        _tell_named_part,
    ),
    # Mesa: src/loader, src/glx; the second line of a pair names the driver again.
    word(
        SymptomKind.DRIVER_FILE,
        "MESA-LOADER: failed to open",
        r"MESA-LOADER: failed to open (?P<soname>[\w-]+)",
    ),
    word(
        SymptomKind.DRIVER_FILE,
        "ailed to load driver",
        r"(?:libGL|libEGL|glx|MESA)[\w -]{0,40}: ?(?:failed to load driver: )(?P<soname>[\w-]+)",
    ),
    word(SymptomKind.DRIVER_FILE, "ailed to create dri", r"glx: failed to create dri\w* screen"),
    # libva: va/va.c, and who uses it.
    word(
        SymptomKind.DRIVER_FILE,
        "unknown libva error",
        r"[Ff]ailed to initiali[sz]e VAAPI connection: -1 \(unknown libva error\)",
    ),
    # OpenCL: pyopencl, clinfo.
    word(SymptomKind.NO_OPENCL, "PLATFORM_NOT_FOUND", r"PLATFORM_NOT_FOUND(?:_KHR)?"),
    # OpenGL: glfw, glad, Qt, mujoco, PyOpenGL and others.
    word(
        SymptomKind.NO_OPENGL,
        "ailed to load",
        r"(?:GLX|EGL|OSMesa): Failed to load (?:GLX|EGL|OSMesa|lib\w+)",
    ),
    word(SymptomKind.NO_OPENGL, "Library not found", r"(?:GLX|EGL|OSMesa): Library not found"),
    word(SymptomKind.NO_OPENGL, "gladLoadGL", r"gladLoadGL\w{0,20} (?:error|failed)|[Ff]ailed to gladLoadGL"),
    word(
        SymptomKind.NO_OPENGL,
        "GLX nor EGL",
        r"neither GLX nor EGL (?:are|is) (?:enabled|available|supported)",
    ),
    word(
        SymptomKind.NO_OPENGL,
        "EGL",
        r"(?:[Cc]annot|[Cc]ould not|[Ff]ailed to|[Uu]nable to) (?:initiali[sz]e|create|load|open) "
        r"(?:an? |the )?(?:headless )?EGL (?:device |platform )?(?:display|context|library|device)",
    ),
    word(
        SymptomKind.NO_OPENGL,
        "object has no attribute '",
        r"'NoneType' object has no attribute '(?:eglQueryString|eglGetDisplay|glGetError|glGetString)'",
    ),
    word(
        SymptomKind.NO_OPENGL,
        "libEGL warning: ",
        r"libEGL warning: (?:egl: failed to create dri|DRI\w*: failed to)",
    ),
    # Vulkan: vulkan-tools, glfw, wgpu and others.
    word(
        SymptomKind.NO_VULKAN,
        "ErrorIncompatibleDriver",
        r"ErrorIncompatibleDriver",
    ),
    word(
        SymptomKind.NO_VULKAN,
        "adapter",
        r"(?:[Ww]gpu|Validation Error)[^\n]{0,60}?No suitable adapter|No suitable (?:graphics|GPU) adapter"
        r"|Request adapter failed",
    ),
    word(
        SymptomKind.NO_VULKAN,
        "ERROR_INCOMPATIBLE_DRIVER",
        r"(?:[Ff]ailed to|[Cc]annot|[Cc]ould not|[Uu]nable to)[^\n]{0,80}?ERROR_INCOMPATIBLE_DRIVER",
    ),
    word(
        SymptomKind.NO_VULKAN,
        "ulkan",
        r"(?:[Cc]annot|[Cc]ould not|[Ff]ailed to) (?:create|init\w*|find) (?:a )?[Vv]ulkan"
        r"(?: instance| loader|-capable| driver)?",
    ),
)

DRIVER_FILE = re.compile(r"(?:_dri|_drv_video|_gbm)\.so$|/libvulkan_\w+\.so$")
"""Names of files that a loader opens and that come with the driver of a card: Mesa's, VA-API's, Vulkan's."""


class _Gpu(NamedTuple):
    """What is said beside any advice about drivers: settings, and commands."""

    paste: tuple[tuple[str, str], ...]
    now: tuple[str, ...]


def _advise_driver(situation: Situation) -> _Gpu:
    """Advise how a program finds the driver of NVIDIA: on NixOS, and on other distributions."""
    seen = situation.seen
    module = write_nixos(
        "The driver of NVIDIA, with its libraries in /run/opengl-driver/lib.",
        Binding(("hardware", "graphics", "enable"), TRUE),
        Binding(("services", "xserver", "videoDrivers"), List((text("nvidia"),))),
        Binding(
            ("hardware", "nvidia", "open"), TRUE, "For cards before Turing (GTX 10 and older): false instead."
        ),
    )
    symptoms = situation.account.symptoms
    if any("NUMBA_CUDA_DRIVER" in one.names for one in symptoms):
        reach = f"NUMBA_CUDA_DRIVER={RUN_PATH}/libcuda.so.1 COMMAND"
    else:
        reach = f"LD_LIBRARY_PATH={RUN_PATH} COMMAND"
    # What is advised for libraries of CUDA leads to the driver, too.
    led = any(one.kind is SymptomKind.NO_CUDA for one in symptoms)
    others = (
        "On another distribution than NixOS, or under WSL, programs of Nix do not look where the driver is:",
        "nix run github:numtide/nix-gl-host -- COMMAND",
        "nix run --impure github:nix-community/nixGL -- COMMAND",
        f"LD_LIBRARY_PATH={WSL_PATH} COMMAND  # WSL",
    )
    if seen.ran and seen.driver:
        return _Gpu((), (f"The driver's libraries are in {RUN_PATH}: {reach}",))
    if seen.ran and not seen.nixos:
        return _Gpu((), others[1:])
    if seen.ran:
        return _Gpu((module,), ())
    return _Gpu((module,), others if led else (reach, *others))


def _explain_driver(symptom: Symptom, situation: Situation) -> Trouble:
    if symptom.version and symptom.version.isdecimal():
        return _explain_old(int(symptom.version))
    gpu = _advise_driver(situation)
    return Trouble(
        kind=SymptomKind.NO_DRIVER,
        what="The GPU driver's libraries (libcuda.so.1, libnvidia-ml.so.1) were not found, or the kernel "
        "has no "
        f"such driver. They come with the driver, never with a package: on NixOS in {RUN_PATH}. What nixpkgs "
        "builds with autoAddDriverRunpath looks there; a program of pip or uv does not.",
        paste=gpu.paste,
        now=gpu.now,
    )


def _explain_old(version: int) -> Trouble:
    """Explain that a driver is too old; its version of CUDA is told as 1000 times that."""
    module = write_nixos(
        "A newer driver of NVIDIA.",
        Binding(
            ("hardware", "nvidia", "package"),
            select("config", "boot", "kernelPackages", "nvidiaPackages", "latest"),
        ),
        further="config",
    )
    return Trouble(
        kind=SymptomKind.NO_DRIVER,
        what=f"The GPU driver is there, and knows CUDA up to {version // 1000}.{version % 1000 // 10}: "
        "this was "
        "built for a newer one.",
        paste=(module,),
        now=("Or take a release that was built for this CUDA, such as torch from another index of PyTorch.",),
    )


def _explain_stub(_symptom: Symptom, situation: Situation) -> Trouble:
    gpu = _advise_driver(situation)
    return Trouble(
        kind=SymptomKind.STUB_DRIVER,
        what="A directory `stubs` of CUDA comes before the driver: its libcuda.so is for linkers, and does "
        f"nothing. The true one comes with the driver, on NixOS in {RUN_PATH}.",
        paste=gpu.paste,
        now=(
            (
                f"Take `lib/stubs` of cudatoolkit or cuda_cudart out of LD_LIBRARY_PATH, and put {RUN_PATH} "
                "first:"
            ),
            *gpu.now,
        ),
    )


def _explain_mismatch(_symptom: Symptom, _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.DRIVER_MISMATCH,
        what="The driver's libraries are of another version than the kernel's module: the driver was "
        "updated, "
        f"and the old module still runs. {RUN_PATH} has the new libraries.",
        now=("Restart the machine: reboot",),
    )


def _explain_cuda(symptom: Symptom, situation: Situation) -> Trouble:
    """Explain that a framework does not find libraries of CUDA, which it opens by name."""
    names = symptom.names
    if names == (_LIBDEVICE,):
        return _explain_libdevice(situation)
    rows = [_PARTS[name] for name in names]
    package = situation.package
    extra = _find_extra(situation)
    wanted = extra or " ".join(f"nvidia-{wheel}-cu12" for _, wheel, _ in rows)
    site = package.site if package else None
    stored = (site or "").startswith("/nix/store/")
    install = f"pip install {' '.join(map(shlex.quote, wanted.split()))}"
    which = ", ".join(names) if names else "libraries of CUDA"
    who = package.name if package else "The framework"
    what = (
        f"{who} opens {which} by name, and does not find {'it' if len(names) == 1 else 'them'}: neither in "
        "nvidia/*/lib of the environment, nor through the loader."
    )
    if any(map(_is_of_cuda, situation.account.symptoms)) and "NVVM" not in names:
        # The libraries are told one by one, with their code: beside that, only the wheels.
        told: tuple[str, ...] = ()
        if package is None and wanted:
            told = (f"{install}  # in a virtual environment, instead of the libraries of nixpkgs",)
        elif extra and not stored:
            told = (f"{install}  # brings all of them",)
        if package and package.environment:
            told += (f"wheelfix patch {shlex.quote(package.environment)}  # instead of LD_LIBRARY_PATH",)
        return Trouble(kind=SymptomKind.NO_CUDA, what=what, now=told)
    lines: list[str] = [install] if wanted and not stored else []
    inside = [_DIRECTORIES.get(name, ("lib", "/lib")) for name in names]
    home = ""
    if not stored:
        places = [f"nvidia/{row[0]}/{one[0]}" for row, one in zip(rows, inside, strict=True)]
        if package and package.environment:
            lines.append(f"wheelfix patch {shlex.quote(package.environment)}")
        home = f'CUDA_HOME="{list_wheels(site, ["nvidia/cuda_nvcc"])}" ' if "NVVM" in names else ""
        paths = list_wheels(site, places or ["nvidia/*/lib"])
        lines.append(f"{home}LD_LIBRARY_PATH={paths}:{RUN_PATH} COMMAND")
    else:
        lines.append("LD_LIBRARY_PATH=$CUDA_LIBRARIES COMMAND  # in the shell above")
        if extra and "jax" in extra:
            what += " nixpkgs has it as python3Packages.jax-cuda12-plugin beside jax."
    variables: dict[str, Expr] = {"CUDA_LIBRARIES": _list_cuda(names)}
    if "NVVM" in names:
        variables["CUDA_HOME"] = take("cudaPackages.cuda_nvcc")
    paste = write_shell(
        situation,
        "CUDA of nixpkgs, for LD_LIBRARY_PATH=$CUDA_LIBRARIES in front of a command; unfree: nixpkgs has to "
        "allow that.",
        variables=variables,
    )
    in_environment = package is not None and package.environment is not None
    return Trouble(
        kind=SymptomKind.NO_CUDA,
        what=what,
        paste=() if in_environment and wanted else (paste,),
        now=tuple(lines),
    )


def _list_cuda(names: Sequence[str]) -> Expr:
    """Write the directories of libraries of CUDA, and the driver's; all of CUDA if no name is known."""
    attrs = [_PARTS[name][2] for name in names if name not in _DIRECTORIES]
    odd = [
        (f"cudaPackages.{_PARTS[name][2]}", _DIRECTORIES[name][1]) for name in names if name in _DIRECTORIES
    ]
    listed = [f"cudaPackages.{attr}" for attr in attrs]
    if not names:
        listed = ["cudaPackages.cudatoolkit", "cudaPackages.cudnn"]  # cudatoolkit has no cuDNN
    if not odd:
        return list_directories(listed, RUN_PATH)
    more = [part for attr, path in odd for part in (take(attr), f"{path}:")]
    first: list[str | Expr] = [list_directories(listed), ":"] if listed else []
    return Str((*first, *more, RUN_PATH))


def _is_of_cuda(symptom: Symptom) -> bool:
    """Whether a symptom is a missing library of CUDA, not of the driver."""
    name = (symptom.soname or "").rpartition("/")[2]
    return symptom.kind is SymptomKind.MISSING and _OF_CUDA.match(name) is not None


_OF_CUDA = re.compile(
    r"lib(?:cublas|cudart|cudnn|cufft|cupti|curand|cusolver|cusparse|nccl|nvrtc|nvJitLink|nvvm)"
)


def _find_extra(situation: Situation) -> str | None:
    """Find what brings the wheels of CUDA to a framework: the package's, or that whose words the text has."""
    package = situation.package
    if package:
        return _EXTRAS.get(package.name)
    lines = situation.account.lines
    found = (extra for word, extra in _FRAMEWORKS if any(word in line for line in lines))
    return next(found, None)


def _explain_libdevice(situation: Situation) -> Trouble:
    """Explain that XLA does not find libdevice, a file of the compiler of CUDA."""
    package = situation.package
    extra = _find_extra(situation) or "jax[cuda12]"
    site = package.site if package else None
    shell = write_shell(
        situation,
        "The compiler of CUDA, where XLA finds it; unfree: nixpkgs has to allow that.",
        variables={"XLA_FLAGS": Str(("--xla_gpu_cuda_data_dir=", take("cudaPackages.cuda_nvcc")))},
    )
    stored = (site or "").startswith("/nix/store/")
    place = list_wheels(site, ["nvidia/cuda_nvcc"])
    return Trouble(
        kind=SymptomKind.NO_CUDA,
        what="XLA does not find libdevice.10.bc, a file of the compiler of CUDA: it looks in "
        "nvvm/libdevice of the "
        "wheel nvidia-cuda-nvcc, of /usr/local/cuda, and where --xla_gpu_cuda_data_dir of XLA_FLAGS leads.",
        paste=() if package and package.environment else (shell,),
        now=()
        if stored
        else (
            f"pip install {shlex.quote(extra)}",
            f'XLA_FLAGS="--xla_gpu_cuda_data_dir={place}" COMMAND',
        ),
    )


def _explain_ldconfig(_symptom: Symptom, situation: Situation) -> Trouble:
    shell = write_shell(
        situation,
        "triton takes the driver's library from here, and does not ask ldconfig.",
        variables={"TRITON_LIBCUDA_PATH": text(RUN_PATH)},
    )
    return Trouble(
        kind=SymptomKind.NO_LDCONFIG,
        what="A package asks ldconfig where libcuda.so.1 is. NixOS has no such list of libraries, and no "
        "/sbin/ldconfig.",
        paste=(shell,),
        now=(f"TRITON_LIBCUDA_PATH={RUN_PATH} COMMAND",),
    )


def _explain_file(_symptom: Symptom, situation: Situation) -> Trouble:
    """Explain that a card's driver is not found: one explanation for all that name its files."""
    names = sorted(
        {
            DRIVER_FILE.sub("", one.soname.rpartition("/")[2])
            for one in situation.account.symptoms
            if one.kind is SymptomKind.DRIVER_FILE and one.soname
        }
    )
    said = f" ({', '.join(names)})" if names else ""
    seen = situation.seen
    module = write_nixos(
        "Mesa's drivers, and those of VA-API and Vulkan, in /run/opengl-driver.",
        Binding(("hardware", "graphics", "enable"), TRUE),
    )
    variables = f"LIBGL_DRIVERS_PATH={RUN_PATH}/dri LIBVA_DRIVERS_PATH={RUN_PATH}/dri "
    f"LD_LIBRARY_PATH={RUN_PATH} COMMAND"
    others = "nix run --impure github:nix-community/nixGL#nixGLIntel -- COMMAND"
    if seen.ran and not seen.nixos:
        return Trouble(kind=SymptomKind.DRIVER_FILE, what=_say_file(said), now=(others,))
    now = (
        (variables,)
        if seen.ran
        else (
            variables,
            "On another distribution than NixOS, where programs of Nix do not look for the host's drivers:",
            others,
        )
    )
    return Trouble(kind=SymptomKind.DRIVER_FILE, what=_say_file(said), paste=(module,), now=now)


def _say_file(said: str) -> str:
    return (
        f"The driver of the graphics card{said} was not found where the program looks: NixOS has it in "
        "/run/opengl-driver/lib/dri. Such drivers come with the system, not with a package."
    )


def _explain_opencl(_symptom: Symptom, situation: Situation) -> Trouble:
    module = write_nixos(
        "Platforms of OpenCL: those of the card, and one for any processor.",
        Binding(("hardware", "graphics", "enable"), TRUE),
        Binding(
            ("hardware", "graphics", "extraPackages"),
            List((take("pocl"),)),
            "Intel: pkgs.intel-compute-runtime; AMD: pkgs.rocmPackages.clr.icd; NVIDIA's driver has its own.",
        ),
    )
    shell = write_shell(
        situation,
        "OpenCL on the processor, for one shell.",
        packages=("ocl-icd", "pocl"),
        variables={"OCL_ICD_VENDORS": find_inside("pocl", "/etc/OpenCL/vendors")},
    )
    return Trouble(
        kind=SymptomKind.NO_OPENCL,
        what="OpenCL's loader found no platform: it reads *.icd in /etc/OpenCL/vendors, and NixOS has "
        "them in "
        "/run/opengl-driver/etc/OpenCL/vendors.",
        paste=(module, shell),
        now=("OCL_ICD_VENDORS=/run/opengl-driver/etc/OpenCL/vendors COMMAND",),
    )


def _explain_opengl(_symptom: Symptom, situation: Situation) -> Trouble:
    module = write_nixos(
        "Drivers of OpenGL, in /run/opengl-driver.", Binding(("hardware", "graphics", "enable"), TRUE)
    )
    shell = write_shell(
        situation,
        "libGL and libEGL (libglvnd), which programs open by name: LD_LIBRARY_PATH=$OPENGL_LIBRARIES in "
        "front of a "
        "command.",
        variables={"OPENGL_LIBRARIES": list_directories(["libGL", "libglvnd"], RUN_PATH)},
    )
    package = situation.package
    return Trouble(
        kind=SymptomKind.NO_OPENGL,
        what="No OpenGL context can be made: libGL.so.1, libEGL.so.1 or libGLX.so.0 (libglvnd) is opened "
        "by name and "
        "not found, or it finds no driver of the card. NixOS has those in /run/opengl-driver/lib.",
        paste=(shell, module),
        now=(
            *(
                (f"wheelfix patch {shlex.quote(package.environment)}",)
                if package and package.environment
                else ()
            ),
            "LD_LIBRARY_PATH=$OPENGL_LIBRARIES COMMAND  # in the shell above",
            "Without a display, by EGL:",
            "__EGL_VENDOR_LIBRARY_DIRS=/run/opengl-driver/share/glvnd/egl_vendor.d MUJOCO_GL=egl COMMAND",
            "On another distribution than NixOS: nix run --impure github:nix-community/nixGL -- COMMAND",
        ),
    )


def _explain_vulkan(_symptom: Symptom, situation: Situation) -> Trouble:
    module = write_nixos(
        "Drivers of Vulkan, in /run/opengl-driver.", Binding(("hardware", "graphics", "enable"), TRUE)
    )
    shell = write_shell(
        situation,
        "Vulkan's loader, which programs open by name.",
        variables={"VULKAN_LIBRARIES": list_directories(["vulkan-loader"], RUN_PATH)},
    )
    return Trouble(
        kind=SymptomKind.NO_VULKAN,
        what="Vulkan's loader found no driver that it can use: NixOS describes them in "
        "/run/opengl-driver/share/vulkan/icd.d.",
        paste=(module, shell),
        now=(
            "LD_LIBRARY_PATH=$VULKAN_LIBRARIES COMMAND  # in the shell above",
            'VK_DRIVER_FILES="$(echo /run/opengl-driver/share/vulkan/icd.d/*.json | tr " " :)" COMMAND',
            "See which there are: nix run nixpkgs#vulkan-tools -- vulkaninfo",
            (
                "On another distribution than NixOS: nix run --impure "
                "github:nix-community/nixGL#nixVulkanIntel -- "
                "COMMAND"
            ),
        ),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.NO_LDCONFIG: _explain_ldconfig,
    SymptomKind.NO_DRIVER: _explain_driver,
    SymptomKind.STUB_DRIVER: _explain_stub,
    SymptomKind.DRIVER_MISMATCH: _explain_mismatch,
    SymptomKind.NO_CUDA: _explain_cuda,
    SymptomKind.DRIVER_FILE: _explain_file,
    SymptomKind.NO_OPENCL: _explain_opencl,
    SymptomKind.NO_VULKAN: _explain_vulkan,
    SymptomKind.NO_OPENGL: _explain_opengl,
}
