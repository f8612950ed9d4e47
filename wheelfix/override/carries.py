"""Tells what distributions without metadata carry, to judge whether they are redundant.

Libraries come from the table of siblings, CUDA packages from the table of CUDA. Distributions of NVIDIA that
carry no library for others (headers, compilers, Python bindings, the meta distribution) are in
``data/carries.toml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

from wheelfix.index.cuda import find_cuda
from wheelfix.index.siblings import find_by_directory, list_libraries
from wheelfix.model.override import KnownContents
from wheelfix.model.tables import Name, Row, Table, load_table
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.metadata import normalize_name

_SEVERAL: Final = 2


class Group(Row):
    """Distributions that share a remark.

    Attributes:
        note: the remark, as the end of a sentence.
        importable: whether Python code imports them.
        independent: whether they also work with a CUDA that is not of wheels.
        editions: suffixes that a name may have.
    """

    note: str
    importable: bool
    independent: bool = False
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
        independent=group is not None and group.independent,
    )


def find_own_directories(distribution: str, files: Iterable[str] = ()) -> frozenset[str]:
    """Return the directories at the top of site-packages that a distribution fills, as normalised names.

    Args:
        distribution: normalised name (PEP 503).
        files: of its wheel, if they are known; else the table of siblings is asked.

    Example:
        >>> sorted(find_own_directories("pyside6-addons"))
        ['pyside6']
    """
    paths = list(files) or [f"{directory}/" for directory, _ in list_libraries(distribution)]
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    return frozenset(
        normalize_name(top)
        for top in tops
        if top != ".." and not top.endswith((".dist-info", ".data", ".libs"))
    )


def is_part(one: Distribution, of: Distribution) -> bool:
    """Whether all directories of a distribution are those that another one is named after, or fills.

    Only what the table of siblings and files of wheels show counts: ``pyside6-addons`` has its modules in
    ``PySide6``. A namespace that several projects share (``google``, ``nvidia``) is nobody's own.
    """
    known = find_own_directories(one.name, one.files)
    return bool(known) and known <= {of.name} | find_own_directories(of.name)


def _belongs_to_one(directory: str) -> bool:
    """Whether only one distribution fills a directory's top: it then has modules of its own there."""
    top = directory.partition("/")[0]
    if top in {"..", "nvidia"}:
        return False
    return len(find_by_directory(directory)) < _SEVERAL and not fnmatchcase(top, "*.prefix")
