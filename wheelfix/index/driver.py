"""Sonames that come with the GPU driver, never with a package.

On NixOS the user-space half of the driver is in ``/run/opengl-driver/lib`` and has to match the
loaded kernel module, so nothing may be linked against a copy of it. The names are the library
tables of libnvidia-container (NVIDIA/libnvidia-container, ``src/nvc_info.c`` at 00b4b47e), with
the sonames the driver archive gives them; nixpkgs installs the same files
(``pkgs/os-specific/linux/nvidia-x11/builder.sh`` at 01f31c2e). The list is exact on purpose: a
``libnvidia-`` or ``libnv`` prefix would catch libraries that packages do supply, such as
``libnvidia-nscq.so.2`` and ``libnvrtc.so.12``.
"""

from __future__ import annotations

import re
from typing import Final

RUN_PATH: Final = "/run/opengl-driver/lib"
"""Where NixOS puts the libraries of the driver."""

_CUDA: Final = "CUDA"
_MANAGEMENT: Final = "device management"
_VIDEO: Final = "video"
_GRAPHICS: Final = "graphics"

# stem -> (what it is for, majors that exist as sonames)
_NVIDIA: Final = {
    "libEGL_nvidia": (_GRAPHICS, ("0",)),
    "libGLESv1_CM_nvidia": (_GRAPHICS, ("1",)),
    "libGLESv2_nvidia": (_GRAPHICS, ("2",)),
    "libGLX_nvidia": (_GRAPHICS, ("0",)),
    "libcuda": (_CUDA, ("1",)),
    "libcudadebugger": (_CUDA, ("1",)),
    "libnvcuvid": (_VIDEO, ("1",)),
    "libnvidia-allocator": (_GRAPHICS, ("1",)),
    "libnvidia-cbl": (_GRAPHICS, ()),
    "libnvidia-cfg": (_MANAGEMENT, ("1",)),
    "libnvidia-compiler": (_CUDA, ()),
    "libnvidia-eglcore": (_GRAPHICS, ()),
    "libnvidia-encode": (_VIDEO, ("1",)),
    "libnvidia-fatbinaryloader": (_CUDA, ()),
    "libnvidia-fbc": (_VIDEO, ("1",)),
    "libnvidia-glcore": (_GRAPHICS, ()),
    "libnvidia-glsi": (_GRAPHICS, ()),
    "libnvidia-glvkspirv": (_GRAPHICS, ()),
    "libnvidia-gpucomp": (_GRAPHICS, ()),
    "libnvidia-ifr": (_VIDEO, ("1",)),
    "libnvidia-ml": (_MANAGEMENT, ("1",)),
    "libnvidia-ngx": (_GRAPHICS, ("1",)),
    "libnvidia-nvvm": (_CUDA, ("4",)),
    "libnvidia-opencl": (_CUDA, ("1",)),
    "libnvidia-opticalflow": (_VIDEO, ("1",)),
    "libnvidia-pkcs11": (_CUDA, ()),
    "libnvidia-pkcs11-openssl3": (_CUDA, ()),
    "libnvidia-ptxjitcompiler": (_CUDA, ("1",)),
    "libnvidia-rtcore": (_GRAPHICS, ()),
    "libnvidia-tileiras": (_CUDA, ()),
    "libnvidia-tls": (_GRAPHICS, ()),
    "libnvoptix": (_GRAPHICS, ("1",)),
    "libvdpau_nvidia": (_VIDEO, ("1",)),
}
_WSL: Final = frozenset({"libdxcore.so"})

# Private libraries of the driver carry its release number: libnvidia-glcore.so.580.142.
_RELEASE: Final = re.compile(r"[1-9][0-9]{2}\.[0-9]{2,3}(?:\.[0-9]{1,3})?")


def find_driver(soname: str) -> str | None:
    """Say which driver supplies a soname, or None if no driver does.

    Args:
        soname: as in DT_NEEDED or dlopen (``libcuda.so.1``, ``libnvidia-ml.so``).

    Returns:
        One clause fit for a report, without a full stop.
    """
    if soname in _WSL:
        return "part of the display driver of Windows, in /usr/lib/wsl/lib under WSL"
    stem, dot, major = soname.partition(".so")
    if not dot or stem not in _NVIDIA:
        return None
    use, majors = _NVIDIA[stem]
    version = major.removeprefix(".")
    if major and (not major.startswith(".") or not (version in majors or _RELEASE.fullmatch(version))):
        return None
    return f"part of the NVIDIA driver ({use}), in {RUN_PATH}"
