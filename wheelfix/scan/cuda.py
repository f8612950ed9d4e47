"""Which CUDA a wheel was built for, told by its own sonames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from wheelfix.model.index import Provider

_TELLING = re.compile(r"lib(?:cudart|cublas|cublasLt|nvrtc|cupti)\.so\.(\d+)(?:\.\d+)?")
_SET = re.compile(r"cudaPackages(?:_(\d+))?(?:_\d+)*\.")
_DEFAULT = "12"
"""Major of plain ``cudaPackages`` in nixpkgs of 2025 and 2026."""


def guess_cuda_major(wanted: Iterable[str]) -> str | None:
    """Tell the CUDA major from sonames that have it in their names.

    Example:
        >>> guess_cuda_major(["libnccl.so.2", "libcublas.so.13"])
        '13'
    """
    return next((m[1] for soname in sorted(wanted) if (m := _TELLING.fullmatch(soname))), None)


def order_by_major(providers: Sequence[Provider], major: str | None) -> tuple[Provider, ...]:
    """Put providers of the wheel's own CUDA first: libnccl.so.2 is in the sets of 11, 12 and 13 alike."""

    def differs(provider: Provider) -> bool:
        match = _SET.match(provider.attr)
        return match is not None and (match[1] or _DEFAULT) != major

    return tuple(providers if major is None else sorted(providers, key=differs))
