"""Facts about nixpkgs that no file list tells. One small table each, with the reason.

Read by :mod:`wheelfix.index.canonical` and :mod:`wheelfix.index.ranking`. Everything here is about names: which
attribute an expert writes, which sets nobody takes libraries from, which packages only pretend.
"""

from __future__ import annotations

from typing import Final

SYSTEM_DEFAULT: Final = "x86_64-linux"

# A database names a store path by the first of its attributes in ASCII order. Where that is not the one to
# write: recorded attribute -> usual one. An entry for the whole attribute wins over the sets below.
RENAMED: Final = {
    "SDL_compat": "SDL_compat",
    "at-spi2-atk": "at-spi2-core",
    "atk": "at-spi2-core",
    "bc-mbedtls": "mbedtls",
    "blas-reference": "lapack-reference",
    "espeak": "espeak-ng",
    "fuse2": "fuse",
    "gcc-unwrapped": "stdenv.cc.cc.lib",
    "gfortran-unwrapped": "gfortran.cc.lib",
    "glfw3": "glfw",
    "gnome-menus": "gnome-menus",
    "lcms": "lcms2",
    "libgcc": "stdenv.cc.cc.lib",
    "libgfortran": "gfortran.cc.lib",
    "libuuid": "util-linuxMinimal",
    "mopidyPackages.python": "python3",
    "mpi": "openmpi",
    "nixDependencies.boehmgc": "boehmgc",
    "rocmPackages.hsakmt": "rocmPackages.rocm-runtime",
    "unixodbcDrivers.sqlite": "unixodbcDrivers.sqlite",
}

# Sets that pass packages of the top level through under their own names.
PASSING: Final = frozenset(
    {
        "azure-sdk-for-cpp",
        "apacheHttpdPackages",
        "chickenPackages_4",
        "kdePackages",
        "libsForQt5",
        "lixPackageSets.git",
        "lua51Packages",
        "lua52Packages",
        "lua53Packages",
        "lua54Packages",
        "mopidyPackages",
        "nixDependencies",
        "perl5Packages",
        "python313Packages",
        "python314Packages",
        "rocmPackages",
        "rubyPackages",
    }
)

# Of the sets that are mainly their own: members that are the top level's.
PASSED: Final = {
    "kdePackages": frozenset({"taglib", "wayland", "zxing-cpp"}),
    "libsForQt5": frozenset[str](),
    "python313Packages": frozenset[str](),
    "python314Packages": frozenset({"libsavitar"}),
    "rocmPackages": frozenset[str](),
}

# Qt's own modules, which KDE's sets pass through; experts write qt5 and qt6.
QT: Final = frozenset(
    [
        "qt3d",
        "qt5compat",
        "qtbase",
        "qtcharts",
        "qtconnectivity",
        "qtdatavis3d",
        "qtdeclarative",
        "qtdoc",
        "qtgamepad",
        "qtgraphicaleffects",
        "qtgraphs",
        "qtgrpc",
        "qthttpserver",
        "qtimageformats",
        "qtlanguageserver",
        "qtlocation",
        "qtlottie",
        "qtmqtt",
        "qtmultimedia",
        "qtnetworkauth",
        "qtpositioning",
        "qtpurchasing",
        "qtquick3d",
        "qtquick3dphysics",
        "qtquickcontrols",
        "qtquickcontrols2",
        "qtquickeffectmaker",
        "qtquicktimeline",
        "qtremoteobjects",
        "qtscript",
        "qtscxml",
        "qtsensors",
        "qtserialbus",
        "qtserialport",
        "qtshadertools",
        "qtspeech",
        "qtsvg",
        "qttools",
        "qttranslations",
        "qtvirtualkeyboard",
        "qtwayland",
        "qtwebchannel",
        "qtwebengine",
        "qtwebglplugin",
        "qtwebsockets",
        "qtwebview",
        "qtx11extras",
        "qtxmlpatterns",
    ]
)
QT_SETS: Final = {"kdePackages": "qt6", "qt6Packages": "qt6", "libsForQt5.qt5": "qt5", "libsForQt5": "qt5"}

# Packages that supply a well-known name to do something else than its library: fakes, shims, and the
# same library built against something unusual. Package name or attribute -> what it is.
STAND_INS: Final = {
    "apulse": "PulseAudio's interface on top of ALSA",
    "audiality2": "no library of the system",
    "curlWithGnuTls": "curl built with GnuTLS",
    "eudev": "udev without systemd",
    "libcardiacarrest": "a PulseAudio that does nothing",
    "libhangul": "",
    "libpressureaudio": "PulseAudio's interface on top of PipeWire",
    "libudev-zero": "udev without a daemon",
    "pipewire-jack": "JACK's interface on top of PipeWire",
    "primus-lib": "OpenGL through Bumblebee",
    "rustls-libssl": "OpenSSL's interface on top of rustls",
    "xorg-sys-opengl": "links to the OpenGL of another distribution",
    "zluda": "CUDA's interface for other GPUs",
}

# Sets that libraries are taken from, with what it costs to be in them: the top level is preferred.
GOOD_SETS: Final = {
    "cudaPackages": 4,
    "gst_all_1": 4,
    "gnome2": 8,
    "kdePackages": 8,
    "libsForQt5": 8,
    "llvmPackages": 4,
    "lxqt": 8,
    "ocamlPackages": 20,
    "qt5": 4,
    "qt6": 4,
    "rocmPackages": 4,
    "xorg": 4,
}
UNKNOWN_SET: Final = 20
BAD_SET: Final = 35

# First components of sets whose libraries are theirs alone: built for one language, kernel or program.
BAD_SETS: Final = (
    "astal",
    "chickenPackages",
    "dotnetCorePackages",
    "driversi686Linux",
    "eclipses",
    "gawkextlib",
    "gccNGPackages",
    "gnat",
    "graalvmPackages",
    "haskell",
    "javaPackages",
    "kodiPackages",
    "libretro",
    "linphonePackages",
    "linuxKernel",
    "lixPackageSets",
    "lua",
    "minimal-bootstrap",
    "mopidyPackages",
    "nixDependencies",
    "nixVersions",
    "obs-studio-plugins",
    "perl",
    "php",
    "pidginPackages",
    "pkgsCross",
    "postgresql",
    "python",
    "rPackages",
    "ruby",
    "tclPackages",
    "vimPlugins",
    "vscode-extensions",
    "wine",
)

# Words in an attribute that name a variant of a package: the plain one is preferred. `-headless` and the
# like have fewer, `-full` more dependencies; either way nobody asked for them.
VARIANTS: Final = frozenset(
    [
        "beta",
        "bin",
        "bootstrap",
        "cli",
        "compat",
        "cuda",
        "debug",
        "dev",
        "devel",
        "experimental",
        "fhs",
        "ffi",
        "free",
        "full",
        "gtk",
        "headless",
        "i18n",
        "ilp64",
        "insiders",
        "legacy",
        "light",
        "lite",
        "lts",
        "mini",
        "minimal",
        "mpi",
        "mpich",
        "music",
        "nightly",
        "no",
        "nox",
        "oss",
        "preview",
        "qt",
        "qt5",
        "qt6",
        "rc",
        "rocm",
        "small",
        "standalone",
        "static",
        "stable",
        "tiny",
        "unfree",
        "unstable",
        "vanilla",
        "with",
        "without",
        "wrapped",
        "wrapper",
        "x11",
    ]
)

# Names other distributions give to a library with the same ABI: theirs -> (upstream's, who).
RENAMED_ABI: Final = {
    "libcurl-gnutls.so.4": ("libcurl.so.4", "Debian"),
    "libcurl-nss.so.4": ("libcurl.so.4", "Debian"),
    "libpcap.so.0.8": ("libpcap.so.1", "Debian"),
    "libpcre.so.3": ("libpcre.so.1", "Debian"),
    "libpcre16.so.3": ("libpcre16.so.0", "Debian"),
    "libpcre32.so.3": ("libpcre32.so.0", "Debian"),
    "libpcreposix.so.3": ("libpcreposix.so.0", "Debian"),
}
