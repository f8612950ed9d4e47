"""Collect what distributions say when they do not find a library or a program.

    python scripts/collect_own_words.py            # rewrites wheelfix/index/data/own_words.json
    python scripts/collect_own_words.py --check    # exit 1 if the table would change

The distributions are in ``scripts/own_words.txt``. Of each the newest wheel for CPython 3.12 on x86_64 is
read, or the sdist if there is none; a requirement with versions (``pyopengl<3.1.7``) adds the words of an
older release. Nothing is run or installed. Files that are too large to be worth it are left out, and said.
What no analysis of sources can see is written by hand in ``scripts/own_words.toml``, with its source.

Fetched files are kept in wheelfix's cache, so that a second run fetches little.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from wheelfix.errors import WheelfixError
from wheelfix.index.choice import open_bundled, open_names
from wheelfix.model.base import convert, encode_json, replace
from wheelfix.model.hints import SourceUse
from wheelfix.model.names import NameKind
from wheelfix.model.words import OwnWords, Sentence
from wheelfix.outside.places import Cache, find_cache
from wheelfix.outside.wheels import fetch_sdist, fetch_wheel
from wheelfix.pysource.sources import find_in_sources, is_source
from wheelfix.pysource.words import find_own_words
from wheelfix.wheel.archive import iter_chunks, open_archive
from wheelfix.wheel.metadata import parse_wanted
from wheelfix.wheel.sdist import read_sdist

HERE = Path(__file__).parent
TABLE = HERE.parent / "wheelfix" / "index" / "data" / "own_words.json"
SOURCES = (
    "PyPI: Python sources in wheels and sdists, read by scripts/collect_own_words.py",
    "scripts/own_words.toml: what was read by people, each with its source",
)
LARGEST = 40 << 20
"""Bytes of the largest file that is fetched."""
_AT_ONCE = 5
"""Most of the time goes to asking the package index."""
MOST_NAMES = 24
"""A sentence with more libraries names none of them: it is any of what the distribution opens."""


class TooLargeError(Exception):
    """A file is larger than it is worth."""


def list_requirements() -> Iterator[str]:
    """Yield the requirements of ``own_words.txt``."""
    for line in (HERE / "own_words.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield from line.split()


def check_size(_done: int, size: int) -> None:
    """Stop a download that is too large."""
    if size > LARGEST:
        raise TooLargeError(f"has {size >> 20} MiB")


def read_distribution(requirement: str, cache: Cache) -> OwnWords | str:
    """Read what one release says, or return why it cannot be read."""
    try:
        return _read_wheel(fetch_wheel(requirement, cache.wheels, on_bytes=check_size).path)
    except (WheelfixError, TooLargeError) as error:
        why = str(error)
    try:
        return _read_sdist(fetch_sdist(requirement, cache.sdists, on_bytes=check_size).path)
    except (WheelfixError, TooLargeError) as error:
        return f"{why}; {error}"


def _read_wheel(path: Path) -> OwnWords:
    with open_archive(path) as archive:
        members = {m.path: m for m in filter(is_source, archive.members)}
        sources = {name: b"".join(iter_chunks(archive, members[name])) for name in sorted(members)}
    return _read(sources)


def _read_sdist(path: Path) -> OwnWords:
    tree = read_sdist(path, lambda name: name.endswith(".py"))
    return _read({name.removeprefix("src/"): tree.files[name] for name in sorted(tree.files)})


def _read(sources: Mapping[str, bytes]) -> OwnWords:
    read: Callable[[str], bytes | None] = sources.get
    uses: tuple[SourceUse, ...] = find_in_sources(tuple(sources), read)
    return find_own_words(tuple(sources), read, uses, _list_programs().__contains__)


@cache
def _list_programs() -> frozenset[str]:
    """List the programs that nixpkgs has."""
    table = open_bundled()
    names = open_names(table).open(NameKind.PROGRAM)
    return frozenset(names.list_names(NameKind.PROGRAM, system=table.info.system))


def merge(first: OwnWords, second: OwnWords) -> OwnWords:
    """Merge what two releases say, or what was read and what was written by hand."""
    sentences = {one.text: one for one in (*second.sentences, *first.sentences)}
    libraries = {*first.libraries, *second.libraries}
    needed = {*first.libraries} - {*first.optional} | {*second.libraries} - {*second.optional}
    return OwnWords(
        libraries=tuple(sorted(libraries)),
        optional=tuple(sorted(libraries - needed)),
        programs=tuple(sorted({*first.programs, *second.programs})),
        sentences=tuple(sentences[text] for text in sorted(sentences)),
    )


def weaken(found: Mapping[str, OwnWords]) -> dict[str, OwnWords]:
    """Mark sentences that several distributions say about different things as weak."""
    meant: dict[str, list[set[str]]] = {}
    for own in found.values():
        for one in own.sentences:
            meant.setdefault(one.text, []).append({*one.libraries, *one.programs})

    def change(one: Sentence) -> Sentence:
        if len(one.libraries) + len(one.programs) > MOST_NAMES:
            one = replace(one, libraries=(), programs=())
        return (
            replace(one, weak=True) if not set.intersection(*meant[one.text]) and meant[one.text][1:] else one
        )

    return {name: replace(own, sentences=tuple(map(change, own.sentences))) for name, own in found.items()}


def collect(cache: Cache) -> dict[str, OwnWords]:
    """Read every distribution; those that say nothing of the kind are left out."""
    requirements = list(list_requirements())
    found: dict[str, OwnWords] = {}
    with ProcessPoolExecutor(_AT_ONCE) as pool:
        for requirement, own in zip(
            requirements, pool.map(partial(read_distribution, cache=cache), requirements), strict=True
        ):
            if isinstance(own, str):
                print(f"{requirement}: left out: {own}", file=sys.stderr)
                continue
            wanted = parse_wanted(requirement)
            assert wanted
            found[wanted.name] = merge(found.get(wanted.name, OwnWords()), own)
    by_hand = tomllib.loads((HERE / "own_words.toml").read_text("utf-8"))
    for name, texts in by_hand["dropped"].items():
        own = found.get(name, OwnWords())
        found[name] = replace(own, sentences=tuple(s for s in own.sentences if not _starts(s.text, texts)))
    for name, row in by_hand["distributions"].items():
        row.pop("source")
        found[name] = merge(convert(row, OwnWords), found.get(name, OwnWords()))
    heard = {name: own for name, own in found.items() if own.sentences or own.libraries or own.programs}
    return weaken(dict(sorted(heard.items())))


def _starts(text: str, starts: Sequence[str]) -> bool:
    return text.startswith(tuple(starts))


def write(found: Mapping[str, OwnWords], date: str) -> str:
    """Write the table."""
    rows: dict[str, Any] = {name: _drop_empty(json.loads(encode_json(own))) for name, own in found.items()}
    document = {"sources": SOURCES, "date": date, "distributions": rows}
    return json.dumps(document, indent=1) + "\n"


def _drop_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _drop_empty(inner) for key, inner in value.items() if inner}
    return [_drop_empty(inner) for inner in value] if isinstance(value, list) else value


def main() -> int:
    """Write or check the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="do not write; exit 1 if the table would change")
    parser.add_argument("--cache", type=Path, help="where to keep fetched files, instead of wheelfix's cache")
    options = parser.parse_args()
    found = collect(Cache(root=options.cache) if options.cache else find_cache())
    counts = Counter(sentence.weak for own in found.values() for sentence in own.sentences)
    print(f"{len(found)} distributions, {counts[False]} sentences and {counts[True]} weak ones")
    if options.check:
        table = json.loads(TABLE.read_text("utf-8"))
        return int(write(found, table["date"]) != TABLE.read_text("utf-8"))
    TABLE.write_text(write(found, datetime.now(UTC).date().isoformat()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
