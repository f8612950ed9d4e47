"""Facts about nixpkgs that no database tells: the one place for special cases.

Everything else about ranking is a rule in :mod:`wheelfix.index.ranking`.
"""

from __future__ import annotations

from typing import Final

CANONICAL: Final = {
    # The database has the first alias in ASCII order; these are the names people write.
    "libgcc": "stdenv.cc.cc",
    "mopidyPackages.python": "python3",
    "at-spi2-atk": "at-spi2-core",
    "atk": "at-spi2-core",
    "lcms": "lcms2",
    "espeak": "espeak-ng",
    "mpi": "openmpi",
    "libkrb5": "krb5",
    "alsaLib": "alsa-lib",
    "bluez5": "bluez",
    "opencv4": "opencv",
    "kdePackages.taglib": "taglib",
    "kdePackages.wayland": "wayland",
    "kdePackages.zxing-cpp": "zxing-cpp",
    "tclPackages.tk": "tk",
    "lua51Packages.lua": "lua5_1",
    "lua52Packages.lua": "lua5_2",
    "lua53Packages.lua": "lua5_3",
    "lua54Packages.lua": "lua5_4",
    "lua55Packages.lua": "lua5_5",
    "rocmPackages.hsakmt": "rocmPackages.rocm-runtime",
    "libmysqlclient": "mariadb-connector-c",
    "libndctl": "ndctl",
}
"""Recorded attribute -> the attribute experts write."""

EXPLICIT_OUTPUT: Final = {"stdenv.cc.cc": "stdenv.cc.cc.lib", "gfortran.cc": "gfortran.cc.lib"}
"""Attributes whose default output is the compiler, so that the library output has to be named."""

SET_NAMES: Final = {"libsForQt5.qt5": "libsForQt5"}
"""Sets as recorded -> as people write them."""

THIEVES: Final = ("azure-sdk-for-cpp", "mopidyPackages")
"""Sets that re-export packages of the top level under names that sort first."""

STAND_INS: Final = {
    "zluda": "a stand-in for CUDA on other GPUs",
    "xorg-sys-opengl": "a link to another distribution's driver",
    "primus-lib": "a bridge for two-GPU laptops",
    "primus": "a bridge for two-GPU laptops",
    "libcardiacarrest": "a stand-in for PulseAudio",
    "libpressureaudio": "a stand-in for PulseAudio",
    "apulse": "a stand-in for PulseAudio",
    "libudev-zero": "a stand-in for udev",
    "eudev": "a fork of udev for systems without systemd",
    "rustls-libssl": "a stand-in for OpenSSL",
    "rustls-ffi": "a stand-in for OpenSSL",
    "curlWithGnuTls": "built against GnuTLS, for programs that ask for libcurl-gnutls",
    "mesa-demos": "programs, not the library",
    "nvidia-x11": "the driver itself",
    "libglvnd-compat": "a stand-in",
    "elogind": "a part of systemd for systems without it",
    "libredirect": "a preload shim",
    "pipewire-jack": "a stand-in for JACK",
}
"""pname or attribute -> why it is no provider, though it has a file of the name."""

ANSWERS: Final = {
    # Compiler run time: every nixpkgs has it in stdenv, whatever else carries a copy.
    "libgcc_s.so.1": "stdenv.cc.cc.lib",
    "libstdc++.so.6": "stdenv.cc.cc.lib",
    "libgomp.so.1": "stdenv.cc.cc.lib",
    "libgomp.so.1.0.0": "stdenv.cc.cc.lib",
    "libatomic.so.1": "stdenv.cc.cc.lib",
    "libquadmath.so.0": "stdenv.cc.cc.lib",
    "libitm.so.1": "stdenv.cc.cc.lib",
    "libssp.so.0": "stdenv.cc.cc.lib",
    "libasan.so.8": "stdenv.cc.cc.lib",
    "libubsan.so.1": "stdenv.cc.cc.lib",
    "libtsan.so.2": "stdenv.cc.cc.lib",
    "liblsan.so.0": "stdenv.cc.cc.lib",
    "libgfortran.so.5": "gfortran.cc.lib",
}
"""soname -> attribute that is right by definition."""

ELSEWHERE: Final = {
    "libmariadb.so.3": ("mariadb-connector-c", "/lib/mariadb/libmariadb.so.3"),
    "libjvm.so": ("jdk", "/lib/openjdk/lib/server/libjvm.so"),
    "libR.so": ("R", "/lib/R/lib/libR.so"),
}
"""soname -> attribute and path of a library that lies in a subdirectory on purpose."""

RENAMED: Final = {
    "libpcre.so.3": ("libpcre.so.1", "Debian's name for libpcre.so.1"),
    "libpcap.so.0.8": ("libpcap.so.1", "Debian's name for libpcap.so.1"),
    "libjpeg.so.8.2.2": ("libjpeg.so.8", "a full file name; the soname is libjpeg.so.8"),
}
"""soname of another distribution -> soname of the same ABI in nixpkgs, and the words for it."""

GOOD_SETS: Final = {
    "gst_all_1": -4,
    "qt6": -4,
    "kdePackages": -4,
    "libsForQt5": -4,
    "llvmPackages": -4,
    "rocmPackages": -4,
    "rocmPackages.llvm": -8,
    "unixodbcDrivers": -8,
    "gnome2": -8,
    "javaPackages.compiler": -8,
    "tclPackages": -8,
    "skawarePackages": -8,
    "enlightenment": -8,
    "libsForQt5.kdeGear": -8,
    "xorg": -4,
}
"""Sets that experts pick libraries from, with what that costs against a top-level attribute."""

BAD_SETS: Final = (
    "minimal-bootstrap",
    "gccNGPackages",
    "python3",
    "python2",
    "perl",
    "haskellPackages",
    "ocamlPackages",
    "rubyPackages",
    "rPackages",
    "lua",
    "luajit",
    "linuxKernel",
    "postgresql",
    "vimPlugins",
    "kodiPackages",
    "emacsPackages",
    "javaPackages.compiler.",
    "nixDependencies",
    "swiftPackages",
    "chickenPackages",
    "lixPackageSets",
)
"""Prefixes of sets whose packages are no libraries for others."""

NO_LIBRARY_SETS: Final = (
    "haskellPackages.",
    "haskell.",
    "linuxKernel.kernels.",
    "dotnetCorePackages.",
    "factorPackages",
    "flutterPackages",
    "texlive.",
    "eclipses.",
    "vimPlugins.",
    "emacsPackages.",
    "rPackages.",
    "vscode-extensions.",
    "nodePackages.",
)
"""Prefixes of attributes that are not even looked at: large, and nothing in them is linked against."""

UNKNOWN_SET: Final = -20
BAD_SET: Final = -40
