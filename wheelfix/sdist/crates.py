"""What crates need from nixpkgs: the table ``data/crates.toml``, written by hand."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from wheelfix.sdist.model import CrateFacts, NativeRule


@cache
def read_crates() -> CrateFacts:
    """Read the table.

    Example:
        >>> [rule.libraries for rule in read_crates().rules if rule.crate == "bzip2-sys"]
        [('bzip2',)]
    """
    text = (resources.files("wheelfix.sdist") / "data" / "crates.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    rules = tuple(
        NativeRule(
            crate=crate,
            when=tuple(row.get("when", ())),
            unless=tuple(row.get("unless", ())),
            ignored_for=tuple(row.get("ignored-for", ())),
            libraries=tuple(row.get("libraries", ())),
            tools=tuple(row.get("tools", ())),
            settings=tuple(row.get("settings", {}).items()),
            why=row["why"],
            problem=row.get("problem", ""),
        )
        for crate, rows in document["crates"].items()
        for row in rows
    )
    return CrateFacts(rules=rules, requires={k: tuple(v) for k, v in document["requires"].items()})
