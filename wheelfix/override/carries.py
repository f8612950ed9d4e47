"""What is known about distributions whose own metadata is not at hand, for telling which are redundant.

Libraries come from the table of siblings, CUDA packages from the table of CUDA. Distributions of NVIDIA that
carry no library for others (headers, compilers, Python bindings, the meta distribution) are named here one by
one; what they are is what their own metadata says on the package index (``Summary``), autumn 2026.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from wheelfix.index.cuda import find_cuda
from wheelfix.index.siblings import find_by_directory, list_libraries
from wheelfix.model.override import Carries

_BINDINGS: Final = "has Python bindings of CUDA, for a toolkit of its own"
_TOOLS: Final = "is a part of the CUDA toolkit without libraries for others"
_META: Final = "is a meta distribution that stands for the CUDA wheels named by its extras"
_EMPTY: Final = frozenset({_META, _TOOLS})
_KNOWN: Final = {
    "cuda-bindings": _BINDINGS,
    "cuda-core": _BINDINGS,
    "cuda-pathfinder": "finds the libraries of CUDA wheels",
    "cuda-python": _BINDINGS,
    "cuda-toolkit": _META,
    **dict.fromkeys(
        (
            f"nvidia-{name}{suffix}"
            for name in (
                "cuda-cccl",
                "cuda-crt",
                "cuda-culibos",
                "cuda-cuobjdump",
                "cuda-cuxxfilt",
                "cuda-nvcc",
                "cuda-nvdisasm",
                "cuda-profiler-api",
                "cuda-sanitizer-api",
                "cuda-tileiras",
                "nvptxcompiler",
            )
            for suffix in ("", "-cu11", "-cu12", "-cu13")
        ),
        _TOOLS,
    ),
}
_SEVERAL: Final = 2


def find_carries(distribution: str) -> Carries:
    """Tell what a distribution is known to install for others.

    Args:
        distribution: normalised name (PEP 503).

    Example:
        >>> find_carries("nvidia-cublas-cu12").cuda
        ('libcublas.so.12', 'libcublasLt.so.12', 'libnvblas.so.12')
    """
    listed, note = list_libraries(distribution), _KNOWN.get(distribution)
    sonames = tuple(dict.fromkeys(soname for _, soname in listed))
    cuda = tuple(soname for soname in sonames if find_cuda(soname))
    libraries_only = bool(listed) and not any(_belongs_to_one(directory) for directory, _ in listed)
    return Carries(
        distribution=distribution,
        sonames=sonames,
        cuda=cuda,
        note=note,
        importable=not libraries_only and note not in _EMPTY,
    )


def _belongs_to_one(directory: str) -> bool:
    """Whether one distribution alone fills a directory's top: then it has modules of its own there."""
    top = directory.partition("/")[0]
    if top in {"..", "nvidia"}:
        return False
    return len(find_by_directory(directory)) < _SEVERAL and not fnmatchcase(top, "*.prefix")
