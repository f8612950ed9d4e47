"""Which releases of a distribution have a library, where newer ones have another major of it.

The table is ``data/bounds.toml``.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from wheelfix.model.tables import Name, Row, SonamePattern, Table, load_table


class Bound(Row):
    """The releases that have a library.

    Attributes:
        below: the first version without it.
        note: who wants these releases, or another; may be empty.
    """

    below: str
    note: str


class Bounds(Table):
    """Bounds of distributions, by distribution and by the library."""

    FILE = "bounds.toml"

    bounds: dict[Name, dict[SonamePattern, Bound]]


def find_bound(distribution: str, soname: str) -> Bound | None:
    """Find the bound of a distribution that has a library; None if its newest release has it.

    Args:
        distribution: normalised name.
        soname: as in DT_NEEDED or dlopen.

    Example:
        >>> find_bound("nvidia-cudnn-cu12", "libcudnn_ops_infer.so.8").below
        '9'
        >>> find_bound("nvidia-cudnn-cu12", "libcudnn.so.9") is None
        True
    """
    rows = load_table(Bounds).bounds.get(distribution, {})
    return next((bound for pattern, bound in rows.items() if fnmatchcase(soname, pattern)), None)
