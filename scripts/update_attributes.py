"""Refresh what the package knows of nixpkgs' attributes, and report what changes.

    python scripts/update_attributes.py NIXPKGS --revision COMMIT --date YYYY-MM-DD [--database DATABASE]

Asks a checkout of nixpkgs, by the Nix on PATH (2.18 or newer), about every attribute that the shipped
tables can answer with, but for programs, and every package of ``python3Packages``, writes
``attributes.sqlite.z``, and prints the report, as Markdown. Sizes come from the nix-index database that the
soname table was built from; without one those of the table before are kept. It takes ten minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zlib
from datetime import date
from pathlib import Path

from wheelfix.index.attributes import (
    BUNDLED,
    AttributeTable,
    open_bundled_attributes,
    write_attributes,
)
from wheelfix.index.choice import open_bundled, open_names
from wheelfix.index.evaluate import evaluate_all
from wheelfix.index.harvest import read_sizes
from wheelfix.index.lookup import list_answers
from wheelfix.model.base import replace
from wheelfix.model.names import NameKind
from wheelfix.model.tables import load_table
from wheelfix.sdist.crates import Crates

DATA = Path(__file__).parents[1] / "wheelfix" / "index" / "data"
NAMED = (NameKind.PKG_CONFIG, NameKind.CMAKE, NameKind.HEADER)
"""Kinds of names whose attributes are asked about; programs come from four times as many."""
LIMIT = 500_000
"""Bytes that the table may take in the package."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("nixpkgs", type=Path)
    parser.add_argument("--revision", required=True, help="commit of the checkout")
    parser.add_argument("--date", required=True, type=date.fromisoformat, help="day of the commit")
    parser.add_argument("--database", type=Path, help="nix-index database, for sizes")
    parser.add_argument(
        "--leave-out",
        nargs="*",
        default=[],
        metavar="NAME",
        help="names of which nothing is to be said, as the checkout lacks a file that they need",
    )
    parser.add_argument("--system", default="x86_64-linux")
    options = parser.parse_args()

    table, nixpkgs = open_bundled(), str(options.nixpkgs)
    names = open_names(table)
    named = (names.open(kind).list_attrs(kind, system=options.system) for kind in NAMED)
    crates = (attr for rule in load_table(Crates).rules for attr in (*rule.libraries, *rule.tools))
    attrs = sorted({*list_answers(table), *crates, *(attr for several in named for attr in several)})
    evaluated = evaluate_all(nixpkgs, attrs, system=options.system, progress=show)
    info = replace(evaluated.info, revision=options.revision, date=options.date.isoformat())
    evaluated = replace(
        evaluated,
        info=info,
        attributes=tuple(one for one in evaluated.attributes if one.attr not in options.leave_out),
        python=tuple(one for one in evaluated.python if one.attr not in options.leave_out),
    )
    before = open_bundled_attributes() if (DATA / BUNDLED).exists() else None
    kept = before.read_sizes() if before else {}
    sizes = read_sizes(options.database, table.list_stores()) if options.database else kept
    with tempfile.TemporaryDirectory() as work:
        path = Path(work, "attributes.sqlite")
        write_attributes(path, evaluated, sizes)
        packed = zlib.compress(path.read_bytes(), 9)
    if len(packed) > LIMIT:
        raise SystemExit(f"the table takes {len(packed)} bytes, more than {LIMIT}")
    (DATA / f".{BUNDLED}").write_bytes(packed)
    (DATA / f".{BUNDLED}").replace(DATA / BUNDLED)
    print(report(before, open_bundled_attributes(), len(packed)), end="")


def show(done: int, total: int) -> None:
    print(f"{done} of {total}", file=sys.stderr)


def report(before: AttributeTable | None, after: AttributeTable, size: int) -> str:
    """Tell which nixpkgs was asked, and what it says otherwise than the one before."""
    attrs, python = after.count()
    lines = [
        f"# nixpkgs {after.info.release} of {after.info.date}, {after.info.revision}",
        "",
        f"{attrs} attributes, {python} Python packages, {size} bytes in the package.",
        "",
    ]
    known = after.list_attrs()
    now = {attr: one for attr in known if (one := after.find(attr))}
    for title, chosen in (
        ("Gone", [a for a, one in now.items() if one.removed is not None]),
        ("Unfree", [a for a, one in now.items() if one.unfree]),
        ("Insecure", [a for a, one in now.items() if one.insecure]),
        ("Broken", [a for a, one in now.items() if one.broken]),
    ):
        old = {a for a in chosen if before and before.find(a) == now[a]}
        new = [a for a in chosen if a not in old]
        lines += [f"## {title}: {len(chosen)}", "", *(f"- {attr}" for attr in new), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
