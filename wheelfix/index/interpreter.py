"""Which Python an index knows as nixpkgs' default."""

from __future__ import annotations

from wheelfix.index.table import SonameTable


def find_default_python(table: SonameTable) -> str | None:
    """Version of ``python3`` in the index: the one whose library the attribute of that name has."""
    for name in table.find_names("libpython3.*.so.1.0"):
        (lookup,) = table.lookup([name])
        if any(provider.attr == "python3" for provider in lookup.providers):
            return name.removeprefix("libpython").partition(".so")[0]
    return None
