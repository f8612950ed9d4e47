"""Tells what distributions without metadata carry, to judge whether they are redundant.

Libraries come from the table of siblings, CUDA packages from the table of CUDA. Distributions of NVIDIA that
carry no library for others (headers, compilers, Python bindings, the meta distribution) are in
``data/carries.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

from wheelfix.index.cuda import find_cuda
from wheelfix.index.siblings import find_by_directory, list_libraries
from wheelfix.model.override import KnownContents
from wheelfix.model.tables import Name, Row, Table, load_table

_SEVERAL: Final = 2


class Group(Row):
    """Distributions that share a remark.

    Attributes:
        note: the remark, as the end of a sentence.
        importable: whether Python code imports them.
        editions: suffixes that a name may have.
    """

    note: str
    importable: bool
    names: frozenset[Name]
    editions: frozenset[str] = frozenset({""})


class Groups(Table):
    """Distributions of NVIDIA that carry no library for others."""

    FILE = "carries.toml"

    groups: dict[str, Group]


@cache
def _find_groups() -> Mapping[str, Group]:
    groups = load_table(Groups).groups.values()
    return {
        f"{name}{edition}": group for group in groups for name in group.names for edition in group.editions
    }


def find_carries(distribution: str) -> KnownContents:
    """Look up what a distribution is known to install for others.

    Args:
        distribution: normalised name (PEP 503).

    Example:
        >>> find_carries("nvidia-cublas-cu12").cuda
        ('libcublas.so.12', 'libcublasLt.so.12', 'libnvblas.so.12')
    """
    listed, group = list_libraries(distribution), _find_groups().get(distribution)
    sonames = tuple(dict.fromkeys(soname for _, soname in listed))
    cuda = tuple(soname for soname in sonames if find_cuda(soname))
    libraries_only = bool(listed) and not any(_belongs_to_one(directory) for directory, _ in listed)
    return KnownContents(
        distribution=distribution,
        sonames=sonames,
        cuda=cuda,
        note=group.note if group else None,
        importable=not libraries_only and (group is None or group.importable),
    )


def _belongs_to_one(directory: str) -> bool:
    """Whether only one distribution fills a directory's top: it then has modules of its own there."""
    top = directory.partition("/")[0]
    if top in {"..", "nvidia"}:
        return False
    return len(find_by_directory(directory)) < _SEVERAL and not fnmatchcase(top, "*.prefix")
