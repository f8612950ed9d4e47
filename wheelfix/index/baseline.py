"""What uv2nix and poetry2nix put into ``buildInputs`` by themselves.

Both look at the wheel's platform tag and add one of the three lists of nixpkgs'
``pythonManylinuxPackages``:

- uv2nix, ``lib/build.nix`` at 49dac8d2: the union over the platform tags of the file name;
- poetry2nix, ``lib.nix`` (``getManyLinuxDeps``) at ce2369db: the first of manylinux1, 2010, 2014 and
  ``manylinux_`` in the file name. The lists are ordered by inclusion, so both come to the same;
- nixpkgs, ``pkgs/development/interpreters/python/manylinux/default.nix`` at 05924f71.

``linux_*``, ``musllinux_*`` and ``any`` get nothing, not even libstdc++.

The X libraries are written with the names of the index (``libx11``; nixpkgs' ``xorg.libX11`` is the
same package). ``libxcrypt`` is what nixpkgs lists for ``libcrypt.so.1``; it has that soname only when
built with the obsolete API, so ``libxcrypt-legacy``, which does have it, is not in the baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_MANYLINUX2014: Final = frozenset(
    {
        "expat",
        "glib",
        "glibc",
        "libGL",
        "libice",
        "libsm",
        "libx11",
        "libxext",
        "libxrender",
        "stdenv.cc.cc.lib",
        "zlib",
    }
)
_MANYLINUX1: Final = _MANYLINUX2014 | {"libxcrypt", "ncurses5"}


def find_baseline(tags: Sequence[str]) -> frozenset[str]:
    """List the nixpkgs attributes that are added without being asked for.

    Example:
        >>> sorted(find_baseline(["cp312-cp312-linux_x86_64"]))
        []
        >>> "ncurses5" in find_baseline(["py3-none-manylinux1_x86_64"])
        True

    Args:
        tags: full tags of the wheel, compressed or not
            (``cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64``).

    Returns:
        Attribute paths below ``pkgs``, as the index writes them.
    """
    found: frozenset[str] = frozenset()
    for tag in tags:
        for platform in tag.rpartition("-")[2].split("."):
            if platform.startswith("manylinux1_"):
                found |= _MANYLINUX1
            elif platform.startswith(("manylinux2010_", "manylinux2014_", "manylinux_")):
                found |= _MANYLINUX2014
    return found
