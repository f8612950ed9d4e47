"""Nix systems, as nixpkgs lists them (``lib/systems/doubles.nix``)."""

from __future__ import annotations

from typing import Final

_LINUX: Final = (
    *("x86_64", "aarch64", "i686", "armv5tel", "armv6l", "armv7a", "armv7l", "riscv32", "riscv64"),
    *("powerpc", "powerpc64", "powerpc64le", "s390", "s390x", "loongarch64", "m68k", "sh4", "arc"),
    *("microblaze", "microblazeel", "mips", "mips64", "mips64el", "mipsel"),
)
LINUX_SYSTEMS: Final = tuple(f"{machine}-linux" for machine in _LINUX)
"""Those that wheels for Linux can be for."""

SYSTEMS: Final = (
    *LINUX_SYSTEMS,
    *("x86_64-darwin", "aarch64-darwin", "x86_64-freebsd", "aarch64-freebsd", "i686-freebsd"),
    *("x86_64-netbsd", "aarch64-netbsd", "i686-netbsd", "x86_64-openbsd", "i686-openbsd"),
    *("x86_64-cygwin", "i686-cygwin", "x86_64-windows", "i686-windows", "aarch64-windows", "x86_64-solaris"),
)
"""Those that a flake can have packages for."""
