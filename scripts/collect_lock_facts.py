"""Write what wheelfix's cache knows of the wheels of a lock: fixtures/locks/*.facts.json.xz.

    python scripts/collect_lock_facts.py uv.lock fixtures/locks/workbench.facts.json.xz

Run `wheelfix lock uv.lock --extra '*'` first: it reads the wheels (5 GB for the workbench).
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any

from wheelfix.lockfile.read import read_lock
from wheelfix.model.base import to_builtins
from wheelfix.model.reading import Reading
from wheelfix.outside.places import find_cache
from wheelfix.scan.read import read_known

_DIGEST = 15
"""Characters of a file's digest that are kept: enough to tell a few dozen files of one path apart."""


def describe(reading: Reading) -> dict[str, Any]:
    """A document with the names of all fields, as :mod:`tests.support.readings` takes it."""
    wheel = to_builtins(reading.distribution)
    files = [{**to_builtins(file), "digest": file.digest[:_DIGEST]} for file in reading.contents or ()]
    parts = ("objects", "hints", "uses", "findings")
    lists = {part: [to_builtins(one) for one in getattr(reading, part)] for part in parts}
    return {**wheel, **to_builtins(reading.about), **lists, "files": files}


def main(lock: Path, output: Path) -> None:
    facts = {}
    for package in read_lock(lock).packages:
        for wheel in package.wheels:
            cache, name = find_cache().readings, wheel.filename
            found = read_known(wheel.sha256, cache, name=name, contents=True) if wheel.sha256 else None
            if wheel.sha256 and found:
                facts[wheel.sha256] = describe(found)
    output.write_bytes(lzma.compress(json.dumps(facts, sort_keys=True).encode(), preset=9))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
