"""Sonames of the C library, by machine.

glibc: ``shlib-versions`` of the source tree and of its ``sysdeps`` (loader names and majors), and
what an installed glibc 2.40 has in ``lib``. ``libnsl.so.1`` is still built as a runtime-only
library and still in nixpkgs' glibc. ``libcrypt.so.1`` is not glibc's there: it comes from
libxcrypt (``libxcrypt-legacy``), and neither are ``libnss_nis.so.2`` and ``libnss_nisplus.so.2``
(split off in 2.26).

musl: one library is libc and loader at once. Its soname is ``libc.so``, the loader is
``ld-musl-<arch>.so.1`` (``configure``), and Alpine, whose images build the musllinux wheels, links
it as ``libc.musl-<arch>.so.1`` with its own architecture names.
"""

from __future__ import annotations

from typing import Final

_GLIBC: Final = frozenset(
    {
        "libBrokenLocale.so.1",
        "libanl.so.1",
        "libc.so.6",
        "libc_malloc_debug.so.0",
        "libdl.so.2",
        "libm.so.6",
        "libmemusage.so",
        "libnsl.so.1",
        "libnss_compat.so.2",
        "libnss_db.so.2",
        "libnss_dns.so.2",
        "libnss_files.so.2",
        "libnss_hesiod.so.2",
        "libpcprofile.so",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libthread_db.so.1",
        "libutil.so.1",
    }
)

# Loaders, and libraries only some machines have.
_GLIBC_MACHINE: Final = {
    "aarch64": ("ld-linux-aarch64.so.1", "libmvec.so.1"),
    "armv7l": ("ld-linux-armhf.so.3", "ld-linux.so.3"),
    "i686": ("ld-linux.so.2",),
    "loongarch64": ("ld-linux-loongarch-lp64d.so.1", "ld-linux-loongarch-lp64s.so.1"),
    "mips": ("ld-linux-mipsn8.so.1", "ld.so.1"),
    "mips64": ("ld-linux-mipsn8.so.1", "ld.so.1"),
    "ppc": ("ld.so.1",),
    "ppc64": ("ld64.so.1",),
    "ppc64le": ("ld64.so.2",),
    "riscv32": ("ld-linux-riscv32-ilp32.so.1", "ld-linux-riscv32-ilp32d.so.1"),
    "riscv64": ("ld-linux-riscv64-lp64.so.1", "ld-linux-riscv64-lp64d.so.1"),
    "s390": ("ld.so.1",),
    "s390x": ("ld64.so.1",),
    "sh4": ("ld-linux.so.2",),
    "sparc64": ("ld-linux.so.2",),
    "x32": ("ld-linux-x32.so.2", "libmvec.so.1"),
    "x86_64": ("ld-linux-x86-64.so.2", "libmvec.so.1"),
}

# musl's names, and Alpine's where they differ.
_MUSL_ARCH: Final = {
    "aarch64": ("aarch64",),
    "armv7l": ("arm", "armhf", "armv7"),
    "i686": ("i386", "x86"),
    "loongarch64": ("loongarch64",),
    "mips": ("mips", "mipsel"),
    "mips64": ("mips64", "mips64el"),
    "ppc": ("powerpc", "ppc"),
    "ppc64": ("powerpc64", "ppc64"),
    "ppc64le": ("powerpc64le", "ppc64le"),
    "riscv32": ("riscv32",),
    "riscv64": ("riscv64",),
    "s390x": ("s390x",),
    "sh4": ("sh",),
    "x32": ("x32",),
    "x86_64": ("x86_64",),
}
_MUSL_PREFIXES: Final = ("ld-musl", "libc.musl")


def find_libc(soname: str, machine: str) -> str | None:
    """Say whose C library a soname belongs to.

    Args:
        soname: as in DT_NEEDED.
        machine: as in :class:`wheelfix.model.elf.ElfObject` (``x86_64``, ``armv7l`` ...). A loader of
            another machine is not a match.

    Returns:
        ``glibc``, ``musl``, or None if it is no part of a C library on that machine.
    """
    if soname in _GLIBC or soname in _GLIBC_MACHINE.get(machine, ()):
        return "glibc"
    names = {f"{prefix}-{arch}.so.1" for prefix in _MUSL_PREFIXES for arch in _MUSL_ARCH.get(machine, ())}
    return "musl" if soname == "libc.so" or soname in names else None
