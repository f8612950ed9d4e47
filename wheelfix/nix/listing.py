"""Lists to be pasted into code that is there already."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.nix.build import strings
from wheelfix.nix.parts import take
from wheelfix.nix.printer import render
from wheelfix.nix.quote import escape_glob
from wheelfix.nix.tree import List


def render_attributes(attrs: Sequence[str]) -> str:
    r"""A list of nixpkgs attributes, as for ``buildInputs``.

    Example:
        >>> render_attributes(["zlib", "stdenv.cc.cc.lib"])
        '[ pkgs.zlib pkgs.stdenv.cc.cc.lib ]\n'
    """
    return render(List(tuple(map(take, attrs))))


def render_sonames(sonames: Sequence[str]) -> str:
    r"""A list of strings, as for ``autoPatchelfIgnoreMissingDeps``.

    Example:
        >>> render_sonames(["libcuda.so.1"])
        '[ "libcuda.so.1" ]\n'
    """
    return render(strings([escape_glob(soname) for soname in sonames]))
