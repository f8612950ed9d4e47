"""Collect what platform tags allow a wheel, for ``wheelfix/model/data/policies.json``.

    python scripts/collect_policies.py            # rewrites the table
    python scripts/collect_policies.py --check    # exit 1 if the table would change

The facts are auditwheel's (MIT): ``manylinux-policy.json`` and ``musllinux-policy.json`` of the release that
is installed beside this script. A later policy allows all that an earlier one does, which auditwheel checks
itself; so the table says of each only what it allows and its predecessor does not, in three columns:
libraries, symbol versions by machine, and private symbols of a library that auditwheel no longer refuses.

If there is another symbol or soname under ``refused`` then, raise ``SCHEMA`` in ``wheelfix/scan/store.py``:
readers look for these in files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "wheelfix" / "model" / "data" / "policies.json"
SERIES = ("manylinux", "musllinux")


def make_series(policies: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Turn the policies of one C library, as auditwheel has them, into rows that say what each adds."""
    rows: dict[str, Any] = {}
    families: set[str] = set()
    refused: dict[str, set[str]] = {}
    libraries: set[str] = set()
    versions: dict[str, set[str]] = {}
    still: dict[str, set[str]] = {}
    for number, policy in enumerate(sorted(policies, key=lambda p: -p["priority"])):
        if policy["name"] == "linux":
            continue
        black = {soname: set(symbols) for soname, symbols in policy["blacklist"].items()}
        if not number:
            refused = black
            still = {soname: set(symbols) for soname, symbols in black.items()}
        for soname, symbols in black.items():
            if not symbols <= still.get(soname, set()):
                sys.exit(f"{policy['name']} refuses more of {soname} than its predecessor: a fourth column")
        permitted = {s: sorted(still[s] - black.get(s, set())) for s in sorted(still)}
        still = {s: black.get(s, set()) for s in still}
        added = {}
        for machine, by_family in sorted(policy["symbol_versions"].items()):
            families |= by_family.keys()
            names = {f"{family}_{one}" for family, ones in by_family.items() for one in ones}
            before = versions.get(machine, set())
            if not before <= names:
                sys.exit(f"{policy['name']} allows less than its predecessor on {machine}")
            added[machine] = sorted(names - before)
            versions[machine] = names
        rows[policy["name"]] = {
            "aliases": sorted(policy["aliases"]),
            "libraries": sorted(set(policy["lib_whitelist"]) - libraries),
            "symbols": {s: names for s, names in permitted.items() if names},
            "versions": added,
        }
        libraries |= set(policy["lib_whitelist"])
    return {
        "families": sorted(families),
        "policies": dict(sorted(rows.items())),
        "refused": {soname: sorted(symbols) for soname, symbols in sorted(refused.items())},
    }


def make_table() -> dict[str, Any]:
    """Make the table from the auditwheel that is installed."""
    data = files("auditwheel") / "policy"
    release = version("auditwheel")
    series = {
        name: make_series(json.loads((data / f"{name}-policy.json").read_text("utf-8"))) for name in SERIES
    }
    return {
        "sources": [
            f"auditwheel {release} (MIT): policy/manylinux-policy.json, policy/musllinux-policy.json",
            "facts alone, in a form of our own by scripts/collect_policies.py",
        ],
        "date": datetime.now(UTC).date().isoformat(),
        "release": release,
        **series,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, compare")
    check = parser.parse_args().check
    table = make_table()
    if check:
        known = json.loads(TABLE.read_text("utf-8"))
        sys.exit(0 if {**known, "date": ""} == {**table, "date": ""} else f"{TABLE.name} would change")
    TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
