"""Unfree packages that no nix-index database has: CUDA, MKL, Oracle's client.

The table is ``data/cuda.toml``, written by hand. Attribute names, outputs and the versions that decide a
soname's major are nixpkgs': ``pkgs/development/cuda-modules/packages/*.nix`` (several commits, up to
1dbbce67) and ``pkgs/top-level/cuda-packages.nix`` of autumn 2026, whose default set is
``cudaPackages = cudaPackages_12 = cudaPackages_12_9`` (``pkgs/top-level/all-packages.nix``). The sonames
are those of NVIDIA's own wheels of the same releases, see ``data/siblings.json``; the tests compare the two.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final

from wheelfix.model.index import Provider

_SETS: Final = (
    ("cuda12", "cudaPackages.", "CUDA 12, the default set of nixpkgs"),
    ("cuda12_8", "cudaPackages_12_8.", "CUDA 12.8, the last that has it"),
    ("cuda13", "cudaPackages_13.", "CUDA 13"),
    ("cuda11", "cudaPackages_11.", "CUDA 11, removed from nixpkgs in 2025: needs an older nixpkgs"),
)
_UNFREE: Final = "unfree, or built from what is: in no nix-index database, known to wheelfix itself"
_SCORE: Final = 100
_STEP: Final = 10


@cache
def _read_table() -> dict[str, tuple[Provider, ...]]:
    text = (resources.files("wheelfix.index") / "data" / "cuda.toml").read_text(encoding="utf-8")
    rows: dict[str, list[Provider]] = {}
    document = tomllib.loads(text)
    for section, prefix, why in (*_SETS, ("other", "", "")):
        for attr, package in document["cuda" if section != "other" else "other"].items():
            for soname in package.get("sonames" if section == "other" else section, ()):
                known = rows.setdefault(soname, [])
                known.append(_provide(prefix + attr, package, soname, why, score=_SCORE - _STEP * len(known)))
    return {soname: tuple(providers) for soname, providers in rows.items()}


def _provide(attr: str, package: dict[str, Any], soname: str, why: str, *, score: int) -> Provider:
    return Provider(
        attr=attr,
        output=package["output"],
        path=f"{package.get('directory', '/lib')}/{soname}",
        store_path=None,
        score=score,
        why=tuple(clause for clause in (why, package.get("note", ""), _UNFREE) if clause),
    )


def find_cuda(soname: str) -> tuple[Provider, ...]:
    """List the unfree nixpkgs attributes that supply a soname.

    Args:
        soname: as in DT_NEEDED.

    Returns:
        Best first: nixpkgs' default CUDA set, then CUDA 13, then CUDA 11, each only if it has that
        soname (``libnccl.so.2`` is in all, ``libcublas.so.13`` in one). Empty if none is known.

    Example:
        >>> [provider.attr for provider in find_cuda("libcublas.so.12")]
        ['cudaPackages.libcublas']
    """
    return _read_table().get(soname, ())


def list_cuda_attrs() -> frozenset[str]:
    """Every unfree attribute that is known."""
    return frozenset(provider.attr for providers in _read_table().values() for provider in providers)
